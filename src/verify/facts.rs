//! What is to be verified: the inputs and outputs that a file declares, and the little that decides how it
//! is tried. It knows no file format.

use super::lineage::{Lineage, RowNode};
use crate::files::foreign::Foreign;
use crate::metadata::Normal;
use crate::metadata::claims::FalseClaim;
use crate::tensor::{Element, NamedTensor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A file, as far as running it matters.
#[derive(Clone, Debug, PartialEq)]
pub struct FileFacts {
    /// Values that the caller provides, in order.
    pub inputs: Vec<Declared>,
    /// Values that the caller receives, in order.
    pub outputs: Vec<Declared>,
    /// Height and width that the file was made for.
    pub default_size: [u64; 2],
    /// What height and width must be multiples of: the pads of a file for `dynamic:32` hold for no other size. 1 where
    /// every size will do.
    pub size_steps: [u64; 2],
    /// Whether it was made for any size, so that odd ones are tried too.
    pub any_size: bool,
    /// Multiply-accumulate operations for one image of the default size; a lower bound where `uncounted` is not empty.
    pub macs: u64,
    /// The same by our own count of the graph, for time limits: where some could not be counted, every weight counts as
    /// often as one can be used.
    pub work: u64,
    /// What the file says about itself that its graph does not bear out.
    pub contradictions: Vec<FalseClaim>,
    /// Nodes whose operations could not be counted.
    pub uncounted: Vec<String>,
    /// Elements of all constants.
    pub weights: u64,
    /// The type in which it computes: that of most of its floating-point constants, or of an output if that is less
    /// precise.
    pub precision: Element,
    /// What levels from 0 to 255 are normalised with, where the file says how pictures are prepared.
    pub normal: Option<Normal>,
    /// What the graph itself normalises its input with: levels from 0 to 255, whatever their element type.
    pub inside: Option<Normal>,
    /// Whether all weights are one constant, so that constant logits are no surprise.
    pub constant_weights: bool,
    /// Whether it is a skeleton, whose weights are numbers at one place: nothing that it computes means anything.
    pub is_skeleton: bool,
    /// Whether it was written by this program.
    pub is_own: bool,
    /// Outputs that are not compared, and why; `outputs` has the others.
    pub left_out: Vec<OmittedOutput>,
    /// For inputs whose layout the nodes that read them tell: whether channels come last.
    pub channels_last: BTreeMap<String, bool>,
    /// What the nodes make of the rows of a batch.
    pub lineage: Lineage,
    /// Outputs that a sigmoid makes: their range is 0 to 1, however small their elements are.
    pub sigmoids: BTreeSet<String>,
    /// Whether the weights are those with which training starts, so that rounding may grow from block to block.
    pub untrained: bool,
}

impl Default for FileFacts {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            outputs: Vec::new(),
            default_size: [0; 2],
            size_steps: [1; 2],
            any_size: false,
            macs: 0,
            work: 0,
            contradictions: Vec::new(),
            uncounted: Vec::new(),
            weights: 0,
            precision: Element::F32,
            normal: None,
            inside: None,
            constant_weights: false,
            is_skeleton: false,
            is_own: false,
            left_out: Vec::new(),
            channels_last: BTreeMap::new(),
            lineage: Lineage::default(),
            sigmoids: BTreeSet::new(),
            untrained: false,
        }
    }
}

/// A size at which the file's pads are wrong, so that its outputs would be too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its pads hold only where {}, found size {}x{}",
    requirement(.steps),
    .size[0],
    .size[1]
)]
pub struct SizeStepError {
    /// Height and width that are asked for.
    pub size: [u64; 2],
    /// What they must be multiples of.
    pub steps: [u64; 2],
}

fn requirement(steps: &[u64; 2]) -> String {
    match steps {
        [height, width] if height == width => format!("height and width are multiples of {height}"),
        [height, 1] => format!("the height is a multiple of {height}"),
        [1, width] => format!("the width is a multiple of {width}"),
        [height, width] => {
            format!("the height is a multiple of {height} and the width of {width}")
        }
    }
}

impl FileFacts {
    /// Refuses images of a size at which the file's pads are wrong.
    ///
    /// # Errors
    /// If height or width is not a multiple of what it must be.
    pub fn check_size(&self, size: [u64; 2]) -> Result<(), SizeStepError> {
        let fits = |(side, step): (u64, u64)| side.is_multiple_of(step.max(1));
        if size.into_iter().zip(self.size_steps).all(fits) {
            Ok(())
        } else {
            Err(SizeStepError {
                size,
                steps: self.size_steps,
            })
        }
    }
}

/// The operator whose range is 0 to 1.
pub const SIGMOID: &str = "Sigmoid";

impl FileFacts {
    /// The scale on which an output is compared where its elements are smaller: 1 for what a sigmoid makes.
    #[must_use]
    pub fn least_scale(&self, output: &str) -> f64 {
        if self.sigmoids.contains(output) {
            1.0
        } else {
            0.0
        }
    }

    /// Names of the outputs that are not compared.
    #[must_use]
    pub fn leave_out(&self) -> Vec<String> {
        let names = self.left_out.iter();
        names.map(|output| output.declared.name.clone()).collect()
    }

