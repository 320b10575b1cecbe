//! A loaded plugin.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyway_abi::{ContextAccess, FaultReport, LifecycleRef, StructureRef};
use keyway_metadata::{Manifest, TypeKind, TypeName};
use sha2::{Digest as _, Sha256};

use super::error::LoadError;
use crate::plugin::file::identity::FileIdentity;
use crate::plugin::file::read_at;
use crate::plugin::loaded::fault::{Fault, Method};
use crate::plugin::loaded::lifecycle::Lifecycle;
use crate::plugin::loaded::structure::Structure;
use crate::plugin::store::quarantine::{Mark, Quarantine};

/// A plugin whose library is open and attached. It stays so as long as the process; cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

pub(super) struct Inner {
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    /// The file that was opened, for its digest.
    pub(super) file: File,
    pub(super) loaded_at: SystemTime,
    pub(super) load_time: Duration,
    pub(super) quarantine: Quarantine,
    pub(super) manifest: Arc<Manifest>,
    pub(super) structures: Option<StructureRef>,
    pub(super) lifecycles: Option<LifecycleRef>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.0.manifest.id)
            .field("version", &self.0.manifest.version)
            .field("path", &self.0.path)
            .finish()
    }
}

impl Plugin {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The file that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What the plugin says of itself: id, version, the ABI and the compiler that it was built
    /// with.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Which file was opened.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        &self.0.identity
    }

    /// When it was loaded.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.0.loaded_at
    }

    /// How long loading took: from the mark of the quarantine to the end of `attach`.
    #[must_use]
    pub fn load_time(&self) -> Duration {
        self.0.load_time
    }

    /// The SHA-256 of the very file that was opened, also if another one has its name by now.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn sha256(&self) -> io::Result<[u8; 32]> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut offset = 0;
        loop {
            match read_at(&self.0.file, &mut buffer, offset) {
                Ok(0) => return Ok(hash.finalize().into()),
                Ok(len) => {
                    hash.update(&buffer[..len]);
                    offset += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves a mark while code of this plugin runs for the first time.
    pub(in crate::plugin) fn mark(&self, during: &str) -> Mark {
        let Inner {
            quarantine,
            manifest,
            path,
            identity,
            ..
        } = &*self.0;
        quarantine.enter(&manifest.id, path, identity, during)
    }

    /// A new object of the structure `type_name`.
    ///
    /// A [`Registry`](crate::plugin::Registry) keeps one for each type; this makes another one.
    ///
    /// # Errors
    ///
    /// [`LoadError::TypeNotGiven`] or [`LoadError::Fault`].
    pub fn structure(&self, type_name: &TypeName) -> Result<Structure, LoadError> {
        let not_given = || self.not_given(type_name, TypeKind::Structure);
        let structures = self.0.structures.ok_or_else(not_given)?;
        let _mark = self.mark("construction");
        let instance = structures
            .create(type_name.as_str())
            .map_err(|faults| self.construction_fault(type_name, faults))?
            .ok_or_else(not_given)?;
        Ok(Structure::loaded(type_name.clone(), self.clone(), instance))
    }

    /// A new object of the lifecycle `type_name`, for the package that `context` tells about.
    ///
    /// # Errors
    ///
    /// [`LoadError::TypeNotGiven`] or [`LoadError::Fault`].
    pub fn lifecycle(
        &self,
        type_name: &TypeName,
        context: Box<dyn ContextAccess>,
    ) -> Result<Lifecycle, LoadError> {
        let not_given = || self.not_given(type_name, TypeKind::Lifecycle);
        let lifecycles = self.0.lifecycles.ok_or_else(not_given)?;
        let _mark = self.mark("construction");
        let instance = lifecycles
            .create(type_name.as_str(), context)
            .map_err(|faults| self.construction_fault(type_name, faults))?
            .ok_or_else(not_given)?;
        Ok(Lifecycle::new(type_name.clone(), self.clone(), instance))
    }

    fn not_given(&self, type_name: &TypeName, kind: TypeKind) -> LoadError {
        LoadError::TypeNotGiven {
            path: self.0.path.clone(),
            type_name: type_name.clone(),
            kind,
        }
    }

    fn construction_fault(&self, type_name: &TypeName, faults: Vec<FaultReport>) -> LoadError {
        self.fault(Some(type_name.clone()), Method::Construct, faults)
            .into()
    }

    /// What this plugin's code did wrong.
    pub(in crate::plugin) fn fault(
        &self,
        type_name: Option<TypeName>,
        method: Method,
        reports: Vec<FaultReport>,
    ) -> Fault {
        let (id, path) = (self.0.manifest.id.clone(), Some(self.0.path.clone()));
        Fault::new(id, path, type_name, method, reports)
    }
}
