//! How many numbers a node sums for one element of its result.

use crate::onnx::proto::NodeProto;
use crate::verify::trace::attribute;

/// What is known of the values that a node reads.
pub trait KnownOperands {
    /// The extents of a value.
    fn shape(&self, value: &str) -> Option<Vec<u64>>;

    /// The elements of a small constant.
    fn constant(&self, value: &str) -> Option<Vec<f64>>;
}

/// How many products or elements a node of ONNX's own domain sums for each element of its result: of a convolution its
/// kernel's volume times the input channels of a group, of a matrix product its inner extent, of a mean or another
/// reduction the elements that it reduces. None for nodes that do not reduce, and where extents are not known.
///
/// AutoCast (`DepthOfReductionRule` of `modelopt.onnx.autocast.nodeclassifier`) counts convolutions and products alike; of
/// a reduction over several axes it takes each axis for itself, where this takes all of them together.
#[must_use]
pub fn reduction_depth(node: &NodeProto, known: &dyn KnownOperands) -> Option<u64> {
    if !matches!(node.domain(), "" | "ai.onnx") {
        return None;
    }
    let operand = |index: usize| node.input.get(index).filter(|name| !name.is_empty());
    let shape = |index: usize| known.shape(operand(index)?);
    let flag = |name: &str| attribute(node, name).is_some_and(|found| found.i() != 0);
    let product = |extents: &[u64]| extents.iter().copied().fold(1, u64::saturating_mul);
    match node.op_type() {
        "Conv" => shape(1)?.get(1..).map(product),
        // The kernel of a transposed convolution begins with the input channels, of all groups.
        "ConvTranspose" => {
            let group = attribute(node, "group").map_or(1, |group| group.i().max(1));
            let weight = shape(1)?;
            let channels = weight.first()? / u64::try_from(group).ok()?;
            Some(channels.saturating_mul(product(weight.get(2..)?)))
        }
        "Gemm" => {
            let first = shape(0)?;
            let inner = usize::from(!flag("transA"));
            first.get(inner).copied()
        }
        "MatMul" => shape(0)?.last().copied(),
        "GlobalAveragePool" | "GlobalLpPool" => shape(0)?.get(2..).map(product),
        "AveragePool" | "LpPool" => {
            let kernel = attribute(node, "kernel_shape")?;
            let extent = |extent: &i64| u64::try_from(*extent).ok();
            let extents: Option<Vec<u64>> = kernel.ints.iter().map(extent).collect();
            Some(product(&extents?))
        }
        "ReduceMax" | "ReduceMin" => None,
        op_type if op_type.starts_with("Reduce") => {
            let shape = shape(0)?;
            let axes = match (attribute(node, "axes"), operand(1)) {
                (Some(axes), _) => axes.ints.clone(),
                (None, Some(axes)) => known.constant(axes)?.into_iter().map(whole).collect(),
                (None, None) => Vec::new(),
            };
            if axes.is_empty() {
                return (!flag("noop_with_empty_axes")).then(|| product(&shape));
            }
            let rank = i64::try_from(shape.len()).ok()?;
            let extent = |axis: i64| {
                let place = if axis < 0 { axis + rank } else { axis };
                shape.get(usize::try_from(place).ok()?).copied()
            };
            let extents: Option<Vec<u64>> = axes.into_iter().map(extent).collect();
            Some(product(&extents?))
        }
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "axes are small integers; another number is an axis that no value has"
)]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::AttributeProto;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Shapes(BTreeMap<&'static str, Vec<u64>>);

    impl KnownOperands for Shapes {
        fn shape(&self, value: &str) -> Option<Vec<u64>> {
            self.0.get(value).cloned()
        }

        fn constant(&self, value: &str) -> Option<Vec<f64>> {
            (value == "axes").then(|| vec![2.0, -1.0])
        }
    }

    fn node(op_type: &str, input: &[&str], attributes: &[(&str, &[i64])]) -> NodeProto {
        let attribute = |&(name, values): &(&str, &[i64])| AttributeProto {
            name: Some(name.to_owned()),
            i: values.first().copied(),
            ints: values.to_vec(),
            ..AttributeProto::default()
        };
        NodeProto {
            op_type: Some(op_type.to_owned()),
            input: input.iter().map(|&name| name.to_owned()).collect(),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        }
    }

    #[test]
    fn depths_are_those_of_the_operators_definitions() {
        let known = Shapes(BTreeMap::from([
            ("image", vec![2, 8, 5, 7]),
            ("kernel", vec![16, 4, 3, 3]),
            ("transposed", vec![8, 6, 2, 2]),
            ("matrix", vec![10, 20]),
        ]));
        for (node, depth) in [
            (node("Conv", &["image", "kernel", "bias"], &[]), Some(36)),
            (
                node(
                    "ConvTranspose",
                    &["image", "transposed"],
                    &[("group", &[2])],
                ),
                Some(16),
            ),
            (node("Gemm", &["matrix", "w"], &[]), Some(20)),
            (
                node("Gemm", &["matrix", "w"], &[("transA", &[1])]),
                Some(10),
            ),
            (node("MatMul", &["image", "w"], &[]), Some(7)),
            (node("GlobalAveragePool", &["image"], &[]), Some(35)),
            (
                node("AveragePool", &["image"], &[("kernel_shape", &[3, 2])]),
                Some(6),
            ),
            (
                node("ReduceMean", &["image"], &[("axes", &[1, -1])]),
                Some(56),
            ),
            (node("ReduceMean", &["image", "axes"], &[]), Some(35)),
            (node("ReduceSum", &["image"], &[]), Some(560)),
            (
                node("ReduceSum", &["image"], &[("noop_with_empty_axes", &[1])]),
                None,
            ),
            (node("ReduceMean", &["image", "computed"], &[]), None),
            (node("ReduceMean", &["image"], &[("axes", &[4])]), None),
            (node("ReduceMax", &["image"], &[]), None),
            (node("Conv", &["image", "unknown"], &[]), None),
            (node("Sigmoid", &["image"], &[]), None),
        ] {
            assert_eq!(reduction_depth(&node, &known), depth, "{node:?}");
        }
        let mut foreign = node("Conv", &["image", "kernel"], &[]);
        foreign.domain = Some("com.example".to_owned());
        assert_eq!(reduction_depth(&foreign, &known), None);
    }
}
