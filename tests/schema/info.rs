//! What is told of a database that is in use.

use crate::support::stores::{Engine as Place, TestStore};
use charter::ErrorKind;
use charter::migrate::schema::{Match, SchemaInfo, SchemaState};
use charter::migrate::{MigrationManager, MigrationSet};

/// What the program says of a database.
fn info(url: &str) -> SchemaInfo {
    let manager = MigrationManager::new(url).expect("a manager");
    let mut infos = manager.get_schema_info().expect("an answer");
    assert_eq!(infos.len(), 1);
    infos.remove(0)
}

#[test]
fn what_was_done_to_charters_tables_by_hand_is_told_and_asking_writes_nothing() {
    // What is done, what is told, what undoes it.
    let on_both = [
        (
            "DROP INDEX charter_records_parent",
            "missing: index charter_records_parent of charter_records",
            "CREATE INDEX charter_records_parent ON charter_records (parent)",
        ),
        ("CREATE INDEX mine ON charter_records (kind)", "extra: index mine of charter_records", "DROP INDEX mine"),
        ("DROP VIEW owners", "missing: view owners", ""),
        ("ALTER TABLE charter_uploads ADD COLUMN note TEXT", "extra: column charter_uploads.note", ""),
    ];
    let on_postgres = [
        (
            "ALTER TABLE charter_cursors ALTER epoch TYPE INTEGER",
            "different: column charter_cursors.epoch: type integer instead of BIGINT",
            "",
        ),
        (
            "ALTER TABLE charter_cursors ALTER epoch DROP NOT NULL",
            "different: column charter_cursors.epoch: nullability NULL instead of NOT NULL",
            "",
        ),
        (
            "ALTER TABLE charter_records ALTER stored_at SET DEFAULT '2020-01-01'",
            "different: column charter_records.stored_at: default",
            "",
        ),
        (
            "ALTER TABLE charter_head DROP CONSTRAINT charter_head_singleton_check",
            "missing: check (singleton = 1) of charter_head",
            "",
        ),
        (
            "ALTER TABLE charter_changes DROP CONSTRAINT charter_changes_digest_fkey",
            "missing: foreign key (digest) to charter_records (digest) of charter_changes",
            "",
        ),
        (
            "ALTER TABLE charter_records DROP CONSTRAINT charter_records_sort_key_key",
            "missing: unique constraint (sort_key) of charter_records",
            "",
        ),
        (
            "ALTER TABLE charter_receipts DROP CONSTRAINT charter_receipts_pkey",
            "missing: primary key (remote, push) of charter_receipts",
            "",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'charter_uploads_push'::regclass",
            "different: index charter_uploads_push of charter_uploads: validity invalid instead of valid",
            "",
        ),
        ("CREATE TABLE charter.stray (a TEXT)", "extra: table stray", ""),
    ];
    for place in [Place::Sqlite, Place::Postgres] {
        let store: TestStore = place.fresh();
        let fresh = info(&store.url);
        assert_eq!(fresh.state, SchemaState::Valid, "{:?}", fresh.differences);
        assert!(fresh.is_valid() && fresh.tables.len() >= 7 && fresh.views.len() == 11, "{fresh:?}");
        assert_eq!(fresh.indexes, ["charter_records_parent", "charter_uploads_push"]);
        let manager = MigrationManager::new(&store.url).expect("a manager");
        assert_eq!(manager.validate_schema().expect("an answer"), []);
        assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Exactly(_))));
        let more: &[_] = if place == Place::Postgres { &on_postgres } else { &[] };
        let mut expected = Vec::new();
        for (sql, difference, undo) in on_both.iter().chain(more) {
            store.execute(sql);
            let told: Vec<String> = info(&store.url).differences.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|line| line.starts_with(difference)), "{difference}: {told:#?}");
            match *undo {
                "" => expected.push(difference),
                undo => store.execute(undo),
            }
        }
        assert_eq!(manager.validate_schema().expect("an answer").len(), expected.len());
        assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Nearest { .. })));
    }
}

#[test]
fn a_file_that_a_host_program_shares_is_judged_by_charters_tables_alone() {
    let store = Place::Sqlite.fresh();
    store.execute(
        "CREATE TABLE host (a TEXT); CREATE VIEW broken AS SELECT * FROM nowhere; CREATE INDEX host_a ON host (a);",
    );
    // One whose module only the host program has.
    store.execute(
        "PRAGMA writable_schema = on; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
         VALUES ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING of_the_host(x)')",
    );
    let told = info(&store.url);
    assert!(told.is_valid(), "{:?}", told.differences);
    assert!(!told.tables.iter().chain(&told.views).any(|name| name == "host" || name == "broken"));

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:///{}", folder.path().join("host.db").display());
    let manager = MigrationManager::new(&url).expect("a manager");
    assert_eq!(manager.validate_schema().expect_err("no file").kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
    let host = crate::support::stores::sqlite(&folder.path().join("host.db"));
    host.execute_batch("CREATE TABLE host (a TEXT)").expect("a table");
    assert_eq!(info(&url).state, SchemaState::NotInitialized);
    assert_eq!(manager.validate_schema().expect_err("no history").kind(), ErrorKind::NotInitialized);
    assert!(matches!(manager.get_matching_revision(MigrationSet::charter()), Ok(Match::Nothing)));
}
