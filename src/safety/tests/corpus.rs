//! The corpus: small migrations that hurt, and small migrations that do not.

use super::*;

struct Case<'a> {
    unsafe_: bool,
    modes: &'a str,
    name: &'a str,
    inputs: Vec<Input>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for case in text.split("\n#").map(|case| case.trim_start_matches('#')) {
        let (head, body) = case.split_once('\n').unwrap_or((case, ""));
        let mut words = head.splitn(3, ' ');
        let kind = words.next().unwrap();
        let modes = words.next().unwrap();
        let name = words.next().unwrap();
        let mut inputs: Vec<Input> = Vec::new();
        let mut file = String::new();
        for line in body.lines().chain(["%% pending"]) {
            match line {
                "%% pending" => inputs.push(Input::new((inputs.len() + 1).to_string(), std::mem::take(&mut file))),
                "%% applied" => {
                    inputs.iter_mut().for_each(|input| input.applied = true);
                    inputs.push(Input::applied((inputs.len() + 1).to_string(), std::mem::take(&mut file)));
                }
                line => {
                    file.push_str(line);
                    file.push('\n');
                }
            }
        }
        cases.push(Case { unsafe_: kind != "safe", modes, name, inputs });
    }
    cases
}

fn modes(of: &str) -> Vec<(String, LintOptions)> {
    let mut all = Vec::new();
    for version in [14, 18] {
        for set in [false, true] {
            let options = if set {
                LintOptions::for_set(Engine::Postgres, version, "public")
            } else {
                LintOptions { postgres_version: version, ..LintOptions::default() }
            };
            let wanted = |word: &str| of.split(',').any(|mode| mode == word);
            if (wanted("file") && set)
                || (wanted("set") && !set)
                || (wanted("14") && version == 18)
                || (wanted("18") && version == 14)
            {
                continue;
            }
            all.push((format!("{}{version}", if set { "set" } else { "file" }), options));
        }
    }
    all
}

#[test]
fn corpus() {
    let mut wrong = 0;
    let mut total = 0;
    for text in [
        include_str!("corpus/postgres_unsafe.txt"),
        include_str!("corpus/postgres_safe.txt"),
        include_str!("corpus/postgres_unsafe2.txt"),
        include_str!("corpus/postgres_safe2.txt"),
    ] {
        for case in cases(text) {
            let mut bad: Vec<String> = Vec::new();
            let mut shown_rules: Vec<String> = Vec::new();
            let mut all: Vec<String> = Vec::new();
            for (mode, options) in modes(case.modes) {
                total += 1;
                let found = lint(&case.inputs, &options);
                let errors: Vec<String> = found.iter().filter(|f| f.severity == Severity::Error).map(shown).collect();
                shown_rules.extend(errors.iter().cloned());
                if errors.is_empty() == case.unsafe_ {
                    wrong += 1;
                    bad.push(mode);
                    all.extend(found.iter().map(shown));
                }
            }
            shown_rules.sort();
            shown_rules.dedup();
            all.sort();
            all.dedup();
            if bad.is_empty() {
                if std::env::var("SHOW").is_ok() && case.unsafe_ {
                    println!("ok {}: {shown_rules:?}", case.name);
                }
            } else {
                println!(
                    "{} [{}] {:?}\n    {all:?}",
                    if case.unsafe_ { "MISS " } else { "ALARM" },
                    bad.join(","),
                    case.name
                );
                for input in &case.inputs {
                    println!(
                        "        {}{}",
                        if input.applied { "(applied) " } else { "" },
                        input.text.trim().replace('\n', "\n        ")
                    );
                }
            }
        }
    }
    println!("{wrong} of {total}");
}
