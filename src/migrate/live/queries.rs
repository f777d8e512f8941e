//! What is asked of a PostgreSQL catalogue. `$names` stands for the names that are meant.

/// The relations that are meant: those with one of the names, those with an index of one of the names, and what `more` adds.
macro_rules! meant {
    ($more:literal) => {
        concat!(
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v') \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
             AND (c.relname IN ($names) OR c.oid IN (SELECT mi.indrelid FROM pg_catalog.pg_index mi \
             JOIN pg_catalog.pg_class mc ON mc.oid = mi.indexrelid WHERE mc.relname IN ($names))",
            $more,
            ")"
        )
    };
    () => {
        meant!("")
    };
}

/// The relations that are meant, with all partitions of those.
macro_rules! meant_with_partitions {
    () => {
        meant!(
            " OR c.relispartition AND c.oid IN (WITH RECURSIVE part AS (\
             SELECT pc.oid FROM pg_catalog.pg_class pc WHERE pc.relkind = 'p' AND pc.relname IN ($names) \
             UNION SELECT pi.inhrelid FROM part JOIN pg_catalog.pg_inherits pi ON pi.inhparent = part.oid) \
             SELECT part.oid FROM part)"
        )
    };
}

/// Whether a relation, or an index of it, has one of the names, and is not only a partition of one that has; and what it is to
/// others.
pub(super) const TABLES: &str = concat!(
    "SELECT n.nspname, c.relname, c.relkind, c.relreplident, COALESCE((SELECT rc.relname FROM pg_catalog.pg_index ri \
     JOIN pg_catalog.pg_class rc ON rc.oid = ri.indexrelid WHERE ri.indrelid = c.oid AND ri.indisreplident), ''), \
     NOT c.relispartition OR c.relname IN ($names) \
     OR c.oid IN (SELECT mi.indrelid FROM pg_catalog.pg_index mi \
     JOIN pg_catalog.pg_class mc ON mc.oid = mi.indexrelid WHERE mc.relname IN ($names)), c.relispartition, \
     EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid), \
     EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) \
     FROM pg_catalog.pg_class c ",
    meant_with_partitions!()
);

/// The partitions of each table, and which is the default one.
pub(super) const PARTITIONS: &str = concat!(
    "SELECT parent_space.nspname, parent.relname, n.nspname, c.relname, p.partdefid = c.oid \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid \
     JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent \
     JOIN pg_catalog.pg_class parent ON parent.oid = i.inhparent \
     JOIN pg_catalog.pg_namespace parent_space ON parent_space.oid = parent.relnamespace ",
    meant_with_partitions!()
);

/// The columns that a table is partitioned by, in order; NULL, last, where an expression stands.
pub(super) const PARTITION_KEYS: &str = concat!(
    "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid \
     CROSS JOIN LATERAL pg_catalog.generate_series(0, p.partnatts - 1) key \
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[key] AND a.attnum > 0 ",
    meant!(),
    " ORDER BY c.oid, a.attname IS NULL, key"
);

pub(super) const BOUNDS: &str = concat!(
    "SELECT n.nspname, c.relname, pg_catalog.pg_get_partition_constraintdef(c.oid) FROM pg_catalog.pg_class c ",
    meant!(),
    " AND c.relispartition"
);

/// A column that is NOT NULL by a constraint that is not valid (Postgres 18) may still hold NULL.
pub(super) const COLUMNS: &str = concat!(
    "SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) || \
     COALESCE((SELECT ' COLLATE ' || pg_catalog.quote_ident(o.collname) FROM pg_catalog.pg_collation o \
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
     WHERE o.oid = a.attcollation AND o.oid <> t.typcollation), ''), COALESCE((SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid) FROM pg_catalog.pg_attrdef f \
     WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum AND a.attgenerated = ''), ''), a.attnotnull AND \
     NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' \
     AND NOT k.convalidated AND k.conkey = ARRAY[a.attnum]), a.attinhcount > 0, a.atthasdef OR a.attidentity <> '', \
     a.attgenerated = 'v', a.attgenerated <> '', a.attidentity <> '', a.attidentity = 'a' \
     FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ",
    meant_with_partitions!(),
    " ORDER BY c.oid, a.attnum"
);

