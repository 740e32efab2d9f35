"""`symconv bench`: measure kernels beside their peers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symconv.errors import ParameterError

if TYPE_CHECKING:
    from symconv.bench.layers import Row

SUITES = ("peers", "cost")


@click.command("bench")
@click.option("--suite", default="peers", help="peers (layers) or cost (of deriving, emitting).")
@click.option("--against", default="", help="Libraries to compare with: torch.")
@click.option("--layer", "layers", multiple=True, help="Only this layer of the suite; repeatable.")
@click.option("--seconds", default=1.0, help="How long to measure each row.")
@click.option("--json", "target", default=None, metavar="FILE", help="Write the rows as JSON.")
def bench_command(suite: str, against: str, layers: Sequence[str], seconds: float,
                  target: str | None) -> int:
    """Time fixed-shape kernels, one thread, float32, interleaved with their peers."""
    if suite not in SUITES:
        raise ParameterError(f"--suite {suite}: choose among {', '.join(SUITES)}")
    if suite == "cost":
        from symconv.bench.cost import report

        return report()
    from symconv.bench.layers import PEERS, layer_named, measure

    peers = tuple(name for name in against.split(",") if name)
    chosen = [layer_named(name) for name in layers] or list(PEERS)
    rows: list[Row] = []
    click.echo("| layer | pass | symconv us | " + " | ".join(f"{p} us | ratio" for p in peers)
               + " | error |" if peers else "| layer | pass | symconv us |")
    for layer in chosen:
        for row in measure(layer, peers, seconds):
            rows.append(row)
            click.echo(_line(row, peers))
    if peers and rows:
        from symconv.bench.layers import geometric_mean

        for peer in peers:
            mean = geometric_mean([row.seconds[peer] / row.seconds["symconv"] for row in rows])
            click.echo(f"\n{peer} takes {mean:.2f} times as long as symconv (geometric mean)")
    if target is not None:
        Path(target).write_text(json.dumps([
            {"layer": row.layer.name, "pass": row.part, "seconds": row.seconds,
             "errors": row.errors} for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


def _line(row: Row, peers: Sequence[str]) -> str:
    own = row.seconds["symconv"]
    cells = [row.layer.name, row.part, f"{own * 1e6:.0f}"]
    for peer in peers:
        cells += [f"{row.seconds[peer] * 1e6:.0f}", f"{row.seconds[peer] / own:.2f}"]
    if row.errors:
        cells.append(" ".join(f"{name} {error:.1e}" for name, error in row.errors.items()))
    return "| " + " | ".join(cells) + " |"
