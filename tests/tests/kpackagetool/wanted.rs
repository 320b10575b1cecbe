//! Where `keyway kpackagetool` differs from kpackagetool5 on purpose, and why.
//!
//! Besides: messages on stderr and the text of the help are Keyway's own; names are those of the C
//! locale, since what a script reads should not depend on the language of who runs it; metainfo
//! differ as `tests/tests/appstream.rs` says; no handler runs for what a package needs by URL; links and
//! hidden files of packages are installed as they are, and what leaves its archive is refused.

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

/// Steps, apart by `; `, that differ on purpose: the exit code and the output of the last one, and the
/// packages that are there then.
pub(crate) struct WantedChange {
    pub(crate) steps: &'static str,
    pub(crate) theirs: (i32, &'static str, &'static [&'static str]),
    pub(crate) ours: (i32, &'static str, &'static [&'static str]),
    pub(crate) why: &'static str,
}

const NO_TYPE: &str = "a type that nobody gives is an error, with nothing written";
const INVALID: &str = "only valid packages are installed";
const OTHER_TYPE: &str =
    "a package is installed as what its metadata say it is, and takes no place of others";
const ROOT: &str = "what was installed in a root can be upgraded and removed in it";

pub(crate) const WANTED_CHANGES: &[WantedChange] = &[
    WantedChange {
        steps: "-i foo",
        theirs: (0, "Successfully installed $D/foo\n", &["home/org.foo 1"]),
        ours: (5, "", &[]),
        why: NO_TYPE,
    },
    WantedChange {
        steps: "-i a1 -t Foo/Bar",
        theirs: (0, "Successfully installed $D/a1\n", &["home/org.a 1.0"]),
        ours: (5, "", &[]),
        why: NO_TYPE,
    },
    WantedChange {
        steps: "-u a1 -t Foo/Bar",
        theirs: (2, "Error: Plugin org.a is not installed.\n", &[]),
        ours: (5, "", &[]),
        why: NO_TYPE,
    },
    WantedChange {
        steps: "-r org.a -t Foo/Bar",
        theirs: (2, "Error: Plugin  is not installed.\n", &[]),
        ours: (5, "", &[]),
        why: NO_TYPE,
    },
    WantedChange {
        steps: "-i a1 -t plasma/applet",
        theirs: (0, "Successfully installed $D/a1\n", &["home/org.a 1.0"]),
        ours: (5, "", &[]),
        why: NO_TYPE,
    },
    WantedChange {
        steps: "-i noid",
        theirs: (
            0,
            "Successfully installed $D/noid\n",
            &["home/plasma/plasmoids/metadata"],
        ),
        ours: (4, "", &[]),
        why: "all packages without an id would be one and the same",
    },
    WantedChange {
        steps: "-i invalid",
        theirs: (
            0,
            "Successfully installed $D/invalid\n",
            &["home/plasma/plasmoids/org.invalid"],
        ),
        ours: (4, "", &[]),
        why: INVALID,
    },
    WantedChange {
        steps: "cp $D/invalid $D/home/plasma/plasmoids/org.invalid; -u invalid",
        theirs: (
            0,
            "Upgrading package from file: $D/invalid\nSuccessfully upgraded $D/invalid\n",
            &["home/plasma/plasmoids/org.invalid"],
        ),
        ours: (
            4,
            "Upgrading package from file: $D/invalid\n",
            &["home/plasma/plasmoids/org.invalid"],
        ),
        why: INVALID,
    },
    WantedChange {
        steps: "-i a1 -t Plasma/Wallpaper",
        theirs: (
            0,
            "Successfully installed $D/a1\n",
            &["home/plasma/wallpapers/org.a 1.0"],
        ),
        ours: (4, "", &[]),
        why: OTHER_TYPE,
    },
    WantedChange {
        steps: "-i a1; -u wall -t Plasma/Applet",
        theirs: (
            0,
            "Upgrading package from file: $D/wall\nSuccessfully upgraded $D/wall\n",
            &["home/plasma/plasmoids/org.a 3"],
        ),
        ours: (
            4,
            "Upgrading package from file: $D/wall\n",
            &["home/plasma/plasmoids/org.a 1.0"],
        ),
        why: OTHER_TYPE,
    },
    WantedChange {
        steps: "-i a1 -p own; -u a2 -p own",
        theirs: (
            2,
            "Error: Plugin org.a is not installed.\n",
            &["home/own/org.a 1.0"],
        ),
        ours: (
            0,
            "Upgrading package from file: $D/a2\nSuccessfully upgraded $D/a2\n",
            &["home/own/org.a 2.0"],
        ),
        why: ROOT,
    },
    WantedChange {
        steps: "-i a1 -p $D/rel; -r org.a -t Plasma/Applet -p $D/rel",
        theirs: (
            2,
            "Error: Plugin org.a is not installed.\n",
            &["rel/org.a 1.0"],
        ),
        ours: (0, "Successfully uninstalled \n", &[]),
        why: ROOT,
    },
    WantedChange {
        steps: "-i a1 -p $D/rel; -r $D/rel/org.a -p $D/rel",
        theirs: (
            2,
            "Error: Plugin org.a is not installed.\n",
            &["rel/org.a 1.0"],
        ),
        ours: (0, "Successfully uninstalled $D/rel/org.a\n", &[]),
        why: ROOT,
    },
    WantedChange {
        steps: "-i a1 -p ''",
        theirs: (0, "Successfully installed $D/a1\n", &["home/org.a 1.0"]),
        ours: (
            0,
            "Successfully installed $D/a1\n",
            &["home/plasma/plasmoids/org.a 1.0"],
        ),
        why: "a root that is empty is none; packages do not lie about among the data of all programs",
    },
    WantedChange {
        steps: "-i wall -g",
        theirs: (0, "Successfully installed $D/wall\n", &["home/org.a 3"]),
        ours: (
            0,
            "Successfully installed $D/wall\n",
            &["local/plasma/wallpapers/org.a 3"],
        ),
        why: "what is installed for all users does not go into the user's own folder",
    },
    WantedChange {
        steps: "cp $D/needing $D/home/plasma/plasmoids/org.needing; -u needing",
        theirs: (4, "Upgrading package from file: $D/needing\n", &[]),
        ours: (
            4,
            "Upgrading package from file: $D/needing\n",
            &["home/plasma/plasmoids/org.needing"],
        ),
        why: "an upgrade that fails leaves what was there",
    },
    WantedChange {
        steps: "cp $D/a1 $D/home/plasma/plasmoids/x; -r x -t Plasma/Applet",
        theirs: (7, "", &["home/plasma/plasmoids/x 1.0"]),
        ours: (0, "Successfully uninstalled \n", &[]),
        why: "the package that is named is removed, whatever its metadata say",
    },
    WantedChange {
        steps: "-i a1 -u a2",
        theirs: (
            2,
            "Error: Plugin org.a is not installed.\n",
            &["home/plasma/plasmoids/org.a 2.0"],
        ),
        ours: (2, "Error: Plugin org.a is not installed.\n", &[]),
        why: "one thing is done at a time, and what fails does nothing; the real tool goes on to install",
    },
];
