//! What of an overlay's stands around a column or a table that changes: it goes and comes with all that is said of it, or is
//! told with its place.

use super::*;

const TABLES: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT, qty BIGINT);
CREATE TABLE log (id BIGINT, what TEXT);
";
const TRIGGER: &str =
    "CREATE TRIGGER tr BEFORE UPDATE OF note ON orders FOR EACH ROW WHEN (NEW.note <> '') EXECUTE FUNCTION f();";

/// A project whose first migration an engine runs in words of its own.
fn project(engine: &str, differs: &str, overlay: &str, models: &str) -> Project {
    let project = Project::new(TABLES, models);
    let directive = if differs.is_empty() { String::new() } else { format!("-- charter: differs {differs}\n") };
    project.write(&format!("V1__first.{engine}.sql"), &format!("{directive}{TABLES}{overlay}\n"));
    project.write(&format!("V1__first.{engine}.down.sql"), "");
    project
}

/// What an engine runs, up and down, once `note` or `qty` has another type.
fn retyped(overlay: &str, change: (&str, &str)) -> Result<(Vec<String>, Vec<String>)> {
    let project = project("postgres", "", overlay, &TABLES.replace(change.0, change.1));
    let written = project.read(&project.create(&[])?);
    let statements = |side| written.statements(written.run_by("postgres", "V2__change", side));
    Ok((statements("sql"), statements("down.sql")))
}

const SHORTER: (&str, &str) = ("note TEXT", "note VARCHAR(20)");
const TO_TEXT: (&str, &str) = ("qty BIGINT", "qty TEXT");

#[test]
fn what_is_made_again_is_switched_as_it_was_and_keeps_what_is_said_of_it() {
    let rule = "CREATE RULE r AS ON DELETE TO orders WHERE OLD.note = 'keep' DO INSTEAD NOTHING;";
    let policy = "CREATE POLICY p ON orders USING (note <> '');";
    let other = "CREATE TRIGGER other BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f();";
    for (overlay, dropped, again) in [
        (
            vec![TRIGGER, "ALTER TABLE orders DISABLE TRIGGER tr;"],
            "DROP TRIGGER tr ON orders;",
            vec![TRIGGER, "ALTER TABLE orders DISABLE TRIGGER tr;"],
        ),
        // Others are not switched with it.
        (
            vec![TRIGGER, other, "ALTER TABLE orders DISABLE TRIGGER ALL;", "ALTER TABLE orders ENABLE TRIGGER other;"],
            "DROP TRIGGER tr ON orders;",
            vec![TRIGGER, "ALTER TABLE orders DISABLE TRIGGER tr;"],
        ),
        (
            vec![TRIGGER, "ALTER TABLE orders ENABLE REPLICA TRIGGER tr;", "COMMENT ON TRIGGER tr ON orders IS 'c';"],
            "DROP TRIGGER tr ON orders;",
            vec![TRIGGER, "ALTER TABLE orders ENABLE REPLICA TRIGGER tr;", "COMMENT ON TRIGGER tr ON orders IS 'c';"],
        ),
        (
            vec![rule, "ALTER TABLE orders DISABLE RULE r;"],
            "DROP RULE r ON orders;",
            vec![rule, "ALTER TABLE orders DISABLE RULE r;"],
        ),
        (
            vec![policy, "COMMENT ON POLICY p ON orders IS 'pp';", "ALTER POLICY p ON orders USING (note <> 'x');"],
            "DROP POLICY p ON orders;",
            vec![policy, "COMMENT ON POLICY p ON orders IS 'pp';", "ALTER POLICY p ON orders USING (note <> 'x');"],
        ),
        // New names are followed wherever they stand.
        (
            vec![policy, "COMMENT ON POLICY p ON orders IS 'pp';", "ALTER POLICY p ON orders RENAME TO p9;"],
            "DROP POLICY p9 ON orders;",
            vec!["CREATE POLICY p9 ON orders USING (note <> '');", "COMMENT ON POLICY p9 ON orders IS 'pp';"],
        ),
        (
            vec![rule, "ALTER TABLE orders DISABLE RULE r;", "ALTER RULE r ON orders RENAME TO r9;"],
            "DROP RULE r9 ON orders;",
            vec![&rule.replace("RULE r ", "RULE r9 "), "ALTER TABLE orders DISABLE RULE r9;"],
        ),
    ] {
        let (up, down) = retyped(&overlay.join("\n"), SHORTER).expect("written");
        let expected =
            |alter: &'static str| -> Vec<&str> { [dropped, alter].into_iter().chain(again.clone()).collect() };
        assert_eq!(up, expected("ALTER TABLE orders ALTER COLUMN note TYPE VARCHAR(20);"));
        assert_eq!(down, expected("ALTER TABLE orders ALTER COLUMN note TYPE TEXT;"));
    }
}

