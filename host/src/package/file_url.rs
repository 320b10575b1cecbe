//! Paths as `file:` URLs.

use std::fmt::Write as _;
use std::path::Path;

/// The `file:` URL of an absolute path, in the form that Qt's `QUrl::fromLocalFile` gives.
pub(super) fn file_url(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut url = String::with_capacity(bytes.len() + 8);
    url.push_str("file://");
    if bytes.first() != Some(&b'/') {
        url.push('/');
    }
    for &byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => url.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => url.push(char::from(byte)),
            _ if b"-._~!$&'()*+,;=:@/".contains(&byte) => url.push(char::from(byte)),
            // Writing to a String does not fail.
            _ => drop(write!(url, "%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn what_is_not_plain_is_encoded() {
        for (path, url) in [
            ("/a/b.qml", "file:///a/b.qml"),
            ("/a b/%#?[]", "file:///a%20b/%25%23%3F%5B%5D"),
            ("/é", "file:///%C3%A9"),
            ("/a\\b", "file:///a%5Cb"),
        ] {
            assert_eq!(file_url(Path::new(path)), url);
        }
    }
}
