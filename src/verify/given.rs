//! Inputs and outputs that someone gives, held against what the file declares. It reads no files.

use super::facts::{Declared, DeclaredExtent, FileFacts, Names, SizeStepError};
use super::plan::{Case, Content};
use crate::files::foreign::{self, Foreign};
use crate::memory::NoMemory;
use crate::tensor::{Element, NamedTensor};

/// Why tensors are not the inputs or outputs of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// They can be told neither by their names nor by their number.
    #[error("expected the {what} {expected}, found {found}", expected = expected.shown(), found = found.shown())]
    Names {
        /// `inputs` or `outputs`.
        what: &'static str,
        /// The names in the file.
        expected: String,
        /// The names that are given, or how many without.
        found: String,
    },
    /// Outputs are given that the file does not have, or one twice.
    #[error("expected outputs of the file, {expected}, each once, found {found}", expected = expected.shown(), found = found.shown())]
    Others {
        /// The names in the file.
        expected: String,
        /// The names that are given.
        found: String,
    },
    /// An input without elements, of which nothing can be computed.
    #[error("`{name}` has no elements: its shape is {shape}", name = name.shown(), shape = foreign::shape(shape))]
    Empty {
        /// Its name in the file.
        name: String,
        /// The shape that is given.
        shape: Vec<usize>,
    },
    /// A tensor has another shape than declared, or one that contradicts an earlier one.
    #[error("`{name}` is declared as {expected}, found {found}", name = name.shown(), expected = expected.shown(), found = foreign::shape(found))]
    Shape {
        /// Its name in the file.
        name: String,
        /// What is declared, as far as it is known.
        expected: String,
        /// The shape that is given.
        found: Vec<usize>,
    },
    /// They do not fit the memory limit.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// The file's pads are wrong at the size of the first input.
    #[error(transparent)]
    SizeStep(#[from] SizeStepError),
    /// A value that the declared type does not have.
    #[error("`{name}` is declared as {expected}, which does not have {value} of {found}", name = name.shown(), expected = expected.shown(), value = value.shown())]
    Element {
        /// Its name in the file.
        name: String,
        /// The declared type.
        expected: String,
        /// The type that is given.
        found: Element,
        /// The first such value, as text.
        value: String,
    },
}

/// The inputs in the file's order and of its types, and the case that they are.
///
/// They are told by name if each of the file's inputs is among the names, else by their order. Floating-point values
/// are rounded to the declared type; an integer must be one.
///
/// # Errors
/// If they do not fit what the file declares.
pub fn inputs(
    facts: &FileFacts,
    given: &[NamedTensor],
) -> Result<(Case, Vec<NamedTensor>), GivenError> {
    let mut names = Names::new();
    let inputs = assign("inputs", &facts.inputs, given, false, &mut names)?;
    if let Some(empty) = inputs.iter().find(|input| input.data.is_empty()) {
        return Err(GivenError::Empty {
            name: empty.name.clone(),
            shape: empty.shape.clone(),
        });
    }
    let primary = facts.primary();
    let (axes, first) = (facts.axes(primary), inputs.get(primary));
    let shape = first.map_or(&[][..], |input| input.shape.as_slice());
    let batch = axes.batch.and_then(|axis| shape.get(axis));
    let batch = batch.map_or(1, |&batch| batch as u64);
    let size = axes.size_of(shape);
    let size = size.map(|size| size.map(|side| side as u64));
    size.map_or(Ok(()), |size| facts.check_size(size))?;
    let case = Case {
        batch,
        size,
        // Nothing is known of which rows are equal.
        images: Vec::new(),
        names,
        content: Content::Given,
    };
    Ok((case, inputs))
}

