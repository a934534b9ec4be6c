"""Compares what `inspect` counts in exports of torchvision and timm with two other counters and a sum by hand: prints `counters.md`.

    cargo build --release
    python3 -m venv counters && counters/bin/pip install torch==2.15.0 torchvision==0.29.2 timm==1.0.31 onnx==1.23.2 onnxscript==0.7.2 \
        onnx-tool==1.0.1 fvcore==0.1.5.post20221221
    counters/bin/python golden/counters.py [PROGRAM] >golden/counters.md

Each network is exported at 224 pixels and batch 1 by both of PyTorch's exporters (TorchScript and dynamo), with untrained weights. `onnx-tool` reads
the file, fvcore the PyTorch module. The peak of activations is simulated here, from its definition, over shapes that ONNX's own inference gives, or onnx-tool's where ONNX's loses them.
The script ends with status 1 if a difference has no explanation.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from math import prod
from pathlib import Path

import fvcore
import onnx
import onnx_tool
import timm
import torch
import torchvision
from fvcore.nn import FlopCountAnalysis

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/efficientnet-onnx"
NETWORKS = {
    "torchvision efficientnet_b0": lambda: torchvision.models.efficientnet_b0(),
    "torchvision mobilenet_v2": lambda: torchvision.models.mobilenet_v2(),
    "torchvision mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(),
    "torchvision resnet50": lambda: torchvision.models.resnet50(),
    "timm efficientnet_b0": lambda: timm.create_model("efficientnet_b0"),
    "timm tf_efficientnetv2_s": lambda: timm.create_model("tf_efficientnetv2_s"),
    "timm mobilenetv3_large_100": lambda: timm.create_model("mobilenetv3_large_100"),
    "timm vit_tiny_patch16_224": lambda: timm.create_model("vit_tiny_patch16_224"),
}
SHAPE = (1, 3, 224, 224)
# What both counters and `inspect` mean by a multiply-add.
PRODUCTS = {"Conv", "Gemm", "MatMul"}


def export(network, path, dynamo):
    keywords = {"dynamo": True, "external_data": False, "verbose": False} if dynamo else {"dynamo": False, "opset_version": 17}
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(network, (torch.zeros(SHAPE),), str(path), input_names=["input"], output_names=["output"], **keywords)


def inspected(path):
    ended = subprocess.run([str(PROGRAM), "inspect", str(path), "--json"], capture_output=True, text=True, check=True)
    survey = json.loads(ended.stdout)["file"]["survey"]
    assert survey["uncounted"] == survey["unsized_nodes"] == survey["uncounted_parameters"] == [], survey
    return survey


def profiled(path):
    model = onnx_tool.Model(str(path), {"verbose": False, "constant_folding": False})
    with contextlib.redirect_stdout(io.StringIO()):
        model.graph.shape_infer(None)
        model.graph.profile()
    return model


def extents(value):
    """The shape of a value; 0 for what is not known."""
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def onnx_tool_counts(path):
    """Multiply-adds by operator, the additions of biases, and elements of all constants."""
    model = profiled(path)
    counts, biases = Counter(), 0
    for node in model.graph.nodemap.values():
        counts[node.op_type] += int(node.macs[0])
        if node.op_type in {"Conv", "Gemm"} and len(node.input) > 2:
            # Gemm adds one bias an output, Conv too.
            biases += prod(model.graph.tensormap[node.output[0]].get_shape())
    return counts, biases, model.graph.params


def fvcore_counts(network):
    analysis = FlopCountAnalysis(network, torch.zeros(SHAPE))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return Counter(analysis.by_operator()), analysis.unsupported_ops()


def attention(network):
    """Multiply-adds of the two products of each attention, which fvcore does not look into: tokens² · channels each."""
    blocks = getattr(network, "blocks", [])
    layers = [block.attn for block in blocks if hasattr(block, "attn")]
    tokens = getattr(network, "pos_embed", torch.zeros(1, 0, 1)).shape[1]
    return sum(2 * tokens**2 * layer.num_heads * layer.head_dim for layer in layers)


def peak(path):
    """The most elements that are held at once, as `inspect` defines it, from ONNX's own shape inference."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph = model.graph
    shapes = {value.name: extents(value) for value in [*graph.input, *graph.value_info, *graph.output]}
    if not all(all(shape) for shape in shapes.values()):
        # Pads that are computed with nodes are lost to it.
        shapes = {name: tensor.get_shape() for name, tensor in profiled(path).graph.tensormap.items()}
    constants = {tensor.name for tensor in graph.initializer}
    held = {value.name: prod(shapes[value.name]) for value in graph.input if value.name not in constants}
    activations = set(held)
    uses = Counter(name for node in graph.node for name in set(node.input))
    uses.update({value.name: 1 for value in graph.output})
    most = sum(held.values())
    for node in graph.node:
        results = [name for name in node.output if name]
        if activations & set(node.input):
            held.update((name, prod(shapes[name])) for name in results)
            activations.update(results)
        most = max(most, sum(held.values()))
        uses.subtract(set(node.input))
        for name in [*node.input, *results]:
            if uses[name] <= 0:
                held.pop(name, None)
    return most


