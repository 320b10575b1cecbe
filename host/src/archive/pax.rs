//! What a tar says about an entry before the entry's own header: PAX records and GNU's long names.

use super::error::ArchiveError;

/// As many bytes as a PAX header may have. Real ones have a few hundred, or a few thousand with
/// access lists.
pub(super) const PAX_BYTES: usize = 1 << 20;

/// What stands before a header and takes the place of what is in it.
#[derive(Debug, Default)]
pub(super) struct Extension {
    pub(super) name: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) is_sparse: bool,
}

impl Extension {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            name,
            target,
            size,
            is_sparse,
        } = self;
        name.is_none() && target.is_none() && size.is_none() && !is_sparse
    }

    pub(super) fn add_name(&mut self, name: &[u8]) -> Result<(), ArchiveError> {
        set(&mut self.name, name.to_vec(), "name")
    }

    pub(super) fn add_target(&mut self, target: &[u8]) -> Result<(), ArchiveError> {
        set(&mut self.target, target.to_vec(), "target")
    }

    /// Takes what matters from a PAX header. Owners, times and attributes do not.
    pub(super) fn add_pax(&mut self, data: &[u8]) -> Result<(), ArchiveError> {
        for_each_record(data, |key, value| match key {
            b"path" => self.add_name(value),
            b"linkpath" => self.add_target(value),
            b"size" => {
                let size = std::str::from_utf8(value).ok();
                let size = size.and_then(|size| size.parse().ok());
                let size = size.ok_or_else(|| ArchiveError::damaged("a size is no number"))?;
                set(&mut self.size, size, "size")
            }
            _ if key.starts_with(b"GNU.sparse.") => {
                self.is_sparse = true;
                Ok(())
            }
            _ => Ok(()),
        })
    }

    /// Checks a header that is about all entries: comments and the like, but no name and no size.
    pub(super) fn check_global(data: &[u8]) -> Result<(), ArchiveError> {
        for_each_record(data, |key, _| match key {
            b"path" | b"linkpath" | b"size" => Err(ArchiveError::damaged(
                "it has one name or size for all entries",
            )),
            _ => Ok(()),
        })
    }
}

fn set<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), ArchiveError> {
    if place.replace(value).is_some() {
        let what = format!("it says the {what} of an entry twice");
        return Err(ArchiveError::damaged(&what));
    }
    Ok(())
}

/// Takes records apart: `length key=value\n`, where the length is that of all of it.
fn for_each_record(
    mut data: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    while !data.is_empty() {
        let (record, rest) =
            record(data).ok_or_else(|| ArchiveError::damaged("a PAX record is malformed"))?;
        let (key, value) = record;
        each(key, value)?;
        data = rest;
    }
    Ok(())
}

type Record<'a> = (&'a [u8], &'a [u8]);

fn record(data: &[u8]) -> Option<(Record<'_>, &[u8])> {
    // More digits than any length has.
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = &data[..space];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some(((&record[..equals], &record[equals + 1..]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_are_none() {
        for data in [
            &b"x"[..],
            b"9 a=b\n",
            b"5 a=b\n",
            b"6 a=b ",
            b"6 abc\n",
            b" 6 a=b\n",
            b"+6 a=b\n",
            b"0 a=b\n",
            b"1 ",
            b"99999999999999999999 a=b\n",
            b"6 a=b\n\0",
        ] {
            let error = Extension::default().add_pax(data).unwrap_err();
            assert_eq!(error.code(), "archive-damaged", "{data:?}");
        }
    }

    #[test]
    fn what_is_said_twice() {
        let mut extension = Extension::default();
        extension.add_pax(b"9 path=a\n").unwrap();
        assert!(extension.add_pax(b"9 path=b\n").is_err());
        assert!(Extension::check_global(b"9 path=a\n").is_err());
        assert!(Extension::check_global(b"13 comment=1\n").is_ok());
    }

    #[test]
    fn a_value_may_hold_anything() {
        let mut extension = Extension::default();
        let records = b"6 a=b\n16 path=a\n9 x=y\n9 size=7\n";
        extension.add_pax(records).unwrap();
        assert_eq!(extension.name.unwrap(), b"a\n9 x=y");
        assert_eq!(extension.size, Some(7));
    }
}
