//! `--like`: its value, the list of all names, and what is said where a request departs from the model.

use super::exit::Failure;
use super::text;
use comfy_table::{CellAlignment, Table, presets};
use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::like::{self, Like};
use efficientnet_onnx::metadata::{Preprocessing, Recipe};
use efficientnet_onnx::request::Request;
use efficientnet_onnx::weights::names::Naming;
use efficientnet_onnx::weights::names::conventions::{Known, Undecided, implied};
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

/// A note, if the request is not just that model.
pub fn departure(like: &Like, request: &Request) -> Option<String> {
    let differences = like.differences(request);
    (!differences.is_empty()).then(|| {
        format!(
            "this is no longer exactly `{}`: {}",
            like.name(),
            differences.join("; ")
        )
    })
}

/// What a recipe says of it: the model's full name, if the request is just that model.
pub fn recorded(like: Option<&Like>, request: &Request) -> Option<String> {
    like.filter(|like| like.differences(request).is_empty())
        .map(Like::name)
}

/// How pictures become input: as the model that is asked for wants them, else as TensorFlow's models of the family do.
///
/// None for a network of one's own, and where the input is not a colour picture.
pub fn preprocessing(asked: Option<&Like>, request: &Request) -> Option<Preprocessing> {
    let size = request.default_size();
    let record = match asked {
        Some(asked) => asked.preprocessing_at(size),
        None => Preprocessing::tensorflow(request.blueprint.scaling()?.baseline, size),
    };
    (request.options.in_channels == 3).then_some(record)
}

/// The model that a checkpoint's own recipe names.
pub fn carried(recipe: Option<&Recipe>) -> Option<Like> {
    like::find(recipe?.like.as_ref()?).ok()
}

/// Where a checkpoint's own file tells.
pub const METADATA: &str = "the checkpoint's own metadata say";
/// Where a published model tells.
pub const CONFIG: &str = "`config.json` says";

/// Refuses a model whose network is not the one that the checkpoint says it has, if it says so; `place` as
/// [`METADATA`].
pub fn same_network(like: &Like, told: Option<&Variant>, place: &str) -> Result<(), Failure> {
    match told.filter(|told| *told != like.variant) {
        Some(told) => Err(Failure::bad_input(format!(
            "{place} that it is {}, but `{}` is {}",
            told.name,
            like.name(),
            like.variant.name
        ))
        .hint("leave `--like` out to take the checkpoint's")),
        None => Ok(()),
    }
}

/// Padding and epsilon of the model, where the checkpoint itself says nothing else for images of `size`; `flags` come
/// before both.
///
/// # Errors
/// If the checkpoint does say something else.
pub fn agreed(
    like: &Like,
    flags: Known,
    file: Known,
    place: &str,
    size: [u64; 2],
) -> Result<Known, Failure> {
    let padding = flags.padding.is_none().then_some(file.padding).flatten();
    let epsilon = flags.batch_norm_epsilon.is_none();
    let epsilon = epsilon.then_some(file.batch_norm_epsilon).flatten();
    let padding = padding.filter(|padding| !padding.agrees_at(like.padding, size));
    let epsilon = epsilon.filter(|epsilon| *epsilon != like.batch_norm_epsilon);
    if padding.is_some() || epsilon.is_some() {
        let name = like.name();
        let (padding, epsilon) = (
            padding.unwrap_or(like.padding),
            epsilon.unwrap_or(like.batch_norm_epsilon),
        );
        let found = conventions(padding, epsilon);
        let own = conventions(like.padding, like.batch_norm_epsilon);
        return Err(
            Failure::bad_input(format!("{place} {found}, but `{name}` has {own}"))
                .hint("leave `--like` out to take the checkpoint's"),
        );
    }
    Ok(Known {
        padding: Some(like.padding),
        batch_norm_epsilon: Some(like.batch_norm_epsilon),
    })
}

/// A note, if a checkpoint's names do not tell padding and epsilon, or stand for others than the model's for images of
/// `size`.
pub fn assumed(like: &Like, naming: Naming, size: [u64; 2]) -> Option<String> {
    let own = conventions(like.padding, like.batch_norm_epsilon);
    let name = like.name();
    let implied = implied(naming, Some(like.variant.name));
    match (implied.padding, implied.batch_norm_epsilon) {
        (Some(padding), Some(epsilon)) => {
            let theirs = conventions(padding, epsilon);
            let agree = padding.agrees_at(like.padding, size) && epsilon == like.batch_norm_epsilon;
            (!agree).then(|| {
                format!("the checkpoint has {naming} names, which stand for {theirs}; `{name}` has {own}")
            })
        }
        _ => Some(format!(
            "the checkpoint has {naming} names, which tell neither padding nor epsilon: `{name}` has {own}"
        )),
    }
}

/// What to do where neither flags nor a checkpoint tell padding and epsilon: the models that it may be come first.
pub fn hint(error: Undecided, variant: Option<&str>) -> String {
    let names = variant.map(|variant| named(error.naming, variant));
    match names.filter(|names| !names.is_empty()) {
        None => error.hint().to_owned(),
        Some(names) => format!("say which it is with {names}; or {}", error.hint()),
    }
}

/// The models that a network with these tensor names may be, as flags.
pub fn named(naming: Naming, variant: &str) -> String {
    let may_be = |like: &Like| like.naming() == naming && like.variant.name == variant;
    let mut names: Vec<String> = like::all()
        .iter()
        .filter(|like| may_be(like))
        .map(|like| format!("`--like {}`", like.untagged()))
        .collect();
    names.sort();
    names.dedup();
    names.join(" or ")
}

/// A note, if a library computes the weights of a request with another padding or epsilon.
pub fn elsewhere(naming: Naming, request: &Request) -> Option<String> {
    let variant = request.variant().map(|variant| variant.name);
    let implied = implied(naming, variant);
    let options = &request.options;
    let padding = implied.padding.unwrap_or(options.padding);
    let epsilon = implied
        .batch_norm_epsilon
        .unwrap_or(options.batch_norm_epsilon);
    let theirs = conventions(padding, epsilon);
    let own = conventions(options.padding, options.batch_norm_epsilon);
    let agree = padding.agrees_at(options.padding, request.default_size())
        && epsilon == options.batch_norm_epsilon;
    (!agree).then(|| format!("{naming} computes with {theirs}, but these weights are for {own}: its results will differ"))
}

/// A note, if pads are those of another size than the request's and no flag has asked for them; `recorded` is where a
/// checkpoint itself records them.
pub fn static_pads(request: &Request, recorded: Option<&str>) -> Option<String> {
    let Padding::Static([height, width]) = request.options.padding else {
        return None;
    };
    let size = request.default_size();
    let name = request.options.padding.name();
    if size == [height, width] {
        return None;
    }
    Some(match recorded {
        Some(place) => format!(
            "padding {name}: the pads are those of size {height}x{width} at every size, as {place} records"
        ),
        None => format!(
            "padding {name}: the pads are those of size {height}x{width} at every size, as in efficientnet_pytorch for a model \
             built for that size; for one built with another `image_size` use `--padding static:S`, and `--padding same` for \
             `image_size=None`"
        ),
    })
}

fn conventions(padding: Padding, epsilon: f64) -> String {
    format!("padding {} and epsilon {epsilon:e}", padding.name())
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
