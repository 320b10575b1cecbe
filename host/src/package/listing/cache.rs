//! What a listing learned of one root, kept on disk.
//!
//! # What is kept
//!
//! For each root with many packages one file in the user's cache folder, below `packages/`: each
//! folder that was walked and each `metadata.json`, with the identity of either (device, inode, size,
//! times), what the metadata say, and whether the package is valid. It is replaced as a whole, by
//! rename.
//!
//! # What is noticed
//!
//! All of it is compared with what is there now, by one `stat` each, and only what has another
//! identity is read: files and folders that come, go, are replaced, changed in place, renamed, or
//! given other permissions. What changed less than two seconds before it was read is read again, and
//! so is what lies in a file system that keeps no times. Links, `.desktop` files and files that are
//! read forgivingly are looked at each time.
//!
//! Whether a package is valid is kept only where that depends on nothing but the names in its own
//! folder and its metadata: no link, no hidden folder, no fallback, no way out, and the same plugin
//! file with the same definition.
//!
//! # What is not noticed
//!
//! * What a structure's `path_changed` looks at by itself, past the package that it is handed.
//! * That a process of the same user and groups may see less than the one before, for a reason that
//!   leaves no trace in the files: capabilities, a sandbox.
//!
//! [`PackageLoader::refresh`](crate::PackageLoader::refresh) looks at everything again.
//!
//! # What cannot go wrong
//!
//! All of it has checksums; a file that is torn, foreign, of another version, another user's or
//! unreadable is done without. A file that cannot be written is not written.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::tree::{Bytes, File, Folders, Says, Stamp};
use crate::plugin::FileIdentity;

/// Roots with fewer packages are read faster than what is kept of them.
pub(super) const LEAST_PACKAGES: usize = 32;
/// As many bytes as are kept of a root at most.
const MAX_BYTES: usize = 256 << 20;
/// The form of the files; another one is not read.
const FORMAT: u32 = 2;
const MAGIC: [u8; 4] = *b"kwls";
/// Magic, format, checksum and length of what is read at once.
const HEAD: usize = 4 + 4 + 4 + 4;

/// Where listings are kept.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: String,
}

/// What is kept of a root, as it lies in the file; behind it lie the contents of metadata files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Snapshot<'a> {
    key: &'a str,
    root: &'a str,
    /// By which structure and definition packages were found valid or not.
    pub(super) judged: &'a str,
    /// For each folder where its record begins, and the place after the last folder in it.
    #[serde(serialize_with = "as_bytes")]
    table: &'a [u8],
    #[serde(serialize_with = "as_bytes")]
    records: &'a [u8],
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// A folder that was walked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record<'a> {
    pub(super) name: &'a str,
    #[serde(with = "identity")]
    pub(super) identity: Option<FileIdentity>,
    pub(super) plain: bool,
    #[serde(borrow)]
    pub(super) file: RecordedFile<'a>,
    pub(super) verdict: Option<bool>,
}

/// The metadata file of a folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum RecordedFile<'a> {
    None,
    Kept {
        #[serde(with = "identity")]
        identity: Option<FileIdentity>,
        #[serde(borrow)]
        says: Says<'a>,
        place: Place,
    },
    Loose,
}

/// Identities as they lie in the file: numbers of fixed length are read faster than others.
mod identity {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::plugin::FileIdentity;

    pub(super) fn serialize<S: Serializer>(
        identity: &Option<FileIdentity>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match identity {
            Some(identity) => serializer.serialize_bytes(identity.to_bytes().as_flattened()),
            None => serializer.serialize_bytes(&[]),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<FileIdentity>, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        Ok(FileIdentity::from_bytes(bytes.as_chunks().0))
    }
}

/// Where the contents of a metadata file lie.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    at: u32,
    length: u32,
    checksum: u32,
}

/// The contents of metadata files, read when somebody asks for them.
#[derive(Debug)]
pub(super) struct Contents {
    file: Mutex<fs::File>,
    /// Where they begin in the file.
    start: u64,
}

impl Contents {
    /// The contents of one file; `None` if they are damaged.
    pub(super) fn get(&self, place: Place) -> Option<Vec<u8>> {
        let mut file = self.file.lock().ok()?;
        let start = self.start + u64::from(place.at);
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = vec![0; usize::try_from(place.length).ok()?];
        file.read_exact(&mut bytes).ok()?;
        (crc32fast::hash(&bytes) == place.checksum).then_some(bytes)
    }

