//! What holds for any text.

use proptest::prelude::*;

use super::*;

/// Statements to mutate: one for each shape that the rules look into.
const CORPUS: &[&str] = &[
    "create unique index concurrently if not exists \"I\" on only s.t using btree (a, lower(b) desc) include (c) where a > 0;",
    "alter table if exists only \"My\".\"T\" add column if not exists c int not null default (random() * 10)::int constraint x references o (id) on delete cascade, alter column b set data type varchar(20) using b::text, add constraint k check (a is not null and not (b is null)) not valid, validate constraint k, alter a set not null, drop column d cascade;",
    "create table s.t (id bigint generated always as identity primary key, a int default 5 check (a > 0), b text references o (id), foreign key (a, b) references u (x, y), like other including all) partition by range (a);",
    "do $body$ declare x int; begin if true then alter table t add column c int; execute 'drop table x'; end if; for i in 1..10 loop update t set a = 1; commit; end loop; exception when others then raise; end $body$;",
    "with d as (delete from t returning *) update u set a = d.a from d where u.id in (select id from d limit 5) and u.b between 1 and 10;",
    "begin; set local lock_timeout = '5s'; savepoint s; create temp table x as select 1 as a; rollback to s; alter type m add value 'x'; insert into t values ('x'); commit;",
    "alter table p attach partition c for values from (1) to ('x'); alter table p detach partition c concurrently;",
    "create schema s create table t (a int) create index i on t (a); create function f() returns int language sql as 'select 1'; select f();",
    "prepare p as merge into t using s on t.id = s.id when matched then delete; execute p; explain (analyze) delete from t where current of c;",
    "grant select on t to b; lock table t; vacuum (full) t; cluster t; truncate a, b cascade; reindex (concurrently) table t; copy t from stdin;\n1\n\\.\n",
];

/// The corpus, as statements to mutate and to put comments into.
fn corpus() -> Vec<Vec<Input>> {
    corpus::POSTGRES.into_iter().flat_map(corpus::cases).map(|case| case.inputs).collect()
}

fn all_options() -> impl Strategy<Value = LintOptions> {
    let engines = prop_oneof![4 => Just(Engine::Postgres), 1 => Just(Engine::Sqlite), 1 => Just(Engine::DuckDb)];
    (engines, 14..=18u32, any::<bool>(), any::<bool>()).prop_map(|(engine, postgres_version, wrapped, timeouts_set)| {
        LintOptions { engine, postgres_version, wrapped, timeouts_set, ..LintOptions::default() }
    })
}

/// Statements with some bytes cut out, doubled or replaced.
fn mutated(texts: Vec<String>) -> impl Strategy<Value = String> {
    let statements = prop::collection::vec(prop::sample::select(texts), 1..4);
    let edits = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            0..40usize,
            prop::sample::select(vec![
                "", "'", "\"", "$$", "(", ")", ";", ",", "/*", "*/", "--", "\\", "\u{feff}", "é", " not ", " null ",
                " begin ", "\n", "::", "$body$", "E'", "U&\"",
            ]),
        ),
        0..6,
    );
    (statements, edits).prop_map(|(statements, edits)| {
        let mut text = statements.concat();
        for (place, length, new) in edits {
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if boundaries.is_empty() {
                break;
            }
            let from = place.index(boundaries.len());
            let to = (from + length).min(boundaries.len() - 1);
            text.replace_range(boundaries[from]..boundaries[to], new);
        }
        text
    })
}

fn holds(text: &str, options: &LintOptions) -> Result<(), TestCaseError> {
    let inputs = [Input::new("1", text), Input::new("2", text)];
    let found = lint(&inputs, options);
    prop_assert_eq!(&found, &lint(&inputs, options));
    for pair in found.windows(2) {
        prop_assert!((&pair[0].file, pair[0].range.start) <= (&pair[1].file, pair[1].range.start));
    }
    for finding in &found {
        prop_assert!(text.get(finding.range.clone()).is_some(), "{:?} is not in the text", finding.range);
        prop_assert!(finding.start <= finding.end && finding.start.line <= text.lines().count().max(1) + 1);
        prop_assert!(!finding.message.is_empty() && !finding.help.is_empty());
    }
    super::super::report::human(&found, &inputs);
    super::super::report::sarif(&found);
    Ok(())
}

