//! What a version of Postgres does not know yet.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{Cost, Rule, Severity};
use super::judge::Judge;
use super::{constraints, defaults, tree};

pub(in super::super) const RULES: &[&Rule] = &[&UNSUPPORTED];

static UNSUPPORTED: Rule = Rule {
    name: "unsupported-by-version",
    severity: Severity::Error,
    cost: Cost::Instant,
    summary: "Something that the chosen version of Postgres does not know",
    reason: "The statement fails.",
    help: "Write what the oldest server knows, or say --postgres-version if all are newer.",
    source: "https://www.postgresql.org/docs/release/",
};

pub(super) fn check(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let chosen = judge.options.postgres_version;
    let found: Vec<(SyntaxNode, u32, &str)> = node
        .descendants()
        .filter_map(|part| since(&part).map(|(version, what)| (part, version, what)))
        .filter(|(_, version, _)| *version > chosen)
        .collect();
    let called: Vec<(SyntaxNode, u32, String)> = tree::below(node, K::CALL_EXPR)
        .filter_map(|call| called_since(judge, &call).map(|(version, name)| (call, version, name)))
        .filter(|(_, version, _)| *version > chosen)
        .collect();
    for (call, version, name) in called {
        let is_sure = judge.session.is_catalogued() || call.children().any(|child| child.kind() == K::FIELD_EXPR);
        let finding = judge.report(&UNSUPPORTED, &call, format!("{name} needs Postgres {version}, not {chosen}"));
        if !is_sure {
            // The database may have one of its own.
            finding.severity = Severity::Warning;
        }
    }
    let excludes = |action: &SyntaxNode| {
        constraints::added(action).is_some_and(|constraint| constraint.kind() == K::EXCLUDE_CONSTRAINT)
    };
    let altered = judge.alter(node).filter(|alter| judge.session.is_partitioned(&alter.table));
    for action in altered.iter().flat_map(|alter| &alter.actions).filter(|action| chosen < 17 && excludes(action)) {
        judge.report(&UNSUPPORTED, action, format!("EXCLUDE of a partitioned table needs Postgres 17, not {chosen}"));
    }
    for (part, version, what) in found {
        judge.report(&UNSUPPORTED, &part, format!("{what} needs Postgres {version}, not {chosen}"));
    }
}

/// The version that brought a function that comes with Postgres, and how it is called: as the servers' `pg_proc` differ.
fn called_since(judge: &Judge<'_>, call: &SyntaxNode) -> Option<(u32, String)> {
    const SINCE: [(u32, &[&str]); 4] = [
        (15, &["regexp_count", "regexp_instr", "regexp_like", "regexp_substr"]),
        (
            16,
            &[
                "any_value",
                "array_sample",
                "array_shuffle",
                "date_add",
                "date_subtract",
                "erf",
                "erfc",
                "pg_input_error_info",
                "pg_input_is_valid",
                "random_normal",
            ],
        ),
        (
            17,
            &[
                "icu_unicode_version",
                "jsonb_populate_record_valid",
                "pg_basetype",
                "to_bin",
                "to_oct",
                "to_regtypemod",
                "unicode_assigned",
                "unicode_version",
                "uuid_extract_timestamp",
                "uuid_extract_version",
                "xmltext",
            ],
        ),
        (
            18,
            &[
                "array_reverse",
                "array_sort",
                "casefold",
                "crc32",
                "crc32c",
                "gamma",
                "lgamma",
                "pg_get_acl",
                "uuidv4",
                "uuidv7",
            ],
        ),
    ];
    let name = defaults::called(call)?;
    if !defaults::is_builtin(call) || judge.session.routine(&name).is_some() || judge.session.volatile.contains(&name) {
        return None;
    }
    let arguments = tree::child(call, K::ARG_LIST).map_or(0, |list| tree::below(&list, K::ARG).count());
    let version = SINCE.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(version, _)| *version);
    match version {
        Some(version) => Some((version, format!("{name}()"))),
        None if name == "random" && arguments == 2 => Some((17, "random() with bounds".to_owned())),
        None => None,
    }
}

