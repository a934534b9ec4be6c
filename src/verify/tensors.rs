//! The constant tensors of two files, paired by name.

use crate::files::foreign::{self};
use crate::onnx::file::{InitializerSource, ModelFile};
use crate::tensor::{SourceError, TensorInfo, TensorSource};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Elements that are compared at a time.
const PIECE: usize = 1 << 16;

/// What became of pairing the constant tensors of two files.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TensorPairs {
    /// Tensors of both that hold the same bits.
    pub identical: usize,
    /// Tensors of both that do not, in the first file's order.
    pub different: Vec<DifferentTensor>,
    /// Names in the first file only.
    pub only_first: Vec<String>,
    /// Names in the second file only.
    pub only_second: Vec<String>,
    /// Tensors of one name that have another type or shape: name, and both.
    pub other_type: Vec<String>,
    /// Tensors of one name that are not floats of 32 or 16 bits, or have these packed into integers, and so were not looked into.
    pub not_read: usize,
}

/// A tensor that both files have, with other values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DifferentTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Largest |difference|; none if it is not finite.
    pub max_abs: Option<f64>,
    /// The same relative to the largest element of the first's.
    pub max_relative: Option<f64>,
    /// Elements that are not the same bits.
    pub elements: u64,
}

/// Pairs the constant tensors of two files by name and compares those of floats bit by bit.
///
/// # Errors
/// If the data of a tensor cannot be read.
pub fn pair_tensors(
    first: &Arc<ModelFile>,
    second: &Arc<ModelFile>,
) -> Result<TensorPairs, SourceError> {
    let first = InitializerSource::new(Arc::clone(first))?;
    let second = InitializerSource::new(Arc::clone(second))?;
    let others: BTreeMap<&str, &TensorInfo> = second
        .tensors()
        .iter()
        .map(|info| (info.name.as_str(), info))
        .collect();
    let mut pairs = TensorPairs::default();
    for info in first.tensors() {
        match others.get(info.name.as_str()) {
            None => pairs.only_first.push(info.name.clone()),
            Some(other) if other.shape != info.shape || other.element != info.element => {
                let typed = |info: &TensorInfo| {
                    let element = info.element.as_str().to_uppercase();
                    format!("{element} {}", foreign::shape(&info.shape))
                };
                pairs.other_type.push(format!(
                    "{}: {} and {}",
                    info.name,
                    typed(info),
                    typed(other)
                ));
            }
            Some(_) if ![&first, &second].iter().all(|file| file.reads(&info.name)) => {
                pairs.not_read += 1;
            }
            Some(_) => match compare(info, &first, &second)? {
                None => pairs.identical += 1,
                Some(different) => pairs.different.push(different),
            },
        }
    }
    let known = first.tensors().iter().map(|info| info.name.as_str());
    let known: BTreeSet<&str> = known.collect();
    pairs.only_second = others
        .keys()
        .filter(|name| !known.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    Ok(pairs)
}

fn compare(
    info: &TensorInfo,
    first: &InitializerSource,
    second: &InitializerSource,
) -> Result<Option<DifferentTensor>, SourceError> {
    let readers = [first.open(&info.name)?, second.open(&info.name)?];
    let elements: u64 = info.shape.iter().product();
    let elements = usize::try_from(elements).unwrap_or(usize::MAX);
    let mut pieces = [(); 2].map(|()| vec![0.0_f32; elements.min(PIECE)]);
    let (mut max_abs, mut scale, mut count) = (0.0_f64, 0.0_f64, 0);
    let mut offset = 0;
    while offset < elements {
        let length = PIECE.min(elements - offset);
        for (piece, reader) in pieces.iter_mut().zip(&readers) {
            reader.fill(offset, &mut piece[..length])?;
        }
        for (one, two) in pieces[0][..length].iter().zip(&pieces[1][..length]) {
            scale = scale.max(f64::from(one.abs()));
            if one.to_bits() != two.to_bits() {
                count += 1;
                let difference = (f64::from(*one) - f64::from(*two)).abs();
                max_abs = if difference.is_finite() {
                    max_abs.max(difference)
                } else {
                    f64::INFINITY
                };
            }
        }
        offset += length;
    }
    Ok((count > 0).then(|| DifferentTensor {
        name: info.name.clone(),
        shape: info.shape.clone(),
        max_abs: Some(max_abs).filter(|value| value.is_finite()),
        max_relative: Some(max_abs / scale).filter(|value| value.is_finite()),
        elements: count,
    }))
}
