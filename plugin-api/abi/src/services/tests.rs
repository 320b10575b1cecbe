//! Services over the tables, with hosts that are made up.

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fetch::FETCH_TABLE;
use super::store::{MAX_APPLIED, MAX_CHANGES, MAX_KEY, MAX_VALUE, STORE_TABLE};
use super::*;
use crate::call::BoxError;
use crate::host::ServiceOffer;
use crate::lifecycle::*;
use crate::{
    FetchAccess, FetchHandle, FetchRef, FetchRequest, FetchRequestV1, StoreAccess, StoreChange,
    StoreChangeV1, StoreExpected, StoreHandle, StoreOutcome, StoreOutcomeV1, StoreRef, Str,
};

/// What a made-up host does when it is asked.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Serves,
    Fails,
    Panics,
}

struct Fake {
    mood: Mood,
    drops: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<FetchRequest>>>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

impl Fake {
    fn or<T>(&self, value: T) -> Result<T, String> {
        match self.mood {
            Mood::Serves => Ok(value),
            Mood::Fails => Err("the disk is full".to_owned()),
            Mood::Panics => panic!("the host's own code panics"),
        }
    }
}

impl StoreAccess for Fake {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.or((key != b"nothing").then(|| key.to_vec()))
    }
    fn scan(&self, _: &[u8], after: &[u8], limit: usize) -> Result<Vec<bytes::Pair>, String> {
        let first = after.first().map_or(0, |first| first + 1);
        let keys = (first..5).take(limit.min(2));
        self.or(keys.map(|key| (vec![key], vec![0xff, key])).collect())
    }
    fn apply(&self, changes: &[StoreChange<'_>]) -> Result<StoreOutcome, String> {
        let index = changes
            .iter()
            .position(|change| change.expected == StoreExpected::Absent);
        self.or(match index {
            Some(index) => StoreOutcome::Conflict { index },
            None => StoreOutcome::Applied { removed: 1 },
        })
    }
}

impl FetchAccess for Fake {
    fn fetch(
        &self,
        request: &FetchRequest,
        hook: &dyn CancellationAccess,
    ) -> Result<String, String> {
        hook.progress(1, None, "fetching");
        self.seen.lock().unwrap().push(request.clone());
        if hook.is_cancelled() {
            return Err("it was cancelled".to_owned());
        }
        self.or("c0ffee".to_owned())
    }
}

struct Context {
    mood: Mood,
    drops: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<FetchRequest>>>,
}

impl ContextAccess for Context {
    fn package_root(&self) -> PathBuf {
        PathBuf::new()
    }
    fn data_dir(&self) -> PathBuf {
        PathBuf::new()
    }
    fn install_kwargs(&self) -> String {
        String::new()
    }
    fn package_toml(&self) -> String {
        String::new()
    }
    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let fake = Arc::new(Fake {
            mood: self.mood,
            drops: Arc::clone(&self.drops),
            seen: Arc::clone(&self.seen),
        });
        match (name, version) {
            ("keyway.store", 1) => Some(ServiceOffer::store(fake)),
            ("keyway.fetch", 1) => Some(ServiceOffer::fetch(fake)),
            _ => None,
        }
    }
}

/// Hooks that do nothing, and `upgrade`.
macro_rules! no_hooks {
    ($($name:ident)*) => {
        $(fn $name(_: &mut Self::Instance, _: &HookRef) -> Result<(), BoxError> {
            Ok(())
        })*
        fn upgrade(_: &mut Self::Instance, _: &str, _: &HookRef) -> Result<(), BoxError> {
            Ok(())
        }
    };
}

