//! A package that is ready to be seen.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::decide::Action;
use super::error::InstallError;
use super::installer::Installer;
use super::plan::Plan;
use super::receipt::{Installation, Receipt};
use super::source::in_folder;
use crate::archive::{self, ArchiveWarning, Observer, Progress, UnpackedEntry, UnpackedKind};
use crate::package::{Change, PackageError, PackageEvent, Severity, is_installable_id, package_in};
use crate::transaction::{Place, Root, Work};

/// A package that was unpacked, checked and found valid, and lies where nobody looks. It is gone
/// with this, unless it is [committed](Self::commit).
#[derive(Debug)]
pub struct Staged {
    plan: Plan,
    // Before the root, which takes away what is empty.
    work: Work,
    root: Root,
    receipt: Receipt,
    warnings: Vec<String>,
}

/// What was installed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Installed {
    /// What happened.
    pub action: Action,
    /// The package's folder.
    pub path: PathBuf,
    /// What was written down of it.
    pub receipt: Receipt,
    /// What is allowed here and not everywhere, and what did not work any more after the package was
    /// in its place.
    pub warnings: Vec<String>,
}

/// What was unpacked.
pub(super) struct Unpacked {
    entries: BTreeMap<PathBuf, UnpackedKind>,
    warnings: Vec<ArchiveWarning>,
}

impl Staged {
    pub(super) fn new(plan: Plan) -> Result<Self, InstallError> {
        let installer = &plan.installer;
        let root = Root::new(&plan.root, installer.settings.sync);
        let work = installer.lock(&root)?.begin()?;
        let package = work.package();
        let unpacked = unpack(&plan, &package, &work.place("all"));
        let unpacked = unpacked.map_err(|error| error.shown_as(|path| work.shown(path)))?;
        let shown = work.shown(&package);
        for url in plan.handled() {
            installer.check_cancelled()?;
            installer.settings.handlers.run(url)?;
        }
        let id = plan.id().unwrap_or_default();
        let mut receipt = Receipt::new(Installation {
            id,
            type_name: plan.type_name().as_str(),
            version: plan.version(),
            source: plan.source.path(),
            kind: plan.source.kind(),
            folder: Place::of(&package).map_err(InstallError::io(&shown))?,
            entries: unpacked.entries,
        });
        receipt.keep_from(&plan.root);
        let json = serde_json::to_vec(&receipt)
            .map_err(std::io::Error::from)
            .and_then(|json| work.write_receipt(&json));
        json.map_err(InstallError::io(&shown))?;
        installer.check_cancelled()?;
        if installer.settings.sync {
            work.sync().map_err(InstallError::io(&shown))?;
        }
        let warnings = unpacked.warnings.iter().map(ToString::to_string).collect();
        Ok(Self {
            plan,
            work,
            root,
            receipt,
            warnings,
        })
    }

    /// The plan that it follows.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What will be written down of it.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Makes the package the one that is seen: in one step. What it takes the place of is removed.
    ///
    /// # Errors
    ///
    /// Somebody else installed something of that name in the meantime, so that there are reasons now
    /// why not; the root is locked; it was cancelled; the step cannot be made. Nothing is changed
    /// then.
    pub fn commit(self) -> Result<Installed, InstallError> {
        self.put(false)
    }

    /// As [`commit`](Self::commit), for the package manager: the package belongs to it afterwards, and
    /// what it takes the place of is kept, with its receipt, so that
    /// [`ensure_in_place`](Installer::ensure_in_place) can put it back. Where nothing is there,
    /// nothing is kept.
    ///
    /// What is kept of an earlier upgrade is given up, if the old version was put back after it.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit). [`InstallError::Unfinished`]: the new version of an earlier upgrade
    /// is in place, and the old one is still kept.
    #[cfg_attr(
        not(feature = "lifecycle"),
        allow(dead_code, reason = "only tests go this way without the manager")
    )]
    pub(crate) fn commit_keeping(self) -> Result<Installed, InstallError> {
        self.put(true)
    }

    fn put(self, keeps: bool) -> Result<Installed, InstallError> {
        // What comes first is dropped last: the root takes away what is empty when all else is gone.
        let Self {
            plan,
            root,
            work,
            receipt,
            mut warnings,
        } = self;
        let installer = plan.installer.clone();
        let id = &receipt.id;
        let locked = installer.lock(&root)?;
        let (action, refusals) = plan.decide(locked.path());
        plan.refused(&refusals)?;
        // Before the package: who is killed in between leaves no package that anybody may change.
        let manages = keeps || installer.settings.for_manager;
        let newly_marked = manages && locked.mark(id)?;
        let put = match action {
            Action::Install => locked.put(&work, id),
            Action::Upgrade { .. } if keeps => locked.exchange_keeping(&work, id),
            Action::Upgrade { .. } => locked.exchange(&work, id),
        };
        let mut aftermath = put.inspect_err(|_| {
            if newly_marked {
                let _ = locked.unmark(id);
            }
        })?;
        if manages && !(keeps && matches!(action, Action::Upgrade { .. })) {
            // It is of versions that are not there any more.
            aftermath.extend(locked.drop_kept(id).err());
        }
        let path = locked.path().join(id);
        drop(locked);
        warnings.extend(aftermath.iter().map(of_aftermath));
        installer.tell(&PackageEvent::new(
            match action {
                Action::Install => Change::Added,
                Action::Upgrade { .. } => Change::Changed,
            },
            plan.type_name(),
            id,
            &path,
        ));
        if let Err(error) = work.discard() {
            warnings.push(format!("what was replaced is not removed yet: {error}"));
        }
        Ok(Installed {
            action,
            path,
            receipt,
            warnings,
        })
    }
}

