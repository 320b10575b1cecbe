//! Archives of packages: good ones, and hostile ones with one lie each.
//!
//! [`corpus`] puts each lie on a package that is good without it: [`good`] has those packages. They
//! are made byte by byte, or with encoders in Rust, so they are the same everywhere.

// The builder of the host's own tests: what they say of archives and what is said here is one.
#[allow(clippy::unwrap_used)]
#[path = "../../../host/src/archive/tests/builder.rs"]
pub mod builder;
pub mod compress;

mod bombs;
mod names;
mod package;
mod streams;
mod tars;
mod zips;

pub use package::Package;

/// The type of the packages.
pub const TYPE: &str = "MyApp/MyStructure";

/// An archive that must be refused.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// The lie. Archives of two formats may have the same one.
    pub name: &'static str,
    /// What a file with these bytes would be called.
    pub file_name: &'static str,
    /// The archive.
    pub bytes: Vec<u8>,
    /// The code of the error that refuses it.
    pub code: &'static str,
}

/// An archive that must be unpacked.
#[derive(Clone, Debug)]
pub struct Good {
    /// What is special about it.
    pub name: &'static str,
    /// What a file with these bytes would be called.
    pub file_name: &'static str,
    /// The archive.
    pub bytes: Vec<u8>,
}

const ZIP: &str = "package.zip";
const TAR: &str = "package.tar";

/// Every archive that lies, about a package of [`TYPE`].
#[must_use]
pub fn corpus() -> Vec<Hostile> {
    corpus_of(&Package::new(TYPE))
}

/// Every archive that lies, about that package.
#[must_use]
pub fn corpus_of(package: &Package) -> Vec<Hostile> {
    [
        names::hostile(package),
        zips::hostile(package),
        tars::hostile(package),
        streams::hostile(package),
        bombs::hostile(package),
    ]
    .concat()
}

/// What the lies of [`corpus_of`] are put on, without them.
#[must_use]
pub fn good(package: &Package) -> Vec<Good> {
    [
        zips::good(package),
        tars::good(package),
        streams::good(package),
    ]
    .concat()
}

/// What each lie is, its code, and the archive.
type Lies = Vec<(&'static str, &'static str, Vec<u8>)>;

/// Lies of one format.
fn of_format(file_name: &'static str, lies: Lies) -> Vec<Hostile> {
    let lies = lies.into_iter();
    lies.map(|(name, code, bytes)| Hostile {
        name,
        file_name,
        bytes,
        code,
    })
    .collect()
}

/// Holds that each archive of the corpus is refused with its own code. `attempt` takes one and gives the
/// code of the refusal, if it was refused, and what has changed on the disk, which is nothing.
///
/// # Panics
///
/// When one is not refused, or not so; all of them are named.
pub fn all_are_refused(mut attempt: impl FnMut(&Hostile) -> (Option<String>, Vec<String>)) {
    let mut faults = Vec::new();
    for lie in corpus() {
        let label = format!("{}: {}", lie.file_name, lie.name);
        let (code, changes) = attempt(&lie);
        match code {
            None => faults.push(format!("{label}: taken, and not refused: {}", lie.code)),
            Some(code) if code != lie.code => {
                faults.push(format!("{label}: {code} and not {}", lie.code));
            }
            Some(_) => {}
        }
        faults.extend(changes.iter().map(|it| format!("{label}: {it}")));
    }
    let count = faults.len();
    assert!(faults.is_empty(), "{count}:\n{}", faults.join("\n"));
}