    /// The same, with every output that can be read among `outputs`: for runs that compare nothing.
    #[must_use]
    pub fn with_all_readable(mut self) -> Self {
        let is_readable = |output: &mut OmittedOutput| !matches!(output.why, Why::Type(_));
        let readable = self.left_out.extract_if(.., is_readable);
        self.outputs.extend(readable.map(|output| output.declared));
        self
    }
}

/// An output that is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedOutput {
    /// What the file says of it.
    pub declared: Declared,
    /// Its place among all outputs of the file.
    pub place: usize,
    /// The reason.
    pub why: Why,
}

/// Why an output is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not a tensor of numbers or bools, but this.
    Type(String),
    /// It depends on random numbers.
    Random(RowNode),
}

impl OmittedOutput {
    /// How the output could be compared, after its reason; nothing where there is no way.
    pub(super) fn advice(&self) -> String {
        let advice = match &self.why {
            Why::Random(site) => site.advice(),
            Why::Type(_) => None,
        };
        advice.map_or_else(String::new, |advice| format!("; {advice}"))
    }
}

impl fmt::Display for OmittedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.declared.name.shown();
        match &self.why {
            Why::Type(found) => write!(f, "output `{name}` is {}", found.shown()),
            Why::Random(site) => write!(f, "output `{name}` depends on random numbers: {site}"),
        }
    }
}

/// A declared input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Name of the value.
    pub name: String,
    /// Its element type; see [`Declared::element`].
    pub element_type: String,
    /// Its shape; none if not even the rank is declared.
    pub shape: Option<Vec<DeclaredExtent>>,
}

/// One declared dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredExtent {
    /// A number.
    Fixed(u64),
    /// A name: equal names mean equal extents.
    Named(String),
    /// Nothing is known.
    Unset,
}

/// What the names of dimensions stand for in one case.
pub type Names = BTreeMap<String, u64>;

impl Declared {
    /// Its element type, if tensors of it can be made and compared.
    #[must_use]
    pub fn element(&self) -> Option<Element> {
        let element = self.element_type.parse().ok();
        element.filter(|&element| NamedTensor::holds(element))
    }

    /// Whether a tensor of `shape` is what was declared, with `names` for the named dimensions. A name that has
    /// no value, and an unset dimension, take anything.
    #[must_use]
    pub fn admits(&self, shape: &[usize], names: &Names) -> bool {
        let Some(declared) = &self.shape else {
            return true;
        };
        let fits = |(extent, &found): (&DeclaredExtent, &usize)| match extent {
            DeclaredExtent::Fixed(expected) => *expected == found as u64,
            DeclaredExtent::Named(name) => names
                .get(name)
                .is_none_or(|expected| *expected == found as u64),
            DeclaredExtent::Unset => true,
        };
        declared.len() == shape.len() && declared.iter().zip(shape).all(fits)
    }

    /// The declared shape with `names` put in, such as `[3, 1000]`; `?` for what is unknown.
    #[must_use]
    pub fn expected(&self, names: &Names) -> String {
        let Some(declared) = &self.shape else {
            return "any shape".to_owned();
        };
        let text = |extent: &DeclaredExtent| match extent {
            DeclaredExtent::Fixed(expected) => expected.to_string(),
            DeclaredExtent::Named(name) => {
                names.get(name).map_or_else(|| name.clone(), u64::to_string)
            }
            DeclaredExtent::Unset => "?".to_owned(),
        };
        format!(
            "[{}]",
            declared.iter().map(text).collect::<Vec<_>>().join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_held_against_what_it_must_be_a_multiple_of() {
        let facts = |size_steps| FileFacts {
            size_steps,
            ..FileFacts::default()
        };
        for (steps, size, expected) in [
            ([1, 1], [101, 7], None),
            ([32, 32], [64, 96], None),
            (
                [32, 32],
                [64, 100],
                Some("height and width are multiples of 32, found size 64x100"),
            ),
            ([32, 1], [64, 101], None),
            (
                [32, 1],
                [101, 64],
                Some("the height is a multiple of 32, found size 101x64"),
            ),
            (
                [1, 32],
                [64, 101],
                Some("the width is a multiple of 32, found size 64x101"),
            ),
        ] {
            let error = facts(steps).check_size(size).err();
            let expected = expected.map(|end| format!("its pads hold only where {end}"));
            assert_eq!(error.map(|error| error.to_string()), expected);
        }
    }

    #[test]
    fn a_shape_is_held_against_its_declaration() {
        let shape = vec![
            DeclaredExtent::Named("batch".into()),
            DeclaredExtent::Fixed(10),
            DeclaredExtent::Unset,
            DeclaredExtent::Named("rows".into()),
        ];
        let declared = Declared {
            name: "x".into(),
            element_type: "f32".into(),
            shape: Some(shape),
        };
        let names = Names::from([("batch".to_owned(), 3)]);
        assert!(declared.admits(&[3, 10, 7, 8], &names));
        for wrong in [
            &[2, 10, 7, 8][..],
            &[3, 11, 7, 8],
            &[3, 10, 7],
            &[3, 10, 7, 8, 1],
        ] {
            assert!(!declared.admits(wrong, &names), "{wrong:?}");
        }
        assert_eq!(declared.expected(&names), "[3, 10, ?, rows]");
        let unknown = Declared {
            shape: None,
            ..declared
        };
        assert!(unknown.admits(&[1], &names));
    }
}
