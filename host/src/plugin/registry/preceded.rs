//! Registries that look in one more folder, and share what is loaded.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Inner, Registry};
use crate::single_flight::SingleFlight;

impl Registry {
    /// A registry that looks in `folder` first, as the application's, and else as this one does. What
    /// one of them has loaded is loaded for the other, too.
    pub(crate) fn preceded_by(&self, folder: &Path) -> Registry {
        let inner = &*self.0;
        let known = inner.known.read().unwrap_or_else(PoisonError::into_inner);
        Registry(Arc::new(Inner {
            search_path: inner.search_path.preceded_by(folder),
            gates: inner.gates.clone(),
            cache: inner.cache.clone(),
            index: inner.index.clone(),
            verdicts: inner.verdicts.clone(),
            safe_mode: inner.safe_mode,
            probe: inner.probe.clone(),
            reserved: inner.reserved.clone(),
            known: RwLock::new(known.clone()),
            scans: RwLock::default(),
            libraries: Arc::clone(&inner.libraries),
            structures: SingleFlight::default(),
        }))
    }
}
