//! PgBouncer in front of a Postgres server, which lends its sessions to clients by turns, one transaction each.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A pooler on a port of 127.0.0.1; it ends when the value is dropped or the process of the test dies.
pub(crate) struct Pooler {
    keeper: Child,
    url: String,
    _folder: TempDir,
}

impl Pooler {
    /// Starts one in front of the database that `url` names, with as many sessions of the server.
    ///
    /// # Panics
    ///
    /// When it does not start; what it says is on standard error.
    pub(crate) fn in_front_of(url: &str, sessions: usize) -> Self {
        let (start, rest) = url.split_once('@').expect("the URL has a user");
        let (user, password) =
            start.rsplit_once("//").expect("a scheme").1.split_once(':').expect("the user has a password");
        let (server, database) = rest.split_once('/').expect("the URL names a database");
        let (host, port) = server.split_once(':').expect("host:port");
        let folder = tempfile::Builder::new().prefix("charter-pooler.").tempdir().expect("a folder");
        let file = folder.path().join("pgbouncer.ini");
        for _ in 0..10 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let address = free.local_addr().expect("the listener's address");
            drop(free);
            let settings = format!(
                "[databases]\n* = host={host} port={port} user={user} password={password}\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
                 pool_mode = transaction\ndefault_pool_size = {sessions}\nserver_lifetime = 600\n",
                address.port()
            );
            std::fs::write(&file, settings).expect("a file");
            readable(&folder);
            let mut keeper = start_keeper(&file);
            let answers = || TcpStream::connect(address).is_ok();
            super::super::eventually("the pooler", || answers() || keeper.try_wait().expect("a child").is_some());
            if answers() && keeper.try_wait().expect("a child").is_none() {
                let url = format!("{start}@{address}/{database}");
                return Self { keeper, url, _folder: folder };
            }
            // Somebody else took the port.
        }
        panic!("pgbouncer does not start");
    }

    /// The database's URL by way of the pooler.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// It refuses to be root, and must be able to read its file as somebody else.
fn readable(folder: &TempDir) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a folder of one's own");
}

/// A shell that ends it when standard input does.
fn start_keeper(file: &std::path::Path) -> Child {
    const KEEPER: &str = "PATH=$PATH:/usr/sbin; exec 3<&0; [ \"$(id -u)\" != 0 ] || set -- -u nobody \"$@\"; \
        pgbouncer -q \"$@\" & pooler=$!; { read -r _ <&3; kill -TERM $pooler; } & wait $pooler; kill $! 2>/dev/null";
    Command::new("sh").args(["-c", KEEPER, "sh"]).arg(file).stdin(Stdio::piped()).spawn().expect("a shell")
}

impl Drop for Pooler {
    fn drop(&mut self) {
        if let Some(mut commands) = self.keeper.stdin.take() {
            let _ = commands.write_all(b"end\n");
        }
        let _ = self.keeper.wait();
    }
}
