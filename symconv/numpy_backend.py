"""The backend of emitted modules that use NumPy: their functions, called as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from types import ModuleType

import numpy as np

from symconv.arrays import Array
from symconv.backends import Direct, Entry, Fresh
from symconv.errors import BuildError, ShapeError


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
                found is other if found.base is None else np.may_share_memory(found, other)
                for other in (*inputs, *made))
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
        """What the function returns; it keeps NumPy from warning, as NaN and infinity are values in
        C too."""
        try:
            return self.function(*arguments)
        except self.no_point as error:
            raise ShapeError(str(error)) from None
        except ZeroDivisionError:
            raise ShapeError("an axis of extent 0 divides a place or a bound; give it a larger "
                             "extent") from None
        except MemoryError as error:
            raise ShapeError(f"{self.name}: there is no memory for what it computes on the way "
                             f"({error}); give smaller arrays") from None
