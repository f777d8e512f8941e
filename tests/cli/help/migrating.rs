//! What takes a database from one revision to another, and what tells where it is.

use super::help;
use crate::support::{Sandbox, assert_output};

#[test]
fn going_up_and_down() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "init"]), @r#"
    exit: 0
    --- stdout ---
    Make charter's tables in a database, on a server too

    Applies every migration that the database lacks, the project's included, each in one transaction
    with its row of history. Where there is nothing to do, nothing is done. A new database gets its
    environment from --env, else from the configuration; else an embedded one is `dev` and one on a
    server `prod`.

    Where the tables are there already and no history says so, the revision that they look like is
    recorded, if --force or a person says so; if they look like none, the differences are shown and
    nothing is done.

    Usage: charter db init [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
          --force
              Record the revision that tables look like which are there without a history

          --sql
              Print the statements that would run, and change nothing

          --engine <ENGINE>
              With --sql, print it for this engine, sqlite, duckdb or postgres, and ask no database: for
              an empty one, to go down for one at head

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db init postgresql://charter@registry.example.com/charter
      charter db init --env staging postgresql://charter@localhost/charter
      charter db init sqlite:///registry.db
      charter db init sqlite:///registry.db --sql | sqlite3 -bail registry.db
      charter db init --sql --engine postgres | psql --set ON_ERROR_STOP=1 charter
      charter db init --force                   Record tables that are there already
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "upgrade"]), @r#"
    exit: 0
    --- stdout ---
    Apply the migrations that a database lacks

    First charter's own, then the project's. Each migration is one transaction with its row of history:
    what was applied before a failure stays applied. In staging and prod, migrations with an error
    finding, or without a down migration, are refused before anything runs.

    Usage: charter db upgrade [OPTIONS] [URL] [REVISION]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

      [REVISION]
              The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning
              of its id; with --engine also A:B, from A to B

    Options:
          --revision <REVISION>
              The revision, as an option

          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --allow <RULE@REVISION>
              Let a finding pass: the rule's name, `@`, and the migration; needs --reason

          --reason <TEXT>
              Why; it is kept in the history

      -y, --yes
              Agree, without being asked, to what prod asks about

          --verify-against <URL>
              In prod, try the migrations in a temporary database of this server first: up, down and up
              again

          --backup[=<PATH>]
              Copy an embedded database first, to PATH, else beside it as FILE.TIME.backup

          --sql
              Print the statements that would run, and change nothing

          --engine <ENGINE>
              With --sql, print it for this engine, sqlite, duckdb or postgres, and ask no database: for
              an empty one, to go down for one at head

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db upgrade
      charter db upgrade postgresql://charter@registry.example.com/charter
      charter db upgrade --reason 'release 7'   Say why, for the history
      charter db upgrade --revision +1          One migration of the project's set
      charter db upgrade --backup               Copy the file first
      charter db upgrade --sql                  Print what would run, and run nothing
      charter db upgrade --sql | sqlite3 -bail charter.db
      charter db upgrade --sql --engine postgres | psql --set ON_ERROR_STOP=1 charter
      charter db upgrade --sql --engine postgres 20260131120000:head
      charter db upgrade --allow column-dropped@20260131120000 --reason 'no program reads it since May'
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "downgrade"]), @r#"
    exit: 0
    --- stdout ---
    Take migrations back

    The newest one, or those above a revision, newest first, of one set: the project's where there is
    one, else charter's own. Each is one transaction with its history. Says which tables and columns go
    and how much is in them; in staging it asks, and in prod the database's name must be typed. What
    another program has upon charter's own tables, such as a foreign key, keeps them from going.

    Usage: charter db downgrade [OPTIONS] [URL] [REVISION]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

      [REVISION]
              The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning
              of its id; with --engine also A:B, from A to B

    Options:
          --revision <REVISION>
              The revision, as an option

          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --reason <TEXT>
              Why; it is kept in the history

      -y, --yes
              Agree, without being asked

          --confirm <NAME>
              Agree with the database's name, which prod asks for

          --backup[=<PATH>]
              Copy an embedded database first, to PATH, else beside it as FILE.TIME.backup

          --sql
              Print the statements that would run, and change nothing

          --engine <ENGINE>
              With --sql, print it for this engine, sqlite, duckdb or postgres, and ask no database: for
              an empty one, to go down for one at head

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db downgrade                        Take the newest migration back
      charter db downgrade --revision -2          Take two back
      charter db downgrade --sql                  Print what would run, and run nothing
      charter db downgrade --sql --engine postgres head:base
      charter db downgrade --revision base --set charter --backup
      charter db downgrade postgresql://charter@registry.example.com/charter --confirm charter
    --- stderr ---
    "#);
}

#[test]
fn telling_where_a_database_is() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "current"]), @r#"
    exit: 0
    --- stdout ---
    Print the newest migration that a database has

    Prints its number, name and id for each set of migrations, what is pending, and what was begun and
    not finished. Only reads; a file that does not exist is an error, and so is a history that does not
    fit the files, after it was printed.

    Usage: charter db current [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --check
              Fail (exit code 1) unless nothing is pending or unfinished

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db current
      charter db current --check && echo 'nothing pending'
      charter db current --json | jq .at_head
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "pending"]), @r#"
    exit: 0
    --- stdout ---
    List the migrations that a database lacks, and what its environment says of them

    In the order in which `charter db upgrade` would apply them. Only reads.

    Usage: charter db pending [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db pending
      charter db pending postgresql://charter@registry.example.com/charter --json
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "history"]), @r#"
    exit: 0
    --- stdout ---
    List the migrations that a database has, and those that it lacks

    With --verbose, everything that was done to the tables instead, from the history that charter keeps:
    what, by whom, on which machine, how long it took, and which findings were let pass and why. Only
    reads. A history that does not fit the files is an error, after it was printed.

    Usage: charter db history [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

      -v, --verbose
              List everything that was done, and who did it

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db history
      charter db history --verbose
      charter db history postgresql://charter@registry.example.com/charter --json
    --- stderr ---
    "#);
}
