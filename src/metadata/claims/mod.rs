//! What a file says about itself, held against its graph. Nothing that decides how a file is run, or whether it passes,
//! is taken from a record that the graph does not bear out.

mod graph;
mod input;

use super::{
    HEAD_KEY, HeadRecord, LABELS_KEY, ORIGIN_KEY, Origin, PREPROCESSING_KEY, Preprocessing,
    RECIPE_KEY, Recipe,
};
use crate::architecture::{Reading, Scaling};
use crate::files::foreign::Foreign;
use crate::network::Output;
use crate::onnx::file::ModelFile;
use crate::onnx::proto::{OperatorSetIdProto, ValueInfoProto};
use crate::request::Request;
use crate::scaling::LARGEST_RESOLUTION;
use serde::Serialize;
use std::fmt;

/// A field of the metadata that the graph does not bear out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FalseClaim {
    /// The record.
    pub key: &'static str,
    /// The field.
    pub field: &'static str,
    /// What the record says.
    pub claimed: String,
    /// What the file is.
    pub found: String,
}

impl std::error::Error for FalseClaim {}

impl fmt::Display for FalseClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claimed, found) = (self.claimed.shown(), self.found.shown());
        write!(
            f,
            "`{}` in the metadata has `{}` {claimed}, but {found}",
            self.key, self.field
        )
    }
}

/// The records of a file, as far as the graph bears them out.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The recipe, if it says nothing that is wrong of the graph.
    pub recipe: Option<Recipe>,
    /// Whether the graph is the one that the recipe describes, node by node and tensor by tensor.
    pub is_described: bool,
    /// What height and width must be multiples of by the recipe, true or not: a wrong one only refuses sizes.
    pub size_steps: [u64; 2],
    /// How pictures become input, if that input can be this graph's.
    pub preprocessing: Option<Preprocessing>,
    /// Name of the classifier in the network that the recipe describes, borne out or not.
    pub classifier: Option<&'static str>,
    /// What is not borne out.
    pub contradictions: Vec<FalseClaim>,
}

impl Claims {
    /// Holds the records of a file against its graph. A record that cannot be read is left out.
    #[must_use]
    pub fn read(file: &ModelFile) -> Self {
        let mut claims = Self {
            size_steps: [1; 2],
            ..Self::default()
        };
        let recipe: Option<Recipe> = parsed(file, RECIPE_KEY);
        if let Some(recipe) = recipe.clone() {
            claims.size_steps = recipe.size_steps();
            claims.hold_recipe(file, recipe);
        }
        let preprocessing: Option<Preprocessing> = parsed(file, PREPROCESSING_KEY);
        if let Some(preprocessing) = preprocessing {
            let found = input::preprocessing(file, &preprocessing, recipe.as_ref());
            claims.preprocessing = found.is_empty().then_some(preprocessing);
            claims.contradictions.extend(found);
        }
        claims.contradictions.extend(labels(file));
        claims.contradictions.extend(head(file));
        claims.contradictions.extend(constant_weights(file));
        claims.contradictions.extend(skeleton(file));
        claims
    }

    fn hold_recipe(&mut self, file: &ModelFile, recipe: Recipe) {
        let before = self.contradictions.len();
        let mut differs = |field, claimed: &dyn ToString, found: String| {
            self.contradictions.push(FalseClaim {
                key: RECIPE_KEY,
                field,
                claimed: claimed.to_string(),
                found,
            });
        };
        let request = match request(file, &recipe) {
            Ok(request) => request,
            Err(error) => return differs("version", &recipe.version, error),
        };
        if let Ok(architecture) = request.architecture() {
            self.classifier = Some(architecture.head.classifier);
        }
        if let Some(scaling) = request.blueprint.scaling() {
            scaled(scaling, &recipe, &mut differs);
        }
        for (field, claimed, found) in input::recipe(file, &recipe) {
            differs(field, &claimed, found);
        }
        outputs(file, &recipe, &mut differs);
        let opset = |import: &&OperatorSetIdProto| import.domain().is_empty();
        let opset = file.contents.opset_import.iter().find(opset);
        let opset = opset.map(OperatorSetIdProto::version);
        if let Some(found) = opset.filter(|found| *found != recipe.opset) {
            differs("opset", &recipe.opset, format!("the file imports {found}"));
        }
        let found = file.contents.ir_version.unwrap_or_default();
        if let Some(claimed) = recipe.ir.filter(|claimed| *claimed != found) {
            differs("ir", &claimed, format!("the file has {found}"));
        }
        match graph::compare(file, &request, &recipe) {
            Err(error) => differs("version", &recipe.version, error),
            Ok(compared) => {
                self.is_described = compared.is_same;
                for (field, claimed, found) in compared.differences {
                    differs(field, &claimed, found);
                }
            }
        }
        if self.contradictions.len() == before {
            self.recipe = Some(recipe);
        } else {
            self.is_described = false;
        }
    }

    /// Whether the file is a skeleton, as the origin says: numbers at one place stand for its weights.
    #[must_use]
    pub fn is_skeleton(&self, file: &ModelFile) -> bool {
        claims_skeleton(file) && file.shares_weights()
    }

    /// Whether every weight is what `--init constant` draws, as the origin says.
    #[must_use]
    pub fn constant_weights(&self, file: &ModelFile) -> bool {
        let is_wrong = |found: &FalseClaim| found.key == ORIGIN_KEY;
        claims_constant(file) && !self.contradictions.iter().any(is_wrong)
    }
}

