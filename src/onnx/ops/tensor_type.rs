//! Element type and shape of a value, and how a file declares them.

use crate::onnx::element;
use crate::onnx::proto::tensor_shape_proto::dimension::Value;
use crate::onnx::proto::{TensorShapeProto, TypeProto, type_proto};
use crate::tensor::Element;
use crate::tensor::shape::{self, Dim, Shape};
use std::fmt;

/// Element type and shape of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorType {
    /// Element type.
    pub element: Element,
    /// Shape, outermost dimension first.
    pub shape: Shape,
}

impl TensorType {
    /// The type that a file declares; none if that is no tensor or one of unknown rank.
    ///
    /// # Errors
    /// If the declaration is incomplete or impossible: says what is wrong.
    pub fn from_proto(declared: Option<&TypeProto>) -> Result<Option<Self>, String> {
        let value = declared
            .and_then(|declared| declared.value.as_ref())
            .ok_or("it has no type")?;
        let type_proto::Value::TensorType(tensor) = value else {
            return Ok(None);
        };
        let element = element::from_number(tensor.elem_type())?;
        let Some(shape) = &tensor.shape else {
            return Ok(None);
        };
        Ok(Some(Self {
            element,
            shape: read_shape(shape),
        }))
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            element::name(self.element),
            shape::display(&self.shape)
        )
    }
}

fn read_shape(shape: &TensorShapeProto) -> Shape {
    let read = |value: Option<&Value>| match value {
        // A negative extent is one that is not known, as ONNX Runtime takes it; Paddle2ONNX writes −1.
        Some(Value::DimValue(extent)) => u64::try_from(*extent).map_or(Dim::Unset, Dim::Fixed),
        Some(Value::DimParam(name)) if !name.is_empty() => Dim::symbol(name, 1),
        Some(Value::DimParam(_)) | None => Dim::Unset,
    };
    shape
        .dim
        .iter()
        .map(|dim| read(dim.value.as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::tensor_shape_proto::Dimension;

    fn declared(elem_type: Option<i32>, dims: Option<Vec<Option<Value>>>) -> TypeProto {
        let dim = |value| Dimension {
            value,
            denotation: None,
        };
        let shape = dims.map(|dims| TensorShapeProto {
            dim: dims.into_iter().map(dim).collect(),
        });
        let tensor = type_proto::Tensor { elem_type, shape };
        TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            denotation: None,
        }
    }

    #[test]
    fn declarations() {
        let name = |name: &str| Some(Value::DimParam(name.to_owned()));
        let extent = |extent| Some(Value::DimValue(extent));
        let shape = vec![name("batch"), extent(3), name(""), None, extent(-1)];
        let read = TensorType::from_proto(Some(&declared(Some(1), Some(shape))))
            .expect("legal")
            .expect("a tensor");
        assert_eq!(read.to_string(), "float[batch, 3, ?, ?, ?]");
        let scalar = TensorType::from_proto(Some(&declared(Some(7), Some(vec![]))));
        assert_eq!(
            scalar,
            Ok(Some(TensorType {
                element: Element::I64,
                shape: vec![]
            }))
        );
        assert_eq!(
            TensorType::from_proto(Some(&declared(Some(1), None))),
            Ok(None)
        );
        let sequence = type_proto::Value::SequenceType(Box::default());
        let sequence = TypeProto {
            value: Some(sequence),
            denotation: None,
        };
        assert_eq!(TensorType::from_proto(Some(&sequence)), Ok(None));
        for (wrong, expected) in [
            (None, "it has no type"),
            (Some(TypeProto::default()), "it has no type"),
            (Some(declared(None, None)), "it has no element type"),
            (Some(declared(Some(0), None)), "it has no element type"),
            (
                Some(declared(Some(99), None)),
                "element type 99 does not exist",
            ),
        ] {
            assert_eq!(
                TensorType::from_proto(wrong.as_ref()),
                Err(expected.to_owned())
            );
        }
    }
}
