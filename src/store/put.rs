//! Putting records into a store.

use super::Store;
use super::backend::{Appended, Batch, Fate, Obstacle, Selector};
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::record::{Body, Contract, ContractFile, Digest, Draft, Key, Kind, Record, Subject, Version, check_rules};
use indexmap::IndexSet;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How long a store goes on trying to be the one that makes the next edition, when others make editions too. Each try
/// that fails is another's success, so a number of tries would be a matter of luck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kinds that are merged into a complete schema.
const RULED: [Kind; 3] = [Kind::Schema, Kind::CoercionRules, Kind::ValidationRules];

/// What became of one record that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutRecord {
    /// Its key.
    pub key: Key,
    /// Its identity.
    pub digest: Digest,
    /// Whether it is new.
    pub fate: Fate,
}

impl Store {
    /// Puts the records of a contract file: all of them or none. Putting the same file again changes nothing.
    ///
    /// # Errors
    /// * [`ErrorKind::Conflict`]: a key is taken by other content; [`Error::conflicts`] has every such key.
    /// * [`ErrorKind::NotFound`]: the contract refers to something that is neither in the file nor in the store.
    /// * [`ErrorKind::Invalid`]: a rule is for a field that the schema does not have.
    ///
    /// # Examples
    /// ```
    /// use charter::record::{ContractFile, ContractOptions, Document, Format};
    ///
    /// let text = "schema: {type: object, properties: {isbn: {type: string}}}\ncoercion_rules: {isbn: coerce_to_string}";
    /// let file = ContractFile::from_document(&Document::parse(text, Format::Yaml)?, Some("book"), &ContractOptions::default())?;
    /// let store = charter::Store::open("memory:")?;
    /// store.put_contract(&file)?;
    /// let complete = store.get_complete_schema("book", None)?;
    /// assert_eq!(complete.at(&["properties", "isbn", "coercion"]).and_then(|value| value.as_str()), Some("coerce_to_string"));
    /// # Ok::<(), charter::Error>(())
    /// ```
    pub fn put_contract(&self, file: &ContractFile) -> Result<Vec<PutRecord>> {
        self.put_drafts(&file.drafts)
    }

