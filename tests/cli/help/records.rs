//! Records and the database that they are in.

use super::help;
use crate::support::{Sandbox, assert_output};

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
