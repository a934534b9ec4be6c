//! What the help shows is what is accepted, and both are the library's lists.

use crate::cli::Cli;
use clap::{Arg, Command, CommandFactory};
use efficientnet_onnx::architecture::{Family, Variant};
use efficientnet_onnx::form::{self, BatchNorms};
use efficientnet_onnx::network::{ClassActivation, Output};
use efficientnet_onnx::onnx::check::targets::Target;
use efficientnet_onnx::onnx::opset::Opset;
use efficientnet_onnx::runtime::RuntimeName;
use efficientnet_onnx::tensor::Element;
use efficientnet_onnx::verify::plan::Content;
use efficientnet_onnx::weights::init::Rule;
use efficientnet_onnx::weights::names::Naming;

/// The whole command line, with the help of every command.
fn built() -> Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

fn flag<'c>(cli: &'c Command, path: &[&str], long: &str) -> &'c Arg {
    let command = path.iter().fold(cli, |command, name| {
        command.find_subcommand(name).expect("a command")
    });
    let mut flags = command.get_arguments();
    flags
        .find(|flag| flag.get_long() == Some(long))
        .unwrap_or_else(|| panic!("{path:?} has no --{long}"))
}

fn shown(flag: &Arg) -> Vec<String> {
    let values = flag.get_possible_values();
    values
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect()
}

/// Whether the parser takes a value; other flags may be missing.
fn takes(path: &[&str], long: &str, value: &str) -> bool {
    let words = ["efficientnet-onnx"].iter().chain(path);
    let line = words.map(|word| (*word).to_owned());
    let line = line.chain([format!("--{long}={value}")]);
    match Cli::command().try_get_matches_from(line) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            clap::error::ErrorKind::InvalidValue | clap::error::ErrorKind::ValueValidation
        ),
    }
}

#[test]
fn what_is_shown_is_what_the_library_has_and_is_accepted() {
    let emit: &[&str] = &["emit"];
    let export: &[&str] = &["weights", "export"];
    let cli = built();
    let cases: [(&[&str], &str, Vec<&str>); 8] = [
        (emit, "bn", BatchNorms::ALL.map(BatchNorms::name).to_vec()),
        (
            emit,
            "activation",
            ClassActivation::ALL.map(ClassActivation::name).to_vec(),
        ),
        (emit, "init", Rule::ALL.map(Rule::name).to_vec()),
        (export, "init", Rule::ALL.map(Rule::name).to_vec()),
        (
            emit,
            "family",
            Family::ALL.map(|family| family.name).to_vec(),
        ),
        (
            emit,
            "variant",
            Variant::all().map(|variant| variant.name).collect(),
        ),
        (export, "names", Naming::EXPORTED.map(Naming::name).to_vec()),
        (
            emit,
            "dtype",
            form::elements().into_iter().map(Element::as_str).collect(),
        ),
    ];
    for (path, long, names) in cases {
        assert_eq!(shown(flag(&cli, path, long)), names, "--{long}");
        for name in &names {
            assert!(takes(path, long, name), "--{long} {name}");
        }
        let other_case = names[0].to_uppercase();
        assert_eq!(
            takes(path, long, &other_case),
            long == "variant",
            "--{long} {other_case}"
        );
        assert!(!takes(path, long, "none-of-them"), "--{long}");
    }
    // As people write them.
    for spelling in ["B0", "efficientnet-b0", "efficientnet_b0", "V2_S"] {
        assert!(takes(emit, "variant", spelling), "{spelling}");
    }
}

/// Flags that take a list, or more than names: their help is prose.
#[test]
fn prose_names_every_choice() {
    let cli = built();
    let outputs = Output::ALL.map(Output::name).to_vec();
    let runtimes = RuntimeName::ALL.map(RuntimeName::as_str).to_vec();
    let contents = [Content::Normal, Content::Image, Content::Zero].map(Content::as_str);
    let targets = Target::ALL.map(|target| target.as_str().to_owned());
    let mut targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    targets.push("all");
    let cases: [(&[&str], &str, &[&str]); 5] = [
        (&["emit"], "outputs", &outputs),
        (&["emit"], "padding", &["same", "symmetric", "static:64"]),
        (&["classify"], "runtime", &runtimes),
        (&["verify"], "noise", &contents),
        (&["check"], "target", &targets),
    ];
    for (path, long, names) in cases {
        let flag = flag(&cli, path, long);
        let help = flag
            .get_long_help()
            .or(flag.get_help())
            .expect("a help text");
        let help = help.to_string();
        for name in names {
            let (word, _) = name.split_once(":64").unwrap_or((name, ""));
            assert!(help.contains(word), "--{long}: {name} is not in: {help}");
            assert!(takes(path, long, name), "--{long} {name}");
        }
        assert!(!takes(path, long, "none-of-them"), "--{long}");
    }
}

#[test]
fn a_flag_with_one_value_is_hidden_until_it_has_two() {
    fn check(command: &Command, seen: &mut usize) {
        for flag in command.get_arguments() {
            let values = shown(flag);
            if !values.is_empty() && flag.get_action().takes_values() {
                *seen += 1;
                let name = format!("{} {}", command.get_name(), flag.get_id());
                assert_eq!(flag.is_hide_set(), values.len() == 1, "{name}: {values:?}");
            }
        }
        for command in command.get_subcommands() {
            check(command, seen);
        }
    }
    let cli = built();
    let mut seen = 0;
    check(&cli, &mut seen);
    assert!(seen >= 8, "{seen} flags with choices");
    for opset in 1..40 {
        let is_written = Opset::new(opset).is_some();
        assert_eq!(
            takes(&["emit"], "opset", &opset.to_string()),
            is_written,
            "{opset}"
        );
    }
}