    /// Puts drafts, from one file or many, in one transaction: all of them or none.
    ///
    /// # Errors
    /// As [`Store::put_contract`].
    pub fn put_drafts(&self, drafts: &[Draft]) -> Result<Vec<PutRecord>> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let planned = self.plan(drafts)?;
            let batch = Batch { records: planned.records, required: planned.required };
            match self.backend.append(&batch)? {
                Appended::Done(fates) => {
                    let appended = batch.records.iter().zip(fates).map(|(record, fate)| PutRecord {
                        key: record.key().clone(),
                        digest: *record.digest(),
                        fate,
                    });
                    return Ok(planned.unchanged.into_iter().chain(appended).collect());
                }
                Appended::Refused(obstacles) => {
                    let lost_the_race = |obstacle: &Obstacle| matches!(obstacle, Obstacle::Taken { key, .. } if matches!(key.version, Version::Edition(_)));
                    if !obstacles.iter().all(lost_the_race) {
                        return Err(refusal(&obstacles));
                    }
                }
            }
        }
        Err(Error::new(ErrorKind::Busy, "others keep making new editions of the same records").with_hint("try again"))
    }

    /// What [`Store::put_drafts`] would do with drafts now. Writes nothing.
    ///
    /// # Errors
    /// As [`Store::put_contract`].
    pub fn preview_drafts(&self, drafts: &[Draft]) -> Result<Vec<PutRecord>> {
        let Planned { records, required, unchanged } = self.plan(drafts)?;
        let keys = records.iter().map(|record| Selector::Key(record.key().clone()));
        let selectors: Vec<Selector> = keys.chain(required.iter().cloned()).collect();
        let mut stored = self.backend.read(&selectors)?.into_iter();
        let mut previewed = unchanged;
        let mut obstacles = Vec::new();
        for (record, stored) in records.iter().zip(stored.by_ref()) {
            let (key, digest) = (record.key().clone(), *record.digest());
            match stored.map(|stored| *stored.digest()) {
                None => previewed.push(PutRecord { key, digest, fate: Fate::Stored }),
                Some(stored) if stored == digest => previewed.push(PutRecord { key, digest, fate: Fate::Unchanged }),
                Some(stored) => obstacles.push(Obstacle::Taken { key, stored, offered: digest }),
            }
        }
        let missing = required.into_iter().zip(stored).filter(|(_, stored)| stored.is_none());
        obstacles.extend(missing.map(|(selector, _)| Obstacle::Missing(selector)));
        if obstacles.is_empty() { Ok(previewed) } else { Err(refusal(&obstacles)) }
    }

    /// What must be appended for drafts to be stored, as the store is now.
    fn plan(&self, drafts: &[Draft]) -> Result<Planned> {
        let mut planned = Planned::default();
        let mut latest = self.latest_editions(drafts)?;
        let mut batch: HashMap<Key, Digest> = HashMap::new();
        let mut conflicts = Vec::new();
        for draft in drafts {
            let subject = self.subject(draft);
            let record = match &draft.version {
                Some(version) => Record::new(subject.at(version.clone()), None, draft.body.clone())?,
                None => {
                    let current = latest.get(&subject);
                    if let Some(current) = current
                        && current.body().canonical()? == draft.body.canonical()?
                    {
                        let (key, digest) = (current.key().clone(), *current.digest());
                        if !batch.contains_key(&key) {
                            planned.unchanged.push(PutRecord { key, digest, fate: Fate::Unchanged });
                        }
                        continue;
                    }
                    let edition = match current.map(|current| &current.key().version) {
                        Some(Version::Edition(edition)) => edition + 1,
                        _ => 1,
                    };
                    let parent = current.map(|current| *current.digest());
                    let record =
                        Record::new(subject.clone().at(Version::Edition(edition)), parent, draft.body.clone())?;
                    latest.insert(subject, record.clone());
                    record
                }
            };
            match batch.get(record.key()) {
                None => {
                    batch.insert(record.key().clone(), *record.digest());
                    planned.records.push(record);
                }
                Some(first) if first == record.digest() => {}
                Some(first) => conflicts.push(conflict(record.key(), first, record.digest())),
            }
        }
        if !conflicts.is_empty() {
            let message = "what was given has one key with two contents";
            return Err(Error::new(ErrorKind::Conflict, message)
                .with_hint("give one of them another name or version")
                .with_conflicts(conflicts));
        }
        planned.required = self.required(&planned, &batch)?;
        match self.check_rules_fit(&planned.records) {
            Ok(()) => Ok(planned),
            // What can never be stored under its key needs not fit.
            Err(unfit) => Err(self.taken(&planned.records)?.unwrap_or(unfit)),
        }
    }

    /// The refusal of records whose keys are published with other content, if there are any.
    fn taken(&self, records: &[Record]) -> Result<Option<Error>> {
        let published = records.iter().filter(|record| !matches!(record.key().version, Version::Edition(_)));
        let published: Vec<&Record> = published.collect();
        let selectors: Vec<Selector> = published.iter().map(|record| Selector::Key(record.key().clone())).collect();
        let stored = self.backend.read(&selectors)?;
        let obstacles = published.iter().zip(stored).filter_map(|(record, stored)| {
            let (key, stored, offered) = (record.key().clone(), *stored?.digest(), *record.digest());
            (stored != offered).then_some(Obstacle::Taken { key, stored, offered })
        });
        let obstacles: Vec<Obstacle> = obstacles.collect();
        Ok((!obstacles.is_empty()).then(|| refusal(&obstacles)))
    }

    /// Checks that rules are for fields that exist, wherever schema and rules come together: in a contract, or under one
    /// name and version. What does not come with the batch is what is stored.
    fn check_rules_fit(&self, records: &[Record]) -> Result<()> {
        let mut joints: IndexSet<[Option<Key>; 3]> = IndexSet::new();
        for record in records {
            let key = record.key();
            let joint = match key.kind {
                Kind::Contract => {
                    let contract = Contract::try_from(record.clone())?;
                    let references = [contract.schema(), contract.coercion_rules(), contract.validation_rules()];
                    let mut kinds = RULED.into_iter();
                    references.map(|reference| {
                        let (kind, reference) = (kinds.next()?, reference?);
                        Some(reference.subject(kind).at(reference.version?))
                    })
                }
                Kind::Schema | Kind::CoercionRules | Kind::ValidationRules => {
                    RULED.map(|kind| Some(Key { kind, ..key.clone() }))
                }
                _ => continue,
            };
            if joint[0].is_some() {
                joints.insert(joint);
            }
        }
        if joints.is_empty() {
            return Ok(());
        }
        let given = records.iter().filter(|record| RULED.contains(&record.key().kind));
        let mut bodies: HashMap<&Key, &Body> = given.map(|record| (record.key(), record.body())).collect();
        let keys = joints.iter().flatten().flatten();
        let absent: HashSet<&Key> = keys.filter(|key| !bodies.contains_key(key)).collect();
        let selectors: Vec<Selector> = absent.into_iter().cloned().map(Selector::Key).collect();
        let stored = if selectors.is_empty() { Vec::new() } else { self.backend.read(&selectors)? };
        bodies.extend(stored.iter().flatten().map(|record| (record.key(), record.body())));
        for joint in &joints {
            let body = |key: &Option<Key>| key.as_ref().and_then(|key| bodies.get(key).copied());
            let [Some(schema), coercion, validation] = joint.each_ref().map(body) else { continue };
            if coercion.is_some() || validation.is_some() {
                let value = |body: Option<&Body>| body.map(|body| body.value().cloned()).transpose();
                let name = joint[0].as_ref().map(Key::to_string).unwrap_or_default();
                check_rules(schema.value()?, value(coercion)?.as_ref(), value(validation)?.as_ref())
                    .map_err(|error| error.context(format!("joining rules to {name}")))?;
            }
        }
        Ok(())
    }

    fn subject(&self, draft: &Draft) -> Subject {
        Subject { namespace: self.namespace.clone(), kind: draft.kind.clone(), name: draft.name.clone() }
    }

    /// The newest edition of each subject that gets one.
    fn latest_editions(&self, drafts: &[Draft]) -> Result<HashMap<Subject, Record>> {
        let subjects: Vec<Subject> =
            drafts.iter().filter(|draft| draft.version.is_none()).map(|draft| self.subject(draft)).collect();
        if subjects.is_empty() {
            return Ok(HashMap::new());
        }
        let selectors: Vec<Selector> =
            subjects.iter().map(|subject| Selector::Latest { subject: subject.clone(), pre_releases: true }).collect();
        let records = self.backend.read(&selectors)?;
        Ok(subjects.into_iter().zip(records).filter_map(|(subject, record)| Some((subject, record?))).collect())
    }

    /// What the contracts refer to, less what comes with them.
    fn required(&self, planned: &Planned, batch: &HashMap<Key, Digest>) -> Result<Vec<Selector>> {
        if planned.records.iter().all(|record| record.key().kind != Kind::Contract) {
            return Ok(Vec::new());
        }
        let given: HashSet<Subject> =
            batch.keys().map(Key::subject).chain(planned.unchanged.iter().map(|put| put.key.subject())).collect();
        let mut required = IndexSet::new();
        for record in planned.records.iter().filter(|record| record.key().kind == Kind::Contract) {
            for (kind, reference) in Contract::try_from(record.clone())?.references() {
                let subject = reference.subject(kind);
                let selector = match reference.version {
                    Some(version) => Selector::Key(subject.at(version)),
                    None => Selector::Latest { subject, pre_releases: true },
                };
                let is_given = match &selector {
                    Selector::Key(key) => batch.contains_key(key),
                    Selector::Latest { subject, .. } => given.contains(subject),
                    Selector::Digest(_) => false,
                };
                if !is_given {
                    required.insert(selector);
                }
            }
        }
        Ok(required.into_iter().collect())
    }
}

