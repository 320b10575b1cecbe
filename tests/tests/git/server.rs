//! A server on this machine that speaks git's protocol for HTTP, and others that do not.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::repository::git;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With what follows the `?`.
    pub(crate) path: String,
    /// The lines of the head.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == "POST"
    }
}

/// What is answered.
pub(crate) enum Answer {
    /// As a git server does.
    Git,
    /// As one does that knows only the first version of the protocol.
    OldGit,
    /// Another status, with more lines for the head.
    Status(u16, &'static str),
    /// To go elsewhere.
    Redirect(String),
    /// This, as this type.
    Bytes(&'static str, Vec<u8>),
    /// As a git server does, of which only so many bytes are sent before it is silent.
    GitUntil(usize),
    /// Nothing, for a long time.
    Silence,
}

/// A server, which ends with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Serves one repository as `/demo.git`.
    pub(crate) fn of(repository: impl Into<PathBuf>) -> Self {
        Self::with(repository, |_| Answer::Git)
    }

    /// Serves it as `answer` says.
    pub(crate) fn with(
        repository: impl Into<PathBuf>,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(repository.into(), answer, None)
    }

    /// Serves it by TLS. Gives also the certificate of who made its certificate.
    pub(crate) fn secure(repository: impl Into<PathBuf>) -> (Self, String) {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new([]).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
        let server = Self::start(repository.into(), |_| Answer::Git, Some(Arc::new(config)));
        (server, authority_certificate.pem())
    }

    fn start(
        repository: PathBuf,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let url = match tls {
            Some(_) => format!("https://localhost:{port}/demo.git"),
            None => format!("http://127.0.0.1:{port}/demo.git"),
        };
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                let (repository, tls) = (repository.clone(), tls.clone());
                thread::spawn(move || {
                    let answered = |stream: &mut dyn Connection| {
                        let request = read(stream)?;
                        kept.lock().unwrap().push(request.clone());
                        write(stream, &request, answer(&request), &repository)
                    };
                    // Whoever asked may have gone away.
                    let _ = match tls {
                        None => answered(&mut { stream }),
                        Some(config) => {
                            let session = rustls::ServerConnection::new(config).unwrap();
                            let mut stream = rustls::StreamOwned::new(session, stream);
                            let answered = answered(&mut stream);
                            stream.conn.send_close_notify();
                            let _ = stream.flush();
                            answered
                        }
                    };
                });
            }
        });
        Self { url, requests }
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Whether somebody asked for one commit without its history.
    pub(crate) fn was_asked_for_one_commit(&self) -> bool {
        self.posts().iter().any(|body| body.contains("deepen 1"))
    }

    /// What was sent with requests.
    pub(crate) fn posts(&self) -> Vec<String> {
        let requests = self.requests();
        let bodies = requests.iter().filter(|request| request.is_post());
        bodies
            .map(|request| String::from_utf8_lossy(&request.body).into_owned())
            .collect()
    }
}

trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

fn read(stream: &mut dyn Connection) -> io::Result<Request> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut next = |stream: &mut BufReader<_>| {
        line.clear();
        stream.read_line(&mut line)?;
        io::Result::Ok(line.trim_end().to_owned())
    };
    let first = next(&mut stream)?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };
    loop {
        let line = next(&mut stream)?;
        if line.is_empty() {
            break;
        }
        request.headers.push(line);
    }
    let length = request
        .header("content-length")
        .map(|it| it.parse().unwrap());
    request.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut request.body)?;
    Ok(request)
}

fn write(
    stream: &mut dyn Connection,
    request: &Request,
    answer: Answer,
    repository: &std::path::Path,
) -> io::Result<()> {
    let kind = match request.is_post() {
        true => "application/x-git-upload-pack-result",
        false => "application/x-git-upload-pack-advertisement",
    };
    let upload_pack = |old: bool| {
        let mut git = git();
        git.args(["upload-pack", "--stateless-rpc"]);
        let mut answer = Vec::new();
        if !request.is_post() {
            git.arg("--advertise-refs");
        }
        match request.header("git-protocol") {
            Some(protocol) if !old => drop(git.env("GIT_PROTOCOL", protocol)),
            _ if !request.is_post() => answer.extend(b"001e# service=git-upload-pack\n0000"),
            _ => {}
        }
        let mut child = git
            .arg(repository)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(&request.body);
        drop(stdin);
        answer.extend(child.wait_with_output()?.stdout);
        io::Result::Ok(answer)
    };
    let head = |status: u16, more: &str| {
        format!("HTTP/1.1 {status} As asked\r\nConnection: close\r\n{more}\r\n")
    };
    let of_type = |kind: &str| head(200, &format!("Content-Type: {kind}\r\n"));
    let silence = || thread::sleep(Duration::from_secs(600));
    match answer {
        Answer::Git => {
            stream.write_all(of_type(kind).as_bytes())?;
            stream.write_all(&upload_pack(false)?)?;
        }
        Answer::OldGit => {
            stream.write_all(of_type(kind).as_bytes())?;
            stream.write_all(&upload_pack(true)?)?;
        }
        Answer::GitUntil(bytes) => {
            stream.write_all(of_type(kind).as_bytes())?;
            let answer = upload_pack(false)?;
            stream.write_all(&answer[..bytes.min(answer.len())])?;
            stream.flush()?;
            silence();
        }
        Answer::Status(status, more) => stream.write_all(head(status, more).as_bytes())?,
        Answer::Redirect(to) => {
            let location = format!("Location: {to}\r\n");
            stream.write_all(head(302, &location).as_bytes())?;
        }
        Answer::Bytes(kind, bytes) => {
            stream.write_all(of_type(kind).as_bytes())?;
            stream.write_all(&bytes)?;
        }
        Answer::Silence => silence(),
    }
    stream.flush()
}
