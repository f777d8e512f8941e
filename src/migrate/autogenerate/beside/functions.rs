//! Functions, whose bodies are text: nobody tells them of a new name, and what they name is missed only when they run.

use super::words::{Words, of_statement, same, unquoted};
use super::{Beside, Place, Thing};
use crate::engine::Engine;
use crate::engine::lexer::{Token, TokenKind};
use crate::migrate::autogenerate::change::{self, TableChange, dropped, is_required, pairs};
use crate::migrate::autogenerate::rename::{Names, Rename};
use crate::migrate::autogenerate::{Step, sql};
use crate::migrate::schema::{Difference, Schema, View};
use std::collections::BTreeSet;

/// A function, a procedure, or a macro of DuckDB.
#[derive(Debug, Clone)]
pub(in crate::migrate::autogenerate) struct Function {
    pub(super) name: String,
    /// What it takes, as it was written.
    arguments: String,
    pub(super) place: Place,
    /// The words of its body, in small letters, those of strings in it too.
    words: BTreeSet<String>,
    /// The tables into which it inserts without naming columns.
    pub(super) fills: BTreeSet<String>,
    /// What the server keeps as more than text: it holds on to what that names.
    pub(super) held: BTreeSet<String>,
}

impl Function {
    /// Reads what makes a function.
    pub(super) fn read(text: &str, engine: Engine, place: &Place) -> Option<Self> {
        let mut words = Words::of(text, engine);
        words.take("create");
        let _ = words.take("or") && words.take("replace");
        words.take_one(&["temporary", "temp"]);
        words.take_one(&["function", "procedure", "macro"])?;
        words.take_all(&["if", "not", "exists"]);
        let named = words.place()?;
        let name = unquoted(&text[named.clone()]);
        let tokens = of_statement(text, engine);
        let after = tokens.iter().skip_while(|token| token.range.start < named.end);
        let (mut depth, mut end) = (0usize, named.end);
        for token in after {
            depth += usize::from(token.is_symbol(text, "("));
            depth -= usize::from(token.is_symbol(text, ")")).min(depth);
            end = token.range.end;
            if depth == 0 {
                break;
            }
        }
        let arguments = text[named.end..end].split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let mut found = Self::empty(name, arguments, place);
        let outer: Vec<&Token> = tokens.iter().filter(|token| token.range.start >= named.end).collect();
        if engine == Engine::Postgres {
            let names = outer.iter().filter(|token| token.kind != TokenKind::String);
            found.held = names.map(|token| unquoted(token.text(text)).to_lowercase()).collect();
            for body in outer.iter().filter(|token| token.kind == TokenKind::String) {
                found.see(body.text(text), engine);
            }
        } else {
            // Macros are bound when they run.
            found.see(&text[end..], engine);
        }
        Some(found)
    }

    /// Takes in the text of a body, quotes and all.
    fn see(&mut self, body: &str, engine: Engine) {
        let tag = body.starts_with('$').then(|| body[1..].find('$').map(|end| &body[..end + 2])).flatten();
        let inner = match tag {
            Some(tag) => body.strip_prefix(tag).map(|body| body.strip_suffix(tag).unwrap_or(body)).unwrap_or(body),
            None => body.trim_start_matches(['e', 'E']).trim_matches('\''),
        };
        match tag.is_some() {
            true => self.take_in(inner, engine),
            false => self.take_in(&inner.replace("''", "'"), engine),
        }
    }

    /// Takes in what a body says.
    fn take_in(&mut self, inner: &str, engine: Engine) {
        let tokens = of_statement(inner, engine);
        for token in &tokens {
            match token.kind {
                TokenKind::Word => drop(self.words.insert(token.text(inner).to_lowercase())),
                TokenKind::QuotedName => drop(self.words.insert(unquoted(token.text(inner)).to_lowercase())),
                // What is put together in it may be run.
                TokenKind::String => {
                    let words = token.text(inner).split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    self.words.extend(words.map(str::to_lowercase));
                }
                TokenKind::Symbol if token.text(inner) == "*" => drop(self.words.insert("*".to_owned())),
                _ => {}
            }
        }
        for (place, _) in tokens.iter().enumerate().filter(|(_, token)| token.is_word(inner, "into")) {
            let mut path = tokens[place + 1..].iter();
            let mut name = path.next();
            let mut next = path.next();
            while next.is_some_and(|token| token.is_symbol(inner, ".")) {
                name = path.next();
                next = path.next();
            }
            let lists = next.is_some_and(|token| token.is_symbol(inner, "("));
            self.fills.extend(name.filter(|_| !lists).map(|token| unquoted(token.text(inner)).to_lowercase()));
        }
    }

