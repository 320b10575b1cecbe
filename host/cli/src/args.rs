//! What was typed.

mod package;
mod remote;

use std::ffi::OsString;
use std::io;
use std::path::{Component, PathBuf};

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use keyway::package::HashAlgorithm;

pub(crate) use package::{
    Add, Logs, ManagedPackage, PackageAction, Reconfigure, Serve, Source, State,
};
pub(crate) use remote::{Token, TokenAction};

/// Finds plugins and packages, looks at them, installs packages, and runs those that have a life.
///
/// Plugins are looked for in the folders of KEYWAY_PLUGIN_PATH, beside this program in `plugins`,
/// and in the folders of the user and of the system. What plugins log goes to stderr as KEYWAY_LOG
/// asks for, for instance `KEYWAY_LOG=debug`.
#[derive(Debug, Parser)]
#[command(name = "keyway", version, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// What was typed, unless it contradicts itself.
    pub(crate) fn parse_and_check() -> Result<Self, clap::Error> {
        let args = Self::try_parse()?;
        let (root, global) = match &args.command {
            Command::Install(Install { target, .. })
            | Command::Remove(Remove { target, .. })
            | Command::Upgrade(Upgrade {
                install: Install { target, .. },
                ..
            }) => (&target.package_root, target.global),
            // What stands before the subcommand is not compared with what stands behind it.
            Command::Package(it) if it.remote.url.is_some() && it.state.is_named() => {
                let message = "`--url` contradicts `--state-dir` and `--package-root`";
                return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
            }
            _ => return Ok(args),
        };
        // One folder is not some of several. Who only looks does no harm.
        if global && root.as_ref().is_some_and(|root| root.is_absolute()) {
            let message =
                "`--global` contradicts a `--package-root` that is not below data folders";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        }
        Ok(args)
    }
}

fn package_root() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(from_here)
}

/// What begins with `.` or `..` from the current folder, anything else as it is.
fn from_here(path: PathBuf) -> io::Result<PathBuf> {
    let mut parts = path.components().peekable();
    let is_here = |part: &Component<'_>| matches!(part, Component::CurDir | Component::ParentDir);
    if !parts.peek().is_some_and(is_here) {
        return Ok(path);
    }
    // No link is in it, so that it can be climbed.
    let mut from = std::env::current_dir()?;
    while let Some(part) = parts.next_if(is_here) {
        if part == Component::ParentDir {
            from.pop();
        }
    }
    from.extend(parts);
    Ok(from)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the package types that plugins define, without running any plugin
    Types(Types),
    /// List the plugin files that were found, also those that are not used, with the reason
    Plugins(Plugins),
    /// Show the folders in which plugins are looked for
    Paths,
    /// Show step by step how a type name resolves, without running any plugin
    Explain(Explain),
    /// List the plugins that ended a process while they were loaded, or lift that
    Quarantine(Quarantine),
    /// Try a plugin in a process of its own: load it and construct its types
    Probe(Probe),
    /// List the installed packages of a type
    List(List),
    /// List the installed packages of a type that have all of some words in their metadata (else
    /// exit 1)
    Find(Find),
    /// Show a package: its metadata, its files, and whether it is valid (else exit 1)
    Show(Show),
    /// Print the absolute path of a file of a package
    File(File),
    /// Install a package: a folder or an archive, entirely or not at all
    Install(Install),
    /// Put a newer version of a package in the place of an older one, or install it
    Upgrade(Upgrade),
    /// Remove an installed package
    Remove(Remove),
    /// Ask for packages that have a life: add, start, stop and upgrade them
    ///
    /// The server does it, if one runs (`keyway serve`); else it is written down, and done when one does.
    Package(ManagedPackage),
    /// Own the packages that have a life, in the foreground: start them, answer for them, stop them
    Serve(Serve),
    /// Print or replace the token that a server on TCP wants
    Token(Token),
    /// Run the code of one package, for `keyway serve`
    #[command(hide = true)]
    Worker {
        /// The package's full name, for people
        name: Option<String>,
    },
    /// Print the hash of a package that kpackagetool prints, or a digest of all that it holds
    Hash(Hash),
    /// Print a package's AppStream metainfo
    Appstream(AppStream),
    /// Do what kpackagetool does, with its options, its output and its exit codes
    #[command(disable_help_flag = true)]
    Kpackagetool(Kpackagetool),
}

/// `keyway types`
#[derive(Debug, clap::Args)]
pub(crate) struct Types {
    /// Load each plugin to ask where its packages lie
    #[arg(long)]
    pub(crate) roots: bool,
}

/// `keyway plugins`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Plugins {
    /// Show also files that are no plugins
    #[arg(long)]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) action: Option<PluginsAction>,
}

/// What is to be done with plugin files.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginsAction {
    /// Copy a plugin into the user's plugin folder, if it passes the gates
    ///
    /// A plugin of that name is replaced by rename, which is safe while it is used.
    Install {
        /// The plugin's file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Install for all users, into the system's plugin folder
        #[arg(short = 'g', long)]
        global: bool,
    },
    /// Remove a plugin from the user's plugin folder
    Remove {
        /// The plugin's id
        #[arg(value_name = "ID")]
        id: String,
        /// Remove it for all users, from the system's plugin folder
        #[arg(short = 'g', long)]
        global: bool,
    },
}

/// `keyway explain`
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The type name, as `MyApp/MyStructure`
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// Explain a lifecycle instead of a package type
    #[arg(long)]
    pub(crate) lifecycle: bool,
}

