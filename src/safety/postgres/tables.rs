//! What statements make of tables: how the session changes once a statement has been judged.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::super::{IndexShape, RelationName};
use super::judge::{Alter, Judge, columns_of};
use super::session::{Birth, Column, Filled, Given, Index, Session, TEMPORARY, Table};
use super::types::DataType;
use super::{
    constraints, data, defaults, dependants, existence, generated, objects, partitions, places, publications, recast,
    tree, types,
};

/// An action of ALTER TABLE.
pub(super) fn apply_action(judge: &mut Judge<'_>, alter: &Alter, action: &SyntaxNode) {
    let session = &mut judge.session;
    let table = &alter.table;
    let birth = session.birth();
    let column = tree::child_name(action, K::COLUMN_NAME_REF);
    if session.blocks > 0 {
        session.doubt(table, false);
    }
    match action.kind() {
        K::ADD_COLUMN => {
            session.doubt(table, true);
            if let Some(name) = tree::child_name(action, K::COLUMN_NAME) {
                let optional = tree::has(action, K::IF_NOT_EXISTS);
                let birth = Birth { certain: birth.certain && !optional, ..birth };
                let column = Column { birth: Some(birth), ..described(session, action) };
                let own = session.table_mut(table);
                let again = optional && own.columns.contains_key(&name);
                if !again {
                    if own.has_row && column.given == Given::Nothing {
                        own.nulls.insert(name.clone());
                    }
                    own.column_order.push(name.clone());
                    own.columns.insert(name.clone(), column);
                }
                inline_constraints(session, table, &name, action);
                dependants::generated(session.table_mut(table), &name, action);
            }
        }
        K::DROP_COLUMN => {
            if let Some(column) = column {
                session.doubt(table, true);
                let own = session.table_mut(table);
                own.columns.remove(&column);
                own.column_order.retain(|own| *own != column);
                dependants::column_dropped(session.table_mut(table), &column);
                session.table_mut(table).constraints.retain(|_, constraint| !constraint.is_about(&column));
                session.table_mut(table).indexes.retain(|_, index| {
                    !index.columns.contains(&column) && !index.shape.parts.iter().flatten().any(|part| *part == column)
                });
            }
        }
        K::RENAME_COLUMN => {
            if let (Some(old), Some(new)) = (column, tree::child_name(action, K::COLUMN_NAME)) {
                session.doubt(table, true);
                rename_column(session.table_mut(table), &old, &new);
            }
        }
        K::ALTER_COLUMN => {
            let Some(column) = column else { return };
            if tree::has(action, K::DROP_EXPRESSION) {
                dependants::expression_dropped(session.table_mut(table), &column);
            }
            let data_type = tree::child(action, K::SET_TYPE).and_then(|set| DataType::of(&set));
            if tree::has(action, K::SET_DEFAULT) || tree::has(action, K::ADD_GENERATED) {
                session.table_mut(table).defaulted.insert(column.clone());
            }
            let given = changed_given(action);
            let default = tree::child(action, K::SET_DEFAULT);
            let is_other = default.is_some() || data_type.is_some() || tree::has(action, K::DROP_DEFAULT);
            if tree::child(action, K::SET_TYPE).is_some_and(|set| tree::has(&set, K::USING_EXPR)) {
                session.table_mut(table).nulls.remove(&column);
            }
            let column = session.table_mut(table).columns.entry(column).or_default();
            column.given = given.unwrap_or(column.given);
            if is_other {
                let default = default.map(|default| recast::of_default(&default, column.data_type.as_ref()));
                column.default = default.unwrap_or_default();
            }
            if data_type.is_some() {
                column.data_type = data_type;
            } else if tree::has(action, K::SET_NOT_NULL) {
                column.not_null = true;
            } else if tree::has(action, K::DROP_NOT_NULL) {
                column.not_null = false;
            }
        }
        K::ADD_CONSTRAINT => {
            if let Some(constraint) = constraints::added(action) {
                add_constraint(session, table, &constraint, None);
            }
        }
        // A block may or may not come to it.
        K::VALIDATE_CONSTRAINT if session.bodies == 0 => {
            if let Some(name) = tree::path(action).pop()
                && let Some(mut constraint) = session.constraint(table, &name).cloned()
            {
                constraint.validated = true;
                if constraint.kind == K::NOT_NULL_CONSTRAINT {
                    for column in constraint.proves.clone() {
                        session.table_mut(table).columns.entry(column).or_default().not_null = true;
                    }
                }
                session.table_mut(table).constraints.insert(name, constraint);
            }
        }
        K::DROP_CONSTRAINT => {
            if let Some(name) = tree::path(action).pop() {
                session.table_mut(table).constraints.remove(&name);
                session.table_mut(table).indexes.remove(&name);
            }
        }
        K::RENAME_CONSTRAINT => {
            let new = tree::child_name(action, K::CONSTRAINT_NAME);
            if let (Some(old), Some(new)) = (tree::path(action).pop(), new) {
                let table = session.table_mut(table);
                if let Some(constraint) = table.constraints.remove(&old) {
                    table.constraints.insert(new.clone(), constraint);
                }
                if let Some(index) = table.indexes.remove(&old) {
                    table.indexes.insert(new, index);
                }
            }
        }
        K::TABLE_RENAME_TO => {
            if let Some(new) = tree::path(action).pop() {
                session.rename_table(table, RelationName { schema: table.schema.clone(), name: new });
            }
        }
        K::SET_SCHEMA => {
            if let Some(schema) = tree::child_name(action, K::SCHEMA_REF) {
                session.rename_table(table, RelationName { schema, name: table.name.clone() });
            }
        }
        K::ATTACH_PARTITION => {
            let partition = tree::child(action, K::TABLE_NAME_REF).and_then(|name| session.relation(&name));
            let parent = session.table_mut(table);
            (parent.partitioned, parent.has_children) = (true, true);
            parent.partitions.extend(partition.clone());
            if tree::has(action, K::PARTITION_DEFAULT) {
                parent.default_partition = partition.clone();
            }
            if let Some(partition) = partition {
                session.doubt(&partition, false);
                session.table_mut(&partition).is_partition = true;
                partitions::attached(session, table, &partition, action);
                places::taken(session, table, &partition, action);
            }
        }
        K::DETACH_PARTITION => {
            let partition = tree::child(action, K::TABLE_NAME_REF).and_then(|name| session.relation(&name));
            let parent = session.table_mut(table);
            parent.partitioned = true;
            if let Some(partition) = partition {
                parent.partitions.remove(&partition);
                parent.default_partition = parent.default_partition.take().filter(|default| *default != partition);
                // Whether others are left is not always known.
                parent.has_children &= !parent.partitions.is_empty();
                session.doubt(&partition, false);
                let detached = session.table_mut(&partition);
                detached.is_partition = false;
                detached.inherited.clear();
            }
        }
        K::REPLICA_IDENTITY => session.table_mut(table).replica_identity = publications::identity(action),
        K::INHERIT_TABLE | K::NO_INHERIT_TABLE => {
            let parent = tree::child(action, K::TABLE_NAME_REF).and_then(|name| session.relation(&name));
            if let Some(parent) = parent {
                // Whether others are left is not known.
                session.table_mut(&parent).has_children = action.kind() == K::INHERIT_TABLE;
                session.doubt(table, false);
                session.table_mut(table).inherited.clear();
            }
        }
        _ => {}
    }
}

