//! Which operators there are: their names, attributes and numbers of operands, and the function that computes each.
//!
//! An attribute that is not listed is refused, so that none is silently ignored. Sources of every function
//! below: ONNX's operator reference (`docs/Operators.md`, and `docs/Changelog.md` for older definitions).

use super::call::Call;
use super::tensor::Tensor;
use super::{
    arithmetic, convolution, elementwise, linear, moving, normalise, padding, pooling, quantise,
    reduce, shaping,
};

type Compute = fn(&Call) -> Result<Vec<Tensor>, String>;

/// An operator of ONNX's own domain.
pub struct Operator {
    /// Its name.
    pub op_type: &'static str,
    attributes: &'static [&'static str],
    /// Least and greatest number of operands.
    operands: (usize, usize),
    compute: Compute,
}

impl Operator {
    /// Computes the results, after a look at what no function would see.
    pub fn run(&self, call: &Call) -> Result<Vec<Tensor>, String> {
        let (least, most) = self.operands;
        let found = call.operands.len();
        if found < least || found > most {
            return Err(format!(
                "expected {least} to {most} operands, found {found}"
            ));
        }
        for attribute in call.attributes {
            let name = attribute.name.as_deref().unwrap_or_default();
            if !self.attributes.contains(&name) {
                return Err(format!("attribute `{name}` is not supported"));
            }
        }
        (self.compute)(call)
    }
}

/// The operator of that name, if it is known.
pub fn find(op_type: &str) -> Option<&'static Operator> {
    OPERATORS
        .iter()
        .find(|operator| operator.op_type == op_type)
}

const fn operator(
    op_type: &'static str,
    attributes: &'static [&'static str],
    operands: (usize, usize),
    compute: Compute,
) -> Operator {
    Operator {
        op_type,
        attributes,
        operands,
        compute,
    }
}

const MANY: usize = usize::MAX;
const WINDOW: &[&str] = &[
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "dilations",
    "kernel_shape",
    "pads",
    "storage_order",
    "strides",
];
const CONVOLUTION: &[&str] = &[
    "auto_pad",
    "dilations",
    "group",
    "kernel_shape",
    "pads",
    "strides",
];
const NORMALISE: &[&str] = &[
    "consumed_inputs",
    "epsilon",
    "is_test",
    "momentum",
    "spatial",
    "training_mode",
];
const REDUCE: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];
const CAST: &[&str] = &["to", "saturate", "round_mode"];
const CONSTANT: &[&str] = &[
    "value",
    "value_float",
    "value_floats",
    "value_int",
    "value_ints",
];
const GEMM: &[&str] = &["alpha", "beta", "broadcast", "transA", "transB"];
const QUANTISE: &[&str] = &[
    "axis",
    "block_size",
    "output_dtype",
    "precision",
    "saturate",
];
const LEGACY: &[&str] = &["consumed_inputs"];

