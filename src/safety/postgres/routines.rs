//! Functions and procedures that are replaced: what they take is called as before, and what they return is of the same type.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, RelationName, RoutineFacts, Rule, Severity};
use super::judge::Judge;
use super::objects::{self, FUNCTION, Verb};
use super::tree;
use super::types::{self, DataType};

pub(in super::super) const RULES: &[&Rule] = &[&REPLACE_REFUSED];

static REPLACE_REFUSED: Rule = Rule {
    name: "function-replace-refused",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CREATE OR REPLACE FUNCTION with another return type, other names of its arguments, or fewer defaults, than an earlier statement or the live catalogue gave it",
    reason: "The statement fails.",
    help: "Make a function of another name and move to it what calls this one; or DROP FUNCTION and CREATE FUNCTION in one transaction, once programs can do with the new one.",
    source: "https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-NOTES",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if matches!(node.kind(), K::CREATE_FUNCTION | K::CREATE_PROCEDURE) {
        if let Some(message) = refusal(judge, node).filter(|_| tree::has(node, K::OR_REPLACE)) {
            judge.report(&REPLACE_REFUSED, node, message);
        }
        made(judge, node);
        return;
    }
    // What is dropped, or called otherwise, is replaced no more.
    let named = match objects::verb(node) {
        Some((Verb::Drop | Verb::Alter, class)) if class == FUNCTION => objects::named(&judge.session, node),
        Some((Verb::Drop, _)) if tree::has(node, K::CASCADE) => return judge.session.signatures.clear(),
        Some((Verb::Drop, class)) if class == "EXTENSION" || class == "OWNED" => {
            return judge.session.signatures.clear();
        }
        _ => return,
    };
    judge.session.signatures.retain(|known| named.iter().all(|(_, name)| name.name != known.name.name));
}

/// The function that a statement makes.
struct Made {
    name: RelationName,
    arguments: Vec<SyntaxNode>,
    types: Vec<DataType>,
}

/// The name and the arguments of a function that takes values in alone.
fn read(judge: &Judge<'_>, node: &SyntaxNode) -> Option<Made> {
    const NAMES: [K; 2] = [K::FUNCTION_NAME, K::PROCEDURE_NAME];
    let name = judge.session.created(&node.children().find(|child| NAMES.contains(&child.kind()))?)?;
    let arguments: Vec<SyntaxNode> = tree::below(&tree::child(node, K::PARAM_LIST)?, K::PARAM).collect();
    const OTHERS: [K; 3] = [K::PARAM_OUT, K::PARAM_IN_OUT, K::PARAM_VARIADIC];
    if arguments.iter().any(|argument| argument.children().any(|part| OTHERS.contains(&part.kind()))) {
        return None;
    }
    let types: Vec<DataType> = arguments.iter().map(argument_type).collect::<Option<_>>()?;
    Some(Made { name, arguments, types })
}

impl Made {
    fn is(&self, known: &RoutineFacts) -> bool {
        let had = known.arguments.iter().map(|(data_type, _)| plain(DataType::parse(data_type)));
        known.name == self.name
            && known.arguments.len() == self.types.len()
            && had.zip(&self.types).all(|(had, now)| had == *now)
    }

    fn defaults(&self) -> usize {
        self.arguments.iter().filter(|argument| tree::has(argument, K::PARAM_DEFAULT)).count()
    }
}

/// Remembers what a function looks like that a statement surely makes.
fn made(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let Some(made) = read(judge, node) else { return };
    judge.session.signatures.retain(|known| !made.is(known));
    // What is rolled back was not made.
    if judge.session.blocks > 0 || judge.session.explicit {
        return;
    }
    let result = match tree::child(node, K::RET_TYPE) {
        Some(returned) if tree::has_token(&returned, K::TABLE_KW) || argument_type(&returned).is_none() => return,
        Some(returned) => {
            let words = tree::words(&returned);
            let words = words.strip_prefix("returns ").unwrap_or(&words);
            words.strip_prefix("setof ").map_or_else(|| words.to_owned(), |of| format!("SETOF {of}"))
        }
        None => String::new(),
    };
    let argument = |argument: &SyntaxNode| {
        let data_type = types::type_node(argument).map(|node| tree::words(&node)).unwrap_or_default();
        (data_type, tree::child_name(argument, K::PARAM_NAME).unwrap_or_default())
    };
    let arguments = made.arguments.iter().map(argument).collect();
    let defaults = made.defaults();
    judge.session.signatures.push(RoutineFacts { name: made.name, arguments, defaults, result });
}

/// What a function that takes nothing returns, where all of its name that are known do the same.
pub(super) fn result<'a>(judge: &'a Judge<'_>, path: &[String]) -> Option<&'a str> {
    let (name, schema) = path.split_last()?;
    let mut known = judge.session.signatures.iter().filter(|known| {
        let is_there = schema.last().is_none_or(|schema| *schema == known.name.schema);
        known.name.name == *name && is_there && known.arguments.is_empty()
    });
    let first = known.next()?;
    known.all(|other| other.result == first.result).then_some(first.result.as_str())
}

/// Why the server refuses to replace a function, where that is known.
fn refusal(judge: &Judge<'_>, node: &SyntaxNode) -> Option<String> {
    let made = read(judge, node)?;
    let (name, arguments) = (&made.name, &made.arguments);
    let known = judge.session.signatures.iter().find(|known| made.is(known))?;
    let renamed = known.arguments.iter().zip(arguments).find_map(|((_, had), argument)| {
        let now = tree::child_name(argument, K::PARAM_NAME).unwrap_or_default();
        (!had.is_empty() && *had != now).then(|| format!("{name} calls its argument {had}, not {now}"))
    });
    let lost = (made.defaults() < known.defaults).then(|| format!("{name} loses the default of an argument"));
    renamed.or(lost).or_else(|| {
        let returned = tree::child(node, K::RET_TYPE)?;
        let now = tree::words(&returned);
        let now = now.strip_prefix("returns ")?;
        (!is_result(&known.result, &returned, now)).then(|| format!("{name} returns {}, not {now}", known.result))
    })
}

/// Whether a function that returns this returns the same as before.
fn is_result(had: &str, returned: &SyntaxNode, now: &str) -> bool {
    if tree::has_token(returned, K::TABLE_KW) {
        return false;
    }
    let set = had.strip_prefix("SETOF ");
    let Some(data_type) = argument_type(returned) else { return true };
    set.is_some() == now.starts_with("setof ") && plain(DataType::parse(set.unwrap_or(had))) == data_type
}

/// The type of an argument, unless it is that of a column.
fn argument_type(node: &SyntaxNode) -> Option<DataType> {
    let text = types::type_node(node).filter(|data_type| data_type.kind() != K::PERCENT_TYPE)?;
    let words = tree::words(&text);
    Some(plain(DataType::parse(words.strip_prefix("setof ").unwrap_or(&words))))
}

/// A type as far as functions tell types apart, without its schema.
fn plain(of: DataType) -> DataType {
    let name = of.name.rsplit('.').next().unwrap_or_default().trim().trim_matches('"');
    let name = if name == "char" { "bpchar" } else { name }.to_owned();
    DataType { name, arguments: Vec::new(), collation: None, ..of }
}