pub(super) const CONSTRAINTS: &str = concat!(
    "SELECT n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype <> 't' ",
    meant_with_partitions!()
);

/// The columns of each index, and all that the server compares beside them, as one text.
pub(super) const INDEXES: &str = concat!(
    "SELECT n.nspname, c.relname, x.relname, i.indisvalid, i.indisunique, i.indpred IS NOT NULL, i.indoption[key] <> 0 \
     OR NOT (SELECT oc.opcdefault FROM pg_catalog.pg_opclass oc WHERE oc.oid = i.indclass[key]) \
     OR COALESCE(a.attcollation <> i.indcollation[key], false), \
     concat_ws(' ', x.relam, i.indclass, i.indcollation, to_jsonb(i)->>'indnullsnotdistinct', i.indisexclusion, \
     pg_catalog.pg_get_expr(i.indexprs, i.indrelid), 'WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), \
     (SELECT 'INCLUDE ' || string_agg(o.attname, ', ' ORDER BY place) \
     FROM pg_catalog.generate_series(i.indnkeyatts, i.indnatts - 1) place \
     JOIN pg_catalog.pg_attribute o ON o.attrelid = i.indrelid AND o.attnum = i.indkey[place])), \
     a.attname FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_index i ON i.indrelid = c.oid JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
     CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts - 1) key \
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[key] ",
    meant_with_partitions!(),
    " ORDER BY x.oid, key"
);

/// How many rows have the same value in each column of an index, as ANALYZE has counted them: a number of values, or, below zero,
/// of values for each row.
pub(super) const VALUES: &str = concat!(
    "SELECT n.nspname, c.relname, s.attname, CASE WHEN s.n_distinct < 0 THEN -1 / s.n_distinct \
     ELSE GREATEST(c.reltuples, 0) / s.n_distinct END FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_stats s ON s.tablename = c.relname AND s.n_distinct <> 0 AND s.inherited = (c.relkind = 'p') \
     AND EXISTS (SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid \
     AND a.attnum = ANY (i.indkey::int2[]) WHERE i.indrelid = c.oid AND i.indnkeyatts > 1 AND a.attname = s.attname) ",
    meant!(),
    " AND s.schemaname = n.nspname"
);

/// What stands in the way of a change of a column's type. What is the table's own has no schema: `public` stands for it. An index
/// counts where it has an expression or a condition.
pub(super) const USERS: &str = concat!(
    "SELECT n.nspname, c.relname, a.attname, u.kind, u.schema, u.name FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     JOIN LATERAL (\
     SELECT CASE v.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'rule' END AS kind, \
     vn.nspname AS schema, CASE WHEN v.relkind IN ('v', 'm') THEN v.relname ELSE r.rulename END AS name \
     FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid \
     JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace \
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND v.oid <> c.oid \
     UNION SELECT 'trigger', 'public', t.tgname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_trigger t ON t.oid = d.objid AND NOT t.tgisinternal \
     WHERE d.classid = 'pg_catalog.pg_trigger'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum \
     UNION SELECT 'policy', 'public', p.polname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_policy p ON p.oid = d.objid \
     WHERE d.classid = 'pg_catalog.pg_policy'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum \
     UNION SELECT 'generated column', 'public', g.attname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid \
     JOIN pg_catalog.pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum AND g.attgenerated <> '' \
     WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND g.attnum <> a.attnum \
     UNION SELECT 'generated column', 'public', g.attname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_attribute g ON g.attrelid = d.objid AND g.attnum = d.objsubid AND g.attgenerated <> '' \
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.objid = c.oid AND d.refobjid = c.oid AND d.refobjsubid = a.attnum \
     UNION SELECT 'function', fn.nspname, f.proname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_proc f ON f.oid = d.objid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace \
     WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum \
     UNION SELECT 'partition key', 'public', c.relname FROM pg_catalog.pg_partitioned_table p \
     WHERE p.partrelid = c.oid AND a.attnum = ANY (p.partattrs::int2[]) \
     UNION SELECT 'index', 'public', x.relname FROM pg_catalog.pg_depend d \
     JOIN pg_catalog.pg_index i ON i.indexrelid = d.objid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) \
     JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass \
     AND d.refobjid = c.oid AND d.refobjsubid = a.attnum\
     ) u ON true ",
    meant!()
);