/// A context that is handed to a lifecycle, which keeps it for the test.
fn context(mood: Mood) -> (ContextRef, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    static GIVEN: Mutex<Option<ContextRef>> = Mutex::new(None);
    static ONE: Mutex<()> = Mutex::new(());

    struct Keeps;
    impl Lifecycles for Keeps {
        type Instance = ();
        fn create(_: &str, context: ContextRef) -> Result<Option<()>, BoxError> {
            *GIVEN.lock().unwrap() = Some(context);
            Ok(Some(()))
        }
        no_hooks! { prepare install start stop uninstall }
    }
    static TABLE: LifecycleV1 = lifecycle_v1::<Keeps>();

    let (drops, asked) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let access = Context {
        mood,
        drops: Arc::clone(&drops),
        asked: Arc::clone(&asked),
        seen: Arc::default(),
    };
    let _one = ONE.lock().unwrap();
    // SAFETY: a real table, whose plugin needs no host.
    let made = unsafe { LifecycleRef::new(&TABLE) }.create("Any/Type", Box::new(access));
    made.unwrap().unwrap().destroy().unwrap();
    (GIVEN.lock().unwrap().take().unwrap(), drops, asked)
}

fn store(mood: Mood) -> StoreRef {
    StoreRef::of(&context(mood).0).unwrap()
}

fn reason<T>(result: Result<T, ServiceFailure>) -> String {
    result.err().unwrap().to_string()
}

/// What another author took `keyway.store` 1 for.
#[repr(C)]
#[derive(abi_stable::StableAbi)]
struct OtherStore {
    get: unsafe extern "C" fn(store: *mut c_void, key: Bytes) -> u32,
}

// SAFETY: a table of this test; the mismatch is what is tested.
unsafe impl crate::Interface for OtherStore {
    const NAME: &'static str = "keyway.store";
    const VERSION: u32 = 1;
    const SINCE_MINOR: u16 = 0;
    const EVIDENCE: &'static crate::Evidence = &crate::Evidence::of_other_sources::<Self>();
}

/// The store as a plugin of other sources, but of the same layout, knows it.
#[repr(transparent)]
#[derive(abi_stable::StableAbi)]
struct Later(crate::StoreV1);

// SAFETY: a table of this test, never given.
unsafe impl crate::Interface for Later {
    const NAME: &'static str = "keyway.store";
    const VERSION: u32 = 2;
    const SINCE_MINOR: u16 = 0;
}

