//! What is the same on all engines however it is spelt, and what is told where it is not.

use super::{SECOND, prove, prove_on_two, set, told};
use crate::support::postgres;
use crate::support::stores::parse;
use charter::Engine;
use charter::migrate::{FaultKind, MigrationSet, verify};

#[test]
fn charters_own_set_is_proven_on_every_engine() {
    let mut steps = Vec::new();
    let database = postgres::database();
    let charter = MigrationSet::charter();
    let verification = verify(&[charter], Some(&parse(database.url())), &mut |step| {
        steps.push((step.engine, step.place, step.of));
    })
    .expect("a verification");
    assert_eq!(told(&verification), [""; 0]);
    assert!(verification.is_ok() && verification.warnings.is_empty());
    let engines: Vec<Engine> = verification.runs.iter().map(|run| run.engine).collect();
    let of_build = Engine::ALL.into_iter().filter(|engine| *engine != Engine::DuckDb || cfg!(feature = "duckdb"));
    assert_eq!(engines, of_build.collect::<Vec<_>>());
    let of = engines.len() * charter.migrations().len();
    assert_eq!(steps.iter().map(|step| step.1).collect::<Vec<_>>(), (0..of).collect::<Vec<_>>());
    assert!(steps.iter().all(|step| step.2 == of));
}

/// Everything that portable text can say, in the spellings that people use.
const PORTABLE: &str = "
    CREATE TABLE customers (
        id BIGINT NOT NULL PRIMARY KEY,
        email VARCHAR(80) NOT NULL UNIQUE,
        score DOUBLE PRECISION DEFAULT 0.5,
        balance DECIMAL(10, 2) NOT NULL DEFAULT 0,
        level INT DEFAULT -1,
        small SMALLINT,
        real_ REAL,
        active BOOLEAN NOT NULL DEFAULT TRUE,
        picture BYTEA,
        notes TEXT DEFAULT 'none; it''s empty',
        nil TEXT DEFAULT NULL,
        born DATE,
        extra JSON,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
        seen_at TIMESTAMP,
        kind TEXT NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'firm')),
        state VARCHAR(10) CHECK (state NOT IN ('x', 'y') AND state <> ''),
        CONSTRAINT sane CHECK (level BETWEEN -1 AND 10 OR level IS NULL),
        CHECK (notes LIKE 'n%' or notes NOT LIKE '%z' OR length(notes) != 3),
        CHECK (balance >= 0 AND NOT (score < -1.5)),
        CHECK (CASE WHEN active THEN level ELSE 0 END > -2),
        CHECK (coalesce(state, kind) || 'x' <> CAST(level AS TEXT)),
        CHECK (born > '1900-01-01' OR active = FALSE OR extra ->> 'a' = 'b')
    );
    CREATE TABLE \"Orders\" (
        day DATE NOT NULL,
        \"no\" BIGINT NOT NULL,
        customer BIGINT NOT NULL REFERENCES customers,
        total NUMERIC(12, 3) NOT NULL,
        PRIMARY KEY (day, \"no\"),
        CONSTRAINT one_total UNIQUE (customer, total),
        CONSTRAINT whose FOREIGN KEY (customer) REFERENCES customers (id)
    );
    CREATE INDEX orders_total ON \"Orders\" (total DESC, day);
    CREATE UNIQUE INDEX customers_lower ON customers (lower(email), (level + 1));
    CREATE VIEW firms AS SELECT id, email AS address, extra ->> 'title' AS title FROM customers WHERE kind = 'firm';
";
const PORTABLE_DOWN: &str = "DROP VIEW firms; DROP INDEX customers_lower; DROP INDEX orders_total;
    DROP TABLE \"Orders\"; DROP TABLE customers;";

pub(super) fn portable() -> MigrationSet {
    set(&[("V1__a.sql", PORTABLE), ("V1__a.down.sql", PORTABLE_DOWN)])
}

