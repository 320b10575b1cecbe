use std::collections::BTreeSet;

use super::super::order::{Needs, Next, Schedule, cycle_through, dependents, shown};

/// `a: b c` on each line: `a` needs `b` and `c`.
fn needs(text: &str) -> Needs {
    let lines = text.lines().map(|line| {
        let (name, needed) = line.trim().split_once(':').unwrap();
        let needed = needed.split_whitespace().map(str::to_owned);
        (name.to_owned(), needed.collect::<BTreeSet<_>>())
    });
    lines.collect()
}

/// In which groups a schedule gives its names, if all of a group are taken before one is done.
fn groups(mut schedule: Schedule) -> Vec<String> {
    let mut groups = Vec::new();
    loop {
        let mut group = Vec::new();
        let next = loop {
            match schedule.next() {
                Next::Take(name) => group.push(name),
                next => break next,
            }
        };
        for name in &group {
            schedule.done(name);
        }
        if group.is_empty() {
            assert_eq!(next, Next::End);
            return groups;
        }
        groups.push(group.join(" "));
    }
}

#[test]
fn cycles_are_named_as_paths() {
    let circular = needs("a: b\nb: c\nc: a\nd: a\ne:\nf: f");
    let cycle = |name| cycle_through(&circular, name).map(|it| shown(&it));
    assert_eq!(cycle("a").unwrap(), "`a` -> `b` -> `c` -> `a`");
    assert_eq!(cycle("c").unwrap(), "`c` -> `a` -> `b` -> `c`");
    assert_eq!(cycle("f").unwrap(), "`f` -> `f`");
    // Who only needs those in a circle is not in it.
    assert_eq!(cycle("d"), None);
    assert_eq!(cycle("e"), None);
    assert_eq!(cycle("unknown"), None);
}

#[test]
fn who_is_needed_comes_first_and_names_decide_the_rest() {
    let some = needs("top: left right\nleft: base\nright: base\nbase:\nalone: unknown");
    assert_eq!(
        groups(Schedule::new(&some)),
        ["alone base", "left right", "top"]
    );
    assert_eq!(
        groups(Schedule::reversed(&some)),
        ["alone top", "left right", "base"]
    );
    assert_eq!(
        dependents(&some, "base").into_iter().collect::<Vec<_>>(),
        ["left", "right", "top"]
    );
    assert!(dependents(&some, "top").is_empty());
}

#[test]
fn a_circle_does_not_stop_a_schedule() {
    let circular = needs("a: b\nb: a\nc:\nd: a");
    let mut all: Vec<_> = groups(Schedule::new(&circular))
        .iter()
        .flat_map(|group| group.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d"]);
    assert_eq!(groups(Schedule::new(&Needs::new())), [""; 0]);
}
