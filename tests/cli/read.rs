//! `charter get`, `show` and `list`.

use super::library;
use crate::support::{Sandbox, assert_output};

#[test]
fn get_prints_documents() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["get", "book"]), @r#"
    exit: 0
    --- stdout ---
    {
      "title": "Book",
      "type": "object",
      "properties": {
        "isbn": {
          "type": "string"
        },
        "pages": {
          "type": "integer"
        }
      }
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "user", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {"title":"User","type":"object","properties":{"n":{"const":9007199254740993}}}
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "user@1", "--yaml"]), @r#"
    exit: 0
    --- stdout ---
    title: User
    type: object
    properties:
      "n":
        const: 9007199254740993
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "book", "--kind", "ownership", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {"owner":"books@example.com","team":"shop"}
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "book", "--complete", "--yaml"]), @r#"
    exit: 0
    --- stdout ---
    title: Book
    type: object
    properties:
      isbn:
        type: string
        coercion: coerce_to_string
      pages:
        type: integer
        validations:
          is_positive:
            threshold: 0
    version: "1.0.0"
    --- stderr ---
    "#);
}

#[test]
fn the_latest_is_a_release_unless_asked_otherwise() {
    let sandbox = library();
    let title = |arguments: &[&str]| sandbox.run(arguments).success().json()["title"].clone();
    assert_eq!(title(&["get", "book"]), "Book");
    assert_eq!(title(&["get", "book", "--pre"]), "Books");
    assert_eq!(title(&["get", "book", "--complete", "--pre"]), "Books");
    assert_eq!(title(&["get", "book@1.1.0-rc.1"]), "Books");
    assert_eq!(sandbox.run(&["show", "book", "--pre", "--json"]).success().json()["version"], "1.1.0-rc.1");
}

