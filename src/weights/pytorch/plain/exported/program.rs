//! The file of a graph, as far as it is read (torch `_export/serde/schema.py`).

use serde::Deserialize;

/// What the targets of PyTorch's operators begin with.
const ATEN: &str = "torch.ops.aten.";

/// The file of a program.
#[derive(Deserialize)]
pub(super) struct Program {
    pub(super) graph_module: Module,
}

#[derive(Deserialize)]
pub(super) struct Module {
    pub(super) graph: Graph,
    pub(super) signature: Signature,
}

#[derive(Deserialize)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<Given>,
}

#[derive(Deserialize)]
pub(super) struct Signature {
    pub(super) input_specs: Vec<Spec>,
}

/// What an input of the graph is; none of these where it is the user's.
#[derive(Deserialize)]
pub(super) struct Spec {
    pub(super) parameter: Option<Own>,
    pub(super) buffer: Option<Own>,
}

#[derive(Deserialize)]
pub(super) struct Own {
    pub(super) arg: Named,
    #[serde(alias = "buffer_name")]
    pub(super) parameter_name: String,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// A value that a node or the graph gives.
#[derive(Deserialize)]
pub(super) struct Given {
    pub(super) as_tensor: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct Node {
    pub(super) target: String,
    #[serde(default)]
    pub(super) inputs: Vec<Input>,
    #[serde(default)]
    pub(super) outputs: Vec<Given>,
}

#[derive(Deserialize)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) arg: Argument,
}

#[expect(clippy::struct_field_names, reason = "as the file has them")]
#[derive(Deserialize)]
pub(super) struct Argument {
    pub(super) as_tensor: Option<Named>,
    pub(super) as_ints: Option<Vec<i64>>,
    pub(super) as_int: Option<i64>,
    pub(super) as_float: Option<f64>,
    pub(super) as_bool: Option<bool>,
    pub(super) as_string: Option<String>,
}

impl Node {
    /// Its operator, without the mark of one that works in place.
    pub(super) fn operator(&self) -> Option<&str> {
        let operator = self.target.strip_prefix(ATEN)?.split('.').next()?;
        Some(match operator.strip_suffix('_') {
            Some(operator) if !operator.is_empty() => operator,
            _ => operator,
        })
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Argument> {
        let input = self.inputs.iter().find(|input| input.name == name)?;
        Some(&input.arg)
    }

    /// The tensor of an argument.
    pub(super) fn tensor(&self, name: &str) -> Option<&str> {
        Some(&self.argument(name)?.as_tensor.as_ref()?.name)
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let argument = self.argument(name)?;
        argument
            .as_float
            .or(argument.as_int.map(|integer| integer as f64))
    }

    pub(super) fn output(&self) -> Option<&str> {
        Some(&self.outputs.first()?.as_tensor.as_ref()?.name)
    }

    /// Two lengths, or one for both; a default where they are left out.
    pub(super) fn pair(&self, name: &str, default: u64) -> Option<[u64; 2]> {
        let Some(argument) = self.argument(name) else {
            return Some([default; 2]);
        };
        let length = |value: i64| u64::try_from(value).ok();
        match argument.as_ints.as_deref()? {
            [both] => Some([length(*both)?; 2]),
            [height, width] => Some([length(*height)?, length(*width)?]),
            _ => None,
        }
    }
}
