//! The reference interpreter against the ONNX project: its node tests, and attributes at random in f64.

use efficientnet_onnx::runtime::{self, OpenOptions, RuntimeError, RuntimeName};
use efficientnet_onnx::tensor::{Element, NamedTensor};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

#[derive(Deserialize)]
struct Listed {
    cases: Vec<Case>,
    left_out: Vec<LeftOut>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    source: String,
    operators: Vec<String>,
    inputs: Vec<Described>,
    outputs: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    shape: Vec<usize>,
    element: Element,
}

#[derive(Deserialize)]
struct LeftOut {
    name: String,
    reason: String,
}

/// Runs `reference_operators.py`.
fn generate(folder: &Path) -> Listed {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("tests/.venv/bin/python");
    assert!(
        python.exists(),
        "`{}` is not there\nhint: `tests/run --set-up-only` installs onnx",
        python.display()
    );
    let output = Command::new(python)
        .arg(root.join("tests/reference_operators.py"))
        .arg(folder)
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let listed = std::fs::read(folder.join("cases.json")).expect("the list of cases");
    serde_json::from_slice(&listed).expect("JSON")
}

/// The tensors of a case: inputs, then what is expected.
fn tensors(folder: &Path, case: &Case) -> (Vec<NamedTensor>, Vec<NamedTensor>) {
    let bytes = std::fs::read(folder.join(format!("{}.f64", case.name))).expect("the elements");
    let mut elements = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&chunk| f64::from_le_bytes(chunk));
    let mut take = |described: &Described| NamedTensor {
        name: described.name.clone(),
        shape: described.shape.clone(),
        element: described.element,
        data: elements
            .by_ref()
            .take(described.shape.iter().product())
            .collect(),
    };
    let inputs = case.inputs.iter().map(&mut take).collect();
    let expected = case.outputs.iter().map(&mut take).collect();
    assert_eq!(elements.next(), None, "{}", case.name);
    (inputs, expected)
}

/// How far off an element may be, in parts of the largest finite element that is expected. Expected values were
/// computed in the tensor's own type, so that is the precision to which they are known.
fn tolerance(element: Element) -> f64 {
    match element {
        Element::F64 => 1e-13,
        Element::F32 => 2e-6,
        Element::F16 => 1e-3,
        Element::Bf16 => 8e-3,
        _ => 0.0,
    }
}

fn compare(
    found: &[NamedTensor],
    expected: &[NamedTensor],
    coarse: Option<f64>,
) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} outputs", found.len()));
    }
    for (found, expected) in found.iter().zip(expected) {
        if (&found.name, &found.shape, found.element)
            != (&expected.name, &expected.shape, expected.element)
        {
            return Err(format!(
                "{} {:?} {} instead of {} {:?} {}",
                found.name,
                found.shape,
                found.element,
                expected.name,
                expected.shape,
                expected.element
            ));
        }
        let finite = expected.data.iter().filter(|value| value.is_finite());
        let largest = finite.fold(0.0, |most: f64, value| most.max(value.abs()));
        for (&found, &wanted) in found.data.iter().zip(&expected.data) {
            if found == wanted || (found.is_nan() && wanted.is_nan()) {
                continue;
            }
            let allowed = coarse.unwrap_or(tolerance(expected.element)) * largest;
            let off = (found - wanted).abs();
            if off.is_nan() || off > allowed {
                return Err(format!(
                    "{found} instead of {wanted}: {off} off, more than {allowed}"
                ));
            }
        }
    }
    Ok(())
}

fn run(
    folder: &Path,
    case: &Case,
    inputs: &[NamedTensor],
) -> Result<Vec<NamedTensor>, RuntimeError> {
    let reference = runtime::open(RuntimeName::Reference, &OpenOptions::default())?;
    let mut session = reference.load(&folder.join(format!("{}.onnx", case.name)))?;
    session.run(inputs)
}

/// Node tests whose operator is known and whose use of it is refused, and why.
const REFUSED: [(&str, &str); 3] = [
    ("test_batchnorm_", "only inference"),
    ("test_training_dropout", "dropout in training"),
    ("test_maxpool_with_argmax_2d_", "result 1 is not computed"),
];

/// Node tests whose expected values are not known as precisely as their type is, and by how much.
const COARSE: [(&str, f64); 2] = [
    // Written down with four digits.
    ("test_averagepool_2d_ceil_last_window_starts_on_pad", 1e-3),
    // One step of 255: a value on the edge between two steps, to the precision of f32.
    ("test_dynamicquantizelinear_expanded", 1.0 / 255.0),
];

#[test]
fn every_operator_gives_what_the_onnx_project_says() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let folder = folder.path();
    let listed = generate(folder);
    let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut operators = BTreeSet::new();
    let mut lacking = 0;
    let mut refused = 0;
    let mut wrong = Vec::new();
    for case in &listed.cases {
        let (inputs, expected) = tensors(folder, case);
        let coarse = COARSE.iter().find(|(name, _)| *name == case.name);
        match run(folder, case, &inputs) {
            Ok(found) => match compare(&found, &expected, coarse.map(|(_, coarse)| *coarse)) {
                Ok(()) => {
                    *passed.entry(case.source.as_str()).or_default() += 1;
                    operators.extend(&case.operators);
                }
                Err(fault) => wrong.push(format!("{}: {fault}", case.name)),
            },
            Err(error) => {
                let message = error.to_string();
                let known = REFUSED
                    .iter()
                    .any(|(name, reason)| case.name.starts_with(name) && message.contains(reason));
                if message.contains("the reference interpreter lacks: ") {
                    lacking += 1;
                } else if known {
                    refused += 1;
                } else {
                    wrong.push(format!("{}: {message}", case.name));
                    continue;
                }
                println!("left out: {}: {message}", case.name);
            }
        }
    }
    for LeftOut { name, reason } in &listed.left_out {
        println!("left out: {name}: {reason}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let counts = (passed["node"], passed["random"], lacking, refused);
    assert_eq!(
        counts,
        (880, 1572, 757, 10),
        "passed, passed, lacking, refused"
    );
    // All that the interpreter's own table has.
    assert_eq!(operators.len(), 91, "{operators:?}");
    assert_eq!(listed.left_out.len(), 237);
    damage(folder, &listed);
}

/// Files that are damaged in one byte are refused, or run; nothing panics, whatever the byte.
fn damage(folder: &Path, listed: &Listed) {
    let reference =
        runtime::open(RuntimeName::Reference, &OpenOptions::default()).expect("it is built");
    let path = folder.join("damaged.onnx");
    let mut state = 1u64;
    let mut random = move |below: usize| {
        // Knuth's generator of 64 bits (The Art of Computer Programming, volume 2, 3.3.4); the upper half is good.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let (mut refused, mut ran) = (0, 0);
    for case in listed.cases.iter().step_by(5) {
        let (inputs, _) = tensors(folder, case);
        let whole = std::fs::read(folder.join(format!("{}.onnx", case.name))).expect("a model");
        for _ in 0..4 {
            let mut damaged = whole.clone();
            let place = random(damaged.len());
            damaged[place] = [
                0,
                1,
                2,
                127,
                128,
                255,
                damaged[place] ^ 1,
                damaged[place] ^ 64,
            ][random(8)];
            std::fs::write(&path, damaged).expect("it is written");
            let result = reference
                .load(&path)
                .and_then(|mut session| session.run(&inputs));
            match result {
                Ok(_) => ran += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1500 && ran > 150, "{refused} refused, {ran} ran");
}
