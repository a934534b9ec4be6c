//! What the layer in front of a Keras network normalises pictures with.

use super::{Keras, Place, SourceError, TensorReader, malformed};

/// What Keras's `Normalization` knows of pixels from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Channel by channel.
    pub mean: [f64; 3],
    /// Channel by channel, above 0.
    pub variance: [f64; 3],
}

/// One of its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::weights) enum Statistic {
    Mean,
    Variance,
}

/// A statistic of a file.
pub(in crate::weights) struct Found<'a> {
    pub(in crate::weights) statistic: Statistic,
    /// Its name in the file.
    pub(in crate::weights) path: &'a str,
    pub(in crate::weights) shape: &'a [u64],
}

impl Normalization {
    /// What the normalization of pictures keeps, if there is one and it is of three channels; `read` reads a statistic, and `bad`
    /// makes an error of a reason.
    ///
    /// # Errors
    /// If it cannot be read, there are several, or it is not of finite numbers with variances above 0.
    pub(in crate::weights) fn of(
        all: &[Found<'_>],
        read: impl Fn(&Found<'_>, &mut [f32; 3]) -> Result<(), SourceError>,
        bad: impl Fn(&str) -> SourceError,
    ) -> Result<Option<Self>, SourceError> {
        let mut levels = [[0.0; 3]; 2];
        for (which, levels) in [Statistic::Mean, Statistic::Variance]
            .into_iter()
            .zip(&mut levels)
        {
            let own = all.iter().filter(|found| found.statistic == which);
            let own: Vec<&Found> = own.collect();
            let found = match own[..] {
                [] if all.is_empty() => return Ok(None),
                [found] => found,
                _ => return Err(bad(&several(which, &own))),
            };
            if !is_of_colours(found.shape) {
                return Ok(None);
            }
            let mut values = [0.0; 3];
            read(found, &mut values)?;
            let is_variance = which == Statistic::Variance;
            let is_legal = |value: &f32| value.is_finite() && (!is_variance || *value > 0.0);
            if !values.iter().all(is_legal) {
                return Err(bad(&format!(
                    "`{}` has {values:?}, which nothing can be normalised with",
                    found.path
                )));
            }
            *levels = values.map(f64::from);
        }
        let [mean, variance] = levels;
        Ok(Some(Self { mean, variance }))
    }
}

fn several(which: Statistic, all: &[&Found<'_>]) -> String {
    let paths: Vec<String> = all
        .iter()
        .map(|found| format!("`{}`", found.path))
        .collect();
    let found = match paths.len() {
        0 => "none".to_owned(),
        _ => paths.join(", "),
    };
    let what = match which {
        Statistic::Mean => "mean",
        Statistic::Variance => "variance",
    };
    format!("expected one {what} that inputs are normalised with, found {found}")
}

impl Keras {
    /// What the normalization of pictures keeps, if there is one and it is of three channels.
    ///
    /// # Errors
    /// As [`Normalization::of`].
    pub fn normalization(&self) -> Result<Option<Normalization>, SourceError> {
        let of = |place: Place| {
            let dataset = self.dataset(place);
            (dataset.path.as_str(), dataset.shape.as_slice())
        };
        let found = self.statistics.iter().map(|(statistic, place)| {
            let (path, shape) = of(*place);
            Found {
                statistic: *statistic,
                path,
                shape,
            }
        });
        let found: Vec<Found> = found.collect();
        let read = |found: &Found, values: &mut [f32; 3]| {
            let mut places = self.statistics.iter().map(|(_, place)| *place);
            let place = places.find(|place| of(*place).0 == found.path);
            let place = place.ok_or_else(|| SourceError::Missing(found.path.to_owned()))?;
            self.reader(place)?.fill(0, values)
        };
        Normalization::of(&found, read, |reason| malformed(self.path(), reason))
    }
}

/// Whether a statistic is of three channels.
pub(super) fn is_of_colours(shape: &[u64]) -> bool {
    let extents = shape.iter();
    extents.clone().all(|extent| [1, 3].contains(extent))
        && extents.filter(|extent| **extent == 3).count() == 1
}

/// Which weight of a `Normalization` a dataset is; Keras 3 numbers them.
pub(in crate::weights) fn statistic(path: &str) -> Option<Statistic> {
    let (_, weight) = path.rsplit_once('/')?;
    match weight.strip_suffix(":0").unwrap_or(weight) {
        "mean" | "0" => Some(Statistic::Mean),
        "variance" | "1" => Some(Statistic::Variance),
        _ => None,
    }
}
