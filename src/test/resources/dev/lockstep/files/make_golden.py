"""Makes the golden files of the model readers' tests with NumPy and struct alone, not with the code under test.

    python3 make_golden.py        # beside this script; the same bytes again with NumPy 2

The .safetensors file is version 1 of our model file: it stays as it is, and every later version has to read it.
"""

import io
import json
import struct
import zipfile

import numpy as np

SPECIAL = np.array(
    [0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA00001, 0x3F800000,
     0x7F7FFFFF],
    dtype="<u4").view("<f4")


def tensors(dtype):
    return {
        "W1": (np.arange(12, dtype=dtype) / 8 - 0.5).reshape(4, 3),
        "b1": np.array([0.25, -1.5, 3.0], dtype=dtype),
        "W2": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=dtype),
        "b2": np.zeros(2, dtype=dtype),
    }


def fortran(arrays):
    return {name: np.asfortranarray(array) for name, array in arrays.items()}


def npy(array, version):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


class Pipe(io.RawIOBase):
    """Cannot seek, so that zipfile writes lengths behind the data."""

    def __init__(self, out):
        self.out = out

    def writable(self):
        return True

    def write(self, data):
        return self.out.write(data)


def safetensors(path, arrays, metadata):
    header = {"__metadata__": metadata}
    offset = 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            out.write(np.ascontiguousarray(array).astype("<f4").tobytes())


np.savez("f4.npz", **tensors("<f4"))
np.savez_compressed("f4_deflated.npz", **tensors("<f4"))
np.savez("f8.npz", **tensors("<f8"))
np.savez("f4_big_endian.npz", **tensors(">f4"))
np.savez("f8_fortran.npz", **fortran(tensors("<f8")))
np.savez("shapes.npz", scalar=np.float32(2.5), empty=np.zeros((0, 3), "<f4"), cube=np.asfortranarray(
    np.arange(24, dtype="<f4").reshape(2, 3, 4)), special=SPECIAL)
np.savez("i8.npz", W1=np.arange(3))
with zipfile.ZipFile(Pipe(open("v2_streamed.npz", "wb")), "w", zipfile.ZIP_DEFLATED) as archive:
    for name, array in tensors("<f4").items():
        archive.writestr(zipfile.ZipInfo(name + ".npy"), npy(array, (2, 0)), zipfile.ZIP_DEFLATED)
with open("W1.npy", "wb") as out:
    out.write(npy(tensors("<f4")["W1"], (1, 0)))
safetensors("v1.safetensors", {**tensors("<f4"), "special": SPECIAL},
            {"format_version": "1", "note": "quote \" backslash \\ tab \t umlaut \u00fc"})
