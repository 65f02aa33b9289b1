"""`edge-wbc agree`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, remark, table

if TYPE_CHECKING:
    from edge_wbc.lab.curation.votes import Voted

__all__ = ["agree"]


def agree(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset with votes, or one expert's dataset or CSV.")],
    second: Annotated[Optional[Path], typer.Argument(help="The other expert's dataset or CSV.")] = None,
    experts: Annotated[Optional[str], typer.Option(help="Which two, as a,b.")] = None,
    blind: Annotated[Optional[str], typer.Option(help="Instead: copy DIR with this expert's votes alone.")] = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="Where the page and lists, or the copy, go.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two experts.

    Label by label, Cohen's kappa with 95% limits, what they confuse; --out adds a page, the cells to adjudicate and
    the double-labelled subset.
    """
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.curation.agreement import agreement_json, cross_table
    from edge_wbc.lab.curation.agreement_files import blind_copy, write_comparison
    from edge_wbc.lab.curation.votes import pair_votes

    if blind is not None:
        if out is None or second or experts:
            raise BadInput("--blind", "takes DIR and --out alone", "name the place of the copy with --out")
        hidden = blind_copy(data, blind, out)
        if as_json:
            emit_json({"out": str(out), "expert": blind, "votes_taken_out": hidden})
        else:
            remark(f"{out}: {data} for {blind}, without {hidden} votes of others")
        return
    wanted = experts.split(",") if experts else []
    if experts and (len(set(wanted)) != 2 or not all(wanted)):
        raise BadInput("--experts", f"{experts!r} does not name two", "write --experts a,b")
    cells, pair = _read(data, second, wanted)
    facts = agreement_json(pair, *cross_table(pair_votes(cells, pair)))
    if out:
        write_comparison(out, facts, cells, pair, data)
    if as_json:
        emit_json(facts)
    else:
        _show(facts)
        remark(
            f"{out / 'agreement.html'} shows it all" if out else "--out DIR writes a page and the cells to adjudicate"
        )
        remark("research use, not for diagnosis")


def _read(data: Path, second: Optional[Path], wanted: list[str]) -> tuple[list[Voted], tuple[str, str]]:
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.curation.votes import merge_votes, of_one_expert, read_votes, two_experts

    cells = read_votes(data)
    if second is None:
        return cells, two_experts(cells, wanted, data)
    names: Any = wanted or [None, None]
    mine, first = of_one_expert(cells, names[0], data)
    theirs, other = of_one_expert(read_votes(second), names[1], second)
    if first == other:
        raise BadInput(second, f"is by {other!r}, and so is {data}", "name the experts with --experts a,b")
    return merge_votes(mine, theirs), (first, other)


def _show(facts: dict[str, Any]) -> None:
    from edge_wbc.lab.curation.agreement_files import kappa_ci, percent_ci

    first, second = facts["experts"]
    _print_counts(f"{facts['cells']} cells; rows {first}, columns {second}", facts["labels"], facts["table"])
    scopes = {"labelled by both": "labelled_by_both", "named by both": "named_by_both"}
    rows = [(name, facts[key]) for name, key in scopes.items()] + list(facts["per_label"].items())
    table(
        "agreement and Cohen's kappa, 95% limits; of a label: cells that either named so",
        ("", "cells", "alike", "agreement", "kappa"),
        [(name, str(row["cells"]), str(row["agreed"]), percent_ci(row, 0), kappa_ci(row, 2)) for name, row in rows],
    )
    if facts["confused"]:
        table(
            "most confused",
            ("labels", "cells", f"{first} says the former", f"{second} does"),
            [
                (" / ".join(pair["labels"]), str(pair["cells"]), str(pair["forth"]), str(pair["back"]))
                for pair in facts["confused"][:5]
            ],
        )


def _print_counts(title: str, labels: list[str], counts: list[list[int]]) -> None:
    """Twelve columns of counts in 80 characters: numbers stand for the labels, a dot for nothing."""
    texts = [[str(count) if count else "." for count in row] for row in counts]
    widths = [max(len(str(number)), *(len(row[number - 1]) for row in texts)) for number in range(1, len(labels) + 1)]
    side = max(len(label) for label in labels) + 3
    print(title)
    print(" " * side, *(str(number + 1).rjust(width) for number, width in enumerate(widths)))
    for number, (label, row) in enumerate(zip(labels, texts, strict=True), 1):
        print(f"{number:2d} {label}".ljust(side), *(text.rjust(width) for text, width in zip(row, widths, strict=True)))
