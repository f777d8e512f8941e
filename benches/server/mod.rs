//! A Postgres server that waits for its disk.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A throw-away server, gone with this process.
pub(crate) struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts one with fsync and synchronous_commit on.
    pub(crate) fn start() -> Self {
        let bin = std::env::var("CHARTER_TEST_POSTGRES_BIN")
            .expect("set CHARTER_TEST_POSTGRES_BIN to the folder that has PostgreSQL's programs, initdb and postgres");
        let bin = bin.split(':').next().unwrap_or_default().to_owned();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/throwaway-postgres");
        let mut process = Command::new(script)
            .args([&bin, "fsync=on", "synchronous_commit=on"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("an answer");
        let url = line.trim().strip_prefix("ready ").expect("a server").to_owned();
        Self { process, url }
    }

    /// The URL of its superuser's database.
    #[allow(dead_code)]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The URL of a database of it.
    pub(crate) fn database(&self, name: &str) -> String {
        let (base, _) = self.url.rsplit_once('/').expect("a URL with a database");
        format!("{base}/{name}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

