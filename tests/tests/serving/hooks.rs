//! Whether the hooks that ran are ones that can have.

use std::fs::OpenOptions;
use std::io::Write as _;

use keyway_tests::server::Home;

/// What stands in the file of hooks where the server was killed.
pub(crate) const KILLED: &str = "killed";

/// Says in the packages' own files that the server was killed.
pub(crate) fn note_the_kill<'a>(home: &Home, names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        let path = home.data(name).join("hooks");
        if let Ok(mut file) = OpenOptions::new().append(true).open(path) {
            writeln!(file, "{KILLED}").unwrap();
        }
    }
}

/// Whether the hooks of a package can have come one after the other.
pub(crate) fn check_hooks(name: &str, hooks: &[String]) {
    let mut runs = false;
    let mut last = KILLED;
    for hook in hooks {
        let now = hook.split(" {").next().unwrap();
        let fits = match now {
            KILLED => true,
            "start" => !runs && (last != "prepare"),
            "stop" => runs,
            // Only one that does not run is changed.
            "prepare" | "install" | "uninstall" => !runs,
            it => !runs && it.starts_with("upgrade from 1.0.0"),
        };
        // After a kill it may be done already.
        let fits = fits && (now != "install" || matches!(last, "prepare" | KILLED));
        assert!(fits, "{name}: `{now}` behind `{last}`: {hooks:#?}");
        runs = match now {
            "start" => true,
            KILLED | "stop" => false,
            _ => runs,
        };
        last = now;
    }
}
