"""Writes models that the ONNX project's own checker accepts, with full shape inference; prints the path of each.

usage: accepted_models.py FOLDER

Four sources: the models that come with the onnx package; the ONNX project's node tests, as they are; the same as of
other opsets, where the checker lets them be; and the operators whose results `check` infers, with every element type
that their schemas allow.
"""

import pathlib
import sys
import warnings

import onnx
from onnx import TensorProto, helper
from onnx.backend.test.case.node import collect_testcases

# Of the opsets that `check` knows, the first, the last, and those in between that changed most, with their IR versions.
OPSETS = {7: 3, 9: 4, 11: 6, 13: 7, 14: 7, 17: 8, 18: 8, 20: 9, 22: 10, 24: 12, 28: 14}
# The operators whose results it infers: shapes of the operands and of the result, attributes.
OPERATORS = {
    "Conv": ([[1, 2, 5, 5], [4, 2, 3, 3]], [1, 4, 3, 3], {"kernel_shape": [3, 3]}),
    "BatchNormalization": ([[2, 3], [3], [3], [3], [3]], [2, 3], {}),
    "Sigmoid": ([[2, 3]], [2, 3], {}),
    "Relu": ([[2, 3]], [2, 3], {}),
    "Mul": ([[2, 3], [3]], [2, 3], {}),
    "Add": ([[2, 3], [3]], [2, 3], {}),
    "Clip": ([[2, 3], [], []], [2, 3], {}),
    "ReduceMean": ([[2, 3]], [2, 1], {"axes": [1]}),
    "Gemm": ([[2, 3], [3, 4], [4]], [2, 4], {}),
    "MatMul": ([[2, 3], [3]], [2], {}),
    "Reshape": ([[2, 3], [1]], [6], {}),
    "Transpose": ([[2, 3]], [3, 2], {"perm": [1, 0]}),
    "Softmax": ([[2, 3]], [2, 3], {}),
}


def node_tests():
    for case in collect_testcases(None):
        yield case.name, case.model
        for opset, ir_version in OPSETS.items():
            model = onnx.ModelProto()
            model.CopyFrom(case.model)
            model.ir_version = ir_version
            for imported in model.opset_import:
                if not imported.domain:
                    imported.version = opset
            yield f"{case.name}-{opset}", model


def element_types():
    """Each type parameter in turn has each of its types, the others are float."""
    for opset, ir_version in OPSETS.items():
        for operator, (shapes, result, attributes) in OPERATORS.items():
            schema = onnx.defs.get_schema(operator, opset)
            if operator == "Clip" and "min" in schema.attributes:
                shapes = shapes[:1]
            if operator == "ReduceMean" and "axes" not in schema.attributes:
                shapes, attributes = [*shapes, [1]], {}
            for constraint in schema.type_constraints:
                for allowed in constraint.allowed_type_strs:

                    def value(formal, shape):
                        name = allowed if formal.type_str == constraint.type_param_str else "tensor(float)"
                        name = formal.type_str if "(" in formal.type_str else name
                        element = TensorProto.DataType.Value(name[7:-1].upper())
                        return helper.make_tensor_value_info(formal.name, element, shape)

                    inputs = [value(*pair) for pair in zip(schema.inputs, shapes)]
                    output = value(schema.outputs[0], result)
                    names = [i.name for i in inputs]
                    node = helper.make_node(operator, names, [output.name], **attributes)
                    graph = helper.make_graph([node], operator, inputs, [output])
                    imports = [helper.make_opsetid("", opset)]
                    model = helper.make_model(graph, opset_imports=imports, ir_version=ir_version)
                    yield f"{operator}-{opset}-{constraint.type_param_str}-{allowed[7:-1]}", model


def accepted(model):
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception:
        return False
    return True


def main():
    folder = pathlib.Path(sys.argv[1])
    warnings.simplefilter("ignore")
    for path in sorted((pathlib.Path(onnx.__file__).parent / "backend/test/data").rglob("*.onnx")):
        if accepted(str(path)):
            print(path)
    for source in node_tests, element_types:
        for name, model in source():
            if accepted(model):
                path = folder / f"{name}.onnx"
                path.write_bytes(model.SerializeToString())
                print(path)
            else:
                assert source is node_tests, name


main()
