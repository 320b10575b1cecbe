//! From a name or path to the contents of a package.

use std::fs;
#[cfg(feature = "archive")]
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use keyway_metadata::TypeName;
use keyway_metadata::threebot::FullName;

#[cfg(feature = "archive")]
use super::archived::{Archived, open_archive};
use super::contents::{Contents, FallbackTrouble};
use super::definition::Definition;
use super::edit::Draft;
use super::error::{PackageError, PassedOver, Tried, is_absence};
use super::loader::PackageLoader;
use super::metadata::MetadataFiles;
use super::open::{Unlinked, is_unlinked_folder};
use super::package::Package;
use super::resolve::{climbs, plain};
use super::shown::Shown;
use super::{metadata, search};
use crate::plugin::Structure;

/// As often as a structure may set another path in a row.
pub(super) const MAX_MOVES: usize = 16;

/// As many packages as may be each other's fallback.
pub(super) const MAX_FALLBACKS: usize = 16;

/// The key by which a package of any type names an applet as its fallback, as in KPackage 5.103.
const ROOT_PATH: &str = "X-Plasma-RootPath";

/// The type of that fallback.
const ROOT_PATH_TYPE: &str = "Plasma/Applet";

/// What each new path of a package starts from: what its type's structure said, and what the
/// application changed.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) definition: Arc<Definition>,
    pub(super) fallback: Option<Package>,
    pub(super) fallback_trouble: Option<FallbackTrouble>,
}

/// The packages that are just being looked for, each as the fallback of the one before.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    pub(super) before: Option<&'a Chain<'a>>,
    pub(super) type_name: &'a TypeName,
    pub(super) root: &'a Path,
}

impl Chain<'_> {
    fn links(&self) -> impl Iterator<Item = &Chain<'_>> {
        std::iter::successors(Some(self), |link| link.before)
    }
}

/// What locating a package needs to know.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) loader: &'a PackageLoader,
    pub(super) structure: &'a Structure,
    pub(super) own: &'a Own,
    pub(super) chain: Option<&'a Chain<'a>>,
}

/// Why no valid package was found, and the first one that was found and is not valid.
pub(super) struct Failure {
    pub(super) error: PackageError,
    pub(super) contents: Option<Box<Contents>>,
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        Self {
            error,
            contents: None,
        }
    }
}

