use super::*;
use crate::record::{Format, Value};
use proptest::prelude::*;
use std::error::Error as _;

/// A flat contract with every section.
const FLAT: &str = "\
name: parcel
version: 2.1.0
schema:
  type: object
  version: 1.1.0
  properties:
    weight: {type: number}
    stops:
      type: array
      items: {type: object, properties: {city: {type: string}}}
coercion_rules:
  weight: coerce_to_float
  stops[].city: coerce_to_string
validation_rules:
  version: 1.2.0
  rules:
    weight:
      is_positive: {threshold: 0}
metadata:
  description: Parcels on their way
ownership: logistics@example.com
governance_rules:
  retention: {days: 30}
  sensitivity: Internal
business_rules:
  limit: 1.50
versions:
  metadata: 1.3.0
  ownership: 4
";

fn document(text: &str) -> Document {
    Document::read_from(text.as_bytes(), Some(Format::Yaml), Path::new("parcel.yaml")).expect(text)
}

fn options(name: &str, version: &str) -> ContractOptions {
    ContractOptions {
        name: (!name.is_empty()).then(|| Name::new(name).expect(name)),
        version: (!version.is_empty()).then(|| version.parse().expect(version)),
    }
}

fn read_with(text: &str, options: &ContractOptions) -> Result<ContractFile> {
    ContractFile::from_document(&document(text), Some("parcel_contract"), options)
}

