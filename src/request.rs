//! One request, from scaling to a graph in its final form: the only place that strings the stages together.

use crate::architecture::{
    Architecture, Design, HeadChain, LARGEST_WEIGHT_BYTES, Options, Reading, Scaling, SizeError,
    Variant,
};
use crate::form::{self, Form, SpellError};
use crate::graph::{Counts, Graph, Parameter};
use crate::network::{self, ClassActivation, Interface, NetworkError, Output};
use crate::onnx;
use crate::scaling::Coefficients;
use crate::tensor::shape::Dim;
use std::fmt;
use std::str::FromStr;

/// Everything that shapes a file's graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What network it is.
    pub blueprint: Blueprint,
    /// Padding, epsilon, classes, input channels.
    pub options: Options,
    /// The pool and the layers after it; none is the mean and one linear layer to the classes.
    pub head: Option<HeadChain>,
    /// Height and width of the input.
    pub size: [Extent; 2],
    /// Images at once; none is symbolic.
    pub batch: Option<u64>,
    /// Results, in order.
    pub outputs: Vec<Output>,
    /// What turns logits into probabilities; none is the usual one for the number of classes.
    pub activation: Option<ClassActivation>,
    /// How the graph is spelled.
    pub form: Form,
}

/// What network is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Blueprint {
    /// A baseline and how far it is scaled.
    Scaled(Scaling),
    /// Somebody's own: every number is given.
    Own(Box<Design>),
}

/// Height or width of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// That many pixels.
    Fixed(u64),
    /// Symbolic, a multiple of 32: the total stride, so that all padding stays constant.
    MultipleOf32,
    /// Symbolic, any number of pixels: SAME padding depends on the size, and is left to the runtime where it does.
    Any,
}

/// Total stride of every network here: the sizes for which SAME padding does not depend on the size.
pub const SIZE_STEP: u64 = 32;

/// Why a request has no graph.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The network is of unreasonable size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A window does not fit, or the network lacks an output.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The form cannot express it.
    #[error(transparent)]
    Spell(#[from] SpellError),
}

impl Request {
    /// A network with all else at its default: its own square size, symbolic batch, logits, batch norms folded,
    /// opset 17. Padding, epsilon, classes and input channels are the baseline's or the design's own.
    #[must_use]
    pub fn new(blueprint: Blueprint) -> Self {
        Self {
            size: [Extent::Fixed(blueprint.resolution()); 2],
            options: match &blueprint {
                Blueprint::Scaled(scaling) => scaling.baseline.options,
                Blueprint::Own(design) => design.architecture.options,
            },
            blueprint,
            head: None,
            batch: None,
            outputs: vec![Output::Logits],
            activation: None,
            form: Form::default(),
        }
    }

    /// The network with every number resolved.
    ///
    /// # Errors
    /// If it is of unreasonable size.
    pub fn architecture(&self) -> Result<Architecture, SizeError> {
        let architecture = match &self.blueprint {
            Blueprint::Scaled(scaling) => Architecture::scale(scaling, self.options),
            Blueprint::Own(design) => design.architecture.clone().with_options(self.options),
        }?;
        architecture.with_head(self.head.clone())
    }

    /// The pool and the layers after it, written out.
    #[must_use]
    pub fn head_chain(&self) -> HeadChain {
        let chain = self.head.clone();
        chain.unwrap_or_else(|| HeadChain::usual(self.options.classes))
    }

    /// The result that needs every parameter: the logits, or the embedding of a head that has no classes. A head that has neither
    /// is refused with it.
    #[must_use]
    pub fn whole(&self) -> Output {
        match self.head_chain().classes() {
            Some(_) => Output::Logits,
            None => Output::Embedding,
        }
    }

    /// Whether SAME padding that depends on the input's size is left to the runtime: where a side may have any size.
    #[must_use]
    pub fn leaves_padding(&self) -> bool {
        self.size.contains(&Extent::Any) && self.options.padding.depends_on_size()
    }

    /// What turns logits into probabilities.
    #[must_use]
    pub fn activation(&self) -> ClassActivation {
        let usual = ClassActivation::for_classes(self.options.classes);
        self.activation.unwrap_or(usual)
    }

    /// Whether any output is of classes.
    #[must_use]
    pub fn has_classes(&self) -> bool {
        self.outputs.iter().any(|output| output.has_classes())
    }

    /// Height and width at which the graph is counted and tried: the fixed ones, and for symbolic ones the
    /// network's own, rounded up to a multiple of 32.
    #[must_use]
    pub fn default_size(&self) -> [u64; 2] {
        self.size.map(|extent| match extent {
            Extent::Fixed(pixels) => pixels,
            Extent::MultipleOf32 | Extent::Any => {
                self.blueprint.resolution().next_multiple_of(SIZE_STEP)
            }
        })
    }

    /// The canonical graph of one image at the default size to its logits, or to its embedding where the head has no classes:
    /// what is counted, and what a checkpoint must hold. Where the head has no result, to what is pooled.
    ///
    /// # Errors
    /// If the network is of unreasonable size, or an input too small for a window.
    pub fn canonical(&self) -> Result<Graph, RequestError> {
        let has_result = self.head_chain().has_result();
        let whole = if has_result {
            self.whole()
        } else {
            Output::Pooled
        };
        let graph = self.built(&[whole])?;
        let counts = graph.counts();
        let bytes = 4 * u128::from(counts.parameters);
        if bytes > u128::from(LARGEST_WEIGHT_BYTES) {
            return Err(SizeError::Bytes(bytes).into());
        }
        if counts.macs == u64::MAX {
            return Err(SizeError::Macs.into());
        }
        Ok(graph)
    }

