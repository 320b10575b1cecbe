//! The services of lifecycles across the border, and stores through kills and on full disks.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyway::lifecycle::{StoreError, Stores};
use keyway::plugin::{
    Cancellation, CancellationAccess, ContextAccess, FetchAccess, FetchRequest, HookName,
    Lifecycle, Registry, SearchPath, ServiceOffer, StoreChange, StoreOutcome,
};
use keyway_tests::PluginFolder;
use keyway_tests::disk::{Disk, may_mount};

/// What a host has: services or none.
#[derive(Clone)]
struct Host {
    data: PathBuf,
    stores: Option<Arc<Stores>>,
    fetched: Arc<Mutex<Vec<FetchRequest>>>,
}

impl ContextAccess for Host {
    fn package_root(&self) -> PathBuf {
        PathBuf::from("/the/package")
    }
    fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }
    fn install_kwargs(&self) -> String {
        "{}".to_owned()
    }
    fn package_toml(&self) -> String {
        "{}".to_owned()
    }
    fn service(&self, name: &str, version: u32) -> Option<ServiceOffer> {
        let stores = self.stores.as_ref()?;
        match (name, version) {
            ("keyway.store", 1) => Some(ServiceOffer::store(stores.store("a.b").ok()?)),
            ("keyway.fetch", 1) => Some(ServiceOffer::fetch(Arc::new(self.clone()))),
            _ => None,
        }
    }
}

impl FetchAccess for Host {
    fn fetch(
        &self,
        request: &FetchRequest,
        hook: &dyn CancellationAccess,
    ) -> Result<String, String> {
        hook.progress(1, Some(1), &format!("fetching `{}`", request.url));
        if hook.is_cancelled() {
            return Err("it was cancelled".to_owned());
        }
        self.fetched.lock().unwrap().push(request.clone());
        Ok("c0ffee".to_owned())
    }
}

#[derive(Default)]
struct Run {
    cancelled: bool,
    progress: Mutex<Vec<String>>,
}

impl CancellationAccess for Run {
    fn remaining(&self) -> Option<Duration> {
        None
    }
    fn is_cancelled(&self) -> bool {
        self.cancelled
    }
    fn wait_cancelled(&self, _: Duration) -> bool {
        self.cancelled
    }
    fn progress(&self, _: u64, _: Option<u64>, message: &str) {
        self.progress.lock().unwrap().push(message.to_owned());
    }
}

fn host(data: &Path) -> Host {
    Host {
        data: data.to_path_buf(),
        stores: Some(Arc::new(Stores::new(data.join("stores")))),
        fetched: Arc::default(),
    }
}

fn lifecycle(host: Host) -> Lifecycle {
    let folder = PluginFolder::with(&["stores"]);
    let registry = Registry::new(SearchPath::only([folder.path()]));
    let name = "Stores/Kept".parse().unwrap();
    registry.lifecycle(&name, Box::new(host)).unwrap()
}

fn run() -> Cancellation {
    Arc::new(Run::default())
}

#[test]
fn a_host_without_services_says_so() {
    let data = tempfile::tempdir().unwrap();
    let mut kept = lifecycle(Host {
        stores: None,
        ..host(data.path())
    });
    for (hook, name) in [
        (HookName::Prepare, "keyway.store"),
        (HookName::Install, "keyway.fetch"),
    ] {
        let fault = kept.run(hook, &run()).unwrap_err();
        assert_eq!(
            fault.reports()[0].message,
            format!("the host has no service `{name}` 1")
        );
    }
}

