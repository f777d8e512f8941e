//! What is sure to be refused because something is there already, or is not there.
//!
//! One mechanism for all statements: each says in its names what it needs ([`needs`]) and what it makes and takes away
//! ([`changes`]); the [`Inventory`] answers. Nothing is said where a name may mean what nobody can know.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Finding, RelationName, Rule, Severity};
use super::judge::Judge;
use super::session::{Path, TEMPORARY};
use super::{bodies, tree};

mod changes;
mod columns;
mod implicit;
mod inventory;
mod links;
mod needed;
mod needs;
mod routines;
mod tables;

pub(super) use columns::bare as bare_columns;
pub(super) use implicit::of_index as name_of_index;
pub(super) use inventory::Inventory;
use inventory::{Class, Key, Known, Place, Thing};

pub(in super::super) const RULES: &[&Rule] = &[&ALREADY, &MISSING, &needed::NEEDED];

static ALREADY: Rule = Rule {
    name: "already-exists",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "CREATE, ADD or RENAME gives a name that something has: an earlier statement made it, or the live catalogue has it. Tables, views, indexes and sequences share their names, and tables and types theirs",
    reason: "The statement fails.",
    help: "Choose another name, or leave the statement out if what is there is what is meant. IF NOT EXISTS passes over whatever has the name, also something else.",
    source: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
};
static MISSING: Rule = Rule {
    name: "does-not-exist",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "A table, column, constraint, index, type, function, role, trigger or schema is named that an earlier statement dropped or renamed, or that by the live catalogue nobody made; the same of sequences in nextval, of languages, tablespaces, collations, foreign servers, access methods and operator classes; an extension that the server does not offer",
    reason: "The statement fails.",
    help: "Correct the name, or make what is missing first; DROP and ALTER ... IF EXISTS pass over it.",
    source: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
};

/// Judges a statement by what is there, and remembers what it changes of that.
pub(super) fn statement(judge: &mut Judge<'_>, node: &SyntaxNode) {
    if judge.session.inventory.is_mute || unseen(judge, node) {
        return;
    }
    // A table may refer to itself: it is made first.
    let is_made_first = matches!(node.kind(), K::CREATE_TABLE | K::CREATE_FOREIGN_TABLE);
    if !is_made_first {
        needs::of_statement(judge, node);
    }
    changes::of_statement(judge, node);
    if is_made_first {
        needs::of_statement(judge, node);
    }
}

/// Statements that may do what no text tells. Gives whether that is all that there is to know of them.
fn unseen(judge: &mut Judge<'_>, node: &SyntaxNode) -> bool {
    use squawk_syntax::ast::{self, AstNode};
    match node.kind() {
        K::DO => {
            let body = ast::Do::cast(node.clone()).and_then(|block| block.plpgsql());
            if !body.is_some_and(|body| bodies::is_told(&judge.session, &body.syntax())) {
                judge.session.inventory.doubt(true, true);
            }
            true
        }
        K::CALL | K::LOAD => {
            judge.session.inventory.doubt(true, true);
            true
        }
        K::IMPORT_FOREIGN_SCHEMA => {
            judge.session.inventory.doubt(false, true);
            true
        }
        K::DROP_OWNED => {
            judge.session.inventory.doubt(true, false);
            true
        }
        _ => false,
    }
}

/// Calls in a statement that runs them may change anything, unless it is known what they do.
fn after_calls(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let is_unknown =
        |call: SyntaxNode| bodies::of_call(&judge.session, &call).is_some_and(|(_, known)| known != bodies::Call::Calm);
    if bodies::runs_calls(node) && tree::below(node, K::CALL_EXPR).any(is_unknown) {
        judge.session.inventory.doubt(true, true);
    }
}

/// The place of a node. What stands in a block may not be run: it has none.
fn place<'a>(judge: &Judge<'a>, node: &SyntaxNode) -> Place<'a> {
    Place { file: judge.file_name(), line: judge.line(node) }
}

/// What is known of what a statement makes.
fn there<'a>(judge: &Judge<'a>, node: &SyntaxNode) -> Known<'a> {
    if judge.session.blocks > 0 { Known::Unsure } else { Known::There(Some(place(judge, node))) }
}

/// What is known of what a statement takes away.
fn gone<'a>(judge: &Judge<'a>, node: &SyntaxNode) -> Known<'a> {
    if judge.session.blocks > 0 { Known::Unsure } else { Known::Gone(Some(place(judge, node))) }
}

fn key(class: Class, schema: &str, name: &str) -> Key {
    (class, RelationName { schema: schema.to_owned(), name: name.to_owned() })
}

/// Whether names without a schema are surely looked for where the session says.
fn is_path_sure(judge: &mut Judge<'_>) -> bool {
    match judge.session.path() {
        Path::Said => true,
        Path::Default => judge.session.inventory.has_own_schema(),
        Path::Odd => false,
    }
}

