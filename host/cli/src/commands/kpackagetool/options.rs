//! What was typed, by the rules of the real tool: the last of several values counts, what is no
//! option is passed over, and each option may be given several times.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

/// Finds packages and looks at them, with the options of KDE's kpackagetool.
#[derive(Debug, Parser)]
#[command(
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
pub(super) struct Options {
    /// Print the version of kpackagetool that this stands for
    #[arg(short, long)]
    pub(super) version: bool,
    /// Print this help
    #[arg(short, long, alias = "help-all")]
    pub(super) help: bool,
    /// Print the SHA-1 hash of a package: an absolute path, or one below a data folder
    #[arg(long, value_name = "path", value_parser = text())]
    pub(super) hash: Option<OsString>,
    /// Take the system's packages instead of the user's
    #[arg(short, long)]
    pub(super) global: bool,
    /// The package type, as `Plasma/Applet`; without it the one that the package's metadata name,
    /// else `KPackage/Generic`
    #[arg(short = 't', long = "type", value_name = "type", value_parser = text())]
    pub(super) type_name: Option<OsString>,
    /// Install a package
    #[arg(short, long, value_name = "path", value_parser = text())]
    pub(super) install: Option<OsString>,
    /// Tell about a package
    #[arg(short, long, value_name = "name", value_parser = text())]
    pub(super) show: Option<OsString>,
    /// Replace an installed package by a newer one
    #[arg(short, long, value_name = "path", value_parser = text())]
    pub(super) upgrade: Option<OsString>,
    /// List the installed packages of a type
    #[arg(short, long)]
    pub(super) list: bool,
    /// List the package types, and where their packages lie
    #[arg(long)]
    pub(super) list_types: bool,
    /// Remove an installed package
    #[arg(short, long, value_name = "name", value_parser = text())]
    pub(super) remove: Option<OsString>,
    /// Where packages lie, instead of the type's own folder: absolute, or below each data folder
    #[arg(short, long, value_name = "path", value_parser = text())]
    pub(super) packageroot: Option<OsString>,
    /// Does nothing: there is no index of packages any more
    #[arg(long)]
    pub(super) generate_index: bool,
    /// Does nothing: there is no index of packages any more
    #[arg(long)]
    pub(super) remove_index: bool,
    /// Print a package's AppStream metainfo
    #[arg(long, value_name = "path", value_parser = text())]
    pub(super) appstream_metainfo: Option<OsString>,
    /// Write the AppStream metainfo into a file instead
    #[arg(long, value_name = "path", value_parser = text())]
    pub(super) appstream_metainfo_output: Option<OsString>,
    #[arg(hide = true, value_parser = text())]
    passed_over: Vec<OsString>,
}

/// A value may be empty.
fn text() -> OsStringValueParser {
    OsStringValueParser::new()
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operation {
    Help,
    Hash,
    ListTypes,
    Show,
    AppStream,
    List,
    Index,
    Upgrade,
    Remove,
    Install,
    /// Options were given, and none that says what to do.
    Nothing,
}

impl Options {
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let command = Self::command().no_binary_name(true);
        let matches = command.try_get_matches_from(arguments)?;
        Self::from_arg_matches(&matches)
    }

    /// The help, for a program of this name.
    pub(super) fn help(name: &str) -> String {
        let command = Self::command().bin_name(name.to_owned());
        command
            .override_usage(format!("{name} [options]"))
            .render_help()
            .to_string()
    }

    /// What is to be done, of several things the first in the real tool's order.
    pub(super) fn operation(&self) -> Operation {
        let operations = [
            (self.hash.is_some(), Operation::Hash),
            (self.list_types, Operation::ListTypes),
            (self.show.is_some(), Operation::Show),
            (self.appstream_metainfo.is_some(), Operation::AppStream),
            (self.list, Operation::List),
            (self.generate_index || self.remove_index, Operation::Index),
            (self.upgrade.is_some(), Operation::Upgrade),
            (self.remove.is_some(), Operation::Remove),
            (self.install.is_some(), Operation::Install),
            (self.global, Operation::Nothing),
        ];
        let asked = operations.into_iter().find(|(asked, _)| *asked);
        asked.map_or(Operation::Help, |(_, operation)| operation)
    }

    /// The package that is meant, of several ones the first in the real tool's order, which is not
    /// that of the operations; empty if none was named.
    pub(super) fn package(&self) -> &OsStr {
        [
            &self.remove,
            &self.upgrade,
            &self.install,
            &self.show,
            &self.appstream_metainfo,
        ]
        .into_iter()
        .find_map(Option::as_deref)
        .unwrap_or_default()
    }

    /// The file that the AppStream metainfo go to.
    pub(super) fn output(&self) -> Option<PathBuf> {
        let file = self.appstream_metainfo_output.as_ref()?;
        (!file.is_empty()).then(|| file.into())
    }
}