    fn all(&self) -> Option<Vec<u8>> {
        let mut file = self.file.lock().ok()?;
        file.seek(SeekFrom::Start(self.start)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl<'a> Snapshot<'a> {
    /// How many folders there are; the root comes first.
    pub(super) fn len(&self) -> usize {
        self.table.len() / 8
    }

    fn entry(&self, at: usize) -> Option<(usize, usize)> {
        let entry: [u8; 8] = *self.table.get(at * 8..)?.first_chunk()?;
        let [start, end] = [&entry[..4], &entry[4..]].map(|half| {
            let half = half.first_chunk().copied().unwrap_or_default();
            usize::try_from(u32::from_le_bytes(half)).unwrap_or(usize::MAX)
        });
        Some((start, end))
    }

    /// The folder at a place.
    pub(super) fn record(&self, at: usize) -> Option<Record<'a>> {
        let (start, _) = self.entry(at)?;
        let (record, _) = postcard::take_from_bytes(self.records.get(start..)?).ok()?;
        Some(record)
    }

    /// The places of the folders in the one at `at`.
    pub(super) fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = |at| self.entry(at).map_or(0, |(_, end)| end.min(self.len()));
        let last = end(at);
        // Each is behind the one before, whatever the table says.
        std::iter::successors(Some(at + 1), move |child| {
            Some(end(*child)).filter(|next| next > child)
        })
        .take_while(move |child| *child < last)
    }
}

impl Cache {
    /// The listings that are kept in `cache` for processes that see files as this one does.
    pub(super) fn new(cache: &Path) -> Self {
        Self {
            folder: cache.join("packages"),
            key: format!("{} {}", env!("CARGO_PKG_VERSION"), who()),
        }
    }

    fn file(&self, root: &str) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        hash.update([0]);
        hash.update(root.as_bytes());
        let name: String = hash.finalize()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.folder.join(format!("list-{FORMAT}-{name}"))
    }

    /// What is kept of `root`: bytes to be taken apart by [`parse`](Self::parse), and contents.
    pub(super) fn read(&self, root: &Path) -> Option<(Vec<u8>, Contents)> {
        let mut file = fs::File::open(self.file(root.to_str()?)).ok()?;
        let size = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).ok()?;
        let length = u32::from_le_bytes(*head.last_chunk()?);
        let length = usize::try_from(length).ok()?;
        if size > MAX_BYTES || length > size - HEAD {
            return None;
        }
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).ok()?;
        if head != Self::head(&bytes)? {
            tracing::debug!(?root, "what is kept of a listing is damaged");
            return None;
        }
        let contents = Contents {
            file: Mutex::new(file),
            start: u64::try_from(HEAD + length).ok()?,
        };
        Some((bytes, contents))
    }

    /// What those bytes say; `None` if they are not what was written about `root`.
    pub(super) fn parse<'a>(&self, root: &Path, bytes: &'a [u8]) -> Option<Snapshot<'a>> {
        let snapshot: Snapshot<'a> = postcard::from_bytes(bytes).ok()?;
        let is_ours = snapshot.key == self.key && root.to_str() == Some(snapshot.root);
        is_ours.then_some(snapshot)
    }

    fn head(bytes: &[u8]) -> Option<[u8; HEAD]> {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4..8].copy_from_slice(&FORMAT.to_le_bytes());
        head[8..12].copy_from_slice(&crc32fast::hash(bytes).to_le_bytes());
        head[12..].copy_from_slice(&u32::try_from(bytes.len()).ok()?.to_le_bytes());
        Some(head)
    }

    /// Keeps what was found below `root` with the help of what was kept `before`. What has a name
    /// that is no Unicode is not kept.
    pub(super) fn write(
        &self,
        root: &Path,
        judged: &str,
        folders: &Folders<'_>,
        before: Option<(&Snapshot<'_>, &Contents)>,
    ) {
        let Some((name, written)) = root.to_str().zip(Written::of(folders, before)) else {
            return;
        };
        let snapshot = Snapshot {
            key: &self.key,
            root: name,
            judged,
            table: &written.table,
            records: &written.records,
        };
        if let Err(error) = self.put(name, &snapshot, &written.contents) {
            tracing::debug!(?root, %error, "a listing is not kept");
        }
    }

    fn put(&self, root: &str, snapshot: &Snapshot<'_>, contents: &[u8]) -> io::Result<()> {
        let bytes = postcard::to_stdvec(snapshot).map_err(io::Error::other)?;
        let head = Self::head(&bytes).filter(|_| bytes.len() + contents.len() < MAX_BYTES - HEAD);
        let head = head.ok_or(io::ErrorKind::FileTooLarge)?;
        fs::create_dir_all(&self.folder)?;
        // A name of its own for each writer; readers see the old file or the new one.
        let mut temporary = tempfile::Builder::new()
            .prefix(".list-")
            .tempfile_in(&self.folder)?;
        for part in [&head[..], &bytes, contents] {
            temporary.write_all(part)?;
        }
        temporary.persist(self.file(root))?;
        Ok(())
    }
}

