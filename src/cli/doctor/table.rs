//! What `doctor` found, as people read it.

use super::report::{Library, Report, Runtime};
use comfy_table::{Table, presets};
use efficientnet_onnx::doctor::Processor;
use efficientnet_onnx::files::foreign::Foreign;
use std::fmt::Write;

/// The whole text, which ends with a line feed.
pub fn render(report: &Report) -> String {
    let mut text = format!(
        "efficientnet-onnx {}\nprocessor: {}\n\n{}\n",
        report.version,
        processor(&report.processor),
        table(report)
    );
    for library in &report.libraries {
        describe(library, &mut text);
    }
    for runtime in &report.runtimes {
        for lack in &runtime.missing {
            let _ = writeln!(text, "\n{}: {}", runtime.name, lack.reason.shown());
            if let Some(hint) = &lack.hint {
                let _ = writeln!(text, "hint: {}", hint.shown());
            }
        }
    }
    if report.libraries.is_empty() {
        let places = report.searched.iter().map(|place| {
            let value = place.value.as_deref().unwrap_or("not set");
            format!("{} ({})", place.name, value.shown())
        });
        let places: Vec<String> = places.collect();
        let _ = writeln!(text, "\nlooked for libraries in: {}", places.join(", "));
    }
    text
}

/// `x86_64 with avx, avx2`.
fn processor(found: &Processor) -> String {
    match found.features.as_slice() {
        [] => found.architecture.to_owned(),
        features => format!("{} with {}", found.architecture, features.join(", ")),
    }
}

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["runtime", "usable", "version", "library"]);
    for runtime in &report.runtimes {
        table.add_row([
            runtime.name.shown(),
            usable(runtime).shown(),
            runtime.version.as_deref().unwrap_or("-").shown(),
            match &runtime.library {
                Some(library) => library.shown(),
                None if runtime.version.is_some() => "built in".shown(),
                None => "-".shown(),
            },
        ]);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn usable(runtime: &Runtime) -> &'static str {
    match (runtime.usable, runtime.missing.is_empty()) {
        (true, true) => "yes",
        (true, false) => "partly",
        (false, _) => "no",
    }
}

fn describe(library: &Library, text: &mut String) {
    let version = library
        .version
        .as_ref()
        .map_or_else(String::new, |version| {
            format!(", version {}", version.shown())
        });
    let _ = writeln!(
        text,
        "\n{}\n  from {}{version}{}",
        library.path.shown(),
        library.origin,
        match library.providers.as_slice() {
            [] => String::new(),
            providers => format!(", providers: {}", providers.join(", ").shown()),
        }
    );
    if let Some(error) = &library.error {
        let _ = writeln!(text, "  cannot be used: {}", error.shown());
    }
    let Some(cuda) = library.cuda.as_ref().filter(|cuda| cuda.provider.is_some()) else {
        return;
    };
    for needed in &cuda.libraries {
        let found = match (&needed.path, &needed.error) {
            (Some(path), _) => path.clone(),
            (None, None) => "loaded".to_owned(),
            (None, Some(error)) => {
                let error = error.strip_prefix(&needed.name).unwrap_or(error);
                format!("missing: {}", error.trim_start_matches(": "))
            }
        };
        let _ = writeln!(text, "  {}: {}", needed.name.shown(), found.shown());
    }
    if cuda.device != efficientnet_onnx::runtime::device::Device::default() {
        let _ = writeln!(text, "  device: {}", cuda.device);
    }
}
