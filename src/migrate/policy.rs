//! What an environment allows: which pending migrations may be applied, and what has to be let pass by name.
//!
//! | | dev | staging | prod |
//! |---|---|---|---|
//! | open | applied | applied if no error finding | applied only if every one is safe |
//! | upgrade, error finding | shown | refused unless allowed by name | the same, and a yes |
//! | no down migration | shown | refused | refused |
//! | open, what a host program made is lost | refused | refused | refused |
//! | upgrade, what a host program made is lost | refused unless allowed by name | the same | the same, and a yes |
//! | what a host program made would go or break with a table of charter's own | refused | refused | refused |

use super::allowance::Allowance;
use super::audit::Allowed;
use super::connection::MigrationConnection;
#[cfg(feature = "lint")]
use super::live;
use super::manager::{Dependant, LEFT_ALONE, Planned, dependants_of};
#[cfg(feature = "lint")]
use super::progress::Begun;
#[cfg(feature = "lint")]
use super::script::Script;
use super::set::{Migration, MigrationSet};
use super::status::Status;
use crate::config::{DatabaseUrl, Environment};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "lint")]
use crate::safety::{Finding, Input, LintOptions, Rehearse, Severity, lint_rehearsing};
#[cfg(feature = "lint")]
use std::path::PathBuf;

/// Why migrations are to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A store is opened: nobody has asked for migrations.
    Open,
    /// Somebody asked for an upgrade.
    Upgrade,
}

/// The rules under which migrations are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy<'a> {
    /// The stricter one of the database's own and the client's.
    pub(crate) environment: Environment,
    pub(crate) occasion: Occasion,
    /// What is let pass; an open lets nothing pass.
    pub(crate) allowances: &'a [Allowance],
    /// Whether what is judged is run next, if it may.
    pub(crate) runs_next: bool,
}

/// What is to be applied of one set: all that is pending up to a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposal<'a> {
    pub(crate) set: &'a MigrationSet,
    pub(crate) status: &'a Status,
    pub(crate) target: Option<i64>,
}

impl Proposal<'_> {
    fn pending(&self) -> impl Iterator<Item = &Migration> {
        self.status.pending.iter().filter(|migration| Some(migration.number()) <= self.target)
    }
}

/// What the rules say of one migration that is to be applied.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judged {
    /// The name of its set.
    pub set: String,
    /// It.
    pub migration: Migration,
    /// Whether it can be taken back.
    pub has_down: bool,
    /// Whether it is as `charter db create` has written it, with nothing in it.
    pub is_unwritten: bool,
    /// What the safety rules find in what the engine would run.
    #[cfg(feature = "lint")]
    pub findings: Vec<Finding>,
    /// What hangs on the tables and views that it drops, and no migration of its set made. charter's own are not applied then;
    /// with those of a project it goes or breaks.
    pub dependants: Vec<Dependant>,
    /// The error findings among them that are let pass, each rule once.
    pub allowed: Vec<Allowed>,
    /// Why it may not be applied, a line for each reason.
    pub refused: Vec<String>,
}

impl Judged {
    /// Whether it is charter's own and would take along what is another program's, which nobody can let pass.
    fn takes_along(&self) -> bool {
        !self.dependants.is_empty() && self.set == MigrationSet::charter().name()
    }
}

/// What an environment says of migrations that are to be applied.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judgement {
    /// The environment.
    pub environment: Environment,
    /// Why they are to be applied.
    pub occasion: Occasion,
    /// Each migration, in the order in which they would be applied.
    pub migrations: Vec<Judged>,
    /// What was to be let pass and was not found.
    pub unused: Vec<Allowance>,
}

