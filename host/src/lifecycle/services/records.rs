//! Keys and values in a database (redb) that may be damaged.
//!
//! redb does not look at its checksums when it reads. So each key has a *link*: the checksum of its
//! value, the next key, and a checksum over all that. The links are one chain from the empty key,
//! which no value has, to the end. That a key has a value, that it has none and that nothing stands
//! between two keys is said by a link whose checksum is right, or not at all.

use keyway_abi::{StoreChange, StoreExpected, StoreOutcome};
use redb::{
    Database, ReadableDatabase as _, ReadableTable, Table, TableDefinition, WriteTransaction,
};

/// The link of each key, and of the empty key.
const LINKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("links");
/// The value of each key.
const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");
/// As many bytes of values are given at once, and the value that goes beyond.
const PAGE: usize = 4 << 20;

/// Why it cannot be done.
#[derive(Debug)]
pub(super) enum Failure {
    Database(redb::Error),
    Damaged(&'static str),
}

macro_rules! from {
    ($($error:ty)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

from! { std::io::Error redb::Error redb::CommitError redb::StorageError redb::TableError redb::TransactionError }

/// What is known of a key.
struct Link {
    key: Vec<u8>,
    /// The checksum of its value.
    value: u32,
    /// The next key; empty: this is the last one.
    next: Vec<u8>,
}

impl Link {
    fn read(key: &[u8], bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = Failure::Damaged("a link has a wrong checksum");
        let Some((checksum, rest)) = bytes.split_first_chunk() else {
            return Err(wrong);
        };
        let Some((value, next)) = rest.split_first_chunk() else {
            return Err(wrong);
        };
        let link = Self {
            key: key.to_vec(),
            value: u32::from_le_bytes(*value),
            next: next.to_vec(),
        };
        if link.checksum() != u32::from_le_bytes(*checksum) {
            return Err(wrong);
        }
        Ok(link)
    }

    fn checksum(&self) -> u32 {
        let mut hash = crc32fast::Hasher::new();
        hash.update(&(self.key.len() as u64).to_le_bytes());
        hash.update(&self.key);
        hash.update(&self.value.to_le_bytes());
        hash.update(&self.next);
        hash.finalize()
    }

    fn write(&self, links: &mut Table<'_, &[u8], &[u8]>) -> Result<(), Failure> {
        let mut bytes = self.checksum().to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.value.to_le_bytes());
        bytes.extend_from_slice(&self.next);
        links.insert(self.key.as_slice(), bytes.as_slice())?;
        Ok(())
    }
}

type Bytes = &'static [u8];

/// The link of `key` or, if it is not there, of the one before it.
fn at_or_before(links: &impl ReadableTable<Bytes, Bytes>, key: &[u8]) -> Result<Link, Failure> {
    let last = links.range::<&[u8]>(..=key)?.next_back();
    let (found, bytes) = last.ok_or(Failure::Damaged("its beginning is missing"))??;
    let link = Link::read(found.value(), bytes.value())?;
    let is_next = link.next.is_empty() || link.next.as_slice() > key;
    if link.key.as_slice() > key || (link.key != key && !is_next) {
        return Err(Failure::Damaged("a key is missing"));
    }
    Ok(link)
}

/// The link of `key`, which another link names.
fn exactly(links: &impl ReadableTable<Bytes, Bytes>, key: &[u8]) -> Result<Link, Failure> {
    let bytes = links.get(key)?;
    let bytes = bytes.ok_or(Failure::Damaged("a key is missing"))?;
    let link = Link::read(key, bytes.value())?;
    if !link.next.is_empty() && link.next.as_slice() <= key {
        return Err(Failure::Damaged("keys are out of order"));
    }
    Ok(link)
}

fn value_of(values: &impl ReadableTable<Bytes, Bytes>, link: &Link) -> Result<Vec<u8>, Failure> {
    let value = values.get(link.key.as_slice())?;
    let value = value.ok_or(Failure::Damaged("a value is missing"))?;
    let value = value.value();
    if crc32fast::hash(value) != link.value {
        return Err(Failure::Damaged("a value has a wrong checksum"));
    }
    Ok(value.to_vec())
}

/// Makes a new database a store.
pub(super) fn begin(database: &Database) -> Result<(), Failure> {
    let transaction = write(database)?;
    transaction.open_table(VALUES)?;
    let first = Link {
        key: Vec::new(),
        value: 0,
        next: Vec::new(),
    };
    first.write(&mut transaction.open_table(LINKS)?)?;
    transaction.commit()?;
    Ok(())
}

/// Looks whether an old database is a store.
pub(super) fn check(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_read()?;
    transaction.open_table(VALUES)?;
    exactly(&transaction.open_table(LINKS)?, &[]).map(|_| ())
}

/// Begins a transaction after whose commit nothing older is taken for the newest, whatever became
/// of the pages.
fn write(database: &Database) -> Result<WriteTransaction, Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

pub(super) fn get(database: &Database, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let transaction = database.begin_read()?;
    let link = at_or_before(&transaction.open_table(LINKS)?, key)?;
    if link.key != key {
        return Ok(None);
    }
    value_of(&transaction.open_table(VALUES)?, &link).map(Some)
}

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

pub(super) fn scan(
    database: &Database,
    prefix: &[u8],
    after: &[u8],
    limit: usize,
) -> Result<Vec<Pair>, Failure> {
    let transaction = database.begin_read()?;
    let links = transaction.open_table(LINKS)?;
    let values = transaction.open_table(VALUES)?;
    let first = at_or_before(&links, prefix.max(after))?;
    // The prefix itself may be a key, and the first one.
    let mut key = if first.key == prefix && prefix > after {
        first.key
    } else {
        first.next
    };
    let (mut pairs, mut size) = (Vec::new(), 0);
    while !key.is_empty() && key.starts_with(prefix) && pairs.len() < limit && size < PAGE {
        let link = exactly(&links, &key)?;
        let value = value_of(&values, &link)?;
        size += key.len() + value.len();
        pairs.push((key, value));
        key = link.next;
    }
    Ok(pairs)
}

pub(super) fn apply(
    database: &Database,
    changes: &[StoreChange<'_>],
) -> Result<StoreOutcome, Failure> {
    let transaction = write(database)?;
    let outcome = {
        let mut links = transaction.open_table(LINKS)?;
        let mut values = transaction.open_table(VALUES)?;
        match conflict(&links, &values, changes)? {
            Some(index) => Err(index),
            None => Ok(change_all(&mut links, &mut values, changes)?),
        }
    };
    match outcome {
        Ok(removed) => {
            transaction.commit()?;
            Ok(StoreOutcome::Applied { removed })
        }
        Err(index) => {
            transaction.abort()?;
            Ok(StoreOutcome::Conflict { index })
        }
    }
}

/// The first change whose expectation does not hold.
fn conflict(
    links: &Table<'_, Bytes, Bytes>,
    values: &Table<'_, Bytes, Bytes>,
    changes: &[StoreChange<'_>],
) -> Result<Option<usize>, Failure> {
    for (index, change) in changes.iter().enumerate() {
        if change.expected == StoreExpected::Any {
            continue;
        }
        let link = at_or_before(links, change.key)?;
        let is_there = link.key == change.key;
        let holds = match change.expected {
            StoreExpected::Any => true,
            StoreExpected::Absent => !is_there,
            StoreExpected::Value(expected) => is_there && value_of(values, &link)? == expected,
        };
        if !holds {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Makes the changes, and gives how many keys were removed that were there.
fn change_all(
    links: &mut Table<'_, Bytes, Bytes>,
    values: &mut Table<'_, Bytes, Bytes>,
    changes: &[StoreChange<'_>],
) -> Result<u64, Failure> {
    let mut removed = 0;
    for change in changes {
        let mut link = at_or_before(links, change.key)?;
        let is_there = link.key == change.key;
        match change.value {
            Some(value) => {
                let checksum = crc32fast::hash(value);
                if is_there {
                    link.value = checksum;
                } else {
                    let new = Link {
                        key: change.key.to_vec(),
                        value: checksum,
                        next: std::mem::replace(&mut link.next, change.key.to_vec()),
                    };
                    new.write(links)?;
                }
                link.write(links)?;
                values.insert(change.key, value)?;
            }
            None if is_there => {
                let mut before = before(links, change.key)?;
                before.next = link.next;
                before.write(links)?;
                links.remove(change.key)?;
                values.remove(change.key)?;
                removed += 1;
            }
            None => {}
        }
    }
    Ok(removed)
}

/// The link that names `key`.
fn before(links: &Table<'_, Bytes, Bytes>, key: &[u8]) -> Result<Link, Failure> {
    let last = links.range::<&[u8]>(..key)?.next_back();
    let (found, bytes) = last.ok_or(Failure::Damaged("its beginning is missing"))??;
    let link = Link::read(found.value(), bytes.value())?;
    if link.next != key {
        return Err(Failure::Damaged("a key is missing"));
    }
    Ok(link)
}