/// The domains that are named, and those of the columns of tables that are. A domain takes over the constraints of the one that it is made of; its default it keeps itself.
pub(super) const DOMAINS: &str = "WITH RECURSIVE base AS (\
     SELECT t.oid AS domain, t.oid, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_catalog.pg_type t \
     WHERE t.typtype = 'd' AND (t.typname IN ($names) OR t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a \
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relname IN ($names))) \
     UNION ALL SELECT base.domain, t.oid, t.typbasetype, t.typtypmod, t.typnotnull FROM base \
     JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype AND t.typtype = 'd') \
     SELECT n.nspname, t.typname, bool_or(base.typnotnull OR EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k \
     WHERE k.contypid = base.oid)), max(pg_catalog.format_type(base.typbasetype, base.typtypmod) || COALESCE((\
     SELECT ' COLLATE ' || pg_catalog.quote_ident(o.collname) FROM pg_catalog.pg_collation o \
     WHERE o.oid = t.typcollation AND o.oid <> last.typcollation), '')) FILTER (WHERE last.typtype <> 'd'), pg_catalog.pg_get_expr(t.typdefaultbin, 0), \
     (SELECT string_agg(k.conname, chr(10)) FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid) \
     FROM base JOIN pg_catalog.pg_type t ON t.oid = base.domain \
     JOIN pg_catalog.pg_type last ON last.oid = base.typbasetype \
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') GROUP BY t.oid, n.nspname, t.typname, t.typdefaultbin";

/// Whether none of the functions of a name is volatile, whether all are, and whether none could be kept in an index.
pub(super) const FUNCTIONS: &str = "SELECT p.proname, bool_and(p.provolatile <> 'v' AND p.prokind = 'f'), \
     bool_and(p.provolatile = 'v'), bool_and(p.provolatile <> 'i' AND l.lanname <> 'sql') FROM pg_catalog.pg_proc p \
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
     WHERE p.proname IN ($names) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
     GROUP BY p.proname";

/// What the functions and procedures take and return that have no other arguments than those that go in.
pub(super) const ROUTINES: &str = "SELECT n.nspname, p.proname, COALESCE(pg_catalog.pg_get_function_result(p.oid), ''), \
     COALESCE((SELECT string_agg(pg_catalog.format_type(a.type, NULL), chr(10) ORDER BY a.place) \
     FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)), ''), \
     COALESCE(array_to_string(p.proargnames, chr(10), ''), ''), p.pronargdefaults FROM pg_catalog.pg_proc p \
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE p.proname IN ($names) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND p.proargmodes IS NULL AND p.prokind IN ('f', 'p')";

/// A cast that did not come with the server.
pub(super) const OWN_CASTS: &str = "SELECT 1 FROM pg_catalog.pg_cast WHERE oid >= 16384 LIMIT 1";

/// The enums that are named, and those of the columns of tables that are.
pub(super) const ENUMS: &str = "SELECT n.nspname, t.typname, e.enumlabel FROM pg_catalog.pg_enum e \
     JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
     WHERE t.typname IN ($names) OR t.oid IN (SELECT COALESCE(NULLIF(b.typelem, 0), b.oid) \
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
     JOIN pg_catalog.pg_type b ON b.oid = a.atttypid WHERE c.relname IN ($names))";

pub(super) const EXTENSIONS: &str = "SELECT extname FROM pg_catalog.pg_extension";

