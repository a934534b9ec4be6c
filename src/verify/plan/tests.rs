//! Which cases come of which declarations, and of what is asked for.

use super::*;
use crate::verify::subject::Declared;

fn subject(shape: Vec<Extent>, macs: u64) -> Subject {
    let input = Declared {
        name: "input".into(),
        element_type: "f32".into(),
        shape: Some(shape),
    };
    let outputs = vec![Declared {
        name: "logits".into(),
        ..input.clone()
    }];
    Subject {
        inputs: vec![input],
        outputs,
        default_size: [70, 70],
        size_steps: [1; 2],
        macs,
        uncounted: Vec::new(),
        weights: 0,
        precision: Element::F32,
        normal: None,
        constant_weights: false,
        is_own: true,
        ..Subject::default()
    }
}

fn image(batch: Extent, height: Extent, width: Extent) -> Vec<Extent> {
    vec![batch, Extent::Fixed(3), height, width]
}

fn named(name: &str) -> Extent {
    Extent::Named(name.into())
}

fn summary(subject: &Subject) -> Vec<(Vec<u64>, Option<[u64; 2]>)> {
    cases(subject)
        .expect("cases")
        .into_iter()
        .map(|case| (case.images, case.size))
        .collect()
}

#[test]
fn a_symbolic_batch_is_tried_alone_and_larger() {
    let shape = image(named("batch"), Extent::Fixed(70), Extent::Fixed(71));
    let size = Some([70, 71]);
    let small = subject(shape.clone(), SMALLER_BATCH_ABOVE_MACS);
    assert_eq!(
        summary(&small),
        [(vec![0], size), (vec![2], size), (vec![0, 1, 2], size)]
    );
    let large = subject(shape, SMALLER_BATCH_ABOVE_MACS + 1);
    assert_eq!(
        summary(&large),
        [(vec![0], size), (vec![1], size), (vec![0, 1], size)]
    );
}

#[test]
fn symbolic_height_and_width_are_tried_at_two_sizes() {
    let fixed_batch = subject(image(Extent::Fixed(2), named("height"), named("width")), 0);
    assert_eq!(
        summary(&fixed_batch),
        [(vec![0, 1], Some([96, 96])), (vec![0, 1], Some([64, 96]))]
    );
    let one = subject(image(Extent::Fixed(1), Extent::Unset, Extent::Fixed(50)), 0);
    assert_eq!(
        summary(&one),
        [(vec![0], Some([96, 50])), (vec![0], Some([64, 50]))]
    );
    let square = subject(image(Extent::Fixed(1), named("side"), named("side")), 0);
    assert_eq!(
        summary(&square),
        [(vec![0], Some([96, 96])), (vec![0], Some([64, 64]))]
    );
}

#[test]
fn what_cannot_be_tried_is_an_error() {
    let mut half = subject(image(named("batch"), Extent::Fixed(8), Extent::Fixed(8)), 0);
    half.inputs[0].element_type = "string".into();
    assert!(matches!(cases(&half), Err(PlanError::ElementType { .. })));
    let channels = subject(
        vec![
            Extent::Fixed(1),
            Extent::Unset,
            Extent::Fixed(8),
            Extent::Fixed(8),
        ],
        0,
    );
    assert!(matches!(
        cases(&channels),
        Err(PlanError::Symbolic { axis: 1, .. })
    ));
    let huge = subject(
        image(Extent::Fixed(1), Extent::Fixed(u64::MAX), Extent::Fixed(2)),
        0,
    );
    assert!(matches!(cases(&huge), Err(PlanError::Size { .. })));
    let empty = subject(
        image(Extent::Fixed(1), Extent::Fixed(0), Extent::Fixed(2)),
        0,
    );
    assert!(matches!(cases(&empty), Err(PlanError::Zero { .. })));
    assert!(matches!(
        cases(&Subject::default()),
        Err(PlanError::Nothing("input"))
    ));
}

#[test]
fn the_time_limit_grows_with_the_work() {
    let subject = subject(
        image(named("batch"), Extent::Fixed(70), Extent::Fixed(70)),
        10_000_000_000,
    );
    // Five images of 10 GMACs.
    assert_eq!(
        default_seconds(&subject, &cases(&subject).expect("cases")),
        60 + 100
    );
}

#[test]
fn what_is_asked_for_is_tried_in_place_of_the_default() {
    let symbolic = subject(image(named("batch"), named("height"), named("width")), 0);
    let wanted = Wanted {
        batches: vec![1, 4],
        sizes: vec![[32, 64], [96, 32]],
        contents: vec![Content::Image, Content::Zero],
    };
    let cases = cases_of(&symbolic, &wanted).expect("cases");
    let found: Vec<_> = cases
        .iter()
        .map(|case| (case.content, case.size, case.images.len()))
        .collect();
    let of = |content| {
        [
            (content, Some([32, 64]), 1),
            (content, Some([32, 64]), 4),
            (content, Some([96, 32]), 1),
            (content, Some([96, 32]), 4),
        ]
    };
    assert_eq!(found, [of(Content::Image), of(Content::Zero)].concat());
    let fixed = subject(
        image(Extent::Fixed(2), Extent::Fixed(70), named("width")),
        0,
    );
    for (wanted, expected) in [
        (
            Wanted {
                batches: vec![2, 3],
                ..Wanted::default()
            },
            "batch 3 is asked for, but the file has 2",
        ),
        (
            Wanted {
                sizes: vec![[64, 32]],
                ..Wanted::default()
            },
            "size 64x32 is asked for, but the file has 70x32",
        ),
    ] {
        assert_eq!(
            cases_of(&fixed, &wanted).expect_err("refused").to_string(),
            expected
        );
    }
    // A batch that no memory could hold is refused before anything is made.
    let huge = subject(
        image(Extent::Fixed(1 << 60), Extent::Fixed(8), Extent::Fixed(8)),
        0,
    );
    assert!(matches!(super::cases(&huge), Err(PlanError::Size { .. })));
}
