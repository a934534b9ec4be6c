//! Which cases come of which declarations, and of what is asked for.

use super::*;
use crate::verify::facts::Declared;

fn facts(shape: Vec<DeclaredExtent>, macs: u64) -> FileFacts {
    let input = Declared {
        name: "input".into(),
        element_type: "f32".into(),
        shape: Some(shape),
    };
    let outputs = vec![Declared {
        name: "logits".into(),
        ..input.clone()
    }];
    FileFacts {
        inputs: vec![input],
        outputs,
        default_size: [70, 70],
        size_steps: [1; 2],
        macs,
        work: macs,
        uncounted: Vec::new(),
        weights: 0,
        precision: Element::F32,
        normal: None,
        constant_weights: false,
        is_own: true,
        ..FileFacts::default()
    }
}

fn image(
    batch: DeclaredExtent,
    height: DeclaredExtent,
    width: DeclaredExtent,
) -> Vec<DeclaredExtent> {
    vec![batch, DeclaredExtent::Fixed(3), height, width]
}

fn named(name: &str) -> DeclaredExtent {
    DeclaredExtent::Named(name.into())
}

fn summary(facts: &FileFacts) -> Vec<(Vec<u64>, Option<[u64; 2]>)> {
    cases(facts)
        .expect("cases")
        .into_iter()
        .map(|case| (case.images, case.size))
        .collect()
}

#[test]
fn a_symbolic_batch_is_tried_alone_and_larger() {
    let shape = image(
        named("batch"),
        DeclaredExtent::Fixed(70),
        DeclaredExtent::Fixed(71),
    );
    let size = Some([70, 71]);
    let small = facts(shape.clone(), SMALLER_BATCH_ABOVE_MACS);
    assert_eq!(
        summary(&small),
        [(vec![0], size), (vec![2], size), (vec![0, 1, 2], size)]
    );
    let large = facts(shape, SMALLER_BATCH_ABOVE_MACS + 1);
    assert_eq!(
        summary(&large),
        [(vec![0], size), (vec![1], size), (vec![0, 1], size)]
    );
}

#[test]
fn symbolic_height_and_width_are_tried_at_two_sizes() {
    let fixed_batch = facts(
        image(DeclaredExtent::Fixed(2), named("height"), named("width")),
        0,
    );
    assert_eq!(
        summary(&fixed_batch),
        [(vec![0, 1], Some([96, 96])), (vec![0, 1], Some([64, 96]))]
    );
    let one = facts(
        image(
            DeclaredExtent::Fixed(1),
            DeclaredExtent::Unset,
            DeclaredExtent::Fixed(50),
        ),
        0,
    );
    assert_eq!(
        summary(&one),
        [(vec![0], Some([96, 50])), (vec![0], Some([64, 50]))]
    );
    let square = facts(
        image(DeclaredExtent::Fixed(1), named("side"), named("side")),
        0,
    );
    assert_eq!(
        summary(&square),
        [(vec![0], Some([96, 96])), (vec![0], Some([64, 64]))]
    );
    let mut any = facts(
        image(DeclaredExtent::Fixed(1), named("height"), named("width")),
        0,
    );
    any.any_size = true;
    let sizes = [[96, 96], [64, 96], [97, 64], [64, 97]];
    assert_eq!(summary(&any), sizes.map(|size| (vec![0], Some(size))));
}

#[test]
fn what_cannot_be_tried_is_an_error() {
    let mut half = facts(
        image(
            named("batch"),
            DeclaredExtent::Fixed(8),
            DeclaredExtent::Fixed(8),
        ),
        0,
    );
    half.inputs[0].element_type = "string".into();
    assert!(matches!(cases(&half), Err(PlanError::ElementType { .. })));
    let channels = facts(
        vec![
            DeclaredExtent::Fixed(1),
            DeclaredExtent::Unset,
            DeclaredExtent::Fixed(8),
            DeclaredExtent::Fixed(8),
        ],
        0,
    );
    assert!(matches!(
        cases(&channels),
        Err(PlanError::Symbolic { axis: 1, .. })
    ));
    let huge = facts(
        image(
            DeclaredExtent::Fixed(1),
            DeclaredExtent::Fixed(u64::MAX),
            DeclaredExtent::Fixed(2),
        ),
        0,
    );
    assert!(matches!(cases(&huge), Err(PlanError::Size { .. })));
    let empty = facts(
        image(
            DeclaredExtent::Fixed(1),
            DeclaredExtent::Fixed(0),
            DeclaredExtent::Fixed(2),
        ),
        0,
    );
    assert!(matches!(cases(&empty), Err(PlanError::Zero { .. })));
    assert!(matches!(
        cases(&FileFacts::default()),
        Err(PlanError::Nothing("input"))
    ));
}

#[test]
fn the_time_limit_grows_with_the_work() {
    let facts = facts(
        image(
            named("batch"),
            DeclaredExtent::Fixed(70),
            DeclaredExtent::Fixed(70),
        ),
        10_000_000_000,
    );
    // Five images of 10 GMACs.
    assert_eq!(
        default_seconds(&facts, &cases(&facts).expect("cases")),
        60 + 100
    );
    let endless = FileFacts {
        work: u64::MAX,
        default_size: [1, 1],
        ..facts
    };
    let endless_cases = cases(&endless).expect("cases");
    assert_eq!(default_seconds(&endless, &endless_cases), 3600);
    let case = &endless_cases[0];
    assert_eq!(seconds_for_pictures(&endless, case, 10), 3600);
    assert_eq!(seconds_for_pictures(&endless, case, 10_000), 40_000);
}

#[test]
fn what_is_asked_for_is_tried_in_place_of_the_default() {
    let symbolic = facts(image(named("batch"), named("height"), named("width")), 0);
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
    let fixed = facts(
        image(
            DeclaredExtent::Fixed(2),
            DeclaredExtent::Fixed(70),
            named("width"),
        ),
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
    let huge = facts(
        image(
            DeclaredExtent::Fixed(1 << 60),
            DeclaredExtent::Fixed(8),
            DeclaredExtent::Fixed(8),
        ),
        0,
    );
    assert!(matches!(super::cases(&huge), Err(PlanError::Size { .. })));
}