/// Judges migrations before any of them is applied; writes nothing. A Postgres server that is connected tells its version
/// and what its tables are like, an embedded file which indexes, triggers and views it has; without a connection, the text
/// alone decides.
///
/// # Errors
/// [`ErrorKind::NotFound`] and [`ErrorKind::Invalid`] when an allowance names no migration, or more than one; and what the
/// engine says. What the environment refuses is in the [`Judgement`]: see [`Judgement::check`].
pub(crate) fn judge(
    engine: Engine,
    mut connection: Option<&mut dyn MigrationConnection>,
    policy: &Policy<'_>,
    proposals: &[Proposal<'_>],
) -> Result<Judgement> {
    let allowances = resolve(policy.allowances, proposals)?;
    let is_all_new = proposals.iter().all(|proposal| proposal.status.current().is_none());
    let judged = |proposal: &Proposal<'_>, migration: &Migration| Judged {
        set: proposal.set.name().to_owned(),
        migration: migration.clone(),
        has_down: migration.down(engine).is_some(),
        is_unwritten: migration.up(engine).is_unwritten(),
        #[cfg(feature = "lint")]
        findings: Vec::new(),
        dependants: Vec::new(),
        allowed: Vec::new(),
        refused: Vec::new(),
    };
    let mut migrations: Vec<Judged> = Vec::new();
    for proposal in proposals {
        for migration in proposal.pending() {
            let mut judged = judged(proposal, migration);
            if let Some(connection) = connection.as_deref_mut().filter(|_| may_drop(migration, engine)) {
                judged.dependants = dependants_of(connection, &[Planned::up(proposal.set, migration, engine)])?;
            }
            migrations.push(judged);
        }
    }
    #[cfg(feature = "lint")]
    find(engine, connection, policy, proposals, &mut migrations)?;
    for judged in &mut migrations {
        #[cfg(feature = "lint")]
        if judged.findings.iter().any(|finding| finding.of_host) && !judged.takes_along() {
            // The rules have said it.
            judged.dependants.clear();
        }
        policy.decide(judged, &allowances, is_all_new);
    }
    // What was let pass when a migration was begun may have run by now.
    let is_begun = |allowance: &Resolved<'_>| {
        let mut of_it = proposals.iter().filter(|proposal| proposal.set.name() == allowance.set);
        of_it.any(|proposal| proposal.status.unfinished.as_ref().is_some_and(|begun| begun.number == allowance.number))
    };
    let is_used = |allowance: &Resolved<'_>| {
        let of_it = migrations.iter().filter(|judged| allowance.is_for(judged));
        of_it.flat_map(|judged| &judged.allowed).any(|allowed| allowed.rule == allowance.given.rule)
    };
    let unused = allowances
        .iter()
        .filter(|allowance| !is_used(allowance) && !is_begun(allowance))
        .map(|allowance| allowance.given.clone());
    let unused = unused.collect();
    Ok(Judgement { environment: policy.environment, occasion: policy.occasion, migrations, unused })
}

/// Whether a migration may drop something: what cannot is looked into no further.
fn may_drop(migration: &Migration, engine: Engine) -> bool {
    migration.up(engine).text().to_ascii_lowercase().contains("drop")
}

/// An allowance and the migration that it means.
struct Resolved<'a> {
    given: &'a Allowance,
    set: &'a str,
    number: i64,
}

impl Resolved<'_> {
    fn is_for(&self, judged: &Judged) -> bool {
        self.set == judged.set && self.number == judged.migration.number()
    }

    /// What the history says of it.
    #[cfg(feature = "lint")]
    fn allowed(&self) -> Allowed {
        Allowed { rule: self.given.rule.clone(), revision: self.number, reason: self.given.reason.clone() }
    }
}

