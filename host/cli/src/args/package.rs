//! What was typed of packages that have a life.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
use keyway::lifecycle::Status;

use super::package_root;
use super::remote::{Listen, Remote};
use crate::kwargs::{Kwargs, Setting};
use crate::log::LogFormat;

/// What all commands take stands behind what is their own.
pub(super) const LAST: usize = 100;

/// Where packages are that have a life.
#[derive(Debug, clap::Args)]
pub(crate) struct State {
    /// Where records and data of packages lie, instead of KEYWAY_PACKAGE_STATE, and of `packages` in
    /// Keyway's state folder
    #[arg(long, value_name = "DIR", global = true, display_order = LAST)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where packages lie, instead of the root of the type `ThreeBot/Package`: absolute, or below the
    /// data folder, or from the current folder if it begins with `.` or `..`, as `./DIR`
    #[arg(short = 'p', long, value_name = "DIR", value_parser = package_root())]
    #[arg(global = true, display_order = LAST)]
    pub(crate) package_root: Option<PathBuf>,
}

impl State {
    /// Whether a folder of this machine was typed.
    pub(crate) fn is_named(&self) -> bool {
        self.state_dir.is_some() || self.package_root.is_some()
    }
}

/// `keyway serve`
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) state: State,
    /// A package that can be neither stopped, disabled nor deleted; may be given several times
    #[arg(long, value_name = "NAME", value_parser = full_name)]
    pub(crate) protect: Vec<String>,
    /// How many packages are started and stopped at once [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: Option<u16>,
    /// How long the hooks prepare, install and upgrade may take [default: 1800]
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    pub(crate) prepare_deadline: Option<u32>,
    /// How long the hook start may take [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    pub(crate) start_deadline: Option<u32>,
    /// How long the hooks stop and uninstall may take [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    pub(crate) stop_deadline: Option<u32>,
    /// How long all packages together may take to stop, in the end [default: 90]
    #[arg(long, value_name = "SECONDS", value_parser = seconds())]
    pub(crate) stop_within: Option<u32>,
    /// Set damaged records aside first, and go on with what can be read of them
    #[arg(long)]
    pub(crate) recover: bool,
    /// Run the code of each package in a process of its own, as if it asked for it
    #[arg(long)]
    pub(crate) isolate: bool,
    /// How much address space, in MiB, the process of an isolated package may have [default: no limit]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=1 << 24))]
    pub(crate) worker_memory: Option<u64>,
    /// In what form it logs to stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) tcp: Listen,
}

/// A full name as it is on record: one that is on none would protect nothing, and nobody would notice.
fn full_name(text: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || "_-".contains(it))
    };
    match text.split_once('.') {
        Some((author, name)) if is_part(author) && is_part(name) => Ok(text.to_owned()),
        _ => Err("expected a full name, as `author.name`".to_owned()),
    }
}

