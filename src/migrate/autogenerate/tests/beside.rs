//! What overlays make that no model knows: it follows what changes, comes back with it, or is told to people.

use super::*;

const TABLES: &str = "CREATE TABLE log (msg TEXT, note TEXT);
    CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, total BIGINT, note TEXT);
    CREATE VIEW big AS SELECT id, total FROM orders WHERE total > 100;\n";

/// A project whose second migration is an overlay's.
fn overlaid(engine: &str, overlay: &str, models: &str) -> Project {
    let project = Project::new(TABLES, models);
    project.write("V2__more.sql", "SELECT 1;");
    project.write("V2__more.down.sql", "");
    project.write(&format!("V2__more.{engine}.sql"), &format!("{overlay}\n"));
    project
}

const FUNCTION: &str = "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO log (msg) VALUES (NEW.id); -- total
    RETURN NEW; END $$;
CREATE TRIGGER told AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tell();";

/// Postgres keeps the body of a function as text.
#[test]
fn a_function_that_names_what_changes_is_told_in_the_file_that_postgres_runs() {
    for (from, to, rename, said) in [
        ("TABLE log", "TABLE logs", "log:logs", "log, which is called logs from here on"),
        ("msg TEXT", "message TEXT", "log.msg:message", "log.msg, which is called message from here on"),
        ("msg TEXT, ", "", "", "log.msg, which is dropped"),
        ("msg TEXT", "msg VARCHAR(20)", "", "log.msg, which becomes VARCHAR(20)"),
        ("note TEXT);", "note TEXT, due DATE NOT NULL);", "", "log, which takes no row without due from here on"),
        ("CREATE TABLE log (msg TEXT, note TEXT);", "", "", "log, which is dropped"),
        ("orders (id", "orders (number", "orders.id:number", "orders.id, which is called number from here on"),
    ] {
        let models = TABLES
            .replacen(from, to, 1)
            .replace("SELECT id", if to.contains("number") { "SELECT number AS id" } else { "SELECT id" });
        let renames: Vec<&str> = Some(rename).filter(|rename| !rename.is_empty()).into_iter().collect();
        let written = overlaid("postgres", FUNCTION, &models).go(&renames);
        let up = written
            .decisions(written.run_by("postgres", "V3__change", "sql"))
            .into_iter()
            .find(|line| line.contains("function"));
        let up = up.unwrap_or_else(|| panic!("{rename}: {:#?}", written.files));
        let title = "the function tell (V2__more.postgres.sql:1), which the trigger told of orders runs, names ";
        assert!(up.starts_with(&format!("{title}{said}; ")), "{up}");
        let down = written.decisions(written.run_by("postgres", "V3__change", "down.sql"));
        assert!(down.iter().any(|line| line.starts_with("the function tell (V2__more.postgres.sql:1) gets its old")));
        let of_sqlite = written.files.iter().filter(|(name, _)| name.contains(".sqlite."));
        assert!(of_sqlite.into_iter().all(|(_, text)| !text.contains("function")), "{:#?}", written.files);
    }
    // What it does not name is none of its business, nor are comments in it; nor is what goes with all that runs it.
    for (from, to, rename) in [
        ("total BIGINT", "sum BIGINT", "orders.total:sum"),
        ("note TEXT);\n", "note TEXT, more TEXT);\n", ""),
        ("log (msg TEXT, note TEXT)", "log (msg TEXT)", ""),
    ] {
        let models = TABLES.replacen(from, to, 1).replace(
            "id, total FROM orders WHERE total",
            if rename.is_empty() {
                "id, total FROM orders WHERE total"
            } else {
                "id, sum AS total FROM orders WHERE sum"
            },
        );
        let renames: Vec<&str> = Some(rename).filter(|rename| !rename.is_empty()).into_iter().collect();
        let written = overlaid("postgres", FUNCTION, &models).go(&renames);
        assert!(written.files.values().all(|text| !text.contains("function")), "{:#?}", written.files);
    }
    let written = overlaid("postgres", FUNCTION, "CREATE TABLE log (msg TEXT, note TEXT);").go(&[]);
    assert!(written.files.values().all(|text| !text.contains("the function")), "{:#?}", written.files);
    // A name that stands only in text that is put together, and one that no column is said of.
    for body in
        ["EXECUTE 'INSERT INTO log (msg) VALUES ($1)' USING NEW.id;", "INSERT INTO log VALUES (NEW.id, NEW.note);"]
    {
        let overlay = FUNCTION.replace("INSERT INTO log (msg) VALUES (NEW.id); -- total", body);
        let models = TABLES.replace("(msg TEXT, note", "(note");
        let written = overlaid("postgres", &overlay, &models).go(&[]);
        assert!(
            written
                .decisions(written.run_by("postgres", "V3__change", "sql"))
                .iter()
                .any(|line| line.contains("names log.msg")),
            "{body}"
        );
    }
}

