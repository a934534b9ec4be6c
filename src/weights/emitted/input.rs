//! What a form does to the input of a graph, undone: the first convolution's weight without the deviation, and records of the
//! network as it is without the form.

use crate::metadata::{PREPROCESSING_KEY, Preprocessing, RECIPE_KEY, Recipe};
use crate::onnx::file::{Contents, ModelFile};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The mean that a graph subtracts from its input.
pub(super) const MEAN: &str = "input.mean";

/// What is said of weights that were divided and multiplied again.
pub(super) const MULTIPLIED: &str = "the file's first convolution divides by the deviation of pixels: its weight is multiplied \
                                     by that again, and may differ from the original in the last bit of single precision";

/// The deviation of each channel of pixels, and the weights that hold its reciprocal.
type Scaled = ([f64; 3], Vec<String>);

/// What the graph divides pixels by, if it does.
///
/// # Errors
/// If no convolution of the graph is as its recipe says.
pub(super) fn scaled(file: &ModelFile) -> Result<Option<Scaled>, String> {
    let text = file.metadata(RECIPE_KEY).unwrap_or_default();
    let Some(normal) = parsed::<Recipe>(text).and_then(|recipe| recipe.normalize) else {
        return Ok(None);
    };
    let weights = readers(&file.contents);
    if weights.is_empty() {
        return Err(format!(
            "its recipe has `normalize`, but no convolution reads what `{MEAN}` is subtracted from"
        ));
    }
    Ok(Some((normal.std, weights)))
}

/// The weights of convolutions that read the difference of something and the mean.
fn readers(contents: &Contents) -> Vec<String> {
    let nodes = contents.nodes.iter();
    let differences = nodes.clone().filter(|node| {
        let subtrahend = node.input.get(1).map(String::as_str);
        node.op_type() == "Sub" && subtrahend == Some(MEAN)
    });
    let centred: Vec<&String> = differences.flat_map(|node| &node.output).collect();
    let reads = nodes.filter(|node| {
        let operand = node.input.first();
        node.op_type() == "Conv" && operand.is_some_and(|operand| centred.contains(&operand))
    });
    reads
        .filter_map(|node| node.input.get(1).cloned())
        .collect()
}

/// Makes the records those of the network without a form of its input.
pub(super) fn unform(records: &mut BTreeMap<String, String>) {
    rewrite(records, RECIPE_KEY, |recipe: Recipe| Recipe {
        input_format: None,
        normalize: None,
        ..recipe
    });
    rewrite(records, PREPROCESSING_KEY, |record: Preprocessing| {
        record.whole()
    });
}

/// Changes a record that can be read; the text of one that stays as it is stays too.
fn rewrite<T: Clone + PartialEq + Serialize + DeserializeOwned>(
    records: &mut BTreeMap<String, String>,
    key: &str,
    change: impl FnOnce(T) -> T,
) {
    let Some(text) = records.get_mut(key) else {
        return;
    };
    let Some(own) = parsed::<T>(text) else {
        return;
    };
    let changed = change(own.clone());
    if changed != own
        && let Ok(changed) = serde_json::to_string(&changed)
    {
        *text = changed;
    }
}

fn parsed<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
