//! What `--phi` was taken to mean, in one line.

use super::text;
use efficientnet_onnx::architecture::{Reading, Scaling, Variant};
use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::scaling::Compound;

/// What φ was taken to mean, what the request changes of it, and what the other reading would give; none for a network
/// that is not scaled.
///
/// Both readings are described as they are by themselves, whatever else is asked for.
pub fn line(phi: f64, request: &Request) -> Option<String> {
    let scaling = request.blueprint.scaling()?;
    let family = scaling.family();
    let used = describe(scaling);
    let here = changed(request, scaling);
    let line = match &scaling.reading {
        Reading::Published { variant } => {
            let other = match Scaling::formula(family, phi, Compound::default()) {
                Ok(scaling) => describe(&scaling),
                Err(error) => error.to_string(),
            };
            format!(
                "phi {phi} is the published {}: {used}{here}; the formula (`--formula`) would give {other}",
                variant.name
            )
        }
        _ => {
            let none = || format!("family {} has no published model of this phi", family.name);
            let other = match family.variant_at(phi) {
                Some(variant) => format!(
                    "the published {} (without `--formula`) has {}",
                    variant.name,
                    describe(&Scaling::published(variant))
                ),
                None if phi == 0.0 => match family
                    .variants
                    .iter()
                    .find(|variant| is_baseline(scaling, variant))
                {
                    Some(variant) => format!("it is the published {}", variant.name),
                    None => none(),
                },
                None => none(),
            };
            format!("phi {phi} by the formula: {used}{here}; {other}")
        }
    };
    Some(line)
}

/// Whether a point is a published model as it is.
fn is_baseline(scaling: &Scaling, variant: &'static Variant) -> bool {
    let published = Scaling::published(variant);
    published.baseline == scaling.baseline
        && published.coefficients == scaling.coefficients
        && published.resolution == scaling.resolution
}

/// `width 1.1, depth 1.2, 260 px, 9,109,994 parameters, 993.6 M MACs`.
fn describe(scaling: &Scaling) -> String {
    let coefficients = scaling.coefficients;
    let request = Request::new(Blueprint::Scaled(scaling.clone()));
    let counts = match counted(&request) {
        Ok(counts) => format!("{} px, {counts}", scaling.resolution),
        Err(refused) => refused,
    };
    format!(
        "width {}, depth {}, {counts}",
        text::rounded(coefficients.width),
        text::rounded(coefficients.depth)
    )
}

/// `, here with size 128, not 260: 9,109,994 parameters, 217.0 M MACs`; empty where nothing that counts is changed.
fn changed(request: &Request, scaling: &Scaling) -> String {
    let own = Request::new(Blueprint::Scaled(scaling.clone()));
    let mut changes = Vec::new();
    let mut compare = |what: &str, here: String, own: String| {
        if here != own {
            changes.push(format!("{what} {here}, not {own}"));
        }
    };
    let size = |request: &Request| match request.size.map(|extent| extent.to_string()) {
        [height, width] if height == width => height,
        [height, width] => format!("{height}x{width}"),
    };
    compare("size", size(request), size(&own));
    let channels = |request: &Request| request.options.in_channels.to_string();
    compare("input channels", channels(request), channels(&own));
    if request.has_classes() {
        let classes = |request: &Request| request.options.classes.to_string();
        compare("classes", classes(request), classes(&own));
    } else {
        let outputs: Vec<&str> = request.outputs.iter().map(|output| output.name()).collect();
        let what = if outputs.len() == 1 {
            "output"
        } else {
            "outputs"
        };
        compare(what, outputs.join(", "), "logits".to_owned());
    }
    if changes.is_empty() {
        return String::new();
    }
    let counts = counted(request).unwrap_or_else(|refused| refused);
    let at = match request.default_size() {
        [height, width] if height == width => format!("{height} px"),
        [height, width] => format!("{height}x{width} px"),
    };
    format!(", here with {}: {at}, {counts}", changes.join(", "))
}

/// `9,109,994 parameters, 993.6 M MACs`, or why the network is refused.
fn counted(request: &Request) -> Result<String, String> {
    match request.counts() {
        Ok(counts) => Ok(format!(
            "{} parameters, {} MACs",
            text::grouped(counts.parameters),
            text::scaled(counts.macs)
        )),
        Err(error) => Err(format!("which is refused: {error}")),
    }
}
