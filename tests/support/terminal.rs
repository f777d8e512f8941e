//! A terminal for a program that asks a person.

use super::Sandbox;
use nix::pty::openpty;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

/// Runs `charter` on a terminal of its own, with what a person types there. Gives the exit code and what the terminal showed
/// of questions and messages; results go elsewhere.
///
/// # Panics
///
/// When there is no terminal to be had.
pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let terminal = openpty(None, None).expect("a terminal");
    let mut person = File::from(terminal.master);
    let mut command = sandbox.command(arguments);
    command.env("TERM", "dumb").env("NO_COLOR", "1");
    command.stdin(Stdio::from(terminal.slave.try_clone().expect("the terminal")));
    command.stderr(Stdio::from(terminal.slave)).stdout(Stdio::null());
    let mut child = command.spawn().expect("charter");
    // The program's ends of the terminal are closed with it: then reading ends.
    drop(command);
    person.write_all(typed.as_bytes()).expect("typing");
    let mut shown = Vec::new();
    let _ = person.read_to_end(&mut shown);
    let status = child.wait().expect("the end of charter");
    (status.code(), String::from_utf8_lossy(&shown).replace('\r', ""))
}
