"""Makes golden/heads.json: what heads of several layers give on EfficientNet-B0, by PyTorch.

usage: golden/rebuild heads

timm's network gives the feature maps, `torch.nn.Sequential` the rest, in f64; its modules have the indices of our names. The
generalised mean is as cirtorch `layers/functional.py` has it, the concatenated pool as fastai `layers.py`
(`AdaptiveConcatPool2d`). Weights are those of
`emit --variant b0 --head HEAD --classes 10 --init probe --bn keep`.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import onnx
import timm
import torch
from generate import noise
from torch import nn
from torch.nn import functional

FILE = pathlib.Path(__file__).parent / "heads.json"
SIZE, CLASSES, FILTERS = 64, 10, 1280


def gem(x, p=3.0, eps=1e-6):
    return functional.avg_pool2d(x.clamp(min=eps).pow(p), (x.size(-2), x.size(-1))).pow(1.0 / p)


def mean(x):
    return functional.adaptive_avg_pool2d(x, 1)


def largest(x):
    return functional.adaptive_max_pool2d(x, 1)


class Normalize(nn.Module):
    def forward(self, x):
        return functional.normalize(x)


def linear(*features, bias=True):
    return nn.Linear(*features, bias=bias)


# Of each head its pool and its layers.
HEADS = {
    "gem:3,bn,linear-no-bias:64,relu,linear": (
        gem, [nn.BatchNorm1d(FILTERS), linear(FILTERS, 64, bias=False), nn.ReLU(), linear(64, CLASSES)]),
    "gem:2.5:1e-4,ln:1e-6,gelu,linear": (
        lambda x: gem(x, 2.5, 1e-4), [nn.LayerNorm(FILTERS, 1e-6), nn.GELU(), linear(FILTERS, CLASSES)]),
    "catmaxavg,bn,linear:64,relu,bn,linear-no-bias": (
        lambda x: torch.cat([largest(x), mean(x)], 1),
        [nn.BatchNorm1d(2 * FILTERS), linear(2 * FILTERS, 64), nn.ReLU(), nn.BatchNorm1d(64), linear(64, CLASSES, bias=False)]),
    "catavgmax,linear:64,bn:0.001,leaky-relu:0.2,tanh,linear": (
        lambda x: torch.cat([mean(x), largest(x)], 1),
        [linear(2 * FILTERS, 64), nn.BatchNorm1d(64, 1e-3), nn.LeakyReLU(0.2), nn.Tanh(), linear(64, CLASSES)]),
    "avgmax,linear:64,hard-swish,linear:32,elu,linear": (
        lambda x: 0.5 * (mean(x) + largest(x)),
        [linear(FILTERS, 64), nn.Hardswish(), linear(64, 32), nn.ELU(), linear(32, CLASSES)]),
    "linear:48,sigmoid,linear:32,swish,relu6,normalize,linear": (
        mean, [linear(FILTERS, 48), nn.Sigmoid(), linear(48, 32), nn.SiLU(), nn.ReLU6(), Normalize(), linear(32, CLASSES)]),
    "max,linear-no-bias:32,bn,normalize": (
        largest, [linear(FILTERS, 32, bias=False), nn.BatchNorm1d(32), Normalize()]),
}


def rows(binary, head, folder):
    """What the head gives for both inputs; and the embedding, of a head with classes."""
    path = pathlib.Path(folder) / "weights.onnx"
    subprocess.run([binary, "emit", "--variant", "b0", "--head", head, "--classes", str(CLASSES), "--init", "probe", "--bn", "keep",
                    "--force", "-o", path], check=True, capture_output=True)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    # Of the spelling's own constants, none has a parameter's last name.
    ends = (".weight", ".bias", ".running_mean", ".running_var")
    weights = {name: torch.tensor(values).double() for name, values in stored.items() if name.endswith(ends)}
    own = {name.removeprefix("classifier."): weights.pop(name) for name in list(weights) if name.startswith("classifier.")}
    network = timm.create_model("tf_efficientnet_b0", num_classes=0).double().eval()
    network.load_state_dict(weights, strict=False)
    missing = set(dict(network.named_parameters())) - set(weights)
    assert not missing, missing
    pool, layers = HEADS[head]
    chain = nn.Sequential(*layers).double().eval()
    found = chain.load_state_dict(own, strict=False)
    assert not found.unexpected_keys and all(name.endswith("num_batches_tracked") for name in found.missing_keys), found
    with torch.inference_mode():
        for which in (0, 1):
            maps = network.forward_features(torch.from_numpy(noise(SIZE, which)).double())
            x = pool(maps).flatten(1)
            before = functional.normalize(chain[:-1](x))[0]
            result = chain(x)[0]
            yield {"result": result.tolist(), "embedding": [float(f"{value:.9g}") for value in before[:10].tolist()]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/efficientnet-onnx")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = {head: list(rows(arguments.binary, head, folder)) for head in HEADS}
    made_by = f"timm {timm.__version__}, torch {torch.__version__}"
    FILE.write_text(json.dumps({"made_by": made_by, "size": SIZE, "classes": CLASSES, "heads": made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
