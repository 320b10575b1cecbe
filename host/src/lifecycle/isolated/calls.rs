//! Services over the connection.
//!
//! A new service goes here, and nowhere else in this folder: a variant of [`Request`] for each of its
//! functions, one of [`Answer`] for each kind of answer that is not there yet, an arm of [`answer`] for
//! what the manager does, an `impl` of its trait for [`Proxy`], and a line in [`OFFERED`] and in
//! [`Proxy::offer`]; or, if it is larger, the like in a file of its own. What it has of types of `keyway-abi` is mirrored, since those know nothing of serde.

use std::sync::Arc;

use keyway_abi::{CancellationAccess, FetchAccess, StoreAccess};
use serde::{Deserialize, Serialize};

use super::wire::Bytes;
use super::worker::Link;
use super::{packages, process};
use crate::lifecycle::code::Context;
use crate::plugin::{
    ContextAccess as _, FetchRequest, ServiceOffer, StoreChange, StoreExpected, StoreOutcome,
};

/// The services that can be had over the connection.
const OFFERED: [(&str, u32); 4] = [
    ("keyway.store", 1),
    ("keyway.fetch", 1),
    ("keyway.packages", 1),
    ("keyway.process", 1),
];

/// What a lifecycle asks of a service.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    StoreGet(Bytes),
    StoreScan {
        prefix: Bytes,
        after: Bytes,
        limit: usize,
    },
    StoreApply(Vec<Change>),
    Fetch {
        url: String,
        branch: Option<String>,
        rev: Option<String>,
        folder: String,
        update: bool,
    },
    Packages(packages::Request),
    Process(process::Request),
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    Value(Option<Bytes>),
    Pairs(Vec<(Bytes, Bytes)>),
    Applied { removed: u64 },
    Conflict { index: usize },
    Text(String),
    Packages(Vec<packages::Package>),
    Process(process::Answer),
}

/// One change of a store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Change {
    key: Bytes,
    expected: Expected,
    value: Option<Bytes>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Expected {
    Any,
    Absent,
    Value(Bytes),
}

/// The services that the package of `context` has.
pub(super) fn offered(context: &Context) -> Vec<(String, u32)> {
    let offered = OFFERED.iter();
    offered
        .filter(|(name, version)| context.service(name, *version).is_some())
        .map(|(name, version)| ((*name).to_owned(), *version))
        .collect()
}

/// Does what is asked for; `hook` is the run that it is done for.
pub(super) fn answer(
    context: &Context,
    request: Request,
    hook: &dyn CancellationAccess,
) -> Result<Answer, String> {
    let store = || context.store.as_deref().ok_or("there is no store");
    match request {
        Request::StoreGet(key) => {
            let value = StoreAccess::get(store()?, &key.0)?;
            Ok(Answer::Value(value.map(Bytes)))
        }
        Request::StoreScan {
            prefix,
            after,
            limit,
        } => {
            let pairs = StoreAccess::scan(store()?, &prefix.0, &after.0, limit)?;
            let pairs = pairs.into_iter();
            Ok(Answer::Pairs(
                pairs
                    .map(|(key, value)| (Bytes(key), Bytes(value)))
                    .collect(),
            ))
        }
        Request::StoreApply(changes) => {
            let changes: Vec<_> = changes.iter().map(Change::borrowed).collect();
            match StoreAccess::apply(store()?, &changes)? {
                StoreOutcome::Applied { removed } => Ok(Answer::Applied { removed }),
                StoreOutcome::Conflict { index } => Ok(Answer::Conflict { index }),
            }
        }
        Request::Fetch {
            url,
            branch,
            rev,
            folder,
            update,
        } => {
            let request = FetchRequest {
                url,
                branch,
                rev,
                folder,
                update,
            };
            fetch(context, &request, hook)
        }
        Request::Packages(request) => {
            packages::answer(&*context.others, request, hook).map(Answer::Packages)
        }
        Request::Process(request) => Ok(Answer::Process(process::answer(
            &*context.processes,
            request,
        ))),
    }
}