#[test]
fn another_layout_or_version_is_refused() {
    let (context, drops, asked) = context(Mood::Serves);
    assert_eq!(
        context.service::<OtherStore>().err().unwrap().to_string(),
        "the host's service `keyway.store` 1 has another layout than this plugin knows"
    );
    assert_eq!(
        context.service::<Later>().err().unwrap().to_string(),
        "the host has no service `keyway.store` 2"
    );
    // What was refused is not lost: it goes with the context.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    drop(context);
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

#[test]
fn what_a_host_fails_with_is_told() {
    let store = store(Mood::Fails);
    assert_eq!(reason(store.get(b"key")), "the disk is full");
    assert_eq!(reason(store.scan(b"", b"")), "the disk is full");
    assert_eq!(reason(store.apply(&[])), "the disk is full");
}

#[test]
fn a_host_that_panics_is_contained() {
    let store = store(Mood::Panics);
    for _ in 0..2 {
        assert_eq!(reason(store.get(b"key")), "the host's service panicked");
        assert_eq!(reason(store.scan(b"", b"")), "the host's service panicked");
        assert_eq!(reason(store.apply(&[])), "the host's service panicked");
    }
}

#[test]
fn what_is_against_the_limits_does_not_reach_the_host() {
    // It would panic.
    let store = store(Mood::Panics);
    let long_key = vec![b'k'; MAX_KEY + 1];
    let long_value = vec![0; MAX_VALUE + 1];
    assert_eq!(reason(store.get(b"")), "a key is empty");
    assert_eq!(
        reason(store.get(&long_key)),
        "a key has 1025 bytes, at most 1024 are allowed"
    );
    assert_eq!(
        reason(store.scan(&long_key, b"")),
        "a prefix has 1025 bytes, at most 1024 are allowed"
    );
    assert_eq!(
        reason(store.scan(b"", &long_key)),
        "a key has 1025 bytes, at most 1024 are allowed"
    );
    let too_long = "a value has 16777217 bytes, at most 16777216 are allowed";
    for change in [
        StoreChange::put(b"key", &long_value),
        StoreChange::delete(b"key").if_value(&long_value),
    ] {
        assert_eq!(reason(store.apply(&[change])), too_long);
    }
    let twice = [StoreChange::delete(b"key"), StoreChange::put(b"key", b"")];
    assert_eq!(
        reason(store.apply(&twice)),
        "a key stands twice among the changes"
    );
    let many = vec![StoreChange::delete(b"key"); MAX_CHANGES + 1];
    assert_eq!(
        reason(store.apply(&many)),
        "4097 changes at once, at most 4096 are allowed"
    );
    let value = &long_value[..MAX_VALUE];
    let keys: Vec<[u8; 1]> = (0..5).map(|key| [key]).collect();
    let large: Vec<_> = keys
        .iter()
        .map(|key| StoreChange::put(key, value))
        .collect();
    assert_eq!(
        reason(store.apply(&large)),
        format!(
            "the changes have {} bytes, at most {MAX_APPLIED} are allowed",
            5 * (MAX_VALUE + 1)
        )
    );
}

#[test]
fn a_plugin_in_c_may_do_what_rust_does_not() {
    let handle: StoreHandle = Arc::new(Fake {
        mood: Mood::Panics,
        drops: Arc::default(),
        seen: Arc::default(),
    });
    let store: *mut c_void = (&raw const handle).cast_mut().cast();
    let nowhere = Bytes {
        ptr: std::ptr::null(),
        len: 1,
    };
    let told = |call: &dyn Fn(*const StrSink) -> u32| {
        let (status, why) = with_reason(call);
        assert_eq!(status, status::INVALID);
        why.unwrap()
    };
    let key = Bytes::borrow(b"key");
    let null: *mut c_void = std::ptr::null_mut();
    let change = StoreChangeV1 {
        expect: 0,
        action: 0,
        key,
        expected: nowhere,
        value: nowhere,
    };
    let apply = |change: StoreChangeV1| {
        told(&|error| {
            // SAFETY: a store that lives on, and pointers that outlive the call.
            unsafe { (STORE_TABLE.apply)(store, &raw const change, 1, null.cast(), error) }
        })
    };
    // SAFETY: as above; what is wrong is what the contract lets the host refuse.
    unsafe {
        let get = told(&|error| (STORE_TABLE.get)(store, nowhere, null.cast(), error));
        assert_eq!(get, "a key is a null pointer");
        let (table, out) = (&STORE_TABLE, null.cast());
        let scan = told(&|error| (table.scan)(store, Bytes::EMPTY, Bytes::EMPTY, 0, out, error));
        assert_eq!(scan, "no pair at all is asked for");
        let none = told(&|error| (STORE_TABLE.apply)(store, null.cast(), 1, null.cast(), error));
        assert_eq!(none, "the changes are a null pointer");
    }
    assert_eq!(
        apply(StoreChangeV1 {
            expect: 3,
            ..change
        }),
        "a change expects 3, which is unknown"
    );
    assert_eq!(
        apply(StoreChangeV1 {
            action: 2,
            ..change
        }),
        "a change does 2, which is unknown"
    );
    assert_eq!(
        apply(StoreChangeV1 {
            expect: 2,
            ..change
        }),
        "a value is a null pointer"
    );
    assert_eq!(
        apply(StoreChangeV1 {
            action: 1,
            ..change
        }),
        "a value is a null pointer"
    );
    // Without a place for the reason there is only the status.
    // SAFETY: as above.
    let status = unsafe { (STORE_TABLE.get)(store, key, null.cast(), null.cast()) };
    assert_eq!(status, status::REFUSED);
}

#[test]
fn a_store_serves() {
    let store = store(Mood::Serves);
    assert_eq!(store.get(b"nothing").unwrap(), None);
    let odd: Vec<u8> = (0..=255).collect();
    assert_eq!(store.get(&odd).unwrap().unwrap(), odd);
    let page = |after: &[u8]| store.scan(b"", after).unwrap();
    assert_eq!(
        page(b""),
        [(vec![0], vec![0xff, 0]), (vec![1], vec![0xff, 1])]
    );
    assert_eq!(page(&[3]), [(vec![4], vec![0xff, 4])]);
    assert_eq!(page(&[4]), []);
    let changes = [
        StoreChange::put(b"a", b""),
        StoreChange::delete(b"b").if_value(b"x"),
        StoreChange::put(b"c", b"1").if_absent(),
    ];
    assert_eq!(
        store.apply(&changes).unwrap(),
        StoreOutcome::Conflict { index: 2 }
    );
    assert_eq!(
        store.apply(&changes[..2]).unwrap(),
        StoreOutcome::Applied { removed: 1 }
    );
    let mut out = StoreOutcomeV1 {
        removed: 7,
        conflict: 7,
    };
    let handle: StoreHandle = Arc::new(Fake {
        mood: Mood::Serves,
        drops: Arc::default(),
        seen: Arc::default(),
    });
    let null = std::ptr::null();
    // SAFETY: a store that lives on; no changes are no pointer.
    let status = unsafe {
        let store = (&raw const handle).cast_mut().cast();
        (STORE_TABLE.apply)(store, std::ptr::null(), 0, &raw mut out, null)
    };
    assert_eq!((status, out.removed, out.conflict), (status::OK, 1, 0));
}

#[test]
fn a_service_lives_as_long_as_somebody_holds_it() {
    let (context, drops, asked) = context(Mood::Serves);
    let stores: Vec<StoreRef> = (0..4).map(|_| StoreRef::of(&context).unwrap()).collect();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the host is asked once");
    drop(context);
    // The lifecycle is gone, and threads go on.
    let threads: Vec<_> = stores
        .into_iter()
        .map(|store| std::thread::spawn(move || store.get(b"key").unwrap().unwrap()))
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), b"key");
    }
    assert_eq!(
        drops.load(Ordering::SeqCst),
        1,
        "and goes with the last one"
    );
}

