use std::collections::BTreeMap;

use super::super::record::{Wanted, WantedAdd};
use super::super::status::{InstalledFrom, Status};
use super::super::transition::{Decision, Offered, Standing, decide};

fn add(install: bool, start: bool, reinstall: bool, reload: bool) -> Wanted {
    Wanted::Add(WantedAdd {
        source: InstalledFrom::Unknown,
        version: None,
        dependencies: BTreeMap::new(),
        incoming: None,
        install_kwargs: None,
        reinstall,
        reload,
        install,
        start,
    })
}

/// A package that is installed and runs.
const RUNS: Standing = Standing {
    status: Status::Installed,
    is_running: true,
    is_placed: true,
    is_installed: true,
    was_prepared: true,
    is_protected: false,
    wants_restart: false,
    is_restarting: false,
    offered: Offered::Same,
};

const RESTS: Standing = Standing {
    is_running: false,
    ..RUNS
};

const DISABLED: Standing = Standing {
    status: Status::Disabled,
    ..RESTS
};

const BROUGHT: Standing = Standing {
    status: Status::ToInstall,
    is_installed: false,
    was_prepared: false,
    ..RESTS
};

/// Nobody has heard of it.
const NEW: Standing = Standing {
    status: Status::Init,
    is_placed: false,
    offered: Offered::New,
    ..BROUGHT
};

/// `prepare install > installed`, `= tostart` for what is so already, `! code` for a refusal.
fn text(wanted: &Wanted, standing: &Standing) -> String {
    match decide(wanted, standing) {
        Decision::Do(steps, ends) => {
            let steps: Vec<_> = steps.iter().map(|step| step.name()).collect();
            format!("{} > {ends}", steps.join(" "))
        }
        Decision::Already(_, status) => format!("= {status}"),
        Decision::Refuse(nonsense) => format!("! {}", nonsense.code),
    }
}

#[test]
fn nonsense_is_refused_and_says_what_to_do_instead() {
    let protected = Standing {
        is_protected: true,
        ..RUNS
    };
    let delete = Wanted::Delete {
        purge: false,
        force: true,
    };
    for wanted in [Wanted::Stop, Wanted::Disable, delete] {
        assert_eq!(text(&wanted, &protected), "! protected");
    }
    assert_eq!(text(&Wanted::Start, &DISABLED), "! disabled");
    let Decision::Refuse(nonsense) = decide(&Wanted::Start, &DISABLED) else {
        panic!();
    };
    assert_eq!(nonsense.instead, Some("enable"));

    let hung = Standing {
        wants_restart: true,
        ..RESTS
    };
    let newer = Standing {
        offered: Offered::Newer,
        ..hung
    };
    for (wanted, standing) in [
        (Wanted::Start, hung),
        (Wanted::Enable, hung),
        (Wanted::Reload, hung),
        (add(true, true, false, false), newer),
    ] {
        assert_eq!(text(&wanted, &standing), "! restart-wanted", "{wanted:?}");
    }
    for wanted in [Wanted::Start, Wanted::Enable, Wanted::Reload] {
        assert_eq!(text(&wanted, &NEW), "! not-brought", "{wanted:?}");
    }
    let older = Standing {
        offered: Offered::Older,
        ..RUNS
    };
    assert_eq!(text(&add(true, true, true, true), &older), "! not-newer");
    let newer = Standing {
        offered: Offered::Newer,
        ..RUNS
    };
    assert_eq!(
        text(&add(false, true, false, false), &newer),
        "! already-installed"
    );
}

