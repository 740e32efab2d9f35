"""The same definition gives the same bytes: whatever the hash seed, the order of calls, the
locale or the version of Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
PROGRAM = """
import hashlib, json, sys
import symconv as sc
from symconv.emission import emit

CASES = {
    "conv2d": lambda: sc.ops.conv2d(stride=(2, 3), padding=1, dilation=(3, 2), groups=2),
    "pool": lambda: sc.ops.max_pool2d(3, stride=2, padding=1),
    "average": lambda: sc.ops.avg_pool1d(3, stride=2, padding=1, count_include_pad=False),
    "coupled": lambda: sc.parse("x: [N, M]; w: [K]; i < 4; j < 3; a < 2; y[i,j] = relu(sum[a]("
                                "x[2*i+3*j, 3*i-2*j+a] * w[a]) + sum[b](w[b])*sum[a](x[i,a]))"),
    "program": lambda: sc.parse("x: [N]; k: int[N]; i < N; h[i] = sum[a](x[2*i-a] * x[k[a]]); "
                                "m = max[i](h[i]); y[i] = exp(h[i] - m) / (1 + x[i]**2)"),
}

def told(name):
    op = CASES[name]()
    texts = [str(op)]
    for derived in (op.vjp(), op.jvp()):
        texts += [derived.text(), derived.latex(), derived.markdown(), derived.html()]
    files = emit(op, name=name)
    texts += [f"{file}\\n{files[file]}" for file in files]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]

print(json.dumps({name: told(name) for name in sys.argv[1:]}, sort_keys=True))
"""
NAMES = ("conv2d", "pool", "average", "coupled", "program")


def told(*names: str, python: str = sys.executable, **environment: str) -> Mapping[str, list[str]]:
    """Digests of all that a process says of the cases, in the order in which it is asked."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run([python, "-c", PROGRAM, *names], capture_output=True, text=True,
                          env={**kept, "PYTHONPATH": str(ROOT), **environment}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def expected() -> Mapping[str, list[str]]:
    return told(*NAMES, PYTHONHASHSEED="0", LC_ALL="C.UTF-8")


@pytest.mark.parametrize("seed", range(1, 10))
def test_hash_seeds_change_nothing(seed: int) -> None:
    """Every seed asks in another order, too."""
    start = seed % len(NAMES)
    names = (*NAMES[start:], *NAMES[:start])
    names = names if seed % 2 else names[::-1]
    assert told(*names, PYTHONHASHSEED=str(seed), LC_ALL="C.UTF-8") == expected()


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_told_alike_alone_and_after_others(name: str) -> None:
    assert told(name, PYTHONHASHSEED="0")[name] == expected()[name]


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.UTF-8", "tr_TR.UTF-8", "zh_CN.GB18030"])
def test_locales_change_nothing(locale: str) -> None:
    """Decimal commas, dotless i, another encoding; where a locale is missing, C stands in."""
    assert told("average", "program", LC_ALL=locale, PYTHONUTF8="0") == {
        name: expected()[name] for name in ("average", "program")}


def test_asking_twice_gives_the_same_objects_text() -> None:
    twice = told("coupled", "pool", "coupled", PYTHONHASHSEED="3")
    assert twice == {name: expected()[name] for name in ("coupled", "pool")}


def interpreter(version: str) -> str | None:
    """The command of a version of Python, where there is one."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path / "bin" / "python") for path in sorted(versions.glob(f"{version}.*"))]
    for path in (*found, shutil.which(f"python{version}")):
        if path and subprocess.run([path, "--version"], capture_output=True,
                                   check=False).returncode == 0:
            return path
    return None


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_of_python_agree(version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    probe = subprocess.run([python, "-c", "import sympy, numpy, jinja2, click, rich, latex2mathml"],
                           capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"Python {version} lacks the dependencies: "
                    f"{probe.stderr.strip().splitlines()[-1]}")
    import sympy

    given = subprocess.run([python, "-c", "import sympy; print(sympy.__version__)"],
                           capture_output=True, text=True, check=True).stdout.strip()
    if given != sympy.__version__:
        pytest.skip(f"Python {version} has SymPy {given}, this one {sympy.__version__}")
    assert told(*NAMES, python=python, PYTHONHASHSEED="0", LC_ALL="C.UTF-8") == expected()
