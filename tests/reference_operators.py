"""Writes models of one operator each, with inputs and what the ONNX project says they give.

usage: reference_operators.py FOLDER

Two sources: the ONNX project's own node tests (`onnx.backend.test.case.node`), and attributes at random, in f64,
computed by `onnx.reference.ReferenceEvaluator`. Into FOLDER go NAME.onnx, NAME.f64 (every tensor's elements as
little-endian doubles, one tensor after the other) and cases.json; what has no place there is listed as `left_out`.
"""

import itertools
import json
import math
import pathlib
import sys
import warnings

import numpy
from onnx import TensorProto, helper, numpy_helper, save
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

ELEMENTS = {
    "float32": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "float64": "f64",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "uint32": "u32",
    "uint16": "u16",
    "uint8": "u8",
    "bool": "bool",
}


class Folder:
    def __init__(self, path):
        self.path = path
        self.cases = []
        self.left_out = []

    def add(self, name, source, model, inputs, outputs):
        """Keeps a case, or says why it can't be kept."""
        graph = model.graph
        array = lambda v: numpy_helper.to_array(v) if isinstance(v, TensorProto) else v  # noqa: E731
        inputs, outputs = [array(v) for v in inputs], [array(v) for v in outputs]
        named = list(zip([i.name for i in graph.input], inputs))
        named = [(name, value) for name, value in named if name]
        expected = list(zip([o.name for o in graph.output], outputs))
        for _, value in named + expected:
            element = getattr(getattr(value, "dtype", None), "name", type(value).__name__)
            if element not in ELEMENTS:
                self.left_out.append({"name": name, "reason": f"a value is {element}"})
                return
        save(model, self.path / f"{name}.onnx")
        with open(self.path / f"{name}.f64", "wb") as file:
            for _, value in named + expected:
                file.write(numpy.ascontiguousarray(value).astype("<f8").tobytes())

        def describe(tensors):
            return [
                {"name": n, "shape": list(v.shape), "element": ELEMENTS[v.dtype.name]}
                for n, v in tensors
            ]

        self.cases.append(
            {
                "name": name,
                "source": source,
                "operators": sorted({node.op_type for node in graph.node}),
                "inputs": describe(named),
                "outputs": describe(expected),
            }
        )


def node_tests(folder):
    for case in collect_testcases():
        if case.model is None or case.kind != "node" or len(case.data_sets) != 1:
            folder.left_out.append({"name": case.name, "reason": "it is no test of a node"})
            continue
        inputs, outputs = case.data_sets[0]
        folder.add(case.name, "node", case.model, inputs, outputs)


