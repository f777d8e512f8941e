use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::Migrate;
use crate::engine::Engine;
use std::time::Duration;

/// A home, a project in it and a folder in that, in which the program runs.
struct House {
    root: TempDir,
    surroundings: Surroundings,
}

impl House {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        fs::create_dir_all(home.join("project/desk")).unwrap();
        fs::create_dir_all(home.join(".charter")).unwrap();
        let surroundings =
            Surroundings { working_directory: home.join("project/desk"), home: Some(home), variables: BTreeMap::new() };
        Self { root, surroundings }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("home").join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.surroundings.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn resolve(&self) -> Result<Configuration> {
        Configuration::resolve(&self.surroundings, None)
    }

    /// The URL and source, the house's own path written `~`.
    fn database(&self) -> (String, Source) {
        let configuration = self.resolve().unwrap();
        let database = configuration.database();
        (database.url.to_string().replace(self.path("").to_str().unwrap().trim_end_matches('/'), "~"), database.source)
    }

    fn fails_at(&self, name: &str, line: Option<usize>) -> Error {
        let error = self.resolve().unwrap_err();
        let location = error.location().unwrap();
        assert_eq!(location.file, self.path(name), "{error}");
        assert_eq!(location.position.map(|position| position.line), line, "{error}");
        error
    }
}

fn url(path: &str) -> String {
    format!("sqlite:///{path}")
}

#[test]
fn each_source_beats_those_below_it() {
    let mut house = House::new();
    assert_eq!(house.database(), (url("~/project/desk/charter.db"), Source::Default));
    let cfg = |name: &str| format!("[database]\nsql_alchemy_conn = sqlite:///{name}.db\n");
    let ini = |name: &str| format!("[alembic]\nsqlalchemy.url = sqlite:///%(here)s/{name}.db\n");

    house.write("project/alembic.ini", &ini("f"));
    assert_eq!(house.database(), (url("~/project/f.db"), Source::AlembicFile(Place::Parent)));
    house.write(".charter/alembic.ini", &ini("e"));
    assert_eq!(house.database(), (url("~/.charter/e.db"), Source::AlembicFile(Place::Home)));
    house.write("project/desk/alembic.ini", &ini("d"));
    assert_eq!(house.database(), (url("~/project/desk/d.db"), Source::AlembicFile(Place::WorkingDirectory)));
    assert!(house.database().1.is_foreign());

    house.write("charter.cfg", &cfg("far"));
    assert_eq!(house.database(), (url("~/far.db"), Source::File(Place::Parent)));
    house.write("project/charter.cfg", &cfg("c"));
    assert_eq!(house.database(), (url("~/project/c.db"), Source::File(Place::Parent)));
    assert!(!house.database().1.is_foreign());
    house.write(".charter/charter.cfg", &cfg("b"));
    assert_eq!(house.database(), (url("~/.charter/b.db"), Source::File(Place::Home)));
    house.write("project/desk/charter.cfg", &cfg("a"));
    assert_eq!(house.database(), (url("~/project/desk/a.db"), Source::File(Place::WorkingDirectory)));
    assert_eq!(house.resolve().unwrap().files().len(), 3, "alembic.ini is not read");

    house.set("CHARTER_DATABASE_URL", "sqlite:///s.db");
    assert_eq!(house.database(), (url("~/project/desk/s.db"), Source::ShortVariable));
    house.set("CHARTER__DATABASE__SQL_ALCHEMY_CONN", "sqlite:///v.db");
    assert_eq!(house.database(), (url("~/project/desk/v.db"), Source::SectionVariable));
    let given = Configuration::resolve(&house.surroundings, Some("memory:")).unwrap();
    assert_eq!((given.database().url.scheme(), given.database().source), ("memory", Source::Argument));
}

#[test]
fn the_same_file_means_the_same_database_from_every_subfolder() {
    let mut house = House::new();
    house.write("project/charter.cfg", "[database]\nurl = sqlite:///data/x.db\n");
    let below = house.database().0;
    house.surroundings.working_directory = house.path("project");
    assert_eq!((house.database().0, house.database().1), (below, Source::File(Place::WorkingDirectory)));
    assert_eq!(house.resolve().unwrap().files().len(), 1);
}

#[test]
fn a_place_is_told() {
    let mut house = House::new();
    house.write("project/desk/charter.cfg", "# mine\n[database]\nurl = memory:\n");
    let configuration = house.resolve().unwrap();
    let location = configuration.database().location.clone().unwrap();
    assert_eq!(location.file, house.path("project/desk/charter.cfg"));
    assert_eq!(location.position, Some(Position { line: 3, column: 7 }));
    assert!(configuration.database().to_string().ends_with("charter.cfg:3:7)"));
    house.set("CHARTER_DATABASE_URL", "memory:");
    assert_eq!(house.resolve().unwrap().database().to_string(), "memory: (CHARTER_DATABASE_URL)");
}

