"""Makes golden/logits/resnet-50.safetensors: torchvision's ResNet-50, right and with one thing wrong.

usage: golden/rebuild resnet_50

Weights are what `examples/export_resnet_50.rs` writes.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy
import safetensors.numpy
import torch
import torchvision
from generate import difference, noise, read_weights
from torch import nn

TARGET = pathlib.Path(__file__).parent / "logits" / "resnet-50.safetensors"
SIZES = (96, 65)


def stride_in_the_reduction(network):
    """ResNet v1: the first 1x1 of a stage has the stride."""
    for stage in (network.layer2, network.layer3, network.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)


def unpadded_pool(network):
    network.maxpool = nn.MaxPool2d(3, 2, 0)


def epsilon(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


class EarlyActivation(nn.Module):
    """A bottleneck whose last activation comes before the addition."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, image):
        block = self.block
        x = block.relu(block.bn1(block.conv1(image)))
        x = block.relu(block.bn2(block.conv2(x)))
        x = block.relu(block.bn3(block.conv3(x)))
        return x + (image if block.downsample is None else block.downsample(image))


def activation_before_the_addition(network):
    for name in ("layer1", "layer2", "layer3", "layer4"):
        setattr(network, name, nn.Sequential(*map(EarlyActivation, getattr(network, name))))


MISTAKES = {
    "stride_in_the_reduction": stride_in_the_reduction,
    "unpadded_pool": unpadded_pool,
    "epsilon_1e-3": epsilon,
    "activation_before_the_addition": activation_before_the_addition,
}


def build(weights):
    network = torchvision.models.resnet50(weights=None)
    result = network.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing and not result.unexpected_keys, result
    return network.eval()


def logits(network, size, which):
    with torch.inference_mode():
        return network(torch.from_numpy(noise(size, which)).to(torch.float64)).numpy()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # `golden/rebuild` gives it to every generator; the example needs no command line.
    parser.add_argument("--binary")
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.safetensors"
        subprocess.run(["cargo", "run", "--release", "--no-default-features", "--features", "cli", "--example",
                        "export_resnet_50", "--", path], check=True)
        weights, digest = read_weights(path)
    network = build(weights)
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032
    rows = {}
    for size in SIZES:
        for which in (0, 1):
            rows[f"{size}.input_{which}"] = logits(network, size, which)
    right = rows[f"{SIZES[0]}.input_0"]
    print(f"largest {numpy.abs(right).max():.3g}, inputs {difference(right, rows[f'{SIZES[0]}.input_1']):.2g}")
    for name, plant in MISTAKES.items():
        mistaken = build(weights)
        plant(mistaken)
        rows[f"{SIZES[0]}.{name}"] = logits(mistaken, SIZES[0], 0)
        print(f"{name}: {difference(right, rows[f'{SIZES[0]}.{name}']):.2g}")
    metadata = {"variant": "resnet-50", "even_size": str(SIZES[0]), "odd_size": str(SIZES[1]), "weights_sha256": digest,
                "made_by": f"torchvision {torchvision.__version__}, torch {torch.__version__}"}
    safetensors.numpy.save_file(rows, TARGET, metadata)


if __name__ == "__main__":
    main()
