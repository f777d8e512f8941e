//! Many files in order: what one makes, the next one knows.

use super::*;

#[test]
fn a_check_of_one_file_validated_in_the_next_proves_not_null_in_the_third() {
    let steps = "alter table a add constraint c check (b is not null) not valid;\n---\nalter table a validate constraint c;\n---\n";
    for options in [LintOptions::default(), wrapped()] {
        safe_with(&format!("{steps}alter table a alter b set not null;\nalter table a drop constraint c;"), &options);
        safe_with(
            "alter table a add constraint c check (b is not null) not valid;\n---\nalter table a validate constraint c;\nalter table a alter b set not null;\nalter table a drop constraint c;",
            &options,
        );
        caught_with(
            &format!("{steps}alter table a alter d set not null;"),
            "3:1:15 error set-not-null-scans",
            &options,
        );
        caught_with(
            &format!("{steps}alter table e alter b set not null;"),
            "3:1:15 error set-not-null-scans",
            &options,
        );
        caught_with(
            &format!("{steps}alter table a drop constraint c;\nalter table a alter b set not null;"),
            "3:2:15 error set-not-null-scans",
            &options,
        );
        // The check promised more than NOT NULL.
        caught_with(
            "alter table a add constraint c check (b is not null and b > 5) not valid;\n---\nalter table a validate constraint c; alter table a alter b set not null;\n---\nalter table a drop constraint c;",
            "3:1:15 error constraint-dropped",
            &options,
        );
    }
}

#[test]
fn locks_of_a_table_that_the_set_made_hurt_nobody_but_its_loss_does() {
    let created = "create table a (b varchar(20), c int);\n---\n";
    safe_with(
        &format!(
            "{created}create index i on a (b);\nalter table a add unique (c);\nalter table a alter c set not null;\nalter table a add check (c > 0);\nalter table a alter b type varchar(40);"
        ),
        &wrapped(),
    );
    caught_with(&format!("{created}drop table a;"), "2:1:1 error table-dropped", &wrapped());
    caught_with(&format!("{created}alter table a rename b to d;"), "2:1:15 error column-renamed", &wrapped());
    caught_with(&format!("{created}delete from a;"), "2:1:1 error delete-without-where", &wrapped());
}

#[test]
fn what_was_applied_is_known_but_neither_new_nor_judged() {
    let inputs = |second: &str| {
        vec![
            Input::applied(
                "1",
                "create table a (b varchar(20), c int, d numeric(10, 2)); drop table z; alter table a add constraint k check (c is not null) not valid; alter table a validate constraint k;",
            ),
            Input::new("2", second),
        ]
    };
    let errors = |second: &str| -> Vec<String> {
        let found = lint(&inputs(second), &LintOptions::default());
        found.iter().filter(|finding| finding.severity == Severity::Error).map(shown).collect()
    };
    assert_eq!(errors("create index i on a (b);"), ["2:1:1 error index-not-concurrent"]);
    assert_eq!(errors("alter table a alter b type varchar(40), alter d type numeric(12, 2);"), [] as [&str; 0]);
    assert_eq!(errors("alter table a alter b type text; alter table a alter c set not null;"), [] as [&str; 0]);
    assert_eq!(errors("alter table a alter b type varchar(10);"), ["2:1:15 error column-type-changed"]);
    assert_eq!(errors("alter table a alter c type bigint;"), ["2:1:15 error column-type-changed"]);
}

#[test]
fn an_index_in_a_later_file_serves_the_foreign_key() {
    let key = "create table a (b bigint, c bigint, foreign key (b, c) references d);\n---\n";
    let without = |index: &str| {
        let found = findings(&format!("{key}{index}"), &LintOptions::default());
        found.iter().any(|finding| finding.rule.name == "foreign-key-without-index")
    };
    assert!(!without("create index on a (c, b, e);"));
    assert!(without("create index on a (b);"));
    assert!(without("create index on a (b, c) where b > 0;"));
}

#[test]
fn settings_and_open_transactions_end_with_their_file() {
    caught_with(
        "set lock_timeout = '5s'; set statement_timeout = '5s';\n---\nalter table a add column b int;",
        "2:1:1 warning lock-timeout-missing",
        &LintOptions::default(),
    );
    caught_with(
        "begin; create table a (b int);\n---\ncreate index i on a (b);",
        "2:1:1 error index-not-concurrent",
        &LintOptions::default(),
    );
    safe_with("create temp table a (b int);\n---\nselect 1;", &LintOptions::default());
    caught_with(
        "create temp table a (b int);\n---\ncreate index i on a (b);",
        "2:1:1 error index-not-concurrent",
        &LintOptions::default(),
    );
}

#[test]
fn names_are_the_servers_names() {
    safe("create table App.Users (Id int); create index on app.users (id); create index on \"app\".\"users\" (id);");
    caught("create table app.users (id int);\ncreate index on users (id);", "2:1 error index-not-concurrent");
    caught("create table \"Users\" (id int);\ncreate index on users (id);", "2:1 error index-not-concurrent");
    safe("set search_path = app; create table users (id int); create index on app.users (id);");
    safe("create table users (id int); create index on public.users (id);");
    let charter = LintOptions::for_set(Engine::Postgres, 14, "charter");
    safe_with("create table users (id int); create index on charter.users (id);", &charter);
}
