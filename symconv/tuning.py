"""Tuning files: which plans a machine was found to run fastest, by what they compute.

An entry belongs to one pass for one element type and accuracy, and to the text of the relation
with its shapes; it holds the plans of its definitions as `choice` names them. What has no entry is
left to the model of time. An entry that names a plan which is not offered any more is refused,
rather than passed over in silence. The file is JSON, ordered by its keys: the same entries make the
same bytes, whatever the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from symconv.choice import Chosen, Texts
from symconv.errors import ParameterError, shown
from symconv.files import marked_json, write_file
from symconv.passes import Pass
from symconv.text import program_text

_ABOUT = "tune. A plan may be changed by hand; symconv tune prints those that there are."
_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What an entry is for; `relation` is the text of the pass, a line for each statement."""

    relation: Texts
    name: str
    dtype: str
    accuracy: str

    @staticmethod
    def of(item: Pass, dtype: str, accuracy: str) -> Key:
        """The key of a pass for fixed shapes."""
        return Key(tuple(program_text(item.program).splitlines()), item.name, dtype, accuracy)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The entries of a file."""

    path: Path
    entries: Mapping[Key, Chosen]

    def choice(self, item: Pass, dtype: str, accuracy: str) -> Chosen | None:
        """The plans for a pass; None where there is no entry."""
        return self.entries.get(Key.of(item, dtype, accuracy))


def read_tuning(path: str | Path) -> Tuning:
    """The entries of a file. ParameterError where it cannot be read or is no tuning file."""
    if not isinstance(path, str | Path):
        raise ParameterError(f"tuning={shown(path)}: the path of a file is needed, such as one "
                             "that symconv tune wrote")
    place = Path(path)
    try:
        if not place.exists():
            raise ParameterError(f"{place}: there is no such file; symconv tune writes one")
        if not place.is_file() or place.stat().st_size > _MOST_BYTES:
            raise ParameterError(f"{place}: this is no tuning file; symconv tune writes them")
        # no number has a meaning here, and not every one has an int
        content = json.loads(place.read_text(encoding="utf-8"), parse_int=float)
        return Tuning(place, _entries(content))
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"{place}: this cannot be read ({error})") from None
    except json.JSONDecodeError as error:
        raise ParameterError(f"{place}: this is no JSON ({error})") from None
    except _NoEntry as fault:
        raise ParameterError(f"{place}: {fault}; let symconv tune write the file anew") from None


def add_entry(path: Path, key: Key, chosen: Chosen, force: bool = False) -> None:
    """Put one entry into a file, beside those that it has or in place of an older one. With `force`
    a file that holds something else is begun anew. A reader sees the file as it was or as it will
    be."""
    entries: Mapping[Key, Chosen] = {}
    if path.exists():
        try:
            entries = read_tuning(path).entries
        except ParameterError:
            if not force:
                raise
    write_file(path, tuning_text({**entries, key: chosen}), force=force)


def tuning_text(entries: Mapping[Key, Chosen]) -> str:
    """The file."""
    listed = [{"pass": key.name, "dtype": key.dtype, "accuracy": key.accuracy,
               "relation": list(key.relation),
               "plans": {target: list(texts) for target, texts in sorted(chosen.plans)}}
              for key, chosen in sorted(entries.items(), key=lambda each: each[0])]
    return marked_json(_ABOUT, {"entries": listed})


class _NoEntry(Exception):
    """What is wrong with the content of a file."""


def _entries(content: object) -> dict[Key, Chosen]:
    found: dict[Key, Chosen] = {}
    if not isinstance(content, dict) or not isinstance(content.get("entries"), list):
        raise _NoEntry("there is no list of entries")
    for number, entry in enumerate(content["entries"], 1):
        match entry:
            case {"pass": str(name), "dtype": str(dtype), "accuracy": str(accuracy),
                  "relation": relation, "plans": dict(plans)}:
                key = Key(_texts(number, relation), name, dtype, accuracy)
                wanted = tuple((str(target), _texts(number, texts))
                               for target, texts in plans.items())
            case _:
                raise _NoEntry(f"entry {number} lacks pass, dtype, accuracy, relation or plans")
        if key in found:
            raise _NoEntry(f"entry {number} is for the same pass as an earlier one")
        found[key] = Chosen(wanted)
    return found


def _texts(number: int, value: object) -> Texts:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _NoEntry(f"entry {number} has something else where a list of texts is needed")
    return tuple(map(str, value))
