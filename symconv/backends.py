"""The two ways to run an emitted pass: compiled C through ctypes, or a module that uses NumPy.

A pass is called by its name with arrays that have been checked: inputs in the order of the
pass, then the outputs to be written. Both ways are a `Backend`; a kernel does not know which.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeAlias, cast

import numpy as np

from symconv.arrays import Array, empty
from symconv.errors import BuildError, ShapeError
from symconv.libraries import load_library

ALIGNMENT = 64
"""Bytes: every workspace starts at a multiple of this, a cache line or a vector register."""


_CInteger: TypeAlias = type[ctypes.c_int] | type[ctypes.c_size_t] | type[ctypes.c_ssize_t]


class Backend(Protocol):
    """Runs passes on arrays that are contiguous, aligned, native and of the right shape."""

    def run(self, pass_name: str, inputs: Sequence[Array], outputs: Sequence[Array | None],
            sizes: Mapping[str, int]) -> None:
        """Write every element of the outputs; the inputs stay as they are.

        None for an output, of a pass with entries, leaves it out.
        """

    def packs(self, pass_name: str, operand: str) -> bool:
        """Whether there is a pass PASS_packed that takes the operand packed."""

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        """The packed operand for such a pass."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A compiled pass for given sizes, which the library has accepted: everything but arrays."""

    function: Callable[..., int]
    leading: tuple[object, ...]         # the pointer to the sizes, where there is one
    workspace: int                      # bytes
    tasks: int


class CBackend:
    """A compiled library with the ABI of emitted C.

    `sizes` are the names of the run-time sizes in the order of the struct NAME_sizes; with fixed
    shapes there are none, and neither the struct nor the argument exists. What depends on sizes
    alone is asked for once: a call of a small kernel should cost what its arrays cost.
    """

    def __init__(self, library: Path, name: str, sizes: Sequence[str] = ()) -> None:
        self._library = load_library(library)
        self._name = name
        self._sizes = tuple(sizes)
        self._entry = lru_cache(maxsize=256)(self._entered)

    def run(self, pass_name: str, inputs: Sequence[Array], outputs: Sequence[Array | None],
            sizes: Mapping[str, int]) -> None:
        entry = self._entry(pass_name, len(inputs) + len(outputs),
                            tuple([sizes[name] for name in self._sizes]))
        workspace = aligned_bytes(entry.workspace, f"the workspace of {pass_name}"
                                  ) if entry.workspace else None
        addresses = [None if array is None else address(array)
                     for array in (*inputs, *outputs, workspace)]
        self._succeed(entry.function(*entry.leading, *addresses, 0, entry.tasks))

    def packs(self, pass_name: str, operand: str) -> bool:
        return hasattr(self._library, f"{self._name}_{pass_name}_pack_{operand}")

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        suffix = f"{pass_name}_pack_{operand}"
        packed = aligned_bytes(self._function(f"{suffix}_size", ctypes.c_size_t)(),
                               f"the packed operand {operand} of {pass_name}")
        self._function(suffix, None, (ctypes.c_void_p, ctypes.c_void_p))(
            address(array), address(packed))
        return packed

    def _entered(self, pass_name: str, arrays: int, sizes: tuple[int, ...]) -> _Entry:
        leading = self._struct(sizes)
        self._succeed(self._function("check", ctypes.c_int)(*leading))
        needed = self._function(f"{pass_name}_workspace", ctypes.c_size_t)(*leading)
        tasks = self._function(f"{pass_name}_tasks", ctypes.c_ssize_t)(*leading)
        pointers = [ctypes.c_void_p] * (len(leading) + arrays + 1)
        function = self._function(pass_name, ctypes.c_int,
                                  (*pointers, ctypes.c_ssize_t, ctypes.c_ssize_t))
        return _Entry(function, leading, needed, tasks)

    def _struct(self, sizes: tuple[int, ...]) -> tuple[object, ...]:
        """A pointer to the sizes as C lays them out, or nothing where all are fixed."""
        if not sizes:
            return ()
        return (ctypes.byref((ctypes.c_ssize_t * len(sizes))(*sizes)),)

    def _function(self, suffix: str, result: _CInteger | None,
                  arguments: Sequence[type[object]] | None = None) -> Callable[..., int]:
        symbol = f"{self._name}_{suffix}"
        try:
            function = getattr(self._library, symbol)
        except AttributeError:
            raise BuildError(f"the compiled kernel has no function {symbol}") from None
        function.restype, function.argtypes = result, arguments
        return cast("Callable[..., int]", function)

    def _succeed(self, code: int) -> None:
        if code:
            explain = getattr(self._library, f"{self._name}_error")
            explain.restype = ctypes.c_char_p
            explain.argtypes = (ctypes.c_int,)
            message: bytes | None = explain(code)
            raise ShapeError((message or b"the kernel refused these sizes").decode())


class NumpyBackend:
    """An emitted module: one function per pass, named like it, with the inputs as arguments. There
    nothing is packed."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def packs(self, pass_name: str, operand: str) -> bool:
        return False

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        return array

    def run(self, pass_name: str, inputs: Sequence[Array], outputs: Sequence[Array | None],
            sizes: Mapping[str, int]) -> None:
        function = getattr(self._module, pass_name, None)
        if function is None:
            raise BuildError(f"the emitted module has no function {pass_name}")
        wanted: list[tuple[str, ...]] = []
        if any(output is None for output in outputs):
            every: tuple[str, ...] = [*signature(function).parameters.values()][-1].default
            wanted.append(tuple(key for key, output in zip(every, outputs, strict=True)
                                if output is not None))
        with np.errstate(all="ignore"):         # as in C, where NaN and infinity are values
            try:
                results = function(*inputs, *wanted)
            except getattr(self._module, "_NoPoint", ()) as error:
                raise ShapeError(str(error)) from None
            except ZeroDivisionError:
                raise ShapeError("an axis of extent 0 divides a place or a bound; give it a "
                                 "larger extent") from None
            except MemoryError as error:
                raise ShapeError(f"{pass_name}: there is no memory for what it computes on the "
                                 f"way ({error}); give smaller arrays") from None
        if not isinstance(results, tuple):
            results = (results,)
        for output, found in zip(outputs, results, strict=True):
            if output is None:
                continue
            result = np.asarray(found)
            if result.shape != output.shape or result.dtype != output.dtype:
                raise BuildError(f"the emitted function {pass_name} returned {result.dtype} of "
                                 f"shape {result.shape} instead of {output.dtype} of shape "
                                 f"{output.shape}: please report the definition")
            np.copyto(output, result)


def aligned_bytes(count: int, label: str) -> Array:
    """Uninitialised memory of at least `count` bytes that starts at a multiple of ALIGNMENT.

    ShapeError where there is no room for it.
    """
    raw = empty(label, (count + ALIGNMENT,), np.dtype(np.uint8))
    return raw[-address(raw) % ALIGNMENT:]


def address(array: Array) -> int:
    """Where the first element lies in memory."""
    place: int = array.__array_interface__["data"][0]
    return place
