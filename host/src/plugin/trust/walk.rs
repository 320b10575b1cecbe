//! Following a name as the kernel does, and seeing every place on the way.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{self, Path, PathBuf};

use super::account::Account;
use super::accounts::Observer;
use super::component::{Component, Kind};
use super::distrust::Distrust;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// What a name leads to.
pub(super) struct End {
    /// Where it is, with no link in it.
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
}

/// A walk from a folder along names and links.
pub(super) struct Walk<'a> {
    observer: &'a Observer,
    /// What was seen before this walk.
    known: &'a [Component],
    /// What this walk saw, in order.
    found: Vec<Component>,
    links: usize,
}

enum Step {
    Root,
    Up,
    Name(OsString),
}

impl<'a> Walk<'a> {
    pub(super) fn new(observer: &'a Observer, known: &'a [Component]) -> Self {
        Self {
            observer,
            known,
            found: Vec::new(),
            links: 0,
        }
    }

    /// What was seen, and besides it what the walk ended at.
    pub(super) fn into_found(self, end: Component) -> Vec<Component> {
        let mut found = self.found;
        found.push(end);
        found
    }

    /// Follows `path`, an absolute one or one from the folder `start`, which has no link in it and
    /// is known. Folders in which the last name is looked up are marked if `plugin` is set.
    pub(super) fn follow(
        &mut self,
        start: &Path,
        path: &Path,
        plugin: bool,
    ) -> Result<End, Distrust> {
        let mut here = start.to_path_buf();
        let mut steps = Vec::new();
        push(&mut steps, path);
        while let Some(step) = steps.pop() {
            let name = match step {
                Step::Root => {
                    here = PathBuf::from("/");
                    let metadata = look(&here)?;
                    self.record(&here, &metadata);
                    continue;
                }
                Step::Up => {
                    here.pop();
                    continue;
                }
                Step::Name(name) => name,
            };
            let last = steps.is_empty();
            if last && plugin {
                self.mark(&here)?;
            }
            let path = here.join(name);
            let metadata = look(&path)?;
            if metadata.is_symlink() {
                self.links += 1;
                if self.links > MAX_LINKS {
                    let source = io::Error::other("too many symbolic links");
                    return Err(Distrust::Unreadable { path, source });
                }
                self.record(&path, &metadata);
                let target =
                    fs::read_link(&path).map_err(|source| Distrust::Unreadable { path, source })?;
                push(&mut steps, &target);
            } else if last {
                return Ok(End { path, metadata });
            } else if metadata.is_dir() {
                self.record(&path, &metadata);
                here = path;
            } else {
                let source = io::ErrorKind::NotADirectory.into();
                return Err(Distrust::Unreadable { path, source });
            }
        }
        let metadata = look(&here)?;
        Ok(End {
            path: here,
            metadata,
        })
    }

    fn record(&mut self, path: &Path, metadata: &Metadata) {
        if !self.seen().any(|seen| seen.is_at(path)) {
            self.found.push(component(path, metadata, self.observer));
        }
    }

    /// What was seen, the last first: mostly that is asked for.
    fn seen(&self) -> impl Iterator<Item = &Component> {
        self.found.iter().rev().chain(self.known.iter().rev())
    }

    /// Notes that the plugin's own name is looked up in `folder`.
    fn mark(&mut self, folder: &Path) -> Result<(), Distrust> {
        let marked = |seen: &Component| seen.is_at(folder) && seen.holds_plugin;
        if self.seen().any(marked) {
            return Ok(());
        }
        let mut holder = component(folder, &look(folder)?, self.observer);
        holder.holds_plugin = true;
        self.found.push(holder);
        Ok(())
    }
}

fn push(steps: &mut Vec<Step>, path: &Path) {
    for component in path.components().rev() {
        match component {
            path::Component::RootDir => steps.push(Step::Root),
            path::Component::ParentDir => steps.push(Step::Up),
            path::Component::Normal(name) => steps.push(Step::Name(name.to_owned())),
            path::Component::CurDir | path::Component::Prefix(_) => {}
        }
    }
}

fn look(path: &Path) -> Result<Metadata, Distrust> {
    fs::symlink_metadata(path).map_err(|source| Distrust::Unreadable {
        path: path.to_path_buf(),
        source,
    })
}

/// What `metadata` says of the place `path`.
pub(super) fn component(path: &Path, metadata: &Metadata, observer: &Observer) -> Component {
    let (uid, gid) = (metadata.uid(), metadata.gid());
    let mut component = Component {
        path: path.to_path_buf(),
        kind: Kind::of(metadata.file_type()),
        owner: Account {
            id: uid,
            name: None,
        },
        group: Account {
            id: gid,
            name: None,
        },
        group_is_private_to: None,
        mode: metadata.mode() & 0o7777,
        access_list: false,
        holds_plugin: false,
    };
    if uid != 0 && uid != observer.uid() {
        component.owner = observer.accounts().user(uid);
    }
    if component.group_writable() && !component.world_writable() {
        component.group = observer.accounts().group(gid);
        component.group_is_private_to = observer.accounts().private_to(gid);
        component.access_list = has_access_list(path);
    }
    component
}

/// Whether the place has a POSIX access list besides its mode. What cannot be told is taken for one.
fn has_access_list(path: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::io::Errno;
        let list = rustix::fs::lgetxattr_query(path, "system.posix_acl_access");
        !matches!(list, Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = path;
        false
    }
}
