//! What is written for which difference.

mod around;
mod beside;
mod cases;
mod dependants;
mod engines;
mod model;
mod property;

use super::*;
use crate::migrate::{MODELS_FILE, Script};
use std::path::Path;

/// A project with migrations and models.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(migration: &str, models: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder") };
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

    /// Writes what leads to the models, which must work, and reads it back.
    fn go(&self, renames: &[&str]) -> Written {
        let created = self.create(renames).expect("written");
        assert_eq!(models_differences(&self.set()).expect("compared"), []);
        self.read(&created)
    }

    fn read(&self, created: &[Created]) -> Written {
        let set = self.set();
        let mut files = BTreeMap::new();
        for (created, file) in created.iter().flat_map(|created| created.files.iter().map(move |file| (created, file)))
        {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let place = set.migrations().iter().take_while(|migration| migration.number() < created.number).count() + 1;
            let name = name.replacen(&created.number.to_string(), &place.to_string(), 1);
            files.insert(name, std::fs::read_to_string(file).expect("a file"));
        }
        Written { files }
    }
}

/// The files that were written, by name, with the place of the migration in the set for the time that it was made.
struct Written {
    files: BTreeMap<String, String>,
}

impl Written {
    fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// The statements of a file, one a line, without comments.
    fn statements(&self, name: &str) -> Vec<String> {
        let text = self.files.get(name).unwrap_or_else(|| panic!("{name} is not among {:?}", self.names()));
        let script = Script::new(name, text);
        let statements = script.statements(Engine::Postgres);
        statements.iter().map(|said| said.text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The file that an engine runs for a migration, up (`sql`) or down (`down.sql`).
    fn run_by(&self, engine: &str, migration: &str, side: &str) -> &str {
        let names = self.files.keys().map(String::as_str);
        let wanted = [format!("{migration}.{engine}.{side}"), format!("{migration}.{side}")];
        let found = wanted.iter().find_map(|wanted| names.clone().find(|name| name == wanted));
        found.unwrap_or_else(|| panic!("{wanted:?} are not among {:?}", self.names()))
    }

    /// The comments that ask somebody to decide.
    fn decisions(&self, name: &str) -> Vec<&str> {
        self.files[name].lines().filter_map(|line| line.strip_prefix("-- decide: ")).collect()
    }

    /// What the safety rules find an error in, as charter runs it on Postgres after what was applied before.
    #[cfg(feature = "lint")]
    fn errors(&self, project: &Project) -> Vec<String> {
        use crate::safety::{Input, LintOptions, Severity, lint};
        let inputs: Vec<Input> = project
            .set()
            .migrations()
            .iter()
            .map(|migration| {
                let script = migration.up(Engine::Postgres);
                match migration.number() {
                    1 => Input::applied(script.file(), script.text()),
                    _ => Input::new(script.file(), script.text()),
                }
            })
            .collect();
        let findings = lint(&inputs, &LintOptions::for_set(Engine::Postgres, 14, "public"));
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| format!("{}: {}", finding.rule.name, finding.message)).collect()
    }
}
