//! What a database has, read from its catalogue: the same on every engine, and never something else unseen.

use crate::support::postgres;
use crate::support::stores::{Engine as Place, TestStore, parse};
use charter::migrate::schema::{Match, SchemaInfo, SchemaState};
use charter::migrate::{FaultKind, MigrationManager, MigrationSet, Verification, verify};
use charter::{Engine, ErrorKind};
use std::collections::BTreeSet;

/// Proves a set on every engine.
fn prove(set: &MigrationSet) -> Verification {
    let server = postgres::database();
    verify(&[set], Some(&parse(server.url())), &mut |_| {}).expect("a verification")
}

/// Proves a set on two engines: on SQLite, and on DuckDB where it is part of the build, else on Postgres.
fn prove_on_two(set: &MigrationSet) -> Verification {
    match SECOND {
        Engine::Postgres => prove(set),
        _ => verify(&[set], None, &mut |_| {}).expect("a verification"),
    }
}

const SECOND: Engine = if cfg!(feature = "duckdb") { Engine::DuckDb } else { Engine::Postgres };

/// The faults and their differences, a line each.
fn told(verification: &Verification) -> Vec<String> {
    let told = verification.faults.iter().flat_map(|fault| {
        std::iter::once(fault.to_string()).chain(fault.differences.iter().map(|difference| format!("  {difference}")))
    });
    told.collect()
}

fn set(files: &[(&str, &str)]) -> MigrationSet {
    MigrationSet::from_files("shop", files.iter().copied()).expect("a set")
}

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

fn portable() -> MigrationSet {
    set(&[("V1__a.sql", PORTABLE), ("V1__a.down.sql", PORTABLE_DOWN)])
}

#[test]
fn every_version_of_postgres_is_read_alike() {
    for programs in postgres::programs() {
        let server = postgres::Server::of(&programs, &[]);
        let server = parse(&server.url("postgres"));
        for set in [MigrationSet::charter(), &portable()] {
            let set = set.clone().for_engines([Engine::Sqlite, Engine::Postgres]);
            let verification = verify(&[&set], Some(&server), &mut |_| {}).expect("a verification");
            assert_eq!(told(&verification), [""; 0], "{programs}");
        }
        let right = postgres_alone("SELECT 1;", "SELECT 1;");
        assert_eq!(
            told(&verify(&[&right], Some(&server), &mut |_| {}).expect("a verification")),
            [""; 0],
            "{programs}"
        );
        let wrong = verify(&[&postgres_alone(ALONE_UP, ALONE_DOWN)], Some(&server), &mut |_| {});
        assert_eq!(told(&wrong.expect("a verification")), ALONE_TOLD, "{programs}");
    }
}

/// What only Postgres has, in a set whose third migration does something to it.
fn postgres_alone(up: &str, down: &str) -> MigrationSet {
    let files = [
        (
            "V1__a.sql",
            "CREATE TABLE a (b BIGINT NOT NULL, c TEXT COLLATE \"C\", d TEXT, UNIQUE (d) DEFERRABLE);
            CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
            CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
            CREATE MATERIALIZED VIEW m AS SELECT b FROM a; CREATE SEQUENCE s; CREATE DOMAIN e AS TEXT CHECK (VALUE <> '');
            CREATE TABLE parts (day DATE NOT NULL) PARTITION BY RANGE (day);
            CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
            CREATE TABLE numbered (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice BIGINT GENERATED ALWAYS AS (1 + 1) STORED,
                EXCLUDE USING btree (twice WITH =));",
        ),
        (
            "V1__a.down.sql",
            "DROP TABLE numbered; DROP TABLE parts; DROP DOMAIN e; DROP SEQUENCE s; DROP MATERIALIZED VIEW m; DROP TABLE a;
            DROP FUNCTION f();",
        ),
        (
            "V2__b.sql",
            "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b) INCLUDE (c) WHERE b > 0;
            ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0) NOT VALID;",
        ),
        (
            "V2__b.down.sql",
            "-- charter: no-transaction\nDROP INDEX CONCURRENTLY i;\nALTER TABLE a DROP CONSTRAINT positive;",
        ),
        ("V3__c.sql", up),
        ("V3__c.down.sql", down),
    ];
    set(&files).for_engines([Engine::Postgres])
}

