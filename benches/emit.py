#!/usr/bin/env python3
"""Times `emit` against `cp` of the file that it writes, round by round, with peak memory.

    cargo build --release
    python3 benches/emit.py [--variants b0,b7,l2] [--runs 5] [--folder DIR]

Each round copies the file, emits it from a seed and emits it from a safetensors checkpoint, each after `sync` and
with its output removed first. Ratios are taken within a round, so a machine that drifts does not favour one side.
Needs three times the largest file in DIR (default: a temporary folder).
"""

import argparse
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, output):
    """Seconds and peak resident MiB of a command that writes `output`."""
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
    return seconds, usage.ru_maxrss / 1024


def hash_seconds(path):
    """Seconds that OpenSSL takes for the SHA-256 of a file, which `emit` records of a checkpoint."""
    start = time.perf_counter()
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - start


def spread(values, unit=""):
    return f"{statistics.median(values):.2f}{unit} ({min(values):.2f}–{max(values):.2f})"


def bench(binary, variant, runs, folder):
    folder = pathlib.Path(folder)
    model, checkpoint, output = (folder / name for name in ("model.onnx", "weights.safetensors", "output.onnx"))
    binary = str(binary)
    run([binary, "emit", "--variant", variant, "-o", str(model)], model)
    run([binary, "weights", "export", "--variant", variant, "-o", str(checkpoint)], checkpoint)
    commands = {
        "cp": ["cp", str(model), str(output)],
        "seed": [binary, "emit", "--variant", variant, "-o", str(output)],
        "checkpoint": [binary, "emit", "--weights", str(checkpoint), "-o", str(output)],
    }
    seconds = {name: [] for name in commands}
    memory = {name: 0.0 for name in commands}
    for name, command in commands.items():
        run(command, output)
    hashing = []
    for _ in range(runs):
        for name, command in commands.items():
            elapsed, peak = run(command, output)
            seconds[name].append(elapsed)
            memory[name] = max(memory[name], peak)
        hashing.append(hash_seconds(checkpoint))
    size = model.stat().st_size / 1e6
    for name in commands:
        ratios = [a / b for a, b in zip(seconds[name], seconds["cp"])]
        print(f"{variant:6} {size:8.1f} MB  {name:10}  {spread(seconds[name], ' s'):28}  {spread(ratios):22}  {memory[name]:6.1f} MiB")
    ratios = [a / b for a, b in zip(hashing, seconds["cp"])]
    print(f"{variant:6} {size:8.1f} MB  {'  its hash':10}  {spread(hashing, ' s'):28}  {spread(ratios):22}")
    for path in (model, checkpoint, output):
        path.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", default="b0,b7,l2")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder")
    parser.add_argument("--binary", default=ROOT / "target/release/efficientnet-onnx")
    arguments = parser.parse_args()
    print(f"{'model':6} {'size':>11}  {'what':10}  {'median (min–max)':28}  {'ratio to cp':22}  peak memory")
    for variant in arguments.variants.split(","):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            bench(arguments.binary, variant, arguments.runs, folder)


if __name__ == "__main__":
    main()
