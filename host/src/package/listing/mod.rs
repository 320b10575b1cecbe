//! The packages that are installed.
//!
//! ```text
//! root --walk, with what the cache has of it--> folders --of the type, first of its id--> packages
//!   what was learned --> cache                                    --filter, validity--> the answer
//! ```

mod cache;
mod folder;
mod judge;
mod listed;
mod shares;
mod tree;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use listed::ListedPackage;

use self::cache::{Cache, LEAST_PACKAGES};
use self::folder::Root;
use self::shares::in_shares;
use self::tree::{Folder, Folders, Place};
use self::walk::{Walk, Walked};
use super::contents::Contents;
use super::error::LoadError;
use super::loader::PackageLoader;
use super::metadata::{MetadataFiles, PackageMetadata};
use super::package::Package;
use crate::plugin::now;
use crate::transaction;

/// Fewer packages are judged before a thread has begun.
const WORTH_A_THREAD: usize = 8;

/// As often a package is looked at that is replaced at the same time.
const ATTEMPTS: usize = 10;

/// How far a listing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListingProgress {
    /// As many packages were found so far, of any type.
    pub found: usize,
    /// Of as many it was found out so far whether they are valid.
    pub checked: usize,
}

type OnProgress<'a> = Box<dyn Fn(ListingProgress) + Send + Sync + 'a>;
type Filter<'a> = &'a mut dyn FnMut(&PackageMetadata) -> bool;

/// A listing that is about to be made: see [`PackageLoader::listing`].
#[must_use]
pub struct Listing<'a> {
    loader: &'a PackageLoader,
    type_name: &'a str,
    package_root: Option<PathBuf>,
    validity: bool,
    progress: OnProgress<'a>,
    /// When it is made, in nanoseconds since 1970.
    began: i64,
    /// What verdicts depend on, if that is not to be found out.
    judged: Option<String>,
}

