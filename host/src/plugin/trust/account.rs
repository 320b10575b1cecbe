//! Users and groups in messages.

use std::fmt;

/// A user or a group: its number, and its name where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The uid or gid.
    pub id: u32,
    /// Its name, if the system's files have it.
    pub name: Option<String>,
}

impl Account {
    /// What a command such as `chown` calls it.
    pub(super) fn for_command(&self) -> String {
        if self.id == 0 {
            return "root".to_owned();
        }
        self.id.to_string()
    }

    /// `alice` (uid 1000), or uid 1000.
    pub(super) fn as_user(&self) -> impl fmt::Display {
        Shown(self, "uid")
    }

    /// `staff` (gid 50), or gid 50.
    pub(super) fn as_group(&self) -> impl fmt::Display {
        Shown(self, "gid")
    }
}

struct Shown<'a>(&'a Account, &'static str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Account { id, name }, kind) = self;
        match name {
            Some(name) => write!(f, "`{}` ({kind} {id})", name.escape_debug()),
            None => write!(f, "{kind} {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_shown_with_its_name_where_there_is_one() {
        let mut account = Account {
            id: 50,
            name: Some("staff".into()),
        };
        assert_eq!(account.as_group().to_string(), "`staff` (gid 50)");
        account.name = Some("a\u{1b}[2J".into());
        assert_eq!(account.as_user().to_string(), r"`a\u{1b}[2J` (uid 50)");
        account.name = None;
        assert_eq!(account.as_user().to_string(), "uid 50");
    }
}