fn seconds() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// `keyway package`
#[derive(Debug, clap::Args)]
pub(crate) struct ManagedPackage {
    #[command(flatten)]
    pub(crate) state: State,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(subcommand)]
    pub(crate) action: PackageAction,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum PackageAction {
    /// Add a package, or a newer version of one: bring it, prepare, install and start it
    Add(Add),
    /// Stop, uninstall and remove a package; its data stay
    Delete {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
        /// Remove its data, too
        #[arg(long)]
        purge: bool,
        /// Remove it although a hook fails
        #[arg(long)]
        force: bool,
    },
    /// Start a package
    Start {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Stop a package, until it is started, or the next server starts
    Stop {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Start a package that was disabled
    Enable {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Stop a package until it is enabled
    Disable {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Run the hook again that failed or was interrupted, and go on
    Retry {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Read a package's file and code anew
    Reload {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Prepare and install a package again, with other arguments
    ///
    /// With --kwargs those of before are gone; with --set alone they stay, but for those that are set.
    Reconfigure(Reconfigure),
    /// List the packages on record
    List {
        /// Only those in this status: init, config, toinstall, installed, tostart, disabled or error
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show all that is known of a package
    Status {
        /// The package's full name, as `author.name`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show what is logged of a package, or what a process of it prints
    Logs(Logs),
}

/// `keyway package logs`
#[derive(Debug, clap::Args)]
pub(crate) struct Logs {
    /// The package's full name, as `author.name`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Go on with what comes, until Ctrl-C, or the package is deleted
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) lines: u16,
    /// A process of the package, by its name
    #[arg(long, value_name = "PROCESS")]
    pub(crate) process: Option<String>,
}

/// `keyway package add`
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The branch, instead of the repository's own choice
    #[arg(long, conflicts_with_all = ["path", "link"])]
    pub(crate) branch: Option<String>,
    /// The commit or tag, instead of the newest commit of the branch
    #[arg(long, conflicts_with_all = ["path", "link"])]
    pub(crate) rev: Option<String>,
    #[command(flatten)]
    pub(crate) arguments: Arguments,
    /// Fetch again what is there already
    #[arg(long)]
    pub(crate) update: bool,
    /// Prepare and install again if this version is on record
    #[arg(long)]
    pub(crate) reinstall: bool,
    /// Read its file and code anew if this version is on record
    #[arg(long)]
    pub(crate) reload: bool,
    /// Only bring it: neither prepare nor install it
    #[arg(long)]
    pub(crate) no_install: bool,
    /// Do not start it
    #[arg(long)]
    pub(crate) no_start: bool,
}

/// Where a package comes from: one of them.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// A folder or an archive, which is copied; with --url an absolute path on the server's machine
    #[arg(long)]
    pub(crate) path: Option<PathBuf>,
    /// A folder that is used where it lies, for who works on it; with --url on the server's machine
    #[arg(long, value_name = "DIR")]
    pub(crate) link: Option<PathBuf>,
    /// A git repository: the URL, or the path of one
    #[arg(long, value_name = "URL")]
    pub(crate) git: Option<String>,
}

/// What a package's code is installed with.
#[derive(Debug, clap::Args)]
#[group(multiple = true)]
pub(crate) struct Arguments {
    /// What its code is installed with: a JSON object, or a file with one
    #[arg(long, value_name = "JSON or @FILE", value_parser = Kwargs::parse)]
    pub(crate) kwargs: Option<Kwargs>,
    /// One of them, over those of --kwargs: `k.a=v` for `a` in the object `k`; JSON if it is some, as
    /// `1`, `true` or `"1"`, else text; may be given several times
    #[arg(long, value_name = "K=V", value_parser = Setting::parse)]
    pub(crate) set: Vec<Setting>,
}

/// `keyway package reconfigure`
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("new").required(true).multiple(true).args(["kwargs", "set"]))]
pub(crate) struct Reconfigure {
    /// The package's full name, as `author.name`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) arguments: Arguments,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

    use super::super::{Args, Command};

    fn parse(line: &str) -> Result<Args, ErrorKind> {
        let words = line.split(' ');
        Args::try_parse_from(std::iter::once("keyway").chain(words)).map_err(|error| error.kind())
    }

    #[test]
    fn what_contradicts_itself_is_wrong_usage() {
        use ErrorKind::{ArgumentConflict, MissingRequiredArgument, ValueValidation};
        for (line, kind) in [
            ("package add", MissingRequiredArgument),
            ("package add --branch b", MissingRequiredArgument),
            ("package add --path a --git b", ArgumentConflict),
            ("package add --path a --link b", ArgumentConflict),
            ("package add --path a --branch b", ArgumentConflict),
            ("package add --link a --rev b", ArgumentConflict),
            ("package add --path a --kwargs [1]", ValueValidation),
            ("package add --path a --set a", ValueValidation),
            ("package reconfigure a.b", MissingRequiredArgument),
            ("package list --status running", ValueValidation),
            ("package start", MissingRequiredArgument),
            ("serve --protect a__b", ValueValidation),
            ("serve --protect a.b.c", ValueValidation),
            ("serve --parallel 0", ValueValidation),
            ("serve --stop-within 0", ValueValidation),
            ("serve --start-deadline soon", ValueValidation),
            ("serve --log-format xml", ErrorKind::InvalidValue),
            ("package logs", MissingRequiredArgument),
            ("package logs a.b -n 10001", ValueValidation),
            ("serve --listen localhost", ValueValidation),
            ("serve --tls-cert c --tls-key k", MissingRequiredArgument),
            (
                "serve --listen 127.0.0.1:1 --tls-key k",
                MissingRequiredArgument,
            ),
            ("serve --allow-host a", MissingRequiredArgument),
            ("serve --behind-proxy", MissingRequiredArgument),
        ] {
            assert_eq!(parse(line).unwrap_err(), kind, "{line}");
        }
    }

    #[test]
    fn options_of_all_stand_before_and_behind() {
        Args::command().debug_assert();
        for line in [
            "package --state-dir /s -p /r --json start a.b",
            "package start a.b -p /r --state-dir /s --json",
            "--json package start --state-dir /s a.b --package-root /r",
        ] {
            let args = parse(line).unwrap();
            let Command::Package(package) = args.command else {
                panic!("{line}");
            };
            assert!(args.json, "{line}");
            assert_eq!(package.state.state_dir.unwrap().to_str(), Some("/s"));
            assert_eq!(package.state.package_root.unwrap().to_str(), Some("/r"));
        }
        parse("package add --git u --branch b --rev r --set a=1 --set b.c=2 --no-start").unwrap();
        parse("package reconfigure a.b --kwargs {} --set a=1").unwrap();
        parse("serve --protect a.b --protect c.d --state-dir /s --recover").unwrap();
        parse("serve --listen 127.0.0.1:1 --listen [::1]:1 --allow-host a --allow-host b:1")
            .unwrap();
        parse("serve --listen 0.0.0.0:1 --tls-cert c --tls-key k --behind-proxy").unwrap();
        parse("package --url u list --token-file f --tls-ca c --insecure-http").unwrap();
        parse("token rotate --state-dir /s --json").unwrap();
    }
}
