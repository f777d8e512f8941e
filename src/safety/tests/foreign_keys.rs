//! Foreign keys of SQLite: that they are checked, what they would do to rows, and what they can refer to.

use super::*;

/// However they are switched off, as SQLite reads it.
#[test]
fn foreign_keys_that_are_off_are_seen_in_every_spelling() {
    let sqlite = LintOptions::for_set(Engine::Sqlite, 14, "public");
    for off in [
        "main.foreign_keys=0",
        "foreign_keys='no'",
        "foreign_keys(false)",
        "foreign_keys = \"Off\"",
        "foreign_keys = -1",
    ] {
        let text = format!("-- charter: no-transaction\npragma {off};\ndelete from t where id = 1;\n");
        caught_with(&text, "1:2:1 error sqlite-foreign-keys-off", &engine(Engine::Sqlite));
        // charter compares them itself.
        caught_with(&text, "1:2:1 warning sqlite-foreign-keys-off", &sqlite);
        for on in ["main.foreign_keys(yes)", "foreign_keys='true'", "foreign_keys = 2"] {
            safe_with(&format!("{text}pragma main.foreign_key_check;\npragma {on};\n"), &sqlite);
        }
    }
}

/// charter's own connection has foreign keys off in a migration: nothing cascades, and what is left behind makes it fail.
#[test]
fn rows_that_a_cascade_would_have_changed_are_left_behind() {
    let set = LintOptions::for_set(Engine::Sqlite, 14, "public");
    let made = |action: &str| {
        format!(
            "create table p (id integer primary key, name text, code text unique);\n\
             create table c (id integer primary key, pid integer references p (id) {action}, code text, \
             foreign key (code) references p (code) on update set null);\n---\n"
        )
    };
    let rule = "2:1:1 error sqlite-leaves-rows-behind";
    for (action, sql) in [
        ("on delete cascade", "delete from p where id = 1;"),
        ("on delete set null", "with q as (select 1) delete from p where id in (select * from q);"),
        ("on update cascade", "update p set name = 'x', id = id + 1 where id = 1;"),
        ("", "update or ignore p set code = 'x' where id = 1;"),
    ] {
        let place = if sql.starts_with("update or") { "2:1:1 error sqlite-leaves-rows-behind" } else { rule };
        caught_with(&format!("{}{sql}", made(action)), place, &set);
        caught_with(&format!("{}-- charter: no-transaction\n{sql}", made(action)), &place.replace("2:1", "2:2"), &set);
        // Whoever runs it by hand has them on, or not.
        safe_with(&format!("{}{sql}", made(action)), &engine(Engine::Sqlite));
        for mended in ["delete from c where pid = 1;", "update c set pid = null, code = null where pid = 1;"] {
            safe_with(&format!("{}{mended} {sql}", made(action)), &set);
            safe_with(&format!("{}{sql} {mended}", made(action)), &set);
        }
    }
    for sql in ["delete from p where id = 1;", "update p set name = 'x' where id = 1;"] {
        safe_with(&format!("{}{sql}", made("on delete restrict")), &set);
    }
    let new = "create table p (id integer primary key);\n---\n\
               create table c (id integer references p on delete cascade); delete from p where id = 1;";
    safe_with(new, &set);
}

/// What refers has to be gone, or changed, by the end of the transaction that leaves it behind.
#[test]
fn rows_are_left_behind_where_they_are_changed_too_late() {
    let set = LintOptions::for_set(Engine::Sqlite, 14, "public");
    let made = "create table p (id integer primary key, name text);\n\
                create table c (id integer primary key, pid integer references p (id) on delete cascade on update cascade);\n\
                create table t (id integer primary key, up integer references t (id) on delete cascade);\n---\n";
    let late = "-- charter: no-transaction\n";
    for (sql, place) in [
        (format!("{late}delete from p where id = 2;\ndelete from c where pid = 2;"), "2:2:1"),
        (
            format!("{late}begin; delete from p where id = 2; commit;\nbegin; delete from c where pid = 2; commit;"),
            "2:2:8",
        ),
        ("delete from t where id = 1;".to_owned(), "2:1:1"),
        (
            "create table n (id integer primary key, name text); insert into n select id, name from p; drop table p;\n\
             alter table n rename to p;\ndelete from p where id = 2;"
                .to_owned(),
            "2:3:1",
        ),
        (
            "create table n (id integer primary key, name text); insert into n select id, name from p;\n\
             delete from n where id = 2;\ndrop table p; alter table n rename to p;"
                .to_owned(),
            "2:2:1",
        ),
        ("insert into p (id, name) values (2, 'z') on conflict (id) do update set id = 20;".to_owned(), "2:1:1"),
        (
            "insert into p (id, name) values (2, 'z') on conflict (name) do update set id = excluded.id;".to_owned(),
            "2:1:1",
        ),
    ] {
        caught_with(&format!("{made}{sql}"), &format!("{place} error sqlite-leaves-rows-behind"), &set);
    }
    for sql in [
        format!("{late}delete from c where pid = 2; delete from p where id = 2;"),
        format!("{late}begin; delete from p where id = 2; delete from c where pid = 2; commit;"),
        "delete from t where id = 1 or up = 1;".to_owned(),
        "delete from t where up = 1; delete from t where id = 1;".to_owned(),
        "delete from t where id not in (select up from t where up is not null);".to_owned(),
        "insert into p (id, name) values (2, 'z') on conflict (id) do update set id = excluded.id, name = 'y';"
            .to_owned(),
    ] {
        safe_with(&format!("{made}{sql}"), &set);
    }
}

