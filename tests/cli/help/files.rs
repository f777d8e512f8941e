//! What looks at the files of a set.

use super::help;
use crate::support::{Sandbox, assert_output};

#[test]
fn looking_for_faults() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "validate"]), @r#"
    exit: 0
    --- stdout ---
    Look for what is wrong with the files of migrations, and with a database's history of them

    Files whose names do not parse, numbers that stand twice, files without a down migration, variants
    for an engine without their base, statements that would end the transaction; and migrations that
    were changed after they were applied, that are missing, or that this program may not touch. Only
    reads; where the database that the configuration names does not exist yet, the files alone are
    looked at. Fails (exit code 1) if there is an error, or no database where the command line names
    one; warnings alone do not.

    Usage: charter db validate [OPTIONS] [URL]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db validate
      charter db validate postgresql://charter@registry.example.com/charter --json
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "verify"]), @r#"
    exit: 0
    --- stdout ---
    Prove a set of migrations: each one up, down and up again, on each engine

    Runs in throw-away databases, in memory and, with --against, in one on that server, which is dropped
    at the end. After each step the database must have what it should: a down migration restores what
    was there, and the engines agree at every revision, but for what an overlay declares (`-- charter:
    differs no-foreign-keys`). The engines are compared in tables, the order of their columns,
    constraints, indexes, views, triggers, functions, sequences, types, policies and comments; not in
    privileges and settings. Fails (exit code 1) with the differences. The database of the configuration
    is not touched, and nothing else is: a statement that does something outside of the throw-away
    database is left out, and told.

    Usage: charter db verify [OPTIONS]

    Options:
          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

          --against <URL>
              A Postgres server whose user may make databases

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db verify
      charter db verify --against postgresql://postgres@localhost/postgres
      charter db verify --set charter --json

    In what an engine differs, its overlay that goes up declares at its top, one on a line or with
    commas between them (`-- charter: differs triggers, functions`):
      no-foreign-keys, no-indexes, no-checks, no-unique, no-views, types, defaults, nullability,
      not-valid, column-order, triggers, functions, sequences, policies, rules, exclusions, comments,
      table NAME, index NAME, view NAME, trigger NAME, function NAME
    --- stderr ---
    "#);
}

#[test]
fn db_lint() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["db", "lint"]), @r#"
    exit: 0
    --- stdout ---
    Judge SQL files by the safety rules, without a database

    Says of each statement what it locks, breaks or loses, whether it is instant, scans or rewrites, and
    the safe form. No comment in a file switches a rule off.

    A file called V<number>__<slug>.sql is one of a set of charter's: it is judged as charter runs it,
    in one transaction and with timeouts set, unless `-- charter: no-transaction` at its top says
    otherwise. Any other file is judged as it is written, with no transaction assumed. Files are read in
    order: what one makes, the next one knows.

    A folder stands for the *.sql files in it and in its subfolders, by name, numbers as numbers; hidden
    ones are passed over. Of a set, the file is judged that the engine runs: in place of a base file the
    overlay beside it, where there is one. In a folder, schema.sql is none, and down files are judged
    only with --down. Without files, the sets of the configuration are judged, each for the engines that
    it is written for.

    With a database (--against or --db), nothing is written to it, and what is there decides: whether a
    table is empty, a constraint validated, what type a column has. What has run there of a set is read,
    and not judged. Without files, what is pending there is judged.

    Usage: charter db lint [OPTIONS] [FILE]...

    Arguments:
      [FILE]...
              Files and folders; `-` is standard input

    Options:
          --engine <ENGINE>
              The engine that runs the files: postgres, sqlite or duckdb; may be said several times. By
              default postgres, or what a file's name says

          --postgres-version <N>
              The major version of the Postgres server: 14 to 18; by default the oldest, where least is
              safe, or what the server says

          --wrapped
              Judge every file as if it ran in one transaction

          --down
              Judge the down files, as they would run after everything else

          --set <NAME>
              The set to judge, where no files are named

          --against <URL>
              Judge for this database, whose catalogue decides; it is only read

          --deny <SEVERITY>
              The mildest finding that fails: info, warning or error; by default error

          --sarif
              Print findings as a SARIF 2.1.0 log

          --github
              Print findings as annotations of GitHub's

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db lint                              Judge the project's migrations
      charter db lint migrations/V7__add_email.sql
      charter db lint sql/ --postgres-version 17   Judge a folder for a newer server
      charter db lint --against postgresql://charter@registry.example.com/charter
      charter db lint migrations/ --github         Show findings beside a pull request's lines
      git show :next.sql | charter db lint - --wrapped

    Exit codes: 0 if there is no error finding (or none that --deny names), else 1
    --- stderr ---
    "#);
}
