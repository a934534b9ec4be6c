//! Searches against exhaustive ones, and points against numbers of other counters.

mod grids;
mod time;

use super::*;

/// The EfficientNets.
fn families() -> impl Iterator<Item = Subject> {
    Family::ALL.into_iter().take(5).map(Subject::new)
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

/// The largest step that keeps every limit, by looking at all of them.
fn exhaustive(costs: &[Cost], limits: &CostLimits) -> Option<usize> {
    let keeps = |limit: Option<u64>, needed: u64| limit.is_none_or(|limit| needed <= limit);
    costs.iter().rposition(|cost| {
        let element = if cost.element == Element::F32 { 4 } else { 2 };
        keeps(limits.macs, cost.macs)
            && keeps(limits.parameters, cost.parameters)
            && keeps(limits.memory, element * cost.peak_activations)
            && keeps(limits.file, cost.file_bytes)
    })
}

/// Limits that a point keeps, some of them to the last unit.
fn limits_around(at: &Cost) -> Vec<CostLimits> {
    let (macs, parameters) = (Some(at.macs), Some(at.parameters));
    let (memory, file) = (Some(at.peak_bytes()), Some(at.file_bytes));
    let none = CostLimits::default();
    vec![
        CostLimits { macs, ..none },
        CostLimits { parameters, ..none },
        CostLimits { memory, ..none },
        CostLimits { file, ..none },
        CostLimits {
            macs,
            parameters: parameters.map(|limit| 2 * limit),
            ..none
        },
        CostLimits {
            macs: macs.map(|limit| 2 * limit),
            parameters,
            ..none
        },
        CostLimits {
            memory,
            file: file.map(|limit| limit + 1_000_000),
            ..none
        },
        CostLimits {
            macs: macs.map(|limit| limit + 1_000_000),
            file: file.map(|limit| limit + 1000),
            ..none
        },
        CostLimits {
            macs,
            parameters,
            memory,
            file,
        },
    ]
}

#[test]
fn a_budget_gives_what_an_exhaustive_search_gives() {
    for (index, mut subject) in families().enumerate() {
        if index % 2 == 1 {
            subject.element = Element::F16;
        }
        let costs = costs(&subject, 150);
        for quarter in [0, 37, 75, 95, 99, 112] {
            for limits in limits_around(&costs[quarter]) {
                let Some(expected) = exhaustive(&costs, &limits) else {
                    panic!("the point itself keeps {limits:?}");
                };
                if expected == 150 {
                    continue;
                }
                let found = limits.largest(&subject).expect("the baseline fits");
                let name = subject.family.name;
                assert_eq!(
                    found.phi,
                    search::phi(u32::try_from(expected).expect("small")),
                    "{name} {limits:?}"
                );
                assert_eq!(
                    found.next,
                    search::phi(u32::try_from(expected).expect("small") + 1)
                );
                assert!(found.tried < 200, "{}", found.tried);
            }
        }
    }
}

#[test]
fn few_points_are_looked_at_for_a_budget() {
    let subject = Subject::new(Family::ALL[0]);
    let limits = CostLimits {
        macs: Some(1_000_000_000),
        ..CostLimits::default()
    };
    // φ = 0, 1 and 2, and the seven halves between the last two.
    let found = limits.largest(&subject).ok();
    assert_eq!(
        found,
        Some(Found {
            phi: 1.03,
            next: 1.04,
            tried: 9
        })
    );
}

#[test]
fn what_has_no_largest_point_has_no_answer() {
    let mut subject = Subject::new(Family::ALL[0]);
    let limits = |macs| CostLimits {
        macs: Some(macs),
        ..CostLimits::default()
    };
    assert!(matches!(
        limits(385_814_751).largest(&subject),
        Err(NoAnswer::Baseline)
    ));
    assert!(limits(385_814_752).largest(&subject).is_ok());
    subject.compound.beta = 0.9;
    assert!(matches!(
        limits(1 << 40).largest(&subject),
        Err(NoAnswer::Bases(..))
    ));
    subject.compound = Compound {
        alpha: 1.0,
        beta: 1.0,
        gamma: 1.0,
    };
    assert!(matches!(
        limits(1 << 40).largest(&subject),
        Err(NoAnswer::Endless(_))
    ));
    let timed = fastest(&subject, &limits(1 << 40), 1.0, |_| {
        Ok::<f64, std::convert::Infallible>(0.5)
    });
    assert!(matches!(timed, Err(NoAnswer::Endless(_))));
}

/// More multiply-adds than 64 bits hold: 385,814,752 times 60² times 4681², about 3 · 10^19.
#[test]
fn counts_that_no_number_holds_are_refused() {
    let mut subject = Subject::new(Family::ALL[0]);
    subject.compound = Compound {
        alpha: 1.0,
        beta: 60.0,
        gamma: 4681.0,
    };
    let point = Scaling::formula(subject.family, 1.0, subject.compound).expect("a legal point");
    let error = subject
        .row(point)
        .expect_err("too many multiply-adds")
        .to_string();
    assert!(error.contains("more than 10^19 multiply-adds"), "{error}");
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
fn a_sweep_keeps_its_order() {
    let subject = Subject::new(Family::ALL[0]);
    let sweep = Sweep {
        dimension: Dimension::Width,
        multipliers: vec![3.0, 1.0, 2.0, 1.0],
    };
    let points = sweep.points(&subject).expect("multipliers");
    let rows = subject.rows(points).expect("small networks");
    let widths: Vec<f64> = rows
        .iter()
        .map(|row| row.scaling.coefficients.width)
        .collect();
    assert_eq!(widths, [3.0, 1.0, 2.0, 1.0]);
}

/// What is predicted of a model that has a baseline of its own scales that one, and no φ gives it.
#[test]
fn models_with_their_own_baseline_are_no_phi() {
    for family in Family::ALL.into_iter().take(5) {
        let mut subject = Subject::new(Family::ALL[0]);
        let named: Vec<Scaling> = family.variants.iter().map(Scaling::published).collect();
        for row in subject.rows(named).expect("published sizes") {
            let is_own = row.scaling.baseline != family.baseline;
            assert_eq!(row.implied.is_none(), is_own, "{}", row.name);
            // Within what rounding and a classifier of constant size do.
            let ratio = row.predicted_macs / row.cost.macs as f64;
            assert!((0.5..1.1).contains(&ratio), "{} {ratio}", row.name);
            let reported = match row.scaling.reading {
                Reading::Published { variant } => variant.accuracy(),
                _ => None,
            };
            assert_eq!(row.accuracy, reported, "{}", row.name);
        }
        subject.classes = 10;
        let ten = subject
            .row(Scaling::published(&family.variants[0]))
            .expect("a small network");
        assert!(ten.accuracy.is_none(), "its authors report 1000 classes");
    }
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