impl Site<'_> {
    fn type_name(&self) -> &TypeName {
        self.structure.type_name()
    }

    /// Finds the package `asked`: of the places where it may lie the first that holds a valid
    /// one. The empty path stands for no package. With `root`, names are looked for there.
    pub(super) fn locate(&self, root: Option<&Path>, asked: &Path) -> Result<Contents, Failure> {
        if asked.as_os_str().is_empty() {
            return Ok(self.enter(None)?);
        }
        let mut tried = Vec::new();
        let mut first_invalid = None;
        for path in candidates(self.loader, &self.own.definition, root, asked)? {
            let found = match folder(&path) {
                Ok(root) => Ok(self.enter(Some(root))?),
                Err(PassedOver::NotAFolder) if asked.is_absolute() => self.enter_file(&path)?,
                Err(why) => Err(why),
            };
            let mut contents = match found {
                Ok(contents) => contents,
                Err(why) => {
                    tried.push(Tried { path, why });
                    continue;
                }
            };
            if contents.is_valid() {
                // The next look is a fresh one, as in KPackage 5.103.
                contents.hits.forget();
                return Ok(contents);
            }
            let why = PassedOver::Invalid(contents.errors());
            tried.push(Tried { path, why });
            first_invalid.get_or_insert(contents);
        }
        let Some(contents) = first_invalid else {
            let asked = asked.to_path_buf();
            return Err(PackageError::NotFound { asked, tried }.into());
        };
        let path = contents.path().unwrap_or(asked).to_path_buf();
        let error = PackageError::Invalid {
            type_name: self.type_name().clone(),
            path,
            problems: contents.errors(),
            tried,
        };
        Err(Failure {
            error,
            contents: Some(Box::new(contents)),
        })
    }

    /// Unpacks an archive. Lets the structure look at another file: a type may take one as the
    /// folder that it lies in.
    fn enter_file(&self, path: &Path) -> Result<Result<Contents, PassedOver>, PackageError> {
        let file = match file(path) {
            Ok(file) => file,
            Err(why) => return Ok(Err(why)),
        };
        #[cfg(feature = "archive")]
        let unreadable = match open_archive(&file) {
            Ok(Some(archive)) => return Ok(Ok(self.enter_archive(file, archive)?)),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        #[cfg(not(feature = "archive"))]
        let unreadable = None;
        let contents = self.enter(Some(file.clone()))?;
        Ok(if contents.root.as_ref() == Some(&file) {
            Err(unreadable.map_or(PassedOver::NotAFolder, PassedOver::Unreadable))
        } else {
            Ok(contents)
        })
    }

    /// Unpacks an archive and lets the structure look at the folder.
    #[cfg(feature = "archive")]
    fn enter_archive(&self, path: PathBuf, archive: File) -> Result<Contents, PackageError> {
        let archive = Archived::unpack(path, archive, self.own.definition.metadata_files())?;
        let mut contents = self.fresh(Some(archive.root().to_path_buf()));
        contents.archive = Some(Arc::new(archive));
        self.explore(contents)
    }

    /// Makes `root` the package's folder and lets the structure look at it, until it sets no
    /// other.
    pub(super) fn enter(&self, root: Option<PathBuf>) -> Result<Contents, PackageError> {
        if let Some(root) = &root {
            self.check_chain(root)?;
        }
        self.explore(self.fresh(root))
    }

    /// As [`enter`](Self::enter), for a folder whose metadata are read already. `plain`: there is
    /// no link in it, and nothing hidden is a folder.
    pub(super) fn enter_read(
        &self,
        root: PathBuf,
        found: metadata::Found,
        plain: bool,
    ) -> Result<Contents, PackageError> {
        self.check_chain(&root)?;
        let mut contents = self.begin(Some(root));
        self.add_metadata(&mut contents, found);
        contents.plain = plain && !contents.definition.allow_external_paths();
        self.explore(contents)
    }

    /// Lets the structure look at a package, until it sets no other path.
    fn explore(&self, mut contents: Contents) -> Result<Contents, PackageError> {
        for _ in 0..=MAX_MOVES {
            let mut draft = Draft::of_package(*self, &mut contents);
            self.structure.path_changed(&mut draft)?;
            if !draft.has_moved() {
                return Ok(contents);
            }
        }
        Err(PackageError::MovedTooOften {
            type_name: self.type_name().clone(),
            path: contents.root.unwrap_or_default(),
            limit: MAX_MOVES,
        })
    }

    /// What is known of the package in `root` before its structure has looked at it.
    pub(super) fn fresh(&self, root: Option<PathBuf>) -> Contents {
        let mut contents = self.begin(root);
        if let Some(root) = &contents.root {
            let external = contents.definition.allow_external_paths();
            let files = contents.definition.metadata_files();
            let found = metadata::find(root, files, external, self.loader.data_dirs());
            self.add_metadata(&mut contents, found);
        }
        contents
    }

    fn begin(&self, root: Option<PathBuf>) -> Contents {
        let Own {
            definition,
            fallback,
            fallback_trouble,
        } = self.own.clone();
        Contents {
            root,
            metadata: definition.metadata.clone(),
            definition,
            fallback,
            fallback_trouble,
            ..Contents::default()
        }
    }

    fn add_metadata(&self, contents: &mut Contents, found: metadata::Found) {
        if found.metadata.is_some() {
            contents.metadata = found.metadata;
        }
        contents.metadata_trouble = found.trouble;
        self.add_root_path_fallback(contents);
    }

    fn add_root_path_fallback(&self, contents: &mut Contents) {
        let (Some(metadata), Some(root)) = (&contents.metadata, &contents.root) else {
            return;
        };
        let Some(applet) = metadata
            .view()
            .value(ROOT_PATH)
            .filter(|path| !path.is_empty())
        else {
            return;
        };
        let trouble = |code, why| FallbackTrouble {
            code,
            named_by: "`X-Plasma-RootPath`",
            why,
        };
        let applet = Path::new(&*applet);
        if !is_plain_name(applet) {
            let why = format!("{} is no plain name", Shown::new(applet));
            contents.fallback_trouble = Some(trouble("fallback-refused", why));
            return;
        }
        let here = self.link(root);
        match self
            .loader
            .load_in_chain(ROOT_PATH_TYPE, applet, Some(&here))
        {
            Ok(package) => {
                contents.fallback = Some(package);
                contents.fallback_trouble = None;
            }
            Err(error) => {
                let trouble = trouble("fallback-missing", error.to_string());
                contents.fallback_trouble = Some(trouble);
            }
        }
    }

    /// The chain with the package in `root` at its end.
    pub(super) fn link<'a>(&'a self, root: &'a Path) -> Chain<'a> {
        Chain {
            before: self.chain,
            type_name: self.type_name(),
            root,
        }
    }

    /// Refuses what is being looked for already.
    pub(super) fn check_chain(&self, root: &Path) -> Result<(), PackageError> {
        let Some(chain) = self.chain else {
            return Ok(());
        };
        let type_name = self.type_name();
        if chain
            .links()
            .any(|link| link.root == root && link.type_name == type_name)
        {
            return Err(PackageError::FallbackCycle {
                type_name: type_name.clone(),
                path: root.to_path_buf(),
            });
        }
        if chain.links().count() >= MAX_FALLBACKS {
            return Err(PackageError::FallbackTooDeep {
                type_name: type_name.clone(),
                path: root.to_path_buf(),
                limit: MAX_FALLBACKS,
            });
        }
        Ok(())
    }
}

