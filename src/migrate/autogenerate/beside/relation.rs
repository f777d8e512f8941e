//! What makes tables and views in an engine's own words.

use super::reference::Reference;
use super::words::{is_name, of_statement, same};
use super::{Place, Said};
use crate::engine::Engine;
use crate::engine::lexer::TokenKind;
use crate::migrate::autogenerate::change::same_type;
use crate::migrate::autogenerate::rename::Rename;
use crate::migrate::schema::Column;

/// A table or a view, as an engine was told to make it.
#[derive(Debug, Clone)]
pub(in crate::migrate::autogenerate) struct Relation {
    pub(in crate::migrate::autogenerate) name: String,
    pub(super) is_view: bool,
    /// What made it and what changed its definition since.
    texts: Vec<String>,
    pub(in crate::migrate::autogenerate) place: Place,
    /// The foreign keys that no other engine was told of in the same words.
    pub(super) references: Vec<Reference>,
    /// Whether no other engine was told it in the same words.
    is_own: bool,
    /// Whether it is said to be another than the other engines have.
    differs: bool,
    /// Whether something in these words has got another name since.
    pub(super) is_outdated: bool,
    pub(super) engine: Engine,
}

/// How a table or a view is made again as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate::autogenerate) enum Again<'a> {
    /// As every engine has it.
    AsAll,
    /// By these statements, without their ends.
    By(&'a [String]),
    /// Nobody knows.
    Unknown,
}

impl Relation {
    pub(super) fn new(name: String, is_view: bool, said: &Said, place: &Place, engine: Engine) -> Self {
        const APART: [&str; 6] = ["partition", "inherits", "unlogged", "with", "tablespace", "exclude"];
        let tokens = of_statement(&said.text, engine);
        let is_apart = APART.iter().any(|word| tokens.iter().any(|token| token.is_word(&said.text, word)));
        let differs = said.differs || said.is_own && !is_view && is_apart;
        let references = if said.is_own { Reference::all(&said.text, place, engine) } else { Vec::new() };
        let (texts, place, is_own) = (vec![said.text.clone()], place.clone(), said.is_own);
        Self { name, is_view, texts, place, references, is_own, differs, is_outdated: false, engine }
    }

    /// What made a view.
    pub(super) fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// Takes what changes its definition.
    pub(super) fn define(&mut self, said: &Said, place: &Place) {
        Reference::forget(&mut self.references, &said.text, self.engine);
        if said.is_own {
            self.references.extend(Reference::all(&said.text, place, self.engine));
        }
        self.is_own |= said.is_own;
        self.differs |= said.differs;
        self.texts.push(said.text.clone());
    }

    /// Whether its words name something.
    pub(super) fn names(&self, name: &str) -> bool {
        let names = |text: &String| {
            let tokens = of_statement(text, self.engine);
            tokens.iter().any(|token| is_name(token, text, name) || token.is_symbol(text, "*") && name == "*")
        };
        self.texts.iter().any(names)
    }

    pub(super) fn follow(&mut self, rename: &Rename) {
        let (Rename::Table { from, .. } | Rename::Column { from, .. }) = rename;
        self.is_outdated |= self.names(from);
        self.references.iter_mut().for_each(|reference| reference.follow(&self.name, rename));
        if let Rename::Table { from, to } = rename
            && same(&self.name, from)
        {
            self.name.clone_from(to);
        }
    }

    /// How it is made again.
    pub(in crate::migrate::autogenerate) fn again(&self) -> Again<'_> {
        let is_bound = |text: &String| {
            let words: Vec<String> = super::words::spoken(text, self.engine);
            words.windows(2).any(|two| two == ["using", "index"])
        };
        let is_known = !self.is_outdated && !self.texts.iter().any(is_bound);
        match (self.is_own, self.differs || self.is_view) {
            (false, _) => Again::AsAll,
            (true, false) if self.texts.len() > 1 || !is_known => Again::AsAll,
            (true, _) if is_known => Again::By(&self.texts),
            (true, _) => Again::Unknown,
        }
    }

    /// Whether a column may be another than the other engines have.
    pub(in crate::migrate::autogenerate) fn has_own_column(&self, column: &Column, is_required: bool) -> bool {
        if !self.differs {
            return false;
        }
        let Some((first, later)) = self.texts.split_first() else { return false };
        let named =
            |text: &String| of_statement(text, self.engine).iter().any(|token| is_name(token, text, &column.name));
        if self.is_outdated || later.iter().any(named) {
            return true;
        }
        let body = first.find('(').map_or("", |place| &first[place + 1..]);
        let body = &body[..closing(body, self.engine)];
        let is_it = |element: &&str| {
            let first = of_statement(element, self.engine).into_iter().next();
            first.is_some_and(|token| is_name(&token, element, &column.name))
        };
        let Some(element) = elements(body, self.engine).into_iter().find(is_it) else { return true };
        !is_same_column(element, column, is_required, self.engine)
    }
}

/// Whether what CREATE TABLE says of a column is what is known of it.
fn is_same_column(element: &str, column: &Column, is_required: bool, engine: Engine) -> bool {
    const ENDS: [&str; 10] =
        ["constraint", "not", "null", "default", "primary", "unique", "references", "check", "generated", "collate"];
    let tokens = of_statement(element, engine);
    let ends = |token: &crate::engine::lexer::Token| ENDS.iter().any(|word| token.is_word(element, word));
    let Some((first, rest)) = tokens.split_first() else { return false };
    let end = rest.iter().find(|token| ends(token)).map_or(element.len(), |token| token.range.start);
    let data_type = element[first.range.end..end].trim();
    let has = |word: &str| rest.iter().any(|token| token.is_word(element, word));
    let default = rest.iter().position(|token| token.is_word(element, "default")).map(|place| {
        let rest = &rest[place + 1..];
        let end = rest.iter().find(|token| ends(token)).map_or(element.len(), |token| token.range.start);
        rest.first().map_or("", |first| element[first.range.start..end].trim())
    });
    let bare = |text: &str| text.trim_matches(['(', ')']).trim().to_ascii_lowercase();
    same_type(data_type, &column.data_type)
        && (has("not") || has("primary") || !is_required)
        && has("generated") == column.generated.is_some()
        && has("collate") == column.collation.is_some()
        && default.map(bare) == column.default.as_deref().map(bare)
}

/// Where the parenthesis stands that closes one before the text.
pub(super) fn closing(text: &str, engine: Engine) -> usize {
    let mut depth = 0usize;
    for token in of_statement(text, engine) {
        if token.is_symbol(text, "(") {
            depth += 1;
        } else if token.is_symbol(text, ")") {
            let Some(less) = depth.checked_sub(1) else { return token.range.start };
            depth = less;
        }
    }
    text.len()
}

/// What stands between the commas of a text that are in no parentheses.
pub(super) fn elements(text: &str, engine: Engine) -> Vec<&str> {
    let (mut depth, mut start) = (0usize, 0);
    let mut elements = Vec::new();
    for token in of_statement(text, engine) {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 && token.kind == TokenKind::Symbol => {
                elements.push(text[start..token.range.start].trim());
                start = token.range.end;
            }
            _ => {}
        }
    }
    elements.push(text[start..].trim());
    elements.retain(|element| !element.is_empty());
    elements
}