    /// Whether two are one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        same(&self.name, &other.name) && self.arguments == other.arguments
    }

    /// What a trigger of SQLite does, or a part of what it says.
    pub(super) fn of_trigger(trigger: &Thing, text: &str, engine: Engine) -> Self {
        let mut found = Self::empty(trigger.name.clone(), String::new(), &trigger.place);
        found.take_in(text, engine);
        found
    }

    /// A block of code, which has no name and is run at once.
    pub(super) fn block(text: &str, engine: Engine, place: &Place) -> Self {
        let mut found = Self::empty("DO block".to_owned(), String::new(), place);
        for token in of_statement(text, engine).iter().filter(|token| token.kind == TokenKind::String) {
            found.see(token.text(text), engine);
        }
        found
    }

    fn empty(name: String, arguments: String, place: &Place) -> Self {
        let (words, fills, held) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { name, arguments, place: place.clone(), words, fills, held }
    }

    /// Whether its body names something.
    pub(super) fn names(&self, name: &str) -> bool {
        self.words.contains(&name.to_lowercase())
    }
}

/// Something that a body may name and that becomes another thing.
pub(super) struct Concern {
    /// A table or a view, by its name from before.
    pub(super) of: String,
    pub(super) column: Option<String>,
    /// What becomes of it.
    pub(super) fate: String,
    pub(super) is_renamed: bool,
    /// Whether nothing is there any more under its name.
    pub(super) is_away: bool,
}

impl Concern {
    pub(super) fn title(&self) -> String {
        self.column.as_ref().map_or_else(|| self.of.clone(), |column| format!("{}.{column}", self.of))
    }
}

/// What becomes of the names that a body may have, in a step.
pub(super) fn concerns(step: &Step) -> Vec<Concern> {
    let none = Names::default();
    let mut concerns = Vec::new();
    let mut add = |of: &str, column: Option<&str>, fate: String, (is_renamed, is_away): (bool, bool)| {
        concerns.push(Concern { of: of.to_owned(), column: column.map(str::to_owned), fate, is_renamed, is_away });
    };
    const RENAMED: (bool, bool) = (true, true);
    const AWAY: (bool, bool) = (false, true);
    const ANOTHER: (bool, bool) = (false, false);
    for rename in step.names.renames() {
        match rename {
            Rename::Table { from, to } => add(from, None, format!("is called {to} from here on"), RENAMED),
            Rename::Column { table, from, to } => {
                add(step.names.table_before(table), Some(from), format!("is called {to} from here on"), RENAMED);
            }
        }
    }
    for table in dropped(&step.middle, &step.to, &none) {
        add(&table.name, None, "is dropped".to_owned(), AWAY);
    }
    for (before, now) in pairs(&step.middle, &step.to, &none) {
        let change = TableChange::of(before, now, &none);
        let of = step.names.table_before(&now.name);
        let was = |column: &str| step.names.column_before(&now.name, column).to_owned();
        for column in &change.dropped {
            add(of, Some(&was(&column.name)), "is dropped".to_owned(), AWAY);
        }
        for (old, new) in &change.altered {
            if !change::same_type(&old.data_type, &new.data_type) {
                add(of, Some(&was(&old.name)), format!("becomes {}", new.data_type), ANOTHER);
            }
            if !is_required(before, old) && is_required(now, new) {
                add(of, None, format!("takes no row without {} from here on", new.name), ANOTHER);
            }
        }
        let needed = change.added.iter().filter(|column| column.not_null && column.default.is_none());
        for column in needed.filter(|column| column.generated.is_none()) {
            add(of, None, format!("takes no row without {} from here on", column.name), ANOTHER);
        }
    }
    for (name, view) in &step.from.views {
        match step.to.views.get(name) {
            None => add(name, None, "is dropped".to_owned(), AWAY),
            Some(now) => {
                let gone = view.columns.iter().filter(|column| !now.columns.iter().any(|other| same(other, column)));
                gone.for_each(|column| add(name, Some(column), "it has no more".to_owned(), AWAY));
            }
        }
    }
    concerns
}