/// What a name means, and what is known of it.
fn find<'a>(judge: &mut Judge<'a>, class: Class, parts: &[String]) -> Option<(Key, Known<'a>)> {
    let (name, before) = parts.split_last()?;
    if !class.has_schema() {
        return Some((key(class, "", name), judge.session.inventory.known(class, "", name)));
    }
    if let Some(schema) = before.last() {
        if schema.starts_with(TEMPORARY) {
            return Some((key(class, TEMPORARY, name), judge.session.inventory.known(class, TEMPORARY, name)));
        }
        if let known @ Known::Gone(_) = judge.session.inventory.known(Class::Schema, "", schema) {
            return Some((key(Class::Schema, "", schema), known));
        }
        return Some((key(class, schema, name), judge.session.inventory.known(class, schema, name)));
    }
    let is_sure = is_path_sure(judge);
    let is_odd = judge.session.path() == Path::Odd;
    let path = judge.session.search_path().to_vec();
    let inventory = &mut judge.session.inventory;
    // What may stand there unseen is seldom meant, but then nothing is missing.
    let built_in = [TEMPORARY, "pg_catalog"];
    let mut is_doubtful = is_odd;
    let mut absent: Option<(Key, Known<'a>)> = None;
    // Without a catalogue only what the files made there is known of them.
    let (is_catalogued, has_temporary) = (inventory.is_catalogued(), inventory.has_temporary());
    let built_in_searched =
        built_in.into_iter().filter(|schema| is_catalogued || (*schema == TEMPORARY && has_temporary));
    for schema in built_in_searched.chain(path.iter().map(String::as_str)) {
        let found = (key(class, schema, name), inventory.known(class, schema, name));
        match found.1 {
            Known::There(_) => return Some(found),
            Known::Unsure if built_in.contains(&schema) => is_doubtful |= is_catalogued,
            Known::Unsure => return Some(found),
            Known::Gone(place)
                if place.is_some() || absent.as_ref().is_none_or(|(_, known)| *known == Known::Gone(None)) =>
            {
                absent = Some(found);
            }
            Known::Gone(_) => {}
        }
    }
    let (key, known) = absent?;
    let is_elsewhere = !is_sure && inventory.may_be_anywhere(class, name);
    Some((key, if is_elsewhere || is_doubtful { Known::Unsure } else { known }))
}

/// Whether a node surely names a view that is no materialized one.
pub(super) fn is_view(judge: &mut Judge<'_>, node: &SyntaxNode) -> bool {
    match find(judge, Class::Relation, &tree::path(node)) {
        Some((key, Known::There(_))) => judge.session.inventory.thing(&key).is_view,
        _ => false,
    }
}

/// What a statement changes is not known: nothing that it may mean is from now on.
fn blur(judge: &mut Judge<'_>, class: Class, parts: &[String]) {
    let is_path_plain = judge.session.search_path().len() < 2 && judge.session.path() != Path::Odd;
    if let ([name], true, false) = (parts, class.has_schema(), is_path_plain) {
        judge.session.inventory.blur(class, name);
    }
}

/// Where something is made by a name.
fn target(judge: &mut Judge<'_>, class: Class, parts: &[String], is_temporary: bool) -> Option<Key> {
    let (name, before) = parts.split_last()?;
    if !class.has_schema() {
        return Some(key(class, "", name));
    }
    let schema = match before.last() {
        _ if is_temporary => TEMPORARY.to_owned(),
        Some(schema) if schema.starts_with(TEMPORARY) => TEMPORARY.to_owned(),
        Some(schema) => schema.clone(),
        None if judge.session.path() == Path::Odd => {
            judge.session.inventory.doubt(false, true);
            return None;
        }
        None => {
            let path = judge.session.search_path().to_vec();
            let inventory = &mut judge.session.inventory;
            // The first one that is there; a catalogue of what texts name need not tell of the one that is set.
            let first = path.first().cloned();
            let there = |schema: &String| !matches!(inventory.known(Class::Schema, "", schema), Known::Gone(_));
            path.into_iter().find(there).or(first)?
        }
    };
    Some(key(class, &schema, name))
}

/// What people call what a node names.
fn noun(node: &SyntaxNode) -> &'static str {
    match node.kind() {
        K::VIEW_REF | K::VIEW => "view",
        K::INDEX_REF | K::INDEX => "index",
        K::SEQUENCE_REF | K::SEQUENCE | K::LITERAL => "sequence",
        K::TABLE_NAME_REF | K::TABLE_NAME => "table",
        _ => "",
    }
}

