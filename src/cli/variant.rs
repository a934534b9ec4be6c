//! Names of published models on the command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};
use efficientnet_onnx::architecture::Variant;
use std::ffi::OsStr;

/// Takes the name of a published model as people write it, and gives its own.
#[derive(Clone, Copy, Debug)]
pub struct Names;

impl Names {
    fn names() -> PossibleValuesParser {
        PossibleValuesParser::new(Variant::all().map(|variant| variant.name))
    }
}

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        match value.to_str().and_then(Variant::find) {
            Some(variant) => Ok(variant.name.to_owned()),
            None => Self::names().parse_ref(command, argument, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = Variant::all().map(|variant| PossibleValue::new(variant.name));
        Some(Box::new(values))
    }
}
