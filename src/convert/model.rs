//! A library's model held against a checkpoint and a request: where they agree, and what is said where they do not.

use super::error::ConvertError;
use super::note::{ConvertNote, Place};
use crate::architecture::Variant;
use crate::graph::Padding;
use crate::like::{self, Like};
use crate::metadata::claims::FalseClaim;
use crate::metadata::{Preprocessing, RECIPE_KEY, Recipe};
use crate::request::Request;
use crate::weights::names::Naming;
use crate::weights::names::conventions::{Conventions, Known, implied};

/// A note, if the request is not just that model.
#[must_use]
pub fn departure(like: &Like, request: &Request) -> Option<ConvertNote> {
    let differences = like.differences(request);
    (!differences.is_empty()).then(|| ConvertNote::Departure {
        model: like.name(),
        differences,
    })
}

/// What is wrong with the library's model that a recipe names, if the request is not just that model.
#[must_use]
pub fn misnamed(recipe: &Recipe, request: &Request) -> Option<FalseClaim> {
    let name = recipe.like.as_ref()?;
    let found = match like::find(name) {
        Ok(like) => {
            // Files of earlier versions record pads that are the model's at their size under another name.
            let mut request = request.clone();
            let padding = request.options.padding;
            if padding.agrees_at(like.padding, request.default_size()) {
                request.options.padding = like.padding;
            }
            like.differences(&request).join("; ")
        }
        Err(error) => error.to_string(),
    };
    (!found.is_empty()).then(|| FalseClaim {
        key: RECIPE_KEY,
        field: "like",
        claimed: name.clone(),
        found,
    })
}

/// What a recipe says of it: the model's full name, if the request is just that model.
#[must_use]
pub fn recorded_name(like: Option<&Like>, request: &Request) -> Option<String> {
    like.filter(|like| like.differences(request).is_empty())
        .map(Like::name)
}

/// How pictures become input: as the model that is asked for wants them, else as TensorFlow's models of the family do.
///
/// None for a network of one's own, and where the input is not a colour picture.
#[must_use]
pub fn preprocessing(asked: Option<&Like>, request: &Request) -> Option<Preprocessing> {
    let size = request.default_size();
    let record = match asked {
        Some(asked) => asked.preprocessing_at(size),
        None => Preprocessing::tensorflow(request.blueprint.scaling()?.baseline, size),
    };
    (request.options.in_channels == 3).then_some(record)
}

/// A note, if a library computes the weights of a request with another padding or epsilon.
#[must_use]
pub fn elsewhere(naming: Naming, request: &Request) -> Option<ConvertNote> {
    let variant = request.variant().map(|variant| variant.name);
    let own = of_request(request);
    let implied = implied(naming, variant);
    let theirs = Conventions {
        padding: implied.padding.unwrap_or(own.padding),
        batch_norm_epsilon: implied.batch_norm_epsilon.unwrap_or(own.batch_norm_epsilon),
    };
    let agree = agree(theirs, own, request.default_size());
    (!agree).then_some(ConvertNote::Elsewhere {
        naming,
        theirs,
        own,
    })
}

/// The model that a checkpoint's own recipe names.
pub(super) fn carried(recipe: Option<&Recipe>) -> Option<Like> {
    like::find(recipe?.like.as_ref()?).ok()
}

/// Refuses a model whose network is not the one that `place` says the checkpoint has, if it says so.
pub(super) fn same_network(
    like: &Like,
    told: Option<&Variant>,
    place: &Place,
) -> Result<(), ConvertError> {
    match told.filter(|told| *told != like.variant) {
        Some(told) => Err(ConvertError::OtherNetwork {
            place: place.clone(),
            told: told.name,
            model: like.name(),
            variant: like.variant.name,
        }),
        None => Ok(()),
    }
}

/// Padding and epsilon of the model, where `place` does not say that the checkpoint has others for images of `size`. What
/// is `asked` for comes before both.
pub(super) fn agreed(
    like: &Like,
    asked: Known,
    file: Known,
    place: &Place,
    size: [u64; 2],
) -> Result<Known, ConvertError> {
    let own = of(like);
    let found = Conventions {
        padding: match (asked.padding, file.padding) {
            (None, Some(padding)) if !padding.agrees_at(own.padding, size) => padding,
            _ => own.padding,
        },
        batch_norm_epsilon: match (asked.batch_norm_epsilon, file.batch_norm_epsilon) {
            (None, Some(epsilon)) => epsilon,
            _ => own.batch_norm_epsilon,
        },
    };
    if found != own {
        return Err(ConvertError::OtherConventions {
            place: place.clone(),
            found,
            model: like.name(),
            own,
        });
    }
    Ok(Known {
        padding: Some(own.padding),
        batch_norm_epsilon: Some(own.batch_norm_epsilon),
    })
}

/// A note, if a checkpoint's names do not tell padding and epsilon, or stand for others than the model's for images of
/// `size`.
pub(super) fn assumed(like: &Like, naming: Naming, size: [u64; 2]) -> Option<ConvertNote> {
    let own = of(like);
    let known = implied(naming, Some(like.variant.name));
    let implied = match (known.padding, known.batch_norm_epsilon) {
        (Some(padding), Some(batch_norm_epsilon)) => Some(Conventions {
            padding,
            batch_norm_epsilon,
        }),
        _ => None,
    };
    let agree = implied.is_some_and(|implied| agree(implied, own, size));
    (!agree).then(|| ConvertNote::Assumed {
        naming,
        implied,
        model: like.name(),
        own,
    })
}

/// A note, if pads are those of another size than the request's; `recorded` is where a checkpoint itself records them.
pub(super) fn static_pads(request: &Request, recorded: Option<&str>) -> Option<ConvertNote> {
    let padding = request.options.padding;
    match padding {
        Padding::Static(size) if size != request.default_size() => Some(ConvertNote::StaticPads {
            padding,
            size,
            place: recorded.map(str::to_owned),
        }),
        _ => None,
    }
}

fn of(like: &Like) -> Conventions {
    Conventions {
        padding: like.padding,
        batch_norm_epsilon: like.batch_norm_epsilon,
    }
}

fn of_request(request: &Request) -> Conventions {
    Conventions {
        padding: request.options.padding,
        batch_norm_epsilon: request.options.batch_norm_epsilon,
    }
}

/// Whether both compute the same for images of `size`.
fn agree(one: Conventions, other: Conventions, size: [u64; 2]) -> bool {
    one.padding.agrees_at(other.padding, size) && one.batch_norm_epsilon == other.batch_norm_epsilon
}