impl fmt::Debug for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("type_name", &self.type_name)
            .field("package_root", &self.package_root)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl<'a> Listing<'a> {
    pub(super) fn new(loader: &'a PackageLoader, type_name: &'a str) -> Self {
        Self {
            loader,
            type_name,
            package_root: None,
            validity: false,
            progress: Box::new(|_| ()),
            began: now(),
            judged: None,
        }
    }

    /// As if it were made later, so that what has just changed has settled, and as if verdicts
    /// depended on `judged` and the packages alone.
    #[cfg(test)]
    pub(super) fn later(mut self, judged: &str) -> Self {
        self.began += 10_000_000_000;
        self.judged = Some(judged.to_owned());
        self
    }

    /// Looks in `package_root` instead of the type's own root: relative to each data folder, or
    /// absolute. `None` and the empty path change nothing.
    pub fn package_root(mut self, package_root: Option<&Path>) -> Self {
        self.package_root = package_root
            .filter(|root| !root.as_os_str().is_empty())
            .map(Path::to_path_buf);
        self
    }

    /// Finds out also which packages are valid, several at once, and remembers it.
    pub fn with_validity(mut self) -> Self {
        self.validity = true;
        self
    }

    /// Calls `progress` for each package, possibly from several threads.
    pub fn on_progress(mut self, progress: impl Fn(ListingProgress) + Send + Sync + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// The packages, ordered by id.
    ///
    /// # Errors
    ///
    /// As [`PackageLoader::load_package`]. What cannot be read is left out and logged.
    pub fn packages(self) -> Result<Vec<ListedPackage>, LoadError> {
        self.list(None)
    }

    /// The packages that `filter` takes, ordered by id. It is asked about each package that
    /// [`packages`](Self::packages) would give.
    ///
    /// # Errors
    ///
    /// As [`packages`](Self::packages).
    pub fn find(
        self,
        mut filter: impl FnMut(&PackageMetadata) -> bool,
    ) -> Result<Vec<ListedPackage>, LoadError> {
        self.list(Some(&mut filter))
    }

    /// The valid ones of the packages, in full, ordered by id.
    ///
    /// # Errors
    ///
    /// As [`packages`](Self::packages).
    pub fn load(mut self) -> Result<Vec<Package>, LoadError> {
        self.validity = false;
        let template = self.loader.template(self.type_name)?;
        let listed = self.list(None)?;
        let load = |package: &ListedPackage| {
            let root = fs::canonicalize(package.path()).ok()?;
            let mut contents = package.case(&root, false).contents(&template).ok()?;
            let is_valid = contents.is_valid();
            contents.hits.forget();
            is_valid.then(|| template.with_contents(contents))
        };
        let shares = in_shares(listed, WORTH_A_THREAD, |share| {
            share.iter().filter_map(load).collect::<Vec<_>>()
        });
        Ok(shares.into_iter().flatten().collect())
    }

    fn list(self, mut filter: Option<Filter<'_>>) -> Result<Vec<ListedPackage>, LoadError> {
        let template = self.loader.template(self.type_name)?;
        let root = match &self.package_root {
            Some(root) => root.clone(),
            None => template.definition().listed_root(template.type_name()),
        };
        let began = self.began;
        // What is kept of a root is what KPackage's types see in it.
        let files = template.definition().metadata_files();
        let keeps = files == MetadataFiles::KPackage;
        let cache_dir = self.loader.registry().cache_dir();
        let mut run = Run {
            loader: self.loader,
            files,
            began,
            judged: match self.validity {
                true => self.judged.or_else(|| judge::fingerprint(&template, began)),
                false => None,
            },
            template,
            cache: cache_dir.filter(|_| keeps).map(Cache::new),
            validity: self.validity,
            progress: &*self.progress,
            found: AtomicUsize::new(0),
            checked: AtomicUsize::new(0),
            seen: Vec::new(),
            packages: Vec::new(),
        };
        let roots = self.loader.data_dirs().places(&root);
        for (at, root) in roots.iter().enumerate() {
            let is_last = at + 1 == roots.len();
            run.add(root, is_last, &mut filter);
        }
        let mut packages = run.packages;
        // Those of one root are in order.
        if roots.len() > 1 {
            packages.sort_by(|one, other| one.id().cmp(other.id()));
        }
        Ok(packages)
    }
}

/// A listing that is being made.
struct Run<'a> {
    loader: &'a PackageLoader,
    template: Package,
    files: MetadataFiles,
    began: i64,
    cache: Option<Cache>,
    validity: bool,
    /// What remembered verdicts have to depend on, if they may be remembered.
    judged: Option<String>,
    progress: &'a (dyn Fn(ListingProgress) + Sync),
    found: AtomicUsize,
    checked: AtomicUsize,
    /// The ids that are listed, or filtered out, in order.
    seen: Vec<Box<str>>,
    packages: Vec<ListedPackage>,
}

