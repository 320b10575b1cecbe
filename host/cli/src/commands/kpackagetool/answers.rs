//! What the real tool prints. Its words are kept, since scripts read them.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use keyway::package::{HashAlgorithm, Package};

use super::tool::{Code, Refused, Tool};
use crate::commands::{appstream, types};
use crate::failure::Failure;
use crate::host;
use crate::table::printable;

/// `--hash`
pub(super) fn hash(tool: &Tool) -> Result<(), Refused> {
    let asked = tool.options.hash.as_deref().unwrap_or_default();
    let mut package = tool.loader.load_package(host::PLAIN)?;
    match hash_of(&mut package, asked) {
        Ok(hash) => {
            let mut text = OsString::from("SHA1 hash for Package at ");
            text.push(with_slash(&package));
            text.push(format!(": '{hash}'"));
            Ok(line(text)?)
        }
        Err(failure) => {
            let mut text = OsString::from("Failed to generate a Package hash for ");
            text.push(asked);
            line(text)?;
            Err(Code::NoHash.because(failure))
        }
    }
}

fn hash_of(package: &mut Package, asked: &OsStr) -> Result<String, Failure> {
    if asked.is_empty() {
        return Err(Failure::new("usage", "no package is named"));
    }
    package.set_path(asked)?;
    Ok(package.cryptographic_hash(HashAlgorithm::Sha1)?)
}

/// `--show`
pub(super) fn show(tool: &Tool) -> Result<(), Refused> {
    let invalid = |failure| Code::NoPackage.because(failure);
    let package = tool.package().map_err(invalid)?;
    let metadata = appstream::metadata(&package).map_err(invalid)?;
    let view = metadata.view();
    let authors = view.authors();
    let author = authors.first().map(|author| author.name);
    let rows = [
        ("Name", view.name().unwrap_or_default()),
        ("Comment", &view.value("Comment").unwrap_or_default()),
        ("Plugin", metadata.id().unwrap_or_default()),
        ("Author", author.unwrap_or_default()),
    ];
    let mut text = OsString::from("Showing info for package: ");
    text.push(tool.options.package());
    line(text)?;
    for (name, value) in rows {
        line(format!("{name:>10} : {value}"))?;
    }
    let mut text = OsString::from("      Path : ");
    text.push(with_slash(&package));
    Ok(line(text)?)
}

/// `--list`
pub(super) fn list(tool: &Tool) -> Result<(), Refused> {
    tool.check_options()?;
    let unknown = |failure| Code::NoType.because(failure);
    let package = tool.package_of_type().map_err(unknown)?;
    let root = tool.package_root(&package)?;
    let listed = tool
        .loader
        .list_packages(package.type_name().as_str(), Some(Path::new(&root)))?;
    let mut text = OsString::from("Listing service types: ");
    text.push(tool.type_name());
    text.push(" in ");
    text.push(root);
    line(text)?;
    for package in listed {
        line(package.id())?;
    }
    Ok(())
}

/// The types that are part of the real library; here they are a plugin's like all others.
const BUILT_IN: [&str; 2] = ["KPackage/Generic", "KPackage/GenericQML"];

/// `--list-types`
pub(super) fn list_types(tool: &Tool) -> Result<(), Refused> {
    let catalog = tool.loader.registry().catalog();
    let rows = types::rows(&catalog).into_iter().map(|row| {
        let package = tool.loader.load_package(&row.type_name);
        let package = package.inspect_err(|error| {
            tracing::warn!(r#type = row.type_name, %error, "no root");
        });
        let root = package.ok().and_then(|package| {
            let root = package.default_package_root();
            root.map(str::to_owned)
        });
        (row.type_name, root.unwrap_or_default())
    });
    let (built_in, others): (Vec<_>, Vec<_>) =
        rows.partition(|(name, _)| BUILT_IN.contains(&name.as_str()));
    line("Package types that are installable with this tool:")?;
    line("Built in:")?;
    table(&built_in)?;
    if !others.is_empty() {
        line("")?;
        line("Provided by plugins:")?;
        table(&others)?;
    }
    Ok(())
}

/// A table of type names and roots, as the real tool aligns it: what is missing at the end of a row
/// goes before the name in the next one.
fn table(rows: &[(String, String)]) -> io::Result<()> {
    let heads = ["KPackage Structure Name", "Path"];
    let width = |head: &str, column: &dyn Fn(&(String, String)) -> usize| {
        rows.iter().map(column).fold(head.len(), usize::max)
    };
    let names = width(heads[0], &|row| row.0.chars().count());
    let roots = width(heads[1], &|row| row.1.chars().count());
    line(format!("{:names$}  {:roots$}  ", heads[0], heads[1]))?;
    line(format!("{:-<names$}  {:-<roots$}  ", "", ""))?;
    let mut pad = 0;
    for (name, root) in rows {
        let gap = names + 2 - name.chars().count();
        line(format!("{name:>pad$}{:gap$}{root}", ""))?;
        pad = roots + 2 - root.chars().count();
    }
    Ok(())
}

/// `--appstream-metainfo`
pub(super) fn appstream(tool: &Tool) -> Result<(), Refused> {
    let package = match tool.plain_package() {
        Some(package) => Ok(package),
        None => tool.package(),
    };
    let invalid = |failure| Code::NoPackage.because(failure);
    let package = package.map_err(invalid)?;
    let metadata = appstream::metadata(&package).map_err(invalid)?;
    let document = appstream::component(metadata, tool.loader.registry())
        .map_err(|missing| Code::NoDescription.because(missing))?;
    match (document, tool.options.output()) {
        (Some(document), Some(file)) => appstream::write(&document, &file)?,
        (Some(document), None) => appstream::print(&document)?,
        // The package is not for users to see, and so there is nothing to tell about it.
        (None, _) => {}
    }
    Ok(())
}

/// A package's path as KPackage writes it.
fn with_slash(package: &Package) -> OsString {
    let mut path = OsString::from(package.path().unwrap_or(Path::new("")));
    path.push("/");
    path
}

/// Prints a line: raw for programs, escaped for a terminal.
pub(super) fn line(text: impl AsRef<OsStr>) -> io::Result<()> {
    let text = text.as_ref();
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        return writeln!(out, "{}", printable(&text.to_string_lossy()));
    }
    out.write_all(text.as_encoded_bytes())?;
    out.write_all(b"\n")
}
