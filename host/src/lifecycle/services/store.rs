//! The stores of packages: one database for each in a folder of the host's.
//!
//! # What is refused
//!
//! * A file that is no store, or was cut or changed: it is never made anew. Flipped bits are errors,
//!   or do no harm; one bit excepted, after a kill, that says which of two commits is the newest.
//! * What the disk has no room for. The database is opened again afterwards, so that the store goes
//!   on when there is room.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use keyway_abi::{StoreAccess, StoreChange, StoreOutcome};
use redb::{Builder, Database, DatabaseError, StorageError};
use tempfile::TempPath;

use super::error::StoreError;
use super::records::{self, Failure, Pair};
use crate::transaction::sync_folder;

/// As many bytes of a store are kept in memory at most.
const CACHE: usize = 8 << 20;
/// As often is a store opened again when it had to be closed meanwhile for somebody else's error.
const TRIES: u32 = 100;

/// The stores of all packages of a host, for [`ServiceOffer::store`](crate::plugin::ServiceOffer):
/// a file `ID.redb` for each in one folder. One process at a time may use the folder.
///
/// Dropping this closes them all, also for those who hold a [`PackageStore`].
#[derive(Debug)]
pub struct Stores {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<PackageStore>>>,
}

impl Stores {
    /// The stores in `folder`, which is made when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            open: Mutex::default(),
        }
    }

    /// The store of the package `id`. Nothing is opened, or made, before it is used.
    ///
    /// # Errors
    ///
    /// [`StoreError::Name`] when `id` is not made of letters, digits, `_`, `-` and dots, or begins
    /// with a dot, or is longer than 200 bytes.
    pub fn store(&self, id: &str) -> Result<Arc<PackageStore>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(id) {
            return Ok(Arc::clone(store));
        }
        let store = Arc::new(PackageStore::new(&self.folder, id)?);
        open.insert(id.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    /// Closes the store of the package `id` for those who hold it, after what they are doing. Asked
    /// for again it is there again, but not for a lifecycle that has asked already.
    pub fn close(&self, id: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let store = open.remove(id);
        drop(open);
        if let Some(store) = store {
            store.close();
        }
    }

    /// Closes all stores.
    pub fn close_all(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let stores = std::mem::take(&mut *open);
        drop(open);
        for store in stores.into_values() {
            store.close();
        }
    }

    /// Closes the store of the package `id`, and removes it with all that it keeps.
    ///
    /// # Errors
    ///
    /// [`StoreError::Name`], and [`StoreError::Io`] when it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        let store = self.store(id)?;
        self.close(id);
        for file in [&store.file, &store.unfinished] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", file, error));
                }
                _ => {}
            }
        }
        match sync_folder(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &store.file, error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        self.close_all();
    }
}

/// The store of one package. May be used from any thread.
#[derive(Debug)]
pub struct PackageStore {
    id: String,
    file: PathBuf,
    /// What the file is until it is complete.
    unfinished: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug)]
enum State {
    /// Not opened yet, or shut after an error; opened when it is used.
    Shut,
    /// Open for the so-many-th time.
    Open(u64, Database),
    /// Closed for good.
    Closed,
}

/// How a piece of work on the open database went.
enum Attempt<T> {
    Done(T),
    Shut,
    Failed(u64, Failure),
}