#[test]
fn settings_of_several_files_are_joined() {
    let house = House::new();
    house.write("project/desk/charter.cfg", "[database]\nurl = memory:\n[remote:prod]\nurl = sqlite:///p.db\n");
    house.write(
        ".charter/charter.cfg",
        "[core]\nenvironment = staging\n[remote:prod]\nurl = memory:\n[remote:lab]\nurl = memory:\n",
    );
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.environment(), Some(Environment::Staging));
    let names: Vec<&str> = configuration.remotes().map(|remote| remote.name.as_str()).collect();
    assert_eq!(names, ["lab", "prod"]);
    assert_eq!(configuration.remote("prod").unwrap().resolved.url.scheme(), "sqlite");
    let error = configuration.remote("production").unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::NotFound, Some("the remotes are: lab, prod")));
    let error = configuration.remote("postgres//u:hunter2@h").unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn variables_set_any_key() {
    let mut house = House::new();
    house.write("project/desk/charter.cfg", "[remote:eu-West]\n[core]\nenvironment = dev\n");
    house.fails_at("project/desk/charter.cfg", Some(1));
    house.set("CHARTER__REMOTE__EU_WEST__URL", "memory:").set("CHARTER__REMOTE:LAB__URL", "sqlite:///lab.db");
    house.set("CHARTER_ENV", "staging");
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.remote("eu-West").unwrap().resolved.url.scheme(), "memory");
    assert_eq!(configuration.remote("lab").unwrap().resolved.source, Source::SectionVariable);
    assert_eq!(configuration.environment(), Some(Environment::Staging));
    house.set("CHARTER__CORE__ENVIRONMENT", "prod");
    assert_eq!(house.resolve().unwrap().environment(), Some(Environment::Prod));
    assert!(configuration.warnings().is_empty());

    house.set("CHARTER__REMOTE__LAB__URL", "memory:");
    assert!(house.resolve().unwrap_err().message().contains("CHARTER__REMOTE__LAB__URL"));
    house.surroundings.variables.remove("CHARTER__REMOTE__LAB__URL");
    house.write(".charter/charter.cfg", "[remote:eu.west]\nurl = memory:\n");
    assert!(house.resolve().unwrap_err().message().contains("`eu.west`"));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_wherever_it_is() {
    for (place, text, line) in [
        ("project/desk/charter.cfg", &b"[database]\nnonsense\n"[..], Some(2)),
        (".charter/charter.cfg", b"url = memory:\n", Some(1)),
        ("project/charter.cfg", b"[database]\n\n\nurl = \xff\n", Some(4)),
        ("charter.cfg", b"[database]\nurl = a b\n", Some(2)),
        ("project/desk/alembic.ini", b"[alembic]\nsqlalchemy.url = driver://user:pass@localhost/dbname\n", Some(2)),
        ("project/alembic.ini", b"[alembic\n", Some(1)),
    ] {
        let house = House::new();
        fs::write(house.path(place), text).unwrap();
        house.fails_at(place, line);
    }
    // A stronger source does not hide a broken charter.cfg, and does hide an alembic.ini.
    let house = House::new();
    house.write("project/charter.cfg", "[");
    assert!(Configuration::resolve(&house.surroundings, Some("memory:")).is_err());
    house.write("project/charter.cfg", "").write("project/alembic.ini", "[");
    assert!(Configuration::resolve(&house.surroundings, Some("memory:")).is_ok());
}

#[test]
fn what_is_no_file_is_an_error() {
    let house = House::new();
    fs::create_dir(house.path("project/charter.cfg")).unwrap();
    let error = house.fails_at("project/charter.cfg", None);
    assert_eq!((error.kind(), error.message()), (ErrorKind::Configuration, "charter.cfg is a folder"));
    #[cfg(unix)]
    for target in ["nowhere", "charter.cfg"] {
        let house = House::new();
        std::os::unix::fs::symlink(target, house.path("project/desk/charter.cfg")).unwrap();
        assert_eq!(house.fails_at("project/desk/charter.cfg", None).kind(), ErrorKind::Configuration);
    }
    // A home that is no folder holds no file.
    let house = House::new();
    fs::remove_dir(house.path(".charter")).unwrap();
    fs::write(house.path(".charter"), "").unwrap();
    assert_eq!(house.database().1, Source::Default);
    // Of a folder that cannot be searched, nobody knows whether it holds one.
    #[cfg(unix)]
    {
        fs::remove_file(house.path(".charter")).unwrap();
        std::os::unix::fs::symlink(".charter", house.path(".charter")).unwrap();
        let configuration = house.resolve().unwrap();
        assert!(configuration.warnings()[0].to_string().contains("cannot look for charter.cfg"));
    }
}

