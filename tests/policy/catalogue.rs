//! What the catalogue of a live server says of a migration.

use super::*;

/// The error findings of a second migration on a Postgres database, without applying it.
fn errors(project: &Project, text: &str) -> Vec<String> {
    let manager = project.manager(&[("V2__second.sql", text)]);
    let judgement = manager.judge(&UpgradeOptions::default()).expect("a judgement");
    let findings = judgement.migrations.iter().flat_map(|judged| &judged.findings);
    let errors = findings.filter(|finding| finding.severity == charter::safety::Severity::Error);
    errors.map(|finding| finding.rule.name.to_owned()).collect()
}

#[test]
fn a_servers_catalogue_decides() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    let index = "CREATE INDEX orders_note ON orders (note);";
    assert_eq!(errors(&project, index), ["index-not-concurrent"]);
    project.execute("DELETE FROM orders");
    assert_eq!(errors(&project, index), none, "a table without rows");
    project.execute("INSERT INTO orders (id, note) VALUES (1, 'x')");

    // What the migrations made is not what counts, but what is there.
    let widen = "ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(30);";
    assert_eq!(errors(&project, widen), none);
    project.execute("ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40)");
    assert_eq!(errors(&project, widen), ["column-type-changed"]);

    let required = "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;";
    assert_eq!(errors(&project, required), ["set-not-null-scans"]);
    project.execute("ALTER TABLE orders ADD CONSTRAINT noted CHECK (note IS NOT NULL) NOT VALID");
    assert_eq!(errors(&project, required), ["set-not-null-scans"]);
    project.execute("ALTER TABLE orders VALIDATE CONSTRAINT noted");
    assert_eq!(errors(&project, required), none);

    project.execute(
        "CREATE TABLE events (at DATE NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE events_of_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
         INSERT INTO events VALUES ('2026-02-03');
         CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".\"Na me\" (a BIGINT); INSERT INTO \"Other\".\"Na me\" VALUES (1);
         CREATE TABLE keys (order_id BIGINT); INSERT INTO keys VALUES (1); CREATE INDEX keys_order ON keys (order_id);",
    );
    assert_eq!(errors(&project, "CREATE INDEX ON events (at);"), ["index-on-partitioned"]);
    assert_eq!(errors(&project, "DROP INDEX keys_order;"), ["index-drop-not-concurrent"]);
    project.execute("DELETE FROM events; TRUNCATE \"Other\".\"Na me\"; DELETE FROM keys");
    assert_eq!(errors(&project, "CREATE INDEX ON events (at);"), none);
    assert_eq!(errors(&project, "CREATE INDEX ON \"Other\".\"Na me\" (a);"), none);
    assert_eq!(
        errors(&project, "CREATE INDEX ON \"Na me\" (a);"),
        ["index-not-concurrent", "does-not-exist"],
        "another schema's"
    );
    assert_eq!(errors(&project, "DROP INDEX keys_order;"), none);
}

