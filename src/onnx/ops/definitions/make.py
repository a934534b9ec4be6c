"""Writes operators.txt, the definitions of ONNX's own operators from opset 7 on, as the onnx package has them.

usage: make.py > operators.txt

One line is one definition: name, opset since which it holds, least and most operands, least and most results ("-" is any
number), operands, attributes, types. "-" stands for an empty list.

    operands     name:PARAMETER, separated by commas; "?" may be left out, "*" is repeated with one type, "+" with any types
    attributes   name:KIND, separated by commas; "!" is required
    types        PARAMETER=LETTERS, separated by semicolons: one letter an element type (see LETTERS), "-" any type that is not a tensor

A parameter that begins with "=" is its own letters. A definition that ends an operator is `name since deprecated`.
"""

import onnx
from onnx import TensorProto, defs

FIRST = 7
# By number of `TensorProto.DataType`.
LETTERS = ".fBbHhilStedILcCg1234Uu56Vv78"
KINDS = {
    "FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "SPARSE_TENSOR": "p", "TYPE_PROTO": "y",
    "FLOATS": "F", "INTS": "I", "STRINGS": "S", "TENSORS": "T", "GRAPHS": "G",
}


def letters(types):
    found = set()
    for name in types:
        if name.startswith("tensor("):
            found.add(LETTERS[TensorProto.DataType.Value(name[7:-1].upper())])
        else:
            found.add("-")
    return "".join(sorted(found, key=("-" + LETTERS).index))


def count(number):
    return "-" if number >= 2**31 - 1 else str(number)


def operand(formal, parameters):
    kind = formal.type_str if formal.type_str in parameters else "=" + letters([formal.type_str])
    option = {"Single": "", "Optional": "?", "Variadic": "*" if formal.is_homogeneous else "+"}
    return f"{formal.name}:{kind}{option[formal.option.name]}"


def line(schema):
    if schema.deprecated:
        return f"{schema.name} {schema.since_version} deprecated"
    parameters = {c.type_param_str: letters(c.allowed_type_strs) for c in schema.type_constraints}
    used = {formal.type_str for formal in schema.inputs}
    counts = [schema.min_input, schema.max_input, schema.min_output, schema.max_output]
    attributes = sorted(schema.attributes.values(), key=lambda attribute: attribute.name)
    fields = [
        ",".join(operand(formal, parameters) for formal in schema.inputs),
        ",".join(f"{a.name}:{KINDS[a.type.name]}{'!' if a.required else ''}" for a in attributes),
        ";".join(f"{name}={types}" for name, types in sorted(parameters.items()) if name in used),
    ]
    return " ".join([schema.name, str(schema.since_version), *map(count, counts), *(field or "-" for field in fields)])


def main():
    own = [schema for schema in defs.get_all_schemas_with_history() if not schema.domain]
    own.sort(key=lambda schema: (schema.name, schema.since_version))
    print(f"# onnx {onnx.__version__}: definitions of opsets {FIRST} to {defs.onnx_opset_version()}")
    for schema, later in zip(own, [*own[1:], None]):
        replaced = later is not None and later.name == schema.name and later.since_version <= FIRST
        if not replaced:
            print(line(schema))


main()
