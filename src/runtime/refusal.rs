//! What a runtime's own words come to: the line that says why, and the node that it is about.
//!
//! tract joins causes by `: `, the last of which says what is wrong, and names nodes as `node #12 "conv"`. ONNX Runtime's
//! text after `Status Message: ` begins with a place in its sources and a C++ signature; it names nodes as `Name:'conv'`,
//! `Node (conv)` or `node with name 'conv'`. The reference here names them as ``node `conv` ``.

/// Characters of a line that are kept.
const LONGEST: usize = 240;
/// Characters up to which one cause more is kept before tract's last.
const SHORT: usize = 120;
/// What stands before and behind a node's name.
const NODES: [(&str, &str); 5] = [
    ("node #", "\""),
    ("Name:'", "'"),
    ("node with name '", "'"),
    ("Node (", ")"),
    ("node `", "`"),
];

/// The essence of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalText {
    /// One line that says why.
    pub line: String,
    /// The node that it is about, where one is named.
    pub node: Option<String>,
}

impl RefusalText {
    /// Reads a message of a runtime, which begins with what was being done.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let lines = message.lines().map(str::trim);
        let first = lines
            .into_iter()
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        let line = match first.split_once("Status Message: ") {
            Some((before, status)) => {
                let step = before.split(": ").next().unwrap_or_default();
                format!("{step}: {}", without_place(status))
            }
            None if first.contains("node #") => last_causes(first),
            None => without_path(first),
        };
        Self {
            line: cut(&line),
            node: node(message),
        }
    }
}

fn node(message: &str) -> Option<String> {
    let named = |(before, behind): &(&str, &str)| {
        let rest = &message[message.find(before)? + before.len()..];
        // tract numbers its nodes before it names them.
        let rest = if *behind == "\"" {
            rest.split_once('"')?.1
        } else {
            rest
        };
        let name = &rest[..rest.find(behind)?];
        (!name.is_empty()).then(|| name.to_owned())
    };
    NODES.iter().find_map(named)
}

/// What was being done, and the last of tract's causes, with the one before it if both are short.
fn last_causes(line: &str) -> String {
    let causes: Vec<&str> = line.split(": ").collect();
    let [step, .., last] = causes.as_slice() else {
        return line.to_owned();
    };
    let before = causes[1..causes.len() - 1].last();
    match before.filter(|before| before.len() + last.len() <= SHORT) {
        Some(before) => format!("{step}: {before}: {last}"),
        None => format!("{step}: {last}"),
    }
}

/// A line without ONNX Runtime's `Load model from FILE failed:`; the caller knows the file.
fn without_path(line: &str) -> String {
    let place = line
        .find("Load model from ")
        .zip(line.find(" failed:"))
        .filter(|(from, failed)| from < failed);
    match place {
        Some((from, failed)) => format!("{}{}", &line[..from], &line[failed + 8..]),
        None => line.to_owned(),
    }
}

/// A status of ONNX Runtime without the place in its sources and the signature that it begins with.
fn without_place(status: &str) -> &str {
    let Some((place, rest)) = status.split_once(' ') else {
        return status;
    };
    let is_place = [".h:", ".cc:", ".cu:"]
        .iter()
        .any(|ending| place.contains(ending));
    if !is_place {
        return status;
    }
    let signature = rest.find('(').filter(|open| rest[..*open].contains("::"));
    let Some(open) = signature else {
        return rest;
    };
    let mut depth = 0;
    for (at, character) in rest[open..].char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let behind = rest[open + at + 1..].trim_start();
            return if behind.is_empty() { rest } else { behind };
        }
    }
    rest
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of tract 0.23.9 and ONNX Runtime 1.32.0.
    #[test]
    fn the_line_that_says_why_and_the_node_are_found() {
        for (message, line, node) in [
            (
                "optimising the file: Failed analyse for node #168 \"node_Conv_780\" ConvHir: Infering facts: Applying rule \
                 outputs[0].shape == 1,32,32,32: Unifying shapes batch,32,32,32 and 1,32,32,32: Impossible to unify \
                 Sym(batch) with Val(1).",
                "optimising the file: Unifying shapes batch,32,32,32 and 1,32,32,32: Impossible to unify Sym(batch) with Val(1).",
                Some("node_Conv_780"),
            ),
            (
                "optimising the file: Translating node #3 \"a\" Unimplemented(Silu) ToTypedTranslator: Operator can not be made a TypedOp.",
                "optimising the file: Translating node #3 \"a\" Unimplemented(Silu) ToTypedTranslator: Operator can not be made a TypedOp.",
                Some("a"),
            ),
            (
                "running the file: Non-zero status code returned while running Reshape node. Name:'/Reshape' Status Message: \
                 /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 \
                 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, onnxruntime::TensorShapeVector&, \
                 bool) input_shape_size == requested_shape_size was false. The input tensor cannot be reshaped to the \
                 requested shape. Input shape:{3,1280}, requested shape:{1,1280}\n",
                "running the file: input_shape_size == requested_shape_size was false. The input tensor cannot be reshaped \
                 to the requested shape. Input shape:{3,1280}, requested shape:{1,1280}",
                Some("/Reshape"),
            ),
            (
                "running the file: Non-zero status code returned while running Conv node. Name:'c' Status Message: nchwc_ops.cc:186 Compute NCHWc Conv input does not match.",
                "running the file: Compute NCHWc Conv input does not match.",
                Some("c"),
            ),
            (
                "loading the file: Load model from /tmp/a b.onnx failed:Node (logits) Op (Gemm) [ShapeInferenceError] no",
                "loading the file: Node (logits) Op (Gemm) [ShapeInferenceError] no",
                Some("logits"),
            ),
            (
                "loading the file: Node (Swish_1) Op (Swish) [ShapeInferenceError] no\nmore\n",
                "loading the file: Node (Swish_1) Op (Swish) [ShapeInferenceError] no",
                Some("Swish_1"),
            ),
            (
                "\n  loading the file: Could not find an implementation for Swish(24) node with name 's'\nat line 3",
                "loading the file: Could not find an implementation for Swish(24) node with name 's'",
                Some("s"),
            ),
            (
                "running the file: node `large` (`Expand`): a tensor of shape [9] is too large",
                "running the file: node `large` (`Expand`): a tensor of shape [9] is too large",
                Some("large"),
            ),
            (
                "output `label` has element type String",
                "output `label` has element type String",
                None,
            ),
            ("Name:'' Status Message: (", "Name:'' : (", None),
            ("", "", None),
        ] {
            let expected = RefusalText {
                line: line.to_owned(),
                node: node.map(str::to_owned),
            };
            assert_eq!(RefusalText::read(message), expected);
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let read = RefusalText::read(&"é".repeat(LONGEST + 1));
        assert_eq!(read.line.chars().count(), LONGEST + 1);
        assert!(read.line.ends_with("é…"), "{}", read.line);
    }
}
