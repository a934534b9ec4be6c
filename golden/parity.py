"""Makes golden/parity: the logits of every model that `--like` knows, computed by the library that it names.

usage: golden/rebuild parity [LIBRARY/MODEL ...]        reduced sizes, into golden/parity
       golden/rebuild parity --native [LIBRARY/MODEL ...]   native sizes, against our files in ONNX Runtime; prints

Weights are what `weights export --like LIBRARY/MODEL --init probe --seed 0` writes in the library's own names, and
every name and shape must fit. Whatever runs in torch runs in f64. timm's `tf_` models are those of golden/logits.
MMPretrain's networks are there too; `golden/loading.txt` has what they need.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import tempfile
import time

os.environ["KERAS_BACKEND"] = "torch"

import numpy
import safetensors
import safetensors.numpy
import torch
from generate import difference, noise

FOLDER = pathlib.Path(__file__).parent
SMALL = (128, 111)
LARGE = (96, 79)
# Too large for every run of the tests; `--native` has them.
NATIVE_ONLY = ("timm/efficientnet_l2", "timm/efficientnetv2_xl", "lukemelas/efficientnet-l2")


def models():
    """Every model with its native size and its logits' sizes."""
    timm_sizes = {
        **dict(zip([f"b{index}" for index in range(9)], (224, 240, 256, 288, 320, 448, 528, 600, 672))),
        **dict(zip([f"lite{index}" for index in range(5)], (224, 240, 260, 300, 380))),
        "l2": 800, "es": 224, "em": 240, "el": 300, "cc_b0_4e": 224, "cc_b0_8e": 224, "cc_b1_8e": 240,
    }
    for name, size in timm_sizes.items():
        yield f"timm/efficientnet_{name}", size
    for name, size in {"s": 384, "m": 416, "l": 480, "xl": 512}.items():
        yield f"timm/efficientnetv2_{name}", size
    for name, size in zip([f"b{index}" for index in range(8)], (224, 240, 288, 300, 380, 456, 528, 600)):
        yield f"torchvision/efficientnet_{name}", size
    for name, size in {"s": 384, "m": 480, "l": 480}.items():
        yield f"torchvision/efficientnet_v2_{name}", size
    for name in ("mobilenetv1_100", "mobilenetv1_100h", "mobilenetv1_125", "mobilenetv2_035", "mobilenetv2_050",
                 "mobilenetv2_075", "mobilenetv2_100", "mobilenetv2_110d", "mobilenetv2_120d", "mobilenetv2_140"):
        yield f"timm/{name}", 224
    yield "torchvision/mobilenet_v2", 224
    for name in ("resnet50", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2"):
        for library in ("timm", "torchvision"):
            yield f"{library}/{name}", 224
    official = (224, 240, 260, 300, 380, 456, 528, 600, 672)
    for index, size in enumerate(official):
        yield f"lukemelas/efficientnet-b{index}", size
    yield "lukemelas/efficientnet-l2", 800
    for index, size in enumerate((224, 240, 260, 280, 300)):
        yield f"lukemelas/efficientnet-lite{index}", size
    for index, size in enumerate(official[:8]):
        yield f"transformers/efficientnet-b{index}", size
    for index, size in enumerate(official[:8]):
        yield f"keras/EfficientNetB{index}", size
    for name, size in {"B0": 224, "B1": 240, "B2": 260, "B3": 300, "S": 384, "M": 480, "L": 480}.items():
        yield f"keras/EfficientNetV2{name}", size


def sizes(parameters):
    return SMALL if parameters < 40_000_000 else LARGE


def torch_network(like, weights):
    """The library's own model with these weights, in f64."""
    library, model = like.split("/")
    with torch.device("meta" if library != "lukemelas" else "cpu"):
        if library == "timm":
            import timm
            network = timm.create_model(model)
        elif library == "torchvision":
            import torchvision
            network = torchvision.models.get_model(model, weights=None)
        elif library == "transformers":
            network = of_transformers(model)
        elif "lite" in model:
            import efficientnet_lite_pytorch
            network = efficientnet_lite_pytorch.EfficientNet.from_name(model)
        else:
            import efficientnet_pytorch
            # Its pads are computed once, for the model's own size, and used at every size.
            network = efficientnet_pytorch.EfficientNet.from_name(model)
    result = network.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    assert not missing and not result.unexpected_keys, (like, missing, result.unexpected_keys)
    return network.to(torch.float64).eval()


# As `convert_efficientnet_to_pytorch.py` in transformers `models/efficientnet` has them: width, depth, size, features, and the
# blocks whose convolution of stride 2 is padded alike on all sides.
TRANSFORMERS = {
    "b0": (1.0, 1.0, 224, 1280, []),
    "b1": (1.0, 1.1, 240, 1280, [16]),
    "b2": (1.1, 1.2, 260, 1408, [5, 8, 16]),
    "b3": (1.2, 1.4, 300, 1536, [5, 18]),
    "b4": (1.4, 1.8, 380, 1792, [6]),
    "b5": (1.6, 2.2, 456, 2048, [13, 27]),
    "b6": (1.8, 2.6, 528, 2304, [31]),
    "b7": (2.0, 3.1, 600, 2560, [18]),
}


def of_transformers(model):
    import transformers

    class Logits(transformers.EfficientNetForImageClassification):
        def forward(self, image):
            return super().forward(image).logits

    width, depth, size, features, padded = TRANSFORMERS[model.rpartition("-")[2]]
    return Logits(transformers.EfficientNetConfig(
        width_coefficient=width, depth_coefficient=depth, image_size=size, hidden_dim=features, depthwise_padding=padded,
        num_labels=1000))


def keras_network(like, size, weights):
    import keras
    keras.config.set_floatx("float64")
    model = like.split("/")[1]
    second = "V2" in model
    options = {"include_preprocessing": False} if second else {}
    network = getattr(keras.applications, model)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None, **options)
    unused = dict(weights)
    for layer in network.layers:
        for variable in layer.weights:
            if layer.name.startswith("normalization"):
                continue
            kind = "depthwise_kernel" if isinstance(layer, keras.layers.DepthwiseConv2D) and variable.name == "kernel" \
                else variable.name
            value = unused.pop(f"{layer.name}/{kind}")
            assert tuple(variable.shape) == value.shape, (like, layer.name, variable.shape, value.shape)
            variable.assign(value.astype(numpy.float64))
    assert not unused, (like, list(unused))
    # The first version scales pixels to 0..1 itself.
    return lambda image: network(image * (1.0 if second else 255.0), training=False)


