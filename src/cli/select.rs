//! Flags that choose a network, shared by every command that builds one.

use super::exit::Failure;
use clap::{ArgGroup, Args};
use efficientnet_onnx::architecture::{IMAGENET_CLASSES, TF_BATCH_NORM_EPSILON};
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::request::{BatchNorms, Extent, Request};
use efficientnet_onnx::scaling::{
    Coefficients, Compound, Family, PUBLISHED, Reading, Scaling, Variant,
};

/// Which network; exactly one of φ, a variant, or width and depth.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("network").args(["phi", "variant", "width"])))]
#[command(next_help_heading = "Network")]
pub struct Selection {
    /// Compound coefficient, at least 0; a whole one with a published row in the family is that row
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    phi: Option<f64>,
    /// Read φ by the paper's formula: depth α^φ, width β^φ, resolution 224·γ^φ
    #[arg(long, requires = "phi", conflicts_with_all = ["variant", "width"])]
    formula: bool,
    /// Depth base of the formula [default: 1.2]
    #[arg(
        long,
        value_name = "A",
        requires = "phi",
        conflicts_with_all = ["variant", "width"],
        allow_negative_numbers = true
    )]
    alpha: Option<f64>,
    /// Width base of the formula [default: 1.1]
    #[arg(
        long,
        value_name = "B",
        requires = "phi",
        conflicts_with_all = ["variant", "width"],
        allow_negative_numbers = true
    )]
    beta: Option<f64>,
    /// Resolution base of the formula [default: 1.15]
    #[arg(
        long,
        value_name = "G",
        requires = "phi",
        conflicts_with_all = ["variant", "width"],
        allow_negative_numbers = true
    )]
    gamma: Option<f64>,
    /// Baseline that is scaled
    #[arg(long, value_name = "F", default_value = "v1", value_parser = Family::ALL.map(Family::name))]
    family: String,
    /// Published model, such as b0, l2, lite4, edgetpu-s, condconv-b0-4e, v2-s or v2-b0
    #[arg(long, value_name = "NAME", value_parser = PUBLISHED.map(|variant| variant.name), conflicts_with = "family")]
    variant: Option<String>,
    /// Width multiplier, with --depth
    #[arg(
        long,
        value_name = "W",
        requires = "depth",
        allow_negative_numbers = true
    )]
    width: Option<f64>,
    /// Depth multiplier, with --width
    #[arg(long, value_name = "D", requires = "width", conflicts_with_all = ["phi", "variant"], allow_negative_numbers = true)]
    depth: Option<f64>,
}

/// What the network looks like beyond its scale.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph")]
pub struct Shape {
    /// Input size: S or HxW; each a number of pixels or `dynamic:32` [default: the variant's own]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size: Option<Size>,
    /// Padding of convolutions [default: same]
    #[arg(long, value_name = "P", value_parser = ["same", "symmetric"])]
    pub padding: Option<String>,
    /// Epsilon of batch norms [default: 1e-3]
    #[arg(long, value_name = "E", value_parser = parse_epsilon, allow_negative_numbers = true)]
    pub bn_epsilon: Option<f64>,
    /// Number of classes [default: the checkpoint's, else 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    pub classes: Option<u64>,
    /// Channels of the input [default: the checkpoint's, else 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_CHANNELS))]
    pub in_channels: Option<u64>,
}

/// More classes or input channels than this are a typing error.
const MOST_CHANNELS: u64 = 1 << 24;

/// Height and width.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub [Extent; 2]);

impl Selection {
    /// Whether any flag chooses a network.
    pub fn is_given(&self) -> bool {
        self.phi.is_some() || self.variant.is_some() || self.width.is_some()
    }

