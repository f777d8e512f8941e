//! Connections to a Postgres server: from any thread and any runtime, encrypted or not, and what is said when there is none.

use crate::support::postgres::Server;
use crate::support::stores::{Engine, TestStore, contents, initialize, open, parse, records, store_all};
use charter::store::{Access, OpenOptions};
use charter::{Error, ErrorKind, Store};
use std::error::Error as StdError;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Everything that a program does with a store, from where it stands.
fn use_it(url: &str, prefix: &str) -> usize {
    let store = Store::open(url).expect("a store");
    store_all(&store, &records(prefix, 3));
    let laptop = Store::open("memory:").expect("a store");
    store_all(&laptop, &records(&format!("pushed-{prefix}"), 2));
    laptop.push(&open(url, Access::Remote)).expect("a push");
    contents(&store).len()
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.enable_all().build().expect("a runtime"))
}

#[test]
fn a_store_works_from_a_plain_thread() {
    let test = Engine::Postgres.fresh();
    let url = test.url.clone();
    assert_eq!(std::thread::spawn(move || use_it(&url, "x")).join().expect("no panic"), 5);
}

#[test]
fn a_store_works_inside_both_runtimes() {
    for runtime in runtimes() {
        let test = Engine::Postgres.fresh();
        let url = test.url.clone();
        // Directly, where it stalls the runtime but works.
        assert_eq!(runtime.block_on(async { use_it(&url, "direct") }), 5);
        let task = {
            let url = url.clone();
            runtime.spawn(async move { use_it(&url, "task") })
        };
        assert_eq!(runtime.block_on(task).expect("no panic"), 10);
        // As asynchronous programs should.
        let blocking = {
            let url = url.clone();
            async move { tokio::task::spawn_blocking(move || use_it(&url, "blocking")).await }
        };
        assert_eq!(runtime.block_on(blocking).expect("no panic"), 15);
    }
}

#[test]
fn one_store_is_used_by_many_tasks_and_threads_at_once() {
    let test = Engine::Postgres.fresh();
    let [_, runtime] = runtimes();
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let store = test.store.clone();
            runtime.spawn_blocking(move || store_all(&store, &records(&format!("task-{task}"), 10)))
        })
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let store = &test.store;
            scope.spawn(move || store_all(store, &records(&format!("thread-{thread}"), 10)));
        }
    });
    for task in tasks {
        runtime.block_on(task).expect("no panic");
    }
    assert_eq!(contents(&test.store).len(), 80);
}

#[test]
fn a_store_is_dropped_inside_a_runtime_and_outlives_one() {
    let test = Engine::Postgres.fresh();
    for runtime in runtimes() {
        let outliving = runtime.block_on(async {
            let dropped = Store::open(&test.url).expect("a store");
            dropped.list_everything().expect("a list");
            drop(dropped);
            Store::open(&test.url).expect("a store")
        });
        drop(runtime);
        outliving.list_everything().expect("a list");
    }
}

/// Every text of an error: its own and those of everything behind it.
fn texts(error: &Error) -> String {
    let mut texts = format!("{error}\n{error:?}\n{:?}\n{:?}", error.hint(), error.location());
    let mut source = error.source();
    while let Some(cause) = source {
        texts += &format!("\n{cause}\n{cause:?}");
        source = cause.source();
    }
    texts
}

const PASSWORD: &str = "hunter2%2Fs%40cret";
const SECRETS: [&str; 3] = [PASSWORD, "hunter2/s@cret", "hunter2"];

/// Checks that a URL leads nowhere, and that nobody learns the password from what is said.
#[track_caller]
fn leads_nowhere(url: &str, kind: ErrorKind) -> String {
    let laptop = Store::open("memory:").expect("a store");
    store_all(&laptop, &records("x", 1));
    let open_as = |access| Store::connect(&parse(url), &OpenOptions { access, ..OpenOptions::default() });
    let errors = [
        Store::open(url).expect_err("no server"),
        Store::initialize(&parse(url), None, &mut |_| {}).expect_err("no server"),
        Store::migration_status(&parse(url)).expect_err("no server"),
        laptop.push(&open_as(Access::Remote).expect("nothing is asked yet")).expect_err("no server"),
    ];
    for error in &errors {
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(SECRETS.iter().all(|secret| !texts(error).contains(secret)), "{}", texts(error));
    }
    let described =
        format!("{:?} {:?}", open_as(Access::Remote), open_as(Access::Remote).expect("a store").description());
    assert!(SECRETS.iter().all(|secret| !described.contains(secret)), "{described}");
    texts(&errors[0])
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    for mode in ["disable", "allow", "prefer", "require"] {
        let url = format!("postgresql://charter:{PASSWORD}@{address}/x?sslmode={mode}");
        leads_nowhere(&url, ErrorKind::Unavailable);
    }
    leads_nowhere(&format!("postgresql://charter:{PASSWORD}@/x?host=/nowhere"), ErrorKind::Unavailable);
    let name = "no-such-host.invalid";
    leads_nowhere(&format!("postgresql://charter:{PASSWORD}@{name}/x"), ErrorKind::Unavailable);
}

