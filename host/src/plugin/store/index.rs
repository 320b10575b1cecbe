//! The index: what a scan of one folder learned, kept on disk, so that a fresh process can tell who
//! gives a type without looking at every file.
//!
//! # What is kept
//!
//! For each searched folder with many files one embedded database (redb) in the user's cache
//! folder. It has the folder's identity at the time of the scan, and for each type the file that
//! wins in that folder, with that file's identity. It is replaced as a whole, by rename.
//!
//! # What is noticed
//!
//! * A file that comes, goes or is replaced by rename changes its folder's times: the folder is
//!   scanned anew.
//! * A winner that is changed in place has another identity: the folder is scanned anew.
//! * A folder that changed less than two seconds before it was scanned is not indexed yet, and a
//!   folder whose file system keeps no times never is.
//!
//! # What is not noticed
//!
//! A file that did *not* win and is then changed in place (overwritten, or given other permissions).
//! [`Registry::refresh`](super::Registry::refresh) looks at everything again.
//!
//! # What cannot go wrong
//!
//! Every answer, also that a type is not there, comes from a bucket with a checksum; an index that
//! is torn, foreign, of another version or unreadable is done without. An index that cannot be
//! written is not written.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use keyway_metadata::{GivenType, TypeKind};
use redb::{Database, ReadOnlyDatabase, ReadableDatabase as _, TableDefinition};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::plugin::file::identity::FileIdentity;

/// Folders with fewer files are read faster than their index.
pub(in crate::plugin) const LEAST_FILES: usize = 32;
/// The form of the index; another one is not read.
const FORMAT: u32 = 1;
/// As many types share a bucket.
const BUCKET: usize = 8;

const BUCKETS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("buckets");
/// The bucket that tells about the index itself.
const HEAD: u32 = u32::MAX;

/// Whose index it is: indexes of other hosts and policies are other files.
#[derive(Clone, Debug)]
pub(in crate::plugin) struct Index {
    cache: PathBuf,
    key: String,
}

/// What an index says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    key: String,
    folder: Name,
    identity: FileIdentity,
    buckets: u32,
}

/// A file's name or path; not all of them are text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes(Vec<u8>),
}

impl Name {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_encoded_bytes().to_vec()),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Text(text) => Some(PathBuf::from(text)),
            #[cfg(unix)]
            Self::Bytes(bytes) => {
                use std::os::unix::ffi::OsStrExt as _;
                Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
            }
            #[cfg(not(unix))]
            Self::Bytes(_) => None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    #[serde(rename = "type")]
    type_name: String,
    kind: TypeKind,
    file: Name,
    identity: FileIdentity,
    /// The other file, if two plugins give the type.
    conflict: Option<Name>,
}

/// Who gives a type in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) enum Indexed {
    /// This file, if it is still the one that was seen.
    Winner(PathBuf, FileIdentity),
    /// Two plugins.
    Conflict(PathBuf, PathBuf),
    /// Nobody.
    Nobody,
}

/// What a scan of one folder learned of one type.
#[derive(Clone, Debug)]
pub(in crate::plugin) struct Learned {
    pub(in crate::plugin) given: GivenType,
    pub(in crate::plugin) file: PathBuf,
    pub(in crate::plugin) identity: FileIdentity,
    pub(in crate::plugin) conflict: Option<PathBuf>,
}

impl Index {
    /// The indexes in `cache` of hosts that see plugins as `key` says.
    pub(in crate::plugin) fn new(cache: PathBuf, key: String) -> Self {
        Self { cache, key }
    }

