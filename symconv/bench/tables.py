"""Rows as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.bench.layers import COLUMNS
from symconv.bench.machine import Limits
from symconv.bench.measurement import EMITTED, OWN, Row, geometric_mean
from symconv.files import marked_json

_ONCE = "†"
_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Report:
    """A run of a suite; `missing` tells what to install for peers that are not there."""

    suite: str
    machine: Mapping[str, str]
    limits: Limits
    missing: Mapping[str, str]
    rows: list[Row]

    @property
    def candidates(self) -> list[str]:
        """All candidates in the order in which they first appear."""
        return list(dict.fromkeys(name for row in self.rows
                                  for name in (*row.seconds, *row.large)))

    def means(self) -> dict[str, tuple[float, int]]:
        """By candidate, and for the best peer of each row: the geometric mean of its time divided
        by that of symconv, and over how many rows."""
        found: dict[str, tuple[float, int]] = {}
        rivals = [name for name in self.candidates if name not in (*EMITTED, "numpy")]
        ratios = {name: [row.ratio(name) for row in self.rows if name in row.seconds]
                  for name in self.candidates if name not in EMITTED}
        ratios["best peer"] = [row.ratio(best) for row in self.rows
                               if (best := row.best(rivals)) is not None]
        for name, values in ratios.items():
            if values:
                found[name] = (geometric_mean(values), len(values))
        return found

    def losses(self) -> list[tuple[Row, str]]:
        """The rows that a peer in the layout N,C,spatial wins, with the best such peer."""
        rivals = [name for name in self.candidates if name not in (*EMITTED, "numpy")]
        found = [(row, row.best(rivals)) for row in self.rows]
        return [(row, best) for row, best in found if best is not None and row.ratio(best) < 1]


def markdown(report: Report) -> str:
    """The whole report."""
    limits, names = report.limits, report.candidates
    lines = [f"# Suite {report.suite}", "",
             "One core, medians of processor time in microseconds, all candidates interleaved; in "
             "parentheses the largest error relative to the largest absolute value of a float64 "
             "result. `limit` is the time of the direct form at the peak of one core, or of moving "
             "every operand once; Winograd and skipped padding may pass it.", "",
             *(f"- {key}: {value}" for key, value in report.machine.items()),
             "- multiply and add: " + ", ".join(f"{value / 1e9:.0f} GFLOP/s {name}" for name, value
                                                in limits.operations.items()),
             "- copy, read and written: " + ", ".join(
                 f"{name} {value / 1e9:.0f} GB/s" for name, value in limits.bandwidth.items())]
    lines += [f"- {name} is missing: {remedy}" for name, remedy in report.missing.items()]
    lines += ["", "| layer | pass | limit | % of limit | best peer takes | "
              + " | ".join(names) + " |", "|---|---|" + "--:|" * (3 + len(names))]
    lines += [_line(row, names) for row in report.rows]
    if any(row.once for row in report.rows):
        lines += ["", f"{_ONCE} One call, as it took long and much longer than others."]
    if any(row.large for row in report.rows):
        lines += ["", f"{_LARGE}: not called, as it would copy every tap of every output, more "
                  f"than {COLUMNS} numbers."]
    lines += ["", *summary(report)]
    return "\n".join(lines) + "\n"


def summary(report: Report) -> list[str]:
    """Geometric means and losses, as a list."""
    lines = [f"- {name} takes {mean:.2f} times as long as "
             f"{'emitted NumPy' if name == 'numpy' else 'symconv'} "
             f"(geometric mean of {count} rows)" for name, (mean, count) in report.means().items()]
    lost = report.losses()
    shown = ", ".join(f"{row.case.name} {row.part} {row.ratio(best):.2f} ({best})"
                      for row, best in lost)
    return [*lines, f"- rows that a peer wins: {shown}" if lost else "- no peer wins a row"]


def json_text(report: Report) -> str:
    """The same numbers for programs."""
    return marked_json("bench", {
        "suite": report.suite, "machine": dict(report.machine),
        "operations_per_second": report.limits.operations,
        "bytes_per_second": report.limits.bandwidth, "missing": dict(report.missing),
        "geometric_means": {name: {"ratio": mean, "rows": count}
                            for name, (mean, count) in report.means().items()},
        "rows": [{"layer": row.case.name, "shape": row.case.text, "pass": row.part,
                  "dtype": row.case.dtype, "limit_seconds": row.limit, "seconds": row.seconds,
                  "errors": row.errors, "once": sorted(row.once), "too_large": row.large}
                 for row in report.rows]})


def _line(row: Row, names: Sequence[str]) -> str:
    best = row.best([name for name in row.seconds if name != "numpy"])
    cells = [f"{row.case.name}: {row.case.text}" if row.part == "forward" else row.case.name,
             row.part, _micro(row.limit), f"{100 * row.limit / row.seconds[OWN]:.0f}",
             "" if best is None else f"{row.ratio(best):.2f} {best}"]
    cells += [_cell(row, name) for name in names]
    return "| " + " | ".join(cells) + " |"


def _cell(row: Row, name: str) -> str:
    if name in row.large:
        return _LARGE
    if name not in row.seconds:
        return ""
    mark = _ONCE if name in row.once else ""
    return f"{_micro(row.seconds[name])}{mark} ({row.errors[name]:.0e})"


def _micro(seconds: float) -> str:
    """Microseconds with three digits."""
    value = seconds * 1e6
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
