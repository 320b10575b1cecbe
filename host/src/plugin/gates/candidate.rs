//! A file that claims to be a plugin, and the gate that looks at what it claims.
//!
//! ```text
//! path --read--> Candidate --ABI gate--> Compatible --trust, quarantine--> Admitted --library--> Plugin
//! ```
//!
//! Each stage has a type that only the stage before makes, so a gate cannot be skipped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{ABI_MAJOR, ABI_MINOR, build};
use keyway_metadata::Manifest;

use super::refusal::{NotAPlugin, Refusal};
use crate::plugin::file::identity::FileIdentity;
use crate::plugin::file::target::Target;
use crate::plugin::file::{self, Container, Header, Opened, Unread};

/// A file with one readable manifest.
#[derive(Clone, Debug)]
pub struct Candidate {
    path: PathBuf,
    header: Header,
    manifest: Arc<Manifest>,
    bytes: Arc<[u8]>,
    identity: FileIdentity,
}

/// A candidate that this host may load, as far as the file tells.
#[derive(Clone, Debug)]
pub struct Compatible(Candidate);

/// What a look at one file gave.
#[derive(Clone, Debug)]
pub enum Look {
    /// A plugin that this host may load.
    Compatible(Compatible),
    /// A plugin that must not be loaded; its manifest, if that could be read.
    Refused(Arc<Refusal>, Option<Candidate>),
    /// No plugin.
    Ignored(NotAPlugin),
}

/// Reads the file at `path` and puts it through the gates that look at nothing but the file: that
/// it is whole, has one manifest, and fits this host. Nothing of it is run.
///
/// Whether the file's place is to be trusted is not asked here.
#[must_use]
pub fn look(path: &Path) -> Look {
    look_open(path).0
}

/// As [`look`], with the file that was opened.
pub(in crate::plugin) fn look_open(path: &Path) -> (Look, Option<Opened>) {
    let (candidate, opened) = match Candidate::read(path) {
        Ok(read) => read,
        Err(Unfit::Ignored(why)) => return (Look::Ignored(why), None),
        Err(Unfit::Refused(why)) => return (Look::Refused(Arc::new(why), None), None),
    };
    match Compatible::check(candidate) {
        Ok(compatible) => (Look::Compatible(compatible), Some(opened)),
        Err(refused) => {
            let (why, candidate) = *refused;
            (Look::Refused(Arc::new(why), Some(candidate)), None)
        }
    }
}

/// Why a file is no candidate.
pub(in crate::plugin) enum Unfit {
    Ignored(NotAPlugin),
    Refused(Refusal),
}

impl From<Unread> for Unfit {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Io(error) => Self::Refused(Refusal::Unreadable(error)),
            Unread::NotRegular => Self::Ignored(NotAPlugin::NotRegular),
            Unread::Empty => Self::Ignored(NotAPlugin::Empty),
            Unread::NotALibrary => Self::Ignored(NotAPlugin::NotALibrary),
            Unread::Truncated { needed, found } => {
                Self::Refused(Refusal::Truncated { needed, found })
            }
            Unread::Malformed(message) => Self::Refused(Refusal::Malformed { message }),
        }
    }
}

