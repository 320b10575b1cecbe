//! A lifecycle that uses the services of its host.

#![forbid(unsafe_code)]

use std::time::Duration;

use keyway_plugin::{
    Context, Error, Hook, Lifecycle, Store, StoreChange, StoreOutcome, export_plugin,
};

struct Kept {
    context: Context,
}

/// Fails with the question when it is not so.
fn so(is_so: bool, question: &str) -> Result<(), Error> {
    if is_so { Ok(()) } else { Err(question.into()) }
}

/// Adds one to the number at `count`, however many do so at once.
fn add_one(store: &Store) -> Result<(), Error> {
    loop {
        let old = store.get("count")?;
        let number: u64 = match &old {
            Some(text) => std::str::from_utf8(text)?.parse()?,
            None => 0,
        };
        let new = (number + 1).to_string();
        if store.compare_and_swap("count", old.as_deref(), Some(new.as_bytes()))? {
            return Ok(());
        }
    }
}

impl Lifecycle for Kept {
    fn new(context: Context) -> Result<Self, Error> {
        Ok(Kept { context })
    }

    /// All that a store can do.
    fn prepare(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        let store = self.context.store()?;
        so(store.get("key")?.is_none(), "is it empty?")?;
        so(!store.delete("key")?, "was nothing removed?")?;
        store.put("key", [0, 0xff, b'\n'])?;
        so(
            store.get("key")? == Some(vec![0, 0xff, b'\n']),
            "is it kept?",
        )?;
        so(store.delete("key")?, "was it removed?")?;

        let swap = |old: Option<&[u8]>, new: Option<&[u8]>| store.compare_and_swap("s", old, new);
        so(
            !swap(Some(b"1"), Some(b"2"))?,
            "is nothing another thing than 1?",
        )?;
        so(swap(None, Some(b"1"))?, "was nothing there?")?;
        so(!swap(None, Some(b"2"))?, "is 1 another thing than nothing?")?;
        so(swap(Some(b"1"), Some(b""))?, "was 1 there?")?;
        so(swap(Some(b""), None)?, "was it empty?")?;
        so(store.get("s")?.is_none(), "is it gone?")?;

        for number in (0..2500).rev() {
            // In threes: many changes at once, in no order.
            if number % 3 == 0 {
                let keys = [number + 1, number, number + 2].map(|it| format!("n/{it:05}"));
                let changes = keys
                    .each_ref()
                    .map(|it| StoreChange::put(it.as_bytes(), b"n"));
                let outcome = store.apply(&changes)?;
                so(
                    outcome == StoreOutcome::Applied { removed: 0 },
                    "was it done?",
                )?;
            }
        }
        store.put("m", "before")?;
        store.put("o", "behind")?;
        let pairs: Vec<_> = store.scan("n/").collect::<Result<_, _>>()?;
        let keys = (0..2502).map(|number| format!("n/{number:05}").into_bytes());
        so(
            pairs.into_iter().map(|(key, _)| key).eq(keys),
            "is it all, in order?",
        )?;
        so(store.scan("").count() == 2504, "is it all?")?;

        let outcome = store.apply(&[
            StoreChange::delete(b"m"),
            StoreChange::delete(b"o").if_value(b"another"),
        ])?;
        so(
            outcome == StoreOutcome::Conflict { index: 1 },
            "which one does not fit?",
        )?;
        so(store.get("m")?.is_some(), "is it there still?")
    }

    /// Fetches, twice.
    fn install(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        let fetch = self.context.fetch()?;
        let plain = fetch.git("https://example.org/a.git").into("a", hook)?;
        let exact = fetch
            .git("https://example.org/b.git")
            .branch("main")
            .rev("v1.0")
            .update(true)
            .into("vendor/b", hook)?;
        let said = format!("{plain:?}\n{exact:?}\n");
        std::fs::write(self.context.data_dir().join("fetched.txt"), said)?;
        Ok(())
    }

    /// Counts from many threads, and leaves one behind that goes on when told.
    fn start(&mut self, _: &Hook<'_>) -> Result<(), Error> {
        let store = self.context.store()?;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let add = |()| add_one(&store).map_err(|error| error.to_string());
                        std::iter::repeat_n((), 10).try_for_each(add)
                    })
                })
                .collect();
            for thread in threads {
                thread.join().map_err(|_| "a thread panicked")??;
            }
            Ok::<(), Error>(())
        })?;
        let folder = self.context.data_dir().to_path_buf();
        std::thread::spawn(move || {
            while !folder.join("go").exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let said = match store.put("late", "yes") {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            };
            drop(store);
            let _ = std::fs::write(folder.join("late.txt"), said);
        });
        Ok(())
    }

    /// What is refused.
    fn uninstall(&mut self, hook: &Hook<'_>) -> Result<(), Error> {
        let store = self.context.store()?;
        let fetch = self.context.fetch()?.git("https://example.org/a.git");
        let refused = [
            store.put("", "value").err(),
            store.put([b'k'; 1025], "value").err(),
            store.put("key", vec![0; (16 << 20) + 1]).err(),
            store.scan([b'k'; 1025]).find_map(Result::err),
            fetch.into("../elsewhere", hook).err(),
        ];
        let mut said = String::new();
        for refused in refused {
            said += &refused.ok_or("it was not refused")?.to_string();
            said.push('\n');
        }
        std::fs::write(self.context.data_dir().join("refused.txt"), said)?;
        Ok(())
    }
}

export_plugin!(lifecycle Kept, "stores.toml");
