"""Finding a C compiler and running it: an argument list, never a shell, and never without end."""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from symconv.cache import cached, fingerprint
from symconv.errors import BuildError

TIMEOUT = 300.0
"""Seconds after which a compiler counts as hanging."""

OPTIONAL_FLAGS = ("-march=native", "-mprefer-vector-width=512")
"""Flags that not every compiler knows; they are left out where it does not."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """How to call a compiler, the first line of its `--version`, and all that tells its output
    from that of another: command, resolved path, whole version text and processor."""

    command: tuple[str, ...]
    version: str
    identity: str


def find_compiler() -> Compiler:
    """`$CC` if it is set, otherwise gcc, clang, cc, or zig from the package ziglang.

    `$CC` may hold arguments, quoted as for a shell. Raises BuildError where it does not work, or
    where there is none at all.
    """
    chosen = os.environ.get("CC", "").strip()
    if chosen:
        return _from_environment(chosen)
    for command in _candidates():
        with suppress(BuildError):
            return _identified(command)
    raise BuildError(
        "no C compiler was found (looked for $CC, gcc, clang, cc and the package ziglang). "
        "Install gcc or clang, set CC to a compiler, install one from the package index with "
        "pip install 'symconv[cc]', or use target=\"numpy\", which needs none")


def describe_compiler() -> str:
    """The compiler in use, its version, its place and the optional flags that it accepts."""
    compiler = find_compiler()
    flags = " ".join(accepted_flags(compiler)) or "none"
    return f"{compiler.version} ({shlex.join(compiler.command)}; optional flags: {flags})"


def accepted_flags(compiler: Compiler) -> tuple[str, ...]:
    """Those of OPTIONAL_FLAGS that the compiler accepts; asked once, then cached."""
    def probe(folder: Path) -> Path:
        source = folder / "probe.c"
        source.write_text("int symconv_probe(void) { return 0; }\n", encoding="ascii")
        accepted = [flag for flag in OPTIONAL_FLAGS if run_compiler(
            compiler, ["-Werror", flag, "-c", "probe.c", "-o", "probe.o"], folder)[0] == 0]
        answer = folder / "accepted.txt"
        answer.write_text("\n".join(accepted), encoding="ascii")
        return answer

    key = fingerprint("flags", compiler.identity, *OPTIONAL_FLAGS)
    return tuple(cached(key, ".txt", probe).read_text(encoding="ascii").split())


def run_compiler(compiler: Compiler, arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit status and the beginning of the output of the compiler, run in `folder`.

    Raises BuildError where it cannot be started or does not end within TIMEOUT.
    """
    return _run((*compiler.command, *arguments), folder, TIMEOUT)


def _from_environment(chosen: str) -> Compiler:
    try:
        program, *arguments = shlex.split(chosen)
    except ValueError as error:
        raise BuildError(f"CC={chosen}: {error}; quote it as for a shell") from None
    found = shutil.which(program)
    if found is None:
        raise BuildError(f"CC={chosen}: there is no program {program}; set CC to a C compiler, or "
                         "unset it to use gcc, clang or zig")
    return _identified((os.path.abspath(found), *arguments))


def _candidates() -> list[tuple[str, ...]]:
    found = [(path,) for name in ("gcc", "clang", "cc") if (path := shutil.which(name))]
    zig = (sys.executable, "-P", "-m", "ziglang", "cc")
    return [*found, zig] if importlib.util.find_spec("ziglang") else [*found]


@lru_cache(maxsize=16)
def _identified(command: tuple[str, ...]) -> Compiler:
    status, answer = _run((*command, "--version"), Path(os.path.abspath(os.sep)), 60.0)
    if status != 0 or not answer.strip():
        said = "; ".join(answer.strip().splitlines()[:3]) or "nothing"
        raise BuildError(f"{shlex.join(command)} --version ended with status {status} and said: "
                         f"{said}. Set CC to a working C compiler")
    identity = "\n".join((*command, os.path.realpath(command[0]), answer, _processor()))
    return Compiler(command, answer.strip().splitlines()[0], identity)


def _run(command: Sequence[str], folder: Path, timeout: float) -> tuple[int, str]:
    """Exit status and beginning of the output; killed with all its children at the time limit."""
    with _log() as log:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"},
                start_new_session=True)
        except (OSError, ValueError) as error:
            raise BuildError(f"the C compiler {command[0]} cannot be started: {error}; "
                             "set CC to a working C compiler") from None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BuildError(f"the C compiler did not end within {timeout:g} seconds: "
                             f"{shlex.join(command)}; set CC to another compiler") from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.seek(0)
        return status, log.read(65536).decode("utf-8", "replace")


def _log() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise BuildError(f"no temporary file can be made: {error}; "
                         "set TMPDIR to a directory that can be written and has room") from None


def _processor() -> str:
    """What `-march=native` depends on: a cache may be shared between machines."""
    lines: list[str] = []
    with suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        first = text.split("\n\n", 1)[0].splitlines()
        lines = [line for line in first
                 if line.partition(":")[0].strip() in ("model name", "flags", "Features")]
    return "\n".join((platform.machine(), *(lines or [platform.node()])))
