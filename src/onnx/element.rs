//! Element types as ONNX numbers and spells them.

use super::proto::tensor_proto::DataType;
use crate::tensor::Element;

/// The element type with a number of `TensorProto.DataType`.
///
/// # Errors
/// For UNDEFINED and for numbers that do not exist: says what is wrong.
pub fn from_number(number: i32) -> Result<Element, String> {
    let data_type = DataType::try_from(number)
        .map_err(|error| format!("element type {} does not exist", error.0))?;
    Ok(match data_type {
        DataType::Undefined => return Err("it has no element type".to_owned()),
        DataType::Float => Element::F32,
        DataType::Uint8 => Element::U8,
        DataType::Int8 => Element::I8,
        DataType::Uint16 => Element::U16,
        DataType::Int16 => Element::I16,
        DataType::Int32 => Element::I32,
        DataType::Int64 => Element::I64,
        DataType::String => Element::String,
        DataType::Bool => Element::Bool,
        DataType::Float16 => Element::F16,
        DataType::Double => Element::F64,
        DataType::Uint32 => Element::U32,
        DataType::Uint64 => Element::U64,
        DataType::Complex64 => Element::Complex64,
        DataType::Complex128 => Element::Complex128,
        DataType::Bfloat16 => Element::Bf16,
        DataType::Float8e4m3fn => Element::F8e4m3fn,
        DataType::Float8e4m3fnuz => Element::F8e4m3fnuz,
        DataType::Float8e5m2 => Element::F8e5m2,
        DataType::Float8e5m2fnuz => Element::F8e5m2fnuz,
        DataType::Uint4 => Element::U4,
        DataType::Int4 => Element::I4,
        DataType::Float4e2m1 => Element::F4e2m1,
        DataType::Float8e8m0 => Element::F8e8m0,
        DataType::Uint2 => Element::U2,
        DataType::Int2 => Element::I2,
        DataType::Float6e2m3 => Element::F6e2m3,
        DataType::Float6e3m2 => Element::F6e3m2,
    })
}

/// What a file calls an element type.
#[must_use]
pub fn data_type(element: Element) -> DataType {
    match element {
        Element::F32 => DataType::Float,
        Element::F16 => DataType::Float16,
        Element::Bf16 => DataType::Bfloat16,
        Element::F64 => DataType::Double,
        Element::I64 => DataType::Int64,
        Element::I32 => DataType::Int32,
        Element::I16 => DataType::Int16,
        Element::I8 => DataType::Int8,
        Element::U64 => DataType::Uint64,
        Element::U32 => DataType::Uint32,
        Element::U16 => DataType::Uint16,
        Element::U8 => DataType::Uint8,
        Element::Bool => DataType::Bool,
        Element::String => DataType::String,
        Element::Complex64 => DataType::Complex64,
        Element::Complex128 => DataType::Complex128,
        Element::F8e4m3fn => DataType::Float8e4m3fn,
        Element::F8e4m3fnuz => DataType::Float8e4m3fnuz,
        Element::F8e5m2 => DataType::Float8e5m2,
        Element::F8e5m2fnuz => DataType::Float8e5m2fnuz,
        Element::F8e8m0 => DataType::Float8e8m0,
        Element::F6e2m3 => DataType::Float6e2m3,
        Element::F6e3m2 => DataType::Float6e3m2,
        Element::F4e2m1 => DataType::Float4e2m1,
        Element::I4 => DataType::Int4,
        Element::I2 => DataType::Int2,
        Element::U4 => DataType::Uint4,
        Element::U2 => DataType::Uint2,
    }
}

/// The number of an element type in `TensorProto.DataType`.
#[must_use]
pub fn number(element: Element) -> i32 {
    data_type(element) as i32
}

/// ONNX's own name of an element type in lower case, such as `float` or `int64`.
#[must_use]
pub fn name(element: Element) -> String {
    lower_case(data_type(element))
}

/// ONNX's own name for a number in `TensorProto.DataType`, `undefined` among them; none for numbers that do not exist.
#[must_use]
pub fn name_of_number(number: i32) -> Option<String> {
    DataType::try_from(number).ok().map(lower_case)
}

fn lower_case(data_type: DataType) -> String {
    data_type.as_str_name().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_back_from_its_number() {
        for element in Element::ALL {
            assert_eq!(from_number(number(element)), Ok(element));
        }
        let known = (-1..=99).filter_map(|number| from_number(number).ok());
        assert_eq!(known.count(), Element::ALL.len());
        let wrong = [0, 99].map(|number| from_number(number).expect_err("no type"));
        assert_eq!(
            wrong,
            ["it has no element type", "element type 99 does not exist"]
        );
        assert_eq!(name_of_number(0).as_deref(), Some("undefined"));
        assert_eq!(name_of_number(99), None);
        assert_eq!(name(Element::F32), "float");
        assert_eq!(name(Element::I4), "int4");
    }
}
