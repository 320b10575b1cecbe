//! Who waits for whom: so that those who would wait for each other are told, and do not.
//!
//! An operation that is busy with one package, or a hook of a package that asks for something, waits
//! until it has its turn with another one, and has it until that is done. Each such wait is an edge from
//! the one to the other; one that would close a circle is refused before it begins.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

thread_local! {
    /// What this thread is busy with, the last one last.
    static BUSY: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Who waits for whom, of all threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<(String, String)>>>);

impl Calls {
    /// Says that this thread is to be busy with `target`.
    ///
    /// # Errors
    ///
    /// The circle that would be, from `target` back to it.
    pub(super) fn enter(&self, target: &str) -> Result<Way, Vec<String>> {
        let source = BUSY.with_borrow(|busy| busy.last().cloned());
        if let Some(source) = &source {
            let mut edges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(mut path) = path(&edges, target, source) {
                path.push(target.to_owned());
                return Err(path);
            }
            edges.push((source.clone(), target.to_owned()));
        }
        BUSY.with_borrow_mut(|busy| busy.push(target.to_owned()));
        Ok(Way {
            calls: self.clone(),
            source,
            target: target.to_owned(),
        })
    }
}

/// The way from one to another, both with it.
fn path(edges: &[(String, String)], from: &str, to: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = vec![from];
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        if last == to {
            return Some(way);
        }
        for (source, target) in edges {
            if source == last && !seen.contains(&target.as_str()) {
                seen.push(target);
                ways.push(way.iter().chain([target]).cloned().collect());
            }
        }
    }
    None
}

/// This thread is busy with a package as long as this lives.
#[derive(Debug)]
pub(super) struct Way {
    calls: Calls,
    source: Option<String>,
    target: String,
}

impl Drop for Way {
    fn drop(&mut self) {
        BUSY.with_borrow_mut(|busy| {
            if let Some(at) = busy.iter().rposition(|it| *it == self.target) {
                busy.remove(at);
            }
        });
        if let Some(source) = &self.source {
            let mut edges = self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
            let own = |(from, to): &(String, String)| from == source && *to == self.target;
            if let Some(at) = edges.iter().position(own) {
                edges.swap_remove(at);
            }
        }
    }
}

/// Does something in this thread for a hook of the package `caller`, which waits for it.
pub(super) fn on_behalf_of<T>(caller: &str, work: impl FnOnce() -> T) -> T {
    BUSY.with_borrow_mut(|busy| busy.push(caller.to_owned()));
    let done = work();
    BUSY.with_borrow_mut(Vec::pop);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_told_and_nothing_of_it_stays() {
        let calls = Calls::default();
        let a = calls.enter("a").unwrap();
        let b = calls.enter("b").unwrap();
        assert_eq!(calls.enter("b").unwrap_err(), ["b", "b"]);
        assert_eq!(calls.enter("a").unwrap_err(), ["a", "b", "a"]);
        // In another thread, for a hook of `b`.
        let far = std::thread::scope(|scope| {
            let in_hook = || {
                on_behalf_of("b", || {
                    let _c = calls.enter("c").unwrap();
                    let far = calls.enter("a").unwrap_err();
                    drop(calls.enter("d").unwrap());
                    far
                })
            };
            scope.spawn(in_hook).join().unwrap()
        });
        assert_eq!(far, ["a", "b", "c", "a"]);
        drop(b);
        drop(calls.enter("b").unwrap());
        drop(a);
        drop(calls.enter("a").unwrap());
        assert!(calls.0.lock().unwrap().is_empty());
    }
}