/// The outputs that a case should have. By name there may be fewer than the file has, and its inputs may be beside them.
///
/// # Errors
/// If they do not fit what the file declares.
pub fn outputs(
    facts: &FileFacts,
    case: &Case,
    given: &[NamedTensor],
) -> Result<Vec<NamedTensor>, GivenError> {
    let names = &mut case.names.clone();
    let found = assign("outputs", &facts.outputs, given, true, names)?;
    let is_input = |tensor: &&NamedTensor| {
        let mut inputs = facts.inputs.iter();
        inputs.any(|input| input.name == tensor.name)
    };
    let is_output = |tensor: &&NamedTensor| found.iter().any(|found| found.name == tensor.name);
    let beside = given
        .iter()
        .filter(|tensor| is_input(tensor) && !is_output(tensor));
    // What is left over would be compared with nothing.
    if found.len() + beside.count() < given.len() {
        return Err(GivenError::Others {
            expected: list(facts.outputs.iter().map(|output| output.name.as_str())),
            found: list(given.iter().map(|tensor| tensor.name.as_str())),
        });
    }
    Ok(found)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    format!("`{}`", names.join("`, `").shown())
}

/// Finds the tensor of each declaration.
fn assign(
    what: &'static str,
    declared: &[Declared],
    given: &[NamedTensor],
    some: bool,
    names: &mut Names,
) -> Result<Vec<NamedTensor>, GivenError> {
    let by_name = |declared: &Declared| given.iter().find(|tensor| tensor.name == declared.name);
    let found = declared
        .iter()
        .filter(|declared| by_name(declared).is_some())
        .count();
    let pairs: Vec<(&Declared, &NamedTensor)> = if found == declared.len() || some && found > 0 {
        declared
            .iter()
            .filter_map(|declared| Some((declared, by_name(declared)?)))
            .collect()
    } else if found == 0 && given.len() == declared.len() {
        declared.iter().zip(given).collect()
    } else {
        let unnamed = given.iter().all(|tensor| tensor.name.is_empty());
        return Err(GivenError::Names {
            what,
            expected: list(declared.iter().map(|declared| declared.name.as_str())),
            found: if unnamed {
                format!("{} without a name", given.len())
            } else {
                list(given.iter().map(|tensor| tensor.name.as_str()))
            },
        });
    };
    pairs
        .into_iter()
        .map(|(declared, tensor)| fit(declared, tensor, names))
        .collect()
}