const ALONE_UP: &str =
    "DROP TRIGGER t ON a; DROP SEQUENCE s; DROP DOMAIN e; ALTER TABLE a ALTER c TYPE TEXT COLLATE \"POSIX\";
    ALTER TABLE a DROP CONSTRAINT a_d_key; ALTER TABLE a VALIDATE CONSTRAINT positive; DROP INDEX i; DROP TABLE part;
    ALTER TABLE numbered ALTER n DROP IDENTITY, ALTER twice DROP EXPRESSION, DROP CONSTRAINT numbered_twice_excl;";
const ALONE_DOWN: &str = "CREATE DOMAIN e AS TEXT; ALTER TABLE a ALTER c TYPE TEXT; ALTER TABLE a ADD UNIQUE (d);
    CREATE INDEX i ON a USING hash (b) WHERE b > 0; CREATE TABLE part (day DATE NOT NULL);";
const ALONE_TOLD: [&str; 12] = [
    "3 c on postgres: taking it back does not restore what was there",
    "  missing: constraint numbered_twice_excl of numbered",
    "  missing: sequence s",
    "  missing: trigger t of a",
    "  different: table part: options none instead of PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    "  different: column a.c: collation none instead of C",
    "  different: column numbered.n: numbering none instead of ALWAYS",
    "  different: column numbered.twice: generation none instead of ((1 + 1)) STORED",
    "  different: unique constraint a_d_key of a: options none instead of DEFERRABLE",
    "  different: check positive of a: options none instead of NOT VALID",
    "  different: index i of a: options USING HASH instead of INCLUDE c",
    "  different: type e: definition text instead of text CHECK ((VALUE <> ''::text))",
];

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

/// A set of three migrations, the second of which is broken in a way.
fn broken(up: &str, down: &str) -> MigrationSet {
    set(&[
        ("V1__first.sql", "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x');"),
        ("V1__first.down.sql", "DROP TABLE a;"),
        ("V2__second.sql", up),
        ("V2__second.down.sql", down),
        ("V3__third.sql", "CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY);"),
        ("V3__third.down.sql", "DROP TABLE c;"),
    ])
}

#[test]
fn a_migration_that_does_not_come_back_is_told_with_what_is_left() {
    let rebuild = |column: &str| {
        format!(
            "CREATE TABLE new (id BIGINT NOT NULL PRIMARY KEY, {column}); INSERT INTO new SELECT id, b FROM a; DROP TABLE a; \
             ALTER TABLE new RENAME TO a;"
        )
    };
    let cases = [
        (
            "CREATE TABLE d (x TEXT); CREATE INDEX i ON a (b);".to_owned(),
            "DROP TABLE d;".to_owned(),
            "taking it back does not restore what was there",
            "extra: index i of a",
        ),
        (
            rebuild("b TEXT NOT NULL"),
            rebuild("b TEXT NOT NULL"),
            "taking it back does not restore what was there",
            "different: column a.b: default none instead of 'x'",
        ),
        (
            "CREATE TABLE d (x TEXT);".to_owned(),
            "DROP TABLE d; DROP TABLE a;".to_owned(),
            "taking it back does not restore what was there",
            "missing: table a",
        ),
        ("CREATE TABLE d (x TEXT);".to_owned(), "DROP TABLE e;".to_owned(), "it cannot be taken back", ""),
        ("CREATE TABLE d (x TEXT".to_owned(), "DROP TABLE d;".to_owned(), "it cannot be applied: ", ""),
        (
            "CREATE TABLE d (x TEXT); INSERT INTO a (id) VALUES (1);".to_owned(),
            "DROP TABLE d;".to_owned(),
            "it cannot be applied again after it was taken back",
            "",
        ),
    ];
    for (up, down, fault, difference) in cases {
        let verification = prove(&broken(&up, &down));
        let told = told(&verification);
        for run in &verification.runs {
            let line = format!("2 second on {}: {fault}", run.engine);
            assert!(told.iter().any(|told| told.starts_with(&line)), "{line}: {told:#?}");
            // What comes after a migration that can be applied is tried all the same.
            assert_eq!(run.migrations, if fault.starts_with("it cannot be applied: ") { 2 } else { 3 });
        }
        let lines: Vec<&String> = told.iter().filter(|line| line.starts_with("  ")).collect();
        assert!(lines.iter().all(|line| line.trim().starts_with(difference)), "{told:#?}");
        assert_eq!(lines.len(), if difference.is_empty() { 0 } else { verification.runs.len() }, "{told:#?}");
        assert!(!told.iter().any(|line| line.contains("third")), "{told:#?}");
    }
}

