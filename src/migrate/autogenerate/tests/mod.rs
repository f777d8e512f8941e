//! What is written for which difference.

mod property;

use super::*;
use std::path::Path;

/// A project with migrations and models.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(migration: &str, models: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder") };
        let set = MigrationSet::from_files("shop", [("V1__first.sql", migration)]).expect("a set");
        proof::states(&set).expect("the migration runs");

        project.write("V1__first.sql", migration);
        project.write("V1__first.down.sql", "");
        project.write(MODELS_FILE, models);
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn set(&self) -> MigrationSet {
        MigrationSet::from_directory("shop", self.path()).expect("a set")
    }

    fn create(&self, renames: &[&str]) -> Result<Vec<Created>> {
        let renames = renames.iter().map(|rename| rename.parse()).collect::<Result<_>>()?;
        create_migration(&self.set(), "change", Content::Models { renames, ask: None })
    }

    /// What was written, by the ends of the files' names.
    fn written(&self, renames: &[&str]) -> Vec<(String, String)> {
        let created = self.create(renames).expect("written");
        assert_eq!(models_differences(&self.set()).expect("compared"), []);
        let files = created.iter().flat_map(|created| &created.files);
        files
            .map(|file| {
                let name = file.file_name().expect("a name").to_string_lossy().into_owned();
                (name, std::fs::read_to_string(file).expect("a file"))
            })
            .collect()
    }
}

fn show(migration: &str, models: &str, renames: &[&str]) {
    println!("\n################ {models} {renames:?}");
    for (name, text) in Project::new(migration, models).written(renames) {
        println!("=== {name}\n{text}");
    }
}

#[test]
fn look() {
    let base = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a TEXT, b BIGINT);\nCREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, t BIGINT REFERENCES t (id));\nCREATE INDEX ti ON t (a);\nCREATE VIEW v AS SELECT id, a FROM t;";
    show(
        base,
        "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a TEXT, b BIGINT, n TEXT);\nCREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, t BIGINT REFERENCES t (id));\nCREATE INDEX ti ON t (a);\nCREATE VIEW v AS SELECT id, a FROM t;",
        &[],
    );
    show(
        base,
        "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, a TEXT NOT NULL, b BIGINT CHECK (b > 0));\nCREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, t BIGINT REFERENCES t (id), UNIQUE (t));\nCREATE INDEX ti ON t (a);\nCREATE INDEX tj ON t (b);\nCREATE VIEW v AS SELECT id, a FROM t;",
        &[],
    );
    show(
        base,
        "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, z TEXT, b TEXT);\nCREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, t BIGINT);\nCREATE INDEX ti ON t (z);\nCREATE VIEW v AS SELECT id, z FROM t; CREATE TABLE n (id BIGINT NOT NULL PRIMARY KEY, c BIGINT REFERENCES c (id));",
        &["t.a:z"],
    );
}
