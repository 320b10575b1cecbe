//! What a package keeps in the host's store.

use std::fmt;
use std::sync::Arc;

use keyway_abi::{StoreChange, StoreOutcome, StoreRef};

use crate::ServiceFailure;

/// The package's store: keys with values, both of bytes. Cheap to clone; may be kept and used from
/// any thread, several at once.
///
/// Each call is a short transaction of its own, and what it has changed is on disk when it returns.
/// No transaction is open between two calls: what was read may have changed when it is written, so
/// what depends on it is written with [`compare_and_swap`](Self::compare_and_swap), or with
/// expectations in [`apply`](Self::apply).
///
/// A key has 1 to 1024 bytes, a value at most 16 MiB. Keys are ordered byte by byte. The store
/// belongs to the package: nobody else reads it, and it is gone when the package is deleted with its
/// data.
///
/// ```
/// use keyway_plugin::{Context, Error, Hook, Lifecycle, Store};
///
/// struct Counts {
///     store: Store,
/// }
///
/// impl Lifecycle for Counts {
///     fn new(context: Context) -> Result<Self, Error> {
///         Ok(Counts {
///             store: context.store()?,
///         })
///     }
///
///     fn start(&mut self, _: &Hook<'_>) -> Result<(), Error> {
///         loop {
///             let starts = self.store.get("starts")?;
///             let count: u64 = match &starts {
///                 Some(text) => std::str::from_utf8(text)?.parse()?,
///                 None => 0,
///             };
///             let next = (count + 1).to_string();
///             if self.store.compare_and_swap("starts", starts.as_deref(), Some(next.as_bytes()))? {
///                 return Ok(());
///             }
///         }
///     }
/// }
/// ```
///
/// # Errors
///
/// Each method fails with a [`ServiceFailure`], in the host's words, when a key or a value is longer
/// than allowed, when the disk is full or fails, when what is stored is damaged, and when the store
/// is closed since the package is being deleted. A change that fails was not made, except that an
/// error of the disk leaves open whether it was: then all of it or nothing.
#[derive(Clone)]
pub struct Store(Arc<StoreRef>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(store: StoreRef) -> Self {
        Self(Arc::new(store))
    }

    /// The value of `key`, if it is there.
    ///
    /// # Errors
    ///
    /// As for [`Store`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, ServiceFailure> {
        self.0.get(key.as_ref())
    }

    /// Gives `key` the value `value`, whether it was there or not.
    ///
    /// # Errors
    ///
    /// As for [`Store`].
    pub fn put(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), ServiceFailure> {
        let change = StoreChange::put(key.as_ref(), value.as_ref());
        self.0.apply(&[change]).map(|_| ())
    }

    /// Removes `key`, and says whether it was there.
    ///
    /// # Errors
    ///
    /// As for [`Store`].
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool, ServiceFailure> {
        let outcome = self.0.apply(&[StoreChange::delete(key.as_ref())])?;
        Ok(matches!(outcome, StoreOutcome::Applied { removed } if removed > 0))
    }

    /// Gives `key` the value `new` (`None`: removes it) if its value is `expected` (`None`: if it is
    /// not there), and says whether it was.
    ///
    /// # Errors
    ///
    /// As for [`Store`].
    pub fn compare_and_swap(
        &self,
        key: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, ServiceFailure> {
        let key = key.as_ref();
        let change = match new {
            Some(new) => StoreChange::put(key, new),
            None => StoreChange::delete(key),
        };
        let change = match expected {
            Some(expected) => change.if_value(expected),
            None => change.if_absent(),
        };
        let outcome = self.0.apply(&[change])?;
        Ok(matches!(outcome, StoreOutcome::Applied { .. }))
    }

    /// Makes all changes or none, at most 4096 of 64 MiB altogether, each key only once. What they
    /// expect is compared before the first of them is made.
    ///
    /// ```
    /// # use keyway_plugin::{Error, Store, StoreChange, StoreOutcome};
    /// # fn rename(store: &Store) -> Result<(), Error> {
    /// let outcome = store.apply(&[
    ///     StoreChange::delete(b"draft").if_value(b"hello"),
    ///     StoreChange::put(b"article", b"hello").if_absent(),
    /// ])?;
    /// if let StoreOutcome::Conflict { index } = outcome {
    ///     return Err(format!("somebody was faster, see change {index}").into());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Store`]. An expectation that does not hold is no error but an outcome.
    pub fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, ServiceFailure> {
        self.0.apply(changes)
    }

    /// All pairs whose key begins with `prefix` (empty: all there are), in the order of keys.
    ///
    /// They are brought in pages as the iterator goes on. Each page is what was there at one moment;
    /// what is changed behind the place where the iterator is is not seen, what is changed before it
    /// is.
    ///
    /// ```
    /// # use keyway_plugin::{Error, Store};
    /// # fn show(store: &Store) -> Result<(), Error> {
    /// for pair in store.scan("user/") {
    ///     let (key, value) = pair?;
    ///     tracing::info!(key = %String::from_utf8_lossy(&key), bytes = value.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scan(&self, prefix: impl Into<Vec<u8>>) -> Scan {
        Scan {
            store: self.clone(),
            prefix: prefix.into(),
            page: Vec::new().into_iter(),
            last: Vec::new(),
            ended: false,
        }
    }
}

/// Goes through pairs of a [`Store`], see [`Store::scan`]. After an error it has ended.
pub struct Scan {
    store: Store,
    prefix: Vec<u8>,
    page: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    last: Vec<u8>,
    ended: bool,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("prefix", &self.prefix)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>), ServiceFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(pair) = self.page.next() {
            return Some(Ok(pair));
        }
        if self.ended {
            return None;
        }
        match self.store.0.scan(&self.prefix, &self.last) {
            Ok(pairs) => {
                match pairs.last() {
                    Some((last, _)) => self.last.clone_from(last),
                    None => self.ended = true,
                }
                self.page = pairs.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Scan {}
