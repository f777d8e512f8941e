//! Two ways of doing the same work, in turn, so that the machine's moods hit both; the medians and their ratio.

use std::time::{Duration, Instant};

/// How often each side runs, unless `CHARTER_BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 9;

/// How many rounds to run.
pub(crate) fn rounds() -> usize {
    std::env::var("CHARTER_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// One side of a comparison: what must be there before the clock starts, and the work.
pub(crate) type Side<'a> = &'a mut dyn FnMut() -> Duration;

/// Times a piece of work.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Prints the heading of a table of comparisons.
pub(crate) fn heading(title: &str) {
    println!("\n{title}");
    println!("{:<58} {:>12} {:>12} {:>7} {:>7}", "", "charter", "raw", "ratio", "wanted");
}

/// Runs both sides in turn after one round that is not counted, and prints medians, their ratio and the target.
pub(crate) fn compare(what: &str, wanted: f64, charter: Side<'_>, raw: Side<'_>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=rounds() {
        let (one, other) = (charter(), raw());
        if round > 0 {
            ours.push(one);
            theirs.push(other);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let verdict = if ratio <= wanted { "" } else { "  missed" };
    println!("{what:<58} {:>12} {:>12} {ratio:>7.2} {wanted:>7.2}{verdict}", show(ours), show(theirs));
}

/// Measures one thing after one round that is not counted, and prints the median and the target.
#[allow(dead_code)]
pub(crate) fn limit(what: &str, wanted: Duration, measure: &mut dyn FnMut() -> Duration) {
    let measured = (0..=rounds()).map(|_| measure()).skip(1).collect();
    let median = median(measured);
    let verdict = if median <= wanted { "" } else { "  missed" };
    println!("{what:<58} {:>12} {:>12}{verdict}", show(median), format!("< {}", show(wanted)));
}

/// The median of some durations.
pub(crate) fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

/// A duration for people.
pub(crate) fn show(duration: Duration) -> String {
    format!("{duration:.2?}")
}