/// What did not work after a change was made.
pub(super) fn of_aftermath(error: &crate::transaction::RootError) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Unpacks the package of a plan to `package`, by way of `all` if it lies in a folder of its archive,
/// and checks it.
pub(super) fn unpack(plan: &Plan, package: &Path, all: &Path) -> Result<Unpacked, InstallError> {
    let source = plan.source.path();
    fs::create_dir(package).map_err(InstallError::io(package))?;
    let mut observer = Witness {
        installer: &plan.installer,
        entries: BTreeMap::new(),
    };
    let limits = &plan.installer.settings.limits;
    let unpacked = match plan.source.file() {
        None => archive::copy_folder(source, package, limits, &mut observer),
        Some(file) => {
            let again = file.try_clone().and_then(|mut file| {
                std::io::Seek::rewind(&mut file)?;
                Ok(file)
            });
            let file = again.map_err(|error| InstallError::Unreadable {
                path: source.to_path_buf(),
                source: error,
            })?;
            archive::unpack_observed(file, package, limits, &mut observer)
        }
    };
    let unpacked = unpacked.map_err(|error| InstallError::of_archive(source, error))?;
    let mut entries = observer.entries;
    let files = plan.template.definition().metadata_files();
    let top = package_in(package, files).map_err(InstallError::io(package))?;
    let top = top.map_err(|folders| {
        InstallError::Package(PackageError::NotOnePackage {
            path: source.to_path_buf(),
            folders,
        })
    })?;
    if let Ok(below) = top.strip_prefix(package)
        && !below.as_os_str().is_empty()
    {
        entries = raise(below, entries);
        let links = entries.iter().filter_map(|(path, kind)| match kind {
            UnpackedKind::Link { target } => Some((path.as_path(), target.as_path())),
            _ => None,
        });
        archive::check_links(links).map_err(|error| InstallError::of_archive(source, error))?;
        let moved = fs::rename(package, all)
            .and_then(|()| fs::rename(all.join(below), package))
            .and_then(|()| fs::remove_dir_all(all));
        moved.map_err(InstallError::io(package))?;
    }
    check(plan, package)?;
    Ok(Unpacked {
        entries,
        warnings: unpacked.warnings,
    })
}

/// What lies below the folder `below`, by its path from there.
fn raise(
    below: &Path,
    entries: BTreeMap<PathBuf, UnpackedKind>,
) -> BTreeMap<PathBuf, UnpackedKind> {
    let entries = entries.into_iter().filter_map(|(path, kind)| {
        let path = path.strip_prefix(below).ok()?;
        (!path.as_os_str().is_empty()).then(|| (path.to_path_buf(), kind))
    });
    entries.collect()
}

/// Whether what was unpacked is what was planned, and valid.
fn check(plan: &Plan, package: &Path) -> Result<(), InstallError> {
    let source = plan.source.path();
    let package = fs::canonicalize(package).map_err(InstallError::io(package))?;
    let dirs = plan.installer.loader.data_dirs();
    let files = plan.template.definition().metadata_files();
    let metadata = in_folder(&package, source, files, dirs)?;
    if metadata.document() != plan.source.metadata().document()
        || !plan.id().is_some_and(is_installable_id)
    {
        let path = source.to_path_buf();
        return Err(InstallError::Changed { path });
    }
    let mut loaded = plan.template.clone();
    match loaded.set_path(&package) {
        Ok(()) => Ok(()),
        Err(PackageError::Invalid { problems, .. }) => Err(InstallError::Invalid {
            path: source.to_path_buf(),
            type_name: plan.type_name().clone(),
            problems: problems
                .into_iter()
                .filter(|problem| problem.severity() == Severity::Error)
                // Where it was unpacked means nothing to anybody.
                .map(|problem| problem.moved(&package, source))
                .collect(),
        }),
        Err(error) => Err(InstallError::Load(error.into())),
    }
}

/// Takes note of all that is unpacked, and passes on how far it is.
struct Witness<'a> {
    installer: &'a Installer,
    entries: BTreeMap<PathBuf, UnpackedKind>,
}

impl Observer for Witness<'_> {
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.installer.check_cancelled().is_err() {
            return ControlFlow::Break(());
        }
        (self.installer.settings.progress)(progress);
        ControlFlow::Continue(())
    }

    fn entry(&mut self, entry: UnpackedEntry) {
        self.entries.insert(entry.path, entry.kind);
    }

    fn wants_digests(&self) -> bool {
        true
    }
}
