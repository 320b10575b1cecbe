//! What killed processes left.

use std::fs;
use std::io;
use std::path::{Component, Path};

use super::folders::Folders;
use super::kept;
use super::lock::Lock;
use super::swap;
use super::{FOLDER, KEPT, LOCK, OLD, PACKAGE, Place, RECEIPT, RECEIPTS, WORK, is_there};
#[cfg(feature = "install")]
use super::{WITHDRAWN, remove::remove, work::remove_work};
use super::{read_receipt, receipt_in};

/// What a receipt has to say here.
#[derive(serde::Deserialize)]
struct Head {
    id: String,
    folder: Option<Place>,
}

/// Finishes or undoes each change in `root` that nobody is working on, and removes what is left of
/// it. The caller has the root's lock.
#[cfg(feature = "install")]
pub(super) fn clean(folders: &Folders) {
    let finished = for_each(folders, WORK, |work| {
        if Lock::is_held(&work.join(LOCK))? {
            return Ok(());
        }
        finish(folders, work)?;
        remove_work(work)
    });
    for_each(folders, "", |ours| {
        let name = ours.file_name().and_then(|name| name.to_str());
        match name.is_some_and(|name| name.starts_with(WITHDRAWN)) {
            true => remove(ours),
            false => Ok(()),
        }
    });
    let settled = for_each(folders, KEPT, |kept| kept::settle(folders, kept));
    if !finished || !settled {
        // A package that is not there may come back.
        return;
    }
    for_each(folders, RECEIPTS, |receipt| {
        let name = receipt.file_name().and_then(|name| name.to_str());
        match name.and_then(|name| name.strip_suffix(".json")) {
            // Somebody removed the package without us, or was killed before it came to this.
            Some(id) if !is_there(&folders.root().join(id))? => fs::remove_file(receipt),
            _ => Ok(()),
        }
    });
}

/// Puts a package back that a killed process took away and did not replace, where two folders cannot
/// be exchanged; for those who look at `root`, if our folder in it is theirs. Where there is nothing to
/// do it costs two system calls.
pub(crate) fn restore(root: &Path) {
    let has = |part| matches!(is_there(&root.join(FOLDER).join(part)), Ok(true));
    if !has(WORK) && !has(KEPT) {
        return;
    }
    let Ok(folders) = Folders::open(root, false) else {
        return;
    };
    for_each(&folders, WORK, |work| {
        if !is_there(&work.join(OLD))? || Lock::is_held(&work.join(LOCK))? {
            return Ok(());
        }
        match Lock::try_take(&folders.ours().join(LOCK))? {
            Some(_lock) => finish(&folders, work),
            None => Ok(()),
        }
    });
    for_each(&folders, KEPT, |kept| {
        if !kept::is_unsettled(&folders, kept)? {
            return Ok(());
        }
        match Lock::try_take(&folders.ours().join(LOCK))? {
            Some(_lock) => kept::settle(&folders, kept),
            None => Ok(()),
        }
    });
}

/// Looks at all that lies in a part of our folder. Gives whether it worked for all.
fn for_each(folders: &Folders, part: &str, mut look: impl FnMut(&Path) -> io::Result<()>) -> bool {
    let mut worked = true;
    for entry in fs::read_dir(folders.ours().join(part))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        if let Err(error) = look(&path) {
            let path = folders.shown(&path);
            tracing::warn!(?path, %error, "what was left of a change stays as it is");
            worked = false;
        }
    }
    worked
}

/// Brings a package and its receipt into one of the two states between which a process was killed.
fn finish(folders: &Folders, work: &Path) -> io::Result<()> {
    let receipt = work.join(RECEIPT);
    let head = match read_receipt(&receipt) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        json => json.and_then(|json| Ok(serde_json::from_slice::<Head>(&json)?)),
    };
    let head = match head {
        // One that is not whole was not used yet, unless a power failure took a part of it.
        Err(error) if is_malformed(&error) && !is_there(&work.join(OLD))? => return Ok(()),
        head => head?,
    };
    let Head { id, folder } = head;
    if !is_name(&id) {
        return Ok(());
    }
    let place = folders.root().join(&id);
    if !is_there(&place)? {
        return match swap::put(&work.join(OLD), &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            put => put,
        };
    }
    let is_ours = match folder {
        Some(folder) => Place::of(&place)? == Some(folder),
        None => !is_there(&work.join(PACKAGE))?,
    };
    if is_ours {
        let moved = fs::create_dir_all(folders.ours().join(RECEIPTS))
            .and_then(|()| fs::rename(&receipt, receipt_in(folders.ours(), &id)));
        match moved {
            // Something is in the way that we did not put there. A receipt only informs.
            Err(error) if is_in_the_way(&error) => {
                let path = folders.shown(&receipt);
                tracing::warn!(?path, %error, "a receipt is lost");
            }
            moved => moved?,
        }
    }
    Ok(())
}

/// Whether there is something else than a receipt.
pub(super) fn is_malformed(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, UnexpectedEof};
    [InvalidData, IsADirectory, UnexpectedEof].contains(&error.kind())
}

fn is_in_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::DirectoryNotEmpty
    )
}

fn is_name(id: &str) -> bool {
    let mut components = Path::new(id).components();
    let only = (components.next(), components.next());
    matches!(only, (Some(Component::Normal(name)), None) if name == id)
}
