//! Reading the catalogue of one schema of a Postgres database, of any version from 14 on.

use super::properties;
use super::sqlite::texts;
use super::{Check, Column, ForeignKey, Generated, Index, IndexPart, Other, PrimaryKey, Schema, Table, Unique, View};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::connection::{MigrationConnection, literal};
use crate::migrate::set::MigrationSet;
use std::sync::Arc;

/// Reads the schema of a set. The transaction that is open has it as its search path, so that names in it are written
/// without it.
pub(super) fn read(connection: &mut dyn MigrationConnection, set: &MigrationSet) -> Result<Schema> {
    let mut found = Schema { engine: Engine::Postgres, ..Schema::default() };
    let mut query = |sql: &str| connection.query(&sql.replace("{schema}", &literal(set.schema())));
    for row in query(RELATIONS)? {
        let [kind, name, definition, options] = texts(row);
        match kind.as_str() {
            "v" => {
                let definition = definition.trim_end_matches(';').to_owned();
                found.views.insert(name.clone(), View { name, definition, ..View::default() });
            }
            "r" | "p" => {
                let options = list(&options)?;
                found.tables.insert(name.clone(), Arc::new(Table { name, options, ..Table::default() }));
            }
            kind => {
                let word = match kind {
                    "m" => "materialized view",
                    "S" => "sequence",
                    "f" => "foreign table",
                    _ => "type",
                };
                found.add(Other::of([word.to_owned(), name, String::new(), definition]));
            }
        }
    }
    for row in query(COLUMNS)? {
        column(&mut found, texts(row));
    }
    for row in query(CONSTRAINTS)? {
        constraint(&mut found, texts(row))?;
    }
    for row in query(INDEX_PARTS)? {
        index_part(&mut found, texts(row))?;
    }
    for row in [query(OTHERS)?, query(&properties::query(set))?].into_iter().flatten() {
        found.add(Other::of(texts(row)));
    }
    Ok(found)
}

/// What an extension made is the extension's.
macro_rules! not_of_an_extension {
    ($catalogue:literal, $oid:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e WHERE e.classid = 'pg_catalog.",
            $catalogue,
            "'::pg_catalog.regclass AND e.objid = ",
            $oid,
            " AND e.deptype = 'e')"
        )
    };
}

/// Tables, views, materialized views, and sequences that no column owns.
const RELATIONS: &str = concat!(
    "SELECT c.relkind, c.relname, \
     CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid, true) \
          WHEN c.relkind = 'c' THEN (SELECT pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' \
               ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attisdropped) \
          WHEN c.relkind = 'S' THEN (SELECT pg_catalog.concat_ws(' ', pg_catalog.format_type(s.seqtypid, NULL), 'START', s.seqstart, \
               'INCREMENT', s.seqincrement, 'MIN', s.seqmin, 'MAX', s.seqmax, 'CACHE', s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' END) \
               FROM pg_catalog.pg_sequence AS s WHERE s.seqrelid = c.oid) END, \
     (SELECT pg_catalog.json_agg(o ORDER BY o) FROM (VALUES \
        (CASE WHEN c.relkind = 'p' THEN 'PARTITION BY ' || pg_catalog.pg_get_partkeydef(c.oid) END), \
        (CASE WHEN c.relispartition THEN 'PARTITION OF ' || (SELECT p.relname FROM pg_catalog.pg_inherits AS i \
             JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid) || ' ' \
             || pg_catalog.pg_get_expr(c.relpartbound, c.oid) END), \
        (CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED' END), \
        (CASE WHEN c.relrowsecurity THEN 'ROW LEVEL SECURITY' END), \
        (CASE WHEN c.relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END), \
        (CASE c.relreplident WHEN 'f' THEN 'REPLICA IDENTITY FULL' WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' \
             WHEN 'i' THEN 'REPLICA IDENTITY USING INDEX ' || (SELECT x.relname FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) END), \
        ((SELECT 'CLUSTER ON ' || x.relname FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid \
             WHERE i.indrelid = c.oid AND i.indisclustered)), \
        ((SELECT 'TABLESPACE ' || s.spcname FROM pg_catalog.pg_tablespace AS s WHERE s.oid = c.reltablespace)), \
        ((SELECT 'USING ' || m.amname FROM pg_catalog.pg_am AS m WHERE m.oid = c.relam AND m.amtype = 't' AND m.amname <> 'heap')), \
        ('WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')')) AS v (o) WHERE o IS NOT NULL) \
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') AND ",
    not_of_an_extension!("pg_class", "c.oid"),
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0) \
     ORDER BY 2"
);