impl Candidate {
    /// Reads the file at `path`, without running anything of it.
    fn read(path: &Path) -> Result<(Self, Opened), Unfit> {
        let (contents, opened) = file::read(path)?;
        let count = contents.manifests.len();
        if count > 1 {
            return Err(Unfit::Refused(Refusal::DoubledManifest { count }));
        }
        let Some(bytes) = contents.manifests.into_iter().next() else {
            return Err(Unfit::Ignored(NotAPlugin::NoManifest));
        };
        let manifest = Manifest::parse(&bytes)
            .map_err(|source| Unfit::Refused(Refusal::Manifest { source }))?;
        let candidate = Self {
            path: path.to_path_buf(),
            header: contents.header,
            manifest: Arc::new(manifest),
            bytes: bytes.into(),
            identity: FileIdentity::of(&opened.metadata),
        };
        Ok((candidate, opened))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Which file it is, as it was when it was read.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// The manifest's very bytes.
    pub(in crate::plugin) fn manifest_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Compatible {
    /// The ABI gate: whether the file fits this host, by its header and its manifest.
    pub(in crate::plugin) fn check(
        candidate: Candidate,
    ) -> Result<Self, Box<(Refusal, Candidate)>> {
        let host = HostFacts::this();
        match fits(&candidate.header, &candidate.manifest, &host) {
            Ok(()) => Ok(Self(candidate)),
            Err(refusal) => Err(Box::new((refusal, candidate))),
        }
    }

    /// What was read of the file.
    #[must_use]
    pub fn candidate(&self) -> &Candidate {
        &self.0
    }

    /// What was read of the file.
    pub(in crate::plugin) fn into_candidate(self) -> Candidate {
        self.0
    }
}

/// What a plugin must fit.
struct HostFacts {
    container: Container,
    architecture: &'static str,
    pointer_width: u32,
    endian: &'static str,
    system: &'static str,
    c_library: &'static str,
}

impl HostFacts {
    fn this() -> Self {
        Self {
            container: Container::HOST,
            architecture: std::env::consts::ARCH,
            pointer_width: build::POINTER_WIDTH,
            endian: build::ENDIAN,
            system: std::env::consts::OS,
            c_library: if cfg!(target_env = "musl") {
                "musl"
            } else if cfg!(target_env = "gnu") {
                "gnu"
            } else if cfg!(target_env = "msvc") {
                "msvc"
            } else {
                ""
            },
        }
    }
}

/// Whether a plugin fits the host. The file's header is believed before the manifest.
///
/// Nothing else is compared: versions of packages and compilers inform.
fn fits(header: &Header, manifest: &Manifest, host: &HostFacts) -> Result<(), Refusal> {
    let target = Target::parse(&manifest.target);
    check_container(header, host)?;
    check_architecture(header, &target, host)?;
    check_pointer_width(header, manifest, host)?;
    check_endian(header, manifest, host)?;
    check_system(&target, host)?;
    check_c_library(&target, host)?;
    check_abi(manifest)?;
    check_panic(manifest)
}

fn check_container(header: &Header, host: &HostFacts) -> Result<(), Refusal> {
    if header.container == host.container {
        return Ok(());
    }
    Err(Refusal::Container {
        found: header.container.name(),
        expected: host.container.name(),
    })
}

fn check_architecture(header: &Header, target: &Target, host: &HostFacts) -> Result<(), Refusal> {
    for found in [header.architecture.as_str(), target.architecture.as_str()] {
        if found != host.architecture {
            return Err(Refusal::Architecture {
                found: found.to_owned(),
                expected: host.architecture,
            });
        }
    }
    Ok(())
}

fn check_pointer_width(
    header: &Header,
    manifest: &Manifest,
    host: &HostFacts,
) -> Result<(), Refusal> {
    for found in [header.pointer_width, manifest.pointer_width] {
        if found != host.pointer_width {
            return Err(Refusal::PointerWidth {
                found,
                expected: host.pointer_width,
            });
        }
    }
    Ok(())
}

fn check_endian(header: &Header, manifest: &Manifest, host: &HostFacts) -> Result<(), Refusal> {
    let name = |little| if little { "little" } else { "big" };
    for little in [header.little_endian, manifest.endian == "little"] {
        if name(little) != host.endian {
            return Err(Refusal::Endian {
                found: name(little),
                expected: host.endian,
            });
        }
    }
    Ok(())
}

fn check_system(target: &Target, host: &HostFacts) -> Result<(), Refusal> {
    if target.system == host.system {
        return Ok(());
    }
    Err(Refusal::System {
        found: target.system.clone(),
        expected: host.system,
    })
}

fn check_c_library(target: &Target, host: &HostFacts) -> Result<(), Refusal> {
    if target.c_library == host.c_library {
        return Ok(());
    }
    Err(Refusal::CLibrary {
        found: target.c_library.clone(),
        expected: host.c_library,
    })
}

fn check_abi(manifest: &Manifest) -> Result<(), Refusal> {
    if manifest.abi.major != ABI_MAJOR {
        return Err(Refusal::AbiMajor {
            found: manifest.abi.major,
        });
    }
    if manifest.abi.least_host_minor > ABI_MINOR {
        return Err(Refusal::LeastHostMinor {
            found: manifest.abi.least_host_minor,
        });
    }
    Ok(())
}

fn check_panic(manifest: &Manifest) -> Result<(), Refusal> {
    match manifest.panic.as_str() {
        "unwind" | "none" => Ok(()),
        other => Err(Refusal::PanicStrategy {
            found: other.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn header() -> Header {
        Header {
            container: Container::Elf,
            architecture: "x86_64".into(),
            pointer_width: 64,
            little_endian: true,
        }
    }

    fn host() -> HostFacts {
        HostFacts {
            container: Container::Elf,
            architecture: "x86_64",
            pointer_width: 64,
            endian: "little",
            system: "linux",
            c_library: "gnu",
        }
    }

    fn manifest(change: impl FnOnce(&mut Value)) -> Manifest {
        let mut text = json!({
            "format": 1, "id": "a", "types": [],
            "abi": {"major": ABI_MAJOR, "minor": ABI_MINOR, "least_host_minor": 0},
            "target": "x86_64-unknown-linux-gnu", "pointer_width": 64,
            "endian": "little", "panic": "unwind",
        });
        change(&mut text);
        Manifest::parse(text.to_string().as_bytes()).unwrap()
    }

    /// What the gate says of an ordinary plugin with one thing changed.
    fn refused(
        change_header: impl FnOnce(&mut Header),
        change_manifest: impl FnOnce(&mut Value),
    ) -> (&'static str, String) {
        let mut header = header();
        change_header(&mut header);
        let refusal = fits(&header, &manifest(change_manifest), &host()).unwrap_err();
        (refusal.code(), refusal.to_string())
    }

    #[test]
    fn each_property_is_checked_by_itself() {
        let same = |_: &mut Header| {};
        let unchanged = |_: &mut Value| {};
        let cases = [
            (
                refused(|header| header.container = Container::Pe, unchanged),
                ("wrong-file-format", "the file is PE, this system loads ELF"),
            ),
            (
                refused(|header| header.architecture = "aarch64".into(), unchanged),
                (
                    "wrong-architecture",
                    "built for the architecture aarch64, this host runs on x86_64",
                ),
            ),
            (
                refused(same, |it| it["target"] = "aarch64-unknown-linux-gnu".into()),
                (
                    "wrong-architecture",
                    "built for the architecture aarch64, this host runs on x86_64",
                ),
            ),
            (
                refused(|header| header.pointer_width = 32, unchanged),
                (
                    "wrong-pointer-width",
                    "built for pointers of 32 bits, this host has 64",
                ),
            ),
            (
                refused(same, |it| it["pointer_width"] = 32.into()),
                (
                    "wrong-pointer-width",
                    "built for pointers of 32 bits, this host has 64",
                ),
            ),
            (
                refused(|header| header.little_endian = false, unchanged),
                (
                    "wrong-endianness",
                    "built for big-endian machines, this host is little-endian",
                ),
            ),
            (
                refused(same, |it| it["target"] = "x86_64-unknown-freebsd".into()),
                (
                    "wrong-system",
                    "built for the system `freebsd`, this host runs on `linux`",
                ),
            ),
            (
                refused(same, |it| it["target"] = "x86_64-unknown-linux-musl".into()),
                (
                    "wrong-c-library",
                    "built for the C library family `musl`, this host uses `gnu`",
                ),
            ),
            (
                refused(same, |it| it["abi"]["major"] = 7.into()),
                ("abi-major", "built for ABI major 7, this host has 1"),
            ),
            (
                refused(same, |it| it["abi"]["least_host_minor"] = 9.into()),
                (
                    "abi-too-new",
                    "needs a host with ABI 1.9 at least, this host has 1.0",
                ),
            ),
            (
                refused(same, |it| it["panic"] = "abort".into()),
                (
                    "panic-strategy",
                    "built with panic strategy `abort`: a panic in it would end this process",
                ),
            ),
        ];
        for ((code, message), expected) in &cases {
            assert_eq!((*code, message.as_str()), *expected);
        }
    }

    #[test]
    fn versions_of_compilers_and_packages_are_not_compared() {
        let manifest = manifest(|it| {
            it["rustc"] = "rustc 9.99.0".into();
            it["keyway_plugin"] = "77.0.0".into();
            it["abi"]["digest"] = "other".into();
            it["abi"]["minor"] = 65535.into();
            it["target"] = "x86_64-linux-gnu".into();
        });
        assert!(fits(&header(), &manifest, &host()).is_ok());
    }
}
