//! `inspect`: the recipe, the per-stage table and the totals of a file or a variant.

mod described;
mod drawing;
mod other;
mod table;

use super::converting;
use super::exit::{Failure, Status};
use super::like;
use super::page::{Page, refuse_stdout};
use super::print;
use super::select::{Selection, Shape};
use super::text;
use clap::Args;
use efficientnet_onnx::architecture::design::{Design, write_file};
use efficientnet_onnx::convert;
use efficientnet_onnx::files::Inputs;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::metadata::claims::{Claims, FalseClaim};
use efficientnet_onnx::metadata::{Recipe, Records, RecordsError};
use efficientnet_onnx::network::{Row, summary};
use efficientnet_onnx::onnx::check::{Finding, Level, check};
use efficientnet_onnx::onnx::file::ModelFile;
use efficientnet_onnx::plan::Cost;
use efficientnet_onnx::request::Request;
use efficientnet_onnx::verify::survey::survey;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// An ONNX file; of one that `emit` wrote, the stages too
    #[arg(value_name = "FILE", conflicts_with_all = ["family", "formula"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    shape: Shape,
    /// Print as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Print the network as a file for `--arch`
    #[arg(long, conflicts_with = "json")]
    as_arch: bool,
    /// Also draw the stages with their shares of the cost
    #[arg(long, value_name = "FILE", conflicts_with = "as_arch")]
    svg: Option<PathBuf>,
    /// Replace an existing picture
    #[arg(long, requires = "svg")]
    force: bool,
}

/// What is known of the file, beyond its recipe.
struct FileFacts {
    recipe: Recipe,
    lines: Vec<(&'static str, String)>,
    json: Value,
    /// What it says about itself that its graph does not bear out.
    contradictions: Vec<FalseClaim>,
}

/// Prints what a file or a variant is made of.
pub fn run(args: &InspectArgs) -> Result<Status, Failure> {
    if args.selection.asks_for_list() {
        if args.svg.is_some() {
            return Err(Failure::bad_input("a list of models has no stages to draw")
                .hint("`--like LIB/MODEL` names one of them"));
        }
        if args.json {
            print::line(print::json(&like::list_as_json())?)?;
        } else {
            print::line(like::list().trim_fmt())?;
        }
        return Ok(Status::Done);
    }
    let (request, facts) = match &args.file {
        Some(path) => {
            if args.selection.is_given() || args.shape.is_given() {
                return Err(Failure::bad_input(format!(
                    "`{}` is shown as it is, so no flag chooses another network",
                    path.shown()
                ))
                .hint("leave out the file, or the flags on the network and its input"));
            }
            let file = ModelFile::open(path).map_err(Failure::bad_input)?;
            let records = match Records::read(&file) {
                Err(error @ RecordsError::NoRecipe { .. }) if args.svg.is_some() => {
                    return Err(Failure::bad_input(error)
                        .hint("leave out `--svg` to see what another program's file costs"));
                }
                Err(RecordsError::NoRecipe { .. }) if !args.as_arch => return args.other(&file),
                records => records,
            };
            let mut facts = read(&file, records)?;
            let request = facts.recipe.request().map_err(Failure::bad_input)?;
            let misnamed = convert::misnamed(&facts.recipe, &request);
            facts.contradictions.extend(misnamed);
            (request, facts)
        }
        None => {
            let wishes = args.selection.wishes(&args.shape)?;
            let request = wishes.request().map_err(converting::failure)?;
            let counts = request.counts().map_err(Failure::bad_input)?;
            let reading = args.selection.reading(&request);
            let mut recipe = Recipe::new(&request, counts, reading);
            let asked = wishes.like();
            if let Some(note) = asked.and_then(|asked| convert::departure(asked, &request)) {
                tell!("{}", converting::note(&note));
            }
            recipe.like = convert::recorded_name(asked, &request);
            let pictures = asked.and_then(|_| convert::preprocessing(asked, &request));
            let pictures =
                pictures.map(|pictures| ("pictures", described::preprocessing(&pictures)));
            let facts = FileFacts {
                recipe,
                lines: pictures.into_iter().collect(),
                json: Value::Null,
                contradictions: Vec::new(),
            };
            (request, facts)
        }
    };
    let architecture = request.architecture().map_err(Failure::bad_input)?;
    if args.as_arch {
        let design = Design {
            name: request.blueprint.name(),
            resolution: match args.selection.like() {
                Some(like) => like.size,
                None => request.blueprint.resolution(),
            },
            architecture,
        };
        let Some(file) = write_file(&design) else {
            let message = "the network has parts that architecture files cannot describe";
            return Err(Failure::bad_input(message));
        };
        print::line(file.trim_end())?;
        return Ok(Status::Done);
    }
    let rows = summary(&architecture, request.default_size(), &request.outputs);
    let rows = rows.map_err(Failure::bad_input)?;
    if facts.contradictions.is_empty() {
        args.draw(&request, &rows)?;
    } else if let Some(path) = &args.svg {
        tell!(
            "note: `{}` is not written: what the file says of itself is not so",
            path.shown()
        );
    }
    if args.json {
        print::line(print::json(&as_json(&facts, &rows))?)?;
    } else {
        print::line(table::as_text(&request, &facts, &rows))?;
    }
    for found in &facts.contradictions {
        tell!("error: {found}");
    }
    Ok(if facts.contradictions.is_empty() {
        Status::Done
    } else {
        Status::Disagrees
    })
}

impl InspectArgs {
    /// Draws the stages, if that is asked for.
    fn draw(&self, request: &Request, rows: &[Row]) -> Result<(), Failure> {
        let Some(path) = &self.svg else {
            return Ok(());
        };
        refuse_stdout("--svg", path)?;
        let mut inputs = Inputs::none();
        if let Some(file) = &self.file {
            inputs.add(file);
            let data = ModelFile::open(file).map(|file| file.data_files());
            data.iter().flatten().for_each(|path| inputs.add(path));
        }
        self.selection
            .file()
            .into_iter()
            .for_each(|path| inputs.add(path));
        let cost = Cost::of(request).map_err(Failure::bad_input)?;
        let picture = drawing::svg(
            &request.blueprint.name(),
            request.default_size(),
            rows,
            cost.peak_activations,
        );
        Page::open(path, self.force, &inputs, false)?.write(&picture)
    }