/// Two statements of the same words differ by what each partition, and the default one, has.
#[test]
fn a_server_tells_of_partitions() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute(
        "CREATE TABLE sorted (k VARCHAR(10), id BIGINT) PARTITION BY LIST (k);
         CREATE TABLE sorted_a PARTITION OF sorted FOR VALUES IN ('a');
         CREATE TABLE sorted_rest PARTITION OF sorted DEFAULT;
         CREATE TABLE sorted_b (k VARCHAR(10), id BIGINT);
         CREATE TABLE days (at TIMESTAMPTZ) PARTITION BY RANGE (at);
         CREATE TABLE days_rest PARTITION OF days DEFAULT;
         CREATE TABLE days_of_may (at TIMESTAMPTZ);
         INSERT INTO sorted VALUES ('a', 1), ('x', 1);
         INSERT INTO days VALUES ('2026-02-03');",
    );
    let attach = "ALTER TABLE sorted ATTACH PARTITION sorted_b FOR VALUES IN ('b');";
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("ALTER TABLE sorted_rest ADD CONSTRAINT others CHECK (k NOT IN ('b', 'c')) NOT VALID");
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("ALTER TABLE sorted_rest VALIDATE CONSTRAINT others");
    assert_eq!(errors(&project, attach), none);
    project.execute("ALTER TABLE sorted_rest DROP CONSTRAINT others");
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute("DELETE FROM sorted_rest");
    assert_eq!(errors(&project, attach), none, "an empty default partition");
    project.execute("CREATE INDEX by_id ON sorted_rest (id)");
    assert_eq!(errors(&project, "DROP INDEX by_id;"), none, "an index of an empty partition");

    let attach = "ALTER TABLE days ATTACH PARTITION days_of_may FOR VALUES FROM ('2026-05-01 00:00:00+00') TO ('2026-06-01 00:00:00+00');";
    assert_eq!(errors(&project, attach), ["partition-attach-scans"]);
    project.execute(
        "ALTER TABLE days_rest ADD CONSTRAINT c CHECK (NOT (at >= '2026-05-01 00:00:00+00' AND at < '2026-06-01 00:00:00+00'))",
    );
    assert_eq!(errors(&project, attach), none);

    project.execute("INSERT INTO sorted VALUES ('x', 1)");
    for (on_partitions, on_parent, error) in [
        ("ADD CONSTRAINT $_u UNIQUE (k, id)", "ADD CONSTRAINT u UNIQUE (k, id)", "constraint-builds-index"),
        (
            "ADD CONSTRAINT $_f FOREIGN KEY (id) REFERENCES orders",
            "ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES orders (id)",
            "foreign-key-not-valid-missing",
        ),
        ("ALTER COLUMN id SET NOT NULL", "ALTER COLUMN id SET NOT NULL", "set-not-null-scans"),
    ] {
        let added = format!("ALTER TABLE sorted {on_parent};");
        for partition in ["sorted_a", "sorted_rest"] {
            assert_eq!(errors(&project, &added), [error], "before {partition} has it: {added}");
            project.execute(&format!("ALTER TABLE {partition} {}", on_partitions.replace('$', partition)));
        }
        assert_eq!(errors(&project, &added), none, "{added}");
    }
}

#[test]
fn a_server_tells_of_collations() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute("ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(40) COLLATE \"C\"");
    let same = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT COLLATE \"C\";";
    let other = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;";
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), none, "no index is over it");
    project.execute("CREATE INDEX orders_note ON orders (note)");
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), ["column-type-changed"]);
    project.execute("CREATE DOMAIN plain AS TEXT COLLATE \"C\"; ALTER TABLE orders ALTER COLUMN note TYPE plain");
    assert_eq!(errors(&project, same), none);
    assert_eq!(errors(&project, other), ["column-type-changed"]);
}

#[test]
fn a_server_tells_of_views() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    let widen = "ALTER TABLE orders ALTER COLUMN note TYPE TEXT;";
    let around = |change: &str, query: &str| format!("DROP VIEW notes;\n{change}\nCREATE VIEW notes AS {query};\n");
    assert_eq!(errors(&project, widen), none);
    project.execute("CREATE VIEW notes AS SELECT id, note FROM orders");
    assert_eq!(errors(&project, widen), ["type-change-refused"]);
    assert_eq!(errors(&project, &around(widen, "SELECT id, note FROM orders")), none);
    assert_eq!(errors(&project, &around(widen, "SELECT * FROM orders")), none);
    assert_eq!(errors(&project, &around(widen, "SELECT note FROM orders")), ["view-dropped"]);
    let other = "ALTER TABLE orders ALTER COLUMN note TYPE CHAR(9);";
    let rewrites = errors(&project, &around(other, "SELECT id, note FROM orders"));
    assert_eq!(rewrites, ["slow-under-lock", "column-type-changed"]);
    assert_eq!(errors(&project, "CREATE OR REPLACE VIEW notes AS SELECT note FROM orders;"), ["view-replace-refused"]);
    assert_eq!(errors(&project, "CREATE OR REPLACE VIEW notes AS SELECT id, note, 1 AS n FROM orders;"), none);
}

