//! Passwords never come out, however the program is called.

use crate::support::{Sandbox, postgres};

const SECRET: &str = "hunter2";

#[test]
fn no_output_has_a_password() {
    let sandbox = Sandbox::new().with("PYCHARTER_DATABASE_URL", "postgresql://u:hunter2@h/d");
    sandbox.write("user.json", "{}");
    sandbox.run(&["put", "user.json"]).success();
    let unreachable = "postgresql://u:hunter2@127.0.0.1:1/d?connect_timeout=1";
    let urls = [
        unreachable,
        "postgresql://u:hunter2@127.0.0.1:port/d",
        "postgresql://u:hunter2/x@h/d",
        "postgresql://u:hun ter2@h/d?sslmode=nonsense",
        "postgress://u:hunter2@h/d",
        "nonsense://u:hunter2@h/d",
        "u:hunter2@h/d",
        "postgresql://h/d?password=hunter2&nonsense=hunter2",
        "https://hunter2@h",
        "sqlite://u:hunter2@h/d",
    ];
    let commands: [&[&str]; 38] = [
        &["list", "--db", "URL"],
        &["--db=URL", "put", "user.json"],
        &["--dbb=URL", "list"],
        &["--dbb", "URL", "list"],
        &["URL"],
        &["list", "x", "URL"],
        &["list", "URL"],
        &["get", "URL"],
        &["show", "URL"],
        &["put", "URL"],
        &["put", "user.json", "--name", "URL"],
        &["put", "user.json", "--version", "URL"],
        &["put", "user.json", "--kind", "URL"],
        &["watch", "URL"],
        &["init", "URL"],
        &["db", "init", "URL"],
        &["db", "current", "URL", "--json"],
        &["db", "upgrade", "URL"],
        &["db", "upgrade", "URL", "URL"],
        &["db", "upgrade", "--revision", "URL"],
        &["db", "upgrade", "URL", "--sql"],
        &["db", "upgrade", "--sql", "--engine", "URL"],
        &["db", "upgrade", "--allow", "URL", "--reason", "x"],
        &["db", "upgrade", "--set", "URL"],
        &["db", "downgrade", "URL", "--backup"],
        &["db", "downgrade", "head", "URL"],
        &["db", "downgrade", "base", "--set", "charter", "--backup=URL"],
        &["db", "pending", "URL"],
        &["db", "history", "URL", "--verbose"],
        &["db", "info", "URL"],
        &["db", "stamp", "head", "URL"],
        &["db", "stamp", "URL"],
        &["db", "truncate", "URL", "--confirm", "URL"],
        &["db", "seed", ".", "URL"],
        &["db", "verify", "--against", "URL"],
        &["sync", "push", "URL"],
        &["sync", "status", "URL"],
        &["list", "--color", "URL", "--env", "URL", "-n", "URL"],
    ];
    for url in urls {
        for command in commands {
            let arguments: Vec<String> = command.iter().map(|argument| argument.replace("URL", url)).collect();
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            for _ in 0..2 {
                let output = sandbox.run(&arguments);
                let is_pattern = command == ["list", "URL"] && url == "u:hunter2@h/d";
                assert_ne!(output.code(), Some(0).filter(|_| !is_pattern), "{arguments:?}\n{output}");
                // What has no scheme and stands for a name is one.
                if url != "u:hunter2@h/d" || command.contains(&"--db") {
                    assert!(!output.to_string().contains(SECRET), "{arguments:?}\n{output}");
                }
                arguments.push("--json");
            }
        }
    }
    sandbox.write("charter.cfg", format!("[remote:far]\nurl = {unreachable}\n"));
    for arguments in [&["sync", "push"][..], &["sync", "status"], &["sync", "status", "--json"]] {
        let output = sandbox.run(arguments).exit(1);
        assert!(!output.to_string().contains(SECRET), "{arguments:?}\n{output}");
        assert!(output.to_string().contains("far"), "{arguments:?}\n{output}");
    }
}

#[test]
fn a_server_that_is_reached_keeps_the_secret() {
    let (sandbox, database) = (Sandbox::new(), postgres::database());
    database.execute("CREATE SCHEMA charter; CREATE TABLE charter.charter_records (x INTEGER)");
    let role = format!("charter_role_{}", std::process::id());
    database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'"));
    let (scheme, rest) = database.url().split_once("://").expect("a URL");
    let address = rest.split_once('@').map_or(rest, |(_, address)| address);
    let url = format!("{scheme}://{role}:{SECRET}@{address}");
    for arguments in [
        &["db", "init", &url][..],
        &["db", "current", &url],
        &["list", "--db", &url],
        &["sync", "push", &url],
        &["db", "history", &url, "--json"],
        &["db", "upgrade", &url, "--sql"],
        &["db", "info", &url],
        &["db", "truncate", &url, "--backup"],
        &["db", "verify", "--against", &url],
    ] {
        let output = sandbox.run(arguments);
        assert!(!output.to_string().contains(SECRET), "{arguments:?}\n{output}");
    }
    database.execute(&format!("DROP ROLE {role}"));
}

#[test]
fn a_stray_string_of_libpq_is_masked() {
    let sandbox = crate::support::Sandbox::new();
    for secret in ["host=h password=hunter2", "HOST=h Password = hunter2", "u:hunter2@h/d"] {
        for arguments in [&["init", "x", secret][..], &["list", "x", secret, "--json"]] {
            let refused = sandbox.run(arguments).exit(2);
            assert!(refused.stderr.contains("unexpected") && !refused.stderr.contains("hunter2"), "{refused}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let sandbox = crate::support::Sandbox::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
    let output = sandbox.command(&["--help"]).stdout(full).output().expect("the program");
    assert_eq!(output.status.code(), Some(1));
}
