//! Second processes: this test program started again, with one part of it to play. They can be killed at any moment.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

const PART: &str = "CHARTER_TEST_PART";
const TEST: &str = "support::child::plays_its_part";

/// Plays a part when this process was started to do so. Otherwise it is a test of nothing.
#[test]
fn plays_its_part() {
    let Some(part) = std::env::var_os(PART) else { return };
    let part = part.into_string().expect("UTF-8");
    let mut words = part.split('\n');
    let name = words.next().unwrap_or_default();
    let arguments: Vec<&str> = words.collect();
    crate::faults::parts::play(name, &arguments);
}

/// Says a line to the process that started this one. It has arrived when this returns, whatever happens then.
pub(crate) fn say(line: &str) {
    eprintln!("> {line}");
}

/// A process that plays a part. Dropped before its end, it is killed.
pub(crate) struct Player {
    child: Child,
    lines: BufReader<ChildStderr>,
}

/// The command that plays a part.
pub(crate) fn command(part: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
    command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]);
    command.env(PART, [&[part], arguments].concat().join("\n"));
    command
}

impl Player {
    pub(crate) fn start(part: &str, arguments: &[&str]) -> Self {
        Self::of(command(part, arguments))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("this test again");
        let lines = BufReader::new(child.stderr.take().expect("standard error is piped"));
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says; `None` when it has ended. A line that its death cut short does not count.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("UTF-8");
            let whole = line.strip_suffix('\n')?;
            match whole.strip_prefix("> ") {
                Some(said) => return Some(said.to_owned()),
                None => eprintln!("{whole}"),
            }
        }
    }

    /// kill -9, then everything that it had still said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("a child of this process");
        let rest = std::iter::from_fn(|| self.hear()).collect();
        self.child.wait().expect("a child of this process");
        rest
    }

    /// Everything that it still says; it must end well.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Vec<String> {
        let rest = std::iter::from_fn(|| self.hear()).collect();
        let status = self.child.wait().expect("a child of this process");
        assert!(status.success(), "{status}, after: {rest:?}");
        rest
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
