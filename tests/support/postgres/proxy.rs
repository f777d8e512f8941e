//! A TCP proxy in front of a Postgres server that counts round trips and cuts connections.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// A proxy on a port of 127.0.0.1.
///
/// A round trip is what makes the client wait for the server: a `Query`, a `FunctionCall`, or a `Sync`, which ends one
/// cycle of `Parse`, `Bind`, `Execute`, `CopyData` and so on. A cycle that only closes statements or portals is not
/// counted, since drivers send it when a statement is dropped and do not wait; neither is the login (see
/// [`connections`](Self::connections)) nor the goodbye. `Flush` is taken for no round trip. It reads plain text only: the
/// throw-away servers have no TLS.
pub(crate) struct Proxy {
    state: Arc<State>,
    url: String,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct State {
    server: SocketAddr,
    connections: AtomicU64,
    round_trips: AtomicU64,
    bytes: AtomicU64,
    is_refusing: AtomicBool,
    is_closing: AtomicBool,
    /// How many more bytes of clients pass before the connection that brings the last of them is cut.
    allowance: Mutex<Option<u64>>,
    open: Mutex<HashMap<u64, Connection>>,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Connection {
    fn try_clone(&self) -> std::io::Result<Self> {
        Ok(Self { client: self.client.try_clone()?, server: self.server.try_clone()? })
    }

    /// The client loses the connection at once. The server first gets everything that was passed on, then the end of
    /// input: what the proxy let through has happened, but the client never hears of it.
    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Write);
    }
}

impl Proxy {
    /// Starts one in front of the server that `url` names; see [`url`](Self::url).
    pub(crate) fn in_front_of(url: &str) -> Self {
        let (start, rest) = url.split_once('@').expect("the URL has a user");
        let (server, rest) = rest.split_once('/').expect("the URL names a database");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the listener's address");
        let state = Arc::new(State {
            server: server.to_socket_addrs().expect("host:port").next().expect("an address of the server"),
            connections: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            is_refusing: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            allowance: Mutex::new(None),
            open: Mutex::new(HashMap::new()),
        });
        let accepting = thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state)
        });
        Self { state, url: format!("{start}@{address}/{rest}"), address, accepting: Some(accepting) }
    }

    /// The server's URL by way of the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }

    /// How many round trips there were so far, over all connections.
    pub(crate) fn round_trips(&self) -> u64 {
        self.state.round_trips.load(SeqCst)
    }

    /// How many bytes clients have sent so far, logins included: the range of [`cut_after`](Self::cut_after).
    pub(crate) fn bytes_from_clients(&self) -> u64 {
        self.state.bytes.load(SeqCst)
    }

    /// Cuts every open connection now. Later ones pass.
    pub(crate) fn cut(&self) {
        lock(&self.state.open).values().for_each(Connection::cut);
    }

    /// Lets this many more bytes of clients pass, over all connections, then cuts the one that brought the last of them.
    /// The server gets exactly these bytes. Later connections pass. Zero cuts at the next byte.
    pub(crate) fn cut_after(&self, bytes: u64) {
        *lock(&self.state.allowance) = Some(bytes);
    }

    /// Whether to drop new connections, as if the server were away; those that are open stay.
    pub(crate) fn refuse(&self, is_refusing: bool) {
        self.state.is_refusing.store(is_refusing, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_closing.store(true, SeqCst);
        // Wakes the thread that accepts; it ends, and no connection comes after the last cut.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.cut();
    }
}

/// The value, also after a panic elsewhere: every value here is whole between two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for client in listener.incoming().flatten() {
        if state.is_closing.load(SeqCst) {
            return;
        }
        if state.is_refusing.load(SeqCst) {
            continue;
        }
        // A server that is away shows as a connection that ends at once.
        let Ok(server) = TcpStream::connect(state.server) else { continue };
        let connection = Connection { client, server };
        let id = state.connections.fetch_add(1, SeqCst);
        let _ = connection.client.set_nodelay(true);
        let _ = connection.server.set_nodelay(true);
        let Ok(handle) = connection.try_clone() else { continue };
        lock(&state.open).insert(id, handle);
        let state = Arc::clone(state);
        thread::spawn(move || {
            thread::scope(|scope| {
                scope.spawn(|| pass_answers(&connection));
                pass_requests(&connection, &state);
            });
            lock(&state.open).remove(&id);
        });
    }
}