#[test]
fn two_values_of_one_key_are_an_error_with_both_lines() {
    let mut house = House::new();
    let file = "project/desk/charter.cfg";
    house.write(file, "[database]\nurl = memory:\nsql_alchemy_conn = memory:\n");
    assert!(house.resolve().is_ok());
    house.write(file, "[database]\nurl = sqlite:///a.db\n\nsql_alchemy_conn = sqlite:///b.db\n");
    let error = house.fails_at(file, Some(4));
    assert!(error.message().contains("line 2 and line 4"), "{error}");
    house.write(file, "[DEFAULT]\nurl = sqlite:///a.db\n[database]\nsql_alchemy_conn = sqlite:///b.db\n");
    assert_eq!(house.database().0, url("~/project/desk/b.db"), "a section's own key beats [DEFAULT]");
    house.set("CHARTER__DATABASE__URL", "memory:").set("CHARTER__DATABASE__SQL_ALCHEMY_CONN", "sqlite:///x.db");
    assert!(house.resolve().unwrap_err().message().contains("CHARTER__DATABASE__SQL_ALCHEMY_CONN"));
}

#[test]
fn what_is_set_but_empty_is_an_error() {
    let mut house = House::new();
    for text in ["[database]\nurl =\n", "[core]\n\nenvironment = \n", "[remote:x]\nurl = \n"] {
        house.write("project/charter.cfg", text);
        let line = text.lines().count();
        house.fails_at("project/charter.cfg", Some(line));
    }
    house.write("project/charter.cfg", "[core]\nenvironment = production\n");
    house.fails_at("project/charter.cfg", Some(2));
    house.write("project/charter.cfg", "");
    for name in ["CHARTER_DATABASE_URL", "CHARTER_ENV", "CHARTER__REMOTE__X__URL"] {
        house.set(name, "");
        assert!(house.resolve().unwrap_err().to_string().contains(name));
        house.surroundings.variables.remove(name);
    }
}

#[test]
fn the_projects_migrations_are_where_the_file_says() {
    let mut house = House::new();
    let text =
        "[migrations]\ndir = db/sql\nengines = postgres, sqlite\nlock_timeout = 1500ms\nstatement_timeout = 2 min\n";
    house.write("project/charter.cfg", text);
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.warnings(), []);
    let settings = configuration.migrations();
    assert_eq!(settings.directory, Some(house.path("project/db/sql")));
    assert_eq!((settings.name.as_str(), settings.schema.as_str()), ("project", "public"));
    assert_eq!(settings.engines, [Engine::Sqlite, Engine::Postgres]);
    assert_eq!(settings.lock_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(settings.statement_timeout, Some(Duration::from_secs(120)));
    assert_eq!(settings.migrate, Migrate::ByEnvironment);
    house.set("CHARTER__MIGRATIONS__MIGRATE", "never");
    assert_eq!(house.resolve().unwrap().migrations().migrate, Migrate::Never);
    house.set("CHARTER__MIGRATIONS__DIR", "here").set("CHARTER__MIGRATIONS__SCHEMA", "Shop");
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.migrations().directory, Some(house.path("project/desk/here")));
    assert_eq!(configuration.migrations().schema, "Shop");
}

#[test]
fn what_migrations_cannot_be_is_an_error_with_its_line() {
    let house = House::new();
    for setting in [
        "dir =",
        "name = charter-2",
        "name = Shop",
        "schema = charter",
        "schema = pg_temp",
        "engines = sqlite, oracle",
        "engines = sqlite,",
        "migrate = no",
        "lock_timeout = 5",
        "lock_timeout = 0s",
        "lock_timeout = -5s",
        "statement_timeout = 5 seconds",
        "statement_timeout = 1000h",
        "statement_timeout = 99999999999999999999s",
    ] {
        house.write("project/charter.cfg", &format!("[migrations]\n{setting}\n"));
        let error = house.fails_at("project/charter.cfg", Some(2));
        assert!(error.kind() == ErrorKind::Configuration && error.hint().is_some(), "{error}");
    }
    house.write("project/charter.cfg", "[migrations]\nschema = shop\n");
    let warnings = house.resolve().unwrap().warnings().to_vec();
    assert!(warnings.len() == 1 && warnings[0].to_string().contains("charter.cfg:2:10"), "{warnings:?}");
}