#[test]
fn a_migration_without_a_way_down_is_a_warning_and_no_fault() {
    let verification = prove(&set(&[("V1__a.sql", "CREATE TABLE a (b TEXT);")]));
    assert_eq!(told(&verification), [""; 0]);
    assert_eq!(verification.warnings.len(), verification.runs.len());
    assert_eq!(verification.warnings[0].to_string(), "1 a on sqlite: it has no down migration");
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

#[test]
fn a_set_is_proven_on_the_engines_that_it_is_written_for() {
    let text =
        "CREATE TABLE a (b BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, tags TEXT[], kind mood NOT NULL);";
    let text = format!("CREATE TYPE mood AS ENUM ('sad', 'ok'); {text}");
    let set = set(&[("V1__a.sql", &text), ("V1__a.down.sql", "DROP TABLE a; DROP TYPE mood;")]);
    let verification = prove(&set.clone().for_engines([Engine::Postgres]));
    assert_eq!(told(&verification), [""; 0]);
    assert_eq!(verification.runs.iter().map(|run| run.engine).collect::<Vec<_>>(), [Engine::Postgres]);
    assert!(!prove(&set).is_ok());
}

#[test]
fn throw_away_databases_are_gone_also_after_an_error_and_a_panic() {
    let server = postgres::Server::start(&[]);
    let url = parse(&server.url("postgres"));
    let left = || {
        let rows =
            postgres::query(&server.url("postgres"), "SELECT datname FROM pg_database WHERE datname LIKE 'charter_%'");
        assert_eq!(rows, Vec::<Vec<Option<String>>>::new());
    };
    let good = set(&[("V1__a.sql", "CREATE TABLE a (b TEXT);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    let good = good.for_engines([Engine::Postgres]);
    let mut seen = 0;
    let verification = verify(&[&good], Some(&url), &mut |_| {
        let query = "SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify_%'";
        seen += postgres::query(&server.url("postgres"), query).len();
    });
    assert!(verification.expect("a verification").is_ok());
    assert_eq!(seen, 1);
    left();
    let panicked = std::panic::catch_unwind(|| {
        let _ = verify(&[&good], Some(&url), &mut |_| panic!("while it is at work"));
    });
    assert!(panicked.is_err());
    left();
    let bad = set(&[("V1__a.sql", "CREATE TABLE a (b nonsense);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    assert!(!verify(&[&bad.for_engines([Engine::Postgres])], Some(&url), &mut |_| {}).expect("a verification").is_ok());
    left();
    let error = verify(&[&good], Some(&parse("sqlite:///x.db")), &mut |_| {}).expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// What the program says of a database.
fn info(url: &str) -> SchemaInfo {
    let manager = MigrationManager::new(url).expect("a manager");
    let mut infos = manager.get_schema_info().expect("an answer");
    assert_eq!(infos.len(), 1);
    infos.remove(0)
}

#[test]
fn what_was_done_to_charters_tables_by_hand_is_told_and_asking_writes_nothing() {
    // What is done, what is told, what undoes it.
    let on_both = [
        (
            "DROP INDEX charter_records_parent",
            "missing: index charter_records_parent of charter_records",
            "CREATE INDEX charter_records_parent ON charter_records (parent)",
        ),
        ("CREATE INDEX mine ON charter_records (kind)", "extra: index mine of charter_records", "DROP INDEX mine"),
        ("DROP VIEW owners", "missing: view owners", ""),
        ("ALTER TABLE charter_uploads ADD COLUMN note TEXT", "extra: column charter_uploads.note", ""),
    ];
    let on_postgres = [
        (
            "ALTER TABLE charter_cursors ALTER epoch TYPE INTEGER",
            "different: column charter_cursors.epoch: type integer instead of BIGINT",
            "",
        ),
        (
            "ALTER TABLE charter_cursors ALTER epoch DROP NOT NULL",
            "different: column charter_cursors.epoch: nullability NULL instead of NOT NULL",
            "",
        ),
        (
            "ALTER TABLE charter_records ALTER stored_at SET DEFAULT '2020-01-01'",
            "different: column charter_records.stored_at: default",
            "",
        ),
        (
            "ALTER TABLE charter_head DROP CONSTRAINT charter_head_singleton_check",
            "missing: check (singleton = 1) of charter_head",
            "",
        ),
        (
            "ALTER TABLE charter_changes DROP CONSTRAINT charter_changes_digest_fkey",
            "missing: foreign key (digest) to charter_records (digest) of charter_changes",
            "",
        ),
        (
            "ALTER TABLE charter_records DROP CONSTRAINT charter_records_sort_key_key",
            "missing: unique constraint (sort_key) of charter_records",
            "",
        ),
        (
            "ALTER TABLE charter_receipts DROP CONSTRAINT charter_receipts_pkey",
            "missing: primary key (remote, push) of charter_receipts",
            "",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'charter_uploads_push'::regclass",
            "different: index charter_uploads_push of charter_uploads: validity invalid instead of valid",
            "",
        ),
        ("CREATE TABLE charter.stray (a TEXT)", "extra: table stray", ""),
    ];
    for place in [Place::Sqlite, Place::Postgres] {
        let store: TestStore = place.fresh();
        let fresh = info(&store.url);
        assert_eq!(fresh.state, SchemaState::Valid, "{:?}", fresh.differences);
        assert!(fresh.is_valid() && fresh.tables.len() >= 7 && fresh.views.len() == 11, "{fresh:?}");
        assert_eq!(fresh.indexes, ["charter_records_parent", "charter_uploads_push"]);
        let manager = MigrationManager::new(&store.url).expect("a manager");
        assert_eq!(manager.validate_schema().expect("an answer"), []);
        assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Exactly(_))));
        let more: &[_] = if place == Place::Postgres { &on_postgres } else { &[] };
        let mut expected = Vec::new();
        for (sql, difference, undo) in on_both.iter().chain(more) {
            store.execute(sql);
            let told: Vec<String> = info(&store.url).differences.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|line| line.starts_with(difference)), "{difference}: {told:#?}");
            match *undo {
                "" => expected.push(difference),
                undo => store.execute(undo),
            }
        }
        assert_eq!(manager.validate_schema().expect("an answer").len(), expected.len());
        assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Nearest { .. })));
    }
}