/// What there is by the names, of the classes that a statement can make or drop: its table or what it takes, its name, its
/// schema, and what it goes with.
pub(super) const NAMED: &str = "WITH named AS (SELECT c.oid, c.relname, n.nspname FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) \
     SELECT 'RELATION', '', c.relname, n.nspname, COALESCE(CASE c.relkind WHEN 'c' THEN '()' END, \
     (SELECT t.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = c.oid), \
     (SELECT max(t.relname::text) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class t ON t.oid = h.inhparent \
     WHERE h.inhrelid = c.oid), \
     (SELECT max(t.relname::text) FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class t ON t.oid = d.refobjid \
     WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid \
     AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')), '') \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname IN ($names) $within \
     UNION ALL SELECT 'TYPE', '', t.typname, n.nspname, CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_type e \
     WHERE e.typarray = t.oid) THEN '[]' ELSE '' END FROM pg_catalog.pg_type t \
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typname IN ($names) $within \
     UNION ALL SELECT DISTINCT 'FUNCTION', '', p.proname, n.nspname, '' FROM pg_catalog.pg_proc p \
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.proname IN ($names) $within \
     UNION ALL SELECT 'ROUTINE', COALESCE((SELECT string_agg(pg_catalog.format_type(a.type, NULL), ',' ORDER BY a.place) \
     FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)), ''), p.proname, n.nspname, \
     '(' || p.prokind::text || ')' FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE p.proname IN ($names) AND n.nspname <> 'pg_catalog' \
     UNION ALL SELECT 'TRIGGER', c.relname, t.tgname, c.nspname, '' FROM pg_catalog.pg_trigger t \
     JOIN named c ON c.oid = t.tgrelid WHERE t.tgname IN ($names) \
     UNION ALL SELECT 'RULE', c.relname, r.rulename, c.nspname, '' FROM pg_catalog.pg_rewrite r \
     JOIN named c ON c.oid = r.ev_class WHERE r.rulename IN ($names) \
     UNION ALL SELECT 'POLICY', c.relname, p.polname, c.nspname, '' FROM pg_catalog.pg_policy p \
     JOIN named c ON c.oid = p.polrelid WHERE p.polname IN ($names) \
     UNION ALL SELECT 'EXTENSION', '', extname, '', '' FROM pg_catalog.pg_extension WHERE extname IN ($names) \
     UNION ALL SELECT 'SCHEMA', '', nspname, '', '' FROM pg_catalog.pg_namespace WHERE nspname IN ($names) \
     UNION ALL SELECT 'PUBLICATION', '', pubname, '', '' FROM pg_catalog.pg_publication WHERE pubname IN ($names) \
     UNION ALL SELECT 'EVENT_TRIGGER', '', evtname, '', '' FROM pg_catalog.pg_event_trigger WHERE evtname IN ($names) \
     UNION ALL SELECT 'ROLE', '', rolname, '', '' FROM pg_catalog.pg_roles WHERE rolname IN ($names) \
     UNION ALL SELECT 'SERVER', '', srvname, '', '' FROM pg_catalog.pg_foreign_server WHERE srvname IN ($names) \
     UNION ALL SELECT 'LANGUAGE', '', lanname, '', '' FROM pg_catalog.pg_language WHERE lanname IN ($names) \
     UNION ALL SELECT 'COLLATION', '', o.collname, n.nspname, '' FROM pg_catalog.pg_collation o \
     JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace WHERE o.collname IN ($names) \
     UNION ALL SELECT 'STATISTICS', '', s.stxname, n.nspname, '' FROM pg_catalog.pg_statistic_ext s \
     JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxname IN ($names) \
     UNION ALL SELECT 'TABLESPACE', '', spcname, '', '' FROM pg_catalog.pg_tablespace WHERE spcname IN ($names) \
     UNION ALL SELECT 'ACCESS_METHOD', '', amname, '', '' FROM pg_catalog.pg_am WHERE amname IN ($names) \
     UNION ALL SELECT DISTINCT 'OPERATOR_CLASS', '', o.opcname, n.nspname, '' FROM pg_catalog.pg_opclass o \
     JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace WHERE o.opcname IN ($names) \
     UNION ALL SELECT 'TEXT_SEARCH_CONFIG', '', f.cfgname, n.nspname, '' FROM pg_catalog.pg_ts_config f \
     JOIN pg_catalog.pg_namespace n ON n.oid = f.cfgnamespace WHERE f.cfgname IN ($names) \
     UNION ALL SELECT 'OPERATOR', '', format('%s %s %s', pg_catalog.format_type(o.oprleft, NULL), o.oprname, \
     pg_catalog.format_type(o.oprright, NULL)), n.nspname, '' FROM pg_catalog.pg_operator o \
     JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
     WHERE 'operator' IN ($names) AND n.nspname <> 'pg_catalog' AND o.oprcode <> 0 \
     UNION ALL SELECT 'CAST', '', pg_catalog.format_type(castsource, NULL) || ' to ' || \
     pg_catalog.format_type(casttarget, NULL), '', '' FROM pg_catalog.pg_cast WHERE 'cast' IN ($names) \
     UNION ALL SELECT 'OFFERED', '', name, '', '' FROM pg_catalog.pg_available_extensions \
     WHERE 'extension' IN ($names) AND (name IN ($names) OR name = 'plpgsql')";

