//! A report as one page that needs nothing else: the verdict, the table, and how the differences of each runtime are
//! spread. Its colours follow the reader's light or dark setting; it runs no script.

use super::table::{cases, changes, files, label, verdict};
use super::{profile, words};
use crate::cli::text::time;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::verify::report::{Histogram, Report, RuntimeReport, RuntimeStatus, Verdict};
use efficientnet_onnx::verify::session::Profile;
use std::fmt::Write;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5b6670;--line:#d9dee3;--back:#fff;--card:#f6f8fa;--good:#1a7f37;
--bad:#cf222e;--warn:#9a6700;--bar:#3b82c4}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa5b1;--line:#30363d;--back:#0d1117;--card:#161b22;
--good:#3fb950;--bad:#f85149;--warn:#d29922;--bar:#58a6ff}}
body{margin:0 auto;max-width:72rem;padding:2rem 1.5rem;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .75rem}
p{margin:.25rem 0}.soft{color:var(--soft)}code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
.verdict{display:inline-block;margin:.5rem 0;padding:.25rem .75rem;border-radius:1rem;font-weight:600;
border:1px solid currentColor}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}.number{text-align:right}td.number{white-space:nowrap;
font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));gap:1rem}
figure{margin:0;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
figcaption{font-weight:600;margin-bottom:.5rem}svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}svg .bar{fill:var(--bar)}svg .over{fill:var(--bad)}svg .axis{stroke:var(--line)}
svg+table{margin-top:1rem}ul{padding-left:1.25rem}";

/// The whole page.
pub fn page(report: &Report, profiles: &[Profile]) -> String {
    let mut page = String::new();
    let title = escape(&files(report));
    let (verdict, class) = (verdict(report), class(report.verdict));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"verdict {class}\">{verdict}</p>\n\
         <p class=\"soft\">base: {}; inputs, seed {}: {}; made by efficientnet-onnx {}</p>\n",
        escape(report.reference.as_deref().unwrap_or("none")),
        report.seed,
        cases(report),
        env!("CARGO_PKG_VERSION"),
    );
    if !report.problems.is_empty() {
        page.push_str("<h2>Rules that the file breaks</h2>\n<ul>\n");
        for problem in &report.problems {
            let node = problem
                .node
                .as_ref()
                .map(|node| format!("node <code>{}</code>: ", escape(node)));
            let _ = writeln!(
                page,
                "<li>{}{} <span class=\"soft\">({})</span></li>",
                node.unwrap_or_default(),
                escape(&problem.message),
                problem.code
            );
        }
        page.push_str("</ul>\n");
    }
    if !report.runtimes.is_empty() {
        table(report, &mut page);
        charts(report, &mut page);
        page.push_str(&profile::section(profiles, escape));
    }
    if !report.notes.is_empty() {
        page.push_str("<h2>Notes</h2>\n<ul>\n");
        for note in &report.notes {
            let _ = writeln!(page, "<li>{}</li>", escape(&words::note(note)));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Agree => "good",
        Verdict::Disagree => "bad",
        Verdict::RanNotCompared | Verdict::Unavailable => "warn",
    }
}

fn table(report: &Report, page: &mut String) {
    page.push_str(
        "<h2>Runtimes</h2>\n<div class=\"scroll\"><table>\n<tr><th>runtime</th><th>version</th><th class=\"number\">load</th><th class=\"number\">run</th>\
         <th class=\"number\">largest difference</th><th class=\"number\">of allowed</th>\
         <th class=\"number\">atol, rtol</th><th class=\"number\">top-1</th><th class=\"number\">top-5</th><th>result</th></tr>\n",
    );
    for runtime in &report.runtimes {
        let dash = || "–".to_owned();
        let rows = |agreement: efficientnet_onnx::verify::ranks::Agreement| {
            format!("{}/{}", agreement.rows, agreement.of)
        };
        let numbers = [
            runtime.load_seconds.map_or_else(dash, time),
            runtime.run_seconds.map_or_else(dash, time),
            runtime
                .max_abs
                .map_or_else(dash, |most| format!("{most:.2e}")),
            runtime
                .smallest_factor
                .map_or_else(dash, |factor| format!("{factor:.3}")),
            format!("{:e}, {:e}", runtime.tolerance.atol, runtime.tolerance.rtol),
            runtime.top1.map_or_else(dash, rows),
            runtime.top5.map_or_else(dash, rows),
        ];
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td>",
            escape(&label(runtime)),
            escape(runtime.version.as_deref().unwrap_or("–"))
        );
        for number in numbers {
            let _ = write!(page, "<td class=\"number\">{number}</td>");
        }
        let (result, class) = result(runtime);
        let _ = write!(page, "<td><span class=\"{class}\">{result}</span>");
        for line in said(runtime) {
            let _ = write!(page, "<br><span class=\"soft\">{}</span>", escape(&line));
        }
        page.push_str("</td></tr>\n");
    }
    let _ = writeln!(
        page,
        "</table></div>\n<p class=\"soft\">allowed: <code>{}</code></p>",
        escape(report.formula)
    );
}

