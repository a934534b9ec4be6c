//! timm's own table of models against ours: every name stands for a published variant with its parameters.
//!
//! `golden/timm_table.py` wrote the table from instances of timm 1.0.31.

use efficientnet_onnx::request::{Blueprint, Request};
use efficientnet_onnx::scaling::{PUBLISHED, Variant};
use std::collections::BTreeSet;
use std::path::Path;

/// Our name of what timm calls `model`.
fn variant(model: &str) -> String {
    let name = model.strip_prefix("tf_").unwrap_or(model);
    if let Some(member) = name.strip_prefix("efficientnetv2_") {
        return format!("v2-{member}");
    }
    let member = name
        .strip_prefix("efficientnet_")
        .expect("the table has no other family");
    match member {
        "es" | "em" | "el" => format!("edgetpu-{}", &member[1..]),
        // timm counts the deeper one as B1.
        "cc_b1_8e" => "condconv-b0-8e-depth".to_owned(),
        _ => match member.strip_prefix("cc_") {
            Some(condconv) => format!("condconv-{}", condconv.replace('_', "-")),
            None => member.to_owned(),
        },
    }
}

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
    let (model, classes, parameters) = (column("model"), column("classes"), column("parameters"));
    let mut met = BTreeSet::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |column: usize| fields[column].parse::<u64>().expect(line);
        let name = variant(fields[model]);
        let published = Variant::by_name(&name).unwrap_or_else(|| panic!("{line}: `{name}`"));
        let mut request = Request::new(Blueprint::published(published));
        request.options.classes = number(classes);
        let counts = request.counts().expect(line);
        assert_eq!(counts.parameters, number(parameters), "{line}");
        met.insert(published.name);
    }
    let all: BTreeSet<&str> = PUBLISHED.iter().map(|variant| variant.name).collect();
    assert_eq!(met, all);
}
