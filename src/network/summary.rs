//! The per-stage table of an architecture, as the paper's table 1 has it.

use super::head::POOL;
use super::{Interface, MAX_POOL, NetworkError, Output, build, stage_scope};
use crate::architecture::{Architecture, Block, HeadChain, HeadLayer, Separable, Stage};
use crate::graph::{Counts, Graph, Node, Op};
use crate::tensor::shape::{Dim, element_count};
use std::collections::BTreeMap;

/// One row: a part of the network and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `stem`, a stage from `1` on, `head`, `classifier` (`embedding` of a head without classes), `cam`.
    pub part: String,
    /// `Conv3x3`, `MBConv6 k5x5`, `Pool + Linear`, or the head in words.
    pub operator: String,
    /// Height and width that enter it.
    pub resolution: [u64; 2],
    /// Channels that leave it.
    pub channels: u64,
    /// Blocks in a row.
    pub repeats: u64,
    /// Stride of its first convolution.
    pub stride: u64,
    /// Parameters, buffers and multiply-adds.
    pub counts: Counts,
    /// Elements of what its operators give for one image, batch norms folded into the convolutions before them.
    pub activations: u64,
}

/// The rows of a network for one image of a fixed size, as far as the outputs need it; their counts add up to the graph's.
/// Pooling alone makes no row.
///
/// # Errors
/// As [`build`].
pub fn summary(
    architecture: &Architecture,
    size: [u64; 2],
    outputs: &[Output],
) -> Result<Vec<Row>, NetworkError> {
    let interface = Interface {
        outputs: outputs.to_vec(),
        ..Interface::single(size)
    };
    let graph = build(architecture, &interface)?;
    let mut rows = Vec::new();
    let mut parts = Parts::default();
    let mut add = |part: &str, operator: String, channels, repeats, stride, scopes: &[&str]| {
        parts.add(rows.len(), scopes);
        rows.push(Row {
            part: part.to_owned(),
            operator,
            resolution: [1, 1],
            channels,
            repeats,
            stride,
            counts: Counts::default(),
            activations: 0,
        });
    };
    let stem = &architecture.stem;
    add(
        "stem",
        format!("Conv{0}x{0}", stem.kernel_size),
        stem.filters,
        1,
        stem.stride,
        &[stem.conv, "bn1", MAX_POOL],
    );
    for (index, stage) in architecture.stages.iter().enumerate() {
        let scope = stage_scope(index, stage);
        add(
            &(index + 1).to_string(),
            operator(stage),
            stage.output_filters,
            stage.num_repeat,
            stage.stride,
            &[&scope],
        );
    }
    if let Some(conv) = architecture.head.conv {
        let operator = "Conv1x1".to_owned();
        add("head", operator, conv.filters, 1, 1, &["conv_head", "bn2"]);
    }
    let (classes, classifier) = (architecture.options.classes, architecture.head.classifier);
    let chain = architecture.head_chain();
    let has_logits = outputs.iter().any(|output| output.needs_logits());
    if has_logits || outputs.contains(&Output::Embedding) {
        let operator = if chain == HeadChain::usual(classes) {
            "Pool + Linear".to_owned()
        } else {
            chain.to_string()
        };
        let scopes = [POOL, classifier];
        let (part, features) = if has_logits {
            ("classifier", classes)
        } else {
            (Output::Embedding.name(), embedded(architecture, &chain))
        };
        add(part, operator, features, 1, 1, &scopes);
    }
    if outputs.contains(&Output::Cam) {
        let operator = "Conv1x1".to_owned();
        // Without logits, the classifier's weight is only here.
        let scopes = ["cam", classifier];
        let scopes = &scopes[..if has_logits { 1 } else { 2 }];
        add(Output::Cam.name(), operator, classes, 1, 1, scopes);
    }
    let counts = graph.counts_by(rows.len(), |name| Some(parts.find(name)?.row));
    for (row, counts) in rows.iter_mut().zip(counts) {
        row.counts = counts;
    }
    for node in &graph.nodes {
        if let Some(part) = parts.find(&node.name) {
            rows[part.row].activations += given(&graph, node);
        }
    }
    // What enters a row enters its first node; of later nodes the last one counts here first.
    for node in graph.nodes.iter().rev() {
        if let Some(part) = parts.find(&node.name).filter(|part| part.begins) {
            rows[part.row].resolution = resolution(&graph, node);
        }
    }
    rows.retain(|row| row.counts != Counts::default());
    Ok(rows)
}