impl Run<'_> {
    /// Adds what lies below one root; better roots came before.
    fn add(&mut self, path: &Path, is_last: bool, filter: &mut Option<Filter<'_>>) {
        transaction::restore(path);
        let root = match Root::open(path, self.files, self.cache.is_some()) {
            Ok(root) => root,
            Err(error) => return walk::not_listed(path, &error),
        };
        let cache = self.cache.as_ref();
        let kept = cache.filter(|_| self.loader.may_use_kept(path));
        let (bytes, contents) = kept.and_then(|cache| cache.read(path)).unzip();
        let contents = contents.map(Arc::new);
        let snapshot = kept.zip(bytes.as_deref());
        let snapshot = snapshot.and_then(|(cache, bytes)| cache.parse(path, bytes));
        let snapshot = snapshot.as_ref();
        let walk = Walk {
            root: &root,
            before: snapshot,
            contents: contents.as_ref(),
            began: self.began,
            template: &self.template,
            found: &|found| self.report(found, self.checked.load(Ordering::Relaxed)),
            count: &self.found,
        };
        let Walked {
            mut folders,
            packages,
            mut learned,
        } = walk.run();
        folders.forget_changed();
        let mut packages = self.winners(packages);
        if !is_last {
            let ids = packages.iter().map(|(_, package)| package.id().into());
            self.seen.extend(ids);
            self.seen.sort_unstable();
        }
        if let Some(filter) = filter {
            packages.retain(|(_, package)| filter(&package.read()));
        }
        let mut judged = Cow::Borrowed(snapshot.map_or("", |snapshot| snapshot.judged));
        if self.validity {
            if let Some(by) = &self.judged
                && judged != *by
            {
                judged = Cow::Owned(by.clone());
                folders.forget_verdicts();
            }
            learned += self.judge(path, &mut folders, &mut packages);
        }
        if let Some(cache) = &self.cache
            && learned > 0
            && folders.iter().filter(|folder| folder.has_file()).count() >= LEAST_PACKAGES
        {
            cache.write(path, &judged, &folders, snapshot.zip(contents.as_deref()));
        }
        let packages = packages.into_iter().map(|(_, package)| package);
        self.packages.extend(packages);
    }

    fn report(&self, found: usize, checked: usize) {
        (self.progress)(ListingProgress { found, checked });
    }

    /// The packages that count: the first of each id, and who says its type before who does not.
    fn winners(&self, mut packages: Vec<(Place, ListedPackage)>) -> Vec<(Place, ListedPackage)> {
        if !self.seen.is_empty() {
            packages.retain(|(_, package)| {
                let is_seen = self.seen.binary_search_by(|id| (**id).cmp(package.id()));
                is_seen.is_err()
            });
        }
        // Those of one id stay in the order in which they were found.
        packages.sort_by(|(_, one), (_, other)| {
            let by_type = one.is_untyped().cmp(&other.is_untyped());
            one.id().cmp(other.id()).then(by_type)
        });
        packages.dedup_by(|(_, later), (_, first)| later.id() == first.id());
        packages
    }

    /// Finds out which packages are valid; gives of how many it need not be found out again. Those
    /// that were removed in the meantime are left out.
    fn judge(
        &self,
        root: &Path,
        folders: &mut Folders<'_>,
        packages: &mut Vec<(Place, ListedPackage)>,
    ) -> usize {
        let mut open = Vec::new();
        for (at, package) in &*packages {
            match (&self.judged, folders.get(*at).verdict) {
                (Some(_), Some(valid)) => package.judged(valid),
                _ => open.push((*at, package)),
            }
        }
        let all = &*folders;
        let Ok(canonical) = fs::canonicalize(root) else {
            // It is gone by now, and each package says so when it is asked.
            return 0;
        };
        let shares = in_shares(open, WORTH_A_THREAD, |share| {
            let judge = |(at, package): (Place, &ListedPackage)| {
                let below = package.path().strip_prefix(root).unwrap_or(Path::new(""));
                // Without a slash at the end.
                let path = if below.as_os_str().is_empty() {
                    canonical.clone()
                } else {
                    canonical.join(below)
                };
                let plain = all.subtree(at).all(|folder| folder.plain);
                let (contents, is_gone) = self.look_at(package, &path, plain);
                let valid = contents.as_ref().is_some_and(|it| it.is_valid());
                package.judged(valid);
                let checked = self.checked.fetch_add(1, Ordering::Relaxed) + 1;
                self.report(self.found.load(Ordering::Relaxed), checked);
                let is_settled = all.subtree(at).all(Folder::is_settled);
                let of_its_own = contents.is_some_and(|it| judge::is_of_its_own(&it, &path));
                (at, valid, is_settled && of_its_own, is_gone)
            };
            share.into_iter().map(judge).collect::<Vec<_>>()
        });
        let mut learned = 0;
        let mut gone = Vec::new();
        for (at, valid, lasts, is_gone) in shares.into_iter().flatten() {
            if lasts && self.judged.is_some() && folders.get(at).has_settled_file() {
                folders.set_verdict(at, Some(valid));
                learned += 1;
            }
            if is_gone {
                gone.push(at);
            }
        }
        packages.retain(|(at, _)| !gone.contains(at));
        learned
    }

    /// The package as it is in the canonical folder `path`, and whether it is there no more.
    fn look_at(
        &self,
        package: &ListedPackage,
        path: &Path,
        plain: bool,
    ) -> (Option<Contents>, bool) {
        let look = |plain| package.case(path, plain).contents(&self.template).ok();
        let mut contents = look(plain);
        let mut last = None;
        // One that is not valid may have been removed or replaced just then.
        for _ in 0..ATTEMPTS {
            let now = transaction::Place::of(path).ok();
            if contents.as_ref().is_some_and(|it| it.is_valid()) {
                return (contents, false);
            }
            if last == Some(now) {
                break;
            }
            last = Some(now);
            contents = look(false);
        }
        (contents, last == Some(None))
    }
}
