//! The judge: walks the statements of a file past the rules, and collects what they say.

use std::ops::Range;
use std::path::Path;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::plpgsql::Plpgsql;
use squawk_syntax::{Parse, SourceFile, SyntaxNode};

use super::super::lexer::{Token, TokenKind};
use super::super::source::Source;
use super::super::{Catalogue, Finding, LintOptions, RelationName, Rule};
use super::publications::Published;
use super::session::Session;
use super::{
    access, base, children, columns, constraints, data, drops, dynamic, existence, generated, grammar, hygiene, idle,
    immutable, indexes, inserted, literals, locks, merging, methods, partitions, publications, recast, refused,
    renames, retyped, rewrites, routines, settings, tables, transactions, tree, triggers, types, versions, views,
};

/// ALTER TABLE, with the table that it alters.
pub(super) struct Alter {
    pub(super) table: RelationName,
    /// Whether it says ONLY: not the partitions.
    pub(super) only: bool,
    pub(super) actions: Vec<SyntaxNode>,
}

/// Where the tree that is being judged lies in the file.
enum Place {
    /// The tree is the file's.
    File,
    /// The tree is the body of a DO block.
    Body(Box<Plpgsql>),
    /// The tree is of text that is put together: everything in it is this part of the file.
    Whole(Range<usize>),
}

/// Findings about a foreign key wait for the end of all files: its index may come later.
pub(super) struct Late {
    pub(super) file: usize,
    pub(super) table: RelationName,
    pub(super) columns: Vec<String>,
    pub(super) range: Range<usize>,
    pub(super) statement: Range<usize>,
}

