//! Finding what lies below a root, with the help of what was found there before.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyway_metadata::{Document, Format};

use super::cache::{Contents, Record, RecordedFile, Snapshot};
use super::folder::{Entries, MetadataFile, Root};
use super::listed::{ListedPackage, Origin};
use super::shares::in_shares;
use super::tree::{Bytes, File, Folder, Folders, Kept, Place, Says, Stamp, Steps};
use crate::package::error::is_absence;
use crate::package::metadata::{self, MAX_BYTES, PackageMetadata};
use crate::package::package::Package;
use crate::package::search::DataDirs;
use crate::plugin::FileIdentity;

/// A walk below one root.
pub(super) struct Walk<'a, 'w> {
    pub(super) root: &'w Root,
    /// What was found before.
    pub(super) before: Option<&'a Snapshot<'a>>,
    pub(super) contents: Option<&'w Arc<Contents>>,
    /// When the walk began, in nanoseconds since 1970.
    pub(super) began: i64,
    /// A package of the type that is wanted.
    pub(super) template: &'w Package,
    /// How many packages were found.
    pub(super) found: &'w (dyn Fn(usize) + Sync),
    pub(super) count: &'w AtomicUsize,
}

/// A folder to be looked at.
struct Next<'a> {
    depth: u32,
    name: Cow<'a, OsStr>,
    /// What was found there before, and its place.
    before: Option<(usize, Record<'a>)>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Walked<'a> {
    pub(super) folders: Folders<'a>,
    /// The packages that may be of the type, with their places among the folders.
    pub(super) packages: Vec<(Place, ListedPackage)>,
    /// How much was read that will not have to be read the next time.
    pub(super) learned: usize,
}

/// What was found in a share of the folders.
struct Share<'a> {
    /// The share's own: threads that count the same thing keep each other waiting.
    origin: Arc<Origin>,
    folders: Vec<Folder<'a>>,
    packages: Vec<(usize, ListedPackage)>,
    learned: usize,
}