/// Features of the embedding.
fn embedded(architecture: &Architecture, chain: &HeadChain) -> u64 {
    let before = chain.layers.len() - usize::from(chain.classes().is_some());
    let mut linear = chain.layers[..before].iter().rev();
    let last = linear.find_map(|layer| match layer {
        HeadLayer::Linear { features, .. } => Some(*features),
        _ => None,
    });
    last.unwrap_or_else(|| chain.pooled_features(architecture.features()))
}

/// Which row each scope belongs to.
#[derive(Default)]
struct Parts(BTreeMap<String, Part>);

#[derive(Clone, Copy)]
struct Part {
    row: usize,
    /// Whether it is the scope in which the row begins.
    begins: bool,
}

impl Parts {
    fn add(&mut self, row: usize, scopes: &[&str]) {
        for (place, scope) in scopes.iter().enumerate() {
            let begins = place == 0;
            self.0.insert((*scope).to_owned(), Part { row, begins });
        }
    }

    /// The part of a name: that of a scope which it is, or is inside of.
    fn find(&self, name: &str) -> Option<Part> {
        let dots = name.match_indices('.').map(|(place, _)| place);
        let mut scopes = dots.chain([name.len()]).map(|end| &name[..end]);
        scopes.find_map(|scope| self.0.get(scope)).copied()
    }
}

fn operator(stage: &Stage) -> String {
    let ratio = stage.block.expand_ratio();
    let (kind, kernel) = match stage.block {
        Block::Bottleneck(_) => return "Bottleneck".to_owned(),
        Block::MbConv(block) => ("MBConv", block.kernel_size),
        Block::Separable(Separable {
            kernel_size,
            project_activation: Some(_),
            ..
        }) => return format!("Separable k{kernel_size}x{kernel_size}"),
        Block::Separable(block) => ("MBConv", block.kernel_size),
        Block::Fused(block) => ("FusedMBConv", block.kernel_size),
        Block::Plain(block) => ("FusedMBConv", block.kernel_size),
    };
    format!("{kind}{ratio} k{kernel}x{kernel}")
}

/// Elements that a node gives; none of a batch norm, which is folded.
fn given(graph: &Graph, node: &Node) -> u64 {
    match node.op {
        Op::BatchNorm { .. } => 0,
        _ => element_count(&graph.value(node.output).shape).unwrap_or(0),
    }
}

/// Height and width that enter a node.
fn resolution(graph: &Graph, node: &Node) -> [u64; 2] {
    let extent = |axis: usize| {
        let shape = &graph.value(node.inputs[0]).shape;
        shape.get(axis).and_then(Dim::fixed).unwrap_or(1)
    };
    [extent(2), extent(3)]
}

#[cfg(test)]
mod tests {
    use super::super::FeatureLevel;
    use super::*;
    use crate::architecture::{HeadSketch, Options};
    use crate::architecture::{Scaling, Variant};

    /// By hand for B0 at 224 pixels: what each convolution gives, its swish again, and of each block with squeeze-and-excitation
    /// the pooled means, two convolutions, a swish, a sigmoid, and the product.
    #[test]
    fn activations_are_what_operators_give() {
        let b0 = Variant::by_name("b0").expect("published");
        let architecture =
            Architecture::scale(&Scaling::published(b0), Options::default()).expect("published");
        let rows = summary(&architecture, [224; 2], &[Output::Logits]).expect("published");
        let (half, quarter) = (112 * 112, 56 * 56);
        assert_eq!(rows[0].activations, 2 * 32 * half);
        let squeeze = |channels: u64, reduced: u64| 3 * channels + 2 * reduced;
        assert_eq!(
            rows[1].activations,
            3 * 32 * half + squeeze(32, 8) + 16 * half
        );
        // The second block has a shortcut.
        let first = 2 * 96 * half + 3 * 96 * quarter + squeeze(96, 4) + 24 * quarter;
        let second = 5 * 144 * quarter + squeeze(144, 6) + 2 * 24 * quarter;
        assert_eq!(rows[2].activations, first + second);
        assert_eq!(rows[8].activations, 2 * 1280 * 49);
        assert_eq!(rows[9].activations, 1280 + 1000);
    }

