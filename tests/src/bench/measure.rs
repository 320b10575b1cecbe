//! Taking turns, and saying what came out.

use std::time::Instant;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Fewer rounds of less, whose numbers say nothing.
    pub quick: bool,
}

impl Scale {
    /// `rounds`, or a few.
    #[must_use]
    pub fn rounds(&self, rounds: usize) -> usize {
        if self.quick { 3 } else { rounds }
    }

    /// `count`, or a tenth.
    #[must_use]
    pub fn count(&self, count: usize) -> usize {
        if self.quick {
            (count / 10).max(1)
        } else {
            count
        }
    }
}

/// What a row must keep.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// A is at most so many times B.
    AtMost(f64),
    /// A is at least so many times B.
    AtLeast(f64),
    /// The row informs.
    None,
}

/// The nanoseconds that `work` takes; what it gives is dropped afterwards.
pub fn timed<R>(work: impl FnOnce() -> R) -> f64 {
    let began = Instant::now();
    let result = work();
    let elapsed = began.elapsed();
    drop(std::hint::black_box(result));
    elapsed.as_nanos() as f64
}

/// Lets the things take turns, `rounds` times, another one first in each round; gives what each said
/// (nanoseconds), round by round. One more round before warms up.
pub fn in_turns<const N: usize>(
    rounds: usize,
    things: [&mut dyn FnMut() -> f64; N],
) -> [Vec<f64>; N] {
    let mut taken = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for place in 0..N {
            let thing = (round + place) % N;
            let value = things[thing]();
            if round > 0 {
                taken[thing].push(value);
            }
        }
    }
    taken
}

/// The middle one, or what lies between the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// Prints what stands above the rows.
pub fn heading() {
    println!(
        "{:<58} {:>10} {:>10} {:>8} {:>15}  bound",
        "A / B", "A", "B", "A/B", "(min-max)"
    );
}

/// Prints one row: A and B round by round. The ratio is that of the medians, its range that of the
/// rounds.
pub fn row(what: &str, a: &[f64], b: &[f64], bound: &Bound) {
    row_as(what, a, b, bound, shown);
}

/// As [`row`], of bytes.
pub fn row_of_bytes(what: &str, a: &[f64], b: &[f64], bound: &Bound) {
    row_as(what, a, b, bound, |bytes| format!("{bytes:.0} B"));
}

fn row_as(what: &str, a: &[f64], b: &[f64], bound: &Bound, shown: impl Fn(f64) -> String) {
    let (first, second) = (median(a), median(b));
    let ratio = first / second;
    let rounds = a.iter().zip(b).map(|(a, b)| a / b);
    let (least, most) = rounds.fold((f64::INFINITY, 0.0_f64), |(least, most), ratio| {
        (least.min(ratio), most.max(ratio))
    });
    let verdict = |kept: bool| if kept { "ok" } else { "MISSED" };
    let bound = match bound {
        Bound::AtMost(most) => format!("<= {most} {}", verdict(ratio <= *most)),
        Bound::AtLeast(least) => format!(">= {least} {}", verdict(ratio >= *least)),
        Bound::None => "-".to_owned(),
    };
    let range = format!("({least:.2}-{most:.2})");
    println!(
        "{what:<58} {:>10} {:>10} {ratio:>8.2} {range:>15}  {bound}",
        shown(first),
        shown(second),
    );
}

/// A time as a person reads it.
fn shown(nanoseconds: f64) -> String {
    match nanoseconds {
        time if time < 1e3 => format!("{time:.1} ns"),
        time if time < 1e6 => format!("{:.1} us", time / 1e3),
        time => format!("{:.2} ms", time / 1e6),
    }
}
