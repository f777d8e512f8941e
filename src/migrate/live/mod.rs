//! What a database says of the tables that migrations name: what the safety rules decide by, where there is one.

mod embedded;
mod queries;
mod rows;

pub(crate) use embedded::embedded_catalogue;
pub(crate) use rows::met_by_rows;

use super::connection::{MigrationConnection, Transaction, literal, qualified_name};
use crate::engine::TextRow;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::safety::{
    Catalogue, ColumnFacts, ColumnUser, ConstraintFacts, DomainFacts, Existing, ExistingNeed, ExistingObject,
    IndexFacts, IndexShape, NamedObject, RelationName, ReplicaIdentity, RoutineFacts, TableFacts,
};
use queries::{
    BOUNDS, COLUMNS, CONSTRAINTS, DOMAINS, ENUMS, EXTENSIONS, FUNCTIONS, INDEXES, NAMED, NEEDS, OWN_CASTS,
    PARTITION_KEYS, PARTITIONS, ROUTINES, TABLES, USERS, VALUES,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The bytes of a name that the server keeps.
const LONGEST_NAME: usize = 63;

/// How long looking for a row may wait for a lock, and how long it may read. A table that takes longer counts as full.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);
const READ_PATIENCE: Duration = Duration::from_secs(1);

/// The major version of the server.
pub(crate) fn server_version(connection: &mut dyn MigrationConnection) -> Result<u32> {
    let rows = connection.query("SELECT current_setting('server_version_num')").context("asking for the version")?;
    let number = rows.into_iter().flatten().flatten().next().unwrap_or_default();
    let number: u32 = number
        .parse()
        .map_err(|_| Error::new(ErrorKind::Backend, format!("the server gives {number:?} as its version")))?;
    Ok(number / 10_000)
}

/// What the server knows of the tables that some texts may name. Reads the system's tables, and looks for one row in each of
/// those tables; writes nothing.
pub(crate) fn catalogue<'a>(
    connection: &mut dyn MigrationConnection,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Catalogue> {
    let names: BTreeSet<String> = texts.flat_map(names).collect();
    if names.is_empty() {
        return Ok(Catalogue::default());
    }
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    let mut read = |query: &str| {
        let query = query.replace("$names", &names.join(", "));
        connection.query(&query).context("reading the server's catalogue")
    };
    let mut tables = BTreeMap::new();
    for row in read(TABLES)? {
        let Some(([schema, name, kind, identity, index], [named, is_partition, has_children, has_triggers])) =
            texts_and_flags(row)
        else {
            continue;
        };
        let replica_identity = match identity.as_str() {
            "f" => ReplicaIdentity::Full,
            "n" => ReplicaIdentity::Nothing,
            "i" => ReplicaIdentity::Index(index),
            _ => ReplicaIdentity::Key,
        };
        let partitioned = kind == "p";
        let facts = TableFacts {
            partitioned,
            is_partition,
            has_children,
            has_triggers,
            replica_identity,
            ..TableFacts::default()
        };
        tables.insert(RelationName { schema, name }, (kind, named, facts));
    }
    // Of tables that are not there, nothing more is to be known.
    let are_any = !tables.is_empty();
    let mut read_of_tables = |query: &str| if are_any { read(query) } else { Ok(Vec::new()) };
    let mut facts_of = |schema: String, name: String, fill: &mut dyn FnMut(&mut TableFacts)| {
        if let Some((_, _, facts)) = tables.get_mut(&RelationName { schema, name }) {
            fill(facts);
        }
    };
    // The default partition of each table that has one: whether it is empty decides.
    let mut defaults: BTreeSet<RelationName> = BTreeSet::new();
    for row in read_of_tables(PARTITIONS)? {
        let Some(([schema, table, own_schema, name], [default])) = texts_and_flags(row) else { continue };
        let partition = RelationName { schema: own_schema, name };
        facts_of(schema, table, &mut |facts| {
            facts.partitions.insert(partition.clone());
            if default {
                facts.default_partition = Some(partition.clone());
                defaults.insert(partition.clone());
            }
        });
    }
    for row in read_of_tables(PARTITION_KEYS)? {
        let [Some(schema), Some(table), column] = <[_; 3]>::try_from(row).unwrap_or_default() else { continue };
        facts_of(schema, table, &mut |facts| match (&column, facts.partition_key.as_mut()) {
            (Some(column), Some(key)) => key.push(column.clone()),
            (Some(column), None) => facts.partition_key = Some(vec![column.clone()]),
            (None, _) => facts.partition_key = None,
        });
    }
    for row in read_of_tables(BOUNDS)? {
        let Some(([schema, table, bounds], [])) = texts_and_flags(row) else { continue };
        facts_of(schema, table, &mut |facts| facts.bounds = Some(bounds.clone()));
    }
    for row in read_of_tables(COLUMNS)? {
        let Some((
            [schema, table, column, data_type, default],
            [not_null, inherited, defaulted, is_virtual, is_generated, is_identity, is_always],
        )) = texts_and_flags(row)
        else {
            continue;
        };
        facts_of(schema, table, &mut |facts| {
            facts.column_order.push(column.clone());
            if !default.is_empty() {
                facts.defaults.insert(column.clone(), default.clone());
            }
            facts.inherited.extend(inherited.then(|| column.clone()));
            facts.defaulted.extend(defaulted.then(|| column.clone()));
            facts.virtual_columns.extend(is_virtual.then(|| column.clone()));
            facts.generated.extend(is_generated.then(|| column.clone()));
            facts.identities.extend(is_identity.then(|| (column.clone(), is_always)));
            let fact = ColumnFacts { data_type: data_type.clone(), not_null };
            facts.columns.insert(column.clone(), fact);
        });
    }
    for row in read_of_tables(CONSTRAINTS)? {
        let Some(([schema, table, name, definition], [validated])) = texts_and_flags(row) else { continue };
        facts_of(schema, table, &mut |facts| {
            let fact = ConstraintFacts { definition: definition.clone(), validated };
            facts.constraints.insert(name.clone(), fact);
        });
    }
    // The columns of each index in order; NULL where an expression stands.
    for row in read_of_tables(INDEXES)? {
        let [
            Some(schema),
            Some(table),
            Some(index),
            Some(valid),
            Some(unique),
            Some(partial),
            Some(reordered),
            Some(rest),
            part,
        ] = <[_; 9]>::try_from(row).unwrap_or_default()
        else {
            continue;
        };
        facts_of(schema, table, &mut |facts| {
            let known = facts.indexes.entry(index.clone()).or_default();
            known.reordered |= reordered == "t";
            known.shape.parts.push(part.clone());
            (known.shape.unique, known.shape.partial) = (unique == "t", partial == "t");
            (known.shape.invalid, known.shape.rest) = (valid != "t", rest.clone());
        });
    }
    for row in read_of_tables(VALUES)? {
        let Some(([schema, table, column, rows], [])) = texts_and_flags(row) else { continue };
        let Ok(rows) = rows.parse() else { continue };
        facts_of(schema, table, &mut |facts| _ = facts.rows_of_value.insert(column.clone(), rows));
    }
    for row in read_of_tables(USERS)? {
        let Some(([schema, table, column, kind, user_schema, name], [])) = texts_and_flags(row) else { continue };
        facts_of(schema, table, &mut |facts| {
            let user = RelationName { schema: user_schema.clone(), name: name.clone() };
            let columns = facts.users.entry(ColumnUser { kind: kind.clone(), name: user }).or_default();
            columns.insert(column.clone());
        });
    }
    let mut catalogue = Catalogue::default();
    for row in read(DOMAINS)? {
        let [Some(schema), Some(name), Some(constrained), Some(base), default, constraints] =
            <[_; 6]>::try_from(row).unwrap_or_default()
        else {
            continue;
        };
        let constraints = constraints.iter().flat_map(|names| names.split('\n')).map(str::to_owned).collect();
        let facts = DomainFacts { base, constrained: constrained == "t", constraints, default };
        catalogue.domains.insert(RelationName { schema, name }, facts);
    }
    for row in read(FUNCTIONS)? {
        let Some(([name], [calm, volatile, mutable])) = texts_and_flags(row) else { continue };
        catalogue.mutable_functions.insert(name.clone(), mutable);
        if calm {
            catalogue.calm_functions.insert(name);
        } else if volatile {
            catalogue.volatile_functions.insert(name);
        }
    }
    catalogue.own_casts = !read(OWN_CASTS)?.is_empty();
    for row in read(ENUMS)? {
        let Some(([schema, name, label], [])) = texts_and_flags(row) else { continue };
        catalogue.enums.entry(RelationName { schema, name }).or_default().insert(label);
    }
    let mut existing = Existing::default();
    let says = |word: &str| names.contains(&literal(word));
    // What is in a schema matters to DROP SCHEMA alone, and what needs what to DROP and ALTER TYPE.
    let within = says("drop") && says("schema");
    let within = if within { "OR n.nspname IN ($names) AND n.nspname !~ '^pg_|^information_schema$'" } else { "" };
    for row in read(&NAMED.replace("$within", within))? {
        let Some(([class, of, name, schema, goes_with], [])) = texts_and_flags(row) else { continue };
        if !["ROUTINE", "OFFERED", "OPERATOR", "CAST"].contains(&class.as_str()) {
            catalogue.named.insert(NamedObject { class: class.clone(), of: of.clone(), name: name.clone() });
        }
        existing.objects.insert(ExistingObject { class, schema, of, name, goes_with });
    }
    for row in if says("drop") || says("attribute") { read(NEEDS)? } else { Vec::new() } {
        let Some((texts, [])) = texts_and_flags(row) else { continue };
        let [of_class, of_schema, of, class, schema, name, kind, part, goes_with, columns, parts] = texts;
        let split = |names: String| names.split('\u{1f}').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let relation = |schema: &str, name: &str| RelationName { schema: schema.to_owned(), name: name.to_owned() };
        let need = ExistingNeed {
            of: (of_class, relation(&of_schema, &of)),
            user: (class.clone(), relation(&schema, &name)),
            kind,
            part,
            columns: split(columns),
            parts: split(parts),
        };
        existing.needs.push(need);
        let user = ExistingObject { class, schema, name, goes_with, ..ExistingObject::default() };
        let is_named = existing
            .objects
            .iter()
            .any(|object| (&object.class, &object.schema, &object.name) == (&user.class, &user.schema, &user.name));
        if !is_named {
            existing.objects.insert(user);
        }
    }
    catalogue.existing = Some(existing);
    // How a function looks matters to OR REPLACE and to triggers alone.
    if says("gin") || says("gist") {
        catalogue.extensions = Some(read(EXTENSIONS)?.into_iter().flatten().flatten().collect());
    }
    for row in if says("replace") || says("trigger") { read(ROUTINES)? } else { Vec::new() } {
        let Some(([schema, name, result, types, names, defaults], [])) = texts_and_flags(row) else { continue };
        let names = names.split('\n').map(str::to_owned).chain(std::iter::repeat(String::new()));
        let types = types.split('\n').filter(|data_type| !data_type.is_empty()).map(str::to_owned);
        let arguments = types.zip(names).collect();
        let defaults = defaults.parse().unwrap_or_default();
        catalogue.routines.push(RoutineFacts { name: RelationName { schema, name }, arguments, defaults, result });
    }
    for (name, (kind, named, mut facts)) in tables {
        // A foreign table is elsewhere, and a view is what it reads.
        facts.is_view = kind == "v";
        facts.shows_others = !["r", "p", "m"].contains(&kind.as_str());
        let matters = !facts.shows_others && (named || defaults.contains(&name));
        if matters {
            (facts.empty, facts.rows) = size(connection, &name)?;
        }
        facts.indexes.values_mut().for_each(serve);
        catalogue.tables.insert(name, facts);
    }
    Ok(catalogue)
}

/// Fills what an index does for others from what it is made of: one that is not valid or not of all rows serves nobody, and has
/// no columns.
fn serve(index: &mut IndexFacts) {
    let IndexShape { parts, unique, partial, invalid, .. } = &index.shape;
    index.unique = *unique && !invalid;
    if !invalid && !partial {
        index.whole = parts.iter().all(Option::is_some);
        index.columns = parts.iter().cloned().map_while(|part| part).collect();
    }
}

/// Texts, and then flags, of a row.
fn texts_and_flags<const T: usize, const F: usize>(row: TextRow) -> Option<([String; T], [bool; F])> {
    let mut values = row.into_iter().collect::<Option<Vec<String>>>()?;
    let flags: Vec<bool> = values.split_off(T.min(values.len())).iter().map(|flag| flag == "t").collect();
    Some((values.try_into().ok()?, flags.try_into().ok()?))
}

/// Whether a table has no row, and about how many it has, as far as that is soon known. Rows that the role may not see could be
/// there. What has not been counted yet is taken for rows of a hundred bytes.
fn size(connection: &mut dyn MigrationConnection, table: &RelationName) -> Result<(bool, Option<u64>)> {
    connection.begin(&Transaction {
        read_only: true,
        lock_timeout: Some(LOCK_PATIENCE),
        statement_timeout: Some(READ_PATIENCE),
        ..Transaction::default()
    })?;
    let name = qualified_name(&table.schema, &table.name);
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {name}), (SELECT pg_catalog.sum(CASE WHEN c.reltuples > 0 AND c.relpages > 0 \
         THEN c.reltuples / c.relpages * (pg_catalog.pg_relation_size(c.oid) / 8192) \
         ELSE pg_catalog.pg_relation_size(c.oid) / 100 END)::bigint FROM pg_catalog.pg_class c WHERE c.oid = {oid} \
         OR c.oid IN (SELECT part.relid FROM pg_catalog.pg_partition_tree({oid}) part))",
        oid = format_args!("{}::regclass", literal(&name))
    );
    let answer = connection.execute("SET LOCAL row_security = off").and_then(|()| connection.query(&query));
    connection.rollback()?;
    match answer {
        Ok(rows) => {
            let mut values = rows.into_iter().flatten();
            let is_empty = values.next().flatten().as_deref() == Some("f");
            Ok((is_empty, values.next().flatten().and_then(|rows| rows.parse().ok())))
        }
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        // Locked, too slow, or not to be read.
        Err(_) => Ok((false, None)),
    }
}

/// Whatever may be a name in a text: words as the server reads them, which do not begin with a digit, and what stands between
/// double quotes.
fn names(text: &str) -> impl Iterator<Item = String> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    let words = text.split(move |character: char| !is_word(character));
    let words = words.filter(|word| word.chars().next().is_some_and(|first| !first.is_ascii_digit() && first != '$'));
    // Quotes may stand within strings that are run: which of them open and which close is not known.
    let within = text.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or("", |(within, _)| within);
    let quoted = within.split('"').filter(|name| !name.is_empty() && name.len() <= 4 * LONGEST_NAME);
    words.map(str::to_ascii_lowercase).chain(quoted.map(str::to_owned)).map(|mut name| {
        let mut end = LONGEST_NAME.min(name.len());
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn whatever_may_be_a_name_is_one() {
        let long = "x".repeat(70);
        let text = format!("ALTER TABLE App.\"Us ers\" ADD {long} int; DO $$ EXECUTE 'DROP TABLE \"Ä\"' $$");
        let names: Vec<String> = names(&text).collect();
        for name in ["app", "Us ers", &long[..63], "Ä"] {
            assert!(names.iter().any(|found| found == name), "{name}");
        }
    }
}
