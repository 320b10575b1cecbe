//! What stands before a server's socket for a browser: it takes connections over TCP, and wants a token.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(10);
/// What wants no token, besides the files of the page.
const OPEN: [&str; 3] = ["/", "/healthz", "/readyz"];

/// An address at which a server answers. It goes with this.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    token: Mutex<Option<String>>,
    /// What is answered by us, by paths without what is behind `?`.
    feeds: Mutex<BTreeMap<String, String>>,
    replies: Mutex<BTreeMap<String, String>>,
    closed: AtomicBool,
}

impl Gate {
    /// An address for the server at `socket`; with a token, which each request has to have.
    ///
    /// # Panics
    ///
    /// When there is no port.
    #[must_use]
    pub fn before(socket: &Path, token: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            socket: socket.to_owned(),
            token: Mutex::new(token.map(str::to_owned)),
            feeds: Mutex::default(),
            replies: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let gate = Self {
            port,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // Who leaves in between is no matter.
                thread::spawn(move || stream.and_then(|stream| shared.answer(stream)));
            }
        });
        gate
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// From now on another token is the right one.
    pub fn set_token(&self, token: &str) {
        *lock(&self.shared.token) = Some(token.to_owned());
    }

    /// Sends to all who follow `path` now or later; from the first time on the server is not asked
    /// for that path.
    pub fn feed(&self, path: &str, text: &str) {
        let mut feeds = lock(&self.shared.feeds);
        feeds.entry(path.to_owned()).or_default().push_str(text);
    }

    /// From now on `path` is answered with this JSON text, and the server is not asked.
    pub fn reply(&self, path: &str, text: &str) {
        lock(&self.shared.replies).insert(path.to_owned(), text.to_owned());
    }

    /// Ends what follows `path`; the server is asked again.
    pub fn end_feed(&self, path: &str) {
        lock(&self.shared.feeds).remove(path);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // It waits for one more.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers with JSON.
fn tell(mut stream: TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

impl Shared {
    /// Answers one request, and ends the connection.
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut head = Vec::new();
        let (mut length, mut told) = (0, None);
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let bytes = line;
            let line = String::from_utf8_lossy(&bytes);
            let (name, value) = line.split_once(':').unwrap_or_default();
            match &*name.to_ascii_lowercase() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => told = Some(value.trim().to_owned()),
                "connection" => continue,
                _ => {}
            }
            if line.trim().is_empty() {
                break;
            }
            head.extend_from_slice(&bytes);
        }
        let path = String::from_utf8_lossy(&head);
        let path = path.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let expected = lock(&self.token).as_ref().map(|it| format!("Bearer {it}"));
        let is_open = OPEN.contains(&&*path) || path.starts_with("/page/");
        if !is_open && expected.is_some() && expected != told {
            let body = r#"{"error":{"code":"unauthorized","message":"the token is not the server's","hint":"`keyway token show` prints it"}}"#;
            return tell(stream, "401 Unauthorized\r\nwww-authenticate: Bearer", body);
        }
        if let Some(body) = lock(&self.replies).get(&path).cloned() {
            return tell(stream, "200 OK", &body);
        }
        if lock(&self.feeds).contains_key(&path) {
            return self.follow(stream, &path);
        }
        let mut server = UnixStream::connect(&self.socket)?;
        head.extend_from_slice(b"connection: close\r\n\r\n");
        head.extend_from_slice(&body);
        // It may answer, and close, before it has read all.
        let _ = server.write_all(&head);
        let _ = io::copy(&mut server, &mut stream);
        stream.shutdown(Shutdown::Both)
    }

    fn follow(&self, mut stream: TcpStream, path: &str) -> io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        )?;
        let mut sent = 0;
        while !self.closed.load(Ordering::SeqCst) {
            let Some(text) = lock(&self.feeds).get(path).cloned() else {
                break;
            };
            stream.write_all(&text.as_bytes()[sent..])?;
            sent = text.len();
            thread::sleep(PAUSE);
        }
        stream.shutdown(Shutdown::Both)
    }
}
