"""What kernels take as arrays and what they hand out.

Kernels read and write contiguous, aligned arrays in the byte order of the machine. Any other
layout is copied into that form; any other element type is refused, because a silent conversion
would hide a loss of precision. Only Python numbers, which have no element type of their own,
take the type of the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from symconv.errors import DTypeError, ParameterError, ShapeError, shown

Array: TypeAlias = npt.NDArray[Any]
DType: TypeAlias = np.dtype[Any]
Shape: TypeAlias = tuple[int, ...]


def readable(label: str, value: object, dtype: DType) -> Array:
    """`value` as a contiguous, aligned, native array of element type `dtype`.

    Strided, read-only, byte-swapped and misaligned arrays have the same values and are copied
    where necessary. Raises DTypeError for another element type, and for masked arrays.
    """
    if type(value) is np.ndarray and value.dtype is dtype:  # there is one object per native type
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            return value
    if type(value) in (int, float):
        return _number(label, value, dtype)
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(f"{label}: a masked array has no meaning for a kernel; "
                         f"fill it first, as in {label}.filled(0)")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DTypeError(f"{label}: {type(value).__name__} given, an array of {dtype} is needed "
                         f"({error})") from None
    if array.dtype.newbyteorder("=") != dtype:
        raise DTypeError(f"{label}: element type {array.dtype} given, this kernel takes {dtype} "
                         f"and casts nothing; convert it first: np.asarray({label}, "
                         f"dtype=np.{dtype})")
    try:
        return np.require(array, dtype=dtype, requirements=("C_CONTIGUOUS", "ALIGNED"))
    except MemoryError:
        raise _too_large(label, array.shape, dtype) from None


def empty(label: str, shape: Shape, dtype: DType) -> Array:
    """A new array whose elements are to be written. ShapeError where there is no room for it."""
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):
        raise _too_large(label, shape, dtype) from None


def zeros(label: str, shape: Shape, dtype: DType) -> Array:
    """A new array of zeros. ShapeError where there is no room for it."""
    array = empty(label, shape, dtype)
    array.fill(0)
    return array


def writable(label: str, value: object, shape: Shape, dtype: DType) -> Array:
    """The array of a caller that a result shall be written into, as a plain view of it.

    Any strides will do. Raises DTypeError, ShapeError, or ParameterError where it is no array or
    read-only.
    """
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise ParameterError(f"{label}: {type(value).__name__} given, a NumPy array to write the "
                             "result into is needed")
    if value.dtype is not dtype and value.dtype.newbyteorder("=") != dtype:
        raise DTypeError(f"{label}: element type {value.dtype} given, the result is {dtype}")
    expect_shape(label, value.shape, shape, "that of the result")
    flags = value.flags
    if not flags.writeable:
        raise ParameterError(f"{label} is read-only; give an array that can be written")
    if not flags.c_contiguous and _overlaps_itself(value):
        raise ParameterError(f"{label}: elements share memory (shape {value.shape}, strides "
                             f"{value.strides}), so they cannot hold a result; give another array")
    return value if type(value) is np.ndarray else value.view(np.ndarray)


def is_direct(target: Array, others: Sequence[Array]) -> bool:
    """Whether a kernel may write into `target` itself while it reads or writes the others."""
    flags = target.flags
    return (flags.c_contiguous and flags.aligned and target.dtype.isnative
            and not any(np.may_share_memory(target, other) for other in others))


def expect_shape(label: str, given: Shape, needed: Shape, reason: str) -> None:
    """Raise ShapeError unless the shapes agree."""
    if given != needed:
        raise ShapeError(f"{label}: shape {given} given, {needed} needed: {reason}")


def expect_values(label: str, array: Array, stop: int) -> None:
    """Raise ParameterError unless every element is at least 0 and below `stop`."""
    wrong = np.argwhere((array < 0) | (array >= stop))
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        raise ParameterError(f"{label}: element {int(array[place])} at place {place} given, "
                             f"0 <= element < {stop} needed; correct the elements outside")


def _overlaps_itself(array: Array) -> bool:
    """Whether two elements may share memory: no axis may step into what shorter steps span."""
    span = array.itemsize
    for step, extent in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
        if extent > 1 and array.size:
            if step < span:
                return True
            span += step * (extent - 1)
    return False


def _too_large(label: str, shape: Shape, dtype: DType) -> ShapeError:
    count = math.prod(shape)
    return ShapeError(f"{label}: there is no memory for {count} elements of {dtype}, shape "
                      f"{shape}, which are {count * dtype.itemsize} bytes; give smaller arrays")


def _number(label: str, value: object, dtype: DType) -> Array:
    """A Python number as a 0-d array. An integer kind takes no fractions; nothing overflows."""
    if isinstance(value, float) and dtype.kind == "i":
        raise DTypeError(f"{label}: {value!r} given, an integer is needed")
    try:
        with np.errstate(over="ignore"):
            array = np.array(value, dtype=dtype)
    except OverflowError:
        raise DTypeError(f"{label}: {shown(value)} is outside the range of {dtype}") from None
    if isinstance(value, int | float) and np.isinf(array) and not math.isinf(value):
        raise DTypeError(f"{label}: {shown(value)} is outside the range of {dtype}")
    return array
