//! Element types, as NumPy and PyTorch name them in pickles.

use super::super::value::{Id, Node, Pickle};
use crate::tensor::Element;
use crate::tensor::bytes::Order;

/// NumPy's class of element types.
const NUMPY: &str = "numpy.dtype";

/// What the names of types begin with that have no numbers: texts, bytes, objects, dates, times.
const NO_NUMBERS: [char; 5] = ['U', 'S', 'O', 'M', 'm'];

/// The element type that an object of `numpy.dtype` stands for, and the order of its bytes; none for texts, objects and dates.
///
/// # Errors
/// If it is not one of numbers or bools.
pub(super) fn numpy(pickle: &Pickle, id: Id) -> Result<Option<(Element, Order)>, String> {
    let unknown = || "expected elements of one type of NumPy's".to_owned();
    let class = pickle.class(id).ok_or_else(unknown)?;
    if class != NUMPY {
        return Err(unknown());
    }
    let kind = pickle.arguments(id).and_then(|arguments| arguments.first());
    let kind = *kind.ok_or_else(unknown)?;
    let named = pickle.named(kind);
    let text = pickle.text(kind).or(named.as_deref()).ok_or_else(unknown)?;
    // Its state: a version, the order of bytes, and what records have.
    let state = match pickle.node(id) {
        Some(Node::Object(object)) => object.state.and_then(|state| pickle.sequence(state)),
        _ => None,
    };
    let own = state.and_then(|state| pickle.text(*state.get(1)?));
    let prefixed = text.starts_with('>');
    let order = match own {
        Some(">") => Order::Big,
        _ if prefixed => Order::Big,
        _ => Order::Little,
    };
    let kind = text.trim_start_matches(['<', '>', '|', '=']);
    if kind.starts_with(NO_NUMBERS) && !kind.contains('.') {
        return Ok(None);
    }
    let element = match kind {
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "ml_dtypes.bfloat16" => Element::Bf16,
        "i8" => Element::I64,
        "i4" => Element::I32,
        "i2" => Element::I16,
        "i1" => Element::I8,
        "u8" => Element::U64,
        "u4" => Element::U32,
        "u2" => Element::U16,
        "u1" => Element::U8,
        "b1" => Element::Bool,
        other => {
            return Err(format!(
                "expected numbers or bools, found the type `{other}`"
            ));
        }
    };
    Ok(Some((element, order)))
}

/// The element type of a storage of PyTorch's, by its class.
///
/// # Errors
/// If elements of it are not known.
pub(super) fn storage(class: &str) -> Result<Element, String> {
    Ok(match class.rsplit('.').next().unwrap_or(class) {
        "DoubleStorage" => Element::F64,
        "FloatStorage" => Element::F32,
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::Bf16,
        "LongStorage" => Element::I64,
        "IntStorage" => Element::I32,
        "ShortStorage" => Element::I16,
        "CharStorage" => Element::I8,
        "ByteStorage" => Element::U8,
        "BoolStorage" => Element::Bool,
        _ => return Err(format!("elements of a `{class}` are not known")),
    })
}
