//! A run on CUDA counts only with proof of where it ran.

use super::{outcome, report};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::Outcome;
use crate::runtime::placement::{PlacedNode, Placement, Source};
use crate::verify::report::{RuntimeStatus, Verdict};

fn placed(source: Source, provider: &str) -> Placement {
    let node = PlacedNode {
        provider: provider.into(),
        node: "conv".into(),
        op: "Conv".into(),
    };
    Placement::of(source, "CUDAExecutionProvider", vec![node])
}

fn on_cuda(placements: Vec<Placement>) -> (RuntimeStatus, Verdict) {
    let cuda = Outcome {
        placements,
        ..outcome()
    };
    let runs = [
        (RuntimeName::OrtCpu, outcome()),
        (RuntimeName::OrtCuda, cuda),
    ];
    let report = report(&runs);
    (report.runtimes[1].status, report.verdict)
}

#[test]
fn only_both_proofs_are_enough() {
    let cuda = "CUDAExecutionProvider";
    let unavailable = (RuntimeStatus::Unavailable, Verdict::Unavailable);
    let partitioner = placed(Source::Partitioner, cuda);
    let profile = placed(Source::Profile, cuda);
    let passed = on_cuda(vec![partitioner.clone(), profile.clone()]);
    assert_eq!(passed, (RuntimeStatus::Passed, Verdict::Agree));
    let elsewhere = placed(Source::Profile, "CPUExecutionProvider");
    let unban = placed(Source::PartitionerWithoutBan, cuda);
    for placements in [
        vec![],
        vec![partitioner.clone()],
        vec![profile.clone()],
        vec![partitioner, elsewhere],
        vec![unban, profile],
    ] {
        assert_eq!(on_cuda(placements.clone()), unavailable, "{placements:?}");
    }
}

#[test]
fn tf32_is_reported_and_does_not_count() {
    let cuda = "CUDAExecutionProvider";
    let mut tf32_cases = outcome().cases;
    tf32_cases[0].outputs[0].data[0] += 1.0;
    let outcome_of_cuda = Outcome {
        placements: vec![
            placed(Source::Partitioner, cuda),
            placed(Source::Profile, cuda),
        ],
        tf32_cases,
        ..outcome()
    };
    let runs = [
        (RuntimeName::OrtCpu, outcome()),
        (RuntimeName::OrtCuda, outcome_of_cuda),
    ];
    let report = report(&runs);
    assert_eq!(report.verdict, Verdict::Agree);
    let tf32 = report.runtimes[1].tf32.as_ref().expect("it was measured");
    assert_eq!(tf32.beyond_tolerance, 1);
    assert!(
        tf32.max_abs
            .is_some_and(|max_abs| (max_abs - 1.0).abs() < 1e-12)
    );
}
