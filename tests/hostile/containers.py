"""Writes checkpoints of many small tensors in containers that other programs write: the standard library alone.

HDF5 as its first version has groups (format specification 3.0, III.A and III.C), LevelDB's table with TensorFlow's records
(`doc/table_format.md`, `tensor_bundle.proto`), and the tar that `torch.save` wrote before 0.1.10 (`torch/serialization.py`).
"""

import io
import pickle
import struct
import sys
import tarfile
import types

NOWHERE = 0xFFFFFFFFFFFFFFFF


# Links of a symbol table and children of a tree's node at most (twice the ranks that a new file has in libhdf5).
SYMBOLS, CHILDREN = 8, 32


class Hdf5:
    """Grows a file; every object is written before what names it."""

    def __init__(self):
        self.out = bytearray(96)

    def put(self, contents):
        self.out += bytes(-len(self.out) % 8)
        place = len(self.out)
        self.out += contents
        return place

    def header(self, messages):
        parts = b""
        for kind, contents in messages:
            contents += bytes(-len(contents) % 8)
            parts += struct.pack("<HHB3x", kind, len(contents), 0) + contents
        return self.put(struct.pack("<BxHII4x", 1, len(messages), 1, len(parts)) + parts)

    def dataset(self, value):
        """One f32 in one dimension."""
        data = self.put(struct.pack("<f", value))
        dataspace = struct.pack("<BBBx4xQ", 1, 1, 0, 1)
        float32 = struct.pack("<BBBBI", 0x11, 0x20, 31, 0, 4) + struct.pack("<HHBBBBI", 0, 32, 23, 8, 0, 23, 127)
        layout = struct.pack("<BBQQ", 3, 1, data, 4)
        return self.header([(0x0001, dataspace), (0x0003, float32), (0x0008, layout)])

    def group(self, links):
        """Links in the order of their names."""
        names, heap, level = {}, bytearray(8), []
        for name in sorted(links):
            names[name] = len(heap)
            heap += name.encode() + b"\0"
            heap += bytes(-len(heap) % 8)
        ordered = sorted(links)
        for start in range(0, len(ordered), SYMBOLS):
            some = ordered[start : start + SYMBOLS]
            entries = b"".join(struct.pack("<QQII16x", names[name], links[name], 0, 0) for name in some)
            node = b"SNOD" + struct.pack("<BxH", 1, len(some)) + entries.ljust(40 * SYMBOLS, b"\0")
            level.append((self.put(node), names[some[-1]]))
        depth = 0
        while depth == 0 or len(level) > 1:
            level = [self.tree(depth, level[start : start + CHILDREN]) for start in range(0, len(level), CHILDREN)]
            depth += 1
        data = self.put(bytes(heap))
        heap = self.put(b"HEAP" + struct.pack("<B3xQQQ", 0, len(heap), 1, data))
        return self.header([(0x0011, struct.pack("<QQ", level[0][0], heap))])

    def tree(self, depth, children):
        """A node, and the last name below it."""
        body = struct.pack("<Q", 0) + b"".join(struct.pack("<QQ", node, key) for node, key in children)
        body = body.ljust(8 + 16 * CHILDREN, b"\0")
        node = self.put(b"TREE" + struct.pack("<BBHQQ", 0, depth, len(children), NOWHERE, NOWHERE) + body)
        return node, children[-1][1]

    def end(self, root):
        start = b"\x89HDF\r\n\x1a\n" + struct.pack("<BBBxBBBxHHI", 0, 0, 0, 0, 8, 8, SYMBOLS // 2, CHILDREN // 2, 0)
        start += struct.pack("<QQQQ", 0, NOWHERE, len(self.out), NOWHERE)
        start += struct.pack("<QQII16x", 0, root, 0, 0)
        self.out[: len(start)] = start
        return bytes(self.out)


def hdf5(count):
    """As many layers of one weight as are asked for, as Keras's legacy files have them."""
    file = Hdf5()
    layers = {}
    for i in range(count):
        inner = file.group({"kernel:0": file.dataset(float(i % 7))})
        layers[f"layer{i}"] = file.group({f"layer{i}": inner})
    return file.end(file.group(layers))


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ 0x82F63B78 * (byte & 1)
    TABLE.append(byte)


def masked(contents):
    """CRC-32C as LevelDB stores it (`util/crc32c.h`, `Mask`)."""
    crc = 0xFFFFFFFF
    for byte in contents:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def table(entries, per_block=16):
    """Entries in the order of their keys, each key spelled out."""
    out = b""

    def block(rows):
        nonlocal out
        body = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in rows)
        body += struct.pack("<II", 0, 1)
        handle = varint(len(out)) + varint(len(body))
        out += body + b"\0" + struct.pack("<I", masked(body + b"\0"))
        return handle

    index = []
    for start in range(0, len(entries), per_block):
        some = entries[start : start + per_block]
        index.append((some[-1][0], block(some)))
    handles = block([]) + block(index)
    return out + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def tensorflow(count):
    """An index and its data: one f32 a variable."""
    data = b"".join(struct.pack("<f", i % 7) for i in range(count))
    entries = [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    for i in range(count):
        crc = struct.pack("<I", masked(data[4 * i : 4 * i + 4]))
        shape = b"\x12\x04\x12\x02\x08\x01"
        record = b"\x08\x01" + shape + b"\x20" + varint(4 * i) + b"\x28\x04\x35" + crc
        entries.append((f"layer{i:06}/kernel".encode(), record))
    return table(entries), data


def tar(count):
    """A dictionary of tensors, each with a storage of its own."""
    class FloatStorage:
        pass

    class FloatTensor:
        pass

    for item in (FloatStorage, FloatTensor):
        item.__module__, item.__qualname__ = "torch", item.__name__
        module = sys.modules.setdefault("torch", types.ModuleType("torch"))
        setattr(module, item.__name__, item)

    class Kept:
        def __init__(self, key):
            self.key = key

    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            return str(found.key) if isinstance(found, Kept) else None

    storages = pickle.dumps(count, 2)
    tensors = pickle.dumps(count, 2)
    for i in range(count):
        storages += pickle.dumps((i, "cpu", FloatStorage), 2) + struct.pack("<qf", 1, i % 7)
        tensors += pickle.dumps((count + i, i, FloatTensor), 2) + struct.pack("<iiqqq", 1, 0, 1, 1, 0)
    storages += pickle.dumps([], 2)
    named = io.BytesIO()
    Pickler(named, 2).dump({f"layer{i}.weight": Kept(count + i) for i in range(count)})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, contents in [("storages", storages), ("tensors", tensors), ("pickle", named.getvalue())]:
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            file.addfile(entry, io.BytesIO(contents))
    return out.getvalue()
