//! Searches against exhaustive ones, and points against numbers of other counters.

use super::grid::{self, Candidate, Grid};
use super::*;
use std::convert::Infallible;

fn families() -> impl Iterator<Item = Subject> {
    Family::ALL.into_iter().map(Subject::new)
}

/// Costs of a grid's first steps.
fn costs(subject: &Subject, steps: u32) -> Vec<Cost> {
    (0..=steps)
        .map(|step| {
            let request = subject.at(search::phi(step)).expect("a small φ");
            Cost::of(&request).expect("a small network")
        })
        .collect()
}

#[test]
fn a_budget_gives_what_an_exhaustive_search_gives() {
    for subject in families() {
        let costs = costs(&subject, 150);
        for quarter in [0, 37, 75, 112] {
            let at = costs[quarter];
            for budget in [
                CostLimits {
                    macs: Some(at.macs),
                    ..CostLimits::default()
                },
                CostLimits {
                    parameters: Some(at.parameters),
                    memory: Some(4 * at.peak_activations + 1000),
                    ..CostLimits::default()
                },
                CostLimits {
                    macs: Some(at.macs + 1_000_000),
                    file: Some(at.file_bytes + 1000),
                    ..CostLimits::default()
                },
            ] {
                let found = budget.largest(&subject).expect("the baseline fits");
                let fits = |cost: &Cost| budget.exceeded(cost).is_empty();
                let exhaustive = costs.iter().rposition(fits).expect("the baseline fits");
                assert!(exhaustive < 150, "the answer is within what was looked at");
                let step = (found.phi * f64::from(GRID_STEPS)).round();
                assert_eq!(
                    step, exhaustive as f64,
                    "{} {budget:?}",
                    subject.family.name
                );
                assert!(!fits(&costs[exhaustive + 1]));
                assert!(found.tried < 20, "{}", found.tried);
            }
        }
    }
}

#[test]
fn a_budget_below_the_baseline_and_bases_below_one_have_no_answer() {
    let mut subject = Subject::new(Family::ALL[0]);
    let budget = CostLimits {
        macs: Some(1_000_000),
        ..CostLimits::default()
    };
    assert!(matches!(budget.largest(&subject), Err(NoAnswer::Baseline)));
    subject.compound.beta = 0.9;
    assert!(matches!(budget.largest(&subject), Err(NoAnswer::Bases(..))));
}

#[test]
fn time_gives_what_an_exhaustive_search_gives_with_few_measurements() {
    let subject = Subject::new(Family::ALL[0]);
    let costs = costs(&subject, 300);
    // Seconds that grow with cost in several ways, with a part that is the same for all.
    let models: [fn(f64) -> f64; 3] = [
        |macs| macs / 20e9,
        |macs| 0.003 + macs / 50e9,
        |macs| libm::pow(macs, 1.4) / 1e15,
    ];
    for model in models {
        for place in [10, 90, 290] {
            let limit = model(costs[place].macs as f64) * 1.001;
            let mut measured = 0;
            let found = fastest(
                &subject,
                limit,
                |_| true,
                |request| {
                    measured += 1;
                    let macs = request.counts().expect("a small network").macs;
                    Ok::<f64, Infallible>(model(macs as f64))
                },
            );
            let found = found.expect("the baseline fits");
            let fits = |cost: &Cost| model(cost.macs as f64) <= limit;
            let exhaustive = costs.iter().rposition(fits).expect("the baseline fits");
            let step = (found.phi * f64::from(GRID_STEPS)).round();
            assert_eq!(step, exhaustive as f64, "{limit}");
            assert_eq!(measured, found.samples.len());
            assert!(measured <= 9, "{measured} at {limit}: {:?}", found.samples);
        }
    }
}

#[test]
fn other_limits_bound_a_search_by_time() {
    let subject = Subject::new(Family::ALL[0]);
    let fits = |cost: &Cost| cost.macs <= 1_000_000_000;
    let found = fastest(&subject, 1.0, fits, |_| Ok::<f64, Infallible>(0.001));
    assert_eq!(found.map(|found| found.phi).ok(), Some(1.03));
}

#[test]
fn the_grid_has_every_candidate_and_the_papers_choice() {
    let subject = Subject::new(Family::ALL[0]);
    let found = grid::search(&subject, &Grid::default()).expect("a small grid");
    let mut expected = 0;
    for (a, b, c) in
        (0..60).flat_map(|a| (0..20).flat_map(move |b| (0..20).map(move |c| (a, b, c))))
    {
        let [alpha, beta, gamma] = [a, b, c].map(|steps: i32| f64::from(steps).mul_add(0.05, 1.0));
        let product: f64 = alpha * beta * beta * gamma * gamma;
        expected += usize::from((product - 2.0).abs() <= 0.1 + 1e-9);
    }
    assert_eq!(found.len(), expected);
    assert_eq!(
        found
            .iter()
            .filter(|one| grid::is_papers(one.compound))
            .count(),
        1
    );
    assert!(found.is_sorted_by_key(|one| one.macs));
    let beats = |one: &Candidate, other: &Candidate| {
        one.macs <= other.macs
            && one.parameters <= other.parameters
            && (one.macs, one.parameters) != (other.macs, other.parameters)
    };
    for one in &found {
        let is_beaten = found.iter().any(|other| beats(other, one));
        assert_eq!(one.is_on_front, !is_beaten, "{one:?}");
    }
}

/// Counts of scaled networks in timm 1.0.22, and of the paper's table 7 as `golden/paper.py` has it.
#[test]
fn sweeps_scale_one_dimension_alone() {
    let subject = Subject::new(Family::ALL[0]);
    for (dimension, multiplier, side, macs) in [
        (Dimension::Depth, 4.0, 224, 1_575_132_640),
        (Dimension::Width, 2.0, 224, 1_449_958_848),
        (Dimension::Resolution, 2.0, 448, 1_537_537_408),
        (Dimension::Resolution, 1.3, 291, 718_387_648),
    ] {
        let sweep = Sweep {
            dimension,
            multipliers: vec![multiplier],
        };
        let points = sweep.points(&subject).expect("a multiplier");
        let row = subject.row(points[0].clone()).expect("a small network");
        assert_eq!((row.scaling.resolution, row.cost.macs), (side, macs));
    }
    let sweep = Sweep {
        dimension: Dimension::Resolution,
        multipliers: vec![0.0],
    };
    assert!(sweep.points(&subject).is_err());
}

#[test]
fn published_points_imply_the_phis_of_the_paper() {
    let subject = Subject::new(Family::ALL[0]);
    let rows = subject.published().expect("published sizes");
    let b3 = rows
        .iter()
        .find(|row| row.name == "efficientnet-b3")
        .expect("published");
    let implied = b3.implied.expect("a published row");
    for (found, expected) in [
        (implied.width, 1.91),
        (implied.depth, 1.85),
        (implied.resolution, 2.09),
        (implied.macs, 2.38),
    ] {
        assert!(
            (found.expect("a base above 1") - expected).abs() < 0.005,
            "{found:?} {expected}"
        );
    }
    assert_eq!(b3.accuracy.map(|accuracy| accuracy.top1), Some(81.6));
    let formula = Scaling::formula(subject.family, 2.0, subject.compound).expect("a small φ");
    let row = subject.row(formula).expect("a small network");
    let ratio = row.predicted_macs / 385_814_752.0;
    assert!((ratio - 1.920_27_f64.powi(2)).abs() < 1e-4, "{ratio}");
}
