"""Makes golden/features: the feature maps of timm's `features_only`, of one network of each family.

usage: golden/rebuild features

Every 23rd element of each map, in f32, at an even and an odd size; the weights are those of `golden/logits`.
"""

import argparse
import json
import pathlib
import tempfile

import numpy
import safetensors.numpy
import timm
import torch
from generate import CORRECT, exported, noise, read_weights, timm_name

TARGET = pathlib.Path(__file__).parent / "features"
SIZES = (96, 79)
STEP = 23
VARIANTS = ("b0", "lite0", "edgetpu-s", "condconv-b0-4e", "v2-s", "mobilenet-v1", "mobilenet-v2", "resnet-50")
# timm's names of networks that have its own conventions.
TIMM = {"mobilenet-v1": "mobilenetv1_100", "mobilenet-v2": "mobilenetv2_100", "resnet-50": "resnet50"}


def network(variant, weights):
    """timm's network of feature maps; only what comes after the last of them may be left over."""
    name, options = (TIMM[variant], {}) if variant in TIMM else (timm_name(variant), CORRECT)
    features = timm.create_model(name, features_only=True, **options)
    result = features.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing, missing
    heads = ("conv_head.", "bn2.", "classifier.", "fc.")
    assert all(name.startswith(heads) for name in result.unexpected_keys), result.unexpected_keys
    return features.eval()


def generate(variant, path):
    weights, digest = read_weights(path)
    features = network(variant, weights)
    rows, shapes = {}, {}
    for size in SIZES:
        with torch.inference_mode():
            maps = features(torch.from_numpy(noise(size, 0)).to(torch.float64))
        reductions = features.feature_info.reduction()
        for reduction, values in zip(reductions, maps, strict=True):
            name = f"{size}.features_{reduction.bit_length() - 1}"
            rows[name] = values.numpy().reshape(-1)[::STEP].astype(numpy.float32)
            shapes[name] = list(values.shape)
    metadata = {"variant": variant, "step": str(STEP), "weights_sha256": digest, "shapes": json.dumps(shapes),
                "made_by": json.dumps({"timm": timm.__version__, "torch": torch.__version__, "numpy": numpy.__version__})}
    TARGET.mkdir(exist_ok=True)
    safetensors.numpy.save_file(rows, TARGET / f"{variant}.safetensors", metadata)
    print(variant, shapes)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    binary = parser.parse_args().binary
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            generate(variant, exported(binary, variant, folder))


main()
