"""Regenerates tables 1, 2, 3, 7 and 8 and figure 3 of the paper (arXiv 1905.11946v5) with exact counts, beside the paper's figures,
and draws class activation maps as its figure 7 does.

    cargo build --release
    tests/run --set-up-only
    tests/.venv/bin/python golden/paper.py [PROGRAM] >docs/paper.md

Pillow turns the figure into `docs/cam.jpg`. Every count is `plan`'s; what the paper says is written here, with its place.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/efficientnet-onnx"

# Table 2: parameters in millions, multiply-adds in billions, top-1; table 8: top-1 on the validation and the test set.
TABLE_2 = {
    "b0": (5.3, 0.39, 77.1, 77.11, 77.23),
    "b1": (7.8, 0.70, 79.1, 79.13, 79.17),
    "b2": (9.2, 1.0, 80.1, 80.07, 80.16),
    "b3": (12, 1.8, 81.6, 81.59, 81.72),
    "b4": (19, 4.2, 82.9, 82.89, 82.94),
    "b5": (30, 9.9, 83.6, 83.60, 83.69),
    "b6": (43, 19, 84.0, 83.95, 84.04),
    "b7": (66, 37, 84.3, 84.26, 84.33),
}
# Table 1: operator, resolution of the input, channels, layers.
TABLE_1 = [
    ("Conv3x3", 224, 32, 1),
    ("MBConv1 k3x3", 112, 16, 1),
    ("MBConv6 k3x3", 112, 24, 2),
    ("MBConv6 k5x5", 56, 40, 2),
    ("MBConv6 k3x3", 28, 80, 3),
    ("MBConv6 k5x5", 14, 112, 3),
    ("MBConv6 k5x5", 14, 192, 4),
    ("MBConv6 k3x3", 7, 320, 1),
    ("Conv1x1 & Pooling & FC", 7, 1280, 1),
]
# Table 3, a network at a time: as table 7.
TABLE_3 = {
    "mobilenet-v1": [
        ("baseline", 0.6, 70.6, [(1, 1, 224)], ""),
        ("width, w = 2", 2.2, 74.2, [(2, 1, 224)], ""),
        ("resolution, r = 2", 2.2, 72.7, [(1, 1, 448)], "the paper writes 2.27 as 2.2"),
        ("compound, d = 1.4, w = 1.2, r = 1.3", 2.3, 75.6, [(1.2, 1.4, 288), (1.2, 1.4, 291)], "224 · 1.3 is 291; the paper's side is not given"),
    ],
    "mobilenet-v2": [
        ("baseline", 0.3, 72.0, [(1, 1, 224)], ""),
        ("depth, d = 4", 1.2, 76.8, [(1, 4, 224)], "first and last stage scale too; with their repeats kept it would be 1.02 B"),
        ("width, w = 2", 1.1, 76.4, [(2, 1, 224)], "stem and head scale too; with their filters kept it would be 1.07 B"),
        ("resolution, r = 2", 1.2, 74.8, [(1, 1, 448)], ""),
        ("compound", 1.3, 77.4, [(1.2, 1.4, 288), (1.2, 1.4, 291)], "the factors are not given; those of MobileNetV1 fit at 288 px"),
    ],
    "resnet-50": [
        ("baseline", 4.1, 76.0, [(1, 1, 224)], "with the stride in the 3x3 convolution (v1.5)"),
        ("depth, d = 4", 16.2, 78.1, [(1, 4, 224)], "the paper's figure of the next row fits: it seems to have exchanged the two"),
        ("width, w = 2", 14.7, 77.7, [(2, 1, 224)], "the paper's figure of the row above fits: it seems to have exchanged the two"),
        ("resolution, r = 2", 16.4, 77.5, [(1, 1, 448)], ""),
        ("compound", 16.7, 78.8, [(1.2, 1.4, 288), (1.2, 1.4, 291), (1.2, 1.4, 300)], "the factors are not given; none of these fits"),
    ],
}
NETWORKS = {"mobilenet-v1": "MobileNetV1", "mobilenet-v2": "MobileNetV2", "resnet-50": "ResNet-50"}
# Table 7: what is scaled, multiply-adds in billions, top-1, and the points that may be meant: width, depth, side.
TABLE_7 = [
    ("baseline", 0.4, 77.3, [(1, 1, 224)], ""),
    ("depth, d = 4", 1.8, 79.0, [(1, 4, 224), (1, 4.5, 224)], "d = 4 costs less; d = 4.5 would cost what the paper says"),
    ("width, w = 2", 1.8, 78.9, [(2, 1, 224), (2.2, 1, 224)], "w = 2 costs less; w = 2.2 would cost nearly what the paper says"),
    ("resolution, r = 2", 1.9, 79.1, [(1, 1, 448), (1, 1, 493)], "448 px cost less; 493 px, r = 2.2, would cost what the paper says"),
    (
        "compound, d = 1.4, w = 1.2, r = 1.3",
        1.8,
        81.1,
        [(1.2, 1.4, 288), (1.2, 1.4, 291), (1.2, 1.4, 300)],
        "224 · 1.3 is 291; at 300 px it is B3",
    ),
]
# Figure 3: the multipliers that can be read from it.
FIGURE_3 = {
    "width": "1,1.4,1.8,2.6,3.8,5",
    "depth": "1,2,3,4,6,8",
    "resolution": "1,1.3,1.5,1.7,1.9,2.2,2.5",
}

# Figure 7, with networks whose weights are public: name, checkpoint, height and width.
FIGURE_7 = [
    ("lite0-224px", "efficientnet-lite0-57934424.pth", 224),
    ("lite1-240px", "efficientnet-lite1-77cc7160.pth", 240),
    ("lite2-260px", "efficientnet-lite2-9656183e.pth", 260),
    ("lite0-448px", "efficientnet-lite0-57934424.pth", 448),
]
# Photographs of scikit-image, both CC0, and the part of what the networks see in which the thing is: left, top, right, bottom.
PHOTOGRAPHS = {"chelsea.png": (0.04, 0.25, 0.96, 0.95), "coffee.png": (0.12, 0.0, 0.84, 0.78)}


def plan(*arguments):
    ended = subprocess.run([str(PROGRAM), "plan", *arguments, "--json"], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def inspect(family, width, depth, side):
    """Exact counts at a point that no sweep has."""
    point = ["--family", family, "--width", str(width), "--depth", str(depth), "--size", str(side)]
    command = [str(PROGRAM), "inspect", *point, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)["recipe"]


def grouped(number):
    return f"{number:,}"


def apart(exact, said):
    return f"{100 * (exact / said - 1):+.1f} %"


def table_1():
    rows = plan("--variant", "b0")["rows"][0]["stages"]
    # The head and the classifier are one line of the paper's.
    ours = [(row["operator"], row["resolution"][0], row["channels"], row["repeats"]) for row in rows]
    head = rows[-2:]
    lines = ["| stage | paper: operator | input | channels | layers | here | input | channels | layers | parameters | MACs |", "|" + "---|" * 11]
    for index, said in enumerate(TABLE_1):
        of = rows[index : index + 1] if index + 1 < len(TABLE_1) else head
        operator, side, channels, layers = ours[index] if len(of) == 1 else ("Conv1x1 + Pool + Linear", ours[index][1], ours[index][2], 1)
        parameters, macs = (grouped(sum(row[key] for row in of)) for key in ("parameters", "macs"))
        assert (side, channels, layers) == said[1:], (said, ours[index])
        lines.append(f"| {index + 1} | {said[0]} | {said[1]} | {said[2]} | {said[3]} | {operator} | {side} | {channels} | {layers} | {parameters} | {macs} |")
    return lines


def table_2():
    lines = ["| model | paper: parameters | MACs | top-1 | exact parameters | exact MACs | differs by | formula of the same φ: MACs |", "|" + "---|" * 8]
    rows = plan("--phi", "0..7")["rows"]
    by_name = {row["name"].removeprefix("efficientnet-"): row for row in rows if row["reading"] == "published"}
    formula = {row["phi"]: row for row in rows if row["reading"] == "formula"}
    for index, (name, (parameters, macs, top1, _, _)) in enumerate(TABLE_2.items()):
        row = by_name[name]
        assert row["top1"]["percent"] == top1, name
        lines.append(
            f"| {name.upper()} | {parameters:g} M | {macs:g} B | {top1} | {grouped(row['parameters'])} | {grouped(row['macs'])} | "
            f"{apart(row['macs'], macs * 1e9)} | {grouped(formula[float(index)]['macs'])} |"
        )
    return lines


def table_3():
    lines = []
    for family, rows in TABLE_3.items():
        lines += [f"### {NETWORKS[family]}", "", *dimensions(family, rows), ""]
    lines += [
        "The paper gives no rules for scaling these networks. Those that reproduce its figures: width scales the filters of stem, stages and head, to multiples of 8 by the 90 %",
        "rule (MobileNetV2's head keeps at least 1280; of a bottleneck the 3x3 convolution's are rounded, and four times as many leave it); depth scales the repeats of every stage,",
        "rounded up. ResNet-50's figures for depth and width fit each other's rows within 1 %.",
    ]
    return lines


def table_7():
    return dimensions("v1", TABLE_7)


def dimensions(family, rows):
    lines = ["| scaled | paper: MACs | top-1 | width, depth, side | exact MACs | differs by | exact parameters | |", "|" + "---|" * 8]
    for name, macs, top1, points, remark in rows:
        for index, point in enumerate(points):
            exact = inspect(family, *point)
            first = f"| {name} | {macs} B | {top1} " if index == 0 else "| | | "
            width, depth, side = point
            lines.append(
                f"{first}| {width:g}, {depth:g}, {side} | {grouped(exact['macs'])} | {apart(exact['macs'], macs * 1e9)} | "
                f"{grouped(exact['parameters'])} | {remark if index == 0 else ''} |"
            )
    return lines


def figure_3():
    lines = ["| dimension | multiplier | side | exact MACs | parameters |", "|---|---|---|---|---|"]
    for dimension, values in FIGURE_3.items():
        rows = plan("--sweep", f"{dimension}={values}")["rows"]
        for value, row in zip(values.split(","), rows):
            lines.append(f"| {dimension} | {value} | {row['resolution']} | {grouped(row['macs'])} | {grouped(row['parameters'])} |")
    return lines


def figure_7():
    """Draws `docs/cam.jpg`, and tells where the maps are largest."""
    data = ROOT / "tests/.data"
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, checkpoint, side in FIGURE_7:
            file = Path(folder) / f"{name}.onnx"
            emit = ["emit", "--weights", data / checkpoint, "--size", str(side), "--outputs", "logits,cam", "--quiet", "-o", file]
            subprocess.run([PROGRAM, *emit], check=True)
            files.append(file)
        figure = Path(folder) / "cam.png"
        pictures = [data / name for name in PHOTOGRAPHS]
        classify = [PROGRAM, "classify", "--json", "--cam", figure, *files, "--", *pictures]
        ended = subprocess.run(classify, capture_output=True, text=True, check=True)
        with Image.open(figure) as drawn:
            drawn.convert("RGB").save(ROOT / "docs/cam.jpg", quality=90, subsampling=0, optimize=True)
    lines = ["| network | photograph | most probable class | its probability | map | range | largest at x, y | on it |", "|" + "---|" * 8]
    for (name, _, side), report in zip(FIGURE_7, json.loads(ended.stdout)["files"]):
        for (photograph, (left, top, right, bottom)), picture in zip(PHOTOGRAPHS.items(), report["pictures"]):
            cam = picture["cam"]
            x, y = (place / side for place in cam["peak"])
            on = "yes" if left <= x <= right and top <= y <= bottom else "no"
            (rows, columns), (least, most) = cam["map"], cam["range"]
            lines.append(
                f"| {name} | {photograph} | {cam['name']} | {100 * cam['probability']:.1f} % | {rows}x{columns} | {least:.1f} to {most:.1f} | {x:.2f}, {y:.2f} | {on} |"
            )
    return lines


def grid():
    ended = subprocess.run([str(PROGRAM), "plan", "--search", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)["candidates"]
    place = next(index for index, one in enumerate(found) if one["paper"])
    paper = found[place]
    return [
        f"Of the bases of at least 1 in steps of 0.05, {len(found)} keep α · β² · γ² within 0.1 of 2. The paper's choice, (1.2, 1.1, 1.15), has the product",
        f"{paper['product']:.5f}, {grouped(paper['macs'])} MACs and {grouped(paper['parameters'])} parameters at {paper['resolution']} px: by exact MACs it is number {place + 1} of them.",
        "The constraint counts on costs that grow with d · w² · r²; rounding to multiples of 8 filters and whole repeats makes them grow otherwise.",
        "Which candidate is the most accurate only training tells.",
    ]


def main():
    version = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    sections = [
        ("Table 1: the baseline, B0", ["The paper's stage 1 is the stem, its stage 9 head and classifier. Resolution is that of each stage's input.", ""] + table_1()),
        (
            "Table 2: B0 to B7",
            table_2()
            + [
                "",
                "The paper rounds, and writes B2 and B5 a little off (9.11 M and 30.39 M parameters). Its MACs of B4 and B5 are 4 % below the exact ones; no single resolution explains both",
                "(B4 at 368 px has 4.18 G, B5 at 448 px 9.40 G). The last column is the formula at φ = 0 to 7: B1 to B7 are other, hand-rounded points.",
            ],
        ),
        (
            "Table 3: other networks",
            table_3(),
        ),
        (
            "Table 7: one dimension against all three",
            table_7()
            + [
                "",
                "The rows of one dimension cost 14 to 24 % more in the paper than its multipliers give; d = 4.5, w = 2.2 and r = 2.2 come near. The compound row is B3.",
            ],
        ),
        ("Figure 3: one dimension alone", ["The figure shows accuracy against cost; its multipliers can be read, its costs are these.", ""] + figure_3()),
        (
            "Figure 7: class activation maps",
            [
                "The paper draws the maps of table 7's networks, whose weights are not public. The figure here has networks whose weights are public: Lite0, Lite1",
                "(d = 1.1), Lite2 (d = 1.2, w = 1.1), each at its own resolution, and Lite0 at 448 px with the weights that were trained at 224 px.",
                "",
                "![Class activation maps of a cat and of a cup of coffee, by four networks](cam.jpg)",
                "",
            ]
            + figure_7()
            + [
                "",
                "Places are parts of the picture that the network sees; the last column tells whether the place is in the box around the cat's face or the cup. At 448 px",
                "Lite0 has finer maps, but every thing is twice as large as in training: its maps lie on rims and whiskers, and its probabilities are lower. The paper trains",
                "each network at its own resolution.",
            ],
        ),
        ("Section 3.3: the grid search", grid()),
    ]
    print("# The paper, counted again\n")
    print(f"Made by `golden/paper.py` with {version}: tables of arXiv 1905.11946v5 beside exact counts. MACs are those of convolutions and linear layers for one image.")
    for title, lines in sections:
        print(f"\n## {title}\n")
        print("\n".join(lines))


main()