#[derive(Default)]
struct Watched {
    cancelled: bool,
    progress: Mutex<Vec<String>>,
}

impl CancellationAccess for Watched {
    fn remaining(&self) -> Option<Duration> {
        None
    }
    fn is_cancelled(&self) -> bool {
        self.cancelled
    }
    fn wait_cancelled(&self, _: Duration) -> bool {
        self.cancelled
    }
    fn progress(&self, done: u64, _: Option<u64>, message: &str) {
        let line = format!("{done} {message}");
        self.progress.lock().unwrap().push(line);
    }
}

/// Fetches in a hook `prepare`.
fn fetch(mood: Mood, run: &Arc<Watched>, request: FetchRequest) -> Result<String, String> {
    struct Fetches(ContextRef);
    static TABLE: LifecycleV1 = lifecycle_v1::<Fetches>();
    static ONE: Mutex<Option<FetchRequest>> = Mutex::new(None);
    static DONE: Mutex<Option<Result<String, String>>> = Mutex::new(None);
    static TURN: Mutex<()> = Mutex::new(());

    impl Lifecycles for Fetches {
        type Instance = Fetches;
        fn create(_: &str, context: ContextRef) -> Result<Option<Fetches>, BoxError> {
            Ok(Some(Fetches(context)))
        }
        fn prepare(it: &mut Fetches, hook: &HookRef) -> Result<(), BoxError> {
            let request = ONE.lock().unwrap().take().unwrap();
            let done = FetchRef::of(&it.0)?.fetch(&request, hook);
            *DONE.lock().unwrap() = Some(done.map_err(|error| error.to_string()));
            Ok(())
        }
        no_hooks! { install start stop uninstall }
    }

    let _turn = TURN.lock().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let access = Context {
        mood,
        drops: Arc::default(),
        asked: Arc::default(),
        seen: Arc::clone(&seen),
    };
    *ONE.lock().unwrap() = Some(request.clone());
    // SAFETY: a real table, whose plugin needs no host.
    let made = unsafe { LifecycleRef::new(&TABLE) }.create("Any/Type", Box::new(access));
    let mut lifecycle = made.unwrap().unwrap();
    let hook: Cancellation = Arc::clone(run) as Cancellation;
    lifecycle.prepare(&hook).unwrap();
    lifecycle.destroy().unwrap();
    for seen in seen.lock().unwrap().iter() {
        assert_eq!(*seen, request);
    }
    DONE.lock().unwrap().take().unwrap()
}

