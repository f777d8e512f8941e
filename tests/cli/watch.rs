//! `charter watch`.

use super::{BOOK, USER};
use crate::support::{Process, Sandbox, assert_output, eventually};
use std::fs;

fn watch(sandbox: &Sandbox, arguments: &[&str]) -> Process {
    let arguments: Vec<&str> = ["watch", "in"].iter().chain(arguments).copied().collect();
    let process = sandbox.spawn(&arguments);
    eventually("watching", || process.stderr().contains("watching") || process.stdout().contains("watching"));
    process
}

#[test]
fn files_are_put_as_they_are_saved() {
    let sandbox = Sandbox::new();
    sandbox.write("in/user.json", USER);
    let process = watch(&sandbox, &[]);
    eventually("what is there", || process.stdout().contains("contract  user@1.0.0"));
    sandbox.write("in/new/folder/book.yaml", BOOK);
    eventually("a file in a new folder", || process.stdout().contains("book@1.0.0"));
    sandbox.write("in/broken.yaml", "a: 1\nb: [\n");
    eventually("a broken file", || process.stderr().contains("in/broken.yaml:3:1"));
    // As editors save: under another name, then in place of the file.
    sandbox.write("in/.broken.yaml.swp", USER);
    fs::rename(sandbox.path("in/.broken.yaml.swp"), sandbox.path("in/broken.yaml")).expect("renaming");
    eventually("the repaired file", || process.stdout().contains("broken@1.0.0"));
    sandbox.write("in/user.json", USER.replace("User", "Person"));
    eventually("a conflict", || process.stderr().contains("schema user@1.0.0 is published with other content"));
    process.signal("INT");
    let output = process.wait().success();
    assert!(!output.stdout.contains("unchanged"), "{output}");
    assert_eq!(output.stderr.matches("broken.yaml:3:1").count(), 1, "{output}");
    let names = sandbox.run(&["list", "--kind", "contract", "--json"]).success().json();
    let names: Vec<&str> =
        names.as_array().expect("a list").iter().filter_map(|record| record["name"].as_str()).collect();
    assert_eq!(names, ["book", "broken", "user"]);
}

#[test]
fn watching_for_programs() {
    let sandbox = Sandbox::new();
    sandbox.write("in/user.json", USER);
    let process = watch(&sandbox, &["--json"]);
    eventually("what is there", || process.stdout().contains("\"put\""));
    sandbox.write("in/broken.json", "{\n");
    eventually("the broken file", || process.stdout().contains("\"error\""));
    process.signal("TERM");
    assert_output!(sandbox, process.wait(), @r#"
    exit: 0
    --- stdout ---
    {"event":"watching","folder":"in","database":"sqlite:///[DIRECTORY]/charter.db"}
    {"event":"put","files":["in/user.json"],"stored":2,"unchanged":0,"records":[{"kind":"schema","namespace":"","name":"user","version":"1.0.0","digest":"3c68eaea624b1d4d28457bbd249cef7327d5405a15fad7652a029a961ca547c6","status":"stored"},{"kind":"contract","namespace":"","name":"user","version":"1.0.0","digest":"a1a70f9fee25e1fb149d30d94b45366ee68c4049d95abb5bb991ea33b0630caf","status":"stored"}]}
    {"event":"error","error":{"kind":"invalid","message":"the document ends too early: expected a member name in double quotes","location":{"file":"in/broken.json","line":2,"column":1}}}
    {"event":"ended"}
    --- stderr ---
    "#);
}

#[test]
fn a_contract_waits_for_what_it_refers_to() {
    let sandbox = Sandbox::new();
    sandbox.write("in/b.yaml", "schema: {type: object}\nversions: {metadata: 2.0.0}\n");
    let process = watch(&sandbox, &[]);
    eventually("the missing part", || process.stderr().contains("metadata b@2.0.0"));
    sandbox.write("in/other.yaml", "name: b\nversion: 2.0.0\nschema: {type: object}\nmetadata: {description: x}\n");
    eventually("both", || process.stdout().matches("contract  b@").count() == 2);
    process.signal("INT");
    let output = process.wait().success();
    assert_eq!(output.stderr.matches("metadata b@2.0.0").count(), 1, "{output}");
}

#[test]
fn a_changed_url_is_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///one.db\n");
    sandbox.write("in/user.json", USER);
    let process = watch(&sandbox, &[]);
    eventually("the first file", || process.stdout().contains("contract  user@1.0.0"));
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///two.db\nnonsense\n");
    eventually("the broken edit", || process.stderr().contains("charter.cfg:3"));
    sandbox.write("in/still.json", USER);
    eventually("the old store", || process.stdout().contains("contract  still@1.0.0"));
    sandbox.write("charter.cfg", "[database]\nurl = sqlite:///two.db\n");
    eventually("the new store", || process.stderr().contains("now putting into"));
    sandbox.write("in/book.yaml", BOOK);
    eventually("the next file", || process.stdout().contains("book@1.0.0"));
    process.signal("INT");
    process.wait().success();
    let names = |url: &str| -> Vec<String> {
        let listed = sandbox.run(&["list", "--kind", "contract", "--json", "--db", url]).success().json();
        listed.as_array().expect("a list").iter().map(|record| record["name"].to_string()).collect()
    };
    assert_eq!(names("sqlite:///one.db"), ["\"still\"", "\"user\""]);
    assert_eq!(names("sqlite:///two.db"), ["\"book\"", "\"still\"", "\"user\""]);
}

#[test]
fn a_store_that_is_away_is_tried_again() {
    let sandbox = Sandbox::new();
    sandbox.write("alembic.ini", "[alembic]\nsqlalchemy.url = sqlite:///host.db\n");
    sandbox.write("in/user.json", USER);
    let process = watch(&sandbox, &[]);
    eventually("the refusal", || process.stderr().contains("no charter registry yet"));
    sandbox.run(&["db", "init", "sqlite:///host.db"]).success();
    eventually("the file", || process.stdout().contains("contract  user@1.0.0"));
    process.signal("INT");
    let output = process.wait().success();
    assert_eq!(output.stderr.matches("no charter registry yet").count(), 1, "{output}");
}

#[test]
fn there_must_be_a_folder() {
    let sandbox = Sandbox::new();
    assert_output!(sandbox, sandbox.run(&["watch", "nowhere"]), @r#"
    exit: 1
    --- stdout ---
    --- stderr ---
    error: nowhere: there is no such folder
    "#);
    sandbox.write("in/user.json", USER);
    let process = watch(&sandbox, &[]);
    eventually("what is there", || process.stdout().contains("contract  user@1.0.0"));
    fs::remove_dir_all(sandbox.path("in")).expect("removing");
    let output = process.wait().exit(1);
    assert!(output.stderr.contains("in: the folder is gone"), "{output}");
}
