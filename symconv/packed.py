"""A packed operand: an array that many calls read, and what passes made of it.

    packed = kernel.pack(w=w);  kernel.forward(x=x, w=packed)

Every pass that copies the operand in each call makes its own form of it, when it is first called,
and reads that from then on; results are the same to the bit. For any other use it is the array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from symconv.arrays import Array
from symconv.backends import Backend


class PackedOperand:
    """An operand of one kernel, as it was when it was packed."""

    __slots__ = ("_forms", "_operand", "_owner", "array")

    def __init__(self, owner: object, operand: str, array: Array) -> None:
        self._owner, self._operand = owner, operand
        self.array = np.array(array)
        self.array.setflags(write=False)
        self._forms: dict[str, Array] = {}

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        array: Array = np.asarray(self.array, dtype)
        return array.copy() if copy and array is self.array else array

    @property
    def passes(self) -> tuple[str, ...]:
        """The passes that have made a form of it."""
        return tuple(self._forms)

    def belongs(self, owner: object, operand: str) -> bool:
        """Whether the operands of a kernel hold it as this one; to any other it is an array."""
        return owner is self._owner and operand == self._operand

    def form(self, pass_name: str, backend: Backend) -> Array:
        """What a pass reads in place of the array."""
        if pass_name not in self._forms:
            self._forms[pass_name] = backend.pack(pass_name, self._operand, self.array)
        return self._forms[pass_name]


def packed_call(backend: Backend, pass_name: str, arguments: Sequence[Array],
                operands: Sequence[str], known: Sequence[str],
                given: Mapping[str, PackedOperand]) -> tuple[str, Sequence[Array]]:
    """The pass for packed operands and its arguments, where the pass copies some of those that are
    `known` to be packed and all of these are `given`; otherwise the pass itself. Operands stand
    behind all other arguments."""
    copied = [name for name in known if backend.packs(pass_name, name)]
    if not copied or any(name not in given for name in copied):
        return pass_name, arguments
    before = arguments[:len(arguments) - len(operands)]
    behind = [given[name].form(pass_name, backend) if name in copied else array
              for name, array in zip(operands, arguments[len(before):], strict=True)]
    return f"{pass_name}_packed", (*before, *behind)
