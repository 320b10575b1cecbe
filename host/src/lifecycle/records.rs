//! The database of records.
//!
//! redb keeps it: pure Rust, in the house already, and a transaction that was not committed never
//! happened. Each record is one value, JSON behind a checksum of ours.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::error::ManagerError;
use super::lock::private;
use super::record::{FORMAT, Record};
use crate::transaction::sync_folder;

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("packages");
/// The database's name in the state folder.
const FILE: &str = "state.redb";
/// A copy of all records, a line each, of when the database was last opened or closed.
const BACKUP: &str = "records.backup";

/// What is written down of all packages.
#[derive(Debug)]
pub(super) struct Records {
    folder: PathBuf,
    /// `None` after an error: redb does nothing any more until it is opened again.
    database: Mutex<Option<Contained>>,
}

/// A database whose closing harms nobody: redb panics there, too, if its file was damaged.
#[derive(Debug)]
struct Contained(Option<Database>);

impl Contained {
    fn get(&mut self) -> Result<&mut Database, Why> {
        let gone = || Why::Broken("it is closed".to_owned());
        self.0.as_mut().ok_or_else(gone)
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let database = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

impl Records {
    /// Opens the database in a state folder that the caller holds, or makes it, and reads all of it.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<Record>), ManagerError> {
        let path = folder.join(FILE);
        let io = |source| ManagerError::Io {
            path: path.clone(),
            source,
        };
        let damaged = |why| ManagerError::Damaged {
            path: path.clone(),
            why,
        };
        if !path.try_exists().map_err(io)? {
            if !read_backup(&folder.join(BACKUP)).is_empty() {
                return Err(damaged("it is gone, and its copy is not".to_owned()));
            }
            make(folder, &[]).map_err(|why| not_written(&path, why))?;
        }
        let failed = |why| match why {
            Why::Io(why) => not_written(&path, why),
            Why::Broken(why) => damaged(why),
        };
        let mut database = open(&path).map_err(failed)?;
        let sound = database
            .get()
            .and_then(|it| guarded(|| it.check_integrity()));
        if !sound.map_err(failed)? {
            return Err(damaged("its pages do not fit together".to_owned()));
        }
        let mut records = Vec::new();
        for (name, record) in read(&mut database).map_err(failed)? {
            let record = record.map_err(|why| damaged(format!("the record of `{name}`: {why}")))?;
            records.push(record);
        }
        let opened = Self {
            folder: folder.to_path_buf(),
            database: Mutex::new(Some(database)),
        };
        opened.back_up(&records);
        Ok((opened, records))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Contained>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a record: when this returns it is on the disk.
    pub(super) fn put(&self, record: &Record) -> Result<(), ManagerError> {
        let bytes =
            encoded(record).map_err(|error| not_written(&self.path(), error.to_string()))?;
        self.write(|table| {
            table.insert(record.name.as_str(), &bytes[..])?;
            Ok(())
        })
    }

    /// Removes a record.
    pub(super) fn remove(&self, name: &str) -> Result<(), ManagerError> {
        self.write(|table| {
            table.remove(name)?;
            Ok(())
        })
    }

    fn write(
        &self,
        change: impl Fn(&mut redb::Table<'_, &str, &[u8]>) -> Result<(), redb::Error>,
    ) -> Result<(), ManagerError> {
        let mut slot = self.lock();
        let result = (|| -> Result<(), Why> {
            if slot.is_none() {
                *slot = Some(open(&self.path())?);
            }
            let Some(database) = &mut *slot else {
                return Ok(());
            };
            let database = database.get()?;
            guarded(|| -> Result<(), redb::Error> {
                let transaction = database.begin_write()?;
                change(&mut transaction.open_table(TABLE)?)?;
                Ok(transaction.commit()?)
            })
        })();
        result.map_err(|why| {
            *slot = None;
            not_written(&self.path(), why.into())
        })
    }

    /// Makes a database of `records`, in one step, and a copy.
    pub(super) fn replace(folder: &Path, records: &[Record]) -> Result<(), ManagerError> {
        make(folder, records).map_err(|why| not_written(&folder.join(FILE), why))?;
        let path = folder.join(BACKUP);
        write_backup(&path, records).map_err(|source| ManagerError::Io { path, source })
    }

    /// Keeps a copy that needs no database to be read.
    pub(super) fn back_up(&self, records: &[Record]) {
        let path = self.folder.join(BACKUP);
        if let Err(error) = write_backup(&path, records) {
            tracing::warn!(path = %path.display(), %error, "the records are not copied");
        }
    }
}

/// Copies the database aside, and gives what can be read of it, then what only the copy has. It stays
/// where it is until others are [in its place](Records::replace), so that nobody takes it for none.
pub(super) fn set_aside(folder: &Path) -> io::Result<Salvage> {
    let path = folder.join(FILE);
    let mut salvage = Salvage::default();
    if path.try_exists()? {
        let name = |number| format!("{FILE}.damaged-{}", super::now() + number);
        let mut names = (0..).map(|number| folder.join(name(number)));
        let aside = names.find(|it| !it.exists()).unwrap_or_default();
        fs::copy(&path, &aside)?;
        File::open(&aside)?.sync_all()?;
        // Reading may repair it: the evidence stays as it is.
        let copy = folder.join(format!("{FILE}.read"));
        fs::copy(&aside, &copy)?;
        let read = open(&copy).and_then(|mut database| read(&mut database));
        let read = read.map_err(String::from);
        let _ = fs::remove_file(&copy);
        match read {
            Ok(records) => {
                for (name, record) in records {
                    match record {
                        Ok(record) => salvage.records.push(record),
                        Err(why) => salvage.lost.push((name, why)),
                    }
                }
            }
            Err(why) => salvage.lost.push(("all of it".to_owned(), why)),
        }
        salvage.aside = Some(aside);
    }
    for record in read_backup(&folder.join(BACKUP)) {
        if salvage.records.iter().all(|it| it.name != record.name) {
            salvage.older.push(record);
        }
    }
    Ok(salvage)
}

/// What was saved of a damaged database.
#[derive(Debug, Default)]
pub(super) struct Salvage {
    /// Where it lies now.
    pub(super) aside: Option<PathBuf>,
    /// What could be read.
    pub(super) records: Vec<Record>,
    /// What could not be read, and why.
    pub(super) lost: Vec<(String, String)>,
    /// What only the copy has: as it was when that was made.
    pub(super) older: Vec<Record>,
}

/// Makes a database: all of it, or none.
fn make(folder: &Path, records: &[Record]) -> Result<(), String> {
    let encoded: serde_json::Result<Vec<_>> = records.iter().map(encoded).collect();
    let encoded = encoded.map_err(|error| error.to_string())?;
    let new = folder.join(format!("{FILE}.new"));
    let text = |error: io::Error| error.to_string();
    let mut options = OpenOptions::new();
    private(options.read(true).write(true).create(true).truncate(true));
    let file = options.open(&new).map_err(text)?;
    guarded(|| -> Result<(), redb::Error> {
        let database = Database::builder().create_file(file)?;
        let transaction = database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for (record, bytes) in records.iter().zip(&encoded) {
            table.insert(record.name.as_str(), &bytes[..])?;
        }
        drop(table);
        Ok(transaction.commit()?)
    })?;
    fs::rename(&new, folder.join(FILE)).map_err(text)?;
    sync_folder(folder).map_err(text)
}

fn open(path: &Path) -> Result<Contained, Why> {
    let database = guarded(|| Database::builder().open(path))?;
    Ok(Contained(Some(database)))
}

type Readable = Vec<(String, Result<Record, String>)>;

fn read(database: &mut Contained) -> Result<Readable, Why> {
    let database = database.get()?;
    guarded(|| -> Result<Readable, redb::Error> {
        let transaction = database.begin_read()?;
        let table = transaction.open_table(TABLE)?;
        let mut records = Vec::new();
        for entry in table.iter()? {
            let (name, bytes) = entry?;
            let name = name.value().to_owned();
            let record = decoded(&name, bytes.value());
            records.push((name, record));
        }
        Ok(records)
    })
}

/// Why the database did not do something.
#[derive(Debug)]
enum Why {
    /// The system did not let it.
    Io(String),
    /// It is not what it should be.
    Broken(String),
}

impl From<Why> for String {
    fn from(why: Why) -> Self {
        let (Why::Io(text) | Why::Broken(text)) = why;
        text
    }
}

/// redb panics on some files that nobody else wrote.
fn guarded<T, E: Into<redb::Error>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, Why> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(match error.into() {
            // Only these come from the system.
            redb::Error::Io(error) if error.raw_os_error().is_some() => Why::Io(error.to_string()),
            error => Why::Broken(error.to_string()),
        }),
        Err(_) => Err(Why::Broken(
            "it is not what the database expects".to_owned(),
        )),
    }
}

fn not_written(path: &Path, why: String) -> ManagerError {
    ManagerError::NotWritten {
        path: path.to_path_buf(),
        why,
    }
}

fn checksum(name: &str, json: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name.as_bytes());
    hasher.update(&[0]);
    hasher.update(json);
    hasher.finalize().to_le_bytes()
}

