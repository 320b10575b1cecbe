//! What killed processes left.

use std::fs;
use std::io;
use std::path::{Component, Path};

use super::lock::Lock;
use super::receipt as receipt_of;
#[cfg(feature = "install")]
use super::remove::remove;
use super::swap;
use super::{FOLDER, LOCK, OLD, PACKAGE, Place, RECEIPT, RECEIPTS, WORK, is_there};

/// What a receipt has to say here.
#[derive(serde::Deserialize)]
struct Head {
    id: String,
    folder: Option<Place>,
}

/// Finishes or undoes each change in `root` that nobody is working on, and removes what is left of
/// it. The caller has the root's lock.
#[cfg(feature = "install")]
pub(super) fn clean(root: &Path) {
    for_each(root, |work| {
        let done = if Lock::is_held(&work.join(LOCK))? {
            return Ok(());
        } else {
            finish(root, work)
        };
        done.and_then(|()| remove(work))
    });
    let receipts = fs::read_dir(root.join(FOLDER).join(RECEIPTS));
    for receipt in receipts.into_iter().flatten().flatten() {
        let name = receipt.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
        // Somebody removed the package without us.
        if id.is_some_and(|id| is_there(&root.join(id)).is_ok_and(|is_there| !is_there)) {
            let _ = fs::remove_file(receipt.path());
        }
    }
}

/// Puts a package back that a killed process took away and did not replace, where two folders cannot
/// be exchanged; for those who look at `root`. Where there is nothing to do it costs one system
/// call.
pub(crate) fn restore(root: &Path) {
    for_each(root, |work| {
        if !is_there(&work.join(OLD))? || Lock::is_held(&work.join(LOCK))? {
            return Ok(());
        }
        match Lock::try_take(&root.join(FOLDER).join(LOCK))? {
            Some(_lock) => finish(root, work),
            None => Ok(()),
        }
    });
}

fn for_each(root: &Path, mut look: impl FnMut(&Path) -> io::Result<()>) {
    let Ok(works) = fs::read_dir(root.join(FOLDER).join(WORK)) else {
        return;
    };
    for work in works.flatten() {
        let work = work.path();
        if let Err(error) = look(&work) {
            tracing::warn!(path = ?work, %error, "what was left of a change stays as it is");
        }
    }
}

/// Brings a package and its receipt into one of the two states between which a process was killed.
fn finish(root: &Path, work: &Path) -> io::Result<()> {
    let receipt = work.join(RECEIPT);
    // One that is not whole was not used yet.
    let head = fs::read(&receipt).ok();
    let head = head.and_then(|json| serde_json::from_slice::<Head>(&json).ok());
    let Some(Head { id, folder }) = head.filter(|head| is_name(&head.id)) else {
        return Ok(());
    };
    let place = root.join(&id);
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
        fs::create_dir_all(root.join(FOLDER).join(RECEIPTS))?;
        fs::rename(receipt, receipt_of(root, &id))?;
    }
    Ok(())
}

fn is_name(id: &str) -> bool {
    let mut components = Path::new(id).components();
    let only = (components.next(), components.next());
    matches!(only, (Some(Component::Normal(name)), None) if name == id)
}