/// What is written about a root.
#[derive(Default)]
struct Written {
    table: Vec<u8>,
    records: Vec<u8>,
    contents: Vec<u8>,
}

impl Written {
    fn of(folders: &Folders<'_>, before: Option<(&Snapshot<'_>, &Contents)>) -> Option<Self> {
        let mut written = Self::default();
        let old = before.and_then(|(_, contents)| contents.all());
        let ends = ends(folders);
        for (folder, end) in folders.iter().zip(ends) {
            let (identity, same) = match &folder.stamp {
                Stamp::Same(at) => {
                    let record = before?.0.record(*at)?;
                    (record.identity, record.file)
                }
                Stamp::New(identity) => (identity.as_deref().copied(), RecordedFile::None),
            };
            let stored = |place: Place| old.as_deref().and_then(|old| place.of(old));
            let file = match &folder.file {
                File::None => RecordedFile::None,
                File::Loose(..) => RecordedFile::Loose,
                File::Same => match same {
                    RecordedFile::Kept {
                        identity,
                        says,
                        place,
                    } => written.kept(identity, says, stored(place))?,
                    other => other,
                },
                File::Kept(kept) => {
                    let bytes = match &kept.bytes {
                        Bytes::Read(bytes) => Some(&**bytes),
                        Bytes::Stored(place) => stored(*place),
                    };
                    written.kept(kept.identity, kept.says.borrowed(), bytes)?
                }
            };
            let start = u32::try_from(written.records.len()).ok()?;
            let end = u32::try_from(end).ok()?;
            written.table.extend(start.to_le_bytes());
            written.table.extend(end.to_le_bytes());
            let record = Record {
                name: folder.name.to_str()?,
                identity,
                plain: folder.plain,
                file,
                verdict: folder.verdict,
            };
            written.records = postcard::to_extend(&record, written.records).ok()?;
        }
        Some(written)
    }

    fn kept<'a>(
        &mut self,
        identity: Option<FileIdentity>,
        says: Says<'a>,
        bytes: Option<&[u8]>,
    ) -> Option<RecordedFile<'a>> {
        Some(RecordedFile::Kept {
            // What is damaged is read the next time.
            identity: identity.filter(|_| bytes.is_some()),
            says,
            place: self.add(bytes.unwrap_or_default())?,
        })
    }

    fn add(&mut self, bytes: &[u8]) -> Option<Place> {
        let at = u32::try_from(self.contents.len()).ok()?;
        self.contents.extend_from_slice(bytes);
        Some(Place {
            at,
            length: u32::try_from(bytes.len()).ok()?,
            checksum: crc32fast::hash(bytes),
        })
    }
}

impl Place {
    fn of(self, contents: &[u8]) -> Option<&[u8]> {
        let at = usize::try_from(self.at).ok()?;
        let length = usize::try_from(self.length).ok()?;
        let bytes = contents.get(at..)?.get(..length)?;
        (crc32fast::hash(bytes) == self.checksum).then_some(bytes)
    }
}

/// For each folder the place after the last one in it.
fn ends(folders: &Folders<'_>) -> Vec<usize> {
    let depths: Vec<u32> = folders.iter().map(|folder| folder.depth).collect();
    let mut ends = vec![depths.len(); depths.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, depth) in depths.iter().enumerate() {
        while let Some(last) = open.pop_if(|last| depths[*last] >= *depth) {
            ends[last] = at;
        }
        open.push(at);
    }
    ends
}

/// Whose rights decide what is seen.
fn who() -> String {
    #[cfg(unix)]
    {
        use rustix::process::{getegid, geteuid, getgroups};
        let mut groups: Vec<u32> = getgroups()
            .unwrap_or_default()
            .iter()
            .map(|group| group.as_raw())
            .collect();
        groups.sort_unstable();
        format!("{} {} {groups:?}", geteuid().as_raw(), getegid().as_raw())
    }
    #[cfg(not(unix))]
    {
        String::new()
    }
}
