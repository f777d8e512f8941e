//! Registries, watching, and the demonstration.

use super::help;
use crate::support::{Sandbox, assert_output};

#[test]
fn sync() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["sync", "push"]), @r#"
    exit: 0
    --- stdout ---
    Move every record that a registry lacks to it

    All of them become visible there at once, or none; a push that was cut off is finished by the next
    one. Where the registry has a key with other content, nothing is changed there, and every such key
    is listed with both digests (exit code 3). A registry that is not initialised is never made by a
    push (exit code 4).

    Without an argument the remote is the one named `default` or `origin` in charter.cfg, or the only
    one.

    Usage: charter sync push [OPTIONS] [REMOTE|URL]

    Arguments:
      [REMOTE|URL]
              A remote's name in charter.cfg, or the URL of a registry

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter sync push                               Push to the remote of charter.cfg
      charter sync push prod                          Push to [remote:prod] of charter.cfg
      charter sync push sqlite:////mnt/share/registry.db
      charter sync push prod --json | jq .receipt
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["sync", "status"]), @r#"
    exit: 0
    --- stdout ---
    Tell how far registries are behind this store

    Asks each remote of charter.cfg, or those that are named. One that cannot be reached is reported,
    the others are asked all the same, and the exit code is 1. Writes nothing.

    Usage: charter sync status [OPTIONS] [REMOTE|URL]...

    Arguments:
      [REMOTE|URL]...
              Names of remotes in charter.cfg, or URLs of registries; by default every remote of
              charter.cfg

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter sync status
      charter sync status prod staging
      charter sync status postgresql://charter@registry.example.com/charter
    --- stderr ---
    "#);
}

#[test]
fn watch() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["watch"]), @r#"
    exit: 0
    --- stdout ---
    Put contract files as they are saved

    Puts the contract files of a folder and its subfolders, and then each one as it is saved, until it
    is interrupted (exit code 0). A file that cannot be stored is reported, and watching goes on.
    Nothing is ever deleted from the store.

    charter.cfg is watched too: when the URL of the database in it changes, charter finishes with the
    old database and goes on with the new one, beginning with what is in the folder. A broken edit is
    reported, and the last good configuration stays.

    Usage: charter watch [OPTIONS] <DIR>

    Arguments:
      <DIR>
              The folder

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter watch contracts/
      charter watch . --db sqlite:///drafts.db
      charter watch contracts/ --json    One JSON object on each line, errors included
    --- stderr ---
    "#);
}

#[test]
fn demo() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["demo"]), @r#"
    exit: 0
    --- stdout ---
    See charter at work, without any set-up

    Does the main job in a temporary folder: makes a local store, puts example contracts into it, reads
    one back with its rules merged in, pushes everything to a second file that plays the registry, and
    pushes again. Needs no network and touches nothing else.

    Usage: charter demo [OPTIONS]

    Options:
          --keep
              Keep the folder

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter demo
      charter demo --keep    Keep the folder with the databases and contracts, to try more
    --- stderr ---
    "#);
}
