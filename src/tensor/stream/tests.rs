//! Segments of many lengths and types, through a pipe.

use super::*;
use crate::tensor::TensorInfo;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Every tensor counts up.
struct Ramps;

struct Ramp;

impl TensorReader for Ramp {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        for (index, value) in out.iter_mut().enumerate() {
            *value = (offset + index) as f32;
        }
        Ok(())
    }
}

/// Integers that f32 cannot represent.
struct Large;

const LARGE: u64 = (1 << 62) + 1;

impl TensorReader for Large {
    fn fill(&self, _offset: usize, _out: &mut [f32]) -> Result<(), SourceError> {
        Err(SourceError::Unwritten(Element::F32))
    }

    fn fill_bytes(
        &self,
        _element: Element,
        offset: usize,
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        for (index, value) in (offset as u64..).zip(out.chunks_exact_mut(8)) {
            value.copy_from_slice(&(LARGE + index).to_le_bytes());
        }
        Ok(())
    }
}

impl TensorSource for Ramps {
    fn tensors(&self) -> &[TensorInfo] {
        &[]
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        match name {
            "large" => Ok(Box::new(Large)),
            "absent" => Err(SourceError::Missing(name.to_owned())),
            _ => Ok(Box::new(Ramp)),
        }
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn segments_of_any_length_come_whole_and_in_order() {
    let lengths = [
        0,
        1,
        3,
        CHUNK / 4 - 1,
        CHUNK / 4,
        9 * CHUNK / 4 + 5,
        7,
        0,
        70_000,
    ];
    let segments = lengths.map(|elements| Segment {
        before: b"head ",
        tensor: "ramp",
        element: Element::F32,
        elements,
    });
    let written = Shared::default();
    let mut pipe = Pipe::new(Box::new(written.clone()));
    pipe.write_all(b"first ").expect("written");
    let checksums = stream(&Ramps, &segments, &mut pipe, &()).expect("streamed");
    pipe.write_all(b"last").expect("written");
    pipe.finish().expect("finished");
    let mut expected = b"first ".to_vec();
    for length in lengths {
        expected.extend_from_slice(b"head ");
        expected.extend((0..length).flat_map(|index| (index as f32).to_le_bytes()));
    }
    let ramp = |elements| -> Vec<u8> {
        let values = (0..elements).map(|index| index as f32);
        values.flat_map(f32::to_le_bytes).collect()
    };
    let of_each = lengths.map(|elements| Checksum::of(&ramp(elements)));
    assert_eq!(checksums, of_each);
    expected.extend_from_slice(b"last");
    assert!(*written.0.lock().expect("no panic") == expected);
}

/// Of types whose parts end anywhere in a chunk and start anywhere in memory.
#[test]
fn segments_of_many_types_have_their_bytes_and_checksums() {
    let count = CHUNK + 5;
    let byte = |index: usize, greatest| u8::try_from(index.min(greatest)).expect("a byte");
    let bytes = |element, index| -> Vec<u8> {
        match element {
            Element::I8 => vec![byte(index, 127)],
            Element::U8 => vec![byte(index, 255)],
            Element::F16 => half::f16::from_f32(index as f32).to_le_bytes().into(),
            Element::I64 => (index as u64).to_le_bytes().into(),
            _ => (index as f32).to_le_bytes().into(),
        }
    };
    let types = [
        Element::I8,
        Element::F16,
        Element::I64,
        Element::U8,
        Element::F32,
    ];
    let segments = types.map(|element| Segment {
        before: b"head ",
        tensor: "ramp",
        element,
        elements: count,
    });
    let written = Shared::default();
    let mut pipe = Pipe::new(Box::new(written.clone()));
    let checksums = stream(&Ramps, &segments, &mut pipe, &()).expect("streamed");
    pipe.finish().expect("finished");
    let mut expected = Vec::new();
    for (element, checksum) in types.into_iter().zip(checksums) {
        expected.extend_from_slice(b"head ");
        let start = expected.len();
        expected.extend((0..count).flat_map(|index| bytes(element, index)));
        assert_eq!(checksum, Checksum::of(&expected[start..]));
    }
    assert!(*written.0.lock().expect("no panic") == expected);
}

#[test]
fn a_reader_s_own_integers_are_written_exactly() {
    let segment = Segment {
        before: &[],
        tensor: "large",
        element: Element::I64,
        elements: 3,
    };
    let written = Shared::default();
    let mut pipe = Pipe::new(Box::new(written.clone()));
    stream(&Ramps, &[segment], &mut pipe, &()).expect("streamed");
    pipe.finish().expect("finished");
    let expected = [0, 1, 2].map(|index| (LARGE + index).to_le_bytes());
    assert_eq!(*written.0.lock().expect("no panic"), expected.concat());
}

#[test]
fn a_type_that_is_not_written_ends_it() {
    let segment = Segment {
        before: &[],
        tensor: "ramp",
        element: Element::String,
        elements: 4,
    };
    let mut pipe = Pipe::new(Box::new(io::sink()));
    let result = stream(&Ramps, &[segment], &mut pipe, &());
    assert!(matches!(
        result,
        Err(StreamError::Source(SourceError::Unwritten(Element::String)))
    ));
}

#[test]
fn a_tensor_that_is_not_there_ends_it() {
    let segment = Segment {
        before: &[],
        tensor: "absent",
        element: Element::F32,
        elements: 4,
    };
    let mut pipe = Pipe::new(Box::new(io::sink()));
    let result = stream(&Ramps, &[segment], &mut pipe, &());
    assert!(
        matches!(result, Err(StreamError::Source(SourceError::Missing(name))) if name == "absent")
    );
}
