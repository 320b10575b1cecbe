//! Holding a state folder, and telling others who does.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::ManagerError;
use super::manager::Holder;

/// Who only looks holds the lock for a moment: as long it is tried again.
const MOMENT: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(10);

/// A state folder that nobody else uses until this is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct StateLock(File);

impl StateLock {
    /// Makes the folder if it is not there, and takes it.
    pub(super) fn take(folder: &Path, socket: Option<PathBuf>) -> Result<Self, ManagerError> {
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| ManagerError::Io { path, source }
        };
        make_private(folder).map_err(io(folder))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let file = private(options.read(true).write(true).create(true)).open(&path);
        let mut file = file.map_err(io(&path))?;
        let end = Instant::now() + MOMENT;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io(&path)(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(ManagerError::Held {
                        path: folder.to_path_buf(),
                        holder: read(&mut file),
                    });
                }
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            since: super::now(),
            socket,
        };
        let json = serde_json::to_vec(&holder).map_err(io::Error::from);
        let written = json.and_then(|json| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&json)
        });
        // Whoever finds it held learns less then.
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "cannot say who holds the packages");
        }
        Ok(Self(file))
    }

    /// Who holds the folder, if anybody does.
    pub(super) fn holder(folder: &Path) -> Result<Option<Holder>, ManagerError> {
        let path = folder.join("lock");
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ManagerError::Io { path, source }),
            Ok(file) => file,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::Error(source)) => Err(ManagerError::Io { path, source }),
            Err(TryLockError::WouldBlock) => Ok(Some(read(&mut file))),
        }
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Closing would do, unless a process that was started meanwhile still has it.
        let _ = self.0.set_len(0);
        let _ = self.0.unlock();
    }
}

/// Who wrote that they hold it; they may just be about to.
fn read(file: &mut File) -> Holder {
    for _ in 0..20 {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if read.is_ok()
            && let Ok(holder) = serde_json::from_str(&text)
        {
            return holder;
        }
        std::thread::sleep(PAUSE);
    }
    Holder {
        pid: 0,
        since: 0,
        socket: None,
    }
}

/// A folder that only we may use. One that is there stays as it is.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Options for a file that only we may use.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