#[test]
fn a_file_that_a_host_program_shares_is_judged_by_charters_tables_alone() {
    let store = Place::Sqlite.fresh();
    store.execute(
        "CREATE TABLE host (a TEXT); CREATE VIEW broken AS SELECT * FROM nowhere; CREATE INDEX host_a ON host (a);",
    );
    // One whose module only the host program has.
    store.execute(
        "PRAGMA writable_schema = on; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
         VALUES ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING of_the_host(x)')",
    );
    let told = info(&store.url);
    assert!(told.is_valid(), "{:?}", told.differences);
    assert!(!told.tables.iter().chain(&told.views).any(|name| name == "host" || name == "broken"));

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:///{}", folder.path().join("host.db").display());
    let manager = MigrationManager::new(&url).expect("a manager");
    assert_eq!(manager.validate_schema().expect_err("no file").kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    let host = crate::support::stores::sqlite(&folder.path().join("host.db"));
    host.execute_batch("CREATE TABLE host (a TEXT)").expect("a table");
    assert_eq!(info(&url).state, SchemaState::NotInitialized);
    assert_eq!(manager.validate_schema().expect_err("no history").kind(), ErrorKind::NotInitialized);
    assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Nothing)));
}

/// What a migration makes on Postgres, and what of it is left when nothing takes it back.
const PROPERTIES: [(&str, &str); 20] = [
    ("COMMENT ON TABLE a IS 'x'", "comment on table a"),
    ("COMMENT ON COLUMN a.b IS 'x'", "comment on column b of table a"),
    ("COMMENT ON CONSTRAINT positive ON a IS 'x'", "comment on constraint positive on table a"),
    ("COMMENT ON TRIGGER t ON a IS 'x'", "comment on trigger t on table a"),
    ("COMMENT ON FUNCTION f() IS 'x'", "comment on function f()"),
    ("GRANT SELECT ON a TO pg_monitor", "privileges on table a"),
    ("GRANT SELECT (b) ON a TO PUBLIC", "privileges on column b of table a"),
    ("GRANT USAGE ON SEQUENCE s TO PUBLIC", "privileges on sequence s"),
    ("REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC", "privileges on function f()"),
    ("REVOKE ALL ON a FROM CURRENT_USER", "privileges on table a"),
    ("GRANT CREATE ON SCHEMA public TO pg_monitor", "privileges on schema"),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "privileges on new tables of charter",
    ),
    ("ALTER TABLE a OWNER TO pg_monitor", "owner of table a"),
    ("ALTER TABLE a DISABLE TRIGGER t", "trigger t of a"),
    ("ALTER SEQUENCE s INCREMENT 5", "sequence s"),
    ("ALTER VIEW v SET (security_barrier = true)", "options of view v"),
    ("ALTER TABLE a ALTER COLUMN b SET STATISTICS 500", "options of column b of table a"),
    ("ALTER TABLE a ALTER COLUMN c SET STORAGE EXTERNAL", "options of column c of table a"),
    ("ALTER TABLE a REPLICA IDENTITY FULL", "a"),
    ("CREATE OR REPLACE RULE r AS ON DELETE TO a DO INSTEAD NOTHING", "rule r of a"),
];

