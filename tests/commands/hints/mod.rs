//! Every hint that holds a command line or flags is followed to the letter: the followed line succeeds, or gets past the reason
//! for which the first was refused. A hint in `src` that no case here covers fails a test.

mod cases;
pub mod files;
mod fitted;
mod follow;
mod forms;
mod heads;
mod more;
mod plan;
mod scan;
#[path = "../../weights/keras/whole.rs"]
#[allow(dead_code, reason = "the tests of Keras's files use the rest")]
mod whole;
#[path = "../../weights/keras/writer.rs"]
#[allow(dead_code, reason = "the tests of Keras's files use the rest")]
mod writer;

use cases::{ELSEWHERE, OF_CHECKPOINTS};
use fitted::OF_CLASSIFIERS;
use follow::Case;
use forms::OF_FORMS;
use heads::OF_HEADS;
use more::OF_FILES;
use plan::OF_PLANS;

fn cases() -> Vec<&'static Case> {
    let all = [
        OF_CHECKPOINTS,
        OF_CLASSIFIERS,
        OF_FILES,
        OF_FORMS,
        OF_HEADS,
        OF_PLANS,
    ];
    all.into_iter().flatten().collect()
}

#[test]
fn every_hint_leads_where_it_says() {
    let cases = cases();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let halves = cases.chunks(cases.len().div_ceil(2));
        let threads: Vec<_> = halves
            .map(|cases| {
                scope.spawn(move || {
                    cases
                        .iter()
                        .filter_map(|case| follow::fault(case))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let results = threads.into_iter();
        results
            .flat_map(|thread| thread.join().expect("a case that ends"))
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A new hint needs a case; the case of a hint that is gone goes with it.
#[test]
fn every_hint_in_the_source_has_a_case() {
    let hints = scan::hints();
    let cases = cases();
    let known = cases
        .iter()
        .map(|case| case.hint)
        .chain(ELSEWHERE.iter().map(|(hint, _)| *hint));
    let known: Vec<&str> = known.collect();
    let is_known = |text: &str| known.iter().any(|known| text.contains(known));
    let new: Vec<String> = hints
        .iter()
        .filter(|(_, text)| !is_known(text))
        .map(|(place, text)| format!("{place}: \"{text}\" is in no case of tests/commands/hints"))
        .collect();
    assert!(new.is_empty(), "{}", new.join("\n"));
    // Cases may also be of hints that hold no flag, and of such as are put together elsewhere.
    let all = scan::literals_of_source();
    let gone: Vec<&str> = known
        .into_iter()
        .filter(|known| !all.iter().any(|text| text.contains(known)))
        .collect();
    assert!(gone.is_empty(), "no hint in src has: {gone:?}");
}
