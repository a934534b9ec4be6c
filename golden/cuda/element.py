"""The element type of a file's first input, read from the file itself.

Only the fields on the way there are looked at, as the ONNX project's `onnx.proto` numbers them; the rest is passed over
without being read.
"""

import mmap

MODEL_GRAPH, GRAPH_INPUT, VALUE_TYPE, TYPE_TENSOR, TENSOR_ELEMENT = 7, 11, 2, 1, 1
NAMES = {1: "f32", 10: "f16", 11: "f64", 16: "bf16"}


def element(path):
    """Such as `f32`; none if the file is not understood."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        span = (0, len(data))
        try:
            for number in (MODEL_GRAPH, GRAPH_INPUT, VALUE_TYPE, TYPE_TENSOR):
                span = next(value for found, value in fields(data, *span) if found == number)
            code = next(value for found, value in fields(data, *span) if found == TENSOR_ELEMENT)
        except (StopIteration, IndexError, ValueError, TypeError):
            return None
    return NAMES.get(code, str(code))


def fields(data, at, end):
    """(number, integer or (start, end)) of each field of a message."""
    while at < end:
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value, at = (at, at + length), at + length
        elif tag & 7 in (1, 5):
            value, at = None, at + (8 if tag & 7 == 1 else 4)
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