def logits(like, size, path, inputs=(0, 1)):
    """One row for each of these inputs."""
    images = [noise(size, which) for which in inputs]
    if like.startswith("keras/"):
        network = keras_network(like, size, safetensors.numpy.load_file(path))
        rows = [network(torch.from_numpy(image.transpose(0, 2, 3, 1)).to(torch.float64)) for image in images]
    else:
        with safetensors.safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name).to(torch.float64) for name in file.keys()}
        network = torch_network(like, weights)
        rows = [network(torch.from_numpy(image).to(torch.float64)) for image in images]
    return [row.detach().numpy()[0] for row in rows]


def export(binary, like, folder):
    library = like.split("/")[0]
    path = pathlib.Path(folder) / "weights.safetensors"
    probe = ["--init", "probe", "--seed", "0"]
    subprocess.run([binary, "weights", "export", "--like", like, "--classes", "1000", *probe, "--names", library,
                    "-o", path, "--force", "--quiet"], check=True)
    return path


def parameters(binary, like):
    command = [binary, "inspect", "--like", like, "--classes", "1000", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["recipe"]["parameters"]


def reduced(binary, wanted):
    for like, _ in models():
        if like in NATIVE_ONLY or (wanted and like not in wanted):
            continue
        start = time.monotonic()
        rows = {}
        library, model = like.split("/")
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            path = export(binary, like, folder)
            for size in sizes(parameters(binary, like)):
                first, second = logits(like, size, path)
                rows[f"{model}@{size}"] = first.astype(numpy.float32)
                print(f"{like}@{size}: largest {numpy.abs(first).max():.3g}, inputs {difference(first, second):.2g}, "
                      f"{time.monotonic() - start:.0f} s", flush=True)
        target = FOLDER / "parity" / f"{library}.safetensors"
        target.parent.mkdir(exist_ok=True)
        kept = safetensors.numpy.load_file(target) if target.exists() else {}
        made_by = json.dumps({"python": platform.python_version(), "torch": torch.__version__})
        safetensors.numpy.save_file(kept | rows, target, {"made_by": made_by})


# MMPretrain's networks, which `--like` does not name: our variant, kind, arch, activation (`configs/_base_/models/efficientnet*`).
MMPRETRAIN = {
    "EfficientNet-b1": ("b1", "EfficientNet", "b1", "Swish"),
    "EfficientNet-es": ("edgetpu-s", "EfficientNet", "es", "ReLU"),
    "EfficientNetV2-s": ("v2-s", "EfficientNetV2", "s", "Swish"),
}


def of_mmpretrain(binary, wanted):
    """Tensors go from timm's model to MMPretrain's by their order, which is that of computation in both."""
    import timm
    from generate import exported, read_weights, timm_name

    rows = {}
    for name, (variant, kind, arch, activation) in MMPRETRAIN.items():
        if wanted and f"mmpretrain/{name}" not in wanted:
            continue
        from mmpretrain.models import ImageClassifier

        network = ImageClassifier(
            backbone={"type": kind, "arch": arch, "act_cfg": {"type": activation}},
            neck={"type": "GlobalAveragePooling"},
            head={"type": "LinearClsHead", "num_classes": 1000, "in_channels": 1280},
        )
        with tempfile.TemporaryDirectory() as folder:
            weights, _ = read_weights(exported(binary, variant, folder))
        with torch.device("meta"):
            order = [key for key in timm.create_model(timm_name(variant)).state_dict() if key in weights]
        own = [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]
        assert len(order) == len(weights) == len(own), name
        renamed = {theirs: weights[ours].to(torch.float64) for theirs, ours in zip(own, order)}
        network.load_state_dict(renamed, strict=False, assign=True)
        network.to(torch.float64).eval()
        for size in SMALL:
            image = torch.from_numpy(noise(size, 0)).to(torch.float64)
            with torch.inference_mode():
                row = network.head(network.extract_feat(image)).numpy()[0]
            rows[f"{name}@{size}"] = row.astype(numpy.float32)
            print(f"mmpretrain/{name}@{size}: largest {numpy.abs(row).max():.3g}", flush=True)
    if rows:
        target = FOLDER / "parity" / "mmpretrain.safetensors"
        kept = safetensors.numpy.load_file(target) if target.exists() else {}
        made_by = json.dumps({"python": platform.python_version(), "torch": torch.__version__})
        safetensors.numpy.save_file(kept | rows, target, {"made_by": made_by})


def native(binary, wanted):
    import onnxruntime
    print("| model | size | largest logit | ONNX Runtime | seconds in the library |\n| --- | --- | --- | --- | --- |")
    for like, size in models():
        if wanted and like not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            path = export(binary, like, folder)
            start = time.monotonic()
            [expected] = logits(like, size, path, inputs=[0])
            seconds = time.monotonic() - start
            path.unlink()
            model = pathlib.Path(folder) / "model.onnx"
            subprocess.run([binary, "emit", "--like", like, "--classes", "1000", "--size", str(size), "--init", "probe",
                            "--quiet", "-o", model], check=True)
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            found = session.run(None, {"input": noise(size, 0)})[0][0]
        print(f"| {like} | {size} | {numpy.abs(expected).max():.3g} | {difference(expected, found):.1e} | {seconds:.0f} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/efficientnet-onnx")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("models", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.native:
        return native(arguments.binary, set(arguments.models))
    reduced(arguments.binary, set(arguments.models))
    of_mmpretrain(arguments.binary, set(arguments.models))


if __name__ == "__main__":
    main()
