//! Flags whose value is one of a list: the library's list is what is shown, accepted and parsed into.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use std::ffi::OsStr;

#[cfg(test)]
mod tests;

/// Parses a name into what it names. See [`one_of`].
#[derive(Clone)]
pub struct OneOf<T> {
    choices: Vec<(&'static str, T)>,
    /// Other spellings.
    find: fn(&str) -> Option<T>,
}

/// A parser of the choices in `all`, called as `name` says.
pub fn one_of<T>(all: impl IntoIterator<Item = T>, name: fn(&T) -> &'static str) -> OneOf<T> {
    OneOf {
        choices: all
            .into_iter()
            .map(|choice| (name(&choice), choice))
            .collect(),
        find: |_| None,
    }
}

impl<T> OneOf<T> {
    /// Also takes what `find` understands.
    pub fn or(self, find: fn(&str) -> Option<T>) -> Self {
        Self { find, ..self }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let named = |text: &str| {
            let exact = self.choices.iter().find(|(name, _)| *name == text);
            exact.map(|(_, choice)| choice.clone())
        };
        if let Some(choice) = value
            .to_str()
            .and_then(|text| named(text).or_else(|| (self.find)(text)))
        {
            return Ok(choice);
        }
        let listed = PossibleValuesParser::new(self.choices.iter().map(|(name, _)| *name));
        listed
            .parse_ref(command, argument, value)
            .and_then(|name| Err(Error::raw(ErrorKind::InvalidValue, name)))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            self.choices
                .iter()
                .map(|(name, _)| PossibleValue::new(*name)),
        ))
    }
}
