"""Arrow arrays from NumPy and lists, and back, through their buffers.

`pyarrow.array` and `Array.to_numpy` import pandas where it is installed, to see whether a Series is meant:
60 MB of memory and a third of a second, for every run of the command line and every process that reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def numbers(values: NDArray[Any]) -> pa.Array:
    """A one-dimensional array of integers or floats, without a copy where it is contiguous."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def optional_numbers(values: Sequence[float | None], dtype: str) -> pa.Array:
    """Numbers of which some are None, which becomes null."""
    import pyarrow as pa

    filled = np.array([0 if v is None else v for v in values], dtype)
    buffers = [_validity(values), pa.py_buffer(filled)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(filled.dtype), len(filled), buffers)


def masked(values: NDArray[Any], valid: Sequence[bool]) -> pa.Array:
    """Numbers of which those that are not valid become null."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    buffers = [_validity([True if v else None for v in valid]), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def texts(values: Sequence[str | None]) -> pa.Array:
    """Texts as UTF-8; None becomes null."""
    import pyarrow as pa

    encoded = [b"" if v is None else v.encode() for v in values]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded], dtype=np.int64)]).astype(np.int32)
    buffers = [_validity(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def column(values: Sequence[Any]) -> pa.Array:
    """Values of one kind, or None; anything but plain text and numbers takes the way through pandas.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowTypeError
        The values are of different kinds.
    """
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    if kinds == {str}:
        return texts(values)
    if kinds == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return optional_numbers(values, "int64")
    if kinds and kinds <= {int, float} and float in kinds:
        return optional_numbers(values, "float64")
    return pa.array(values)


_DTYPES = {"int16": "i2", "int32": "i4", "int64": "i8", "float": "f4", "double": "f8"}


def view(array: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The numbers of an array without nulls, read-only and without a copy (of chunks: joined)."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    dtype = np.dtype(_DTYPES[str(array.type)])
    if array.null_count:
        raise ValueError(f"{array.null_count} of {len(array)} values are null")
    if not len(array):
        return np.zeros(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)


def _validity(values: Sequence[Any]) -> pa.Buffer | None:
    """The bitmap of what is not None; None where everything is there."""
    import pyarrow as pa

    valid = np.array([v is not None for v in values], bool)
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