const PROPERTIES_BACK: &str = "COMMENT ON TABLE a IS NULL; REVOKE SELECT ON a FROM pg_monitor; REVOKE SELECT (b) ON a FROM PUBLIC; \
    REVOKE USAGE ON SEQUENCE s FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO PUBLIC; REVOKE CREATE ON SCHEMA public FROM pg_monitor; \
    ALTER TABLE a ENABLE TRIGGER t; ALTER VIEW v RESET (security_barrier); ALTER TABLE a REPLICA IDENTITY DEFAULT;";

#[test]
fn what_a_server_keeps_beside_its_tables_is_restored_too() {
    let base = "CREATE TABLE a (b BIGINT PRIMARY KEY, c TEXT, CONSTRAINT positive CHECK (b > 0)); CREATE SEQUENCE s; \
        CREATE VIEW v AS SELECT b FROM a; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
        CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();";
    let down = "DROP VIEW v; DROP TABLE a; DROP FUNCTION f(); DROP SEQUENCE s;";
    for programs in postgres::programs() {
        let server = postgres::Server::of(&programs, &[]);
        let url = parse(&server.url("postgres"));
        let prove = |up: &str, back: &str| {
            let files = [("V1__a.sql", base), ("V1__a.down.sql", down), ("V2__b.sql", up), ("V2__b.down.sql", back)];
            let set = set(&files).for_engines([Engine::Postgres]);
            verify(&[&set], Some(&url), &mut |_| {}).expect("a verification")
        };
        let all: String = PROPERTIES.map(|(up, _)| format!("{up};\n")).concat();
        let verification = prove(&all, "SELECT 1;");
        assert_eq!(verification.faults.len(), 1, "{:?}", told(&verification));
        assert_eq!(verification.faults[0].kind, FaultKind::NotRestored);
        let left: BTreeSet<&str> =
            verification.faults[0].differences.iter().map(|difference| difference.name.as_str()).collect();
        assert_eq!(left, PROPERTIES.iter().map(|(_, left)| *left).collect());
        let some: String = [0, 5, 6, 7, 8, 10, 13, 15, 18].map(|place| format!("{};\n", PROPERTIES[place].0)).concat();
        assert_eq!(told(&prove(&some, PROPERTIES_BACK)), [""; 0]);
    }
}