/// All of them, in the order of their names.
#[rustfmt::skip]
pub static OPERATORS: &[Operator] = &[
    operator("Abs", LEGACY, (1, 1), elementwise::abs),
    operator("Add", LEGACY, (2, 2), arithmetic::add),
    operator("And", &[], (2, 2), arithmetic::and),
    operator("AveragePool", WINDOW, (1, 1), pooling::average),
    operator("BatchNormalization", NORMALISE, (5, 5), normalise::batch),
    operator("Cast", CAST, (1, 1), quantise::cast),
    operator("CastLike", CAST, (2, 2), quantise::cast_like),
    operator("Ceil", LEGACY, (1, 1), elementwise::ceil),
    operator("Clip", &["consumed_inputs", "max", "min"], (1, 3), elementwise::clip),
    operator("Concat", &["axis"], (1, MANY), moving::concat),
    operator("Constant", CONSTANT, (0, 0), shaping::constant),
    operator("ConstantOfShape", &["value"], (1, 1), shaping::constant_of_shape),
    operator("Conv", CONVOLUTION, (2, 3), convolution::conv),
    operator("Cos", &[], (1, 1), elementwise::cos),
    operator("DequantizeLinear", QUANTISE, (2, 3), quantise::dequantize),
    operator("Div", LEGACY, (2, 2), arithmetic::div),
    operator("Dropout", &["consumed_inputs", "is_test", "ratio", "seed"], (1, 3), shaping::dropout),
    operator("Elu", &["alpha", "consumed_inputs"], (1, 1), elementwise::elu),
    operator("Equal", &[], (2, 2), arithmetic::equal),
    operator("Erf", &[], (1, 1), elementwise::erf),
    operator("Exp", LEGACY, (1, 1), elementwise::exp),
    operator("Expand", &[], (2, 2), moving::expand),
    operator("Flatten", &["axis"], (1, 1), shaping::flatten),
    operator("Floor", LEGACY, (1, 1), elementwise::floor),
    operator("Gather", &["axis"], (2, 2), moving::gather),
    operator("Gelu", &["approximate"], (1, 1), elementwise::gelu),
    operator("Gemm", GEMM, (2, 3), linear::gemm),
    operator("GlobalAveragePool", &[], (1, 1), pooling::global_average),
    operator("GlobalMaxPool", &[], (1, 1), pooling::global_max),
    operator("Greater", &[], (2, 2), arithmetic::greater),
    operator("GreaterOrEqual", &[], (2, 2), arithmetic::greater_or_equal),
    operator("HardSigmoid", &["alpha", "beta", "consumed_inputs"], (1, 1), elementwise::hard_sigmoid),
    operator("HardSwish", &[], (1, 1), elementwise::hard_swish),
    operator("Identity", &[], (1, 1), shaping::identity),
    operator("LeakyRelu", &["alpha", "consumed_inputs"], (1, 1), elementwise::leaky_relu),
    operator("Less", &[], (2, 2), arithmetic::less),
    operator("LessOrEqual", &[], (2, 2), arithmetic::less_or_equal),
    operator("Log", LEGACY, (1, 1), elementwise::log),
    operator("LogSoftmax", &["axis"], (1, 1), normalise::log_softmax),
    operator("MatMul", &[], (2, 2), linear::matmul),
    operator("Max", LEGACY, (1, MANY), arithmetic::max),
    operator("MaxPool", WINDOW, (1, 1), pooling::max),
    operator("Mean", LEGACY, (1, MANY), arithmetic::mean),
    operator("Min", LEGACY, (1, MANY), arithmetic::min),
    operator("Mish", &[], (1, 1), elementwise::mish),
    operator("Mod", &["fmod"], (2, 2), arithmetic::modulo),
    operator("Mul", LEGACY, (2, 2), arithmetic::mul),
    operator("Neg", LEGACY, (1, 1), elementwise::neg),
    operator("Not", &[], (1, 1), elementwise::not),
    operator("Or", &[], (2, 2), arithmetic::or),
    operator("PRelu", LEGACY, (2, 2), arithmetic::prelu),
    operator("Pad", &["mode", "pads", "value"], (1, 4), padding::pad),
    operator("Pow", &[], (2, 2), arithmetic::pow),
    operator("QuantizeLinear", QUANTISE, (2, 3), quantise::quantize),
    operator("Range", &["stash_type"], (3, 3), shaping::range),
    operator("Reciprocal", LEGACY, (1, 1), elementwise::reciprocal),
    operator("ReduceL1", REDUCE, (1, 2), reduce::l1),
    operator("ReduceL2", REDUCE, (1, 2), reduce::l2),
    operator("ReduceLogSum", REDUCE, (1, 2), reduce::log_sum),
    operator("ReduceLogSumExp", REDUCE, (1, 2), reduce::log_sum_exp),
    operator("ReduceMax", REDUCE, (1, 2), reduce::max),
    operator("ReduceMean", REDUCE, (1, 2), reduce::mean),
    operator("ReduceMin", REDUCE, (1, 2), reduce::min),
    operator("ReduceProd", REDUCE, (1, 2), reduce::product),
    operator("ReduceSum", REDUCE, (1, 2), reduce::sum),
    operator("ReduceSumSquare", REDUCE, (1, 2), reduce::sum_square),
    operator("Relu", LEGACY, (1, 1), elementwise::relu),
    operator("Reshape", &["allowzero", "consumed_inputs", "shape"], (1, 2), shaping::reshape),
    operator("Round", &[], (1, 1), elementwise::round),
    operator("Selu", &["alpha", "consumed_inputs", "gamma"], (1, 1), elementwise::selu),
    operator("Shape", &["end", "start"], (1, 1), shaping::shape),
    operator("Sigmoid", LEGACY, (1, 1), elementwise::sigmoid),
    operator("Sign", &[], (1, 1), elementwise::sign),
    operator("Sin", &[], (1, 1), elementwise::sin),
    operator("Size", &[], (1, 1), shaping::size),
    operator("Slice", &["axes", "ends", "starts"], (1, 5), moving::slice),
    operator("Softmax", &["axis"], (1, 1), normalise::softmax),
    operator("Softplus", &[], (1, 1), elementwise::softplus),
    operator("Softsign", &[], (1, 1), elementwise::softsign),
    operator("Split", &["axis", "num_outputs", "split"], (1, 2), moving::split),
    operator("Sqrt", LEGACY, (1, 1), elementwise::sqrt),
    operator("Squeeze", &["axes"], (1, 2), shaping::squeeze),
    operator("Sub", LEGACY, (2, 2), arithmetic::sub),
    operator("Sum", LEGACY, (1, MANY), arithmetic::sum),
    operator("Swish", &["alpha"], (1, 1), elementwise::swish),
    operator("Tanh", LEGACY, (1, 1), elementwise::tanh),
    operator("Tile", &[], (2, 2), moving::tile),
    operator("Transpose", &["perm"], (1, 1), moving::transpose),
    operator("Unsqueeze", &["axes"], (1, 2), shaping::unsqueeze),
    operator("Where", &[], (3, 3), arithmetic::choose),
    operator("Xor", &[], (2, 2), arithmetic::xor),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The number is that of the operators that `tests/graphs/reference.rs` sees pass.
    #[test]
    fn each_operator_is_there_once() {
        let ordered = |pair: &[Operator]| pair[0].op_type < pair[1].op_type;
        assert!(OPERATORS.windows(2).all(ordered));
        assert_eq!(OPERATORS.len(), 91);
    }
}