/// Finds the migrations that allowances mean: in the set that is meant by default, which is the last one, before the others.
fn resolve<'a>(allowances: &'a [Allowance], proposals: &[Proposal<'a>]) -> Result<Vec<Resolved<'a>>> {
    let mut resolved = Vec::new();
    for given in allowances {
        let mut missing = None;
        for proposal in proposals.iter().rev() {
            match proposal.set.resolve(&given.revision, proposal.status.current()) {
                Ok(Some(number)) => {
                    resolved.push(Resolved { given, set: proposal.set.name(), number });
                    missing = None;
                    break;
                }
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => missing = missing.or(Some(error)),
                Err(error) => return Err(error.context(format!("--allow {given}"))),
            }
        }
        if let Some(error) = missing {
            return Err(error.context(format!("--allow {given}")));
        }
    }
    Ok(resolved)
}

/// Fills in the findings of migrations that are in the order of the proposals. Where a dev database is opened nobody is told,
/// and nothing is refused but what a host program would lose: nothing else is looked for, as opening is to be quick.
#[cfg(feature = "lint")]
fn find(
    engine: Engine,
    mut connection: Option<&mut dyn MigrationConnection>,
    policy: &Policy<'_>,
    proposals: &[Proposal<'_>],
    migrations: &mut [Judged],
) -> Result<()> {
    let is_quick = (policy.environment, policy.occasion) == (Environment::Dev, Occasion::Open);
    if is_quick && (engine == Engine::Postgres || connection.is_none()) {
        return Ok(());
    }
    let mut migrations = migrations.iter_mut();
    for proposal in proposals {
        let judged: Vec<&mut Judged> = migrations.by_ref().take(proposal.pending().count()).collect();
        if judged.is_empty() || is_quick && !judged.iter().any(|judged| may_drop(&judged.migration, engine)) {
            continue;
        }
        let applied = proposal.status.applied.iter().filter_map(|applied| proposal.set.migration(applied.number));
        let mut inputs: Vec<Input> = applied.map(|migration| input(migration.up(engine), Input::applied)).collect();
        let mut begun = None;
        if let (Some(connection), Some(unfinished)) = (connection.as_deref_mut(), &proposal.status.unfinished)
            && let Some(migration) = proposal.pending().find(|migration| migration.number() == unfinished.number)
        {
            begun = Begun::read(connection, proposal.set, unfinished, migration.up(engine))?;
        }
        // Of what was begun, the rest would run.
        inputs.extend(begun.iter().map(|begun| begun.done.clone()));
        let pending = inputs.len();
        inputs.extend(proposal.pending().map(|migration| match &begun {
            Some(begun) if begun.rest.file == migration.up(engine).file() => begun.rest.clone(),
            _ => input(migration.up(engine), Input::new),
        }));
        let mut options = LintOptions::for_set(engine, LintOptions::default().postgres_version, proposal.set.schema());
        // The sets before it are applied first.
        let made_before = || {
            let before = proposals.iter().take_while(|before| !std::ptr::eq(*before, proposal));
            before.filter(|before| before.pending().next().is_some()).map(|before| before.set.schema().to_owned())
        };
        let mut catalogue = None;
        match (engine, connection.as_deref_mut()) {
            (Engine::Postgres, Some(connection)) => {
                options.postgres_version = live::server_version(connection)?;
                let texts = inputs.iter().skip(pending).map(|input| input.text.as_str());
                let mut known = live::catalogue(connection, texts)?;
                // What one has made is there that was begun with another text.
                known.existing = known.existing.filter(|_| proposal.status.unfinished.is_none() || begun.is_some());
                if let Some(existing) = &mut known.existing {
                    existing.is_path_sure = true;
                    existing.unsure = made_before().collect();
                }
                catalogue = Some(known);
            }
            (_, Some(connection)) => {
                // Whether a table has rows is no matter where nothing but what a host program has is looked for.
                let texts = inputs.iter().skip(pending).filter(|_| !is_quick).map(|input| input.text.as_str());
                let mut known = live::embedded_catalogue(connection, texts)?;
                known.existing = known.existing.filter(|_| proposal.status.unfinished.is_none() || begun.is_some());
                if let Some(existing) = &mut known.existing {
                    existing.unsure = made_before().collect();
                }
                let is_next = !is_quick && begun.is_none() && made_before().next().is_none();
                if is_next && matches!(policy.rehearse(), Rehearse::All) {
                    known.at_rows = live::met_by_rows(connection, inputs.iter().skip(pending));
                }
                catalogue = Some(known);
            }
            (_, None) => {}
        }
        let findings = lint_rehearsing(&inputs, &options, catalogue.as_ref(), policy.rehearse());
        for (judged, input) in judged.into_iter().zip(inputs.iter().skip(pending)) {
            let is_told = |finding: &&Finding| {
                finding.file == input.file
                    && (finding.of_host || !is_quick)
                    && begun.as_ref().is_none_or(|begun| begun.is_told(finding))
            };
            judged.findings = findings.iter().filter(is_told).cloned().collect();
        }
    }
    Ok(())
}

/// A script as the safety rules read it.
#[cfg(feature = "lint")]
pub(crate) fn input(script: &Script, of: impl Fn(PathBuf, String) -> Input) -> Input {
    of(script.file().to_owned(), script.text().to_owned())
}

impl Policy<'_> {
    /// Which statements an embedded engine is asked about beforehand. In dev no finding keeps them from it, so that it says
    /// itself which it refuses.
    #[cfg(feature = "lint")]
    fn rehearse(&self) -> Rehearse {
        match self.environment {
            Environment::Dev if self.runs_next => Rehearse::Suspected,
            _ => Rehearse::All,
        }
    }

    /// Fills in what is let pass and what is refused.
    fn decide(&self, judged: &mut Judged, allowances: &[Resolved<'_>], is_all_new: bool) {
        let is_dev = self.environment == Environment::Dev;
        let allowed: Vec<&Resolved<'_>> = allowances.iter().filter(|allowance| allowance.is_for(judged)).collect();
        #[cfg(feature = "lint")]
        for finding in &judged.findings {
            let is_refused = match (self.environment, self.occasion) {
                _ if finding.of_host => true,
                (Environment::Dev, _) => false,
                (Environment::Prod, Occasion::Open) => finding.severity >= Severity::Warning,
                _ => finding.severity >= Severity::Error,
            };
            // In dev too the history keeps the reason: one command line serves all environments.
            let is_serious = is_refused || finding.severity >= Severity::Error;
            let allowance = allowed.iter().find(|allowance| allowance.given.rule == finding.rule.name);
            match allowance {
                Some(allowance) if is_serious && self.occasion == Occasion::Upgrade => {
                    if !judged.allowed.iter().any(|allowed| allowed.rule == finding.rule.name) {
                        judged.allowed.push(allowance.allowed());
                    }
                }
                _ if !is_refused => {}
                _ => judged.refused.push(format!(
                    "{}:{}: {}: {}",
                    finding.file.display(),
                    finding.start,
                    finding.rule.name,
                    finding.message
                )),
            }
        }
        if judged.takes_along() {
            let lost = judged.dependants.iter().map(|lost| format!("it would lose or break {lost}"));
            judged.refused.extend(lost);
        }
        if is_dev {
            return;
        }
        #[cfg(not(feature = "lint"))]
        if !is_all_new {
            judged
                .refused
                .push("this build of charter has no safety rules (the feature `lint`) to judge it".to_owned());
        }
        let _ = (allowed, is_all_new);
        if judged.is_unwritten {
            judged.refused.push("nobody has written it yet".to_owned());
        }
        if !judged.has_down {
            judged.refused.push("there is no down migration".to_owned());
        }
    }
}

impl Judgement {
    /// What was let pass in the migrations of a set, for its history.
    pub(crate) fn allowed(&self, set: &MigrationSet) -> Vec<Allowed> {
        let of_set = self.migrations.iter().filter(|judged| judged.set == set.name());
        of_set.flat_map(|judged| judged.allowed.iter().cloned()).collect()
    }

    /// Whether everything may be applied that was judged, if somebody says yes.
    pub fn is_allowed(&self) -> bool {
        self.migrations.iter().all(|judged| judged.refused.is_empty())
    }

    /// Whether somebody has to say yes: in prod, when something is let pass.
    pub fn needs_yes(&self) -> bool {
        self.environment == Environment::Prod && self.migrations.iter().any(|judged| !judged.allowed.is_empty())
    }

    /// Refuses what the environment does not allow; `yes` is whether somebody has said it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with every migration that is refused and why, and what can be done.
    pub fn check(&self, url: &DatabaseUrl, yes: bool) -> Result<()> {
        let (environment, refused) = (self.environment, |message: String, hint: String| {
            Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
        });
        let lines: String = self.lines().collect();
        match (self.is_allowed(), self.occasion) {
            (false, _) if self.migrations.iter().any(Judged::takes_along) => refused(
                format!("{url} would lose what is not charter's:{lines}"),
                LEFT_ALONE.to_owned(),
            ),
            (false, _) if self.is_refused_for_a_host() => refused(
                format!("{url} would lose what no migration made, such as a host program's index:{lines}"),
                format!(
                    "make it again in the migration, or let it go by name: `charter db upgrade {url} --allow RULE@REVISION --reason TEXT`"
                ),
            ),
            (false, Occasion::Open) => refused(
                format!("{url} lacks migrations, and {environment} does not apply them by itself:{lines}"),
                format!("look at them with `charter db pending {url}`, apply them with `charter db upgrade {url}`"),
            ),
            (false, Occasion::Upgrade) => refused(
                format!("{environment} refuses to apply these migrations to {url}:{lines}"),
                match cfg!(feature = "lint") {
                    true => {
                        "make them safe, or let a finding pass by name: --allow RULE@REVISION --reason TEXT; every migration \
                         needs a down migration"
                    }
                    false => "build the program with charter's feature `lint`, which has the rules",
                }
                .to_owned(),
            ),
            (true, _) if self.needs_yes() && !yes => {
                let allowed = self.migrations.iter().flat_map(|judged| {
                    judged.allowed.iter().map(|allowed| format!("\n  {}: {}", judged.migration, allowed.rule))
                });
                let allowed: String = allowed.collect();
                refused(
                    format!("{environment} wants a yes to what is let pass in {url}:{allowed}"),
                    "say --yes".to_owned(),
                )
            }
            (true, _) => Ok(()),
        }
    }

    /// Refuses what every environment does, so that what is another program's is kept.
    ///
    /// # Errors
    /// As [`Judgement::check`].
    pub(crate) fn check_hosts(&self, url: &DatabaseUrl) -> Result<()> {
        match self.is_refused_for_a_host() || self.migrations.iter().any(Judged::takes_along) {
            true => self.check(url, true),
            false => Ok(()),
        }
    }

    /// Whether something of a host program would be lost, and nobody has let it pass: what every environment refuses.
    fn is_refused_for_a_host(&self) -> bool {
        #[cfg(feature = "lint")]
        return self.migrations.iter().any(|judged| {
            let is_allowed = |finding: &Finding| judged.allowed.iter().any(|allowed| allowed.rule == finding.rule.name);
            judged.findings.iter().any(|finding| finding.of_host && !is_allowed(finding))
        });
        #[cfg(not(feature = "lint"))]
        false
    }

    /// A line for each migration: why it is refused, or that it is not.
    fn lines(&self) -> impl Iterator<Item = String> {
        self.migrations.iter().flat_map(|judged| {
            let name = &judged.migration;
            let refused = judged.refused.iter().map(move |why| format!("\n  {name}: {why}"));
            let fine = judged.refused.is_empty().then(|| format!("\n  {name}: could be applied"));
            refused.chain(fine)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::{AppliedMigration, Found};
    use super::*;

    fn refused(environment: Environment, occasion: Occasion, is_new: bool, files: &[(&str, &str)]) -> Vec<String> {
        let set = MigrationSet::from_files("shop", files.iter().copied()).expect("a set");
        let mut status = Status::judge(Found::default(), &set, Engine::Sqlite).expect("a status");
        if !is_new {
            let first = status.pending.remove(0);
            let (number, slug) = (first.number(), first.slug().to_owned());
            status.applied.push(AppliedMigration { number, slug, id: None, applied_at: String::new() });
        }
        let proposals = [Proposal { set: &set, status: &status, target: Some(set.head()) }];
        let policy = Policy { environment, occasion, allowances: &[], runs_next: false };
        let judgement = judge(Engine::Sqlite, None, &policy, &proposals).expect("a judgement");
        let url = DatabaseUrl::parse("sqlite:///shop.db").expect("a URL");
        assert_eq!(judgement.is_allowed(), judgement.check(&url, false).is_ok());
        judgement.migrations.into_iter().flat_map(|judged| judged.refused).collect()
    }

    const FILES: [(&str, &str); 4] = [
        ("V1__orders.sql", "CREATE TABLE orders (id BIGINT);"),
        ("V1__orders.down.sql", "DROP TABLE orders;"),
        ("V2__size.sql", "ALTER TABLE orders ADD COLUMN size BIGINT;"),
        ("V2__size.down.sql", "ALTER TABLE orders DROP COLUMN size;"),
    ];

    /// Without the rules nobody knows what is safe: only where nothing is yet, nothing can be hurt.
    #[test]
    fn a_build_without_the_rules_lets_pass_what_is_all_new() {
        let nothing: [&str; 0] = [];
        for environment in [Environment::Dev, Environment::Staging, Environment::Prod] {
            for occasion in [Occasion::Open, Occasion::Upgrade] {
                assert_eq!(refused(environment, occasion, true, &FILES), nothing);
                assert_eq!(
                    refused(environment, occasion, true, &FILES[..1]).is_empty(),
                    environment == Environment::Dev
                );
                let later = refused(environment, occasion, false, &FILES);
                let is_blind = cfg!(not(feature = "lint")) && environment != Environment::Dev;
                assert_eq!(!later.is_empty(), is_blind, "{later:?}");
            }
        }
    }
}
