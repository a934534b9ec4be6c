//! The figure of class activation maps: what is written at its rows and columns.

use super::{ClassMap, Classification, Classifier, RankedClass};
use crate::picture::{Figure, FigureRow, Panel};
use std::path::Path;

/// What is written below all.
const CAPTION: &str = "Left: the picture as the network sees it, cropped and resized. Colours: the class activation map of the \
    class that is named below; the bar runs from its smallest to its largest number. The mean of the map and the class's bias \
    make the class's logit.";

/// The activation maps of pictures in one figure: a row for each picture that has one, a column for each file, with what was
/// found by it. All were given the same pictures. None where no picture has a map.
#[must_use]
pub fn figure<'a>(columns: &[(&'a Classifier, &'a Classification)]) -> Option<Figure<'a>> {
    let pictures = columns
        .iter()
        .map(|(_, found)| found.pictures.len())
        .max()?;
    let map_of = |found: &'a Classification, place: usize| -> Option<&'a ClassMap> {
        found.pictures.get(place)?.map.as_ref()
    };
    let paths = columns
        .first()?
        .1
        .pictures
        .iter()
        .map(|picture| picture.path.as_path());
    let names = self::names(&paths.collect::<Vec<_>>());
    let row = |place: usize| {
        let maps = columns.iter().map(|(_, found)| map_of(found, place));
        let first = maps.clone().flatten().next()?;
        Some(FigureRow {
            name: names.get(place).cloned().unwrap_or_default(),
            picture: &first.picture,
            panels: maps.map(|map| map.map(panel)).collect(),
        })
    };
    let rows: Vec<FigureRow<'a>> = (0..pictures).filter_map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let files: Vec<&Path> = columns.iter().map(|(file, _)| file.path()).collect();
    let files = self::names(&files);
    let heading = |((file, found), name): (&(&Classifier, &Classification), String)| {
        let first = (0..pictures).find_map(|place| {
            let map = found.pictures.get(place)?.map.as_ref()?;
            Some((map.picture.size(), map.map.size()))
        });
        let mut lines = vec![name];
        lines.extend(first.map(|([height, width], [rows, columns])| {
            format!("{height}x{width} pixels, map {rows}x{columns}")
        }));
        if !file.untrained().is_nothing() {
            lines.push(file.untrained().to_string());
        }
        lines
    };
    Some(Figure {
        columns: columns.iter().zip(files).map(heading).collect(),
        rows,
        caption: CAPTION.to_owned(),
    })
}

fn panel(map: &ClassMap) -> Panel<'_> {
    let RankedClass {
        class,
        name,
        probability,
        ..
    } = &map.class;
    let number = format!("class {class}: {:.2} %", 100.0 * probability);
    Panel {
        picture: &map.picture,
        map: &map.map,
        lines: name.iter().cloned().chain([number]).collect(),
    }
}

/// Names of files without their folders; where two are the same, with the last folder.
fn names(paths: &[&Path]) -> Vec<String> {
    let ending = |path: &Path, parts: usize| {
        let all: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        all[all.len().saturating_sub(parts)..].join("/")
    };
    let short: Vec<String> = paths.iter().map(|path| ending(path, 1)).collect();
    let is_shared = |name: &String| short.iter().filter(|other| *other == name).count() > 1;
    let each = paths.iter().zip(&short);
    each.map(|(path, name)| {
        if is_shared(name) {
            ending(path, 2)
        } else {
            name.clone()
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_unless_two_are_the_same() {
        let paths = ["a/x.onnx", "b/x.onnx", "/long/way/y.onnx", "z"].map(Path::new);
        assert_eq!(names(&paths), ["a/x.onnx", "b/x.onnx", "y.onnx", "z"]);
    }
}
