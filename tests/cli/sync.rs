//! `charter sync`.

use super::{BOOK, SHORT_DIGESTS, USER, library};
use crate::support::{DIGESTS, assert_output, postgres};

const REMOTES: &str =
    "[remote:default]\nurl = sqlite:///registry.db\n[remote:far]\nurl = postgresql://u:hunter2@127.0.0.1:1/d\n";

#[test]
fn a_push_prints_its_receipt() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db"]), @r#"
    exit: 4
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/registry.db is no charter registry yet
    hint: make it one with `charter db init sqlite:///[DIRECTORY]/registry.db`
    "#);
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db"]), [DIGESTS], @r#"
    exit: 0
    --- stdout ---
    pushed to sqlite:///[DIRECTORY]/registry.db
    receipt
      push          [DIGEST]
      records       14
      sequence      0 -> 14
      registry      [UUID]
      published at  [TIME]
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db"]), @r#"
    exit: 0
    --- stdout ---
    up to date: sqlite:///[DIRECTORY]/registry.db has everything (sequence 14)
    --- stderr ---
    "#);
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db", "--json"]), @r#"
    exit: 0
    --- stdout ---
    {
      "remote": null,
      "url": "sqlite:///[DIRECTORY]/registry.db",
      "status": "up_to_date",
      "registry": "[UUID]",
      "sequence": 14
    }
    --- stderr ---
    "#);
    let (here, there) = (["list", "--json"], ["list", "--json", "--db", "sqlite:///registry.db"]);
    let digests = |arguments: &[&str]| -> Vec<String> {
        let listed = sandbox.run(arguments).success().json();
        listed.as_array().expect("a list").iter().map(|record| record["digest"].to_string()).collect()
    };
    assert_eq!(digests(&here), digests(&there));
    assert_eq!(
        sandbox.run(&["get", "user", "--json"]).success().stdout,
        sandbox.run(&["get", "user", "--json", "--db", "sqlite:///registry.db"]).success().stdout
    );
}

#[test]
fn a_receipt_for_programs() {
    let sandbox = library();
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db", "--json"]), [DIGESTS], @r#"
    exit: 0
    --- stdout ---
    {
      "remote": null,
      "url": "sqlite:///[DIRECTORY]/registry.db",
      "status": "pushed",
      "receipt": {
        "push": "[DIGEST]",
        "records": 14,
        "sequence_before": 0,
        "sequence_after": 14,
        "source": "[UUID]",
        "registry": "[UUID]",
        "epoch": 1,
        "published_at": "[TIME]",
        "hash": "[DIGEST]"
      }
    }
    --- stderr ---
    "#);
}

#[test]
fn every_conflict_of_a_push_is_listed() {
    let sandbox = library();
    sandbox.run(&["init", "sqlite:///registry.db"]).success();
    sandbox.write("other.json", USER.replace("User", "Other"));
    sandbox.run(&["put", "other.json", "--name", "user", "--db", "sqlite:///registry.db"]).success();
    let before = sandbox.run(&["list", "--json", "--db", "sqlite:///registry.db"]).success();
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///registry.db"]), @r#"
    exit: 3
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/registry.db has 1 key with other content; nothing was changed there
      schema user@1.0.0
        stored  2d008a7a04fd2b7ada7c2be3095d77b952b5cc68a6fb90fbf0bf0193cb30abd4
        offered 3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6
    hint: records that are stored cannot be taken back yet: put what you want to publish, under versions that are free there, into a new store, and push that one
    "#);
    let output = sandbox.run(&["sync", "push", "sqlite:///registry.db", "--json"]).exit(3);
    let error: serde_json::Value = serde_json::from_str(&output.stderr).expect("one line of JSON");
    assert_eq!(error["error"]["conflicts"][0]["key"], "schema user@1.0.0");
    assert_eq!(sandbox.run(&["list", "--json", "--db", "sqlite:///registry.db"]).success(), before);
}

