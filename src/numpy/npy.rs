//! NumPy's `.npy`: a magic number, a header that is a Python dictionary, and the elements.
//!
//! Source: NumPy's `numpy/lib/_format_impl.py`, versions 1.0 to 3.0 of the format.
//!
//! Hand-written: `npyz` 0.9 allocates 4 GiB for a header of 12 bytes that says so, takes more than 5 s for one of 20 kB,
//! reads neither bfloat16 nor the types `f4` and `=f4`, and brings a parser generator that takes 20 s to build.

use crate::files::foreign::Foreign;
use crate::files::open_input;
use crate::memory::{Buffer, NoMemory};
use crate::tensor::bytes::{self, Order};
use crate::tensor::{Element, Fault, NamedTensor, count};
use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read; NumPy itself refuses more than 10,000.
const LONGEST_HEADER: usize = 10_000;
/// Dimensions that NumPy's arrays can have.
const MOST_DIMENSIONS: usize = 64;
/// The header ends at a multiple of this.
const ALIGNMENT: usize = 64;

/// The one tensor of a file, without a name.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, Fault> {
    let mut input = BufReader::new(open_input(path)?);
    let tensor = array(&mut input, String::new())?;
    ends(&mut input)?;
    Ok(vec![tensor])
}

/// Refuses bytes after an array.
pub fn ends(input: &mut impl Read) -> Result<(), Fault> {
    if input.read(&mut [0])? > 0 {
        return Err(Fault::Malformed("bytes follow its last element".to_owned()));
    }
    Ok(())
}

/// Reads what stands before an array's elements.
pub fn header(input: &mut impl Read) -> Result<Header, Fault> {
    let mut start = [0; 8];
    input.read_exact(&mut start)?;
    let version = match &start {
        [0x93, b'N', b'U', b'M', b'P', b'Y', version @ 1..=3, _] => *version,
        _ => {
            return Err("it does not begin as an array of version 1 to 3"
                .to_owned()
                .into());
        }
    };
    let mut length = [0; 4];
    input.read_exact(&mut length[..if version == 1 { 2 } else { 4 }])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_HEADER {
        return Err(format!("its header has {length} bytes, more than {LONGEST_HEADER}").into());
    }
    let mut header = vec![0; length];
    input.read_exact(&mut header)?;
    Ok(Header::parse(&String::from_utf8_lossy(&header))?)
}

/// Reads an array, if it fits the memory budget of the process.
pub fn array(input: &mut impl Read, name: String) -> Result<NamedTensor, Fault> {
    let header = header(input)?;
    let count = count(&header.shape)?;
    let what = Array(&name);
    let mut data = bytes::read(header.element, header.order, count, input, &what)?;
    if header.fortran {
        data = row_major(&data, &header.shape, &what)?;
    }
    Ok(NamedTensor {
        name,
        shape: header.shape,
        element: header.element,
        data,
    })
}

/// An array of this name in errors; the one of an `.npy` file has none.
struct Array<'a>(&'a str);

impl fmt::Display for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the array"),
            name => write!(f, "array `{}`", name.shown()),
        }
    }
}