    /// Shows a file that another program wrote.
    fn other(&self, file: &ModelFile) -> Result<Status, Failure> {
        let (lines, json) = other::described(file);
        let errors: Vec<Finding> = (check(file).into_iter())
            .filter(|finding| finding.level == Level::Error)
            .collect();
        if self.json {
            let mut shown = basics(file);
            shown["survey"] = json;
            if !errors.is_empty() {
                shown["errors"] = json!(errors);
            }
            print::line(print::json(
                &json!({ "schema": 1, "recipe": null, "file": shown }),
            )?)?;
            return Ok(told(&errors));
        }
        let lines = std::iter::once(("file", file_line(file))).chain(lines);
        let lines: Vec<String> = lines
            .map(|(name, value)| format!("{name:<11} {}", value.shown()))
            .collect();
        print::line(lines.join("\n"))?;
        Ok(told(&errors))
    }
}

/// Tells that the file breaks rules, if it does.
fn told(errors: &[Finding]) -> Status {
    let Some(first) = errors.first() else {
        return Status::Done;
    };
    tell!("{first}");
    tell!(
        "note: the file breaks a rule, so figures of it may be wrong; `check FILE` lists all that is wrong"
    );
    Status::Disagrees
}

fn opset(file: &ModelFile) -> Option<i64> {
    let imports = file.contents.opset_import.iter();
    imports.filter_map(|import| import.version).max()
}

fn file_line(file: &ModelFile) -> String {
    let contents = &file.contents;
    let version = |number: Option<i64>| number.map_or("unknown".to_owned(), |it| it.to_string());
    let producer = [&contents.producer_name, &contents.producer_version];
    let producer: Vec<&str> = (producer.into_iter().map(|word| word.trim()))
        .filter(|word| !word.is_empty())
        .collect();
    let mut line = format!(
        "{}, IR {}, opset {}, {}, {}",
        text::bytes(file.length),
        version(contents.ir_version),
        version(opset(file)),
        text::counted(contents.nodes.len() as u64, "node"),
        text::counted(contents.initializers.len() as u64, "initializer"),
    );
    if !producer.is_empty() {
        line.push_str(", by ");
        line.push_str(&producer.join(" "));
    }
    line
}

/// What is shown of every file.
fn basics(file: &ModelFile) -> Value {
    json!({
        "path": file.path.to_string_lossy().into_owned(),
        "bytes": file.length,
        "ir_version": file.contents.ir_version,
        "opset": opset(file),
        "nodes": file.contents.nodes.len(),
        "initializers": file.contents.initializers.len(),
    })
}

fn read(file: &ModelFile, records: Result<Records, RecordsError>) -> Result<FileFacts, Failure> {
    let Records {
        recipe,
        origin,
        preprocessing,
        labels,
        head,
    } = records.map_err(|error| {
        let failure = Failure::bad_input(&error);
        match error {
            RecordsError::NoRecipe { .. } => {
                failure.hint("`inspect --variant NAME --as-arch` prints a network without a file")
            }
            RecordsError::Unreadable { .. } => failure,
        }
    })?;
    let survey = survey(file);
    let mut lines = vec![
        ("file", file_line(file)),
        ("operators", other::operators(&survey)),
        ("held", other::activations(&survey)),
    ];
    if let Some(origin) = &origin {
        lines.push(("weights", described::origin(origin)));
    }
    if let Some(preprocessing) = &preprocessing {
        lines.push(("pictures", described::preprocessing(preprocessing)));
    }
    if let Some(head) = &head {
        lines.push(("head", described::head(head, recipe.classes)));
    }
    if let Some(labels) = &labels {
        lines.push(("labels", format!("{} class names", labels.len())));
    }
    let mut json = basics(file);
    json["origin"] = json!(origin);
    json["preprocessing"] = json!(preprocessing);
    json["labels"] = json!(labels.map(|labels| labels.len()));
    json["head"] = json!(head);
    json["operators"] = json!(
        survey
            .operators
            .iter()
            .map(|(name, count)| json!({ "operator": name, "nodes": count }))
            .collect::<Vec<_>>()
    );
    json["peak_activation_elements"] = json!(survey.peak_activations);
    Ok(FileFacts {
        recipe,
        lines,
        json,
        contradictions: Claims::read(file).contradictions,
    })
}

fn as_json(facts: &FileFacts, rows: &[Row]) -> Value {
    let stages: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "part": row.part,
                "operator": row.operator,
                "resolution": row.resolution,
                "channels": row.channels,
                "repeats": row.repeats,
                "stride": row.stride,
                "parameters": row.counts.parameters,
                "buffers": row.counts.buffers,
                "macs": row.counts.macs,
                "activation_elements": row.activations,
            })
        })
        .collect();
    let mut file = facts.json.clone();
    if !facts.contradictions.is_empty() {
        file["contradictions"] = json!(facts.contradictions);
    }
    json!({ "schema": 1, "recipe": facts.recipe, "file": file, "stages": stages })
}