const COLUMNS: &str = "SELECT c.relkind, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, \
     pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, l.collname, \
     EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated \
         AND k.conkey[1] = a.attnum) \
     FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
     LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation \
     WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY c.relname, a.attnum";

const CONSTRAINTS: &str = "SELECT c.relname, k.conname, k.contype, \
     (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (attnum, place) \
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.attnum), \
     f.relname, \
     (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (attnum, place) \
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.attnum), \
     k.confdeltype, k.confupdtype, pg_catalog.pg_get_expr(k.conbin, k.conrelid), pg_catalog.pg_get_constraintdef(k.oid), \
     (SELECT pg_catalog.json_agg(o ORDER BY o) FROM (VALUES \
        (CASE WHEN k.condeferrable THEN 'DEFERRABLE' END), (CASE WHEN k.condeferred THEN 'INITIALLY DEFERRED' END), \
        (CASE WHEN NOT k.convalidated THEN 'NOT VALID' END), (CASE WHEN k.confmatchtype = 'f' THEN 'MATCH FULL' END), \
        (CASE WHEN k.contype = 'c' AND k.connoinherit THEN 'NO INHERIT' END)) AS v (o) WHERE o IS NOT NULL) \
     FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid \
     WHERE n.nspname = {schema} AND k.contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY c.relname, k.conname";

/// One row for each part of each index that no constraint made; what an index includes comes after its parts.
const INDEX_PARTS: &str = "SELECT t.relname, c.relname, i.indisunique, i.indisvalid AND i.indisready, \
     pg_catalog.pg_get_expr(i.indpred, i.indrelid), m.amname, p.place > i.indnkeyatts, i.indkey[p.place - 1] <> 0, \
     coalesce(a.attname, pg_catalog.pg_get_indexdef(i.indexrelid, p.place, false)), \
     i.indoption[p.place - 1] & 1 = 1, \
     (SELECT pg_catalog.json_agg(v.o) FROM (VALUES (l.collname::text), \
        (CASE WHEN NOT o.opcdefault THEN o.opcname::text END), \
        (CASE i.indoption[p.place - 1] & 3 WHEN 1 THEN 'NULLS LAST' WHEN 2 THEN 'NULLS FIRST' END)) AS v (o) WHERE v.o IS NOT NULL), \
     pg_catalog.pg_get_indexdef(i.indexrelid) \
     FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
     JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace \
     JOIN pg_catalog.pg_am AS m ON m.oid = c.relam \
     CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnatts::integer) AS p (place) \
     LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.place - 1] AND a.attnum > 0 \
     LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[p.place - 1] \
     LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = i.indcollation[p.place - 1] AND a.attcollation <> l.oid \
     WHERE n.nspname = {schema} AND t.relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k \
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) \
     ORDER BY t.relname, c.relname, p.place";

/// Triggers, rules, policies, functions but those that a type brings with it, and types.
const OTHERS: &str = concat!(
    "SELECT 'trigger', t.tgname, c.relname, pg_catalog.pg_get_triggerdef(t.oid) \
        || CASE t.tgenabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ENABLE REPLICA' WHEN 'A' THEN ' ENABLE ALWAYS' ELSE '' END \
     FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = {schema} AND NOT t.tgisinternal \
     UNION ALL SELECT 'rule', r.rulename, c.relname, pg_catalog.pg_get_ruledef(r.oid) \
     FROM pg_catalog.pg_rewrite AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = {schema} AND r.rulename <> '_RETURN' \
     UNION ALL SELECT 'policy', p.polname, c.relname, pg_catalog.concat_ws(' ', p.polcmd, p.polpermissive, \
        pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) \
     FROM pg_catalog.pg_policy AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = {schema} \
     UNION ALL SELECT 'function', p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', NULL, \
        CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) END \
     FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = {schema} \
     AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS i WHERE i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
         AND i.objid = p.oid AND i.deptype = 'i') AND ",
    not_of_an_extension!("pg_proc", "p.oid"),
    " UNION ALL SELECT 'type', t.typname, NULL, CASE t.typtype WHEN 'e' THEN (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), \
        ', ' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid) \
        WHEN 'd' THEN pg_catalog.concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'NOT NULL' END, \
        t.typdefault, (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname) \
           FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid)) END \
     FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace \
     WHERE n.nspname = {schema} AND t.typtype IN ('e', 'd', 'r') AND ",
    not_of_an_extension!("pg_type", "t.oid"),
);

