//! `keyway package`

mod door;
mod logs;
mod sheet;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use keyway::lifecycle::{
    AddRequest, AddSource, Answer, DeleteRequest, Operation, Outcome as Done, PackageStatus,
};
use serde::Serialize;
use serde_json::Value;

use crate::args::{Add, ManagedPackage, PackageAction, Reconfigure, Source};
use crate::failure::Failure;
use crate::installer::warn;
use crate::table::{Cell, printable};
use crate::{Outcome, json as output, kwargs, table};

use door::Door;

pub(crate) fn run(args: &ManagedPackage, json: bool) -> Result<Outcome, Failure> {
    let door = || Door::open(args, json);
    let named = |name: &String| name.clone();
    let operation = match &args.action {
        PackageAction::List { status } => {
            list(&door()?.packages(*status)?, json)?;
            return Ok(Outcome::Done);
        }
        PackageAction::Status { name } => {
            let door = door()?;
            let package = door.status(name)?;
            match json {
                true => output::print(&to_value(&package)?)?,
                false => sheet::print(&package, door.is_server())?,
            }
            return Ok(Outcome::Done);
        }
        PackageAction::Logs(it) => return logs::run(it, args, json),
        // Before anybody is asked, since it may be wrong.
        PackageAction::Add(add) => Operation::Add(request(add, door::url(args)?.is_some())?),
        PackageAction::Reconfigure(it) => return reconfigure(it, &door()?, json),
        PackageAction::Delete { name, purge, force } => {
            let mut request = DeleteRequest::new(name);
            (request.purge, request.force) = (*purge, *force);
            Operation::Delete(request)
        }
        PackageAction::Start { name } => Operation::Start { name: named(name) },
        PackageAction::Stop { name } => Operation::Stop { name: named(name) },
        PackageAction::Enable { name } => Operation::Enable { name: named(name) },
        PackageAction::Disable { name } => Operation::Disable { name: named(name) },
        PackageAction::Retry { name } => Operation::Retry { name: named(name) },
        PackageAction::Reload { name } => Operation::Reload { name: named(name) },
    };
    perform(&door()?, operation, json)
}

fn perform(door: &Door, operation: Operation, json: bool) -> Result<Outcome, Failure> {
    let name = operation.name();
    let answer = door.perform(operation)?;
    warn(&answer.warnings);
    let done = said(name, &answer);
    let told = match json {
        true => output::print(&to_value(&answer)?),
        false => table::line(&printable(&done)),
    };
    told.map_err(|error| Failure::untold(&done, &error))?;
    Ok(Outcome::Done)
}

/// One line for people.
fn said(operation: &str, answer: &Answer) -> String {
    match answer.outcome {
        Done::Recorded => format!(
            "recorded: {operation} `{}`; it happens when a server runs: `keyway serve`",
            answer.name
        ),
        _ => answer.message.clone(),
    }
}

/// Arguments that were typed are all; settings alone go over those that the package has.
fn reconfigure(args: &Reconfigure, door: &Door, json: bool) -> Result<Outcome, Failure> {
    let name = args.name.clone();
    let before = match &args.arguments.kwargs {
        Some(kwargs) => kwargs.read()?,
        None => door.status(&name)?.given_kwargs,
    };
    let install_kwargs = kwargs::set(before, &args.arguments.set)?;
    let operation = Operation::Reconfigure {
        name,
        install_kwargs,
    };
    perform(door, operation, json)
}

fn request(args: &Add, is_remote: bool) -> Result<AddRequest, Failure> {
    let mut request = AddRequest::new(source(args, is_remote)?);
    let typed = &args.arguments;
    if typed.kwargs.is_some() || !typed.set.is_empty() {
        let kwargs = typed.kwargs.as_ref().map(|kwargs| kwargs.read());
        let kwargs = kwargs.transpose()?.unwrap_or_default();
        request.install_kwargs = Some(kwargs::set(kwargs, &typed.set)?);
    }
    request.update = args.update;
    request.reinstall = args.reinstall;
    request.reload = args.reload;
    request.install = !args.no_install;
    request.start = !args.no_start;
    Ok(request)
}

/// Where it comes from, as a server in another folder understands it.
fn source(args: &Add, is_remote: bool) -> Result<AddSource, Failure> {
    let Source { path, link, git } = &args.source;
    Ok(match (path, link, git) {
        (Some(path), ..) => AddSource::Path {
            path: absolute(path, is_remote)?,
        },
        (_, Some(link), _) => AddSource::Link {
            link: absolute(link, is_remote)?,
        },
        (_, _, git) => AddSource::Git {
            git_url: url(git.as_deref().unwrap_or_default(), is_remote)?,
            branch: args.branch.clone(),
            rev: args.rev.clone(),
        },
    })
}

fn absolute(path: &Path, is_remote: bool) -> Result<PathBuf, Failure> {
    if is_remote && path.is_relative() {
        let message = format!(
            "`{}` is a relative path, expected an absolute one on the server's machine",
            path.display()
        );
        let hint = "a package that is only here gets there by `--git`, or as a copy";
        return Err(Failure::new("bad-path", message).hint(Some(hint)));
    }
    std::path::absolute(path).map_err(|error| {
        let message = format!("`{}` is no path: {error}", path.display());
        Failure::new("bad-path", message)
    })
}

/// A URL as it is; the path of a repository as the URL of it.
fn url(text: &str, is_remote: bool) -> Result<String, Failure> {
    let path = Path::new(text);
    let is_path = path.is_absolute() || text.starts_with('.') || (path.is_dir() && !is_remote);
    if text.contains("://") || !is_path {
        return Ok(text.to_owned());
    }
    let path = absolute(path, is_remote)?;
    Ok(format!("file://{}", path.display()))
}

fn list(packages: &[PackageStatus], json: bool) -> Result<(), Failure> {
    if json {
        output::print(&to_value(packages)?)?;
        return Ok(());
    }
    let rows = packages.iter().map(|package| {
        let pending = match package.pending[..] {
            [] => "",
            _ => ", pending",
        };
        [
            Cell::from(&*package.name),
            Cell::from(package.version.as_deref().unwrap_or("-")),
            Cell::from(format!("{}{pending}", package.status)),
            Cell::from(if package.running { "yes" } else { "no" }),
            Cell::path(&package.path),
        ]
    });
    table::print(
        &["NAME", "VERSION", "STATUS", "RUNNING", "PATH"],
        rows.collect(),
    )?;
    Ok(())
}

/// What the library says, as its own JSON; a path that is not UTF-8 has none.
fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new("not-unicode", format!("it cannot be said in JSON: {error}")))
}

/// Says on stderr what is worth knowing.
fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", printable(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_a_url_or_a_path() {
        for text in [
            "https://example.org/r",
            "file:///r",
            "git@host:r",
            "nosuch/r",
        ] {
            assert_eq!(url(text, false).unwrap(), text);
        }
        let here = std::env::current_dir().unwrap();
        let here = here.display();
        assert_eq!(url("/r", false).unwrap(), "file:///r");
        assert_eq!(url("src", false).unwrap(), format!("file://{here}/src"));
        assert_eq!(url("src", true).unwrap(), "src");
        assert!(url("./src", true).is_err());
        assert_eq!(
            url("./nosuch", false).unwrap(),
            format!("file://{here}/nosuch")
        );
    }
}
