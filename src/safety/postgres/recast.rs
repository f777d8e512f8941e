//! Changes of a column's type that no cast makes: of its values without USING, and of its default.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{SourceFile, SyntaxNode};

use super::judge::{Alter, Judge};
use super::types::{DataType, TYPE_CHANGE_REFUSED};
use super::{casts, defaults, tree};

/// The type as it is stored, where it is surely known whether a cast of the server's own makes one of it.
fn known(judge: &Judge<'_>, data_type: &DataType) -> Option<DataType> {
    const SERIALS: [(&str, &str); 3] = [("serial", "integer"), ("bigserial", "bigint"), ("smallserial", "smallint")];
    let serial = SERIALS.into_iter().find(|(name, _)| *name == data_type.name);
    let name = serial.map_or_else(|| data_type.name.clone(), |(_, name)| name.to_owned());
    let bare = DataType { name, arguments: Vec::new(), collation: None, array: data_type.array };
    if bare.is_built_in() {
        return Some(bare);
    }
    let plain = data_type.name.rsplit('.').next().unwrap_or_default().trim().trim_matches('"').to_owned();
    judge.session.enum_called(&plain).map(|_| DataType { name: format!("enum {plain}"), ..bare })
}

/// The types that a default's value may have, where they are known: a number may be shown with a cast that it has not.
pub(super) fn of_default(default: &SyntaxNode, column: Option<&DataType>) -> Vec<DataType> {
    let mut expressions = default.children().filter(|child| child.kind() != K::CONSTRAINT_NAME_CLAUSE);
    let Some(expression) = expressions.next().filter(|_| expressions.next().is_none()).map(tree::inner) else {
        return Vec::new();
    };
    let words = tree::words(&expression);
    let named = |name: &str| vec![DataType::parse(name)];
    match expression.kind() {
        K::LITERAL if words == "null" => Vec::new(),
        K::LITERAL if words == "true" || words == "false" => named("boolean"),
        K::LITERAL if words.starts_with(|first: char| first.is_ascii_digit()) => {
            let is_whole = words.parse::<i32>().is_ok();
            if is_whole { named("integer") } else { Vec::new() }
        }
        K::LITERAL if words.starts_with('\'') => column.cloned().into_iter().collect(),
        K::CAST_EXPR => {
            let inside = expression.children().next().map(tree::inner);
            let number = inside.filter(|inside| {
                inside.kind() == K::LITERAL && tree::words(inside).starts_with(|first: char| first.is_ascii_digit())
            });
            let shown = number.map(|_| DataType::parse("integer"));
            let cast = DataType::of(&expression).filter(|_| !tree::has(&expression, K::PERCENT_TYPE));
            cast.into_iter().chain(shown).collect()
        }
        K::CALL_EXPR => match defaults::called(&expression).as_deref() {
            Some("nextval") => named("bigint"),
            Some("now") => named("timestamptz"),
            Some("gen_random_uuid") => named("uuid"),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// [`of_default`] for a default as the catalogue says it.
pub(super) fn of_text(expression: &str, column: &DataType) -> Vec<DataType> {
    let parsed = SourceFile::parse(&format!("ALTER TABLE t ADD c text DEFAULT {expression}"));
    let root = parsed.syntax_node();
    let default = tree::below(&root, K::DEFAULT_CONSTRAINT).next();
    default.map(|default| of_default(&default, Some(column))).unwrap_or_default()
}

/// ALTER COLUMN ... TYPE.
pub(super) fn action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let Some(set_type) = tree::child(action, K::SET_TYPE).filter(|_| judge.session.blocks == 0) else { return };
    let (Some(column), Some(new)) = (tree::child_name(action, K::COLUMN_NAME_REF), DataType::of(&set_type)) else {
        return;
    };
    if judge.session.has_own_casts || judge.session.told(&alter.table).is_none() {
        return;
    }
    let Some(new) = known(judge, &new) else { return };
    let own = judge.session.table(&alter.table).and_then(|table| table.columns.get(&column));
    let Some((old, default)) = own.map(|own| (own.data_type.clone(), own.default.clone())) else { return };
    let old = old.and_then(|old| known(judge, &old));
    let shown = |of: &DataType| {
        let name = of.name.strip_prefix("enum ").unwrap_or(&of.name);
        if of.array { format!("{name}[]") } else { name.to_owned() }
    };
    let using = tree::child(&set_type, K::USING_EXPR).and_then(|using| using.children().next()).map(tree::inner);
    let (given, is_told) = match &using {
        None => (old.clone(), true),
        Some(using) if using.kind() == K::CAST_EXPR => {
            let cast = DataType::of(using).and_then(|cast| known(judge, &cast));
            (cast, false)
        }
        Some(using) if tree::column(using).as_ref() == Some(&column) => (old.clone(), true),
        Some(_) => (None, false),
    };
    let table = &alter.table;
    if let Some(given) = given.filter(|given| !casts::is_cast(given, &new)) {
        let message = format!("{table}.{column}: no {} becomes {} by itself", shown(&given), shown(&new));
        let finding = judge.report(&TYPE_CHANGE_REFUSED, action, message);
        finding.help = match is_told {
            true => format!("Say how: USING {column}::{}, where there is such a cast.", shown(&new)),
            false => "Let USING give a value of the new type.".to_owned(),
        };
        return;
    }
    // What the statement drops it drops first.
    let is_dropped = alter.actions.iter().any(|action| {
        let of_column = tree::child_name(action, K::COLUMN_NAME_REF).as_ref() == Some(&column);
        of_column && tree::has(action, K::DROP_DEFAULT)
    });
    let types: Vec<DataType> = default.iter().filter_map(|data_type| known(judge, data_type)).collect();
    let is_refused =
        !types.is_empty() && types.len() == default.len() && types.iter().all(|of| !casts::is_cast(of, &new));
    if let Some(of) = types.first().filter(|_| is_refused && !is_dropped) {
        let message =
            format!("the default of {table}.{column} is {}, and becomes no {} by itself", shown(of), shown(&new));
        judge.report(&TYPE_CHANGE_REFUSED, action, message).help =
            "Drop the default in the same ALTER TABLE, and set the new one in it too.".to_owned();
    }
}

/// A cast that somebody makes may do what none of the server's own does.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    judge.session.has_own_casts |= matches!(node.kind(), K::CREATE_CAST | K::CREATE_EXTENSION);
}