#[test]
fn a_request_that_leads_elsewhere_does_not_reach_the_host() {
    let good = FetchRequest {
        url: "https://example.org/it.git".to_owned(),
        folder: "it".to_owned(),
        ..FetchRequest::default()
    };
    let run = Arc::new(Watched::default());
    let refused = |request| fetch(Mood::Panics, &run, request).unwrap_err();
    for folder in [
        "", ".", "..", "/", "/tmp", "a/../b", "a//b", "a/", "./a", "a\\b", "C:", "a\0b", "a\nb",
    ] {
        let mut request = good.clone();
        request.folder = folder.to_owned();
        assert_eq!(
            refused(request),
            format!("the folder `{folder}` is no plain name below the data folder")
        );
    }
    let mut request = good.clone();
    request.url = String::new();
    assert_eq!(refused(request), "the URL is empty");
    for bad in ["--upload-pack=x", "a b", "a\nb", "a\0b"] {
        let told = |what: &str| format!("{what} `{bad}` begins with `-` or has white space");
        let mut request = good.clone();
        request.url = bad.to_owned();
        assert_eq!(refused(request), told("the URL"));
        let mut request = good.clone();
        request.branch = Some(bad.to_owned());
        assert_eq!(refused(request), told("the branch"));
        let mut request = good.clone();
        request.rev = Some(bad.to_owned());
        assert_eq!(refused(request), told("the rev"));
    }
    assert_eq!(*run.progress.lock().unwrap(), [""; 0]);

    let handle: FetchHandle = Arc::new(Fake {
        mood: Mood::Panics,
        drops: Arc::default(),
        seen: Arc::default(),
    });
    let context: *mut c_void = (&raw const handle).cast_mut().cast();
    let raw = FetchRequestV1 {
        url: Str::borrow("https://example.org"),
        branch: Str::EMPTY,
        rev: Str::EMPTY,
        folder: Str::borrow("it"),
        update: 0,
    };
    let nowhere = std::ptr::null();
    let (status, why) = with_reason(|error| {
        // SAFETY: a service that lives on, and pointers that outlive the call; no hook is what the
        // contract lets the host refuse.
        unsafe { (FETCH_TABLE.fetch)(context, &raw const raw, std::ptr::null(), nowhere, error) }
    });
    assert_eq!(status, status::INVALID);
    assert_eq!(why.unwrap(), "no hook was given");
}

#[test]
fn fetching_tells_what_it_does_and_gives_up_with_its_hook() {
    let request = FetchRequest {
        url: "https://example.org/it.git".to_owned(),
        branch: Some("main".to_owned()),
        rev: Some("v1.0".to_owned()),
        folder: "vendor/größe".to_owned(),
        update: true,
    };
    let run = Arc::new(Watched::default());
    let fetched = fetch(Mood::Fails, &run, request.clone());
    assert_eq!(fetched, Err("the disk is full".to_owned()));
    let fetched = fetch(Mood::Panics, &run, request.clone());
    assert_eq!(fetched, Err("the host's service panicked".to_owned()));
    let fetched = fetch(Mood::Serves, &run, request.clone());
    assert_eq!(fetched, Ok("c0ffee".to_owned()));
    assert_eq!(*run.progress.lock().unwrap(), ["1 fetching"; 3]);
    let run = Arc::new(Watched {
        cancelled: true,
        ..Watched::default()
    });
    let fetched = fetch(Mood::Serves, &run, request);
    assert_eq!(fetched, Err("it was cancelled".to_owned()));
}
