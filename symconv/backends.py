"""The two ways to run an emitted pass: compiled C through ctypes, or a module that uses NumPy.

A backend gives the entry of a pass, by its name, for given sizes; the entry is called with arrays
that have been checked: inputs in the order of the pass, then the outputs to be written. A kernel
does not know which way it is. A call of a small kernel should cost what its arrays cost, so that
an entry holds whatever depends on sizes alone.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeAlias, cast

import numpy as np

from symconv.arrays import Array, empty
from symconv.errors import BuildError, ShapeError
from symconv.libraries import load_library

ALIGNMENT = 64
"""Bytes: every workspace starts at a multiple of this, a cache line or a vector register."""

KEPT = 32 << 20
"""Bytes: a workspace up to this size stays with its thread for the next call."""


class Entry(Protocol):
    """A pass for given sizes: it takes contiguous, aligned, native arrays of the right shapes."""

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array | None]) -> None:
        """Write every element of the outputs; the inputs stay as they are.

        None for an output, of a pass with entries, leaves it out.
        """

    def bound(self, inputs: Sequence[Array],
              outputs: Sequence[Array | None]) -> Callable[[], None]:
        """A call that runs on these arrays, which it keeps alive; one thread at a time."""

    def direct(self) -> Direct | None:
        """The pass for places of memory, inputs and then outputs, or None where it takes none."""

    def fresh(self) -> Fresh | None:
        """The pass as a function of its inputs that returns all outputs in new arrays, or None
        where there is none."""


class Backend(Protocol):
    """Gives the passes of an operator."""

    def entry(self, pass_name: str, sizes: Mapping[str, int]) -> Entry:
        """A pass for sizes that the kernel accepts. Raises ShapeError, BuildError."""

    def packs(self, pass_name: str, operand: str) -> bool:
        """Whether there is a pass PASS_packed that takes the operand packed."""

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        """The packed operand for such a pass."""


_CInteger: TypeAlias = type[ctypes.c_int] | type[ctypes.c_size_t] | type[ctypes.c_ssize_t]
Pointer: TypeAlias = "ctypes.Array[ctypes.c_char] | ctypes.c_void_p | None"
Direct: TypeAlias = Callable[[Sequence[Pointer]], None]
Fresh: TypeAlias = Callable[[Sequence[Array]], Sequence[Array]]
"""A pass for places of memory."""
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


class NumpyBackend:
    """An emitted module: one function per pass, named like it, with the inputs as arguments. There
    nothing is packed."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def entry(self, pass_name: str, sizes: Mapping[str, int]) -> Entry:
        function = getattr(self._module, pass_name, None)
        if function is None:
            raise BuildError(f"the emitted module has no function {pass_name}")
        every = [*signature(function).parameters.values()][-1:]
        return _NumpyEntry(pass_name, function, every[0].default if every else (),
                           getattr(self._module, "_NoPoint", ()))

    def packs(self, pass_name: str, operand: str) -> bool:
        return False

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        return array


@dataclass(frozen=True, slots=True)
class _NumpyEntry:
    """A function of an emitted module; `every` are the names of its outputs if it has entries."""

    name: str
    function: Callable[..., object]
    every: Sequence[str]
    no_point: type[Exception] | tuple[()]

    def made(self, inputs: Sequence[Array]) -> Sequence[Array]:
        """All outputs, copied only where they lie in an input or in each other."""
        results = self._computed(inputs)
        made: list[Array] = []
        for found in results if isinstance(results, tuple) else (results,):
            is_own = type(found) is np.ndarray and found.flags.carray and not any(
                np.may_share_memory(found, other) for other in (*inputs, *made))
            made.append(found if is_own else np.array(found, order="C"))
        return made

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array | None]) -> None:
        wanted: list[tuple[str, ...]] = []
        if any(output is None for output in outputs):
            wanted.append(tuple(key for key, output in zip(self.every, outputs, strict=True)
                                if output is not None))
        results = self._computed((*inputs, *wanted))
        if not isinstance(results, tuple):
            results = (results,)
        for output, found in zip(outputs, results, strict=True):
            if output is None:
                continue
            result = np.asarray(found)
            if result.shape != output.shape or result.dtype != output.dtype:
                raise BuildError(f"the emitted function {self.name} returned {result.dtype} of "
                                 f"shape {result.shape} instead of {output.dtype} of shape "
                                 f"{output.shape}: please report the definition")
            np.copyto(output, result)

    def bound(self, inputs: Sequence[Array],
              outputs: Sequence[Array | None]) -> Callable[[], None]:
        return lambda: self.run(inputs, outputs)

    def direct(self) -> Direct | None:
        return None

    def fresh(self) -> Fresh | None:
        return self.made

    def _computed(self, arguments: Sequence[object]) -> object:
        with np.errstate(all="ignore"):         # as in C, where NaN and infinity are values
            try:
                return self.function(*arguments)
            except self.no_point as error:
                raise ShapeError(str(error)) from None
            except ZeroDivisionError:
                raise ShapeError("an axis of extent 0 divides a place or a bound; give it a "
                                 "larger extent") from None
            except MemoryError as error:
                raise ShapeError(f"{self.name}: there is no memory for what it computes on the "
                                 f"way ({error}); give smaller arrays") from None


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
