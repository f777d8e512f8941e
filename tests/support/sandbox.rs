//! A clean room for the `charter` program: a home and a working directory of its own, and none of the caller's settings.

use super::PATIENCE;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The variables that a program keeps from the tests' own environment.
const KEPT_VARIABLES: [&str; 5] =
    ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// An insta filter for digests, which are not filtered by default: the same content has the same digest.
pub(crate) const DIGESTS: (&str, &str) = (r"\b[0-9a-f]{64}\b", "[DIGEST]");

/// A temporary folder with a home, a working directory, and an environment; removed with everything in it.
pub(crate) struct Sandbox {
    folder: TempDir,
    root: PathBuf,
    variables: Vec<(String, String)>,
    programs: AtomicUsize,
}

impl Sandbox {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("charter-sandbox.").tempdir().expect("a temporary folder");
        // Without symbolic links, as programs print it.
        let root = folder.path().canonicalize().expect("the temporary folder");
        for name in ["home", "work", "output"] {
            fs::create_dir(root.join(name)).expect("a folder in the temporary folder");
        }
        Self { folder, root, variables: Vec::new(), programs: AtomicUsize::new(0) }
    }

    /// The same with one more environment variable for its programs.
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The folder that `HOME` names.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A path in the working directory; `""` is the directory itself.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join("work").join(relative)
    }

    /// The URL of a SQLite file in the working directory.
    pub(crate) fn sqlite_url(&self, name: &str) -> String {
        format!("sqlite:///{}", self.path(name).display())
    }

    /// Writes a file in the working directory, making its folders, and gives its path.
    pub(crate) fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the file's folder");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// The text of a file in the working directory.
    pub(crate) fn read(&self, relative: impl AsRef<Path>) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of everything in the working directory, sorted: what a command left there.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(""))
            .expect("the working directory")
            .map(|entry| entry.expect("an entry of the working directory").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Any program in the clean environment.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path("")).stdin(Stdio::null());
        for variable in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        command.env("HOME", self.home()).env("LC_ALL", "C").env("TZ", "UTC");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The `charter` program in the clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_charter"));
        command.args(arguments);
        command
    }

    /// Runs `charter` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait()
    }

    /// Runs `charter` to its end with `input` on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
        let path = self.next_output().with_extension("stdin");
        fs::write(&path, input).expect("the input's file");
        let mut command = self.command(arguments);
        command.stdin(File::open(path).expect("the input's file"));
        self.start(command).wait()
    }

    /// Starts `charter`.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        self.start(self.command(arguments))
    }

    /// Starts any command. Its output goes to files, so that a test can read what has come so far.
    pub(crate) fn start(&self, mut command: Command) -> Process {
        let output = self.next_output();
        let (stdout, stderr) = (output.with_extension("stdout"), output.with_extension("stderr"));
        command.stdout(File::create(&stdout).expect("the output's file"));
        command.stderr(File::create(&stderr).expect("the output's file"));
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let line = command.get_args().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ");
        Process { child, line, stdout, stderr }
    }

    fn next_output(&self) -> PathBuf {
        self.root.join("output").join(self.programs.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// insta filters that take out what differs from run to run: paths, names of test databases, UUIDs, moments,
    /// durations, ports, and the program's version.
    pub(crate) fn filters(&self) -> Vec<(String, &'static str)> {
        let path = |path: PathBuf| escape(&path.to_string_lossy());
        vec![
            (path(self.path("").join("")), "[DIRECTORY]/"),
            (path(self.root.join("work")), "[DIRECTORY]"),
            (path(self.home()), "[HOME]"),
            (r"\bcharter_test_[0-9a-f]{32}\b".to_owned(), "[DATABASE]"),
            (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b".to_owned(), "[UUID]"),
            (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?".to_owned(), "[TIME]"),
            (r"\b\d+(\.\d+)? ?(ns|µs|us|ms|s)\b".to_owned(), "[DURATION]"),
            (r"\b127\.0\.0\.1:\d+".to_owned(), "127.0.0.1:[PORT]"),
            (format!(r"\bcharter {}\b", escape(env!("CARGO_PKG_VERSION"))), "charter [VERSION]"),
        ]
    }
}

/// Compares an [`Output`] with an inline snapshot, through the sandbox's filters and any more that are given.
///
/// ```ignore
/// assert_output!(sandbox, sandbox.run(&["list"]), @"...");
/// assert_output!(sandbox, sandbox.run(&["list"]), [DIGESTS], @"...");
/// ```
macro_rules! assert_output {
    ($sandbox:expr, $output:expr, @$snapshot:literal) => {
        $crate::support::assert_output!($sandbox, $output, [], @$snapshot)
    };
    ($sandbox:expr, $output:expr, [$($filter:expr),*], @$snapshot:literal) => {{
        let filters = $sandbox.filters();
        let mut filters: Vec<(&str, &str)> = filters.iter().map(|(from, to)| (from.as_str(), *to)).collect();
        filters.extend::<[(&str, &str); _]>([$($filter),*]);
        ::insta::with_settings!({ filters => filters }, { ::insta::assert_snapshot!($output.to_string(), @$snapshot) });
    }};
}
pub(crate) use assert_output;

/// `text` as a regular expression that matches just it.
fn escape(text: &str) -> String {
    text.chars().flat_map(|c| c.is_ascii_punctuation().then_some('\\').into_iter().chain([c])).collect()
}

/// A program that runs. Dropped before its end, it is killed.
pub(crate) struct Process {
    child: Child,
    line: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(fs::read(&self.stdout).expect("the output's file")).expect("the output is UTF-8")
    }

    /// What it has written to its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(fs::read(&self.stderr).expect("the output's file")).expect("the output is UTF-8")
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of this process").is_none()
    }

    /// Sends a signal by name: `"INT"`, `"TERM"`, `"STOP"`.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args(["-s", name, &self.id().to_string()]).status().expect("the kill program");
        assert!(status.success(), "kill -s {name} {}: {status}", self.id());
    }

    /// kill -9, and waits for its end.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().expect("a child of this process");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it takes longer than a minute, with what it has written.
    pub(crate) fn wait(mut self) -> Output {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of this process") {
                break Some(status);
            } else if Instant::now() > deadline {
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let output = Output {
            line: self.line.clone(),
            status: status.unwrap_or_default(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        };
        assert!(status.is_some(), "not ended within {PATIENCE:?}; so far:\n{output}");
        output
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a program ended and what it wrote. Displayed as a snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    line: String,
    status: ExitStatus,
    /// All of its standard output.
    pub(crate) stdout: String,
    /// All of its standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code; `None` when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The same, which must have ended with this exit code.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Self {
        assert!(self.code() == Some(code), "expected exit {code} of: charter {}\n{self}", self.line);
        self
    }

    /// The same, which must have ended with exit code 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.exit(0)
    }

    /// The standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}: charter {}\n{self}", self.line))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code() {
            Some(code) => writeln!(f, "exit: {code}")?,
            None => writeln!(f, "{}", self.status)?,
        }
        write!(f, "--- stdout ---\n{}--- stderr ---\n{}", self.stdout, self.stderr)
    }
}

