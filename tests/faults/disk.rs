//! A disk without room.

use super::parts::batch;
use super::{all_or_none, has_all, is_whole};
use crate::support::child::{self, Player, say};
use crate::support::stores::{Engine, append, open, query_file, sqlite};
use charter::store::Access;
use charter::{ErrorKind, Store};
use std::path::Path;
use std::process::Command;

/// Writes until there is no room, checks what the failure left, makes room, and goes on. `ballast` is a file to remove,
/// or `limit` where the size of files is limited instead.
pub(super) fn fill(url: &str, ballast: &str) {
    let store = Store::open(url).expect("a store");
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
    if let Some(path) = url.strip_prefix("sqlite:///").map(Path::new) {
        assert_eq!(query_file(path, "PRAGMA integrity_check"), [[Some("ok".to_owned())]]);
        sqlite(path).execute_batch("VACUUM").expect("the file is whole");
    }
    is_whole(&open(url, Access::Read));
    say(&count.to_string());
}

/// On a file system of few megabytes, of which one and a half are free, or three for DuckDB's larger blocks; in a mount namespace of its own, which needs no root where users may make them.
fn on_a_full_disk(engine: Engine) {
    let (size, taken) = if engine == Engine::Sqlite { (8, 6_500_000) } else { (10, 7_500_000) };
    let folder = tempfile::Builder::new().prefix("charter-disk.").tempdir().expect("a folder");
    let place = folder.path().to_str().expect("UTF-8");
    let ballast = folder.path().join("ballast");
    let player = child::command("fill", &[&engine.file_url(folder.path()), ballast.to_str().expect("UTF-8")]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c"]).arg(format!(
        "mount -t tmpfs -o size={size}m none \"$1\" || exit 9; \
         head -c {taken} /dev/zero >\"$1/ballast\"; shift; exec \"$@\""
    ));
    command.args(["sh", place]).arg(player.get_program()).args(player.get_args());
    command.envs(player.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let probe =
        Command::new("unshare").args(["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", place]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        // No mounts here: the other test has the same failure by other means.
        return;
    }
    let count: usize = Player::of(command).finish().concat().parse().expect("a number");
    assert!(count > 10, "{count}");
}

/// The same where files may not grow beyond a limit, which any user may set.
fn where_files_may_not_grow(engine: Engine) {
    let folder = tempfile::Builder::new().prefix("charter-limit.").tempdir().expect("a folder");
    let player = child::command("fill", &[&engine.file_url(folder.path()), "limit"]);
    let mut command = Command::new("sh");
    // The signal is ignored, so that the write fails instead. Blocks are of 512 or 1024 bytes.
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 3000; exec \"$@\"", "sh"]);
    command.arg(player.get_program()).args(player.get_args());
    command.envs(player.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let count: usize = Player::of(command).finish().concat().parse().expect("a number");
    assert!(count > 10, "{count}");
}

#[test]
fn a_full_disk_is_told_and_costs_nothing_that_was_acknowledged() {
    on_a_full_disk(Engine::Sqlite);
}

#[test]
fn a_file_that_may_not_grow_is_told_and_costs_nothing_that_was_acknowledged() {
    where_files_may_not_grow(Engine::Sqlite);
}

#[cfg(feature = "duckdb")]
#[test]
fn a_full_disk_under_duckdb_is_told_and_costs_nothing_that_was_acknowledged() {
    on_a_full_disk(Engine::DuckDb);
}

#[cfg(feature = "duckdb")]
#[test]
fn a_duckdb_file_that_may_not_grow_is_told_and_costs_nothing_that_was_acknowledged() {
    where_files_may_not_grow(Engine::DuckDb);
}
