//! The type of a result from the types of the operands.
//!
//! An extent that is not known agrees with every other; a result's extent is known as soon as one
//! operand decides it.

mod joined;
mod reduce;
mod reshape;

use super::{Axes, ConvPads, OpError, Operator, TensorType};
use crate::tensor::shape::{self, Dim, Shape};
use joined::{broadcast, concat};

impl Operator {
    /// Type of the result; operands that are left out are not in `inputs`. `known` has the elements of those operands
    /// that are constant integers; without them, only the rank of a reshaped value is known.
    ///
    /// # Errors
    /// If the operator does not take operands of these types and shapes, or this use of it is not known here.
    pub fn infer(
        &self,
        inputs: &[TensorType],
        known: &[Option<&[i64]>],
    ) -> Result<TensorType, OpError> {
        self.check_operand_count(inputs.len())?;
        self.check_elements(inputs)?;
        self.infer_shape(inputs, known)
    }

    /// The same of operands whose element types were checked already, as another opset has them.
    ///
    /// # Errors
    /// If the operator does not take operands of these shapes, or this use of it is not known here.
    pub fn infer_shape(
        &self,
        inputs: &[TensorType],
        known: &[Option<&[i64]>],
    ) -> Result<TensorType, OpError> {
        self.check_operand_count(inputs.len())?;
        let x = &inputs[0];
        let op_type = self.op_type();
        if *self == Self::Reshape {
            return reshape::infer(x, &inputs[1], known.get(1).copied().flatten());
        }
        let shape = match self {
            Self::Conv {
                kernel_shape,
                strides,
                pads,
                group,
            } => conv(inputs, *kernel_shape, *strides, *pads, *group)?,
            Self::MaxPool {
                kernel_shape,
                strides,
                pads,
            } => max_pool(x, *kernel_shape, *strides, *pads)?,
            Self::BatchNormalization { .. } => batch_normalization(inputs)?,
            Self::Mul | Self::Add | Self::Sub | Self::Div | Self::Pow => {
                broadcast(op_type, &x.shape, &inputs[1].shape)?
            }
            Self::Max => inputs[1..]
                .iter()
                .try_fold(x.shape.clone(), |shape, input| {
                    broadcast(op_type, &shape, &input.shape)
                })?,
            Self::Concat { axis } => concat(inputs, *axis)?,
            Self::Clip => clip(inputs)?,
            Self::GlobalAveragePool | Self::GlobalMaxPool => global_pool(op_type, x)?,
            Self::Flatten { axis } => flatten(x, *axis)?,
            Self::ReduceMean { axes, keep_dims } | Self::ReduceL2 { axes, keep_dims } => match axes
            {
                Axes::Attribute(axes) => reduce::over(op_type, &x.shape, axes, *keep_dims)?,
                Axes::Operand => {
                    let elements = known.get(1).copied().flatten();
                    reduce::over_operand(op_type, &x.shape, &inputs[1], elements, *keep_dims)?
                }
            },
            Self::Gemm { trans_b } => gemm(inputs, *trans_b)?,
            Self::MatMul => matmul(inputs)?,
            Self::Transpose { perm } => transpose(&x.shape, perm)?,
            Self::Softmax { axis } => {
                resolve_axis(Operand(op_type, "x"), *axis, x.shape.len())?;
                x.shape.clone()
            }
            // A reshape, whose operands differ in type, is answered above.
            Self::Sigmoid
            | Self::Swish
            | Self::Relu
            | Self::Tanh
            | Self::Erf
            | Self::Sqrt
            | Self::Elu { .. }
            | Self::LeakyRelu { .. }
            | Self::Cast { .. }
            | Self::Reshape => x.shape.clone(),
        };
        Ok(TensorType {
            element: self.result_element(x.element),
            shape,
        })
    }
}

fn unsupported(op_type: &'static str, reason: String) -> OpError {
    OpError::Unsupported { op_type, reason }
}

