"""Fits a classifier on a network's features, as docs/transfer.md does it.

    transfer.py pictures FOLDER                          writes real pictures: FOLDER/training/CLASS/N.png, FOLDER/held-out/CLASS/N.png
    transfer.py fit POOLED.onnx FOLDER HEAD.npz LABELS   fits a classifier to the pictures of FOLDER/CLASS
    transfer.py predict POOLED.onnx HEAD.npz LABELS FOLDER   prints what it finds on the pictures of FOLDER/CLASS, as `picture,class`

Needs numpy, onnxruntime, pillow and scikit-learn.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
from PIL import Image

# Pictures that are used for training, in the order of the data set: one writer's digits follow another's, so that most of
# those who wrote the others wrote none of these.
TRAINING = 1000
# Pixels of a picture: `emit --size 96` takes the inner 96 of them without resizing.
SIDE = 128
BATCH = 64


def pictures(folder):
    """Handwritten digits by 13 people (UCI, CC BY 4.0), which scikit-learn carries: 1,797 scans of 8x8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (ink, digit) in enumerate(zip(digits.images, digits.target)):
        grey = Image.fromarray((255 - ink * 255 / 16).astype(np.uint8))
        part = "training" if number < TRAINING else "held-out"
        path = pathlib.Path(folder, part, str(digit), f"{number:04}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)


def labelled(folder):
    """Every picture and the name of its folder, sorted by both."""
    paths = sorted(pathlib.Path(folder).glob("*/*"))
    return paths, np.array([path.parent.name for path in paths])


def prepared(path, how):
    """A picture as the file's own record `efficientnet.preprocessing` says."""
    picture = Image.open(path).convert("RGB")
    height, width = how["size"]
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    assert how["version"] == 2 and how["sampling"] == "antialias" and height == width, how
    # Of the shorter side, TensorFlow's models take this part, from the centre.
    part = int(height / (height + how["framing"]["crop_padding"]) * min(picture.size))
    left, top = ((side - part + 1) // 2 for side in picture.size)
    picture = picture.crop((left, top, left + part, top + part))
    picture = picture.resize((width, height), filters[how["interpolation"]])
    return ((np.asarray(picture) - how["mean"]) / how["std"]).transpose(2, 0, 1).astype(np.float32)


def features(network, paths):
    """Features of pictures, `[pictures, features]`: the output `pooled`."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    how = json.loads(session.get_modelmeta().custom_metadata_map["efficientnet.preprocessing"])
    rows = []
    for start in range(0, len(paths), BATCH):
        batch = np.stack([prepared(path, how) for path in paths[start:start + BATCH]])
        rows.append(session.run(["pooled"], {"input": batch})[0])
    return np.concatenate(rows)


def fitted(network, folder):
    """A scaler and a logistic regression, fitted to the pictures of FOLDER/CLASS."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    paths, classes = labelled(folder)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return model.fit(features(network, paths), classes)


def fit(network, folder, head, labels):
    model = fitted(network, folder)
    # The scaler is linear too, and goes into weight and bias.
    scaler, linear = model[0], model[1]
    weight = linear.coef_ / scaler.scale_
    bias = linear.intercept_ - weight @ scaler.mean_
    np.savez(head, weight=weight, bias=bias)
    # Of two classes, scikit-learn keeps the second alone: the probability of the first is what is left.
    names = linear.classes_ if len(bias) > 1 else linear.classes_[1:]
    pathlib.Path(labels).write_text("".join(f"{name}\n" for name in names))


def predict(network, head, labels, folder):
    paths, classes = labelled(folder)
    linear = np.load(head)
    logits = features(network, paths) @ linear["weight"].T + linear["bias"]
    names = np.array(pathlib.Path(labels).read_text().split("\n")[:-1])
    found = names[logits.argmax(1)]
    for path, name in zip(paths, found):
        print(f"{path},{name}")
    print(f"{(found == classes).sum()} of {len(classes)} pictures right", file=sys.stderr)


COMMANDS = {"pictures": (pictures, 1), "fit": (fit, 4), "predict": (predict, 4)}

if __name__ == "__main__":
    command, arguments = sys.argv[1:2], sys.argv[2:]
    function, count = COMMANDS.get("".join(command), (None, None))
    if count != len(arguments):
        sys.exit(__doc__)
    function(*arguments)