/// The version that brought a piece of syntax, where it is later than 14.
fn since(node: &SyntaxNode) -> Option<(u32, &'static str)> {
    let parent = node.parent().map(|parent| parent.kind());
    let has = |kind| tree::has(node, kind);
    let token = |kind| tree::has_token(node, kind);
    Some(match node.kind() {
        K::MERGE if has(K::RETURNING_CLAUSE) => (17, "MERGE ... RETURNING"),
        K::MERGE => (15, "MERGE"),
        K::NULLS_NOT_DISTINCT => (15, "NULLS NOT DISTINCT"),
        K::SET_ACCESS_METHOD if token(K::DEFAULT_KW) => (17, "SET ACCESS METHOD DEFAULT"),
        K::SET_ACCESS_METHOD => (15, "SET ACCESS METHOD"),
        K::PUBLICATION_OBJECT_TABLES_IN_SCHEMA => (15, "TABLES IN SCHEMA"),
        K::PUBLICATION_OBJECT_TABLE if has(K::COLUMN_REF_LIST) => (15, "a list of published columns"),
        K::PUBLICATION_OBJECT_TABLE if has(K::WHERE_CONDITION_CLAUSE) => (15, "a condition of published rows"),
        K::SET_NULL_COLUMNS | K::SET_DEFAULT_COLUMNS if has(K::COLUMN_REF_LIST) => {
            (15, "a list of columns after ON DELETE SET")
        }
        K::CREATE_SEQUENCE if has(K::UNLOGGED) => (15, "an UNLOGGED sequence"),
        K::REFRESH_COLLATION_VERSION => (15, "ALTER DATABASE ... REFRESH COLLATION VERSION"),
        K::SKIP_SUBSCRIPTION => (15, "ALTER SUBSCRIPTION ... SKIP"),
        K::ATTRIBUTE_NAME if tree::words(node) == "security_invoker" => (15, "security_invoker"),
        K::IS_JSON | K::IS_JSON_OBJECT | K::IS_JSON_ARRAY | K::IS_JSON_SCALAR | K::IS_JSON_VALUE => (16, "IS JSON"),
        K::IS_NOT_JSON
        | K::IS_NOT_JSON_OBJECT
        | K::IS_NOT_JSON_ARRAY
        | K::IS_NOT_JSON_SCALAR
        | K::IS_NOT_JSON_VALUE => (16, "IS NOT JSON"),
        K::JSON_KEY_VALUE => (16, "JSON_OBJECT with keys"),
        K::JSON_ARRAY_FN | K::JSON_ARRAY_AGG_FN => (16, "JSON_ARRAY"),
        K::REINDEX_TARGET_DATABASE | K::REINDEX_TARGET_SYSTEM if node.children().next().is_none() => {
            (16, "REINDEX without the name of the database")
        }
        K::VACUUM_OPTION_NAME if tree::words(node) == "buffer_usage_limit" => (16, "BUFFER_USAGE_LIMIT"),
        K::COPY_OPTION if tree::words(node).starts_with("on_error") => (17, "COPY ... ON_ERROR"),
        K::INDENT => (16, "XMLSERIALIZE ... INDENT"),
        K::PAREN_FROM_ITEM if has(K::PAREN_SELECT) && !has(K::FROM_ALIAS) => (16, "a query in FROM without a name"),
        K::LITERAL if is_new_number(node) => (16, "a number that is hexadecimal, or has underscores,"),
        K::STORAGE if parent == Some(K::COLUMN) => (16, "STORAGE in CREATE TABLE"),
        K::STORAGE_MODE if token(K::DEFAULT_KW) => (16, "STORAGE DEFAULT"),
        K::CREATE_STATISTICS if !has(K::STATISTICS) => (16, "CREATE STATISTICS without a name"),
        K::GRANT_ROLE_OPTION if !tree::words(node).starts_with("admin") => (16, "GRANT ... WITH INHERIT or SET"),
        K::INHERIT_OPTION_FOR | K::SET_OPTION_FOR => (16, "REVOKE INHERIT or SET OPTION"),
        K::JSON_VALUE_FN | K::JSON_QUERY_FN | K::JSON_EXISTS_FN => (17, "JSON_VALUE, JSON_QUERY and JSON_EXISTS"),
        K::JSON_SCALAR_FN | K::JSON_SERIALIZE_FN => (17, "JSON_SCALAR and JSON_SERIALIZE"),
        K::JSON_TABLE => (17, "JSON_TABLE"),
        K::CREATE_COLLATION if is_of_provider(node) => (17, "the collation provider builtin"),
        K::EXCLUDE_CONSTRAINT if is_of_partitioned(node) => (17, "EXCLUDE of a partitioned table"),
        K::AT_LOCAL => (17, "AT LOCAL"),
        K::MERGE_WHEN_NOT_MATCHED_SOURCE => (17, "WHEN NOT MATCHED BY SOURCE"),
        K::REVOKE_COMMAND if tree::words(node) == "maintain" && !is_role(node) => (17, "the privilege MAINTAIN"),
        K::SET_STATISTICS if token(K::DEFAULT_KW) => (17, "SET STATISTICS DEFAULT"),
        K::SET_EXPRESSION => (17, "SET EXPRESSION"),
        K::NOT_ENFORCED | K::ENFORCED => (18, "[NOT] ENFORCED"),
        K::NOT_NULL_CONSTRAINT if has(K::COLUMN_NAME_REF) => (18, "NOT NULL as a constraint of the table"),
        K::NOT_NULL_CONSTRAINT if has(K::NO_INHERIT) => (18, "NOT NULL NO INHERIT"),
        K::ALTER_CONSTRAINT if has(K::INHERIT) || has(K::NO_INHERIT) => (18, "ALTER CONSTRAINT ... [NO] INHERIT"),
        K::WITHOUT_OVERLAPS | K::PERIOD_COLUMN => (18, "WITHOUT OVERLAPS and PERIOD"),
        K::RETURNING_OPTION_LIST => (18, "RETURNING WITH"),
        K::FIELD_EXPR if is_old_or_new(node) => (18, "OLD and NEW in RETURNING"),
        K::GENERATED_STORED if !has(K::STORED) => (18, "a VIRTUAL generated column"),
        K::PRIVILEGE_TARGET_LARGE_OBJECTS => (18, "default privileges of large objects"),
        K::TABLE_RELATION_NAME if parent == Some(K::TABLE_AND_COLUMNS) && token(K::ONLY_KW) => {
            (18, "VACUUM and ANALYZE of ONLY")
        }
        K::MERGE_PARTITIONS => (19, "MERGE PARTITIONS"),
        K::SPLIT_PARTITION => (19, "SPLIT PARTITION"),
        K::REPACK => (19, "REPACK"),
        K::CONFLICT_DO_SELECT => (19, "ON CONFLICT DO SELECT"),
        K::GROUP_BY_CLAUSE if !has(K::GROUP_BY_LIST) => (19, "GROUP BY ALL"),
        _ => return None,
    })
}

