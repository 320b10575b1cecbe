//! The decision: pure, over facts.

use std::path::{Path, PathBuf};

use super::super::search_path::FolderOrigin;
use super::account::Account;
use super::component::{Component, Kind};
use super::distrust::{Distrust, Writers};
use super::facts::{Facts, Folder, Identity};
use super::policy::{Policy, SignatureRule};
use super::signature::Signature;

/// A file that the trust gate let pass. Only [`check`] makes one.
#[derive(Clone, Debug)]
pub struct Trusted {
    target: PathBuf,
    pub(super) identity: Identity,
    signature: Option<Signature>,
}

impl Trusted {
    /// The file: absolute, with no link in it. This is the name to load it by, so that no link is
    /// followed again.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// What the signature says, if the policy looks at signatures.
    #[must_use]
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }
}

/// Judges what is so of a file, found in a folder of that origin, by the policy. Touches nothing.
///
/// # Errors
///
/// The first place, from the root down, that somebody else may write; then what is wrong with the
/// file and its signature. Where the policy requires a signature, facts without one
/// ([`Facts::with_signature`] was not called) do not pass.
pub fn check(facts: &Facts, origin: FolderOrigin, policy: &Policy) -> Result<Trusted, Distrust> {
    if facts.kind != Kind::File {
        return Err(Distrust::NotRegular {
            path: facts.target.clone(),
        });
    }
    let judge = Judge {
        policy,
        caller: &facts.caller,
        writes_are_its_decision: decides(origin, policy),
    };
    judge.all(|| facts.components())?;
    if !facts.same {
        return Err(Distrust::Swapped {
            path: facts.target.clone(),
        });
    }
    check_signature(facts, policy)?;
    Ok(Trusted {
        target: facts.target.clone(),
        identity: facts.identity,
        signature: facts.signature.clone(),
    })
}

/// Judges a folder as [`check`] judges a file in it, as far as the folder goes.
///
/// # Errors
///
/// The first place, from the root down, that somebody else may write.
pub fn check_folder(
    folder: &Folder,
    origin: FolderOrigin,
    policy: &Policy,
) -> Result<(), Distrust> {
    let judge = Judge {
        policy,
        caller: &folder.caller(),
        writes_are_its_decision: decides(origin, policy),
    };
    judge.all(|| folder.components.iter())
}

fn decides(origin: FolderOrigin, policy: &Policy) -> bool {
    origin == FolderOrigin::Application && policy.application_decides
}

struct Judge<'a> {
    policy: &'a Policy,
    caller: &'a Account,
    /// Whether only what everybody may write is refused.
    writes_are_its_decision: bool,
}

impl Judge<'_> {
    fn all<'c, I: Iterator<Item = &'c Component>>(
        &self,
        components: impl Fn() -> I,
    ) -> Result<(), Distrust> {
        for component in components() {
            self.owner(component)?;
            let Some(writers) = self.strangers(component) else {
                continue;
            };
            if !component.sticky() || component.holds_plugin {
                return Err(writable(component, writers));
            }
            // The next places down, of which only their owners can make others.
            for below in components() {
                let inside = below.path.parent().map(Path::as_os_str);
                if inside == Some(component.path.as_os_str()) && !self.may_write(below.owner.id) {
                    return Err(Distrust::Planted {
                        writers,
                        path: below.path.clone(),
                        owner: below.owner.clone(),
                        caller: self.caller.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn may_write(&self, user: u32) -> bool {
        user == 0
            || (self.policy.caller && user == self.caller.id)
            || self.policy.users.contains(&user)
    }

    /// The owner of a folder or file can give everybody leave to write it. A link itself cannot be
    /// changed, only replaced, which is a matter of its folder.
    fn owner(&self, component: &Component) -> Result<(), Distrust> {
        if self.writes_are_its_decision
            || component.kind == Kind::Link
            || self.may_write(component.owner.id)
        {
            return Ok(());
        }
        Err(Distrust::Owner {
            path: component.path.clone(),
            folder: component.kind == Kind::Folder,
            owner: component.owner.clone(),
            caller: self.caller.clone(),
        })
    }

    /// Who may write there besides the owner, if somebody may who is not allowed to.
    fn strangers(&self, component: &Component) -> Option<Writers> {
        if component.world_writable() {
            return Some(Writers::Everybody);
        }
        if self.writes_are_its_decision || !component.group_writable() {
            return None;
        }
        if component.access_list {
            return Some(Writers::AccessList);
        }
        let private_to = component.group_is_private_to;
        let private = self.policy.private_groups && private_to.is_some_and(|it| self.may_write(it));
        if private || self.policy.groups.contains(&component.group.id) {
            return None;
        }
        Some(Writers::Group(component.group.clone()))
    }
}

fn writable(component: &Component, writers: Writers) -> Distrust {
    let path = component.path.clone();
    match writers {
        Writers::Everybody => Distrust::WorldWritable {
            path,
            sticky: component.sticky(),
        },
        Writers::Group(group) => Distrust::GroupWritable { path, group },
        Writers::AccessList => Distrust::AccessList { path },
    }
}

fn check_signature(facts: &Facts, policy: &Policy) -> Result<(), Distrust> {
    let required = policy.signature == SignatureRule::Required;
    let path = facts.target.clone();
    match &facts.signature {
        Some(Signature::Tampered { why }) => Err(Distrust::Tampered { path, why: *why }),
        Some(Signature::UnknownKey { key_id }) if required => Err(Distrust::UnknownKey {
            path,
            key_id: *key_id,
        }),
        Some(Signature::Unsigned) | None if required => Err(Distrust::Unsigned { path }),
        _ => Ok(()),
    }
}