#[test]
fn a_program_sees_a_clean_environment_and_only_it() {
    let sandbox = Sandbox::new().with("CHARTER_DATABASE_URL", "memory:");
    let output = sandbox.start(sandbox.program("env")).wait().success();
    let mut names: Vec<&str> = output.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !KEPT_VARIABLES.contains(name));
    names.sort_unstable();
    assert_eq!(names, ["CHARTER_DATABASE_URL", "HOME", "LC_ALL", "TZ"]);
    let directory = sandbox.start(sandbox.program("pwd")).wait().stdout;
    assert_eq!(Path::new(directory.trim_end()), sandbox.path("").components().as_path());
}

#[test]
fn a_snapshot_shows_nothing_of_one_run() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "text",
        format!(
            "{}\n{}\n{}\n936da01f-9abd-4d9d-80c7-02af85c822a8\n2026-01-02T03:04:05.678Z, 2026-01-02 03:04:05 UTC\n\
             in 12 ms\n127.0.0.1:5432/charter_test_936da01f9abd4d9d80c702af85c822a8\ncharter {}\nuser@1.0.0\n{}\n",
            sandbox.path("book.yaml").display(),
            sandbox.path("").display(),
            sandbox.home().display(),
            env!("CARGO_PKG_VERSION"),
            "0f".repeat(32),
        ),
    );
    let mut command = sandbox.program("cat");
    command.arg("text");
    assert_output!(sandbox, sandbox.start(command).wait(), [DIGESTS], @r"
    exit: 0
    --- stdout ---
    [DIRECTORY]/book.yaml
    [DIRECTORY]/
    [HOME]
    [UUID]
    [TIME], [TIME]
    in [DURATION]
    127.0.0.1:[PORT]/[DATABASE]
    charter [VERSION]
    user@1.0.0
    [DIGEST]
    --- stderr ---
    ");
}

#[test]
fn a_running_program_can_be_read_fed_and_killed() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program("sh");
    command.args(["-c", "echo started; exec sleep 600"]);
    let mut process = sandbox.start(command);
    super::eventually("the first line", || process.stdout() == "started\n");
    assert!(process.is_running());
    assert_eq!(process.kill().code(), None);

    let output = sandbox.run_with_input(&["--version"], "").success();
    assert_eq!(output.code(), Some(0));
}