fn rename_column(table: &mut Table, old: &str, new: &str) {
    if let Some(column) = table.columns.remove(old) {
        table.columns.insert(new.to_owned(), column);
    }
    dependants::column_renamed(table, old, new);
    for names in [&mut table.inherited, &mut table.defaulted, &mut table.nulls] {
        if names.remove(old) {
            names.insert(new.to_owned());
        }
    }
    table.column_order.iter_mut().filter(|column| *column == old).for_each(|column| new.clone_into(column));
    table.constraints.values_mut().for_each(|constraint| constraint.claim.rename(old, new));
    let proven = table.constraints.values_mut().flat_map(|constraint| constraint.proves.iter_mut());
    let indexed = table.indexes.values_mut();
    let indexed = indexed.flat_map(|index| index.columns.iter_mut().chain(index.shape.parts.iter_mut().flatten()));
    proven.chain(indexed).filter(|column| *column == old).for_each(|column| new.clone_into(column));
}

/// A statement as a whole.
pub(super) fn apply(judge: &mut Judge<'_>, node: &SyntaxNode) {
    let is_making = objects::is_making(&judge.session, node);
    objects::apply(judge, node, is_making);
    dependants::apply(judge, node);
    let queried = matches!(node.kind(), K::CREATE_TABLE_AS | K::SELECT_INTO | K::CREATE_MATERIALIZED_VIEW);
    let filled =
        if queried && !tree::has(node, K::WITH_NO_DATA) { data::filling(judge, node) } else { Filled::Nothing };
    let session = &mut judge.session;
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_TABLE_AS | K::CREATE_FOREIGN_TABLE | K::CREATE_MATERIALIZED_VIEW => {
            const NAMES: [K; 2] = [K::TABLE_NAME, K::VIEW];
            if let Some(name) = node.children().find(|child| NAMES.contains(&child.kind())) {
                create_table(session, node, &name, tree::has(node, K::TEMP), filled, is_making);
            }
        }
        K::SELECT_INTO => {
            if let Some(into) = tree::child(node, K::INTO_CLAUSE) {
                create_table(session, node, &into, tree::has(&into, K::TEMP), filled, true);
            }
        }
        K::CREATE_INDEX => create_index(session, node, is_making),
        K::DROP_INDEX => {
            for index in session.relations(node, K::INDEX_REF) {
                if let Some(table) = session.table_of_index(&index).cloned().filter(|_| session.blocks > 0) {
                    session.doubt(&table, false);
                }
                session.drop_index(&index);
            }
        }
        K::DROP_TABLE | K::DROP_VIEW | K::DROP_MATERIALIZED_VIEW => {
            let mut tables = session.relations(node, K::TABLE_NAME_REF);
            tables.extend(session.relations(node, K::VIEW_REF));
            tables.iter().for_each(|table| session.forget_table(table));
        }
        _ => {}
    }
}

