//! Keras's files as Keras 2 and 3 wrote them, and as h5py users save them again: names and values.

use super::writer::{Writer, contiguous, dataspace, single};
use efficientnet_onnx::internals::{Keras, Normalization};
use efficientnet_onnx::tensor::{Element, SourceError, TensorSource};
use efficientnet_onnx::weights::checkpoint::Checkpoint;
use efficientnet_onnx::weights::names::Naming;
use std::path::Path;

type Tensor = (String, Vec<u64>, Element, Vec<f32>);

/// Every tensor of a fixture, by name.
fn tensors(name: &str) -> Vec<Tensor> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let checkpoint = Checkpoint::open(&folder.join(name)).expect("a readable checkpoint");
    let read = |name: &str, shape: &[u64]| {
        let elements = usize::try_from(shape.iter().product::<u64>()).expect("it fits memory");
        let mut values = vec![f32::NAN; elements];
        let reader = checkpoint.open(name).expect("a readable tensor");
        // In two pieces, as a large one is.
        let (start, end) = values.split_at_mut(elements / 2);
        reader.fill(0, start).expect("a readable tensor");
        reader.fill(elements / 2, end).expect("a readable tensor");
        values
    };
    let mut tensors: Vec<Tensor> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| {
            let values = read(&tensor.name, &tensor.shape);
            (
                tensor.name.clone(),
                tensor.shape.clone(),
                tensor.element,
                values,
            )
        })
        .collect();
    tensors.sort_by(|one, other| one.0.cmp(&other.0));
    tensors
}

/// Element i in Keras's layout is (i - `number`) / 8; here in PyTorch's, given Keras's extents and the Keras
/// dimension that each of PyTorch's is.
fn ramp(number: usize, extents: &[usize], axes: &[usize]) -> (Vec<u64>, Vec<f32>) {
    let shape: Vec<usize> = axes.iter().map(|&axis| extents[axis]).collect();
    let values = (0..shape.iter().product()).map(|flat: usize| {
        let mut rest = flat;
        let mut place = vec![0; extents.len()];
        for (&axis, &extent) in axes.iter().zip(&shape).rev() {
            place[axis] = rest % extent;
            rest /= extent;
        }
        let index = extents
            .iter()
            .zip(&place)
            .fold(0, |index, (extent, at)| index * extent + at);
        (index as f32 - number as f32) / 8.0
    });
    let values = values.collect();
    (shape.iter().map(|&extent| extent as u64).collect(), values)
}

/// What `fixtures/checkpoints/keras_files.py` puts into the model.
fn model(dtype: Element) -> Vec<Tensor> {
    const CONVOLUTION: [usize; 4] = [3, 2, 0, 1];
    const DEPTHWISE: [usize; 4] = [2, 3, 0, 1];
    let rows: [(&str, usize, &[usize], &[usize]); 14] = [
        ("block1a_bn/beta", 7, &[4], &[0]),
        ("block1a_bn/gamma", 6, &[4], &[0]),
        ("block1a_bn/moving_mean", 8, &[4], &[0]),
        ("block1a_bn/moving_variance", 9, &[4], &[0]),
        (
            "block1a_dwconv/depthwise_kernel",
            5,
            &[3, 2, 4, 1],
            &DEPTHWISE,
        ),
        ("block1a_se_reduce/bias", 11, &[2], &[0]),
        ("block1a_se_reduce/kernel", 10, &[1, 1, 4, 2], &CONVOLUTION),
        ("predictions/bias", 13, &[3], &[0]),
        ("predictions/kernel", 12, &[2, 3], &[1, 0]),
        ("stem_bn/beta", 2, &[4], &[0]),
        ("stem_bn/gamma", 1, &[4], &[0]),
        ("stem_bn/moving_mean", 3, &[4], &[0]),
        ("stem_bn/moving_variance", 4, &[4], &[0]),
        ("stem_conv/kernel", 0, &[3, 2, 3, 4], &CONVOLUTION),
    ];
    rows.into_iter()
        .map(|(name, number, extents, axes)| {
            let (shape, values) = ramp(number, extents, axes);
            (name.to_owned(), shape, dtype, values)
        })
        .collect()
}

#[test]
fn every_form_of_a_model_gives_the_same_weights() {
    for (file, dtype) in [
        ("keras_2_weights.h5", Element::F32),
        ("keras_2_model.h5", Element::F32),
        ("keras_3_model.h5", Element::F32),
        ("keras_3.weights.h5", Element::F32),
        ("keras_2.keras", Element::F32),
        ("keras_3.keras", Element::F32),
        ("keras_3_unnamed.keras", Element::F32),
        ("keras_3_deflated.keras", Element::F32),
        ("keras_3_parts.weights.json", Element::F32),
        ("keras_3_parts_00001.weights.h5", Element::F32),
        ("keras_2_saved_model", Element::F32),
        ("keras_2_saved_model/saved_model.pb", Element::F32),
        ("keras_3_saved_model", Element::F32),
        (
            "keras_3_saved_model/variables/variables.index",
            Element::F32,
        ),
        ("keras_half_latest.h5", Element::F16),
        ("keras_double_big.h5", Element::F64),
        ("keras_chunked.h5", Element::F32),
        ("keras_chunked_latest.h5", Element::F32),
    ] {
        assert_eq!(tensors(file), model(dtype), "{file}");
    }
}

#[test]
fn a_model_within_a_model_gives_its_weights_beside_the_others() {
    for file in ["keras_2_nested.h5", "keras_3_nested.h5"] {
        let (mine, inner): (Vec<_>, Vec<_>) = tensors(file)
            .into_iter()
            .partition(|(name, ..)| name.starts_with("mine/"));
        assert_eq!(inner, model(Element::F32), "{file}");
        assert_eq!(mine.len(), 2, "{file}");
    }
}