/// What needs something by one of the names, and would go with it by CASCADE alone: what is needed, what needs it and how, the
/// table that this goes with, the columns with which it goes, and those that a foreign key refers to.
pub(super) const NEEDS: &str = "WITH needed AS (\
     SELECT 'pg_catalog.pg_class'::regclass AS class, c.oid, 'RELATION' AS kind, n.nspname, c.relname::text AS name \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relname IN ($names) AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
     UNION ALL SELECT 'pg_catalog.pg_type'::regclass, x.oid, 'TYPE', n.nspname, t.typname FROM pg_catalog.pg_type t \
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) x (oid) \
     WHERE t.typname IN ($names) AND t.typelem = 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
     UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'ROUTINE', n.nspname, p.proname || '(' || \
     COALESCE((SELECT string_agg(pg_catalog.format_type(a.type, NULL), ',' ORDER BY a.place) \
     FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, place)), '') || ')' \
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE p.proname IN ($names) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
     UNION ALL SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, 'RELATION', n.nspname, k.conname \
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace \
     WHERE k.conname IN ($names) AND k.contype IN ('p', 'u', 'x')), \
     hanging AS (SELECT DISTINCT s.kind, s.nspname, s.name, s.class, s.oid, d.classid, d.objid, d.objsubid FROM needed s \
     JOIN pg_catalog.pg_depend d ON d.refclassid = s.class AND d.refobjid = s.oid AND d.deptype = 'n'), \
     relation AS (SELECT c.oid, c.relkind, c.relname, n.nspname, c.reltype, COALESCE(\
     (SELECT t.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = c.oid), \
     (SELECT max(t.relname::text) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class t ON t.oid = h.inhparent \
     WHERE h.inhrelid = c.oid AND c.relispartition), '') AS goes_with \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace), \
     found AS (SELECT h.kind, h.nspname, h.name, u.oid AS user, CASE u.relkind WHEN 'v' THEN 'view' \
     WHEN 'm' THEN 'materialized view' ELSE 'rule' END AS how, CASE WHEN u.relkind IN ('v', 'm') THEN '' ELSE r.rulename END AS part, \
     NULL::smallint[] AS columns, NULL::smallint[] AS parts FROM hanging h JOIN pg_catalog.pg_rewrite r ON r.oid = h.objid \
     JOIN relation u ON u.oid = r.ev_class WHERE h.classid = 'pg_catalog.pg_rewrite'::regclass AND u.oid <> h.oid \
     UNION SELECT h.kind, h.nspname, h.name, k.conrelid, CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, \
     k.conname, k.conkey, CASE WHEN k.confrelid = h.oid THEN k.confkey END FROM hanging h \
     JOIN pg_catalog.pg_constraint k ON k.oid = h.objid AND k.conrelid <> 0 AND k.conparentid = 0 \
     WHERE h.classid = 'pg_catalog.pg_constraint'::regclass \
     UNION SELECT h.kind, h.nspname, h.name, t.tgrelid, 'trigger', t.tgname, NULL, NULL FROM hanging h \
     JOIN pg_catalog.pg_trigger t ON t.oid = h.objid AND NOT t.tgisinternal AND t.tgparentid = 0 \
     WHERE h.classid = 'pg_catalog.pg_trigger'::regclass AND t.tgrelid <> h.oid \
     UNION SELECT h.kind, h.nspname, h.name, p.polrelid, 'policy', p.polname, NULL, NULL FROM hanging h \
     JOIN pg_catalog.pg_policy p ON p.oid = h.objid \
     WHERE h.classid = 'pg_catalog.pg_policy'::regclass AND p.polrelid <> h.oid \
     UNION SELECT h.kind, h.nspname, h.name, f.adrelid, CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated column' END, \
     a.attname, ARRAY[a.attnum], NULL FROM hanging h JOIN pg_catalog.pg_attrdef f ON f.oid = h.objid \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum \
     WHERE h.classid = 'pg_catalog.pg_attrdef'::regclass AND f.adrelid <> h.oid \
     UNION SELECT h.kind, h.nspname, h.name, u.oid, CASE WHEN h.objsubid <> 0 THEN 'column' WHEN u.relkind IN ('i', 'I') THEN 'index' \
     WHEN h.kind = 'TYPE' THEN 'typed table' ELSE 'table' END, COALESCE(a.attname, ''), ARRAY[a.attnum], NULL FROM hanging h \
     JOIN relation u ON u.oid = h.objid AND u.relkind IN ('r', 'p', 'f', 'i', 'I') AND u.oid <> h.oid \
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = u.oid AND a.attnum = h.objsubid AND a.attnum > 0 \
     WHERE h.classid = 'pg_catalog.pg_class'::regclass AND (h.objsubid = 0 OR NOT a.attisdropped) \
     UNION SELECT 'RELATION', s.nspname, s.name, d.refobjid, 'identity column', a.attname, ARRAY[a.attnum], NULL FROM needed s \
     JOIN pg_catalog.pg_depend d ON d.classid = s.class AND d.objid = s.oid AND d.deptype = 'i' \
     AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
     WHERE s.class = 'pg_catalog.pg_class'::regclass) \
     SELECT f.kind, f.nspname, f.name, 'RELATION', u.nspname, u.relname, f.how, f.part, u.goes_with, \
     COALESCE((SELECT string_agg(a.attname, chr(31)) FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = u.oid AND a.attnum = ANY (f.columns)), ''), \
     COALESCE((SELECT string_agg(a.attname, chr(31)) FROM pg_catalog.pg_attribute a \
     JOIN pg_catalog.pg_constraint k ON k.confrelid = a.attrelid AND k.conrelid = u.oid AND k.conname = f.part AND f.how = 'foreign key' \
     WHERE a.attnum = ANY (f.parts)), '') FROM found f JOIN relation u ON u.oid = f.user \
     UNION ALL SELECT h.kind, h.nspname, h.name, 'FUNCTION', n.nspname, p.proname, 'function', '', '', '', '' FROM hanging h \
     JOIN pg_catalog.pg_proc p ON p.oid = h.objid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE h.classid = 'pg_catalog.pg_proc'::regclass \
     UNION ALL SELECT h.kind, h.nspname, h.name, 'TYPE', n.nspname, t.typname, 'type', '', '', '', '' FROM hanging h \
     JOIN pg_catalog.pg_type t ON t.oid = CASE h.classid WHEN 'pg_catalog.pg_type'::regclass THEN h.objid \
     WHEN 'pg_catalog.pg_constraint'::regclass THEN (SELECT k.contypid FROM pg_catalog.pg_constraint k WHERE k.oid = h.objid) \
     ELSE (SELECT c.reltype FROM pg_catalog.pg_class c WHERE c.oid = h.objid AND c.relkind = 'c') END \
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typelem = 0 AND h.classid IN ('pg_catalog.pg_type'::regclass, \
     'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_class'::regclass)";
