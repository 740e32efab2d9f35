"""Writing: all files or none, and nobody's work is lost."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symconv import files
from symconv.errors import ParameterError
from symconv.files import MARK, write_file, write_files

OURS = f"/* {MARK}. */\n"


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_set_is_written_into_directories_that_are_made(tmp_path):
    texts = {"a.c": OURS + "1", "sub/b.h": OURS + "2\u00e9"}
    write_files(tmp_path / "new" / "place", texts)
    assert tree(tmp_path / "new" / "place") == texts


def test_own_files_are_overwritten_with_their_permissions(tmp_path):
    (tmp_path / "a.c").write_text(OURS + "old")
    (tmp_path / "a.c").chmod(0o640)
    write_files(tmp_path, {"a.c": OURS + "new"})
    assert tree(tmp_path) == {"a.c": OURS + "new"}
    assert (tmp_path / "a.c").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", ["", "mine\n", f"mine\n{OURS}", "// symconv, my notes\n"])
def test_a_file_of_another_stops_the_whole_set(tmp_path, content):
    (tmp_path / "b.c").write_text(content)
    with pytest.raises(ParameterError, match=r"b\.c exists .*--force"):
        write_files(tmp_path, {"a.c": OURS, "b.c": OURS, "new/c.c": OURS})
    assert tree(tmp_path) == {"b.c": content}
    assert not (tmp_path / "new").exists()


def test_force_overwrites_it(tmp_path):
    (tmp_path / "b.c").write_text("mine")
    write_files(tmp_path, {"b.c": OURS}, force=True)
    assert tree(tmp_path) == {"b.c": OURS}


@pytest.mark.parametrize("force", [False, True])
def test_links_and_directories_are_never_replaced(tmp_path, force):
    (tmp_path / "elsewhere.c").write_text(OURS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.c").symlink_to(tmp_path / "elsewhere.c")
    (tmp_path / "out" / "b.c").mkdir()
    for name, kind in (("a.c", "symbolic link"), ("b.c", "directory")):
        with pytest.raises(ParameterError, match=f"is a {kind}"):
            write_files(tmp_path / "out", {name: OURS + "new"}, force=force)
    assert tree(tmp_path)["elsewhere.c"] == OURS


def test_a_linked_subdirectory_does_not_lead_out(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "other")
    with pytest.raises(ParameterError, match="leads out"):
        write_files(tmp_path / "out", {"sub/deep/a.c": OURS})
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("name", ["../a.c", "/a.c", "", "sub/../../a.c"])
def test_names_stay_inside(tmp_path, name):
    with pytest.raises(ParameterError, match="inside its directory"):
        write_files(tmp_path / "out", {name: OURS})
    assert tree(tmp_path) == {}


def test_a_read_only_file_is_kept(tmp_path):
    (tmp_path / "a.c").write_text(OURS)
    (tmp_path / "a.c").chmod(0o444)
    with pytest.raises(ParameterError, match="read-only"):
        write_files(tmp_path, {"a.c": OURS + "new"})
    assert tree(tmp_path) == {"a.c": OURS}


def test_places_that_cannot_be_written_give_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for folder in (tmp_path / "loop", tmp_path / "file", tmp_path / "file" / "sub",
                   tmp_path / ("x" * 300), tmp_path / "nul\0", Path("/proc/symconv")):
        with pytest.raises(ParameterError):
            write_files(folder, {"a.c": OURS})
    assert tree(tmp_path) == {"file": ""}


def test_text_that_is_no_unicode_gives_one_error(tmp_path):
    with pytest.raises(ParameterError, match="nothing was changed"):
        write_files(tmp_path, {"a.c": OURS, "b.c": "\udc80"})
    assert tree(tmp_path) == {}


def test_one_file_needs_its_directory(tmp_path):
    write_file(tmp_path / "a.md", OURS)
    assert tree(tmp_path) == {"a.md": OURS}
    with pytest.raises(ParameterError, match="no directory"):
        write_file(tmp_path / "missing" / "a.md", OURS)
    with pytest.raises(ParameterError, match="is a directory"):
        write_file(tmp_path, OURS)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_at_any_step_leaves_everything_as_it_was(tmp_path, monkeypatch, step):
    write_files(tmp_path, {"a.c": OURS + "old", "c.c": OURS + "old"})
    before = tree(tmp_path)
    texts = dict.fromkeys(("a.c", "b.c", "c.c", "sub/d.c"), OURS + "new")
    real = getattr(os, step)
    for failing in range(4):
        calls = iter(range(100))

        def act(*arguments, failing=failing, calls=calls):
            if next(calls) == failing:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments)

        monkeypatch.setattr(files.os, step, act)
        with pytest.raises(ParameterError, match="No space left on device; nothing was changed"):
            write_files(tmp_path, texts)
        assert tree(tmp_path) == before
        assert not (tmp_path / "sub").exists()


def test_a_process_killed_between_two_writes_leaves_whole_files(tmp_path):
    write_files(tmp_path, {"a.c": OURS + "old", "b.c": OURS + "old"})
    program = f"""
import os, signal
from pathlib import Path
from symconv import files
replace = os.replace
def once(source, target):
    replace(source, target)
    os.kill(os.getpid(), signal.SIGKILL)
files.os.replace = once
files.write_files(Path({str(tmp_path)!r}), {{"a.c": {OURS + "new"!r}, "b.c": {OURS + "new"!r}}})
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert {name: text for name, text in tree(tmp_path).items() if not name.startswith(".")} == \
        {"a.c": OURS + "new", "b.c": OURS + "old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_device_is_no_target():
    with pytest.raises(ParameterError, match="no regular file"):
        write_file(Path("/dev/full"), OURS, force=True)