#[test]
fn what_is_not_there_is_near_to_something() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["get", "bok"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no schema bok
    hint: did you mean book?
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "book@2"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no schema book@2.0.0
    hint: these versions of it exist: 1.1.0-rc.1, 1.0.0
    "#);
    assert_output!(sandbox, sandbox.run(&["show", "nothing", "--json"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"not_found","message":"there is no contract nothing","hint":"`charter list` shows what there is"}}
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "a/b/c"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: "b/c" cannot be a name: it has a `/`, which stands between the parts of a key
    "#);
    assert_output!(sandbox, sandbox.run(&["get", "book", "--yaml", "--json"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"usage","message":"--json and --yaml do not go together","hint":"leave out one of them"}}
    "#);
}

#[test]
fn what_is_not_there_may_be_elsewhere() {
    let sandbox = library();
    sandbox.run(&["put", "user.json", "--name", "nn", "-n", "sales"]).success();
    sandbox.run(&["put", "user.json", "--name", "q"]).success();
    sandbox.run(&["put", "user.json", "--name", "odd@1.0.0"]).success();
    let hint = |arguments: &[&str]| {
        let failed = sandbox.run(arguments).exit(1);
        failed.stderr.lines().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(hint(&["get", "nn"]), "hint: there is one in another namespace: sales/nn");
    assert_eq!(hint(&["get", "sales/q"]), "hint: there is one in the default namespace: q");
    assert_eq!(hint(&["get", "w"]), "hint: `charter list` shows what there is");
    assert_eq!(
        hint(&["get", "odd@1"]),
        "hint: there is one whose name is odd@1.0.0: with its version, odd@1.0.0@1.0.0"
    );
    assert_eq!(
        hint(&["get", "user", "--kind", "metadata"]),
        "hint: there is a contract user@1.0.0; `charter show user@1.0.0` shows its parts"
    );
}

#[test]
fn a_kind_that_is_not_there_is_told() {
    let sandbox = library();
    sandbox.run(&["put", "user.json", "--name", "z", "-n", "sales"]).success();
    assert_output!(sandbox, sandbox.run(&["list", "--kind", "schemas"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    there is no schemas in sqlite:///[DIRECTORY]/charter.db
    hint: did you mean --kind schema?
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--kind", "metadata", "-n", "sales"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    there is no metadata in the namespace sales of sqlite:///[DIRECTORY]/charter.db
    "#);
    sandbox.run(&["list", "--kind", "not a kind"]).exit(2);
}

#[test]
fn names_may_have_an_at_sign() {
    let sandbox = Sandbox::new();
    sandbox.run_with_input(&["put", "-", "--name", "a@example.com", "--kind", "owner"], r#"{"phone": "1"}"#).success();
    sandbox.run_with_input(&["put", "-", "--name", "a@example.com", "--kind", "owner"], r#"{"phone": "2"}"#).success();
    let phone = |name: &str| sandbox.run(&["get", name, "--kind", "owner"]).success().json()["phone"].clone();
    assert_eq!((phone("a@example.com"), phone("a@example.com@1")), ("2".into(), "1".into()));
    assert_output!(sandbox, sandbox.run(&["show", "a@example.com", "--kind", "owner"]), @r#"
    exit: 0
    --- stdout ---
    owner a@example.com@2
      digest     a8df4d909281567c1f81db5310e067476a22fb55e67021abc38d136159dcaf27
      replaces   97cdf8399e9c765e0c13025bc837d97316d09eb846d786e487eb5526741bbef1
      stored at  [TIME]
      versions   2, 1

    content
      phone: "2"
    --- stderr ---
    "#);
}

#[test]
fn namespaces_are_rooms() {
    let sandbox = library();
    sandbox.run(&["put", "user.json", "-n", "sales"]).success();
    let get = |arguments: &[&str]| sandbox.run(arguments).success().stdout;
    assert_eq!(get(&["get", "sales/user"]), get(&["get", "user", "-n", "sales"]));
    sandbox.run(&["get", "book", "-n", "sales"]).exit(1);
    assert_output!(sandbox, sandbox.run(&["list", "-n", "sales"]), @r#"
    exit: 0
    --- stdout ---
    KIND      NAME        VERSION  VERSIONS  DIGEST        STORED
    contract  sales/user  1.0.0    1         115996efa493  [TIME]
    schema    sales/user  1.0.0    1         b4e412d3ab15  [TIME]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "-n", "other"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    sqlite:///[DIRECTORY]/charter.db has nothing in the namespace other
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "user", "--kind", "schema", "--all-namespaces"]), @r#"
    exit: 0
    --- stdout ---
    KIND    NAME        VERSION  VERSIONS  DIGEST        STORED
    schema  user        1.0.0    1         3c68eaea624b  [TIME]
    schema  sales/user  1.0.0    1         b4e412d3ab15  [TIME]
    --- stderr ---
    "#);
    sandbox.run(&["list", "-n", "sales", "--all-namespaces"]).exit(2);
}

#[test]
fn show_tells_of_a_contract() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["show", "book"]), @r#"
    exit: 0
    --- stdout ---
    contract book@1.0.0
      digest     0650b8daf699f5903f8835cef198d7865df1f0a2a79d2c0b8a89c8e5c63eca84
      stored at  [TIME]
      versions   1.1.0-rc.1, 1.0.0

    parts
      schema            book@1.0.0          c85788f223c1  [TIME]
      coercion_rules    book@1.0.0          e7ca6fc7a64f  [TIME]
      validation_rules  book@1.0.0          bc889efb8438  [TIME]
      metadata          book@1.0.0          9659e721abdd  [TIME]
      ownership         book@1              a79927dd14e7  [TIME]
      governance_rule   book.sensitivity@1  f0db54cc4b75  [TIME]

    ownership
      owner: books@example.com
      team: shop

    governance rule book.sensitivity
      value: Internal

    lineage
      from: catalogue
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["show", "book", "--kind", "schema"]), @r#"
    exit: 0
    --- stdout ---
    schema book@1.0.0
      title      Book
      digest     c85788f223c190c5f3558dbf0acfd4cd70b052590c0da6612723316d42ff1e53
      stored at  [TIME]
      versions   1.1.0-rc.1, 1.0.0
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["show", "user", "--yaml"]), @r#"
    exit: 0
    --- stdout ---
    kind: contract
    namespace: ""
    name: user
    version: "1.0.0"
    digest: a1a70f9fee25e1fb149d30d94b45366ee68c4049d95abb5bb991ea33b0630caf
    replaces: null
    stored_at: "[TIME]"
    body:
      schema:
        name: user
        version: "1.0.0"
    versions:
      - "1.0.0"
    parts:
      - kind: schema
        namespace: ""
        name: user
        version: "1.0.0"
        digest: "3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6"
        replaces: null
        stored_at: "[TIME]"
        body:
          title: User
          type: object
          properties:
            "n":
              const: 9007199254740993
    --- stderr ---
    "#);
}

#[test]
fn show_for_programs() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["show", "user", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {
      "kind": "contract",
      "namespace": "",
      "name": "user",
      "version": "1.0.0",
      "digest": "a1a70f9fee25e1fb149d30d94b45366ee68c4049d95abb5bb991ea33b0630caf",
      "replaces": null,
      "stored_at": "[TIME]",
      "body": {
        "schema": {
          "name": "user",
          "version": "1.0.0"
        }
      },
      "versions": [
        "1.0.0"
      ],
      "parts": [
        {
          "kind": "schema",
          "namespace": "",
          "name": "user",
          "version": "1.0.0",
          "digest": "3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6",
          "replaces": null,
          "stored_at": "[TIME]",
          "body": {
            "title": "User",
            "type": "object",
            "properties": {
              "n": {
                "const": 9007199254740993
              }
            }
          }
        }
      ]
    }
    --- stderr ---
    "#);
}

#[test]
fn list_tells_what_there_is() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 0
    --- stdout ---
    KIND              NAME              VERSION  VERSIONS  DIGEST        STORED
    coercion_rules    book              1.0.0    2         e7ca6fc7a64f  [TIME]
    contract          book              1.0.0    2         0650b8daf699  [TIME]
    contract          user              1.0.0    1         a1a70f9fee25  [TIME]
    governance_rule   book.sensitivity  1        1         f0db54cc4b75  [TIME]
    metadata          book              1.0.0    2         9659e721abdd  [TIME]
    ownership         book              1        1         a79927dd14e7  [TIME]
    schema            book              1.0.0    2         c85788f223c1  [TIME]
    schema            user              1.0.0    1         3c68eaea624b  [TIME]
    validation_rules  book              1.0.0    2         bc889efb8438  [TIME]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "b*", "--kind", "schema", "--all-versions"]), @r#"
    exit: 0
    --- stdout ---
    KIND    NAME  VERSION     DIGEST        STORED
    schema  book  1.0.0       c85788f223c1  [TIME]
    schema  book  1.1.0-rc.1  f8b46d9ed101  [TIME]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "user", "--kind", "schema", "--json"]), @r#"
    exit: 0
    --- stdout ---
    [
      {
        "kind": "schema",
        "namespace": "",
        "name": "user",
        "version": "1.0.0",
        "versions": 1,
        "digest": "3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6",
        "replaces": null,
        "size": 78,
        "stored_at": "[TIME]"
      }
    ]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "nothing"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    nothing in sqlite:///[DIRECTORY]/charter.db matches
    "#);
}