/// A trigger on a view is said by the models in the words of SQLite.
#[test]
fn what_is_left_to_people_of_a_trigger_names_what_the_engine_has() {
    let sqlite = "CREATE TRIGGER vi INSTEAD OF INSERT ON big BEGIN INSERT INTO orders (id) VALUES (NEW.id); END;";
    let postgres = "CREATE FUNCTION vi_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO orders (id) VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER vi INSTEAD OF INSERT ON big FOR EACH ROW EXECUTE FUNCTION vi_f();";
    let models =
        format!("{TABLES}{sqlite}").replace("TABLE orders", "TABLE sales").replace("FROM orders", "FROM sales");
    let project = overlaid("postgres", postgres, &models.replace("INTO orders", "INTO sales"));
    project.write("V2__more.sqlite.sql", sqlite);
    project.write("V2__more.sqlite.down.sql", "DROP TRIGGER vi;");
    let written = project.go(&["orders:sales"]);
    let decisions = written.decisions(written.run_by("postgres", "V3__change", "sql"));
    let model =
        "on postgres it is made by V2__more.postgres.sql:3 and runs the function vi_f (V2__more.postgres.sql:1)";
    assert!(decisions.iter().any(|line| line.contains(model)), "{decisions:#?}");
    assert!(decisions.iter().any(|line| line.contains("names orders, which is called sales")), "{decisions:#?}");
    assert!(!written.files[written.run_by("postgres", "V3__change", "sql")].contains("BEGIN"), "{:#?}", written.files);
}

/// Whatever an overlay made of a table is made again with it.
#[test]
fn what_goes_with_a_table_comes_back_with_it() {
    let of_orders = [
        "CREATE TRIGGER told AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tell();",
        "CREATE INDEX parts ON orders USING hash (note);",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;",
        "CREATE POLICY mine ON orders USING (total > 0);",
        "CREATE RULE never AS ON DELETE TO orders DO INSTEAD NOTHING;",
        "CREATE STATISTICS both ON id, total FROM orders;",
        "COMMENT ON TABLE orders IS 'what was ordered';",
        "COMMENT ON COLUMN public.orders.note IS 'of theirs';",
        "COMMENT ON INDEX parts IS 'by note';",
        "GRANT SELECT ON orders TO reader;",
        "GRANT UPDATE (note) ON orders TO writer;",
        "ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL;",
        "ALTER TABLE orders OWNER TO writer;",
    ];
    let overlay = format!(
        "CREATE INDEX gone ON orders (note); CREATE TRIGGER gone AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f();
        {} COMMENT ON TABLE log IS 'log'; DROP INDEX gone; DROP TRIGGER gone ON orders;",
        of_orders.join("\n")
    );
    let without = "CREATE TABLE log (msg TEXT, note TEXT);";
    let written = overlaid("postgres", &overlay, without).go(&[]);
    let down = written.statements(written.run_by("postgres", "V3__change", "down.sql"));
    assert!(down[0].starts_with("CREATE TABLE orders"), "{down:#?}");
    let mut back: Vec<&str> = down[2..].iter().map(String::as_str).collect();
    back.sort_unstable();
    let mut expected = of_orders;
    expected.sort_unstable();
    assert_eq!(back, expected);
    // Of a column that goes, what says something of it. A policy would stand in the way.
    let overlay = overlay.replace("total > 0", "id > 0");
    let written = overlaid("postgres", &overlay, &TABLES.replace("total BIGINT, note TEXT", "total BIGINT")).go(&[]);
    let expected = [
        "ALTER TABLE orders ADD COLUMN note TEXT;",
        of_orders[1],
        of_orders[7],
        of_orders[8],
        of_orders[10],
        of_orders[11],
    ];
    assert_eq!(
        written.statements(written.run_by("postgres", "V3__change", "down.sql")),
        expected,
        "{:#?}",
        written.files
    );
}

