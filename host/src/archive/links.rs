//! Whether links stay inside.
//!
//! Only all links together tell: a link may lead through another one, and `..` behind a link is
//! not the folder that the link lies in. So they are followed here, as the system would follow
//! them, before one of them is made.

use std::collections::HashMap;
#[cfg(feature = "install")]
use std::path::Path;

use super::error::ArchiveError;
use super::name::{Name, shown};

/// As many links as one may lead through, as on Linux.
const MAX_FOLLOWED: usize = 40;

/// As many parts of names as are looked at for all links together. Tens of thousands of links that
/// each lead through forty others must not take for ever.
const MAX_STEPS: usize = 10_000_000;

/// Whether links, by their names below one folder, all stay in that folder.
#[cfg(feature = "install")]
pub(crate) fn check_links<'a>(
    links: impl Iterator<Item = (&'a Path, &'a Path)>,
) -> Result<(), ArchiveError> {
    let mut all = Links::default();
    for (path, target) in links {
        let target = target.as_os_str().as_encoded_bytes();
        all.add(Name::of_path(path), target.into());
    }
    all.checked().map(|_| ())
}

/// A link that is to be made.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: Name,
    pub(super) target: Box<[u8]>,
}

/// The links of an archive, in its order.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<Link>);

impl Links {
    pub(super) fn add(&mut self, name: Name, target: Box<[u8]>) {
        self.0.push(Link { name, target });
    }

    /// The links, if none of them leads out.
    pub(super) fn checked(self) -> Result<Vec<Link>, ArchiveError> {
        let targets: HashMap<&[u8], &[u8]> = self
            .0
            .iter()
            .map(|link| (link.name.bytes(), &link.target[..]))
            .collect();
        let mut steps = 0;
        for Link { name, target } in &self.0 {
            follow(name, target, &targets, &mut steps)?;
        }
        Ok(self.0)
    }
}

fn follow(
    link: &Name,
    target: &[u8],
    targets: &HashMap<&[u8], &[u8]>,
    steps: &mut usize,
) -> Result<(), ArchiveError> {
    let leaves = || ArchiveError::LinkLeaves {
        entry: link.path(),
        target: shown(target),
    };
    // Where the link is, as the bytes of a name; empty at the top.
    let mut at = link
        .parent()
        .map_or_else(Vec::new, |it| it.bytes().to_vec());
    let mut followed = 1;
    let mut todo: Vec<&[u8]> = Vec::new();
    push(target, &mut todo).ok_or_else(leaves)?;
    while let Some(part) = todo.pop() {
        *steps += 1;
        if *steps > MAX_STEPS {
            return Err(ArchiveError::LinkLoop { entry: link.path() });
        }
        match part {
            b"" | b"." => continue,
            b".." if at.is_empty() => return Err(leaves()),
            b".." => {
                let parent = at.iter().rposition(|byte| *byte == b'/');
                at.truncate(parent.unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let folder = at.len();
        if folder > 0 {
            at.push(b'/');
        }
        at.extend_from_slice(part);
        if let Some(next) = targets.get(&at[..]) {
            followed += 1;
            if followed > MAX_FOLLOWED {
                return Err(ArchiveError::LinkLoop { entry: link.path() });
            }
            at.truncate(folder);
            push(next, &mut todo).ok_or_else(leaves)?;
        }
    }
    Ok(())
}

/// Puts the parts of a target on top of those that are to be looked at. `None` if it is absolute.
fn push<'a>(target: &'a [u8], todo: &mut Vec<&'a [u8]>) -> Option<()> {
    if target.starts_with(b"/") {
        return None;
    }
    todo.extend(target.rsplit(|byte| *byte == b'/'));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    fn code(links: &[(&str, &str)]) -> &'static str {
        let mut all = Links::default();
        for (name, target) in links {
            let name = Name::new(name.as_bytes(), &Limits::default());
            all.add(name.unwrap().unwrap(), target.as_bytes().into());
        }
        all.checked().map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn links_that_leave() {
        for links in [
            &[("a", "/etc/passwd")][..],
            &[("a", "..")],
            &[("a/b", "../..")],
            &[("a/b", "../../a")],
            &[("a", "b/../../c")],
            // To the top, and from there up, which looks as if it stayed in `a`.
            &[("a/b/top", "../.."), ("out", "a/b/top/../x")],
            &[("out", "a/b/top/../x"), ("a/b/top", "../..")],
            &[("a/b/c", "../../d"), ("d", "e"), ("e", "../f")],
        ] {
            assert_eq!(code(links), "archive-link-leaves", "{links:?}");
        }
    }

    #[test]
    fn links_without_an_end() {
        for links in [
            &[("a", "a")][..],
            &[("a", "b"), ("b", "a")],
            &[("a", "a/a/a")],
            &[("a/b", "../a/b/c")],
        ] {
            assert_eq!(code(links), "archive-link-loop", "{links:?}");
        }
        // Each leads through the one before, twice: 2^40 parts.
        let names: Vec<String> = (0..42).map(|index| format!("l{index}")).collect();
        let targets: Vec<String> = (0..42)
            .map(|index| match index {
                0 => "x".to_owned(),
                _ => format!("l{0}/../l{0}", index - 1),
            })
            .collect();
        let links: Vec<(&str, &str)> = std::iter::zip(&names, &targets)
            .map(|(name, target)| (&name[..], &target[..]))
            .collect();
        assert_eq!(code(&links), "archive-link-loop");
    }

    #[test]
    fn links_that_stay() {
        for links in [
            &[("a", "b")][..],
            &[("a", "nowhere/at/all")],
            &[("a", ".")],
            &[("a/b", "..")],
            &[("a/b/c", "../../d"), ("d", "e"), ("e", "a")],
            &[("a/b/top", "../.."), ("x", "a/b/top/y")],
        ] {
            assert_eq!(code(links), "ok", "{links:?}");
        }
    }
}
