//! Accuracy on ImageNet that the authors of a published model report. None of it is measured here.

use super::Variant;

/// A published accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReportedAccuracy {
    /// Top-1 accuracy on ImageNet's validation set, in percent.
    pub top1: f64,
    /// Who reports it.
    pub source: &'static str,
}

const SCALED: &str = "arXiv 1905.11946v5, table 3";
const PAPER: &str = "arXiv 1905.11946v5, table 2";
const LITE: &str = "tensorflow/tpu `lite/README.md`, float";
const EDGETPU: &str = "tensorflow/tpu `edgetpu/README.md`, float";
const CONDCONV: &str = "tensorflow/tpu `condconv/README.md`";
const V2: &str = "google/automl `efficientnetv2/README.md`, trained on ImageNet-1k";

const fn reported(top1: f64, source: &'static str) -> ReportedAccuracy {
    ReportedAccuracy { top1, source }
}

/// By a variant's name. B8, L2 and V2-XL have no figure that their authors report for ImageNet alone; of MobileNets and
/// ResNets only the baselines have the paper's.
static REPORTED: [(&str, ReportedAccuracy); 29] = [
    ("b0", reported(77.1, PAPER)),
    ("b1", reported(79.1, PAPER)),
    ("b2", reported(80.1, PAPER)),
    ("b3", reported(81.6, PAPER)),
    ("b4", reported(82.9, PAPER)),
    ("b5", reported(83.6, PAPER)),
    ("b6", reported(84.0, PAPER)),
    ("b7", reported(84.3, PAPER)),
    ("lite0", reported(75.1, LITE)),
    ("lite1", reported(76.7, LITE)),
    ("lite2", reported(77.6, LITE)),
    ("lite3", reported(79.8, LITE)),
    ("lite4", reported(81.5, LITE)),
    ("edgetpu-s", reported(77.23, EDGETPU)),
    ("edgetpu-m", reported(78.69, EDGETPU)),
    ("edgetpu-l", reported(80.62, EDGETPU)),
    ("condconv-b0-4e", reported(77.8, CONDCONV)),
    ("condconv-b0-8e", reported(78.3, CONDCONV)),
    ("condconv-b0-8e-depth", reported(79.5, CONDCONV)),
    ("v2-s", reported(83.9, V2)),
    ("v2-m", reported(85.2, V2)),
    ("v2-l", reported(85.7, V2)),
    ("v2-b0", reported(78.7, V2)),
    ("v2-b1", reported(79.8, V2)),
    ("v2-b2", reported(80.5, V2)),
    ("v2-b3", reported(82.1, V2)),
    ("mobilenet-v1", reported(70.6, SCALED)),
    ("mobilenet-v2", reported(72.0, SCALED)),
    ("resnet-50", reported(76.0, SCALED)),
];

impl Variant {
    /// The accuracy that its authors report, where they do.
    #[must_use]
    pub fn accuracy(&self) -> Option<&'static ReportedAccuracy> {
        let mut reported = REPORTED.iter();
        let found = reported.find(|(name, _)| *name == self.name);
        found.map(|(_, accuracy)| accuracy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_of_a_published_model() {
        for (name, accuracy) in &REPORTED {
            let variant = Variant::by_name(name).expect("a published name");
            assert_eq!(variant.accuracy(), Some(accuracy));
        }
        let without: Vec<&str> = Variant::all()
            .filter(|variant| variant.accuracy().is_none())
            .map(|variant| variant.name)
            .collect();
        let kin = |name: &&str| name.contains("mobilenet") || name.contains("resnet");
        let (kin, efficientnets): (Vec<&str>, Vec<&str>) = without.into_iter().partition(kin);
        assert_eq!(efficientnets, ["b8", "l2", "v2-xl"]);
        assert_eq!(kin.len(), 2 + 6 + 4, "{kin:?}");
    }
}
