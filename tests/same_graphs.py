"""Compares the files that two builds of efficientnet-onnx emit.

    tests/.venv/bin/python tests/same_graphs.py BEFORE AFTER [VARIANT...]

Without variants, all that the builds publish. Each variant is emitted with `--init probe`, with batch norms folded and
kept, at its own size and with `--size dynamic:32`. Compared are, in order:

    model         IR version, opsets, producer, graph name and every other field of the model and the graph
    metadata      metadata keys and values
    nodes         operator, name, inputs, outputs, attributes and every other field of a node
    values        names, element types and shapes of inputs, in-between values and outputs
    initializers  name, element type, dimensions, and how the data is stored
    payloads      SHA-256 of each initializer's data, inline or external

Files with equal SHA-256 are equal in all of these; one of the two is decoded, to count what was compared.
Prints a table, then the first differences. Exit status: 0 equal, 1 different, 2 something could not be emitted.
"""

import hashlib
import itertools
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx
from google.protobuf import text_format

FORMS = list(itertools.product(["fold", "keep"], ["fixed", "dynamic:32"]))
SECTIONS = ["model", "metadata", "nodes", "values", "initializers", "payloads"]
SHOWN = 3
AROUND = 60
CHUNK = 1 << 24


class NotEmitted(Exception):
    """A build refused what it was asked for."""


def published(binary):
    """The variants of a build, from its refusal of one that is not published."""
    command = [binary, "emit", "--variant", "?", "-o", "never-written.onnx"]
    refusal = subprocess.run(command, capture_output=True, text=True).stderr
    listed = re.search(r"\[possible values: (.*)\]", refusal)
    if not listed:
        raise NotEmitted(f"{binary}: expected a list of variants, found\n{refusal}")
    return listed[1].split(", ")


def emit(binary, path, variant, bn, size):
    command = [binary, "emit", "--variant", variant, "--init", "probe", "--bn", bn, "--quiet", "-o", path]
    command += [] if size == "fixed" else ["--size", size]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise NotEmitted(f"{' '.join(map(str, command))}: status {result.returncode}\n{result.stderr}")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def stored(tensor, folder):
    """SHA-256 of a tensor's data. Takes inline data out of the tensor."""
    digest = hashlib.sha256()
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        where = {entry.key: entry.value for entry in tensor.external_data}
        with open(folder / where["location"], "rb") as file:
            file.seek(int(where.get("offset", 0)))
            digest.update(file.read(int(where["length"])) if "length" in where else file.read())
    elif tensor.HasField("raw_data"):
        digest.update(tensor.raw_data)
        tensor.raw_data = b""
    else:
        # A small constant in a typed field, such as int64_data.
        digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def line(message):
    return text_format.MessageToString(message, as_one_line=True)


def sections(path):
    """What a file holds: names and texts that are equal exactly where the files are."""
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    payloads = [(tensor.name, stored(tensor, path.parent)) for tensor in graph.initializer]
    values = []
    for kind in ["input", "value_info", "output"]:
        values += [(f"{kind} {value.name}", line(value)) for value in getattr(graph, kind)]
        graph.ClearField(kind)
    found = {
        "metadata": [(entry.key, entry.value) for entry in model.metadata_props],
        "nodes": [(node.name, line(node)) for node in graph.node],
        "values": values,
        "initializers": [(tensor.name, line(tensor)) for tensor in graph.initializer],
        "payloads": payloads,
    }
    model.ClearField("metadata_props")
    graph.ClearField("node")
    graph.ClearField("initializer")
    # All that is left, a field a line, so that nothing goes uncompared.
    rest = text_format.MessageToString(model).splitlines()
    found["model"] = [(text.split(":")[0].strip(), text) for text in rest]
    return found


def first_difference(before, after):
    """Where two lists differ first, and both sides from a little before the first other character; None if nowhere."""
    nothing = ("nothing", "")
    for number, (left, right) in enumerate(itertools.zip_longest(before, after, fillvalue=nothing)):
        if left != right:
            pairs = enumerate(zip(left[1], right[1]))
            start = max(0, next((i for i, (a, b) in pairs if a != b), 0) - AROUND)
            sides = [f"{name}: {'…' if start else ''}{text[start:start + 2 * AROUND]}" for name, text in (left, right)]
            return f"{number}\n    before  {sides[0]}\n    after   {sides[1]}"
    return None


def compare(before, after):
    """Counts of what the file before holds, whether the bytes are equal, and differences by section."""
    data = [path.with_name(path.name + ".data") for path in (before, after)]
    same_bytes = sha256(before) == sha256(after) and data[0].exists() == data[1].exists()
    if same_bytes and data[0].exists():
        same_bytes = sha256(data[0]) == sha256(data[1])
    left = sections(before)
    counts = {section: len(left[section]) for section in SECTIONS}
    if same_bytes:
        return counts, True, {}
    right = sections(after)
    differences = {section: first_difference(left[section], right[section]) for section in SECTIONS}
    return counts, False, {section: found for section, found in differences.items() if found}


def main(before, after, *variants):
    names = [published(before), published(after)]
    missing = [name for name in names[0] if name not in names[1]]
    if not variants and missing:
        print(f"no longer published: {' '.join(missing)}")
        return 1
    new = [name for name in names[1] if name not in names[0]]
    if not variants and new:
        print(f"new, and not compared: {' '.join(new)}")
    start = time.monotonic()
    print("\t".join(["variant", "bn", "size", *SECTIONS[1:], "bytes", "verdict"]))
    faults = []
    total = 0
    for variant, (bn, size) in itertools.product(variants or names[0], FORMS):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for binary, side in [(before, "before"), (after, "after")]:
                # The same name on both sides: the name of external data is part of the model.
                path = Path(folder, side, "model.onnx")
                path.parent.mkdir()
                emit(binary, path, variant, bn, size)
                paths.append(path)
            counts, same_bytes, differences = compare(*paths)
        total += 1
        verdict = "differ: " + ", ".join(differences) if differences else "equal"
        numbers = [str(counts[section]) for section in SECTIONS[1:]]
        print("\t".join([variant, bn, size, *numbers, "same" if same_bytes else "other", verdict]), flush=True)
        if differences:
            faults.append((f"{variant} --bn {bn}, {size}", differences))
    for form, differences in faults[:SHOWN]:
        print(f"\n{form}")
        for section, found in differences.items():
            print(f"  {section} {found}")
    print(f"\n{total} pairs of files compared in {time.monotonic() - start:.0f} s, {len(faults)} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except NotEmitted as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
