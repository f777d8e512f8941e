//! `charter db template`.

use super::super::session::Session;
use super::super::ui::Outcome;
use super::create::told;
use super::database::{Database, Set};
use crate::migrate::{MODELS_FILE, Template, models_differences};

/// Write a migration that needs only names: a complete, safe and reversible one for all engines
///
/// Each is tried up, down and up again before its files are written. On Postgres an index is made CONCURRENTLY, and a
/// foreign key NOT VALID and validated after, so that nobody has to wait.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  charter db template add_table --table orders --column 'id BIGINT NOT NULL' --column 'note TEXT'
  charter db template add_column --table orders --column email --type 'VARCHAR(80)'
  charter db template add_index --table orders --column email --unique
  charter db template add_foreign_key --table orders --column customer --references customers")]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    template: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// A new column
    ///
    /// One that takes no NULL needs a default: the rows that there are get it, and so do those of programs that do not know the
    /// column yet.
    #[command(
        name = "add_column",
        alias = "add-column",
        after_long_help = "\
Examples:
  charter db template add_column --table orders --column note
  charter db template add_column --table orders --column paid --type BOOLEAN --not-null --default FALSE"
    )]
    Column {
        /// The table
        #[arg(long, value_name = "NAME")]
        table: String,
        /// The column
        #[arg(long, value_name = "NAME")]
        column: String,
        /// Its type
        #[arg(long = "type", value_name = "TYPE", default_value = "TEXT")]
        data_type: String,
        /// It takes no NULL; needs --default
        #[arg(long)]
        not_null: bool,
        /// Its default, an expression of SQL
        #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
        default: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A new index
    #[command(
        name = "add_index",
        alias = "add-index",
        after_long_help = "\
Examples:
  charter db template add_index --table orders --column customer --column placed_at
  charter db template add_index --table orders --column email --unique --name one_order_each"
    )]
    Index {
        /// The table
        #[arg(long, value_name = "NAME")]
        table: String,
        /// A column; may be said several times, in order
        #[arg(long = "column", value_name = "NAME", required = true)]
        columns: Vec<String>,
        /// No two rows may be equal in the columns
        #[arg(long)]
        unique: bool,
        /// The index; by default it is called after the table and the columns
        #[arg(id = "called", long = "name", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A new table
    ///
    /// Without columns it has `id BIGINT NOT NULL`, its primary key.
    #[command(
        name = "add_table",
        alias = "add-table",
        after_long_help = "\
Examples:
  charter db template add_table --table orders
  charter db template add_table --table lines --column 'orders BIGINT NOT NULL REFERENCES orders' \\
    --column 'place BIGINT NOT NULL' --primary-key orders --primary-key place"
    )]
    Table {
        /// The table
        #[arg(long, value_name = "NAME")]
        table: String,
        /// A column as CREATE TABLE has it: `note TEXT NOT NULL DEFAULT ''`; may be said several times
        #[arg(long = "column", value_name = "COLUMN")]
        columns: Vec<String>,
        /// A column of the primary key; may be said several times. By default `id`
        #[arg(long = "primary-key", value_name = "NAME")]
        primary_key: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A new foreign key
    #[command(
        name = "add_foreign_key",
        alias = "add-foreign-key",
        after_long_help = "\
Examples:
  charter db template add_foreign_key --table orders --column customer --references customers
  charter db template add_foreign_key --table lines --column product --references products --to code --on-delete 'SET NULL'"
    )]
    ForeignKey {
        /// The table
        #[arg(long, value_name = "NAME")]
        table: String,
        /// A column that refers to the other table; may be said several times, in order
        #[arg(long = "column", value_name = "NAME", required = true)]
        columns: Vec<String>,
        /// The table that it refers to
        #[arg(long, value_name = "TABLE")]
        references: String,
        /// A column that it refers to; may be said several times. By default those of the primary key
        #[arg(long = "to", value_name = "NAME")]
        referenced: Vec<String>,
        /// What happens when the other row is deleted: CASCADE, SET NULL, RESTRICT; DuckDB does without
        #[arg(long, value_name = "ACTION")]
        on_delete: Option<String>,
        /// The constraint; by default Postgres names it
        #[arg(id = "called", long = "name", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
struct Common {
    /// What the migration does, if not what the template does; its words become the migration's name
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    set: Set,
}

impl Kind {
    fn template(&self) -> (Template, &Common) {
        match self {
            Self::Column { table, column, data_type, not_null, default, common } => {
                let (table, column, data_type) = (table.clone(), column.clone(), data_type.clone());
                let default = default.clone();
                (Template::AddColumn { table, column, data_type, not_null: *not_null, default }, common)
            }
            Self::Index { table, columns, unique, name, common } => {
                let (table, columns, name) = (table.clone(), columns.clone(), name.clone());
                (Template::AddIndex { table, columns, unique: *unique, name }, common)
            }
            Self::Table { table, columns, primary_key, common } => {
                let (table, columns, primary_key) = (table.clone(), columns.clone(), primary_key.clone());
                (Template::AddTable { table, columns, primary_key }, common)
            }
            Self::ForeignKey { table, columns, references, referenced, on_delete, name, common } => {
                let (table, columns, references) = (table.clone(), columns.clone(), references.clone());
                let (referenced, on_delete, name) = (referenced.clone(), on_delete.clone(), name.clone());
                (Template::AddForeignKey { table, columns, references, referenced, on_delete, name }, common)
            }
        }
    }
}

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Outcome {
    let (template, common) = arguments.template.template();
    let opened = Database::files(session)?;
    let set = common.set.name()?;
    let created = opened.manager.create_migration_template(set, &template, common.message.as_deref())?;
    told(session, opened.manager.set(set)?.name(), &created)?;
    // The files are new: the folder is read again.
    let opened = Database::files(session)?;
    let set = opened.manager.set(set)?;
    let models = set.directory().map(|directory| directory.join(MODELS_FILE)).filter(|models| models.exists());
    if let Some(models) = models {
        // Models that cannot be read do not say so either.
        if models_differences(set).map_or(true, |differences| !differences.is_empty()) {
            let message =
                format!("{} does not say so yet: change it too, or `charter db check` fails", models.display());
            session.ui.warning(None, &message);
        }
    }
    Ok(())
}