impl<'a> Walk<'a, '_> {
    /// Walks all that lies below the root, at any depth.
    pub(super) fn run(&self) -> Walked<'a> {
        /// Fewer folders are looked at before a thread has begun.
        const WORTH_A_THREAD: usize = 24;

        let mut top = self.share();
        let root = Next {
            depth: 0,
            name: Cow::Borrowed(OsStr::new("")),
            before: self.before.and_then(|before| Some((0, before.record(0)?))),
        };
        let in_root = self.visit(root, &mut Steps::default(), &mut top);
        let (count, known) = (in_root.len().max(1), self.before.map_or(0, Snapshot::len));
        let shares = in_shares(in_root, WORTH_A_THREAD, |mut next| {
            let mut walked = self.share();
            walked.folders.reserve(known / count * next.len());
            let mut steps = Steps::default();
            // The last one in is the first one out.
            next.reverse();
            while let Some(folder) = next.pop() {
                let mut below = self.visit(self.open(folder), &mut steps, &mut walked);
                below.reverse();
                next.append(&mut below);
            }
            walked
        });
        let mut all = Walked::default();
        for (number, share) in std::iter::once(top).chain(shares).enumerate() {
            let packages = share.packages.into_iter();
            all.packages
                .extend(packages.map(|(at, package)| ((number, at), package)));
            all.folders.push(share.folders);
            all.learned += share.learned;
        }
        all
    }

    fn share(&self) -> Share<'a> {
        Share {
            origin: Arc::new(Origin {
                template: self.template.clone(),
                contents: self.contents.cloned(),
            }),
            folders: Vec::new(),
            packages: Vec::new(),
            learned: 0,
        }
    }

    /// Looks at one folder and gives those in it.
    fn visit(&self, next: Next<'a>, steps: &mut Steps, walked: &mut Share<'a>) -> Vec<Below> {
        steps.to(next.depth, &next.name);
        let is_same = next.before.as_ref().is_some_and(|(_, record)| {
            record.identity.is_some() && self.root.identity(steps.path()).ok() == record.identity
        });
        let (mut folder, below) = if is_same {
            self.unchanged(next, steps, walked)
        } else {
            self.changed(next, steps, walked)
        };
        if !matches!(folder.file, File::None | File::Loose(_, None)) {
            let found = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            (self.found)(found);
            let package = ListedPackage::of(&walked.origin, &folder, || {
                match folder.depth {
                    // Without a slash at the end.
                    0 => self.root.path.clone(),
                    _ => self.root.path.join(steps.path()),
                }
            });
            let at = walked.folders.len();
            walked.packages.extend(package.map(|package| (at, package)));
            folder.let_go();
        }
        walked.folders.push(folder);
        below
    }

    /// A folder in which nothing has changed, but perhaps what its metadata file holds.
    fn unchanged(
        &self,
        next: Next<'a>,
        steps: &mut Steps,
        walked: &mut Share<'a>,
    ) -> (Folder<'a>, Vec<Below>) {
        let Some(((at, record), snapshot)) = next.before.zip(self.before) else {
            return self.changed(
                Next {
                    before: None,
                    ..next
                },
                steps,
                walked,
            );
        };
        let mut verdict = record.verdict;
        let file = match kept(record.file) {
            Known::None => File::None,
            Known::Kept(kept) => match self.again(kept, steps) {
                Some(kept) => File::Kept(kept),
                None => {
                    verdict = None;
                    self.look(Some(MetadataFile::best()), steps, walked)
                }
            },
            Known::Loose => {
                let entries = self.entries(steps.path());
                self.look(entries.file, steps, walked)
            }
        };
        let folder = Folder {
            depth: next.depth,
            name: next.name,
            stamp: Stamp::Same(at),
            plain: record.plain,
            file,
            verdict,
        };
        let below = snapshot.children(at).map(|child| Below {
            depth: next.depth + 1,
            name: None,
            before: Some(child),
        });
        (folder, below.collect())
    }

    /// A folder that has changed, or is new.
    fn changed(
        &self,
        next: Next<'a>,
        steps: &mut Steps,
        walked: &mut Share<'a>,
    ) -> (Folder<'a>, Vec<Below>) {
        let (at, known) = match next.before {
            Some((at, record)) => (Some(at), kept(record.file)),
            None => (None, Known::None),
        };
        let entries = self.entries(steps.path());
        let identity = self.settled(entries.identity);
        walked.learned += usize::from(identity.is_some());
        let is_best = entries.file.as_ref().is_some_and(MetadataFile::is_best);
        let again = match known {
            Known::Kept(kept) if is_best => self.again(kept, steps),
            _ => None,
        };
        let folder = Folder {
            depth: next.depth,
            name: next.name,
            stamp: Stamp::New(identity.map(Box::new)),
            plain: entries.plain,
            file: match again {
                Some(kept) => File::Kept(kept),
                None => self.look(entries.file, steps, walked),
            },
            verdict: None,
        };
        let before = at.zip(self.before);
        let mut before = before.map(|(at, snapshot)| {
            let children = snapshot.children(at);
            let named = children.filter_map(|at| Some((at, snapshot.record(at)?.name)));
            named.peekable()
        });
        let below = entries.folders.into_iter().map(|name| {
            // Both are in the order of their names.
            let known = before.as_mut().and_then(|before| {
                let is_less = |known: &str| known.as_bytes() < name.as_encoded_bytes();
                while before.next_if(|(_, known)| is_less(known)).is_some() {}
                before.next_if(|(_, known)| **known == *name)
            });
            Below {
                depth: next.depth + 1,
                name: Some(name),
                before: known.map(|(at, _)| at),
            }
        });
        (folder, below.collect())
    }

    /// What lies in a folder; nothing if it cannot be read.
    fn entries(&self, below: &Path) -> Entries {
        self.root.read(below).unwrap_or_else(|error| {
            self.cannot_walk(below, &error);
            Entries::default()
        })
    }

    pub(super) fn cannot_walk(&self, below: &Path, error: &io::Error) {
        not_listed(&self.root.path.join(below), error);
    }

    /// The identity, if another change would be seen.
    fn settled(&self, identity: FileIdentity) -> Option<FileIdentity> {
        identity.is_settled_at(self.began).then_some(identity)
    }

    /// A file that was kept, if it is still as it was.
    fn again(&self, kept: Box<Kept<'a>>, steps: &mut Steps) -> Option<Box<Kept<'a>>> {
        let name = OsStr::new(metadata::JSON);
        kept.identity?;
        let now = steps.with(name, |path| self.root.identity(path));
        (now.ok() == kept.identity).then_some(kept)
    }

    /// Reads the metadata file of a folder.
    fn look(
        &self,
        file: Option<MetadataFile>,
        steps: &mut Steps,
        walked: &mut Share<'a>,
    ) -> File<'a> {
        let Some(file) = file else {
            return File::None;
        };
        let dirs = self.template.loader().data_dirs();
        let path = || self.root.path.join(steps.path()).join(&file.name);
        if file.is_best() {
            let below = steps.path().join(&file.name);
            match self.root.file(&below, MAX_BYTES + 1) {
                Ok((identity, bytes)) if bytes.len() as u64 <= MAX_BYTES => {
                    let document = Document::parse(Format::Json, &bytes).ok();
                    if let Some(document) = document.filter(|it| !it.is_empty()) {
                        let identity = self.settled(identity);
                        walked.learned += usize::from(identity.is_some());
                        return File::Kept(Box::new(Kept {
                            identity,
                            says: Says::of(&document),
                            bytes: Bytes::Read(bytes.into()),
                        }));
                    }
                    let path = path();
                    let metadata = logged(&path, metadata::parse(&path, &bytes, dirs));
                    return File::Loose(Box::new(file), metadata);
                }
                // It is too large, or something else by now.
                _ => {}
            }
        }
        let metadata = read(&path(), self.template.allow_external_paths(), dirs);
        File::Loose(Box::new(file), metadata)
    }

    fn open(&self, below: Below) -> Next<'a> {
        let Below {
            depth,
            name,
            before,
        } = below;
        let record = before.zip(self.before);
        let record = record.and_then(|(at, snapshot)| Some((at, snapshot.record(at)?)));
        let known = record.as_ref().map(|(_, record)| OsStr::new(record.name));
        Next {
            depth,
            name: match (name, known) {
                (Some(name), _) => Cow::Owned(name),
                (None, known) => Cow::Borrowed(known.unwrap_or_default()),
            },
            before: record,
        }
    }
}

