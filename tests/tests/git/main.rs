//! Fetching from real git repositories: on disk, and from servers that speak git's protocol for HTTP.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod child;
mod fetched;
mod hostile;
mod interrupted;
mod limited;
mod refused;
mod repository;
mod served;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use keyway::git::{Fetch, Fetched, GitError};

/// A folder in which something is fetched.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The folder that is made.
    fn made(&self) -> PathBuf {
        self.path().join("content")
    }

    fn fetch(&self, fetch: &Fetch) -> Result<Fetched, GitError> {
        fetch.run(&self.made(), &mut |_| (), &|| false)
    }

    /// What is refused, after which nothing may be there.
    fn refused(&self, fetch: &Fetch) -> GitError {
        let error = self.fetch(fetch).unwrap_err();
        assert_eq!(self.entries(), [""; 0], "{error}");
        error
    }

    /// The names of all that lies in the folder.
    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.made().join(path)).unwrap()
    }
}

/// Waits until something is so, not for ever.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "it does not happen");
        thread::sleep(Duration::from_millis(10));
    }
}
