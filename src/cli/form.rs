//! Flags that say how a graph is spelled.

use super::choice::one_of;
use super::exit::Failure;
use super::picture;
use super::spelling::{self, Spelling};
use clap::Args;
use efficientnet_onnx::form::{self, BatchNorms, Form, InputFormat, Islands};
use efficientnet_onnx::metadata::{IslandsRecord, Orientation, Recipe};
use efficientnet_onnx::onnx::ExternalLayout;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::tensor::Element;
use std::path::{Path, PathBuf};

/// How the graph is spelled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph")]
pub struct FormArgs {
    /// Fold batch norms into the convolutions before them, or keep them
    #[arg(long, value_name = "HOW", default_value = "fold", value_parser = one_of(BatchNorms::ALL, |choice| choice.name()))]
    bn: BatchNorms,
    /// Operator set, from 13 to 28; the file has the lowest IR version that may carry it [default: 17; 22 for bf16]
    #[arg(long, value_name = "N", value_parser = parse_opset)]
    opset: Option<Opset>,
    /// Element type of weights, input and outputs: bf16 needs opset 22 or later
    #[arg(long, value_name = "D", default_value = "f32", value_parser = one_of(form::elements(), |element| element.as_str()))]
    dtype: Element,
    /// With f16 and bf16: compute pools and softmaxes in f32 between casts (`auto`), or nothing
    #[arg(long, value_name = "WHICH", value_parser = one_of(["auto", "none"], |name| name))]
    islands: Option<&'static str>,
    /// With `--islands auto`: also compute in f32 what an audit of the network on pictures of this folder finds too large
    /// for f16, or too sensitive to rounding
    #[arg(long, value_name = "DIR", requires = "islands")]
    images: Option<PathBuf>,
    /// Take pictures of `--images` as their pixels are stored [default: turned upright as their EXIF records say]
    #[arg(long, requires = "images")]
    ignore_exif: bool,
    /// With f16 and bf16: input and outputs stay f32, with a cast at each
    #[arg(long)]
    keep_io: bool,
    /// How images lie in memory: `uint8-nhwc` takes bytes from 0 to 255, as decoded pictures are, and implies --normalize
    #[arg(long, value_name = "F", default_value = "nchw", value_parser = one_of(InputFormat::ALL, |format| format.name()))]
    input_format: InputFormat,
    /// Take pixels from 0 to 255: subtract the mean and divide by the deviation in the graph
    #[arg(long)]
    normalize: bool,
    /// Rare spellings, as in `swish=swish-op,ir=13`; `--help` has the keys
    #[arg(long, value_name = "KEY=VALUE,…", value_parser = spelling::parse, long_help = spelling::HELP)]
    form: Option<Spelling>,
}

impl FormArgs {
    /// The form that the flags ask for.
    pub fn form(&self) -> Result<Form, Failure> {
        let given = [
            ("--islands", self.islands.is_some()),
            ("--keep-io", self.keep_io),
        ];
        if self.dtype == Element::F32
            && let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given)
        {
            return Err(Failure::bad_input(format!(
                "`{flag}` is for files of f16 and bf16, found f32"
            ))
            .hint("add `--dtype f16` or `--dtype bf16`"));
        }
        if self.images.is_some() && self.islands != Some("auto") {
            return Err(
                Failure::bad_input("`--images` places islands, found `--islands none`")
                    .hint("leave `--images` out, or ask for `--islands auto`"),
            );
        }
        let form = Form {
            batch_norms: self.bn,
            opset: self
                .opset
                .unwrap_or_else(|| form::default_opset(self.dtype)),
            element: self.dtype,
            islands: match self.islands {
                Some("none") => Islands::None,
                _ => Islands::Auto,
            },
            keeps_io: self.keep_io,
            input: self.input_format,
            ..Form::default()
        };
        Ok(match &self.form {
            Some(spelling) => spelling.over(form),
            None => form,
        })
    }

    /// The folder of the pictures on which the network is audited, where islands are placed by that.
    pub fn images(&self) -> Option<&Path> {
        self.images.as_deref()
    }

    /// Which way up those pictures are taken.
    pub fn orientation(&self) -> Orientation {
        picture::orientation(self.ignore_exif)
    }

    /// Whether the graph itself normalises its input.
    pub fn normalize(&self) -> bool {
        self.normalize
    }

    /// How tensors lie in a file of external data.
    pub fn layout(&self) -> ExternalLayout {
        self.form.as_ref().map(Spelling::layout).unwrap_or_default()
    }
}

/// What of a file's form is not the default, as flags have it: `opset 24, swish=swish-op`.
pub fn described(recipe: &Recipe) -> Option<String> {
    let usual = Opset::DEFAULT.version();
    let opset = (recipe.opset != usual).then(|| format!("opset {}", recipe.opset));
    let keys = [
        ("swish", recipe.swish.clone()),
        ("pool", recipe.pool.clone()),
        ("head", recipe.head.clone()),
        ("ir", recipe.ir.map(|version| version.to_string())),
    ];
    let keys = keys
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value?)));
    let normalize = recipe.normalize.map(|_| "normalize".to_owned());
    let input = recipe.input_format.iter().cloned().chain(normalize);
    let element = Some(recipe.dtype.clone()).filter(|dtype| dtype != Element::F32.as_str());
    let islands = recipe.islands.as_ref().map(|islands| match islands {
        IslandsRecord::Name(name) => format!("islands {name}"),
        IslandsRecord::Nodes(nodes) => format!("islands around {} nodes", nodes.len()),
    });
    let keeps_io = recipe.keep_io.then(|| "f32 input and outputs".to_owned());
    let parts = opset
        .into_iter()
        .chain(element)
        .chain(islands)
        .chain(keeps_io);
    let parts: Vec<String> = parts.chain(input).chain(keys).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn parse_opset(number: &str) -> Result<Opset, String> {
    number.parse().ok().and_then(Opset::new).ok_or_else(|| {
        let known = form::WRITABLE_OPSETS;
        format!("expected {known}, found `{number}`")
    })
}