#[test]
fn chunks_come_together_whatever_indexes_them() {
    for file in ["keras_cut.h5", "keras_cut_latest.h5"] {
        let (kernel_shape, kernel) = ramp(0, &[3, 2, 3, 4], &[3, 2, 0, 1]);
        let (many_shape, many) = ramp(0, &[3, 700], &[1, 0]);
        let expected = [
            ("predictions/bias", vec![3], vec![0.0, 0.125, 0.25]),
            ("predictions/kernel", many_shape, many),
            ("stem_conv/kernel", kernel_shape, kernel),
        ];
        let expected =
            expected.map(|(name, shape, values)| (name.to_owned(), shape, Element::F32, values));
        assert_eq!(tensors(file), expected, "{file}");
    }
}

#[test]
fn links_are_found_in_any_tree() {
    for file in ["keras_many.h5", "keras_many_latest.h5"] {
        let mut found: Vec<_> = tensors(file)
            .into_iter()
            .map(|(name, .., values)| (values[0], name))
            .collect();
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        let expected =
            (0..100u8).map(|number| (f32::from(number), format!("layer/weight_{number}")));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{file}");
    }
}

/// It is not one of the network's weights, but tells how pictures are prepared.
#[test]
fn the_normalization_of_pictures_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    for file in [
        "keras_2_model.h5",
        "keras_2_nested.h5",
        "keras_3_model.h5",
        "keras_3.weights.h5",
        "keras_chunked_latest.h5",
    ] {
        let found = normalization(&folder.join(file)).expect("a readable checkpoint");
        let found = found.expect("a normalization");
        assert_eq!((found.mean, found.variance), ([0.0; 3], [1.0; 3]), "{file}");
    }
    let none = normalization(&folder.join("keras_cut.h5")).expect("a readable checkpoint");
    assert_eq!(none, None);
}

#[test]
fn keras_names_are_detected_in_its_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let checkpoint =
        Checkpoint::open(&folder.join("keras_2_model.h5")).expect("a readable checkpoint");
    assert_eq!(checkpoint.naming(), Some(Naming::Keras));
    assert_eq!(checkpoint.classes(Naming::Keras), Some(3));
    assert_eq!(checkpoint.in_channels(Naming::Keras), Some(3));
}

/// A file of vectors of three ones, by their paths of two names.
fn vectors(paths: &[(&str, &[&str])]) -> Vec<u8> {
    let mut file = Writer::new();
    let ones = file.bytes(&1f32.to_le_bytes().repeat(3));
    let mut groups = Vec::new();
    for (group, names) in paths {
        let links: Vec<(&str, u64)> = names
            .iter()
            .map(|name| {
                let messages = [dataspace(&[3]), single(), contiguous(ones, 12)];
                (*name, file.object(&messages))
            })
            .collect();
        groups.push((*group, file.group(&links)));
    }
    let root = file.group(&groups);
    file.finish(root)
}

/// What a file keeps of the normalization of pictures, if its checkpoint can be opened.
fn normalization(path: &Path) -> Result<Option<Normalization>, SourceError> {
    Checkpoint::open(path)?;
    Keras::open(path)?.normalization()
}

/// Opens a file of these bytes.
fn opened<T>(
    bytes: &[u8],
    open: impl Fn(&Path) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vectors.h5");
    std::fs::write(&path, bytes).expect("a file");
    open(&path)
}

#[test]
fn what_inputs_are_normalised_with_is_one_pair_or_an_error() {
    let pair: &[&str] = &["mean", "variance"];
    let one = opened(&vectors(&[("normalization", pair)]), normalization).expect("a checkpoint");
    assert!(one.is_some());
    for (groups, what) in [
        (
            &[("normalization", pair), ("normalization_1", pair)][..],
            "expected one mean that inputs are normalised with, found `normalization/mean`, `normalization_1/mean`",
        ),
        (
            &[("normalization", &["mean"][..])],
            "expected one variance that inputs are normalised with, found none",
        ),
    ] {
        let error = opened(&vectors(groups), normalization)
            .unwrap_err()
            .to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn weights_outside_the_models_groups_are_accounted_for_or_on_offer() {
    let groups: [(&str, &[&str]); 3] = [
        ("model_weights", &["gamma"]),
        ("optimizer_weights", &["momentum"]),
        ("extra", &["kernel"]),
    ];
    let found = opened(&vectors(&groups), Checkpoint::open).expect("a checkpoint");
    let names: Vec<&str> = found
        .tensors()
        .iter()
        .map(|tensor| tensor.name.as_str())
        .collect();
    assert_eq!(names, ["gamma", "extra/kernel"]);
    let left_out: Vec<String> = found.left_out().iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["`optimizer_weights/momentum` (optimiser)"]);
}

#[test]
fn an_exported_saved_model_says_that_its_graph_is_not_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    for path in ["keras_3_saved_model", "keras_3_saved_model/saved_model.pb"] {
        let checkpoint = Checkpoint::open(&fixtures.join(path)).expect("a checkpoint");
        let evidence = checkpoint.evidence().expect("a note");
        let [note] = evidence.notes.as_slice() else {
            panic!("expected one note: {evidence:?}");
        };
        assert!(
            note.starts_with("the graph of the SavedModel is not read"),
            "{note}"
        );
    }
    // Its description is compared.
    let described = Checkpoint::open(&fixtures.join("keras_2_saved_model")).expect("a checkpoint");
    let evidence = described.evidence().expect("a record");
    assert!(
        !evidence
            .notes
            .iter()
            .any(|note| note.contains("SavedModel is not read"))
    );
}
