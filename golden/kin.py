"""Makes the golden logits of the paper's other networks: golden/logits/{mobilenet-v1,mobilenet-v2,resnet-50}.safetensors.

usage: golden/rebuild kin [VARIANT ...]

MobileNets are timm's, ResNet-50 is torchvision's; each is computed in f64, right and with one thing wrong. Weights are what
`weights export --variant VARIANT --init probe --seed 0` writes.
"""

import argparse
import pathlib
import tempfile

import numpy
import safetensors.numpy
import timm
import torch
import torchvision
from generate import difference, exported, noise, read_weights, swapped
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "logits"
SIZES = {"mobilenet-v1": (128, 111), "mobilenet-v2": (128, 111), "resnet-50": (96, 65)}
TIMM = {"mobilenet-v1": "mobilenetv1_100", "mobilenet-v2": "mobilenetv2_100"}


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


def unbounded(network):
    """ReLU instead of ReLU6."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, nn.ReLU())


def linear_projections(network):
    """As MobileNetV2 has them."""
    for stage in network.blocks:
        for block in stage:
            block.bn2.act = nn.Identity()


def activation_after_projections(network):
    """As MobileNetV1 has it."""
    for stage in network.blocks:
        for block in stage:
            norm = block.bn3 if hasattr(block, "bn3") else block.bn2
            norm.act = nn.ReLU6()


COMMON = {"epsilon_1e-3": epsilon}
MISTAKES = {
    "mobilenet-v1": {"unbounded": unbounded, "linear_projections": linear_projections},
    "mobilenet-v2": {"unbounded": unbounded, "activation_after_projections": activation_after_projections},
    "resnet-50": {
        "stride_in_the_reduction": stride_in_the_reduction,
        "unpadded_pool": unpadded_pool,
        "activation_before_the_addition": activation_before_the_addition,
    },
}
# Names that a wrong map could exchange without any shape being wrong: batch norms of one block, and convolutions of two.
SWAPPED = {
    "mobilenet-v1": {"swapped_norms": ("blocks.3.1.bn1.", "blocks.3.1.bn2."),
                     "swapped_tensors": ("blocks.3.1.conv_pw.weight", "blocks.3.2.conv_pw.weight")},
    "mobilenet-v2": {"swapped_norms": ("blocks.6.0.bn1.", "blocks.6.0.bn2."),
                     "swapped_tensors": ("blocks.3.1.conv_pwl.weight", "blocks.3.2.conv_pwl.weight")},
    "resnet-50": {"swapped_norms": ("layer3.1.bn1.", "layer3.1.bn2."),
                  "swapped_tensors": ("layer3.1.conv2.weight", "layer3.2.conv2.weight")},
}


def build(variant, weights, **options):
    if variant in TIMM:
        network = timm.create_model(TIMM[variant], **options)
    else:
        network = torchvision.models.resnet50(weights=None)
    result = network.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing and not result.unexpected_keys, result
    return network.eval()


def mistakes(variant, weights):
    """The name of each mistake, and the library's network that makes it."""
    for name, plant in (COMMON | MISTAKES[variant]).items():
        network = build(variant, weights)
        plant(network)
        yield name, network
    for name, pair in SWAPPED[variant].items():
        yield name, build(variant, swapped(weights, *pair))
    if variant in TIMM:
        yield "same_padding", build(variant, weights, pad_type="same")


def logits(network, size, which):
    with torch.inference_mode():
        return network(torch.from_numpy(noise(size, which)).to(torch.float64)).numpy()[0]


def generate(variant, binary):
    with tempfile.TemporaryDirectory() as folder:
        weights, digest = read_weights(exported(binary, variant, folder))
    network = build(variant, weights)
    rows = {f"{size}.input_{which}": logits(network, size, which) for size in SIZES[variant] for which in (0, 1)}
    even = SIZES[variant][0]
    right = rows[f"{even}.input_0"]
    print(f"{variant}: largest {numpy.abs(right).max():.3g}, inputs {difference(right, rows[f'{even}.input_1']):.2g}")
    for name, mistaken in mistakes(variant, weights):
        rows[f"{even}.{name}"] = logits(mistaken, even, 0)
        print(f"{variant}: {name} {difference(right, rows[f'{even}.{name}']):.2g}", flush=True)
    metadata = {
        "variant": variant, "even_size": str(even), "odd_size": str(SIZES[variant][1]), "weights_sha256": digest,
        "made_by": f"timm {timm.__version__}, torchvision {torchvision.__version__}, torch {torch.__version__}",
    }
    safetensors.numpy.save_file(rows, FOLDER / f"{variant}.safetensors", metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/efficientnet-onnx")
    parser.add_argument("variants", nargs="*", default=list(SIZES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for variant in arguments.variants:
        generate(variant, arguments.binary)


if __name__ == "__main__":
    main()