/// New names that came between are in what is made again.
#[test]
fn what_comes_back_has_the_names_that_are_new_since() {
    let overlay = "CREATE INDEX parts ON orders USING hash (note);
        CREATE TRIGGER told AFTER UPDATE OF note ON orders FOR EACH ROW WHEN (NEW.note <> 'note') EXECUTE FUNCTION note();
        COMMENT ON COLUMN orders.note IS 'note';";
    let renamed = TABLES
        .replace("BIGINT, note", "BIGINT, \"Remark\"")
        .replace("TABLE orders", "TABLE sales")
        .replace("FROM orders", "FROM sales");
    let project = overlaid("postgres", overlay, &renamed);
    project.go(&["orders:sales", "sales.note:Remark"]);
    project.write(MODELS_FILE, "CREATE TABLE log (msg TEXT, note TEXT);");
    let written = project.go(&[]);
    let expected = [
        "CREATE INDEX parts ON sales USING hash (\"Remark\");",
        "CREATE TRIGGER told AFTER UPDATE OF \"Remark\" ON sales FOR EACH ROW WHEN (NEW.\"Remark\" <> 'note') EXECUTE FUNCTION note();",
        "COMMENT ON COLUMN sales.\"Remark\" IS 'note';",
    ];
    assert_eq!(
        written.statements(written.run_by("postgres", "V4__change", "down.sql"))[2..],
        expected,
        "{:#?}",
        written.files
    );
}

/// What only an overlay's words make is made by them again, or not at all.
#[test]
fn a_table_of_an_overlays_own_words_comes_back_in_them() {
    let own = TABLES.replace("total BIGINT, note TEXT", "total NUMERIC(10, 2), note TEXT");
    let project = |models: &str, more: &str| {
        let project = Project::new(TABLES, models);
        project.write("V1__first.postgres.sql", &format!("-- charter: differs types\n{own}{more}"));
        project
    };
    let models = "CREATE TABLE log (msg TEXT, note TEXT);\n";
    let written = project(models, "").go(&[]);
    assert!(
        written.files["V2__change.postgres.down.sql"].contains("total NUMERIC(10, 2), note"),
        "{:#?}",
        written.files
    );
    // A column of the others' words can go, one of its own cannot.
    project(&TABLES.replace("total BIGINT, note TEXT", "total BIGINT"), "").go(&[]);
    let models =
        TABLES.replace("total BIGINT, ", "").replace("id, total FROM orders WHERE total > 100", "id FROM orders");
    let error = project(&models, "").create(&[]).expect_err("a type of its own");
    let said = "V1__first.postgres.sql:3:5: orders.total is made in words of its own on postgres";
    assert!(error.to_string().contains(said), "{error}");
}

/// What Postgres would not let go is told before it says so.
#[test]
fn what_holds_on_to_what_goes_is_told_with_its_place() {
    let plain = "CREATE TABLE log (msg TEXT, note TEXT);";
    let no_total =
        TABLES.replace("total BIGINT, ", "").replace("id, total FROM orders WHERE total > 100", "id FROM orders");
    for (overlay, models, said) in [
        (
            "CREATE MATERIALIZED VIEW sums AS SELECT sum(total) AS s FROM orders;",
            plain,
            "the view sums names orders, which is dropped",
        ),
        (
            "CREATE MATERIALIZED VIEW sums AS SELECT sum(total) AS s FROM orders;",
            &no_total,
            "the view sums names orders.total, which is dropped",
        ),
        ("CREATE TABLE side (o BIGINT REFERENCES orders);", plain, "the table side names orders, which is dropped"),
        (
            "CREATE POLICY p ON log USING (msg IN (SELECT note FROM orders));",
            plain,
            "the policy p names orders, which is dropped",
        ),
        (
            "CREATE POLICY p ON orders USING (total > 1);",
            &no_total,
            "the policy p names orders.total, which is dropped",
        ),
        (
            "CREATE FUNCTION label(orders) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;",
            plain,
            "the function label names orders, which is dropped",
        ),
        (
            "CREATE SEQUENCE numbers OWNED BY orders.total;",
            plain,
            "the table orders is dropped, and nobody knows how to make its sequence numbers again as it is",
        ),
        (
            "DO $$ BEGIN EXECUTE 'CREATE INDEX x ON orders (note)'; END $$;",
            plain,
            "the DO block names orders, which is dropped",
        ),
    ] {
        let project = overlaid("postgres", overlay, models);
        let set = project.set().for_engines([Engine::Sqlite, Engine::Postgres]);
        let error = create_migration(&set, "change", Content::Models { renames: Vec::new(), ask: None });
        let error = error.expect_err(overlay).to_string();
        assert!(error.contains("V2__more.postgres.sql:1:1") && error.contains(said), "{error}");
    }
    // A policy goes while a column that it names gets another type.
    let overlay = "CREATE POLICY p ON orders USING (total > 1);";
    let written = overlaid("postgres", overlay, &TABLES.replace("total BIGINT", "total INTEGER")).go(&[]);
    let up = written.statements(written.run_by("postgres", "V3__change", "sql"));
    assert_eq!((up[0].as_str(), up.last().map(String::as_str)), ("DROP POLICY p ON orders;", Some(overlay)));
}