fn is_of_provider(collation: &SyntaxNode) -> bool {
    let words = tree::words(collation).replace([' ', '\''], "");
    words.contains("provider=builtin")
}

/// Whether a constraint is of a table that is created partitioned.
fn is_of_partitioned(constraint: &SyntaxNode) -> bool {
    let table = constraint.ancestors().find(|above| above.kind() == K::CREATE_TABLE);
    table.is_some_and(|table| tree::has(&table, K::PARTITION_BY))
}

fn is_new_number(literal: &SyntaxNode) -> bool {
    let words = tree::words(literal);
    let number = words.starts_with(|first: char| first.is_ascii_digit());
    number && (words.contains('_') || ["0x", "0o", "0b"].iter().any(|prefix| words.starts_with(prefix)))
}

/// Whether a privilege is in fact a role that is granted.
fn is_role(privilege: &SyntaxNode) -> bool {
    let statement = privilege.ancestors().find(|node| matches!(node.kind(), K::GRANT | K::REVOKE));
    statement.is_some_and(|statement| !tree::has(&statement, K::ON_PRIVILEGE_OBJECTS_CLAUSE))
}

fn is_old_or_new(field: &SyntaxNode) -> bool {
    let of = field.children().next().map(|of| tree::words(&of));
    let returned = field.ancestors().any(|node| node.kind() == K::RETURNING_CLAUSE);
    returned
        && of.is_some_and(|of| of == "old" || of == "new")
        && !field.ancestors().any(|node| node.kind() == K::RULE_DO)
}
