//! What goes with a table or a view: triggers, indexes, policies, comments, privileges and the like.

use super::words::{self, Subject, Words, is_name, of_statement, same, subject};
use super::{Place, Said};
use crate::engine::Engine;
use crate::engine::lexer::{Token, TokenKind};
use crate::migrate::autogenerate::rename::{Names, Rename};
use crate::migrate::autogenerate::sql::Spelling;

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate::autogenerate) enum Sort {
    Trigger,
    Index,
    Policy,
    Rule,
    Statistics,
    /// One that a column owns.
    Sequence,
    Comment,
    Privilege,
    /// What ALTER TABLE says that is no part of a table's definition.
    Setting,
}

impl Sort {
    pub(in crate::migrate::autogenerate) fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Index => "index",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Statistics => "statistics object",
            Self::Sequence => "sequence",
            Self::Comment => "comment",
            Self::Privilege => "privilege",
            Self::Setting => "setting",
        }
    }
}

/// Something that goes with a table or a view.
#[derive(Debug, Clone)]
pub(in crate::migrate::autogenerate) struct Thing {
    pub(in crate::migrate::autogenerate) sort: Sort,
    /// What it is called; empty where it has no name.
    pub(in crate::migrate::autogenerate) name: String,
    /// The table or view that it is of.
    pub(in crate::migrate::autogenerate) of: String,
    /// What made it, without its end, with the names that are new since.
    pub(in crate::migrate::autogenerate) text: String,
    /// Where that stands.
    pub(in crate::migrate::autogenerate) place: Place,
    /// Whether no other engine was told it in the same words.
    pub(in crate::migrate::autogenerate) is_own: bool,
    /// Whether something in its words has got another name since, and nobody knows which.
    pub(in crate::migrate::autogenerate) is_outdated: bool,
    pub(super) engine: Engine,
}

impl Thing {
    pub(super) fn new(sort: Sort, (name, of): (String, String), said: &Said, place: &Place, engine: Engine) -> Self {
        let (text, place) = (said.text.clone(), place.clone());
        Self { sort, name, of, text, place, is_own: said.is_own, is_outdated: false, engine }
    }

    /// Whether its own words name something, and not only those of the function that it calls.
    pub(in crate::migrate::autogenerate) fn names(&self, name: &str) -> bool {
        self.said().any(|token| is_name(&token, &self.text, name))
    }

    /// What it is and what it is called.
    pub(in crate::migrate::autogenerate) fn title(&self) -> String {
        match self.sort {
            Sort::Comment | Sort::Privilege | Sort::Setting => format!("{} of {}", self.sort.as_str(), self.of),
            sort => format!("{} {}", sort.as_str(), self.name),
        }
    }

    /// Whether it is about a column of a view that is not among these.
    pub(in crate::migrate::autogenerate) fn misses(&self, columns: &[String]) -> bool {
        let has = |name: &str| columns.iter().any(|column| same(column, name));
        let tokens = of_statement(&self.text, self.engine);
        let opens = |token: &&Token| token.is_symbol(&self.text, "(");
        let closes = |token: &&Token| token.is_symbol(&self.text, ")");
        match (self.sort, subject(&self.text, self.engine)) {
            (Sort::Comment, Some(Subject { column: Some(column), .. })) => !has(&words::unquoted(&self.text[column])),
            (Sort::Privilege, _) => tokens.iter().position(|token| opens(&token)).is_some_and(|place| {
                let columns = tokens[place + 1..].iter().take_while(|token| !closes(token));
                let names = columns.filter(|token| token.kind != TokenKind::Symbol);
                !names.into_iter().all(|token| has(&words::unquoted(token.text(&self.text))))
            }),
            _ => false,
        }
    }

    /// The function that a trigger calls.
    pub(in crate::migrate::autogenerate) fn calls(&self) -> Option<String> {
        let mut words = Words::of(&self.text, self.engine);
        if self.sort != Sort::Trigger {
            return None;
        }
        loop {
            words.find("execute")?;
            if words.take_one(&["function", "procedure"]).is_some() {
                return words.name();
            }
        }
    }

    /// What a setting switches on or off, and where its name stands: a trigger or a rule.
    pub(super) fn switches(&self) -> Option<(Sort, std::ops::Range<usize>)> {
        let mut words = Words::of(&self.text, self.engine);
        if self.sort != Sort::Setting || !words.take("alter") || !words.take("table") {
            return None;
        }
        words.take_all(&["if", "exists"]);
        words.take("only");
        words.place()?;
        words.take_one(&["enable", "disable"])?;
        words.take_one(&["always", "replica"]);
        let sort = if words.take_one(&["trigger", "rule"])? == "rule" { Sort::Rule } else { Sort::Trigger };
        Some((sort, words.place()?))
    }

