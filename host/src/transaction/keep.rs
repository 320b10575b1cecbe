//! Upgrades that can be taken back; where the versions lie is in [`kept`](super::kept).

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::RootError;
use super::folders::make_folder;
use super::kept::{BOTH, Found, Pair, VERSIONS, Versions, Which, place_of};
use super::remove::remove;
use super::root::{Aftermath, LockedRoot, withdraw};
use super::swap;
use super::sync::sync_folder;
use super::work::Work;
use super::{KEPT, PACKAGE, Place, RECEIPT, is_there, read_receipt, receipt_in, unless_absent};

/// The receipt of the old version.
const OLD_RECEIPT: &str = "old.json";

/// What is kept of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The version that is in place; the other one is kept. `None`: neither, since somebody else
    /// replaced or removed it.
    pub(crate) in_place: Option<Which>,
    /// The receipt of the old version, if it has one.
    pub(crate) old: Option<Vec<u8>>,
    /// That of the new one.
    pub(crate) new: Option<Vec<u8>>,
}

impl Which {
    fn receipt(self) -> &'static str {
        match self {
            Self::Old => OLD_RECEIPT,
            Self::New => RECEIPT,
        }
    }
}

impl Pair {
    fn in_place(&self) -> io::Result<Option<Which>> {
        let found = place_of(&self.place)?;
        for which in BOTH {
            let is_it = match found {
                Found::Nothing => false,
                Found::Something => self.kept(which)?.is_none(),
                Found::Known(place) => self.versions.is(which, place),
            };
            if is_it {
                return Ok(Some(which));
            }
        }
        Ok(None)
    }

    /// Puts a version in place, if it is not. Gives whether it was not.
    fn put(&self, which: Which, exchanges: bool) -> io::Result<bool> {
        if self.in_place()? == Some(which) {
            return Ok(false);
        }
        let kept = self.kept(which)?.ok_or(io::ErrorKind::NotFound)?;
        if !is_there(&self.place)? {
            return swap::put(&kept, &self.place).map(|()| true);
        }
        if exchanges && swap::exchange(&kept, &self.place)? {
            return Ok(true);
        }
        let [old, package] = self.slots();
        let other = if kept == old { package } else { old };
        swap::put(&self.place, &other)?;
        swap::put(&kept, &self.place).inspect_err(|_| {
            // If not even that works, who comes next does it.
            let _ = swap::put(&other, &self.place);
        })?;
        Ok(true)
    }
}

