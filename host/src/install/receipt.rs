//! What an installation did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::source::SourceKind;
use crate::archive::{ArchiveFormat, Compression, UnpackedKind};
use crate::package::hash::Digests;
use crate::transaction::{Place, read_receipt, receipt as receipt_path};

/// The form of receipts that this version writes.
const FORMAT: u32 = 1;

/// What was installed, from where, and when.
///
/// It lies beside the packages, in `.keyway/receipts/ID.json` of the package root, and is JSON. It
/// informs: packages without one, put there by hand or by KDE's tools, are packages all the same. It
/// counts only for the very folder that was installed.
///
/// Members that this version does not know are kept, also over upgrades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The version of the receipt's own form.
    pub format: u32,
    /// The package's id, which is the name of its folder.
    pub id: String,
    /// The type that it was installed as.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its version, if it says one.
    pub version: Option<String>,
    /// What it was installed from.
    pub source: ReceiptSource,
    /// When, in seconds since 1970.
    pub installed: u64,
    /// The version of Keyway that did it.
    pub keyway: String,
    /// What [`Package::content_digest`](crate::Package::content_digest) gave then.
    pub digest: String,
    /// The folder itself.
    folder: Option<Place>,
    /// All that was installed, ordered by path.
    pub entries: Vec<ReceiptEntry>,
    /// Members of other versions, and of whoever else writes here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a package was installed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceiptSource {
    /// The folder or archive, absolute.
    pub path: String,
    /// Its bytes in Base64, if it is not Unicode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// `folder`, `zip`, `tar`, `tar.gz`, `tar.bz2`, `tar.xz` or `tar.zst`.
    pub kind: String,
}

/// A file, folder or link of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceiptEntry {
    /// Its path below the package.
    pub path: String,
    /// The bytes of the path in Base64, if it is not Unicode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub kind: ReceiptKind,
}

/// What an entry of a receipt is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReceiptKind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Its bytes.
        size: u64,
        /// The SHA-256 of its data, in hexadecimal digits.
        sha256: String,
        /// Whether its owner may execute it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
    },
    /// A link.
    Link {
        /// Where it leads, as it is written.
        target: String,
    },
}

/// What a receipt is written from.
pub(super) struct Installation<'a> {
    pub(super) id: &'a str,
    pub(super) type_name: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) source: &'a Path,
    pub(super) kind: SourceKind,
    pub(super) folder: Option<Place>,
    /// By path.
    pub(super) entries: BTreeMap<PathBuf, UnpackedKind>,
}

impl Receipt {
    pub(super) fn new(installation: Installation<'_>) -> Self {
        let Installation {
            id,
            type_name,
            version,
            source,
            kind,
            folder,
            entries,
        } = installation;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (path, path_bytes) = texts(source);
        Self {
            format: FORMAT,
            id: id.to_owned(),
            type_name: type_name.to_owned(),
            version: version.map(str::to_owned),
            source: ReceiptSource {
                path,
                path_bytes,
                kind: kind_name(kind).to_owned(),
            },
            installed: now.map_or(0, |since| since.as_secs()),
            keyway: env!("CARGO_PKG_VERSION").to_owned(),
            digest: digest(&entries),
            folder,
            entries: entries
                .iter()
                .map(|(path, kind)| entry(path, kind))
                .collect(),
            other: Map::new(),
        }
    }

    /// The receipt of the package `id` in the package root at `root`. `None`: there is none, it cannot
    /// be read, or it is not that of the folder which is there now.
    pub(super) fn read(root: &Path, id: &str) -> Option<Self> {
        let receipt = Self::read_any(root, id)?;
        let there = Place::of(&root.join(id)).ok()?;
        (receipt.folder == there).then_some(receipt)
    }

    fn read_any(root: &Path, id: &str) -> Option<Self> {
        let json = read_receipt(&receipt_path(root, id)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Keeps what others wrote into the receipt that was there before.
    pub(super) fn keep_from(&mut self, root: &Path) {
        if let Some(before) = Self::read_any(root, &self.id) {
            self.other = before.other;
        }
    }
}

fn entry(path: &Path, kind: &UnpackedKind) -> ReceiptEntry {
    let (path, path_bytes) = texts(path);
    let kind = match kind {
        UnpackedKind::Folder => ReceiptKind::Folder,
        UnpackedKind::Link { target } => ReceiptKind::Link {
            target: target.to_string_lossy().into_owned(),
        },
        UnpackedKind::File {
            size,
            sha256,
            executable,
        } => ReceiptKind::File {
            size: *size,
            sha256: crate::package::hash::hexadecimal(&sha256.unwrap_or_default()),
            executable: *executable,
        },
    };
    ReceiptEntry {
        path,
        path_bytes,
        kind,
    }
}

fn digest(entries: &BTreeMap<PathBuf, UnpackedKind>) -> String {
    let mut digests = Digests::default();
    for (path, kind) in entries {
        match kind {
            UnpackedKind::Folder => digests.add_folder(path),
            UnpackedKind::Link { target } => digests.add_link(path, target),
            UnpackedKind::File {
                sha256, executable, ..
            } => digests.add_file(path, sha256.unwrap_or_default(), *executable),
        }
    }
    digests.finish()
}

fn texts(path: &Path) -> (String, Option<String>) {
    match path.to_str() {
        Some(text) => (text.to_owned(), None),
        None => {
            let bytes = BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes());
            (path.to_string_lossy().into_owned(), Some(bytes))
        }
    }
}

fn kind_name(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Folder => "folder",
        SourceKind::Archive(ArchiveFormat::Zip) => "zip",
        SourceKind::Archive(ArchiveFormat::Tar(compression)) => match compression {
            Compression::None => "tar",
            Compression::Gzip => "tar.gz",
            Compression::Bzip2 => "tar.bz2",
            Compression::Xz => "tar.xz",
            Compression::Zstd => "tar.zst",
        },
    }
}
