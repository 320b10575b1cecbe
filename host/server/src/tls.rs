//! TLS: what a server shows, and what a client believes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway::foreign::Escaped;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::token::private;

/// As large such a file may be.
const MOST: u64 = 1024 * 1024;

/// Why there is no TLS: a file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("the TLS {what} `{}` {why}", Escaped(&.path.to_string_lossy()))]
pub struct TlsError {
    /// What is in the file: `certificate`, `key` or `authority`.
    what: &'static str,
    path: PathBuf,
    why: String,
    hint: Option<&'static str>,
    #[source]
    source: Option<io::Error>,
}

impl TlsError {
    /// A stable code, in kebab case.
    #[must_use]
    pub fn code(&self) -> &str {
        "tls-file"
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.hint.map(str::to_owned)
    }

    fn new(what: &'static str, path: &Path, why: impl Into<String>) -> Self {
        Self {
            what,
            path: path.to_owned(),
            why: why.into(),
            hint: None,
            source: None,
        }
    }
}

/// Where a server's certificate and its key lie, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// Its key, in a file for its owner alone.
    pub key: PathBuf,
}

impl TlsFiles {
    /// These files.
    #[must_use]
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            cert: cert.into(),
            key: key.into(),
        }
    }

    /// What a server shows.
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let certificates = certificates("certificate", &self.cert)?;
        let key = self.key()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|config| config.with_no_client_auth());
        let config = config.and_then(|config| config.with_single_cert(certificates, key));
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let cert = Escaped(&self.cert.to_string_lossy()).to_string();
                TlsError::new(
                    "key",
                    &self.key,
                    format!("is not that of the certificate `{cert}`"),
                )
            }
            error => TlsError::new("certificate", &self.cert, format!("is not usable: {error}")),
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let (text, metadata) = read("key", &self.key)?;
        if let Err(why) = private(&metadata) {
            return Err(TlsError {
                hint: Some("make it yours alone: mode 0600"),
                ..TlsError::new("key", &self.key, format!("is not used: {why}"))
            });
        }
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            PemError::NoItemsFound => {
                let why = "has no private key, expected PEM with `BEGIN PRIVATE KEY`";
                TlsError::new("key", &self.key, why)
            }
            error => TlsError::new("key", &self.key, format!("is no PEM: {error}")),
        })
    }
}

fn read(what: &'static str, path: &Path) -> Result<(Vec<u8>, std::fs::Metadata), TlsError> {
    let read = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut text = Vec::new();
        file.take(MOST).read_to_end(&mut text)?;
        Ok((text, metadata))
    };
    read().map_err(|source: io::Error| TlsError {
        source: Some(source),
        ..TlsError::new(what, path, "cannot be read")
    })
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (text, _) = read(what, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| TlsError::new(what, path, format!("is no PEM: {error}")))?;
    if all.is_empty() {
        let why = "has no certificate, expected PEM with `BEGIN CERTIFICATE`";
        return Err(TlsError::new(what, path, why));
    }
    Ok(all)
}

/// What a client believes: an authority of its own, or those of the system.
pub(crate) fn client(authority: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let system = |error: rustls::Error| {
        let why = format!("cannot be used: {error}");
        TlsError::new("authority", authority.unwrap_or(Path::new("system")), why)
    };
    let config = ClientConfig::builder_with_provider(provider);
    let config = config
        .with_safe_default_protocol_versions()
        .map_err(system)?;
    let mut config = match authority {
        None => config
            .with_platform_verifier()
            .map_err(system)?
            .with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("authority", path)? {
                roots.add(certificate).map_err(system)?;
            }
            config.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn refused(files: &TlsFiles) -> String {
        let error = files.server().unwrap_err();
        assert_eq!(error.code(), "tls-file");
        error.to_string()
    }

    #[test]
    fn what_is_wrong_with_certificate_and_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = |name: &str| {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(at(&format!("{name}.pem")), cert.pem()).unwrap();
            let key = at(&format!("{name}.key"));
            fs::write(&key, signing_key.serialize_pem()).unwrap();
            fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        };
        made("a");
        made("b");
        fs::write(at("none"), "no PEM").unwrap();
        fs::set_permissions(at("none"), Permissions::from_mode(0o600)).unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        fs::write(at("broken"), broken).unwrap();

        for (cert, key, why) in [
            (
                "missing",
                "a.key",
                "the TLS certificate `PATH/missing` cannot be read",
            ),
            ("none", "a.key", "has no certificate, expected PEM"),
            ("broken", "a.key", "is no PEM: "),
            ("a.key", "a.key", "has no certificate, expected PEM"),
            (
                "a.pem",
                "missing",
                "the TLS key `PATH/missing` cannot be read",
            ),
            (
                "a.pem",
                "none",
                "the TLS key `PATH/none` has no private key",
            ),
            (
                "a.pem",
                "b.key",
                "is not that of the certificate `PATH/a.pem`",
            ),
        ] {
            let said = refused(&TlsFiles::new(at(cert), at(key)));
            let said = said.replace(folder.path().to_str().unwrap(), "PATH");
            assert!(said.contains(why), "{said}");
        }
        let good = TlsFiles::new(at("a.pem"), at("a.key"));
        good.server().unwrap();
        fs::set_permissions(&good.key, Permissions::from_mode(0o640)).unwrap();
        assert!(refused(&good).contains("others may use it, by its mode 0640"));
        assert!(client(Some(&at("none"))).is_err());
        client(Some(&at("a.pem"))).unwrap();
    }
}
