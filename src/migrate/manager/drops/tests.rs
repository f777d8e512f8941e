//! What the text of a way down drops.

use super::super::super::set::MigrationSet;
use super::*;

fn found(down: &str, engine: Engine) -> Vec<String> {
    let files = [("V1__a.sql", "SELECT 1;"), ("V1__a.down.sql", down)];
    let set = MigrationSet::from_files("test", files).expect("a set");
    let migration = set.migrations()[0].clone();
    let script = migration.down(engine).expect("a down side").clone();
    drops(&Planned { set: set.clone(), migration, engine, script, is_down: true })
        .into_iter()
        .map(|drop| match drop {
            Drop::Table(name) => name.join("."),
            Drop::View(name) => format!("view {}", name.join(".")),
            Drop::Column(name, column) => format!("{}: {column}", name.join(".")),
            Drop::Rows(name) => format!("rows of {}", name.join(".")),
            Drop::Rebuilt(name, kept) => format!("{} keeps {}", name.join("."), kept.shown()),
            Drop::Retyped(name, column, data_type) => format!("{}: {column} is {data_type}", name.join(".")),
        })
        .collect()
}

#[test]
fn what_is_dropped_is_found_however_it_is_written() {
    let down = "-- DROP TABLE no;\nDROP TABLE IF EXISTS Shop.\"Big Orders\", items CASCADE;\n\
         ALTER TABLE ONLY people DROP COLUMN IF EXISTS Email, DROP phone, DROP CONSTRAINT c, ALTER age DROP NOT NULL;\n\
         DROP VIEW v; DROP INDEX i; ALTER TABLE people RENAME TO persons;\n\
         DELETE FROM ONLY shop.notes WHERE id > 1; TRUNCATE a, b CASCADE;";
    let expected = ["shop.Big Orders", "items", "people: email", "people: phone", "view v"];
    let rows = ["rows of shop.notes", "rows of a", "rows of b"];
    assert_eq!(found(down, Engine::Postgres), [&expected[..], &rows].concat());
}

#[test]
fn what_is_made_is_found_however_it_is_written() {
    let up = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"By Note\" ON a (b); CREATE TABLE Shop.a (index BIGINT);\n\
         CREATE OR REPLACE VIEW v AS SELECT 1; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();\n\
         ALTER INDEX old RENAME TO new; ALTER TABLE a RENAME COLUMN index TO b; ALTER TABLE a ADD c BIGINT;\n\
         -- CREATE TABLE no (a BIGINT);\nINSERT INTO a VALUES ('CREATE TABLE no');";
    let set = MigrationSet::from_files("test", [("V1__a.sql", up)]).expect("a set");
    let made = made(set.migrations()[0].up(Engine::Postgres), Engine::Postgres);
    let made: Vec<String> = made.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect();
    assert_eq!(made, ["index by note", "index new", "table shop.a", "trigger t", "view v"]);
}

#[test]
fn a_table_is_named_where_one_can_stand() {
    for (text, tables) in [
        (
            "CREATE VIEW v AS SELECT a.owners, systems FROM main.\"A\" AS a, b LEFT JOIN [c] ON c.x = f(a.y, a.z), d WHERE x, e",
            "a b c d",
        ),
        (
            "SELECT owners FROM (SELECT a, b FROM c UNION SELECT d, e FROM f), (g JOIN h), i WHERE j IN (k, l) OR m IN n",
            "c f g h i n",
        ),
        (
            "CREATE TRIGGER t AFTER DELETE ON a BEGIN INSERT INTO b (owners) SELECT 1, 2; UPDATE OR IGNORE c SET d = e, f = 1; DELETE FROM g; END",
            "b c g",
        ),
        ("SELECT 'FROM a', b -- FROM c", ""),
    ] {
        let found = relations(text, Engine::Sqlite).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found, tables, "{text}");
    }
}

