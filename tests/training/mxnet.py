"""Files of arrays as MXNet writes them, in the forms that it has had."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Form = Literal["2016", "long sides", "storage", "numpy shapes"]
MARKS: dict[Form, bytes] = {
    "2016": b"",
    "long sides": struct.pack("<I", 0xF993FAC8),
    "storage": struct.pack("<Ii", 0xF993FAC9, 0),
    "numpy shapes": struct.pack("<Ii", 0xF993FACA, 0),
}
KINDS = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6}


def mxnet_bytes(arrays: Mapping[str, NDArray[np.generic]], form: Form = "2016") -> bytes:
    content = struct.pack("<QQQ", 0x112, 0, len(arrays))
    for array in arrays.values():
        side = "I" if form == "2016" else "q"
        content += MARKS[form] + struct.pack(f"<I{array.ndim}{side}", array.ndim, *array.shape)
        content += struct.pack("<iii", 1, 0, KINDS[array.dtype.name]) + array.tobytes()
    content += struct.pack("<Q", len(arrays))
    for name in arrays:
        content += struct.pack("<Q", len(name)) + name.encode()
    return content


def write_mxnet(path: Path, arrays: Mapping[str, NDArray[np.generic]], form: Form = "2016") -> Path:
    path.write_bytes(mxnet_bytes(arrays, form))
    return path