/// Whether a package's data may name another package so: one name and nothing around it, so that
/// it leads nowhere but to the places where packages of its type lie.
fn is_plain_name(name: &Path) -> bool {
    let mut components = name.components();
    // What is no component, such as a slash at the end, makes the two differ.
    matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(only)), None) if only == name.as_os_str()
    )
}

/// Where the package `asked` may lie: below `root`, if it is given, instead of the type's own. That of
/// a 3bot package may be spelled with `__` for its dot.
pub(super) fn candidates(
    loader: &PackageLoader,
    definition: &Definition,
    root: Option<&Path>,
    asked: &Path,
) -> Result<Vec<PathBuf>, PackageError> {
    if asked.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(PackageError::Nul {
            asked: asked.to_path_buf(),
        });
    }
    let root = root.or_else(|| definition.default_package_root().map(Path::new));
    let below = |asked: &Path| search::candidates(loader.data_dirs(), root, asked);
    let mut candidates = below(asked);
    if definition.metadata_files() == MetadataFiles::PackageToml
        && let Some(name) = asked.to_str()
    {
        let meant = FullName::meant(name).filter(|meant| meant.as_str() != name);
        candidates.extend(meant.flat_map(|meant| below(Path::new(meant.as_str()))));
    }
    Ok(candidates)
}

/// The first of `places` that is a folder, in canonical form.
pub(super) fn first_folder(asked: &Path, places: Vec<PathBuf>) -> Result<PathBuf, PackageError> {
    let mut tried = Vec::new();
    for path in places {
        match folder(&path) {
            Ok(root) => return Ok(root),
            Err(why) => tried.push(Tried { path, why }),
        }
    }
    Err(PackageError::NotFound {
        asked: asked.to_path_buf(),
        tried,
    })
}

/// The folder at `path` in canonical form.
fn folder(path: &Path) -> Result<PathBuf, PassedOver> {
    if path.is_absolute() && !climbs(path) && matches!(is_unlinked_folder(path), Unlinked::Yes) {
        return Ok(plain(path));
    }
    let passed_over = |error| {
        if is_absence(&error) {
            PassedOver::Missing
        } else {
            PassedOver::Unreadable(error)
        }
    };
    if !fs::metadata(path).map_err(passed_over)?.is_dir() {
        return Err(PassedOver::NotAFolder);
    }
    fs::canonicalize(path).map_err(passed_over)
}

/// The regular file at `path` in canonical form.
fn file(path: &Path) -> Result<PathBuf, PassedOver> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            fs::canonicalize(path).map_err(PassedOver::Unreadable)
        }
        _ => Err(PassedOver::NotAFolder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_name() {
        for name in [
            "", ".", "..", "/", "/a", "a/b", "a/", "./a", "../a", "a/..", "a//",
        ] {
            assert!(!is_plain_name(Path::new(name)), "{name}");
        }
        for name in ["a", "org.kde.plasma.pager", "..a", " "] {
            assert!(is_plain_name(Path::new(name)), "{name}");
        }
    }
}
