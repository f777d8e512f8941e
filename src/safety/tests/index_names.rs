//! Indexes without a name, which the server calls after what they are of.

use super::*;

/// As 14, 17 and 18 call them: whoever knows the name knows that the index is one of a new table.
#[test]
fn indexes_without_a_name_are_called_as_the_server_calls_them() {
    const TABLE: &str = "create table q(id int, a text, b text, at timestamptz, d date, arr text[], j jsonb, e boolean, \
         a_column_that_has_quite_a_long_name_for_a_column text, another_column_that_has_quite_a_long_name text);";
    let blocks = |index: &str, name: &str| {
        let text = format!("{TABLE} create index on q {index}; drop index {name};");
        let found = lint(&[Input::new("1", text)], &LintOptions::default());
        found.iter().any(|finding| finding.rule.name == "index-drop-not-concurrent")
    };
    for (index, name) in [
        ("(lower(a))", "q_lower_idx"),
        ("(a) where id > 1", "q_a_idx"),
        ("(a) include (b)", "q_a_b_idx"),
        ("(a, lower(a), lower(b))", "q_a_lower_lower1_idx"),
        ("((a || b))", "q_expr_idx"),
        ("((a || b), (b || a))", "q_expr_expr1_idx"),
        ("((a::text))", "q_a_idx"),
        ("((1::int))", "q_int4_idx"),
        ("((id::bigint))", "q_id_idx"),
        ("(coalesce(a, b))", "q_coalesce_idx"),
        ("((at at time zone 'utc'))", "q_timezone_idx"),
        ("(((at at time zone 'utc')::date))", "q_timezone_idx"),
        ("(extract(year from d))", "q_extract_idx"),
        ("(trim(a))", "q_btrim_idx"),
        ("(trim(leading 'x' from a))", "q_ltrim_idx"),
        ("(substring(a from 1 for 2))", "q_substring_idx"),
        ("((case when id > 1 then a else b end))", "q_b_idx"),
        ("((case when id > 1 then a end))", "q_case_idx"),
        ("((arr[1]))", "q_arr_idx"),
        ("((j->>'x'))", "q_expr_idx"),
        ("((a is null))", "q_expr_idx"),
        ("(greatest(a, b))", "q_greatest_idx"),
        ("(nullif(a, b))", "q_nullif_idx"),
        (r#"((a collate "C"))"#, "q_a_idx"),
        (r#"(a collate "C" text_pattern_ops desc)"#, "q_a_idx"),
        ("(pg_catalog.lower(a))", "q_lower_idx"),
        ("((a like 'x%'))", "q_expr_idx"),
        ("((not e))", "q_expr_idx"),
        ("((- id))", "q_expr_idx"),
        ("(a, a) include (a)", "q_a_a1_a2_idx"),
        (
            "(a_column_that_has_quite_a_long_name_for_a_column, another_column_that_has_quite_a_long_name)",
            "q_a_column_that_has_quite_a_long_name_for_a_column_another__idx",
        ),
        ("(cast(a as varchar))", "q_a_idx"),
        ("((lower(a)::varchar))", "q_lower_idx"),
        ("(position('x' in a))", "q_position_idx"),
        ("((array[a]))", "q_array_idx"),
        ("((id in (1,2)))", "q_expr_idx"),
        ("using hash (a)", "q_a_idx"),
    ] {
        assert!(!blocks(index, name), "{index} is not called {name}");
        assert!(blocks(index, "q_other_idx"), "{index}");
    }
    assert!(!blocks("(a); create index on q (a)", "q_a_idx1"));
}