/// It takes connections and never says a word: libpq's `connect_timeout` covers that, too.
#[test]
fn a_server_that_says_nothing_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    for mode in ["disable", "require"] {
        let url = format!("postgresql://charter:{PASSWORD}@{address}/x?connect_timeout=1&sslmode={mode}");
        leads_nowhere(&url, ErrorKind::Unavailable);
    }
}

#[test]
fn a_server_that_ends_at_once_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || listener.incoming().for_each(drop));
    leads_nowhere(&format!("postgresql://charter:{PASSWORD}@{address}/x"), ErrorKind::Unavailable);
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let test = Engine::Postgres.fresh();
    let (_, address) = test.url.split_once('@').expect("a user");
    let texts = leads_nowhere(&format!("postgresql://charter:{PASSWORD}@{address}"), ErrorKind::Unavailable);
    assert!(texts.contains("password authentication failed"), "{texts}");
    let texts = leads_nowhere(&format!("postgresql://charter@{address}"), ErrorKind::Unavailable);
    assert!(texts.contains("password"), "{texts}");
    // What a statement fails with does not show it either.
    let hidden = test.url.split([':', '@']).nth(2).expect("a password");
    test.execute("ALTER TABLE charter_records RENAME COLUMN body TO other");
    let error = test.store.store_schema("a", "{}", "1").expect_err("the column is gone");
    assert!(!self::texts(&error).contains(hidden), "{error:?}");
}

#[test]
fn a_database_that_does_not_exist_is_not_found() {
    let test = Engine::Postgres.fresh();
    let url = test.url.replace("charter_test_", "charter_none_");
    leads_nowhere(&url, ErrorKind::NotFound);
}