#[test]
fn a_server_tells_what_a_partition_lacks() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute(
        "CREATE TABLE ev (id BIGINT NOT NULL, at BIGINT NOT NULL, k BIGINT, v TEXT, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE ev26 (id BIGINT NOT NULL, at BIGINT NOT NULL, k BIGINT, v TEXT, CHECK (at >= 1 AND at < 10));
         CREATE TABLE ev25 PARTITION OF ev FOR VALUES FROM (0) TO (1);
         INSERT INTO ev26 VALUES (1, 1, 1, 'a')",
    );
    let attach = "ALTER TABLE ev ATTACH PARTITION ev26 FOR VALUES FROM (1) TO (10);";
    assert_eq!(errors(&project, attach), ["partition-attach-builds-index"]);
    project.execute("ALTER TABLE ev26 ADD PRIMARY KEY (id, at)");
    assert_eq!(errors(&project, attach), none);
    for (on_parent, unlike, like) in [
        ("ev (k)", "INDEX a ON ev26 (k) INCLUDE (id)", "INDEX b ON ev26 (k DESC)"),
        ("ev (lower(v))", "INDEX c ON ev26 (upper(v))", "INDEX d ON ev26 (lower(v))"),
        ("ev (k) WHERE k > 5", "INDEX e ON ev26 (k) WHERE k > 6", "INDEX f ON ev26 (k) WHERE k > 5"),
        ("ev (v COLLATE \"C\")", "INDEX g ON ev26 (v)", "INDEX h ON ev26 (v COLLATE \"C\")"),
        // Not valid while a partition has no index of it.
        ("ONLY ev (id, k)", "INDEX i ON ev26 (k, id)", "INDEX j ON ev26 (id, k)"),
    ] {
        project.execute(&format!("CREATE INDEX ON {on_parent}; CREATE {unlike}"));
        assert_eq!(errors(&project, attach), ["partition-attach-builds-index"], "{on_parent}: {unlike}");
        project.execute(&format!("CREATE {like}"));
        assert_eq!(errors(&project, attach), none, "{on_parent}: {like}");
    }
    project.execute("ALTER TABLE ev ADD FOREIGN KEY (k) REFERENCES orders");
    assert_eq!(errors(&project, attach), ["partition-attach-looks-up"]);
    project.execute("ALTER TABLE ev26 ADD CONSTRAINT k FOREIGN KEY (k) REFERENCES orders (id) NOT VALID");
    assert_eq!(errors(&project, attach), ["partition-attach-looks-up"]);
    project.execute("ALTER TABLE ev26 VALIDATE CONSTRAINT k");
    assert_eq!(errors(&project, attach), none);

    // As the rules have said, the server builds no index.
    let database = project.database.as_ref().expect("a server");
    let count = "SELECT count(*) FROM pg_index WHERE indrelid = 'public.ev26'::regclass";
    let before = database.query(count);
    project.execute(attach);
    assert_eq!(database.query(count), before);
}