#[test]
fn a_set_may_use_the_tables_of_charter_and_of_those_before_it() {
    let first = MigrationSet::from_files(
        "first",
        [("V1__a.sql", "CREATE TABLE a (b BIGINT NOT NULL PRIMARY KEY);"), ("V1__a.down.sql", "DROP TABLE a;")],
    )
    .expect("a set");
    let second = set(&[
        ("V1__b.sql", "CREATE TABLE b (c BIGINT REFERENCES a (b)); CREATE VIEW v AS SELECT name FROM charter_records;"),
        (
            "V1__b.postgres.sql",
            "CREATE TABLE b (c BIGINT REFERENCES a (b)); CREATE VIEW v AS SELECT name FROM charter.charter_records;",
        ),
        ("V1__b.down.sql", "DROP VIEW v; DROP TABLE b;"),
    ]);
    let server = postgres::database();
    let verification = verify(&[&first, &second], Some(&parse(server.url())), &mut |_| {}).expect("a verification");
    assert_eq!(told(&verification), [""; 0]);
    // What it does to their tables is seen.
    let careless = set(&[
        ("V1__b.sql", "DROP VIEW domains;"),
        ("V1__b.postgres.sql", "SELECT 1;"),
        ("V1__b.down.sql", "CREATE VIEW domains AS SELECT 1 AS one;"),
        ("V1__b.postgres.down.sql", "SELECT 1;"),
    ]);
    let verification = prove(&careless);
    assert!(verification.faults.iter().any(|fault| fault.kind == FaultKind::NotRestored), "{:?}", told(&verification));
}

/// A program that is killed cannot drop its database: the next one does, but none that somebody uses or has just made.
#[test]
fn what_a_killed_program_left_is_dropped_by_the_next_one() {
    let server = postgres::Server::start(&[]);
    let query = |sql: &str| postgres::query(&server.url("postgres"), sql);
    let now: u64 = query("SELECT date_part('epoch', now())::bigint::text")[0][0]
        .as_deref()
        .expect("a time")
        .parse()
        .expect("a number");
    let name = |age: u64, letter: &str| format!("charter_verify_{}_{}", now - age, letter.repeat(32));
    let (left, used, new) = (name(3600, "a"), name(3600, "b"), name(0, "c"));
    let strange = "charter_verify_of_somebody".to_owned();
    for name in [&left, &used, &new, &strange] {
        query(&format!("CREATE DATABASE {name}"));
    }
    let user = postgres::Session::open(&server.url(&used));
    let good = set(&[("V1__a.sql", "CREATE TABLE a (b TEXT);"), ("V1__a.down.sql", "DROP TABLE a;")]);
    let good = good.for_engines([Engine::Postgres]);
    assert!(verify(&[&good], Some(&parse(&server.url("postgres"))), &mut |_| {}).expect("a verification").is_ok());
    let names = query("SELECT datname FROM pg_database WHERE datname LIKE 'charter_verify%' ORDER BY 1");
    let mut wanted = [used, new, strange].map(|name| vec![Some(name)]);
    wanted.sort();
    assert_eq!(names, wanted);
    drop(user);
}
