//! Hashes of packages: KPackage's, and a sound one.
//!
//! Two functions, because one cannot be both. KPackage's hash tells whether a package is the one
//! that KPackage saw; it has no lengths and no separators, so that different packages can have the
//! same one, it depends on where the package lies as soon as there is a link in it, and some
//! packages have none. The content digest has none of these faults and no counterpart in KPackage.

mod algorithm;
mod content;
mod cryptographic;
mod error;
mod files;

pub use algorithm::HashAlgorithm;
#[cfg(feature = "install")]
pub(crate) use content::Digests;
pub use error::HashError;

use std::fmt::Write as _;

use super::package::Package;

/// Hashes.
impl Package {
    /// The hash that KPackage 5.103 gives, in lower-case hexadecimal digits: the same for every
    /// package that it gives one for.
    ///
    /// It is over the metadata file, and then, below each contents prefix, over names and data of
    /// all files, also hidden ones and those that no key stands for. Of a link it is over the place
    /// where it leads, as an absolute path; so it changes when a package with links is moved.
    /// Files and folders that may not be read count with their names, entries whose names are not
    /// Unicode not at all. KPackage leaves the order of names that differ in case alone to the
    /// file system; here it is that of their bytes.
    ///
    /// Two packages with the same hash need not be the same, whatever the algorithm: use
    /// [`content_digest`](Self::content_digest) to compare packages.
    ///
    /// # Errors
    ///
    /// The package has no path or is not valid any more, or the folder of a contents prefix is
    /// missing (for all of these KPackage gives an empty text). Something below a prefix is a link
    /// that leads nowhere or in a circle, or a pipe, a socket or a device (there KPackage crashes
    /// or hangs). Something cannot be read for another reason than its permissions.
    ///
    /// # Platform
    ///
    /// On Windows, where KPackage has other rules for links, a package with links has a hash of
    /// its own.
    pub fn cryptographic_hash(&self, algorithm: HashAlgorithm) -> Result<String, HashError> {
        let contents = self.contents();
        let root = contents.root.as_deref().ok_or(HashError::NoPackage)?;
        if !contents.is_valid() {
            return Err(HashError::Invalid {
                path: root.to_path_buf(),
            });
        }
        let prefixes = self.contents_prefix_paths();
        let hash = cryptographic::hash(root, prefixes, algorithm.digest())?;
        Ok(hexadecimal(&hash))
    }

    /// A digest of all that lies in the package's folder, in 64 lower-case hexadecimal digits: two
    /// packages have the same one if and only if they hold the same, wherever they lie.
    ///
    /// It is independent of the package's type, of its path, of owners and of times. Everything
    /// counts: files, folders also when they are empty, links, hidden entries, names that are not
    /// Unicode. Of a link it is over the text of its target, so also packages with links that lead
    /// nowhere have one.
    ///
    /// # Format
    ///
    /// The digest is that of the package's folder, where
    ///
    /// - the digest of a folder is the SHA-256 of the 17 bytes `keyway content 1` and a line feed,
    ///   followed by its entries in the order of the bytes of their names;
    /// - an entry is one byte for what it is (`d` a folder, `f` a file, `x` a file that its owner
    ///   may execute, `l` a link), the number of bytes of its name as 64 bits, least significant
    ///   byte first, these bytes, and 32 bytes: of a folder its digest, of a file the SHA-256 of
    ///   its data, of a link the SHA-256 of the text of its target.
    ///
    /// # Errors
    ///
    /// The package has no path, something in it is a pipe, a socket or a device, or something
    /// cannot be read.
    ///
    /// # Platform
    ///
    /// On Windows names and targets count as UTF-8, and no file may be executed.
    pub fn content_digest(&self) -> Result<String, HashError> {
        let root = self.contents().root.as_deref();
        let root = root.ok_or(HashError::NoPackage)?;
        Ok(hexadecimal(&content::digest(root)?))
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
