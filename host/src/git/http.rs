//! HTTP for gix, by ureq: with rules about redirects, bounds, and an end at any time.
//!
//! Each request has a thread of its own, which may hang as long as the server does; whoever waits for
//! it looks every few milliseconds whether the fetch should end, and gives it up then. Such a thread
//! has nothing but its connection, and ends when that has been silent for too long.

use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use ureq::http::{Response, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::error::{GitError, said_text};
use super::location::is_this_machine;
use super::run::Run;

/// As often it is looked whether the fetch should end.
const PAUSE: Duration = Duration::from_millis(50);
/// As long may it take to connect.
const CONNECTING: Duration = Duration::from_secs(30);
/// As many redirects are followed.
const REDIRECTS: usize = 5;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// As many chunks are read ahead.
const AHEAD: usize = 4;

/// Does the requests of one fetch.
pub(super) struct Client {
    agent: Agent,
    run: Arc<Run>,
    /// The URL of the repository, after redirects.
    base: Option<String>,
}

impl Client {
    /// A client for the repository at `url`.
    pub(super) fn new(url: &str, run: &Arc<Run>) -> Self {
        let here = url
            .parse::<Uri>()
            .is_ok_and(|uri| uri.host().is_some_and(is_this_machine));
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECTING))
            .timeout_connect(Some(CONNECTING))
            .timeout_per_read(Some(run.patience))
            .timeout_per_write(Some(run.patience))
            .proxy(if here { None } else { Proxy::try_from_env() })
            .tls_config(tls.build())
            .build();
        Self {
            agent: config.new_agent(),
            run: Arc::clone(run),
            base: None,
        }
    }

    /// Begins a request, of which `body` will be sent, if that is given.
    fn begin(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Option<Receiver<Vec<u8>>>,
    ) -> io::Result<Pending> {
        let (head_to, head) = mpsc::sync_channel(1);
        let (chunks_to, chunks) = mpsc::sync_channel(AHEAD);
        let (agent, headers, asked) = (self.agent.clone(), headers.to_vec(), url.to_owned());
        thread::Builder::new()
            .name("keyway git".into())
            .spawn(move || {
                let answer = match body {
                    None => request(agent.get(&asked), &headers).call(),
                    // Whoever was to give it has given up.
                    Some(body) => match body.recv() {
                        Ok(body) => request(agent.post(&asked), &headers).send(&body[..]),
                        Err(_) => return,
                    },
                };
                hand_over(answer, &head_to, &chunks_to);
            })?;
        Ok(Pending {
            url: url.to_owned(),
            head,
            body: Received {
                chunks: Some(chunks),
                chunk: Cursor::default(),
                run: Arc::clone(&self.run),
            },
        })
    }
}

fn request<B>(
    mut builder: ureq::RequestBuilder<B>,
    headers: &[(String, String)],
) -> ureq::RequestBuilder<B> {
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder
}

/// Gives what a server answers to whoever waits for it, until nobody does.
fn hand_over(
    answer: Result<Response<Body>, ureq::Error>,
    head: &SyncSender<Result<Head, ureq::Error>>,
    chunks: &SyncSender<io::Result<Vec<u8>>>,
) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return drop(head.send(Err(error))),
    };
    if head.send(Ok(Head::of(&answer))).is_err() {
        return;
    }
    let mut body = answer.into_body().into_reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = match body.read(&mut chunk) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read,
        };
        let failed = read.is_err();
        let read = read.map(|length| {
            chunk.truncate(length);
            chunk
        });
        if chunks.send(read).is_err() || failed {
            return;
        }
    }
}

/// What a server says before it sends the content.
struct Head {
    status: u16,
    /// Where it redirects to.
    location: Option<String>,
    /// `name:value`, each on a line of its own.
    lines: Vec<u8>,
}

impl Head {
    fn of(answer: &Response<Body>) -> Self {
        let mut lines = Vec::new();
        for (name, value) in answer.headers() {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.push(b':');
            lines.extend_from_slice(value.as_bytes());
            lines.push(b'\n');
        }
        let location = answer.headers().get(header::LOCATION);
        Self {
            status: answer.status().as_u16(),
            location: location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            lines,
        }
    }
}

/// A request that is not answered yet.
struct Pending {
    url: String,
    head: Receiver<Result<Head, ureq::Error>>,
    body: Received,
}

/// Waits for the answer to a request for `url`.
fn wait_for_head(
    run: &Run,
    url: &str,
    head: &Receiver<Result<Head, ureq::Error>>,
) -> io::Result<Head> {
    match wait(run, head)? {
        Some(Ok(head)) => Ok(head),
        Some(Err(error)) => Err(give_up(run, failure(run, error))),
        None => Err(give_up(
            run,
            GitError::Unreachable {
                url: url.to_owned(),
                source: "the request ended without an answer".into(),
            },
        )),
    }
}

/// Refuses an answer that is none, or leads elsewhere.
fn check_status(run: &Run, url: &str, head: &Head) -> io::Result<()> {
    let url = url.to_owned();
    match (head.status, &head.location) {
        (200..=299, _) => Ok(()),
        (300..=399, Some(to)) => {
            let to = crate::without_credentials(to);
            Err(give_up(run, GitError::Redirected { url, to }))
        }
        (status, _) => Err(give_up(run, GitError::Status { url, status })),
    }
}

