//! A disk without room.

use super::parts::batch;
use super::{all_or_none, has_all, is_whole};
use crate::support::child::{self, Player, say};
use crate::support::stores::{append, query_file, sqlite};
use charter::{ErrorKind, Store};
use std::path::Path;
use std::process::Command;

/// Writes until there is no room, checks what the failure left, makes room, and goes on. `ballast` is a file to remove,
/// or `limit` where the size of files is limited instead.
pub(super) fn fill(folder: &str, ballast: &str) {
    let path = Path::new(folder).join("charter.db");
    let store = Store::open(&format!("sqlite:///{}", path.display())).expect("a store");
    let mut count = 0;
    let error = loop {
        match append(&store, &batch("full", count)) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
        assert!(count < 100_000, "the disk is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    for _ in 0..5 {
        // It stays so, and hurts nothing.
        let error = append(&store, &batch("full", 403)).expect_err("there is no room for much");
        assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
        (0..count).for_each(|number| has_all(&store, &batch("full", number)));
        assert_eq!(all_or_none(&store, &batch("full", count)) + all_or_none(&store, &batch("full", 403)), 0);
        is_whole(&store);
    }
    match ballast {
        "limit" => {
            let id = std::process::id().to_string();
            let status = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited:"]).status().expect("prlimit");
            assert!(status.success());
        }
        file => std::fs::remove_file(file).expect("the ballast"),
    }
    for number in count..count + 50 {
        append(&store, &batch("full", number)).expect("there is room again");
    }
    (0..count + 50).for_each(|number| has_all(&store, &batch("full", number)));
    is_whole(&store);
    drop(store);
    assert_eq!(query_file(&path, "PRAGMA integrity_check"), [[Some("ok".to_owned())]]);
    sqlite(&path).execute_batch("VACUUM").expect("the file is whole");
    say(&count.to_string());
}

/// On a file system of eight megabytes, in a mount namespace of its own, which needs no root where users may make them.
#[test]
fn a_full_disk_is_told_and_costs_nothing_that_was_acknowledged() {
    let folder = tempfile::Builder::new().prefix("charter-disk.").tempdir().expect("a folder");
    let place = folder.path().to_str().expect("UTF-8");
    let ballast = folder.path().join("ballast");
    let player = child::command("fill", &[place, ballast.to_str().expect("UTF-8")]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c"]).arg(
        "mount -t tmpfs -o size=8m none \"$1\" || exit 9; head -c 6500000 /dev/zero >\"$1/ballast\"; shift; exec \"$@\"",
    );
    command.args(["sh", place]).arg(player.get_program()).args(player.get_args());
    command.envs(player.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let probe =
        Command::new("unshare").args(["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", place]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        // No mounts here: the next test has the same failure by other means.
        return;
    }
    let count: usize = Player::of(command).finish().concat().parse().expect("a number");
    assert!(count > 10, "{count}");
}

/// The same where files may not grow beyond a limit, which any user may set.
#[test]
fn a_file_that_may_not_grow_is_told_and_costs_nothing_that_was_acknowledged() {
    let folder = tempfile::Builder::new().prefix("charter-limit.").tempdir().expect("a folder");
    let player = child::command("fill", &[folder.path().to_str().expect("UTF-8"), "limit"]);
    let mut command = Command::new("sh");
    // The signal is ignored, so that the write fails instead. Blocks are of 512 or 1024 bytes.
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 3000; exec \"$@\"", "sh"]);
    command.arg(player.get_program()).args(player.get_args());
    command.envs(player.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let count: usize = Player::of(command).finish().concat().parse().expect("a number");
    assert!(count > 10, "{count}");
}
