"""Systems of equalities, shared and skewed indices, nested reductions: exact or refused.

Every definition here is derived, emitted for both targets and compared with the interpreter, and
its derivatives with differences (`general`). Named cases first, random programs behind them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from general import hold, refused_for_a_reason
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written import Written, programs

from symconv.errors import ShapeError
from symconv.integers import Extremum
from symconv.language.reader import parse
from symconv.loops import Loop, Node, When, show
from symconv.lower import lower
from symconv.passes import Pass, all_passes, vjp_passes

SIZES = (("N", 4), ("M", 3), ("K", 2))

CASES = {
    "skew": "x: [N]; i < 4; a < 3; y[i] = sum[a](x[2*i-3*a+1])",
    "skewed weight": "x: [N]; w: [K, M]; i < 5; y[i] = sum[a,b](x[2*i-3*a+b-1] * w[a,b])",
    "diagonals": "x: [N, N]; i < 3; j < 3; a < 1; y[i,j] = sum[a](x[i+j, i-j])",
    "skew lattice": "x: [9, 5]; i < 4; j < 4; a < 1; y[i,j] = sum[a](x[2*i+3*j, i-j])",
    "no unit": "x: [9, 9]; i < 4; j < 4; a < 1; y[i,j] = sum[a](x[2*i+3*j, 3*i-2*j])",
    "two of three": "x: [9, 9]; i < 3; a < 4; b < 3; y[i] = sum[a,b](x[2*i+2*a+4*b, 2*i+3*a-3*b])",
    "overdetermined": "x: [9, 9, 9]; i < 4; j < 4; a < 1; "
                      "y[i,j] = sum[a](x[2*i+3*j, 3*i-2*j, 2*i+2*j])",
    "one of three": "x: [30]; i < 3; a < 4; b < 3; y[i] = sum[a,b](x[6*i+10*a+15*b])",
    "negative three": "x: [9]; w: [N]; i < 3; a < 4; y[i] = sum[a,b](x[4*i-6*a+10*b] * w[b])",
    "mirror": "x: [N]; i < N; y[i] = x[N-1-i] * x[i]",
    "mirrored axes": "x: [N, M]; i < N; j < M; y[i,j] = x[N-1-i, M-1-j] * x[i,j] * x[i, M-1-j]",
    "antidiagonal": "x: [N, N]; y[i] = x[i,i] * x[N-1-i,i]",
    "one operand three times": "x: [N]; i < N-2; y[i] = x[i] * x[i+1] * x[i+2]",
    "correlation with itself": "x: [N]; i < N; y[i] = sum[a](x[a] * x[a+i] * x[2*i-a])",
    "max of sums": "x: [N]; w: [K]; i < N-2; y[i] = max[a](sum[b](x[i+a*1+b] * w[b] * w[a]))",
    "sums of max": "x: [N]; w: [K]; i < 3; y[i] = sum[a](max[b](x[min(i+b, N-1)] * w[b]) * w[a])",
    "max of max": "x: [N, M]; i < N; y[i] = max[a](x[i,a] * min[b](x[b, M-1-a]))",
    "triangle": "x: [N]; i < N; y[i] = sum[a]([a < i] * x[a])",
    "two triangles": "x: [N]; i < N; y[i] = sum[a,b]([a < b] * [b < i] * x[a] * x[b])",
    "triangle and equality": "x: [N]; i < N; "
                             "y[i] = sum[a,b]([a < b] * [2*b <= i] * [a+b == i] * x[a] * x[b])",
    "triangle of a max": "x: [N]; i < N; y[i] = max[a]([a <= i] * x[a] * x[i])",
    "residues": "x: [N]; i < N; y[i] = sum[a]([(a+2*i) % 3 == 0] * x[a] * x[i])",
    "equalities alone": "x: [9]; y = sum[a,b]([2*a == 3*b] * x[a] * x[b])",
    "two equalities": "x: [9]; i < 9; y[i] = sum[a]([3*a == 2*i] * [5*a == 3*i+1] * x[a])",
    "no solution": "x: [N]; i < 4; y[i] = sum[a]([2*a == 2*i+1] * x[a])",
    "products of indices": "x: [N]; i < N; a < N; y[i] = sum[a](x[i*a] * x[a])",
    "sizes as coefficients": "x: [N*M]; z: [N, M]; i < N; y[i] = sum[j](x[M*i+j] * z[i,j])",
    "sizes without a unit": "x: [40]; z: [N, M]; y[i] = sum[j](x[2*N*i+M*j] * z[i,j])",
    "quotients": "x: [N, M]; i < N*M; a < 1; y[i] = sum[a](x[i//M, i % M])",
    "clamped": "x: [N]; i < N; a < 3; y[i] = sum[a](x[min(max(i+a-1, 0), N-1)])",
    "place": "x: [N]; k: int[M]; i < N; y[i] = sum[a](x[k[a]] * [a <= i])",
    "place of a place": "x: [N]; k: int[M]; m: int[M]; a < 3; y[i] = sum[a](x[2*a + k[m[i]]])",
    "selected": "x: [N, M]; w: [K]; k: int[N]; y[n] = sum[c,a]([c == k[n]] * x[n,c] * w[a])",
    "half selected": "x: [N]; k: int[M]; i < 4; a < 4; y[i] = sum[a,b]([2*a == k[b]+i] * x[a])",
    "five statements": "x: [N]; w: [K]; i < N; y1[i] = sum[a](x[2*i-a] * w[a]); "
                       "y2[i] = relu(y1[i]) + x[i]; y3 = max[i](y2[i] * y1[i]); "
                       "y4[i] = sum[a]([a <= i] * y2[a] * x[N-1-a]); y[i] = y4[i] * y3 + y1[i]; "
                       "return y, y2",
    "means": "x: [N]; a < 4; i < N; y[i] = mean[a](x[i+a]) * x[i]",
    "even": "x: [N]; a < 2; i < N; y[i] = max_even[a](x[min(i+a, N-1)])",
    # found by random programs
    "numbered tasks": "x: [3]; w: [2, 2]; i < 1; l < 2; e < 3; a < 3; "
                      "y1[i,l] = min_last[e](w[0, 0] * (6*e + 2*i)) * sum[a](x[a] * w[l, l]); "
                      "y = sum[i](w[i, i] * sum[a](x[i]**2 * i * [i < i+1]) * i); return y1, y",
    "cyclic values": "x: [M, M]; w: [2, K]; j < 7; e < 2; "
                     "y = sum[e,j](x[6*e-j+2, j] * x[j+2*e, e] * w[e-2, 4*j+1] * [2*e+3 == j+1])",
    "classes twice": "x: [N, 3]; i < 2; j < 2; l < N; b < 4; "
                     "y1[j,l] = sum[b](x[2*b-l+2*j-1, 4*b+3] * x[N-1-b, j] * [2*l == 2]); "
                     "y[i,j] = sum[l,b](y1[2*b+i-1, i-2] * x[i, 1-3*l])",
    "progression twice": "x: [N]; w: [N, N]; i < 3; j < 2; b < 2; y = sum[b,i,j]("
                         "w[min(4*j, 1), i-b-j] * x[j-b+3*i+3] * [2*b == 6*b+6*i-1])",
    "classes of a place": "x: [N]; a < 3; e < N+1; i < N+1; "
                          "y = min[i,e](sum[a](x[a] * x[min(i, N-1)] * e * [e >= a]) * (i-1)); ",
    "place guarded too late": "x: [M]; w: [K]; k: int[M]; i < 2; j < 3; l < M+2; "
                              "y[j,i] = sum[l](x[k[l]] * w[2*l-2] * [2*l-i+3*j+3 <= j])",
    "empty beside a full axis": "x: [4]; w: [4, 2]; i < 3; j < 2; l < 7; a < 2; "
                                "y[i,j] = sum[l](x[3*l-2] * sum[a](w[-2*l-2, 3-2*i] * "
                                "[2 == 3*i+3*j+2*a]))",
    "place that is nowhere": "x: [N]; l < 2; e < N; b < 3; i < 3; "
                             "y[i] = sum[l,e,b](x[3*i]**2 * x[i] * i * [i-1 == 2*i])",
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fixed", [False, True], ids=["sizes", "fixed"])
def test_hard_cases_are_exact(name: str, fixed: bool, kernels: None) -> None:
    written = Written(CASES[name], SIZES)
    program = parse(written.text)
    hold(program, written.values(program), fixed=fixed)


@settings(max_examples=40, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))
@given(programs(), st.booleans(), st.integers(0, 3))
def test_random_programs_are_exact_or_refused(kernels: None, written: Written, fixed: bool,
                                              seed: int) -> None:
    program = parse(written.text)
    try:
        values = written.values(program)
    except ShapeError as refusal:
        refused_for_a_reason(program, dict(written.sizes), refusal)
        return
    hold(program, values, fixed=fixed, seed=seed)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


# --- the loops, where they matter -------------------------------------------------------------


def gradient(text: str) -> Pass:
    return next(item for item in vjp_passes(parse(text)) if item.name == "vjp_x")


@pytest.mark.parametrize("name", ["skew", "diagonals", "skew lattice", "no unit", "two of three",
                                  "overdetermined", "one of three", "negative three",
                                  "equalities alone", "two equalities"])
def test_equalities_with_numbers_are_solved_without_search(name: str) -> None:
    """No test stands inside a loop over what an equality determines."""
    def tests_within(nodes: tuple[Node, ...], outer: set[str], inside: bool) -> bool:
        return any(
            tests_within(node.body, outer, inside or node.name not in outer)
            if isinstance(node, Loop) else
            (inside and bool(node.rows)) or tests_within(node.body, outer, inside)
            if isinstance(node, When) else False for node in nodes)

    for item in all_passes(parse(CASES[name])):
        free = {index.name for d in item.program.definitions for index in d.free}
        free |= {f"{name}{end}" for name in free for end in ("_rho", "_class")}
        body = lower(item).body
        assert not tests_within(body, free, False), show(body)


@pytest.mark.parametrize("name", ["place", "place of a place", "quotients", "clamped",
                                  "products of indices", "sizes without a unit"])
def test_places_are_scattered_to_and_not_searched_for(name: str) -> None:
    """The gradient of x[k[i]] is a loop over i, not over all pairs of an i and a place."""
    (body,) = [lower(gradient(CASES[name])).body]
    assert " += " in show(body)
    assert "when u ==" not in show(body)


def test_every_bound_of_a_triangle_is_a_bound_of_a_loop() -> None:
    assert show(lower(gradient(CASES["triangle"])).body) == """\
when :
  begin sum
  for i in max(0, a + 1) .. N:
    sum dy[i]
  dx[a] = accumulator"""


def test_a_place_out_of_range_is_not_touched() -> None:
    """[i == 1] gives the place 1 of an axis of extent 1: nothing is added there, not even 0."""
    text = "x: [N]; j < 2; i < 1; y[j,i] = sum[a]([i == 1] * x[a])"
    assert show(lower(all_passes(parse(text))[0]).body) == """\
for i in 0 .. 1:
  y[j,i] = 0
when 1 < 1:
  begin sum
  for a in 0 .. N:
    sum x[a]
  y[j,1] += accumulator"""


def test_every_loop_has_bounds() -> None:
    def bounds(nodes: tuple[Node, ...]) -> Iterator[Loop]:
        for node in nodes:
            if isinstance(node, Loop):
                yield node
            if isinstance(node, Loop | When):
                yield from bounds(node.body)

    for text in CASES.values():
        for item in all_passes(parse(text)):
            for loop in bounds(lower(item).body):
                atoms = [atom for bound in (loop.low, loop.stop) for monomial, _ in bound.terms
                         for atom in monomial]
                assert not any(isinstance(atom, Extremum) and not atom.arguments for atom in atoms)
