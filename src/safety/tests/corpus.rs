//! The corpus: small migrations that hurt, each by the rule that must find it, and small migrations that do not.
//!
//! That the safe ones are safe was seen on servers: no lock that blocks writes was held while a table was read or written.

use super::*;

/// What stands in the files of the corpus.
pub(super) const POSTGRES: [&str; 2] =
    [include_str!("corpus/postgres_unsafe.txt"), include_str!("corpus/postgres_safe.txt")];

/// One migration, or several in order.
pub(super) struct Case {
    /// What the case is called.
    name: &'static str,
    /// Where it holds: any, or of file, set, 14 and 18.
    places: &'static str,
    /// The rule that must find it; none where nothing is wrong.
    rule: Option<&'static str>,
    pub(super) inputs: Vec<Input>,
}

/// The cases of a file of the corpus, after its introduction.
pub(super) fn cases(text: &'static str) -> Vec<Case> {
    text.split("\n#").skip(1).map(case).collect()
}

fn case(text: &'static str) -> Case {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let (kind, rest) = head.split_once(' ').unwrap();
    let (places, rest) = rest.split_once(' ').unwrap();
    let (rule, name) = match kind {
        "unsafe" => rest.split_once(": ").map(|(rule, name)| (Some(rule), name)).unwrap(),
        _ => (None, rest),
    };
    let mut inputs: Vec<Input> = Vec::new();
    let mut file = String::new();
    for line in body.split('\n').chain(["%% pending"]) {
        let number = (inputs.len() + 1).to_string();
        match line {
            "%% pending" => inputs.push(Input::new(number, std::mem::take(&mut file))),
            "%% applied" => {
                inputs.iter_mut().for_each(|input| input.applied = true);
                inputs.push(Input::applied(number, std::mem::take(&mut file)));
            }
            line => file = file + line + "\n",
        }
    }
    Case { name, places, rule, inputs }
}

impl Case {
    /// The ways to judge that the case is about.
    fn options(&self, engine: Engine) -> Vec<LintOptions> {
        let says = |word: &str| self.places.split(',').any(|place| place == word);
        let versions: &[u32] = if engine == Engine::Postgres { &[14, 18] } else { &[18] };
        let versions = versions.iter().copied().filter(|version| match version {
            14 => !says("18"),
            _ => !says("14"),
        });
        let both = |version: u32| {
            let file = LintOptions { engine, postgres_version: version, ..LintOptions::default() };
            let set = LintOptions::for_set(engine, version, "public");
            [(!says("set")).then_some(file), (!says("file")).then_some(set)]
        };
        versions.flat_map(both).flatten().collect()
    }

    /// What is wrong with how the case is judged.
    fn faults(&self, engine: Engine) -> Vec<String> {
        let mut faults = Vec::new();
        for options in self.options(engine) {
            let found = lint(&self.inputs, &options);
            let errors: Vec<&Finding> = found.iter().filter(|finding| finding.severity == Severity::Error).collect();
            let right = match self.rule {
                Some(rule) => errors.iter().any(|finding| finding.rule.name == rule),
                None => errors.is_empty(),
            };
            if !right {
                let shown: Vec<String> = found.iter().map(shown).collect();
                let (version, set) = (options.postgres_version, options.wrapped);
                let rule = self.rule.unwrap_or("no error");
                faults.push(format!("{} ({version}, set: {set}): expected {rule}, found {shown:?}", self.name));
            }
        }
        faults
    }
}

#[track_caller]
fn judged_right(engine: Engine, texts: &[&'static str]) {
    let cases: Vec<Case> = texts.iter().copied().flat_map(cases).collect();
    assert!(cases.len() > 50);
    let faults: Vec<String> = cases.iter().flat_map(|case| case.faults(engine)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_hurts_postgres_is_caught_and_what_does_not_passes() {
    judged_right(Engine::Postgres, &POSTGRES);
}
