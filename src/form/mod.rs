//! From the canonical graph to the form that a toolchain wants.
//!
//! [`apply`] runs every pass that a [`Form`] asks for. [`spell`] is the only bridge to
//! [`onnx::Graph`](crate::onnx::graph::Graph): every concept becomes ONNX operators, routed convolutions included.
//!
//! An option is a field of [`Form`]; `network` never knows one. What changes the canonical graph is a pass in a file of
//! its own, such as [`fold_batch_norms`]. What changes how one concept is written is an arm in [`spell`].

mod fold;
mod half;
mod input;
mod prologue;
mod route;
mod spell;
mod speller;
mod spelling;
mod vectors;

pub use fold::fold_batch_norms;
pub use half::usual_islands;
pub use input::{InputFormat, Normalize};
pub use spell::spell;
pub use speller::SpellError;
pub use spelling::{Pool, Swish};

use crate::graph;
use crate::onnx::graph::Graph;
use crate::onnx::opset::{IrVersion, Opset};
use crate::tensor::Element;

/// How a graph is spelled, and in which element type.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The operator set; one of [`WRITABLE`].
    pub opset: Opset,
    /// The element type of weights, input and outputs: f32, f16, or from some opset on bf16.
    pub element: Element,
    /// What stays in f32 where that is a half precision.
    pub islands: Islands,
    /// Whether input and outputs are f32 all the same, with a cast at each.
    pub keeps_io: bool,
    /// What happens to batch norms.
    pub batch_norms: BatchNorms,
    /// How a linear layer is written; none is what the element type asks for: [`Form::head`] says which.
    pub head: Option<Linear>,
    /// Whether SAME padding that depends on the input's size is left to the runtime, as `auto_pad` of a convolution; else a
    /// graph that needs it is refused.
    pub leaves_padding: bool,
    /// How images lie in memory, and of what elements they are.
    pub input: InputFormat,
    /// What the graph itself does to the pixels of its input; none is nothing.
    pub normalize: Option<Normalize>,
    /// Which operators a swish is. By default Sigmoid and Mul.
    pub swish: Swish,
    /// Which operators a pool is. By default [`Pool::usual`] of the opset.
    pub pool: Option<Pool>,
    /// The IR version. By default the lowest that may carry the opset.
    pub ir_version: Option<IrVersion>,
}

/// What happens to batch norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNorms {
    /// They become part of the convolutions and linear layers before them.
    Fold,
    /// They stay.
    Keep,
}

/// What is computed in f32 in a graph of half precision, between casts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Islands {
    /// Pools over the whole image, norms over features and softmaxes, which add up more numbers than half precision has digits
    /// for, powers, and the subtraction of the mean from pixels.
    Auto,
    /// Nothing.
    None,
    /// The nodes of these names.
    Nodes(Vec<String>),
}

/// How a linear layer is written: the classifier, and the layers that mix experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linear {
    /// Gemm, with its weight as the parameter is: `[classes, features]`.
    Gemm,
    /// MatMul by the transposed weight, `[features, classes]`, and Add of the bias.
    MatMul,
}

/// An operator set that can be written, and the element types of weights, input and outputs that can be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writable {
    /// The operator set.
    pub opset: Opset,
    /// The element types.
    pub elements: &'static [Element],
}

/// All that can be written, in the order of the opsets: what flags offer. [`spell`] refuses a form that it has no spelling for.
pub const WRITABLE: [Writable; Opset::ALL.len()] = {
    let mut rows = [Writable {
        opset: Opset::DEFAULT,
        elements: &[],
    }; Opset::ALL.len()];
    let mut index = 0;
    while index < rows.len() {
        rows[index].opset = Opset::ALL[index];
        rows[index].elements = elements_in(Opset::ALL[index]);
        index += 1;
    }
    rows
};

/// The opsets that can be written, in words.
pub const WRITABLE_OPSETS: &str = "a number from 13 to 28";

/// The element types that can be written in an opset.
#[must_use]
pub const fn elements_in(opset: Opset) -> &'static [Element] {
    if opset.has_bf16() {
        &[Element::F32, Element::F16, Element::Bf16]
    } else {
        &[Element::F32, Element::F16]
    }
}

/// The opset that is written where none is asked for: the default one, or the first that has the element type.
#[must_use]
pub fn default_opset(element: Element) -> Opset {
    if elements_in(Opset::DEFAULT).contains(&element) {
        return Opset::DEFAULT;
    }
    first_opset(element).unwrap_or(Opset::DEFAULT)
}