/// `keyway probe`
#[derive(Debug, clap::Args)]
pub(crate) struct Probe {
    /// The plugin's file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How long the plugin may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) deadline: u32,
    /// Try it in this very process and print the outcome as JSON, for hosts that use this command
    /// as their helper
    #[arg(long, conflicts_with = "deadline")]
    pub(crate) here: bool,
}

/// `keyway quarantine`
#[derive(Debug, clap::Args)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    pub(crate) action: Option<QuarantineAction>,
}

/// What is to be done with plugins in quarantine.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineAction {
    /// Give plugins another chance
    Clear {
        /// The plugin's id or file; all of them if left out
        #[arg(value_name = "PLUGIN")]
        plugin: Option<String>,
    },
}

/// Which packages are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Packages {
    /// The package type, as `MyApp/MyStructure`
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub(crate) type_name: String,
    /// Where packages lie, instead of the type's own root: absolute, or below each data folder, or
    /// from the current folder if it begins with `.` or `..`, as `./DIR`
    #[arg(short = 'p', long, value_name = "DIR", value_parser = package_root())]
    pub(crate) package_root: Option<PathBuf>,
    /// Look in the system's data folders only
    #[arg(short = 'g', long)]
    pub(crate) global: bool,
}

/// `keyway list`
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) packages: Packages,
}

/// `keyway find`
#[derive(Debug, clap::Args)]
pub(crate) struct Find {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// What is looked for in id, name, description, category and keywords, in any language and in
    /// capitals or not; each word has to be there
    #[arg(value_name = "WORDS", required = true)]
    pub(crate) words: Vec<String>,
}

/// `keyway show`
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// A package's name, or with a separator (or `.`) the path of one
    #[arg(value_name = "NAME-or-PATH")]
    pub(crate) package: PathBuf,
}

/// `keyway file`
#[derive(Debug, clap::Args)]
pub(crate) struct File {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// A package's name, or with a separator (or `.`) the path of one
    #[arg(value_name = "NAME-or-PATH")]
    pub(crate) package: PathBuf,
    /// The key that the type defines, as `mainscript`
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// A file below the key
    #[arg(value_name = "FILENAME", default_value = "", hide_default_value = true)]
    pub(crate) file_name: OsString,
}

/// Where packages are changed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The package type, as `MyApp/MyStructure`; without it the one that is found from the metadata
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Where packages lie, instead of the type's own root: absolute, or below the data folder, or
    /// from the current folder if it begins with `.` or `..`, as `./DIR`
    #[arg(short = 'p', long, value_name = "DIR", value_parser = package_root())]
    pub(crate) package_root: Option<PathBuf>,
    /// For all users: install into the system's first data folder, upgrade and remove where the
    /// package is among all of them
    #[arg(short = 'g', long)]
    pub(crate) global: bool,
    /// Change nothing, and say what would happen and every reason why not (then exit 1)
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to wait while somebody else changes packages there
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) lock_wait: u32,
}

/// `keyway install`
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Let the programs of KDE run that see to what the package needs by URL. They are looked for in
    /// KDE's folders, or in those of KEYWAY_HANDLER_PATH
    #[arg(long)]
    pub(crate) allow_handlers: bool,
    /// A folder, or an archive: zip, or tar, plain or with gzip, bzip2, xz or zstd
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
}

/// `keyway upgrade`
#[derive(Debug, clap::Args)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    pub(crate) install: Install,
    /// Replace also the same or a newer version
    #[arg(long)]
    pub(crate) force: bool,
}

/// `keyway remove`
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The package's id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// The algorithm that stands for the content digest.
pub(crate) const CONTENT: &str = "content";

/// Which package is meant, of a type or of any.
#[derive(Debug, clap::Args)]
pub(crate) struct AnyPackages {
    /// The package type; without one, and as kpackagetool does it, a package is its metadata and
    /// its folder `contents`, valid or not for any type
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Where packages lie, instead of the type's own root: absolute, or below each data folder, or
    /// from the current folder if it begins with `.` or `..`, as `./DIR`
    #[arg(short = 'p', long, value_name = "DIR", value_parser = package_root())]
    pub(crate) package_root: Option<PathBuf>,
    /// Look in the system's data folders only
    #[arg(short = 'g', long)]
    pub(crate) global: bool,
}

/// `keyway hash`
#[derive(Debug, clap::Args)]
pub(crate) struct Hash {
    #[command(flatten)]
    pub(crate) packages: AnyPackages,
    /// An algorithm of KPackage's hash; or `content`, a SHA-256 digest that is the same if and only
    /// if all files, folders and links are, wherever the package lies
    #[arg(short, long, default_value = HashAlgorithm::Sha1.name(), value_parser = algorithms())]
    pub(crate) algorithm: String,
    /// A package's name, or with a separator (or `.`) the path of one
    #[arg(value_name = "NAME-or-PATH")]
    pub(crate) package: PathBuf,
}

fn algorithms() -> PossibleValuesParser {
    let names = HashAlgorithm::ALL.iter().map(|algorithm| algorithm.name());
    PossibleValuesParser::new(names.chain([CONTENT]))
}

/// `keyway appstream`
#[derive(Debug, clap::Args)]
pub(crate) struct AppStream {
    #[command(flatten)]
    pub(crate) packages: AnyPackages,
    /// Write the metainfo into a file instead
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A package's name, or with a separator (or `.`) the path of one
    #[arg(value_name = "NAME-or-PATH")]
    pub(crate) package: PathBuf,
}

/// `keyway kpackagetool`
#[derive(Debug, clap::Args)]
pub(crate) struct Kpackagetool {
    /// What kpackagetool takes; `--help` tells
    #[arg(
        value_name = "OPTIONS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) arguments: Vec<OsString>,
}