impl LockedRoot<'_> {
    /// As [`exchange`](Self::exchange), but what was there is kept, with its receipt. Something has to
    /// be there.
    ///
    /// What is kept of an earlier upgrade is given up if the old version was put back after it. If
    /// its new version is in place, what is kept is the last one that is known to be good: then this
    /// is refused.
    pub(crate) fn exchange_keeping(&self, work: &Work, id: &str) -> Result<Aftermath, RootError> {
        let at = |path: &Path| self.folders().at(path);
        let pair = self.pair(id)?;
        if let Some(pair) = &pair
            && pair.in_place().map_err(at(&pair.place))? == Some(Which::New)
        {
            return Err(RootError::Unfinished {
                path: self.folders().shown(&pair.place),
            });
        }
        let prepared = self.prepare(work, id).map_err(at(&work.package()))?;
        self.drop_kept(id)?;
        let all = self.folders().ours().join(KEPT);
        let kept = make_folder(&all)
            .and_then(|()| swap::put(&prepared, &all.join(id)))
            .and_then(|()| self.sync_kept(&all));
        let in_place = kept
            .map_err(at(&all))
            .and_then(|()| self.ensure_in_place(id, Which::New));
        match in_place {
            Ok((_, aftermath)) => Ok(aftermath),
            Err(error) => {
                let _ = self.drop_kept(id);
                Err(error)
            }
        }
    }

    /// Puts together what is to be kept. The receipt is the first to go there: who finds the rest
    /// takes it for a change that came to nothing.
    fn prepare(&self, work: &Work, id: &str) -> io::Result<PathBuf> {
        let folder = work.place(KEPT);
        let versions = Versions {
            old: Place::of(&self.folders().root().join(id))?,
            new: Place::of(&work.package())?,
        };
        make_folder(&folder)?;
        fs::rename(work.receipt(), folder.join(RECEIPT))?;
        fs::rename(work.package(), folder.join(PACKAGE))?;
        if let Ok(json) = read_receipt(&receipt_in(self.folders().ours(), id)) {
            self.write(&folder.join(OLD_RECEIPT), &json)?;
        }
        self.write(&folder.join(VERSIONS), &serde_json::to_vec(&versions)?)?;
        if self.syncs() {
            // What is in the package was brought there before.
            sync_folder(&folder)?;
        }
        Ok(folder)
    }

    /// Sees to it that one of the two versions of the package `id` is in place, with its receipt,
    /// and the other one is kept. Gives whether that is new. It is an error if that version is neither.
    pub(crate) fn ensure_in_place(
        &self,
        id: &str,
        which: Which,
    ) -> Result<(bool, Aftermath), RootError> {
        let place = self.folders().root().join(id);
        let not_kept = || RootError::NotKept {
            path: self.folders().shown(&place),
        };
        let pair = self.pair(id)?.ok_or_else(not_kept)?;
        let put = pair.put(which, self.exchanges());
        let changed = put.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => not_kept(),
            _ => self.folders().at(&place)(error),
        })?;
        let receipt = receipt_in(self.folders().ours(), id);
        let receipts = self.make_receipts();
        let receipts = receipts.and_then(|()| {
            let put = self.put_receipt(&pair, which, &receipt);
            put.map_err(self.folders().at(&receipt))
        });
        let mut aftermath: Aftermath = receipts.err().into_iter().collect();
        // Also if it is not new: who put it there may have been killed before.
        self.sync(self.folders().root(), &mut aftermath);
        self.sync(&pair.folder, &mut aftermath);
        if let Some(receipts) = receipt.parent() {
            self.sync(receipts, &mut aftermath);
        }
        Ok((changed, aftermath))
    }

    /// What is kept of the package `id`.
    pub(crate) fn kept(&self, id: &str) -> Result<Option<Kept>, RootError> {
        let Some(pair) = self.pair(id)? else {
            return Ok(None);
        };
        let in_place = pair.in_place();
        let receipt = |which: Which| read_receipt(&pair.folder.join(which.receipt())).ok();
        Ok(Some(Kept {
            in_place: in_place.map_err(self.folders().at(&pair.place))?,
            old: receipt(Which::Old),
            new: receipt(Which::New),
        }))
    }

    /// Removes what is kept of the package `id`, whichever version it is, if there is anything. What
    /// is in place stays.
    pub(crate) fn drop_kept(&self, id: &str) -> Result<(), RootError> {
        let Some(pair) = self.pair(id)? else {
            return Ok(());
        };
        let failed = self.folders().at(&pair.folder);
        let dropped = withdraw(&pair.folder, self.folders().ours()).and_then(|withdrawn| {
            self.sync_kept(&self.folders().ours().join(KEPT))?;
            // What stays of it is removed by the next one who begins something.
            let _ = remove(&withdrawn);
            Ok(())
        });
        dropped.map_err(failed)
    }

    /// The pair of the package `id`, of which one is in place unless somebody else took it away.
    fn pair(&self, id: &str) -> Result<Option<Pair>, RootError> {
        let failed = self
            .folders()
            .at(&self.folders().ours().join(KEPT).join(id));
        let pair = Pair::of(self.folders(), id).and_then(|pair| {
            pair.as_ref().map_or(Ok(()), Pair::settle)?;
            Ok(pair)
        });
        pair.map_err(failed)
    }

    fn sync_kept(&self, all: &Path) -> io::Result<()> {
        if !self.syncs() {
            return Ok(());
        }
        sync_folder(all)?;
        sync_folder(self.folders().ours())
    }

    /// Lets the package's receipt be that of a version: it is copied, so that each has its own there
    /// whatever happens.
    fn put_receipt(&self, pair: &Pair, which: Which, receipt: &Path) -> io::Result<()> {
        let json = match read_receipt(&pair.folder.join(which.receipt())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return unless_absent(fs::remove_file(receipt));
            }
            json => json?,
        };
        if read_receipt(receipt).is_ok_and(|there| there == json) {
            return Ok(());
        }
        let copy = pair.folder.join("copy.json");
        unless_absent(fs::remove_file(&copy))?;
        self.write(&copy, &json)?;
        fs::rename(copy, receipt)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::File::create_new(path)?;
        file.write_all(bytes)?;
        match self.syncs() {
            true => file.sync_all(),
            false => Ok(()),
        }
    }
}
