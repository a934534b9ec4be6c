//! Reads Rust sources for the modules that each file names. Comments, strings and doc tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of the library's own crate in paths, of its modules and of the binary's.
const ROOTS: [&str; 2] = ["crate", "efficientnet_onnx"];

/// A path to an item, from the crate's root.
pub type ItemPath = Vec<String>;

/// A source file below `src`.
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub file: String,
    /// The module that it holds: `src/onnx/file/mod.rs` is `onnx::file`. Empty for the roots of crates.
    pub module: ItemPath,
    /// Every path that it names by `crate::`, `efficientnet_onnx::`, `super::` or `self::`.
    pub names: BTreeSet<ItemPath>,
    /// What it takes from its own children by `use`: the path here, and where the item is.
    taken: BTreeMap<ItemPath, ItemPath>,
}

impl Source {
    /// Reads one file's text.
    pub fn read(root: &Path, path: &Path, text: &str) -> Self {
        let relative = path.strip_prefix(root).expect("below the root");
        let mut module: ItemPath = relative
            .with_extension("")
            .components()
            .skip(1)
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let ends_at_folder = ["mod", "lib", "main"].map(str::to_owned);
        module.pop_if(|last| ends_at_folder.contains(last));
        let mut source = Self {
            file: relative.to_string_lossy().replace('\\', "/"),
            module,
            names: BTreeSet::new(),
            taken: BTreeMap::new(),
        };
        source.scan(&tokens(text));
        source
    }

    fn scan(&mut self, tokens: &[Token]) {
        let mut children = BTreeSet::new();
        // Modules written inside the file, each with the depth of its braces.
        let mut inside: Vec<usize> = Vec::new();
        let mut here = self.module.clone();
        let mut depth = 0;
        let mut at = 0;
        while at < tokens.len() {
            let next = tokens.get(at + 1);
            match &tokens[at] {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => {
                    if inside.pop_if(|start| *start == depth).is_some() {
                        here.pop();
                    }
                    depth -= 1;
                }
                Token::Word(word) if word == "mod" => {
                    if let (Some(Token::Word(name)), Some(Token::Mark(mark))) =
                        (next, tokens.get(at + 2))
                    {
                        if *mark == '{' {
                            here.push(name.clone());
                            inside.push(depth + 1);
                        } else {
                            children.insert(name.clone());
                        }
                    }
                }
                Token::Word(word) if word == "use" => {
                    if let Some(Token::Word(name)) = next
                        && children.contains(name)
                        && inside.is_empty()
                    {
                        let (paths, _) = expand(tokens, at + 1, here.clone());
                        for path in paths {
                            let last = path.last().expect("a name").clone();
                            let taken = [here.clone(), vec![last]].concat();
                            self.taken.insert(taken, path);
                        }
                    }
                }
                Token::Word(word) if next == Some(&Token::Separator) => {
                    let begins = at == 0 || tokens[at - 1] != Token::Separator;
                    let base = if ROOTS.contains(&word.as_str()) {
                        Some((Vec::new(), at + 2))
                    } else if word == "super" || word == "self" {
                        Some((here.clone(), at))
                    } else {
                        None
                    };
                    if let Some((base, start)) = base.filter(|_| begins) {
                        let (paths, end) = expand(tokens, start, base);
                        self.names.extend(paths);
                        at = end;
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// The file in which an item is, by the longest beginning of its path that is a module with a file; through what a
/// module takes from its children.
pub fn home<'s>(sources: &BTreeMap<ItemPath, &'s Source>, path: &[String]) -> Option<&'s Source> {
    let source = (1..=path.len())
        .rev()
        .find_map(|length| sources.get(&path[..length]).copied())?;
    let item = path.get(..=source.module.len());
    match item.and_then(|item| source.taken.get(item)) {
        Some(taken) => home(sources, taken),
        None => Some(source),
    }
}

/// All paths that begin at a token: one, or those of a group. Also where they end.
fn expand(tokens: &[Token], mut at: usize, mut base: ItemPath) -> (Vec<ItemPath>, usize) {
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => {
                match word.as_str() {
                    "super" => {
                        base.pop().expect("a parent");
                    }
                    "self" => {}
                    name => base.push(name.to_owned()),
                }
                at += 1;
                if tokens.get(at) != Some(&Token::Separator) {
                    return (vec![base], at);
                }
                at += 1;
            }
            Some(Token::Mark('{')) => {
                let mut paths = Vec::new();
                at += 1;
                while let Some(token) = tokens.get(at) {
                    match token {
                        Token::Mark('}') => return (paths, at + 1),
                        Token::Mark(',') => at += 1,
                        Token::Word(word) if word == "as" => at += 2,
                        _ => {
                            let (inner, end) = expand(tokens, at, base.clone());
                            paths.extend(inner);
                            at = end.max(at + 1);
                        }
                    }
                }
                return (paths, at);
            }
            // A star, or the generic arguments of what is named so far.
            _ => return (vec![base], at),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Separator,
    Mark(char),
}

/// Words and marks of a text, without comments, strings and characters.
fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = &rest[block_comment(rest)..];
        } else if let Some(length) = raw_string(rest) {
            rest = &rest[length..];
        } else if first == '"' {
            rest = &rest[quoted(rest, '"')..];
        } else if let Some(length) = character(rest) {
            rest = &rest[length..];
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            found.push(Token::Word(word.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("::") {
            found.push(Token::Separator);
            rest = after;
        } else {
            if !first.is_whitespace() {
                found.push(Token::Mark(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Bytes of `r"…"`, `br#"…"#` and the like at the start of a text.
fn raw_string(text: &str) -> Option<usize> {
    let after = ["br", "cr", "r"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    let quote = after.find(|c| c != '#')?;
    let inner = after[quote..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(quote));
    let length = inner.find(&end)? + end.len();
    Some(text.len() - inner.len() + length)
}

/// Bytes up to the closing quote, that and the opening one included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Bytes of a character at the start of a text; none for a lifetime.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    let is_character = first == '\\' || inner[first.len_utf8()..].starts_with('\'');
    is_character.then(|| quoted(text, '\''))
}

/// Where texts are, and what they hold.
pub fn read(root: &Path, texts: &[(PathBuf, String)]) -> Vec<Source> {
    texts
        .iter()
        .map(|(path, text)| Source::read(root, path, text))
        .collect()
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let text = r##"
        // use crate::comment::X;
        /* crate::block /* crate::nested */ crate::block */
        const S: &str = "crate::string";
        const R: &str = r#"crate::raw" crate::raw"#;
        const C: [char; 2] = ['"', '\''];
        fn f<'a>(x: &'a crate::named::Type<crate::generic::T>) {}
        use crate::{one, two::{self, three as x, super_like::*}, four};
        use super::super::above;
        use super::{beside, super::{aside::Y}};
        pub(in crate::visible) struct Z;
        mod tests {
            use super::*;
            use super::super::sibling;
            fn g() { efficientnet_onnx::outer::h(); }
        }
        use self::own::W;
        use super::after;
    "##;
    let root = Path::new("/r");
    let source = Source::read(root, Path::new("/r/src/top/middle/leaf.rs"), text);
    let names: Vec<String> = source.names.iter().map(|path| path.join("::")).collect();
    let expected = [
        "four",
        "generic::T",
        "named::Type",
        "one",
        "outer::h",
        "top::above",
        "top::aside::Y",
        "top::middle::after",
        "top::middle::beside",
        "top::middle::leaf",
        "top::middle::leaf::own::W",
        "top::middle::sibling",
        "two",
        "two::super_like",
        "two::three",
        "visible",
    ];
    assert_eq!(names, expected);
}
