//! What `--help` says.

mod files;
mod migrating;
mod others;
mod records;
mod upkeep;

use crate::support::{Output, Sandbox, assert_output};

/// The help of a command, less what all commands have in common.
fn help(sandbox: &Sandbox, command: &[&str]) -> Output {
    let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
    let mut output = sandbox.run(&arguments).success();
    let start = output.stdout.find("Global options:").expect("the global options");
    let end = start + output.stdout[start..].find("\nExamples:").expect("examples");
    output.stdout.replace_range(start..end, "Global options: [...]\n");
    output
}

#[test]
fn the_program() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["--help"]), @r#"
    exit: 0
    --- stdout ---
    A local-first registry for data contracts

    Usage: charter [OPTIONS] <COMMAND>

    Commands:
      init   Make a local database
      put    Store contracts and their parts
      get    Print a schema, a complete schema, or any other record
      show   Show a contract: its parts, versions, ownership and governance
      list   List what the store has
      db     Make and upgrade charter's tables, and see which migrations a database has
      sync   Push records to a registry, and see how far one is
      watch  Put contract files as they are saved
      demo   See charter at work, without any set-up
      help   Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --db <URL>               The database: sqlite:///FILE, duckdb:///FILE,
                                   postgresql://USER:PASSWORD@HOST/DATABASE or memory:
      -n, --namespace <NAMESPACE>  The namespace of names that have none; the default one is empty
          --env <ENVIRONMENT>      What the database is used for: dev, staging or prod; only stricter
                                   than what the database says itself
          --json                   Print results as JSON
      -q, --quiet                  Print results and errors only
          --color <WHEN>           When to use colours: auto (on a terminal, unless NO_COLOR is set),
                                   always or never

    The database is the first of these that is set: the argument or --db;
    CHARTER__DATABASE__SQL_ALCHEMY_CONN; CHARTER_DATABASE_URL; charter.cfg in the working directory, in
    ~/.charter, in the nearest parent folder that holds one; alembic.ini in the same places; else
    sqlite:///charter.db.

    Results go to standard output, everything else to standard error. With --json, a result is one JSON
    document, and every line of standard error one JSON object with the member `error`, `warning` or
    `hint`.

    Exit codes:
      0  done, all of it
      1  failed: not found, unreachable, invalid content, a file that cannot be read
      2  usage: arguments that are unknown, do not go together, or cannot be read
      3  conflict: a key is taken by other content; nothing was changed
      4  refused: the database is not initialised, or its policy does not allow it

    Try it without any set-up: charter demo
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["--version"]), @r#"
    exit: 0
    --- stdout ---
    charter [VERSION]
    --- stderr ---
    "#);
    let bare = sandbox.run(&[]).exit(2);
    assert!(bare.stdout.is_empty() && bare.stderr.contains("Usage: charter"), "{bare}");
}

#[test]
fn unknown_arguments_are_usage_errors() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["lst"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: unrecognized subcommand 'lst'

      tip: a similar subcommand exists: 'list'

    Usage: charter [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--kindd", "schema"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: unexpected argument '--kindd' found

      tip: a similar argument exists: '--kind'

    Usage: charter list --kind <KIND> [PATTERN]

    For more information, try '--help'.
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--json", "--env", "production"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"usage","message":"invalid value 'production' for '--env <ENVIRONMENT>'\n  [possible values: dev, staging, prod]\n\n  tip: a similar value exists: 'prod'\n\nFor more information, try '--help'."}}
    "#);
}

/// Words of other programs are answered, and not guessed at.
#[test]
fn what_others_call_otherwise_is_answered() {
    let sandbox = Sandbox::new();
    for (arguments, answer) in [
        (&["db", "migrate"][..], "`charter db upgrade` applies migrations"),
        (&["db", "status"], "`charter db current` shows"),
        (&["db", "merge"], "`charter db renumber`"),
        (&["upgrade"], "say `charter db upgrade`"),
        (&["db", "upgrade", "-r", "head"], "the revision stands alone"),
        (&["db", "revision", "--rev-id=1", "-m", "x"], "numbered by the time"),
        (&["db", "create", "add notes"], "say what it does with -m"),
        (&["db", "downgrade", "--dry-run"], "--sql prints what would run"),
        (&["db", "upgrade", "a1b2+1"], "neither a database URL nor a revision"),
        (&["db", "upgrade", "a1b2:c3d4", "--sql"], "says where a database is that is not asked"),
    ] {
        let told = sandbox.run(arguments).exit(2);
        assert!(told.stderr.contains(answer) && !told.stderr.contains("similar"), "{arguments:?}: {told}");
    }
    let json = sandbox.run(&["--json", "db", "rollback"]).exit(2);
    assert!(json.stderr.starts_with("{\"error\":{\"kind\":\"usage\"") && json.stderr.contains("charter db downgrade"));
    let other = sandbox.run(&["db", "frob"]).exit(2);
    assert!(!other.stderr.contains("tip:"), "{other}");
}