#[test]
fn unknown_names_are_warnings_with_line_and_nearest_name() {
    let mut house = House::new();
    house.write(
        "project/charter.cfg",
        "[DEFAULT]\ncolour = red\n[database]\nsqlalchemy_conn = x\nzzz = x\n[Databse]\n[Remote:x]\n[other]\n\
         [remote:y]\nurl = sqlite:///x.db # mine\n",
    );
    house.set("CHARTER__DATABASE__FOO", "x").set("CHARTER__OTHER__FOO", "x").set("CHARTER_DATABASE_URI", "x");
    let configuration = house.resolve().unwrap();
    let warnings: Vec<String> = configuration.warnings().iter().map(ToString::to_string).collect();
    let file = house.path("project/charter.cfg").display().to_string();
    for part in [
        format!("{file}:2:10"),
        format!("{file}:4:19: charter does not know the key `sqlalchemy_conn`: is `sql_alchemy_conn` meant?"),
        format!("{file}:5:7: charter does not know this key; the section's keys are: sql_alchemy_conn, url"),
        format!("{file}:6:1: charter does not know this section: is `[database]` meant?"),
        format!("{file}:7:1: charter does not know this section: is `[remote:NAME]` meant?"),
        format!("{file}:8:1: "),
        format!("{file}:10:7: what looks like a comment"),
        "CHARTER__DATABASE__FOO".to_owned(),
        "CHARTER__OTHER__FOO".to_owned(),
        "is CHARTER_DATABASE_URL meant?".to_owned(),
    ] {
        assert!(warnings.iter().any(|warning| warning.contains(&part)), "{part} not in {warnings:#?}");
    }
    assert_eq!(warnings.len(), 10, "{warnings:#?}");
}

#[test]
fn pycharter_is_named_where_ours_is_missing() {
    let mut house = House::new();
    house.set("PYCHARTER_DATABASE_URL", "postgresql://u:hunter2@h/d").set("PYCHARTER__DATABASE__SQL_ALCHEMY_CONN", "x");
    house.write("project/pycharter.cfg", "[database]\n").write(".pycharter/pycharter.cfg", "");
    let hints = house.resolve().unwrap().hints().to_vec();
    assert_eq!(hints.len(), 4, "{hints:#?}");
    assert!(
        hints[0].contains("PYCHARTER__DATABASE__SQL_ALCHEMY_CONN") && hints[0].contains("set CHARTER__"),
        "{hints:?}"
    );
    assert!(!format!("{hints:?} {:?}", house.surroundings).contains("hunter2"));

    house.write(".charter/charter.cfg", "[database]\nurl = memory:\n");
    assert_eq!(house.resolve().unwrap().hints().len(), 2, "the variables would still have counted");
    house.set("CHARTER__DATABASE__SQL_ALCHEMY_CONN", "memory:");
    assert!(house.resolve().unwrap().hints().is_empty());
}

#[test]
fn an_alembic_file_without_a_url_names_no_database() {
    let house = House::new();
    house.write("project/alembic.ini", "[alembic]\nscript_location = %(here)s\nsqlalchemy.url =\n");
    assert_eq!(house.database().1, Source::Default);
    assert_eq!(house.resolve().unwrap().files().len(), 1);
}

/// The example at the root of the project, as it is and with everything in it switched on.
#[test]
fn the_example_is_valid_and_complete() {
    let example = include_str!("../../../charter.cfg.example");
    let house = House::new();
    house.write("project/desk/charter.cfg", example);
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.warnings(), []);
    let bare = House::new();
    assert_eq!(house.database().0, bare.database().0, "what the example sets is the default");

    let is_setting = |line: &str| line.starts_with('[') || line.contains(" = ");
    let everything: Vec<&str> =
        example.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line)).collect();
    house.write("project/desk/charter.cfg", &everything.join("\n"));
    let configuration = house.resolve().unwrap();
    assert_eq!(configuration.warnings(), []);
    assert_eq!(configuration.environment(), Some(Environment::Dev));
    assert_eq!(configuration.remotes().len(), 1);
    let migrations = configuration.migrations();
    assert_eq!(migrations.directory, Some(house.path("project/desk/migrations")));
    let of_bare = bare.resolve().unwrap();
    let defaults = of_bare.migrations();
    assert_eq!(
        (&migrations.name, &migrations.schema, &migrations.engines, migrations.migrate),
        (&defaults.name, &defaults.schema, &defaults.engines, defaults.migrate)
    );
    let document = read(&house.path("project/desk/charter.cfg")).unwrap();
    let remote = document.sections.iter().find(|section| section.name.starts_with(known::REMOTE_PREFIX)).unwrap();
    for section in [known::DATABASE, known::CORE, known::MIGRATIONS, &remote.name] {
        for key in known::keys_of(section).unwrap() {
            assert!(document.section(section).unwrap().entry(key).is_some(), "[{section}] {key}");
        }
    }
}