class Random:
    """Cases of one node with random doubles."""

    def __init__(self, folder):
        self.folder = folder
        self.generator = numpy.random.default_rng(4)
        self.count = 0

    def doubles(self, *shape):
        return self.generator.standard_normal(shape)

    def case(self, operator, inputs, opset=17, outputs=1, expected=None, **attributes):
        """Where `expected` is given, the evaluator computes in f32 or by another version's definition."""
        names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
        results = [f"y{i}" for i in range(outputs)]
        node = helper.make_node(operator, names, results, **attributes)
        values = {name: x for name, x in zip(names, inputs) if name}
        graph = helper.make_graph(
            [node],
            operator,
            [
                helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
                for n, x in values.items()
            ],
            [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in results],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        if expected is None:
            expected = ReferenceEvaluator(model).run(None, values)
        self.count += 1
        self.folder.add(
            f"random_{operator}_{self.count}",
            "random",
            model,
            list(values.values()),
            [numpy.asarray(y) for y in expected],
        )

    def convolutions(self):
        shapes = itertools.product(
            [(1, 4), (2, 6)], [(7, 9), (8, 5)], [(1, 1), (3, 3), (5, 3)], [(1, 1), (2, 2), (2, 3)]
        )
        for (batch, channels), size, kernel, strides in shapes:
            for group, filters in [(1, 5), (2, 4), (channels, 2 * channels)]:
                x = self.doubles(batch, channels, *size)
                weight = self.doubles(filters, channels // group, *kernel)
                bias = self.doubles(filters)
                common = {"group": group, "strides": strides, "kernel_shape": kernel}
                for pads in [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 2, 0), (2, 0, 1, 3)]:
                    self.case("Conv", [x, weight, bias], pads=pads, **common)
                self.case("Conv", [x, weight], auto_pad="VALID", **common)
                self.case("Conv", [x, weight], pads=(2, 2, 2, 2), dilations=(2, 1), **common)
                for same in ["SAME_UPPER", "SAME_LOWER"]:
                    self.case("Conv", [x, weight, bias], auto_pad=same, **common)
        for pads, stride, dilation in itertools.product([(0, 0), (1, 2)], [1, 2], [1, 2]):
            x, weight = self.doubles(2, 3, 11), self.doubles(4, 3, 3)
            self.case("Conv", [x, weight], pads=pads, strides=[stride], dilations=[dilation])
        # Past the limits of strips and of gathered taps.
        self.case("Conv", [self.doubles(1, 70, 13, 17), self.doubles(35, 70, 3, 3)], pads=(1, 1, 1, 1))
        self.case("Conv", [self.doubles(1, 300, 5, 31), self.doubles(19, 300, 1, 1)])

    def pools(self):
        for operator, size, kernel, strides in itertools.product(
            ["AveragePool", "MaxPool"], [(7, 8), (6, 5)], [(2, 2), (3, 2)], [(1, 1), (2, 2), (3, 2)]
        ):
            x = self.doubles(2, 3, *size)
            for pads in [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 1, 0)]:
                common = {"kernel_shape": kernel, "strides": strides, "pads": pads}
                self.case(operator, [x], **common)
                if operator == "AveragePool":
                    self.case(operator, [x], count_include_pad=1, **common)
        for shape in [(2, 3, 5), (2, 3, 4, 5), (1, 2, 3, 4, 5)]:
            x = self.doubles(*shape)
            self.case("GlobalAveragePool", [x])
            greatest = x.max(axis=tuple(range(2, x.ndim)), keepdims=True)
            self.case("GlobalMaxPool", [x], expected=[greatest])

    def normalisation(self):
        for shape, epsilon in itertools.product([(2, 3), (2, 3, 4), (2, 3, 4, 5)], [1e-5, 1e-3, 0.5]):
            for opset in [7, 9, 14, 15, 17]:
                x, variance = self.doubles(*shape), self.doubles(3) ** 2
                scale, bias, mean = self.doubles(3), self.doubles(3), self.doubles(3)
                along = lambda v: v.reshape(1, 3, *[1] * (x.ndim - 2))  # noqa: B023, E731
                single = float(numpy.float32(epsilon))
                expected = along(scale) * (x - along(mean)) / numpy.sqrt(along(variance) + single) + along(bias)
                self.case(
                    "BatchNormalization",
                    [x, scale, bias, mean, variance],
                    opset,
                    expected=[expected] if opset < 14 else None,
                    epsilon=epsilon,
                )
        for operator, axis, opset in itertools.product(
            ["Softmax", "LogSoftmax"], [None, 0, 1, 2, -1, -2], [11, 13, 17]
        ):
            attributes = {} if axis is None else {"axis": axis}
            x = 10 * self.doubles(3, 4, 5)
            expected = None
            if opset < 13:
                # Over everything from the axis on.
                rows = x.reshape(math.prod(x.shape[: (1 if axis is None else axis % 3)]), -1)
                rows = numpy.exp(rows - rows.max(axis=1, keepdims=True))
                expected = (rows / rows.sum(axis=1, keepdims=True)).reshape(x.shape)
                expected = [expected if operator == "Softmax" else numpy.log(expected)]
            self.case(operator, [x], opset, expected=expected, **attributes)

    def linear(self):
        for a, b, alpha, beta in itertools.product([0, 1], [0, 1], [1.0, 0.5], [1.0, -2.0]):
            for c in [(4, 3), (3,), (1, 3), (4, 1), (), None]:
                x = self.doubles(*((5, 4) if a else (4, 5)))
                y = self.doubles(*((3, 5) if b else (5, 3)))
                z = [] if c is None else [self.doubles(*c)]
                z = [numpy.asarray(value) for value in z]
                self.case("Gemm", [x, y, *z], transA=a, transB=b, alpha=alpha, beta=beta)
        self.case("Gemm", [self.doubles(2, 300), self.doubles(600, 300), self.doubles(600)], transB=1)
        for a, b in [
            ((2, 3), (3, 4)),
            ((3,), (3, 4)),
            ((2, 3), (3,)),
            ((3,), (3,)),
            ((5, 2, 3), (3, 4)),
            ((5, 1, 2, 3), (6, 3, 4)),
            ((3,), (5, 3, 4)),
        ]:
            self.case("MatMul", [self.doubles(*a), self.doubles(*b)])

    def broadcasting(self):
        pairs = [
            ((2, 3, 4), (2, 3, 4)),
            ((2, 3, 4, 5), (1, 3, 1, 1)),
            ((2, 3, 4, 5), (2, 3, 1, 1)),
            ((2, 3, 4, 5), (5,)),
            ((3, 1), (1, 4)),
            ((2, 1, 4), (3, 1)),
            ((), (2, 3)),
            ((2, 3), ()),
        ]
        for a, b in pairs:
            x, y = numpy.asarray(self.doubles(*a)), numpy.asarray(self.doubles(*b))
            for operator in ["Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Less", "Greater"]:
                self.case(operator, [x, y])
            self.case("Pow", [abs(x), y])
            self.case("Where", [x > 0, x, y])
            for operator in ["And", "Or", "Xor"]:
                self.case(operator, [x > 0, y > 0])

    def activations(self):
        x = 3 * self.doubles(4, 5, 6)
        for operator in [
            "Abs", "Ceil", "Exp", "Floor", "Identity", "Mish", "Neg", "Reciprocal",
            "Relu", "Round", "Sigmoid", "Sign", "Softplus", "Softsign", "Tanh",
        ]:  # fmt: skip
            self.case(operator, [x], 22)
        for operator in ["Sqrt", "Log"]:
            self.case(operator, [abs(x)], 22)
        for alpha in [0.25, 0.5, 2.0]:
            for operator in ["LeakyRelu", "Elu", "Selu", "HardSigmoid"]:
                self.case(operator, [x], alpha=alpha)
            self.case("Swish", [x], 24, alpha=alpha)
            self.case("HardSigmoid", [x], alpha=alpha, beta=0.375)
        erf = numpy.vectorize(math.erf)
        self.case("Erf", [x], expected=[erf(x)])
        self.case("HardSwish", [x], expected=[x * numpy.clip(x / 6 + 0.5, 0, 1)])
        self.case("Gelu", [x], 20, expected=[x * (1 + erf(x / math.sqrt(2))) / 2])
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        self.case("Gelu", [x], 20, expected=[x * (1 + numpy.tanh(inner)) / 2], approximate="tanh")
        bounds = [numpy.asarray(value) for value in (-1.0, 0.5, -2.0)]
        for low, high in [(bounds[0], bounds[1]), (None, bounds[1]), (bounds[1], bounds[2])]:
            self.case("Clip", [x, low, high])
        self.case("Clip", [x, bounds[0]])
        self.case("Clip", [x], 6, min=-0.5, max=0.75)
        self.case("Clip", [x], 6, min=0.0)

    def reductions(self):
        x = self.doubles(3, 4, 5, 2)
        operators = ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare"]
        for operator, keep in itertools.product(operators, [0, 1]):
            for axes in [None, [0], [-1], [2, 3], [1, -1], [3, 0], [0, 1, 2, 3]]:
                attribute = {} if axes is None else {"axes": axes}
                self.case(operator, [x], 13, keepdims=keep, **attribute)
                operand = [] if axes is None else [numpy.array(axes, numpy.int64)]
                self.case(operator, [x, *operand], 18, keepdims=keep)
                if operator == "ReduceMean":
                    self.case("ReduceSum", [x, *operand], 13, keepdims=keep)
        for operator in [*operators, "ReduceSum"]:
            opset = 13 if operator == "ReduceSum" else 18
            self.case(operator, [x, numpy.array([], numpy.int64)], opset, noop_with_empty_axes=1)

    def moves(self):
        x = self.doubles(3, 4, 5)
        integers = lambda *values: numpy.array(values, numpy.int64)  # noqa: E731
        for perm in itertools.permutations(range(3)):
            self.case("Transpose", [x], perm=perm)
        self.case("Transpose", [x])
        self.case("Transpose", [self.doubles(2, 3, 4, 5)], perm=(0, 2, 3, 1))
        for shape in [(12, 5), (0, -1), (-1,), (2, 0, -1, 3)]:
            self.case("Reshape", [self.doubles(3, 4, 6) if len(shape) == 4 else x, integers(*shape)])
        for axis in [0, 1, 2, 3, -1, -2]:
            self.case("Flatten", [x], axis=axis)
        for axis in [0, 1, 2, -1, -3]:
            self.case("Concat", [x, x + 1, -x], axis=axis)
            self.case("Gather", [x, integers(0, -1, 1)], axis=axis)
            self.case("Gather", [x, numpy.array([[0, 2], [1, 1]], numpy.int64)], axis=axis)
        for axis, split in [(0, (1, 2)), (1, (1, 1, 2)), (-1, (4, 1))]:
            self.case("Split", [x, integers(*split)], outputs=len(split), axis=axis)
        self.case("Split", [x], outputs=2, axis=1)
        self.case("Split", [x], 18, outputs=2, axis=2, num_outputs=2)
        for axes in [(0,), (0, 2), (-1,), (1, -1)]:
            self.case("Unsqueeze", [x, integers(*axes)])
            self.case("Unsqueeze", [x], 11, axes=axes)
        narrow = self.doubles(1, 3, 1, 2)
        for axes in [(0,), (0, 2), (-2,)]:
            self.case("Squeeze", [narrow, integers(*axes)])
        self.case("Squeeze", [narrow], 11, axes=[0, 2])
        self.case("Squeeze", [narrow])
        for starts, ends, axes, steps in [
            ((0, 1), (2, 3), (0, 1), (1, 1)),
            ((1,), (1000,), (1,), (2,)),
            ((-1,), (-1000,), (2,), (-1,)),
            ((-2, 3), (-1, 0), (0, -1), (1, -2)),
            ((3,), (1,), (1,), (1,)),
            ((0,), (2**63 - 1,), (2,), (3,)),
        ]:
            self.case("Slice", [x, integers(*starts), integers(*ends), integers(*axes), integers(*steps)])
        self.case("Slice", [x, integers(1, 0), integers(3, 2)])
        self.case("Slice", [x], 9, starts=[1, 0], ends=[3, -1], axes=[1, 2])
        for mode, pads in itertools.product(
            ["constant", "edge", "reflect"], [(1, 0, 2, 0, 1, 1), (0, 3, 0, 2, 0, 0), (0, 0, 0, 0, 0, 4)]
        ):
            value = [numpy.asarray(1.5)] if mode == "constant" else []
            self.case("Pad", [x, integers(*pads), *value], 18, mode=mode)
            self.case("Pad", [x], 2, mode=mode, pads=pads)
        self.case("Pad", [x, integers(1, 2), None, integers(-1)], 18)
        self.case("Expand", [self.doubles(3, 1), integers(2, 1, 6)])
        self.case("Tile", [x, integers(2, 1, 3)])
        self.case("Shape", [x], start=1)
        self.case("Shape", [x], start=-2, end=-1)


def main():
    warnings.filterwarnings("ignore")
    path = pathlib.Path(sys.argv[1])
    folder = Folder(path)
    node_tests(folder)
    random = Random(folder)
    random.convolutions()
    random.pools()
    random.normalisation()
    random.linear()
    random.broadcasting()
    random.activations()
    random.reductions()
    random.moves()
    (path / "cases.json").write_text(json.dumps({"cases": folder.cases, "left_out": folder.left_out}))


main()