/// The first opset in which an element type can be written, if there is one.
#[must_use]
pub fn first_opset(element: Element) -> Option<Opset> {
    let mut rows = WRITABLE.into_iter();
    let first = rows.find(|row| row.elements.contains(&element));
    first.map(|row| row.opset)
}

/// The element types that can be written in some opset, each once.
#[must_use]
pub fn elements() -> Vec<Element> {
    let mut elements = Vec::new();
    for element in WRITABLE.iter().flat_map(|row| row.elements) {
        if !elements.contains(element) {
            elements.push(*element);
        }
    }
    elements
}

impl Default for Form {
    /// Opset 17, f32, batch norms folded: the form that every toolchain tried has loaded.
    fn default() -> Self {
        Self {
            opset: Opset::DEFAULT,
            element: Element::F32,
            islands: Islands::Auto,
            keeps_io: false,
            batch_norms: BatchNorms::Fold,
            head: None,
            leaves_padding: false,
            input: InputFormat::Nchw,
            normalize: None,
            swish: Swish::default(),
            pool: None,
            ir_version: None,
        }
    }
}

impl Form {
    /// How a linear layer is written: as asked for, else as usual for the element type.
    #[must_use]
    pub fn head(&self) -> Linear {
        self.head.unwrap_or(Linear::usual(self.element))
    }

    /// How a linear layer is written, if not as usual for the element type.
    #[must_use]
    pub fn unusual_head(&self) -> Option<Linear> {
        self.head
            .filter(|head| *head != Linear::usual(self.element))
    }

    /// Which operators a pool is, if not the usual ones of the opset.
    #[must_use]
    pub fn unusual_pool(&self) -> Option<Pool> {
        self.pool.filter(|pool| *pool != Pool::usual(self.opset))
    }

    /// The IR version of files: the one that is asked for, else the lowest that may carry the opset.
    #[must_use]
    pub fn ir_version(&self) -> IrVersion {
        self.ir_version.unwrap_or(self.opset.ir_version())
    }

    /// The IR version, if a higher one is asked for than the opset needs.
    #[must_use]
    pub fn higher_ir_version(&self) -> Option<IrVersion> {
        self.ir_version
            .filter(|version| *version != self.opset.ir_version())
    }
}

/// A canonical graph in a form: every pass that the form asks for, in order.
///
/// # Errors
/// If the form cannot express the graph.
pub fn apply(graph: graph::Graph, form: &Form) -> Result<Graph, SpellError> {
    let graph = match form.batch_norms {
        BatchNorms::Fold => fold_batch_norms(graph),
        BatchNorms::Keep => graph,
    };
    let spelled = spell(&graph, form)?;
    match form.element {
        Element::F32 => Ok(spelled),
        _ => half::halve(&spelled, form),
    }
}

impl BatchNorms {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Fold, Self::Keep];

    /// As in `--bn`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Keep => "keep",
        }
    }

    /// The choice called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

impl Linear {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Gemm, Self::MatMul];

    /// Gemm in f32, and MatMul and Add in half precision, in which tract has no Gemm.
    #[must_use]
    pub fn usual(element: Element) -> Self {
        match element {
            Element::F32 => Self::Gemm,
            _ => Self::MatMul,
        }
    }

    /// As in a file's metadata: `gemm` or `matmul`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gemm => "gemm",
            Self::MatMul => "matmul",
        }
    }

    /// The choice called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_can_be_spelled() {
        for Writable { opset, .. } in WRITABLE {
            assert_eq!(Opset::new(opset.version()), Some(opset));
        }
        let [first, .., last] = WRITABLE.map(|row| row.opset.version());
        assert_eq!(WRITABLE_OPSETS, format!("a number from {first} to {last}"));
        for Writable { opset, elements } in WRITABLE {
            for element in elements {
                let form = Form {
                    opset,
                    element: *element,
                    ..Form::default()
                };
                assert!(apply(graph::Graph::default(), &form).is_ok(), "{form:?}");
            }
        }
    }

    #[test]
    fn bf16_takes_a_later_opset_by_default() {
        let versions = [Element::F32, Element::F16, Element::Bf16]
            .map(|element| default_opset(element).version());
        assert_eq!(versions, [17, 17, 22]);
    }
}
