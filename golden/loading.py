"""Loads networks of many libraries from many containers with many heads, and compares: writes `loading.md` beside this file.

    python golden/loading.py [--only TEXT] [--keep FOLDER] PROGRAM

Every network is built and saved by the library itself, with weights of a seed and batch norms that have seen data, so that a wrong
name, pad or epsilon moves the logits. `PROGRAM emit` makes a file of what was saved; ONNX Runtime computes it; the difference is
the largest of any logit, in proportion to the largest logit that the library computes, at an even and at an odd size. Needs what
`loading.txt` lists. Exit status 0 if no difference is above 1e-4 and each expected refusal was one, 1 if not.
"""

import argparse
import copy
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

MOST = 1e-4
# What is refused, and with which words: the names of torchvision's body, cut and nested, are also those of the layers after it.
REFUSED = {"fastai, torchvision's": "nothing accounts for 10 tensors beside it"}
SIZES = (64, 65)
CLASSES = 7
TABLE = Path(__file__).with_name("loading.md")


# Weights and inputs.


def lively(model, seed=0, size=64):
    """Random weights, and batch norms with the statistics of what reaches them."""
    generator = torch.Generator().manual_seed(seed)
    norms = [module for module in model.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)) and module.weight is not None:
                module.weight.copy_(torch.rand(module.weight.shape, generator=generator) * 0.5 + 0.75)
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 0.3)
            elif isinstance(module, (nn.Linear, nn.Conv2d)):
                fan = module.weight[0].numel()
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * (0.5 / fan) ** 0.5)
                if module.bias is not None:
                    module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 0.3)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        model.train()
        torch.manual_seed(seed)
        model(torch.randn(8, 3, size, size, generator=generator))
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
    return model.eval()


def pictures(size, seed=1):
    return np.random.default_rng(seed).standard_normal((2, 3, size, size)).astype(np.float32)


def result(value):
    return getattr(value, "logits", value)


def torch_logits(model, x):
    with torch.no_grad():
        return result(model(torch.from_numpy(x))).numpy()


# Libraries of PyTorch: each gives a network of `CLASSES` classes with a list of flags, and where its classifier is.


def timm_network(name):
    import timm

    return timm.create_model(name, num_classes=CLASSES), "classifier"


def torchvision_network(name):
    import torchvision

    return getattr(torchvision.models, name)(num_classes=CLASSES), "classifier.1"


def lukemelas_network(name):
    import efficientnet_pytorch

    network = efficientnet_pytorch.EfficientNet.from_name(name, num_classes=CLASSES, image_size=None)
    network.set_swish(memory_efficient=False)
    return network, "_fc"


def geffnet_network(name):
    import geffnet

    return geffnet.create_model(name, num_classes=CLASSES), "classifier"


TORCH = [
    ("timm", "efficientnet_b0", timm_network, ["--like", "timm/efficientnet_b0"]),
    ("timm", "tf_efficientnet_b0", timm_network, ["--like", "timm/tf_efficientnet_b0"]),
    ("timm", "tf_efficientnetv2_b0", timm_network, ["--like", "timm/tf_efficientnetv2_b0"]),
    ("torchvision", "efficientnet_b0", torchvision_network, []),
    ("efficientnet_pytorch", "efficientnet-b0", lukemelas_network, ["--padding", "same"]),
    ("geffnet", "efficientnet_b0", geffnet_network, ["--like", "timm/efficientnet_b0"]),
    ("geffnet", "tf_efficientnet_b0", geffnet_network, ["--like", "timm/tf_efficientnet_b0"]),
]


# Heads: each replaces the classifier, and says what `--head` has to tell where only tensors are saved.


class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.p = nn.Parameter(torch.ones(1) * p)
        self.eps = eps

    def forward(self, x):
        return x.clamp(min=self.eps).pow(self.p).mean((2, 3)).pow(1.0 / self.p)


class Pooled(nn.Module):
    """A body, a pool of one's own and a head, as training scripts write it."""

    def __init__(self, model, pool, head):
        super().__init__()
        self.model, self.pooling, self.head = model, pool, head

    def forward(self, x):
        return self.head(self.pooling(self.model.forward_features(x)).flatten(1))