/// What went wrong while nothing was answered.
fn failure(run: &Run, error: ureq::Error) -> GitError {
    match error {
        ureq::Error::Timeout(_) => stalled(run),
        error => GitError::Unreachable {
            url: run.url.clone(),
            source: said_text(&error.to_string()),
        },
    }
}

fn stalled(run: &Run) -> GitError {
    GitError::Stalled {
        url: run.url.clone(),
        waited: run.patience,
    }
}

/// Keeps the reason, and gives an error that ends what gix is doing.
fn give_up(run: &Run, error: GitError) -> io::Error {
    let shown = io::Error::other(error.to_string());
    run.fail(error);
    shown
}

/// Waits for a thread's next word; `None` if there will be none.
fn wait<T>(run: &Run, from: &Receiver<T>) -> io::Result<Option<T>> {
    let since = Instant::now();
    loop {
        if let Err(error) = run.check() {
            return Err(give_up(run, error));
        }
        match from.recv_timeout(PAUSE) {
            Ok(word) => return Ok(Some(word)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if since.elapsed() >= run.patience {
            return Err(give_up(run, stalled(run)));
        }
    }
}

/// The content of an answer.
pub(super) struct Received {
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: Cursor<Vec<u8>>,
    run: Arc<Run>,
}

impl Read for Received {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Some(chunks) = &self.chunks else {
                return Ok(0);
            };
            match wait(&self.run, chunks)? {
                Some(Ok(chunk)) => {
                    let length = chunk.len() as u64;
                    if let Err(error) = self.run.count_received(length) {
                        return Err(give_up(&self.run, error));
                    }
                    self.chunk = Cursor::new(chunk);
                }
                Some(Err(error)) => {
                    let error = failure(&self.run, ureq::Error::from(error));
                    return Err(give_up(&self.run, error));
                }
                None => self.chunks = None,
            }
        }
    }
}

/// The headers of an answer, which may not have come yet.
pub(super) struct Headers {
    pending: Option<(String, Receiver<Result<Head, ureq::Error>>)>,
    lines: Cursor<Vec<u8>>,
    run: Arc<Run>,
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some((url, head)) = self.pending.take() {
            let head = wait_for_head(&self.run, &url, &head)?;
            check_status(&self.run, &url, &head)?;
            self.lines = Cursor::new(head.lines);
        }
        self.lines.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.lines.consume(amount);
    }
}

impl Read for Headers {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// What is sent when it is whole, that is, dropped.
pub(super) struct Sent {
    bytes: Vec<u8>,
    to: Sender<Vec<u8>>,
}

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let _ = self.to.send(std::mem::take(&mut self.bytes));
    }
}

impl Http for Client {
    type Headers = Headers;
    type ResponseBody = BufReader<Received>;
    type PostBody = Sent;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, BufReader<Received>>> {
        let headers = pairs(headers);
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let pending = self.begin(&url, &headers, None).map_err(into_gix)?;
            let head = wait_for_head(&self.run, &url, &pending.head).map_err(into_gix)?;
            let next = match (head.status, &head.location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => redirected(&url, location, tail),
                _ => None,
            };
            if let Some(next) = next {
                self.base = next.strip_suffix(tail).map(str::to_owned);
                url = next;
                continue;
            }
            check_status(&self.run, &url, &head).map_err(into_gix)?;
            return Ok(GetResponse {
                headers: Headers {
                    pending: None,
                    lines: Cursor::new(head.lines),
                    run: Arc::clone(&self.run),
                },
                body: BufReader::new(pending.body),
            });
        }
        let error = GitError::Redirected {
            to: url.clone(),
            url,
        };
        Err(into_gix(give_up(&self.run, error)))
    }

    fn post(
        &mut self,
        url: &str,
        _: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, BufReader<Received>, Sent>> {
        let (to, body) = mpsc::channel();
        let pending = self
            .begin(url, &pairs(headers), Some(body))
            .map_err(into_gix)?;
        Ok(PostResponse {
            post_body: Sent {
                bytes: Vec::new(),
                to,
            },
            headers: Headers {
                pending: Some((pending.url, pending.head)),
                lines: Cursor::default(),
                run: Arc::clone(&self.run),
            },
            body: BufReader::new(pending.body),
        })
    }

    fn configure(&mut self, _: &dyn std::any::Any) -> gix::Result<()> {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.base.clone()
    }
}

/// Where a redirect leads, if that is to the same repository host: same scheme, host and port, and to
/// what was asked for.
fn redirected(from: &str, location: &str, tail: &str) -> Option<String> {
    let origin = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority()?.as_str().to_ascii_lowercase();
        Some((uri.scheme_str()?.to_owned(), authority))
    };
    let (scheme, authority) = origin(from)?;
    let to = match location.starts_with('/') && !location.starts_with("//") {
        true => format!("{scheme}://{authority}{location}"),
        false => location.to_owned(),
    };
    let same = origin(&to)? == (scheme, authority);
    (same && to.ends_with(tail)).then_some(to)
}

/// Headers that are `name: value`.
fn pairs(headers: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<(String, String)> {
    let pairs = headers.into_iter().filter_map(|line| {
        let (name, value) = line.as_ref().split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
}

fn into_gix(error: io::Error) -> gix::Error {
    gix::Error::from_error(error)
}
