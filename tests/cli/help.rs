//! What `--help` says.

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
fn init() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["init"]), @r#"
    exit: 0
    --- stdout ---
    Make a local database

    Makes the file of an embedded database with charter's tables in it, and says where it is. If it is
    there already, nothing happens. `charter put` does the same when it must; a registry on a server is
    made with `charter db init URL`.

    Usage: charter init [OPTIONS] [URL]

    Arguments:
      [URL]
              The database to make; by default the one that the configuration names

    Options:
          --config
              Write a charter.cfg into the working directory, unless there is one

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter init                          Make sqlite:///charter.db, or what the configuration names
      charter init sqlite:///contracts.db   Make a database of another name
      charter init --config                 Make a charter.cfg too, with every key and what it means
    --- stderr ---
    "#);
}

#[test]
fn put() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["put"]), @r#"
    exit: 0
    --- stdout ---
    Store contracts and their parts

    Reads contract files, YAML or JSON: a contract with its schema, rules, metadata, ownership and
    governance rules, or a bare JSON Schema. All files are read and checked before anything is stored;
    then all records are stored at once, or none. Storing the same content again changes nothing; other
    content under a published version is a conflict (exit code 3).

    A folder stands for the *.yaml, *.yml and *.json files in it and in its subfolders; hidden ones are
    passed over. A list in a file called owners, domains, systems or data_feeds is one record for each
    entry, under its `name`.

    Usage: charter put [OPTIONS] <FILE>...

    Arguments:
      <FILE>...
              Files and folders; `-` is standard input

    Options:
          --name <NAME>
              The name to store under, for a single file; else the document's own, else the file's
              without `_contract`

          --version <VERSION>
              The version to store under, for a single file; else the document's own, else 1.0.0

          --kind <KIND>
              The files are not contracts but parts of this kind: schema, coercion_rules,
              validation_rules, metadata, ownership, governance_rule or a kind of your own

          --dry-run
              Check everything and store nothing

      -v, --verbose
              List every record, however many there are

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter put book.yaml                     Store a contract and its parts
      charter put contracts/                    Store every contract file in a folder, or none
      charter put book.yaml --version 1.1.0     Publish under another version
      charter put contracts/ --dry-run          Check everything, store nothing
      charter put rules.json --kind coercion_rules --name book
                                                Store one part of a contract by itself
      curl -s URL | charter put - --name book   Store what comes from standard input
    --- stderr ---
    "#);
}

#[test]
fn get() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["get"]), @r#"
    exit: 0
    --- stdout ---
    Print a schema, a complete schema, or any other record

    Prints the document as it was stored: indented JSON, with --json on one line, with --yaml as YAML.
    Without a version it is the latest release.

    Usage: charter get [OPTIONS] <[NAMESPACE/]NAME[@VERSION]>

    Arguments:
      <[NAMESPACE/]NAME[@VERSION]>
              Which one; what follows the last `@` is a version if it can be one

    Options:
          --kind <KIND>
              The kind of the record; by default a schema

          --complete
              The schema with its coercion and validation rules merged in

          --pre
              Let a pre-release be the latest version

          --yaml
              Print YAML

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter get book                         The latest release of the schema `book`
      charter get book@1.0.0 --yaml            One version of it, as YAML
      charter get book --complete              The schema with its rules merged in
      charter get book --kind metadata         Another part of the contract `book`
      charter get sales/book --kind contract   What the contract joins, in the namespace `sales`
      charter get book --json | jq .title
    --- stderr ---
    "#);
}

#[test]
fn show() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["show"]), @r#"
    exit: 0
    --- stdout ---
    Show a contract: its parts, versions, ownership and governance

    Shows the contract of a name with everything that it joins; if there is none, the schema. Another
    kind of record is shown with --kind.

    Usage: charter show [OPTIONS] <[NAMESPACE/]NAME[@VERSION]>

    Arguments:
      <[NAMESPACE/]NAME[@VERSION]>
              Which one; what follows the last `@` is a version if it can be one

    Options:
          --kind <KIND>
              The kind of the record; by default the contract of the name, else its schema

          --pre
              Let a pre-release be the latest version

          --yaml
              Print YAML

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter show book                      The latest release of the contract `book`
      charter show book@1.0.0                One version of it
      charter show book --kind ownership     The ownership `book`
      charter show book --yaml               The same with every document, as YAML
    --- stderr ---
    "#);
}

#[test]
fn list() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, help(&sandbox, &["list"]), @r#"
    exit: 0
    --- stdout ---
    List what the store has

    Lists one line for each name of each kind, with its latest release (or pre-release, if there is
    nothing else) and how many versions there are. PATTERN is a part of the name, or with `*` and `?`
    the whole name.

    Usage: charter list [OPTIONS] [PATTERN]

    Arguments:
      [PATTERN]
              Which names

    Options:
          --kind <KIND>
              Only this kind

          --all-versions
              One line for each version

          --all-namespaces
              Every namespace

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter list                          Everything in the default namespace
      charter list book                     Names with `book` in them
      charter list 'sales_*' --kind schema  Schemas whose name begins with `sales_`
      charter list --all-versions           Every version
      charter list --all-namespaces --json  Everything, for programs
    --- stderr ---
    "#);
}

