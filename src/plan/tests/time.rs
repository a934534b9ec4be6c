//! The search by time, with models of time in place of a clock.

use super::{CostLimits, costs};
use crate::architecture::{Family, Reading, Scaling};
use crate::plan::{Cost, Fastest, Subject, fastest, search};
use std::convert::Infallible;

const NO_LIMITS: CostLimits = CostLimits {
    macs: None,
    parameters: None,
    memory: None,
    file: None,
};

/// The search with a model of time, which is asked once for each network.
fn search(
    subject: &Subject,
    limits: &CostLimits,
    limit: f64,
    model: impl Fn(f64) -> f64,
) -> Fastest<f64> {
    let mut asked = Vec::new();
    let found = fastest(subject, limits, limit, |request| {
        let counts = request.counts().expect("a small network");
        assert!(
            !asked.contains(&counts),
            "{} is timed twice",
            request.blueprint.name()
        );
        asked.push(counts);
        Ok::<f64, Infallible>(model(counts.macs as f64))
    });
    let found = found.expect("the baseline fits");
    assert_eq!(asked.len(), found.samples.len());
    found
}

/// Seconds that grow with cost in several ways: in proportion, with a part that is the same for all, faster, in a jump,
/// hardly at all, much faster.
const MODELS: [fn(f64) -> f64; 6] = [
    |macs| macs / 20e9,
    |macs| 0.003 + macs / 50e9,
    |macs| libm::pow(macs, 1.4) / 1e15,
    |macs| macs / if macs > 1e9 { 5e9 } else { 20e9 },
    |macs| 0.02 + macs / 1e12,
    |macs| libm::pow(macs / 1e9, 3.0),
];

fn step(phi: f64) -> usize {
    (0..=400)
        .find(|step| search::phi(*step) == phi)
        .expect("a point of the grid") as usize
}

#[test]
fn time_gives_what_an_exhaustive_search_gives_with_few_measurements() {
    let subject = Subject::new(Family::ALL[0]);
    let costs = costs(&subject, 300);
    for (index, model) in MODELS.into_iter().enumerate() {
        let time = |cost: &Cost| model(cost.macs as f64);
        for place in [0, 1, 90, 103, 290] {
            for limit in [time(&costs[place]), time(&costs[place]) * 1.001] {
                let found = search(&subject, &NO_LIMITS, limit, model);
                let expected = costs.iter().rposition(|cost| time(cost) <= limit);
                let expected = expected.expect("the baseline fits");
                assert_eq!(step(found.phi), expected, "{index} {limit}");
                assert_eq!(step(found.next), expected + 1);
                assert_eq!(found.time, time(&costs[expected]));
                assert_eq!(found.next_time, Some(time(&costs[expected + 1])));
                let count = found.samples.len();
                let dearest = found.samples.iter().map(|sample| sample.macs).max();
                assert!(
                    dearest <= Some(5 * costs[expected].macs),
                    "{dearest:?} for model {index} at {place}"
                );
                // Time that hardly grows is guessed badly.
                let most = if index == 4 { 24 } else { 14 };
                assert!(
                    count <= most,
                    "{count} for model {index} at {place}: {:?}",
                    found.samples
                );
            }
        }
    }
}

/// The largest published model by time, against all of them.
#[test]
fn published_models_are_timed_too() {
    for family in Family::ALL.into_iter().take(5) {
        let subject = Subject::new(family);
        let rows = subject.published().expect("published sizes");
        for model in MODELS {
            let times = rows.iter().map(|row| model(row.cost.macs as f64));
            for limit in times.filter(|time| *time <= 0.15) {
                if limit
                    < model(
                        subject
                            .at(0.0)
                            .ok()
                            .and_then(|request| Cost::of(&request).ok())
                            .map_or(0.0, |cost| cost.macs as f64),
                    )
                {
                    continue;
                }
                let found = search(&subject, &NO_LIMITS, limit, model);
                let fits = rows
                    .iter()
                    .filter(|row| model(row.cost.macs as f64) <= limit);
                let macs = fits.map(|row| row.cost.macs).max();
                let name = found
                    .published
                    .map(|(variant, _)| Scaling::published(variant));
                let row = rows.iter().find(|row| Some(&row.scaling) == name.as_ref());
                assert_eq!(
                    row.map(|row| row.cost.macs),
                    macs,
                    "{} {limit}",
                    family.name
                );
                let published = |sample: &&_| matches!(sample, Reading::Published { .. });
                let readings = found.samples.iter().map(|sample| &sample.scaling.reading);
                let readings: Vec<&Reading> = readings.collect();
                let count = readings.iter().filter(|reading| published(reading)).count();
                assert!(count <= 3, "{count} in {}", family.name);
            }
        }
    }
}

/// What another limit forbids is not timed, and where time allows all that the other limits do, only the baseline, the answer and
/// the published model are.
#[test]
fn other_limits_bound_a_search_by_time() {
    let subject = Subject::new(Family::ALL[0]);
    let limits = CostLimits {
        macs: Some(1_000_000_000),
        ..NO_LIMITS
    };
    let found = search(&subject, &limits, 1.0, |_| 0.001);
    assert_eq!((found.phi, found.next, found.next_time), (1.03, 1.04, None));
    assert_eq!(found.published.map(|(variant, _)| variant.name), Some("b2"));
    let macs: Vec<u64> = found.samples.iter().map(|sample| sample.macs).collect();
    assert_eq!(macs, [385_814_752, 993_797_968, 993_561_872]);
}

/// Both limits decide somewhere: the answer is that of the stricter one.
#[test]
fn time_and_other_limits_are_kept_together() {
    let subject = Subject::new(Family::ALL[0]);
    let costs = costs(&subject, 160);
    let model = MODELS[1];
    for (by_time, by_parameters) in [(30, 120), (120, 30), (103, 103), (75, 74), (0, 90), (90, 0)] {
        let limit = model(costs[by_time].macs as f64);
        let limits = CostLimits {
            parameters: Some(costs[by_parameters].parameters),
            ..NO_LIMITS
        };
        let found = search(&subject, &limits, limit, model);
        let expected = costs.iter().rposition(|cost| {
            model(cost.macs as f64) <= limit && cost.parameters <= costs[by_parameters].parameters
        });
        assert_eq!(Some(step(found.phi)), expected, "{by_time} {by_parameters}");
        let kept = |macs: u64| {
            costs
                .iter()
                .any(|cost| cost.macs == macs && cost.parameters <= costs[by_parameters].parameters)
        };
        let formula = found
            .samples
            .iter()
            .filter(|sample| matches!(sample.scaling.reading, Reading::Formula { .. }));
        for sample in formula {
            assert!(kept(sample.macs), "{sample:?} is beyond another limit");
        }
    }
}

#[test]
fn a_baseline_that_is_too_slow_says_its_time() {
    use crate::plan::NoAnswer;
    let subject = Subject::new(Family::ALL[0]);
    let found = fastest(&subject, &NO_LIMITS, 0.01, |_| Ok::<f64, Infallible>(0.02));
    assert!(matches!(found, Err(NoAnswer::Slow(seconds)) if seconds == 0.02));
}
