//! What mends, fills and empties a database.

use super::help;
use crate::support::{Sandbox, assert_output};

#[test]
fn a_database_in_use() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "stamp"]), @r#"
    exit: 0
    --- stdout ---
    Record that a database is at a revision, and run nothing

    Repairs the history by hand: adds what is missing up to the revision and takes out what is above it,
    takes the present texts for those that were applied, and ends a migration that is half done. Only
    the history is changed, of one set: the project's where there is one, else charter's own. Each
    change is kept in the history with the reason.

    Usage: charter db stamp [OPTIONS] <REVISION> [URL]

    Arguments:
      <REVISION>
              The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning
              of its id; with --engine also A:B, from A to B

      [URL]
              The database; by default the one that the configuration names

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --reason <TEXT>
              Why; it is kept in the history

          --sql
              Print the statements that would run, and change nothing

          --engine <ENGINE>
              With --sql, print it for this engine, sqlite, duckdb or postgres, and ask no database: for
              an empty one, to go down for one at head

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db stamp head --reason 'the tables were made by hand'
      charter db stamp 20260131120000 postgresql://charter@registry.example.com/charter
      charter db stamp base --set project
      charter db stamp 20260131120000:head --sql --engine postgres
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "info"]), @r#"
    exit: 0
    --- stdout ---
    Tell whether a database has the tables that its revision should have

    Compares what the engine's catalogue says with what the migrations make in a throw-away database:
    tables, columns, keys, checks, indexes and views that are missing, extra or different. Other
    programs' tables do not count. Only reads. The throw-away database is in memory, of SQLite where the
    database is PostgreSQL's, or with --against one on that server, which is dropped at the end. Where
    nothing is recorded, whatever is there of a set is extra. Fails (exit code 1) if something is
    missing, extra or different, and with 4 if the database is not initialised.

    Usage: charter db info [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --against <URL>
              A Postgres server whose user may make databases, for the throw-away one

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db info
      charter db info postgresql://charter@registry.example.com/charter --json | jq .valid
      charter db info --against postgresql://postgres@localhost/postgres
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "seed"]), @r#"
    exit: 0
    --- stdout ---
    Store what a folder has: contracts, owners, domains, systems, data feeds

    Stores every contract file of a folder and its subfolders as `charter put` does, and the lists in
    owners.yaml, domains.yaml, systems.yaml and data_feeds.yaml: one record for each entry, under its
    `name` (owners under their `id`). All of it is stored, or nothing. Seeding again changes nothing; a
    list's entry that has changed is its next edition.

    Usage: charter db seed [OPTIONS] <DIR> [URL]

    Arguments:
      <DIR>
              The folder

      [URL]
              The database; by default the one that the configuration names

    Options:
          --dry-run
              Check everything and store nothing

      -v, --verbose
              List every record, however many there are

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db seed seeds/
      charter db seed seeds/ postgresql://charter@localhost/charter
      charter db seed seeds/ --dry-run    Check everything, store nothing
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "truncate"]), @r#"
    exit: 0
    --- stdout ---
    Remove all content from charter's tables

    Removes every record, with the change log, the cursors, receipts and uploads of pushes, in one
    transaction; the tables stay, and so do all tables of other programs: where a trigger of one would
    run, or rows of one refer to charter's, nothing is removed. The store is a new one afterwards: what
    is put into it is pushed anew. Says what will be lost, and asks; in prod the database's name must be
    typed.

    Usage: charter db truncate [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
      -y, --yes
              Agree, without being asked

          --confirm <NAME>
              Agree with the database's name, which prod asks for

          --backup[=<PATH>]
              Copy an embedded database first, to PATH, else beside it as FILE.TIME.backup

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db truncate
      charter db truncate --yes --backup
      charter db truncate postgresql://charter@registry.example.com/charter --confirm charter
    --- stderr ---
    "#);
}

#[test]
fn db_environment() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "environment"]), @r#"
    exit: 0
    --- stdout ---
    Print the environment of a database, or change it

    A database is made with its environment, and every client keeps its rules: a client can only be
    stricter (--env). Its owner changes it here; the change is written to the history. Making the rules
    weaker asks, and in prod the database's name must be typed.

    Usage: charter db environment [OPTIONS] [URL] [ENVIRONMENT]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

      [ENVIRONMENT]
              The environment that it is from now on: dev, staging or prod

    Options:
      -y, --yes
              Agree, without being asked

          --confirm <NAME>
              Agree with the database's name, which prod asks for

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db environment
      charter db environment staging
      charter db environment postgresql://charter@registry.example.com/charter prod
      charter db environment postgresql://charter@registry.example.com/charter staging --confirm charter
    --- stderr ---
    "#);
}
