#!/usr/bin/env python3
"""Times `emit` against `cp` of the file that it writes, round by round, with peak memory.

    cargo build --release
    python3 benches/emit.py [--variants b0,b7,l2] [--runs 5] [--folder DIR] [--binary BEFORE --binary AFTER]

Each round copies the file, emits it from a seed and from checkpoints of the same weights, each after `sync` and with its
output removed first. Ratios are taken within a round, so a machine that drifts does not favour one side: nor one of several binaries, which take
turns. The checkpoints
are safetensors; a `.pth` as `torch.save` writes it; one whose kernels lie in TensorFlow's order and are seen through
strides, as the Lite ones are (its values are scrambled, which takes as long); and, where h5py is installed, Keras's `.h5`.
Needs seven times the largest file in DIR (default: a temporary folder).
"""

import argparse
import collections
import hashlib
import importlib.util
import json
import os
import pathlib
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import types
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, output):
    """Seconds, those of all cores together, and peak resident MiB of a command that writes `output`."""
    for path in (output, pathlib.Path(f"{output}.data")):
        path.unlink(missing_ok=True)
    os.sync()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}\n{message.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def tensors(path):
    """Name, shape and bytes of each tensor of a safetensors file of f32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
        for name, entry in header.items():
            if name != "__metadata__":
                first, end = entry["data_offsets"]
                file.seek(start + first)
                yield name, entry["shape"], file.read(end - first)


def write_pth(path, source, strided):
    """A zip container of `torch.save`, each tensor in a storage of its own; needs no torch."""

    def row_major(shape):
        strides = [1]
        for extent in reversed(shape[1:]):
            strides.insert(0, strides[0] * extent)
        return strides if shape else []

    def transposed(shape):
        # Of height, width, in, out and of in, out.
        order = {4: [2, 3, 1, 0], 2: [1, 0]}.get(len(shape), list(range(len(shape))))
        strides = row_major([shape[axis] for axis in order])
        return [strides[order.index(axis)] for axis in range(len(shape))]

    # What the pickle names, as it is named in torch; loading it is the reader's business.
    class FloatStorage:
        pass

    def _rebuild_tensor_v2():
        pass

    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils")}
    modules["torch"].FloatStorage = FloatStorage
    modules["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2

    class Storage(collections.namedtuple("Storage", "key elements")):
        pass

    class Tensor(collections.namedtuple("Tensor", "storage shape strides")):
        def __reduce__(self):
            arguments = (self.storage, 0, self.shape, self.strides, False, collections.OrderedDict())
            return _rebuild_tensor_v2, arguments

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return "storage", FloatStorage, value.key, "cpu", value.elements
            return None

    state = collections.OrderedDict()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, shape, data) in enumerate(source):
            strides = transposed(shape) if strided else row_major(shape)
            state[name] = Tensor(Storage(str(number), len(data) // 4), tuple(shape), tuple(strides))
            archive.writestr(f"archive/data/{number}", data)
        sys.modules.update(modules)
        with archive.open("archive/data.pkl", "w") as file:
            Pickler(file, protocol=2).dump(state)
        for name in modules:
            del sys.modules[name]
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


def write_h5(path, source):
    """A legacy file of Keras's `save_weights`."""
    import h5py
    import numpy

    layers = collections.OrderedDict()
    with h5py.File(path, "w") as file:
        for name, shape, data in source:
            layer, weight = name.split("/")
            layers.setdefault(layer, []).append(f"{layer}/{weight}:0")
            file[f"{layer}/{layer}/{weight}:0"] = numpy.frombuffer(data, numpy.float32).reshape(shape)
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        file.attrs["backend"] = b"tensorflow"
        for layer, weights in layers.items():
            file[layer].attrs["weight_names"] = [weight.encode() for weight in weights]


def apart(function, *arguments):
    """Calls a function in a process of its own: what this one takes is the least that a command's peak can show."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function(*arguments)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{function.__name__} failed")


def hash_seconds(path):
    """Seconds that OpenSSL takes for the SHA-256 of a file, which `emit` records of a checkpoint."""
    start = time.perf_counter()
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - start


def spread(values, unit=""):
    return f"{statistics.median(values):.2f}{unit} ({min(values):.2f}–{max(values):.2f})"


def bench(binaries, variant, runs, folder):
    folder = pathlib.Path(folder)
    model, checkpoint, output = (folder / name for name in ("model.onnx", "timm.safetensors", "output.onnx"))
    binary = str(binaries[0])
    emit = [binary, "emit", "--variant", variant, "-o"]
    run([*emit, str(model)], model)
    run([binary, "weights", "export", "--variant", variant, "-o", str(checkpoint)], checkpoint)
    apart(write_pth, folder / "timm.pth", tensors(checkpoint), False)
    apart(write_pth, folder / "strided.pth", tensors(checkpoint), True)
    # timm's names imply neither.
    told = ["--padding", "same", "--bn-epsilon", "1e-3"]
    commands = {
        "cp": ["cp", str(model), str(output)],
        "seed": [*emit, str(output)],
        "safetensors": [*emit, str(output), "--weights", str(checkpoint)],
        "pth": [*emit, str(output), "--weights", str(folder / "timm.pth"), *told],
        "strided pth": [*emit, str(output), "--weights", str(folder / "strided.pth"), *told],
    }
    if importlib.util.find_spec("h5py"):
        keras = folder / "keras.safetensors"
        run([binary, "weights", "export", "--names", "keras", "--variant", variant, "-o", str(keras)], keras)
        apart(write_h5, folder / "keras.h5", tensors(keras))
        commands["keras layout"] = [*emit, str(output), "--weights", str(keras)]
        commands["h5"] = [*emit, str(output), "--weights", str(folder / "keras.h5")]
    for number, other in enumerate(binaries[1:], 2):
        of_other = {f"{name} ({number})": [str(other), *command[1:]] for name, command in commands.items() if command[0] == binary}
        commands.update(of_other)
    seconds = {name: [] for name in commands}
    cores = {name: [] for name in commands}
    memory = {name: 0.0 for name in commands}
    for name, command in commands.items():
        run(command, output)
    hashing = []
    for _ in range(runs):
        for name, command in commands.items():
            elapsed, used, peak = run(command, output)
            seconds[name].append(elapsed)
            cores[name].append(used)
            memory[name] = max(memory[name], peak)
        hashing.append(hash_seconds(checkpoint))
    size = model.stat().st_size / 1e6
    for name in commands:
        ratios = [a / b for a, b in zip(seconds[name], seconds["cp"])]
        print(f"{variant:6} {size:8.1f} MB  {name:17}  {spread(seconds[name], ' s'):28}  {spread(ratios):22}  {statistics.median(cores[name]):6.2f} s  {memory[name]:6.1f} MiB")
    ratios = [a / b for a, b in zip(hashing, seconds["cp"])]
    print(f"{variant:6} {size:8.1f} MB  {'its hash':17}  {spread(hashing, ' s'):28}  {spread(ratios):22}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", default="b0,b7,l2")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder")
    parser.add_argument("--binary", action="append", help="may be given several times, to compare them")
    arguments = parser.parse_args()
    print(f"{'model':6} {'size':>11}  {'what':17}  {'median (min–max)':28}  {'ratio to cp':22}  {'all cores':8}  peak memory")
    for variant in arguments.variants.split(","):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            bench(arguments.binary or [ROOT / "target/release/efficientnet-onnx"], variant, arguments.runs, folder)


if __name__ == "__main__":
    main()
