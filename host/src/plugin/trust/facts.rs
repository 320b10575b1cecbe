//! What is so of a plugin's file and of every place on the way to it.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::account::Account;
#[cfg(unix)]
use super::accounts::Observer;
use super::component::{Component, Kind};
use super::distrust::Distrust;
use super::policy::Policy;
use super::signature::{self, Signature};

/// What is so of a plugin's file: gathered once, judged by [`check`](super::check).
///
/// Facts are of a moment. They stay true if [`check`](super::check) lets them pass, as far as what
/// they are made of can be changed only by those whom the policy allows.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(super) target: PathBuf,
    pub(super) kind: Kind,
    pub(super) identity: Identity,
    /// Whether the name still led to the open file.
    pub(super) same: bool,
    pub(super) caller: Account,
    above: Arc<[Component]>,
    further: Vec<Component>,
    pub(super) signature: Option<Signature>,
}

/// What tells one file from all others on this machine while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(#[cfg(unix)] u64, #[cfg(unix)] u64);

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(metadata.dev(), metadata.ino())
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Self {
        Self()
    }
}

impl Facts {
    /// Looks at the open file `file`, which was opened by the name `path`, and at every place on the
    /// way from the root to it: folders, links that are followed, and the folders above those.
    ///
    /// A relative name is taken from the current folder. Of many files in one folder,
    /// [`Folder::facts`] looks at the folder only once. Nothing is read of the file; for its
    /// signature there is [`with_signature`](Self::with_signature).
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] names the place that could not be looked at, and
    /// [`Distrust::NotRegular`] a name that cannot be a file's.
    ///
    /// # Platform
    ///
    /// Elsewhere than on Unix there are no [`components`](Self::components).
    pub fn of(file: &File, path: &Path) -> Result<Self, Distrust> {
        let unreadable = |source| Distrust::Unreadable {
            path: path.to_path_buf(),
            source,
        };
        let opened = file.metadata().map_err(unreadable)?;
        let path = std::path::absolute(path).map_err(unreadable)?;
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => Folder::of(folder)?.facts(&opened, name),
            _ => Err(Distrust::NotRegular { path }),
        }
    }

    /// Looks at the signature of `file` too, if the policy looks at signatures.
    ///
    /// Without a key that fits the signature this reads the signature alone; with one, the whole
    /// file.
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] and [`Distrust::TooLarge`]. What the signature says is no error
    /// here: [`check`](super::check) judges it.
    pub fn with_signature(mut self, file: &File, policy: &Policy) -> Result<Self, Distrust> {
        if policy.looks_at_signatures() && self.kind == Kind::File {
            let (signature, _) = signature::examine(file, &self.target, &policy.keys)?;
            self.signature = Some(signature);
        }
        Ok(self)
    }

    /// The file that the name leads to: absolute, with no link in it.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Every place on the way, in the order in which it is come to, the file last. A folder in which
    /// links are looked up may come twice.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.above.iter().chain(&self.further)
    }

    /// What the signature says, if it was looked at.
    #[must_use]
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }
}

/// What is so of a folder in which plugins may lie, and of every place on the way to it.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    pub(super) components: Arc<[Component]>,
    #[cfg(unix)]
    observer: Arc<Observer>,
}