/// DuckDB makes tables anew, which loses what was said of them.
#[cfg(feature = "duckdb")]
#[test]
fn what_duckdb_alone_has_of_a_table_stays_with_it() {
    let overlay = "CREATE INDEX parts ON orders (note);
        CREATE INDEX sums ON orders (total);
        COMMENT ON TABLE orders IS 'o'; COMMENT ON COLUMN orders.note IS 'n'; COMMENT ON INDEX parts IS 'p'; COMMENT ON VIEW big IS 'b';
        CREATE MACRO newest() AS TABLE SELECT max(note) AS note FROM orders;";
    let both = |project: &Project| project.set().for_engines([Engine::Sqlite, Engine::DuckDb]);
    for (from, to, rename, kept) in [
        ("note TEXT)", "remark TEXT)", "orders.note:remark", "CREATE INDEX parts ON orders (remark);"),
        (
            "note TEXT);\n    CREATE VIEW",
            "note TEXT NOT NULL);\n    CREATE VIEW",
            "",
            "CREATE INDEX parts ON orders (note);",
        ),
        ("total BIGINT, note TEXT", "total BIGINT", "", "CREATE INDEX sums ON orders (total);"),
        ("TABLE orders", "TABLE sales", "orders:sales", "CREATE INDEX parts ON sales (note);"),
    ] {
        let models = match rename {
            "orders.note:remark" => TABLES.replace("BIGINT, note", "BIGINT, remark"),
            "orders:sales" => TABLES.replace(from, to).replace("FROM orders", "FROM sales"),
            _ => TABLES.replace(from, to),
        };
        let project = overlaid(
            "duckdb",
            &format!("-- charter: differs comments, functions, index parts, index sums\n{overlay}"),
            &models,
        );
        project.write("V1__first.down.sql", "DROP VIEW big; DROP TABLE orders; DROP TABLE log;");
        project.write(
            "V2__more.duckdb.down.sql",
            "DROP MACRO TABLE newest; DROP INDEX parts; DROP INDEX sums;
            COMMENT ON TABLE orders IS NULL; COMMENT ON COLUMN orders.note IS NULL; COMMENT ON VIEW big IS NULL;",
        );
        let renames = Some(rename)
            .filter(|rename| !rename.is_empty())
            .iter()
            .map(|rename| rename.parse().expect("a rename"))
            .collect();
        let created =
            create_migration(&both(&project), "change", Content::Models { renames, ask: None }).expect("written");
        let written = project.read(&created);
        let text = &written.files["V3__change.duckdb.sql"];
        assert!(text.contains(kept) && text.contains("COMMENT ON TABLE"), "{rename}: {text}");
        let is_named = !rename.is_empty() || !to.contains("note");
        assert_eq!(text.contains("the macro newest (V2__more.duckdb.sql:5"), is_named, "{rename}: {text}");
        let verification = crate::migrate::verify(&[&both(&project)], None, &mut |_| {}).expect("a verification");
        assert!(verification.is_ok(), "{rename}: {:?}", verification.faults);
    }
}
