//! Tables that are made anew under another name, and what they lose.

use super::*;

/// A rebuild of `t` with other statements before it, behind the file that made it.
pub(super) fn rebuilt(made: &str, before: &str, columns: &str, copied: &str) -> String {
    format!(
        "create table t ({made});\n---\n{before}\ncreate table n ({columns});\n{copied};\ndrop table t;\nalter table n rename to t;"
    )
}

#[test]
fn a_column_that_is_renamed_before_a_rebuild_is_not_lost() {
    let options = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let made = "id bigint, n text, m bigint check (m > 0)";
    let text = rebuilt(
        made,
        "alter table t rename column n to title;",
        "id bigint, title text, m bigint check (m > 0)",
        "insert into n (id, title, m) select id, title, m from t",
    );
    let found: Vec<String> = findings(&text, &options).iter().map(shown).collect();
    assert_eq!(found, ["2:1:1 error column-renamed"]);
    // What is lost beside it is lost.
    let text = rebuilt(
        made,
        "alter table t rename n to title;",
        "id bigint, title text",
        "insert into n select id, title from t",
    );
    caught_with(&text, "2:4:1 error column-dropped", &options);
}

#[test]
fn a_rebuild_under_another_name_renames_a_column() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        let made = "id bigint, n text, m bigint";
        for (columns, copied) in [
            ("id bigint, title text, m bigint", "insert into n (id, title, m) select id, n, m from t"),
            ("id bigint, title text, m bigint", "insert into n select * from t"),
            ("m bigint, title text, id bigint", "insert into n select m, coalesce(t.n, 'x') as title, id from t"),
        ] {
            let text = rebuilt(made, "", columns, copied);
            let found: Vec<String> = findings(&text, &options).iter().map(shown).collect();
            assert_eq!(found, ["2:4:1 error column-renamed"], "{text}");
            let text = text.replacen("create table t", "create table other", 1);
            let is_named = !copied.contains('*');
            assert_eq!(findings(&text, &options).len(), usize::from(is_named), "{text}");
        }
        let text = format!(
            "create table t ({made});\n---\ncreate table n as select id, n as title, m from t;\ndrop table t;\nalter table n rename to t;"
        );
        caught_with(&text, "2:2:1 error column-renamed", &options);
        let values = rebuilt(made, "", "id bigint, b int", "insert into n select t.id, 1 as b from t");
        let values = values.replacen("create table t", "create table other", 1);
        safe_with(&values, &options);
        safe_with(&values.replace("1 as b", "1.5"), &options);
        // A column that gets a copy stays what it was.
        let text = rebuilt(
            made,
            "",
            "id bigint, n text, m bigint, title text",
            "insert into n (id, n, m, title) select id, n, m, n from t",
        );
        safe_with(&text, &options);
    }
}

#[test]
fn a_rebuild_that_leaves_rows_out_loses_them() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        let columns = "id bigint primary key, name text";
        for copied in
            ["insert or ignore into n select id, name from t", "insert or replace into n select id, name from t"]
        {
            caught_with(&rebuilt(columns, "", columns, copied), "2:4:1 error table-dropped", &options);
        }
        safe_with(&rebuilt(columns, "", columns, "insert into n select id, name from t"), &options);
    }
    let sqlite = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let text = rebuilt("id bigint", "", "id bigint", "replace into n select id from t");
    caught_with(&text, "2:4:1 error table-dropped", &sqlite);
    let duckdb = LintOptions { wrapped: true, ..engine(Engine::DuckDb) };
    let text = rebuilt("id bigint", "", "id bigint", "insert into n select id from t on conflict do nothing");
    caught_with(&text, "2:4:1 error table-dropped", &duckdb);
}

#[test]
fn a_rebuild_by_a_query_keeps_values_and_nothing_else() {
    for (of, rule) in [(Engine::Sqlite, "sqlite-rebuild-loses-keys"), (Engine::DuckDb, "duckdb-rebuild-loses-keys")] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        let rebuild = "create table n as select * from t;\ndrop table t;\nalter table n rename to t;";
        for promise in ["primary key", "not null", "unique", "check (id > 0)", "default 1"] {
            let text = format!("create table t (id bigint {promise}, name text);\n---\n{rebuild}");
            caught_with(&text, &format!("2:2:1 error {rule}"), &options);
        }
        caught_with(rebuild, &format!("1:2:1 warning {rule}"), &options);
        safe_with(&format!("create table t (id bigint, name text);\n---\n{rebuild}"), &options);
    }
    let duckdb = LintOptions { wrapped: true, ..engine(Engine::DuckDb) };
    let text = "create table t (id bigint primary key);\n---\ncreate or replace table t as select * from t";
    caught_with(text, "2:1:1 error duckdb-rebuild-loses-keys", &duckdb);
}

#[test]
fn columns_in_another_order_take_each_others_values() {
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        for copied in ["insert into n select * from t", "insert into n select a, b from t"] {
            let text = rebuilt("a text, b text", "", "b text, a text", copied);
            caught_with(&text, "2:3:1 error columns-mixed-up", &options);
            safe_with(&rebuilt("a text, b text", "", "a text, b text", copied), &options);
        }
        let named = "insert into n (a, b) select a, b from t";
        safe_with(&rebuilt("a text, b text", "", "b text, a text", named), &options);
    }
}
