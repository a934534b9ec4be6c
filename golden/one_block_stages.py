"""Makes golden/logits/one-block-stages.safetensors: the network of examples/one-block-stages.toml, in plain PyTorch.

usage: golden/rebuild one_block_stages

Weights are what `weights export --arch examples/one-block-stages.toml --init probe --seed 0` writes.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy
import safetensors.numpy
import torch
from generate import difference, noise, read_weights
from torch import nn
from torch.nn import functional

EXAMPLE = "examples/one-block-stages.toml"
TARGET = pathlib.Path(__file__).parent / "logits" / "one-block-stages.safetensors"
# Filters in and out, stride, expansion.
BLOCKS = [(32, 16, 1, 1), (16, 24, 2, 6), (24, 40, 2, 6), (40, 80, 2, 6), (80, 112, 1, 6), (112, 192, 2, 6),
          (192, 320, 1, 6)]
SIZES = (224, 111)


class Block(nn.Module):
    """Expansion always, depthwise 3x3, squeeze to a quarter of the expanded width with ReLU, projection."""

    def __init__(self, inward, outward, stride, expansion):
        super().__init__()
        hidden = inward * expansion
        self.conv_pw = nn.Conv2d(inward, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv_dw = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.se = nn.Module()
        self.se.conv_reduce = nn.Conv2d(hidden, hidden // 4, 1)
        self.se.conv_expand = nn.Conv2d(hidden // 4, hidden, 1)
        self.conv_pwl = nn.Conv2d(hidden, outward, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outward)
        self.residual = stride == 1 and inward == outward

    def forward(self, image):
        x = functional.silu(self.bn1(self.conv_pw(image)))
        x = functional.silu(self.bn2(self.conv_dw(x)))
        squeezed = functional.relu(self.se.conv_reduce(functional.adaptive_avg_pool2d(x, 1)))
        x = x * torch.sigmoid(self.se.conv_expand(squeezed))
        x = self.bn3(self.conv_pwl(x))
        return x + image if self.residual else x


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.blocks = nn.ModuleList(nn.ModuleList([Block(*block)]) for block in BLOCKS)
        self.conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, image):
        x = functional.silu(self.bn1(self.conv_stem(image)))
        for stage in self.blocks:
            x = stage[0](x)
        x = functional.silu(self.bn2(self.conv_head(x)))
        return self.classifier(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/efficientnet-onnx")
    binary = parser.parse_args().binary
    network = Network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_714_280
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.safetensors"
        subprocess.run([binary, "weights", "export", "--arch", EXAMPLE, "--init", "probe", "--seed", "0", "-o", path],
                       check=True)
        weights, digest = read_weights(path)
    result = network.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing and not result.unexpected_keys, result
    network.eval()
    rows = {}
    with torch.inference_mode():
        for size in SIZES:
            first, second = (network(torch.from_numpy(noise(size, which)).to(torch.float64)).numpy()[0] for which in (0, 1))
            rows[f"{size}.input_0"], rows[f"{size}.input_1"] = first, second
            print(f"one-block-stages@{size}: largest {numpy.abs(first).max():.3g}, inputs {difference(first, second):.2g}")
    metadata = {"variant": "one-block-stages", "even_size": str(SIZES[0]), "odd_size": str(SIZES[1]),
                "weights_sha256": digest, "made_by": f"torch {torch.__version__}"}
    safetensors.numpy.save_file(rows, TARGET, metadata)


if __name__ == "__main__":
    main()
