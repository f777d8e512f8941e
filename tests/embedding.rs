//! What programs that embed charter are told, and that the programs in `examples/` do what they say.

#[path = "../examples/embed.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program of its own; its main reads the command line")]
mod embed;
#[path = "../examples/own_tables.rs"]
#[allow(dead_code, unreachable_pub, reason = "a program of its own; its main reads the command line")]
mod own_tables;

use crate::support::Sandbox;
use charter::config::{Environment, Migrate};
use charter::migrate::{self, MigrationManager, MigrationSet};
use charter::store::OpenOptions;
use charter::{ErrorKind, Store};
use std::path::Path;

/// How hints about a set that is part of a program end.
const PROGRAM: &str = "those of shop, which are part of a program, with its `MigrationManager::upgrade`";

#[test]
fn a_program_keeps_its_contracts() -> charter::Result<()> {
    embed::run(&Sandbox::new().sqlite_url("charter.db"))
}

#[test]
fn a_program_has_tables_of_its_own_twice_over() -> charter::Result<()> {
    let sandbox = Sandbox::new();
    let url = sandbox.sqlite_url("shop.db");
    own_tables::run(&url)?;
    own_tables::run(&url)?;
    let manager = MigrationManager::new(&url)?.with_set(own_tables::migrations()?);
    let history = manager.get_migration_history()?;
    assert_eq!(history.iter().filter(|entry| entry.set == "shop").count(), 2, "{history:?}");
    Ok(())
}

#[test]
fn the_set_of_the_program_is_what_its_folder_has() -> charter::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/migrations");
    own_tables::migrations()?.check_files(&folder)?;

    let files = [("V1__orders.sql", "SELECT 1;\n"), ("V3__new.sql", "SELECT 1;")];
    let refused = MigrationSet::from_files("shop", files)?.check_files(&folder);
    let message = refused.err().map(|error| error.message().to_owned()).unwrap_or_default();
    for part in [
        "V1__orders.sql has another text in the folder",
        "V2__add_note.down.sql is not in the set",
        "V3__new.sql is not in the folder",
    ] {
        assert!(message.contains(part), "{message}");
    }
    Ok(())
}

/// The verbs of the command line know nothing of a set that is part of a program.
#[test]
fn what_only_the_program_can_apply_is_said_to_be_the_programs() -> charter::Result<()> {
    let sandbox = Sandbox::new();
    let url = sandbox.sqlite_url("shop.db");
    migrate::migrate(&url)?;
    let manager = MigrationManager::new(&url)?.with_set(own_tables::migrations()?);
    let refused = |manager: &MigrationManager, options: &OpenOptions| {
        let error = Store::open_managed(manager, options).map(|_| ()).err();
        error.filter(|error| error.kind() == ErrorKind::Refused)
    };

    let never = OpenOptions { migrate: Migrate::Never, ..OpenOptions::default() };
    let error = refused(&manager, &never).expect("a refusal");
    assert!(error.message().ends_with("by opening it: shop 1 (orders), shop 2 (add_note)"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.ends_with(PROGRAM)), "{error:?}");

    // A migration that prod does not apply by itself.
    let files = [("V1__orders.sql", "CREATE TABLE orders (id BIGINT);")];
    let manager = MigrationManager::new(&url)?.with_set(MigrationSet::from_files("shop", files)?);
    let prod = OpenOptions { environment: Some(Environment::Prod), ..OpenOptions::default() };
    let error = refused(&manager, &prod).expect("a refusal");
    assert!(error.message().contains("there is no down migration"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.ends_with(PROGRAM)), "{error:?}");
    Ok(())
}

#[test]
fn the_short_functions_are_about_charters_own_set() -> charter::Result<()> {
    let sandbox = Sandbox::new();
    let url = sandbox.sqlite_url("contracts.db");
    let head = MigrationSet::charter().head();
    let numbers = |done: Vec<migrate::Done>| done.into_iter().map(|done| done.number).collect::<Vec<_>>();
    assert_eq!(numbers(migrate::migrate(&url)?).last(), Some(&head));
    assert_eq!(numbers(migrate::rollback(&url)?), [head]);
    assert_eq!(numbers(migrate::migrate(&url)?), [head]);
    Ok(())
}

/// Nothing to do is no answer to whoever has mistaken the direction.
#[test]
fn a_number_of_migrations_leads_where_the_verb_goes() -> charter::Result<()> {
    let sandbox = Sandbox::new();
    let url = sandbox.sqlite_url("shop.db");
    let manager = MigrationManager::new(&url)?.with_set(own_tables::migrations()?);
    manager.run_migrations("+1")?;
    for refused in [manager.run_migrations("-1"), manager.rollback_migration("+1")] {
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    }
    assert_eq!(manager.get_current_revision()?.as_deref(), Some("1"));
    Ok(())
}