    /// Parameters, buffers and multiply-adds of one image at the default size, as far as the outputs need the network. Class
    /// activation maps have no parameters but the classifier's weight, and cost a convolution.
    ///
    /// # Errors
    /// As [`Request::canonical`].
    pub fn counts(&self) -> Result<Counts, RequestError> {
        let whole = self.canonical()?;
        if self.outputs == [self.whole()] && self.head_chain().has_result() {
            return Ok(whole.counts());
        }
        Ok(self.built(&self.outputs)?.counts())
    }

    /// The parameters of the network as far as the outputs need it.
    ///
    /// # Errors
    /// As [`Request::canonical`].
    pub fn needed(&self) -> Result<Vec<Parameter>, RequestError> {
        Ok(self.built(&self.outputs)?.parameters)
    }

    /// The canonical graph of one image at the default size to these outputs.
    fn built(&self, outputs: &[Output]) -> Result<Graph, RequestError> {
        let interface = Interface {
            outputs: outputs.to_vec(),
            ..Interface::single(self.default_size())
        };
        Ok(network::build(&self.architecture()?, &interface)?)
    }

    /// Every parameter of the network, whatever the outputs.
    ///
    /// # Errors
    /// As [`Request::canonical`].
    pub fn parameters(&self) -> Result<Vec<Parameter>, RequestError> {
        Ok(self.canonical()?.parameters)
    }

    /// The graph in its final form.
    ///
    /// # Errors
    /// As [`Request::canonical`], or if the form cannot express it.
    pub fn graph(&self) -> Result<onnx::graph::Graph, RequestError> {
        let [height, width] = self.size;
        let interface = Interface {
            batch: self
                .batch
                .map_or_else(|| Dim::symbol("batch", 1), Dim::Fixed),
            height: height.dim("height"),
            width: width.dim("width"),
            outputs: self.outputs.clone(),
            activation: self.activation(),
        };
        let canonical = network::build(&self.architecture()?, &interface)?;
        let form = Form {
            leaves_padding: self.leaves_padding(),
            ..self.form.clone()
        };
        Ok(form::apply(canonical, &form)?)
    }

    /// The published model that it is, if it is one.
    #[must_use]
    pub fn variant(&self) -> Option<&'static Variant> {
        match self.blueprint.scaling()?.reading {
            Reading::Published { variant } => Some(variant),
            Reading::Formula { .. } | Reading::Given => None,
        }
    }
}

impl Blueprint {
    /// A published model.
    #[must_use]
    pub fn published(variant: &'static Variant) -> Self {
        Self::Scaled(Scaling::published(variant))
    }

    /// Side of the square input that goes with it, in pixels.
    #[must_use]
    pub fn resolution(&self) -> u64 {
        match self {
            Self::Scaled(scaling) => scaling.resolution,
            Self::Own(design) => design.resolution,
        }
    }

    /// How far it is scaled, if it is.
    #[must_use]
    pub fn scaling(&self) -> Option<&Scaling> {
        match self {
            Self::Scaled(scaling) => Some(scaling),
            Self::Own(_) => None,
        }
    }

    /// A short name: the published one, the coefficients with at most four decimals, or the design's own.
    #[must_use]
    pub fn name(&self) -> String {
        let scaling = match self {
            Self::Scaled(scaling) => scaling,
            Self::Own(design) => return design.name.clone(),
        };
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        let Coefficients { width, depth } = scaling.coefficients;
        let (width, depth) = (rounded(width), rounded(depth));
        match &scaling.reading {
            Reading::Published { variant } => {
                format!("{}{}", scaling.family().prefix, variant.name)
            }
            Reading::Formula { .. } | Reading::Given => {
                let family = scaling.family();
                format!("{}{}-w{width}-d{depth}", family.prefix, family.name)
            }
        }
    }
}

impl Extent {
    fn dim(self, name: &str) -> Dim {
        match self {
            Self::Fixed(pixels) => Dim::Fixed(pixels),
            Self::MultipleOf32 => Dim::symbol(name, SIZE_STEP),
            Self::Any => Dim::symbol(name, 1),
        }
    }
}

/// Largest side that is taken, in pixels.
const LARGEST_SIDE: u64 = crate::scaling::LARGEST_RESOLUTION;

impl FromStr for Extent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("dynamic:32", _) => Ok(Self::MultipleOf32),
            ("dynamic", _) => Ok(Self::Any),
            (_, Ok(pixels)) if (1..=LARGEST_SIDE).contains(&pixels) => Ok(Self::Fixed(pixels)),
            _ => Err(format!(
                "expected a number of pixels from 1 to {LARGEST_SIDE}, `dynamic:32` or `dynamic`, found `{text}`"
            )),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(pixels) => write!(f, "{pixels}"),
            Self::MultipleOf32 => f.write_str("dynamic:32"),
            Self::Any => f.write_str("dynamic"),
        }
    }
}
