//! How a type name resolves, step by step.

use std::path::PathBuf;
use std::sync::Arc;

use keyway_metadata::{GivenType, TypeKind, TypeName};

use super::Registry;
use super::catalog::TypeVerdict;
use crate::plugin::gates::candidate::Look;
use crate::plugin::gates::refusal::Refusal;
use crate::plugin::search_path::SearchFolder;
use crate::plugin::store::verdicts::RememberedVerdict;

/// How a type name resolves: every folder, every file that names the type, what each gate said, and
/// who wins. Nothing was run to find out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// What was asked for.
    pub given: GivenType,
    /// Whether the application registered a structure of that name: then that one is used.
    pub known: bool,
    /// Whether this process loads no plugins.
    pub safe_mode: bool,
    /// The folders, in order.
    pub folders: Vec<ExplainedFolder>,
    /// The file that wins.
    pub winner: Option<PathBuf>,
    /// Names of types that there are, nearest first, if nobody gives this one.
    pub nearest: Vec<TypeName>,
}

/// A folder of the search path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedFolder {
    /// The folder.
    pub folder: SearchFolder,
    /// Whether it is there.
    pub exists: bool,
    /// How many files in it were looked at.
    pub files: usize,
    /// Those that name the type.
    pub candidates: Vec<ExplainedFile>,
}

/// A file that names the type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedFile {
    /// The file.
    pub path: PathBuf,
    /// The plugin's id.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// What came of it.
    pub verdict: ExplainedVerdict,
    /// What loading it found out earlier, if that was a failure.
    pub remembered: Option<RememberedVerdict>,
}

/// What came of a file that names the type.
#[derive(Clone, Debug)]
pub enum ExplainedVerdict {
    /// It passed every gate.
    Passed(TypeVerdict),
    /// A gate refused it.
    Refused(Arc<Refusal>),
}

impl Registry {
    /// How `type_name` resolves, step by step, as data. Nothing of any plugin is run.
    #[must_use]
    pub fn explain(&self, type_name: &TypeName, kind: TypeKind) -> Explanation {
        let given = GivenType {
            name: type_name.clone(),
            kind,
        };
        let catalog = self.catalog();
        let folders = catalog.folders().map(|scan| {
            let candidates = scan.files().iter().filter_map(|file| {
                let manifest = file.manifest()?;
                if !manifest.types.contains(&given) {
                    return None;
                }
                let verdict = match file.look() {
                    Look::Refused(why, _) => ExplainedVerdict::Refused(Arc::clone(why)),
                    _ => ExplainedVerdict::Passed(catalog.type_verdict(file, &given)),
                };
                Some(ExplainedFile {
                    path: file.path().to_path_buf(),
                    id: manifest.id.clone(),
                    version: manifest.version.clone(),
                    verdict,
                    remembered: self.remembered(file),
                })
            });
            ExplainedFolder {
                folder: scan.folder().clone(),
                exists: scan.exists(),
                files: scan.files().len(),
                candidates: candidates.collect(),
            }
        });
        let folders: Vec<ExplainedFolder> = folders.collect();
        let known = given.kind == TypeKind::Structure && self.is_known(type_name);
        let winner = self.winner_path(&given);
        let nobody = winner.is_none() && !known;
        Explanation {
            nearest: if nobody {
                self.search(&given).nearest
            } else {
                Vec::new()
            },
            known,
            safe_mode: self.is_safe_mode(),
            folders,
            winner,
            given,
        }
    }
}
