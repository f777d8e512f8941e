//! What only a server has, and what it keeps beside its tables.

use super::engines::portable;
use super::{set, told};
use crate::support::postgres;
use crate::support::stores::parse;
use charter::Engine;
use charter::migrate::{FaultKind, MigrationSet, verify};
use std::collections::BTreeSet;

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
    "  missing: trigger t of a",
    "  missing: sequence s",
    "  missing: exclusion constraint numbered_twice_excl of numbered",
    "  different: table part: options none instead of PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    "  different: column a.c: collation none instead of C",
    "  different: column numbered.n: numbering none instead of ALWAYS",
    "  different: column numbered.twice: generation none instead of ((1 + 1)) STORED",
    "  different: unique constraint a_d_key of a: options none instead of DEFERRABLE",
    "  different: check positive of a: validity valid instead of NOT VALID",
    "  different: index i of a: options USING HASH instead of INCLUDE c",
    "  different: type e: definition text instead of text CHECK ((VALUE <> ''::text))",
];

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
    ("ALTER TABLE a DISABLE TRIGGER t", "t"),
    ("ALTER SEQUENCE s INCREMENT 5", "s"),
    ("ALTER VIEW v SET (security_barrier = true)", "options of view v"),
    ("ALTER TABLE a ALTER COLUMN b SET STATISTICS 500", "options of column b of table a"),
    ("ALTER TABLE a ALTER COLUMN c SET STORAGE EXTERNAL", "options of column c of table a"),
    ("ALTER TABLE a REPLICA IDENTITY FULL", "a"),
    ("CREATE OR REPLACE RULE r AS ON DELETE TO a DO INSTEAD NOTHING", "r"),
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

/// A comment is compared letter by letter, blanks and capitals too.
#[test]
fn a_comment_is_restored_as_it_was() {
    let files = [
        ("V1__a.sql", "CREATE TABLE a (b BIGINT); COMMENT ON TABLE a IS 'What it is  for';"),
        ("V1__a.down.sql", "DROP TABLE a;"),
        ("V2__b.sql", "COMMENT ON TABLE a IS NULL;"),
        ("V2__b.down.sql", "COMMENT ON TABLE a IS 'what it is for';"),
    ];
    let database = postgres::database();
    let set = set(&files).for_engines([Engine::Postgres]);
    let verification = verify(&[&set], Some(&parse(database.url())), &mut |_| {}).expect("a verification");
    let lines = [
        "2 b on postgres: taking it back does not restore what was there",
        "  different: comment on table a: definition what it is for instead of What it is for",
    ];
    assert_eq!(told(&verification), lines);
}

/// A column that takes no new NULL, but may have old ones, is none that takes none.
#[test]
fn not_null_that_rows_may_not_keep_is_told_where_a_server_knows_it() {
    let table = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT";
    let (base, late) = (
        format!("{table} NOT NULL);"),
        format!("{table}); ALTER TABLE a ADD CONSTRAINT b_is_there NOT NULL b NOT VALID;"),
    );
    for programs in postgres::programs() {
        let server = postgres::Server::of(&programs, &[]);
        let prove = |head: &str| {
            let late = format!("{head}{late}");
            let files =
                [("V1__a.sql", base.as_str()), ("V1__a.postgres.sql", &late), ("V1__a.down.sql", "DROP TABLE a;")];
            let set = set(&files).for_engines([Engine::Sqlite, Engine::Postgres]);
            told(&verify(&[&set], Some(&parse(&server.url("postgres"))), &mut |_| {}).expect("a verification"))
        };
        let version = postgres::query(&server.url("postgres"), "SHOW server_version_num")
            .into_iter()
            .flatten()
            .flatten()
            .collect::<String>();
        if version.parse::<u32>().expect("a number") < 180_000 {
            assert!(prove("")[0].contains("it cannot be applied"), "{version}: {:?}", prove(""));
            continue;
        }
        let line = "  different: column a.b: validity NOT VALID instead of valid";
        assert_eq!(prove("").get(1).map(String::as_str), Some(line), "{version}");
        for declaration in ["not-valid", "table a"] {
            assert_eq!(prove(&format!("-- charter: differs {declaration}\n")), [""; 0], "{declaration}");
        }
    }
}

/// Whether NULLs are equal in a unique index decides which rows it lets in.
#[test]
fn unique_nulls_are_compared_with_other_engines_and_after_a_way_down() {
    for programs in postgres::programs() {
        let server = postgres::Server::of(&programs, &[]);
        let prove = |head: &str, again: &str| {
            let index = |nulls: &str| format!("CREATE UNIQUE INDEX i ON a (b){nulls};\n");
            let table = "CREATE TABLE a (id BIGINT NOT NULL PRIMARY KEY, b TEXT);\n";
            let (base, late) =
                (format!("{table}{}", index("")), format!("{head}{table}{}", index(" NULLS NOT DISTINCT")));
            let (back, again) = (index(""), index(again));
            let files = [
                ("V1__a.sql", base.as_str()),
                ("V1__a.postgres.sql", &late),
                ("V1__a.down.sql", "DROP TABLE a;"),
                ("V2__b.sql", "DROP INDEX i;"),
                ("V2__b.down.sql", &back),
                ("V2__b.postgres.down.sql", &again),
            ];
            let set = set(&files).for_engines([Engine::Sqlite, Engine::Postgres]);
            told(&verify(&[&set], Some(&parse(&server.url("postgres"))), &mut |_| {}).expect("a verification"))
        };
        let version = postgres::query(&server.url("postgres"), "SHOW server_version_num").concat();
        let version = version.into_iter().flatten().collect::<String>().parse::<u32>().expect("a number");
        let nulls = " NULLS NOT DISTINCT";
        if version < 150_000 {
            assert!(prove("", nulls)[0].contains("it cannot be applied"), "{version}: {:?}", prove("", nulls));
            continue;
        }
        let line = "  different: index i of a: options NULLS NOT DISTINCT instead of none";
        assert_eq!(prove("", nulls).get(1).map(String::as_str), Some(line), "{version}");
        let declared = "-- charter: differs index i\n";
        assert_eq!(prove(declared, nulls), [""; 0], "{version}");
        let lost = "  different: index i of a: options none instead of NULLS NOT DISTINCT";
        assert_eq!(
            prove(declared, ""),
            ["2 b on postgres: taking it back does not restore what was there", lost],
            "{version}"
        );
    }
}