/// A clean-up of rows to which nothing refers leaves nothing behind.
#[test]
fn rows_to_which_nothing_refers_leave_nothing_behind() {
    let set = LintOptions::for_set(Engine::Sqlite, 14, "public");
    let made = "create table p (id integer primary key, name text, code text unique);\n\
                create table c (id integer primary key, pid integer references p (id) on delete cascade);\n\
                create table d (id integer primary key, pid integer references p on delete set null on update cascade);\n---\n";
    let both = |c: &str, d: &str| format!("delete from p where {c} and name = 'x' and {d};");
    for sql in [
        both("id not in (select pid from c)", "id not in (select d.pid from d)"),
        both("p.id not in (select distinct pid from c)", "not id in (select pid from d as x where x.pid is not null)"),
        both("(not exists (select 1 from c where pid = p.id))", "not exists (select * from d x where p.id = x.pid)"),
        "update p set id = id, code = p.code, name = '' where name is null;".to_owned(),
        "update p set id = 2 * id where id not in (select pid from d);".to_owned(),
    ] {
        safe_with(&format!("{made}{sql}"), &set);
    }
    for sql in [
        "delete from p where id not in (select pid from c);".to_owned(),
        both("id not in (select id from c)", "id not in (select pid from d)"),
        both("code not in (select pid from c)", "id not in (select pid from d)"),
        both("id not in (select pid from c where id > 2)", "id not in (select pid from d)"),
        both("id not in (select pid from c limit 1)", "id not in (select pid from d)"),
        both("not exists (select 1 from c where pid = p.id and id > 2)", "id not in (select pid from d)"),
        both("not exists (select 1 from c where pid = id)", "id not in (select pid from d)"),
        both("name = 'y' or id not in (select pid from c)", "id not in (select pid from d)"),
        both("id in (select pid from c)", "id not in (select pid from d)"),
        "update p set id = code where id > 2;".to_owned(),
        "update p set id = x.id from x where x.code = p.code;".to_owned(),
    ] {
        caught_with(&format!("{made}{sql}"), "2:1:1 error sqlite-leaves-rows-behind", &set);
    }
}

#[test]
fn a_foreign_key_needs_columns_that_are_unique() {
    let set = LintOptions::for_set(Engine::Sqlite, 14, "public");
    let made = "create table t (id integer primary key, a text, b text unique, c text, d text, unique (c, d));\n\
                create table o (id integer primary key);\n---\n";
    for add in ["a", "c", "id, b"] {
        let sql = format!("{made}create table x (y text, z text, foreign key (y, z) references t ({add}));");
        caught_with(&sql, "2:1:1 error sqlite-cannot-run", &set);
    }
    let column = |of: &str| format!("{made}alter table o add column x text references {of};");
    caught_with(&column("t (a)"), "2:1:1 error sqlite-cannot-run", &set);
    for of in ["t (b)", "t (id)", "t", "unknown (a)"] {
        safe_with(&column(of), &set);
    }
    safe_with(&format!("{}create unique index i on t (a);", column("t (a)")), &set);
    caught_with(
        &format!("{}create unique index i on t (a) where a > 0;", column("t (a)")),
        "2:1:1 error sqlite-cannot-run",
        &set,
    );
    caught_with(&format!("{}create index i on t (a);", column("t (a)")), "2:1:1 error sqlite-cannot-run", &set);
    safe_with(&format!("{made}create table x (y text, z text, foreign key (y, z) references t (d, c));"), &set);
    safe_with(&format!("{made}create table x (y references n (k)); create table n (k text primary key);"), &set);
    let renamed = made.replace("\n---\n", "\nalter table t rename column b to e;\n---\n");
    safe_with(&format!("{renamed}create table x (y references t (e));"), &set);
    caught_with(
        &format!("{made}create table n (k text); create table x (y references n);"),
        "2:1:26 error sqlite-cannot-run",
        &set,
    );
}
