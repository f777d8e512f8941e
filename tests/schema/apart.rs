//! What the engines have apart from each other: triggers, functions and the like, the order of columns, and constraints that
//! not all rows may keep.

use super::{prove, set, told};
use charter::Engine;
use charter::migrate::Verification;

const TABLES: &str = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT, c BIGINT);
    CREATE TABLE d (id BIGINT NOT NULL PRIMARY KEY, a BIGINT);
    CREATE VIEW v AS SELECT id, b FROM a;\n";
const DOWN: &str = "DROP VIEW v; DROP TABLE d; DROP TABLE a;";

/// What an engine has beside the tables: what makes it, and what takes it away.
struct Beside {
    engine: Engine,
    up: String,
    down: &'static str,
}

fn beside(engine: Engine, up: &str, down: &'static str) -> Beside {
    Beside { engine, up: up.to_owned(), down }
}

/// Proves a set of one migration with what engines have beside the tables; what the engines declare stands in `heads`.
fn prove_beside(besides: &[Beside], heads: &[(Engine, &str)]) -> Verification {
    let mut files = vec![("V1__a.sql".to_owned(), TABLES.to_owned()), ("V1__a.down.sql".to_owned(), DOWN.to_owned())];
    for engine in Engine::ALL {
        let here = || besides.iter().filter(move |beside| beside.engine == engine);
        let head = heads.iter().find(|(of, _)| *of == engine).map(|(_, what)| format!("-- charter: differs {what}\n"));
        let up: String = here().map(|beside| beside.up.as_str()).collect();
        let down: String = here().map(|beside| beside.down).collect();
        files.push((format!("V1__a.{engine}.sql"), format!("{}{TABLES}{up}", head.unwrap_or_default())));
        files.push((format!("V1__a.{engine}.down.sql"), format!("{down}{DOWN}")));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    prove(&set(&files))
}

/// The differences that are told of two engines.
fn apart(verification: &Verification, found: Engine, wanted: Engine) -> Vec<String> {
    let of = |fault: &&charter::migrate::Fault| {
        fault.engine == found && fault.kind == charter::migrate::FaultKind::Engines(wanted)
    };
    let faults = verification.faults.iter().filter(of);
    faults.flat_map(|fault| &fault.differences).map(ToString::to_string).collect()
}

const FUNCTION: &str = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n";

#[test]
fn what_only_postgres_has_is_told_unless_it_is_declared() {
    // What makes it, what takes it away before the tables go, and what is told.
    let cases = [
        (
            "CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';",
            "DROP FUNCTION twice;",
            "extra: function twice(n integer)",
        ),
        (
            "CREATE PROCEDURE clear() LANGUAGE sql AS 'DELETE FROM d';",
            "DROP PROCEDURE clear;",
            "extra: function clear()",
        ),
        ("CREATE SEQUENCE s;", "DROP SEQUENCE s;", "extra: sequence s"),
        ("CREATE TYPE mood AS ENUM ('sad', 'ok');", "DROP TYPE mood;", "extra: type mood"),
        ("CREATE TYPE span AS RANGE (subtype = bigint);", "DROP TYPE span;", "extra: type span"),
        ("CREATE DOMAIN named AS TEXT;", "DROP DOMAIN named;", "extra: type named"),
        ("CREATE TYPE pair AS (x TEXT, y TEXT);", "DROP TYPE pair;", "extra: type pair"),
        ("CREATE MATERIALIZED VIEW m AS SELECT b FROM a;", "DROP MATERIALIZED VIEW m;", "extra: materialized view m"),
        ("CREATE POLICY p ON a USING (true);", "", "extra: policy p of a"),
        (
            "ALTER TABLE d ENABLE ROW LEVEL SECURITY;",
            "",
            "different: table d: options ROW LEVEL SECURITY instead of none",
        ),
        ("CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING;", "", "extra: rule r of a"),
        (
            "ALTER TABLE a ADD CONSTRAINT once EXCLUDE USING btree (c WITH =);",
            "",
            "extra: exclusion constraint once of a",
        ),
        ("COMMENT ON COLUMN a.b IS 'x';", "", "extra: comment on column b of table a"),
        ("COMMENT ON VIEW v IS 'x';", "", "extra: comment on view v"),
        // What is no more than how a server keeps things.
        ("GRANT SELECT ON a TO PUBLIC;", "", ""),
        ("ALTER TABLE a SET (fillfactor = 70);", "", ""),
        ("CREATE STATISTICS correlated ON b, c FROM a;", "DROP STATISTICS correlated;", ""),
    ];
    let besides: Vec<Beside> = cases.iter().map(|(up, down, _)| beside(Engine::Postgres, up, down)).collect();
    let mut expected: Vec<&str> = cases.iter().map(|(.., told)| *told).filter(|told| !told.is_empty()).collect();
    expected.sort_unstable();
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let verification = prove_beside(&besides, &[]);
    assert_eq!(sorted(apart(&verification, Engine::Postgres, Engine::Sqlite)), expected);
    if cfg!(feature = "duckdb") {
        assert_eq!(sorted(apart(&verification, Engine::Postgres, Engine::DuckDb)), expected);
        assert_eq!(apart(&verification, Engine::DuckDb, Engine::Sqlite), [""; 0]);
    }
    let all = "functions, sequences, types, view m, policies, rules, exclusions, comments";
    assert_eq!(told(&prove_beside(&besides, &[(Engine::Postgres, all)])), [""; 0]);
}

#[test]
fn a_trigger_is_told_where_an_engine_has_none_or_one_that_fires_otherwise() {
    let sqlite = |up: &str| beside(Engine::Sqlite, up, "");
    let postgres =
        |up: &str| beside(Engine::Postgres, &format!("{FUNCTION}{up}"), "DROP TRIGGER t ON a; DROP FUNCTION touch;");
    let embedded = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE d SET a = 1; END;";
    let server = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION touch();";
    let functions = (Engine::Postgres, "functions");

    let only_sqlite = prove_beside(&[sqlite(embedded)], &[]);
    assert_eq!(apart(&only_sqlite, Engine::Postgres, Engine::Sqlite), ["missing: trigger t of a"]);
    for declaration in ["triggers", "trigger T"] {
        let verification = prove_beside(&[sqlite(embedded)], &[(Engine::Sqlite, declaration)]);
        assert_eq!(told(&verification), [""; 0], "{declaration}");
    }
    let only_postgres = prove_beside(&[postgres(server)], &[]);
    assert_eq!(
        apart(&only_postgres, Engine::Postgres, Engine::Sqlite),
        ["extra: trigger t of a", "extra: function touch()"]
    );
    let verification = prove_beside(&[postgres(server)], &[(Engine::Postgres, "triggers, functions")]);
    assert_eq!(told(&verification), [""; 0]);

    // The same on both is what DuckDB lacks.
    let both = [sqlite(embedded), postgres(server)];
    let verification = prove_beside(&both, &[functions]);
    assert_eq!(apart(&verification, Engine::Postgres, Engine::Sqlite), [""; 0]);
    if cfg!(feature = "duckdb") {
        assert_eq!(apart(&verification, Engine::DuckDb, Engine::Sqlite), ["missing: trigger t of a"]);
        assert_eq!(apart(&verification, Engine::Postgres, Engine::DuckDb), ["extra: trigger t of a"]);
    }
    assert_eq!(told(&prove_beside(&both, &[functions, (Engine::DuckDb, "triggers")])), [""; 0]);

    for (from, to, firing) in [
        ("AFTER", "BEFORE", "BEFORE INSERT FOR EACH ROW"),
        ("INSERT", "INSERT OR UPDATE OF b", "AFTER INSERT OR UPDATE OF b FOR EACH ROW"),
        ("FOR EACH ROW", "FOR EACH STATEMENT", "AFTER INSERT FOR EACH STATEMENT"),
        (";", "; ALTER TABLE a DISABLE TRIGGER t;", "AFTER INSERT FOR EACH ROW DISABLED"),
    ] {
        let other = [sqlite(embedded), postgres(&server.replacen(from, to, 1))];
        let verification = prove_beside(&other, &[functions, (Engine::DuckDb, "triggers")]);
        let line = format!("different: trigger t of a: definition {firing} instead of AFTER INSERT FOR EACH ROW");
        assert_eq!(apart(&verification, Engine::Postgres, Engine::Sqlite), [line]);
    }
    let other = [sqlite(embedded), postgres(&server.replacen("AFTER", "BEFORE", 1))];
    let heads = [(Engine::Postgres, "functions, trigger t"), (Engine::DuckDb, "triggers")];
    assert_eq!(told(&prove_beside(&other, &heads)), [""; 0]);
}

/// DuckDB keeps triggers too.
#[cfg(feature = "duckdb")]
#[test]
fn a_trigger_of_duckdb_is_told_and_restored() {
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW INSERT INTO d VALUES (NEW.id, 1);";
    let sqlite = "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO d VALUES (NEW.id, 1); END;";
    let of_duckdb = || beside(Engine::DuckDb, trigger, "DROP TRIGGER t ON a;");
    let verification = prove_beside(&[of_duckdb()], &[]);
    assert_eq!(apart(&verification, Engine::DuckDb, Engine::Sqlite), ["extra: trigger t of a"]);
    let both = [of_duckdb(), beside(Engine::Sqlite, sqlite, "")];
    assert_eq!(told(&prove_beside(&both, &[(Engine::Postgres, "triggers")])), [""; 0]);
    let left = set(&[
        ("V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY); CREATE TABLE d (id BIGINT);"),
        ("V1__a.down.sql", "DROP TABLE a; DROP TABLE d;"),
        ("V2__t.sql", "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW INSERT INTO d VALUES (NEW.id);"),
        ("V2__t.down.sql", "SELECT 1;"),
    ]);
    let lines = told(&prove(&left.for_engines([Engine::DuckDb])));
    assert_eq!(lines, ["2 t on duckdb: taking it back does not restore what was there", "  extra: trigger t of a"]);
}

/// What DuckDB and Postgres both have is compared between them by name alone.
#[cfg(feature = "duckdb")]
#[test]
fn what_two_engines_know_by_one_name_is_one_thing() {
    let duckdb = "CREATE SEQUENCE s; CREATE MACRO twice(n) AS 2 * n; CREATE TYPE mood AS ENUM ('sad', 'ok');
        COMMENT ON TABLE a IS 'x'; COMMENT ON COLUMN a.b IS 'y'; COMMENT ON COLUMN v.b IS 'z';";
    let postgres = "CREATE SEQUENCE s; CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
        CREATE FUNCTION twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n || n'; CREATE TYPE mood AS ENUM ('sad', 'ok');
        COMMENT ON TABLE a IS 'x'; COMMENT ON COLUMN a.b IS 'y'; COMMENT ON COLUMN v.b IS 'z';";
    let down = "DROP FUNCTION twice(integer); DROP FUNCTION twice(text); DROP SEQUENCE s; DROP TYPE mood;";
    let both = |postgres: &str| {
        [
            beside(Engine::DuckDb, duckdb, "DROP MACRO twice; DROP SEQUENCE s; DROP TYPE mood;"),
            beside(Engine::Postgres, postgres, down),
        ]
    };
    let verification = prove_beside(&both(postgres), &[(Engine::Sqlite, "sequences, functions, types, comments")]);
    assert_eq!(told(&verification), [""; 0]);
    let verification = prove_beside(&both(&postgres.replace("'y'", "'why'")), &[]);
    assert_eq!(
        apart(&verification, Engine::Postgres, Engine::DuckDb),
        ["different: comment on column b of table a: definition why instead of y"]
    );
    assert_eq!(
        apart(&verification, Engine::Postgres, Engine::Sqlite),
        [
            "extra: function twice(n integer)",
            "extra: function twice(n text)",
            "extra: sequence s",
            "extra: type mood",
            "extra: comment on column b of table a",
            "extra: comment on column b of view v",
            "extra: comment on table a",
        ]
    );
}

/// What is declared stays declared when all engines give its table another name.
#[test]
fn what_is_declared_follows_its_table() {
    let postgres = "-- charter: differs functions, triggers, policies, rules, comments\n
        CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT);
        CREATE FUNCTION whole(a) RETURNS text LANGUAGE sql AS 'SELECT $1.b';
        CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE POLICY p ON a USING (true); ALTER TABLE a ENABLE ROW LEVEL SECURITY;
        CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING; COMMENT ON COLUMN a.b IS 'x';";
    let files = |last: &str| {
        set(&[
            ("V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT);"),
            ("V1__a.down.sql", "DROP TABLE a;"),
            ("V1__a.postgres.sql", postgres),
            ("V1__a.postgres.down.sql", "DROP FUNCTION whole; DROP TABLE a;"),
            ("V2__c.sql", "ALTER TABLE a RENAME TO c;"),
            ("V2__c.down.sql", "ALTER TABLE c RENAME TO a;"),
            ("V3__d.sql", "ALTER TABLE c RENAME COLUMN b TO d;"),
            ("V3__d.down.sql", "ALTER TABLE c RENAME COLUMN d TO b;"),
            ("V4__e.sql", "SELECT 1;"),
            ("V4__e.down.sql", "SELECT 1;"),
            ("V4__e.postgres.sql", last),
            (
                "V4__e.postgres.down.sql",
                "DROP FUNCTION other; CREATE FUNCTION whole(c) RETURNS text LANGUAGE sql AS 'SELECT $1.d';",
            ),
        ])
    };
    // Another one in its place is not declared.
    let verification =
        prove(&files("DROP FUNCTION whole; CREATE FUNCTION other() RETURNS text LANGUAGE sql AS 'SELECT 1';"));
    assert_eq!(apart(&verification, Engine::Postgres, Engine::Sqlite), ["extra: function other()"]);
    assert!(verification.faults.iter().all(|fault| fault.number == 4), "{:?}", told(&verification));
}

