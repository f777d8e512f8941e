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
