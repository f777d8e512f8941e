//! Words that other programs have for what charter calls otherwise: the parser's guesses give way to an answer.

use clap::error::{ContextKind, ContextValue, Error};

/// What to say instead of a command that there is not.
fn of_command(word: &str) -> Option<&'static str> {
    Some(match word {
        "up" | "apply" => "`charter db upgrade` applies what a database lacks",
        "migrate" => "`charter db upgrade` applies migrations, `charter db create` writes one",
        "down" | "rollback" | "undo" | "revert" => "`charter db downgrade` takes migrations back",
        "status" | "heads" => {
            "`charter db current` shows where a database is, `charter db pending` what it lacks; a set has one head"
        }
        "branches" | "merge" => {
            "a set has no branches: `charter db renumber` puts migrations after those that were merged before them"
        }
        "show" | "log" => "`charter db history --verbose` shows what was done, and by whom",
        "edit" => "the files are in the folder that charter.cfg names: open them with an editor",
        "new" | "add" | "generate" | "make" | "makemigrations" | "autogenerate" => {
            "`charter db create -m TEXT` writes a migration, with --auto from the models"
        }
        "diff" => "`charter db check` compares the models with the migrations, `charter db info` a database",
        "ensure_version" => "`charter db init` makes the tables, the history's too",
        "repair" | "resolve" | "baseline" | "fake" => "`charter db stamp REVISION` repairs the history by hand",
        "reset" | "drop" | "clean" => {
            "`charter db downgrade base` takes all migrations back, `charter db truncate` removes what is in charter's tables"
        }
        "list_templates" => "`charter db template --help` lists the templates",
        "test" => "`charter db verify` proves migrations",
        _ => return None,
    })
}

/// What to say instead of an option that a verb has not.
fn of_option(verb: &str, option: &str) -> Option<&'static str> {
    let changes = matches!(verb, "upgrade" | "downgrade");
    Some(match (verb, option) {
        ("upgrade" | "downgrade" | "stamp", "-r" | "--rev" | "--to" | "--target") => {
            "the revision stands alone, as in `charter db upgrade head`"
        }
        ("history", "-r" | "--rev-range" | "-i" | "--indicate-current") => {
            "`history` lists all, and says what is pending"
        }
        ("current", "-v" | "--verbose") => "`charter db history --verbose` says more",
        ("downgrade" | "truncate", "--force" | "-f") => "say --yes; in prod the database's name, with --confirm",
        (_, "--dry-run") if changes => "--sql prints what would run, and runs nothing",
        (_, "--fake") if changes => "`charter db stamp REVISION` records a revision, and runs nothing",
        ("stamp", "--purge") => "`stamp` takes out what is above the revision, without an option",
        ("create", "--rev-id") => "a migration is numbered by the time",
        ("create", "--head" | "--splice" | "--branch-label" | "--depends-on") => {
            "a set has no branches: a migration comes after all that there are"
        }
        ("create", word) if !word.starts_with('-') => "say what it does with -m",
        (_, "-c" | "--config") => "charter.cfg is found by itself; CHARTER_DATABASE_URL and --db name another database",
        _ => return None,
    })
}

/// Puts an answer in the place of the parser's guesses, for words that are known from elsewhere.
pub(super) fn answer(error: &mut Error, arguments: &[String]) {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    let mut words = arguments.iter().map(String::as_str).skip_while(|word| *word != "db").skip(1);
    let verb = match words.find(|word| !word.starts_with('-')) {
        Some("revision") => "create",
        verb => verb.unwrap_or_default(),
    };
    let command = word(ContextKind::InvalidSubcommand);
    let tip = match (&command, word(ContextKind::InvalidArg)) {
        (Some(command), _) => match of_command(command) {
            Some(tip) => Some(tip.to_owned()),
            // A verb of `db` without `db`.
            None if super::super::db::has_verb(command) => Some(format!("say `charter db {command}`")),
            None => None,
        },
        (None, Some(option)) => of_option(verb, option.split('=').next().unwrap_or_default()).map(str::to_owned),
        (None, None) => None,
    };
    if let Some(tip) = tip {
        for guess in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
            error.remove(guess);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}