#[test]
fn another_order_of_columns_is_told_where_it_arises() {
    // A table made anew with the new column in the middle, where the others have it at the end.
    let rebuilt = "CREATE TABLE new (id BIGINT NOT NULL PRIMARY KEY, e TEXT, b TEXT);
        INSERT INTO new SELECT id, NULL, b FROM a; DROP TABLE a; ALTER TABLE new RENAME TO a;";
    let files = |head: &str| {
        set(&[
            ("V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT);"),
            ("V1__a.down.sql", "DROP TABLE a;"),
            ("V2__e.sql", "ALTER TABLE a ADD COLUMN e TEXT;"),
            ("V2__e.sqlite.sql", &format!("{head}{rebuilt}")),
            ("V2__e.down.sql", "ALTER TABLE a DROP COLUMN e;"),
            ("V3__f.sql", "ALTER TABLE a ADD COLUMN f TEXT;"),
            ("V3__f.down.sql", "ALTER TABLE a DROP COLUMN f;"),
            ("V4__g.sql", "ALTER TABLE a RENAME TO g;"),
            ("V4__g.down.sql", "ALTER TABLE g RENAME TO a;"),
        ])
    };
    let verification = prove(&files(""));
    let line = "different: table a: order of columns id, b, e instead of id, e, b";
    assert_eq!(apart(&verification, Engine::Postgres, Engine::Sqlite), [line]);
    assert!(verification.faults.iter().all(|fault| fault.number == 2), "{:?}", told(&verification));
    for declaration in ["column-order", "table a"] {
        let verification = prove(&files(&format!("-- charter: differs {declaration}\n")));
        assert_eq!(told(&verification), [""; 0], "{declaration}");
    }
    assert!(!prove(&files("-- charter: differs types, no-indexes, table b\n")).is_ok());
}

