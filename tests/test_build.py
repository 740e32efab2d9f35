"""Compiling: every failure is one BuildError with a remedy, and the cache never lies."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from symconv import compiler
from symconv.cache import cache_directory, cached, fingerprint
from symconv.compiler import describe_compiler, find_compiler
from symconv.errors import BuildError
from symconv.libraries import FAST_FLAGS, compile_library, load_library, load_module

building = sys.modules["symconv.libraries"]
SOURCE = {"answer.c": '#include "answer.h"\n#include <math.h>\n'
                      "double root(double x) { return sqrt(x) + ANSWER; }\n"
                      "int answer(void) { return ANSWER; }\n",
          "answer.h": "#define ANSWER 42\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path / "cache" / "symconv"


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def fake_compiler(folder: Path, action: str) -> str:
    """A compiler that answers --version and acts so on everything else."""
    return str(script(folder / "fakecc", f'[ "$1" = --version ] && echo fake 1 && exit\n{action}'))


def test_sources_become_a_library_that_answers():
    library = load_library(compile_library(SOURCE))
    assert library.answer() == 42


def test_the_same_sources_are_compiled_once(monkeypatch):
    first = compile_library(SOURCE)
    monkeypatch.setattr(building, "run_compiler", None)
    assert compile_library(SOURCE) == first
    with pytest.raises(TypeError):
        compile_library(SOURCE, flags=("-O1",))


def test_flags_never_allow_reordering():
    assert not [flag for flag in FAST_FLAGS if "fast-math" in flag or "Ofast" in flag]


@pytest.mark.parametrize("damage", [b"", b"\x7fELF nonsense", None])
def test_a_damaged_library_is_built_again(damage):
    path = compile_library(SOURCE)
    whole = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert compile_library(SOURCE).read_bytes() == whole


@pytest.mark.parametrize("note", ["", "../" * 20 + "etc/passwd", "0" * 64])
def test_a_damaged_note_is_written_again(cache, note):
    path = cached("key", ".txt", lambda folder: script(folder / "a", "first"))
    (cache / "key.sha256").write_text(note)
    assert cached("key", ".txt", lambda folder: script(folder / "a", "first")) == path


def test_the_cache_is_the_users_alone(cache, monkeypatch):
    assert cache_directory().stat().st_mode & 0o777 == 0o700
    cache.chmod(0o755)
    with pytest.raises(BuildError, match=r"open to other users .*chmod 700"):
        compile_library(SOURCE)
    cache.chmod(0o700)
    monkeypatch.setattr("symconv.cache.os.getuid", lambda: cache.stat().st_uid + 1)
    with pytest.raises(BuildError, match=r"another user.*XDG_CACHE_HOME"):
        load_module("")


def test_a_cache_that_cannot_be_made_is_one_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "sub", Path("/proc/none")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        with pytest.raises(BuildError, match="Set XDG_CACHE_HOME"):
            compile_library(SOURCE)


def test_a_relative_cache_home_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "symconv"


def test_parts_of_a_fingerprint_do_not_run_together():
    assert fingerprint("ab", "c") != fingerprint("a", "bc") != fingerprint("abc")


def test_thirty_processes_build_one_kernel_at_once(cache):
    program = ("from symconv.libraries import compile_library, load_library\n"
               f"assert load_library(compile_library({SOURCE!r})).answer() == 42\n")
    running = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
               for _ in range(30)]
    for process in running:
        _, complaint = process.communicate(timeout=300)
        assert (process.returncode, complaint) == (0, b"")
    assert not [path.name for path in cache.iterdir() if path.name.startswith("making-")]


def test_source_that_does_not_compile_shows_command_and_message():
    with pytest.raises(BuildError, match=r"(?s)status 1: .*-O3.*broken\.c.*error") as caught:
        compile_library({"broken.c": "int f( {"})
    assert len(str(caught.value).splitlines()) < 20


def test_no_compiler_at_all_names_every_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compiler.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BuildError) as caught:
        compile_library(SOURCE)
    for remedy in ("gcc or clang", "CC", "symconv[cc]", 'target="numpy"'):
        assert remedy in str(caught.value)


@pytest.mark.parametrize(("chosen", "message"), [
    ("no-such-compiler -m64", "there is no program no-such-compiler"),
    ('"unfinished', "quote it"), ("false", "--version ended with status 1")])
def test_a_wrong_cc_is_refused_and_not_replaced(monkeypatch, chosen, message):
    monkeypatch.setenv("CC", chosen)
    with pytest.raises(BuildError, match=message):
        compile_library(SOURCE)


def test_cc_may_have_spaces_and_flags(monkeypatch, tmp_path):
    real = find_compiler().command[0]
    place = tmp_path / "a folder"
    place.mkdir()
    script(place / "my cc", f'[ "$1" = -DANSWER=7 ] || exit 9\nexec {real} "$@"')
    monkeypatch.setenv("CC", f"'{place}/my cc' -DANSWER=7")
    source = {"a.c": "int answer(void) { return ANSWER; }\n"}
    assert load_library(compile_library(source)).answer() == 7


def test_a_shell_is_never_involved(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", f"cc -DX=$(touch {tmp_path}/touched);true")
    with pytest.raises(BuildError):
        compile_library({"a.c": "int x = X;"})
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(("action", "message"), [
    ("kill -SEGV $$", "killed by signal 11"),
    ("echo internal error >&2; exit 4", "(?s)status 4.*internal error"),
    ("exit 0", "made no library")])
def test_a_compiler_that_fails_is_one_error(monkeypatch, tmp_path, action, message):
    monkeypatch.setenv("CC", fake_compiler(tmp_path, action))
    with pytest.raises(BuildError, match=message):
        compile_library(SOURCE)


def test_a_compiler_that_makes_no_library_is_one_error(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", fake_compiler(tmp_path, "echo nonsense > kernel.so"))
    with pytest.raises(BuildError, match="cannot be loaded"):
        load_library(compile_library(SOURCE))


def test_a_compiler_that_hangs_is_ended_with_its_children(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "TIMEOUT", 3)
    monkeypatch.setenv("CC", fake_compiler(
        tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait"))
    with pytest.raises(BuildError, match=r"within 3 seconds"):
        compile_library(SOURCE)
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "stat"
    for _ in range(200):                       # a killed process takes a moment to be gone
        if ended(child):
            break
        time.sleep(0.05)
    assert ended(child)


def ended(process: Path) -> bool:
    try:
        return process.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_compiler_that_vanishes_is_one_error(monkeypatch, tmp_path):
    path = fake_compiler(tmp_path, "exit 0")
    monkeypatch.setenv("CC", path)
    found = find_compiler()
    os.unlink(path)
    monkeypatch.setattr(building, "find_compiler", lambda: found)
    with pytest.raises(BuildError, match="cannot be started"):
        compile_library(SOURCE)


def test_optional_flags_are_dropped_where_unknown(monkeypatch, tmp_path):
    real = find_compiler().command[0]
    script(tmp_path / "oldcc", 'case "$*" in *prefer-vector-width*) exit 1;; esac\n'
                               f'exec {real} "$@"')
    monkeypatch.setenv("CC", str(tmp_path / "oldcc"))
    assert load_library(compile_library(SOURCE)).answer() == 42
    assert "-mprefer-vector-width" not in describe_compiler()


def test_zig_from_the_package_index_compiles(monkeypatch, tmp_path):
    pytest.importorskip("ziglang")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ziglang" in describe_compiler()
    assert load_library(compile_library(SOURCE)).answer() == 42


def test_a_module_is_loaded_from_its_file():
    module = load_module("def forward(x):\n    return 2 * x\n")
    assert module.forward(3) == 6
    assert module.__file__ is not None
    assert Path(module.__file__).parent == cache_directory()


@pytest.mark.parametrize("source", ["def (:", "import no_such_module_at_all"])
def test_a_module_that_cannot_be_imported_is_one_error(source):
    with pytest.raises(BuildError, match="cannot be imported"):
        load_module(source)


@pytest.mark.parametrize("step", ["replace", "mkdir"])
def test_a_full_disk_is_one_error_and_leaves_nothing_behind(cache, monkeypatch, step):
    compile_library({"first.c": "int first(void) { return 1; }\n"})
    before = sorted(path.name for path in cache.iterdir())

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(BuildError, match=r"No space left on device.*XDG_CACHE_HOME"):
            compile_library(SOURCE)
    assert sorted(path.name for path in cache.iterdir()) == before
    assert load_library(compile_library(SOURCE)).answer() == 42


def test_a_process_killed_while_building_leaves_a_cache_that_works(cache):
    program = ("import os, signal\nfrom symconv import cache\n"
               "from symconv.libraries import compile_library\nreplace = os.replace\n"
               "def once(source, target):\n"
               "    replace(source, target)\n"
               "    if str(target).endswith('.so'):\n"
               "        os.kill(os.getpid(), signal.SIGKILL)\n"
               f"os.replace = once\ncompile_library({SOURCE!r})\n")
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert load_library(compile_library(SOURCE)).answer() == 42


KILLED = ("import os, signal, sys\nfrom pathlib import Path\nfrom symconv.cache import cached\n"
          "def make(scratch):\n"
          "    (scratch / 'half').write_text('written')\n"
          "    print(scratch, flush=True)\n"
          "    sys.stdin.read()\n"
          "    os.kill(os.getpid(), signal.SIGKILL)\n"
          "cached('0' * 64, '.so', make)\n")


def grow_old(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder, (then, then))


def test_what_a_killed_build_leaves_is_removed_by_a_later_one(cache):
    with subprocess.Popen([sys.executable, "-c", KILLED], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as builder:
        scratch = Path(builder.stdout.readline().strip())
        grow_old(scratch, 1e6)
        compile_library({"first.c": "int first(void) { return 1; }\n"})
        assert (scratch / "half").read_text() == "written"          # its owner is at work
        builder.stdin.close()
        assert builder.wait() == -signal.SIGKILL
    assert scratch.exists()
    compile_library({"second.c": "int second(void) { return 2; }\n"})
    assert not scratch.exists()
    assert not list(cache.glob("making-*"))


def test_a_directory_that_was_just_made_and_strange_ones_are_kept(cache, tmp_path):
    compile_library({"first.c": "int first(void) { return 1; }\n"})
    new, link, file = (cache / f"making-{name}" for name in ("new", "link", "file"))
    new.mkdir()                                     # its owner may be about to lock it
    link.symlink_to(tmp_path)
    file.write_text("not a directory")
    compile_library({"second.c": "int second(void) { return 2; }\n"})
    assert new.is_dir()
    assert file.exists()
    assert link.is_symlink()
    assert tmp_path.is_dir()
