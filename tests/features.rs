//! What a program takes in when it takes in charter.

use std::collections::BTreeSet;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The names of all packages that charter needs with these features and no others, not for building and testing it.
fn packages(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["tree", "--offline", "--locked", "--package", "charter", "--edges", "normal", "--prefix", "none"])
        .args(["--target", "all", "--no-default-features", "--features", features])
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

const NETWORK: [&str; 17] = [
    "axum",
    "futures-util",
    "h2",
    "http",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "tokio-postgres",
    "tokio-postgres-rustls",
    "tower",
    "ureq",
    "webpki",
];
const PROGRAM: [&str; 9] =
    ["anstream", "anstyle", "clap", "clap_derive", "ctrlc", "indicatif", "notify", "inotify", "unicode-width"];

#[test]
fn an_embedder_of_sqlite_takes_in_no_runtime_no_network_and_no_command_line() {
    let packages = packages("sqlite");
    assert!(packages.contains("rusqlite") && packages.contains("charter-sync"), "{packages:?}");
    for unwanted in NETWORK.iter().chain(&PROGRAM).chain(&["redb"]) {
        assert!(!packages.contains(*unwanted), "{unwanted} came along: {packages:?}");
    }
}

#[test]
fn each_feature_brings_its_own_and_nothing_of_the_others() {
    let none = packages("");
    assert!(!none.contains("rusqlite") && !none.contains("redb") && !none.contains("tokio"), "{none:?}");
    let memory = packages("redb");
    assert!(memory.contains("redb") && !memory.contains("rusqlite") && !memory.contains("tokio"), "{memory:?}");
    let postgres = packages("postgres");
    assert!(postgres.contains("tokio-postgres") && !postgres.contains("rusqlite"), "{postgres:?}");
    assert!(PROGRAM.iter().all(|unwanted| !postgres.contains(*unwanted)), "{postgres:?}");
    let duckdb = packages("duckdb");
    assert!(duckdb.contains("duckdb") && !duckdb.contains("rusqlite") && !duckdb.contains("tokio"), "{duckdb:?}");
    assert!(!duckdb.contains("clap") && !duckdb.contains("redb"), "{duckdb:?}");
    for features in ["default", "sqlite,redb,postgres"] {
        let packages = packages(features);
        assert!(!packages.contains("duckdb") && !packages.contains("libduckdb-sys"), "{features}: {packages:?}");
    }
    let watch = packages("watch");
    assert!(watch.contains("notify") && !watch.contains("clap"), "{watch:?}");
}