class CatPool(nn.Module):
    """As fastai's `AdaptiveConcatPool2d`: the largest elements first."""

    def __init__(self):
        super().__init__()
        self.ap, self.mp = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)

    def forward(self, x):
        return torch.cat([self.mp(x), self.ap(x)], 1)


FEATURES = 1280
CHAINS = {
    "linear without bias": (lambda: nn.Linear(FEATURES, 5, bias=False), None),
    "linear, relu, linear": (
        lambda: nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 5)),
        "linear,relu,linear",
    ),
    "bn, linear, silu, linear": (
        lambda: nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Linear(FEATURES, 64), nn.SiLU(), nn.Linear(64, 5)),
        "bn,linear,swish,linear",
    ),
    "linear, bn, relu, linear": (
        lambda: nn.Sequential(nn.Linear(FEATURES, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 5)),
        "linear,bn,relu,linear",
    ),
    "ln, linear, gelu, linear": (
        lambda: nn.Sequential(nn.LayerNorm(FEATURES), nn.Linear(FEATURES, 64), nn.GELU(), nn.Linear(64, 5)),
        "ln,linear,gelu,linear",
    ),
}


def with_chain(network, classifier, head):
    parent, _, name = classifier.rpartition(".")
    setattr(network.get_submodule(parent), name, head)
    return network


# Containers of PyTorch: each saves a network in a folder, and says what `--weights` is given.


