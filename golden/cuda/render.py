"""The report of `golden/cuda/run` as Markdown. Every number in it is from the JSON that the program printed."""

DASH = "-"
SOURCES = {
    "partitioner": "the partitioner's record",
    "partitioner_without_ban": "the partitioner's record of a session that may use the CPU and was not run",
    "profile": "the profile of the run",
}
PARTS = [
    ("compute_capability", "compute capability"),
    ("driver", "driver"),
    ("driver_cuda", "driver for CUDA"),
    ("cuda", "CUDA"),
    ("cudnn", "cuDNN"),
    ("tf32_override", "NVIDIA_TF32_OVERRIDE ="),
]


def runtime(verify, name):
    """What `verify` says of a runtime; none if it says nothing."""
    return next((found for found in (verify or {}).get("runtimes", []) if found["name"] == name), None)


def placed(cuda, source):
    """`N of N` by a source."""
    found = [it for it in (cuda or {}).get("placement", []) if it["source"] == source]
    return f"{found[0]['nodes_on_provider']} of {found[0]['nodes']}" if found else DASH


def summary(entry):
    """A line for the terminal."""
    cuda = runtime(entry["verify"], "ort-cuda")
    if cuda is None:
        return f"`verify` ended with {entry['status']}"
    nodes = ", ".join(f"{placed(cuda, it['source'])} nodes by {SOURCES[it['source']]}" for it in cuda["placement"])
    return f"{cuda['status']}, {nodes or 'no placement'}, largest difference {number(cuda['max_abs'], '.2e')}"


def number(value, form):
    return DASH if value is None else format(value, form)


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def header(cells):
    return [row(cells), "|" + "---|" * len(cells)]


def markdown(report):
    """All of it."""
    entries = report["files"]
    parts = [heading(report), verdicts(entries), times(report), troubles(entries)]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(report):
    entries, settings = report["files"], report["settings"]
    lines = ["# Every published network on a GPU", "", "Made by `golden/cuda/run`; nothing is filled in by hand.", ""]
    lines.append(f"- Program: {settings['program']}, SHA-256 {settings['program_sha256']}")
    found = [cuda for cuda in (runtime(entry["verify"], "ort-cuda") for entry in entries) if cuda]
    for device in unique(device_line(cuda["device"]) for cuda in found if cuda["device"]):
        lines.append(f"- Device: {device}")
    for name in ("ort-cuda", "ort-cpu"):
        runs = [it for it in (runtime(entry["verify"], name) for entry in entries) if it]
        versions = unique(it["version"] for it in runs if it["version"])
        lines.append(f"- ONNX Runtime of `{name}`: {', '.join(versions) or 'unknown'}")
    lines.append(f"- CPU: {settings['processor'] or 'unknown'} ({settings['machine']}), {settings['threads']} threads")
    variants = report["variants"]
    names = [entry["name"] for entry in entries]
    missing = [name for name in variants if name not in names]
    done = f"- Networks: {len(variants) - len(missing)} of {len(variants)}, at {settings['sizes']} sizes"
    lines.append(done + (f"; not yet measured: {', '.join(missing)}" if missing else ""))
    halves = [entry["name"] for entry in entries if entry["element"] == "f16"]
    if halves:
        lines.append(f"- fp16 files: {', '.join(halves)}")
    else:
        lines.append("- No fp16 file was given, so nothing here is about fp16.")
    return "\n".join(lines)


def device_line(device):
    told = [f"{words} {device[key]}" for key, words in PARTS if device.get(key)]
    return ", ".join([device.get("device") or "unknown device", *told])


def unique(values):
    return list(dict.fromkeys(values))