/// From the server to the client. After a cut it goes on to drain the server, which must not block on its answers.
fn pass_answers(connection: &Connection) {
    let mut buffer = [0; 16 * 1024];
    let mut client_listens = true;
    while let Ok(length @ 1..) = (&connection.server).read(&mut buffer) {
        client_listens = client_listens && (&connection.client).write_all(&buffer[..length]).is_ok();
    }
    let _ = connection.client.shutdown(Shutdown::Both);
}

/// From the client to the server.
fn pass_requests(connection: &Connection, state: &State) {
    let mut buffer = [0; 16 * 1024];
    let mut frontend = Frontend::default();
    while let Ok(length @ 1..) = (&connection.client).read(&mut buffer) {
        let (allowed, is_last) = state.allow(length);
        let passed = &buffer[..allowed];
        // Counted before the server can answer: a client that has its answer finds it counted.
        state.bytes.fetch_add(allowed as u64, SeqCst);
        state.round_trips.fetch_add(frontend.round_trips(passed), SeqCst);
        if is_last {
            // First, so that no answer to the last bytes can overtake the cut.
            let _ = connection.client.shutdown(Shutdown::Both);
        }
        if (&connection.server).write_all(passed).is_err() || is_last {
            connection.cut();
            return;
        }
    }
    let _ = connection.server.shutdown(Shutdown::Write);
}

impl State {
    /// How many of `length` bytes may pass, and whether the connection is cut after them.
    fn allow(&self, length: usize) -> (usize, bool) {
        let mut allowance = lock(&self.allowance);
        match *allowance {
            None => (length, false),
            Some(left) if left > length as u64 => {
                *allowance = Some(left - length as u64);
                (length, false)
            }
            Some(left) => {
                *allowance = None;
                (usize::try_from(left).unwrap_or(length), true)
            }
        }
    }
}

/// Reads the messages of one client, in whatever pieces they come.
/// Format: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
#[derive(Default)]
struct Frontend {
    /// The start of the message so far: type and length; before the login, which has no types, length and code.
    header: Vec<u8>,
    /// Bytes of the message's body that are still to come.
    body: usize,
    has_started: bool,
    /// What this cycle had: a `Close`, something else.
    closes: bool,
    works: bool,
}

impl Frontend {
    /// How many round trips these bytes complete.
    fn round_trips(&mut self, mut bytes: &[u8]) -> u64 {
        let mut count = 0;
        while !bytes.is_empty() {
            let wanted = if self.has_started { 5 } else { 8 };
            let taken = bytes.len().min(wanted - self.header.len());
            self.header.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.header.len() < wanted {
                break;
            }
            if taken > 0 {
                self.body = self.body_length();
            }
            let taken = bytes.len().min(self.body);
            self.body -= taken;
            bytes = &bytes[taken..];
            if self.body == 0 {
                count += u64::from(self.end_message());
                self.header.clear();
            }
        }
        count
    }

    /// The length in a header counts itself, not the type before it.
    fn body_length(&self) -> usize {
        let start = usize::from(self.has_started);
        let length = u32::from_be_bytes([0, 1, 2, 3].map(|i| self.header[start + i])) as usize;
        length.saturating_sub(self.header.len() - start)
    }

