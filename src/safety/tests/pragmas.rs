//! PRAGMAs of SQLite, and transactions of files that run without one.

use super::*;

/// charter has foreign keys off itself, and compares them.
#[test]
fn a_pragma_that_does_nothing_in_a_migration_is_no_error_there() {
    let wrapped = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    for file in [
        "pragma foreign_keys = off; pragma foreign_key_check; pragma foreign_keys = on",
        "pragma foreign_keys = off; select 1; pragma foreign_keys = on",
    ] {
        caught_with(file, "1:1:1 warning sqlite-in-transaction", &wrapped);
        safe_with(file, &wrapped);
        caught_with(
            &format!("begin; {file}; commit"),
            "1:1:8 error sqlite-in-transaction",
            &LintOptions { wrapped: false, ..wrapped.clone() },
        );
    }
    for asks in ["pragma journal_mode", "pragma foreign_keys", "pragma synchronous", "pragma main.journal_mode"] {
        safe_with(asks, &wrapped);
        safe_with(&format!("begin; {asks}; commit"), &LintOptions { wrapped: false, ..wrapped.clone() });
    }
    for sets in [
        "pragma synchronous = normal",
        "pragma journal_mode = wal",
        "pragma wal_checkpoint",
        "pragma wal_checkpoint(truncate)",
    ] {
        caught_with(sets, "1:1:1 error sqlite-in-transaction", &wrapped);
    }
}

/// What nothing could be written behind, not even that the migration has run.
#[test]
fn a_pragma_behind_which_nothing_is_written_fails() {
    let wrapped = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let without = "-- charter: no-transaction\n";
    caught_with("pragma query_only = 1", "1:1:1 error sqlite-cannot-run", &wrapped);
    caught_with(&format!("{without}pragma query_only = on"), "1:2:1 error sqlite-cannot-run", &wrapped);
    safe_with("pragma query_only = off", &wrapped);
    caught_with(&format!("{without}pragma locking_mode = exclusive"), "1:2:1 error sqlite-cannot-run", &wrapped);
    safe_with(&format!("{without}pragma locking_mode = normal"), &wrapped);
}

/// As the runner does: there, a transaction is BEGIN, statements, COMMIT.
#[test]
fn a_migration_without_a_transaction_has_no_rollback_or_savepoint() {
    let wrapped = LintOptions { wrapped: true, ..engine(Engine::Sqlite) };
    let without = "-- charter: no-transaction\n";
    for control in ["savepoint a; select 1; release a", "begin; select 1; rollback", "begin; savepoint a; commit"] {
        let found = findings(&format!("{without}{control}"), &wrapped);
        assert!(found.iter().any(|found| found.rule.name == "transaction-control"), "{control}: {found:?}");
    }
    let duckdb = LintOptions { wrapped: true, ..engine(Engine::DuckDb) };
    caught_with(&format!("{without}begin; select 1; rollback"), "1:2:18 error transaction-control", &duckdb);
    for plain in ["begin; select 1; commit", "begin transaction; select 1; end"] {
        safe_with(&format!("{without}{plain}"), &wrapped);
    }
}
