//! The form that a recipe records.

use super::{MetadataError, Recipe, unknown};
use crate::form::{self, BatchNorms, Form, InputFormat, Linear, Normalize, Pool, Swish};
use crate::onnx::opset::{IrVersion, Opset};

impl Recipe {
    /// The form; what follows from other fields is left at its default.
    pub(super) fn form(&self) -> Result<Form, MetadataError> {
        let mut elements = form::elements().into_iter();
        let swish = named(
            "swish",
            &self.swish,
            Swish::by_name,
            "`sigmoid-mul` or `swish-op`",
        )?;
        let input = named(
            "input_format",
            &self.input_format,
            InputFormat::by_name,
            "`nchw`, `nhwc` or `uint8-nhwc`",
        )?;
        Ok(Form {
            element: elements
                .find(|element| element.as_str() == self.dtype)
                .ok_or_else(|| unknown("dtype", &self.dtype, "`f32`"))?,
            batch_norms: BatchNorms::by_name(&self.bn)
                .ok_or_else(|| unknown("bn", &self.bn, "`fold` or `keep`"))?,
            head: named("head", &self.head, Linear::by_name, "`gemm` or `matmul`")?,
            opset: Opset::new(self.opset)
                .ok_or_else(|| unknown("opset", &self.opset, form::WRITABLE_OPSETS))?,
            input: input.unwrap_or(InputFormat::Nchw),
            normalize: self.normalize.map(Normalize::from),
            swish: swish.unwrap_or_default(),
            pool: named(
                "pool",
                &self.pool,
                Pool::by_name,
                "`global-average` or `reduce-mean`",
            )?,
            ir_version: match self.ir {
                Some(number) => {
                    let version = IrVersion::new(number);
                    Some(version.ok_or_else(|| unknown("ir", &number, "a number from 7 to 14"))?)
                }
                None => None,
            },
            ..Form::default()
        })
    }
}

/// What a field names, if it is there.
fn named<T>(
    field: &'static str,
    name: &Option<String>,
    by_name: fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, MetadataError> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = by_name(name).ok_or_else(|| unknown(field, name, expected))?;
    Ok(Some(found))
}