def row(name, network, exporter, path):
    survey = inspected(path)
    by_operator, biases, constants = onnx_tool_counts(path)
    total = sum(by_operator.values())
    products = sum(by_operator[operator] for operator in PRODUCTS)
    rest = {operator: count for operator, count in by_operator.most_common() if operator not in PRODUCTS and count}
    flops, unsupported = fvcore_counts(network)
    layers = flops["conv"] + flops["linear"]
    inside = attention(network) if "aten::scaled_dot_product_attention" in unsupported else 0
    held = peak(path)
    differences = {
        "onnx-tool": products - biases - survey["macs"],
        "fvcore": layers + inside - survey["macs"],
        "peak": held - survey["peak_activation_elements"],
    }
    for counter, difference in differences.items():
        if difference:
            print(f"{name}, {exporter}: {counter} differs by {difference}", file=sys.stderr)
    parts = ", ".join(f"{operator} {count:,}" for operator, count in list(rest.items())[:3])
    more = sum(list(rest.values())[3:])
    print(
        f"| {name}, {exporter} | {survey['macs']:,} | {total:,} | {biases:,} | {parts}, others {more:,} | {sum(flops.values()):,} "
        f"| {sum(flops.values()) - layers:,} | {inside:,} | {survey['peak_activation_elements']:,} | {held:,} "
        f"| {survey['parameters']:,} | {constants:,} |",
        flush=True,
    )
    return not any(differences.values())


def main():
    warnings.filterwarnings("ignore")
    version = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    fvcore_version = getattr(fvcore, "__version__", "0.1.5")
    print(
        f"""# What other counters count

Made by `golden/counters.py` with {version}, onnx-tool {onnx_tool.VERSION}, fvcore {fvcore_version}, torch {torch.__version__.split("+")[0]},
torchvision {torchvision.__version__.split("+")[0]}, timm {timm.__version__} and onnx {onnx.__version__}. One image of 224x224 pixels, untrained weights.

Every row adds up: `inspect`'s multiply-adds are onnx-tool's less the biases that it adds and less what it counts for other operators; they are fvcore's
of convolutions and linear layers, with the two products of each attention, which fvcore does not look into (`aten::scaled_dot_product_attention`).

- onnx-tool counts a multiply-add for each bias that is added, and weighs element-wise operators by guesses of their cost: 1 for an Add, a Mul or a
  comparison, 4 for a division, 32 for a Sigmoid. `inspect` counts none of them.
- fvcore counts batch norms (2 an element), pools and layer norms beside convolutions and linear layers; `inspect` counts none of them. Additions,
  products and activations it does not count either.
- The peak is the definition of `inspect` (the most elements of inputs and results that depend on them, held from the node that makes them to the last
  one that uses them, each result new), simulated over the shapes of ONNX's own inference, or of onnx-tool's where ONNX's loses them.
- onnx-tool's parameters are all constants, those of integers and the bounds of Clip too. A file has fewer than its module: batch norms are folded, the
  TorchScript exporter merges equal constants, and dynamo's leaves out biases of zeros, which untrained networks have.

| network, exporter | MACs: `inspect` | onnx-tool | of which biases | of which other operators | fvcore | of which norms and pools | attention, not in fvcore | peak elements: `inspect` | by hand | parameters: `inspect` | constants: onnx-tool |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
    )
    agrees = True
    with tempfile.TemporaryDirectory() as folder:
        for name, make in NETWORKS.items():
            torch.manual_seed(0)
            network = make().eval()
            for exporter in ("TorchScript", "dynamo"):
                path = Path(folder) / "network.onnx"
                export(network, path, exporter == "dynamo")
                agrees &= row(name, network, exporter, path)
    sys.exit(0 if agrees else 1)


if __name__ == "__main__":
    main()