fn result(runtime: &RuntimeReport) -> (&'static str, &'static str) {
    match runtime.status {
        RuntimeStatus::Passed if runtime.is_reference => ("base", "good"),
        RuntimeStatus::Passed if runtime.beyond_tolerance.is_none() => ("ran", "good"),
        RuntimeStatus::Passed => ("agrees", "good"),
        RuntimeStatus::Disagrees => ("disagrees", "bad"),
        RuntimeStatus::Unavailable => ("not available", "warn"),
        RuntimeStatus::FailedChecks => ("failed its checks", "bad"),
        RuntimeStatus::Refused => ("refused the file", "bad"),
        RuntimeStatus::Crashed => ("crashed", "bad"),
        RuntimeStatus::TimedOut => ("ran out of time", "bad"),
    }
}

fn said(runtime: &RuntimeReport) -> Vec<String> {
    let message = runtime.summary.as_ref().or(runtime.message.as_ref());
    let message = changes(runtime).into_iter().chain(message.cloned());
    let hint = words::hint(runtime).map(|hint| format!("hint: {hint}"));
    let failures = runtime.failures.iter().map(|failure| {
        format!(
            "{} of `{}`: {}",
            failure.check.as_str(),
            failure.output.shown(),
            failure.message
        )
    });
    message.chain(hint).chain(failures).collect()
}

fn charts(report: &Report, page: &mut String) {
    let compared: Vec<(String, &Histogram)> = report
        .runtimes
        .iter()
        .filter_map(|runtime| Some((escape(&label(runtime)), runtime.histogram.as_ref()?)))
        .collect();
    if compared.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Differences from the base</h2>\n<p class=\"soft\">Elements by |difference| / max|base|, each bar a power of \
         ten; over all outputs and inputs.</p>\n<div class=\"charts\">\n",
    );
    for (name, histogram) in compared {
        chart(&name, histogram, page);
    }
    page.push_str("</div>\n");
}

/// Width and height of a chart, and where its axis lies.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 168.0;
const AXIS: f64 = 145.0;

/// Bars for equal elements and for each power of ten, as high as the count on a linear scale.
fn chart(name: &str, histogram: &Histogram, page: &mut String) {
    let mut bars: Vec<(String, usize)> = vec![("0".to_owned(), histogram.equal)];
    for (power, &count) in (Histogram::LOWEST_POWER..).zip(&histogram.counts) {
        bars.push((format!("1e{power}"), count));
    }
    bars.push(("∞".to_owned(), histogram.not_finite));
    let most = bars
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    let step = WIDTH / bars.len() as f64;
    let _ = write!(
        page,
        "<figure><figcaption>{name}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"histogram of the differences of {name}\">\n\
         <line class=\"axis\" x1=\"0\" y1=\"{AXIS}\" x2=\"{WIDTH}\" y2=\"{AXIS}\"/>\n"
    );
    for (place, (label, count)) in bars.iter().enumerate() {
        let left = place as f64 * step;
        let middle = left + step / 2.0;
        if *count > 0 {
            // A single element is seen too.
            let height = (*count as f64 / most as f64 * (AXIS - 20.0)).max(2.0);
            let _ = write!(
                page,
                "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"2\">\
                 <title>{label}: {count}</title></rect>\n\
                 <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                left + step * 0.12,
                AXIS - height,
                step * 0.76,
                AXIS - height - 4.0,
                short(*count),
            );
        }
        // Every third power, and none beside the infinite.
        if place == 0 || place + 1 == bars.len() || place % 3 == 2 && place + 2 < bars.len() {
            let _ = writeln!(
                page,
                "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                AXIS + 16.0
            );
        }
    }
    page.push_str("</svg></figure>\n");
}

/// A count that is no wider than its bar.
fn short(count: usize) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..10_000 => format!("{:.1}k", count as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0}k", count as f64 / 1e3),
        _ => format!("{:.0}M", count as f64 / 1e6),
    }
}