def state_dict(network, folder, x):
    torch.save(network.state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


def legacy(network, folder, x):
    torch.save(network.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
    return folder / "legacy.pth"


def channels_last(network, folder, x):
    network = copy.deepcopy(network).to(memory_format=torch.channels_last)
    torch.save(network.state_dict(), folder / "strided.pth")
    return folder / "strided.pth"


def module(network, folder, x):
    torch.save(network, folder / "module.pth")
    return folder / "module.pth"


def of_safetensors(network, folder, x):
    safetensors.torch.save_file(contiguous(network), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def contiguous(network):
    return {name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}


def shards(tensors, save, stem, ending, index, folder):
    names = list(tensors)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    where = {}
    for number, half in enumerate(halves, 1):
        file = f"{stem}-{number:05}-of-{len(halves):05}.{ending}"
        save({name: tensors[name] for name in half}, folder / file)
        where |= {name: file for name in half}
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    import json

    (folder / index).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": where}))
    return folder / index


def sharded_safetensors(network, folder, x):
    tensors = contiguous(network)
    return shards(tensors, safetensors.torch.save_file, "model", "safetensors", "model.safetensors.index.json", folder)


def sharded_bin(network, folder, x):
    return shards(network.state_dict(), torch.save, "pytorch_model", "bin", "pytorch_model.bin.index.json", folder)


def arrays(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def npz(network, folder, x):
    np.savez(folder / "weights.npz", **arrays(network))
    return folder / "weights.npz"


def npz_compressed(network, folder, x):
    np.savez_compressed(folder / "compressed.npz", **arrays(network))
    return folder / "compressed.npz"


def pickled_arrays(network, folder, x):
    with open(folder / "arrays.pkl", "wb") as file:
        pickle.dump(arrays(network), file)
    return folder / "arrays.pkl"


def saved_arrays(network, folder, x):
    torch.save(arrays(network), folder / "arrays.pth")
    return folder / "arrays.pth"


def torchscript(network, folder, x):
    torch.jit.trace(network, torch.from_numpy(x)).save(str(folder / "traced.pt"))
    return folder / "traced.pt"


def pt2(network, folder, x):
    torch.export.save(torch.export.export(network, (torch.from_numpy(x),)), folder / "exported.pt2")
    return folder / "exported.pt2"


CONTAINERS = {
    "state dict": state_dict,
    "state dict, legacy tar": legacy,
    "state dict, channels last": channels_last,
    "pickled module": module,
    "safetensors": of_safetensors,
    "safetensors in shards": sharded_safetensors,
    "pytorch_model.bin in shards": sharded_bin,
    "npz": npz,
    "npz, compressed": npz_compressed,
    "pickle of numpy arrays": pickled_arrays,
    "torch.save of numpy arrays": saved_arrays,
    "TorchScript, traced": torchscript,
    "torch.export": pt2,
}
# Those that record the modules, so that no flag has to tell conventions and heads.
RECORDING = {"pickled module"}


# Cases.


class Case:
    """A network to load: what it is, where it lies, the flags, and what it should compute."""

    def __init__(self, library, container, head, path, flags, x, want):
        self.library, self.container, self.head = library, container, head
        self.path, self.flags, self.x, self.want = path, flags, x, want


def torch_cases(folder):
    for size in SIZES:
        x = pictures(size)
        for library, name, create, flags in TORCH:
            network, _ = create(name)
            network = lively(network)
            want = torch_logits(network, x)
            for container, save in CONTAINERS.items():
                asked = [] if container in RECORDING else flags
                yield Case(f"{library} {name}", container, "its own", lambda s=save, n=network: s(n, folder, x), asked, x, want)
        for library, name, create, flags in [TORCH[1], TORCH[3], TORCH[4]]:
            for head, (chain, told) in CHAINS.items():
                network, classifier = create(name)
                network = lively(with_chain(network, classifier, chain()))
                want = torch_logits(network, x)
                for container, save in [("state dict", state_dict), ("pickled module", module), ("safetensors", of_safetensors)]:
                    recording = container in RECORDING
                    asked = [] if recording else flags + (["--head", told] if told else [])
                    yield Case(f"{library} {name}", container, head, lambda s=save, n=network: s(n, folder, x), asked, x, want)
        yield from pool_cases(folder, x)


def pool_cases(folder, x):
    _, name, create, flags = TORCH[1]
    pools = {
        "gem, linear": (GeM(2.6), lambda n: nn.Linear(n, 5), "gem,linear", 1),
        "max and average, linear": (CatPool(), lambda n: nn.Linear(n, 5), "catmaxavg,linear", 2),
        "max and average, bn, linear, relu, bn, linear": (
            CatPool(),
            lambda n: nn.Sequential(
                nn.BatchNorm1d(n), nn.Dropout(0.25), nn.Linear(n, 64, bias=False), nn.ReLU(),
                nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 5, bias=False),
            ),
            "catmaxavg,bn,linear,relu,bn,linear",
            2,
        ),
    }
    for head, (pool, layers, told, factor) in pools.items():
        network, _ = create(name)
        network.global_pool, network.classifier = nn.Identity(), nn.Identity()
        whole = lively(Pooled(network, pool, layers(FEATURES * factor)))
        yield Case(f"timm {name}", "state dict", head, lambda n=whole: state_dict(n, folder, x), flags + ["--head", told], x, torch_logits(whole, x))


def of_other_libraries(folder):
    for size in SIZES:
        x = pictures(size)
        yield from transformers_cases(folder, x)
        yield from mmpretrain_cases(folder, x)
        yield from fastai_cases(folder, x)
        yield from encoder_cases(folder, x)


def transformers_cases(folder, x):
    import transformers

    transformers.logging.set_verbosity_error()
    labels = {index: f"class {index}" for index in range(CLASSES)}
    config = transformers.EfficientNetConfig(
        image_size=224, width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, id2label=labels
    )
    network = lively(transformers.EfficientNetForImageClassification(config))
    wrapped = transformers.TimmWrapperConfig(architecture="tf_efficientnet_b0", num_labels=CLASSES)
    wrapped = lively(transformers.TimmWrapperForImageClassification(wrapped))
    for library, network in [("transformers efficientnet-b0", network), ("transformers, timm's", wrapped)]:
        want = torch_logits(network, x)

        def saved(name, n=network, **options):
            target = folder / f"{library.replace(' ', '-')}-{name}"
            n.save_pretrained(target, **options)
            return target

        yield Case(library, "folder", "its own", lambda s=saved: s("whole"), [], x, want)
        yield Case(library, "folder of shards", "its own", lambda s=saved: s("shards", max_shard_size="5MB"), [], x, want)
        flags = [] if library.endswith("b0") else ["--like", "timm/tf_efficientnet_b0"]
        yield Case(library, "state dict", "its own", lambda n=network: state_dict(n, folder, x), flags, x, want)


def mmpretrain_cases(folder, x):
    from mmpretrain.models import ImageClassifier

    for kind, arch, features in [("EfficientNet", "b0", 1280), ("EfficientNetV2", "b0", 1280)]:
        network = ImageClassifier(
            backbone={"type": kind, "arch": arch},
            neck={"type": "GlobalAveragePooling"},
            head={"type": "LinearClsHead", "num_classes": CLASSES, "in_channels": features},
        )
        network.forward = lambda x, n=network: n.head(n.extract_feat(x))
        want = torch_logits(lively(network), x)

        def saved(n=network):
            torch.save({"meta": {"epoch": 1}, "state_dict": n.state_dict()}, folder / "epoch_1.pth")
            return folder / "epoch_1.pth"

        yield Case(f"MMPretrain {kind} {arch}", "state dict", "its own", saved, [], x, want)


def fastai_cases(folder, x):
    import torchvision
    from fastai.vision.learner import create_timm_model, create_vision_model

    timm, _ = create_timm_model("tf_efficientnet_b0", n_out=5, pretrained=False)
    for library, network, flags in [
        ("fastai, timm's", timm, ["--like", "timm/tf_efficientnet_b0"]),
        ("fastai, torchvision's", create_vision_model(torchvision.models.efficientnet_b0, n_out=5, pretrained=False), []),
    ]:
        want = torch_logits(lively(network), x)
        head = "catmaxavg,bn,linear,relu,bn,linear"
        yield Case(library, "state dict", head, lambda n=network: state_dict(n, folder, x), [*flags, "--head", head], x, want)
        yield Case(library, "pickled module", head, lambda n=network: module(n, folder, x), [], x, want)


def encoder_cases(folder, x):
    import segmentation_models_pytorch as smp

    for name, flags in [
        ("efficientnet-b0", ["--padding", "static:224"]),
        ("timm-efficientnet-b0", ["--like", "timm/efficientnet_b0"]),
        ("tu-tf_efficientnet_b0", ["--like", "timm/tf_efficientnet_b0"]),
    ]:
        encoder = lively(smp.encoders.get_encoder(name, weights=None))
        with torch.no_grad():
            want = encoder(torch.from_numpy(x))[-1].numpy()
        asked = [*flags, "--outputs", "features_5"]
        case = Case(f"segmentation_models_pytorch {name}", "state dict of the encoder", "features_5", lambda n=encoder: state_dict(n, folder, x), asked, x, want)
        yield case


def keras_cases(folder):
    import keras

    def lively_keras(model):
        random = np.random.default_rng(0)
        norms = []
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                norms.append(layer)
                n = layer.gamma.shape[0]
                layer.set_weights([random.uniform(0.75, 1.25, n), random.normal(0, 0.3, n), np.zeros(n), np.ones(n)])
            elif isinstance(layer, keras.layers.Normalization) and len(layer.get_weights()) >= 2:
                rest = [np.array(0)] * (len(layer.get_weights()) - 2)
                layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]) ** 2, *rest])
                layer.finalize_state()
            elif isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
                weights = layer.get_weights()
                kernel = weights[0]
                is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                fan = int(np.prod(kernel.shape[:2] if is_depthwise else kernel.shape[:-1]))
                layer.set_weights(
                    [random.normal(0, (0.5 / fan) ** 0.5, kernel.shape)]
                    + [random.normal(0, 0.3, bias.shape) for bias in weights[1:]]
                )
        for norm in norms:
            norm.old, norm.momentum = norm.momentum, 0.0
        size = model.input_shape[1]
        model(random.uniform(0, 255, (8, size, size, 3)).astype(np.float32), training=True)
        for norm in norms:
            norm.momentum = norm.old
        return model

    layers, applications = keras.layers, keras.applications

    def base(size, **options):
        return applications.EfficientNetB0(weights=None, include_top=False, input_shape=(size, size, 3), **options)

    def functional(size, *between, activation=None):
        body = base(size)
        x = layers.GlobalAveragePooling2D()(body.output)
        for layer in between:
            x = layer(x)
        return keras.Model(body.input, layers.Dense(5, activation=activation)(x))

    def nested(size, *between, activation=None):
        parts = [keras.Input((size, size, 3)), base(size), layers.GlobalAveragePooling2D(), *between]
        return keras.Sequential([*parts, layers.Dense(5, activation=activation)])

    models = {
        ("keras functional", "its own"): lambda size: applications.EfficientNetB0(
            weights=None, classes=5, input_shape=(size, size, 3), classifier_activation=None
        ),
        ("keras functional", "dropout, dense"): lambda size: functional(size, layers.Dropout(0.2)),
        ("keras functional", "bn, dropout, dense"): lambda size: functional(
            size, layers.BatchNormalization(), layers.Dropout(0.2)
        ),
        ("keras functional", "dense relu, dense"): lambda size: functional(size, layers.Dense(64, activation="relu")),
        ("keras nested", "dense"): nested,
        ("keras nested", "dense relu, bn, dense"): lambda size: nested(
            size, layers.Dense(64, activation="relu"), layers.BatchNormalization()
        ),
        ("keras V2 functional", "its own"): lambda size: applications.EfficientNetV2B0(
            weights=None, classes=5, input_shape=(size, size, 3), classifier_activation=None
        ),
    }

    def saved_as(name):
        def save(model):
            model.save(folder / name)
            return folder / name

        return save

    def exported(model):
        model.export(folder / "exported", verbose=False)
        return folder / "exported"

    containers = {".keras": saved_as("model.keras"), ".h5": saved_as("model.h5"), "SavedModel": exported}
    for size in SIZES:
        raw = np.random.default_rng(3).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
        for (library, head), create in models.items():
            model = lively_keras(create(size))
            want = model.predict(raw, verbose=0)
            for container, save in containers.items():
                # A SavedModel of Keras 3 has no description: flags tell the head.
                told = {"bn, dropout, dense": "bn:0.001,linear", "dense relu, dense": "linear,relu,linear"}
                told["dense relu, bn, dense"] = "linear,relu,bn:0.001,linear"
                flags = []
                if container == "SavedModel":
                    flags = ["--size", str(size), *(["--head", told[head]] if head in told else [])]
                yield Case(library, container, head, lambda s=save, m=model: s(m), flags, raw, want)