fn create_table(
    session: &mut Session<'_>,
    node: &SyntaxNode,
    name: &SyntaxNode,
    temporary: bool,
    filled: Filled,
    is_making: bool,
) {
    let Some(mut name) = session.created(name) else { return };
    if temporary {
        name.schema = TEMPORARY.to_owned();
    }
    let optional = tree::has(node, K::IF_NOT_EXISTS);
    // Where the server has it already, the statement fails, or has been run: what the server says stays.
    if (optional && session.exists(&name)) || session.table(&name).is_some_and(Table::is_catalogued) {
        return;
    }
    let mut birth = session.birth();
    birth.certain &= is_making;
    let key = tree::child(node, K::PARTITION_BY).map(|by| {
        tree::below(&by, K::PARTITION_ITEM)
            .filter_map(|item| item.children().next())
            .filter_map(|item| tree::column(&item))
            .collect()
    });
    let parent = tree::child(node, K::PARTITION_OF).and_then(|of| session.relation(&of));
    if let Some(parent) = &parent {
        let parent = session.table_mut(parent);
        (parent.partitioned, parent.has_children) = (true, true);
        parent.partitions.insert(name.clone());
        if tree::has(node, K::PARTITION_DEFAULT) {
            parent.default_partition = Some(name.clone());
        }
    }
    let inherits = tree::child(node, K::INHERITS);
    let above = inherits.map(|list| session.relations(&list, K::TABLE_NAME_REF)).unwrap_or_default();
    above.iter().for_each(|parent| session.table_mut(parent).has_children = true);
    let takes_keys = parent.is_some() || tree::below(node, K::LIKE_CLAUSE).next().is_some();
    // What these files do unseen may have made another one of that name.
    let told = birth.certain
        && (!optional || session.inventory.is_whole(&name))
        && !takes_keys
        && above.is_empty()
        && tree::has(node, K::TABLE_ARG_LIST)
        && !tree::has(node, K::OF_TYPE)
        && node.kind() == K::CREATE_TABLE;
    let until_commit = tree::child(node, K::ON_COMMIT).is_some_and(|on| tree::has(&on, K::DROP));
    *session.table_mut(&name) = Table {
        birth: Some(birth),
        filled,
        partitioned: key.is_some(),
        partition_key: key,
        divided: places::divided(node),
        told,
        is_partition: parent.is_some(),
        takes_keys,
        until_commit,
        ..Table::default()
    };
    if let Some(parent) = &parent {
        places::taken(session, parent, &name, node);
    }
    let arguments = tree::child(node, K::TABLE_ARG_LIST);
    for argument in arguments.iter().flat_map(SyntaxNode::children) {
        if argument.kind() == K::COLUMN {
            let Some(column) = tree::child_name(&argument, K::COLUMN_NAME) else { continue };
            let described = described(session, &argument);
            let table = session.table_mut(&name);
            table.column_order.push(column.clone());
            table.columns.insert(column.clone(), described);
            inline_constraints(session, &name, &column, &argument);
            dependants::generated(session.table_mut(&name), &column, &argument);
        } else {
            add_constraint(session, &name, &argument, None);
        }
    }
}

