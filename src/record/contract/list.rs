//! Files that are lists of records: `owners.yaml`, `domains.yaml`, `systems.yaml`, `data_feeds.yaml`.

use super::{Draft, Warning};
use crate::error::Result;
use crate::record::body::Body;
use crate::record::document::Document;
use crate::record::kind::Kind;
use crate::record::name::Name;
use crate::record::problem::{Problem, fail_on, shown};
use crate::record::value::{Object, Value};

/// What the files of lists are called, less their endings.
const LISTS: [(&str, Kind); 4] =
    [("owners", Kind::Owner), ("domains", Kind::Domain), ("systems", Kind::System), ("data_feeds", Kind::DataFeed)];

/// What a file that is called so and holds a list says is to be stored: one record for each entry, which is its body.
///
/// An entry is an object with a `name`, or a text that is the name. Owners are called by their `id` where they have one.
#[derive(Debug, Clone)]
pub struct RecordList {
    /// The records, in the order of the list.
    pub drafts: Vec<Draft>,
    /// What the author should know.
    pub warnings: Vec<Warning>,
}

impl RecordList {
    /// Takes a document as such a list; `None` if it is no list, or its file is not called as one. `stem` is the name of the
    /// file without its ending. The list may stand under its own name: `owners: [...]`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with [`Problems`](crate::record::Problems) as its source: an entry
    /// has no name, or two have the same.
    pub fn from_document(document: &Document, stem: Option<&str>) -> Result<Option<Self>> {
        let Some((stem, kind)) = LISTS.into_iter().find(|(list, _)| Some(*list) == stem) else { return Ok(None) };
        let (prefix, entries) = match document.value() {
            Value::Array(entries) => (Vec::new(), entries),
            Value::Object(object) if object.len() == 1 => match object.get(stem) {
                Some(Value::Array(entries)) => (vec![stem.to_owned()], entries),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let mut drafts: Vec<Draft> = Vec::new();
        let mut problems = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            match draft(&kind, entry) {
                Ok(draft) if drafts.iter().any(|other| other.name == draft.name) => {
                    problems
                        .push((place, Problem::of_whole(format!("there are two {stem} {:?}", draft.name.as_str()))));
                }
                Ok(draft) => drafts.push(draft),
                Err(problem) => problems.push((place, problem)),
            }
        }
        let pointer = |place: usize| prefix.iter().cloned().chain([place.to_string()]).collect::<Vec<_>>();
        fail_on(problems.into_iter().map(|(place, problem)| problem.under(&pointer(place))).collect(), Some(document))?;
        Ok(Some(Self { drafts, warnings: Vec::new() }))
    }
}

fn draft(kind: &Kind, entry: &Value) -> std::result::Result<Draft, Problem> {
    let members: &[&str] = if *kind == Kind::Owner { &["id", "name"] } else { &["name", "id"] };
    let (member, name, body) = match entry {
        Value::String(name) => {
            let mut body = Object::new();
            body.insert("name", name.as_str());
            (None, name, body.into())
        }
        Value::Object(object) => {
            let found = members.iter().find_map(|member| object.get(member).map(|value| (*member, value)));
            match found {
                Some((member, Value::String(name))) => (Some(member), name, entry.clone()),
                Some((member, other)) => {
                    return Err(Problem::new(&[member], format!("a name must be a string, not {}", shown(other))));
                }
                None => return Err(Problem::of_whole(format!("this {kind} has no `name`"))),
            }
        }
        other => {
            return Err(Problem::of_whole(format!("this must be an object with a `name`, not {}", shown(other))));
        }
    };
    let pointer: Vec<&str> = member.into_iter().collect();
    let name = Name::new(name).map_err(|error| Problem::new(&pointer, error.message()))?;
    let body =
        Body::from_value(body).map_err(|error| Problem::of_whole(format!("this {kind} cannot be stored: {error}")))?;
    Ok(Draft { kind: kind.clone(), name, version: None, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Format;

    fn list(stem: &str, text: &str) -> Result<Option<Vec<String>>> {
        let list = RecordList::from_document(&Document::parse(text, Format::Yaml)?, Some(stem))?;
        let shown = |draft: &Draft| format!("{} {} {}", draft.kind, draft.name, draft.body.as_str());
        Ok(list.map(|list| list.drafts.iter().map(shown).collect()))
    }

    #[test]
    fn each_entry_is_a_record_under_its_name() -> Result<()> {
        let owners = "- {id: shop, name: The shop, email: shop@example.com}\n- {name: ops}\n- sales@example.com";
        let expected = [
            r#"owner shop {"id":"shop","name":"The shop","email":"shop@example.com"}"#,
            r#"owner ops {"name":"ops"}"#,
            r#"owner sales@example.com {"name":"sales@example.com"}"#,
        ];
        assert_eq!(list("owners", owners)?, Some(expected.map(str::to_owned).to_vec()));
        let domains = "domains:\n- {id: 7f, name: trade, description: Orders.}";
        let expected = r#"domain trade {"id":"7f","name":"trade","description":"Orders."}"#;
        assert_eq!(list("domains", domains)?, Some(vec![expected.to_owned()]));
        assert_eq!(list("data_feeds", "[]")?, Some(vec![]));
        assert_eq!(list("books", "[]")?, None);
        assert_eq!(list("owners", "type: object")?, None);
        Ok(())
    }

    #[test]
    fn an_entry_without_a_name_is_told_with_its_place() {
        for (text, place) in [
            ("- {name: a}\n- {email: x}", "/1: this owner has no `name`"),
            ("- {id: 7}", "/0/id: a name must be a string, not 7"),
            ("- 7", "/0: this must be an object"),
            ("- {name: a}\n- {name: a}", "/1: there are two owners \"a\""),
            ("owners: [{name: a/b}]", "/owners/0/name: "),
        ] {
            let error = list("owners", text).expect_err("no list");
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
