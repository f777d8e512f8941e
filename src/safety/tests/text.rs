//! Files as they come: marks, line ends, psql, what does not parse.

use super::*;

#[test]
fn what_does_not_parse_is_an_error_at_its_place() {
    caught("selec 1;", "1:1 error syntax-error");
    caught("select 1;\r\n\u{feff}", "2:1 error syntax-error");
    caught("select 'é', (1;", "1:15 error syntax-error");
    caught("create table a (b int\n);\nalter table a add colum c int foo;", "3:27 error syntax-error");
    caught("select 'never ends", "1:8 error syntax-error");
    caught("/* never ends", "1:1 error syntax-error");
    let found = findings("selec 1 2 3; drop table a; updat b;", &LintOptions::default());
    let errors: Vec<String> = found.iter().filter(|finding| finding.severity == Severity::Error).map(shown).collect();
    assert_eq!(errors, ["1:1:1 error syntax-error", "1:1:14 error table-dropped", "1:1:28 error syntax-error"]);
}

#[test]
fn empty_files_have_nothing_to_say() {
    for text in ["", "\n\n", "-- nothing\n", "/* nothing */", ";;", "\r\n"] {
        assert_eq!(findings(text, &LintOptions::default()), [], "{text:?}");
        assert_eq!(findings(text, &wrapped()), [], "{text:?}");
    }
    assert_eq!(lint(&[], &LintOptions::default()), []);
}

#[test]
fn commands_of_psql_are_named() {
    caught("select 1;\n\\i other.sql\nselect 2;", "2:1 error psql-command");
    caught("select 'drop table a' \\gexec", "1:23 error psql-command");
    for command in ["\\set ON_ERROR_STOP on", "\\echo done", "\\restrict abc", "\\timing"] {
        caught(&format!("{command}\nselect 1;"), "1:1 warning psql-command");
        caught_with(&format!("{command}\nselect 1;"), "1:1:1 error psql-command", &wrapped());
    }
    caught("\\set AUTOCOMMIT off\nselect 1;", "1:1 error psql-command");
    caught("\\echo `psql -f other.sql`\nselect 1;", "1:1 error psql-command");
    caught("copy a from stdin;\n1\t'x\n\\.\ndrop table b;", "1:1 error psql-command");
    caught("copy a from stdin;\n1\t'x\n\\.\ndrop table b;", "4:1 error table-dropped");
    safe("select '\\i other.sql', $$ \\x $$; -- \\i other.sql");
}

#[test]
fn marks_line_ends_and_characters_move_no_place() {
    caught("\u{feff}drop table a;", "1:1 error table-dropped");
    caught("\u{feff}select 1;", "1:1 warning byte-order-mark");
    caught("-- größer\r\nselect 'ß';\r\n  drop table a;\r\n", "3:3 error table-dropped");
    caught("select 'ÄÖÜ'; drop table \"ä\";", "1:15 error table-dropped");
}

#[test]
fn a_finding_shows_its_statement_on_one_line() {
    let found = findings(
        &format!("-- why\ndrop table\n  a -- no\n ,b; select '{}'; drop view v;", "x".repeat(300)),
        &wrapped(),
    );
    assert_eq!(found[0].statement, "drop table a ,b;");
    assert!(found.iter().all(|finding| finding.statement.chars().count() <= 121));
}

#[test]
fn text_that_would_exhaust_the_parser_is_refused() {
    for text in [
        format!("select {}1{};", "(".repeat(100_000), ")".repeat(100_000)),
        format!("select {}true;", "not ".repeat(100_000)),
        format!("select 1{};", "+1".repeat(100_000)),
        format!("do $$ begin {} end $$;", "if a then b; ".repeat(50_000)),
        format!("select {}", "case when ".repeat(50_000)),
        format!("create function f() returns int language sql as $$ select {}1 $$;", "(".repeat(100_000)),
    ] {
        let found = findings(&text, &LintOptions::default());
        assert!(found.iter().any(|finding| finding.rule.name == "too-deep"), "{}", &text[..40]);
    }
}
