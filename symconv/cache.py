"""The cache of built kernels: `$XDG_CACHE_HOME/symconv`, by default `~/.cache/symconv`.

What is stored is code that will be run, so the directory must belong to the user alone. An entry
is two files: `<key>.sha256` holds the hash of the content, and `<hash>.<suffix>` the content.
Both are made in a temporary directory inside the cache and renamed into place, so any number of
processes may make the same entry at once: whichever comes last, both names lead to a whole file
whose hash is its name. The hash is checked at every use; what does not agree is made again.

A process that is killed leaves its temporary directory behind. Its owner holds a lock on it, which
ends with the process, on whatever machine it runs; whoever makes an entry later removes the
directories that nobody holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from symconv.errors import BuildError

if sys.platform != "win32":
    import fcntl

_SCRATCH = "making-"
_UNLOCKED_FOR = 60.0        # seconds between making a directory and locking it, at the very most
_LONGEST_BUILD = 86400.0    # seconds; where there are no locks, the age alone tells


def fingerprint(*parts: str) -> str:
    """SHA-256 of a sequence of texts, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cached(key: str, suffix: str, make: Callable[[Path], Path]) -> Path:
    """The file stored under `key`; where it is missing or damaged, `make` makes it.

    `make` gets an empty directory and returns the path of the file that it left there. Raises
    BuildError where the cache cannot be used; errors of `make` pass through.
    """
    directory = cache_directory()
    note = directory / f"{key}.sha256"
    try:
        found = _verified(note, suffix)
        if found is not None:
            return found
        _remove_abandoned(directory)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=directory,
                                         ignore_cleanup_errors=True) as scratch, _lock(scratch):
            made = make(Path(scratch))
            digest = hashlib.sha256(made.read_bytes()).hexdigest()
            content = directory / f"{digest}{suffix}"
            os.replace(made, content)
            draft = Path(scratch) / "digest"
            draft.write_text(digest, encoding="ascii")
            os.replace(draft, note)
            return content
    except OSError as error:
        raise BuildError(f"the build cache {directory} cannot be used: "
                         f"{error.strerror or error}. {_REMEDY}") from None


def cache_directory() -> Path:
    """The directory, made with mode 0700. Raises BuildError unless it is the user's alone."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"
        directory = base / "symconv"
        base.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.stat()
    except (OSError, ValueError, RuntimeError) as error:
        raise BuildError(f"there is no place for the build cache: {error}. {_REMEDY}") from None
    if os.name == "posix":
        if status.st_uid != os.getuid():
            raise BuildError(f"the build cache {directory} belongs to another user, so nothing "
                             f"in it is loaded. {_REMEDY}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise BuildError(
                f"the build cache {directory} is open to other users (mode "
                f"{stat.S_IMODE(status.st_mode):04o}), so nothing in it is loaded. Remove it, or "
                f"check its content and set its mode to 0700 (chmod 700 {directory})")
    return directory


def _remove_abandoned(directory: Path) -> None:
    """Remove the temporary directories whose owners are gone; what cannot be removed stays."""
    for scratch in directory.glob(f"{_SCRATCH}*"):
        with suppress(OSError), _lock(scratch) as locked:
            age = time.time() - scratch.stat().st_mtime
            if age > (_UNLOCKED_FOR if locked else _LONGEST_BUILD):
                shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _lock(scratch: str | Path) -> Iterator[bool]:
    """Hold a temporary directory; gives False where there are no locks for it.

    Raises BlockingIOError where another process holds it.
    """
    if sys.platform == "win32":     # where a directory cannot be opened
        yield False
        return
    descriptor = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:             # a file system without locks, as some networks have
        return False
    return True


_REMEDY = "Set XDG_CACHE_HOME to a directory of your own that can be written and has room"


def _verified(note: Path, suffix: str) -> Path | None:
    """The content that a note names, None where either is missing or the hash disagrees."""
    try:
        digest = note.read_text(encoding="ascii", errors="replace")
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            return None
        content = note.with_name(f"{digest}{suffix}")
        agrees = hashlib.sha256(content.read_bytes()).hexdigest() == digest
    except FileNotFoundError:
        return None
    return content if agrees else None