impl PackageStore {
    fn new(folder: &Path, id: &str) -> Result<Self, StoreError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if id.is_empty() || id.len() > 200 || id.starts_with('.') || !id.bytes().all(plain) {
            return Err(StoreError::Name { id: id.to_owned() });
        }
        Ok(Self {
            id: id.to_owned(),
            file: folder.join(format!("{id}.redb")),
            unfinished: folder.join(format!(".{id}.new")),
            state: RwLock::new(State::Shut),
        })
    }

    /// The value of `key`, or `None`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: closed, in use elsewhere, damaged, or the disk fails.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.with(false, |database| records::get(database, key))?;
        Ok(found.flatten())
    }

    /// At most `limit` pairs whose key begins with `prefix` and is greater than `after`, in the
    /// order of keys; after 4 MiB no further one. None if there is none left.
    ///
    /// # Errors
    ///
    /// As for [`Self::get`].
    pub fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let found = self.with(false, |it| records::scan(it, prefix, after, limit))?;
        Ok(found.unwrap_or_default())
    }

    /// Makes all changes or none, on disk when this returns.
    ///
    /// # Errors
    ///
    /// As for [`Self::get`]. After an error of the disk all may have been made, or none.
    pub fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, StoreError> {
        let outcome = self.with(true, |database| records::apply(database, changes))?;
        // It was made just now.
        outcome.ok_or_else(|| io_error("open", &self.file, io::ErrorKind::NotFound.into()))
    }

    /// Closes it for good, after what is being done.
    fn close(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let_go(std::mem::replace(&mut *state, State::Closed));
    }

    /// Does `work` with the database. `None`: there is none, and none was to be made.
    fn with<T>(
        &self,
        make: bool,
        work: impl Fn(&Database) -> Result<T, Failure>,
    ) -> Result<Option<T>, StoreError> {
        let mut tries = 1;
        loop {
            match self.attempt(&work)? {
                Attempt::Done(value) => return Ok(Some(value)),
                Attempt::Shut if self.open(make)? => {}
                Attempt::Shut => return Ok(None),
                Attempt::Failed(opened, failure) => {
                    // Nothing more can be done with this handle after an error of the disk, and
                    // nothing should after any other.
                    self.shut(opened);
                    let others = matches!(&failure, Failure::Database(redb::Error::PreviousIo));
                    if !others || tries == TRIES {
                        return Err(self.told(failure));
                    }
                    tries += 1;
                }
            }
        }
    }

    fn attempt<T>(
        &self,
        work: &impl Fn(&Database) -> Result<T, Failure>,
    ) -> Result<Attempt<T>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Closed => Err(StoreError::Closed {
                id: self.id.clone(),
            }),
            State::Shut => Ok(Attempt::Shut),
            State::Open(opened, database) => Ok(match unhurt(|| work(database)) {
                Ok(value) => Attempt::Done(value),
                Err(failure) => Attempt::Failed(*opened, failure),
            }),
        }
    }

    /// Opens the database unless it is open, or makes it if `make`. `false`: there is none.
    fn open(&self, make: bool) -> Result<bool, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Shut) {
            // By another thread; or closed, which who goes on will see.
            return Ok(true);
        }
        let database = match fs::symlink_metadata(&self.file) {
            Ok(_) => self.open_file()?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("open", &self.file, error));
            }
            Err(_) if make => self.make_file()?,
            Err(_) => return Ok(false),
        };
        *state = State::Open(next_number(), database);
        Ok(true)
    }

    fn open_file(&self) -> Result<Database, StoreError> {
        let opened = unhurt(|| {
            let database = Builder::new().set_cache_size(CACHE).open(&self.file);
            if let Ok(database) = &database {
                records::check(database)?;
            }
            Ok(database)
        });
        let opened = opened.map_err(|failure| self.told(failure))?;
        opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse {
                file: self.file.clone(),
            },
            // Too short for what its beginning promises.
            DatabaseError::Storage(StorageError::Io(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
                ) =>
            {
                self.damaged(&error)
            }
            DatabaseError::Storage(StorageError::Io(error)) => io_error("open", &self.file, error),
            error => self.damaged(&error),
        })
    }

    /// Makes the database under another name and gives it its own when it is on disk: a file that
    /// is there is complete.
    fn make_file(&self) -> Result<Database, StoreError> {
        let io_error = |error| io_error("create", &self.file, error);
        if let Some(folder) = self.file.parent() {
            make_folder(folder).map_err(io_error)?;
        }
        // What a process left that was killed while it made one.
        match fs::remove_file(&self.unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&self.unfinished).map_err(io_error)?;
        let unfinished = TempPath::try_from_path(&self.unfinished).map_err(io_error)?;
        let made = unhurt(|| {
            let database = Builder::new()
                .set_cache_size(CACHE)
                .create_file(file.try_clone()?)
                .map_err(redb::Error::from)?;
            records::begin(&database)?;
            Ok(database)
        });
        let database = made.map_err(|failure| self.told(failure))?;
        let named = unfinished.persist_noclobber(&self.file);
        named.map_err(|error| io_error(error.error))?;
        if let Some(folder) = self.file.parent() {
            sync_folder(folder).map_err(io_error)?;
        }
        Ok(database)
    }

    /// Shuts the database that was the `opened`-th, if that is still the one.
    fn shut(&self, opened: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(number, _) if number == opened) {
            let_go(std::mem::replace(&mut *state, State::Shut));
        }
    }

    fn told(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Database(redb::Error::Io(error)) => {
                io_error("read or write", &self.file, error)
            }
            Failure::Database(redb::Error::PreviousIo) => {
                let why = io::Error::other("the disk fails again and again");
                io_error("read or write", &self.file, why)
            }
            Failure::Database(error) => self.damaged(&error),
            Failure::Damaged(why) => self.damaged(&why),
        }
    }

    fn damaged(&self, why: &dyn std::fmt::Display) -> StoreError {
        StoreError::Damaged {
            file: self.file.clone(),
            why: why.to_string(),
        }
    }
}

impl Drop for PackageStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl StoreAccess for PackageStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Self::get(self, key).map_err(|error| error.line())
    }

    fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Pair>, String> {
        Self::scan(self, prefix, after, limit).map_err(|error| error.line())
    }

    fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, String> {
        Self::apply(self, changes).map_err(|error| error.line())
    }
}

/// Runs `work`, which pages that are torn may take by surprise.
fn unhurt<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or(Err(Failure::Damaged("the database cannot be read")))
}

/// Closing reads and writes, too.
fn let_go(state: State) {
    if catch_unwind(AssertUnwindSafe(|| drop(state))).is_err() {
        tracing::debug!("a damaged store was not closed in order");
    }
}

fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn io_error(doing: &'static str, file: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        doing,
        file: file.to_path_buf(),
        source,
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}
