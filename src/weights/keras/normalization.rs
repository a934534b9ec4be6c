//! What the layer in front of a Keras network normalises pictures with.

use super::hdf5::Dataset;
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
pub(super) enum Statistic {
    Mean,
    Variance,
}

impl Keras {
    /// What the normalization of pictures keeps, if there is one and it is of three channels.
    ///
    /// # Errors
    /// If it cannot be read, there are several, or it is not of finite numbers with variances above 0.
    pub fn normalization(&self) -> Result<Option<Normalization>, SourceError> {
        let mut found = [[0.0; 3]; 2];
        for (which, levels) in [Statistic::Mean, Statistic::Variance]
            .into_iter()
            .zip(&mut found)
        {
            let places: Vec<Place> = self
                .statistics
                .iter()
                .filter(|(kind, _)| *kind == which)
                .map(|(_, place)| *place)
                .collect();
            let place = match places[..] {
                [] if self.statistics.is_empty() => return Ok(None),
                [place] => place,
                _ => return Err(self.several(which, &places)),
            };
            let dataset = self.dataset(place);
            if !is_of_colours(dataset) {
                return Ok(None);
            }
            let mut values = [0.0; 3];
            self.reader(place)?.fill(0, &mut values)?;
            let is_variance = which == Statistic::Variance;
            let is_legal = |value: &f32| value.is_finite() && (!is_variance || *value > 0.0);
            if !values.iter().all(is_legal) {
                let reason = format!(
                    "`{}` has {values:?}, which nothing can be normalised with",
                    dataset.path
                );
                return Err(malformed(self.path(), &reason));
            }
            *levels = values.map(f64::from);
        }
        let [mean, variance] = found;
        Ok(Some(Normalization { mean, variance }))
    }

    fn several(&self, which: Statistic, places: &[Place]) -> SourceError {
        let paths: Vec<String> = places
            .iter()
            .map(|place| format!("`{}`", self.dataset(*place).path))
            .collect();
        let found = match paths.len() {
            0 => "none".to_owned(),
            _ => paths.join(", "),
        };
        let what = match which {
            Statistic::Mean => "mean",
            Statistic::Variance => "variance",
        };
        let reason = format!("expected one {what} that inputs are normalised with, found {found}");
        malformed(self.path(), &reason)
    }
}

/// Whether a statistic is of three channels.
pub(super) fn is_of_colours(dataset: &Dataset) -> bool {
    let extents = dataset.shape.iter();
    extents.clone().all(|extent| [1, 3].contains(extent))
        && extents.filter(|extent| **extent == 3).count() == 1
}

/// Which weight of a `Normalization` a dataset is; Keras 3 numbers them.
pub(super) fn statistic(path: &str) -> Option<Statistic> {
    let (_, weight) = path.rsplit_once('/')?;
    match weight.strip_suffix(":0").unwrap_or(weight) {
        "mean" | "0" => Some(Statistic::Mean),
        "variance" | "1" => Some(Statistic::Variance),
        _ => None,
    }
}
