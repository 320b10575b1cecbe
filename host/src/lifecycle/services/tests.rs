//! Stores: what they refuse, what they keep, and what becomes of damaged ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_abi::{StoreChange, StoreOutcome};

use super::{PackageStore, StoreError, Stores};

const DONE: StoreOutcome = StoreOutcome::Applied { removed: 0 };

struct Place {
    folder: tempfile::TempDir,
    stores: Stores,
}

impl Place {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let stores = Stores::new(folder.path().join("state/stores"));
        Self { folder, stores }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state/stores/a.b.redb")
    }

    fn store(&self) -> Arc<PackageStore> {
        self.stores.store("a.b").unwrap()
    }

    /// A store that was closed with what `changes` say.
    fn filled(&self, changes: &[StoreChange<'_>]) {
        assert_eq!(self.store().apply(changes).unwrap(), DONE);
        self.stores.close("a.b");
    }

    /// Every operation fails, and each in the same way; the message without the file's name.
    fn refuses(&self) -> String {
        let store = self.store();
        let errors = [
            store.get(b"k").unwrap_err(),
            store.scan(b"", b"", 1).unwrap_err(),
            store.apply(&[StoreChange::put(b"k", b"v")]).unwrap_err(),
        ];
        let file = self.file().display().to_string();
        let texts = errors.map(|error| {
            let text = error.line();
            assert!(text.contains(&file), "{text}");
            text.replace(&file, "FILE")
        });
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[0], texts[2]);
        texts[0].clone()
    }
}

#[test]
fn a_name_that_leads_elsewhere_has_no_store() {
    let place = Place::new();
    let long = "a".repeat(201);
    for id in [
        "", ".", "..", ".a", "a/b", "../a", "a\\b", "a b", "a\0b", "ä", &long,
    ] {
        let error = place.stores.store(id).unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{id}");
        let error = place.stores.remove(id).unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{id}");
    }
    assert!(!place.file().parent().unwrap().exists());
}

#[test]
fn what_is_no_store_is_refused_and_left() {
    let place = Place::new();
    place.filled(&[StoreChange::put(b"k", b"v")]);
    let whole = fs::read(place.file()).unwrap();
    let contents: [&[u8]; 5] = [
        b"",
        b"no database",
        &[b'x'; 100_000],
        &whole[..300],
        &whole[..whole.len() / 2],
    ];
    for content in contents {
        fs::write(place.file(), content).unwrap();
        let text = place.refuses();
        assert!(text.starts_with("the store `FILE` is damaged: "), "{text}");
        assert_eq!(fs::read(place.file()).unwrap(), content);
    }
    // Another program's database.
    fs::remove_file(place.file()).unwrap();
    let database = redb::Database::create(place.file()).unwrap();
    drop(database);
    let text = place.refuses();
    assert!(text.starts_with("the store `FILE` is damaged: "), "{text}");

    fs::remove_file(place.file()).unwrap();
    fs::create_dir(place.file()).unwrap();
    let text = place.refuses();
    assert!(text.starts_with("cannot open the store `FILE`: "), "{text}");

    // Put back, it is there again.
    fs::remove_dir(place.file()).unwrap();
    fs::write(place.file(), whole).unwrap();
    assert_eq!(place.store().get(b"k").unwrap().unwrap(), b"v");
}

#[test]
fn a_store_that_another_uses_is_refused_until_it_does_not() {
    let place = Place::new();
    let other = Stores::new(place.file().parent().unwrap());
    let theirs = other.store("a.b").unwrap();
    assert_eq!(theirs.apply(&[StoreChange::put(b"k", b"v")]).unwrap(), DONE);
    assert_eq!(
        place.refuses(),
        "the store `FILE` is in use by another process"
    );
    other.close_all();
    assert_eq!(place.store().get(b"k").unwrap().unwrap(), b"v");
}

#[test]
fn a_closed_store_stays_closed_for_who_holds_it() {
    let place = Place::new();
    let closed = |store: &PackageStore| {
        let error = store.get(b"k").unwrap_err();
        assert_eq!(error.to_string(), "the store of `a.b` is closed");
        let change = StoreChange::put(b"k", b"late");
        assert!(store.apply(&[change]).is_err());
        assert!(store.scan(b"", b"", 9).is_err());
    };
    let first = place.store();
    assert_eq!(first.apply(&[StoreChange::put(b"k", b"v")]).unwrap(), DONE);
    place.stores.close("a.b");
    closed(&first);
    let second = place.store();
    assert_eq!(second.get(b"k").unwrap().unwrap(), b"v");
    place.stores.remove("a.b").unwrap();
    closed(&second);
    assert!(!place.file().exists());
    // What was removed begins anew.
    let third = place.store();
    assert_eq!(third.get(b"k").unwrap(), None);
    // Removing what is not there is done, too.
    place.stores.remove("a.b").unwrap();
    place.stores.remove("never.there").unwrap();
    let fourth = place.store();
    drop(place);
    closed(&third);
    closed(&fourth);
}