/// A tensor as a file's bytes.
pub fn bytes(tensor: &NamedTensor) -> Vec<u8> {
    let (element, descr) = match tensor.element {
        Element::F32 | Element::Bf16 => (Element::F32, "<f4"),
        Element::F16 => (Element::F16, "<f2"),
        Element::I64 => (Element::I64, "<i8"),
        Element::I32 => (Element::I32, "<i4"),
        Element::I16 => (Element::I16, "<i2"),
        Element::I8 => (Element::I8, "|i1"),
        Element::U64 => (Element::U64, "<u8"),
        Element::U32 => (Element::U32, "<u4"),
        Element::U16 => (Element::U16, "<u2"),
        Element::U8 => (Element::U8, "|u1"),
        Element::Bool => (Element::Bool, "|b1"),
        // F64, and what is only held as f64.
        _ => (Element::F64, "<f8"),
    };
    let extents: Vec<String> = tensor
        .shape
        .iter()
        .map(|extent| format!("{extent},"))
        .collect();
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        extents.join(" ")
    );
    let before = MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before - 1;
    header = format!("{header:padded$}\n");
    let mut file = MAGIC.to_vec();
    file.extend([1, 0]);
    // At most 64 extents of 20 digits.
    file.extend(
        u16::try_from(header.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    file.extend(header.as_bytes());
    file.extend(bytes::encode(element, &tensor.data));
    file
}

/// Elements in column-major order, in row-major order.
fn row_major(data: &[f64], shape: &[usize], what: &Array<'_>) -> Result<Buffer<f64>, NoMemory> {
    let mut steps = vec![1; shape.len()];
    for axis in 1..shape.len() {
        steps[axis] = steps[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut result = Buffer::with_room(data.len(), what)?;
    for _ in 0..data.len() {
        let places = index.iter().zip(&steps);
        let place: usize = places.map(|(index, step)| index * step).sum();
        result.push(data[place], what)?;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(result)
}

/// What the header says.
pub struct Header {
    /// The element type.
    pub element: Element,
    order: Order,
    fortran: bool,
    /// The shape, outermost dimension first.
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }`; the keys come in any order.
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("its header `{}` cannot be read", text.trim_end());
        let inner = text
            .trim()
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        let mut rest = inner.ok_or_else(bad)?.trim_start();
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(bad)?;
            let value = after
                .trim_start()
                .strip_prefix(':')
                .ok_or_else(bad)?
                .trim_start();
            rest = match key {
                "descr" => {
                    let (value, rest) = quoted(value).ok_or_else(|| {
                        "expected elements of one type, found a record".to_owned()
                    })?;
                    descr = Some(kind(value)?);
                    rest
                }
                "fortran_order" => {
                    let truth = value.starts_with("True");
                    fortran = Some(truth);
                    let word = if truth { "True" } else { "False" };
                    value.strip_prefix(word).ok_or_else(bad)?
                }
                "shape" => {
                    let (inside, rest) = value
                        .strip_prefix('(')
                        .and_then(|value| value.split_once(')'))
                        .ok_or_else(bad)?;
                    shape = Some(extents(inside).ok_or_else(bad)?);
                    rest
                }
                _ => return Err(bad()),
            };
            rest = rest.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(rest) => rest.trim_start(),
                None if rest.is_empty() => rest,
                None => return Err(bad()),
            };
        }
        let (Some((element, order)), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
            return Err(bad());
        };
        Ok(Self {
            element,
            order,
            fortran,
            shape,
        })
    }
}

/// A quoted string at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}

fn extents(text: &str) -> Option<Vec<usize>> {
    let mut parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    if parts.len() > MOST_DIMENSIONS {
        return None;
    }
    // Python 2 wrote some numbers as `3L`.
    parts
        .into_iter()
        .map(|part| part.trim_end_matches('L').parse().ok())
        .collect()
}

/// The element type and byte order of NumPy's short notation. `V2` is how NumPy writes bfloat16 of the package
/// ml_dtypes.
fn kind(descr: &str) -> Result<(Element, Order), String> {
    let (order, kind) = match descr.split_at_checked(1) {
        Some(("<" | "|" | "=", kind)) => (Order::Little, kind),
        Some((">", kind)) => (Order::Big, kind),
        _ => (Order::Little, descr),
    };
    let element = match kind {
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "V2" => Element::Bf16,
        "i8" => Element::I64,
        "i4" => Element::I32,
        "i2" => Element::I16,
        "i1" => Element::I8,
        "u8" => Element::U64,
        "u4" => Element::U32,
        "u2" => Element::U16,
        "u1" => Element::U8,
        "b1" => Element::Bool,
        _ => {
            return Err(format!(
                "expected numbers or bools, found the type `{descr}`"
            ));
        }
    };
    Ok((element, order))
}
