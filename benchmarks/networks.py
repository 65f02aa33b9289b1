"""The table of docs/networks.md, as `edge-wbc models --json` counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_wbc.cli.models import SIZE, network_rows


def markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line a network, the smallest first."""
    lines = [
        f"| network | parameters | multiply-adds at {SIZE} px | own px | least px "
        "| ImageNet weights | licence | on the phone | papers |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda row: row["multiply_adds"]):
        lines.append(
            f"| `{row['model']}` | {row['parameters'] / 1e6:.1f} M | {row['multiply_adds'] / 1e6:.0f} M "
            f"| {row['size']} | {row['least_size']} | {_source(row['weights'])} | {row['licence']} "
            f"| {'yes' if row['on_phone'] else 'no'} | {', '.join(row['papers'])} |"
        )
    return "\n".join(lines) + "\n"


def _source(weights: str) -> str:
    """Which library or package has them."""
    return "torchvision" if "IMAGENET1K" in weights else weights


if __name__ == "__main__":
    print(markdown(network_rows()), end="")