/// What is to be appended for some drafts.
#[derive(Default)]
struct Planned {
    records: Vec<Record>,
    required: Vec<Selector>,
    unchanged: Vec<PutRecord>,
}

fn conflict(key: &Key, stored: &Digest, offered: &Digest) -> Conflict {
    Conflict { key: key.to_string(), stored: stored.to_string(), offered: offered.to_string() }
}

fn refusal(obstacles: &[Obstacle]) -> Error {
    let mut conflicts = Vec::new();
    let mut missing = Vec::new();
    for obstacle in obstacles {
        match obstacle {
            Obstacle::Taken { key, stored, offered } => conflicts.push(conflict(key, stored, offered)),
            Obstacle::Missing(Selector::Key(key)) => missing.push(key.to_string()),
            Obstacle::Missing(Selector::Latest { subject, .. }) => missing.push(subject.to_string()),
            Obstacle::Missing(Selector::Digest(digest)) => missing.push(digest.to_string()),
        }
    }
    if conflicts.is_empty() {
        return Error::new(
            ErrorKind::NotFound,
            format!("a contract refers to what is not stored: {}", missing.join(", ")),
        )
        .with_hint("put what it refers to first, or in the same command; nothing was stored");
    }
    let message = match conflicts.as_slice() {
        [one] => format!("{} is published with other content, and a published version never changes", one.key),
        many => format!("{} keys are published with other content, and a published version never changes", many.len()),
    };
    Error::new(ErrorKind::Conflict, message)
        .with_hint("publish the change under a new version; nothing was stored")
        .with_conflicts(conflicts)
}

