//! Notes and errors of a conversion, with the flags that go with them.

use super::exit::Failure;
use super::fitted;
use super::hub;
use super::like;
use efficientnet_onnx::convert::{ConvertError, ConvertNote, Counted, Misfit};
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::form::{InputFormat, SpellError};
use efficientnet_onnx::graph::Padding;
use efficientnet_onnx::like::{Library, Like};
use efficientnet_onnx::network::NetworkError;
use efficientnet_onnx::recognise::Contradiction;
use efficientnet_onnx::request::RequestError;
use efficientnet_onnx::tensor::SourceError;
use efficientnet_onnx::weights::head::{HeadModule, HeadModuleKind};
use efficientnet_onnx::weights::names::Naming;
use efficientnet_onnx::weights::offer::Refusal;

/// A note, with what can be done about it.
pub fn note(note: &ConvertNote) -> String {
    match note {
        ConvertNote::Wrapped | ConvertNote::Inside(_) => {
            format!("{note}, `verify --input FILE --expect FILE`")
        }
        ConvertNote::StaticPads { place: None, .. } => format!(
            "{note}; for one built with another `image_size` use `--padding static:S`, and `--padding same` for \
             `image_size=None`"
        ),
        ConvertNote::PaddingLeft(_) => {
            format!("{note}; a `--size` of numbers or `dynamic:32` has explicit pads")
        }
        _ => note.to_string(),
    }
}

/// Prints a note of weights that are drawn, where the rule and the seed are the usual ones: a warning where `asked`, a
/// library's model, may be taken for its trained weights.
pub fn tell_drawn(own: &ConvertNote, asked: Option<&Like>) {
    let (ConvertNote::Untrained(untrained), Some(like)) = (own, asked) else {
        tell!("{}", note(own));
        return;
    };
    let hub = match like.library {
        Library::Timm => format!(", or fetch them with `--weights hf:{}`", like.name()),
        _ => String::new(),
    };
    tell!(
        "warning: {untrained}, not the trained weights of `{}`: `--like` chooses a network and no weights",
        like.name()
    );
    tell!(
        "hint: give trained weights with `--weights PATH`{hub}; `--init official` leaves this warning out"
    );
}

/// An error, with what to do about it.
pub fn failure(error: ConvertError) -> Failure {
    match &error {
        ConvertError::Hub(error) => return hub::failure(error),
        ConvertError::Request(error) => return request(error),
        ConvertError::OtherCount {
            count,
            asked,
            found,
        } => return other_count(*count, *asked, *found),
        ConvertError::ActivationWithoutClasses => {
            return Failure::bad_input(
                "`--activation` is for outputs of classes, and `--outputs` has none",
            )
            .hint("leave it out, or ask for `logits` or `probabilities`");
        }
        ConvertError::ThresholdsWithoutClasses => {
            return Failure::bad_input(
                "`--thresholds` is for outputs of classes, and `--outputs` has none",
            )
            .hint("leave it out, or ask for `logits` or `probabilities`");
        }
        ConvertError::ThresholdsOfSoftmax => {
            return Failure::bad_input(
                "`--thresholds` is for a sigmoid, by which each class has its own probability, found a softmax",
            )
            .hint("leave `--thresholds` out, or give `--activation sigmoid`");
        }
        ConvertError::ClassifierWithoutClasses { is_fitted } => {
            let flag = if *is_fitted {
                "--classifier"
            } else {
                "--reset-classifier"
            };
            return Failure::bad_input(format!(
                "`{flag}` is for outputs of classes, and `--outputs` has none"
            ))
            .hint("leave it out, or ask for `logits`, `probabilities` or `cam`");
        }
        ConvertError::OtherClasses { path, asked, found } => {
            return Failure::bad_input(format!(
                "`--classes {asked}` does not match `{}`, which has {found}",
                path.shown()
            ))
            .hint("leave `--classes` out: the classifier tells");
        }
        ConvertError::SoftmaxOfOneClass => {
            return Failure::bad_input(
                "`--activation softmax` of one class is 1 for every image, expected `sigmoid`",
            )
            .hint("leave `--activation` out: one class has a sigmoid");
        }
        ConvertError::NoNormal { format, .. } => {
            let flag = match format {
                InputFormat::Uint8Nhwc => "--input-format uint8-nhwc",
                InputFormat::Nchw | InputFormat::Nhwc => "--normalize",
            };
            return Failure::bad_input(format!("`{flag}`: {error}")).hint(format!(
                "leave `{flag}` out, and normalise pictures before the graph"
            ));
        }
        _ => {}
    }
    let hint = hint(&error);
    let mut failure = Failure::bad_input(error);
    failure.hint = hint.or(failure.hint);
    failure
}