#[test]
fn adding_follows_the_table() {
    let usual = add(true, true, false, false);
    assert_eq!(
        text(&usual, &NEW),
        "place prepare install start > installed"
    );
    assert_eq!(
        text(&add(true, false, false, false), &NEW),
        "place prepare install > installed"
    );
    assert_eq!(
        text(&add(false, true, false, false), &NEW),
        "place > toinstall"
    );
    let offered = |offered, standing| Standing {
        offered,
        ..standing
    };
    use Offered::Newer;
    assert_eq!(
        text(&usual, &offered(Newer, RUNS)),
        "stop place upgrade accept start > installed"
    );
    assert_eq!(
        text(&usual, &offered(Newer, RESTS)),
        "place upgrade accept > installed"
    );
    assert_eq!(
        text(&usual, &offered(Newer, DISABLED)),
        "place upgrade accept > disabled"
    );
    // One that never was installed is as good as new.
    assert_eq!(
        text(&usual, &offered(Newer, BROUGHT)),
        "place prepare install start > installed"
    );
    assert_eq!(text(&usual, &RUNS), "= installed");
    assert_eq!(text(&usual, &DISABLED), "= disabled");
    assert_eq!(
        text(&add(true, true, false, true), &RUNS),
        "stop read start > installed"
    );
    let again = add(true, true, true, false);
    assert_eq!(
        text(&again, &RUNS),
        "stop place prepare install accept start > installed"
    );
    assert_eq!(
        text(&again, &DISABLED),
        "place prepare install accept > disabled"
    );
}

#[test]
fn the_other_operations_follow_the_table() {
    let reconfigure = Wanted::Reconfigure {
        install_kwargs: serde_json::Map::new(),
    };
    let delete = Wanted::Delete {
        purge: false,
        force: false,
    };
    let failed = Standing {
        status: Status::Error,
        ..RESTS
    };
    let never = Standing {
        is_installed: false,
        ..failed
    };
    for (wanted, standing, expected) in [
        (&Wanted::Start, RESTS, "start > installed"),
        (&Wanted::Start, RUNS, "= installed"),
        (&Wanted::Start, BROUGHT, "prepare install start > installed"),
        (&Wanted::Start, failed, "start > installed"),
        (&Wanted::Start, never, "prepare install start > installed"),
        (&Wanted::Stop, RUNS, "stop > tostart"),
        (&Wanted::Stop, RESTS, "= tostart"),
        (&Wanted::Stop, DISABLED, "= disabled"),
        (&Wanted::Stop, failed, "= error"),
        (&Wanted::Disable, RUNS, "stop > disabled"),
        (&Wanted::Disable, RESTS, " > disabled"),
        (&Wanted::Disable, failed, " > disabled"),
        (&Wanted::Disable, DISABLED, "= disabled"),
        (&Wanted::Enable, DISABLED, "start > installed"),
        (
            &Wanted::Enable,
            Standing {
                is_installed: false,
                ..DISABLED
            },
            "prepare install start > installed",
        ),
        (&Wanted::Enable, RUNS, "= installed"),
        (&reconfigure, RUNS, "stop prepare install start > installed"),
        (&reconfigure, RESTS, "prepare install > installed"),
        (&reconfigure, DISABLED, "prepare install > disabled"),
        (&Wanted::Reload, RUNS, "stop read start > installed"),
        (&Wanted::Reload, DISABLED, "read > disabled"),
        (&delete, RUNS, "stop uninstall remove > installed"),
        (&delete, DISABLED, "uninstall remove > disabled"),
        (&delete, BROUGHT, "remove > toinstall"),
        (&delete, NEW, "remove > init"),
    ] {
        assert_eq!(text(wanted, &standing), expected, "{wanted:?} {standing:?}");
    }
}

#[test]
fn what_is_to_be_started_again_counts_as_running_where_something_follows() {
    let restarting = Standing {
        status: Status::Error,
        is_running: false,
        is_restarting: true,
        ..RUNS
    };
    let reconfigure = Wanted::Reconfigure {
        install_kwargs: serde_json::Map::new(),
    };
    for (wanted, expected) in [
        (Wanted::Stop, " > tostart"),
        (Wanted::Disable, " > disabled"),
        (Wanted::Start, "start > installed"),
        (Wanted::Reload, "read start > installed"),
        (reconfigure, "prepare install start > installed"),
    ] {
        assert_eq!(text(&wanted, &restarting), expected);
    }
}
