//! Rules about initializers: possible types, and as much data as the shape asks for, where it should be.

use super::Report;
use crate::onnx::element;
use crate::onnx::file::{Data, ExternalError, Initializer, ModelFile, Typed};
use crate::tensor::Element;
use std::collections::BTreeMap;

/// Checks every initializer. What is wrong with a file of external data is one finding, however many need it.
pub fn check(file: &ModelFile, report: &mut Report) {
    let mut unusable: Vec<Unusable> = Vec::new();
    // By location, and whether the file is there but too short.
    let mut places: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for initializer in &file.contents.initializers {
        let Err((code, reason)) = check_initializer(file, initializer) else {
            continue;
        };
        let Some((location, end)) = unusable_location(file, initializer) else {
            report.error(
                code,
                None,
                format!("initializer `{}`: {reason}", initializer.name),
            );
            continue;
        };
        let key = (location, end.is_some());
        let known = places.get(&key).and_then(|place| unusable.get_mut(*place));
        let Some(known) = known else {
            places.insert(key, unusable.len());
            unusable.push(Unusable {
                end,
                reason,
                first: &initializer.name,
                count: 1,
            });
            continue;
        };
        known.count += 1;
        if end > known.end {
            (known.end, known.reason) = (end, reason);
        }
    }
    for one in unusable {
        let whose = match one.count {
            1 => format!("initializer `{}` needs it", one.first),
            count => format!("{count} initializers need it, the first is `{}`", one.first),
        };
        report.error("external", None, format!("{}; {whose}", one.reason));
    }
}

/// Checks where the data of every other tensor should be: nothing here reads it, but a runtime does.
pub fn check_others(file: &ModelFile, report: &mut Report) {
    for tensor in &file.contents.other_tensors {
        let opened = tensor
            .external()
            .and_then(|external| external.open(file.folder()));
        if let Err(error) = opened {
            report.error("external", None, format!("{}: {error}", tensor.owner));
        }
    }
}

/// A file of external data that cannot be used.
struct Unusable<'a> {
    /// Where it should end, if it is too short.
    end: Option<u128>,
    reason: String,
    /// The first initializer whose data should be there.
    first: &'a str,
    count: usize,
}

/// Where an initializer's external data should be, and if that file is too short, how long it should be; none if the file
/// is not what is wrong.
fn unusable_location(
    file: &ModelFile,
    initializer: &Initializer,
) -> Option<(String, Option<u128>)> {
    let external = initializer.external().ok()??;
    match external.open(file.folder()) {
        Err(ExternalError::Outside(_) | ExternalError::Memory(_) | ExternalError::Io { .. }) => {
            Some((external.location, None))
        }
        Err(ExternalError::Short { end, .. }) => Some((external.location, Some(end))),
        _ => None,
    }
}

type Fault = (&'static str, String);

fn check_initializer(file: &ModelFile, initializer: &Initializer) -> Result<(), Fault> {
    let element =
        element::from_number(initializer.data_type).map_err(|reason| ("initializer", reason))?;
    let count = initializer.element_count();
    let count = count.ok_or_else(|| {
        (
            "initializer",
            format!("its shape {:?} is impossible", initializer.dims),
        )
    })?;
    let bits = element
        .bits()
        .and_then(|bits| count.checked_mul(bits as u64))
        .map(|bits| bits.div_ceil(8));
    let in_bytes = |found: u64| match bits {
        Some(expected) if expected != found => {
            let name = element::name(element);
            Err((
                "data",
                format!("{count} elements of {name} take {expected} bytes, found {found}"),
            ))
        }
        None => Err((
            "data",
            format!(
                "{count} elements of {} cannot be bytes",
                element::name(element)
            ),
        )),
        _ => Ok(()),
    };
    match &initializer.data {
        Data::None if count == 0 => Ok(()),
        Data::None => Err((
            "data",
            format!("{count} elements are declared, but there is no data"),
        )),
        Data::Several(fields) => Err((
            "data",
            format!("its data is in {} at once", fields.join(" and ")),
        )),
        Data::Raw(range) => in_bytes(range.end - range.start),
        Data::Typed(typed) => check_typed(element, count, typed),
        Data::External(_) => {
            let external = initializer
                .external()
                .map_err(|error| ("external", error.to_string()))?;
            let Some(external) = external else {
                return Ok(());
            };
            let (_, range) = external
                .open(file.folder())
                .map_err(|error| ("external", error.to_string()))?;
            in_bytes(range.end - range.start)
        }
    }
}

fn check_typed(element: Element, count: u64, typed: &Typed) -> Result<(), Fault> {
    let name = element::name(element);
    let expected_field = typed_field(element);
    if typed.field != expected_field {
        return Err((
            "data",
            format!(
                "{name} belongs into `{expected_field}`, found `{}`",
                typed.field
            ),
        ));
    }
    let expected = match element {
        Element::Complex64 | Element::Complex128 => count.checked_mul(2),
        // How several of these share a number is for a runtime to say.
        _ if element.bits().is_some_and(|bits| bits < 8) => return Ok(()),
        _ => Some(count),
    };
    if expected == Some(typed.values) {
        return Ok(());
    }
    Err((
        "data",
        format!(
            "{count} elements of {name} are declared, `{}` has {} values",
            typed.field, typed.values
        ),
    ))
}

/// Source: the comments of `TensorProto` in the ONNX specification.
fn typed_field(element: Element) -> &'static str {
    match element {
        Element::F32 | Element::Complex64 => "float_data",
        Element::F64 | Element::Complex128 => "double_data",
        Element::I64 => "int64_data",
        Element::U32 | Element::U64 => "uint64_data",
        Element::String => "string_data",
        _ => "int32_data",
    }
}