#[test]
fn a_table_that_is_rebuilt_loses_the_columns_that_it_does_not_get_back() {
    let down = "CREATE TABLE orders_new (\"id\" BIGINT PRIMARY KEY CHECK (id IN (1, 2)), note TEXT DEFAULT (a, b), \
         PRIMARY KEY (id), CHECK (note <> ','));\nINSERT INTO orders_new SELECT id, note FROM orders;\n\
         DROP TABLE orders;\nALTER TABLE orders_new RENAME TO orders;\nDROP TABLE [b c];";
    assert_eq!(found(down, Engine::Sqlite), ["orders keeps id note", "b c"]);
}

#[test]
fn rows_that_a_rebuild_leaves_out_are_lost() {
    for (copy, lost) in [
        ("INSERT INTO b SELECT id, a FROM p WHERE id > 1", &["p keeps id a", "rows of p"][..]),
        ("INSERT OR IGNORE INTO b SELECT * FROM p", &["p keeps all", "rows of p"]),
        ("INSERT INTO b SELECT DISTINCT id FROM p", &["p keeps id", "rows of p"]),
        ("INSERT INTO b SELECT * FROM p", &["p keeps all"]),
        ("INSERT INTO b SELECT id FROM q", &["p"]),
        ("SELECT 1", &["p"]),
    ] {
        let down = format!("CREATE TABLE b (id BIGINT, a TEXT); {copy}; DROP TABLE p; ALTER TABLE b RENAME TO p;");
        assert_eq!(found(&down, Engine::Sqlite), lost, "{copy}");
        // The same with the old one out of the way first.
        let first = format!(
            "ALTER TABLE p RENAME TO b0; CREATE TABLE p (id BIGINT, a TEXT); {}; DROP TABLE b0;",
            copy.replace("FROM p", "FROM b0").replace("INTO b", "INTO p")
        );
        assert_eq!(found(&first, Engine::Sqlite), lost, "{first}");
    }
    for (down, lost) in [
        ("CREATE OR REPLACE TABLE p (id BIGINT)", &["p"][..]),
        ("CREATE OR REPLACE TABLE p AS SELECT id FROM p", &["p keeps id"]),
        (
            "CREATE TABLE b AS SELECT id FROM p LIMIT 1; DROP TABLE p; ALTER TABLE b RENAME TO p",
            &["p keeps id", "rows of p"],
        ),
        ("ALTER TABLE p RENAME a TO b; ALTER TABLE p ALTER b TYPE DECIMAL(4, 1)", &["p: a is DECIMAL ( 4 , 1 )"]),
        ("ALTER TABLE p ALTER COLUMN a SET DATA TYPE INTEGER USING 1", &["p: a is INTEGER"]),
        ("ALTER TABLE p ALTER a SET NOT NULL", &[]),
    ] {
        assert_eq!(found(down, Engine::DuckDb), lost, "{down}");
    }
}

/// What counts is what is copied: not what it is called after, nor what is made to be filled otherwise.
#[test]
fn a_rebuild_keeps_the_columns_that_it_copies() {
    let rebuilt = |insert: &str, before: &str| {
        format!(
            "{before}CREATE TABLE made (id BIGINT, n TEXT, \"from\" BIGINT);\n\
             INSERT INTO made (id, n, \"from\") {insert};\nDROP TABLE a;\nALTER TABLE made RENAME TO a;"
        )
    };
    for (insert, before, kept) in [
        ("SELECT id, title, \"from\" FROM a", "", "id title from"),
        ("SELECT id, coalesce(a.title, 'x') AS n, NULL AS \"from\" FROM a", "", "id title"),
        ("SELECT id, n, \"from\" FROM a", "ALTER TABLE a RENAME COLUMN title TO n;\n", "id title from"),
        ("SELECT id, n, 1 FROM a", "ALTER TABLE a RENAME x TO y;\nALTER TABLE a RENAME y TO n;\n", "id x"),
        ("SELECT * FROM a", "", "all"),
    ] {
        for engine in [Engine::Sqlite, Engine::DuckDb] {
            assert_eq!(found(&rebuilt(insert, before), engine), [format!("a keeps {kept}")], "{insert}");
        }
    }
}
