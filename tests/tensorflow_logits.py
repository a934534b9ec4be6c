"""Logits of an ONNX file in ONNX Runtime, for a picture of sines: prints the largest difference from those expected, as a
share of the largest of them.

    python tensorflow_logits.py FILE.onnx EXPECTED.json SIZE
"""

import json
import sys

import numpy as np
import onnxruntime

path, expected, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(expected) as file:
    expected = np.array(json.load(file)[str(size)])
picture = np.sin(0.001 * np.arange(3 * size * size)).astype(np.float32).reshape(1, 3, size, size)
(found,) = onnxruntime.InferenceSession(path).run(None, {"input": picture})
assert found.shape == (1, len(expected)), found.shape
print(np.abs(found[0] - expected).max() / np.abs(expected).max())