#[test]
fn what_is_refused_says_why() {
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path());
    let mut kept = lifecycle(host.clone());
    kept.run(HookName::Uninstall, &run()).unwrap();
    let said = std::fs::read_to_string(data.path().join("refused.txt")).unwrap();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "a key is empty",
            "a key has 1025 bytes, at most 1024 are allowed",
            "a value has 16777217 bytes, at most 16777216 are allowed",
            "a prefix has 1025 bytes, at most 1024 are allowed",
            "the folder `../elsewhere` is no plain name below the data folder",
        ]
    );
    assert_eq!(*host.fetched.lock().unwrap(), []);
    assert!(!data.path().join("stores").exists());

    // What is damaged reaches the author and who looks at the fault.
    std::fs::create_dir(data.path().join("stores")).unwrap();
    let file = data.path().join("stores/a.b.redb");
    std::fs::write(&file, "no database").unwrap();
    let fault = kept.run(HookName::Prepare, &run()).unwrap_err();
    let message = &fault.reports()[0].message;
    let wanted = format!("the store `{}` is damaged: ", file.display());
    assert!(message.starts_with(&wanted), "{message}");
}

#[test]
fn a_store_works_across_the_border() {
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path());
    let stores = host.stores.clone().unwrap();
    let mut kept = lifecycle(host);
    kept.run(HookName::Prepare, &run()).unwrap();
    // Sixteen threads of the plugin count, and lose nothing.
    kept.run(HookName::Start, &run()).unwrap();
    let store = stores.store("a.b").unwrap();
    assert_eq!(store.get(b"count").unwrap().unwrap(), b"160");
    // It goes on in a thread when the lifecycle is gone.
    kept.end().unwrap();
    std::fs::write(data.path().join("go"), "").unwrap();
    assert_eq!(wait_for(&data.path().join("late.txt")), "done");
    assert_eq!(store.get(b"late").unwrap().unwrap(), b"yes");
}

#[test]
fn a_store_that_was_closed_is_an_error_in_the_plugin() {
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path());
    let stores = host.stores.clone().unwrap();
    let mut kept = lifecycle(host);
    kept.run(HookName::Start, &run()).unwrap();
    kept.end().unwrap();
    stores.remove("a.b").unwrap();
    std::fs::write(data.path().join("go"), "").unwrap();
    let said = wait_for(&data.path().join("late.txt"));
    assert_eq!(said, "the store of `a.b` is closed");
    assert!(!data.path().join("stores/a.b.redb").exists());
}

#[test]
fn fetching_reaches_the_host_with_the_hook() {
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path());
    let mut kept = lifecycle(host.clone());
    let cancelled: Cancellation = Arc::new(Run {
        cancelled: true,
        ..Run::default()
    });
    let fault = kept.run(HookName::Install, &cancelled).unwrap_err();
    assert_eq!(fault.reports()[0].message, "it was cancelled");

    let run = Arc::new(Run::default());
    let hook: Cancellation = Arc::clone(&run) as Cancellation;
    kept.run(HookName::Install, &hook).unwrap();
    let plain = FetchRequest {
        url: "https://example.org/a.git".to_owned(),
        folder: "a".to_owned(),
        ..FetchRequest::default()
    };
    let exact = FetchRequest {
        url: "https://example.org/b.git".to_owned(),
        branch: Some("main".to_owned()),
        rev: Some("v1.0".to_owned()),
        folder: "vendor/b".to_owned(),
        update: true,
    };
    assert_eq!(*host.fetched.lock().unwrap(), [plain, exact]);
    assert_eq!(
        *run.progress.lock().unwrap(),
        [
            "fetching `https://example.org/a.git`",
            "fetching `https://example.org/b.git`"
        ]
    );
    let said = std::fs::read_to_string(data.path().join("fetched.txt")).unwrap();
    let folder = data.path().display();
    assert_eq!(
        said,
        format!(
            "Fetched {{ path: \"{folder}/a\", commit: \"c0ffee\" }}\n\
             Fetched {{ path: \"{folder}/vendor/b\", commit: \"c0ffee\" }}\n"
        )
    );
}

