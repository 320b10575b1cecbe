//! What a package was given, as the plugin's side asks for it.

use std::ffi::c_void;

use super::{ConfigDocument, ConfigV1};
use crate::call::status;
use crate::host::{ServiceError, ServiceHandle};
use crate::lifecycle::ContextRef;
use crate::services::{ServiceFailure, with_reason};
use crate::text::{Str, StrSink, collect_strings};

/// The plugin's hold on the configuration of its package.
pub struct ConfigRef {
    service: ServiceHandle<ConfigV1>,
    /// The service is valid as long as this is held.
    _context: ContextRef,
}

// SAFETY: the contract of services: from any thread, as long as the context is held.
unsafe impl Send for ConfigRef {}
// SAFETY: as above, several at once.
unsafe impl Sync for ConfigRef {}

/// A function of the table that fills a number.
type Fill<T> = unsafe extern "C" fn(*mut c_void, u32, Str, *mut T, *const StrSink) -> u32;

/// A function of the table that pushes texts.
type Push = unsafe extern "C" fn(*mut c_void, u32, Str, *const StrSink, *const StrSink) -> u32;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What the host says: the key is none, or its value is of another type.
        pub fn $name(
            &self,
            document: ConfigDocument,
            key: &str,
        ) -> Result<Option<$type>, ServiceFailure> {
            self.fill(self.service.table.$name, document, key)
        }
    )*};
}

impl ConfigRef {
    /// Asks for the configuration of the package that `context` knows.
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

    numbers! {
        /// The integer at `key`, if it is there.
        integer: i64;
        /// The number at `key`, if it is there.
        number: f64;
        /// How many elements the list at `key` has, if it is there.
        length: u64;
    }

    /// Whether it is true at `key`, if something is there.
    ///
    /// # Errors
    ///
    /// What the host says: the key is none, or its value is of another type.
    pub fn boolean(
        &self,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<bool>, ServiceFailure> {
        let found = self.fill(self.service.table.boolean, document, key)?;
        Ok(found.map(|found| found != 0))
    }

    /// The text at `key`, if it is there.
    ///
    /// # Errors
    ///
    /// What the host says: the key is none, or its value is of another type.
    pub fn text(
        &self,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<String>, ServiceFailure> {
        let texts = self.texts(self.service.table.text, document, key)?;
        Ok(texts.and_then(|texts| texts.into_iter().next_back()))
    }

    /// The names of the members of the object at `key`, if it is there.
    ///
    /// # Errors
    ///
    /// What the host says: the key is none, or its value is of another type.
    pub fn keys(
        &self,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<Vec<String>>, ServiceFailure> {
        self.texts(self.service.table.keys, document, key)
    }

    /// The value at `key` as JSON, if it is there.
    ///
    /// # Errors
    ///
    /// What the host says: the key is none.
    pub fn json(
        &self,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<String>, ServiceFailure> {
        let texts = self.texts(self.service.table.json, document, key)?;
        Ok(texts.and_then(|texts| texts.into_iter().next_back()))
    }

    fn fill<T: Default>(
        &self,
        function: Fill<T>,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<T>, ServiceFailure> {
        let mut out = T::default();
        let (context, key) = (self.service.context, Str::borrow(key));
        let (status, reason) = with_reason(|error| {
            // SAFETY: the service's own function with its own context, which is held; the other
            // pointers outlive the call.
            unsafe { function(context, document.code(), key, &raw mut out, error) }
        });
        match status {
            status::OK => Ok(Some(out)),
            status::NOT_FOUND => Ok(None),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }

    fn texts(
        &self,
        function: Push,
        document: ConfigDocument,
        key: &str,
    ) -> Result<Option<Vec<String>>, ServiceFailure> {
        let (context, key) = (self.service.context, Str::borrow(key));
        let mut texts: Vec<String> = Vec::new();
        let (status, reason) = with_reason(|error| {
            let filled = collect_strings(|out| {
                // SAFETY: the service's own function with its own context, which is held; the other
                // pointers outlive the call.
                unsafe { function(context, document.code(), key, out, error) }
            });
            match filled {
                Ok((pushed, status)) => {
                    texts = pushed;
                    status
                }
                Err(_) => status::INVALID,
            }
        });
        match status {
            status::OK => Ok(Some(texts)),
            status::NOT_FOUND => Ok(None),
            _ => Err(ServiceFailure::new(reason, status)),
        }
    }
}
