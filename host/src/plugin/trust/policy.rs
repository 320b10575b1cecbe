//! What an application lets pass.

use std::collections::BTreeSet;

use super::keys::Keys;

/// Who may write a plugin's file and the folders on the way to it, and whether it must be signed.
///
/// Plain data: an application starts from the default and changes what it needs.
///
/// | | default | widened | narrowed |
/// |---|---|---|---|
/// | users | root and the caller | `users` | `caller = false` |
/// | groups | those that only one of these users is in | `groups` | `private_groups = false` |
/// | folders that the application names | whatever not everybody may write | | `application_decides = false` |
/// | signatures | where `keys` has the key, they must fit | | `signature = SignatureRule::Required` |
///
/// There is no policy that lets pass what everybody may write, or what does not fit its signature.
///
/// ```
/// use keyway::plugin::trust::Policy;
///
/// let mut policy = Policy::default();
/// policy.groups.insert(50);
/// assert_ne!(policy.fingerprint(), Policy::default().fingerprint());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Users that may write, besides root and the caller.
    pub users: BTreeSet<u32>,
    /// Groups that may write, besides private groups of users that may.
    pub groups: BTreeSet<u32>,
    /// Whether the caller, that is the effective user, may write. Without it only root may, and
    /// `users`.
    pub caller: bool,
    /// Whether a group may write that has only one account in it, which may write itself.
    pub private_groups: bool,
    /// Whether a folder that the application names in code is its decision, so that only what
    /// everybody may write is refused there. Without it such folders are judged as all others.
    pub application_decides: bool,
    /// Whether a plugin must be signed.
    pub signature: SignatureRule,
    /// The keys by which signatures count.
    pub keys: Keys,
}

/// Whether a plugin must be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureRule {
    /// It need not be; but a file that does not fit its signature is refused.
    #[default]
    Optional,
    /// It must be, by a key of the policy; and the bytes that were verified are those that load.
    Required,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            users: BTreeSet::new(),
            groups: BTreeSet::new(),
            caller: true,
            private_groups: true,
            application_decides: true,
            signature: SignatureRule::Optional,
            keys: Keys::default(),
        }
    }
}

impl Policy {
    /// Whether a plugin is loaded from a copy of the bytes that were verified
    /// ([`Trusted::read_verified`](super::Trusted::read_verified)) and not in place.
    #[must_use]
    pub fn loads_a_copy(&self) -> bool {
        self.signature == SignatureRule::Required
    }

    /// Whether signatures are looked at.
    #[must_use]
    pub fn looks_at_signatures(&self) -> bool {
        self.signature == SignatureRule::Required || !self.keys.is_empty()
    }

    /// A text that two policies share exactly if they are equal, the same in every build and run:
    /// part of the key under which a verdict may be kept.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Exhaustive, so that a new field cannot be forgotten.
        let Self {
            users,
            groups,
            caller,
            private_groups,
            application_decides,
            signature,
            keys,
        } = self;
        let list = |ids: &BTreeSet<u32>| {
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            ids.join(",")
        };
        let signature = match signature {
            SignatureRule::Optional => "optional",
            SignatureRule::Required => "required",
        };
        format!(
            "trust-1 users={} groups={} caller={caller} private_groups={private_groups} \
             application_decides={application_decides} signature={signature} keys={}",
            list(users),
            list(groups),
            keys.texts().collect::<Vec<_>>().join(","),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_changes_the_fingerprint() {
        let changes: [fn(&mut Policy); 7] = [
            |policy| _ = policy.users.insert(50),
            |policy| _ = policy.groups.insert(50),
            |policy| policy.caller = false,
            |policy| policy.private_groups = false,
            |policy| policy.application_decides = false,
            |policy| policy.signature = SignatureRule::Required,
            |policy| {
                let key = include_str!("tests/signed/first.pub");
                policy.keys.add(key).unwrap();
            },
        ];
        let mut seen = BTreeSet::from([Policy::default().fingerprint()]);
        for change in changes {
            let mut policy = Policy::default();
            change(&mut policy);
            assert!(seen.insert(policy.fingerprint()), "{policy:?}");
        }
    }

    #[test]
    fn the_fingerprint_is_the_same_in_every_build() {
        let mut policy = Policy::default();
        policy.users.extend([1001, 1000]);
        assert_eq!(
            policy.fingerprint(),
            "trust-1 users=1000,1001 groups= caller=true private_groups=true \
             application_decides=true signature=optional keys="
        );
    }
}