    /// A row for each part that the outputs need; of B0 at 224 pixels, maps are a product at each of 49 places.
    #[test]
    fn rows_are_of_what_outputs_need() {
        let b0 = Variant::by_name("b0").expect("published");
        let architecture =
            Architecture::scale(&Scaling::published(b0), Options::default()).expect("published");
        let last = |outputs: &[Output]| {
            let rows = summary(&architecture, [224; 2], outputs).expect("published");
            let macs: u64 = rows.iter().map(|row| row.counts.macs).sum();
            let last = rows.last().expect("a row").clone();
            (last.part, last.counts.parameters, last.counts.macs, macs)
        };
        let (whole, body) = (385_814_752, 385_814_752 - 1_280_000);
        let maps = 49 * 1_280_000;
        let row = |part: &str| part.to_owned();
        assert_eq!(
            last(&[Output::Logits]),
            (row("classifier"), 1_281_000, 1_280_000, whole)
        );
        assert_eq!(
            last(&[Output::Cam]),
            (row("cam"), 1_280_000, maps, body + maps)
        );
        assert_eq!(
            last(&[Output::Cam, Output::Logits]),
            (row("cam"), 0, maps, whole + maps)
        );
        assert_eq!(last(&[Output::Pooled]).0, "head");
        assert_eq!(last(&[Output::Pooled]).3, body);
        assert_eq!(
            last(&[Output::Features(FeatureLevel::ALL[0])]),
            (row("1"), 1448, 10_035_712, 10_838_016 + 10_035_712)
        );
    }

    /// By hand: a batch norm of 1280 features, and two matrices, the first without bias.
    #[test]
    fn a_longer_head_is_a_row_in_words() {
        let b0 = Variant::by_name("b0").expect("published");
        let row = |head: &str, outputs: &[Output]| {
            let chain = head.parse::<HeadSketch>().expect("a head");
            let chain = chain.complete(1000).expect("a head");
            let architecture = Architecture::scale(&Scaling::published(b0), Options::default());
            let architecture = architecture.and_then(|scaled| scaled.with_head(Some(chain)));
            let architecture = architecture.expect("of usual size");
            let rows = summary(&architecture, [224; 2], outputs).expect("a network");
            let last = rows.last().expect("a row").clone();
            let counts = (
                last.counts.parameters,
                last.counts.buffers,
                last.counts.macs,
            );
            (last.part, last.operator, last.channels, counts)
        };
        let head = "gem:3,bn,linear-no-bias:64,relu,linear";
        let parameters = 2 * 1280 + 64 * 1280 + 64 * 1000 + 1000;
        let counts = (parameters, 2 * 1280, 64 * 1280 + 64 * 1000);
        assert_eq!(
            row(head, &[Output::Logits]),
            ("classifier".to_owned(), head.to_owned(), 1000, counts)
        );
        let counts = (2 * 1280 + 64 * 1280, 2 * 1280, 64 * 1280);
        assert_eq!(
            row(head, &[Output::Embedding]),
            ("embedding".to_owned(), head.to_owned(), 64, counts)
        );
        let (part, _, channels, counts) =
            row("catavgmax,ln,linear:8,normalize", &[Output::Embedding]);
        assert_eq!((part.as_str(), channels), ("embedding", 8));
        assert_eq!(counts, (2 * 2560 + 8 * 2560 + 8, 0, 8 * 2560));
    }

    #[test]
    fn rows_add_up_to_the_whole() {
        for variant in Variant::all() {
            let architecture =
                Architecture::scale(&Scaling::published(variant), Options::default())
                    .expect("published");
            let size = [variant.resolution; 2];
            let rows = summary(&architecture, size, &[Output::Logits]).expect("published");
            let whole = build(&architecture, &Interface::single(size))
                .expect("published")
                .counts();
            let sum = |count: fn(&Counts) -> u64| rows.iter().map(|row| count(&row.counts)).sum();
            let added = Counts {
                parameters: sum(|counts| counts.parameters),
                buffers: sum(|counts| counts.buffers),
                macs: sum(|counts| counts.macs),
                mixing_macs: sum(|counts| counts.mixing_macs),
            };
            assert_eq!(added, whole, "{}", variant.name);
        }
    }
}
