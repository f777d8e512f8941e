//! Migrations of several branches: `charter db renumber`, and downgrades where one is missing in the middle.

use super::project::shop;
use crate::support::terminal;

#[test]
fn what_was_merged_late_is_put_after_what_was_applied() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V15__mine.sql", "CREATE TABLE mine (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V15__mine.down.sql", "DROP TABLE mine;\n");
    sandbox.run(&["db", "upgrade"]).exit(4);
    sandbox.run(&["db", "environment", "staging"]).success();
    let planned = sandbox.run(&["db", "renumber", "--dry-run"]).success();
    assert_eq!((planned.stdout.as_str(), planned.stderr.as_str()), ("to renumber  mine 15 -> 21\n", ""));
    assert!(sandbox.path("sql/V15__mine.sql").exists());
    let json = sandbox.run(&["db", "renumber", "--json"]).success().json();
    assert_eq!((&json["renumbered"][0]["from"], &json["renumbered"][0]["to"]), (&15.into(), &21.into()));
    assert!(sandbox.path("sql/V21__mine.down.sql").exists() && !sandbox.path("sql/V15__mine.sql").exists());
    sandbox.run(&["db", "upgrade"]).success();
    let nothing = sandbox.run(&["db", "renumber"]).success();
    assert_eq!(nothing.stdout, "every migration is where it can be applied: nothing was renamed\n");

    // Without a database, by name.
    let sandbox = shop();
    sandbox.run(&["--db", "sqlite:///shop.db", "db", "renumber", "--migration", "orders"]).exit(2);
    let told = sandbox.run(&["db", "renumber", "--migration", "orders"]).success();
    assert_eq!(told.stdout, "renumbered  orders 10 -> 21\n");
    assert!(!sandbox.path("charter.db").exists());
}

/// A developer has applied what nobody else has, and merges what others have applied: theirs must keep their numbers.
#[test]
fn a_database_of_ones_own_does_not_say_what_goes_last() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V15__theirs.sql", "CREATE TABLE theirs (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V15__theirs.down.sql", "DROP TABLE theirs;\n");
    let refused = sandbox.run(&["db", "upgrade"]).exit(4);
    assert!(refused.stderr.contains("`charter db renumber`") && refused.stderr.contains("`charter db downgrade 10`"));

    let told = sandbox.run(&["db", "renumber", "--dry-run"]).success();
    assert!(told.stderr.contains("is a dev database: it lacks theirs") && told.stderr.contains("--migration NAME"));
    let (code, shown) = terminal::run(&sandbox, &["db", "renumber"], "n\n");
    assert_eq!(code, Some(4), "{shown}");
    assert!(sandbox.path("sql/V15__theirs.sql").exists());

    // What the hint says: all come in order, and no number changes.
    let sql = sandbox.run(&["db", "downgrade", "--sql", "10"]).success();
    assert!(sql.stdout.contains("DROP COLUMN email") && !sql.stdout.contains("theirs"), "{sql}");
    let back = sandbox.run(&["db", "downgrade", "10", "--json"]).success().json();
    assert_eq!((back["reverted"].as_array().map(Vec::len), &back["reverted"][0]["number"]), (Some(1), &20.into()));
    let up = sandbox.run(&["db", "upgrade", "--json"]).success().json();
    assert_eq!((&up["applied"][0]["number"], &up["applied"][1]["number"]), (&15.into(), &20.into()));
    sandbox.run(&["db", "current", "--check"]).success();
}

#[test]
fn steps_down_count_what_was_applied() {
    let sandbox = shop();
    sandbox.run(&["db", "upgrade"]).success();
    sandbox.write("sql/V15__theirs.sql", "CREATE TABLE theirs (id BIGINT NOT NULL PRIMARY KEY);\n");
    sandbox.write("sql/V15__theirs.down.sql", "DROP TABLE theirs;\n");
    let back = sandbox.run(&["db", "downgrade", "-2", "--json"]).success().json();
    assert_eq!((&back["reverted"][0]["number"], &back["reverted"][1]["number"]), (&20.into(), &10.into()));
    sandbox.run(&["db", "upgrade"]).success();
    // What was applied and has another text now is not taken back by a text that may not fit it.
    sandbox.write("sql/V15__theirs.sql", "CREATE TABLE theirs (id TEXT);\n");
    let refused = sandbox.run(&["db", "downgrade"]).exit(4);
    assert!(
        refused.stderr.contains("another text") && refused.stderr.contains("take this one back first"),
        "{refused}"
    );
    // Nor is one whose files are gone.
    std::fs::remove_file(sandbox.path("sql/V20__email.sql")).expect("the file");
    std::fs::remove_file(sandbox.path("sql/V20__email.down.sql")).expect("the file");
    sandbox.write("sql/V15__theirs.sql", "CREATE TABLE theirs (id BIGINT NOT NULL PRIMARY KEY);\n");
    let refused = sandbox.run(&["db", "downgrade"]).exit(4);
    assert!(refused.stderr.contains("20 (email) is not among those of the set shop"), "{refused}");
}
