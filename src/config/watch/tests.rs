use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::*;

/// Far longer than any of this takes, for machines under load.
const LONG: Duration = Duration::from_secs(30);
/// Long enough that an event which must not come would have come on most runs.
const SHORT: Duration = Duration::from_millis(600);

fn folder() -> (TempDir, Surroundings) {
    let folder = tempfile::tempdir().unwrap();
    let working_directory = folder.path().join("project/desk");
    fs::create_dir_all(&working_directory).unwrap();
    let home = Some(folder.path().join("home"));
    (folder, Surroundings { working_directory, home, variables: BTreeMap::new() })
}

fn text(name: &str) -> String {
    format!("[database]\nurl = sqlite:////data/{name}.db\n")
}

fn name_of(configuration: &Configuration) -> String {
    let url = configuration.database().url.to_string();
    url.trim_start_matches("sqlite:////data/").trim_end_matches(".db").to_owned()
}

#[track_caller]
fn changed(watcher: &ConfigWatcher) -> String {
    match watcher.next(LONG) {
        Some(Event::Changed(configuration)) => {
            assert!(configuration.same_settings(&watcher.current()));
            name_of(&configuration)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn broken(watcher: &ConfigWatcher) -> Error {
    match watcher.next(LONG) {
        Some(Event::Broken(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Waits for a state that several events may lead to.
#[track_caller]
fn becomes(watcher: &ConfigWatcher, name: &str) {
    let end = Instant::now() + LONG;
    while name_of(&watcher.current()) != name {
        assert!(Instant::now() < end, "still {:?}", watcher.current());
        watcher.next(SHORT);
    }
}

#[test]
fn edits_appearances_and_deletions_are_told() {
    let (_folder, surroundings) = folder();
    let near = surroundings.working_directory.join("charter.cfg");
    let far = surroundings.working_directory.parent().unwrap().join("charter.cfg");
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    fs::write(&far, text("far")).unwrap();
    assert_eq!(changed(&watcher), "far");
    fs::write(&near, text("near")).unwrap();
    assert_eq!(changed(&watcher), "near");
    fs::write(near.with_file_name("new.tmp"), text("renamed")).unwrap();
    fs::rename(near.with_file_name("new.tmp"), &near).unwrap();
    assert_eq!(changed(&watcher), "renamed");
    // Once replaced, it is still followed.
    fs::write(&near, text("edited")).unwrap();
    assert_eq!(changed(&watcher), "edited");
    fs::remove_file(&near).unwrap();
    assert_eq!(changed(&watcher), "far");
    fs::write(far.with_file_name("alembic.ini"), "[alembic]\nsqlalchemy.url = sqlite:////data/theirs.db\n").unwrap();
    fs::remove_file(&far).unwrap();
    assert_eq!(changed(&watcher), "theirs");
    assert!(watcher.current().database().source.is_foreign());
}

#[test]
fn the_folder_in_the_home_may_come_and_go() {
    let (_folder, surroundings) = folder();
    let home = surroundings.home.clone().unwrap();
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    for name in ["one", "two"] {
        fs::create_dir_all(home.join(".charter")).unwrap();
        fs::write(home.join(".charter/charter.cfg"), text(name)).unwrap();
        assert_eq!(changed(&watcher), name);
        fs::remove_dir_all(&home).unwrap();
        assert!(changed(&watcher).ends_with("charter"), "the default");
    }
}

#[test]
fn a_broken_edit_keeps_the_last_good_configuration() {
    let (_folder, surroundings) = folder();
    let path = surroundings.working_directory.join("charter.cfg");
    fs::write(&path, text("good")).unwrap();
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    fs::write(&path, "[database]\nurl = sqlite:////data/x.db\nnonsense\n").unwrap();
    let error = broken(&watcher);
    let location = error.location().unwrap();
    assert_eq!((&location.file, location.position.unwrap().line), (&path, 3));
    assert_eq!(name_of(&watcher.current()), "good");
    // Truncated, as by an editor that is slow or a disk that is full.
    fs::write(&path, "").unwrap();
    assert!(broken(&watcher).message().contains("empty"));
    assert_eq!(name_of(&watcher.current()), "good");
    fs::write(&path, text("good")).unwrap();
    assert_eq!(changed(&watcher), "good", "that it is whole again is told");
    fs::write(&path, "[database]\nurl = nonsense\n").unwrap();
    assert_eq!(broken(&watcher).location().unwrap().position.unwrap().line, 2);
    fs::remove_file(&path).unwrap();
    assert!(changed(&watcher).ends_with("charter"));
}

#[test]
fn what_means_the_same_is_no_event() {
    let (_folder, surroundings) = folder();
    let path = surroundings.working_directory.join("charter.cfg");
    fs::write(&path, text("same")).unwrap();
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    fs::write(&path, format!("# a comment\n{}", text("same"))).unwrap();
    fs::write(path.with_file_name("other.txt"), "x").unwrap();
    assert!(watcher.next(SHORT).is_none());
    fs::write(&path, text("other")).unwrap();
    assert_eq!(changed(&watcher), "other");
    assert!(watcher.next(SHORT).is_none());
}

#[test]
fn of_many_rapid_writes_the_last_counts() {
    let (_folder, surroundings) = folder();
    let path = surroundings.working_directory.join("charter.cfg");
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    for number in 0..500 {
        fs::write(&path, text(&number.to_string())).unwrap();
    }
    becomes(&watcher, "499");
    assert!(watcher.next(SHORT).is_none());
}

#[cfg(unix)]
#[test]
fn links_are_followed_as_kubernetes_switches_them() {
    use std::os::unix::fs::symlink;
    let (_folder, surroundings) = folder();
    let work = surroundings.working_directory.clone();
    let publish = |name: &str| {
        fs::create_dir(work.join(name)).unwrap();
        fs::write(work.join(name).join("charter.cfg"), text(name)).unwrap();
        symlink(name, work.join("..data_new")).unwrap();
        fs::rename(work.join("..data_new"), work.join("..data")).unwrap();
    };
    publish("one");
    symlink("..data/charter.cfg", work.join("charter.cfg")).unwrap();
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    assert_eq!(name_of(&watcher.current()), "one");
    publish("two");
    fs::remove_dir_all(work.join("one")).unwrap();
    assert_eq!(changed(&watcher), "two");
    publish("three");
    assert_eq!(changed(&watcher), "three");
    // A file behind the links is edited in its place.
    fs::write(work.join("three/charter.cfg"), text("edited")).unwrap();
    assert_eq!(changed(&watcher), "edited");
}

#[cfg(unix)]
#[test]
fn a_linked_file_in_another_folder_is_followed() {
    let (folder, surroundings) = folder();
    let real = folder.path().join("elsewhere/real.cfg");
    fs::create_dir(real.parent().unwrap()).unwrap();
    fs::write(&real, text("one")).unwrap();
    std::os::unix::fs::symlink(&real, surroundings.working_directory.join("charter.cfg")).unwrap();
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    fs::write(&real, text("two")).unwrap();
    assert_eq!(changed(&watcher), "two");
    fs::remove_file(&real).unwrap();
    assert_eq!(broken(&watcher).kind(), ErrorKind::Configuration);
    fs::write(&real, text("three")).unwrap();
    assert_eq!(changed(&watcher), "three");
}

#[test]
fn an_argument_stays_and_a_broken_start_is_an_error() {
    let (_folder, surroundings) = folder();
    let path = surroundings.working_directory.join("charter.cfg");
    let watcher = ConfigWatcher::new(surroundings.clone(), Some("memory:")).unwrap();
    fs::write(&path, "[database]\nurl = sqlite:////data/x.db\n[remote:lab]\nurl = memory:\n").unwrap();
    let Some(Event::Changed(configuration)) = watcher.next(LONG) else { panic!() };
    assert_eq!(configuration.database().url.scheme(), "memory");
    assert_eq!(configuration.remotes().len(), 1);
    fs::write(&path, "[").unwrap();
    assert!(ConfigWatcher::new(surroundings, None).is_err());
}

#[test]
fn dropping_it_ends_its_thread() {
    let (_folder, surroundings) = folder();
    let path = surroundings.working_directory.join("charter.cfg");
    let watcher = ConfigWatcher::new(surroundings, None).unwrap();
    let shared = Arc::downgrade(&watcher.shared);
    fs::write(&path, text("x")).unwrap();
    drop(watcher);
    assert!(shared.upgrade().is_none(), "nobody holds the state any more");
}

#[test]
fn it_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<ConfigWatcher>();
    is_shared::<Event>();
}