fn list(json: &str) -> Result<Vec<String>> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorKind::Corrupt, "the catalogue gives a list that is none").with_source(error))
}

fn column(schema: &mut Schema, row: [String; 10]) {
    let [kind, relation, name, data_type, not_null, expression, identity, generated, collation, not_valid] = row;
    if kind == "v" {
        if let Some(view) = schema.views.get_mut(&relation) {
            view.columns.push(name);
        }
        return;
    }
    let Some(table) = schema.table_mut(&relation) else { return };
    let expression = Some(expression).filter(|expression| !expression.is_empty());
    let identity = match identity.as_str() {
        "a" => Some("ALWAYS".to_owned()),
        "d" => Some("BY DEFAULT".to_owned()),
        _ => None,
    };
    let (not_null, not_null_not_valid) = (not_null == "t", not_valid == "t");
    let mut column = Column { name, data_type, not_null, not_null_not_valid, identity, ..Column::default() };
    column.collation = Some(collation).filter(|collation| !collation.is_empty());
    match (generated.as_str(), expression) {
        ("s" | "v", Some(expression)) => column.generated = Some(Generated { expression, stored: generated == "s" }),
        (_, expression) => column.default = expression,
    }
    table.columns.push(column);
}

fn constraint(schema: &mut Schema, row: [String; 11]) -> Result<()> {
    let [table, name, kind, columns, other, references, on_delete, on_update, expression, definition, options] = row;
    let (columns, references, mut options) = (list(&columns)?, list(&references)?, list(&options)?);
    if definition.ends_with("NOT ENFORCED") {
        options.push("NOT ENFORCED".to_owned());
    }
    let Some(found) = schema.table_mut(&table) else { return Ok(()) };
    let action = |letter: &str| {
        let action = match letter {
            "r" => "RESTRICT",
            "c" => "CASCADE",
            "n" => "SET NULL",
            "d" => "SET DEFAULT",
            _ => return None,
        };
        Some(action.to_owned())
    };
    let title = name.clone();
    let name = Some(name);
    match kind.as_str() {
        "p" => found.primary_key = Some(PrimaryKey { name, columns }),
        "u" => {
            if definition.starts_with("UNIQUE NULLS NOT DISTINCT") {
                options.push("NULLS NOT DISTINCT".to_owned());
            }
            options.sort();
            found.unique.push(Unique { name, columns, options });
        }
        "f" => found.foreign_keys.push(ForeignKey {
            name,
            columns,
            table: other,
            references,
            on_delete: action(&on_delete),
            on_update: action(&on_update),
            options,
        }),
        "c" => found.checks.push(Check { name, expression, options }),
        _ => {
            schema.add(Other::of(["exclusion constraint".to_owned(), title, table, definition]));
        }
    }
    Ok(())
}

fn index_part(schema: &mut Schema, row: [String; 12]) -> Result<()> {
    let [table, name, unique, valid, predicate, method, included, is_column, expression, descending, options, sql] =
        row;
    let Some(found) = schema.table_mut(&table) else { return Ok(()) };
    let index = found.indexes.entry(name.clone()).or_insert_with(|| {
        let mut options = Vec::new();
        if method != "btree" {
            options.push(format!("USING {}", method.to_uppercase()));
        }
        if sql.contains(") NULLS NOT DISTINCT") {
            options.push("NULLS NOT DISTINCT".to_owned());
        }
        let predicate = Some(predicate).filter(|predicate| !predicate.is_empty());
        Index {
            name,
            unique: unique == "t",
            predicate,
            valid: valid == "t",
            options,
            sql: Some(sql),
            parts: Vec::new(),
        }
    });
    if included == "t" {
        index.options.push(format!("INCLUDE {expression}"));
        return Ok(());
    }
    let options = list(&options)?;
    index.parts.push(IndexPart { expression, is_column: is_column == "t", descending: descending == "t", options });
    Ok(())
}
