//! The files that were found already.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files that were found, by key and name. Misses are not kept.
///
/// A tree that only grows, so that what is in it can be lent out: looking takes no lock, copies
/// nothing and writes nothing, in however many threads at once. Each step down is chosen by two bits
/// of the hash.
#[derive(Default)]
pub(super) struct Hits {
    top: Place,
    count: AtomicUsize,
    hasher: RandomState,
}

type Place = OnceLock<Box<Hit>>;

struct Hit {
    hash: u64,
    key: Box<str>,
    name: OsString,
    path: PathBuf,
    below: [Place; 4],
}

impl Clone for Hits {
    /// A copy is made in order to be changed, and then finds anew.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hits")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Hit {
    fn is(&self, hash: u64, key: &str, name: &OsStr) -> bool {
        self.hash == hash && *self.key == *key && self.name == name
    }
}

impl Hits {
    /// As many files as are kept.
    const MOST: usize = 16 * 1024;

    pub(super) fn get(&self, key: &str, name: &OsStr) -> Option<&Path> {
        let hash = self.hash(key, name);
        self.places(hash)
            .map_while(OnceLock::get)
            .find(|hit| hit.is(hash, key, name))
            .map(|hit| &*hit.path)
    }

    /// Keeps where a file was found, and lends it out; gives it back if too many are kept already.
    pub(super) fn keep(&self, key: &str, name: &OsStr, path: PathBuf) -> Cow<'_, Path> {
        let hash = self.hash(key, name);
        if self.count.fetch_add(1, Ordering::Relaxed) >= Self::MOST {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Cow::Owned(path);
        }
        let new = || {
            Box::new(Hit {
                hash,
                key: key.into(),
                name: name.to_owned(),
                path: path.clone(),
                below: Default::default(),
            })
        };
        // Where another thread was faster its hit stays, and this one goes further down.
        let mut hits = self.places(hash).map(|place| &**place.get_or_init(new));
        match hits.find(|hit| hit.is(hash, key, name)) {
            Some(hit) => Cow::Borrowed(&hit.path),
            None => Cow::Owned(path),
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The places where a hit with that hash may stand, from the top; behind each one that is
    /// filled comes another.
    fn places(&self, hash: u64) -> impl Iterator<Item = &Place> {
        let mut bits = hash;
        std::iter::successors(Some(&self.top), move |place| {
            let below = &place.get()?.below;
            let next = &below[(bits & 3) as usize];
            bits >>= 2;
            Some(next)
        })
    }

    fn hash(&self, key: &str, name: &OsStr) -> u64 {
        self.hasher.hash_one((key, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_found_that_was_not_kept() {
        let hits = Hits::default();
        assert_eq!(hits.get("", OsStr::new("")), None);
        assert_eq!(
            &*hits.keep("u", OsStr::new("ix"), "/1".into()),
            Path::new("/1")
        );
        for (key, name) in [
            ("ui", "x"),
            ("", "uix"),
            ("uix", ""),
            ("u", "i"),
            ("u", "ix "),
        ] {
            assert_eq!(hits.get(key, OsStr::new(name)), None, "{key} {name}");
        }
        assert_eq!(hits.get("u", OsStr::new("ix")), Some(Path::new("/1")));
    }

    #[test]
    fn the_first_path_of_a_file_stays() {
        let hits = Hits::default();
        let name = OsStr::new("n");
        assert_eq!(&*hits.keep("k", name, "/1".into()), Path::new("/1"));
        assert_eq!(&*hits.keep("k", name, "/2".into()), Path::new("/1"));
    }

    #[test]
    fn too_many_are_given_back() {
        let hits = Hits::default();
        let name = |number: usize| OsString::from(number.to_string());
        for number in 0..Hits::MOST {
            let kept = hits.keep("k", &name(number), number.to_string().into());
            assert!(matches!(kept, Cow::Borrowed(_)));
        }
        let more = hits.keep("k", OsStr::new("more"), "/more".into());
        assert!(matches!(more, Cow::Owned(path) if path == Path::new("/more")));
        assert_eq!(hits.get("k", OsStr::new("more")), None);
        for number in 0..Hits::MOST {
            let path = PathBuf::from(number.to_string());
            assert_eq!(hits.get("k", &name(number)), Some(&*path));
        }
    }

    #[test]
    fn many_threads_keep_the_same_files_at_once() {
        let hits = Hits::default();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let hits = &hits;
                scope.spawn(move || {
                    for number in 0..500 {
                        let name = OsString::from(number.to_string());
                        let path = hits.get("k", &name).map_or_else(
                            || hits.keep("k", &name, format!("/{thread}/{number}").into()),
                            Cow::Borrowed,
                        );
                        assert_eq!(hits.get("k", &name), Some(&*path));
                    }
                });
            }
        });
    }
}
