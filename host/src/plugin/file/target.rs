//! What a target triple says of the platform.

/// The parts of a target triple that decide whether a library can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Target {
    /// By Rust's name, as `std::env::consts::ARCH` has it.
    pub(in crate::plugin) architecture: String,
    /// By Rust's name, as `std::env::consts::OS` has it.
    pub(in crate::plugin) system: String,
    /// `gnu`, `musl`, `msvc`, another name, or empty.
    pub(in crate::plugin) c_library: String,
}

impl Target {
    /// Takes a triple apart: Rust's and Debian's are both understood, with and without a vendor.
    pub(in crate::plugin) fn parse(triple: &str) -> Self {
        let mut parts = triple.split('-');
        let architecture = match parts.next().unwrap_or_default() {
            "i386" | "i486" | "i586" | "i686" => "x86",
            "arm64" => "aarch64",
            it if it.starts_with("armv") || it.starts_with("thumb") => "arm",
            it if it.starts_with("riscv64") => "riscv64",
            it if it.starts_with("riscv32") => "riscv32",
            it if it.starts_with("powerpc64") => "powerpc64",
            it if it.starts_with("mips64") => "mips64",
            it if it.starts_with("mips") => "mips",
            it => it,
        };
        let rest: Vec<&str> = parts.collect();
        let (system, c_library) = match rest.iter().position(|part| SYSTEMS.contains(part)) {
            Some(at) => (rest[at], rest.get(at + 1).copied().unwrap_or_default()),
            None => (rest.last().copied().unwrap_or_default(), ""),
        };
        let system = match system {
            "darwin" => "macos",
            "linux" if c_library.starts_with("android") => "android",
            system => system,
        };
        let family = ["gnu", "musl", "msvc", "uclibc", "ohos"]
            .into_iter()
            .find(|family| c_library.starts_with(family))
            .unwrap_or(c_library);
        Self {
            architecture: architecture.to_owned(),
            system: system.to_owned(),
            c_library: family.to_owned(),
        }
    }
}

const SYSTEMS: [&str; 9] = [
    "linux",
    "windows",
    "darwin",
    "macos",
    "freebsd",
    "netbsd",
    "openbsd",
    "dragonfly",
    "illumos",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_are_taken_apart() {
        for (triple, expected) in [
            ("x86_64-unknown-linux-gnu", ("x86_64", "linux", "gnu")),
            ("x86_64-linux-gnu", ("x86_64", "linux", "gnu")),
            ("x86_64-alpine-linux-musl", ("x86_64", "linux", "musl")),
            ("armv7-unknown-linux-gnueabihf", ("arm", "linux", "gnu")),
            ("i686-unknown-linux-gnu", ("x86", "linux", "gnu")),
            ("x86_64-pc-windows-gnu", ("x86_64", "windows", "gnu")),
            ("x86_64-pc-windows-msvc", ("x86_64", "windows", "msvc")),
            ("aarch64-apple-darwin", ("aarch64", "macos", "")),
            ("x86_64-unknown-freebsd", ("x86_64", "freebsd", "")),
            ("", ("", "", "")),
        ] {
            let target = Target::parse(triple);
            let parts = (
                target.architecture.as_str(),
                target.system.as_str(),
                target.c_library.as_str(),
            );
            assert_eq!(parts, expected, "{triple}");
        }
    }

    #[test]
    fn the_hosts_own_triple_is_understood() {
        let target = Target::parse(keyway_abi::build::TARGET);
        assert_eq!(target.architecture, std::env::consts::ARCH);
        assert_eq!(target.system, std::env::consts::OS);
    }
}