#[test]
fn db() {
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

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db init postgresql://charter@registry.example.com/charter
      charter db init --env staging postgresql://charter@localhost/charter
      charter db init sqlite:///registry.db
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
              of its id

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
              With --sql, print what an empty database of this engine would need, sqlite, duckdb or
              postgres, and ask no database

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db upgrade
      charter db upgrade postgresql://charter@registry.example.com/charter
      charter db upgrade --revision +1          One migration of the project's set
      charter db upgrade --backup               Copy the file first
      charter db upgrade --sql                  Print what would run, and run nothing
      charter db upgrade --sql | sqlite3 -bail charter.db
      charter db upgrade --sql --engine postgres | psql --set ON_ERROR_STOP=1 charter
      charter db upgrade --allow column-dropped@20260131120000 --reason 'no program reads it since May'
    --- stderr ---
    "#);
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
    assert_output!(sandbox, help(&sandbox, &["db", "downgrade"]), @r#"
    exit: 0
    --- stdout ---
    Take migrations back

    The newest one, or those above a revision, newest first, of one set: the project's where there is
    one, else charter's own. Each is one transaction with its history. Says which tables and columns go
    and how much is in them; in staging it asks, and in prod the database's name must be typed.

    Usage: charter db downgrade [OPTIONS] [URL] [REVISION]

    Arguments:
      [URL]
              The database; by default the one that the configuration names

      [REVISION]
              The revision: head, base, +N, -N, or a migration by its number, its name, or the beginning
              of its id

    Options:
          --revision <REVISION>
              The revision, as an option

          --set <SET>
              One set of migrations: charter, or the project's by its name (`project` unless charter.cfg
              says otherwise)

      -y, --yes
              Agree, without being asked

          --confirm <NAME>
              Agree with the database's name, which prod asks for

          --backup[=<PATH>]
              Copy an embedded database first, to PATH, else beside it as FILE.TIME.backup

          --sql
              Print the statements that would run, and change nothing

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db downgrade                        Take the newest migration back
      charter db downgrade --revision -2          Take two back
      charter db downgrade --sql                  Print what would run, and run nothing
      charter db downgrade --revision base --set charter --backup
      charter db downgrade postgresql://charter@registry.example.com/charter --confirm charter
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
    assert_output!(sandbox, help(&sandbox, &["db", "validate"]), @r#"
    exit: 0
    --- stdout ---
    Look for what is wrong with the files of migrations, and with a database's history of them

    Files whose names do not parse, numbers that stand twice, files without a down migration, variants
    for an engine without their base, statements that would end the transaction; and migrations that
    were changed after they were applied, that are missing, or that this program may not touch. Only
    reads; a database that does not exist yet has nothing to disagree with. Fails (exit code 1) if there
    is an error; warnings alone do not.

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
    is not touched.

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
              of its id

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

      -h, --help
              Print help (see a summary with '-h')

    Global options: [...]

    Examples:
      charter db stamp head --reason 'the tables were made by hand'
      charter db stamp 20260131120000 postgresql://charter@registry.example.com/charter
      charter db stamp base --set project
    --- stderr ---
    "#);
    assert_output!(sandbox, help(&sandbox, &["db", "info"]), @r#"
    exit: 0
    --- stdout ---
    Tell whether a database has the tables that its revision should have

    Compares what the engine's catalogue says with what the migrations make in a throw-away database:
    tables, columns, keys, checks, indexes and views that are missing, extra or different. Other
    programs' tables do not count. Only reads. Fails (exit code 1) if something is different, and with 4
    if the database is not initialised.

    Usage: charter db info [OPTIONS] [URL]

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
      charter db info
      charter db info postgresql://charter@registry.example.com/charter --json | jq .valid
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
    transaction; the tables stay, and so do all tables of other programs. The store is a new one
    afterwards: what is put into it is pushed anew. Says what will be lost, and asks; in prod the
    database's name must be typed.

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
    ones are passed over. Of a set, each migration is the file that the engine runs, and schema.sql is
    none; down files are judged only with --down. Without files, the sets of the configuration are
    judged, each for the engines that it is written for.

    With a database (--against or --db), nothing is written to it, and what is there decides: whether a
    table is empty, a constraint validated, what type a column has. Without files, what is pending there
    is judged.

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
        (&["db", "upgrade", "a1b2:c3d4", "--sql"], "ranges (A:B) are not known"),
    ] {
        let told = sandbox.run(arguments).exit(2);
        assert!(told.stderr.contains(answer) && !told.stderr.contains("similar"), "{arguments:?}: {told}");
    }
    let json = sandbox.run(&["--json", "db", "rollback"]).exit(2);
    assert!(json.stderr.starts_with("{\"error\":{\"kind\":\"usage\"") && json.stderr.contains("charter db downgrade"));
    let other = sandbox.run(&["db", "frob"]).exit(2);
    assert!(!other.stderr.contains("tip:"), "{other}");
}
