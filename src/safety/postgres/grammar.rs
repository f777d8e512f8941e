//! What Postgres refuses to read, and squawk's parser takes: as the server's grammar says (`gram.y`), and what it checks of a
//! statement before it looks for any table.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::files;
use super::judge::Judge;
use super::tree;

/// What the server cannot read.
pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    for part in node.descendants() {
        let found = match part.kind() {
            K::PARTITION_ITEM | K::CONFLICT_INDEX_ITEM | K::CONSTRAINT_EXCLUSION => bare_expression(&part),
            K::PATH_TYPE => bare_modifier(&part),
            K::VARCHAR_TYPE | K::CHARACTER_TYPE | K::BIT_TYPE | K::BIT_VARYING_TYPE => length(&part),
            K::UNIQUE_CONSTRAINT | K::PRIMARY_KEY_CONSTRAINT | K::EXCLUDE_CONSTRAINT => always_valid(&part),
            K::REFERENCES_CONSTRAINT | K::FOREIGN_KEY_CONSTRAINT => said_twice(&part),
            K::CREATE_TRIGGER => constraint_trigger(&part),
            K::CREATE_FUNCTION | K::CREATE_PROCEDURE => language(&part),
            K::COLUMN | K::ADD_COLUMN => contradiction(&part),
            K::ALTER_TABLE => alone(&part),
            _ => None,
        };
        if let Some(Refused { part, message, help }) = found {
            judge.report(&files::SYNTAX_ERROR, &part, message).help = help.to_owned();
        }
    }
}

/// A part of a statement that the server does not take, why, and what to write.
struct Refused {
    part: SyntaxNode,
    message: String,
    help: &'static str,
}

impl Refused {
    fn new(part: &SyntaxNode, message: impl Into<String>, help: &'static str) -> Option<Self> {
        Some(Self { part: part.clone(), message: message.into(), help })
    }
}

/// `index_elem` and `part_elem` are a column, a call, or an expression in parentheses.
fn bare_expression(item: &SyntaxNode) -> Option<Refused> {
    let mut expression = item.children().next()?;
    while expression.kind() == K::COLLATE {
        expression = expression.children().next()?;
    }
    let bare = match expression.kind() {
        K::CAST_EXPR => !tree::has_token(&expression, K::CAST_KW) && !tree::has_token(&expression, K::TREAT_KW),
        K::FIELD_EXPR => tree::has(&expression, K::NAME_REF),
        K::LITERAL => tree::tokens(&expression).any(|token| matches!(token.kind(), K::INT_NUMBER | K::STRING)),
        kind => matches!(
            kind,
            K::BIN_EXPR
                | K::POSTFIX_EXPR
                | K::PREFIX_EXPR
                | K::BETWEEN_EXPR
                | K::CASE_EXPR
                | K::ARRAY_EXPR
                | K::INDEX_EXPR
                | K::SLICE_EXPR
        ),
    };
    let help = "Write it in parentheses of its own: ((a || b)).";
    let message = || format!("the expression {} stands without parentheses of its own", expression.text());
    bare.then(|| Refused::new(&expression, message(), help)).flatten()
}

/// The modifiers of a type, each a whole number where it is one.
fn modifiers(data_type: &SyntaxNode) -> Option<Vec<Option<i64>>> {
    let list = tree::child(data_type, K::ARG_LIST)?;
    let number = |argument: SyntaxNode| tree::words(&argument).replace(' ', "").parse().ok();
    Some(list.children().filter(|child| child.kind() == K::ARG).map(number).collect())
}

/// Types that the grammar names by a word of their own take no modifier, and others not such a one.
fn bare_modifier(data_type: &SyntaxNode) -> Option<Refused> {
    const KEYWORDS: [K; 6] = [K::INT_KW, K::INTEGER_KW, K::SMALLINT_KW, K::BIGINT_KW, K::REAL_KW, K::BOOLEAN_KW];
    // These the server looks up by name, and then finds that they take none.
    const NAMES: [&str; 31] = [
        "bool", "box", "bytea", "cidr", "circle", "date", "float4", "float8", "inet", "int2", "int4", "int8", "json",
        "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8", "money", "name", "oid", "path", "pg_lsn", "point",
        "polygon", "text", "tsquery", "tsvector", "uuid", "xml",
    ];
    let modifiers = modifiers(data_type)?;
    let name = tree::child(data_type, K::PATH_REF)?;
    let (word, last) = (tree::all_tokens(&name).next()?, tree::last_name(&name)?);
    if KEYWORDS.contains(&word.kind()) || NAMES.contains(&last.as_str()) {
        let help = "Leave out what stands in parentheses: the type has no width. A CHECK says what values it takes.";
        return Refused::new(data_type, format!("the type {last} takes no modifier"), help);
    }
    let fits = match (word.kind(), modifiers.as_slice()) {
        (K::FLOAT_KW, modifiers) => matches!(modifiers, [Some(1..=53)]),
        (K::NUMERIC_KW | K::DECIMAL_KW | K::DEC_KW, modifiers) => {
            matches!(modifiers, [Some(1..=1000)] | [Some(1..=1000), Some(-1000..=1000)])
        }
        _ => true,
    };
    let help = "float takes one precision of up to 53 bits; numeric a precision of up to 1000 digits, and a scale.";
    (!fits).then(|| Refused::new(data_type, format!("{} is no type", data_type.text()), help)).flatten()
}