fn encoded(record: &Record) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(record)?;
    // What is nested too deeply can be written, and never read again.
    serde_json::from_slice::<Record>(&json)?;
    Ok([&checksum(&record.name, &json)[..], &json].concat())
}

fn decoded(name: &str, bytes: &[u8]) -> Result<Record, String> {
    let (sum, json) = bytes.split_first_chunk::<4>().ok_or("it is too short")?;
    if *sum != checksum(name, json) {
        return Err("its checksum is another one".to_owned());
    }
    let record: Record = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if record.format != FORMAT {
        return Err(format!(
            "it has the form {}, expected {FORMAT}: a newer version wrote it",
            record.format
        ));
    }
    Ok(record)
}

fn write_backup(path: &Path, records: &[Record]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    for record in records {
        let json = serde_json::to_string(record)?;
        let sum = u32::from_le_bytes(checksum(&record.name, json.as_bytes()));
        writeln!(file, "{sum:08x} {json}")?;
    }
    file.sync_all()?;
    fs::rename(&new, path)
}

fn read_backup(path: &Path) -> Vec<Record> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let records = text.lines().filter_map(|line| {
        let (sum, json) = line.split_once(' ')?;
        let record: Record = serde_json::from_str(json).ok()?;
        let expected = u32::from_le_bytes(checksum(&record.name, json.as_bytes()));
        (u32::from_str_radix(sum, 16) == Ok(expected) && record.format == FORMAT).then_some(record)
    });
    records.collect()
}