/// Names of the network, and what follows from them.
fn scaled(
    scaling: &Scaling,
    recipe: &Recipe,
    differs: &mut impl FnMut(&'static str, &dyn ToString, String),
) {
    let family = scaling.family();
    if family.name != recipe.family {
        differs(
            "family",
            &recipe.family,
            format!("its model is of {}", family.name),
        );
    }
    let (field, claimed, named) = match &scaling.reading {
        Reading::Published { variant } => {
            let named = Scaling::published(variant);
            ("variant", variant.name.to_owned(), Some(named))
        }
        Reading::Formula { phi, compound } => {
            let named = Scaling::formula(family, *phi, *compound).ok();
            ("formula", phi.to_string(), named)
        }
        Reading::Given if scaling.resolution <= LARGEST_RESOLUTION => return,
        Reading::Given => ("resolution", scaling.resolution.to_string(), None),
    };
    // A number of JSON may come back with another last bit.
    let close = |one: f64, other: f64| (one - other).abs() <= 1e-12 * other.abs();
    let fits = named.is_some_and(|named| {
        let (own, of_name) = (scaling.coefficients, named.coefficients);
        close(own.width, of_name.width)
            && close(own.depth, of_name.depth)
            && named.resolution == scaling.resolution
    });
    if !fits {
        let found = "its width, depth and resolution are those of no such model";
        differs(field, &claimed, found.to_owned());
    }
}

/// The request of a recipe, with the activation that the head's record has.
fn request(file: &ModelFile, recipe: &Recipe) -> Result<Request, String> {
    let mut request = recipe.request().map_err(|error| error.to_string())?;
    let head = HeadRecord::read(file.metadata(HEAD_KEY), recipe.classes);
    request.activation = head.ok().map(|head| head.activation);
    Ok(request)
}

fn parsed<T: serde::de::DeserializeOwned>(file: &ModelFile, key: &str) -> Option<T> {
    serde_json::from_str(file.metadata(key)?).ok()
}

/// Fields of the recipe that are about outputs.
fn outputs(
    file: &ModelFile,
    recipe: &Recipe,
    differs: &mut impl FnMut(&'static str, &dyn ToString, String),
) {
    let names: Vec<&str> = file
        .contents
        .outputs
        .iter()
        .map(ValueInfoProto::name)
        .collect();
    if names != recipe.outputs {
        let claimed = recipe.outputs.join(", ");
        differs(
            "outputs",
            &claimed,
            format!("the outputs are {}", names.join(", ")),
        );
    }
    if let Some((name, found)) = classes(file).filter(|(_, found)| *found != recipe.classes) {
        differs(
            "classes",
            &recipe.classes,
            format!("output `{name}` has {found}"),
        );
    }
}

/// The output of classes, and how many it has.
fn classes(file: &ModelFile) -> Option<(&str, u64)> {
    let of_classes = Output::ALL
        .into_iter()
        .filter(|output| output.has_classes());
    let mut found = of_classes.filter_map(|output| {
        let mut outputs = file.contents.outputs.iter();
        let value = outputs.find(|value| value.name() == output.name())?;
        match input::extents(value)?[..] {
            [_, classes] | [_, classes, _, _] => Some((value.name(), classes?)),
            _ => None,
        }
    });
    found.next()
}

/// As many names as classes.
fn labels(file: &ModelFile) -> Option<FalseClaim> {
    let labels: Vec<String> = parsed(file, LABELS_KEY)?;
    let (name, classes) = classes(file)?;
    (labels.len() as u64 != classes).then(|| FalseClaim {
        key: LABELS_KEY,
        field: "names",
        claimed: labels.len().to_string(),
        found: format!("output `{name}` has {classes} classes"),
    })
}

/// The activation is the operator that makes the probabilities, where they are an output.
fn head(file: &ModelFile) -> Option<FalseClaim> {
    let head: HeadRecord = parsed(file, HEAD_KEY)?;
    let name = Output::Probabilities.name();
    let mut nodes = file.contents.nodes.iter();
    let node = nodes.find(|node| node.output.iter().any(|output| output == name))?;
    let claimed = head.activation.name();
    let is_other = ["Softmax", "Sigmoid"].contains(&node.op_type())
        && !node.op_type().eq_ignore_ascii_case(claimed);
    is_other.then(|| FalseClaim {
        key: HEAD_KEY,
        field: "activation",
        claimed: claimed.to_owned(),
        found: format!("`{name}` are made by {}", node.op_type()),
    })
}

fn claims_skeleton(file: &ModelFile) -> bool {
    let origin: Option<Origin> = parsed(file, ORIGIN_KEY);
    matches!(origin, Some(Origin::Skeleton { .. }))
}

/// The weights of a skeleton begin at one place.
fn skeleton(file: &ModelFile) -> Option<FalseClaim> {
    let is_false = claims_skeleton(file) && !file.shares_weights();
    is_false.then(|| FalseClaim {
        key: ORIGIN_KEY,
        field: "kind",
        claimed: "skeleton".to_owned(),
        found: "its kernels do not begin at one place of external data".to_owned(),
    })
}

/// Name of the rule by which all weights are one number; `weights::init` has it.
const CONSTANT: &str = "constant";

fn claims_constant(file: &ModelFile) -> bool {
    let origin: Option<Origin> = parsed(file, ORIGIN_KEY);
    let drawn = origin.map(|origin| origin.untrained().all);
    drawn.flatten().is_some_and(|drawn| drawn.rule == CONSTANT)
}

/// Where all weights are said to be one number, each kernel and each matrix has only one.
fn constant_weights(file: &ModelFile) -> Option<FalseClaim> {
    if !claims_constant(file) {
        return None;
    }
    let found = match graph::varied(file) {
        Ok(None) => return None,
        Ok(Some(name)) => format!("`{name}` has different elements"),
        Err(error) => error,
    };
    Some(FalseClaim {
        key: ORIGIN_KEY,
        field: "rule",
        claimed: CONSTANT.to_owned(),
        found,
    })
}
