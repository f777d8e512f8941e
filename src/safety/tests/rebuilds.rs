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

/// SQLite changes what refers to a table with the table's name.
#[test]
fn a_table_that_refers_to_itself_still_does_when_it_is_rebuilt() {
    let set = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let made = "id integer primary key, parent_id integer references t (id)";
    for (new, copied) in [
        ("id integer primary key, parent_id integer references \"n\" (\"id\")", "insert into n select * from t"),
        ("id integer primary key, parent_id integer references t (id)", "insert into n select * from t"),
    ] {
        safe_with(&rebuilt(made, "", new, copied), &set);
    }
    let text = rebuilt(
        made,
        "create table o (id integer primary key);",
        "id integer primary key, parent_id integer references o (id)",
        "insert into n select * from t",
    );
    caught_with(&text, "2:4:1 error sqlite-rebuild-loses-keys", &set);
    let renamed = format!(
        "create table t ({made});\n---\nalter table t rename to t_old;\ncreate table t ({made});\ninsert into t select * from t_old;\ndrop table t_old;"
    );
    safe_with(&renamed, &set);
    let read = renamed.replace("\n---\n", " create table c (tid integer references t (id));\n---\n");
    caught_with(&read, "2:1:1 error table-renamed", &set);
}

/// A column that is filled from groups gets one value for each row.
#[test]
fn a_query_of_groups_beside_a_table_leaves_no_row_out() {
    let made = "id integer primary key, name text, age integer";
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        let with = |join: &str| {
            let copied = format!("insert into n select t.id, t.name, t.age, g.c from t {join}");
            rebuilt(made, "", &format!("{made}, z integer"), &copied)
        };
        for join in [
            "left join (select age, count(*) c from t group by age) g on g.age = t.age",
            "left join (select t.age as k, max(id) as c from t where id > 2 group by t.age) as g on t.age = g.k",
        ] {
            safe_with(&with(join), &options);
        }
        for join in [
            "left join (select age, id c from t) g on g.age = t.age",
            "left join (select age, name, count(*) c from t group by age, name) g on g.age = t.age",
            "left join (select age, count(*) c from t group by age) g on g.c = t.age",
            "left join (select age, count(*) c from t group by age union all select id, 1 from t) g on g.age = t.age",
            "join (select age, count(*) c from t group by age) g on g.age = t.age",
        ] {
            caught_with(&with(join), "2:4:1 error table-dropped", &options);
        }
    }
}

#[test]
fn a_copy_that_looks_for_what_is_always_there_is_whole() {
    let made = "id integer primary key, name text not null, age integer";
    for of in [Engine::Sqlite, Engine::DuckDb] {
        let options = LintOptions { wrapped: true, ..engine(of) };
        for condition in ["where id is not null", "where t.name is not null", "where (name notnull)"] {
            safe_with(&rebuilt(made, "", made, &format!("insert into n select * from t {condition}")), &options);
        }
        for condition in ["where age is not null", "where name is null", "where id is not null and age > 1"] {
            let text = rebuilt(made, "", made, &format!("insert into n select * from t {condition}"));
            caught_with(&text, "2:4:1 error table-dropped", &options);
        }
    }
    let sqlite = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    for how in ["not indexed", "as x not indexed where x.id is not null"] {
        safe_with(&rebuilt(made, "", made, &format!("insert into n select * from t {how}")), &sqlite);
    }
    // SQLite takes NULL in a key that is no INTEGER PRIMARY KEY.
    let text = "name text primary key, age integer";
    let text = rebuilt(text, "", text, "insert into n select * from t where name is not null");
    caught_with(&text, "2:4:1 error table-dropped", &sqlite);
}

#[test]
fn a_temporary_copy_that_may_replace_another_one_is_a_copy() {
    let options = LintOptions { wrapped: true, ..engine(Engine::DuckDb) };
    let made = "create table t (id integer primary key, name text);";
    let back = "drop table t; create table t (id integer primary key, name text); insert into t select * from b; drop table b;";
    safe_with(&format!("{made}\n---\ncreate or replace temp table b as select * from t; {back}"), &options);
    let some = format!("{made}\n---\ncreate or replace temp table b as select * from t where id > 1; {back}");
    caught_with(&some, "2:1:65 error table-dropped", &options);
}

/// Between BEGIN and COMMIT charter has foreign keys off, and compares them behind it.
#[test]
fn a_rebuild_in_a_transaction_of_the_file_itself_keeps_what_refers_to_the_table() {
    let set = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let made = "create table t (id integer primary key); create table c (tid integer references t (id));\n---\n";
    let rebuild = "create table n (id integer primary key); insert into n select * from t; drop table t; alter table n rename to t;";
    let none = "-- charter: no-transaction\n";
    safe_with(&format!("{made}{none}begin; {rebuild} commit;"), &set);
    let dropped = |text: &str| findings(text, &set).iter().any(|found| found.rule.name == "sqlite-drops-referenced");
    assert!(dropped(&format!("{made}{none}{rebuild}")));
    assert!(dropped(&format!("{made}{none}begin; select 1; commit; {rebuild}")));
    // Whoever runs it otherwise has them on.
    let by_hand = format!("{made}begin; {rebuild} commit;");
    let found = findings(&by_hand, &engine(Engine::Sqlite));
    assert!(found.iter().any(|found| found.rule.name == "sqlite-drops-referenced"), "{found:?}");
}
