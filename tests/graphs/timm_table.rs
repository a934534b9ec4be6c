//! timm's own table of models against ours: every name stands for a published variant with its parameters.
//!
//! `golden/timm_table.py` wrote the table from instances of timm 1.0.31.

use efficientnet_onnx::architecture::Variant;
use efficientnet_onnx::like;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_model_of_timm_has_our_parameters() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/like/timm.csv");
    let table = std::fs::read_to_string(path).expect("a committed file");
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column = |name: &str| {
        let found = columns.iter().position(|column| *column == name);
        found.unwrap_or_else(|| panic!("the table has a column `{name}`"))
    };
    let (model, tag, parameters) = (column("model"), column("tag"), column("parameters"));
    let (mut models, mut variants, mut rows) = (BTreeSet::new(), BTreeSet::new(), 0);
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let name = format!("timm/{}.{}", fields[model], fields[tag]);
        let like = like::find(&name).expect(line);
        let counts = like.request().counts().expect(line);
        assert_eq!(counts.parameters.to_string(), fields[parameters], "{line}");
        if models.insert(fields[model]) {
            let untagged = format!("timm/{}", fields[model]);
            assert_eq!(like::find(&untagged), Ok(like.clone()), "the default tag");
        }
        variants.insert(like.variant.name);
        rows += 1;
    }
    assert_eq!((models.len(), rows), (69, 139));
    let all: BTreeSet<&str> = Variant::all().map(|variant| variant.name).collect();
    assert_eq!(variants, all);
}
