//! Finds the string literals of hints in `src`: those that hold a flag or a command in backticks.

use std::fs;
use std::path::Path;

/// What stands before a hint's text.
const STARTS: [&str; 8] = [
    ".hint(",
    "hint: ",
    "hint = ",
    "hint) = ",
    "fn hint",
    "fn misfit",
    "fn conventions",
    "fn contradicted",
];
/// What a hint's text has if it holds a line to follow; placeholders of formats may be flags too.
const LINES: [&str; 11] = [
    "`-",
    "`{flag",
    "use {",
    "`emit",
    "`inspect",
    "`verify",
    "`check",
    "`weights",
    "`bench",
    "`classify",
    "`doctor",
];

/// Every string literal of `src`.
pub fn literals_of_source() -> Vec<String> {
    let texts = sources();
    let all = texts.iter().flat_map(|(_, text)| literals(text));
    all.map(|(_, _, literal)| literal).collect()
}

/// Place and text of each source file, without its tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            (
                path.strip_prefix(&root)
                    .expect("below src")
                    .display()
                    .to_string(),
                text[..end].to_owned(),
            )
        })
        .collect()
}

/// Place and text of each.
pub fn hints() -> Vec<(String, String)> {
    let texts = sources();
    let mut found = Vec::new();
    for (place, text) in &texts {
        let literals = literals(text);
        for (start, end, literal) in &literals {
            let is_constant = || {
                let line = text[..*start]
                    .rfind("const ")
                    .map_or("", |at| &text[at..*start]);
                let name = line
                    .strip_prefix("const ")
                    .and_then(|line| line.split(':').next());
                name.is_some_and(|name| line.len() < name.len() + 30 && is_hint(name, &texts))
            };
            let is_line = LINES.iter().any(|line| literal.contains(line));
            let region = || regions(text, &literals).any(|(from, to)| from < *start && *end <= to);
            if is_line && (literal.contains("hint: ") || region() || is_constant()) {
                found.push((place.clone(), literal.clone()));
            }
        }
    }
    found
}

/// Whether a constant is given as a hint anywhere.
fn is_hint(name: &str, texts: &[(String, String)]) -> bool {
    let given = |text: &String| {
        text.contains(&format!(".hint({name})"))
            || text.contains(&format!("::{name})")) && text.contains(".hint(")
    };
    name.contains("HINT") || texts.iter().any(|(_, text)| given(text))
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            collect(&path, files);
        } else if !is_test && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// String literals with their places; comments and characters are passed over.
fn literals(text: &str) -> Vec<(usize, usize, String)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
            }
            // A character, not a lifetime.
            b'\'' if bytes.get(at + 1) == Some(&b'\\') => at += 4,
            b'\'' if bytes.get(at + 2) == Some(&b'\'') => at += 3,
            b'"' => {
                let mut end = at + 1;
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                // A backslash at the end of a line joins it to the next.
                let lines = text[at + 1..end].split("\\\n").enumerate();
                let joined =
                    lines.map(|(number, line)| if number == 0 { line } else { line.trim_start() });
                found.push((
                    at,
                    end + 1,
                    joined.collect::<String>().replace("\\\"", "\""),
                ));
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// From the start of each hint to where its expression or function ends.
fn regions<'a>(
    text: &'a str,
    literals: &'a [(usize, usize, String)],
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let starts = STARTS.iter().flat_map(|start| text.match_indices(start));
    starts.map(|(from, start)| {
        let is_function = start.starts_with("fn");
        let is_call = start.ends_with('(');
        let mut depth = usize::from(is_call);
        let mut at = from + start.len();
        while at < text.len() {
            if let Some((_, end, _)) = literals.iter().find(|(start, ..)| *start == at) {
                at = *end;
                continue;
            }
            match text.as_bytes()[at] {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' | b';' if depth == 0 => break,
                closing @ (b')' | b']' | b'}') => {
                    depth -= 1;
                    if depth == 0 && (is_call || is_function && closing == b'}') {
                        break;
                    }
                }
                b',' if depth == 0 && start == "hint: " => break,
                _ => {}
            }
            at += 1;
        }
        (from, at)
    })
}
