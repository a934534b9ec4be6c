#!/usr/bin/env python3
"""Times `emit` of each form against the default form and against `cp` of the file that it writes, with peak memory.

    cargo build --release
    python3 benches/forms.py [--variant b7] [--runs 5] [--folder DIR] [PROGRAM]

Each round emits every form once, each after `sync` and with its output removed first, and copies each file. Ratios are taken within a
round, so a machine that drifts does not favour one side. Printed are medians, and the smallest and largest ratio.
Needs three times the largest file in DIR (default: a temporary folder).
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
from emit import ROOT, run  # noqa: E402

FORMS = {
    "default": [],
    "batch norms kept": ["--bn", "keep"],
    "opset 28": ["--opset", "28"],
    "any size": ["--size", "dynamic"],
    "f16": ["--dtype", "f16"],
    "f16, float IO": ["--dtype", "f16", "--keep-io"],
    "bf16": ["--dtype", "bf16"],
    "MatMul head": ["--form", "head=matmul"],
    "uint8 NHWC, normalized": ["--input-format", "uint8-nhwc", "--normalize"],
    "skeleton": ["--skeleton"],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default="b7")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder")
    parser.add_argument("program", nargs="?", default=ROOT / "target/release/efficientnet-onnx")
    options = parser.parse_args()
    times = {form: [] for form in FORMS}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        out, copy = pathlib.Path(folder) / "m.onnx", pathlib.Path(folder) / "copy.onnx"
        for _ in range(options.runs):
            for form, flags in FORMS.items():
                like = ["--like", f"timm/tf_efficientnet_{options.variant}"] if "--normalize" in flags else ["--variant", options.variant]
                command = [str(options.program), "emit", *like, "--quiet", *flags, "-o", str(out)]
                seconds, busy, memory = run(command, out)
                written = [path for path in (out, pathlib.Path(f"{out}.data")) if path.exists()]
                size = sum(path.stat().st_size for path in written)
                copied = sum(run(["cp", str(path), str(copy)], copy)[0] for path in written)
                times[form].append((seconds, busy, memory, size, copied))
    print(f"`emit --variant {options.variant}`, {options.runs} rounds on {os.cpu_count()} cores; medians, [smallest, largest]\n")
    print("| form | MB | s | CPU s | of the default form | of `cp` | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    for form, rounds in times.items():
        seconds, busy, memory, size, _ = (statistics.median(column) for column in zip(*rounds))
        default = [one[0] / other[0] for one, other in zip(rounds, times["default"])]
        copy = [one[0] / one[4] for one in rounds]
        spread = [f"{statistics.median(of):.2f} [{min(of):.2f}, {max(of):.2f}]" for of in (default, copy)]
        print(f"| {form} | {size / 1e6:.1f} | {seconds:.2f} | {busy:.2f} | {spread[0]} | {spread[1]} | {memory:.0f} |")


main()