/// Certificates as `openssl` makes them, where the server's user can read them.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("charter-tls.").tempdir().expect("a folder");
        run("chmod", &["755", &folder.path().to_string_lossy()]);
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// A certificate that signs itself, for a name; as `openssl req` makes them, it is an authority, too.
    fn self_signed(&self, name: &str, subject: &str, extensions: &[&str]) -> (String, String) {
        let (certificate, key) = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        let subject_name = format!("/CN={subject}");
        let mut arguments = vec![
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &subject_name,
            "-keyout",
            &key,
            "-out",
            &certificate,
        ];
        for extension in extensions {
            arguments.extend(["-addext", extension]);
        }
        run("openssl", &arguments);
        self.for_the_server(&key);
        (certificate, key)
    }

    /// A certificate that another one signed.
    fn signed_by(&self, authority: &(String, String), name: &str, subject_alternative: &str) -> (String, String) {
        let (certificate, key) = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        let request = self.path("request");
        let extensions = format!("subjectAltName={subject_alternative}");
        run(
            "openssl",
            &[
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=x",
                "-addext",
                &extensions,
                "-keyout",
                &key,
                "-out",
                &request,
            ],
        );
        run(
            "openssl",
            &[
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                &authority.0,
                "-CAkey",
                &authority.1,
                "-CAcreateserial",
                "-days",
                "2",
                "-copy_extensions",
                "copy",
                "-out",
                &certificate,
            ],
        );
        self.for_the_server(&key);
        (certificate, key)
    }

    /// The server refuses keys that others may read, and as root's child it runs as another user.
    fn for_the_server(&self, key: &str) {
        run("chmod", &["600", key]);
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if is_root {
            let user = ["postgres", "nobody"]
                .into_iter()
                .find(|user| Command::new("id").arg(user).output().is_ok_and(|output| output.status.success()));
            run("chown", &[user.expect("a user for the server"), key]);
        }
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect(program);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn encrypting(certificate: &(String, String)) -> Server {
    Server::start(&[("ssl", "on"), ("ssl_cert_file", &certificate.0), ("ssl_key_file", &certificate.1)])
}

/// The URL of the server at `host`, with these parameters.
fn at(server: &Server, host: &str, parameters: &str) -> String {
    let url = server.url("postgres").replace("@127.0.0.1:", &format!("@{host}:"));
    format!("{url}?{parameters}")
}

#[track_caller]
fn works(url: &str) {
    Store::open(url).expect(url).list_everything().expect(url);
}

#[track_caller]
fn is_not_trusted(url: &str) -> String {
    let error = Store::open(url).expect_err(url);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{url}: {error:?}");
    error.to_string()
}

fn connections_are_encrypted(test: &str) -> bool {
    let store = Store::open(test).expect("a store");
    store.list_everything().expect("a list");
    let plain = test.split('?').next().expect("a URL");
    let rows = crate::support::postgres::query(
        plain,
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'charter'",
    );
    rows[0][0].as_deref() == Some("t")
}

#[test]
fn encryption_with_a_certificate_that_signs_itself() {
    let certificates = Certificates::new();
    let own = certificates.self_signed("server", "localhost", &["subjectAltName=DNS:localhost"]);
    let other = certificates.self_signed("other", "localhost", &["subjectAltName=DNS:localhost"]);
    let server = encrypting(&own);
    initialize(&server.url("postgres"));
    for mode in ["allow", "prefer", "require"] {
        works(&at(&server, "127.0.0.1", &format!("sslmode={mode}")));
    }
    assert!(connections_are_encrypted(&at(&server, "127.0.0.1", "sslmode=require")));
    assert!(connections_are_encrypted(&at(&server, "127.0.0.1", "sslmode=require&channel_binding=require")));
    let (root, wrong) = (format!("sslrootcert={}", own.0), format!("sslrootcert={}", other.0));
    for mode in ["verify-ca", "verify-full"] {
        is_not_trusted(&at(&server, "localhost", &format!("sslmode={mode}")));
        is_not_trusted(&at(&server, "localhost", &format!("sslmode={mode}&{wrong}")));
        works(&at(&server, "localhost", &format!("sslmode={mode}&{root}")));
    }
    // Another name: the authority is right, the server is not the one.
    works(&at(&server, "127.0.0.1", &format!("sslmode=verify-ca&{root}")));
    let error = is_not_trusted(&at(&server, "127.0.0.1", &format!("sslmode=verify-full&{root}")));
    assert!(error.contains("127.0.0.1"), "{error}");
    // As in libpq, a root certificate makes `require` check it.
    works(&at(&server, "127.0.0.1", &format!("sslmode=require&{root}")));
    is_not_trusted(&at(&server, "127.0.0.1", &format!("sslmode=require&{wrong}")));
}

#[test]
fn encryption_with_a_certificate_of_an_authority() {
    let certificates = Certificates::new();
    let authority = certificates.self_signed("authority", "authority", &[]);
    let other = certificates.self_signed("other", "authority", &[]);
    let server = encrypting(&certificates.signed_by(&authority, "server", "DNS:localhost,IP:127.0.0.1"));
    initialize(&server.url("postgres"));
    for host in ["localhost", "127.0.0.1"] {
        works(&at(&server, host, &format!("sslmode=verify-full&sslrootcert={}", authority.0)));
        is_not_trusted(&at(&server, host, &format!("sslmode=verify-full&sslrootcert={}", other.0)));
        is_not_trusted(&at(&server, host, "sslmode=verify-full"));
    }
    let missing = certificates.path("missing.crt");
    let error = Store::open(&at(&server, "localhost", &format!("sslmode=verify-full&sslrootcert={missing}")))
        .expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(error.location().is_some_and(|location| location.file == Path::new(&missing)), "{error:?}");
}

#[test]
fn a_server_without_encryption_is_refused_where_it_is_required() {
    let test: TestStore = Engine::Postgres.fresh();
    for mode in ["disable", "allow", "prefer"] {
        works(&format!("{}?sslmode={mode}", test.url));
    }
    let error = is_not_trusted(&format!("{}?sslmode=require", test.url));
    assert!(error.contains("TLS") || error.contains("SSL"), "{error}");
}