/// What a person has to do about functions that name what becomes another thing in a step: a line for each of them, for the
/// way there and for the way back.
pub(in crate::migrate::autogenerate) fn decisions(step: &Step, there: &Beside) -> Vec<(String, String)> {
    let concerns = concerns(step);
    let what = if there.engine == Engine::DuckDb { "macro" } else { "function" };
    let mut lines = Vec::new();
    for function in &there.functions {
        let calls = |trigger: &&Thing| trigger.calls().is_some_and(|called| same(&called, &function.name));
        let triggers: Vec<&Thing> = there.triggers().filter(calls).collect();
        // Nothing runs it any more.
        if !triggers.is_empty() && triggers.iter().all(|trigger| goes(&trigger.of, step)) {
            continue;
        }
        let told: Vec<String> = concerns
            .iter()
            // Macros only read.
            .filter(|concern| concern.is_away || there.engine == Engine::Postgres)
            .filter(|concern| function.is_concerned(concern, &triggers, step))
            .map(|concern| format!("{}, which {}", concern.title(), concern.fate))
            .collect();
        if told.is_empty() {
            continue;
        }
        let runs: Vec<String> = triggers.iter().map(|trigger| format!("{} of {}", trigger.name, trigger.of)).collect();
        let run_by = match runs.as_slice() {
            [] => String::new(),
            [one] => format!(", which the trigger {one} runs,"),
            more => format!(", which the triggers {} run,", more.join(" and ")),
        };
        let (name, told) = (&function.name, told.join(", and "));
        let title = format!("the {what} {name} ({})", place(&function.place));
        lines.push((
            format!(
                "{title}{run_by} names {told}; nothing changes the text of a {what}, and what does not fit it any more fails \
                 when it runs: write it anew below, behind the other statements, with CREATE OR REPLACE, if it has to change"
            ),
            format!("{title} gets its old text back below, behind the other statements, if the way up gives it another"),
        ));
    }
    lines
}

/// Whether a table or a view is there before a step, and not after it.
pub(super) fn goes(of: &str, step: &Step) -> bool {
    let has =
        |schema: &Schema, name: &str| schema.tables.keys().chain(schema.views.keys()).any(|other| same(other, name));
    has(&step.from, of) && !has(&step.to, step.names.table_now(of))
}

impl Function {
    /// Whether it may stop working.
    pub(super) fn is_concerned(&self, concern: &Concern, triggers: &[&Thing], step: &Step) -> bool {
        let Some(column) = &concern.column else {
            // What a table takes concerns those that write to it.
            let writes = ["insert", "merge", "copy", "update"].iter().any(|word| self.names(word));
            return self.names(&concern.of) && (concern.is_away || writes);
        };
        let is_made_of_it = |view: &View| sql::mentions(&view.definition, &concern.of);
        let looks_at_it = |of: &str| {
            let mut views = step.from.views.values();
            same(of, &concern.of) || views.any(|view| same(&view.name, of) && is_made_of_it(view))
        };
        // Its arguments, or what it gives, may be rows of it.
        let has_rows_of_it = self.held.contains(&concern.of.to_lowercase());
        let is_of_it =
            self.names(&concern.of) || has_rows_of_it || triggers.iter().any(|trigger| looks_at_it(&trigger.of));
        if self.names(column) {
            return is_of_it || step.from.views.values().any(|view| is_made_of_it(view) && self.names(&view.name));
        }
        // It may mean the column without naming it.
        !concern.is_renamed && (self.fills.contains(&concern.of.to_lowercase()) || is_of_it && self.names("*"))
    }
}

impl Beside {
    /// What a person has to do about a trigger that the models have otherwise than before.
    pub(in crate::migrate::autogenerate) fn own_trigger(&self, difference: &Difference) -> Option<String> {
        let of = difference.table.as_deref()?;
        let trigger = self.triggers().find(|trigger| same(&trigger.name, &difference.name) && same(&trigger.of, of))?;
        let runs = trigger.calls().map(|called| {
            let made = self.functions.iter().rev().find(|function| same(&function.name, &called));
            let at = made.map(|function| format!(" ({})", place(&function.place))).unwrap_or_default();
            format!(" and runs the function {called}{at}")
        });
        Some(format!(
            "the models say the trigger {} of {of} in other words than before; on {} it is made by {}{}: if it has to do \
             something else now, write this by hand",
            trigger.name,
            self.engine,
            place(&trigger.place),
            runs.unwrap_or_default(),
        ))
    }
}

/// A place as comments in files tell it: they are read on other machines.
pub(super) fn place((file, position): &Place) -> String {
    format!("{}:{}", file.file_name().unwrap_or_default().to_string_lossy(), position.line)
}
