//! Flags that choose a network, shared by every command that builds one.

use super::choice::one_of;
use super::exit::Failure;
use super::like::{self, Choice};
use super::reading;
use clap::{ArgGroup, Args};
use efficientnet_onnx::architecture::design::{Design, DesignError, parse_blocks, read_file};
use efficientnet_onnx::architecture::{Family, HeadSketch, Scaling, Variant};
use efficientnet_onnx::convert::{Network, Wishes};
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::like::Like;
use efficientnet_onnx::request::{Blueprint, Extent, Request};
use efficientnet_onnx::scaling::{Coefficients, Compound};
use std::path::{Path, PathBuf};

/// Which network; exactly one of φ, a variant, a library's model, width and depth, or a custom one.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("network").args(["phi", "variant", "like", "width", "arch", "blocks"])))]
#[command(next_help_heading = "Network")]
pub struct Selection {
    /// Compound coefficient, at least 0; a whole one with a published row in the family is that row
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    phi: Option<f64>,
    /// Read φ by the paper's formula: depth α^φ, width β^φ, resolution 224·γ^φ
    #[arg(long, requires = "phi", conflicts_with_all = ["variant", "like", "width"])]
    formula: bool,
    /// Depth base of the formula [default: 1.2]
    #[arg(
        long,
        value_name = "A",
        requires = "phi",
        conflicts_with_all = ["variant", "like", "width"],
        allow_negative_numbers = true
    )]
    alpha: Option<f64>,
    /// Width base of the formula [default: 1.1]
    #[arg(
        long,
        value_name = "B",
        requires = "phi",
        conflicts_with_all = ["variant", "like", "width"],
        allow_negative_numbers = true
    )]
    beta: Option<f64>,
    /// Resolution base of the formula [default: 1.15]
    #[arg(
        long,
        value_name = "G",
        requires = "phi",
        conflicts_with_all = ["variant", "like", "width"],
        allow_negative_numbers = true
    )]
    gamma: Option<f64>,
    /// Baseline that is scaled
    #[arg(long, value_name = "F", default_value = "v1", value_parser = one_of(Family::ALL, |family| family.name))]
    family: &'static Family,
    /// Published model, such as b0, l2, lite4, edgetpu-s, condconv-b0-4e, v2-s, v2-b0, mobilenet-v2 or resnet-50
    #[arg(long, value_name = "NAME", value_parser = one_of(Variant::all(), |variant| variant.name).or(Variant::find), conflicts_with = "family")]
    variant: Option<&'static Variant>,
    /// Exactly that library's model, with all that sets it apart: timm/tf_efficientnet_b2[.TAG], torchvision/…,
    /// lukemelas/…, keras/… or tf/…; `inspect --like list` has all names
    #[arg(long, value_name = "LIB/MODEL", value_parser = like::parse, conflicts_with = "family")]
    like: Option<Choice>,
    /// Width multiplier, with --depth
    #[arg(
        long,
        value_name = "W",
        requires = "depth",
        allow_negative_numbers = true
    )]
    width: Option<f64>,
    /// Depth multiplier, with --width
    #[arg(long, value_name = "D", requires = "width", conflicts_with_all = ["phi", "variant", "like"], allow_negative_numbers = true)]
    depth: Option<f64>,
    /// Custom architecture: a TOML file, such as `inspect --as-arch` prints
    #[arg(long, value_name = "FILE", conflicts_with_all = ["family", "formula", "depth"])]
    arch: Option<PathBuf>,
    /// Block strings, one a stage, in the notation of TensorFlow's repositories or of timm
    #[arg(long, value_name = "STRINGS", conflicts_with_all = ["family", "formula", "depth"])]
    blocks: Option<String>,
}

/// What the network looks like beyond its scale.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph")]
pub struct Shape {
    /// Input size: S or HxW; each a number of pixels, `dynamic:32` (any multiple of 32) or `dynamic` (any) [default: the checkpoint's own, else the variant's]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size: Option<Size>,
    /// Padding of convolutions: `same`, `symmetric`, or `static:S`, the pads that `same` has at size S, at any size
    /// (efficientnet_pytorch) [default: same, of MobileNets and ResNets symmetric; of a checkpoint what it records or its names imply]
    #[arg(long, value_name = "P", value_parser = parse_padding)]
    pub padding: Option<Padding>,
    /// Epsilon of batch norms [default: 1e-3, of MobileNets and ResNets 1e-5]
    #[arg(long, value_name = "E", value_parser = parse_epsilon, allow_negative_numbers = true)]
    pub bn_epsilon: Option<f64>,
    /// Number of classes [default: the checkpoint's, else 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    pub classes: Option<u64>,
    /// Pool and layers after the feature maps, separated by commas: `gem:3,bn,linear:512,relu,linear`; docs/heads.md has all
    /// [default: the checkpoint's, else `average,linear`]
    #[arg(long, value_name = "CHAIN")]
    pub head: Option<HeadSketch>,
    /// Channels of the input [default: the checkpoint's, else 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    pub in_channels: Option<u64>,
}

/// More classes or input channels than this are a typing error.
pub const MOST_CHANNELS: u64 = 1 << 24;

