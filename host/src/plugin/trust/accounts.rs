//! Accounts and groups, as the system's own two files tell about them.

use std::sync::OnceLock;

use super::account::Account;

/// What `/etc/passwd` and `/etc/group` say.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
    /// Whether a line could not be understood, so that there may be more than is known.
    incomplete: bool,
}

#[derive(Debug)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

#[derive(Debug)]
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

impl Accounts {
    /// Reads the system's files. One that cannot be read tells nothing.
    pub(super) fn read() -> Self {
        let read = |path| std::fs::read(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    pub(super) fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut accounts = Self::default();
        for line in lines(passwd) {
            let fields: Vec<&str> = line.split(':').collect();
            let user = match fields[..] {
                [name, _, uid, gid, _, _, _] => user(name, uid, gid),
                _ => None,
            };
            accounts.incomplete |= user.is_none();
            accounts.users.extend(user);
        }
        for line in lines(group) {
            let fields: Vec<&str> = line.split(':').collect();
            let group = match fields[..] {
                [name, _, gid, members] => self::group(name, gid, members),
                _ => None,
            };
            accounts.incomplete |= group.is_none();
            accounts.groups.extend(group);
        }
        accounts
    }

    pub(super) fn user(&self, uid: u32) -> Account {
        let user = self.users.iter().find(|user| user.uid == uid);
        Account {
            id: uid,
            name: user.map(|user| user.name.clone()),
        }
    }

    pub(super) fn group(&self, gid: u32) -> Account {
        let group = self.groups.iter().find(|group| group.gid == gid);
        Account {
            id: gid,
            name: group.map(|group| group.name.clone()),
        }
    }

    /// The user whose private group `gid` is: it has that user's name, is that user's primary group
    /// and no other's, and nobody else is a member.
    pub(super) fn private_to(&self, gid: u32) -> Option<u32> {
        // An entry such as `+` says that a directory service knows more.
        if self.incomplete {
            return None;
        }
        let mut groups = self.groups.iter().filter(|group| group.gid == gid);
        let (Some(group), None) = (groups.next(), groups.next()) else {
            return None;
        };
        let owner = self.users.iter().find(|user| user.name == group.name)?;
        let is_owner = |name: &String| {
            let named = self.users.iter().find(|user| user.name == *name);
            named.is_some_and(|user| user.uid == owner.uid)
        };
        let mut primary = self.users.iter().filter(|user| user.gid == gid);
        let private = owner.gid == gid
            && primary.all(|user| user.uid == owner.uid)
            && group.members.iter().all(is_owner);
        private.then_some(owner.uid)
    }
}

fn user(name: &str, uid: &str, gid: &str) -> Option<User> {
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
    })
}

fn group(name: &str, gid: &str, members: &str) -> Option<Group> {
    let members = members.split(',').map(str::trim);
    Some(Group {
        name: name.to_owned(),
        gid: gid.parse().ok()?,
        members: members
            .filter(|member| !member.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

/// The lines that say something.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Who looks: the effective user, and the accounts, read when they are first asked for.
#[derive(Debug)]
pub(super) struct Observer {
    uid: u32,
    accounts: OnceLock<Accounts>,
}

impl Observer {
    /// This process.
    pub(super) fn this() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            accounts: OnceLock::new(),
        }
    }

    /// Somebody else, on a system of these accounts.
    #[cfg(test)]
    pub(super) fn other(uid: u32, passwd: &str, group: &str) -> Self {
        Self {
            uid,
            accounts: Accounts::parse(passwd.as_bytes(), group.as_bytes()).into(),
        }
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    pub(super) fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::read)
    }

    /// The effective user, with a name if the accounts were read.
    pub(super) fn caller(&self) -> Account {
        match self.accounts.get() {
            Some(accounts) => accounts.user(self.uid),
            None => Account {
                id: self.uid,
                name: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
        alice:x:1000:1000:Alice:/home/alice:/bin/sh\n\
        bob:x:1001:1001::/home/bob:/bin/sh\n\
        nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

    fn private_to(gid: u32, passwd: &str, group: &str) -> Option<u32> {
        Accounts::parse(passwd.as_bytes(), group.as_bytes()).private_to(gid)
    }

    #[test]
    fn a_group_with_another_member_is_not_private() {
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:bob\n"), None);
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:alice,bob\n"), None);
        // Somebody who is not in the passwd file is somebody else.
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:carol\n"), None);
    }

    #[test]
    fn a_group_that_is_anothers_primary_group_is_not_private() {
        let passwd = format!("{PASSWD}carol:x:1002:1000::/:/bin/sh\n");
        assert_eq!(private_to(1000, &passwd, "alice:x:1000:\n"), None);
    }

    #[test]
    fn a_group_of_another_name_is_not_private() {
        assert_eq!(private_to(1000, PASSWD, "users:x:1000:\n"), None);
        assert_eq!(private_to(65534, PASSWD, "nogroup:x:65534:\n"), None);
        assert_eq!(private_to(50, PASSWD, "staff:x:50:\n"), None);
        assert_eq!(private_to(50, PASSWD, ""), None);
    }

    #[test]
    fn a_group_of_the_name_but_not_primary_is_not_private() {
        assert_eq!(private_to(77, PASSWD, "alice:x:77:\n"), None);
    }

    #[test]
    fn two_entries_of_one_group_are_not_private() {
        let group = "alice:x:1000:\nteam:x:1000:bob\n";
        assert_eq!(private_to(1000, PASSWD, group), None);
    }

    #[test]
    fn where_a_directory_service_knows_more_nothing_is_private() {
        let group = "alice:x:1000:\n";
        let passwd = format!("{PASSWD}+::::::\n");
        assert_eq!(private_to(1000, &passwd, group), None);
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:\n+:::\n"), None);
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:\n+\n"), None);
    }

    #[test]
    fn a_group_of_one_is_private() {
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:\n"), Some(1000));
        assert_eq!(private_to(1000, PASSWD, "alice:x:1000:alice\n"), Some(1000));
        assert_eq!(private_to(0, PASSWD, "# groups\n\nroot:x:0:\n"), Some(0));
    }
}