fn read(text: &str) -> ContractFile {
    read_with(text, &ContractOptions::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The drafts, one to a line.
fn told(contract: &ContractFile) -> String {
    let version = |draft: &Draft| draft.version.as_ref().map_or("next".to_owned(), ToString::to_string);
    let lines =
        contract.drafts.iter().map(|draft| format!("{} {}@{} {}", draft.kind, draft.name, version(draft), draft.body));
    lines.collect::<Vec<_>>().join("\n")
}

fn refusal_with(text: &str, options: &ContractOptions) -> String {
    let error = read_with(text, options).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let problems = error.source().map(ToString::to_string).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    if problems.lines().count() > 1 { format!("{problems}{hint}") } else { format!("{error}{hint}") }
}

fn refusal(text: &str) -> String {
    refusal_with(text, &ContractOptions::default())
}

#[test]
fn a_flat_contract_becomes_records_and_a_hub() {
    let contract = read(FLAT);
    assert_eq!((contract.name.as_str(), contract.version.to_string().as_str()), ("parcel", "2.1.0"));
    insta::assert_snapshot!(told(&contract), @r#"
    schema parcel@1.1.0 {"type":"object","version":"1.1.0","properties":{"weight":{"type":"number"},"stops":{"type":"array","items":{"type":"object","properties":{"city":{"type":"string"}}}}}}
    coercion_rules parcel@2.1.0 {"weight":"coerce_to_float","stops[].city":"coerce_to_string"}
    validation_rules parcel@1.2.0 {"version":"1.2.0","rules":{"weight":{"is_positive":{"threshold":0}}}}
    metadata parcel@1.3.0 {"description":"Parcels on their way"}
    ownership parcel@next {"owner":"logistics@example.com"}
    governance_rule parcel.retention@next {"days":30}
    governance_rule parcel.sensitivity@next {"value":"Internal"}
    contract parcel@2.1.0 {"schema":{"name":"parcel","version":"1.1.0"},"coercion_rules":{"name":"parcel","version":"2.1.0"},"validation_rules":{"name":"parcel","version":"1.2.0"},"metadata":{"name":"parcel","version":"1.3.0"},"ownership":{"name":"parcel"},"governance_rules":[{"name":"parcel.retention"},{"name":"parcel.sensitivity"}],"business_rules":{"limit":1.50},"versions":{"ownership":4}}
    "#);
    assert_eq!(told(&contract), told(&read(FLAT)));
}

#[test]
fn the_envelope_says_the_same() {
    let sections = FLAT.lines().skip(2).map(|line| format!("  {line}\n")).collect::<String>();
    let envelope =
        format!("api_version: v2\nkind: DataContract\nmetadata:\n  name: parcel\n  version: 2.1.0\nspec:\n{sections}");
    assert_eq!(told(&read(&envelope)), told(&read(FLAT)));
}

#[test]
fn what_else_an_envelope_says_is_kept() {
    let contract = read(
        "apiVersion: v2\nkind: DataContract\nextra: 1\nmetadata: {name: a, description: d}\nspec: {schema: true, more: 2, metadata: {tags: [x]}}",
    );
    insta::assert_snapshot!(told(&contract), @r#"
    schema a@1.0.0 true
    metadata a@1.0.0 {"tags":["x"],"description":"d"}
    contract a@1.0.0 {"schema":{"name":"a","version":"1.0.0"},"metadata":{"name":"a","version":"1.0.0"},"extra":1,"more":2}
    "#);
    insta::assert_snapshot!(refusal("kind: DataContract\nownership: a\nx: 1\nmetadata: {name: a, tags: 1}\nspec: {schema: {}, x: 2, metadata: {tags: 2}}"), @r#"
    parcel.yaml:2:12: /ownership: `ownership` stands beside `spec`; move it into `spec`
    parcel.yaml:4:27: /metadata/tags: `metadata` and `spec.metadata` disagree: `tags` is 1 in one and 2 in the other
    parcel.yaml:5:23: /spec/x: `x` stands both in `spec` and beside it; remove one of them
    "#);
    insta::assert_snapshot!(refusal("kind: DataContract\nname: b\nmetadata: {name: a}\nspec: {schema: {}}"), @r#"parcel.yaml:2:7: /name: `name` is "b" but `metadata.name` is "a""#);
}

#[test]
fn a_bare_schema_is_a_contract_with_a_schema() {
    insta::assert_snapshot!(told(&read("type: object\nname: not the name\nversion: 1.10\n")), @r#"
    schema parcel@1.10.0 {"type":"object","name":"not the name","version":1.10}
    contract parcel@1.10.0 {"schema":{"name":"parcel","version":"1.10.0"}}
    "#);
    assert_eq!(
        told(&read("{}")),
        "schema parcel@1.0.0 {}\ncontract parcel@1.0.0 {\"schema\":{\"name\":\"parcel\",\"version\":\"1.0.0\"}}"
    );
    assert_eq!(read("true").drafts.len(), 2);
    assert_eq!(read("title: Only told").drafts.len(), 2);
    // A property may be called as a section is.
    assert!(read("type: object\nschema: {}\n").drafts[0].body.as_str().contains("schema"));
    // A `version` that is neither text nor a number is the author's.
    assert_eq!(read("type: object\nversion: {major: 1}").version.to_string(), "1.0.0");
}

#[test]
fn what_is_no_contract_is_refused_with_advice() {
    insta::assert_snapshot!(refusal("version: 1.0.0\ndescription: d\nrules: {isbn: coerce_to_string}"), @r#"
    parcel.yaml:1:1: this has `rules` and no `schema`: it looks like the rules of a contract, not like the contract
    hint: to store one part of a contract alone, say which it is, as in `charter put --kind coercion_rules`, or `--kind schema` for a schema
    "#);
    insta::assert_snapshot!(refusal("version: 1.0.0\nrules: {isbn: {min_length: {}}}"), @r#"
    parcel.yaml:1:1: this has `rules` and no `schema`: it looks like the rules of a contract, not like the contract
    hint: to store one part of a contract alone, say which it is, as in `charter put --kind validation_rules`, or `--kind schema` for a schema
    "#);
    insta::assert_snapshot!(refusal("owner: a\ngovernance_rules: {}"), @r#"
    parcel.yaml:1:1: there is `governance_rules` but no schema; `owner` is no section of a contract
    hint: a contract has a `schema`, or `versions.schema` to join one that is stored; one part alone is stored with its kind, as in `charter put --kind metadata`
    "#);
    insta::assert_snapshot!(refusal("owner: a"), @r#"
    parcel.yaml:1:1: this is neither a contract (it has no `schema`) nor a JSON Schema (it has no member that JSON Schema knows)
    hint: to store one part of a contract alone, say which it is, as in `charter put --kind metadata`, or `--kind schema` for a schema
    "#);
    insta::assert_snapshot!(refusal("- a"), @r#"
    parcel.yaml:1:1: a contract file must hold an object or a boolean, not ["a"]
    hint: a list of records is a file called owners, domains, systems or data_feeds, with its ending
    "#);
    insta::assert_snapshot!(refusal("schema: []"), @"parcel.yaml:1:9: /schema: `schema` must be an object or a boolean, not []");
    insta::assert_snapshot!(refusal("apiVersion: v3.0.2\nkind: DataContract\nid: x\nschema: []"), @r#"
    parcel.yaml:1:13: /apiVersion: contracts of the Open Data Contract Standard ("v3.0.2") are not supported yet
    hint: a contract of charter's has its sections in `spec`
    "#);
}

#[test]
fn names_come_from_the_caller_the_document_or_the_file() {
    assert_eq!(read_with(FLAT, &options("other", "")).expect("valid").drafts[0].name.as_str(), "other");
    let name = |file: &str| {
        let stem = stem(Path::new(file));
        let contract = ContractFile::from_document(&document("{}"), stem.as_deref(), &ContractOptions::default());
        contract.map(|contract| contract.name.to_string()).map_err(|error| error.hint().unwrap_or_default().to_owned())
    };
    for (file, expected) in [
        ("a/book_contract.yaml", "book"),
        ("book.contract.json", "book"),
        ("book.v2.YML", "book.v2"),
        ("book", "book"),
        ("book.txt", "book.txt"),
        ("_contract.yaml", "_contract"),
    ] {
        assert_eq!(name(file).as_deref(), Ok(expected));
    }
    assert_eq!(name("-"), Err("give a name with --name".to_owned()));
    assert_eq!(name(" .yaml"), Err("give a name with --name".to_owned()));
    insta::assert_snapshot!(refusal("name: [a]\nschema: {}"), @r#"parcel.yaml:1:7: /name: a name must be a string, not ["a"]"#);
    insta::assert_snapshot!(refusal("name: a/b\nschema: {}"), @r#"parcel.yaml:1:7: /name: "a/b" cannot be a name: it has a `/`, which stands between the parts of a key"#);
}

#[test]
fn versions_are_exact_and_agree() {
    assert_eq!(read("schema: {version: 1.10}").version.to_string(), "1.10.0");
    assert_eq!(
        read("version: 3\nschema: {}").drafts[0].version.as_ref().map(ToString::to_string).as_deref(),
        Some("3.0.0")
    );
    let given = read_with("version: 3\nschema: {version: 1}", &options("", "4")).expect("valid");
    assert_eq!(given.version.to_string(), "4.0.0");
    assert_eq!(given.drafts[0].version.as_ref().map(ToString::to_string).as_deref(), Some("1.0.0"));
    assert!(read_with("type: object\nversion: 1.0", &options("", "1")).is_ok());
    insta::assert_snapshot!(refusal_with("type: object\nversion: 1.0.0\n", &options("", "2")), @"parcel.yaml:2:10: /version: the schema says that it is version 1.0.0, but the given version is 2.0.0: a body that has a version is stored under it");
    insta::assert_snapshot!(refusal("schema:\n  version: 1.0\nversions:\n  schema: 1.1\n"), @"parcel.yaml:2:12: /schema/version: the schema says that it is version 1.0.0, but `versions.schema` is 1.1.0: a body that has a version is stored under it");
    insta::assert_snapshot!(refusal("type: object\nversion: v1\n"), @r#"
    parcel.yaml:2:10: /version: "v1" is not a version: a version has no leading `v`
    hint: a version is MAJOR[.MINOR[.PATCH]][-pre], for example 1.4.0 or 2.0.0-rc.1
    "#);
    insta::assert_snapshot!(refusal("version: 01.0\nschema: {version: ''}\nmetadata: {version: 1.0+x}\nversions: {validation_rules: [1]}"), @r#"
    parcel.yaml:1:10: /version: "01.0" is not a version: the number "01" has a leading zero
    parcel.yaml:2:19: /schema/version: "" is not a version: it is empty
    parcel.yaml:3:21: /metadata/version: "1.0+x" is not a version: build metadata (`+x`) has no order; put what matters into the pre-release, as in `1.0.0-x`
    parcel.yaml:4:30: /versions/validation_rules: a version must be a string or a number, not [1]
    hint: a version is MAJOR[.MINOR[.PATCH]][-pre], for example 1.4.0 or 2.0.0-rc.1
    "#);
}

#[test]
fn parts_that_are_absent_are_joined_unless_they_are_inline() {
    let text = "versions: {schema: 1.0, coercion_rules: 1.1, validation_rules: 1.2, metadata: 1.3}\n";
    let contract = read(text);
    assert_eq!(contract.drafts.len(), 1);
    assert_eq!(
        contract.drafts[0].body.as_str(),
        r#"{"schema":{"name":"parcel","version":"1.0.0"},"coercion_rules":{"name":"parcel","version":"1.1.0"},"validation_rules":{"name":"parcel","version":"1.2.0"},"metadata":{"name":"parcel","version":"1.3.0"}}"#
    );
    let inline =
        read(&format!("{text}schema: {{properties: {{a: {{items: {{coercion: x}}}}}}}}\ncoercion_rules: null\n"));
    let body = inline.drafts[1].body.as_str();
    assert!(!body.contains("coercion_rules") && body.contains("validation_rules"), "{body}");
}

#[test]
fn governance_rules_may_be_a_list() {
    let contract = read("schema: {}\ngovernance_rules:\n- {name: a, days: 1}\n- {name: b}\n");
    let names: Vec<&str> = contract.drafts.iter().map(|draft| draft.name.as_str()).collect();
    assert_eq!(names, ["parcel", "parcel.a", "parcel.b", "parcel"]);
    insta::assert_snapshot!(refusal("schema: {}\ngovernance_rules:\n- {days: 1}\n- {name: b}\n- {name: b}\n- {name: a/b}\n"), @r#"
    parcel.yaml:3:3: /governance_rules/0: a governance rule in a list must be an object with a `name`
    parcel.yaml:5:3: /governance_rules/2: there are two governance rules "b"
    parcel.yaml:6:3: /governance_rules/3: "parcel.a/b" cannot be a name: it has a `/`, which stands between the parts of a key
    "#);
    insta::assert_snapshot!(refusal("schema: {}\ngovernance_rules: strict\nownership: [a]\nmetadata: text\n"), @r#"
    parcel.yaml:2:19: /governance_rules: governance rules must be an object of rules, not "strict"
    parcel.yaml:3:12: /ownership: the ownership cannot be stored: a body must be an object or a boolean, not array
    parcel.yaml:4:11: /metadata: the metadata cannot be stored: a body must be an object or a boolean, not string
    "#);
}

/// The warnings, with their places.
fn warned(text: &str) -> Vec<String> {
    read(text).warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_contract_says_what_its_schema_is_in_both_forms() {
    const ENVELOPE: &str = "api_version: v2\nkind: DataContract\nmetadata: {name: e}\nspec: ";
    for (sections, reason) in [
        (
            "{schemaa: {type: object}}",
            "there is no schema; `schemaa` is no section of a contract: did you mean `schema`?",
        ),
        (
            "{schemaa: {}, coercion_rules: {a: b}}",
            "there is `coercion_rules` but no schema; `schemaa` is no section of",
        ),
        ("{description: d, Schema: {type: object}}", "did you mean `schema`?"),
        ("{validation_rules: {a: {}}, more: 1}", "there is `validation_rules` but no schema; `more` is no section"),
        ("{versions: {coercion_rules: 1}}", "there is no schema"),
    ] {
        for text in [sections.to_owned(), format!("{ENVELOPE}{sections}")] {
            assert!(refusal(&text).contains(reason), "{}", refusal(&text));
        }
    }
    assert!(refusal(&format!("{ENVELOPE}{{type: object}}")).contains("there is no schema; `type` is no section"));
    assert!(refusal(&format!("{ENVELOPE}{{}}")).contains("/spec: there is no schema\n"));
    assert_eq!(read(&format!("{ENVELOPE}{{versions: {{schema: 1}}}}")).drafts.len(), 1);
}

#[test]
fn annotations_make_a_schema() {
    for text in ["{title: t, d: 1}", "{default: 1, more: {}}", "{examples: [], x: 1}", "{description: d, owner: a}"] {
        assert!(read(text).drafts[0].body.as_str().len() > 4, "{text}");
    }
    // `version` is no word of JSON Schema.
    assert!(refusal("{version: 1, d: 1}").contains("no member that JSON Schema knows"));
    assert!(refusal("{title: t, rules: {}}").contains("--kind coercion_rules"));
}

#[test]
fn a_bare_schema_with_sections_is_warned_about() {
    assert_eq!(
        warned("type: object\nversions: {}\nownership: me\nmetadata: {}\n"),
        [
            "parcel.yaml:2:11: `versions`, `ownership` and `metadata` mean nothing to JSON Schema: this looks like a contract \
          whose schema is not under `schema`"
        ]
    );
    assert_eq!(warned("type: object\nmetadata: {}\n"), [""; 0]);
    assert_eq!(warned("type: object\nproperties: {ownership: {}}\n"), [""; 0]);
    assert_eq!(warned("schema: {type: object}\nownership: me\n"), [""; 0]);
}

#[test]
fn an_envelope_is_told_what_it_lacks() {
    let refused = |text: &str| refusal(text).lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        refused("api_version: v2\nkind: DataContract\nschema: {}"),
        "parcel.yaml:1:14: /api_version: there is `api_version` (\"v2\") but no `spec`"
    );
    assert_eq!(
        refused("api_version: v2\nkind: Other\nspec: {schema: {}}"),
        "parcel.yaml:2:7: /kind: a document with `spec` is a contract if its `kind` is \"DataContract\", not \"Other\""
    );
    assert!(refused("api_version: v2\nspec: {schema: {}}").contains("`kind` is missing"));
    assert_eq!(
        warned("api_version: v9\nkind: DataContract\nspec: {schema: {}}"),
        ["parcel.yaml:1:14: `api_version` is \"v9\", which charter does not know: it was read as \"v2\""]
    );
    assert_eq!(warned("api_version: v2\nkind: DataContract\nspec: {schema: {}}"), [""; 0]);
}

#[test]
fn a_contract_without_a_name_is_called_as_its_metadata_says() {
    for (text, name) in [
        ("{schema: {}, metadata: {name: real}}", "real"),
        ("{schema: {}, metadata: {name: real}, name: own}", "own"),
        ("{schema: {}, metadata: {name: [1]}}", "parcel"),
        ("{kind: DataContract, spec: {schema: {}, metadata: {name: real}}}", "real"),
        ("{kind: DataContract, metadata: {name: own}, spec: {schema: {}, metadata: {title: t}}}", "own"),
        ("{type: object, metadata: {name: real}}", "parcel"),
    ] {
        assert_eq!(read(text).name.as_str(), name, "{text}");
    }
}

#[test]
fn versions_of_the_contract_agree() {
    assert_eq!(read("schema: {}\nversions: {contract: 3}").version.to_string(), "3.0.0");
    assert_eq!(read("version: 3.0\nschema: {}\nversions: {contract: 3}").version.to_string(), "3.0.0");
    assert_eq!(
        refusal("version: 3\nschema: {}\nversions: {contract: '9'}"),
        "parcel.yaml:3:22: /versions/contract: `versions.contract` is 9.0.0, but the version of the contract is 3.0.0"
    );
    assert!(refusal_with("{schema: {}, versions: {contract: 9}}", &options("", "2")).contains("is 9.0.0, but"));
    assert!(refusal("{schema: {}, versions: {contract: 1.0+x}}").contains("build metadata"));
    assert!(refusal("{schema: {}, versions: {schema: '01.0'}}").contains("leading zero"));
    assert_eq!(
        warned("schema: {}\nversions: {bogus: 4, schem: 1, ownership: 2}"),
        [
            "parcel.yaml:2:19: \"bogus\" in `versions` is no part of a contract",
            "parcel.yaml:2:29: \"schem\" in `versions` is no part of a contract; did you mean `schema`?"
        ]
    );
}

#[test]
fn a_version_is_written_as_one() {
    for (text, reason) in [
        ("version: 2021-01-01", "it is a date"),
        ("version: 0x10", "\"0x10\" is not a version"),
        ("version: +1.0", "\"+1.0\" is not a version"),
        ("version: 1.", "\"1.\" is not a version"),
        ("version: 1e1", "\"1e1\" is not a version"),
        ("versions: {schema: 0o17}", "\"0o17\" is not a version"),
    ] {
        let text = refusal(&format!("schema: {{}}\n{text}"));
        assert!(text.contains(reason) && text.contains("hint: a version is MAJOR"), "{text}");
    }
    assert_eq!(read("schema: {}\nversion: !!float 1.10").version.to_string(), "1.10.0");
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let text = FLAT
        .replace("type: number", "type: numbr")
        .replace("  weight: coerce_to_float", "  wieght: coerce_to_float")
        .replace("metadata: 1.3.0", "metadata: v1");
    insta::assert_snapshot!(refusal(&text), @r#"
    parcel.yaml:7:20: /schema/properties/weight/type: "numbr" is not allowed here; it must be one of "array", "boolean", "integer", "null", "number", "object", "string", or an array
    parcel.yaml:12:11: /coercion_rules/wieght: the coercion rule `coerce_to_float` for `wieght` leads nowhere: the schema has no property `wieght`; did you mean `weight`?
    parcel.yaml:28:13: /versions/metadata: "v1" is not a version: a version has no leading `v`
    hint: a version is MAJOR[.MINOR[.PATCH]][-pre], for example 1.4.0 or 2.0.0-rc.1
    "#);
}

#[test]
fn an_unknown_dialect_is_a_warning_with_its_place() {
    let contract = read("schema:\n  $schema: https://example.com/dialect\n");
    let warnings: Vec<String> = contract.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"parcel.yaml:2:12: "https://example.com/dialect" is no dialect that charter knows: the schema was not checked against it"#);
}

#[test]
fn one_part_is_put_alone() {
    let part = |kind: &str, text: &str, options: &ContractOptions| {
        let kind: Kind = kind.parse().expect(kind);
        let drafted = ContractFile::part(&document(text), &kind, Some("book_coercion_rules"), options);
        drafted.map(|(draft, _)| {
            format!("{}@{:?} {}", draft.name, draft.version.map(|version| version.to_string()), draft.body)
        })
    };
    let none = ContractOptions::default();
    assert_eq!(
        part("coercion_rules", "{version: 1.1, rules: {a: x}}", &none).ok().as_deref(),
        Some(r#"book@Some("1.1.0") {"version":1.1,"rules":{"a":"x"}}"#)
    );
    assert_eq!(part("ownership", "me", &none).ok().as_deref(), Some(r#"book_coercion_rules@None {"owner":"me"}"#));
    assert!(part("ownership", "{}", &options("", "1")).is_err());
    assert!(part("coercion_rules", "{version: 1.1, rules: {a: x}}", &options("", "2")).is_err());
    assert!(part("schema", "{type: objectx}", &none).is_err());
    assert!(part("metadata", "[a]", &none).is_err());
    assert!(part("contract", "{}", &none).is_err());
    assert_eq!(part("glossary", "{a: 1}", &options("g", "3")).ok().as_deref(), Some(r#"g@Some("3.0.0") {"a":1}"#));
}

/// Every beginning of a file, and the file with each byte changed, is read or refused.
#[test]
fn damaged_files_are_read_or_refused() {
    let json = document(FLAT).value().to_json();
    for (text, format) in [(FLAT, Format::Yaml), (json.as_str(), Format::Json)] {
        let bytes = text.as_bytes();
        let damaged = (0..bytes.len()).flat_map(|at| {
            let mutations = [b'\n', b'{', b'"', b'&', b'*', b':', 0xff, 0].into_iter().map(move |byte| {
                let mut copy = bytes.to_vec();
                copy[at] = byte;
                copy
            });
            mutations.chain([bytes[..at].to_vec()])
        });
        for bytes in damaged {
            if let Ok(document) = Document::read_from(&*bytes, Some(format), Path::new("parcel")) {
                let _ = ContractFile::from_document(&document, Some("parcel"), &ContractOptions::default());
            }
        }
    }
}

fn any_contract() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("schema".to_owned()),
        Just("versions".to_owned()),
        Just("coercion_rules".to_owned()),
        Just("validation_rules".to_owned()),
        Just("metadata".to_owned()),
        Just("ownership".to_owned()),
        Just("governance_rules".to_owned()),
        Just("spec".to_owned()),
        Just("name".to_owned()),
        Just("version".to_owned()),
        Just("properties".to_owned()),
        Just("rules".to_owned()),
        "[a-c/]".prop_map(|name| name),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        Just(Value::from(1)),
        "1\\.[0-9]|v1|[a-c]".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 30, 6, move |inner| {
        prop_oneof![
            4 => proptest::collection::vec((name.clone(), inner.clone()), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_contract_says_it_is_read_or_refused(contract in any_contract(), is_envelope in any::<bool>()) {
        let mut contract = contract;
        if let (true, Value::Object(object)) = (is_envelope, &mut contract) {
            object.insert("kind", "DataContract");
        }
        let document = Document::parse(contract.to_json(), Format::Json).expect("JSON");
        if let Ok(read) = ContractFile::from_document(&document, Some("a"), &ContractOptions::default()) {
            let hub = read.drafts.last().expect("a contract");
            prop_assert_eq!(&hub.kind, &Kind::Contract);
            // What the hub joins under the version that a draft has is that draft.
            for draft in &read.drafts[..read.drafts.len() - 1] {
                let joined = hub.body.value().expect("a value").get(draft.kind.as_str());
                if let (Some(version), Some(joined)) = (&draft.version, joined) {
                    prop_assert_eq!(joined.get("version"), Some(&Value::from(version.to_string())));
                }
            }
        }
    }
}
