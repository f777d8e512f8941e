//! Nothing that squawk's own rules find is lost: its default rules are asked beside ours.

use squawk_linter::Linter;
use squawk_syntax::SourceFile;

use super::*;

/// Statements that squawk finds something wrong with.
const STATEMENTS: &[&str] = &[
    "create index i on t (a);",
    "drop index i;",
    "alter table t add constraint c check (a > 0);",
    "alter table t add column a timestamptz default clock_timestamp();",
    "alter table t add constraint f foreign key (a) references o (id);",
    "alter table t alter a type bigint;",
    "alter table t alter a set not null;",
    "alter table t add primary key (id);",
    "alter table t rename a to b;",
    "alter table t rename to u;",
    "alter table t add unique (a);",
    "drop database d;",
    "alter table t drop column a;",
    "drop table t;",
    "alter table t alter a drop not null;",
    "alter table t alter a drop default;",
    "alter table t add column a int not null;",
    "create domain d as int check (value > 0);",
    "alter domain d add constraint c check (value > 0);",
    "truncate t cascade;",
    "alter table t detach partition p;",
    "reindex table t;",
    "update t set a = 1, a = 2 where id = 1;",
    "drop view v;",
    "drop function f();",
    "drop type t;",
    "drop schema s;",
    "drop sequence s;",
    "drop domain d;",
    "drop extension e;",
    "alter table t drop constraint c;",
    "alter table t alter a drop expression;",
    "alter table t alter a add generated always as identity;",
    "alter view v rename to w;",
    "alter table t set schema s;",
];

#[test]
fn each_statement_that_squawk_finds_is_found() {
    for sql in STATEMENTS {
        let parsed = SourceFile::parse(sql);
        let noise = ["require-lock-timeout", "require-statement-timeout", "prefer-robust-stmts"];
        let squawk: Vec<String> = Linter::with_default_rules()
            .lint(&parsed, sql)
            .iter()
            .map(|violation| violation.code.to_string())
            .filter(|code| !noise.contains(&code.as_str()))
            .collect();
        assert!(!squawk.is_empty(), "squawk finds nothing in {sql}");
        let found = findings(sql, &LintOptions::default());
        let ours =
            found.iter().filter(|finding| finding.severity == Severity::Error || sql.starts_with("create domain"));
        assert!(ours.count() > 0, "{sql}: squawk says {squawk:?}, we say {found:#?}");
    }
}

#[test]
fn the_comments_that_switch_squawk_off_switch_nothing_off() {
    for comment in [
        "-- squawk-ignore",
        "-- squawk-ignore-file",
        "/* squawk-ignore-file */",
        "-- squawk-ignore ban-drop-view",
        "-- squawk-ignore-file ban-drop-view",
    ] {
        caught(&format!("{comment}\ndrop view v;"), "2:1 error view-dropped");
        caught(&format!("drop view {comment}\n v;"), "1:1 error view-dropped");
    }
}
