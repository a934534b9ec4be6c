//! Routed convolutions in operators that work for any batch, symbolic too.
//!
//! A 1×1 kernel is mixed by a product with the routing weights and applied as a batched product over
//! positions. A depthwise kernel is never mixed: every expert's convolution is computed, weighted by its
//! routing, and their sum taken, itself a grouped convolution with ones.

use super::speller::{SpellError, Speller};
use crate::graph::{Conv, Node, WeightRecipe};
use crate::onnx::graph::{Constant, NodeError, ValueId};
use crate::onnx::ops::{ConvPads, Operator};
use crate::tensor::shape::Dim;

/// Spells a routed convolution; the last node has its name, and the result its value's.
///
/// # Panics
/// If it is neither 1×1 nor depthwise; a network has no other.
pub(super) fn spell(
    speller: &mut Speller<'_>,
    node: &Node,
    conv: Conv,
    filters: u64,
) -> Result<ValueId, SpellError> {
    if conv.groups == filters {
        return speller.depthwise(node, conv, filters);
    }
    assert!(conv.kernel == [1, 1] && conv.groups == 1, "{}", node.name);
    Ok(speller.pointwise(node, filters)?)
}

impl Speller<'_> {
    fn pointwise(&mut self, node: &Node, filters: u64) -> Result<ValueId, NodeError> {
        let (height, width) = (self.extent(node, 2), self.extent(node, 3));
        let features = self.extent(node, 1).expect("channels are fixed");
        let name = node.name.as_str();
        let [x, routing, weight] = [0, 1, 2].map(|index| self.value(node.inputs[index]));
        let flat = self.inner(
            &format!("{name}.mix"),
            Operator::MatMul,
            vec![routing, weight],
        )?;
        // Positions in one dimension where the result can be folded back: that needs all but one extent.
        let back = match (height, width) {
            (Some(height), Some(width)) => [0, signed(filters), signed(height), signed(width)],
            (Some(height), None) => [0, signed(filters), signed(height), -1],
            (None, Some(width)) => [0, signed(filters), -1, signed(width)],
            (None, None) => return self.by_rows(node, filters, features, flat),
        };
        let kernel = [0, signed(filters), signed(features)];
        let kernel = self.reshape(&format!("{name}.kernel"), flat, &kernel)?;
        let columns = [0, signed(features), -1];
        let columns = self.reshape(&format!("{name}.columns"), x, &columns)?;
        let product = format!("{name}.product");
        let y = self.inner(&product, Operator::MatMul, vec![kernel, columns])?;
        let y = self.biased(node, filters, y)?;
        let target = self.target_shape(name, &back);
        self.finish(node, Operator::Reshape, vec![y, target])
    }

    /// A 1×1 kernel where height and width are both unknown: one product for each row of the image.
    fn by_rows(
        &mut self,
        node: &Node,
        filters: u64,
        features: u64,
        flat: ValueId,
    ) -> Result<ValueId, NodeError> {
        let name = node.name.as_str();
        let kernel = [0, 1, signed(filters), signed(features)];
        let kernel = self.reshape(&format!("{name}.kernel"), flat, &kernel)?;
        let swap = || Operator::Transpose {
            perm: vec![0, 2, 1, 3],
        };
        let x = self.value(node.inputs[0]);
        let rows = self.inner(&format!("{name}.rows"), swap(), vec![x])?;
        let product = format!("{name}.product");
        let y = self.inner(&product, Operator::MatMul, vec![kernel, rows])?;
        let y = self.biased(node, filters, y)?;
        self.finish(node, swap(), vec![y])
    }

    /// The bias added as a column, if there is one.
    fn biased(&mut self, node: &Node, filters: u64, y: ValueId) -> Result<ValueId, NodeError> {
        let Some(bias) = node.inputs.get(3) else {
            return Ok(y);
        };
        let column = vec![Dim::Fixed(filters), Dim::Fixed(1)];
        let bias = self.initializer(*bias, Some(column), WeightRecipe::clone);
        let name = format!("{}.biased", node.name);
        self.inner(&name, Operator::Add, vec![y, bias])
    }

    fn depthwise(&mut self, node: &Node, conv: Conv, filters: u64) -> Result<ValueId, SpellError> {
        let name = node.name.as_str();
        let weight = node.inputs[2];
        let experts = self.shape(weight)[0].fixed();
        let experts = experts.expect("parameters have known shapes");
        let operator = self.conv(node, conv)?;
        let [x, routing] = [0, 1].map(|index| self.value(node.inputs[index]));
        let [height, width] = conv.kernel;
        let kernel = [filters * experts, 1, height, width].map(Dim::Fixed);
        let weight = self.initializer(weight, Some(kernel.to_vec()), |own| {
            WeightRecipe::ExpertsInner {
                of: Box::new(own.clone()),
                experts,
                filters,
            }
        });
        let every = self.inner(&format!("{name}.experts"), operator, vec![x, weight])?;
        // The routing weights once for every channel.
        let row = self.reshape(
            &format!("{name}.routing"),
            routing,
            &[0, 1, signed(experts)],
        )?;
        let column = self.ones(&format!("{name}.channels"), &[filters, 1]);
        let tiled = self.inner(&format!("{name}.tiled"), Operator::Mul, vec![row, column])?;
        let gates = [0, signed(filters * experts), 1, 1];
        let gates = self.reshape(&format!("{name}.gates"), tiled, &gates)?;
        let weighted = format!("{name}.weighted");
        let weighted = self.inner(&weighted, Operator::Mul, vec![every, gates])?;
        let sum = self.ones(&format!("{name}.sum"), &[filters, experts, 1, 1]);
        let mut inputs = vec![weighted, sum];
        if let Some(bias) = node.inputs.get(3) {
            inputs.push(self.value(*bias));
        }
        let operator = Operator::Conv {
            kernel_shape: [1, 1],
            strides: [1, 1],
            pads: ConvPads::Explicit([0; 4]),
            group: filters,
        };
        Ok(self.finish(node, operator, inputs)?)
    }

    fn reshape(&mut self, name: &str, x: ValueId, target: &[i64]) -> Result<ValueId, NodeError> {
        let target = self.target_shape(name, target);
        self.inner(name, Operator::Reshape, vec![x, target])
    }

    fn target_shape(&mut self, name: &str, target: &[i64]) -> ValueId {
        let name = format!("{name}.shape");
        let extent = target.len() as u64;
        let constant = Constant::I64(target.to_vec());
        self.builder.constant(&name, &[extent], constant)
    }

    fn ones(&mut self, name: &str, shape: &[u64]) -> ValueId {
        let count: u64 = shape.iter().product();
        let count = usize::try_from(count).expect("filters fit memory");
        let constant = Constant::F32(vec![1.0; count]);
        self.builder.constant(name, shape, constant)
    }

    /// An extent of what enters a node, if it is fixed.
    fn extent(&self, node: &Node, axis: usize) -> Option<u64> {
        self.shape(node.inputs[0])[axis].fixed()
    }
}

fn signed(extent: u64) -> i64 {
    i64::try_from(extent).expect("an extent fits 63 bits")
}
