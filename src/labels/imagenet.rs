//! ImageNet's lists of class names, each told by how many classes it has.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// The ILSVRC-2012 class names in the standard order (by WordNet identifier), one a line, as torchvision spells
/// them: `_IMAGENET_CATEGORIES` of torchvision/models/_meta.py (BSD-3-Clause), version 0.29.2.
const ILSVRC_2012: &str = include_str!("imagenet.txt");

/// All classes of Google's ImageNet-21k by WordNet identifier, as golden/imagenet21k.py describes it: the order and
/// the subsets are those of timm 1.0.31 (Apache-2.0, `timm/data/_info`), the names WordNet 3.0's (LICENSE-WORDNET).
const IMAGENET_21K: &[u8] = include_bytes!("imagenet21k.txt.zz");

/// How many classes the ILSVRC-2012 list has.
pub const IMAGENET_CLASSES: usize = 1000;
/// The same, behind a class for the background: the official EdgeTPU models (tensorflow/tpu, `edgetpu`).
const WITH_BACKGROUND: usize = 1 + IMAGENET_CLASSES;
/// timm's subset of ImageNet-21k, as in the tag `in12k`.
const IMAGENET_12K_CLASSES: usize = 11_821;
/// The release of fall 2011.
const FALL_2011_CLASSES: usize = 21_841;
/// Google's list, which has two more; as in the tag `in21k`.
const IMAGENET_21K_CLASSES: usize = 21_843;

/// The list of ImageNet that has just so many classes, if there is one.
#[must_use]
pub fn imagenet(classes: usize) -> Option<Vec<String>> {
    let small = ILSVRC_2012.lines();
    let names = match classes {
        IMAGENET_CLASSES => small.map(str::to_owned).collect(),
        WITH_BACKGROUND => ["background"]
            .into_iter()
            .chain(small)
            .map(str::to_owned)
            .collect(),
        IMAGENET_12K_CLASSES => large(|mark| mark == "12"),
        FALL_2011_CLASSES => large(|mark| mark != " ."),
        IMAGENET_21K_CLASSES => large(|_| true),
        _ => return None,
    };
    Some(names)
}

/// Names of ImageNet-21k whose mark is asked for.
fn large(is_asked: impl Fn(&str) -> bool) -> Vec<String> {
    let mut text = String::new();
    let read = ZlibDecoder::new(IMAGENET_21K).read_to_string(&mut text);
    debug_assert!(read.is_ok(), "the list is whole");
    let lines = text.lines().filter_map(|line| line.split_at_checked(2));
    let asked = lines.filter(|(mark, _)| is_asked(mark));
    asked.map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ilsvrc_2012_has_its_known_indices() {
        let names = imagenet(1000).unwrap();
        for (index, name) in [
            (0, "tench"),
            (281, "tabby"),
            (282, "tiger cat"),
            (285, "Egyptian cat"),
            (504, "coffee mug"),
            (698, "palace"),
            (967, "espresso"),
            (999, "toilet tissue"),
        ] {
            assert_eq!(names[index], name);
        }
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), IMAGENET_CLASSES, "a name comes twice");
    }

    /// Indices in timm's lists, `timm/data/_info/imagenet21k_goog_synsets.txt` and its like; the two classes that
    /// only Google's list has are 9,205 (`picture`) and 15,027 (`bleacher`).
    #[test]
    fn the_larger_lists_have_their_known_indices() {
        for (classes, index, name) in [
            (1001, 0, "background"),
            (1001, 1, "tench"),
            (1001, 1000, "toilet tissue"),
            (11_821, 0, "benthos"),
            (11_821, 216, "tench"),
            (11_821, 8513, "espresso"),
            (21_841, 13_981, "espresso"),
            (21_843, 9205, "picture"),
            (21_843, 0, "organism"),
            (21_843, 359, "tench"),
            (21_843, 2397, "tabby, tabby cat"),
            (21_843, 13_982, "espresso"),
            (21_843, 21_842, "knothole"),
        ] {
            assert_eq!(imagenet(classes).unwrap()[index], name, "{classes}");
        }
    }

    #[test]
    fn every_list_is_whole() {
        for classes in [1000, 1001, 11_821, 21_841, 21_843] {
            let names = imagenet(classes).unwrap();
            assert_eq!(names.len(), classes);
            assert!(
                names
                    .iter()
                    .all(|name| !name.is_empty() && name.trim() == *name)
            );
        }
        assert_eq!(imagenet(999), None);
    }
}