/// Whether two extents can be equal: both known and different is the only no.
#[must_use]
pub fn agree(one: &Dim, other: &Dim) -> bool {
    match (one.fixed(), other.fixed()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// An operand by operator and name, for errors.
#[derive(Clone, Copy)]
pub(super) struct Operand(pub(super) &'static str, pub(super) &'static str);

impl Operand {
    pub(super) fn wrong(self, expected_and_found: impl std::fmt::Display) -> OpError {
        self.error(format!("expected {expected_and_found}"))
    }

    fn error(self, reason: String) -> OpError {
        OpError::Operand {
            op_type: self.0,
            operand: self.1,
            reason,
        }
    }

    fn has_shape(self, found: &[Dim], expected: &[Dim]) -> Result<(), OpError> {
        if found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(one, other)| agree(one, other))
        {
            return Ok(());
        }
        Err(self.wrong(format!(
            "shape {}, found {}",
            shape::display(expected),
            shape::display(found)
        )))
    }
}

fn conv(
    inputs: &[TensorType],
    kernel_shape: [u64; 2],
    strides: [u64; 2],
    pads: ConvPads,
    group: u64,
) -> Result<Shape, OpError> {
    let (x, weight) = (Operand("Conv", "x"), Operand("Conv", "weight"));
    let [batch, channels, height, width] = inputs[0].shape.as_slice() else {
        return Err(x.wrong(format!("4 dimensions, found {}", inputs[0])));
    };
    let kernel = kernel_shape.map(Dim::Fixed);
    let channels_per_group = match channels.fixed() {
        Some(channels) if group == 0 || !channels.is_multiple_of(group) => {
            return Err(x.wrong(format!("a multiple of {group} channels, found {channels}")));
        }
        Some(channels) => Dim::Fixed(channels / group),
        None => Dim::Unset,
    };
    let [height_kernel, width_kernel] = kernel;
    weight.has_shape(
        &inputs[1].shape,
        &[Dim::Unset, channels_per_group, height_kernel, width_kernel],
    )?;
    let filters = inputs[1].shape[0].clone();
    if filters
        .fixed()
        .is_some_and(|filters| group == 0 || !filters.is_multiple_of(group))
    {
        return Err(weight.wrong(format!("a multiple of {group} filters, found {filters}")));
    }
    if let Some(bias) = inputs.get(2) {
        Operand("Conv", "bias").has_shape(&bias.shape, std::slice::from_ref(&filters))?;
    }
    let [height, width] = match pads {
        ConvPads::Explicit(pads) => slide(x, [height, width], kernel_shape, strides, pads)?,
        ConvPads::SameUpper => [height.same(strides[0]), width.same(strides[1])],
    };
    Ok(vec![batch.clone(), filters, height, width])
}

fn max_pool(
    x: &TensorType,
    kernel_shape: [u64; 2],
    strides: [u64; 2],
    pads: [u64; 4],
) -> Result<Shape, OpError> {
    let operand = Operand("MaxPool", "x");
    let [batch, channels, height, width] = x.shape.as_slice() else {
        return Err(operand.wrong(format!("4 dimensions, found {x}")));
    };
    let [height, width] = slide(operand, [height, width], kernel_shape, strides, pads)?;
    Ok(vec![batch.clone(), channels.clone(), height, width])
}

fn global_pool(op_type: &'static str, x: &TensorType) -> Result<Shape, OpError> {
    match x.shape.as_slice() {
        [batch, channels, _, _] => Ok(vec![
            batch.clone(),
            channels.clone(),
            Dim::Fixed(1),
            Dim::Fixed(1),
        ]),
        _ => {
            let operand = Operand(op_type, "x");
            Err(operand.wrong(format!("4 dimensions, found {x}")))
        }
    }
}

fn flatten(x: &TensorType, axis: i64) -> Result<Shape, OpError> {
    let rank = x.shape.len();
    // All dimensions may be in the first part.
    let axis = match usize::try_from(axis) {
        Ok(axis) if axis == rank => rank,
        _ => resolve_axis(Operand("Flatten", "x"), axis, rank)?,
    };
    let (before, behind) = x.shape.split_at(axis);
    Ok(vec![product(before), product(behind)])
}

/// The extent of dimensions in one; an unknown extent stays as it is only beside ones.
fn product(dims: &[Dim]) -> Dim {
    let mut others = dims.iter().filter(|dim| **dim != Dim::Fixed(1));
    match (others.next(), others.next()) {
        (None, _) => Dim::Fixed(1),
        (Some(one), None) => one.clone(),
        _ => {
            let extents = dims.iter().map(Dim::fixed);
            let product = extents.reduce(|one, other| one?.checked_mul(other?));
            product.flatten().map_or(Dim::Unset, Dim::Fixed)
        }
    }
}

/// Height and width after a window has moved over them.
fn slide(
    operand: Operand,
    [height, width]: [&Dim; 2],
    kernel: [u64; 2],
    strides: [u64; 2],
    [top, left, bottom, right]: [u64; 4],
) -> Result<[Dim; 2], OpError> {
    let window = |extent: &Dim, axis: usize, pads| {
        extent
            .window(kernel[axis], strides[axis], pads)
            .map_err(|error| operand.error(error.to_string()))
    };
    Ok([
        window(height, 0, [top, bottom])?,
        window(width, 1, [left, right])?,
    ])
}

fn batch_normalization(inputs: &[TensorType]) -> Result<Shape, OpError> {
    let x = &inputs[0];
    let channels = match x.shape.as_slice() {
        [_, channels, ..] => channels,
        [_] => {
            let reason = format!("an `x` of one dimension, {x},");
            return Err(unsupported("BatchNormalization", reason));
        }
        [] => {
            let found = format!("2 dimensions or more, found {x}");
            return Err(Operand("BatchNormalization", "x").wrong(found));
        }
    };
    for (name, input) in ["scale", "bias", "mean", "variance"]
        .into_iter()
        .zip(&inputs[1..])
    {
        Operand("BatchNormalization", name)
            .has_shape(&input.shape, std::slice::from_ref(channels))?;
    }
    Ok(x.shape.clone())
}

fn clip(inputs: &[TensorType]) -> Result<Shape, OpError> {
    for bound in &inputs[1..] {
        // ONNX asks for a scalar; runtimes take one element in a list for it.
        if matches!(bound.shape.as_slice(), [extent] if agree(extent, &Dim::Fixed(1))) {
            let reason = format!("a bound that is a list, {bound},");
            return Err(unsupported("Clip", reason));
        }
        Operand("Clip", "bound").has_shape(&bound.shape, &[])?;
    }
    Ok(inputs[0].shape.clone())
}

fn gemm(inputs: &[TensorType], trans_b: bool) -> Result<Shape, OpError> {
    let [rows, inner] = inputs[0].shape.as_slice() else {
        return Err(Operand("Gemm", "a").wrong(format!("2 dimensions, found {}", inputs[0])));
    };
    let expected = if trans_b {
        [Dim::Unset, inner.clone()]
    } else {
        [inner.clone(), Dim::Unset]
    };
    Operand("Gemm", "b").has_shape(&inputs[1].shape, &expected)?;
    let columns = inputs[1].shape[usize::from(!trans_b)].clone();
    let shape = vec![rows.clone(), columns];
    if let Some(c) = inputs.get(2) {
        let aligned = c.shape.iter().rev().zip(shape.iter().rev());
        let stretches = |(dim, target): (&Dim, &Dim)| *dim == Dim::Fixed(1) || agree(dim, target);
        if c.shape.len() > shape.len() || !aligned.into_iter().all(stretches) {
            let found = format!(
                "a shape that stretches to {}, found {c}",
                shape::display(&shape)
            );
            return Err(Operand("Gemm", "c").wrong(found));
        }
    }
    Ok(shape)
}

/// As numpy's: an operand of one dimension is a row on the left and a column on the right, and that
/// dimension is not in the result.
fn matmul(inputs: &[TensorType]) -> Result<Shape, OpError> {
    let scalar = |index: usize, name| {
        Operand("MatMul", name).wrong(format!("1 dimension or more, found {}", inputs[index]))
    };
    let (one, rows, inner) = match inputs[0].shape.as_slice() {
        [stack @ .., rows, inner] => (stack, Some(rows), inner),
        [inner] => (&[][..], None, inner),
        [] => return Err(scalar(0, "a")),
    };
    let (other, also_inner, columns) = match inputs[1].shape.as_slice() {
        [stack @ .., inner, columns] => (stack, inner, Some(columns)),
        [inner] => (&[][..], inner, None),
        [] => return Err(scalar(1, "b")),
    };
    if !agree(inner, also_inner) {
        let found = format!("{inner} rows, found {}", inputs[1]);
        return Err(Operand("MatMul", "b").wrong(found));
    }
    let mut shape = broadcast("MatMul", one, other)?;
    shape.extend(rows.into_iter().chain(columns).cloned());
    Ok(shape)
}

fn transpose(shape: &[Dim], perm: &[i64]) -> Result<Shape, OpError> {
    let mut order: Vec<Option<usize>> = perm
        .iter()
        .map(|axis| usize::try_from(*axis).ok())
        .collect();
    let permuted = order
        .iter()
        .filter_map(|axis| shape.get((*axis)?).cloned())
        .collect();
    order.sort_unstable();
    if order.iter().copied().eq((0..shape.len()).map(Some)) {
        return Ok(permuted);
    }
    let found = format!(
        "{} dimensions in the order {perm:?}, found {}",
        perm.len(),
        shape::display(shape)
    );
    Err(Operand("Transpose", "x").wrong(found))
}

fn resolve_axis(operand: Operand, axis: i64, rank: usize) -> Result<usize, OpError> {
    let from_end = usize::try_from(axis.unsigned_abs())
        .ok()
        .filter(|_| axis < 0);
    let index = match from_end {
        Some(distance) => rank.checked_sub(distance),
        None => usize::try_from(axis).ok().filter(|index| *index < rank),
    };
    index.ok_or_else(|| operand.wrong(format!("a dimension {axis}, found only {rank} dimensions")))
}

#[cfg(test)]
mod tests;
