//! Where a repository is.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ureq::http::Uri;

use super::error::GitError;
use crate::without_credentials;

/// Where a repository is: what it takes to fetch from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// On disk.
    Folder(PathBuf),
    /// On a server. The URL has no slash at its end.
    Server(String),
}

impl Location {
    /// Reads a URL or an absolute path. Relative paths are refused: whoever writes them down would
    /// write something else than was meant.
    pub(super) fn parse(url: &str) -> Result<Self, GitError> {
        let malformed = |why| {
            let url = without_credentials(url);
            GitError::Malformed { url, why }
        };
        if url.is_empty() {
            return Err(malformed("it is empty"));
        }
        if Path::new(url).is_absolute() {
            return match url.contains('\0') {
                true => Err(malformed("there is a NUL in it")),
                false => Ok(Self::Folder(url.into())),
            };
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            // `user@host:path` is what git takes for SSH.
            return match url.split_once(':') {
                Some((host, _)) if !host.contains('/') && host.contains('@') => {
                    Err(unsupported(url, "ssh"))
                }
                _ => Err(malformed("it has no scheme, and is no absolute path")),
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "https" | "http" => {}
            "file" => return folder(rest).map(Self::Folder).map_err(malformed),
            scheme => return Err(unsupported(url, scheme)),
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(GitError::Credentials {
                url: without_credentials(url),
            });
        }
        if url.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(malformed("there is white space in it"));
        }
        if rest.contains(['?', '#']) {
            return Err(malformed("there is a `?` or a `#` in it"));
        }
        let uri: Uri = url
            .parse()
            .map_err(|_| malformed("it cannot be understood"))?;
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
            return Err(malformed("it has no host"));
        };
        let port = authority[host.len()..].strip_prefix(':');
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(malformed("its port is no number"));
        }
        if uri.scheme_str() == Some("http") && !is_this_machine(host) {
            let url = url.to_owned();
            return Err(GitError::Insecure { url });
        }
        Ok(Self::Server(url.trim_end_matches('/').to_owned()))
    }
}

/// Whether a host's name or address always means this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn unsupported(url: &str, scheme: &str) -> GitError {
    GitError::Unsupported {
        url: without_credentials(url),
        scheme: scheme.to_owned(),
    }
}

/// The path of a `file://` URL, of which `rest` follows that.
fn folder(rest: &str) -> Result<PathBuf, &'static str> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("`file://` is followed by an absolute path");
    }
    let path = decode(path).ok_or("what follows a `%` are two digits of 16")?;
    if path.contains(&0) {
        return Err("there is a NUL in it");
    }
    Ok(native(path)?.into())
}

#[cfg(unix)]
fn native(path: Vec<u8>) -> Result<OsString, &'static str> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(OsString::from_vec(path))
}

#[cfg(not(unix))]
fn native(path: Vec<u8>) -> Result<OsString, &'static str> {
    let path = String::from_utf8(path).map_err(|_| "it is no UTF-8")?;
    // `/C:/folder`
    Ok(path.trim_start_matches('/').into())
}

/// Replaces each `%` and its two digits by what they stand for.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}