def input_of(onnx_file, x):
    """Keras's pictures, prepared as the file's own record says."""
    if x.shape[-1] != 3:
        return x
    import json

    import onnx

    properties = {entry.key: entry.value for entry in onnx.load(onnx_file, load_external_data=False).metadata_props}
    record = json.loads(properties["efficientnet.preprocessing"])
    x = (x - np.array(record["mean"])) / np.array(record["std"])
    return x.transpose(0, 3, 1, 2).astype(np.float32)


def difference(program, case, folder):
    """The largest relative difference, or why there is none."""
    target = folder / "loaded.onnx"
    target.unlink(missing_ok=True)
    size = case.x.shape[2]
    flags = [*case.flags, "--quiet"]
    if "--size" not in flags:
        flags += ["--size", str(size)]
    command = [program, "emit", "--weights", case.path(), *flags, "-o", target]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[0] if done.stderr.strip() else f"status {done.returncode}"
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: input_of(str(target), case.x)})
    if got.shape != case.want.shape:
        return f"shape {got.shape}, expected {case.want.shape}"
    return float(np.abs(got - case.want).max() / np.abs(case.want).max())


def cases(folder):
    yield from torch_cases(folder)
    yield from of_other_libraries(folder)
    yield from keras_cases(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="", help="cases whose library, container or head has this text")
    options = parser.parse_args()
    rows, failures = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for case in cases(folder):
            key = (case.library, case.container, case.head)
            if options.only not in " · ".join(key):
                continue
            found = difference(options.program, case, folder)
            reason = REFUSED.get(case.library)
            if reason:
                wrong = not isinstance(found, str) or reason not in found
                found = f"refused: {reason}"
            else:
                wrong = isinstance(found, str) or found > MOST
            rows.setdefault(key, []).append(found)
            failures += wrong
            print(f"{' · '.join(key)} at {case.x.shape[2]}: {found if isinstance(found, str) else f'{found:.1e}'}", flush=True)
    print(f"{sum(map(len, rows.values()))} cases, {failures} not as expected")
    if not options.only:
        write(rows)
    sys.exit(1 if failures else 0)


def write(rows):
    lines = [
        "# What loads, and how far it is from the library",
        "",
        "Written by `golden/loading.py`. Each entry: the largest difference of a logit, in proportion to the largest logit that the",
        f"library computes, at {SIZES[0]} and at {SIZES[1]} pixels.",
        "",
        "| library | container | head | even size | odd size |",
        "|---|---|---|---|---|",
    ]
    for (library, container, head), found in rows.items():
        shown = [entry if isinstance(entry, str) else f"{entry:.1e}" for entry in found]
        lines.append(f"| {library} | {container} | {head} | {' | '.join(shown)} |")
    TABLE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
