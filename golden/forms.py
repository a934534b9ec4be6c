"""Emits four networks in every form, and says what takes each file: writes `forms.md` beside this file.

    tests/run --set-up-only
    cargo build --release
    tests/.venv/bin/python golden/forms.py [--cover] [--jobs N] [PROGRAM]

A cell is a network, an element type, a size, batch norms folded or kept, and an opset. For each: the ONNX project's checker with
full inference, `check`, and `verify` at a small size in tract, ONNX Runtime and the reference; `ReferenceEvaluator` of the ONNX project for
bf16, whose outputs the reference must give. What is known to be refused is in `REFUSED`, with its reason: a cell that is refused for
another reason, or that passes where a refusal is known, is a failure. With `--cover`, a part of the cells in which each two choices meet,
of four networks more, one with a head of five layers, and nothing is written. Exit status 0 if every cell is as expected, 1 if not.
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True
from onnx_checker import check as onnx_check  # noqa: E402

VARIANTS = ["b0", "lite0", "v2-b0", "condconv-b0-4e"]
# Networks of other families and heads, of which a part of the cells is examined.
COVERED_VARIANTS = ["mobilenet-v1", "mobilenet-v2", "resnet-50", "b0 with a head"]
# Flags of networks that have other names here than in `--variant`.
NETWORKS = {"b0 with a head": ["--variant", "b0", "--head", "gem,bn,linear:16,gelu,ln,linear"]}
# Flags, and the lowest opset that has the type.
ELEMENTS = {
    "f32": ([], 13),
    "f16": (["--dtype", "f16"], 13),
    "f16, float IO": (["--dtype", "f16", "--keep-io"], 13),
    "bf16": (["--dtype", "bf16"], 22),
    "bf16, float IO": (["--dtype", "bf16", "--keep-io"], 22),
}
# Flags of `emit`, and the height and width that are tried.
SIZES = {"fixed": ("64x32", (64, 32)), "dynamic:32": ("dynamic:32", (64, 32)), "dynamic": ("dynamic", (33, 65))}
NORMS = ["fold", "keep"]
OPSETS = range(13, 29)
# Where an operator here has another definition, or a runtime another limit, and the last one.
COVERED_OPSETS = [13, 17, 18, 22, 24, 28]
RUNTIMES = ["reference", "tract", "ort-cpu"]
TAKERS = ["checker", "check", *RUNTIMES, "evaluator"]
NAMES = {
    "checker": "ONNX checker",
    "check": "`check`",
    "reference": "reference",
    "tract": "tract",
    "ort-cpu": "ONNX Runtime",
    "evaluator": "ReferenceEvaluator",
}
# Who refuses which cells, and how the reason reads.
REFUSED = [
    ("tract", lambda cell: cell.element.startswith("bf16"), r"(?i)bfloat16"),
    ("ort-cpu", lambda cell: cell.element.startswith("bf16"), r"Could not find an implementation for \w+\(22\)"),
]


class Cell:
    def __init__(self, variant, element, size, norms, opset):
        self.variant, self.element, self.size, self.norms, self.opset = variant, element, size, norms, opset

    @property
    def choices(self):
        return [self.variant, self.element, self.size, self.norms, self.opset]

    def __str__(self):
        return f"{self.variant} {self.element} {self.size} {self.norms} opset {self.opset}"

    def flags(self):
        flags, _ = ELEMENTS[self.element]
        size, _ = SIZES[self.size]
        network = NETWORKS.get(self.variant, ["--variant", self.variant])
        return [*network, "--opset", str(self.opset), "--bn", self.norms, "--size", size, *flags]


def cells(variants):
    every = itertools.product(variants, ELEMENTS, SIZES, NORMS, OPSETS)
    return [Cell(*choices) for choices in every if choices[4] >= ELEMENTS[choices[1]][1]]


def covering(every):
    """Few of the cells, in which each two choices that go together meet; the same ones on every run."""
    every = [cell for cell in every if cell.opset in COVERED_OPSETS]
    pairs = lambda cell: set(itertools.combinations(enumerate(cell.choices), 2))  # noqa: E731
    left = set().union(*map(pairs, every))
    chosen = []
    while left:
        best = max(every, key=lambda cell: len(pairs(cell) & left))
        chosen.append(best)
        left -= pairs(best)
    return chosen


def run(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def said(ended):
    lines = [line for line in (ended.stderr + ended.stdout).splitlines() if line]
    return next((line for line in lines if line.startswith("error")), lines[-1] if lines else f"status {ended.returncode}")


def examine(cell, program):
    """For each taker: None if it takes the cell's file, or its reason."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        emitted = run([program, "emit", *cell.flags(), "--init", "probe", "--quiet", "-o", path])
        if emitted.returncode != 0:
            return dict.fromkeys(TAKERS, f"not written: {said(emitted)}")
        found = {"checker": checked(path)}
        report = run([program, "check", path])
        found["check"] = None if report.returncode == 0 else said(report)
        height, width = SIZES[cell.size][1]
        sizes = [] if cell.size == "fixed" else ["--size", f"{height}x{width}"]
        together = [name for name in RUNTIMES if not expected(cell, name)]
        for names in [together, *([name] for name in RUNTIMES if name not in together)]:
            ended = run([program, "verify", path, *sizes, "--batch", "2", "--runtime", ",".join(names), "--json"])
            found.update((name, outcome(ended, name)) for name in names)
        if cell.element.startswith("bf16"):
            found["evaluator"] = evaluated(path, program, (1, 3, height, width))
        return found