#[test]
fn an_empty_store_is_no_failure() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).success();
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    sqlite:///[DIRECTORY]/charter.db is empty
    "#);
    assert_output!(sandbox, sandbox.run(&["list", "--json"]), @r#"
    exit: 0
    --- stdout ---
    []
    --- stderr ---
    "#);
}

#[test]
fn reading_makes_no_file() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["list"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no database sqlite:///[DIRECTORY]/charter.db
    hint: make it with `charter init`, or put something into it with `charter put FILE`
    "#);
    for arguments in [
        &["list"][..],
        &["get", "book"],
        &["show", "book"],
        &["db", "current"],
        &["db", "history"],
        &["sync", "status"],
        &["sync", "push", "sqlite:///registry.db"],
    ] {
        sandbox.run(arguments).exit(1);
        assert!(sandbox.files().is_empty(), "{arguments:?} left {:?}", sandbox.files());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = Sandbox::new();
    sandbox.write("big.json", format!(r#"{{"description": "{}"}}"#, "x".repeat(1 << 20)));
    sandbox.run(&["put", "big.json"]).success();
    let mut command = sandbox.program("sh");
    let line = r#"{ "$0" get big; echo "exit $?" >&2; } | head -c 3"#;
    command.args(["-c", line, env!("CARGO_BIN_EXE_charter")]);
    let output = sandbox.start(command).wait().success();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("{\n ", "exit 0\n"));
}

#[test]
fn results_are_plain_unless_colours_are_asked_for() {
    let sandbox = library();
    let is_coloured = |arguments: &[&str]| {
        let output = sandbox.run(arguments);
        (output.stdout.contains('\x1b'), output.stderr.contains('\x1b'))
    };
    assert_eq!(is_coloured(&["list"]), (false, false));
    assert_eq!(is_coloured(&["list", "--color", "always"]), (true, false));
    assert_eq!(is_coloured(&["get", "nothing", "--color", "always"]), (false, true));
    assert_eq!(is_coloured(&["get", "book", "--color", "always"]), (false, false));
    let no_color = Sandbox::new().with("NO_COLOR", "1").with("CLICOLOR_FORCE", "1");
    no_color.run(&["init"]).success();
    assert!(!no_color.run(&["db", "current"]).success().stdout.contains('\x1b'));
}

#[test]
fn documents_come_back_as_they_were_stored() {
    let sandbox = library();
    let stored = sandbox.run(&["get", "user", "--json"]).success().stdout;
    assert!(stored.contains("9007199254740993"), "{stored}");
    let again = sandbox.run_with_input(&["put", "-", "--name", "user", "--json"], &stored).success().json();
    assert_eq!((&again["stored"], &again["unchanged"]), (&0.into(), &2.into()));
    let yaml = sandbox.run(&["get", "user", "--yaml"]).success().stdout;
    let again = sandbox.run_with_input(&["put", "-", "--name", "user", "--json"], &yaml).success().json();
    assert_eq!(again["stored"], 0);
}
