//! `--like`: its value, the list of all names, and the flags that name a model or its conventions.

use super::text;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::like::{self, Like};
use efficientnet_onnx::weights::names::Naming;
use efficientnet_onnx::weights::names::conventions::Undecided;
use serde_json::{Value, json};

/// What `--like` asks for.
#[derive(Clone, Debug)]
pub enum Choice {
    /// `list`: all names.
    List,
    /// One model.
    Model(Box<Like>),
}

/// Reads the value of `--like`.
pub fn parse(text: &str) -> Result<Choice, String> {
    if text == "list" {
        return Ok(Choice::List);
    }
    match like::find(text) {
        Ok(like) => Ok(Choice::Model(Box::new(like))),
        Err(error) if error.tags.is_empty() => Err(format!(
            "{error}\nhint: `inspect --like list` has all names"
        )),
        Err(error) => Err(format!(
            "{error}\nhint: that model's weights are `{}`",
            error.tags.join("`, `")
        )),
    }
}

/// What to do where neither flags nor a checkpoint tell padding and epsilon: the models that it may be come first.
pub fn hint(error: Undecided, variant: Option<&str>) -> String {
    let names = variant.map(|variant| named(error.naming, variant));
    match names.filter(|names| !names.is_empty()) {
        None => conventions(error.naming).to_owned(),
        Some(names) => format!(
            "say which it is with {names}; or {}",
            conventions(error.naming)
        ),
    }
}

/// Padding and epsilon as flags, with the models that made each choice.
fn conventions(naming: Naming) -> &'static str {
    match naming {
        Naming::Torchvision | Naming::TorchvisionFeatures => {
            "use `--bn-epsilon 1e-5` for B0 to B4 and `--bn-epsilon 1e-3` for B5 to B7 and V2 (torchvision's padding is `symmetric`)"
        }
        Naming::Lukemelas => {
            "use `--padding static:S` with the image size S that the model was built for (`image_size`), or \
             `--padding same` if it was built with `image_size=None` (efficientnet_pytorch's epsilon is 1e-3)"
        }
        Naming::Transformers | Naming::TransformersBase => {
            "use `--padding static:S` with an image size S at which the blocks in `depthwise_padding` of its `config.json` have \
             an odd input (transformers' epsilon is 1e-3)"
        }
        Naming::Timm
        | Naming::Resnet
        | Naming::MobileNetV2
        | Naming::Keras
        | Naming::TensorFlow
        | Naming::MmPretrain => {
            "use `--padding same --bn-epsilon 1e-3` for weights of timm's `tf_efficientnet_*`, \
             `--padding symmetric --bn-epsilon 1e-5` for those of its `efficientnet_*`"
        }
    }
}

/// The models that a network with these tensor names may be, as flags.
pub fn named(naming: Naming, variant: &str) -> String {
    let may_be =
        |like: &Like| like.naming() == naming.with_classifier() && like.variant.name == variant;
    let mut names: Vec<String> = like::all()
        .iter()
        .filter(|like| may_be(like))
        .map(|like| format!("`--like {}`", like.untagged()))
        .collect();
    names.sort();
    names.dedup();
    names.join(" or ")
}

/// Every name with what it stands for; a model's default weights first.
pub fn list() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "name and variant",
        "size",
        "classes",
        "padding",
        "eps",
        "parameters",
    ]);
    for (like, parameters) in counted() {
        table.add_row([
            // Columns of their own would be wider than a terminal.
            format!("{} {}", like.name(), like.variant.name),
            like.size.to_string(),
            text::grouped(like.classes),
            like.padding.name(),
            format!("{:e}", like.batch_norm_epsilon),
            parameters.map(text::grouped).unwrap_or_default(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for index in [1, 2, 5] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The same, and how pictures are prepared.
pub fn list_as_json() -> Value {
    let model = |(like, parameters): (Like, Option<u64>)| {
        json!({
            "name": like.name(),
            "variant": like.variant.name,
            "size": like.size,
            "classes": like.classes,
            "padding": like.padding.name(),
            "bn_epsilon": like.batch_norm_epsilon,
            "parameters": parameters,
            "preprocessing": like.preprocessing,
        })
    };
    let models: Vec<Value> = counted().into_iter().map(model).collect();
    json!({ "schema": 1, "models": models })
}

/// Every model, with its parameters.
fn counted() -> Vec<(Like, Option<u64>)> {
    let mut known: Vec<((&str, u64), Option<u64>)> = Vec::new();
    let count = |like: Like| {
        let key = (like.variant.name, like.classes);
        let found = known.iter().find(|(other, _)| *other == key);
        let parameters = match found {
            Some((_, parameters)) => *parameters,
            None => {
                let counts = like.request().counts();
                let parameters = counts.ok().map(|counts| counts.parameters);
                known.push((key, parameters));
                parameters
            }
        };
        (like, parameters)
    };
    like::all().into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_conventions_are_offered_as_flags() {
        let error = |naming| Undecided {
            naming,
            padding: true,
            batch_norm_epsilon: true,
        };
        let timm = hint(error(Naming::Timm), Some("b0"));
        for choice in [
            "--like timm/efficientnet_b0",
            "--padding same --bn-epsilon 1e-3",
            "--padding symmetric --bn-epsilon 1e-5",
        ] {
            assert!(timm.contains(choice), "{timm}");
        }
        assert!(hint(error(Naming::Lukemelas), None).contains("--padding static:S"));
    }
}