#[test]
fn reading_makes_nothing_and_writing_makes_a_private_file() {
    let place = Place::new();
    let store = place.store();
    assert_eq!(store.get(b"k").unwrap(), None);
    assert_eq!(store.scan(b"", b"", 9).unwrap(), []);
    assert!(!place.folder.path().join("state").exists());

    // What a process that was killed left does not matter.
    fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    fs::write(place.file().with_file_name(".a.b.new"), b"half").unwrap();
    assert_eq!(store.apply(&[StoreChange::put(b"k", b"v")]).unwrap(), DONE);
    let names: Vec<_> = fs::read_dir(place.file().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["a.b.redb"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn changes_are_made_all_or_none() {
    let place = Place::new();
    let store = place.store();
    let all = || store.scan(b"", b"", 100).unwrap();
    let first = [
        StoreChange::put(b"a", b"1").if_absent(),
        StoreChange::put(b"b", b"2"),
    ];
    assert_eq!(store.apply(&first).unwrap(), DONE);
    let before = all();
    for (changes, index) in [
        (vec![StoreChange::delete(b"b"), first[0]], 1),
        (
            vec![
                StoreChange::put(b"c", b"3"),
                StoreChange::put(b"b", b"4").if_value(b"3"),
            ],
            1,
        ),
        (vec![StoreChange::delete(b"c").if_value(b"")], 0),
        // What is expected is what was there before the first change.
        (
            vec![
                StoreChange::put(b"c", b"3"),
                StoreChange::put(b"d", b"4").if_value(b""),
            ],
            1,
        ),
    ] {
        let outcome = store.apply(&changes).unwrap();
        assert_eq!(outcome, StoreOutcome::Conflict { index }, "{changes:?}");
        assert_eq!(all(), before);
    }
    let last = [
        StoreChange::delete(b"a").if_value(b"1"),
        StoreChange::delete(b"b"),
        StoreChange::delete(b"nothing"),
        StoreChange::put(b"c", b"").if_absent(),
    ];
    let outcome = store.apply(&last).unwrap();
    assert_eq!(outcome, StoreOutcome::Applied { removed: 2 });
    assert_eq!(all(), [(b"c".to_vec(), Vec::new())]);
}

/// Numbers that look random, the same ones each time.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// All pairs with `prefix`, in pages of `limit`.
fn pages(store: &PackageStore, prefix: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut all, mut last) = (Vec::new(), Vec::new());
    loop {
        let page = store.scan(prefix, &last, limit).unwrap();
        assert!(page.len() <= limit);
        let Some((key, _)) = page.last() else {
            return all;
        };
        last.clone_from(key);
        all.extend(page);
    }
}

#[test]
fn a_store_does_what_a_map_does() {
    let place = Place::new();
    let mut map: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut below = numbers();
    for round in 0..120 {
        let mut changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for _ in 0..below(12) {
            // Short keys of few letters, so that many are others' prefixes.
            let key: Vec<u8> = (0..=below(3))
                .map(|_| [0, b'a', 0xff][below(3) as usize])
                .collect();
            let value = vec![below(256) as u8; below(300) as usize];
            changes.insert(key, (below(3) > 0).then_some(value));
        }
        let removed = changes
            .iter()
            .filter(|(key, value)| value.is_none() && map.contains_key(*key))
            .count() as u64;
        let list: Vec<StoreChange<'_>> = changes
            .iter()
            .map(|(key, value)| match value {
                Some(value) => StoreChange::put(key, value),
                None => StoreChange::delete(key),
            })
            .collect();
        let outcome = place.store().apply(&list).unwrap();
        assert_eq!(outcome, StoreOutcome::Applied { removed });
        for (key, value) in changes {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        if round % 10 == 0 {
            place.stores.close("a.b");
        }
        let store = place.store();
        for prefix in [&b""[..], b"a", b"\0", b"\xff", b"\xff\xff", b"aa", b"b"] {
            let wanted: Vec<_> = map
                .iter()
                .filter(|(key, _)| key.starts_with(prefix))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let limit = 1 + below(7) as usize;
            assert_eq!(pages(&store, prefix, limit), wanted, "{prefix:?}");
        }
        let key = vec![b'a'; 1 + below(3) as usize];
        assert_eq!(store.get(&key).unwrap(), map.get(&key).cloned());
    }
}

#[test]
fn large_values_come_in_small_pages() {
    let place = Place::new();
    let value = vec![7; 16 << 20];
    for key in [b"a", b"b"] {
        let change = StoreChange::put(key, &value);
        assert_eq!(place.store().apply(&[change]).unwrap(), DONE);
    }
    let page = place.store().scan(b"", b"", 100).unwrap();
    assert_eq!(page.len(), 1);
    assert!(page[0].1 == value);
    assert_eq!(pages(&place.store(), b"", 100).len(), 2);
}

#[test]
fn sixteen_threads_lose_nothing() {
    const EACH: u64 = 25;
    let place = Place::new();
    let store = place.store();
    let number = |bytes: Option<&Vec<u8>>| {
        bytes.map_or(0, |it| {
            u64::from_le_bytes(it.as_slice().try_into().unwrap())
        })
    };
    std::thread::scope(|scope| {
        for thread in 0..16_u64 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..EACH {
                    loop {
                        let old = store.get(b"count").unwrap();
                        let new = (number(old.as_ref()) + 1).to_le_bytes();
                        let change = StoreChange::put(b"count", &new);
                        let change = match &old {
                            Some(old) => change.if_value(old),
                            None => change.if_absent(),
                        };
                        let mine = thread.to_le_bytes();
                        let note = [b"by/".as_slice(), &new].concat();
                        let note = StoreChange::put(&note, &mine).if_absent();
                        if store.apply(&[change, note]).unwrap() == DONE {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(number(store.get(b"count").unwrap().as_ref()), 16 * EACH);
    assert_eq!(pages(&store, b"by/", 100).len() as u64, 16 * EACH);
}

/// Whether a file with `content` refuses something; else it answers what is right. `change`: also after
/// a change, which takes a while.
fn refuses_or_is_right(
    file: &Path,
    content: &[u8],
    map: &BTreeMap<Vec<u8>, Vec<u8>>,
    change: bool,
) -> bool {
    fs::write(file, content).unwrap();
    let stores = Stores::new(file.parent().unwrap());
    let store = stores.store("a.b").unwrap();
    let mut refused = false;
    let absent = [&b"\0"[..], b"key-05x", b"zzz"];
    for key in map.keys().map(Vec::as_slice).chain(absent) {
        match store.get(key) {
            Ok(value) => assert!(value.as_ref() == map.get(key), "{key:?}"),
            Err(error) => {
                assert!(error.to_string().contains("a.b.redb"), "{error}");
                refused = true;
            }
        }
    }
    match store.scan(b"key", b"", 100) {
        Ok(pairs) => assert!(pairs.into_iter().collect::<BTreeMap<_, _>>() == *map),
        Err(_) => refused = true,
    }
    // Changing it does no harm to the rest.
    if change && store.apply(&[StoreChange::put(b"new", b"1")]).is_ok() {
        for (key, right) in map {
            if let Ok(value) = store.get(key) {
                assert!(value.as_ref() == Some(right), "{key:?}");
            }
        }
    }
    refused
}

#[test]
fn a_flipped_byte_is_an_error_or_nothing_but_never_a_wrong_value() {
    // In memory, if that is a folder here: this opens a store a thousand times.
    let memory = Path::new("/dev/shm");
    let place = match memory.is_dir() {
        true => Place::below(memory),
        false => Place::new(),
    };
    let mut map = BTreeMap::new();
    for number in 0..12_u8 {
        let key = format!("key-{number:02}").into_bytes();
        let value = vec![number; 150 * usize::from(number)];
        // Each in a change of its own, and once overwritten: older pages are about.
        for value in [b"old".to_vec(), value] {
            assert_eq!(
                place
                    .store()
                    .apply(&[StoreChange::put(&key, &value)])
                    .unwrap(),
                DONE
            );
            map.insert(key.clone(), value);
        }
    }
    // As a process leaves it that is killed, and as one that ends in order.
    let killed = fs::read(place.file()).unwrap();
    place.stores.close("a.b");
    let closed = fs::read(place.file()).unwrap();
    for (whole, killed) in [(killed, true), (closed, false)] {
        let (refused, tried) = flip(&place.file(), &whole, &map, killed);
        assert!(refused * 20 > tried, "{killed}: {refused} of {tried}");
    }
}

/// Flips bits in `whole`, what a process left that was killed or not, and says how often that was
/// refused and how often it was tried.
fn flip(
    file: &Path,
    whole: &[u8],
    map: &BTreeMap<Vec<u8>, Vec<u8>>,
    killed: bool,
) -> (usize, usize) {
    assert!(!refuses_or_is_right(file, whole, map, true));
    let every: usize = std::env::var("KEYWAY_ALL_POINTS").map_or(101, |_| 5);
    let used = (320..whole.len()).filter(|place| whole[*place] != 0);
    let keys = (320..whole.len()).filter(|place| whole[*place..].starts_with(b"key-"));
    // The head of the file, whole; a byte of each key; then a part of what is used.
    let keys = keys.enumerate().map(|(index, place)| place + index % 6);
    let places: Vec<usize> = (0..320).chain(keys).chain(used.step_by(every)).collect();
    let (mut refused, mut tried) = (0, 0);
    for at in places {
        for bit in if at < 320 {
            vec![1, 0xff]
        } else {
            vec![1 << (at % 8)]
        } {
            // The one bit that says which of two commits is the newest. A store that ended in order
            // has the same values in both; of one that was killed the one before is taken.
            if at == 9 && bit == 1 && killed {
                continue;
            }
            let mut content = whole.to_vec();
            content[at] ^= bit;
            let change = tried % every == 0;
            let refuses =
                std::panic::catch_unwind(|| refuses_or_is_right(file, &content, map, change));
            let refuses = refuses.unwrap_or_else(|_| panic!("byte {at}, bits {bit:#x}"));
            refused += usize::from(refuses);
            tried += 1;
        }
    }
    (refused, tried)
}
