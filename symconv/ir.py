"""The intermediate representation: programs of index-level definitions.

A `Program` is a sequence of `Definition`s. A definition gives every element of one tensor as a
reduction over terms; a `Term` is a scalar body summed over a *relation*, the set of integer
points of its indices at which every row holds:

    y[n,o,i,j] = sum over { (c,a,e) : 0 <= s*i+d*a-p < H, 0 <= s*j+d*e-p < W }
                 of x[n,c, s*i+d*a-p, s*j+d*e-p] * w[o,c,a,e]

Meaning, in full (this is what `evaluate` computes and every later stage must keep):

* The points of a term are all values of its bound indices, each from 0 up to its extent, at
  which all rows hold. At such a point every access of the body and of the rows is in range;
  reading outside an operand is a fault of the definition, not a zero.
* Rows are tested in order; a row may read an integer tensor only where earlier rows keep the
  read in range.
* "sum": the bodies of all terms are added; an element without points is 0.
  "max", "min": exactly one term; its points are ordered lexicographically by the bound
  indices in their order. An element without points has no value (`ShapeError`). The first NaN
  counts as the extremum. `ties` says which points share the derivative.
  "argmax", "argmin": as max and min, but the (integer) value is the term's `witness` at the
  first or last extremal point, as `ties` says.

These classes hold data and no algorithms. All names within a program (tensors, sizes,
parameters, indices) are distinct, except that definitions may use the same index names.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from symconv.integers import Int

Kind: TypeAlias = Literal["real", "integer"]
Reduction: TypeAlias = Literal["sum", "max", "min", "argmax", "argmin"]
Ties: TypeAlias = Literal["first", "last", "even"]


@dataclass(frozen=True, slots=True)
class Index:
    """An integer variable with the range 0 <= name < extent."""

    name: str
    extent: Int


@dataclass(frozen=True, slots=True)
class Axis:
    """A stored axis, split row-major into one or more logical axes.

    The channels of a grouped convolution are one stored axis of extent C and two logical ones,
    (groups, C // groups): groups, flattening and unfolding regroup axes, without division in
    any relation. Invariant, checked when shapes are bound: stored = product of logical.
    """

    stored: Int
    logical: tuple[Int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array; accesses give one subscript per *logical* axis.

    `kind` is "real" (differentiable) or "integer" (labels, places of maxima; stored as int64).
    """

    name: str
    axes: tuple[Axis, ...]
    kind: Kind = "real"

    @property
    def logical(self) -> tuple[Int, ...]:
        """The extents of the logical axes, in order."""
        return tuple(extent for axis in self.axes for extent in axis.logical)


# --- rows of a relation ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Equal:
    """expression = 0."""

    expression: Int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """expression >= 0."""

    expression: Int


@dataclass(frozen=True, slots=True)
class Divides:
    """modulus | expression, with modulus > 0."""

    modulus: Int
    expression: Int


Row: TypeAlias = Equal | AtLeast | Divides


# --- scalar bodies --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """An exact rational constant."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer expression used as a real number, such as a count."""

    value: Int


@dataclass(frozen=True, slots=True)
class Access:
    """One element of a real tensor; one subscript per logical axis."""

    tensor: str
    subscripts: tuple[Int, ...]


@dataclass(frozen=True, slots=True)
class Plus:
    """The sum of two or more bodies."""

    arguments: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """The product of two or more bodies."""

    arguments: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Power:
    """base ** exponent with a rational constant as exponent."""

    base: Scalar
    exponent: Fraction


@dataclass(frozen=True, slots=True)
class Apply:
    """A scalar function of the table in `functions.py`, with its constant parameters."""

    function: str
    arguments: tuple[Scalar, ...]
    constants: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class Bracket:
    """Iverson bracket: 1 where all rows hold, otherwise 0."""

    rows: tuple[Row, ...]


Scalar: TypeAlias = Number | Whole | Access | Plus | Times | Power | Apply | Bracket


# --- definitions and programs ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """A body over a relation. `witness` is what an arg max returns; None otherwise."""

    bound: tuple[Index, ...]
    rows: tuple[Row, ...]
    body: Scalar
    witness: Int | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """target[free] = reduction over terms. One free index per logical axis of the target.

    A frozen definition (a selector, the shift of a stable softmax) is not differentiated.
    """

    target: Tensor
    free: tuple[Index, ...]
    terms: tuple[Term, ...]
    reduction: Reduction = "sum"
    ties: Ties = "first"
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """A named extent. With a value it is computed from sizes before it, without one it is read
    off the shapes of the inputs."""

    name: str
    value: Int | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A row over sizes and parameters that must hold; otherwise `message` tells the remedy."""

    row: Row
    message: str


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Every element of an integer operand lies in 0 <= element < stop, as a label among classes.

    Kernels on arrays refuse others; the relation says nothing of them, so that a definition
    keeps its reads in range by rows all the same.
    """

    tensor: str
    stop: Int


@dataclass(frozen=True, slots=True)
class Program:
    """Definitions in order; each reads inputs and earlier targets.

    `parameters` are the names left symbolic (stride="s"); a program with any can be derived and
    printed but not built.
    """

    inputs: tuple[Tensor, ...]
    definitions: tuple[Definition, ...]
    outputs: tuple[str, ...]
    sizes: tuple[Size, ...] = ()
    parameters: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    value_ranges: tuple[ValueRange, ...] = ()

    def tensor(self, name: str) -> Tensor:
        """The input or target of that name; KeyError where there is none."""
        for tensor in self.inputs:
            if tensor.name == name:
                return tensor
        return self.definition(name).target

    def definition(self, name: str) -> Definition:
        """The definition whose target has that name; KeyError where there is none."""
        for definition in self.definitions:
            if definition.target.name == name:
                return definition
        raise KeyError(name)