def checked(path):
    try:
        onnx_check(str(path))
    except Exception as error:  # The checker's errors have no class in common.
        return str(error).strip().splitlines()[0] or repr(error)
    return None


def outcome(ended, name):
    """Whether a runtime ran and, beside the reference, agreed."""
    try:
        report = json.loads(ended.stdout)
    except ValueError:
        return said(ended)
    (row,) = [row for row in report["runtimes"] if row["name"] == name]
    if row["status"] == "passed":
        return None
    return f"{row['status']}: {row['message'] or row['failures'] or report['problems']}"


def evaluated(path, program, shape):
    """Whether the reference gives what the ONNX project's evaluator does, for one input."""
    model = onnx.load(path)
    (graph_input,) = model.graph.input
    element = graph_input.type.tensor_type.elem_type
    values = np.random.default_rng(0).standard_normal(shape).astype(onnx.helper.tensor_dtype_to_np_dtype(element))
    try:
        logits = ReferenceEvaluator(model).run(None, {graph_input.name: values})[0]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    folder = path.parent
    files = {"input": values, "logits": np.asarray(logits)}
    for name, array in files.items():
        (folder / f"{name}.pb").write_bytes(onnx.numpy_helper.from_array(array, name).SerializeToString())
    command = [program, "verify", path, "--runtime", "reference", "--json", "--input", folder / "input.pb", "--expect", folder / "logits.pb"]
    return outcome(run(command), "reference")


def expected(cell, taker):
    """How the reason reads for which the taker is known to refuse the cell, if it is."""
    return next((reason for name, applies, reason in REFUSED if name == taker and applies(cell)), None)


def judge(cell, taker, reason):
    """What is wrong with an outcome, if anything."""
    known = expected(cell, taker)
    if known is None:
        return reason and f"{cell}: {NAMES[taker]}: {reason}"
    if reason is None:
        return f"{cell}: {NAMES[taker]} takes it, expected a refusal like `{known}`"
    return None if re.search(known, reason) else f"{cell}: {NAMES[taker]}: expected a refusal like `{known}`, found: {reason}"


def ranges(numbers):
    """Numbers as ranges: 13–17, 20."""
    parts = []
    for _, group in itertools.groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        group = [number for _, number in group]
        parts.append(str(group[0]) if len(group) == 1 else f"{group[0]}–{group[-1]}")
    return ", ".join(parts)


def table(results, version):
    """The page: a row for what differs but in the opset; each taker with the opsets that it takes."""
    rows = defaultdict(lambda: defaultdict(dict))
    reasons = {}
    for cell, found in results:
        for taker, reason in found.items():
            rows[tuple(cell.choices[:4])][taker][cell.opset] = reason
            if reason:
                reasons.setdefault((taker, cell.element), reason.splitlines()[0])
    marks = {}
    lines = []
    for (variant, element, size, norms), takers in rows.items():
        entries = []
        for taker in TAKERS:
            of = takers.get(taker, {})
            taken = ranges(opset for opset, reason in of.items() if reason is None)
            refused = ranges(opset for opset, reason in of.items() if reason is not None)
            if refused:
                mark = marks.setdefault((taker, element), len(marks) + 1)
                taken = f"{taken}; " * bool(taken) + f"refuses {refused} [{mark}]"
            entries.append(taken or "–")
        lines.append(f"| {variant} | {element} | {size} | {norms} | " + " | ".join(entries) + " |")
    head = "| network | elements | size | batch norms | " + " | ".join(NAMES[taker] for taker in TAKERS) + " |"
    total = len(results)
    notes = [f"{mark}. {NAMES[taker]}, {element}: {reasons[taker, element]}" for (taker, element), mark in marks.items()]
    tried = ", ".join(f"{name} at {height}x{width}" for name, (_, (height, width)) in SIZES.items())
    return "\n".join([
        "# Every form, and what takes it",
        "",
        f"Written by `golden/forms.py` over {total} files, all with `--init probe`; {version}. Each entry names the opsets whose file is",
        f"taken. Sizes: {tried}. tract and ONNX Runtime are compared with the reference; where both refuse bf16, the reference is",
        "compared with the ONNX project's `ReferenceEvaluator`. ONNX Runtime's CPU kernels compute f16 in f32, and the",
        "reference in f64, so only tract's column says anything of f16's own rounding.",
        "",
        head,
        "|" + " --- |" * (4 + len(TAKERS)),
        *lines,
        "",
        *(["Refusals:", "", *notes, ""] if notes else []),
    ])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cover", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("program", nargs="?", default=ROOT / "target/release/efficientnet-onnx")
    options = parser.parse_args()
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    os.environ.update(ORT_DYLIB_PATH=str(library), ORT_DISABLE_TELEMETRY="1")
    todo = covering(cells(VARIANTS + COVERED_VARIANTS)) if options.cover else cells(VARIANTS)
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        running = [pool.submit(examine, cell, str(options.program)) for cell in todo]
        results, faults = [], []
        for cell, done in zip(todo, running):
            found = done.result()
            results.append((cell, found))
            wrong = [fault for taker, reason in found.items() if (fault := judge(cell, taker, reason))]
            faults += wrong
            for fault in wrong:
                print(fault, flush=True)
            if len(results) % 100 == 0:
                print(f"{len(results)} of {len(todo)} files", file=sys.stderr, flush=True)
    print(f"{len(results)} files, {len(faults)} not as expected")
    if not options.cover:
        version = run([str(options.program), "--version"]).stdout.strip()
        versions = f"{version}, onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}"
        (Path(__file__).parent / "forms.md").write_text(table(results, versions))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
