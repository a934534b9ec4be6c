//! The grid search against loops over the whole grid.

use crate::architecture::Family;
use crate::plan::Subject;
use crate::plan::grid::{self, Base, Candidate, Grid, GridError};
use crate::scaling::Compound;

/// Every point of a grid of all three bases, by counting in whole steps.
#[expect(clippy::cast_possible_truncation, reason = "a small number of steps")]
fn points(grid: &Grid) -> Vec<[i32; 3]> {
    let most = |power: i32| {
        let limit = grid.constraint + grid.tolerance + 1.0;
        ((limit.powf(1.0 / f64::from(power)) - 1.0) / grid.step) as i32 + 2
    };
    let value = |steps: i32| f64::from(steps) * grid.step + 1.0;
    let mut points = Vec::new();
    for alpha in 0..most(1) {
        for beta in 0..most(2) {
            for gamma in 0..most(2) {
                let product = value(alpha) * value(beta).powi(2) * value(gamma).powi(2);
                if (product - grid.constraint).abs() <= grid.tolerance + 1e-9 {
                    points.push([alpha, beta, gamma]);
                }
            }
        }
    }
    points
}

#[expect(clippy::cast_possible_truncation, reason = "a small number of steps")]
fn steps(grid: &Grid, compound: Compound) -> [i32; 3] {
    [compound.alpha, compound.beta, compound.gamma]
        .map(|base| ((base - 1.0) / grid.step).round() as i32)
}

/// In order, and the front marked, by comparing each with each.
fn assert_order_and_front(found: &[Candidate]) {
    let key = |one: &Candidate| (one.macs, one.parameters);
    assert!(found.is_sorted_by_key(key));
    let beats = |one: &Candidate, other: &Candidate| {
        one.macs <= other.macs && one.parameters <= other.parameters && key(one) != key(other)
    };
    for one in found {
        let is_beaten = found.iter().any(|other| beats(other, one));
        assert_eq!(one.is_on_front, !is_beaten, "{one:?}");
    }
}

fn grids() -> [Grid; 4] {
    let of = |constraint, tolerance, step| Grid {
        constraint,
        tolerance,
        step,
        ..Grid::default()
    };
    [
        Grid::default(),
        // Several resolutions of the same network: as many parameters, more multiply-adds.
        of(2.0, 0.7, 0.1),
        of(3.0, 0.02, 0.05),
        of(1.0, 0.0, 0.05),
    ]
}

#[test]
fn a_grid_has_every_candidate_in_order() {
    for family in [Family::ALL[0], Family::ALL[1]] {
        let subject = Subject::new(family);
        for grid in grids() {
            let found = grid::search(&subject, &grid).expect("a small grid");
            let mut have: Vec<[i32; 3]> =
                found.iter().map(|one| steps(&grid, one.compound)).collect();
            have.sort_unstable();
            assert_eq!(have, points(&grid), "{grid:?}");
            assert_order_and_front(&found);
        }
    }
}

/// Networks that cost the same are on the front together; one with as many parameters and more multiply-adds is not.
#[test]
fn ties_share_the_front() {
    let costs = [
        (1, 9),
        (1, 9),
        (2, 9),
        (3, 5),
        (3, 5),
        (3, 6),
        (4, 4),
        (5, 4),
        (6, 4),
        (7, 1),
    ];
    let candidate = |(macs, parameters)| Candidate {
        compound: Compound::default(),
        product: 2.0,
        resolution: 224,
        macs,
        parameters,
        is_on_front: false,
    };
    let mut candidates = costs.map(candidate);
    grid::mark_front(&mut candidates);
    assert_order_and_front(&candidates[..5]);
    let front = candidates.map(|candidate| candidate.is_on_front);
    assert_eq!(
        front,
        [
            true, true, false, true, true, false, true, false, false, true
        ]
    );
}

#[test]
fn the_papers_choice_has_its_place() {
    let subject = Subject::new(Family::ALL[0]);
    let found = grid::search(&subject, &Grid::default()).expect("a small grid");
    let papers = found.iter().filter(|one| grid::is_papers(one.compound));
    let papers: Vec<_> = papers
        .map(|one| (one.macs, one.parameters, one.resolution))
        .collect();
    // B1 by the formula.
    assert_eq!(papers, [(992_629_472, 9_109_994, 258)]);
}

/// A base that is not searched stays as the subject has it.
#[test]
fn bases_are_searched_alone() {
    let mut subject = Subject::new(Family::ALL[0]);
    subject.compound.gamma = 1.25;
    let grid = Grid {
        bases: vec![Base::Alpha, Base::Beta],
        ..Grid::default()
    };
    let found = grid::search(&subject, &grid).expect("a small grid");
    let mut have: Vec<[i32; 2]> = found
        .iter()
        .map(|one| {
            assert_eq!(one.compound.gamma, 1.25);
            let [alpha, beta, _] = steps(&grid, one.compound);
            [alpha, beta]
        })
        .collect();
    have.sort_unstable();
    let all = points(&grid).into_iter().filter(|steps| steps[2] == 5);
    let all: Vec<[i32; 2]> = all.map(|[alpha, beta, _]| [alpha, beta]).collect();
    assert_eq!(have, all);
    assert_order_and_front(&found);
}

#[test]
fn grids_without_reason_are_refused() {
    let subject = Subject::new(Family::ALL[0]);
    let search = |constraint, tolerance, step| {
        let grid = Grid {
            constraint,
            tolerance,
            step,
            ..Grid::default()
        };
        grid::search(&subject, &grid)
    };
    for (constraint, tolerance, step) in [
        (0.5, 0.1, 0.05),
        (1e9, 0.1, 0.05),
        (f64::NAN, 0.1, 0.05),
        (2.0, -0.1, 0.05),
        (2.0, 1e9, 0.05),
        (2.0, f64::NAN, 0.05),
        (2.0, 0.1, 0.0),
        (2.0, 0.1, 1e-9),
        (2.0, 0.1, f64::INFINITY),
    ] {
        let found = search(constraint, tolerance, step);
        assert!(
            matches!(found, Err(GridError::Range(..))),
            "{constraint} {tolerance} {step}"
        );
    }
    assert!(matches!(
        search(100.0, 100.0, 0.005),
        Err(GridError::TooMany { .. })
    ));
    assert!(matches!(
        search(2.0, 0.0, 0.3),
        Err(GridError::Nothing { .. })
    ));
}