#[test]
fn what_is_only_spelt_otherwise_is_the_same_on_every_engine() {
    let verification = prove(&portable());
    assert_eq!(told(&verification), [""; 0]);
    // The same in other words.
    let words = [
        ("VARCHAR(80)", "character  varying (80)"),
        ("DOUBLE PRECISION", "float8"),
        ("BIGINT", "int8"),
        ("INT DEFAULT", "integer  DEFAULT"),
        ("BOOLEAN", "bool"),
        ("DEFAULT TRUE", "DEFAULT (true)"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("CURRENT_TIMESTAMP", "current_timestamp"),
        ("kind IN ('person', 'firm')", "(\"kind\" in ('person', 'firm'))"),
        ("level BETWEEN -1 AND 10 OR level IS NULL", "(level >= (-1) and (level <= 10)) or (level IS NULL)"),
        ("notes NOT LIKE '%z'", "NOT (notes like '%z')"),
        ("length(notes) != 3", "LENGTH(notes) <> 3"),
        ("balance >= 0", "/* not less */ balance>=0"),
        ("NUMERIC(12, 3)", "decimal(12,3)"),
        ("total DESC, day", "total desc, \"day\" ASC"),
        ("DEFAULT NULL", ""),
    ];
    let mut other = PORTABLE.to_owned();
    for (one, spelling) in words {
        assert!(other.contains(one), "{one}");
        other = other.replace(one, spelling);
    }
    for engine in ["sqlite", "duckdb", "postgres"] {
        let overlay = format!("V1__a.{engine}.sql");
        let verification =
            prove(&set(&[("V1__a.sql", PORTABLE), (&overlay, &other), ("V1__a.down.sql", PORTABLE_DOWN)]));
        assert_eq!(told(&verification), [""; 0], "{engine}");
    }
}

const BASE: &str = "CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY);
    CREATE TABLE t (a BIGINT NOT NULL, b VARCHAR(20) DEFAULT 'x', c TEXT, d BIGINT, e TEXT, PRIMARY KEY (a), UNIQUE (b),
    FOREIGN KEY (d) REFERENCES p (id), CHECK (d > 0));
    CREATE TABLE u (a TEXT);
    CREATE INDEX i ON t (c, d);
    CREATE VIEW v AS SELECT a, b FROM t;";
const BASE_DOWN: &str = "DROP VIEW v; DROP INDEX i; DROP TABLE u; DROP TABLE t; DROP TABLE p;";

#[test]
fn every_kind_of_difference_between_engines_is_told_unless_it_is_declared() {
    // What the overlay has instead, what that makes different, and what declares it.
    let cases: [(&str, &str, &str, &[&str]); 19] = [
        ("CREATE TABLE u (a TEXT);", "", "missing: table u", &["table u"]),
        (
            "CREATE TABLE u (a TEXT);",
            "CREATE TABLE u (a TEXT); CREATE TABLE w (a TEXT);",
            "extra: table w",
            &["table W"],
        ),
        ("e TEXT,", "", "missing: column t.e", &["table t"]),
        ("a TEXT)", "a TEXT, z TEXT)", "extra: column u.z", &["table u"]),
        ("c TEXT", "c DATE", "different: column t.c: type", &["types", "table t"]),
        (
            "d BIGINT,",
            "d BIGINT NOT NULL,",
            "different: column t.d: nullability NOT NULL instead of NULL",
            &["nullability"],
        ),
        ("DEFAULT 'x'", "", "different: column t.b: default none instead of 'x'", &["defaults"]),
        ("DEFAULT 'x'", "DEFAULT 'y'", "different: column t.b: default", &["defaults"]),
        (
            "PRIMARY KEY (a)",
            "PRIMARY KEY (a, b)",
            "different: primary key (a) of t: columns (a, b) instead of (a)",
            &["table t"],
        ),
        (" UNIQUE (b),", "", "missing: unique constraint (b) of t", &["no-unique"]),
        ("UNIQUE (b)", "UNIQUE (b, a)", "missing: unique constraint (b) of t", &[]),
        ("FOREIGN KEY (d) REFERENCES p (id),", "", "missing: foreign key (d) to p (id) of t", &["no-foreign-keys"]),
        (", CHECK (d > 0)", "", "missing: check (d > 0) of t", &["no-checks"]),
        ("CREATE INDEX i ON t (c, d);", "", "missing: index i of t", &["no-indexes", "index i"]),
        ("(c, d)", "(d, c)", "different: index i of t: columns (d, c) instead of (c, d)", &["no-indexes", "index i"]),
        (
            "CREATE INDEX",
            "CREATE UNIQUE INDEX",
            "different: index i of t: uniqueness UNIQUE instead of not unique",
            &["index i"],
        ),
        ("CREATE VIEW v AS SELECT a, b FROM t;", "", "missing: view v", &["no-views", "view v"]),
        ("SELECT a, b", "SELECT a, c", "different: view v: columns a, c instead of a, b", &["view v"]),
        ("SELECT a, b FROM t", "SELECT a, b FROM t WHERE d > 0", "different: view v: definition", &["view v"]),
    ];
    // The down side takes what any of them makes.
    let down =
        "DROP VIEW IF EXISTS v; DROP INDEX IF EXISTS i; DROP TABLE IF EXISTS w; DROP TABLE IF EXISTS u; DROP TABLE t;
        DROP TABLE p;";
    for (from, to, difference, declarations) in cases {
        assert!(BASE.contains(from), "{from}");
        let text = BASE.replace(from, to);
        let overlay = |head: &str| {
            let (name, text) = (format!("V1__a.{SECOND}.sql"), format!("{head}{text}"));
            set(&[("V1__a.sql", BASE), (&name, &text), ("V1__a.down.sql", down)])
        };
        let verification = prove_on_two(&overlay(""));
        let fault = verification.faults.first().unwrap_or_else(|| panic!("{to}"));
        assert_eq!(
            (fault.kind, fault.engine),
            (FaultKind::Engines(Engine::Sqlite), SECOND),
            "{to}: {:?}",
            told(&verification)
        );
        let told = told(&verification);
        assert!(told.iter().any(|line| line.trim().starts_with(difference)), "{difference}: {told:?}");
        for declaration in declarations {
            let verification = prove_on_two(&overlay(&format!("-- charter: differs {declaration}\n")));
            assert_eq!(self::told(&verification), [""; 0], "{declaration}");
        }
        // Any other declaration is none for this.
        let other = if declarations.contains(&"types") { "defaults" } else { "types, table p" };
        let verification = prove_on_two(&overlay(&format!("-- charter: differs {other}\n")));
        assert!(!verification.is_ok(), "{other} for {to}");
    }
    assert_eq!(told(&prove_on_two(&set(&[("V1__a.sql", BASE), ("V1__a.down.sql", BASE_DOWN)]))), [""; 0]);
}

#[test]
fn a_view_is_the_same_on_two_engines_however_it_is_written() {
    let base = "CREATE TABLE t (a BIGINT NOT NULL, b TEXT);
        CREATE VIEW v (x, n) AS SELECT a, count(*) FROM t WHERE a > 1 AND b <> 'x' GROUP BY a;
        CREATE VIEW w AS SELECT x FROM (SELECT * FROM v) AS inner_v WHERE x IN (1, 2);";
    let overlay = "CREATE TABLE t (a BIGINT NOT NULL, b TEXT);
        create view v(x, n) as select a, COUNT(*) from t /* all */ where ((a > 1) and (b <> 'x')) group by a;
        CREATE VIEW w AS SELECT x FROM (SELECT * FROM v) AS inner_v WHERE x IN (1, 2);";
    let set = set(&[
        ("V1__a.sql", base),
        (&format!("V1__a.{SECOND}.sql"), overlay),
        ("V1__a.down.sql", "DROP VIEW w; DROP VIEW v; DROP TABLE t;"),
        // What it reads changes, and the view does not.
        ("V2__b.sql", "ALTER TABLE t ADD COLUMN c TEXT;"),
        ("V2__b.down.sql", "ALTER TABLE t DROP COLUMN c;"),
        ("V3__c.sql", "DROP VIEW w; CREATE VIEW w AS SELECT x FROM v;"),
        (
            "V3__c.down.sql",
            "DROP VIEW w; CREATE VIEW w AS SELECT x FROM (SELECT * FROM v) AS inner_v WHERE x IN (1, 2);",
        ),
    ]);
    assert_eq!(told(&prove_on_two(&set)), [""; 0]);
}

#[test]
fn an_engine_is_told_where_it_first_differs_and_no_further() {
    let files = |duckdb_or_postgres: &'static str| {
        set(&[
            ("V1__a.sql", "CREATE TABLE a (x BIGINT NOT NULL PRIMARY KEY, y BIGINT UNIQUE);"),
            ("V1__a.down.sql", "DROP TABLE a;"),
            ("V1__a.duckdb.sql", duckdb_or_postgres),
            ("V1__a.postgres.sql", duckdb_or_postgres),
            ("V2__b.sql", "ALTER TABLE a RENAME COLUMN y TO z;"),
            ("V2__b.down.sql", "ALTER TABLE a RENAME COLUMN z TO y;"),
            ("V3__c.sql", "CREATE TABLE c (x BIGINT NOT NULL UNIQUE);"),
            ("V3__c.down.sql", "DROP TABLE c;"),
            ("V3__c.duckdb.sql", "CREATE TABLE c (x BIGINT NOT NULL);"),
            ("V3__c.postgres.sql", "CREATE TABLE c (x BIGINT NOT NULL);"),
        ])
    };
    let third =
        ["it makes something else than on sqlite, and no overlay declares it", "  missing: unique constraint (x) of c"];
    let first =
        ["it makes something else than on sqlite, and no overlay declares it", "  missing: unique constraint (y) of a"];
    // Declared for the first table alone, which stays declared when its column is renamed.
    let verification = prove_on_two(&files(
        "-- charter: differs no-unique\nCREATE TABLE a (x BIGINT NOT NULL PRIMARY KEY, y BIGINT);",
    ));
    let told_of = |number: &str, slug: &str| format!("{number} {slug} on {SECOND}: {}", third[0]);
    assert_eq!(told(&verification), [told_of("3", "c").as_str(), third[1]]);
    let verification = prove_on_two(&files("CREATE TABLE a (x BIGINT NOT NULL PRIMARY KEY, y BIGINT);"));
    assert_eq!(told(&verification), [&told_of("1", "a"), first[1], &told_of("3", "c"), third[1]]);
}