#[cfg(feature = "git")]
fn fetch(
    context: &Context,
    request: &FetchRequest,
    hook: &dyn CancellationAccess,
) -> Result<Answer, String> {
    context.fetches.fetch(request, hook).map(Answer::Text)
}

#[cfg(not(feature = "git"))]
fn fetch(_: &Context, _: &FetchRequest, _: &dyn CancellationAccess) -> Result<Answer, String> {
    Err("nothing is fetched here".to_owned())
}

impl Change {
    fn of(change: &StoreChange<'_>) -> Self {
        let bytes = |bytes: &[u8]| Bytes(bytes.to_vec());
        Self {
            key: bytes(change.key),
            expected: match change.expected {
                StoreExpected::Any => Expected::Any,
                StoreExpected::Absent => Expected::Absent,
                StoreExpected::Value(value) => Expected::Value(bytes(value)),
            },
            value: change.value.map(bytes),
        }
    }

    fn borrowed(&self) -> StoreChange<'_> {
        StoreChange {
            key: &self.key.0,
            expected: match &self.expected {
                Expected::Any => StoreExpected::Any,
                Expected::Absent => StoreExpected::Absent,
                Expected::Value(value) => StoreExpected::Value(&value.0),
            },
            value: self.value.as_ref().map(|it| &it.0[..]),
        }
    }
}

/// All services, in the worker: each asks the manager.
pub(super) struct Proxy(pub(super) Arc<Link>);

impl Proxy {
    /// The service `name`, which is there.
    pub(super) fn offer(link: &Arc<Link>, name: &str, version: u32) -> Option<ServiceOffer> {
        let proxy = Arc::new(Self(Arc::clone(link)));
        match (name, version) {
            ("keyway.store", 1) => Some(ServiceOffer::store(proxy)),
            ("keyway.fetch", 1) => Some(ServiceOffer::fetch(proxy)),
            ("keyway.packages", 1) => Some(ServiceOffer::packages(proxy)),
            ("keyway.process", 1) => Some(ServiceOffer::process(proxy)),
            _ => None,
        }
    }
}

/// The manager answered something else.
pub(super) fn odd<T>(_: Answer) -> Result<T, String> {
    Err("the answer is of another kind".to_owned())
}

impl StoreAccess for Proxy {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match self.0.ask(Request::StoreGet(Bytes(key.to_vec())))? {
            Answer::Value(value) => Ok(value.map(|it| it.0)),
            other => odd(other),
        }
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, String> {
        let request = Request::StoreScan {
            prefix: Bytes(prefix.to_vec()),
            after: Bytes(after.to_vec()),
            limit,
        };
        match self.0.ask(request)? {
            Answer::Pairs(pairs) => {
                let pairs = pairs.into_iter();
                Ok(pairs.map(|(key, value)| (key.0, value.0)).collect())
            }
            other => odd(other),
        }
    }

    fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, String> {
        let changes = changes.iter().map(Change::of).collect();
        match self.0.ask(Request::StoreApply(changes))? {
            Answer::Applied { removed } => Ok(StoreOutcome::Applied { removed }),
            Answer::Conflict { index } => Ok(StoreOutcome::Conflict { index }),
            other => odd(other),
        }
    }
}

impl FetchAccess for Proxy {
    /// The manager knows the run itself: how far it is told, and when it is to give up.
    fn fetch(&self, request: &FetchRequest, _: &dyn CancellationAccess) -> Result<String, String> {
        let FetchRequest {
            url,
            branch,
            rev,
            folder,
            update,
        } = request.clone();
        let request = Request::Fetch {
            url,
            branch,
            rev,
            folder,
            update,
        };
        match self.0.ask(request)? {
            Answer::Text(commit) => Ok(commit),
            other => odd(other),
        }
    }
}
