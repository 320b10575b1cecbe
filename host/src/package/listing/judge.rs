//! Are the packages of a listing valid, and may that be remembered?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::package::contents::Contents;
use crate::package::definition::Definition;
use crate::package::error::PackageError;
use crate::package::metadata::{Found, PackageMetadata};
use crate::package::package::Package;
use crate::package::resolve::climbs;

/// A package to be judged.
pub(super) struct Case {
    /// Its folder, canonical.
    pub(super) root: PathBuf,
    /// Its metadata; `None` if who opens it may read another file.
    pub(super) metadata: Option<Arc<PackageMetadata>>,
    /// Whether there is no link and no hidden folder in it.
    pub(super) plain: bool,
}

impl Case {
    /// Looks at it as a package of the kind of `template`.
    pub(super) fn contents(self, template: &Package) -> Result<Contents, PackageError> {
        let site = template.site();
        match self.metadata {
            Some(metadata) => {
                let metadata = Some(metadata);
                let trouble = None;
                site.enter_read(self.root, Found { metadata, trouble }, self.plain)
            }
            None => site.enter(Some(self.root)),
        }
    }
}

/// Whether what was found out about `root` depends on nothing but its own folder.
pub(super) fn is_of_its_own(contents: &Contents, root: &Path) -> bool {
    contents.plain
        && contents.root.as_deref() == Some(root)
        && contents.fallback.is_none()
        && contents.fallback_trouble.is_none()
        && !contents.definition.allow_external_paths()
        && !leads_up(&contents.definition)
}

fn leads_up(definition: &Definition) -> bool {
    let is_up = |path: &str| climbs(Path::new(path));
    definition
        .contents_prefix_paths()
        .iter()
        .any(|it| is_up(it))
        || definition
            .keys()
            .any(|(_, key)| key.paths().iter().any(|it| is_up(it)))
}

/// What verdicts on packages of the kind of `template` depend on, besides the packages: the plugin's
/// file, and what its structure said. `None` where a process cannot tell another's: the application
/// brings the structure, or the file is too new.
pub(super) fn fingerprint(template: &Package, now: i64) -> Option<String> {
    let plugin = template.structure().plugin()?;
    plugin.identity().is_settled_at(now).then_some(())?;
    let mut hash = Sha256::new();
    let said = format!(
        "{} {:?} {:?} {:?}",
        template.type_name(),
        plugin.path(),
        plugin.identity(),
        template.definition(),
    );
    hash.update(said);
    let digits = hash.finalize();
    Some(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}