/// What a column is that a node makes.
fn described(session: &Session<'_>, node: &SyntaxNode) -> Column {
    let data_type = DataType::of(node);
    let serial = data_type.as_ref().is_some_and(DataType::is_serial);
    let identity = tree::below(node, K::GENERATED_IDENTITY).next();
    // Who numbers rows leaves no NULL.
    let not_null = tree::has(node, K::NOT_NULL_CONSTRAINT)
        || tree::has(node, K::PRIMARY_KEY_CONSTRAINT)
        || identity.is_some()
        || serial;
    let default = tree::child(node, K::DEFAULT_CONSTRAINT);
    // A type that is not known may have a default.
    let plain = data_type.as_ref().is_some_and(|data_type| data_type.array || data_type.is_built_in())
        || types::type_node(node).is_some_and(|node| session.enum_of(&node).is_some());
    let types = default.as_ref().map(|default| recast::of_default(default, data_type.as_ref())).unwrap_or_default();
    let types = if serial { vec![DataType::parse("bigint")] } else { types };
    let given = match (identity, default) {
        (Some(identity), _) => identity_of(&identity),
        _ if tree::has(node, K::GENERATED_CONSTRAINT) => Given::Expression,
        _ if serial => Given::Default,
        (None, Some(default)) if defaults::is_null(&default) => Given::Nothing,
        (None, Some(_)) => Given::Default,
        (None, None) if plain => Given::Nothing,
        (None, None) => Given::Default,
    };
    Column { birth: None, data_type, not_null, is_virtual: generated::is_virtual(node), given, default: types }
}

fn identity_of(node: &SyntaxNode) -> Given {
    if tree::has(node, K::GENERATED_ALWAYS) { Given::Identity } else { Given::Sequence }
}

/// Where ALTER COLUMN lets the column's value come from, where it says so.
fn changed_given(action: &SyntaxNode) -> Option<Given> {
    let part = action.children().last()?;
    match part.kind() {
        K::SET_DEFAULT if defaults::is_null(&part) => Some(Given::Nothing),
        K::SET_DEFAULT => Some(Given::Default),
        K::DROP_DEFAULT | K::DROP_IDENTITY | K::DROP_EXPRESSION => Some(Given::Nothing),
        _ => tree::below(&part, K::ADD_GENERATED)
            .chain(tree::below(&part, K::SET_GENERATED))
            .last()
            .map(|set| identity_of(&set)),
    }
}

fn inline_constraints(session: &mut Session<'_>, table: &RelationName, column: &str, node: &SyntaxNode) {
    for constraint in node.children() {
        add_constraint(session, table, &constraint, Some(column));
    }
}