/// Says to a test that it is the process to be killed, and where its stores are.
const KILLED: &str = "KEYWAY_TEST_STORES";

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    if let Some(folder) = std::env::var_os(KILLED) {
        write_until_killed(Path::new(&folder));
    }
    let data = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_was_acknowledged_outlives_a_kill"])
            .arg("--nocapture")
            .env(KILLED, data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut numbers = lines.map_while(Result::ok).filter_map(|line| {
            let (_, number) = line.split_once("written ")?;
            number.parse::<u64>().ok()
        });
        let until = acknowledged + 3 + 5 * round;
        acknowledged = numbers.find(|number| *number >= until).unwrap();
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        // What it still said before the end.
        acknowledged = numbers.last().unwrap_or(acknowledged);
        child.wait().unwrap();

        let stores = Stores::new(data.path());
        let store = stores.store("a.b").unwrap();
        let pairs = store.scan(b"n/", b"", 100_000).unwrap();
        let keys: Vec<u64> = pairs
            .iter()
            .map(|(key, _)| u64::from_be_bytes(key[2..].try_into().unwrap()))
            .collect();
        let count = keys.len() as u64;
        assert!(keys.into_iter().eq(1..=count), "none is left out");
        // One more may have been made than was said.
        assert!(count == acknowledged || count == acknowledged + 1);
        assert_eq!(store.get(b"last").unwrap().unwrap(), count.to_be_bytes());
        acknowledged = count;
    }
}

fn write_until_killed(folder: &Path) -> ! {
    let stores = Stores::new(folder);
    let store = stores.store("a.b").unwrap();
    let last = store.get(b"last").unwrap();
    let mut number = last.map_or(0, |it| u64::from_be_bytes(it.try_into().unwrap()));
    loop {
        number += 1;
        let key = [b"n/".as_slice(), &number.to_be_bytes()].concat();
        let value = vec![1; 2000];
        let outcome = store.apply(&[
            StoreChange::put(&key, &value).if_absent(),
            StoreChange::put(b"last", &number.to_be_bytes()),
        ]);
        assert_eq!(outcome.unwrap(), StoreOutcome::Applied { removed: 0 });
        println!("written {number}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_no_end() {
    if !may_mount("a_full_disk_is_an_error_and_no_end") {
        return;
    }
    let disk = Disk::new("size=8m");
    let stores = Stores::new(disk.path().join("stores"));
    let full = |error: StoreError| {
        let StoreError::Io { source, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{error}");
        assert_eq!(error.hint(), Some("make room on that disk"));
    };

    // Not even a new one has room.
    disk.fill_up_to(0);
    let store = stores.store("a.b").unwrap();
    full(store.apply(&[StoreChange::put(b"k", b"v")]).unwrap_err());
    assert_eq!(store.get(b"k").unwrap(), None);
    disk.empty();

    let value = vec![9; 100_000];
    let put = |number: u32| store.apply(&[StoreChange::put(&number.to_be_bytes(), &value)]);
    let mut kept = 0;
    let error = loop {
        match put(kept) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    full(error);
    assert!(kept > 5, "{kept}");
    for _ in 0..3 {
        // It stays full, and everything is there.
        full(put(kept).unwrap_err());
        for number in 0..kept {
            assert!(store.get(&number.to_be_bytes()).unwrap() == Some(value.clone()));
        }
        assert_eq!(store.get(&kept.to_be_bytes()).unwrap(), None);
    }
    // Many at once hinder each other no more than that.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..3_u32 {
                    full(put(kept).unwrap_err());
                    assert!(store.get(&number.to_be_bytes()).unwrap() == Some(value.clone()));
                }
            });
        }
    });
    // A larger disk.
    let output = Command::new("mount")
        .args(["-o", "remount,size=32m"])
        .arg(disk.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let done = StoreOutcome::Applied { removed: 0 };
    assert_eq!(put(kept).unwrap(), done);
    drop(stores);
    let stores = Stores::new(disk.path().join("stores"));
    let store = stores.store("a.b").unwrap();
    for number in 0..=kept {
        assert!(store.get(&number.to_be_bytes()).unwrap() == Some(value.clone()));
    }
}

/// What the plugin's thread writes into `file`, ten seconds at most.
fn wait_for(file: &Path) -> String {
    for _ in 0..1000 {
        match std::fs::read_to_string(file) {
            Ok(text) if !text.is_empty() => return text,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    panic!("it does not say anything");
}