#[test]
fn a_server_tells_what_it_will_refuse() {
    let project = Project::new(Engine::Postgres, Prod);
    project.execute(
        "CREATE TABLE parts (k INT NOT NULL, v TEXT) PARTITION BY LIST (k); CREATE TABLE part (k INT, v TEXT);
         CREATE MATERIALIZED VIEW noted AS SELECT id, note FROM orders; CREATE INDEX ON noted (id);
         CREATE TABLE above (k INT, CONSTRAINT c CHECK (k > 0), CONSTRAINT d CHECK (k > 1) NO INHERIT);
         CREATE TABLE below (v TEXT); CREATE TABLE unchecked (k INT, v TEXT);
         CREATE TYPE mood AS ENUM ('sad', 'glad');
         CREATE FUNCTION draw() RETURNS INT LANGUAGE sql VOLATILE AS 'SELECT 4'",
    );
    for (text, rule) in [
        ("CREATE TABLE lines (order_id UUID REFERENCES orders (id));", "constraint-refused"),
        ("CREATE TABLE lines (note TEXT REFERENCES orders (note));", "constraint-refused"),
        ("ALTER TABLE orders ADD PRIMARY KEY (note);", "constraint-refused"),
        ("ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1);", "partition-refused"),
        ("ALTER TABLE below INHERIT above;", "partition-refused"),
        ("ALTER TABLE unchecked INHERIT above;", "partition-refused"),
        ("ALTER TYPE mood ADD VALUE 'glad';", "enum-value-refused"),
        ("ALTER TYPE mood ADD VALUE 'mad' AFTER 'bad';", "enum-value-refused"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY noted;", "concurrently-refused"),
    ] {
        let found = errors(&project, text);
        assert!(found.contains(&rule.to_owned()), "{text}: {found:?}");
    }
    project.execute(
        "CREATE UNIQUE INDEX ON noted (id); ALTER TABLE part ALTER COLUMN k SET NOT NULL;
         CREATE UNIQUE INDEX ON orders (note); ALTER TABLE unchecked ADD CONSTRAINT c CHECK (k > 0)",
    );
    for text in [
        "ALTER TABLE unchecked INHERIT above;",
        "CREATE TABLE lines (order_id BIGINT REFERENCES orders (id));",
        "CREATE TABLE lines (note TEXT REFERENCES orders (note));",
        "ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1);",
        "ALTER TYPE mood ADD VALUE 'mad' AFTER 'glad';",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY noted;",
    ] {
        assert_eq!(errors(&project, text), [""; 0], "{text}");
    }
    let drawn = messages(&project, "ALTER TABLE orders ADD COLUMN drawn INT DEFAULT draw();");
    assert_eq!(drawn, ["volatile-default: draw() is computed for every row of orders"]);
}

#[test]
fn a_server_tells_of_indexes_functions_and_what_is_below_a_table() {
    let project = Project::new(Engine::Postgres, Prod);
    project.execute(
        "ALTER TABLE orders ADD COLUMN code BIGINT, ADD COLUMN rank BIGINT; CREATE UNIQUE INDEX orders_code ON orders (code);
         CREATE UNIQUE INDEX orders_rank ON orders (rank DESC); CREATE UNIQUE INDEX orders_some ON orders (code) WHERE rank > 1;
         CREATE TABLE others (id BIGINT); CREATE UNIQUE INDEX others_id ON others (id); CREATE TABLE below () INHERITS (others);
         CREATE TABLE parts (k INT NOT NULL, v TEXT) PARTITION BY LIST (k); CREATE TABLE part PARTITION OF parts DEFAULT;
         CREATE VIEW shown AS SELECT id, note FROM orders;
         CREATE FUNCTION touch() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE FUNCTION summed(a INT, b VARCHAR[]) RETURNS SETOF TEXT LANGUAGE sql AS 'SELECT 1::TEXT'",
    );
    for (text, rule) in [
        ("DROP INDEX orders_code;", "constraint-dropped"),
        ("DROP INDEX orders_some;", "constraint-dropped"),
        ("DROP INDEX orders_pkey;", "index-drop-refused"),
        ("ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX orders_rank;", "constraint-builds-index"),
        ("ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX others_id;", "constraint-builds-index"),
        ("ALTER TABLE orders ADD PRIMARY KEY USING INDEX orders_code;", "constraint-refused"),
        ("ALTER TABLE parts ADD UNIQUE (v);", "constraint-on-partitioned"),
        ("ALTER TABLE ONLY parts ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE part ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE parts SET (fillfactor = 50);", "partition-refused"),
        ("ALTER TABLE ONLY others ADD COLUMN n INT;", "partition-refused"),
        ("ALTER TABLE below RENAME COLUMN id TO n;", "partition-refused"),
        ("CREATE OR REPLACE VIEW shown AS SELECT note, id FROM orders;", "view-replace-refused"),
        ("CREATE OR REPLACE FUNCTION touch() RETURNS INT LANGUAGE sql AS 'SELECT 1';", "function-replace-refused"),
        (
            "CREATE OR REPLACE FUNCTION summed(c INT, b VARCHAR[]) RETURNS SETOF TEXT LANGUAGE sql AS 'SELECT 1::TEXT';",
            "function-replace-refused",
        ),
    ] {
        let found = errors(&project, text);
        assert!(found.contains(&rule.to_owned()), "{text}: {found:?}");
        if rule != "constraint-dropped" {
            let url = project.database.as_ref().expect("a database").url();
            postgres::refused(url, &format!("SET search_path = public; {text}"));
        }
    }
}

#[test]
fn a_server_tells_what_is_not_there() {
    let project = Project::new(Engine::Postgres, Prod);
    for text in [
        "DROP TRIGGER IF EXISTS absent ON orders;",
        "DROP TYPE IF EXISTS absent;",
        "DROP FUNCTION IF EXISTS absent(INT);",
        "DROP SEQUENCE IF EXISTS absent;",
        "DROP EXTENSION IF EXISTS absent;",
        "DROP SCHEMA IF EXISTS absent;",
        "DROP PUBLICATION IF EXISTS absent;",
        "DROP POLICY IF EXISTS absent ON orders;",
        "ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;",
        "ALTER TABLE orders ALTER COLUMN note DROP IDENTITY IF EXISTS;",
        "CREATE OR REPLACE FUNCTION absent() RETURNS INT LANGUAGE sql AS 'SELECT 1';",
    ] {
        assert_eq!(errors(&project, text), [""; 0], "{text}");
    }
    project.execute(
        "CREATE TYPE there AS (a INT); CREATE SEQUENCE there_seq; CREATE SCHEMA \"The re\";
         CREATE FUNCTION there() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER there BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION there();
         CREATE FUNCTION free() RETURNS INT LANGUAGE sql AS 'SELECT 1';
         ALTER TABLE orders ALTER COLUMN note SET DEFAULT 'x'",
    );
    for (text, rule) in [
        ("DROP TRIGGER IF EXISTS there ON orders;", "trigger-dropped"),
        ("DROP TYPE IF EXISTS there;", "type-dropped"),
        ("DROP FUNCTION IF EXISTS free();", "function-dropped"),
        ("DROP SEQUENCE IF EXISTS there_seq;", "sequence-dropped"),
        ("DROP SCHEMA IF EXISTS \"The re\";", "schema-dropped"),
        ("ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;", "default-dropped"),
    ] {
        assert_eq!(errors(&project, text), [rule], "{text}");
    }
}

#[test]
fn a_server_tells_of_rows_triggers_and_what_is_generated() {
    let project = Project::new(Engine::Postgres, Prod);
    let none: [&str; 0] = [];
    project.execute(
        "CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at TIMESTAMPTZ, label TEXT,
             upper_label TEXT GENERATED ALWAYS AS (upper(label)) STORED);
         CREATE TABLE kept (id BIGINT PRIMARY KEY, note TEXT NOT NULL);
         INSERT INTO things (at, label)
             SELECT '2026-01-01'::TIMESTAMPTZ + g * INTERVAL '1 second', 'x' FROM generate_series(1, 120000) g;",
    );
    let window = "UPDATE things SET label = 'y' WHERE at >= '2026-01-01' AND at < '2026-02-01';";
    let keyed = "UPDATE things SET label = 'y' WHERE id BETWEEN 1 AND 1000;";
    assert_eq!(errors(&project, window), ["unbatched-backfill"], "by its bytes");
    project.execute("ANALYZE things");
    assert_eq!(errors(&project, window), ["unbatched-backfill"]);
    assert_eq!(errors(&project, keyed), none);
    project.execute("TRUNCATE things; INSERT INTO things (at, label) VALUES ('2026-01-01', 'x'); ANALYZE things");
    assert_eq!(errors(&project, window), none);

    let refused = ["insert-refused"];
    assert_eq!(errors(&project, "INSERT INTO things (id) VALUES (1);"), refused);
    assert_eq!(errors(&project, "INSERT INTO things (upper_label) VALUES ('x');"), refused);
    assert_eq!(errors(&project, "INSERT INTO things (label) VALUES ('x') ON CONFLICT (label) DO NOTHING;"), refused);
    assert_eq!(errors(&project, "INSERT INTO things (label) VALUES ('x') ON CONFLICT (id) DO NOTHING;"), none);
    let index = "-- charter: no-transaction\nCREATE INDEX CONCURRENTLY by_label ON things USING gin (label);";
    assert_eq!(errors(&project, index), ["index-refused"]);

    let unfilled = "INSERT INTO kept (id) VALUES (1);";
    assert_eq!(errors(&project, unfilled), refused);
    project.execute(
        "CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN NEW.note = 1; RETURN NEW; END';
         CREATE TRIGGER note BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION note();",
    );
    assert_eq!(errors(&project, unfilled), none);
}

