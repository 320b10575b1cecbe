//! TLS: what is not encrypted, or by somebody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use keyway_tests::server::{Home, until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{Fort, PACKAGE};

/// An authority, and a certificate of its for `localhost`: the files' names begin with `name`.
fn authority(folder: &Path, name: &str) -> PathBuf {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let at = |end: &str| folder.join(format!("{name}.{end}"));
    fs::write(at("ca"), issuer.pem()).unwrap();
    fs::write(at("cert"), certificate.pem()).unwrap();
    fs::write(at("key"), key.serialize_pem()).unwrap();
    fs::set_permissions(at("key"), Permissions::from_mode(0o600)).unwrap();
    at("ca")
}

#[test]
fn only_who_is_certain_whom_it_asks_sends_the_token() {
    let files = tempfile::tempdir().unwrap();
    let (ours, other) = (authority(files.path(), "a"), authority(files.path(), "b"));
    let at = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (at("a.cert"), at("a.key"));
    let mut fort = Fort::with(&["--tls-cert", &cert, "--tls-key", &key]);
    let ask = |url: &str, more: &[&str]| fort.remote(url, &[&["list"], more].concat());
    let (url, plain) = (fort.url("https"), fort.url("http"));
    let (ours, other) = (ours.to_str().unwrap(), other.to_str().unwrap());

    for more in [&[][..], &["--tls-ca", other]] {
        let error = ask(&url, more).error();
        assert_eq!(error["code"], "tls", "{error}");
        assert!(
            error["hint"].as_str().unwrap().contains("--tls-ca"),
            "{error}"
        );
    }
    // A certificate is for a name.
    let by_address = url.replace("localhost", "127.0.0.1");
    assert_eq!(ask(&by_address, &["--tls-ca", ours]).error()["code"], "tls");
    assert_eq!(ask(&plain, &[]).error()["code"], "no-answer");
    let host = fort.host();
    let bearer = fort.bearer();
    let request = format!("GET /v1/packages HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n");
    let answer = fort.raw(request.as_bytes());
    assert!(!answer.starts_with("HTTP"), "{answer}");
    fort.assert_nothing_said("no TLS", &answer);

    let output = ask(&url, &["--tls-ca", ours]);
    assert_eq!(output.json()[0]["name"], PACKAGE, "{output:#?}");
    // A new certificate is taken without an end.
    for end in ["cert", "key"] {
        fs::copy(at(&format!("b.{end}")), at(&format!("a.{end}"))).unwrap();
    }
    fort.server.signal("HUP");
    until("the new certificate", || {
        ask(&url, &["--tls-ca", other]).code == 0
    });
    assert_eq!(ask(&url, &["--tls-ca", ours]).error()["code"], "tls");
    // One that is wrong is not.
    fs::write(at("a.cert"), "nothing").unwrap();
    fort.server.signal("HUP");
    until("a line in the log", || {
        fort.server.log().contains("stays as it was")
    });
    assert_eq!(ask(&url, &["--tls-ca", other]).code, 0);
    fort.assert_unharmed();
}

#[test]
fn a_key_that_others_may_read_or_that_is_another_is_refused() {
    let files = tempfile::tempdir().unwrap();
    authority(files.path(), "a");
    authority(files.path(), "b");
    let at = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let home = Home::new();
    let refused = |cert: &str, key: &str| {
        let (cert, key) = (at(cert), at(key));
        let listen = ["--listen", "127.0.0.1:0"];
        let output =
            home.try_serve(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
        let output = output.err().unwrap();
        assert!(output.stderr.contains("\"tls-file\""), "{output:#?}");
        output.stderr
    };
    assert!(refused("a.cert", "b.key").contains("is not that of the certificate"));
    assert!(refused("a.cert", "c.key").contains("cannot be read"));
    assert!(refused("a.key", "a.key").contains("has no certificate"));
    fs::set_permissions(at("a.key"), Permissions::from_mode(0o644)).unwrap();
    assert!(refused("a.cert", "a.key").contains("by its mode 0644"));
}