/// Comments that say something to somebody.
fn comments() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "-- squawk-ignore\n",
        "-- squawk-ignore-file\n",
        "-- squawk-ignore ban-drop-column, prefer-robust-stmts\n",
        "/* squawk-ignore-file */",
        "-- charter:ignore\n",
        "-- charter: ignore table-dropped\n",
        "/* nothing */",
        "-- squawk-disable-assume-in-transaction\n",
        "/* charter: no-transaction */",
        "-- noqa\n",
        "-- ; '\r",
    ])
}

/// A text with a comment before some of its words.
fn with_comment(text: &str, places: &[prop::sample::Index], comment: &str, engine: Engine) -> String {
    // To SQLite alone a carriage return ends nothing.
    let comment = if engine == Engine::Sqlite { comment.replace('\r', "\n") } else { comment.to_owned() };
    let words = super::super::lexer::tokens(text, engine);
    let mut commented = text.to_owned();
    let mut at: Vec<usize> = places.iter().map(|place| words[place.index(words.len())].range.start).collect();
    at.sort_unstable();
    for at in at.into_iter().rev() {
        // Two symbols may be one operator.
        if commented[..at].ends_with(|before: char| before.is_whitespace()) {
            commented.insert_str(at, &comment);
        }
    }
    commented
}

/// What is found, but where.
fn said(inputs: &[Input], options: &LintOptions) -> Vec<(String, Severity, String)> {
    let found = lint(inputs, options).into_iter();
    let mut said: Vec<_> =
        found.map(|finding| (finding.rule.name.to_owned(), finding.severity, finding.statement)).collect();
    said.sort();
    said
}

proptest! {
    #[test]
    fn any_text_is_judged_in_order_and_in_its_bounds(text in any::<String>(), options in all_options()) {
        holds(&text, &options)?;
    }

    #[test]
    fn broken_statements_are_judged_in_order_and_in_their_bounds(
        text in mutated(CORPUS.iter().map(|text| (*text).to_owned()).collect()),
        options in all_options(),
    ) {
        holds(&text, &options)?;
    }

    #[test]
    fn broken_migrations_of_the_corpus_are_judged_in_order_and_in_their_bounds(
        text in mutated(corpus().into_iter().flatten().map(|input| input.text).collect()),
        options in all_options(),
    ) {
        holds(&text, &options)?;
    }

    #[test]
    fn a_comment_in_a_migration_of_the_corpus_changes_nothing_but_places(
        inputs in prop::sample::select(corpus()),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        comment in comments(),
        options in all_options(),
    ) {
        let text = &inputs[inputs.len() - 1].text;
        // psql's commands end with their line; two pieces of a string may be one.
        prop_assume!(!text.contains('\\') && !text.contains("'\n  '") && !text.trim().is_empty());
        let commented = with_comment(text, &places, comment, options.engine);
        let said = |text: &str| {
            let mut inputs = inputs.clone();
            let last = inputs.len() - 1;
            inputs[last].text = text.to_owned();
            said(&inputs, &options)
        };
        prop_assert_eq!(said(&commented), said(text), "{}", commented);
    }

    #[test]
    fn a_comment_between_two_words_changes_nothing_but_places(
        statements in prop::collection::vec(prop::sample::select(CORPUS), 1..4),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        comment in comments(),
        options in all_options(),
    ) {
        let text = statements.concat();
        prop_assume!(!text.contains("stdin"));
        let said = |text: &str| said(&[Input::new("1", text)], &options);
        let commented = with_comment(&text, &places, comment, options.engine);
        prop_assert_eq!(said(&commented), said(&text), "{}", commented);
    }
}
