//! Which packages need which: a function of names, which knows nothing of packages.

use std::collections::{BTreeMap, BTreeSet};

/// Who needs whom, directly.
pub(super) type Needs = BTreeMap<String, BTreeSet<String>>;

/// Packages that need each other in a circle, the first one again at the end; `None` if `from` leads
/// to none that it is part of.
pub(super) fn cycle_through(needs: &Needs, from: &str) -> Option<Vec<String>> {
    let mut path = vec![from.to_owned()];
    let mut seen = BTreeSet::new();
    // The path, with what is left to try at each place of it.
    let mut left: Vec<Vec<&String>> = vec![next(needs, from)];
    while let Some(choices) = left.last_mut() {
        let Some(name) = choices.pop() else {
            left.pop();
            path.pop();
            continue;
        };
        if name == from {
            path.push(from.to_owned());
            return Some(path);
        }
        if seen.insert(name.clone()) {
            path.push(name.clone());
            left.push(next(needs, name));
        }
    }
    None
}

/// In the reverse order of names, since they are taken from the end.
fn next<'a>(needs: &'a Needs, name: &str) -> Vec<&'a String> {
    let names = needs.get(name);
    names
        .map(|it| it.iter().rev().collect())
        .unwrap_or_default()
}

/// Cycles as people read them: `a -> b -> a`.
pub(super) fn shown(cycle: &[String]) -> String {
    let quoted: Vec<_> = cycle.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" -> ")
}

/// All who need `name`, directly or not.
pub(super) fn dependents(needs: &Needs, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![name.to_owned()];
    while let Some(name) = left.pop() {
        let direct = needs.iter().filter(|(_, needed)| needed.contains(&name));
        for (who, _) in direct {
            if found.insert(who.clone()) {
                left.push(who.clone());
            }
        }
    }
    found
}

/// Work that is done in the order of needs, by names where that leaves a choice.
#[derive(Debug)]
pub(super) struct Schedule {
    /// What each still waits for.
    waits: Needs,
    /// Who waits for each.
    waiters: Needs,
    ready: BTreeSet<String>,
    busy: usize,
}

/// What a [`Schedule`] says to who asks for work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one.
    Take(String),
    /// Something may come when others are done.
    Wait,
    /// Nothing any more.
    End,
}

impl Schedule {
    /// Of those that `needs` has as keys; others that they need are not waited for.
    pub(super) fn new(needs: &Needs) -> Self {
        let mut schedule = Self {
            waits: Needs::new(),
            waiters: Needs::new(),
            ready: BTreeSet::new(),
            busy: 0,
        };
        for (name, needed) in needs {
            let waits: BTreeSet<_> = needed
                .iter()
                .filter(|it| needs.contains_key(*it) && *it != name)
                .cloned()
                .collect();
            for needed in &waits {
                let waiters = schedule.waiters.entry(needed.clone()).or_default();
                waiters.insert(name.clone());
            }
            if waits.is_empty() {
                schedule.ready.insert(name.clone());
            } else {
                schedule.waits.insert(name.clone(), waits);
            }
        }
        schedule
    }

    /// The opposite: each waits for those that need it.
    pub(super) fn reversed(needs: &Needs) -> Self {
        let mut reversed: Needs = needs
            .keys()
            .map(|it| (it.clone(), BTreeSet::new()))
            .collect();
        for (name, needed) in needs {
            for needed in needed {
                if let Some(waits) = reversed.get_mut(needed) {
                    waits.insert(name.clone());
                }
            }
        }
        Self::new(&reversed)
    }

    pub(super) fn next(&mut self) -> Next {
        if let Some(name) = self.ready.pop_first() {
            self.busy += 1;
            return Next::Take(name);
        }
        if self.busy > 0 {
            return Next::Wait;
        }
        // A circle: whoever tries finds out why it does not work.
        match self.waits.pop_first() {
            Some((name, _)) => {
                self.busy += 1;
                Next::Take(name)
            }
            None => Next::End,
        }
    }

    pub(super) fn done(&mut self, name: &str) {
        self.busy -= 1;
        for waiter in self.waiters.remove(name).unwrap_or_default() {
            let Some(waits) = self.waits.get_mut(&waiter) else {
                continue;
            };
            waits.remove(name);
            if waits.is_empty() {
                self.waits.remove(&waiter);
                self.ready.insert(waiter);
            }
        }
    }
}
