//! `charter init` and `charter put`.

use super::{BOOK, USER};
use crate::support::{DIGESTS, Sandbox, assert_output, eventually, stores};

#[test]
fn init_makes_a_database_once() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["init"]), @r#"
    exit: 0
    --- stdout ---
    made sqlite:///[DIRECTORY]/charter.db
    --- stderr ---
    next: `charter put FILE` stores a contract
    "#);
    assert_output!(sandbox, sandbox.run(&["init"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/charter.db is there already
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["init", "sqlite:///other.db", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/other.db",
      "made": true,
      "configuration": null
    }
    --- stderr ---
    "#);
    sandbox.run(&["db", "current", "--check", "sqlite:///other.db"]).success();
}

#[test]
fn init_writes_a_configuration_that_names_the_database() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["init", "--config", "sqlite:///x.db"]), @r#"
    exit: 0
    --- stdout ---
    made sqlite:///[DIRECTORY]/x.db
    wrote charter.cfg
    --- stderr ---
    next: `charter put FILE` stores a contract
    "#);
    assert!(sandbox.read("charter.cfg").contains("\nsql_alchemy_conn = sqlite:///x.db\n"));
    sandbox.write("below/book.yaml", BOOK);
    let mut command = sandbox.command(&["put", "book.yaml"]);
    command.current_dir(sandbox.path("below"));
    sandbox.start(command).wait().success();
    assert_eq!(sandbox.run(&["list", "--kind", "contract", "--json"]).success().json()[0]["name"], "book");
    let before = sandbox.read("charter.cfg");
    assert_output!(sandbox, sandbox.run(&["init", "--config"]), @r#"
    exit: 0
    --- stdout ---
    sqlite:///[DIRECTORY]/x.db is there already
    charter.cfg is there already
    --- stderr ---
    "#);
    assert_eq!(sandbox.read("charter.cfg"), before);
}

#[test]
fn init_is_for_embedded_databases() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["init", "postgresql://u:hunter2@127.0.0.1:1/d"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: postgresql://u:***@127.0.0.1:[PORT]/d is on a server, and this makes a local file
    hint: a registry on a server is made with `charter db init URL`
    "#);
    assert_output!(sandbox, sandbox.run(&["init", "memory:"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: a store in memory is gone with the program: it cannot be made
    hint: name a file: `charter init sqlite:///charter.db`
    "#);
}

#[test]
fn put_tells_of_every_record() {
    let sandbox = Sandbox::new();
    sandbox.write("book.yaml", BOOK);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml"]), @r#"
    exit: 0
    --- stdout ---
    stored  schema            book@1.0.0          c85788f223c1
    stored  coercion_rules    book@1.0.0          e7ca6fc7a64f
    stored  validation_rules  book@1.0.0          bc889efb8438
    stored  metadata          book@1.0.0          9659e721abdd
    stored  ownership         book@1              a79927dd14e7
    stored  governance_rule   book.sensitivity@1  f0db54cc4b75
    stored  contract          book@1.0.0          0650b8daf699
    --- stderr ---
    7 records stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    sandbox.write("book.yaml", BOOK.replace("team: shop", "team: shelf"));
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml"]), @r#"
    exit: 0
    --- stdout ---
    unchanged  schema            book@1.0.0          c85788f223c1
    unchanged  coercion_rules    book@1.0.0          e7ca6fc7a64f
    unchanged  validation_rules  book@1.0.0          bc889efb8438
    unchanged  metadata          book@1.0.0          9659e721abdd
    stored     ownership         book@2              14cb9ff5b02e
    unchanged  governance_rule   book.sensitivity@1  f0db54cc4b75
    unchanged  contract          book@1.0.0          0650b8daf699
    --- stderr ---
    1 record stored, 6 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml", "-q", "--db", "sqlite:///quiet.db"]), @r#"
    exit: 0
    --- stdout ---
    stored  schema            book@1.0.0          c85788f223c1
    stored  coercion_rules    book@1.0.0          e7ca6fc7a64f
    stored  validation_rules  book@1.0.0          bc889efb8438
    stored  metadata          book@1.0.0          9659e721abdd
    stored  ownership         book@1              59039585428f
    stored  governance_rule   book.sensitivity@1  f0db54cc4b75
    stored  contract          book@1.0.0          0650b8daf699
    --- stderr ---
    "#);
}

#[test]
fn put_for_programs() {
    let sandbox = Sandbox::new();
    sandbox.write("user.json", USER);
    assert_output!(sandbox, sandbox.run(&["put", "user.json", "--json", "-n", "sales"]), @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "dry_run": false,
      "stored": 2,
      "unchanged": 0,
      "records": [
        {
          "kind": "schema",
          "namespace": "sales",
          "name": "user",
          "version": "1.0.0",
          "digest": "b4e412d3ab1530ca8ae3c7d1211d89d6c53531f0bac5e0c89d1e88181764d968",
          "status": "stored"
        },
        {
          "kind": "contract",
          "namespace": "sales",
          "name": "user",
          "version": "1.0.0",
          "digest": "115996efa493d279e7e3c4df9156b7696047114dd46b6091a12ec50218886bbb",
          "status": "stored"
        }
      ]
    }
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "user.json", "--json", "-n", "sales"]), @r#"
    exit: 0
    --- stdout ---
    {
      "database": "sqlite:///[DIRECTORY]/charter.db",
      "dry_run": false,
      "stored": 0,
      "unchanged": 2,
      "records": [
        {
          "kind": "schema",
          "namespace": "sales",
          "name": "user",
          "version": "1.0.0",
          "digest": "b4e412d3ab1530ca8ae3c7d1211d89d6c53531f0bac5e0c89d1e88181764d968",
          "status": "unchanged"
        },
        {
          "kind": "contract",
          "namespace": "sales",
          "name": "user",
          "version": "1.0.0",
          "digest": "115996efa493d279e7e3c4df9156b7696047114dd46b6091a12ec50218886bbb",
          "status": "unchanged"
        }
      ]
    }
    --- stderr ---
    "#);
}

#[test]
fn other_content_under_a_version_is_a_conflict() {
    let sandbox = Sandbox::new();
    sandbox.write("user.json", USER);
    sandbox.run(&["put", "user.json"]).success();
    // The two constants are one double.
    sandbox.write("user.json", USER.replace("993", "992"));
    sandbox.write("book.yaml", BOOK);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml", "user.json"]), @r#"
    exit: 3
    --- stdout ---
    --- stderr ---
    error: user.json: schema user@1.0.0 is published with other content, and a published version never changes
      schema user@1.0.0
        stored  3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6
        offered 5e1c46eee5373830bc0ba4fd318e899280e7b033ca60239f89e2a9dd341bce92
    hint: publish the change under a new version; nothing was stored
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml", "user.json", "--json"]), @r#"
    exit: 3
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"conflict","message":"schema user@1.0.0 is published with other content, and a published version never changes","location":{"file":"user.json","line":null,"column":null},"conflicts":[{"key":"schema user@1.0.0","stored":"3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6","offered":"5e1c46eee5373830bc0ba4fd318e899280e7b033ca60239f89e2a9dd341bce92"}],"hint":"publish the change under a new version; nothing was stored"}}
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "user.json", "--dry-run"]), [DIGESTS], @r#"
    exit: 3
    --- stdout ---
    --- stderr ---
    error: user.json: schema user@1.0.0 is published with other content, and a published version never changes
      schema user@1.0.0
        stored  [DIGEST]
        offered [DIGEST]
    hint: publish the change under a new version; nothing was stored
    "#);
    sandbox.run(&["get", "book"]).exit(1);
    assert!(sandbox.run(&["get", "user"]).success().stdout.contains("9007199254740993"));
}