#[test]
fn remotes_have_names() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["sync", "push"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: no remote is named, and the configuration has none
    hint: name a URL, or a remote in charter.cfg: `[remote:NAME]` and under it `url = ...`
    "#);
    assert_output!(sandbox, sandbox.run(&["sync", "status"]), @r#"
    exit: 0
    --- stdout ---
    --- stderr ---
    the configuration has no remotes
    hint: name one in charter.cfg: `[remote:NAME]` and under it `url = ...`
    "#);
    sandbox.write("charter.cfg", REMOTES);
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    assert_eq!(sandbox.run(&["sync", "push", "--json"]).success().json()["remote"], "default");
    assert_output!(sandbox, sandbox.run(&["sync", "push", "defualt"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: there is no remote `defualt` in the configuration
    hint: the remotes are: default, far
    "#);
    sandbox.write("charter.cfg", REMOTES.replace("default", "near"));
    assert_output!(sandbox, sandbox.run(&["sync", "push"]), @r#"
    exit: 2
    --- stdout ---
    --- stderr ---
    error: no remote is named, and the configuration has several
    hint: name one of: far, near
    "#);
    sandbox.write("charter.cfg", "[remote:only]\nurl = sqlite:///registry.db\n");
    assert_eq!(sandbox.run(&["sync", "push", "--json"]).success().json()["status"], "up_to_date");
}

#[test]
fn status_tells_of_every_remote() {
    let sandbox = library();
    sandbox.write("charter.cfg", REMOTES);
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    let status = |name: &str| sandbox.run(&["sync", "status", name, "--json"]).success().json()[0].clone();
    assert_eq!((&status("default")["status"], &status("default")["last_receipt"]), (&"behind".into(), &().into()));
    sandbox.run(&["sync", "push"]).success();
    assert_eq!((&status("default")["status"], &status("default")["pending"]), (&"up_to_date".into(), &0.into()));
    sandbox.write("more.json", r#"{"title": "More"}"#);
    sandbox.run(&["put", "more.json"]).success();
    assert_output!(sandbox, sandbox.run(&["sync", "status"]), [SHORT_DIGESTS], @r#"
    exit: 1
    --- stdout ---
    REMOTE   STATUS                LAST PUSH     PUSHED AT
    default  2 changes not pushed  [SHORT DIGEST]  [TIME]
    far      unreachable
    --- stderr ---
    error: far: asking the remote: connecting to the server: PostgreSQL: error connecting to server: Connection refused (os error 111)
    hint: check that the server runs, and that the host and port in the URL are right
    "#);
    let failed = sandbox.run(&["sync", "status", "--json"]).exit(1);
    assert_eq!(failed.json()[1]["status"], "unreachable");
    assert!(failed.stderr.is_empty(), "{failed}");
}

#[test]
fn a_store_is_not_its_own_remote() {
    let sandbox = library();
    assert_output!(sandbox, sandbox.run(&["sync", "push", "sqlite:///charter.db"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: sqlite:///[DIRECTORY]/charter.db: both stores have the identity [UUID]: they are the same one, or one is a copy
    hint: push to another database; make it with `charter db init URL` and not by copying the file
    "#);
}

#[test]
fn status_knows_a_copy_of_the_store() {
    let sandbox = library();
    std::fs::copy(sandbox.path("charter.db"), sandbox.path("copy.db")).expect("a copy");
    sandbox.write("charter.cfg", "[remote:laptop]\nurl = sqlite:///copy.db\n");
    assert_output!(sandbox, sandbox.run(&["sync", "status"]), @r#"
    exit: 1
    --- stdout ---
    REMOTE  STATUS         LAST PUSH  PUSHED AT
    laptop  same identity
    --- stderr ---
    error: laptop: both stores have the identity [UUID]: they are the same one, or one is a copy
    hint: a remote is made with `charter db init URL`, and not by copying the file
    "#);
}

#[test]
fn status_without_remotes_tells_of_pushes_by_url() {
    let sandbox = library();
    sandbox.run(&["db", "init", "sqlite:///registry.db"]).success();
    sandbox.run(&["sync", "push", "sqlite:///registry.db"]).success();
    assert_output!(sandbox, sandbox.run(&["sync", "status"]), [SHORT_DIGESTS], @r#"
    exit: 0
    --- stdout ---
    REMOTE         REGISTRY                              LAST PUSH     PUSHED AT
    pushed by URL  [UUID]  [SHORT DIGEST]  [TIME]
    --- stderr ---
    the configuration has no remotes
    hint: name one in charter.cfg: `[remote:NAME]` and under it `url = ...`
    "#);
    let told = sandbox.run(&["sync", "status", "--json"]).success().json();
    assert_eq!((&told[0]["status"], &told[0]["last_receipt"]["records"]), (&"unknown".into(), &14.into()));
    assert_eq!(
        sandbox.run(&["sync", "status", "--db", "sqlite:///registry.db", "--json"]).success().json(),
        serde_json::json!([])
    );
}

#[test]
fn from_a_file_to_postgres_and_back() {
    let (sandbox, database) = (library(), postgres::database());
    let url = database.url();
    let refused = sandbox.run(&["sync", "push", url]).exit(4);
    assert!(refused.stderr.contains("charter db init postgresql://"), "{refused}");
    assert!(!refused.stderr.contains("because"), "{refused}");
    sandbox.run(&["put", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/contracts"), "-n", "shop"]).success();
    sandbox.run(&["db", "init", url]).success();
    let receipt = sandbox.run(&["sync", "push", url, "--json"]).success().json()["receipt"].clone();
    assert_eq!((&receipt["sequence_before"], &receipt["sequence_after"]), (&0.into(), &receipt["records"]));
    assert_eq!(sandbox.run(&["sync", "push", url, "--json"]).success().json()["status"], "up_to_date");
    let status = sandbox.run(&["sync", "status", url, "--json"]).success().json()[0].clone();
    assert_eq!((&status["status"], &status["last_receipt"]), (&"up_to_date".into(), &receipt));
    // Every record is there, with the same digest and the same body.
    let listed = |arguments: &[&str]| -> Vec<[String; 3]> {
        let all = ["list", "--all-versions", "--all-namespaces", "--json"];
        let listed = sandbox.run(&[&all[..], arguments].concat()).success().json();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let record = |record: &serde_json::Value| {
            let [namespace, name, version] = ["namespace", "name", "version"].map(|member| text(&record[member]));
            [text(&record["kind"]), format!("{namespace}/{name}@{version}"), text(&record["digest"])]
        };
        listed.as_array().expect("a list").iter().map(record).collect()
    };
    let there = listed(&["--db", url]);
    assert_eq!(listed(&[]), there);
    assert_eq!(there.len().to_string(), receipt["records"].to_string());
    for [kind, name, _] in there {
        let here = ["get", &name, "--kind", &kind, "--json"];
        let there = sandbox.run(&[&here[..], &["--db", url]].concat()).success();
        assert_eq!(sandbox.run(&here).success().stdout, there.stdout, "{kind} {name}");
    }
    let there = sandbox.run(&["get", "book", "--complete", "--db", url]).success();
    assert_eq!(sandbox.run(&["get", "book", "--complete"]).success().stdout, there.stdout);

    // A registry takes contracts from a program too, under the same rules.
    sandbox.write("book.yaml", BOOK.replace("Book", "Tome"));
    let conflict = sandbox.run(&["put", "book.yaml", "--db", url]).exit(3);
    assert!(conflict.stderr.contains("schema book@1.0.0"), "{conflict}");
    sandbox.write("book.yaml", BOOK.replace("Book", "Tome").replace("1.0.0", "2.0.0"));
    sandbox.run(&["put", "book.yaml", "--db", url]).success();
    assert_eq!(sandbox.run(&["get", "book", "--db", url]).success().json()["title"], "Tome");
    let preview = sandbox.run(&["put", "book.yaml", "--db", url, "--dry-run", "--json"]).success().json();
    assert_eq!(preview["stored"], 0);
}
