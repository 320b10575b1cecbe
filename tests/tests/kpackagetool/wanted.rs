//! Where `keyway kpackagetool` differs from kpackagetool5 on purpose, and why.
//!
//! Besides: messages on stderr and the text of the help are Keyway's own; names are those of the C
//! locale, since what a script reads should not depend on the language of who runs it; metainfo
//! differ as `tests/tests/appstream.rs` says; and installing, upgrading and removing, and with them
//! packages in archives, wait for the installer.

use crate::Stage;

/// One difference.
pub(crate) struct Wanted {
    pub(crate) arguments: &'static [&'static str],
    /// Their exit code.
    pub(crate) theirs: i32,
    /// Our exit code.
    pub(crate) ours: i32,
    /// Whether the standard outputs, theirs and ours, are what they should be.
    pub(crate) holds: fn(&Stage, &str, &str) -> bool,
    pub(crate) why: &'static str,
}

const UNKNOWN: &str = "what is listed is not of a type that nobody gives, and a script that \
     mistyped one should stop; 5 is the code that the real tool has for it and never uses";

pub(crate) const WANTED: &[Wanted] = &[
    Wanted {
        arguments: &["-l", "-t", "Foo/Bar"],
        theirs: 0,
        ours: 5,
        holds: |_, theirs, ours| theirs.starts_with("Listing") && ours.is_empty(),
        why: UNKNOWN,
    },
    Wanted {
        arguments: &["-l", "-t", "plasma/applet", "-g"],
        theirs: 0,
        ours: 5,
        holds: |_, theirs, ours| theirs.lines().count() > 1 && ours.is_empty(),
        why: UNKNOWN,
    },
    Wanted {
        arguments: &["-l", "-t", ""],
        theirs: 0,
        ours: 5,
        holds: |_, theirs, ours| theirs.starts_with("Listing") && ours.is_empty(),
        why: UNKNOWN,
    },
    Wanted {
        arguments: &["--list-types"],
        theirs: 0,
        ours: 0,
        holds: |_, theirs, ours| {
            ours == theirs.replace("kpackage/packages/\n", "kpackage/generic/\n")
        },
        why: "packages of KPackage/Generic lie in kpackage/generic/, also for the real tool",
    },
    Wanted {
        arguments: &["-l", "-t", "Plasma/Applet", "-p", "$D"],
        theirs: 0,
        ours: 0,
        holds: |_, theirs, ours| {
            let without = ours.replace("\nuntyped-desktop\n", "\n");
            theirs.contains("\nuntyped\n") && without == theirs
        },
        why: "whether a package that names no type is listed does not depend on its format",
    },
    Wanted {
        arguments: &["-s", "$D/no-author"],
        theirs: 128 + 11,
        ours: 0,
        holds: |stage, theirs, ours| {
            let path = stage.path("no-author");
            let rest = format!("    Author : \n      Path : {}/\n", path.display());
            ours == format!("{theirs}{rest}")
        },
        why: "a package without authors is no reason to crash",
    },
    Wanted {
        arguments: &["--appstream-metainfo", "$D/linked"],
        theirs: 0,
        ours: 3,
        holds: |_, theirs, ours| theirs.contains("<id>") && ours.is_empty(),
        why: "files of a package lie inside it, its metadata too",
    },
    Wanted {
        arguments: &[
            "--appstream-metainfo",
            "$D/desktop",
            "--appstream-metainfo-output",
            "$D/nosuch/out.xml",
        ],
        theirs: 0,
        ours: 1,
        holds: |_, theirs, ours| theirs.is_empty() && ours.is_empty(),
        why: "what was not written is no success",
    },
    Wanted {
        arguments: &[
            "--appstream-metainfo",
            "$D/desktop",
            "--appstream-metainfo-output",
            "out.xml",
        ],
        theirs: 0,
        ours: 0,
        holds: |stage, _, _| {
            let is_there = |folder: &str| stage.path(folder).join("out.xml").exists();
            !is_there("theirs") && is_there("ours")
        },
        why: "a file may be named from the current folder; the real tool takes the name for an \
              address on the web, writes nothing and calls that success",
    },
];
