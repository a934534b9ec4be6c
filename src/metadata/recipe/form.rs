//! The form that a recipe records.

use super::{MetadataError, Recipe, unknown};
use crate::form::{self, BatchNorms, Form, InputFormat, Islands, Linear, Normalize, Pool, Swish};
use crate::onnx::opset::{IrVersion, Opset};
use serde::{Deserialize, Serialize};

/// What stays in f32 in a file of half precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IslandsRecord {
    /// `none`.
    Name(String),
    /// The nodes of these names.
    Nodes(Vec<String>),
}

impl IslandsRecord {
    /// The record of a choice; none for the usual one.
    pub(super) fn of(islands: &Islands) -> Option<Self> {
        match islands {
            Islands::Auto => None,
            Islands::None => Some(Self::Name("none".to_owned())),
            Islands::Nodes(names) => Some(Self::Nodes(names.clone())),
        }
    }

    fn islands(&self) -> Result<Islands, MetadataError> {
        match self {
            Self::Name(name) if name == "none" => Ok(Islands::None),
            Self::Name(name) => Err(unknown("islands", name, "`none` or names of nodes")),
            Self::Nodes(names) => Ok(Islands::Nodes(names.clone())),
        }
    }
}

impl Recipe {
    /// The form; what follows from other fields is left at its default.
    pub(super) fn form(&self) -> Result<Form, MetadataError> {
        let mut elements = form::elements().into_iter();
        let swish = named(
            "swish",
            self.swish.as_ref(),
            Swish::by_name,
            "`sigmoid-mul` or `swish-op`",
        )?;
        let input = named(
            "input_format",
            self.input_format.as_ref(),
            InputFormat::by_name,
            "`nchw`, `nhwc` or `uint8-nhwc`",
        )?;
        let islands = self.islands.as_ref().map(IslandsRecord::islands);
        Ok(Form {
            element: elements
                .find(|element| element.as_str() == self.dtype)
                .ok_or_else(|| unknown("dtype", &self.dtype, "`f32`, `f16` or `bf16`"))?,
            islands: islands.transpose()?.unwrap_or(Islands::Auto),
            keeps_io: self.keep_io,
            batch_norms: BatchNorms::by_name(&self.bn)
                .ok_or_else(|| unknown("bn", &self.bn, "`fold` or `keep`"))?,
            head: named(
                "head",
                self.head.as_ref(),
                Linear::by_name,
                "`gemm` or `matmul`",
            )?,
            opset: Opset::new(self.opset)
                .ok_or_else(|| unknown("opset", &self.opset, form::WRITABLE_OPSETS))?,
            input: input.unwrap_or(InputFormat::Nchw),
            normalize: self.normalize.map(Normalize::from),
            swish: swish.unwrap_or_default(),
            pool: named(
                "pool",
                self.pool.as_ref(),
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
    name: Option<&String>,
    by_name: fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<Option<T>, MetadataError> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = by_name(name).ok_or_else(|| unknown(field, name, expected))?;
    Ok(Some(found))
}
