//! What the messages of a dataset say: its shape, its elements, and where they are.

use super::bytes::{Fields, NOWHERE, Structures, invalid};
use super::chunks::{Chunks, Index};
use super::filters;
use super::header::{Message, kind};
use crate::tensor::Element;
use std::io;

/// Dimensions that a dataset may have (`H5S_MAX_RANK`).
const MOST_DIMENSIONS: u8 = 32;

/// A dataset of floating-point numbers, or of something else that is not looked into.
pub(in super::super) struct Dataset {
    /// Names of the groups and of the dataset, joined by `/`.
    pub(in super::super) path: String,
    /// Outermost dimension first; empty where it is not of numbers.
    pub(in super::super) shape: Vec<u64>,
    /// None for everything that is not a floating-point number.
    pub(in super::super) element: Option<Element>,
    pub(super) is_big_endian: bool,
    pub(super) place: Place,
}

/// Where a dataset's elements are.
pub(super) enum Place {
    /// Nowhere: there are none, or they are of no interest.
    Nowhere,
    /// In the dataset's own header.
    Here(Vec<u8>),
    /// In one piece of the file.
    At(u64),
    /// In pieces that may be compressed.
    Chunked(Chunks),
}

impl Dataset {
    /// Bytes of one element; 1 where it is not of floating-point numbers.
    pub(super) fn size(&self) -> usize {
        self.element.and_then(Element::bytes).unwrap_or(1)
    }

    /// Reads what an object's messages say; none if it is not a dataset.
    pub(super) fn parse(
        file: &Structures,
        path: String,
        messages: &[Message],
    ) -> io::Result<Option<Self>> {
        let find = |kind| messages.iter().find(|message| message.kind == kind);
        let Some(datatype) = find(kind::DATATYPE) else {
            return Ok(None);
        };
        let (element, is_big_endian) = element_type(datatype.fields()?)?;
        let mut dataset = Self {
            path,
            shape: Vec::new(),
            element,
            is_big_endian,
            place: Place::Nowhere,
        };
        if element.is_none() {
            return Ok(Some(dataset));
        }
        let size = dataset.size() as u64;
        if find(kind::EXTERNAL_FILES).is_some() {
            return Err(invalid(
                "its elements are in another file, which is not opened",
            ));
        }
        let missing = |what: &str| invalid(&format!("it has no {what}"));
        let dataspace = find(kind::DATASPACE).ok_or_else(|| missing("shape"))?;
        dataset.shape = shape(dataspace.fields()?)?;
        let bytes = dataset
            .shape
            .iter()
            .try_fold(size, |bytes, &extent| bytes.checked_mul(extent));
        let bytes = bytes.ok_or_else(|| invalid("its shape has too many elements"))?;
        let layout = find(kind::LAYOUT).ok_or_else(|| missing("layout"))?;
        if bytes > 0 {
            let filters = find(kind::FILTERS).map(|message| filters::parse(message.fields()?));
            let filters = filters.transpose()?.unwrap_or_default();
            dataset.place = place(file, layout.fields()?, &dataset.shape, bytes, size, filters)?;
        }
        Ok(Some(dataset))
    }
}

/// Element type, and whether its most significant byte comes first.
fn element_type(mut fields: Fields) -> io::Result<(Option<Element>, bool)> {
    let class = fields.byte()? & 0x0f;
    if class != 1 {
        return Ok((None, false));
    }
    let flags = fields.byte()?;
    fields.skip(2)?;
    let size = fields.word()?;
    let (offset, precision) = (fields.short()?, fields.short()?);
    let parts = [
        fields.byte()?,
        fields.byte()?,
        fields.byte()?,
        fields.byte()?,
    ];
    let bias = fields.word()?;
    // Places and sizes of exponent and fraction, and the exponent's bias.
    let element = match (size, parts, bias) {
        (2, [10, 5, 0, 10], 15) => Some(Element::F16),
        (2, [7, 8, 0, 7], 127) => Some(Element::Bf16),
        (4, [23, 8, 0, 23], 127) => Some(Element::F32),
        (8, [52, 11, 0, 52], 1023) => Some(Element::F64),
        _ => None,
    };
    // The second flag is the VAX's order of bytes.
    if element.is_none() || offset != 0 || u32::from(precision) != 8 * size || flags & 0x40 != 0 {
        return Err(invalid(&format!(
            "its elements are floating-point numbers of {size} bytes of a kind that weights do not have"
        )));
    }
    Ok((element, flags & 0x01 != 0))
}

fn shape(mut fields: Fields) -> io::Result<Vec<u64>> {
    let version = fields.one_of("dataspace's version", &[1, 2])?;
    let rank = fields.byte()?;
    if rank > MOST_DIMENSIONS {
        return Err(invalid(&format!(
            "it has {rank} dimensions, more than {MOST_DIMENSIONS}"
        )));
    }
    fields.skip(1)?;
    if version == 1 {
        fields.skip(5)?;
    } else if fields.byte()? == 2 {
        return Err(invalid("it has no elements, not even a scalar"));
    }
    (0..rank).map(|_| fields.long()).collect()
}

fn place(
    file: &Structures,
    mut fields: Fields,
    shape: &[u64],
    bytes: u64,
    element_size: u64,
    filters: Vec<filters::Filter>,
) -> io::Result<Place> {
    let lies = |found: u64| {
        invalid(&format!(
            "its shape needs {bytes} bytes, but it has {found}"
        ))
    };
    let version = fields.one_of("layout's version", &[3, 4, 5])?;
    match fields.one_of("layout's class", &[0, 1, 2])? {
        0 => {
            let size = fields.short()?;
            if u64::from(size) != bytes {
                return Err(lies(u64::from(size)));
            }
            Ok(Place::Here(fields.take(usize::from(size))?.to_vec()))
        }
        1 => {
            let (address, found) = (fields.long()?, fields.long()?);
            if address == NOWHERE {
                return Err(invalid("its elements were never written"));
            }
            if found != bytes {
                return Err(lies(found));
            }
            if address
                .checked_add(bytes)
                .is_none_or(|end| end > file.length)
            {
                return Err(invalid(&format!(
                    "its {bytes} bytes at {address} extend beyond the end of the file"
                )));
            }
            Ok(Place::At(address))
        }
        _ => {
            let (extents, index) = if version == 3 {
                let dimensions = fields.byte()?;
                let address = fields.long()?;
                let extents = (0..dimensions).map(|_| Ok(u64::from(fields.word()?)));
                (
                    extents.collect::<io::Result<Vec<u64>>>()?,
                    Index::Tree(address),
                )
            } else {
                let flags = fields.byte()?;
                let dimensions = fields.byte()?;
                let size = usize::from(fields.byte()?);
                let extents = (0..dimensions).map(|_| fields.integer(size));
                let extents = extents.collect::<io::Result<Vec<u64>>>()?;
                (extents, Index::parse(fields, flags)?)
            };
            Ok(Place::Chunked(Chunks::new(
                file,
                shape,
                element_size,
                &extents,
                index,
                filters,
            )?))
        }
    }
}