/// Height and width.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub [Extent; 2]);

impl Selection {
    /// Whether any flag chooses a network.
    pub fn is_given(&self) -> bool {
        self.phi.is_some()
            || self.variant.is_some()
            || self.like.is_some()
            || self.width.is_some()
            || self.arch.is_some()
            || self.blocks.is_some()
    }

    /// Whether the list of models is asked for.
    pub fn asks_for_list(&self) -> bool {
        matches!(self.like, Some(Choice::List))
    }

    /// The file that is read.
    pub fn file(&self) -> Option<&Path> {
        self.arch.as_deref()
    }

    /// The library's model that is asked for.
    pub fn like(&self) -> Option<&Like> {
        match &self.like {
            Some(Choice::Model(like)) => Some(like),
            Some(Choice::List) | None => None,
        }
    }

    /// What the flags ask for.
    pub fn wishes(&self, shape: &Shape) -> Result<Wishes, Failure> {
        Ok(Wishes {
            network: self.network()?,
            size: shape.size.map(|Size(size)| size),
            padding: shape.padding,
            batch_norm_epsilon: shape.bn_epsilon,
            classes: shape.classes,
            head: shape.head.clone(),
            in_channels: shape.in_channels,
            ..Wishes::default()
        })
    }

    /// The network that the flags ask for, if they ask for one.
    fn network(&self) -> Result<Option<Network>, Failure> {
        if !self.is_given() {
            return Ok(None);
        }
        if let Some(like) = self.like() {
            return Ok(Some(Network::Like(Box::new(like.clone()))));
        }
        let design = match (&self.arch, &self.blocks) {
            (Some(path), _) => read_design(path)?,
            (_, Some(strings)) => parse_blocks(strings).map_err(|error| {
                Failure::bad_input(error).hint(
                    "a string is like `r2_k3_s22_e6_i16_o24_se0.25` or, as timm has it, `ir_r2_k3_s2_e6_c24_se0.25`",
                )
            })?,
            (None, None) => {
                let scaled = self.scaling()?.map(Blueprint::Scaled);
                return Ok(scaled.map(Network::Blueprint));
            }
        };
        Ok(Some(Network::Blueprint(Blueprint::Own(Box::new(design)))))
    }

    fn scaling(&self) -> Result<Option<Scaling>, Failure> {
        let family = self.family;
        if self.asks_for_list() {
            return Err(Failure::bad_input("`list` is no model")
                .hint("`inspect --like list` prints the names"));
        }
        if let Some(variant) = self.variant {
            return Ok(Some(Scaling::published(variant)));
        }
        let scaling = if let (Some(width), Some(depth)) = (self.width, self.depth) {
            Scaling::given(family, Coefficients { width, depth })
        } else if let Some(phi) = self.phi {
            if self.asks_for_formula() {
                Scaling::formula(family, phi, self.compound())
            } else {
                Scaling::at(family, phi)
            }
        } else {
            return Ok(None);
        };
        scaling.map(Some).map_err(Failure::bad_input)
    }

    /// One line on what φ was taken to mean and what the other reading would give; none without φ.
    pub fn reading(&self, request: &Request) -> Option<String> {
        reading::line(self.phi?, request)
    }

    fn asks_for_formula(&self) -> bool {
        self.formula || self.alpha.is_some() || self.beta.is_some() || self.gamma.is_some()
    }

    fn compound(&self) -> Compound {
        let paper = Compound::default();
        Compound {
            alpha: self.alpha.unwrap_or(paper.alpha),
            beta: self.beta.unwrap_or(paper.beta),
            gamma: self.gamma.unwrap_or(paper.gamma),
        }
    }
}

impl Shape {
    /// Whether any flag is given.
    pub fn is_given(&self) -> bool {
        self.size.is_some()
            || self.padding.is_some()
            || self.bn_epsilon.is_some()
            || self.classes.is_some()
            || self.in_channels.is_some()
    }
}

fn read_design(path: &Path) -> Result<Design, Failure> {
    read_file(path).map_err(|error| {
        let failure = Failure::bad_input(&error);
        match error {
            DesignError::Parse { .. } => {
                failure.hint("`inspect --variant b0 --as-arch` prints such a file")
            }
            DesignError::Read { .. } | DesignError::TooLarge { .. } => failure,
        }
    })
}

fn parse_size(text: &str) -> Result<Size, String> {
    match text.split_once('x') {
        Some(("", _) | (_, "")) => Err(format!(
            "expected a size such as 224 or 192x256, height first, found `{text}`"
        )),
        Some((height, width)) => Ok(Size([height.parse()?, width.parse()?])),
        None => Ok(Size([text.parse()?; 2])),
    }
}

fn parse_padding(text: &str) -> Result<Padding, String> {
    Padding::by_name(text)
        .ok_or_else(|| format!("expected {}, such as `static:224`", Padding::EXPECTED))
}

fn parse_epsilon(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(epsilon) if epsilon > 0.0 && epsilon < 1.0 => Ok(epsilon),
        _ => Err("expected a number above 0 and below 1, such as 1e-3".into()),
    }
}