/// What was dropped is switched no more.
#[test]
fn a_setting_goes_with_its_trigger() {
    let overlay = format!("{TRIGGER}\nALTER TABLE orders DISABLE TRIGGER tr;\nDROP TRIGGER tr ON orders;\n{TRIGGER}");
    let (up, _) = retyped(&overlay, SHORTER).expect("written");
    assert_eq!(up.last().map(String::as_str), Some(TRIGGER));
}

#[test]
fn words_that_may_not_fit_another_kind_of_type_are_told_with_their_place() {
    for (overlay, said) in [
        ("CREATE POLICY p ON orders USING (qty > 0);", "the policy p names orders.qty"),
        ("CREATE INDEX ix ON orders ((qty + 1));", "the index ix names orders.qty"),
        ("CREATE INDEX ix ON orders (id) WHERE qty > 1;", "the index ix names orders.qty"),
        (
            "CREATE TRIGGER tr BEFORE UPDATE OF qty ON orders FOR EACH ROW WHEN (NEW.qty > 5) EXECUTE FUNCTION f();",
            "the trigger tr names orders.qty",
        ),
    ] {
        let error = retyped(overlay, TO_TEXT).expect_err(overlay).to_string();
        let said = format!("V1__first.postgres.sql:3:1: the {}", said.trim_start_matches("the "));
        assert!(error.contains(&said) && error.contains("which gets a type of another kind"), "{error}");
        assert!(retyped(overlay, ("qty BIGINT", "qty INTEGER")).is_ok(), "{overlay}");
    }
    for overlay in [
        "CREATE TRIGGER tr BEFORE UPDATE OF qty ON orders FOR EACH ROW WHEN (NEW.qty IS DISTINCT FROM OLD.qty) EXECUTE FUNCTION f();",
        "CREATE POLICY p ON orders USING (qty IS NOT NULL AND (id > 0));",
        "CREATE INDEX ix ON orders (id, qty DESC) WHERE qty IS NOT NULL;",
    ] {
        let (up, _) = retyped(overlay, TO_TEXT).unwrap_or_else(|error| panic!("{overlay}: {error}"));
        assert!(up.iter().any(|text| text.ends_with("TYPE TEXT;")), "{up:?}");
    }
}

/// Postgres drops no table that one refers to.
#[test]
fn a_foreign_key_of_an_overlays_is_told_with_its_place() {
    let key = "ALTER TABLE log ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES orders (id);";
    let log = "CREATE TABLE log (id BIGINT, what TEXT);\n";
    let refused = |overlay: &str, models: &str| {
        let project = project("postgres", "", overlay, models);
        project.create(&[]).err().map(|error| error.to_string())
    };
    let error = refused(key, log).expect("a foreign key");
    assert!(
        error.contains("V1__first.postgres.sql:3:1: the foreign key fk of log names orders, which is dropped"),
        "{error}"
    );
    let error = refused(key, &TABLES.replace("(id BIGINT, what", "(what")).expect("a foreign key");
    assert!(error.contains("the foreign key fk of log names log.id, which is dropped"), "{error}");
    assert_eq!(refused(&format!("{key}\nALTER TABLE log DROP CONSTRAINT fk;"), log), None);
    assert_eq!(refused(key, &TABLES.replace("what TEXT", "what TEXT, more TEXT")), None);
}

#[test]
fn a_function_of_a_tables_rows_names_its_columns() {
    let helper =
        "CREATE FUNCTION g(r orders) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN length(r.note); END $$;";
    for overlay in [
        "CREATE FUNCTION h(o orders) RETURNS text LANGUAGE sql AS $$ SELECT o.note $$;",
        "CREATE FUNCTION h(orders) RETURNS text LANGUAGE sql AS $$ SELECT ($1).note $$;",
        helper,
    ] {
        let written = project("postgres", "", overlay, &TABLES.replace("note TEXT, ", "")).go(&[]);
        let decisions = written.decisions(written.run_by("postgres", "V2__change", "sql"));
        assert!(decisions.iter().any(|line| line.contains("names orders.note, which is dropped")), "{decisions:?}");
    }
    let written = project("postgres", "", helper, &TABLES.replace("qty BIGINT", "qty TEXT")).go(&[]);
    assert!(written.files.values().all(|text| !text.contains("function g")), "{:?}", written.files);
}

