//! Files without a transaction that keep something for their connection alone.

use super::*;

const DIRECTIVE: &str = "-- charter: no-transaction\n";

fn found(text: &str, of: Engine) -> Vec<String> {
    let found = findings(text, &LintOptions::for_set(of, 14, "public"));
    let shown = |found: Finding| format!("{}: {}", found.start, found.message);
    found.into_iter().filter(|found| found.rule.name == "temporary-in-steps").map(shown).collect()
}

#[test]
fn what_one_step_keeps_for_the_next_is_lost_when_that_fails() {
    for of in [Engine::Sqlite, Engine::DuckDb, Engine::Postgres] {
        let steps = "CREATE TEMP TABLE keep AS SELECT * FROM t;\nDROP TABLE t;\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n\
                     INSERT INTO t SELECT * FROM keep;\nDROP TABLE keep;\n";
        let expected = ["2:1: keep is temporary, and used in a later step, at line 5"];
        assert_eq!(found(&format!("{DIRECTIVE}{steps}"), of), expected);
        assert_eq!(found(steps, of), [""; 0], "in one transaction");
        assert_eq!(found(&format!("{DIRECTIVE}BEGIN;\n{steps}COMMIT;\nDROP TABLE IF EXISTS keep;"), of), [""; 0]);
        // The step that needs it is a later one all the same.
        let parted =
            format!("{DIRECTIVE}BEGIN;\nCREATE TEMP TABLE keep (a INT);\nCOMMIT;\nBEGIN;\nDROP TABLE keep;\nCOMMIT;");
        assert_eq!(found(&parted, of), ["3:1: keep is temporary, and used in a later step, at line 6"]);
        for other in [
            "CREATE TEMP TABLE keep (a INT);\nSELECT t.keep FROM t;",
            "CREATE TABLE keep (a INT);\nINSERT INTO keep VALUES (1);\nDROP TABLE keep;",
            "CREATE TEMP TABLE keep (a INT);\nINSERT INTO t VALUES ('keep');",
            "INSERT INTO temp VALUES (1);\nINSERT INTO temp VALUES (2);",
            "BEGIN;\nCREATE TEMP TABLE keep (a INT);\nDROP TABLE IF EXISTS keep;\nCOMMIT;\nSELECT keep FROM t;",
            "BEGIN;\nCREATE TEMP TABLE keep (a INT);\nDROP TABLE keep;\nCOMMIT;\nSELECT keep FROM t;",
        ] {
            assert_eq!(found(&format!("{DIRECTIVE}{other}"), of), [""; 0], "{other}");
        }
    }
}

#[test]
fn whatever_is_temporary_is_seen() {
    let steps = |of: Engine, text: &str| {
        assert_eq!(found(&format!("{DIRECTIVE}{text}"), of).len(), 1, "{text}");
    };
    for of in [Engine::Sqlite, Engine::DuckDb] {
        steps(of, "CREATE TABLE temp.keep AS SELECT * FROM t; INSERT INTO t SELECT * FROM temp.\"keep\";");
        steps(of, "CREATE TEMPORARY VIEW IF NOT EXISTS v AS SELECT 1; INSERT INTO t SELECT * FROM v;");
    }
    let fires = "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM o; END; INSERT INTO t VALUES (1);";
    steps(Engine::Sqlite, fires);
    steps(Engine::DuckDb, "CREATE OR REPLACE TEMP MACRO f(a) AS a + 1; UPDATE t SET a = f(a) WHERE id = 1;");
    steps(Engine::DuckDb, "CREATE TEMP SEQUENCE s; UPDATE t SET a = nextval('s') WHERE id = 1;");
    for made in [
        "CREATE LOCAL TEMPORARY TABLE keep (a int)",
        "CREATE TABLE pg_temp.keep (a int)",
        "SELECT * INTO TEMP keep FROM t",
        "DO $$ BEGIN CREATE TEMP TABLE keep AS SELECT * FROM t; END $$",
    ] {
        steps(
            Engine::Postgres,
            &format!("{made}; CREATE INDEX CONCURRENTLY i ON t (a); INSERT INTO t SELECT * FROM keep;"),
        );
        steps(Engine::Postgres, &format!("{made}; DO $x$ BEGIN DELETE FROM t USING keep; END $x$;"));
    }
}
