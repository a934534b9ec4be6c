"""Prints golden/PARITY.md: every model that `--like` knows, what it costs, and how far our file is from its library.

usage: tests/run --test golden -- --nocapture >golden.log
       tests/.venv/bin/python golden/parity_table.py golden.log >golden/PARITY.md

The log has the distances, in proportion to the largest logit, of both runtimes from golden/logits and golden/parity.
Counts are what `inspect` says; the checker is the ONNX project's, on the file of `emit --like` at its default size.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import onnx

BINARY = "target/release/efficientnet-onnx"
# The first line of a test may follow the test's name.
LINE = re.compile(r"(?:^| )(\S+)@(\d+) (tract|ort-cpu) input \d: (\S+)$", re.MULTILINE)


def run(*arguments):
    return subprocess.run([BINARY, *arguments], check=True, capture_output=True, text=True).stdout


def distances(log):
    """The larger distance of each model and runtime, and the sizes at which it was run."""
    found = {}
    for name, size, runtime, distance in LINE.findall(log):
        entry = found.setdefault(name, {"sizes": set(), "tract": 0.0, "ort-cpu": 0.0})
        entry["sizes"].add(int(size))
        entry[runtime] = max(entry[runtime], float(distance))
    return found


def checked(like):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        run("emit", "--like", like, "--init", "constant", "--quiet", "-o", str(path))
        onnx.checker.check_model(str(path), full_check=True)
    return "clean"


def main():
    found = distances(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    listed = json.loads(run("inspect", "--like", "list", "--json"))["models"]
    models = dict.fromkeys(model["name"].split(".")[0] for model in listed)
    print("# Every model of `--like`\n")
    print("Distances are the largest of two sizes, in proportion to the largest logit, from the library itself where *from*")
    print("is empty; else from the model that computes the same. TensorFlow's EdgeTPU models have 1,001 classes and are compared with")
    print("1,000. What is *native only* was compared at its native size: see `README.md`. Made by `golden/parity_table.py`.\n")
    print("| model | size | parameters | MACs | checker | logits at | tract | ONNX Runtime | from |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for like in models:
        recipe = json.loads(run("inspect", "--like", like, "--json"))["recipe"]
        shared = ""
        if like not in found and recipe["padding"] == "same" and recipe["bn_epsilon"] == 1e-3:
            shared = recipe["variant"]
        entry = found.get(shared or like)
        logits = "native only | | |" if entry is None else (
            f"{', '.join(map(str, sorted(entry['sizes'])))} | {entry['tract']:.1e} | {entry['ort-cpu']:.1e} |")
        origin = f" timm's port of {shared}" if shared else ""
        print(f"| {like} | {recipe['default_size'][0]} | {recipe['parameters']:,} | {recipe['macs']:,} | {checked(like)} "
              f"| {logits}{origin} |", flush=True)


if __name__ == "__main__":
    main()