/// The length of a text is one number.
fn length(data_type: &SyntaxNode) -> Option<Refused> {
    let fits = matches!(modifiers(data_type)?.as_slice(), [Some(length)] if *length >= 1);
    let help = "Write a number of at least 1, or text, which has no limit.";
    (!fits).then(|| Refused::new(data_type, format!("{} has no length", data_type.text()), help)).flatten()
}

/// What an index enforces is never NOT VALID or NOT ENFORCED.
fn always_valid(constraint: &SyntaxNode) -> Option<Refused> {
    let said = [K::NOT_VALID, K::NOT_ENFORCED].into_iter().find_map(|kind| tree::child(constraint, kind))?;
    let message = format!("a constraint that an index enforces cannot be {}", tree::words(&said).to_uppercase());
    Refused::new(&said, message, "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT ... USING INDEX.")
}

fn said_twice(constraint: &SyntaxNode) -> Option<Refused> {
    let again = |kind| constraint.children().filter(|child| child.kind() == kind).nth(1);
    let again = [K::ON_DELETE_ACTION, K::ON_UPDATE_ACTION].into_iter().find_map(again)?;
    Refused::new(&again, "the action is said twice", "Say it once.")
}

/// A constraint trigger runs after each row, and is not replaced.
fn constraint_trigger(node: &SyntaxNode) -> Option<Refused> {
    if !tree::has_token(node, K::CONSTRAINT_KW) {
        return None;
    }
    if let Some(replaced) = tree::child(node, K::OR_REPLACE) {
        let help = "DROP TRIGGER IF EXISTS, then CREATE CONSTRAINT TRIGGER, in one transaction.";
        return Refused::new(&replaced, "a constraint trigger cannot be replaced", help);
    }
    let misplaced = tree::child(node, K::TIMING_BEFORE).or_else(|| tree::child(node, K::TIMING_INSTEAD_OF));
    let misplaced = misplaced.or_else(|| (!tree::has(node, K::FOR_EACH_ROW)).then(|| node.clone()))?;
    Refused::new(&misplaced, "a constraint trigger runs AFTER, FOR EACH ROW", "Write AFTER and FOR EACH ROW.")
}

/// Only a body that is SQL itself, not a string, needs no LANGUAGE.
fn language(node: &SyntaxNode) -> Option<Refused> {
    let spoken = |child: SyntaxNode| {
        matches!(child.kind(), K::RETURN_STMT | K::ATOMIC_BODY) || tree::has(&child, K::LANGUAGE_FUNC_OPTION)
    };
    if node.children().any(spoken) || tree::has(node, K::LANGUAGE_FUNC_OPTION) {
        return None;
    }
    Refused::new(node, "no LANGUAGE is said", "Say LANGUAGE sql or LANGUAGE plpgsql.")
}

/// A column has one default or way to be generated, and is NULL or NOT NULL.
fn contradiction(column: &SyntaxNode) -> Option<Refused> {
    let all = |kind: K| column.children().filter(move |child| child.kind() == kind);
    let values = [K::DEFAULT_CONSTRAINT, K::GENERATED_CONSTRAINT];
    let mut values = column.children().filter(|child| values.contains(&child.kind()));
    if let (Some(_), Some(second)) = (values.next(), values.next()) {
        return Refused::new(&second, "the column has a value of its own already", "Say one of them.");
    }
    let null = all(K::NULL_CONSTRAINT).next().filter(|_| all(K::NOT_NULL_CONSTRAINT).next().is_some())?;
    Refused::new(&null, "the column is both NULL and NOT NULL", "Say one of them.")
}

/// Some actions of ALTER TABLE stand alone.
fn alone(node: &SyntaxNode) -> Option<Refused> {
    const ALONE: [K; 6] = [
        K::RENAME_COLUMN,
        K::RENAME_CONSTRAINT,
        K::TABLE_RENAME_TO,
        K::SET_SCHEMA,
        K::ATTACH_PARTITION,
        K::DETACH_PARTITION,
    ];
    let action = node.children().find(|child| ALONE.contains(&child.kind()))?;
    let among = tree::has_token(node, K::COMMA);
    let help = "Give it an ALTER TABLE of its own.";
    among.then(|| Refused::new(&action, "this action stands alone in its ALTER TABLE", help)).flatten()
}