#[cfg(unix)]
impl Folder {
    /// Looks at the folder `path` and at every place on the way to it. A relative name is taken from
    /// the current folder.
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] names the place that could not be looked at.
    pub fn of(path: &Path) -> Result<Self, Distrust> {
        Self::seen_by(Arc::new(Observer::this()), path)
    }

    pub(super) fn seen_by(observer: Arc<Observer>, path: &Path) -> Result<Self, Distrust> {
        use super::walk::{Walk, component};
        let unreadable = |source| Distrust::Unreadable {
            path: path.to_path_buf(),
            source,
        };
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        let mut walk = Walk::new(&observer, &[]);
        let end = walk.follow(Path::new("/"), &absolute, false)?;
        if !end.metadata.is_dir() {
            return Err(unreadable(std::io::ErrorKind::NotADirectory.into()));
        }
        let mut last = component(&end.path, &end.metadata, &observer);
        last.holds_plugin = true;
        Ok(Self {
            components: walk.into_found(last).into(),
            path: end.path,
            observer,
        })
    }

    /// The facts of the file that was opened by the name `name` in this folder; `opened` is what the
    /// open file says of itself.
    ///
    /// This costs one look at the name, and more only where it is a link.
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] names the place that could not be looked at.
    pub fn facts(&self, opened: &Metadata, name: &OsStr) -> Result<Facts, Distrust> {
        use super::walk::{Walk, component};
        let mut walk = Walk::new(&self.observer, &self.components);
        let end = walk.follow(&self.path, Path::new(name), true)?;
        let file = component(&end.path, &end.metadata, &self.observer);
        let same = Identity::of(opened) == Identity::of(&end.metadata);
        Ok(self.facts_from(opened, end.path, walk.into_found(file), same))
    }

    /// The same for a file that was opened in a way that follows no link (`O_NOFOLLOW`), which costs
    /// no further look: for discovery, where many files are looked at.
    #[must_use]
    pub fn facts_of_no_link(&self, opened: &Metadata, name: &OsStr) -> Facts {
        let target = self.path.join(name);
        let file = super::walk::component(&target, opened, &self.observer);
        self.facts_from(opened, target, vec![file], true)
    }

    fn facts_from(
        &self,
        opened: &Metadata,
        target: PathBuf,
        further: Vec<Component>,
        same: bool,
    ) -> Facts {
        Facts {
            kind: Kind::of(opened.file_type()),
            same,
            identity: Identity::of(opened),
            target,
            above: Arc::clone(&self.components),
            further,
            caller: self.caller(),
            signature: None,
        }
    }
}

#[cfg(not(unix))]
impl Folder {
    /// Looks where the folder `path` is.
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] if it cannot be looked at.
    pub fn of(path: &Path) -> Result<Self, Distrust> {
        let target = path.canonicalize();
        Ok(Self {
            path: target.map_err(|source| Distrust::Unreadable {
                path: path.to_path_buf(),
                source,
            })?,
            components: Arc::new([]),
        })
    }

    /// The facts of the file that was opened by the name `name` in this folder; `opened` is what the
    /// open file says of itself. Nothing is known of its owner.
    ///
    /// # Errors
    ///
    /// [`Distrust::Unreadable`] if it cannot be looked at.
    pub fn facts(&self, opened: &Metadata, name: &OsStr) -> Result<Facts, Distrust> {
        let path = self.path.join(name);
        let target = path.canonicalize();
        let target = target.map_err(|source| Distrust::Unreadable { path, source })?;
        Ok(self.facts_from(opened, target))
    }

    /// The same for a name that is known to be no link.
    #[must_use]
    pub fn facts_of_no_link(&self, opened: &Metadata, name: &OsStr) -> Facts {
        self.facts_from(opened, self.path.join(name))
    }

    fn facts_from(&self, opened: &Metadata, target: PathBuf) -> Facts {
        Facts {
            kind: Kind::of(opened.file_type()),
            same: true,
            identity: Identity::of(opened),
            target,
            above: Arc::clone(&self.components),
            further: Vec::new(),
            caller: self.caller(),
            signature: None,
        }
    }
}

impl Folder {
    /// The folder: absolute, with no link in it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every place on the way, in the order in which it is come to, the folder last.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The caller; elsewhere than on Unix nobody, as nobody's owner is judged.
    pub(super) fn caller(&self) -> Account {
        #[cfg(unix)]
        {
            self.observer.caller()
        }
        #[cfg(not(unix))]
        Account { id: 0, name: None }
    }
}
