//! A plugin that is chosen here and loaded by another process.

use std::path::{Path, PathBuf};

use keyway_abi::ContextAccess;
use keyway_metadata::{GivenType, TypeKind, TypeName};
use serde::{Deserialize, Serialize};

use super::Registry;
use super::resolve_error::ResolveError;
use crate::plugin::file::identity::FileIdentity;
use crate::plugin::gates::candidate::Candidate;
use crate::plugin::loaded::lifecycle::Lifecycle;
use crate::plugin::search_path::{FolderOrigin, SearchPath};
use crate::plugin::trust::{KeyError, Policy, SignatureRule};

/// The one plugin that another process is to load, and what it lets pass: the same as the process that
/// chose it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    type_name: String,
    /// The bytes of the path, which need not be text.
    path: Vec<u8>,
    identity: FileIdentity,
    /// Whether the application named the folder.
    is_the_applications: bool,
    users: Vec<u32>,
    groups: Vec<u32>,
    caller: bool,
    private_groups: bool,
    application_decides: bool,
    must_be_signed: bool,
    keys: Vec<String>,
}

impl Registry {
    /// The plugin that gives the lifecycle `type_name` now, for another process to load. It has passed
    /// every gate; nothing of it is run.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: nobody gives it, two do, or nothing is loaded at all.
    pub(crate) fn lifecycle_elsewhere(
        &self,
        type_name: &TypeName,
    ) -> Result<(Errand, Candidate), ResolveError> {
        let given = GivenType {
            name: type_name.clone(),
            kind: TypeKind::Lifecycle,
        };
        if self.is_safe_mode() {
            return Err(ResolveError::SafeMode {
                type_name: given.name,
                kind: given.kind,
            });
        }
        let candidate = self.find(&given)?.into_candidate();
        let folder = candidate.path().parent();
        let folders = self.0.search_path.folders().iter();
        let origin = folders
            .filter(|it| Some(it.path()) == folder)
            .map(|it| it.origin())
            .next();
        // Exhaustive, so that a new field cannot be forgotten.
        let Policy {
            users,
            groups,
            caller,
            private_groups,
            application_decides,
            signature,
            keys,
        } = &self.0.gates.policy;
        let errand = Errand {
            type_name: type_name.to_string(),
            path: candidate.path().as_os_str().as_encoded_bytes().to_vec(),
            identity: *candidate.identity(),
            is_the_applications: origin == Some(FolderOrigin::Application),
            users: users.iter().copied().collect(),
            groups: groups.iter().copied().collect(),
            caller: *caller,
            private_groups: *private_groups,
            application_decides: *application_decides,
            must_be_signed: *signature == SignatureRule::Required,
            keys: keys.texts().map(str::to_owned).collect(),
        };
        Ok((errand, candidate))
    }
}

/// Why an errand makes no sense here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrandError {
    #[error("`{}` is no type name", .0.escape_debug())]
    TypeName(String),
    #[error("a key cannot be read")]
    Key(#[from] KeyError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl Errand {
    /// Loads the plugin here and makes the lifecycle. Marks are not left: whoever sent this process
    /// sees how it ends.
    pub(crate) fn lifecycle(
        &self,
        context: Box<dyn ContextAccess>,
    ) -> Result<Lifecycle, ErrandError> {
        let type_name = self
            .type_name
            .parse::<TypeName>()
            .map_err(|_| ErrandError::TypeName(self.type_name.clone()))?;
        let path = path_of(&self.path);
        let origin = match self.is_the_applications {
            true => FolderOrigin::Application,
            false => FolderOrigin::System,
        };
        let registry = Registry::builder(SearchPath::only::<&Path>([]))
            .cache_dir(None)
            .state_dir(None)
            .safe_mode(false)
            .policy(self.policy()?)
            .build();
        let plugin = registry.load_file_from(&path, origin, Some(&self.identity))?;
        let made = plugin.lifecycle(&type_name, context);
        Ok(made.map_err(ResolveError::from)?)
    }

    fn policy(&self) -> Result<Policy, KeyError> {
        let mut policy = Policy::default();
        policy.users.extend(&self.users);
        policy.groups.extend(&self.groups);
        policy.caller = self.caller;
        policy.private_groups = self.private_groups;
        policy.application_decides = self.application_decides;
        if self.must_be_signed {
            policy.signature = SignatureRule::Required;
        }
        for key in &self.keys {
            policy.keys.add(key)?;
        }
        Ok(policy)
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
