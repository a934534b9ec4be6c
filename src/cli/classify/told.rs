//! Flags that tell how pictures are prepared for a file, and what its output is.

use super::failure::flag;
use crate::cli::choice::one_of;
use crate::cli::text;
use clap::Args;
use efficientnet_onnx::classify::{Classifier, Told, ToldActivation};
use efficientnet_onnx::network::ClassActivation;

/// What is told of the files, in place of what they record.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files of other tools")]
pub struct ToldArgs {
    /// Mean of red, green and blue, or one number for all, of levels from 0 to 1; fractions such as 127/255 are numbers too
    /// [default: as the file records]
    #[arg(long, value_name = "R,G,B", value_parser = colours, allow_hyphen_values = true)]
    mean: Option<[f64; 3]>,
    /// Standard deviation likewise: `--mean 0 --std 1/255` gives levels from 0 to 255 as they are [default: as the file
    /// records]
    #[arg(long, value_name = "R,G,B", value_parser = colours)]
    std: Option<[f64; 3]>,
    /// Height and width of the input, such as 224 or 192x256, height first; without a record pictures are resized, bicubic and
    /// antialiased, until they cover 8/7 of it, and cropped to their centre [default: as the file records, or its input's]
    #[arg(long, value_name = "SIZE", value_parser = text::size)]
    size: Option<[u64; 2]>,
    /// What turns the output into probabilities: softmax, sigmoid, or none where it has them [default: as the file records,
    /// or as its output is called]
    #[arg(long, value_name = "A", value_parser = one_of(ACTIVATIONS, |activation| name(*activation)))]
    activation: Option<ToldActivation>,
}

const ACTIVATIONS: [ToldActivation; 3] = [
    ToldActivation::Of(ClassActivation::Softmax),
    ToldActivation::Of(ClassActivation::Sigmoid),
    ToldActivation::Applied,
];

fn name(activation: ToldActivation) -> &'static str {
    match activation {
        ToldActivation::Of(activation) => activation.name(),
        ToldActivation::Applied => "none",
    }
}

impl ToldArgs {
    pub fn told(&self) -> Told {
        Told {
            mean: self.mean,
            std: self.std,
            size: self.size,
            activation: self.activation,
        }
    }
}

/// Says which flags count in place of what the file records, or how pictures are resized where it records nothing.
pub fn note(classifier: &Classifier) -> Option<String> {
    if !classifier.is_recorded() {
        let note = "it has no record of how pictures are prepared: they are resized, bicubic, until they cover 8/7 of the size, and \
                    cropped to their centre";
        return Some(note.to_owned());
    }
    let replaced = classifier.replaced().iter();
    let flags: Vec<String> = replaced.map(|part| format!("`{}`", flag(*part))).collect();
    (!flags.is_empty()).then(|| format!("{} in place of what the file records", text::all(&flags)))
}

/// Three numbers, or one for all.
fn colours(text: &str) -> Result<[f64; 3], String> {
    let expected =
        || "expected three numbers of levels from 0 to 1, such as 0.485,0.456,0.406, or one";
    let numbers: Option<Vec<f64>> = text.split(',').map(number).collect();
    let colours = match numbers.as_deref() {
        Some(&[all]) => [all; 3],
        Some(&[red, green, blue]) => [red, green, blue],
        _ => return Err(expected().to_owned()),
    };
    match colours.iter().find(|number| number.abs() > 1.0) {
        None => Ok(colours),
        Some(large) => Err(format!(
            "{}: {large} is one of 0 to 255, divide it by 255",
            expected()
        )),
    }
}

/// A number or a fraction.
fn number(text: &str) -> Option<f64> {
    let finite = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    };
    match text.split_once('/') {
        None => finite(text),
        Some((over, under)) => {
            let quotient = finite(over)? / finite(under)?;
            quotient.is_finite().then_some(quotient)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_three_numbers_or_one_of_levels_up_to_1() {
        assert_eq!(colours("0.485,0.456,0.406"), Ok([0.485, 0.456, 0.406]));
        assert_eq!(colours("1/255"), Ok([1.0 / 255.0; 3]));
        assert_eq!(colours("127/255, 0.5,0"), Ok([127.0 / 255.0, 0.5, 0.0]));
        for text in ["", "0.5,0.5", "0.5,0.5,0.5,0.5", "a", "1/0", "nan", "inf"] {
            assert!(colours(text).is_err(), "{text}");
        }
        let said = colours("123.675,116.28,103.53").unwrap_err();
        assert!(
            said.contains("123.675 is one of 0 to 255, divide it by 255"),
            "{said}"
        );
    }
}