#[cfg(all(test, feature = "redb"))]
mod tests {
    use crate::{ErrorKind, Store};

    const SCHEMA: &str = r#"{"properties": {"isbn": {"type": "string"}}}"#;

    /// Whichever comes last is refused: rules for a field that is not there are never dropped in silence.
    #[test]
    fn rules_must_fit_the_schema_of_their_name_and_version() -> crate::Result<()> {
        let store = Store::open("memory:")?;
        store.store_schema("book", SCHEMA, "1.0.0")?;
        let refused = store.store_coercion_rules("book", r#"{"ibsn": "coerce_to_string"}"#, "1.0.0");
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Invalid));

        store.store_validation_rules("page", r#"{"number": {"is_positive": null}}"#, "1.0.0")?;
        let refused = store.store_schema("page", SCHEMA, "1.0.0");
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Invalid));
        assert_eq!(store.list_schemas()?.len(), 1);
        Ok(())
    }

    /// A published version never changes, and that is what is said, whether or not the rules would fit.
    #[test]
    fn other_content_is_a_conflict_even_where_rules_do_not_fit_it() -> crate::Result<()> {
        let store = Store::open("memory:")?;
        store.store_schema("book", SCHEMA, "1.0.0")?;
        store.store_coercion_rules("book", r#"{"isbn": "coerce_to_string"}"#, "1.0.0")?;

        let refused = store.store_schema("book", r#"{"type": "string"}"#, "1.0.0");
        let error = refused.err().filter(|error| error.kind() == ErrorKind::Conflict);
        assert_eq!(error.map(|error| error.conflicts().len()), Some(1));

        let refused = store.store_coercion_rules("book", r#"{"ibsn": "coerce_to_string"}"#, "1.0.0");
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
        Ok(())
    }
}
