//! Flags that say how a graph is spelled.

use super::choice::one_of;
use super::spelling::{self, Spelling};
use clap::Args;
use efficientnet_onnx::form::{self, BatchNorms, Form, InputFormat};
use efficientnet_onnx::metadata::Recipe;
use efficientnet_onnx::onnx::ExternalLayout;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::tensor::Element;

/// How the graph is spelled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Graph")]
pub struct FormArgs {
    /// Fold batch norms into the convolutions before them, or keep them
    #[arg(long, value_name = "HOW", default_value = "fold", value_parser = one_of(BatchNorms::ALL, |choice| choice.name()))]
    bn: BatchNorms,
    /// Operator set, from 13 to 28; the file has the lowest IR version that may carry it
    #[arg(long, value_name = "N", default_value = "17", value_parser = parse_opset)]
    opset: Opset,
    /// Element type of weights, input and outputs
    #[arg(long, value_name = "D", default_value = "f32", value_parser = one_of(form::elements(), |element| element.as_str()), hide = form::elements().len() < 2)]
    dtype: Element,
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
    pub fn form(&self) -> Form {
        let form = Form {
            batch_norms: self.bn,
            opset: self.opset,
            element: self.dtype,
            input: self.input_format,
            ..Form::default()
        };
        match &self.form {
            Some(spelling) => spelling.over(form),
            None => form,
        }
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
    let parts: Vec<String> = opset.into_iter().chain(input).chain(keys).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn parse_opset(number: &str) -> Result<Opset, String> {
    number.parse().ok().and_then(Opset::new).ok_or_else(|| {
        let known = form::WRITABLE_OPSETS;
        format!("expected {known}, found `{number}`")
    })
}