fn add_constraint(session: &mut Session<'_>, table: &RelationName, constraint: &SyntaxNode, column: Option<&str>) {
    let own = match column {
        Some(column) => vec![column.to_owned()],
        None => {
            let list = constraint.children().find(|child| {
                matches!(child.kind(), K::FOREIGN_KEY_COLUMN_LIST | K::INDEX_PARAMETERS | K::CONSTRAINT_COLUMN_REF_LIST)
            });
            list.map(|list| columns_of(&list)).unwrap_or_default()
        }
    };
    let columns = own.join("_");
    // What a key includes is in its name alone.
    let keyed = tree::below(constraint, K::CONSTRAINT_COLUMN_REF_LIST).next().map(|list| columns_of(&list));
    let own = keyed.filter(|_| column.is_none()).unwrap_or(own);
    // The name that the server gives it.
    let (ending, indexed) = match constraint.kind() {
        K::CHECK_CONSTRAINT => {
            let mut named: Vec<String> = tree::below(constraint, K::NAME_REF).map(|node| tree::name(&node)).collect();
            named.dedup();
            let one = if named.len() == 1 { format!("{}_check", named[0]) } else { "check".to_owned() };
            (one, false)
        }
        K::FOREIGN_KEY_CONSTRAINT | K::REFERENCES_CONSTRAINT => (format!("{columns}_fkey"), false),
        K::UNIQUE_CONSTRAINT => (format!("{columns}_key"), true),
        K::PRIMARY_KEY_CONSTRAINT => ("pkey".to_owned(), true),
        K::EXCLUDE_CONSTRAINT => (format!("{columns}_excl"), false),
        K::NOT_NULL_CONSTRAINT => {
            let column = tree::child_name(constraint, K::COLUMN_NAME_REF).unwrap_or(columns);
            (format!("{column}_not_null"), false)
        }
        _ => return,
    };
    if indexed {
        session.doubt(table, true);
    }
    let name = tree::constraint_name(constraint)
        .unwrap_or_else(|| free_name(session.table(table), format!("{}_{ending}", table.name)));
    let birth = session.birth();
    let using = tree::child(constraint, K::USING_INDEX_NAME).and_then(|index| session.relation(&index));
    let mut remembered = constraints::remembered(constraint, birth);
    if let (Some(column), K::REFERENCES_CONSTRAINT) = (column, constraint.kind()) {
        remembered.refers = constraints::refers(constraint, vec![column.to_owned()]);
    }
    let table = session.table_mut(table);
    if remembered.kind == K::NOT_NULL_CONSTRAINT && remembered.validated {
        for column in &remembered.proves {
            table.columns.entry(column.clone()).or_default().not_null = true;
        }
    }
    if indexed {
        let index = using.and_then(|index| table.indexes.remove(&index.name));
        let index = index.unwrap_or_else(|| Index {
            whole: !own.is_empty(),
            shape: shape_of_key(&own),
            columns: own,
            unique: true,
            birth: Some(birth),
            ..Index::default()
        });
        if constraint.kind() == K::PRIMARY_KEY_CONSTRAINT {
            for column in &index.columns {
                table.columns.entry(column.clone()).or_default().not_null = true;
            }
        }
        table.indexes.insert(name.clone(), index);
    }
    table.constraints.insert(name, remembered);
}

/// A name that no index and no constraint of a table has yet, as the server finds it.
fn free_name(table: Option<&Table>, name: String) -> String {
    let is_free =
        |name: &String| !table.is_some_and(|own| own.indexes.contains_key(name) || own.constraints.contains_key(name));
    let numbered = (1..).map(|number| format!("{name}{number}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

fn shape_of_key(columns: &[String]) -> IndexShape {
    IndexShape { parts: columns.iter().cloned().map(Some).collect(), unique: true, ..IndexShape::default() }
}

fn create_index(session: &mut Session<'_>, node: &SyntaxNode, is_making: bool) {
    let relation = tree::child(node, K::TABLE_RELATION_NAME).or_else(|| tree::child(node, K::RELATION_NAME));
    let Some((table, relation)) = relation.and_then(|node| Some((session.relation(&node)?, node))) else { return };
    let items: Vec<SyntaxNode> =
        tree::child(node, K::PARTITION_ITEM_LIST).iter().flat_map(SyntaxNode::children).collect();
    let part = |item: &SyntaxNode| {
        item.children().next().filter(|item| item.kind() == K::NAME_REF).map(|name| tree::name(&name))
    };
    let parts: Vec<Option<String>> = items.iter().map(part).collect();
    let columns: Vec<String> = parts.iter().cloned().map_while(|part| part).collect();
    // An index over some rows serves no foreign key.
    let partial = tree::has(node, K::WHERE_CLAUSE);
    let columns = if partial { Vec::new() } else { columns };
    if tree::has_token(node, K::UNIQUE_KW) {
        session.doubt(&table, true);
    }
    let name = tree::child(node, K::INDEX).and_then(|index| tree::path(&index).pop());
    let default = || free_name(session.table(&table), existence::name_of_index(&table.name, node));
    let name = name.unwrap_or_else(default);
    let mut birth = session.birth();
    birth.certain &= is_making;
    let table = session.table_mut(&table);
    table.partitioned |= tree::has_token(&relation, K::ONLY_KW);
    let index = Index {
        whole: !partial && !columns.is_empty() && columns.len() == items.len(),
        unique: tree::has_token(node, K::UNIQUE_KW),
        shape: IndexShape { parts, unique: tree::has_token(node, K::UNIQUE_KW), partial, ..IndexShape::default() },
        reordered: items.iter().any(|item| tree::has(item, K::SORT_DESC) || tree::has(item, K::NULLS_FIRST)),
        birth: Some(birth),
        columns,
    };
    if !index.whole {
        dependants::indexed(table, &name, node);
    }
    table.indexes.insert(name, index);
}