    /// Whether it is said of something that has a name of its own.
    pub(super) fn is_said_of(&self, sort: Sort, name: &str) -> bool {
        let kind = sort.as_str().split(' ').next().unwrap_or_default();
        self.sort == Sort::Comment && same(&self.name, &format!("{kind} {name}"))
    }

    /// Its name as it is spelled where it is made.
    pub(super) fn spelled(&self) -> &str {
        self.named(&self.name).map_or(&self.name, |place| &self.text[place])
    }

    /// Where a name stands first, behind the words that say what is made.
    fn named(&self, name: &str) -> Option<std::ops::Range<usize>> {
        let mut tokens = of_statement(&self.text, self.engine).into_iter().skip(2);
        tokens.find(|token| is_name(token, &self.text, name)).map(|token| token.range)
    }

    /// Follows the new name, given as it is spelled, of something that has one of its own: of itself, or of what it is
    /// about.
    pub(super) fn call(&mut self, sort: Sort, before: &str, now: &str) {
        let next = words::unquoted(now);
        let switched = self
            .switches()
            .filter(|(of, place)| *of == sort && same(&words::unquoted(&self.text[place.clone()]), before));
        let place = if self.sort == sort && same(&self.name, before) {
            let place = self.named(before);
            self.name = next;
            place
        } else if self.is_said_of(sort, before) {
            let place = self.named(before);
            let kind = self.name.split(' ').next().unwrap_or_default();
            self.name = format!("{kind} {}", next.to_lowercase());
            place
        } else {
            switched.map(|(_, place)| place)
        };
        if let Some(place) = place {
            self.text.replace_range(place, now);
        }
    }

    /// The tokens in which it may name tables and columns: all but its own name and the function that it calls.
    pub(super) fn said(&self) -> impl Iterator<Item = Token> {
        let tokens = of_statement(&self.text, self.engine);
        let is_trigger = self.sort == Sort::Trigger && self.engine == Engine::Postgres;
        let ends = |token: &Token| is_trigger && token.is_word(&self.text, "execute");
        let end = tokens.iter().position(ends).unwrap_or(tokens.len());
        let has_name = !matches!(self.sort, Sort::Comment | Sort::Privilege | Sort::Setting) && !self.name.is_empty();
        let own = tokens.iter().position(|token| has_name && is_name(token, &self.text, &self.name));
        tokens.into_iter().take(end).enumerate().filter(move |(place, _)| Some(*place) != own).map(|(_, token)| token)
    }

    /// Follows a new name, which is given as it is spelled.
    pub(super) fn follow(&mut self, rename: &Rename, now: &str) {
        let Some(subject) = subject(&self.text, self.engine) else { return };
        let mut places = Vec::new();
        match rename {
            Rename::Table { from, to } => {
                let is_of = same(&self.of, from);
                if is_of {
                    self.of.clone_from(to);
                    places.extend(Some(subject.place.clone()).filter(|place| !place.is_empty()));
                }
                let others: Vec<_> = self.said().filter(|token| is_name(token, &self.text, from)).collect();
                self.is_outdated |= others.into_iter().any(|token| token.range != subject.place);
            }
            Rename::Column { table, from, .. } => {
                let is_of = same(&self.of, table);
                let names: Vec<_> = self.said().filter(|token| is_name(token, &self.text, from)).collect();
                let looks_away = matches!(self.sort, Sort::Rule) || self.names("select");
                match (&subject.column, self.sort) {
                    (Some(column), _) => places.extend(
                        Some(column.clone()).filter(|_| is_of && names.iter().any(|token| token.range == *column)),
                    ),
                    (None, Sort::Comment) => {}
                    (None, _) if names.is_empty() => {}
                    // Another table's columns may be meant.
                    (None, _) if looks_away || !is_of => self.is_outdated |= is_of || self.names(table),
                    (None, _) => {
                        let end = |place: usize| self.text[place..].trim_start();
                        let start = |place: usize| self.text[..place].trim_end();
                        let is_other = |token: &Token| {
                            let is_grantee = self.sort == Sort::Privilege && token.range.start > subject.place.start;
                            token.range == subject.place
                                || is_grantee
                                || end(token.range.end).starts_with('(') && token.kind == TokenKind::Word
                                || start(token.range.start).ends_with("::")
                        };
                        places.extend(names.iter().filter(|token| !is_other(token)).map(|token| token.range.clone()));
                    }
                }
            }
        }
        for place in places.into_iter().rev() {
            self.text.replace_range(place, now);
        }
    }

    /// What makes it under new names.
    pub(in crate::migrate::autogenerate) fn renamed(&self, names: &Names, spelling: &Spelling) -> Self {
        let mut renamed = self.clone();
        for rename in names.renames() {
            let (Rename::Table { to, .. } | Rename::Column { to, .. }) = rename;
            renamed.follow(rename, &spelling.name(to));
        }
        renamed
    }
}
