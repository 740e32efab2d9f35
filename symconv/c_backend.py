"""The backend of compiled C: functions of a library, called through ctypes.

Whatever a function is given lies in memory that arrays own. The workspace is that of the thread
that calls, and stays with it for the next call.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from symconv.arrays import Array, empty
from symconv.backends import Direct, Entry, Fresh, Pointer
from symconv.errors import BuildError, ShapeError
from symconv.libraries import load_library

ALIGNMENT = 64
"""Bytes: every workspace starts at a multiple of this, a cache line or a vector register."""

KEPT = 32 << 20
"""Bytes: a workspace up to this size stays with its thread for the next call."""

_CInteger: TypeAlias = type[ctypes.c_int] | type[ctypes.c_size_t] | type[ctypes.c_ssize_t]
place: Callable[[Any], ctypes.Array[ctypes.c_char]] = (ctypes.c_char * 0).from_buffer
"""Where a writable, contiguous array lies. It keeps the array alive."""
_FIRST = ctypes.c_ssize_t(0)


class _Workspaces(threading.local):
    """The memory of a thread, which the kernels that it calls use one after the other."""

    memory: Array = np.empty(0, np.uint8)

    def pointer(self, count: int, label: str) -> Pointer:
        """Where at least `count` bytes start, at a multiple of ALIGNMENT.

        ShapeError where there is no room for them.
        """
        if count > KEPT:
            return place(aligned_bytes(count, label))
        if count > self.memory.size:
            self.memory = aligned_bytes(count, label)
        return place(self.memory)


_WORKSPACES = _Workspaces()


@dataclass(frozen=True, slots=True)
class _CEntry:
    """A compiled pass for sizes that the library has accepted.

    The function declares no argument types: everything that it is given is an object of ctypes
    already, which is passed several times as fast as what has to be converted.
    """

    name: str
    function: Callable[..., int]
    leading: tuple[object, ...]         # the pointer to the sizes, where there is one
    workspace: int                      # bytes
    tasks: ctypes.c_ssize_t
    succeed: Callable[[int], None]

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array | None]) -> None:
        self.at((*pointers(inputs), *pointers(outputs)))

    def direct(self) -> Direct | None:
        return self.at

    def fresh(self) -> Fresh | None:
        return None

    def at(self, places: Sequence[Pointer]) -> None:
        """The pass with its inputs and outputs at these places."""
        workspace = _WORKSPACES.pointer(self.workspace, f"the workspace of {self.name}"
                                        ) if self.workspace else None
        code = self.function(*self.leading, *places, workspace, _FIRST, self.tasks)
        if code:
            self.succeed(code)

    def bound(self, inputs: Sequence[Array],
              outputs: Sequence[Array | None]) -> Callable[[], None]:
        workspace = aligned_bytes(self.workspace, f"the workspace of {self.name}"
                                  ) if self.workspace else None
        held = (*inputs, *outputs, workspace)
        arguments = (*self.leading, *pointers(held), _FIRST, self.tasks)
        function, succeed = self.function, self.succeed

        def call(_held: object = held) -> None:
            code = function(*arguments)
            if code:
                succeed(code)

        return call


class CBackend:
    """A compiled library with the ABI of emitted C.

    `sizes` are the names of the run-time sizes in the order of the struct NAME_sizes; with fixed
    shapes there are none, and neither the struct nor the argument exists.
    """

    def __init__(self, library: Path, name: str, sizes: Sequence[str] = ()) -> None:
        self._library = load_library(library)
        self._name = name
        self._sizes = tuple(sizes)
        self._entry = lru_cache(maxsize=256)(self._entered)
        self._packs = lru_cache(maxsize=None)(self._exported)

    def entry(self, pass_name: str, sizes: Mapping[str, int]) -> Entry:
        return self._entry(pass_name, tuple([sizes[name] for name in self._sizes]))

    def packs(self, pass_name: str, operand: str) -> bool:
        return self._packs(f"{pass_name}_pack_{operand}")

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        suffix = f"{pass_name}_pack_{operand}"
        packed = aligned_bytes(self._function(f"{suffix}_size", ctypes.c_size_t)(),
                               f"the packed operand {operand} of {pass_name}")
        self._function(suffix, None)(*pointers((array, packed)))
        return packed

    def _exported(self, suffix: str) -> bool:
        return hasattr(self._library, f"{self._name}_{suffix}")

    def _entered(self, pass_name: str, sizes: tuple[int, ...]) -> _CEntry:
        leading = self._struct(sizes)
        self._succeed(self._function("check")(*leading))
        needed = self._function(f"{pass_name}_workspace", ctypes.c_size_t)(*leading)
        tasks = self._function(f"{pass_name}_tasks", ctypes.c_ssize_t)(*leading)
        return _CEntry(pass_name, self._function(pass_name), leading, needed,
                       ctypes.c_ssize_t(tasks), self._succeed)

    def _struct(self, sizes: tuple[int, ...]) -> tuple[object, ...]:
        """A pointer to the sizes as C lays them out, or nothing where all are fixed."""
        if not sizes:
            return ()
        return (ctypes.byref((ctypes.c_ssize_t * len(sizes))(*sizes)),)

    def _function(self, suffix: str,
                  result: _CInteger | None = ctypes.c_int) -> Callable[..., int]:
        symbol = f"{self._name}_{suffix}"
        try:
            function = self._library[symbol]
        except AttributeError:
            raise BuildError(f"the compiled kernel has no function {symbol}") from None
        function.restype = result
        return cast("Callable[..., int]", function)

    def _succeed(self, code: int) -> None:
        if code:
            explain = getattr(self._library, f"{self._name}_error")
            explain.restype = ctypes.c_char_p
            explain.argtypes = (ctypes.c_int,)
            message: bytes | None = explain(code)
            raise ShapeError((message or b"the kernel refused these sizes").decode())


def aligned_bytes(count: int, label: str) -> Array:
    """Uninitialised memory of at least `count` bytes that starts at a multiple of ALIGNMENT.

    ShapeError where there is no room for it.
    """
    raw = empty(label, (count + ALIGNMENT,), np.dtype(np.uint8))
    return raw[-raw.ctypes.data % ALIGNMENT:]


def pointers(arrays: Sequence[Array | None]) -> list[Pointer]:
    """The memory of contiguous arrays for a C function. It keeps writable ones alive."""
    return [None if array is None else place(array)
            if array.flags.writeable else ctypes.c_void_p(array.ctypes.data) for array in arrays]
