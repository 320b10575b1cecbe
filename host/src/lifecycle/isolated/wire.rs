//! What a manager and a worker say to each other: frames of a length, four bytes, and a message.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use keyway_abi::build;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::calls::{Answer, Request};
use crate::lifecycle::object::Failure;
use crate::plugin::{Errand, RemoteEvent};

/// A frame is no longer, in bytes: more than the greatest change of a store.
const LONGEST: u32 = 80 << 20;
/// As many requests for services are under way at once.
pub(super) const MAX_CALLS: usize = 64;

/// Comes first: who says something else is of another build, and understands nothing of what follows.
pub(super) fn greeting() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("keyway worker 1 {version} {}", build::ABI_DIGEST)
}

/// To a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Make the lifecycle. Comes once, after the greeting.
    Make(Box<Make>),
    /// Run a hook.
    Run(Run),
    /// Tell the hook of that run to give up.
    Cancel(u64),
    /// What became of a request.
    Answer(u64, Result<Answer, String>),
    /// Drop the lifecycle.
    End,
}

/// What a worker is to make, and how.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Make {
    pub(super) errand: Errand,
    /// The bytes of a path.
    pub(super) package_root: Bytes,
    /// The bytes of a path.
    pub(super) data_dir: Bytes,
    pub(super) install_kwargs: String,
    pub(super) package_toml: String,
    /// The services that there are.
    pub(super) services: Vec<(String, u32)>,
    /// As much memory the worker may have, in bytes of address space.
    pub(super) memory: Option<u64>,
    /// What of its log is wanted: 0 nothing, 1 errors, to 5 all.
    pub(super) log: u32,
}

/// A run of a hook.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) hook: String,
    /// For `upgrade`: from which version.
    pub(super) from: String,
    /// As long it has, in milliseconds.
    pub(super) left: u64,
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// The lifecycle is made, or cannot be.
    Made(Result<(), Failure>),
    /// The hook of that run returned.
    Returned(u64, Result<(), Failure>),
    /// The lifecycle is dropped; what its drop did wrong.
    Ended(Result<(), String>),
    /// How far the hook of that run is.
    Progress {
        run: u64,
        done: u64,
        total: Option<u64>,
        message: String,
    },
    Log(RemoteEvent),
    /// Something is asked of a service.
    Call(u64, Request),
}

/// Writes one frame.
pub(super) fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    let text = postcard::to_extend(message, Vec::new()).map_err(io::Error::other)?;
    let len = u32::try_from(text.len()).ok().filter(|it| *it <= LONGEST);
    let len = len.ok_or_else(|| io::Error::other("a message is too long"))?;
    frame.copy_from_slice(&len.to_le_bytes());
    frame.extend(text);
    to.write_all(&frame)
}

/// Reads one frame; `None` at the end.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut len = [0; 4];
    match from.read_exact(&mut len) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let len = u32::from_le_bytes(len);
    if len > LONGEST {
        let why = format!("a message of {len} bytes");
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    let mut text = Vec::new();
    from.take(len.into()).read_to_end(&mut text)?;
    if text.len() < len as usize {
        return Ok(None);
    }
    let message = postcard::from_bytes(&text);
    message
        .map(Some)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Bytes that are sent as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }

        from.deserialize_bytes(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_frame_is_refused() {
        let refused = |bytes: &[u8]| receive::<FromWorker>(bytes).unwrap_err().kind();
        assert_eq!(refused(&[0xff; 64]), ErrorKind::InvalidData);
        assert_eq!(refused(&[1, 0, 0, 0, 99]), ErrorKind::InvalidData);
        // Cut short is an end.
        assert!(
            receive::<FromWorker>(&[9, 0, 0, 0, 0][..])
                .unwrap()
                .is_none()
        );
        assert!(receive::<FromWorker>(&[1, 0][..]).unwrap().is_none());
    }

    #[test]
    fn what_is_sent_is_received() {
        let mut wire = Vec::new();
        let value = Answer::Value(Some(Bytes((0..=255).collect())));
        send(&mut wire, &ToWorker::Answer(7, Ok(value.clone()))).unwrap();
        send(&mut wire, &ToWorker::End).unwrap();
        let mut wire = &wire[..];
        let Some(ToWorker::Answer(7, Ok(got))) = receive(&mut wire).unwrap() else {
            panic!("another message");
        };
        assert_eq!(got, value);
        assert!(matches!(receive(&mut wire).unwrap(), Some(ToWorker::End)));
        assert!(receive::<ToWorker>(&mut wire).unwrap().is_none());
    }
}