#[test]
fn two_files_with_one_key_are_a_conflict() {
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", "name: user\nschema: {type: object}\n");
    sandbox.write("b.yaml", "name: user\nschema: {type: string}\n");
    assert_output!(sandbox, sandbox.run(&["put", "a.yaml", "b.yaml"]), [DIGESTS], @r#"
    exit: 3
    --- stdout ---
    --- stderr ---
    error: a.yaml and b.yaml: what was given has one key with two contents
      schema user@1.0.0
        stored  [DIGEST]
        offered [DIGEST]
    hint: give one of them another name or version
    "#);
}

#[test]
fn everything_wrong_is_told_and_nothing_stored() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.yaml", "name: a\nschema:\n  type: objectx\n  required: 3\n");
    sandbox.write("in/b.json", "{\"a\": 1,\n \"a\": 2}");
    sandbox.write("in/c.yaml", "schema: {properties: {x: {}}}\ncoercion_rules: {y: coerce_to_string}\n");
    sandbox.write("in/good.yaml", BOOK);
    assert_output!(sandbox, sandbox.run(&["put", "in", "missing.yaml"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: in/a.yaml:3:9: /schema/type: "objectx" is not allowed here; it must be one of "array", "boolean", "integer", "null", "number", "object", "string", or an array
    error: in/a.yaml:4:13: /schema/required: 3 is not allowed here; it must be an array
    error: in/b.json:2:2: the member "a" stands twice in one object
    error: in/c.yaml:2:21: /coercion_rules/y: the coercion rule `coerce_to_string` for `y` leads nowhere: the schema has no property `y`; did you mean `x`?
    error: missing.yaml: No such file or directory (os error 2)
    error: 4 of 5 files cannot be stored, so nothing was stored
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "in/a.yaml", "in/b.json", "--json"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    {"error":{"kind":"invalid","message":"/schema/type: \"objectx\" is not allowed here; it must be one of \"array\", \"boolean\", \"integer\", \"null\", \"number\", \"object\", \"string\", or an array (and one more problem)","location":{"file":"in/a.yaml","line":3,"column":9},"problems":[{"message":"\"objectx\" is not allowed here; it must be one of \"array\", \"boolean\", \"integer\", \"null\", \"number\", \"object\", \"string\", or an array","pointer":["schema","type"],"location":{"file":"in/a.yaml","line":3,"column":9}},{"message":"3 is not allowed here; it must be an array","pointer":["schema","required"],"location":{"file":"in/a.yaml","line":4,"column":13}}]}}
    {"error":{"kind":"invalid","message":"the member \"a\" stands twice in one object","location":{"file":"in/b.json","line":2,"column":2}}}
    {"error":{"kind":"invalid","message":"2 of 2 files cannot be stored, so nothing was stored"}}
    "#);
    assert_eq!(sandbox.files(), ["in"]);
}

#[test]
fn a_hint_for_many_files_stands_once() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.write(format!("in/{name}.json"), r#"{"d": 1}"#);
    }
    let refused = sandbox.run(&["put", "in", "-q"]).exit(1);
    assert_eq!(refused.stderr.matches("hint:").count(), 1, "{refused}");
    assert!(refused.stderr.ends_with("error: 3 of 3 files cannot be stored, so nothing was stored\n"), "{refused}");
}

#[test]
fn rules_that_do_not_fit_name_their_file() {
    let sandbox = Sandbox::new();
    sandbox.write("schema.json", r#"{"properties": {"x": {}}}"#);
    sandbox.run(&["put", "schema.json", "--kind", "schema", "--name", "good"]).success();
    sandbox.run(&["put", "schema.json", "--kind", "schema", "--name", "bad"]).success();
    sandbox.write("rules/bad.json", r#"{"z": "c"}"#);
    sandbox.write("rules/good.json", r#"{"x": "c"}"#);
    for path in ["rules", "rules/bad.json"] {
        let refused = sandbox.run(&["put", path, "--kind", "coercion_rules"]).exit(1);
        assert!(refused.stderr.starts_with("error: rules/bad.json: "), "{refused}");
        assert!(!refused.stderr.contains("good.json"), "{refused}");
    }
}

#[test]
fn waiting_for_another_program_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("x.json", "{}");
    sandbox.run(&["init"]).success();
    let other = stores::sqlite(&sandbox.path("charter.db"));
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let put = sandbox.spawn(&["put", "x.json"]);
    eventually("the note", || put.stderr().contains("another program that writes to sqlite:///"));
    other.execute_batch("ROLLBACK").expect("no lock");
    put.wait().success();
}

#[test]
fn nothing_is_put_where_it_would_be_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("in/x.json", "{}");
    insta::allow_duplicates! {
    for arguments in
        [&["put", "in", "--db", "memory:"][..], &["watch", "in", "--db", "memory:"], &["sync", "push", "memory:"]]
    {
        assert_output!(sandbox, sandbox.run(arguments), @r#"
        exit: 2
        --- stdout ---
        --- stderr ---
        error: a store in memory is gone when the program ends: what is put there would be lost
        hint: name a file or a server: sqlite:///FILE, duckdb:///FILE, postgresql://HOST/DATABASE
        "#);
    }
    }
    sandbox.run(&["put", "in", "--db", "memory:", "--dry-run"]).success();
}

#[test]
fn a_contract_needs_what_it_refers_to() {
    let sandbox = Sandbox::new();
    sandbox.write("book.yaml", "schema: {type: object}\nversions: {metadata: 2.0.0}\n");
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: book.yaml: a contract refers to what is not stored: metadata book@2.0.0
    hint: put what it refers to first, or in the same command; nothing was stored
    "#);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml", "--dry-run"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: book.yaml: a contract refers to what is not stored: metadata book@2.0.0
    hint: put what it refers to first, or in the same command; nothing was stored
    "#);
    sandbox.write("metadata.json", r#"{"description": "x"}"#);
    let part = ["put", "metadata.json", "--kind", "metadata", "--name", "book", "--version", "2"];
    assert_output!(sandbox, sandbox.run(&part), @r#"
    exit: 0
    --- stdout ---
    stored  metadata  book@2.0.0  57e8edf64085
    --- stderr ---
    1 record stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    sandbox.run(&["put", "book.yaml"]).success();
}

#[test]
fn a_folder_is_its_contract_files() {
    let sandbox = Sandbox::new();
    for name in ["b.yml", "a.yaml", "sub/c.json", ".hidden.yaml", ".git/d.yaml", "notes.txt", "sub/.e.json"] {
        sandbox.write(format!("in/{name}"), USER);
    }
    let stored = sandbox.run(&["put", "in/"]).success().stdout;
    let names: Vec<&str> = stored.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(names, ["a@1.0.0", "a@1.0.0", "b@1.0.0", "b@1.0.0", "c@1.0.0", "c@1.0.0"]);
    std::fs::create_dir(sandbox.path("empty")).expect("a folder");
    assert_output!(sandbox, sandbox.run(&["put", "empty"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: empty: the folder has no contract files (*.yaml, *.yml, *.json)
    "#);
}

#[test]
fn standard_input_needs_a_name() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run_with_input(&["put", "-"], USER), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: <stdin>: the document has no name
    hint: give a name with --name
    "#);
    assert_output!(sandbox, sandbox.run_with_input(&["put", "-", "--name", "a@b.example", "--version", "2.1"], USER), @r#"
    exit: 0
    --- stdout ---
    stored  schema    a@b.example@2.1.0  414208ced2e6
    stored  contract  a@b.example@2.1.0  c1b3572c4a6c
    --- stderr ---
    2 records stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    assert_output!(sandbox, sandbox.run_with_input(&["put", "-", "--name", "x"], "a: [1\n"), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: <stdin>:2:1: while parsing a flow sequence, expected ',' or ']'
    "#);
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("book.yaml", BOOK);
    assert_output!(sandbox, sandbox.run(&["put", "book.yaml", "--dry-run"]), @r#"
    exit: 0
    --- stdout ---
    would store  schema            book@1.0.0          c85788f223c1
    would store  coercion_rules    book@1.0.0          e7ca6fc7a64f
    would store  validation_rules  book@1.0.0          bc889efb8438
    would store  metadata          book@1.0.0          9659e721abdd
    would store  ownership         book@1              a79927dd14e7
    would store  governance_rule   book.sensitivity@1  f0db54cc4b75
    would store  contract          book@1.0.0          0650b8daf699
    --- stderr ---
    dry run: 7 records would be stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    assert_eq!(sandbox.files(), ["book.yaml"]);
    sandbox.run(&["put", "book.yaml"]).success();
    sandbox.write("book.yaml", BOOK.replace("team: shop", "team: shelf"));
    sandbox.write("user.json", USER);
    let before = sandbox.run(&["list", "--json"]).success();
    let preview = sandbox.run(&["put", "book.yaml", "user.json", "--dry-run", "--json"]).success().json();
    assert_eq!(sandbox.run(&["list", "--json"]).success(), before);
    let stored = sandbox.run(&["put", "book.yaml", "user.json", "--json"]).success().json();
    assert_eq!((&preview["dry_run"], &stored["dry_run"]), (&true.into(), &false.into()));
    assert_eq!(preview["records"], stored["records"]);
}

#[test]
fn arguments_that_do_not_go_together() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", USER);
    sandbox.write("b.json", USER);
    for (arguments, message) in [
        (&["put", "a.json", "b.json", "--name", "x"][..], "these are 2 files"),
        (&["put", "a.json", "--version", "v1"], "v1"),
        (&["put", "a.json", "--name", "a/b"], "cannot be a name"),
        (&["put", "a.json", "--kind", "Schema"], "cannot be a kind"),
        (&["put", "a.json", "--kind", "ownership", "--version", "2"], "takes no --version"),
        (&["put"], "FILE"),
    ] {
        let output = sandbox.run(arguments).exit(2);
        assert!(output.stderr.contains(message), "{output}");
    }
    assert_eq!(sandbox.files(), ["a.json", "b.json"]);
}

#[test]
fn warnings_name_their_place() {
    let sandbox = Sandbox::new();
    sandbox.write("x.yaml", "schema:\n  $schema: https://example.com/own-dialect\n");
    assert_output!(sandbox, sandbox.run(&["put", "x.yaml"]), @r#"
    exit: 0
    --- stdout ---
    stored  schema    x@1.0.0  8a3df784aa4a
    stored  contract  x@1.0.0  a23cfa2f3a9f
    --- stderr ---
    warning: x.yaml:2:12: "https://example.com/own-dialect" is no dialect that charter knows: the schema was not checked against it
    2 records stored, 0 unchanged in sqlite:///[DIRECTORY]/charter.db
    "#);
    let output = sandbox.run(&["put", "x.yaml", "--json"]).success();
    let warning: serde_json::Value = serde_json::from_str(&output.stderr).expect("one line of JSON");
    assert_eq!(warning["warning"]["location"]["line"], 2);
}