    /// The index of `folder`.
    fn file(&self, folder: &Path) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        hash.update([0]);
        hash.update(folder.as_os_str().as_encoded_bytes());
        let name: String = hash.finalize()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.cache.join(format!("index-{FORMAT}-{name}.redb"))
    }

    /// Who gives `given` in `folder`, whose identity is `identity` now. `None`: the index cannot
    /// tell.
    pub(in crate::plugin) fn get(
        &self,
        folder: &Path,
        identity: &FileIdentity,
        given: &GivenType,
    ) -> Option<Indexed> {
        let file = self.file(folder);
        if !file.exists() {
            return None;
        }
        // What is torn in the middle may take the database by surprise.
        let found = catch_unwind(AssertUnwindSafe(|| {
            self.read(&file, folder, identity, given)
        }));
        match found {
            Ok(Ok(found)) => Some(found),
            Ok(Err(why)) => {
                tracing::debug!(folder = %folder.display(), why, "index not used");
                None
            }
            Err(_) => {
                tracing::debug!(folder = %folder.display(), "index is damaged");
                None
            }
        }
    }

    fn read(
        &self,
        file: &Path,
        folder: &Path,
        identity: &FileIdentity,
        given: &GivenType,
    ) -> Result<Indexed, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let database = ReadOnlyDatabase::open(file).map_err(|error| text(&error))?;
        let transaction = database.begin_read().map_err(|error| text(&error))?;
        let table = transaction
            .open_table(BUCKETS)
            .map_err(|error| text(&error))?;
        let bucket = |number: u32| {
            let found = table.get(number).map_err(|error| text(&error))?;
            let found = found.ok_or("a bucket is missing")?;
            Ok::<_, String>(
                opened(number, found.value())
                    .ok_or("a checksum is wrong")?
                    .to_vec(),
            )
        };
        let head: Head = parse(&bucket(HEAD)?)?;
        if head.format != FORMAT || head.key != self.key || head.folder != Name::of(folder) {
            return Err("it is another's".into());
        }
        if head.identity != *identity {
            return Err("the folder has changed".into());
        }
        let records: Vec<Record> = parse(&bucket(place(given, head.buckets))?)?;
        let record = records
            .into_iter()
            .find(|record| record.type_name == given.name.as_str() && record.kind == given.kind);
        let Some(record) = record else {
            return Ok(Indexed::Nobody);
        };
        let path = |name: &Name| {
            let name = name.path().ok_or("a name is no path")?;
            Ok::<_, String>(folder.join(name))
        };
        Ok(match &record.conflict {
            Some(other) => Indexed::Conflict(path(&record.file)?, path(other)?),
            None => Indexed::Winner(path(&record.file)?, record.identity),
        })
    }

    /// Writes what a scan of `folder` learned when its identity was `identity`.
    pub(in crate::plugin) fn put(
        &self,
        folder: &Path,
        identity: &FileIdentity,
        learned: &[Learned],
    ) {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(folder, identity, learned)));
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(folder = %folder.display(), %error, "index not written");
            }
            Err(_) => tracing::debug!(folder = %folder.display(), "index not written"),
        }
    }

    fn write(&self, folder: &Path, identity: &FileIdentity, learned: &[Learned]) -> io::Result<()> {
        std::fs::create_dir_all(&self.cache)?;
        let count = learned.len().div_ceil(BUCKET).max(1);
        let count = u32::try_from(count).map_err(io::Error::other)?;
        let mut buckets: Vec<Vec<Record>> = (0..count).map(|_| Vec::new()).collect();
        for one in learned {
            let name = |path: &Path| Name::of(path.strip_prefix(folder).unwrap_or(path));
            buckets[place(&one.given, count) as usize].push(Record {
                type_name: one.given.name.to_string(),
                kind: one.given.kind.clone(),
                file: name(&one.file),
                identity: one.identity,
                conflict: one.conflict.as_deref().map(name),
            });
        }
        let head = Head {
            format: FORMAT,
            key: self.key.clone(),
            folder: Name::of(folder),
            identity: *identity,
            buckets: count,
        };
        let mut contents = vec![serde_json::to_vec(&head)?];
        for records in &buckets {
            contents.push(serde_json::to_vec(records)?);
        }
        let sealed: Vec<(u32, Vec<u8>)> = std::iter::once(HEAD)
            .chain(0..)
            .zip(contents)
            .map(|(number, content)| (number, sealed(number, &content)))
            .collect();
        let file = self.file(folder);
        if holds(&file, &sealed) {
            return Ok(());
        }
        // A name of its own for each writer; readers see the old index or the new one.
        let temporary = tempfile::Builder::new()
            .prefix(".index-")
            .tempfile_in(&self.cache)?
            .into_temp_path();
        std::fs::remove_file(&temporary)?;
        let database = Database::create(&temporary).map_err(io::Error::other)?;
        let transaction = database.begin_write().map_err(io::Error::other)?;
        {
            let mut table = transaction.open_table(BUCKETS).map_err(io::Error::other)?;
            for (number, bucket) in &sealed {
                let inserted = table.insert(number, bucket.as_slice());
                inserted.map_err(io::Error::other)?;
            }
        }
        transaction.commit().map_err(io::Error::other)?;
        drop(database);
        // Closing writes too, and does not say that it could not, as on a full disk.
        ReadOnlyDatabase::open(&temporary).map_err(io::Error::other)?;
        temporary.persist(file)?;
        Ok(())
    }
}

/// Whether just these buckets stand in the index `file`.
fn holds(file: &Path, buckets: &[(u32, Vec<u8>)]) -> bool {
    let holds = || {
        let database = ReadOnlyDatabase::open(file).ok()?;
        let table = database.begin_read().ok()?.open_table(BUCKETS).ok()?;
        let same = |(number, bucket): &(u32, Vec<u8>)| {
            let found = table.get(number);
            found.is_ok_and(|found| found.is_some_and(|it| it.value() == bucket.as_slice()))
        };
        // Were there more buckets, the first one would say so.
        Some(buckets.iter().all(same))
    };
    // What is torn in the middle may take the database by surprise.
    file.exists() && catch_unwind(holds).ok().flatten().unwrap_or(false)
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// The bucket of a type, of `count` ones.
fn place(given: &GivenType, count: u32) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(given.name.as_str().as_bytes());
    hash.update(given.kind.to_string().as_bytes());
    hash.finalize() % count.max(1)
}

