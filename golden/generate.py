"""Makes the golden logits: what timm computes, in f64, from the `probe` weights that our binary exports.

Nothing here knows how our own graphs are built. A model is timm's, its weights are read from the
safetensors file that `weights export` wrote, and its input is a formula in 32-bit integers that the
Rust tests repeat. Each planted mistake is timm's model as well, with one thing wrong.

`golden/rebuild` runs this; `golden/README.md` says what each file holds.
"""

import argparse
import functools
import hashlib
import json
import pathlib
import platform
import subprocess
import tempfile
import time

import numpy
import safetensors
import safetensors.numpy
import timm
import timm.models.efficientnet as timm_efficientnet
import torch

# An even size, and an odd one. The even size is the native one up to B5 and in Lite, half of it in B6, B7
# and B8, and less in EdgeTPU and V2. No odd size is one more than a multiple of 32: there, SAME padding equals symmetric padding.
SIZES = {
    "b0": (224, 223),
    "b1": (240, 223),
    "b2": (260, 175),
    "b3": (300, 223),
    "b4": (380, 175),
    "b5": (456, 175),
    "b6": (264, 95),
    "b7": (300, 95),
    "b8": (336, 95),
    "l2": (224, 95),
    "lite0": (224, 223),
    "lite1": (240, 223),
    "lite2": (260, 175),
    "lite3": (280, 223),
    "lite4": (300, 175),
    "edgetpu-s": (160, 111),
    "edgetpu-m": (160, 111),
    "edgetpu-l": (160, 111),
    "condconv-b0-4e": (128, 111),
    "condconv-b0-8e": (128, 111),
    "condconv-b0-8e-depth": (128, 111),
    "v2-s": (128, 111),
    "v2-m": (128, 111),
    "v2-l": (96, 79),
    "v2-xl": (96, 79),
    "v2-b0": (160, 111),
    "v2-b1": (160, 111),
    "v2-b2": (160, 111),
    "v2-b3": (160, 111),
}

# A pair of names that a wrong map could exchange without any shape being wrong.
SWAPPED_TENSORS = ("blocks.3.1.conv_pwl.weight", "blocks.3.2.conv_pwl.weight")

CORRECT = {"pad_type": "same", "bn_eps": 1e-3}


# timm counts the deeper one as B1.
CONDCONV = {"condconv-b0-4e": "cc_b0_4e", "condconv-b0-8e": "cc_b0_8e", "condconv-b0-8e-depth": "cc_b1_8e"}


def timm_name(variant):
    """timm's name of the model with TensorFlow's conventions."""
    if variant in CONDCONV:
        return f"tf_efficientnet_{CONDCONV[variant]}"
    family, _, member = variant.partition("-")
    if family == "edgetpu":
        return f"tf_efficientnet_e{member}"
    return f"tf_efficientnetv2_{member}" if family == "v2" else f"tf_efficientnet_{variant}"


def swapped_norms(variant):
    """Two batch norms that have the same shape: of one block, and in EdgeTPU and V2 those that close two blocks."""
    if variant.startswith(("edgetpu", "v2")):
        return "blocks.3.0.bn3.", "blocks.3.1.bn3."
    return "blocks.6.0.bn1.", "blocks.6.0.bn2."


def noise(size, which):
    """Input number `which`, `[1, 3, size, size]` in f32: uniform with variance 1, and exact.

    The flat NCHW index plus `which * 0x9e3779b9` goes through MurmurHash3's 32-bit finaliser (public
    domain, Austin Appleby); the hash h becomes (h / 2^31 - 1) * sqrt(3) in f64, rounded once to f32.
    """
    h = numpy.arange(3 * size * size, dtype=numpy.uint32) + numpy.uint32(which * 0x9E3779B9)
    h ^= h >> numpy.uint32(16)
    h *= numpy.uint32(0x85EBCA6B)
    h ^= h >> numpy.uint32(13)
    h *= numpy.uint32(0xC2B2AE35)
    h ^= h >> numpy.uint32(16)
    uniform = h.astype(numpy.float64) / 2.0**31 - 1.0
    return (uniform * numpy.sqrt(3.0)).astype(numpy.float32).reshape(1, 3, size, size)


def exported(binary, variant, folder):
    """The path of a fresh export of the variant's probe weights."""
    path = pathlib.Path(folder) / f"{variant}.safetensors"
    command = [binary, "weights", "export", "--variant", variant, "--init", "probe", "--seed", "0"]
    subprocess.run([*command, "-o", path], check=True)
    return path