#[test]
fn a_table_whose_rows_cannot_be_seen_is_not_empty() {
    let project = Project::new(Engine::Postgres, Staging);
    let database = project.database.as_ref().expect("a database");
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    project.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA charter, public TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA charter, public TO {role};
         CREATE TABLE hidden (a BIGINT); INSERT INTO hidden VALUES (1); GRANT SELECT ON hidden TO {role};
         ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON hidden USING (false);
         CREATE TABLE secret (a BIGINT); CREATE TABLE open (a BIGINT); GRANT SELECT ON open TO {role};"
    ));
    let (_, address) = database.url().split_once('@').expect("a user in the URL");
    let as_reader = Project {
        engine: Engine::Postgres,
        _folder: tempfile::tempdir().expect("a folder"),
        database: None,
        url: format!("postgresql://{role}:x@{address}"),
    };
    for (table, expected) in [("hidden", 1), ("secret", 1), ("open", 0)] {
        let found = errors(&as_reader, &format!("CREATE INDEX ON {table} (a);"));
        assert_eq!(found.len(), expected, "{table}: {found:?}");
    }
    // Nor may this role apply anything.
    let error = open(&as_reader.with(Second::Safe), &OpenOptions::default()).expect_err("no rights");
    assert!(error.hint().is_some_and(|hint| hint.contains("owner")), "{error:?}");
    assert_eq!(project.history(), ["1 applied"]);
    project.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