fn noun_of(class: Class, node: &SyntaxNode) -> &'static str {
    match class {
        Class::Schema => "schema",
        Class::Relation => Some(noun(node)).filter(|noun| !noun.is_empty()).unwrap_or("table or view"),
        Class::Type => "type",
        Class::Function | Class::Routine => "function",
        Class::Extension => "extension",
        Class::Role => "role",
        Class::Publication => "publication",
        Class::Language => "language",
        Class::Tablespace => "tablespace",
        Class::Server => "foreign server",
        Class::AccessMethod => "access method",
        Class::Collation => "collation",
        Class::Operators => "operator class",
        Class::Statistics => "statistics object",
        Class::TextSearch => "text search configuration",
        Class::Operator => "operator",
        Class::Cast => "cast",
        Class::Column => "column",
        Class::Constraint => "constraint",
        Class::Trigger => "trigger",
        Class::Policy => "policy",
        Class::Rule => "rule",
    }
}

fn shown_place(place: Place<'_>) -> String {
    let file = place.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!("{file}:{}", place.line)
}

fn shown_name((class, name): &Key) -> String {
    if class.has_schema() { name.to_string() } else { name.name.clone() }
}

/// Reports that something which a statement needs is not there, if that is sure. Gives whether it was reported.
fn require(judge: &mut Judge<'_>, node: &SyntaxNode, key: &Key, known: Known<'_>) -> bool {
    let Known::Gone(place) = known else { return false };
    if judge.session.blocks > 0 || is_named_by_server(judge, key) {
        return false;
    }
    let (noun, name) = (noun_of(key.0, node), shown_name(key));
    let message = match place {
        Some(place) => format!("there is no {noun} {name} any more: {} drops or renames it", shown_place(place)),
        None => format!("there is no {noun} {name}: the database has none, and nothing before makes one"),
    };
    judge.report(&MISSING, node, message);
    // It is said once.
    judge.session.inventory.set(key.clone(), Thing::new(Known::Unsure));
    true
}

/// Whether a name may be one that the server gave an index or a sequence by itself.
fn is_named_by_server(judge: &Judge<'_>, (class, name): &Key) -> bool {
    let bare = name.name.trim_end_matches(|last: char| last.is_ascii_digit());
    let ends = ["_idx", "_key", "_pkey", "_excl", "_seq", "range"];
    judge.session.inventory.has_named
        && matches!(class, Class::Relation | Class::Type)
        && ends.iter().any(|end| bare.ends_with(end))
}

/// The same for a part of a table. What a table or view is not known to have is not missing.
fn require_part(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Key, class: Class, name: &str) -> bool {
    let known = judge.session.inventory.thing(table).part(class, name);
    let Known::Gone(place) = known else { return false };
    // Where the database has a name, which the files need not tell, the server gives one with a number.
    let is_numbered = class == Class::Constraint && judge.session.inventory.is_live() && {
        let bare = name.trim_end_matches(|last: char| last.is_ascii_digit());
        bare.len() < name.len() && ["_key", "_pkey", "_excl"].iter().any(|end| bare.ends_with(end))
    };
    if judge.session.blocks > 0 || is_numbered || (class == Class::Column && columns::is_of_system(name)) {
        return false;
    }
    let (noun, of) = (noun_of(class, node), shown_name(table));
    let message = match place {
        Some(place) => format!("{of} has no {noun} {name} any more: {} drops or renames it", shown_place(place)),
        None => format!("{of} has no {noun} {name}"),
    };
    judge.report(&MISSING, node, message);
    judge.session.inventory.change(table, |thing| thing.set_part(class, name, Known::Unsure));
    true
}

/// Reports that something is there already, if that is sure. Gives whether it was reported.
fn refuse<'j>(judge: &'j mut Judge<'_>, node: &SyntaxNode, what: &str, known: Known<'_>) -> Option<&'j mut Finding> {
    let Known::There(place) = known else { return None };
    if judge.session.blocks > 0 {
        return None;
    }
    let message = match place {
        Some(place) => format!("{what} is there already: {} makes it", shown_place(place)),
        None => format!("{what} is there already, in the database"),
    };
    Some(judge.report(&ALREADY, node, message))
}

/// Something is made by a name: whether it is refused, for a name that is taken.
fn refuse_key(judge: &mut Judge<'_>, node: &SyntaxNode, key: &Key) -> bool {
    let known = judge.session.inventory.thing(key).known;
    let noun = match key.0 {
        // Another sort of thing may have the name.
        Class::Relation => "",
        class => noun_of(class, node),
    };
    let what = format!("{noun} {}", shown_name(key));
    let is_refused = refuse(judge, node, what.trim_start(), known).is_some();
    if is_refused {
        judge.session.inventory.set(key.clone(), Thing::new(Known::Unsure));
    }
    is_refused
}

fn refuse_part(judge: &mut Judge<'_>, node: &SyntaxNode, table: &Key, class: Class, name: &str) -> bool {
    let known = judge.session.inventory.thing(table).part(class, name);
    let what = format!("{} {name} of {}", noun_of(class, node), shown_name(table));
    let is_refused = refuse(judge, node, &what, known).is_some();
    if is_refused {
        judge.session.inventory.change(table, |thing| thing.set_part(class, name, Known::Unsure));
    }
    is_refused
}
