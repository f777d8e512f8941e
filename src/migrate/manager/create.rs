//! New migrations, and new numbers for those that nobody has applied.

use super::super::Content;
use super::super::autogenerate;
use super::super::connection::Purpose;
use super::super::create::Created;
use super::super::renumber::{RenumberBy, Renumbered, plan_renumbering};
use super::super::set::MigrationSet;
use super::super::template::Template;
use super::MigrationManager;
use crate::error::Result;
use std::path::Path;

impl MigrationManager {
    /// Writes the next migration of the set that is meant by default: an empty pair, or, with `autogenerate`, what leads from
    /// its migrations to its models, which may be several migrations or none. This manager does not know them yet.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the set is part of the program, or a difference cannot
    /// be written so that it holds on every engine; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the message gives
    /// no name, or the files or the models are wrong; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there are no
    /// models; [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn create_migration(&self, message: &str, autogenerate: bool) -> Result<Vec<Created>> {
        write(&self.set_to_write(None)?, message, autogenerate)
    }

    /// [`MigrationManager::create_migration`] for a set that is named, with what is known of renames, and who to ask.
    ///
    /// # Errors
    /// As [`MigrationManager::create_migration`], and [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a rename names what
    /// is not there.
    pub fn create_migration_with(
        &self,
        set: Option<&str>,
        message: &str,
        content: Content<'_>,
    ) -> Result<Vec<Created>> {
        autogenerate::create_migration(&self.set_to_write(set)?, message, content)
    }

    /// Writes a migration from a template into the folder of a set: the one that is meant by default, unless it is named.
    /// What it does is the message, unless another is given. On Postgres an index is made CONCURRENTLY, and a foreign key NOT
    /// VALID and validated after.
    ///
    /// # Errors
    /// As [`MigrationManager::create_migration`]; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when a table or a column
    /// is not there, [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when what is to come is, and
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a name, a type or a default is none.
    pub fn create_migration_template(
        &self,
        set: Option<&str>,
        template: &Template,
        message: Option<&str>,
    ) -> Result<Vec<Created>> {
        template.write(&self.set_to_write(set)?, message)
    }

    /// A set as its folder has it now: what was written since this manager was made has its numbers, and is not written again.
    fn set_to_write(&self, set: Option<&str>) -> Result<MigrationSet> {
        self.set(set)?.read_again()
    }

    /// What renumbering would do to the files of a set, by what the database has of it. Writes nothing.
    ///
    /// # Errors
    /// As [`plan_renumbering`]; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the database does not exist; and
    /// what the engine says.
    pub fn plan_renumbering(&self, set: Option<&str>) -> Result<Vec<Renumbered>> {
        let set = self.set(set)?;
        let mut connection = self.connect(Purpose::Read)?;
        // A history that is out of order is what this is for.
        let found = connection.found(set)?;
        let applied = found.applied.into_iter().map(|applied| (applied.number, applied.slug)).collect();
        plan_renumbering(set, &RenumberBy::Applied(applied))
    }
}

/// Writes the next migration into a folder: an empty pair, or, with `autogenerate`, what leads from the folder's migrations
/// to its models, `schema.sql`.
///
/// # Errors
/// As [`MigrationManager::create_migration`]; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the folder does not
/// exist.
///
/// # Examples
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use charter::migrate::create_migration;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("schema.sql"), "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);")?;
/// let created = create_migration(folder.path(), "orders", true)?;
/// assert_eq!(std::fs::read_to_string(&created[0].files[1])?, "-- takes back: orders\n\nDROP TABLE orders;\n");
/// // Now the migrations make the models.
/// assert!(create_migration(folder.path(), "again", true)?.is_empty());
/// # }
/// # Ok::<(), charter::Error>(())
/// ```
pub fn create_migration(directory: impl AsRef<Path>, message: &str, autogenerate: bool) -> Result<Vec<Created>> {
    write(&MigrationSet::from_directory("project", directory.as_ref())?, message, autogenerate)
}

fn write(set: &MigrationSet, message: &str, autogenerate: bool) -> Result<Vec<Created>> {
    let content = if autogenerate { Content::Models { renames: Vec::new(), ask: None } } else { Content::Empty };
    autogenerate::create_migration(set, message, content)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    /// A manager that has its sets from before writes no number, and no change, a second time.
    #[test]
    fn what_was_written_meanwhile_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("V1__orders.sql"), "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);")
            .expect("a file");
        std::fs::write(path("V1__orders.down.sql"), "DROP TABLE orders;").expect("a file");
        let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
        let manager = MigrationManager::new("sqlite:///shop.db").expect("a URL").with_set(set);
        let slugs = |created: Result<Vec<Created>>| -> Vec<String> {
            created.expect("migrations").into_iter().map(|created| created.slug).collect()
        };
        assert_eq!(slugs(manager.create_migration("one", false)), ["one"]);
        let (table, column) = ("orders".to_owned(), "note".to_owned());
        let template =
            Template::AddColumn { table, column, data_type: "TEXT".to_owned(), not_null: false, default: None };
        assert_eq!(slugs(manager.create_migration_template(None, &template, None)).len(), 1);
        let models = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, note TEXT, size BIGINT);";
        std::fs::write(path("schema.sql"), models).expect("a file");
        assert_eq!(slugs(manager.create_migration("size", true)), ["size"]);
        assert_eq!(slugs(manager.create_migration("again", true)), [""; 0]);
        let set = MigrationSet::from_directory("shop", folder.path()).expect("a set");
        assert_eq!(set.check().map_err(|error| error.to_string()), Ok(()));
        assert_eq!(set.migrations().len(), 4);
    }
}
