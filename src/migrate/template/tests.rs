use super::super::verify::verify;
use super::*;
use crate::engine::Engine;
use crate::safety::{Input, LintOptions, Severity, lint};
use std::path::Path;

const SHOP: &str = "CREATE TABLE customers (id BIGINT NOT NULL PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT);
CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, customer BIGINT, code TEXT, note TEXT);
CREATE INDEX orders_code ON orders (code);
CREATE VIEW notes AS SELECT id, note FROM orders;
";

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("V1__shop.sql"), SHOP).expect("a file");
    let down = "DROP VIEW notes;\nDROP TABLE orders;\nDROP TABLE customers;\n";
    std::fs::write(folder.path().join("V1__shop.down.sql"), down).expect("a file");
    folder
}

fn set(folder: &Path) -> MigrationSet {
    MigrationSet::from_directory("shop", folder).expect("a set")
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn add_column(column: &str, data_type: &str, not_null: bool, default: Option<&str>) -> Template {
    let (table, column, data_type) = ("orders".to_owned(), column.to_owned(), data_type.to_owned());
    Template::AddColumn { table, column, data_type, not_null, default: default.map(str::to_owned) }
}

fn add_table(table: &str, columns: &[&str], primary_key: &[&str]) -> Template {
    Template::AddTable { table: table.to_owned(), columns: names(columns), primary_key: names(primary_key) }
}

fn add_index(table: &str, columns: &[&str], unique: bool, name: Option<&str>) -> Template {
    let (table, columns) = (table.to_owned(), names(columns));
    Template::AddIndex { table, columns, unique, name: name.map(str::to_owned) }
}

fn add_foreign_key(columns: &[&str], references: &str, to: &[&str], on_delete: Option<&str>) -> Template {
    Template::AddForeignKey {
        table: "orders".to_owned(),
        columns: names(columns),
        references: references.to_owned(),
        referenced: names(to),
        on_delete: on_delete.map(str::to_owned),
        name: None,
    }
}

/// What Postgres runs of the migrations that were written.
fn postgres(set: &MigrationSet, created: &[Created]) -> String {
    let migrations = created.iter().filter_map(|created| set.migration(created.number));
    migrations.map(|migration| migration.up(Engine::Postgres).text()).collect()
}

#[test]
fn every_template_is_proven_and_safe() {
    for (template, says) in [
        (add_table("lines", &[], &[]), "PRIMARY KEY (id)"),
        (
            add_table(
                "lines",
                &["orders BIGINT NOT NULL REFERENCES orders", "place BIGINT NOT NULL", "Note"],
                &["orders", "place"],
            ),
            "Note TEXT,",
        ),
        (
            add_table("order", &["id BIGINT PRIMARY KEY", "\"group\" TEXT DEFAULT 'a,b'"], &[]),
            "CREATE TABLE \"order\" (",
        ),
        (add_column("email", "VARCHAR(80)", false, None), "ADD COLUMN email VARCHAR(80);"),
        (add_column("paid", "BOOLEAN", true, Some("FALSE")), "ADD COLUMN paid BOOLEAN NOT NULL DEFAULT FALSE;"),
        (add_column("sum", "NUMERIC(10, 2)", false, Some("-1.5")), "ADD COLUMN sum NUMERIC(10, 2) DEFAULT -1.5;"),
        (
            add_index("orders", &["Customer", "note"], false, None),
            "CREATE INDEX CONCURRENTLY orders_customer_note ON orders (customer, note);",
        ),
        (add_index("orders", &["note"], true, Some("one")), "CREATE UNIQUE INDEX CONCURRENTLY one ON orders (note);"),
        (add_foreign_key(&["customer"], "customers", &[], None), "VALIDATE CONSTRAINT orders_customer_fkey;"),
        (add_foreign_key(&["code"], "CUSTOMERS", &["code"], Some("set null")), "ON DELETE SET NULL NOT VALID;"),
    ] {
        let folder = project();
        let before = set(folder.path());
        let created = template.write(&before, None).unwrap_or_else(|error| panic!("{template}: {error}"));
        let after = set(folder.path());
        let text = postgres(&after, &created);
        assert!(text.contains(says), "{template}: {text}");
        let verification = verify(&[&after], None, &mut |_| {}).expect("a verification");
        assert!(verification.is_ok() && verification.warnings.is_empty(), "{template}: {verification:?}");
        let inputs: Vec<Input> = after
            .migrations()
            .iter()
            .map(|migration| {
                let script = migration.up(Engine::Postgres);
                let of = if migration.number() == 1 { Input::applied } else { Input::new };
                of(script.file().to_owned(), script.text().to_owned())
            })
            .collect();
        let findings = lint(&inputs, &LintOptions::for_set(Engine::Postgres, 14, "public"));
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{template}: {text}\n{errors:#?}");
    }
}

#[test]
fn what_is_not_safe_is_no_template() {
    let folder = project();
    let template = add_column("lot", "DOUBLE PRECISION", false, Some("random()"));
    let error = template.write(&set(folder.path()), None).expect_err("not safe");
    assert!(error.to_string().contains("volatile-default"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn a_foreign_key_has_an_index_that_begins_with_its_columns() {
    for (column, index) in [("customer", Some("orders_customer")), ("code", None)] {
        let to = if column == "code" { &["code"][..] } else { &[] };
        let folder = project();
        let created =
            add_foreign_key(&[column], "customers", to, None).write(&set(folder.path()), None).expect("written");
        let text = postgres(&set(folder.path()), &created);
        let index = index.map(|index| format!("CREATE INDEX CONCURRENTLY {index} ON orders ({column});"));
        assert_eq!(text.lines().find(|line| line.contains(" INDEX ")), index.as_deref(), "{text}");
    }
}

#[test]
fn a_name_of_its_own_makes_the_slug() {
    let folder = project();
    let created = add_column("email", "TEXT", false, None).write(&set(folder.path()), Some("Mail!")).expect("written");
    assert_eq!(created[0].slug, "mail");
    let created = add_index("orders", &["note"], false, None).write(&set(folder.path()), None).expect("written");
    assert!(created[0].slug.starts_with("add_index_of_orders_note"), "{created:?}");
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    use ErrorKind::{Conflict, Invalid, NotFound};
    for (template, kind, says) in [
        (add_table("Orders", &[], &[]), Conflict, "there is a table orders already"),
        (add_table("notes", &[], &[]), Conflict, "a view notes"),
        (add_table("a", &["b TEXT"], &[]), Invalid, "no primary key"),
        (add_table("a", &["b TEXT"], &["c"]), NotFound, "no column c"),
        (add_table("a", &["id BIGINT); DROP TABLE orders; --"], &[]), Invalid, "is not a column"),
        (add_table("a", &["id BIGINT, b TEXT"], &[]), Invalid, "is not a column"),
        (add_table("a", &["id BIGINT REFERENCES nowhere"], &[]), NotFound, "no table nowhere"),
        (add_table(&"x".repeat(64), &[], &[]), Invalid, "longer"),
        (add_table("sqlite_a", &[], &[]), Invalid, "SQLite's own"),
        (add_column("note", "TEXT", false, None), Conflict, "has a column note already"),
        (add_column("b", "TEXT NOT NULL", false, None), Invalid, "more than a type"),
        (add_column("b", "TEXT", false, Some("1) --")), Invalid, "is not a default"),
        (add_column("b", "TEXT", true, None), Invalid, "give it a default"),
        (add_column("b", "", false, None), Invalid, "is not a type"),
        (add_column("", "TEXT", false, None), Invalid, "empty"),
        (add_index("orders", &["nowhere"], false, None), NotFound, "its columns are: id, customer, code, note"),
        (add_index("orders", &["code"], false, None), Conflict, "orders_code already"),
        (add_index("nowhere", &["code"], false, None), NotFound, "the tables are: customers, orders"),
        (add_foreign_key(&["note"], "nowhere", &[], None), NotFound, "no table nowhere"),
        (add_foreign_key(&["note"], "customers", &["name"], None), Invalid, "no primary key or unique"),
        (add_foreign_key(&["note", "id"], "customers", &[], None), Invalid, "as many columns"),
        (add_foreign_key(&["customer"], "customers", &[], Some("EXPLODE")), Invalid, "on delete"),
    ] {
        let folder = project();
        let error = template.write(&set(folder.path()), None).expect_err(says);
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(error.kind() == kind && told.contains(says), "{template}: {error:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "{template}");
    }
}
