//! The keys by which signatures count.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::PublicKey;

use super::super::search_path::FolderOrigin;
use super::check::check;
use super::distrust::Distrust;
use super::facts::Facts;
use super::policy::Policy;
use super::signature::KeyId;

/// Longer files are no keys.
const MAX_KEY: u64 = 4096;

/// Public keys in minisign's format, by which signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: KeyId,
    /// The key as text, without its comment.
    text: String,
    key: PublicKey,
}

/// The comment is not part of a key.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is no key.
    #[error("this is no public key in minisign's format")]
    Malformed,
    /// A file of a folder of keys is none.
    #[error("`{}` holds no public key in minisign's format", path.display())]
    MalformedFile {
        /// The file.
        path: PathBuf,
    },
    /// The folder cannot be listed.
    #[error("the folder `{}` of keys cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of a key is not trusted itself.
    #[error(transparent)]
    Distrust(#[from] Distrust),
}

impl KeyError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::MalformedFile { .. } => "bad-key",
            Self::Folder { .. } => "unreadable",
            Self::Distrust(distrust) => distrust.code(),
        }
    }
}

impl Keys {
    /// Adds a key: the text of a `minisign.pub` file, or the second line of one alone. A key that is
    /// there already is not added again.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`].
    pub fn add(&mut self, text: &str) -> Result<(), KeyError> {
        let mut lines = text.lines().map(str::trim);
        let lines = lines.by_ref().filter(|line| !line.is_empty());
        let key: Vec<&str> = lines
            .filter(|line| !line.starts_with("untrusted comment:"))
            .collect();
        let [text] = key[..] else {
            return Err(KeyError::Malformed);
        };
        let key = Key {
            id: KeyId::at_start_of(text, 42).ok_or(KeyError::Malformed)?,
            text: text.to_owned(),
            key: PublicKey::from_base64(text).map_err(|_| KeyError::Malformed)?,
        };
        if !self.0.contains(&key) {
            self.0.push(key);
            self.0.sort_by(|a, b| a.text.cmp(&b.text));
        }
        Ok(())
    }

    /// Adds the keys in the files `*.pub` of a folder.
    ///
    /// Whoever may write there decides whose plugins are loaded, so each file passes the trust gate
    /// first, as a plugin in a folder of that origin would. Hidden files are passed over.
    ///
    /// # Errors
    ///
    /// The first file, in the order of names, that is no key or is not trusted; then no key of the
    /// folder has been added.
    pub fn add_folder(
        &mut self,
        folder: &Path,
        origin: FolderOrigin,
        policy: &Policy,
    ) -> Result<(), KeyError> {
        let unlisted = |source| KeyError::Folder {
            path: folder.to_path_buf(),
            source,
        };
        let entries = std::fs::read_dir(folder).map_err(unlisted)?;
        let entries: Result<Vec<_>, _> = entries.collect();
        let mut paths: Vec<PathBuf> = entries
            .map_err(unlisted)?
            .into_iter()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.as_encoded_bytes();
                !name.starts_with(b".") && name.ends_with(b".pub")
            })
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        // Only its owner matters here: keys vouch for plugins, nothing for keys.
        let policy = Policy {
            signature: super::SignatureRule::Optional,
            ..policy.clone()
        };
        let mut keys = self.clone();
        for path in paths {
            let text = read_key(&path, origin, &policy)?;
            keys.add(&text)
                .map_err(|_| KeyError::MalformedFile { path })?;
        }
        *self = keys;
        Ok(())
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of the keys.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(|key| key.id)
    }

    /// The keys as text, in the order of their bytes.
    pub(in crate::plugin) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.text.as_str())
    }

    /// The keys of that id: ids are short and need not be unique.
    pub(super) fn with_id(&self, id: KeyId) -> impl Iterator<Item = &PublicKey> {
        let keys = self.0.iter().filter(move |key| key.id == id);
        keys.map(|key| &key.key)
    }
}

fn read_key(path: &Path, origin: FolderOrigin, policy: &Policy) -> Result<String, KeyError> {
    let unreadable = |source| Distrust::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let file = super::signature::open(path).map_err(unreadable)?;
    check(&Facts::of(&file, path)?, origin, policy)?;
    let text = super::signature::read_text(&file, MAX_KEY).map_err(unreadable)?;
    text.ok_or_else(|| KeyError::MalformedFile {
        path: path.to_path_buf(),
    })
}

impl KeyId {
    /// The id in the line of a key or signature, which is `len` bytes in base64: two name the
    /// algorithm, eight are the id.
    pub(super) fn at_start_of(line: &str, len: usize) -> Option<Self> {
        let bytes = STANDARD.decode(line.trim()).ok()?;
        if bytes.len() != len {
            return None;
        }
        let id = bytes.get(2..10)?.try_into().ok()?;
        Some(Self(u64::from_le_bytes(id)))
    }
}