/// SQLite makes a trigger whatever it names.
#[test]
fn a_trigger_of_sqlites_that_names_what_is_gone_is_told() {
    let trigger = "CREATE TRIGGER ts AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (NEW.id, NEW.note); END;";
    let decisions = |models: &str| {
        let project = project("sqlite", "triggers", trigger, models);
        let written = project.read(&project.create(&[]).expect("written"));
        let said = written.decisions(written.run_by("sqlite", "V2__change", "sql"));
        said.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (from, to, told) in [
        ("note TEXT, ", "", "orders.note, which is dropped"),
        ("CREATE TABLE log (id BIGINT, what TEXT);\n", "", "log, which is dropped"),
        ("what TEXT", "what TEXT, more TEXT", "log, which has more columns from here on"),
    ] {
        let said = decisions(&TABLES.replace(from, to));
        let told = format!("the trigger ts of orders (V1__first.sqlite.sql:4) names {told};");
        assert!(said.iter().any(|line| line.starts_with(&told)), "{said:#?}");
        assert!(said.iter().all(|line| !line.contains("extra")), "{said:#?}");
    }
    // What it does not name, or is no concern of it.
    for (from, to) in [("qty BIGINT", "qty BIGINT, more TEXT"), ("note TEXT, qty BIGINT", "note TEXT")] {
        assert!(decisions(&TABLES.replace(from, to)).iter().all(|line| !line.contains("trigger")));
    }
    let project = project("sqlite", "triggers", trigger, &format!("{TABLES}CREATE TABLE z (i BIGINT);"));
    let written = project.read(&project.create(&[]).expect("written"));
    assert_eq!(written.names(), ["V2__change.down.sql", "V2__change.sql"]);
}

/// DuckDB looks at what a view names only when it is read.
#[cfg(feature = "duckdb")]
#[test]
fn a_view_of_duckdbs_own_follows_or_is_told_with_its_place() {
    let both = |overlay: &str, models: &str| {
        let views = "view vo, view all_of, view of_vo";
        project("duckdb", views, overlay, models)
    };
    let create = |project: &Project, renames: &[&str]| {
        let renames = renames.iter().map(|rename| rename.parse().expect("a rename")).collect();
        let set = project.set().for_engines([Engine::Sqlite, Engine::DuckDb]);
        let created = create_migration(&set, "change", Content::Models { renames, ask: None })?;
        let verification = crate::migrate::verify(&[&project.set().for_engines([Engine::DuckDb])], None, &mut |_| {});
        assert!(verification.expect("a verification").is_ok());
        Ok::<_, Error>(project.read(&created))
    };
    let view = "CREATE VIEW vo AS SELECT id, orders.note FROM orders;";
    for (from, to, rename, told) in [
        ("note", "remark", "orders.note:remark", "orders.note, which is called remark from here on"),
        ("note TEXT, ", "", "", "orders.note, which is dropped"),
        ("note TEXT", "note BIGINT", "", "orders.note, which becomes BIGINT"),
        (TABLES.lines().next().unwrap_or_default(), "", "", "orders, which is dropped"),
    ] {
        let renames: Vec<&str> = Some(rename).filter(|rename| !rename.is_empty()).into_iter().collect();
        let error = create(&both(view, &TABLES.replace(from, to)), &renames).err().expect(told).to_string();
        let told = format!("V1__first.duckdb.sql:4:1: the view vo names {told}");
        assert!(error.contains(&told), "{error}");
    }
    let said = "COMMENT ON VIEW vo IS 'v';";
    let overlay = format!("{view}\n{said}\nCREATE VIEW of_vo AS SELECT id FROM vo;");
    let written = create(&both(&overlay, &TABLES.replace("orders", "clients")), &["orders:clients"]).expect("written");
    let up = written.statements(written.run_by("duckdb", "V2__change", "sql"));
    assert_eq!(up[0], "DROP VIEW vo;");
    assert_eq!(up[up.len() - 2..], ["CREATE VIEW vo AS SELECT id, clients.note FROM clients;", said]);
    let down = written.statements(written.run_by("duckdb", "V2__change", "down.sql"));
    assert_eq!(
        (down[0].as_str(), &down[down.len() - 2..]),
        ("DROP VIEW vo;", [view.to_owned(), said.to_owned()].as_slice())
    );
    // What it has of all columns grows with them, and so does what has all of that.
    let overlay = "CREATE VIEW all_of AS SELECT * FROM orders;\nCREATE VIEW of_vo AS FROM all_of;\nCREATE VIEW vo AS SELECT id FROM orders;";
    let written = create(&both(overlay, &TABLES.replace("qty BIGINT", "qty BIGINT, more TEXT")), &[]).expect("written");
    let up = written.statements(written.run_by("duckdb", "V2__change", "sql"));
    assert_eq!(up[..2], ["DROP VIEW of_vo;", "DROP VIEW all_of;"]);
    assert_eq!(up.last().map(String::as_str), Some("CREATE VIEW of_vo AS FROM all_of;"));
}
