//! Fetching as the plugin's side uses it.

use super::{FetchRequest, FetchRequestV1, FetchV1};
use crate::call::status;
use crate::host::{ServiceError, ServiceHandle};
use crate::lifecycle::{ContextRef, HookRef};
use crate::services::{ServiceFailure, with_reason};
use crate::text::{Str, collect_strings};

/// The plugin's hold on fetching for its package.
pub struct FetchRef {
    service: ServiceHandle<FetchV1>,
    /// The service is valid as long as this is held.
    _context: ContextRef,
}

// SAFETY: the contract of services: from any thread, as long as the context is held.
unsafe impl Send for FetchRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for FetchRef {}

impl FetchRef {
    /// Asks for fetching for the package that `context` knows.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] when the host does not have it, or has it with another layout.
    pub fn of(context: &ContextRef) -> Result<Self, ServiceError> {
        Ok(Self {
            service: context.service()?,
            _context: context.clone(),
        })
    }

    /// Does what `request` asks for, for the run `hook`, and gives the commit's id.
    ///
    /// # Errors
    ///
    /// What the host says.
    pub fn fetch(&self, request: &FetchRequest, hook: &HookRef) -> Result<String, ServiceFailure> {
        let text = |text: &Option<String>| text.as_deref().map_or(Str::EMPTY, Str::borrow);
        let raw = FetchRequestV1 {
            url: Str::borrow(&request.url),
            branch: text(&request.branch),
            rev: text(&request.rev),
            folder: Str::borrow(&request.folder),
            update: u32::from(request.update),
        };
        let hook = hook.lent();
        let mut commit: Option<String> = None;
        let (status, reason) = with_reason(|error| {
            let filled = collect_strings(|out| {
                let fetch = self.service.table.fetch;
                let context = self.service.context;
                // SAFETY: the service's own function with its own context, which is held; the
                // hook is held, and the other pointers outlive the call.
                unsafe { fetch(context, &raw const raw, &raw const hook, out, error) }
            });
            match filled {
                Ok((pushed, status)) => {
                    commit = pushed;
                    status
                }
                Err(_) => status::INVALID,
            }
        });
        match (status, commit) {
            (status::OK, Some(commit)) => Ok(commit),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }
}