/// A request without a graph.
pub fn request(error: &RequestError) -> Failure {
    let failure = Failure::bad_input(error);
    match error {
        RequestError::Spell(SpellError::Padding { .. }) => {
            failure.hint("the network halves its input more than five times: give a fixed `--size`")
        }
        RequestError::Spell(SpellError::Element {
            least: Some(least), ..
        }) => failure.hint(format!("leave `--opset` out, or give {least} or more")),
        RequestError::Network(NetworkError::Classes { features, .. }) => failure.hint(format!(
            "leave the number out of the last `linear` of `--head`, or give `--classes {features}`"
        )),
        RequestError::Network(NetworkError::NoClasses { .. }) => failure.hint(
            "`--outputs embedding` emits what the head gives; a head that ends in `linear` has classes",
        ),
        RequestError::Network(NetworkError::OpenEnd { .. }) => failure.hint(
            "`--outputs pooled` needs no layer of the head",
        ),
        RequestError::Network(NetworkError::NoClassMaps { .. }) => {
            failure.hint("leave `cam` out of `--outputs`")
        }
        _ => failure,
    }
}

fn hint(error: &ConvertError) -> Option<String> {
    Some(match error {
        ConvertError::NoNetwork => "use one of `--phi X`, `--variant NAME`, `--like LIB/MODEL`, `--width W --depth D`, `--arch FILE` or `--blocks STRINGS`".to_owned(),
        ConvertError::Source(SourceError::Outside { .. }) => {
            "name that checkpoint itself, or copy it into the folder".to_owned()
        }
        ConvertError::Folder(error) => return hub::folder_hint(error),
        ConvertError::UnknownModel { .. } => "`inspect --like list` has all names".to_owned(),
        ConvertError::Refused {
            refusal: refusal @ Refusal::Several { networks },
            ..
        } => {
            let mut places = networks.iter().map(|found| &found.place);
            let place = places.find(|place| !place.is_empty())?;
            format!("`--prefix {}` reads that one alone; {}", place.shown(), refusal.hint())
        }
        ConvertError::Refused {
            refusal: Refusal::State { root, .. },
            ..
        } => format!("`--prefix {}` reads it all the same", root.shown()),
        // A state dict would lose what the modules around the network compute.
        ConvertError::Refused { has_modules: true, .. } => {
            "export the whole pickled module with `torch.onnx.export`".to_owned()
        }
        ConvertError::Refused { refusal, .. } => refusal.hint(),
        ConvertError::UnknownNames { .. } => "the names of timm, torchvision and efficientnet_pytorch (lukemelas), Keras and TensorFlow are known".to_owned(),
        ConvertError::FoldedModel(_) | ConvertError::ForeignModel(_) => {
            "emit it again with `--bn keep`".to_owned()
        }
        ConvertError::NoRecipe(_) => "only files that `emit` wrote can be exported".to_owned(),
        ConvertError::CountedClasses { .. } => {
            "the two are not of one model: take both from one".to_owned()
        }
        ConvertError::Unrecognised(error) => {
            let nearest = error.error.nearest;
            // Tensors are compared once padding and epsilon are known. They are the training's: any others would be written
            // into the file where no output needs the tensors that differ.
            if error.tells_conventions {
                format!("`--variant {nearest}` lists the tensors that differ; `--arch FILE` takes a custom architecture")
            } else {
                format!("`--variant {nearest}`, with `--padding P` and `--bn-epsilon E` as in training, lists the tensors that differ; `--arch FILE` takes a custom architecture")
            }
        }
        ConvertError::Contradicted {
            contradictions,
            naming,
            padding,
            batch_norm_epsilon,
            ..
        } => contradicted(contradictions, *naming, *padding, *batch_norm_epsilon),
        ConvertError::OtherNetwork { .. } | ConvertError::OtherConventions { .. } => {
            "leave `--like` out to take the checkpoint's".to_owned()
        }
        ConvertError::Undecided { error, variant } => like::hint(*error, *variant),
        ConvertError::CarriedLabels(_) => "give the names with `--labels FILE`".to_owned(),
        ConvertError::CarriedThresholds(_) => {
            "give the thresholds with `--thresholds P` or `--thresholds FILE`".to_owned()
        }
        ConvertError::Fitted(error) => return fitted::hint(error),
        ConvertError::Misfit { cause, .. } => misfit(cause.as_ref()?),
        ConvertError::UnknownHead { modules, filters } => unknown_head(modules, *filters),
        ConvertError::NoLayer(_) => {
            "no head here has it: export the whole model with `torch.onnx.export`".to_owned()
        }
        ConvertError::HeadMisfit { .. } => {
            "give the layers of `--head` in the order of these tensors, with the activations between them".to_owned()
        }
        ConvertError::OtherHead { .. } => {
            "leave `--head` out to take the checkpoint's".to_owned()
        }
        ConvertError::ReplacedHead(_) => {
            "give `--head` a pool alone, such as `--head max`, or leave it out".to_owned()
        }
        _ => return None,
    })
}