    /// Whether the message in the header makes the client wait.
    fn end_message(&mut self) -> bool {
        if !self.has_started {
            // Not a request for encryption or a cancellation, whose "major version" is 1234: the login.
            self.has_started = self.header[4..6] == [0, 3];
            return false;
        }
        match self.header[0] {
            b'Q' | b'F' => true,
            b'S' => {
                let only_closes = self.closes && !self.works;
                (self.closes, self.works) = (false, false);
                !only_closes
            }
            b'C' => {
                self.closes = true;
                false
            }
            _ => {
                self.works = true;
                false
            }
        }
    }
}

mod tests {
    use super::super::{database, query, try_query};
    use super::*;
    use tokio_postgres::NoTls;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
    }

    #[test]
    fn messages_are_counted_in_whatever_pieces_they_come() {
        let login = [&8_u32.to_be_bytes()[..], &80_877_103_u32.to_be_bytes(), &9_u32.to_be_bytes(), &[0, 3, 0, 0, 0]];
        let mut bytes = login.concat();
        for (kind, body) in
            [(b'p', "password"), (b'Q', "SELECT 1"), (b'P', "Q"), (b'D', ""), (b'S', ""), (b'C', "s"), (b'S', "")]
        {
            bytes.extend(message(kind, body.as_bytes()));
        }
        for size in 1..=bytes.len() {
            let mut frontend = Frontend::default();
            let count: u64 = bytes.chunks(size).map(|piece| frontend.round_trips(piece)).sum();
            assert_eq!(count, 2, "in pieces of {size}");
        }
    }

    #[test]
    fn round_trips_are_counted_as_the_client_waits() {
        let database = database();
        let proxy = Proxy::in_front_of(database.url());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(proxy.url(), NoTls).await.expect("a connection");
            let connection = tokio::spawn(connection);
            assert_eq!((proxy.connections(), proxy.round_trips()), (1, 0));
            client.simple_query("SELECT 1; SELECT 2").await.expect("an answer");
            assert_eq!(proxy.round_trips(), 1);
            let statement = client.prepare("SELECT $1::int").await.expect("an answer");
            assert_eq!(proxy.round_trips(), 2);
            for _ in 0..3 {
                client.query(&statement, &[&1]).await.expect("an answer");
            }
            assert_eq!(proxy.round_trips(), 5);
            drop((statement, client));
            connection.await.expect("no panic").expect("a clean end");
        });
        assert_eq!((proxy.connections(), proxy.round_trips()), (1, 5));
    }

    #[test]
    fn a_cut_takes_the_connection_and_not_what_was_passed_on() {
        let database = database();
        let proxy = Proxy::in_front_of(database.url());
        database.execute("CREATE TABLE t (a int)");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (client, login_and_insert) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(proxy.url(), NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client.simple_query("INSERT INTO t VALUES (1)").await.expect("an answer");
            (client, proxy.bytes_from_clients())
        });

        // One byte short: it did not happen.
        proxy.cut_after(login_and_insert - 1);
        try_query(proxy.url(), "INSERT INTO t VALUES (2)").expect_err("the connection is cut");
        // To the last byte: it happened, though the client had no answer.
        proxy.cut_after(login_and_insert);
        try_query(proxy.url(), "INSERT INTO t VALUES (3)").expect_err("the connection is cut");
        crate::support::eventually("the row of the last insert", || database.query("SELECT FROM t").len() == 2);
        assert_eq!(database.query("SELECT a FROM t ORDER BY a"), [[Some("1".to_owned())], [Some("3".to_owned())]]);

        proxy.refuse(true);
        try_query(proxy.url(), "SELECT 1").expect_err("the connection is refused");
        proxy.refuse(false);
        query(proxy.url(), "SELECT 1");
        drop(client);
    }

    #[test]
    fn a_cut_reaches_a_client_that_waits() {
        let database = database();
        let proxy = Proxy::in_front_of(database.url());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| try_query(proxy.url(), "SELECT pg_sleep(600)"));
            crate::support::eventually("the query", || proxy.round_trips() == 1);
            proxy.cut();
            waiting.join().expect("no panic").expect_err("the connection is cut");
        });
    }
}