def verdicts(entries):
    lines = ["## Placement and differences", ""]
    rules = []
    for entry in entries:
        cuda = runtime(entry["verify"], "ort-cuda")
        if cuda:
            tolerance = cuda["tolerance"]
            base, formula = entry["verify"]["base"], entry["verify"]["formula"]
            rules.append(f"`{formula}`, atol {tolerance['atol']:g}, rtol {tolerance['rtol']:g}, from {base}")
    if rules:
        lines += ["Allowed: " + "; ".join(unique(rules)) + ". *Of allowed* is the smallest factor on both with which",
                  "the outputs would agree. TF32 is off for the verdict; *TF32* is the same run with it.", ""]
    lines += header(["file", "type", "input", "batches", "status", "nodes on CUDA, partitioner", "nodes on CUDA, profile",
                     "largest difference", "of allowed", "TF32: largest difference", "of allowed", "same top-1"])
    for entry in entries:
        verify = entry["verify"]
        cuda = runtime(verify, "ort-cuda")
        if cuda is None:
            blank = [DASH] * 7
            lines.append(row([entry["name"], entry["element"] or DASH, DASH, DASH, f"`verify`: {entry['status']}", *blank]))
            continue
        cases = verify["cases"]
        sizes = unique(f"{case['height']}x{case['width']}" for case in cases if case["height"])
        tf32 = cuda["tf32"] or {"max_abs": None, "smallest_factor": None}
        top1 = cuda["top1"]
        lines.append(row([
            entry["name"], entry["element"] or DASH, ", ".join(sizes) or DASH,
            ", ".join(unique(str(case["batch"]) for case in cases)), cuda["status"].replace("_", " "),
            placed(cuda, "partitioner"), placed(cuda, "profile"),
            number(cuda["max_abs"], ".2e"), number(cuda["smallest_factor"], ".3f"),
            number(tf32["max_abs"], ".2e"), number(tf32["smallest_factor"], ".3f"),
            f"{top1['rows']} of {top1['of']}" if top1 else DASH,
        ]))
    return "\n".join(lines)


def times(report):
    lines = ["## Times", "", "Medians for a whole batch, TF32 off, inputs and outputs in the host's memory.", ""]
    lines += header(["file", "batch", "ort-cpu", "ort-cuda", "ort-cpu / ort-cuda"])
    for entry in report["files"]:
        rows = (entry["bench"] or {}).get("rows", [])
        for batch in unique(it["batch"] for it in rows):
            cpu, cuda = (median(rows, name, batch) for name in ("ort-cpu", "ort-cuda"))
            ratio = cpu / cuda if cpu and cuda else None
            lines.append(row([entry["name"], batch, time(cpu), time(cuda), number(ratio, ".2f")]))
    return "\n".join(lines)


def median(rows, name, batch):
    found = [it["seconds"] for it in rows if it["runtime"] == name and it["batch"] == batch and it["seconds"]]
    return found[0]["median"] if found else None


def time(seconds):
    return DASH if seconds is None else f"{seconds * 1e3:.2f} ms"


def troubles(entries):
    """Everything that is not as it should be, in the program's words."""
    lines = []
    for entry in entries:
        name, verify = entry["name"], entry["verify"]
        if verify is None:
            lines.append(f"- {name}: `verify` ended with {entry['status']}: {entry['verify_errors'] or 'no message'}")
        for problem in (verify or {}).get("problems", []):
            lines.append(f"- {name}: {problem['code']}: {problem['message']}")
        for found in (verify or {}).get("runtimes", []):
            if found["message"]:
                lines.append(f"- {name}, {found['name']}: {found['message']}")
            for failure in found["failures"]:
                lines.append(f"- {name}, {found['name']}: {failure['check']}: {failure['message']}")
            for placement in found["placement"]:
                for node in placement["elsewhere"]:
                    where = f"on {node['provider']}, by {SOURCES[placement['source']]}"
                    lines.append(f"- {name}, {found['name']}: node `{node['node']}` ({node['op']}) {where}")
        bench = entry["bench"]
        if bench is None:
            lines.append(f"- {name}: `bench` ended with {entry['bench_status']}: {entry['bench_errors'] or 'no message'}")
        for timed in (bench or {}).get("rows", []):
            if timed["error"]:
                lines.append(f"- {name}, {timed['runtime']} at batch {timed['batch']}, timed: {timed['error']}")
    return "\n".join(["## What went wrong", "", *lines]) if lines else ""
