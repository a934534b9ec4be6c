//! `doctor`: which runtimes, libraries, providers and devices are here, and what is missing.
//!
//! Needs nothing to be there and never fails for want of it: the exit status is 0 whatever is missing, since that is
//! what was asked.

mod probe;
mod processor;
mod report;
mod table;

use super::exit::{Failure, Status};
use super::libraries::Libraries;
use super::print;
use clap::Args;
use efficientnet_onnx::runtime::cuda::{HINT_PROVIDER, Part};
use efficientnet_onnx::runtime::discover::{self, HINT, Places};
use efficientnet_onnx::runtime::{Options, RuntimeError, RuntimeName, not_built, open};
use report::{Lack, Library, Place, Report, Runtime, SCHEMA};
use std::path::{Path, PathBuf};

/// Shows which runtimes, libraries and devices can be used here, and what to install for the others.
///
/// The exit status is 0 whatever is missing.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    libraries: Libraries,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Load this library and say what it is, for another process of this program.
    #[arg(long, value_name = "PATH", hide = true)]
    probe: Option<PathBuf>,
}

/// Runs `doctor`.
pub fn main(arguments: &Arguments) -> Result<Status, Failure> {
    if let Some(library) = &arguments.probe {
        return probe::answer(library);
    }
    let report = examine(&arguments.libraries.places())?;
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::bad_input)?;
        format!("{json}\n")
    } else {
        table::render(&report)
    };
    print::text(&text)?;
    Ok(Status::Done)
}

fn examine(places: &Places) -> Result<Report, Failure> {
    let mut libraries = Vec::new();
    if RuntimeName::OrtCpu.is_built() {
        for library in places.libraries() {
            libraries.push(look_at(&library, places)?);
        }
    }
    let runtimes = RuntimeName::ALL.map(|name| runtime(name, &libraries));
    Ok(Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        processor: processor::look(),
        runtimes: runtimes.into(),
        libraries,
        searched: searched(places),
    })
}

fn look_at(library: &discover::Library, places: &Places) -> Result<Library, Failure> {
    let inherited = std::env::var_os(probe::SEARCH_PATH);
    let search_path = places
        .cuda_search_path(&library.path, inherited)
        .map_err(Failure::bad_input)?;
    let answer = probe::ask(&library.path, &search_path)?;
    let (version, cuda, error) = match answer {
        Ok(found) => (Some(found.version), Some(found.cuda), None),
        Err(error) => (None, None, Some(error)),
    };
    // What cannot be loaded provides nothing, whatever lies beside it.
    let providers = match &version {
        Some(_) => providers_beside(&library.path),
        None => Vec::new(),
    };
    Ok(Library {
        path: library.path.display().to_string(),
        origin: library.origin,
        hint: library.hint(),
        version,
        error,
        providers,
        cuda,
    })
}

fn runtime(name: RuntimeName, libraries: &[Library]) -> Runtime {
    let mut runtime = Runtime {
        name: name.as_str(),
        built: name.is_built(),
        usable: false,
        version: None,
        library: None,
        missing: Vec::new(),
    };
    if !runtime.built {
        runtime.missing.push(lack(&not_built(name)));
    } else if !name.is_onnx_runtime() {
        match open(name, &Options::default()) {
            Ok(opened) => runtime.version = Some(opened.version()),
            Err(error) => runtime.missing.push(lack(&error)),
        }
    } else {
        // As `verify`: the first that loads, and for CUDA before it the first that has a provider.
        let is_cuda = name == RuntimeName::OrtCuda;
        let loaded = || libraries.iter().filter(|library| library.version.is_some());
        let with_provider = |library: &&Library| {
            library
                .cuda
                .as_ref()
                .is_some_and(|cuda| cuda.provider.is_some())
        };
        let chosen = loaded().find(|library| !is_cuda || with_provider(library));
        match chosen.or_else(|| loaded().next()) {
            Some(library) => {
                runtime.version.clone_from(&library.version);
                runtime.library = Some(library.path.clone());
                if is_cuda {
                    runtime.missing = lacks(library);
                }
            }
            None => runtime.missing.push(Lack {
                part: None,
                reason: match libraries {
                    [] => "no ONNX Runtime library was found".to_owned(),
                    [library] if library.hint.is_some() => {
                        format!("the library that {} names cannot be used", library.origin)
                    }
                    _ => "none of the ONNX Runtime libraries can be used".to_owned(),
                },
                hint: libraries
                    .first()
                    .and_then(|library| library.hint.clone())
                    .or_else(|| Some(if is_cuda { HINT_PROVIDER } else { HINT }.to_owned())),
            }),
        }
    }
    // Files without convolutions run without cuDNN.
    runtime.usable = runtime
        .missing
        .iter()
        .all(|lack| lack.part == Some(Part::Cudnn));
    runtime
}

fn lacks(library: &Library) -> Vec<Lack> {
    let missing = library.cuda.iter().flat_map(|cuda| &cuda.missing);
    missing
        .map(|missing| Lack {
            part: Some(missing.part),
            reason: missing.reason.clone(),
            hint: Some(missing.hint.clone()),
        })
        .collect()
}

fn lack(error: &RuntimeError) -> Lack {
    let hint = match error {
        RuntimeError::Unavailable { hint, .. } => hint.clone(),
        _ => None,
    };
    Lack {
        part: None,
        reason: error.to_string(),
        hint,
    }
}

/// Every build has the CPU; others are in `libonnxruntime_providers_NAME.so`.
fn providers_beside(library: &Path) -> Vec<String> {
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    let entries = real
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    let mut providers: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_prefix("libonnxruntime_providers_")?;
            Some(name.split('.').next()?.to_owned())
        })
        .filter(|name| name != "shared")
        .collect();
    providers.sort();
    providers.insert(0, "cpu".to_owned());
    providers
}

fn searched(places: &Places) -> Vec<Place> {
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let mut searched = vec![
        Place {
            name: "--ort-lib",
            value: shown(&places.flag),
        },
        Place {
            name: "ORT_DYLIB_PATH",
            value: shown(&places.variable),
        },
        Place {
            name: "VIRTUAL_ENV",
            value: shown(&places.virtual_env),
        },
        Place {
            name: "python3",
            value: shown(&places.python),
        },
    ];
    searched.extend(places.cuda.iter().map(|folder| Place {
        name: "--cuda-lib",
        value: Some(folder.display().to_string()),
    }));
    searched
}
