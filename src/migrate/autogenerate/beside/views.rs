//! Views that DuckDB alone has: it keeps their words and looks at them when they are read, so that nobody else misses what
//! they name.

use super::functions::concerns;
use super::words::{is_name, of_statement, same};
use super::{Beside, Relation, Thing};
use crate::engine::lexer::Token;
use crate::error::Result;
use crate::migrate::autogenerate::Step;
use crate::migrate::autogenerate::change::{TableChange, pairs};
use crate::migrate::autogenerate::rename::Names;
use crate::migrate::autogenerate::sql::Spelling;
use crate::migrate::autogenerate::views::{Touched, looking_at};

/// A view that goes while its tables change, and comes again after them.
pub(in crate::migrate::autogenerate) struct OwnView {
    pub(in crate::migrate::autogenerate) name: String,
    /// What makes it before the step.
    pub(in crate::migrate::autogenerate) before: String,
    /// What makes it after it.
    pub(in crate::migrate::autogenerate) after: String,
    /// What is said of it.
    pub(in crate::migrate::autogenerate) said: Vec<String>,
}

impl Beside {
    /// The views of this engine alone that a step changes, in the order in which they were made.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported), with its place, when one names what is no more, or
    /// gets another type, or has got another name than one that can be put into its words.
    pub(in crate::migrate::autogenerate) fn own_views(&self, step: &Step, spelling: &Spelling) -> Result<Vec<OwnView>> {
        let concerns = concerns(step);
        let mut retyped = Touched::default();
        for concern in concerns.iter().filter(|concern| !concern.is_away) {
            concern.column.iter().for_each(|column| retyped.column(&concern.of, column));
        }
        looking_at(&step.from, &mut retyped, |_| false);
        let mut grown = grown(step);
        let mut views: Vec<OwnView> = Vec::new();
        let is_model = |name: &str| step.from.views.keys().any(|other| same(other, name));
        for relation in self.relations.iter().filter(|relation| relation.is_view && !is_model(&relation.name)) {
            let held = |title: &str, fate: &str| {
                Err(self.held(&relation.place, &format!("view {}", relation.name), title, fate))
            };
            let mut text = relation.text().to_owned();
            for concern in concerns.iter().filter(|concern| concern.is_away && relation.names(&concern.of)) {
                let next = match &concern.column {
                    Some(column) if relation.names(column) || relation.takes_all() => None,
                    Some(_) => continue,
                    None if concern.is_renamed && !relation.is_outdated => {
                        let now = spelling.name(step.names.table_now(&concern.of));
                        with_table(&text, self.engine, &concern.of, &now)
                    }
                    None => None,
                };
                match next {
                    Some(next) => text = next,
                    None => return held(&concern.title(), &concern.fate),
                }
            }
            if retyped.is_in(relation.text()) {
                let mut others = concerns.iter().filter(|concern| !concern.is_away && concern.column.is_some());
                let named = others.clone().find(|concern| relation.names(&concern.of)).or_else(|| others.next());
                if let Some(concern) = named {
                    return held(&concern.title(), &concern.fate);
                }
            }
            let grows = relation.takes_all() && grown.iter().any(|of| relation.names(of));
            if grows {
                grown.push(relation.name.clone());
            }
            if grows || text != relation.text() {
                views.push(OwnView {
                    name: relation.name.clone(),
                    before: relation.text().to_owned(),
                    after: text,
                    said: self.with(&relation.name).map(|thing: &Thing| thing.text.clone()).collect(),
                });
            }
        }
        Ok(views)
    }
}

/// The tables and views that get columns, by their names from before.
fn grown(step: &Step) -> Vec<String> {
    let none = Names::default();
    let tables = pairs(&step.middle, &step.to, &none).into_iter().filter_map(|(before, now)| {
        let adds = !TableChange::of(before, now, &none).added.is_empty();
        adds.then(|| step.names.table_before(&now.name).to_owned())
    });
    let views = step.from.views.iter().filter_map(|(name, view)| {
        let now = step.to.views.get(name)?;
        (now.columns.len() > view.columns.len()).then(|| name.clone())
    });
    tables.chain(views).collect()
}

impl Relation {
    /// Whether a view has all columns of something without naming them.
    fn takes_all(&self) -> bool {
        const BEFORE: [&str; 4] = ["select", "distinct", "all", "as"];
        let text = self.text();
        let tokens = of_statement(text, self.engine);
        let follows = |before: &Token| {
            BEFORE.iter().any(|word| before.is_word(text, word))
                || [",", "."].iter().any(|symbol| before.is_symbol(text, symbol))
        };
        let is_all = tokens.windows(2).any(|two| two[1].is_symbol(text, "*") && follows(&two[0]));
        // DuckDB takes FROM without SELECT.
        let is_bare = tokens.windows(2).any(|two| {
            let starts = two[0].is_word(text, "as") || two[0].is_symbol(text, "(");
            starts && (two[1].is_word(text, "from") || two[1].is_word(text, "table"))
        });
        is_all || is_bare || tokens.iter().any(|token| token.is_word(text, "columns"))
    }
}

/// A text with the new name of a table, where nothing else can be meant by the old one.
fn with_table(text: &str, engine: crate::engine::Engine, from: &str, now: &str) -> Option<String> {
    let tokens = of_statement(text, engine);
    let mut places = Vec::new();
    for (place, token) in tokens.iter().enumerate().filter(|(_, token)| is_name(token, text, from)) {
        let is_before_dot = tokens.get(place + 1).is_some_and(|next| next.is_symbol(text, "."));
        let mut first = place;
        while first >= 2 && tokens[first - 1].is_symbol(text, ".") {
            first -= 2;
        }
        let before = first.checked_sub(1).and_then(|before| tokens.get(before))?;
        let is_table = ["from", "join"].iter().any(|word| before.is_word(text, word));
        if !is_table && !is_before_dot {
            return None;
        }
        places.push(token.range.clone());
    }
    let mut text = text.to_owned();
    places.into_iter().rev().for_each(|place| text.replace_range(place, now));
    Some(text)
}
