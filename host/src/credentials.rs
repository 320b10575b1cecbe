//! URLs as they may be shown.

/// A URL without the user and the password that it names, to be shown and written down; also of one that
/// is no URL because of what its password has in it.
#[must_use]
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let (_, port) = authority.rsplit_once(':').unwrap_or_default();
    // A password with a `/` in it: what stands before that is no host then.
    let is_torn = !authority.starts_with('[') && !port.bytes().all(|it| it.is_ascii_digit());
    let at = match authority.rfind('@') {
        None if is_torn => rest.rfind('@'),
        at => at,
    };
    match at {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}
