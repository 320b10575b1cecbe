//! URLs: what is refused, and what is understood.

use std::path::Path;

use crate::git::location::Location;
use crate::without_credentials;

fn refused(url: &str) -> &'static str {
    Location::parse(url).unwrap_err().code()
}

#[test]
fn what_is_no_url_is_refused() {
    for url in [
        "",
        "demo",
        "./demo",
        "../demo",
        "~/demo",
        "C:demo",
        "https://",
        "https:///demo",
        "https://exa mple.org/demo",
        "https://example.org/demo\n",
        "https://example.org/\u{7}",
        "https://example.org/demo?a=b",
        "https://example.org/demo#main",
        "https://example.org:port/demo",
        "https://[::1/demo",
        "file://",
        "file://demo",
        "file://example.org/demo",
        "file:///demo%",
        "file:///demo%2",
        "file:///demo%zz",
        "file:///demo%00",
        "/demo\0",
    ] {
        assert_eq!(refused(url), "git-malformed-url", "{url:?}");
    }
}

#[test]
fn other_ways_to_fetch_are_refused_and_named() {
    for (url, scheme) in [
        ("ssh://git@example.org/demo.git", "ssh"),
        ("git@example.org:demo.git", "ssh"),
        ("git://example.org/demo.git", "git"),
        ("ftp://example.org/demo.git", "ftp"),
        ("ext::sh -c true://", "ext::sh -c true"),
        ("git+ssh://example.org/demo.git", "git+ssh"),
    ] {
        let error = Location::parse(url).unwrap_err();
        assert_eq!(error.code(), "git-unsupported", "{url}");
        let found = format!("found `{scheme}`, expected `https://`, `file://` or an absolute path");
        assert!(error.to_string().ends_with(&found), "{error}");
        assert!(error.hint().unwrap().contains("https://"));
    }
}

#[test]
fn only_this_machine_is_spoken_to_in_the_open() {
    for host in [
        "example.org",
        "10.0.0.1",
        "0.0.0.0",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "[::2]",
        "128.0.0.1",
        "2130706433",
    ] {
        let url = format!("http://{host}/demo.git");
        assert_eq!(refused(&url), "git-insecure", "{url}");
    }
    for host in [
        "127.0.0.1",
        "127.9.9.9:80",
        "[::1]:8080",
        "localhost",
        "LOCALHOST:1",
    ] {
        let url = format!("http://{host}/demo.git");
        assert_eq!(Location::parse(&url).unwrap(), Location::Server(url));
    }
}

#[test]
fn credentials_are_refused_and_not_repeated() {
    for url in [
        "https://ann:geheim@example.org/demo.git",
        "https://ann@example.org/demo.git",
        "https://:geheim@example.org",
        "https://a@b:geheim@example.org/demo.git",
        "HTTPS://ann:geheim@example.org/demo.git",
        "http://ann:geheim@127.0.0.1/demo.git",
    ] {
        let error = Location::parse(url).unwrap_err();
        assert_eq!(error.code(), "git-credentials", "{url}");
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("geheim") && !shown.contains("ann"),
            "{shown}"
        );
    }
    let error = Location::parse("ssh://ann:geheim@example.org/demo.git").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("geheim"));
    // Its port is none, since the password has a slash.
    let error = Location::parse("https://ann:gehe/im@example.org/demo.git").unwrap_err();
    assert_eq!(error.code(), "git-malformed-url");
    assert!(!format!("{error} {error:?}").contains("gehe"), "{error}");
    for (url, shown) in [
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("https://example.org:80/a@b", "https://example.org:80/a@b"),
        ("https://[::1]/a@b", "https://[::1]/a@b"),
        (
            "https://me:gehe/im@example.org:1/x",
            "https://example.org:1/x",
        ),
        ("https://me:ge@heim@example.org/x", "https://example.org/x"),
    ] {
        assert_eq!(without_credentials(url), shown);
    }
}

#[test]
fn folders_are_understood() {
    for (url, path) in [
        ("/srv/git/demo.git", "/srv/git/demo.git"),
        ("file:///srv/git/demo.git", "/srv/git/demo.git"),
        ("FILE:///srv/git", "/srv/git"),
        ("file://localhost/srv", "/srv"),
        ("file:///with%20space/100%25", "/with space/100%"),
        ("/100%25", "/100%25"),
    ] {
        let folder = Location::Folder(Path::new(path).to_path_buf());
        assert_eq!(Location::parse(url).unwrap(), folder, "{url}");
    }
    let server = Location::Server("https://example.org/demo".to_owned());
    assert_eq!(
        Location::parse("https://example.org/demo/").unwrap(),
        server
    );
}
