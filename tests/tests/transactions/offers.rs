//! Packages to install: three versions of two, as folders and as archives.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keyway::package::DataDirs;
use keyway::{PackageLoader, Registry, SearchPath};
use keyway_tests::PluginFolder;
use keyway_tests::archives::builder::{ZipEntry, zip};
use tempfile::TempDir;

use crate::{ID, OTHER, TYPE};

/// A version of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Old,
    New,
    /// What is installed afterwards.
    Third,
}

pub(crate) const VERSIONS: [Version; 3] = [Version::Old, Version::New, Version::Third];

impl Version {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Old => "1.0",
            Self::New => "2.0",
            Self::Third => "3.0",
        }
    }
}

/// What is at a path of a package: a folder, a file, one that may be executed, a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Folder,
    File(Vec<u8>),
    Executable(Vec<u8>),
    Link(PathBuf),
}

pub(crate) type Tree = BTreeMap<PathBuf, Node>;

/// A version of a package, to be installed.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) folder: PathBuf,
    pub(crate) zip: PathBuf,
    /// A zip in which the package lies in a folder.
    pub(crate) nested: PathBuf,
    pub(crate) tree: Tree,
    /// Its `content_digest`.
    pub(crate) digest: String,
}

pub(crate) struct Offers {
    pub(crate) plugins: PluginFolder,
    registry: Registry,
    offers: BTreeMap<(&'static str, Version), Offer>,
    _folder: TempDir,
}

/// Made once.
pub(crate) fn offers() -> &'static Offers {
    static OFFERS: OnceLock<Offers> = OnceLock::new();
    OFFERS.get_or_init(Offers::new)
}

impl Offers {
    fn new() -> Self {
        let plugins = PluginFolder::with(&["mystructure"]);
        let registry = Registry::new(SearchPath::only([plugins.path()]));
        let folder = tempfile::tempdir().unwrap();
        let loader = PackageLoader::with_data_dirs(registry.clone(), DataDirs::new(None, []));
        let mut offers = BTreeMap::new();
        for id in [ID, OTHER] {
            for version in VERSIONS {
                let at = folder.path().join(format!("{id}-{}", version.text()));
                offers.insert((id, version), Offer::new(&at, id, version, &loader));
            }
        }
        Self {
            plugins,
            registry,
            offers,
            _folder: folder,
        }
    }

    pub(crate) fn of(&self, id: &'static str, version: Version) -> &Offer {
        &self.offers[&(id, version)]
    }

    /// A loader that knows nothing yet of the packages in the data folder.
    pub(crate) fn loader(&self, data: &Path) -> PackageLoader {
        let dirs = DataDirs::new(Some(data.to_path_buf()), []);
        PackageLoader::with_data_dirs(self.registry.clone(), dirs)
    }
}

impl Offer {
    fn new(at: &Path, id: &str, version: Version, loader: &PackageLoader) -> Self {
        let folder = at.join("package");
        write(&folder, id, version);
        let (flat, nested) = (at.join("package.zip"), at.join("nested.zip"));
        fs::write(&flat, zip(&entries(&folder, ""))).unwrap();
        fs::write(&nested, zip(&entries(&folder, "top/"))).unwrap();
        let mut package = loader.load_package(TYPE).unwrap();
        package.set_path(&folder).unwrap();
        Self {
            tree: tree(&folder),
            digest: package.content_digest().unwrap(),
            folder,
            zip: flat,
            nested,
        }
    }
}

/// A package with nested folders, a link and a file that may be executed. That of the first version
/// has few files: few are brought to the disk one by one, many all at once.
fn write(package: &Path, id: &str, version: Version) {
    let text = version.text();
    let metadata = serde_json::json!({
        "KPackageStructure": TYPE,
        "KPlugin": {"Id": id, "Name": "Subject", "Version": text},
    });
    let file = |path: &str, data: &str| {
        let path = package.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    };
    file("metadata.json", &metadata.to_string());
    file("contents/scripts/main.js", &format!("// {id} {text}\n"));
    file("contents/scripts/tool.sh", &format!("echo {text}\n"));
    let tool = package.join("contents/scripts/tool.sh");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    file(
        "contents/images/a/picture.svg",
        &format!("<svg/><!-- {text} -->"),
    );
    symlink("a/picture.svg", package.join("contents/images/link.svg")).unwrap();
    if version != Version::Old {
        for number in 0..7 {
            let data = format!("{text} {number}\n").repeat(100 * number);
            file(&format!("contents/code/{number}/module.js"), &data);
        }
        file("contents/data/large", &text.repeat(50_000));
    }
}

/// The entries of a zip of `folder`, below `prefix`.
fn entries(folder: &Path, prefix: &str) -> Vec<ZipEntry> {
    let tree = tree(folder).into_iter().map(|(path, node)| {
        let name = format!("{prefix}{}", path.display());
        match node {
            Node::Folder => ZipEntry::of_mode(0o040_755, format!("{name}/").as_str(), ""),
            Node::File(data) => ZipEntry::deflated(&name, data),
            Node::Executable(data) => ZipEntry::of_mode(0o100_755, &name, data),
            Node::Link(target) => ZipEntry::link(&name, target.to_str().unwrap()),
        }
    });
    tree.collect()
}

/// All that is in a folder, by its path from there. It may be taken away meanwhile: what is not
/// there any more is not in it.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    add(folder, Path::new(""), &mut tree);
    tree
}

fn add(top: &Path, below: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(top.join(below))
        .into_iter()
        .flatten()
        .flatten()
    {
        let (path, at) = (below.join(entry.file_name()), entry.path());
        let Ok(metadata) = fs::symlink_metadata(&at) else {
            continue;
        };
        let node = if metadata.is_dir() {
            add(top, &path, tree);
            Ok(Node::Folder)
        } else if metadata.is_symlink() {
            fs::read_link(&at).map(Node::Link)
        } else if metadata.permissions().mode() & 0o100 != 0 {
            fs::read(&at).map(Node::Executable)
        } else {
            fs::read(&at).map(Node::File)
        };
        if let Ok(node) = node {
            tree.insert(path, node);
        }
    }
}