/// The tensor as it is declared; its extents become what the names of dimensions stand for.
fn fit(
    declared: &Declared,
    tensor: &NamedTensor,
    names: &mut Names,
) -> Result<NamedTensor, GivenError> {
    if !declared.admits(&tensor.shape, names) {
        return Err(GivenError::Shape {
            name: declared.name.clone(),
            expected: declared.expected(names),
            found: tensor.shape.clone(),
        });
    }
    for (extent, &found) in declared.shape.iter().flatten().zip(&tensor.shape) {
        if let DeclaredExtent::Named(name) = extent {
            names.entry(name.clone()).or_insert(found as u64);
        }
    }
    // A name that is there twice in one shape is known only now.
    if !declared.admits(&tensor.shape, names) {
        return Err(GivenError::Shape {
            name: declared.name.clone(),
            expected: declared.expected(names),
            found: tensor.shape.clone(),
        });
    }
    // Whether a type can be run at all is for the plan to say.
    let element: Element = declared.element().unwrap_or(tensor.element);
    let what = format_args!("`{}`", declared.name.shown());
    let mut data = tensor.data.copy(what)?;
    for value in &mut data {
        let nearest = element.nearest(*value);
        if !element.is_float() && nearest != *value {
            return Err(GivenError::Element {
                name: declared.name.clone(),
                expected: declared.element_type.clone(),
                found: tensor.element,
                value: value.to_string(),
            });
        }
        *value = nearest;
    }
    Ok(NamedTensor {
        name: declared.name.clone(),
        shape: tensor.shape.clone(),
        element,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &str, element: &str, shape: Vec<DeclaredExtent>) -> Declared {
        Declared {
            name: name.into(),
            element_type: element.into(),
            shape: Some(shape),
        }
    }

    fn facts() -> FileFacts {
        let batch = || DeclaredExtent::Named("batch".into());
        FileFacts {
            inputs: vec![
                declared("image", "f32", vec![batch(), DeclaredExtent::Fixed(2)]),
                declared("mask", "i64", vec![batch()]),
            ],
            outputs: vec![
                declared("logits", "f32", vec![batch(), DeclaredExtent::Fixed(3)]),
                declared("pooled", "f32", vec![batch(), DeclaredExtent::Fixed(1)]),
            ],
            ..FileFacts::default()
        }
    }

    fn tensor(name: &str, shape: &[usize], data: &[f64]) -> NamedTensor {
        NamedTensor {
            name: name.into(),
            shape: shape.into(),
            element: Element::F64,
            data: data.to_vec().into(),
        }
    }

    #[test]
    fn tensors_are_told_by_name_or_by_order_and_get_the_declared_type() {
        let (image, mask) = (
            tensor("image", &[1, 2], &[0.1, 2.0]),
            tensor("mask", &[1], &[1.0]),
        );
        let other = tensor("labels", &[5], &[0.0; 5]);
        let unnamed = |tensor: &NamedTensor| NamedTensor {
            name: String::new(),
            ..tensor.clone()
        };
        for given in [
            vec![mask.clone(), other, image.clone()],
            vec![unnamed(&image), unnamed(&mask)],
        ] {
            let (case, found) = inputs(&facts(), &given).expect("inputs");
            assert_eq!((case.batch, case.size, case.images.len()), (1, None, 0));
            assert_eq!(
                (found[0].name.as_str(), found[0].element),
                ("image", Element::F32)
            );
            assert_eq!(found[0].data, [f64::from(0.1_f32), 2.0]);
            assert_eq!(found[1].element, Element::I64);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message =
            |given: &[NamedTensor]| inputs(&facts(), given).expect_err("refused").to_string();
        let image = tensor("image", &[1, 2], &[0.0; 2]);
        assert_eq!(
            message(std::slice::from_ref(&image)),
            "expected the inputs `image`, `mask`, found `image`"
        );
        assert_eq!(
            message(&[tensor("", &[], &[0.0])]),
            "expected the inputs `image`, `mask`, found 1 without a name"
        );
        // The batch of the first is that of the second.
        assert_eq!(
            message(&[image.clone(), tensor("mask", &[2], &[0.0; 2])]),
            "`mask` is declared as [1], found [2]"
        );
        assert_eq!(
            message(&[image, tensor("mask", &[1], &[0.5])]),
            "`mask` is declared as i64, which does not have 0.5 of f64"
        );
    }

    #[test]
    fn what_would_be_compared_with_nothing_is_refused() {
        let image = tensor("image", &[1, 2], &[0.0; 2]);
        let given = [image.clone(), tensor("mask", &[1], &[0.0])];
        let (case, _) = inputs(&facts(), &given).expect("inputs");
        let pooled = || tensor("pooled", &[1, 1], &[3.0]);
        let logits = || tensor("logits", &[1, 3], &[3.0; 3]);
        for given in [
            vec![pooled(), tensor("Logits", &[1, 3], &[0.0; 3])],
            vec![pooled(), tensor("", &[1, 3], &[0.0; 3])],
            vec![pooled(), pooled()],
        ] {
            let refused = outputs(&facts(), &case, &given).expect_err("refused");
            assert!(matches!(refused, GivenError::Others { .. }), "{refused}");
        }
        // A file may hold inputs and outputs.
        let both = [image, pooled(), logits()];
        assert_eq!(
            outputs(&facts(), &case, &both).map(|found| found.len()),
            Ok(2)
        );
        let empty = [tensor("image", &[0, 2], &[]), tensor("mask", &[0], &[])];
        let refused = inputs(&facts(), &empty).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "`image` has no elements: its shape is [0, 2]"
        );
    }

    #[test]
    fn some_outputs_are_enough_by_name() {
        let given = [
            tensor("image", &[1, 2], &[0.0; 2]),
            tensor("mask", &[1], &[0.0]),
        ];
        let (case, _) = inputs(&facts(), &given).expect("inputs");
        let expected =
            outputs(&facts(), &case, &[tensor("pooled", &[1, 1], &[3.0])]).expect("outputs");
        assert_eq!((expected.len(), expected[0].name.as_str()), (1, "pooled"));
        let wrong = outputs(&facts(), &case, &[tensor("pooled", &[2, 1], &[3.0; 2])]);
        assert!(matches!(wrong, Err(GivenError::Shape { .. })));
    }
}