fn other_count(count: Counted, asked: u64, found: u64) -> Failure {
    let (flag, more_of_hint) = match count {
        Counted::Classes => (
            "classes",
            format!("; `--reset-classifier {asked}` draws a fresh one"),
        ),
        Counted::InChannels => ("in-channels", String::new()),
    };
    Failure::bad_input(format!(
        "`--{flag} {asked}` does not match the checkpoint, which has {found}"
    ))
    .hint(format!(
        "leave `--{flag}` out to take the checkpoint's{more_of_hint}"
    ))
}

/// What to do about layers whose order and activations tensors do not tell.
fn unknown_head(modules: &[HeadModule], filters: u64) -> String {
    let word = |module: &HeadModule| match module.kind {
        HeadModuleKind::Linear { .. } => "linear",
        HeadModuleKind::BatchNorm(_) => "bn",
        HeadModuleKind::LayerNorm(_) => "ln",
        HeadModuleKind::Power => "",
    };
    let is_layer = |module: &&HeadModule| module.kind != HeadModuleKind::Power;
    let layers: Vec<&HeadModule> = modules.iter().filter(is_layer).collect();
    let words: Vec<&str> = layers.iter().copied().map(word).collect();
    let words = words.join(",");
    if layers.len() < modules.len() {
        return format!(
            "the exponent is of a generalised mean: `--head \"gem,{words}\"`, with the activations between the layers, reads it"
        );
    }
    let replaced = "`--outputs pooled` leaves the head out, `--reset-classifier N` replaces it";
    let enters = layers.first().and_then(|module| module.inputs());
    if enters == filters.checked_mul(2) {
        return format!(
            "the mean and the maximum are joined, as timm does, `--head \"catavgmax,{words}\"`, or as fastai does, `--head \"catmaxavg,{words}\"`, with the activations between the layers; {replaced}"
        );
    }
    format!(
        "give the layers in their order, such as `--head \"{words}\"`, with the activations between them, such as `relu`; {replaced}"
    )
}

fn misfit(cause: &Misfit) -> String {
    match cause {
        Misfit::Integers(name) => format!(
            "`{}` is stored as integers, expected floating-point numbers: save it as such",
            name.shown()
        ),
        Misfit::NoHead(output) => format!(
            "the checkpoint ends before the classifier's features: `--outputs {}` emits what it has",
            output.name()
        ),
        Misfit::NoClassifier => "the checkpoint has no classifier: draw one with `--reset-classifier N`, read one with `--classifier FILE`, or leave it out with `--outputs pooled`".to_owned(),
        Misfit::OtherNetwork {
            variant,
            tells_conventions: true,
            ..
        } => format!("the checkpoint is of {variant}: use `--variant {variant}`"),
        Misfit::OtherNetwork {
            naming, variant, ..
        } => {
            let names = like::named(*naming, variant);
            format!("the checkpoint is of {variant}, and one of these models: use {names}")
        }
    }
}

/// What to do where a record beside the tensors is of another network.
fn contradicted(
    found: &[Contradiction],
    naming: Naming,
    padding: Option<Padding>,
    epsilon: Option<f64>,
) -> String {
    let is_all = |kind: fn(&Contradiction) -> bool| found.iter().all(kind);
    let is_convention = |one: &Contradiction| {
        matches!(
            one,
            Contradiction::Border { .. } | Contradiction::Epsilon { .. }
        )
    };
    let flags = recorded_flags(found, padding, epsilon);
    if !flags.is_empty() && is_all(is_convention) {
        return format!("take what is recorded: `{flags}`");
    }
    let is_activation = |one: &Contradiction| {
        matches!(
            one,
            Contradiction::Activation {
                found: Some(_),
                expected: Some(_),
                ..
            }
        )
    };
    let hint = if is_all(|one| matches!(one, Contradiction::Final(_))) {
        "`--outputs probabilities` emits the result, `--outputs logits,probabilities` both"
    } else if is_all(is_activation) {
        "the activation is a field of architecture files: `inspect --as-arch` prints one, `--arch FILE` reads it"
    } else if naming == Naming::Keras {
        "no flag gives this network; export the whole model with Keras: `model.export(\"model.onnx\", format=\"onnx\")`"
    } else {
        "no flag gives this network; export the whole model with its own library's exporter, such as `torch.onnx.export`"
    };
    hint.to_owned()
}

/// Padding and epsilon as a checkpoint records them, as flags; empty where a difference is not settled by them.
fn recorded_flags(
    found: &[Contradiction],
    padding: Option<Padding>,
    epsilon: Option<f64>,
) -> String {
    let has = |kind: fn(&Contradiction) -> bool| found.iter().any(kind);
    let mut flags = Vec::new();
    if has(|one| matches!(one, Contradiction::Border { .. })) {
        let Some(padding) = padding else {
            return String::new();
        };
        flags.push(format!("--padding {}", padding.name()));
    }
    if has(|one| matches!(one, Contradiction::Epsilon { .. })) {
        let Some(epsilon) = epsilon else {
            return String::new();
        };
        flags.push(format!("--bn-epsilon {epsilon:e}"));
    }
    flags.join(" ")
}