/// Postgres puts a column that comes back at the end; that is no fault of the way down, nor of what comes after it.
#[test]
fn an_order_that_going_down_and_up_leaves_is_told_of_nobody() {
    let set = set(&[
        ("V1__a.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT, c TEXT);"),
        ("V1__a.down.sql", "DROP TABLE a;"),
        ("V2__rename.sql", "ALTER TABLE a RENAME COLUMN b TO e;"),
        ("V2__rename.down.sql", "ALTER TABLE a RENAME COLUMN e TO b;"),
        ("V2__rename.postgres.down.sql", "ALTER TABLE a ADD COLUMN b TEXT; ALTER TABLE a DROP COLUMN e;"),
        ("V3__f.sql", "ALTER TABLE a ADD COLUMN f TEXT;"),
        ("V3__f.down.sql", "ALTER TABLE a DROP COLUMN f;"),
    ]);
    assert_eq!(told(&prove(&set)), [""; 0]);
}

#[test]
fn a_constraint_that_rows_may_not_keep_is_told_until_it_is_validated() {
    let table = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b BIGINT";
    let portable =
        format!("{table}, CONSTRAINT positive CHECK (b > 0), CONSTRAINT whose FOREIGN KEY (b) REFERENCES p (id));");
    let late = format!(
        "{table}); ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0) NOT VALID;
        ALTER TABLE a ADD CONSTRAINT whose FOREIGN KEY (b) REFERENCES p (id) NOT VALID;"
    );
    let files = |head: &str, last: &str| {
        let late = format!("{head}{late}");
        set(&[
            ("V1__p.sql", "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY);"),
            ("V1__p.down.sql", "DROP TABLE p;"),
            ("V2__a.sql", &portable),
            ("V2__a.postgres.sql", &late),
            ("V2__a.down.sql", "DROP TABLE a;"),
            ("V3__last.sql", "SELECT 1;"),
            ("V3__last.down.sql", "SELECT 1;"),
            ("V3__last.postgres.sql", last),
        ])
    };
    let validated = "ALTER TABLE a VALIDATE CONSTRAINT positive; ALTER TABLE a VALIDATE CONSTRAINT whose;";
    let verification = prove(&files("", "SELECT 1;"));
    assert_eq!(
        apart(&verification, Engine::Postgres, Engine::Sqlite),
        [
            "different: foreign key whose of a: validity NOT VALID instead of valid",
            "different: check positive of a: validity NOT VALID instead of valid",
        ]
    );
    assert!(verification.faults.iter().all(|fault| fault.number == 2), "{:?}", told(&verification));
    for declaration in ["not-valid", "no-checks, no-foreign-keys", "table a"] {
        let head = format!("-- charter: differs {declaration}\n");
        assert_eq!(told(&prove(&files(&head, "SELECT 1;"))), [""; 0], "{declaration}");
    }
    assert!(!prove(&files("-- charter: differs no-checks\n", "SELECT 1;")).is_ok());
    // Validating cannot be taken back: what is left of it is told, and nothing else.
    let verification = prove(&files("-- charter: differs not-valid\n", validated));
    assert!(verification.faults.iter().all(|fault| fault.number == 3), "{:?}", told(&verification));
    assert_eq!(apart(&verification, Engine::Postgres, Engine::Sqlite), [""; 0]);
}

/// How an index is kept is the engine's matter; which rows it lets in is not.
#[test]
fn a_unique_index_that_lets_other_rows_in_is_told() {
    let unique = |engine: Engine, rest: &str| beside(engine, &format!("CREATE UNIQUE INDEX i ON a {rest};"), "");
    let kept = "CREATE INDEX j ON a USING hash (b); CREATE INDEX k ON a (b text_pattern_ops) INCLUDE (c);";
    let plain = "CREATE INDEX j ON a (b); CREATE INDEX k ON a (b);";
    let besides = [
        unique(Engine::DuckDb, "(b)"),
        beside(Engine::DuckDb, plain, ""),
        unique(Engine::Sqlite, "(b COLLATE NOCASE)"),
        beside(Engine::Sqlite, plain, ""),
        unique(Engine::Postgres, "(b)"),
        beside(Engine::Postgres, kept, ""),
    ];
    let told = apart(&prove_beside(&besides, &[]), Engine::Postgres, Engine::Sqlite);
    assert_eq!(told, ["different: index i of a: columns (b) instead of (b COLLATE NOCASE)"]);
}
