//! Provokes a hint, and follows each line in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command line that is refused, or warned of, with a hint.
pub struct Case {
    /// A piece of the hint as it stands in the source, and as it is printed.
    pub hint: &'static str,
    /// Makes the files that the line needs.
    pub prepare: fn(&Path),
    /// The line.
    pub line: &'static str,
    /// What the message must say.
    pub reason: &'static str,
    /// Each line in the hint: what is printed in backticks, and how it is followed.
    pub steps: &'static [(&'static str, How)],
}

/// How a piece of a hint is followed.
pub enum How {
    /// The same line with these flags, in place of its own; must succeed.
    With(&'static str),
    /// The same, but another reason may follow.
    Past(&'static str),
    /// The same line without a flag; must succeed.
    Without(&'static str),
    /// Another line; must succeed. Several are parted by `;`.
    Run(&'static str),
    /// Another line, which shows what is wrong: with this status.
    Shows(&'static str, i32),
    /// No line: a name.
    Name,
}

/// What begins a line to follow.
const BEGINS: [&str; 9] = [
    "-", "emit", "inspect", "verify", "check", "weights", "bench", "classify", "doctor",
];

/// What is wrong with a case; none if all is well.
pub fn fault(case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    (case.prepare)(folder.path());
    let wrong = |what: &str, message: &str| Some(format!("`{}`: {what}\n{message}", case.line));
    let before = listed(folder.path());
    let (status, message) = run(folder.path(), case.line);
    if status == 0 && !message.contains("warning: ") {
        return wrong("is not refused", &message);
    }
    let Some((_, hint)) = message
        .split_once("hint: ")
        .filter(|(_, hint)| hint.contains(case.hint))
    else {
        return wrong(&format!("expected the hint `{}`", case.hint), &message);
    };
    if !message.contains(case.reason) {
        return wrong(&format!("expected the reason `{}`", case.reason), &message);
    }
    let printed: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
    let begins = |span: &&&str| BEGINS.iter().any(|begin| span.starts_with(begin));
    for span in printed.iter().filter(begins) {
        if !case.steps.iter().any(|(step, _)| step == span) {
            return wrong(&format!("no step follows `{span}`"), &message);
        }
    }
    for (span, how) in case.steps {
        if !printed.contains(span) {
            return wrong(&format!("expected `{span}` in the hint"), &message);
        }
        let lines: Vec<String> = match how {
            How::Name => continue,
            How::With(flags) | How::Past(flags) => vec![with(case.line, flags)],
            How::Without(flag) => vec![without(case.line, flag)],
            How::Run(lines) => lines
                .split(';')
                .map(|line| line.trim().to_owned())
                .collect(),
            How::Shows(line, _) => vec![(*line).to_owned()],
        };
        for line in &lines {
            let (status, followed) = run(folder.path(), line);
            let is_well = match how {
                How::Past(_) => !followed.contains(case.reason),
                How::Shows(_, expected) => status == *expected,
                _ => status == 0,
            };
            if !is_well {
                return wrong(
                    &format!("its hint `{span}`, followed as `{line}`, ends with status {status}"),
                    &followed,
                );
            }
        }
        clear(folder.path(), &before);
    }
    None
}

fn listed(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Removes what a line has written.
fn clear(folder: &Path, before: &BTreeSet<PathBuf>) {
    for new in listed(folder).difference(before) {
        std::fs::remove_file(new).expect("a file");
    }
}

/// A line with further flags, which replace its own of the same names.
fn with(line: &str, flags: &str) -> String {
    let mut line = line.to_owned();
    for flag in flags
        .split(' ')
        .filter(|word| word.starts_with('-') && word.len() > 1)
    {
        line = without(&line, flag);
    }
    // What chooses a network chooses it alone.
    let choices = [
        "--variant",
        "--like",
        "--phi",
        "--width",
        "--depth",
        "--arch",
        "--blocks",
    ];
    if choices.iter().any(|choice| flags.contains(choice)) {
        for choice in choices {
            line = without(&line, choice);
        }
    }
    format!("{line} {flags}")
}

/// A line without a flag and its value.
fn without(line: &str, flag: &str) -> String {
    let mut kept = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        if word != flag {
            kept.push(word);
        } else if words.peek().is_some_and(|next| !next.starts_with("--")) {
            words.next();
        }
    }
    kept.join(" ")
}

/// Runs a line in a folder; `> FILE` at its end keeps what it prints. The exit status, and what it said.
fn run(folder: &Path, line: &str) -> (i32, String) {
    let (line, file) = line
        .split_once(" > ")
        .map_or((line, None), |(line, file)| (line, Some(file)));
    // Block strings have spaces.
    let words = line.split(' ').map(|word| word.replace('+', " "));
    let output = Command::new(env!("CARGO_BIN_EXE_efficientnet-onnx"))
        .args(words)
        .current_dir(folder)
        .output()
        .expect("the binary");
    if let Some(file) = file {
        std::fs::write(folder.join(file), &output.stdout).expect("a file");
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), message)
}
