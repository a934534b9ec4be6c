//! Text that is not ours is shown in one way: `files::foreign`.

use super::{root, sources};

/// Other ways of making text harmless.
const OTHER_WAYS: [&str; 5] = [
    ".display()",
    ".escape_debug()",
    ".escape_default()",
    ".escape_ascii()",
    ".escape_unicode()",
];

#[test]
fn there_is_one_way_to_show_foreign_text() {
    let mut faults = Vec::new();
    for (path, text) in sources(&root().join("src")) {
        if path.ends_with("files/foreign.rs") || path.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if OTHER_WAYS.iter().any(|way| line.contains(way)) {
                let place = format!(
                    "{}:{}",
                    path.strip_prefix(root()).unwrap().to_string_lossy(),
                    number + 1
                );
                faults.push(format!(
                    "{place}: use `shown()` of `files::foreign`: {}",
                    line.trim()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A message that has a `String` or another library's error in it as it is could hold a line of the file.
#[test]
fn errors_show_the_text_that_they_hold() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for (path, text) in sources(&root().join("src")) {
        for (at, mark) in text.match_indices("#[error(") {
            let rest = &text[at + mark.len()..];
            let attribute = &rest[..closing(rest, '(', ')')];
            let behind = &rest[attribute.len()..];
            let fields = fields(behind.trim_start_matches([')', ']']));
            let (message, arguments) = literal(attribute);
            for (name, kind) in fields {
                let is_foreign = kind.contains("String") || kind.ends_with("::Error");
                let printed = [format!("{{{name}}}"), format!("{{{name}:")];
                if !is_foreign || kind.starts_with("&'static") {
                    continue;
                }
                seen += 1;
                let raw = printed
                    .iter()
                    .any(|printed| message.contains(printed.as_str()));
                if raw && !arguments.contains(&format!("{name} = ")) {
                    let place = path
                        .strip_prefix(root())
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    faults.push(format!(
                        "{place}: `{name}: {kind}` of {message}: use `{name} = {name}.shown()`"
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen > 100, "{seen} fields");
}

/// Where the parenthesis closes that is open at the start.
fn closing(text: &str, open: char, close: char) -> usize {
    let (mut depth, mut in_string, mut escaped) = (1, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            c if c == open => depth += 1,
            c if c == close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The string at the start of an attribute, and what is behind it.
fn literal(attribute: &str) -> (&str, &str) {
    let start = attribute.find('"').map_or(attribute.len(), |at| at + 1);
    let mut escaped = false;
    for (at, character) in attribute[start..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return attribute[start..].split_at(at),
            _ => {}
        }
    }
    ("", attribute)
}

/// Names and types of the fields of the variant or the struct behind an attribute.
fn fields(behind: &str) -> Vec<(String, String)> {
    let code: Vec<&str> = behind
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.starts_with("#["))
        .collect();
    let code = code.join("\n");
    let Some(at) = code.find(['{', '(', ',', ';', '}']) else {
        return Vec::new();
    };
    let (open, close) = match code.as_bytes()[at] {
        b'{' => ('{', '}'),
        b'(' => ('(', ')'),
        _ => return Vec::new(),
    };
    let body = &code[at + 1..];
    let body = &body[..closing(body, open, close)];
    let parts = body
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let named = |(index, part): (usize, &str)| {
        let part = part.rsplit("] ").next().unwrap_or(part);
        let part = part
            .strip_prefix("pub ")
            .or_else(|| {
                part.split_once(") ")
                    .filter(|(first, _)| first.starts_with("pub("))
                    .map(|(_, rest)| rest)
            })
            .unwrap_or(part);
        match part.split_once(": ") {
            Some((name, kind)) => (name.to_owned(), kind.to_owned()),
            None => (index.to_string(), part.to_owned()),
        }
    };
    parts.enumerate().map(named).collect()
}
