"""Checks ONNX files with the ONNX project's own checker; prints the path of each that passes.

Each file is checked by path (so external data is looked at, and 2 GiB are no limit), with strict shape inference.
Then its value_info is thrown away, inferred again, and compared with what the file declared: every value must have
been declared, and no declared dimension may be more or other than what is inferred.

With --spoil, one wrong thing at a time is put into the file, and the checker must see each: a file of which
anything passes proves nothing.
"""

import sys
import tempfile

import onnx


def dimensions(value):
    """A value's dimensions: numbers, names, or None for those that are not known."""
    return [
        dimension.dim_value if dimension.HasField("dim_value") else dimension.dim_param or None
        for dimension in value.type.tensor_type.shape.dim
    ]


def check(path):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    declared = {value.name: dimensions(value) for value in [*graph.value_info, *graph.output]}
    produced = [name for node in graph.node for name in node.output]
    missing = sorted(set(produced) - declared.keys())
    assert not missing, f"{path}: not in value_info: {missing[:5]}"
    assert len(declared) == len(produced), f"{path}: {len(declared)} values declared, {len(produced)} produced"
    # The data is not needed for this, and large models would not fit the message that inference takes.
    for initializer in graph.initializer:
        if len(initializer.raw_data) > 1024:
            initializer.ClearField("raw_data")
    del graph.value_info[:]
    outputs = [value.name for value in graph.output]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred_graph = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    inferred = {value.name: dimensions(value) for value in [*inferred_graph.value_info, *inferred_graph.output]}
    for name, ours in declared.items():
        theirs = inferred[name]
        same = len(ours) == len(theirs) and all(a is None or a == b for a, b in zip(ours, theirs))
        assert same, f"{path}: `{name}` is declared {ours}, inferred {theirs}"
    assert outputs == [value.name for value in inferred_graph.output]


def spoiled(path):
    """Copies of a model, each with one thing wrong: what is wrong, and the model."""

    def change(what, edit):
        model = onnx.load(path)
        edit(model.graph)
        return what, model

    def shape(graph):
        value = next(value for value in graph.value_info if value.name == "blocks.3.0.bn2")
        value.type.tensor_type.shape.dim[2].dim_value += 1

    def pads(graph):
        node = next(node for node in graph.node if node.name == "blocks.3.0.conv_dw")
        attribute = next(attribute for attribute in node.attribute if attribute.name == "pads")
        attribute.ints[2] += 2

    def order(graph):
        nodes = list(graph.node)
        nodes[3], nodes[4] = nodes[4], nodes[3]
        del graph.node[:]
        graph.node.extend(nodes)

    def name(graph):
        graph.initializer[5].name += "x"

    def attribute(graph):
        node = next(node for node in graph.node if node.op_type == "Conv")
        node.attribute.append(onnx.helper.make_attribute("padding", "same"))

    return [
        change("a shape in value_info", shape),
        change("pads that give another shape", pads),
        change("the order of two nodes", order),
        change("the name of an initializer", name),
        change("an attribute that the operator lacks", attribute),
    ]


def main():
    arguments = sys.argv[1:]
    if arguments[0] == "--spoil":
        for what, model in spoiled(arguments[1]):
            with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
                onnx.save(model, file.name)
                try:
                    check(file.name)
                except Exception as error:
                    print(f"seen: {what} ({type(error).__name__})")
                else:
                    sys.exit(f"not seen: {what}")
        return
    for path in arguments:
        check(path)
        print(path, flush=True)


if __name__ == "__main__":
    main()
