//! Files that are read are opened at one place, `files::open_input`, which refuses pipes, devices, sockets and folders.

use super::{root, sources};

/// What opens a file by its path.
const OPENERS: [&str; 9] = [
    "File::open(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::copy(",
    "File::options()",
    "OpenOptions::new()",
    ".from_path(",
    "image::open(",
    "ImageReader::open(",
];

/// Lines that open something else than an input, and why.
const ALLOWED: [(&str, &str); 4] = [
    // What the system makes up in `/proc` and `/sys`, below a folder that tests name.
    ("src/memory/system.rs", "fs::read_to_string("),
    // Outputs.
    ("src/files/output.rs", "fs::OpenOptions::new()"),
    ("src/hub/fetch.rs", "File::options()"),
    // What was just fetched, where links are not allowed.
    ("src/hub/fetch.rs", "fs::copy(blob, &copy)"),
];

#[test]
fn inputs_are_opened_at_one_place() {
    let mut faults = Vec::new();
    let mut used = [false; ALLOWED.len()];
    for (path, text) in sources(&root().join("src")) {
        let relative = path.strip_prefix(root()).expect("below the root");
        let relative = relative.to_string_lossy().replace('\\', "/");
        let is_test = ["/tests/", "/tests.rs"];
        if relative == "src/files/open.rs" || is_test.iter().any(|part| relative.contains(part)) {
            continue;
        }
        // Tests stand last in a file.
        let own = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text);
        for (number, line) in own.lines().enumerate() {
            // The system makes up what is in `/proc`.
            let is_other = line.trim_start().starts_with("//") || line.contains("(\"/proc/");
            if is_other || !opens(line) {
                continue;
            }
            let allowed = |(file, part): &(&str, &str)| relative == *file && line.contains(part);
            match ALLOWED.iter().position(allowed) {
                Some(place) => used[place] = true,
                None => faults.push(format!(
                    "{relative}:{}: expected `files::open_input` or `files::read_input`: {}",
                    number + 1,
                    line.trim()
                )),
            }
        }
    }
    for ((file, part), _) in ALLOWED.iter().zip(used).filter(|(_, used)| !used) {
        faults.push(format!("{file}: `{part}` is allowed, but not there"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a line of code opens a file; `ModelFile::open` and `OutputFile::open` are other functions.
fn opens(line: &str) -> bool {
    OPENERS.iter().any(|opener| {
        line.match_indices(opener).any(|(place, _)| {
            let before = line[..place].chars().next_back();
            opener.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    })
}