/// A folder to be looked at, before it is known what was found there before.
struct Below {
    depth: u32,
    /// `None`: it has the name that it had.
    name: Option<OsString>,
    before: Option<usize>,
}

/// What was kept of a metadata file.
enum Known<'a> {
    None,
    Kept(Box<Kept<'a>>),
    Loose,
}

fn kept(file: RecordedFile<'_>) -> Known<'_> {
    match file {
        RecordedFile::None => Known::None,
        RecordedFile::Loose => Known::Loose,
        RecordedFile::Kept {
            identity,
            says,
            place,
        } => Known::Kept(Box::new(Kept {
            identity,
            says,
            bytes: Bytes::Stored(place),
        })),
    }
}

/// Says that a folder is passed over, unless it is simply not there.
pub(super) fn not_listed(path: &Path, error: &io::Error) {
    if !is_absence(error) {
        tracing::warn!(?path, %error, "a folder is not listed");
    }
}

/// Reads the metadata of a package that may be broken.
fn read(file: &Path, external: bool, dirs: &DataDirs) -> Option<Arc<PackageMetadata>> {
    if !external && leads_away(file) {
        tracing::warn!(path = ?file, "a package is not listed: its metadata file lies outside");
        return None;
    }
    logged(file, metadata::read(file, dirs))
}

fn logged(
    file: &Path,
    read: Result<PackageMetadata, metadata::MetadataError>,
) -> Option<Arc<PackageMetadata>> {
    read.inspect_err(|error| tracing::warn!(path = ?file, %error, "a package is not listed"))
        .ok()
        .map(Arc::new)
}

/// Whether a file is a link to somewhere outside its own folder.
fn leads_away(file: &Path) -> bool {
    let is_link = std::fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_symlink());
    let folder = file
        .parent()
        .and_then(|folder| std::fs::canonicalize(folder).ok());
    is_link
        && match (std::fs::canonicalize(file), folder) {
            (Ok(file), Some(folder)) => !file.starts_with(folder),
            _ => true,
        }
}
