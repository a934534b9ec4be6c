//! Text that is not ours, in every place that can hold some, in every command: no control character and no forged line
//! reaches a terminal, and nothing is printed without end.

mod checkpoints;
mod given;
mod models;
mod pictures;
mod records;
#[path = "../weights/tensorflow_support.rs"]
#[allow(dead_code, reason = "each area uses a part of it")]
mod tensorflow_support;
#[path = "../verify_support/mod.rs"]
mod verify_support;
#[path = "../weights/keras/writer.rs"]
#[allow(dead_code, reason = "each area uses a part of it")]
mod writer;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use verify_support::program;

/// Commands a terminal, begins lines, turns the reading direction, hides.
const HOSTILE: &str = "x\u{1b}[31mred\u{1b}]0;title\u{7}\r\nforged: agrees\n  forged: agrees\t\u{9b}2J\u{7f}\u{85}forged: agrees\u{2028}forged: \
     agrees\u{202e}\u{200b}\u{feff}\u{2066}\u{61c}";
/// What a line would begin with, if it were forged.
const FORGED: &str = "forged";
/// More than all that a command prints of its own.
const MOST_PRINTED: usize = 32 << 10;

/// The texts that are put into every place: one that harms, and one that is as long as every format takes.
fn texts() -> [String; 2] {
    [HOSTILE.to_owned(), "long".repeat(12_500)]
}

/// What commands printed that they must not.
#[derive(Default)]
struct Faults {
    runs: usize,
    found: Vec<String>,
}

impl Faults {
    /// Runs the program and looks at what it prints.
    fn run(&mut self, place: &str, folder: &Path, arguments: &[&str]) -> String {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.run_with(place, folder, &arguments, &[])
    }

    /// The same with variables.
    fn run_with(
        &mut self,
        place: &str,
        folder: &Path,
        arguments: &[&OsStr],
        variables: &[(&str, &str)],
    ) -> String {
        let mut command = program();
        command
            .current_dir(folder)
            .args(arguments)
            .envs(variables.iter().copied());
        let output = command.output().expect("the program starts");
        self.runs += 1;
        let arguments = format!("{arguments:.80?}");
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            // JSON has whole texts.
            let most = if arguments.contains("--json") {
                usize::MAX
            } else {
                MOST_PRINTED
            };
            if let Some(fault) = fault(&String::from_utf8_lossy(bytes), most) {
                self.found
                    .push(format!("{place}: {arguments}: {stream}: {fault}"));
            }
        }
        if String::from_utf8_lossy(&output.stderr).contains("panicked") {
            self.found
                .push(format!("{place}: {arguments}: it panicked"));
        }
        let page = folder.join("page.html");
        if let Ok(page) = fs::read_to_string(&page)
            && let Some(fault) = fault(&page, MOST_PRINTED)
        {
            self.found
                .push(format!("{place}: {arguments}: page: {fault}"));
        }
        let _ = fs::remove_file(page);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Fails if anything was found.
    fn assert_none(self) {
        let count = self.found.len();
        assert!(
            self.found.is_empty(),
            "{count} faults in {} runs:\n{}",
            self.runs,
            self.found.join("\n")
        );
        assert!(self.runs > 0);
    }
}

/// What is wrong with a text that reaches a terminal.
fn fault(text: &str, most: usize) -> Option<String> {
    let hidden = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
    };
    if let Some(at) = text.find(hidden) {
        let start: String = text[..at]
            .chars()
            .rev()
            .take(40)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        return Some(format!("{:?} after {start:?}", text[at..].chars().next()));
    }
    if let Some(line) = text
        .lines()
        .find(|line| line.trim_start().starts_with(FORGED))
    {
        return Some(format!("the line {line:.60?}"));
    }
    (text.len() > most).then(|| format!("{} bytes", text.len()))
}

#[test]
fn faults_are_seen() {
    for text in [
        "a\r",
        "a\u{1b}[2J",
        "a\u{202e}",
        "a\n  forged: agrees",
        &"a".repeat(MOST_PRINTED + 1),
    ] {
        assert!(fault(text, MOST_PRINTED).is_some(), "{text:.20?}");
    }
    assert_eq!(fault("a: `x\\nforged: agrees`\n", MOST_PRINTED), None);
}
