//! Routed convolutions in operators that work for any batch, symbolic too.
//!
//! A 1×1 kernel is mixed by a product with the routing weights and applied as a batched product over
//! positions. A depthwise kernel is never mixed: every expert's convolution is computed, weighted by its
//! routing, and their sum taken, itself a grouped convolution with ones.

use crate::graph::{Conv, Graph, Node, Op, Padding, Recipe, Value, ValueId, ValueKind};
use crate::onnx::ops::Operator;
use crate::tensor::shape::{Dim, Shape};

/// Replaces every routed convolution; the last node keeps its name, and the result its value.
///
/// # Panics
/// If one is neither 1×1 nor depthwise; a network has no other.
#[must_use]
pub fn route_experts(mut graph: Graph) -> Graph {
    let nodes = std::mem::take(&mut graph.nodes);
    let mut router = Router {
        nodes: Vec::with_capacity(nodes.len()),
        graph,
    };
    for node in nodes {
        match node.op {
            Op::RoutedConv { conv, filters } if conv.groups == filters => {
                router.depthwise(&node, conv, filters);
            }
            Op::RoutedConv { conv, filters } => {
                assert!(conv.kernel == [1, 1] && conv.groups == 1, "{}", node.name);
                router.pointwise(node, filters);
            }
            _ => router.nodes.push(node),
        }
    }
    router.graph.nodes = router.nodes;
    router.graph
}

struct Router {
    graph: Graph,
    nodes: Vec<Node>,
}

impl Router {
    fn pointwise(&mut self, node: Node, filters: u64) {
        let [x, routing, weight] = [node.inputs[0], node.inputs[1], node.inputs[2]];
        let [batch, channels, height, width] = self.four(x);
        let features = channels.fixed().expect("channels are fixed");
        let filters_dim = Dim::Fixed(filters);
        let name = node.name.as_str();
        let flat = self.node(
            &format!("{name}.mix"),
            Op::Onnx(Operator::MatMul),
            vec![routing, weight],
            vec![batch.clone(), Dim::Fixed(filters * features)],
        );
        // Positions in one dimension where the result can be folded back: that needs all but one extent.
        let back = match (height.fixed(), width.fixed()) {
            (Some(height), Some(width)) => {
                Some([0, signed(filters), signed(height), signed(width)])
            }
            (Some(height), None) => Some([0, signed(filters), signed(height), -1]),
            (None, Some(width)) => Some([0, signed(filters), -1, signed(width)]),
            (None, None) => None,
        };
        let Some(back) = back else {
            return self.by_rows(node, filters, flat);
        };
        let positions = match (height.fixed(), width.fixed()) {
            (Some(height), Some(width)) => Dim::Fixed(height * width),
            _ => Dim::Unset,
        };
        let kernel = self.reshape(
            &format!("{name}.kernel"),
            flat,
            vec![0, signed(filters), signed(features)],
            vec![batch.clone(), filters_dim.clone(), channels.clone()],
        );
        let columns = self.reshape(
            &format!("{name}.columns"),
            x,
            vec![0, signed(features), -1],
            vec![batch.clone(), channels, positions.clone()],
        );
        let mut y = self.node(
            &format!("{name}.product"),
            Op::Onnx(Operator::MatMul),
            vec![kernel, columns],
            vec![batch.clone(), filters_dim.clone(), positions.clone()],
        );
        if let Some(bias) = node.inputs.get(3) {
            self.graph.values[bias.0].shape = vec![filters_dim.clone(), Dim::Fixed(1)];
            y = self.node(
                &format!("{name}.biased"),
                Op::Add,
                vec![y, *bias],
                vec![batch, filters_dim, positions],
            );
        }
        let target = self.target_shape(name, back.to_vec());
        self.finish(node, Op::Onnx(Operator::Reshape), vec![y, target]);
    }

    /// A 1×1 kernel where height and width are both unknown: one product for each row of the image.
    fn by_rows(&mut self, node: Node, filters: u64, flat: ValueId) {
        let x = node.inputs[0];
        let [batch, channels, height, width] = self.four(x);
        let features = channels.fixed().expect("channels are fixed");
        let filters_dim = Dim::Fixed(filters);
        let name = node.name.as_str();
        let kernel = self.reshape(
            &format!("{name}.kernel"),
            flat,
            vec![0, 1, signed(filters), signed(features)],
            vec![
                batch.clone(),
                Dim::Fixed(1),
                filters_dim.clone(),
                channels.clone(),
            ],
        );
        let swap = || {
            Op::Onnx(Operator::Transpose {
                perm: vec![0, 2, 1, 3],
            })
        };
        let rows = self.node(
            &format!("{name}.rows"),
            swap(),
            vec![x],
            vec![batch.clone(), height.clone(), channels, width.clone()],
        );
        let shape = vec![batch, height, filters_dim.clone(), width];
        let mut y = self.node(
            &format!("{name}.product"),
            Op::Onnx(Operator::MatMul),
            vec![kernel, rows],
            shape.clone(),
        );
        if let Some(bias) = node.inputs.get(3) {
            self.graph.values[bias.0].shape = vec![filters_dim, Dim::Fixed(1)];
            y = self.node(&format!("{name}.biased"), Op::Add, vec![y, *bias], shape);
        }
        self.finish(node, swap(), vec![y]);
    }

