"""The jobs of a kernel: which passes run for a call, on which arrays, and what it returns.

A job is made of a call whose arguments are checked (`fitting`); nothing has run yet. Where there is
one function for all gradients, a job leaves out those that are not wanted; otherwise it has a step
for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Literal, TypeAlias

import numpy as np

from symconv.arrays import Array, DType, empty, is_direct
from symconv.backends import Backend
from symconv.binding import Copy, Job, Step
from symconv.errors import ParameterError, shown
from symconv.fitting import INTEGER, Call, Operands, cotangents, directions, targets
from symconv.ir import Program
from symconv.packed import packed_call

Group: TypeAlias = Literal["forward", "vjp", "jvp", "double"]


class Jobs:
    """The jobs of the program `source`, each by the name of the kernel's method.

    `load(group)` gives the backend of a group of passes; with `shared` one function computes all
    gradients, and another all double gradients. The operands `packs` may be given packed.
    """

    def __init__(self, source: Program, load: Callable[[Group], Backend], dtype: DType,
                 operands: Operands, shared: bool, packs: Sequence[str]) -> None:
        self._operands = operands
        self.real_inputs = tuple(t.name for t in source.inputs if t.kind == "real")
        self.real_outputs = tuple(name for name in source.outputs
                                  if source.tensor(name).kind == "real")
        self._load, self._dtype, self._shared, self._packs = load, dtype, shared, tuple(packs)
        self._names, self._outputs = tuple(tensor.name for tensor in source.inputs), source.outputs
        self._types = {name: dtype if source.tensor(name).kind == "real" else INTEGER
                       for name in (*self._names, *source.outputs)}
        # of which tensor each gradient has the shape
        self._gradient_of = {name: name for name in self.real_inputs}
        self._second_of = {**{f"d{name}": name for name in self.real_outputs},
                           **self._gradient_of}

    def forward(self, inputs: Mapping[str, object],
                out: Array | Sequence[Array] | None = None) -> Job:
        call = self._operands.call(inputs)
        names = self._outputs
        if out is None:
            return self._job(call, "forward", "forward", call.arrays, names)
        to = targets(call.fit, out, names, self._types)
        fit = call.fit
        buffers = [empty(name, fit.shapes[name], self._types[name])
                   if not is_direct(target, call.arrays)
                   else target.reshape(fit.shapes[name]) if fit.unbatched else target
                   for name, target in zip(names, to, strict=True)]
        steps: list[Step] = [self._step(call, "forward", "forward", call.arrays, buffers)]
        aside = [(buffer, target) for buffer, target in zip(buffers, to, strict=True)
                 if buffer is not target and not np.may_share_memory(buffer, target)]
        if aside:
            steps.append((Copy(), [buffer for buffer, _ in aside], [target for _, target in aside]))
        return call, steps, out if isinstance(out, np.ndarray) else tuple(out)

    def vjp(self, inputs: Mapping[str, object], dy: object,
            wrt: str | Iterable[str] | None = None) -> Job:
        self._differentiable()
        wanted = self.real_inputs if wrt is None else self._wanted(wrt)
        call = self._operands.call(inputs)
        arguments = [*cotangents(call, dy, self.real_outputs, self._dtype), *call.arrays]
        return self._gradients(call, "vjp", arguments, self._gradient_of, wanted)

    def jvp(self, inputs: Mapping[str, object], tangents: Mapping[str, object]) -> Job:
        self._differentiable()
        call = self._operands.call(inputs)
        arguments = [*directions(call, "t", tangents, self.real_inputs, self._dtype), *call.arrays]
        return self._job(call, "jvp", "jvp", arguments, self.real_outputs)

    def double_vjp(self, inputs: Mapping[str, object], v: Mapping[str, object],
                   dy: object) -> Job:
        self._differentiable()
        call = self._operands.call(inputs)
        arguments = [*directions(call, "v", v, self.real_inputs, self._dtype),
                     *cotangents(call, dy, self.real_outputs, self._dtype), *call.arrays]
        return self._gradients(call, "double", arguments, self._second_of, tuple(self._second_of))

    def _gradients(self, call: Call, group: Literal["vjp", "double"], arguments: list[Array],
                   keys: Mapping[str, str], wanted: Sequence[str]) -> Job:
        """{key: gradient} for the wanted keys; `keys` says of which tensor each has the shape."""
        name = "vjp" if group == "vjp" else "double_vjp"
        fit, types = call.fit, self._types
        results = {key: empty(key, fit.shapes[keys[key]], types[keys[key]]) for key in wanted}
        steps: list[Step] = []
        if not self._shared:
            steps = [self._step(call, group, f"{name}_{key}", arguments, (result,))
                     for key, result in results.items()]
        elif wanted:
            steps = [self._step(call, group, name, arguments,
                                [results.get(key) for key in keys])]
        if fit.unbatched:
            results = {key: result.reshape(fit.outside[keys[key]])
                       for key, result in results.items()}
        return call, steps, results

    def _job(self, call: Call, group: Group, pass_name: str, arguments: list[Array],
             names: Sequence[str]) -> Job:
        """One pass, whose results are shaped like the tensors of these names."""
        fit, types = call.fit, self._types
        results = [empty(name, fit.shapes[name], types[name]) for name in names]
        steps: list[Step] = [self._step(call, group, pass_name, arguments, results)]
        if fit.unbatched:
            results = [result.reshape(fit.outside[name])
                       for name, result in zip(names, results, strict=True)]
        return call, steps, results[0] if len(results) == 1 else tuple(results)

    def _step(self, call: Call, group: Group, pass_name: str, arguments: Sequence[Array],
              results: Sequence[Array | None]) -> Step:
        """A pass on these arrays, with packed operands where it copies them."""
        if call.packed:
            pass_name, arguments = packed_call(self._load(group), pass_name, arguments,
                                               self._names, self._packs, call.packed)
        entries = call.fit.entries
        entry = entries.get(pass_name)
        if entry is None:
            entry = self._load(group).entry(pass_name, call.fit.values)
            entries[pass_name] = entry
        return entry, arguments, results

    def _wanted(self, wrt: object) -> tuple[str, ...]:
        if isinstance(wrt, str) and wrt in self._gradient_of:
            return (wrt,)
        wanted: dict[str, None] = {}
        for name in wrt if isinstance(wrt, list | tuple | Set | Mapping | Iterator) else (wrt,):
            if not isinstance(name, str) or name not in self.real_inputs:
                raise ParameterError(f"wrt: {shown(name)} is no operand with a gradient; those are "
                                     f"{', '.join(self.real_inputs) or 'none'}")
            wanted[name] = None
        return tuple(wanted)

    def _differentiable(self) -> None:
        if not self.real_outputs or not self.real_inputs:
            what = "outputs" if not self.real_outputs else "operands"
            raise ParameterError(f"all {what} are integers, so there is nothing to differentiate")
