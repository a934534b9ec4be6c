"""Measures how far every published network is from the reference in each runtime, and prints the table of AGREEMENT.md.

    python3 golden/agreement.py target/release/efficientnet-onnx [RULE...] >golden/AGREEMENT.md

RULE is how weights are drawn, `probe` by default; the committed table has `probe official`.

ONNX Runtime is found as `verify` finds it; `VIRTUAL_ENV=tests/.venv` gives that of the tests. The tolerances of
`src/verify/tolerance.rs` are set by what this prints.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

# Sides in pixels at which the reference has at most some 2 GMACs an image.
SIZES = {
    "b0": 224, "b1": 240, "b2": 260, "b3": 300, "b4": 224, "b5": 192, "b6": 160, "b7": 128, "b8": 96, "l2": 64,
    "lite0": 224, "lite1": 240, "lite2": 260, "lite3": 280, "lite4": 256,
    "edgetpu-s": 224, "edgetpu-m": 192, "edgetpu-l": 128,
    "condconv-b0-4e": 224, "condconv-b0-8e": 224, "condconv-b0-8e-depth": 224,
    "v2-s": 192, "v2-m": 128, "v2-l": 96, "v2-xl": 64, "v2-b0": 224, "v2-b1": 240, "v2-b2": 260, "v2-b3": 224,
}
RUNTIMES = ["tract", "ort-cpu"]


def measure(binary, variant, size, rule, folder):
    """The report of `verify`; a disagreement is one too."""
    path = pathlib.Path(folder) / "model.onnx"
    emit = ["emit", "--variant", variant, "--size", str(size), "--init", rule, "--quiet", "--force", "-o", str(path)]
    subprocess.run([binary, *emit], check=True)
    runtimes = ",".join(["reference", *RUNTIMES])
    verify = ["verify", str(path), "--runtime", runtimes, "--json", "--quiet", "--timeout", "600"]
    done = subprocess.run([binary, *verify], stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{variant}: verify ended with {done.returncode}")
    return json.loads(done.stdout)


def main():
    binary, rules = sys.argv[1], sys.argv[2:] or ["probe"]
    version = subprocess.run([binary, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    print("# Every published network against the reference\n")
    print(f"Made by `golden/agreement.py` with {version}: f32, N(0, 1) noise of seed 0, batch 1, 1 and 3. Each cell has the")
    print("largest difference in proportion to what is allowed, by default 5e-5 of the largest logit and 1e-4 of the logit.\n")
    print("| | size | " + " | ".join(f"{runtime}, `{rule}`" for rule in rules for runtime in RUNTIMES) + " |")
    print("|---|---|" + "---|" * (len(rules) * len(RUNTIMES)))
    worst = dict.fromkeys(rules, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for variant, size in SIZES.items():
            cells = []
            for rule in rules:
                report = measure(binary, variant, size, rule, folder)
                rounding = report["rounding"] and report["rounding"]["smallest_factor"]
                found = {runtime["name"]: runtime for runtime in report["runtimes"]}
                for name in RUNTIMES:
                    factor = found[name]["smallest_factor"]
                    cells.append(found[name]["status"] if factor is None else f"{factor:.3f}")
                    if found[name]["status"] == "disagrees":
                        cells[-1] += f" (rounding: {rounding:.3f})"
                    worst[rule] = max(worst[rule], factor or 0.0)
            print(f"| {variant} | {size} | " + " | ".join(cells) + " |", flush=True)
    print("\nThe largest is " + ", ".join(f"{factor:.3f} with `{rule}`" for rule, factor in worst.items()) + ". *rounding*, where a")
    print("runtime disagrees, is what rounding every value to f32 alone does to the reference: untrained weights amplify it there.")


if __name__ == "__main__":
    main()
