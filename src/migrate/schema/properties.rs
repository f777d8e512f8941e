//! What Postgres keeps of the objects of a schema beside what they are: comments, owners, privileges, settings.
//!
//! Only what is not as it is by default is told, so that what was given and taken away again leaves nothing.

use crate::migrate::connection::{literal, quoted};
use crate::migrate::set::MigrationSet;

/// The query of all properties in the schema of a set, as [`Other::of`](super::Other) takes them. The set's own tables are
/// left out.
pub(super) fn query(set: &MigrationSet) -> String {
    let own = format!("{}, {}", literal(&set.history_table()), literal(&set.audit_table()));
    let objects = OBJECTS.replace("{own}", &own);
    PROPERTIES
        .replace("{objects}", &objects)
        .replace("{schema}", &literal(set.schema()))
        .replace("{within}", &literal(&format!(" on {}.", quoted_if_needed(set.schema()))))
        .replace("{own_within}", &own_within(set))
}

/// Postgres quotes a name in a description only where it must.
fn quoted_if_needed(name: &str) -> String {
    let is_plain = name.chars().enumerate().all(|(place, letter)| match letter {
        'a'..='z' | '_' => true,
        '0'..='9' => place > 0,
        _ => false,
    });
    if is_plain { name.to_owned() } else { quoted(name) }
}

/// Constraints and indexes of the set's own tables have no comments; the tables themselves may.
fn own_within(set: &MigrationSet) -> String {
    let table = |name: &str| literal(&format!("{}.{}", quoted_if_needed(set.schema()), quoted_if_needed(name)));
    format!("{}, {}", table(&set.history_table()), table(&set.audit_table()))
}

/// Everything in the schema that has an owner and privileges, and the schema itself: its catalogue, its number there, what it
/// is called, its owner, its privileges, and the letter of what it is among the defaults of privileges.
const OBJECTS: &str = "\
SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS catalogue, c.oid AS id, \
    pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0) AS title, c.relowner AS owner, \
    c.relacl AS acl, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END AS letter \
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
  WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relname NOT IN ({own}) \
UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, \
    pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0), p.proowner, p.proacl, 'f' \
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = {schema} \
UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, \
    pg_catalog.pg_describe_object('pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0), t.typowner, t.typacl, 'T' \
  FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace \
  WHERE n.nspname = {schema} AND t.typtype IN ('e', 'd', 'r') \
UNION ALL SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 'schema', n.nspowner, n.nspacl, 'n' \
  FROM pg_catalog.pg_namespace AS n WHERE n.nspname = {schema}";

const PROPERTIES: &str = "\
WITH object AS MATERIALIZED (SELECT o.* FROM ({objects}) AS o WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e \
    WHERE e.classid = o.catalogue AND e.objid = o.id AND e.deptype = 'e')), \
granted AS ( \
  SELECT o.title, a.* FROM object AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a \
    WHERE o.acl IS NOT NULL AND ARRAY(SELECT x::text FROM pg_catalog.unnest(o.acl) AS x ORDER BY 1) \
      <> ARRAY(SELECT x::text FROM pg_catalog.unnest(pg_catalog.acldefault(o.letter::\"char\", o.owner)) AS x ORDER BY 1) \
  UNION ALL SELECT 'column ' || c.attname || ' of ' || o.title, a.* FROM object AS o \
    JOIN pg_catalog.pg_attribute AS c ON c.attrelid = o.id AND o.letter = 'r' AND NOT c.attisdropped \
    CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS a \
  UNION ALL SELECT 'new ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' \
      WHEN 'T' THEN 'types' ELSE 'objects' END || ' of ' || pg_catalog.pg_get_userbyid(d.defaclrole), a.* \
    FROM pg_catalog.pg_default_acl AS d JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace \
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a WHERE n.nspname = {schema}) \
SELECT '', 'privileges on ' || g.title, NULL, pg_catalog.string_agg(g.privilege_type || ' to ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' \
      ELSE pg_catalog.pg_get_userbyid(g.grantee) END || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', ' \
      ORDER BY g.grantee, g.privilege_type, g.is_grantable) \
  FROM granted AS g GROUP BY g.title \
UNION ALL SELECT '', 'privileges on ' || o.title, NULL, 'none' FROM object AS o WHERE pg_catalog.cardinality(o.acl) = 0 \
UNION ALL SELECT '', 'owner of ' || o.title, NULL, pg_catalog.pg_get_userbyid(o.owner) FROM object AS o \
  WHERE o.letter <> 'n' AND o.owner <> (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) \
UNION ALL SELECT 'comment', 'comment on ' || pg_catalog.pg_describe_object(d.classoid, d.objoid, d.objsubid), NULL, d.description \
  FROM pg_catalog.pg_description AS d CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i \
  WHERE d.objoid >= 16384 AND (i.schema = {schema} OR pg_catalog.strpos(i.identity, {within}) > 0) \
    AND i.identity NOT IN ({own_within}) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e \
      WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e') \
UNION ALL SELECT '', 'options of ' || pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0), NULL, \
    pg_catalog.array_to_string(c.reloptions, ', ') \
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
  WHERE n.nspname = {schema} AND c.relkind IN ('v', 'm', 'i', 'I') AND c.reloptions IS NOT NULL \
UNION ALL SELECT '', 'options of column ' || a.attname || ' of ' || o.title, NULL, pg_catalog.concat_ws(' ', \
      CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END, \
      'STATISTICS ' || NULLIF(a.attstattarget, -1), 'COMPRESSION ' || NULLIF(a.attcompression::text, ''), \
      pg_catalog.array_to_string(a.attoptions, ', ')) \
  FROM object AS o JOIN pg_catalog.pg_attribute AS a ON a.attrelid = o.id AND o.letter = 'r' \
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
  WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> t.typstorage OR NULLIF(a.attstattarget, -1) IS NOT NULL \
      OR a.attcompression::text <> '' OR a.attoptions IS NOT NULL) \
UNION ALL SELECT '', 'statistics ' || s.stxname, NULL, pg_catalog.pg_get_statisticsobjdef(s.oid) \
  FROM pg_catalog.pg_statistic_ext AS s JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace WHERE n.nspname = {schema} ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_as_postgres_names_it() {
        let names = ["shop", "shop_2", "2shop", "Shop", "my shop"].map(quoted_if_needed);
        assert_eq!(names, ["shop", "shop_2", "\"2shop\"", "\"Shop\"", "\"my shop\""]);
    }
}