def read_weights(path):
    """The tensors in f64, and the SHA-256 of the file's tensor bytes."""
    with open(path, "rb") as file:
        file.seek(int.from_bytes(file.read(8), "little"), 1)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with safetensors.safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).to(torch.float64) for name in file.keys()}, digest


def model(variant, weights, leave_out_surplus=False, **options):
    """timm's model with these weights; every name and shape must fit, but for blocks that it lacks."""
    with torch.device("meta"):
        network = timm.create_model(timm_name(variant), **options)
    result = network.load_state_dict(weights, strict=not leave_out_surplus, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing, missing
    return network.eval()


def logits(network, images):
    with torch.inference_mode():
        return network(images).numpy()


def swapped(weights, first, second):
    """The same tensors, with the names that start with `first` and with `second` exchanged."""
    renamed = {}
    for name, tensor in weights.items():
        if name.startswith(first):
            name = second + name.removeprefix(first)
        elif name.startswith(second):
            name = first + name.removeprefix(second)
        renamed[name] = tensor
    return renamed


def rounded_repeats(variant, weights):
    """A model whose stages repeat round(d * r) times instead of ceil(d * r); none if that is the same."""
    decode = timm_efficientnet.decode_arch_def
    timm_efficientnet.decode_arch_def = functools.partial(decode, depth_trunc="round")
    try:
        network = model(variant, weights, leave_out_surplus=True, **CORRECT)
    finally:
        timm_efficientnet.decode_arch_def = decode
    used = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    return network if used != set(weights) else None


def mistakes(variant, weights):
    """The name of each mistake at the even size, and timm's model that makes it."""
    yield "symmetric_padding", model(variant, weights, pad_type="", bn_eps=1e-3)
    yield "epsilon_1e-5", model(variant, weights, pad_type="same", bn_eps=1e-5)
    yield "epsilon_2e-3", model(variant, weights, pad_type="same", bn_eps=2e-3)
    yield "swapped_norms", model(variant, swapped(weights, *swapped_norms(variant)), **CORRECT)
    yield "swapped_tensors", model(variant, swapped(weights, *SWAPPED_TENSORS), **CORRECT)
    network = rounded_repeats(variant, weights)
    if network is not None:
        yield "rounded_repeats", network


def difference(one, other):
    """Largest difference in proportion to the largest of `one`."""
    return numpy.abs(one - other).max() / numpy.abs(one).max()


def generate(variant, path, target):
    start = time.monotonic()
    weights, digest = read_weights(path)
    rows = {}
    for size, kind in zip(SIZES[variant], ("even", "odd"), strict=True):
        images = [torch.from_numpy(noise(size, which)).to(torch.float64) for which in (0, 1)]
        right = model(variant, weights, **CORRECT)
        for which, image in enumerate(images):
            rows[f"{size}.input_{which}"] = logits(right, image)[0]
        first = rows[f"{size}.input_0"]
        line = [f"largest {numpy.abs(first).max():.3g}", f"inputs {difference(first, rows[f'{size}.input_1']):.2g}"]
        for name, network in mistakes(variant, weights):
            if kind == "odd" and name != "symmetric_padding":
                break
            rows[f"{size}.{name}"] = logits(network, images[0])[0]
            line.append(f"{name} {difference(first, rows[f'{size}.{name}']):.2g}")
        print(f"{variant}@{size}:", ", ".join(line), flush=True)
    metadata = {
        "variant": variant,
        "even_size": str(SIZES[variant][0]),
        "odd_size": str(SIZES[variant][1]),
        "weights_sha256": digest,
        "made_by": json.dumps({
            "timm": timm.__version__,
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        }),
    }
    target.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(rows, target / f"{variant}.safetensors", metadata)
    print(f"{variant}: {time.monotonic() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="target/release/efficientnet-onnx")
    parser.add_argument("--weights", help="a folder with VARIANT.safetensors, instead of running the binary")
    parser.add_argument("--target", type=pathlib.Path, default=pathlib.Path(__file__).parent / "logits")
    parser.add_argument("variants", nargs="*", default=list(SIZES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for variant in arguments.variants:
        with tempfile.TemporaryDirectory() as folder:
            if arguments.weights:
                path = pathlib.Path(arguments.weights) / f"{variant}.safetensors"
            else:
                path = exported(arguments.binary, variant, folder)
            generate(variant, path, arguments.target)


if __name__ == "__main__":
    main()