    /// The scaling that the flags ask for.
    pub fn scaling(&self) -> Result<Scaling, Failure> {
        let family = Family::by_name(&self.family).unwrap_or(Family::V1);
        if let Some(variant) = self.variant.as_deref().and_then(Variant::by_name) {
            return Ok(Scaling::published(variant));
        }
        if let (Some(width), Some(depth)) = (self.width, self.depth) {
            return Scaling::given(family, Coefficients { width, depth })
                .map_err(Failure::bad_input);
        }
        let Some(phi) = self.phi else {
            return Err(Failure::bad_input("no network is chosen")
                .hint("use one of `--phi X`, `--variant NAME`, or `--width W --depth D`"));
        };
        match Variant::by_phi(family, phi).filter(|_| !self.asks_for_formula()) {
            Some(variant) => Ok(Scaling::published(variant)),
            None => Scaling::formula(family, phi, self.compound()).map_err(Failure::bad_input),
        }
    }

    /// One line on what φ was taken to mean and what the other reading would give; none without φ.
    pub fn reading(&self, request: &Request) -> Option<String> {
        let phi = self.phi?;
        let used = describe(request);
        let family = request.scaling.family();
        let line = match &request.scaling.reading {
            Reading::Published { variant } => {
                let other = match Scaling::formula(family, phi, Compound::default()) {
                    Ok(scaling) => describe(&with_scaling(request, scaling)),
                    Err(error) => error.to_string(),
                };
                format!(
                    "phi {phi} is the published {}: {used}; the formula (`--formula`) would give {other}",
                    variant.name
                )
            }
            _ => {
                let other = match Variant::by_phi(family, phi) {
                    Some(variant) => {
                        let other = describe(&with_scaling(request, Scaling::published(variant)));
                        format!(
                            "the published {} (without `--formula`) has {other}",
                            variant.name
                        )
                    }
                    None => format!(
                        "family {} has no published model of this phi",
                        family.name()
                    ),
                };
                format!("phi {phi} by the formula: {used}; {other}")
            }
        };
        Some(line)
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
    /// The request for a scaling, with these choices and everything else at its default.
    pub fn request(&self, scaling: Scaling) -> Request {
        let mut request = Request::new(scaling);
        if let Some(Size(size)) = self.size {
            request.size = size;
        }
        request.options.padding = self
            .padding
            .as_deref()
            .and_then(Padding::by_name)
            .unwrap_or(Padding::Same);
        request.options.batch_norm_epsilon = self.bn_epsilon.unwrap_or(TF_BATCH_NORM_EPSILON);
        request.options.classes = self.classes.unwrap_or(IMAGENET_CLASSES);
        request.options.in_channels = self.in_channels.unwrap_or(3);
        request
    }
}

/// The same request at another scale and that scale's own size.
fn with_scaling(request: &Request, scaling: Scaling) -> Request {
    let mut other = Request::new(scaling);
    other.options = request.options;
    other.batch_norms = BatchNorms::Fold;
    other
}

/// `width 1.1, depth 1.2, 260 px, 9,109,994 parameters, 993.6 M MACs`.
fn describe(request: &Request) -> String {
    let Coefficients { width, depth } = request.scaling.coefficients;
    let counts = match request.counts() {
        Ok(counts) => counts,
        Err(error) => {
            return format!("width {width:.4}, depth {depth:.4}, which is refused: {error}");
        }
    };
    let [height, width_pixels] = request.default_size();
    let pixels = if height == width_pixels {
        format!("{height}")
    } else {
        format!("{height}x{width_pixels}")
    };
    format!(
        "width {}, depth {}, {pixels} px, {} parameters, {} MACs",
        rounded(width),
        rounded(depth),
        super::text::grouped(counts.parameters),
        super::text::scaled(counts.macs),
    )
}

/// At most four decimals, without trailing zeros.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn parse_size(text: &str) -> Result<Size, String> {
    if text == "dynamic" || text.starts_with("dynamicx") || text.ends_with("xdynamic") {
        return Err(
            "free sizes are not supported; `dynamic:32` is symbolic in multiples of 32".into(),
        );
    }
    match text.split_once('x') {
        Some((height, width)) => Ok(Size([height.parse()?, width.parse()?])),
        None => Ok(Size([text.parse()?; 2])),
    }
}

fn parse_epsilon(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(epsilon) if epsilon > 0.0 && epsilon < 1.0 => Ok(epsilon),
        _ => Err("expected a number above 0 and below 1, such as 1e-3".into()),
    }
}
