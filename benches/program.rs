//! The program `charter db current` against the program `sqlite3` reading one row of the same file.
//!
//! `cargo bench --bench program`. CPU is user and system time of the finished children, as the operating system counts
//! it; memory is the largest resident size of one child.

use charter::Store;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const RUNS: usize = 50;

fn main() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("charter.db");
    Store::open(&format!("sqlite:///{}", file.display())).expect("a store");
    let charter = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_charter"));
        command.args(["db", "current", &format!("sqlite:///{}", file.display())]).current_dir(folder.path());
        command
    };
    let sqlite = || {
        let mut command = Command::new("sqlite3");
        command.arg(&file).arg("SELECT max(version) FROM charter_schema_history");
        command
    };
    let memory = run(&charter);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        ours.push(cpu(|| {
            (0..RUNS).for_each(|_| {
                run(&charter);
            })
        }));
        theirs.push(cpu(|| {
            (0..RUNS).for_each(|_| {
                run(&sqlite);
            })
        }));
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    let (ours, theirs) = (ours[4] / RUNS as i64, theirs[4] / RUNS as i64);
    println!(
        "charter db current: {ours} µs of CPU; sqlite3: {theirs} µs; ratio {:.2} (wanted 2.00)",
        ours as f64 / theirs as f64
    );
    println!("charter db current: {:.1} MB resident at most (wanted 15)", memory as f64 / 1024.0);
}

/// Runs a command to its end; the largest resident size of any child so far, in KiB.
fn run(command: &dyn Fn() -> Command) -> i64 {
    let status = command().stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the program starts");
    assert!(status.success(), "the program failed");
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage").max_rss()
}

/// The CPU that children used during some work, in microseconds.
fn cpu(work: impl FnOnce()) -> i64 {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
        (usage.user_time() + usage.system_time()).num_microseconds()
    };
    let before = used();
    work();
    used() - before
}
