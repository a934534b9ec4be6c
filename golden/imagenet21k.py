"""Writes src/labels/imagenet21k.txt.zz: the names of the 21,843 classes of ImageNet-21k, deflated (zlib).

usage: golden/.venv/bin/python golden/imagenet21k.py

One class a line, in the order of the classes: the subsets that have it, and its name. `12` is a class of ImageNet-12k
too, `22` one of the 21,841 of the fall 2011 release, ` .` one of the two that only Google's list has. A name is
WordNet's first lemma, or all lemmas where another class has the same first.
"""

import zlib
from collections import Counter
from pathlib import Path

from timm.data import ImageNetInfo

TARGET = Path(__file__).parent.parent / "src/labels/imagenet21k.txt.zz"


def main():
    names = ImageNetInfo("imagenet21k_goog")
    synsets = names.label_names()
    twelve, release = (ImageNetInfo(subset).label_names() for subset in ("imagenet12k", "imagenet22k"))
    # The lists below are told apart by marks alone, so each has to be in the order of the whole.
    assert synsets == sorted(synsets) and twelve == sorted(twelve) and release == sorted(release)
    assert set(twelve) < set(release) < set(synsets)
    twelve, release = set(twelve), set(release)
    lemmas = [names.label_name_to_description(synset) for synset in synsets]
    shared = Counter(lemma.split(", ")[0] for lemma in lemmas)
    lines = []
    for synset, lemma in zip(synsets, lemmas):
        first = lemma.split(", ")[0]
        mark = "12" if synset in twelve else "22" if synset in release else " ."
        lines.append(f"{mark}{first if shared[first] == 1 else lemma}\n")
    TARGET.write_bytes(zlib.compress("".join(lines).encode(), 9))


if __name__ == "__main__":
    main()