    fn depthwise(&mut self, node: &Node, conv: Conv, filters: u64) {
        let [x, routing, weight] = [node.inputs[0], node.inputs[1], node.inputs[2]];
        let experts = self.graph.value(weight).shape[0]
            .fixed()
            .expect("parameters have known shapes");
        let batch = self.graph.value(x).shape[0].clone();
        let [_, _, height, width] = self.four(node.output);
        let name = node.name.clone();
        let all = Dim::Fixed(filters * experts);
        let stored = &mut self.graph.values[weight.0];
        if let ValueKind::Initializer(recipe) = &stored.kind {
            let of = Box::new(recipe.clone());
            stored.kind = ValueKind::Initializer(Recipe::ExpertsInner {
                of,
                experts,
                filters,
            });
        }
        let [kernel_height, kernel_width] = conv.kernel.map(Dim::Fixed);
        stored.shape = vec![all.clone(), Dim::Fixed(1), kernel_height, kernel_width];
        let every = self.node(
            &format!("{name}.experts"),
            Op::Conv(conv),
            vec![x, weight],
            vec![batch.clone(), all.clone(), height.clone(), width.clone()],
        );
        // The routing weights once for every channel.
        let row = self.reshape(
            &format!("{name}.routing"),
            routing,
            vec![0, 1, signed(experts)],
            vec![batch.clone(), Dim::Fixed(1), Dim::Fixed(experts)],
        );
        let ones = |count: u64| vec![1.0; usize::try_from(count).expect("filters fit memory")];
        let column = self.constant(
            &format!("{name}.channels"),
            vec![Dim::Fixed(filters), Dim::Fixed(1)],
            ones(filters),
        );
        let tiled = self.node(
            &format!("{name}.tiled"),
            Op::Mul,
            vec![row, column],
            vec![batch.clone(), Dim::Fixed(filters), Dim::Fixed(experts)],
        );
        let gates = self.reshape(
            &format!("{name}.gates"),
            tiled,
            vec![0, signed(filters * experts), 1, 1],
            vec![batch.clone(), all.clone(), Dim::Fixed(1), Dim::Fixed(1)],
        );
        let weighted = self.node(
            &format!("{name}.weighted"),
            Op::Mul,
            vec![every, gates],
            vec![batch, all, height, width],
        );
        let sum = self.constant(
            &format!("{name}.sum"),
            [filters, experts, 1, 1].map(Dim::Fixed).to_vec(),
            ones(filters * experts),
        );
        let op = Op::Conv(Conv {
            kernel: [1, 1],
            stride: [1, 1],
            groups: filters,
            padding: Padding::Symmetric,
        });
        let inputs = [weighted, sum]
            .into_iter()
            .chain(node.inputs.get(3).copied());
        self.finish(node.clone(), op, inputs.collect());
    }

    fn finish(&mut self, node: Node, op: Op, inputs: Vec<ValueId>) {
        self.nodes.push(Node { op, inputs, ..node });
    }

    fn node(&mut self, name: &str, op: Op, inputs: Vec<ValueId>, shape: Shape) -> ValueId {
        let output = self.value(name, shape, ValueKind::Activation);
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs,
            output,
        });
        output
    }

    fn reshape(&mut self, name: &str, x: ValueId, target: Vec<i64>, shape: Shape) -> ValueId {
        let target = self.target_shape(name, target);
        self.node(name, Op::Onnx(Operator::Reshape), vec![x, target], shape)
    }

    fn target_shape(&mut self, name: &str, target: Vec<i64>) -> ValueId {
        let shape = vec![Dim::Fixed(target.len() as u64)];
        let kind = ValueKind::TargetShape(target);
        self.value(&format!("{name}.shape"), shape, kind)
    }

    fn constant(&mut self, name: &str, shape: Shape, values: Vec<f32>) -> ValueId {
        self.value(name, shape, ValueKind::Constant(values))
    }

    fn value(&mut self, name: &str, shape: Shape, kind: ValueKind) -> ValueId {
        self.graph.add_value(Value {
            name: name.to_owned(),
            shape,
            kind,
        })
    }

    fn four(&self, id: ValueId) -> [Dim; 4] {
        let shape = self.graph.value(id).shape.clone();
        shape.try_into().expect("images have four dimensions")
    }
}

fn signed(extent: u64) -> i64 {
    i64::try_from(extent).expect("an extent fits 63 bits")
}