/// A bucket's content with its checksum, which covers its number too.
fn sealed(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = checksum(number, content).to_le_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes
}

/// A bucket's content, if its checksum is right.
fn opened(number: u32, bytes: &[u8]) -> Option<&[u8]> {
    let (sum, content) = bytes.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*sum) == checksum(number, content)).then_some(content)
}

fn checksum(number: u32, content: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&number.to_le_bytes());
    hash.update(content);
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str) -> GivenType {
        GivenType {
            name: name.parse().unwrap(),
            kind: TypeKind::Structure,
        }
    }

    fn learned(count: usize) -> Vec<Learned> {
        (0..count)
            .map(|number| Learned {
                given: given(&format!("Vendor/Type{number}")),
                file: PathBuf::from(format!("/plugins/{number}.so")),
                identity: FileIdentity::default(),
                conflict: (number == 3).then(|| PathBuf::from("/plugins/other.so")),
            })
            .collect()
    }

    fn filled(count: usize) -> (tempfile::TempDir, Index) {
        let cache = tempfile::tempdir().unwrap();
        let index = Index::new(cache.path().join("deep/er"), "key".into());
        index.put(
            Path::new("/plugins"),
            &FileIdentity::default(),
            &learned(count),
        );
        (cache, index)
    }

    fn get(index: &Index, name: &str) -> Option<Indexed> {
        index.get(
            Path::new("/plugins"),
            &FileIdentity::default(),
            &given(name),
        )
    }

    fn winner(number: usize) -> Option<Indexed> {
        let path = PathBuf::from(format!("/plugins/{number}.so"));
        Some(Indexed::Winner(path, FileIdentity::default()))
    }

    #[test]
    fn an_index_of_another_folder_key_or_time_is_not_used() {
        let (_cache, index) = filled(5);
        let other = Index::new(index.cache.clone(), "other".into());
        assert_eq!(get(&other, "Vendor/Type1"), None);
        let later = FileIdentity::of(&std::fs::metadata("/").unwrap());
        let folder = Path::new("/plugins");
        assert_eq!(index.get(folder, &later, &given("Vendor/Type1")), None);
        // Another's index under our name.
        std::fs::copy(index.file(folder), other.file(folder)).unwrap();
        assert_eq!(get(&other, "Vendor/Type1"), None);
    }

    #[test]
    fn what_was_learned_is_found() {
        let (_cache, index) = filled(100);
        for number in [0, 1, 2, 4, 99] {
            assert_eq!(get(&index, &format!("Vendor/Type{number}")), winner(number));
        }
        let conflict = Indexed::Conflict("/plugins/3.so".into(), "/plugins/other.so".into());
        assert_eq!(get(&index, "Vendor/Type3"), Some(conflict));
        assert_eq!(get(&index, "Vendor/Type100"), Some(Indexed::Nobody));
    }

    /// Wherever bytes are wrong or missing: the right answer, or none.
    #[test]
    fn a_damaged_index_never_lies() {
        let (_cache, index) = filled(40);
        let file = index.file(Path::new("/plugins"));
        let whole = std::fs::read(&file).unwrap();
        let mut used = 0;
        let mut check = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            for number in [0, 7, 39] {
                let found = get(&index, &format!("Vendor/Type{number}"));
                assert!(found.is_none() || found == winner(number), "{found:?}");
                used += usize::from(found.is_some());
            }
            let nobody = get(&index, "Vendor/Nobody");
            assert!(nobody.is_none() || nobody == Some(Indexed::Nobody));
        };
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        for len in [0, 1, 64, 512, 4096, 8192, whole.len() / 2, whole.len() - 1] {
            check(&whole[..len]);
        }
        let content: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        for at in content.iter().step_by(content.len() / 200) {
            let mut bytes = whole.clone();
            bytes[*at] ^= 0x55;
            check(&bytes);
        }
        check(&vec![0xff; whole.len()]);
        check(&vec![0; whole.len()]);
        check(b"SQLite format 3\0");
        check(&whole);
        std::panic::set_hook(hook);
        assert!(used >= 3, "the whole index is not used");
    }

    #[test]
    fn an_index_that_cannot_be_written_is_done_without() {
        let index = Index::new(PathBuf::from("/proc/nonexistent"), "key".into());
        index.put(Path::new("/plugins"), &FileIdentity::default(), &learned(3));
        assert_eq!(get(&index, "Vendor/Type1"), None);
    }

    #[test]
    fn many_writers_leave_a_whole_index_and_nothing_else() {
        let (_cache, index) = filled(40);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        index.put(
                            Path::new("/plugins"),
                            &FileIdentity::default(),
                            &learned(40),
                        );
                        let found = get(&index, "Vendor/Type7");
                        assert!(found.is_none() || found == winner(7), "{found:?}");
                    }
                });
            }
        });
        assert_eq!(get(&index, "Vendor/Type7"), winner(7));
        assert_eq!(std::fs::read_dir(&index.cache).unwrap().count(), 1);
    }
}
