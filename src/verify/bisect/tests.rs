//! The search on made-up graphs, where every value's error is known, in whatever order and size.

use super::*;
use crate::runtime::outcome::CaseOutcome;
use crate::tensor::{Element, NamedTensor};

/// Errors of the other side, and what marking does to them.
struct Made {
    errors: Vec<f64>,
    outputs: Vec<usize>,
    /// Marks of these make the errors of everything vanish.
    fused: Vec<usize>,
    most_marked: usize,
}

impl Made {
    fn run(&mut self, side: Side, marked: &[&str]) -> Outcome {
        let marked: Vec<usize> = marked
            .iter()
            .map(|name| name.parse().expect("a number"))
            .collect();
        self.most_marked = self.most_marked.max(marked.len());
        let vanish = marked.iter().any(|index| self.fused.contains(index));
        let given: BTreeSet<usize> = marked.iter().chain(&self.outputs).copied().collect();
        let outputs = given.into_iter().map(|index| NamedTensor {
            name: index.to_string(),
            shape: vec![2],
            element: Element::F32,
            data: vec![
                1.0,
                if side == Side::Other && !vanish {
                    1.0 + self.errors[index]
                } else {
                    1.0
                },
            ]
            .into(),
        });
        let case = CaseOutcome {
            prepare_seconds: 0.0,
            run_seconds: 0.0,
            outputs: outputs.collect(),
        };
        Outcome {
            cases: vec![case],
            done: true,
            ..Outcome::default()
        }
    }
}

/// A graph in which value `index` comes from `from(index)`.
fn list(count: usize, from: impl Fn(usize) -> Vec<usize>) -> Vec<ComputedValue> {
    (0..count)
        .map(|index| ComputedValue {
            name: index.to_string(),
            node: format!("n{index}"),
            op_type: "Relu".to_owned(),
            from: from(index),
            elements: 2,
            is_output: index + 1 == count,
        })
        .collect()
}

fn chain(index: usize) -> Vec<usize> {
    index.checked_sub(1).into_iter().collect()
}

fn search(list: &[ComputedValue], errors: Vec<f64>, fused: Vec<usize>) -> (Bisection, usize) {
    let tolerance = Tolerance {
        rtol: 1e-3,
        atol: 0.0,
    };
    let mut made = Made {
        errors,
        outputs: vec![list.len() - 1],
        fused,
        most_marked: 0,
    };
    let result = bisect(
        &mut |side, marked| Ok::<_, ()>(made.run(side, marked)),
        list,
        tolerance,
        &mut |_| {},
    )
    .expect("a result");
    (result, made.most_marked)
}

fn first(result: &Bisection) -> Option<&str> {
    result.first.as_ref().map(|first| first.node.as_str())
}

#[test]
fn the_first_of_a_chain_is_found_wherever_it_is() {
    let list = list(300, chain);
    for start in [0, 1, 17, 150, 298, 299] {
        let errors = (0..300)
            .map(|index| if index >= start { 0.1 } else { 1e-4 })
            .collect();
        let (result, _) = search(&list, errors, Vec::new());
        assert_eq!(
            (result.finding, first(&result)),
            (Conclusion::Found, Some(format!("n{start}").as_str()))
        );
        assert!(result.inputs.iter().all(LayerDifference::agrees));
        assert!(!result.marking_changed_verdict);
        // One unmarked, three to search (16³ > 300), one to confirm, one for the profile.
        assert!(result.runs <= 6, "{}", result.runs);
        assert_eq!(
            (result.measured, result.worst.len()),
            ([300, 300], 10.min(300 - start))
        );
    }
}

#[test]
fn errors_that_shrink_again_do_not_mislead() {
    let list = list(200, chain);
    // From 40 on it differs, but not from 90 to 110, nor at every seventh.
    let errors = (0..200).map(|index| {
        if index < 40 || (90..110).contains(&index) || index % 7 == 4 {
            0.0
        } else {
            0.1
        }
    });
    let errors: Vec<f64> = errors.collect();
    let (result, _) = search(&list, errors.clone(), Vec::new());
    let found: usize = first(&result).expect("a node")[1..]
        .parse()
        .expect("its number");
    assert_eq!(result.finding, Conclusion::Found);
    assert!(errors[found] > 0.0 && errors[found - 1] == 0.0, "n{found}");
}

#[test]
fn a_difference_on_another_branch_is_followed() {
    // Odd values are one branch, even ones another; the last joins both. The wrong one starts early on the odd branch.
    let list = list(101, |index| match index {
        0 | 1 => Vec::new(),
        100 => vec![98, 99],
        _ => vec![index - 2],
    });
    let errors = (0..101).map(|index| {
        if index == 100 || index % 2 == 1 && index >= 7 {
            0.1
        } else {
            0.0
        }
    });
    let (result, _) = search(&list, errors.collect(), Vec::new());
    assert_eq!(
        (result.finding, first(&result)),
        (Conclusion::Found, Some("n7"))
    );
}

#[test]
fn what_agrees_is_not_searched_and_what_vanishes_is_said() {
    let list = list(50, chain);
    let (agree, marked) = search(&list, vec![1e-4; 50], Vec::new());
    assert_eq!(
        (agree.finding, agree.runs, marked),
        (Conclusion::Agree, 1, 0)
    );
    let (vanished, _) = search(&list, vec![0.1; 50], (0..50).collect());
    assert_eq!(vanished.finding, Conclusion::VanishesWhenMarked);
    assert!(vanished.marking_changed_verdict);
}

#[test]
fn large_values_are_marked_one_by_one() {
    let mut list = list(40, chain);
    for value in &mut list {
        value.elements = MARKED_BYTES / 8;
    }
    let errors = (0..40)
        .map(|index| if index >= 11 { 0.1 } else { 0.0 })
        .collect();
    let (result, marked) = search(&list, errors, Vec::new());
    assert_eq!((first(&result), marked), (Some("n11"), 2));
    // Too many runs for a profile.
    assert!(result.measured[0] < 40);
}