pub(super) struct Judge<'a> {
    pub(super) options: &'a LintOptions,
    pub(super) session: Session<'a>,
    pub(super) late: Vec<Late>,
    /// What the current file has published so far.
    pub(super) published: Vec<Published>,
    source: &'a Source<'a>,
    place: Place,
    statement: Range<usize>,
    findings: Vec<Finding>,
    /// What squawk's rules found in the statements that are still to come.
    base: Vec<base::Violation>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(options: &'a LintOptions, catalogue: Option<&'a Catalogue>, source: &'a Source<'a>) -> Self {
        Self {
            options,
            session: Session::new(catalogue, &options.schema, options.timeouts_set),
            late: Vec::new(),
            published: Vec::new(),
            source,
            place: Place::File,
            statement: 0..0,
            findings: Vec::new(),
            base: Vec::new(),
        }
    }

    /// Judges a file and gives its findings.
    pub(super) fn file(
        &mut self,
        index: usize,
        applied: bool,
        source: &'a Source<'a>,
        parsed: &Parse<SourceFile>,
        base: Vec<base::Violation>,
    ) -> Vec<Finding> {
        let wrapped = self.options.wrapped && !source.no_transaction;
        self.session.begin_file(index, applied, wrapped);
        self.source = source;
        self.base = base;
        self.place = Place::File;
        let statements: Vec<SyntaxNode> =
            parsed.syntax_node().children().filter(|node| node.kind() != K::ERROR).collect();
        // What cannot be read, and what psql reads, may do anything.
        let is_psql = |token: &Token| token.kind == TokenKind::Symbol && token.text(source.text) == "\\";
        let is_unread = !parsed.errors().is_empty() || source.tokens.iter().any(is_psql);
        if is_unread {
            self.session.inventory.mute();
        }
        for statement in &statements {
            self.statement = self.range(statement);
            base::check(self, statement);
            self.judge_statement(statement);
        }
        transactions::end_of_file(self, statements.last());
        publications::end_of_file(self);
        std::mem::take(&mut self.findings)
    }

    /// squawk's violations within the current statement.
    pub(super) fn base_of_statement(&mut self) -> Vec<base::Violation> {
        let end = self.statement.end;
        let split = self.base.iter().position(|violation| violation.range.start >= end).unwrap_or(self.base.len());
        self.base.drain(..split).collect()
    }

    /// Judges one statement of the file, or one inside of another.
    pub(super) fn judge_statement(&mut self, node: &SyntaxNode) {
        let before = self.session.held.len();
        transactions::check(self, node);
        settings::check(self, node);
        grammar::check(self, node);
        existence::statement(self, node);
        if idle::statement(self, node) {
            return;
        }
        if let Some(alter) = self.alter(node) {
            let actions: Vec<&SyntaxNode> =
                alter.actions.iter().filter(|action| !idle::action(self, &alter, action)).collect();
            for action in actions {
                refused::action(self, &alter, action);
                inserted::action(self, &alter, action);
                literals::action(self, &alter, action);
                methods::action(self, &alter, action);
                immutable::action(self, &alter, action);
                generated::action(self, &alter, action);
                children::action(self, &alter, action);
                merging::action(self, &alter, action);
                constraints::action(self, &alter, action);
                columns::action(self, &alter, action);
                recast::action(self, &alter, action);
                retyped::action(self, &alter, action);
                drops::action(self, &alter, action);
                renames::action(self, &alter, action);
                rewrites::action(self, &alter, action);
                partitions::action(self, &alter, action);
                triggers::action(self, &alter, action);
                access::action(self, &alter, action);
                publications::action(self, &alter, action);
                tables::apply_action(self, &alter, action);
            }
        }
        indexes::check(self, node);
        refused::check(self, node);
        literals::check(self, node);
        methods::check(self, node);
        immutable::check(self, node);
        generated::check(self, node);
        children::check(self, node);
        merging::check(self, node);
        constraints::check(self, node);
        types::check(self, node);
        drops::check(self, node);
        views::check(self, node);
        routines::check(self, node);
        recast::check(self, node);
        renames::check(self, node);
        rewrites::check(self, node);
        partitions::check(self, node);
        triggers::check(self, node);
        access::check(self, node);
        publications::check(self, node);
        dynamic::check(self, node);
        versions::check(self, node);
        hygiene::check(self, node);
        let rows = data::check(self, node);
        locks::check(self, node, rows, before);
        tables::apply(self, node);
        refused::made(self, node);
        if !self.session.in_transaction() {
            self.session.end_transaction(true);
        }
    }

    /// The table and actions of an ALTER TABLE.
    pub(super) fn alter(&self, node: &SyntaxNode) -> Option<Alter> {
        if !matches!(node.kind(), K::ALTER_TABLE | K::ALTER_FOREIGN_TABLE | K::ALTER_MATERIALIZED_VIEW) {
            return None;
        }
        const NAMES: [K; 4] = [K::TABLE_RELATION_NAME, K::RELATION_NAME, K::VIEW_REF, K::TABLE_NAME_REF];
        let table = node.children().find(|child| NAMES.contains(&child.kind()) || child.kind() == K::RELATION_NAME_REF);
        let only = table.as_ref().is_some_and(|table| tree::has_token(table, K::ONLY_KW));
        let table = self.session.relation(&table?)?;
        let passed = |child: &SyntaxNode| NAMES.contains(&child.kind()) || child.kind() == K::IF_EXISTS;
        Some(Alter { table, only, actions: node.children().filter(|child| !passed(child)).collect() })
    }

    /// Judges statements that lie in the body of a DO block.
    pub(super) fn judge_body(&mut self, body: Plpgsql, statements: &[SyntaxNode]) {
        let place = match self.place {
            Place::File => Place::Body(Box::new(body)),
            _ => Place::Whole(self.statement.clone()),
        };
        self.session.blocks += 1;
        self.judge_at(place, statements);
        self.session.blocks -= 1;
    }

    /// Judges statements in text that is all of one part of the file.
    pub(super) fn judge_text(&mut self, text: &str, part: &SyntaxNode) {
        let range = self.range(part);
        if let Some((parsed, _)) = super::parse(text, self.options) {
            let statements: Vec<SyntaxNode> = parsed.syntax_node().children().collect();
            self.judge_at(Place::Whole(range), &statements);
        }
    }

    /// Judges statements that run as part of the current one.
    pub(super) fn judge_inside(&mut self, statements: &[SyntaxNode]) {
        self.session.bodies += 1;
        for statement in statements {
            self.judge_statement(statement);
        }
        self.session.bodies -= 1;
    }

    fn judge_at(&mut self, place: Place, statements: &[SyntaxNode]) {
        const DEEPEST: usize = 8;
        if self.session.bodies >= DEEPEST {
            return;
        }
        let outer = std::mem::replace(&mut self.place, place);
        self.judge_inside(statements);
        self.place = outer;
    }

    /// The bytes of a node in the file.
    pub(super) fn range(&self, node: &SyntaxNode) -> Range<usize> {
        let range = match &self.place {
            Place::File => node.text_range(),
            Place::Body(body) => body.source_range(node.text_range()),
            Place::Whole(range) => return range.clone(),
        };
        usize::from(range.start())..usize::from(range.end())
    }

    /// The file, as the caller named it.
    pub(super) fn file_name(&self) -> &'a Path {
        self.source.file
    }

    /// The line of a node in the file.
    pub(super) fn line(&self, node: &SyntaxNode) -> usize {
        self.source.position(self.range(node).start).line
    }

    /// Reports what a rule found in a node of the current statement. What the caller knows better than the rule it changes in
    /// the finding that it gets.
    pub(super) fn report(&mut self, rule: &'static Rule, node: &SyntaxNode, message: String) -> &mut Finding {
        let range = self.range(node);
        self.report_range(rule, range, message)
    }

    /// [`Self::report`] for bytes of the file.
    pub(super) fn report_range(&mut self, rule: &'static Rule, range: Range<usize>, message: String) -> &mut Finding {
        let statement = self.statement.clone();
        let at = self.findings.len();
        self.findings.push(self.source.finding(rule, range, statement, message));
        &mut self.findings[at]
    }

    /// Reports what is known about an earlier statement only now.
    pub(super) fn report_late(
        &mut self,
        rule: &'static Rule,
        range: Range<usize>,
        statement: Range<usize>,
        message: String,
    ) {
        self.findings.push(self.source.finding(rule, range, statement, message));
    }

    /// What has been said about the text from an offset on: the latest first.
    pub(super) fn findings_from(&self, start: usize) -> impl Iterator<Item = &Finding> {
        self.findings.iter().rev().take_while(move |finding| finding.range.start >= start)
    }

    /// The current statement of the file.
    pub(super) fn statement(&self) -> Range<usize> {
        self.statement.clone()
    }

    /// A name for a message.
    pub(super) fn shown(&self, name: Option<&RelationName>) -> String {
        name.map_or_else(|| "?".to_owned(), RelationName::to_string)
    }

    /// Whether the server is at least of a version.
    pub(super) fn version(&self, at_least: u32) -> bool {
        self.options.postgres_version >= at_least
    }

    /// The findings that had to wait for the last file, for each file.
    pub(super) fn finish(&mut self, sources: &[Source<'_>]) -> Vec<Vec<Finding>> {
        let mut found: Vec<Vec<Finding>> = sources.iter().map(|_| Vec::new()).collect();
        for late in std::mem::take(&mut self.late) {
            let indexed = self.session.indexes(&late.table).any(|index| {
                let leading: Vec<&String> = index.columns.iter().take(late.columns.len()).collect();
                leading.len() == late.columns.len() && late.columns.iter().all(|column| leading.contains(&column))
            });
            if let (false, Some(source), Some(findings)) = (indexed, sources.get(late.file), found.get_mut(late.file)) {
                let message = format!("no index on {} begins with {}", late.table, late.columns.join(", "));
                findings.push(source.finding(&constraints::FOREIGN_KEY_INDEX, late.range, late.statement, message));
            }
        }
        found
    }
}

/// The names of the columns in a list of columns.
pub(super) fn columns_of(node: &SyntaxNode) -> Vec<String> {
    tree::below(node, K::COLUMN_NAME_REF).map(|column| tree::name(&column)).collect()
}
