//! Views that go and come again.

use super::super::Severity;
use super::super::postgres::drops;
use super::Embedded;
use super::words::Words;

/// The columns of a view, each as the words that say what it is.
pub(super) type ViewColumns = Vec<Vec<String>>;

/// The view that a statement makes, and its columns, as far as its words say.
pub(super) fn created_view(words: &Words) -> Option<(String, ViewColumns)> {
    let at = (1..5).find(|at| words.at(*at) == "view").filter(|_| words.at(0) == "create")?;
    let (name, next) = words.name(words.past_if(at + 1));
    let names = if words.at(next) == "(" { words.items(next) } else { Vec::new() };
    let start = words.find("select")? + 1;
    let (mut depth, mut column, mut columns) = (0i64, Vec::new(), ViewColumns::new());
    for at in start..words.len() {
        depth += words.opens(at);
        match words.at(at) {
            "from" if depth == 0 => break,
            "," if depth == 0 => columns.push(std::mem::take(&mut column)),
            _ => column.push(words.named(at).to_owned()),
        }
    }
    columns.push(column);
    for (column, name) in columns.iter_mut().zip(names) {
        column.extend(name.map(|at| words.named(at).to_owned()));
    }
    Some((name, columns))
}

/// The name that a column of a view has, where its words tell.
fn column_name(column: &[String]) -> Option<&String> {
    column.last().filter(|last| !matches!(last.as_str(), "*" | ")"))
}

impl Embedded<'_> {
    /// Takes in a view that a statement makes, if it was not there: what is temporary hides what was, and goes by itself.
    pub(super) fn makes_view(&mut self, words: &Words) {
        let Some(at) = (1..5).find(|at| words.at(*at) == "view").filter(|_| words.starts("create")) else { return };
        let name = words.name(words.past_if(at + 1)).0;
        let is_temporary = (1..at).any(|at| matches!(words.at(at), "temp" | "temporary"));
        let is_plain = !words.is_at(1, "or replace") && !words.is_at(at + 1, "if not exists");
        let is_there = self.view_names.contains_key(&name) || self.views_of_host.contains_key(&name);
        let is_new = is_plain || self.is_live;
        if is_temporary || is_new && !self.dropped_views.contains(&name) && !is_there {
            self.new_views.insert(name);
        }
    }

    /// A view that takes the place of one that is there: programs that read that want its columns.
    pub(super) fn replace_view(&mut self, words: &Words, name: &str) {
        if self.objects_of_this_file.contains(name) {
            return;
        }
        let all = words.range.clone();
        let now = created_view(words).map(|(_, columns)| columns);
        let is_same = match (&now, self.views.get(name), self.views_of_host.get(name)) {
            (_, None, None) => return,
            (Some(now), Some(was), _) => Some(now.starts_with(was)),
            (Some(now), None, Some(was)) => {
                let names: Option<Vec<&String>> = now.iter().map(|column| column_name(column)).collect();
                names.map(|names| names.starts_with(&was.iter().collect::<Vec<_>>()))
            }
            (None, ..) => None,
        };
        match is_same {
            Some(true) => {}
            Some(false) => {
                let message = format!("the view {name} is made again with other columns");
                self.report(&drops::VIEW_DROPPED, all, message);
            }
            None => {
                let message =
                    format!("the view {name} is made again: whether with the columns that it had is not known");
                self.report(&drops::VIEW_DROPPED, all, message).severity = Severity::Warning;
            }
        }
    }

    /// A view that goes: nobody sees it gone when it comes again in the same transaction with the columns that it had.
    pub(super) fn drop_view(&mut self, words: &Words) {
        let name = words.name(words.past_if(2)).0;
        if self.new_views.remove(&name) {
            return;
        }
        self.dropped_views.insert(name.clone());
        let all = words.range.clone();
        let again = self.made_later.iter().find(|(at, view, _)| *at > all.start && *view == name);
        let Some((_, _, now)) = again.filter(|_| self.in_transaction()) else {
            self.report(&drops::VIEW_DROPPED, all, format!("the view {name} is dropped"));
            return;
        };
        match self.views.get(&name) {
            Some(was) if now.starts_with(was) => {}
            Some(_) => {
                let message = format!("the view {name} is made again with other columns");
                self.report(&drops::VIEW_DROPPED, all, message);
            }
            None => {
                let message = format!("the view {name} is made again; which columns it had is not in these files");
                self.report(&drops::VIEW_DROPPED, all, message).severity = Severity::Warning;
            }
        }
    }
}
