//! The algorithms.

use std::fmt;

use sha2::digest::DynDigest;

/// An algorithm of [`Package::cryptographic_hash`](crate::Package::cryptographic_hash): those that
/// Qt 5 has.
///
/// MD4, MD5 and SHA-1 are broken; they are here to compare with what KPackage gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// MD4, broken.
    Md4,
    /// MD5, broken.
    Md5,
    /// SHA-1, broken; the one that `kpackagetool5 --hash` gives.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// Keccak-224, as it was before it became SHA-3.
    Keccak224,
    /// Keccak-256.
    Keccak256,
    /// Keccak-384.
    Keccak384,
    /// Keccak-512.
    Keccak512,
    /// SHA3-224.
    Sha3_224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Md4,
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Keccak224,
        Self::Keccak256,
        Self::Keccak384,
        Self::Keccak512,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// Its name, as `sha256` or `sha3-256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md4 => "md4",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Keccak224 => "keccak-224",
            Self::Keccak256 => "keccak-256",
            Self::Keccak384 => "keccak-384",
            Self::Keccak512 => "keccak-512",
            Self::Sha3_224 => "sha3-224",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
        }
    }

    /// The algorithm of that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn digest(self) -> Box<dyn DynDigest> {
        match self {
            Self::Md4 => Box::<md4::Md4>::default(),
            Self::Md5 => Box::<md5::Md5>::default(),
            Self::Sha1 => Box::<sha1::Sha1>::default(),
            Self::Sha224 => Box::<sha2::Sha224>::default(),
            Self::Sha256 => Box::<sha2::Sha256>::default(),
            Self::Sha384 => Box::<sha2::Sha384>::default(),
            Self::Sha512 => Box::<sha2::Sha512>::default(),
            Self::Keccak224 => Box::<sha3::Keccak224>::default(),
            Self::Keccak256 => Box::<sha3::Keccak256>::default(),
            Self::Keccak384 => Box::<sha3::Keccak384>::default(),
            Self::Keccak512 => Box::<sha3::Keccak512>::default(),
            Self::Sha3_224 => Box::<sha3::Sha3_224>::default(),
            Self::Sha3_256 => Box::<sha3::Sha3_256>::default(),
            Self::Sha3_384 => Box::<sha3::Sha3_384>::default(),
            Self::Sha3_512 => Box::<sha3::Sha3_512>::default(),
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of the empty text, as their standards and `openssl dgst` have them.
    const OF_NOTHING: [(&str, &str); 15] = [
        ("md4", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("sha224", "d14a028c2a3a2bc9476102bb288234c415a2b01f"),
        ("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4"),
        ("sha384", "38b060a751ac96384cd9327eb1b1e36a21fdb711"),
        ("sha512", "cf83e1357eefb8bdf1542850d66d8007d620e405"),
        ("keccak-224", "f71837502ba8e10837bdd8d365adb85591895602"),
        ("keccak-256", "c5d2460186f7233c927e7db2dcc703c0e500b653"),
        ("keccak-384", "2c23146a63a29acf99e73b88f8c24eaa7dc60aa7"),
        ("keccak-512", "0eab42de4c3ceb9235fc91acffe746b29c29a8c3"),
        ("sha3-224", "6b4e03423667dbb73b6e15454f0eb1abd4597f9a"),
        ("sha3-256", "a7ffc6f8bf1ed76651c14756a061d662f580ff4d"),
        ("sha3-384", "0c63a75b845e4f7d01107d852e4c2485c51a50aa"),
        ("sha3-512", "a69f73cca23a9ac5c8b567dc185a756e97c982164fe2"),
    ];

    #[test]
    fn each_name_is_its_algorithm() {
        assert_eq!(HashAlgorithm::from_name("sha-1"), None);
        assert_eq!(HashAlgorithm::from_name(""), None);
        assert_eq!(HashAlgorithm::ALL.len(), OF_NOTHING.len());
        for (name, begins) in OF_NOTHING {
            let algorithm = HashAlgorithm::from_name(name).unwrap();
            assert_eq!(algorithm.to_string(), name);
            let hash = super::super::hexadecimal(&algorithm.digest().finalize());
            assert!(hash.starts_with(begins), "{name}: {hash}");
        }
    }
}