/// Text that a file or a runtime can have chosen, as text and nothing else.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.shown().to_string().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use efficientnet_onnx::runtime::RuntimeName;
    use efficientnet_onnx::runtime::outcome::{CaseOutcome, Outcome, Trouble};
    use efficientnet_onnx::runtime::process::Run;
    use efficientnet_onnx::tensor::NamedTensor;
    use efficientnet_onnx::verify::facts::{Declared, DeclaredExtent, FileFacts};
    use efficientnet_onnx::verify::note::VerifyNote;
    use efficientnet_onnx::verify::plan::cases;
    use efficientnet_onnx::verify::report::Problem;
    use efficientnet_onnx::verify::tolerance::Limits;
    use efficientnet_onnx::verify::{VerifySettings, judge, rejected};

    fn settings() -> VerifySettings {
        VerifySettings {
            file: "<b>.onnx".to_owned(),
            seed: 7,
            limits: Limits::default(),
        }
    }

    /// The page of a file with one output `<i>` of four elements.
    fn page_of(tract: Outcome, ort: [f32; 4]) -> String {
        let declared = |name: &str| Declared {
            name: name.to_owned(),
            element_type: "f32".to_owned(),
            shape: Some(vec![DeclaredExtent::Fixed(1), DeclaredExtent::Fixed(4)]),
        };
        let facts = FileFacts {
            inputs: vec![declared("x")],
            outputs: vec![declared("<i>")],
            ..FileFacts::default()
        };
        let run = |runtime, outcome| Run {
            runtime,
            library: None,
            passed_over: Vec::new(),
            changes: Vec::new(),
            outcome,
        };
        let runs = [
            run(RuntimeName::Tract, tract),
            run(RuntimeName::OrtCpu, ran(ort)),
        ];
        let cases = cases(&facts).expect("cases");
        let mut report = judge(&settings(), &facts, &cases, &runs);
        report.notes.push(VerifyNote::Written("<script>".into()));
        page(&report, &[])
    }

    fn ran(values: [f32; 4]) -> Outcome {
        let run = CaseOutcome {
            prepare_seconds: 0.0,
            run_seconds: 0.0,
            outputs: vec![NamedTensor::single("<i>", vec![1, 4], &values)],
        };
        Outcome {
            cases: vec![run],
            done: true,
            ..Outcome::default()
        }
    }

    fn has(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(
            !["<b>", "<i>", "<script", "<u>"]
                .iter()
                .any(|tag| page.contains(tag)),
            "{page}"
        );
    }

    #[test]
    fn every_number_of_a_disagreement_is_on_the_page() {
        // Of the largest, 4: twice nothing, 1.5e-2, 2.5e-6.
        let base = [0.5, 2.0, 4.0, 1.0];
        has(
            &page_of(ran([0.5, 2.06, 4.00001, 1.0]), base),
            &[
                "\"verdict bad\">the runtimes disagree<",
                "inputs, seed 7: N(0, 1) noise, batch 1",
                "<td class=\"number\">6.00e-2</td>",
                "<span class=\"bad\">disagrees</span>",
                "<span class=\"good\">base</span>",
                "height=\"125.0\" rx=\"2\"><title>0: 2</title>",
                "height=\"62.5\" rx=\"2\"><title>1e-2: 1</title>",
                "height=\"62.5\" rx=\"2\"><title>1e-6: 1</title>",
                "<li>`&lt;script&gt;` is written</li>",
            ],
        );
        has(
            &page_of(ran([0.5, 2.0, f32::NAN, 1.0]), base),
            &[
                "<title>0: 3</title>",
                "<title>∞: 1</title>",
                "<span class=\"bad\">failed its checks</span><br><span class=\"soft\">finite of `&lt;i&gt;`: ",
            ],
        );
        let crashed = Outcome {
            trouble: Some(Trouble::Crashed {
                message: "<u>".to_owned(),
            }),
            ..Outcome::default()
        };
        has(
            &page_of(crashed, base),
            &[
                "\"verdict bad\">not verified<",
                "<span class=\"bad\">crashed</span><br><span class=\"soft\">&lt;u&gt;</span>",
            ],
        );
    }

    #[test]
    fn broken_rules_are_listed_as_text() {
        let problem = Problem {
            code: "order",
            node: Some("<i>".to_owned()),
            message: "<u>".to_owned(),
        };
        has(
            &page(&rejected(&settings(), vec![problem]), &[]),
            &[
                "\"verdict bad\">the file breaks a rule, so nothing ran<",
                "<li>node <code>&lt;i&gt;</code>: &lt;u&gt; <span class=\"soft\">(order)</span></li>",
            ],
        );
    }
}
