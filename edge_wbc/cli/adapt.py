"""`edge-wbc adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table

__all__ = ["adapt"]


def adapt(
    source: Annotated[Path, typer.Argument(metavar="RUN|PACK", help="What to adapt; a pack needs its weights.")],
    data: Annotated[
        Path,
        typer.Argument(
            help="Cells of the new lab, labelled or not: class folders, labels.csv, records/, or photographs of "
            "single cells."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The run folder.")],
    shots: Annotated[
        Optional[int],
        typer.Option(help="Labels to use, 0 for none. 25; at chossegros a tenth of the labels and at most 100."),
    ] = None,
    method: Annotated[str, typer.Option(help="mobile (ours), or chossegros (the paper's workflow).")] = "mobile",
    setting: Annotated[
        str,
        typer.Option(
            help="Of chossegros: 1 no-source, 2 no-fine-tuning, 3 head-only, 4 mixed, 5 no-colour, 6 full, or all."
        ),
    ] = "full",
    model: Annotated[
        Optional[str], typer.Option(help="Of chossegros, instead of EfficientNet-B0 (on a CPU Lite0).")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Of chossegros' training on the source's crops.")] = 15,
    trials: Annotated[
        Optional[int],
        typer.Option(help="Of chossegros' search: 10 on a CPU, 30 on a GPU; 0 for published numbers."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw of the shots, and of every other.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Adapt a network to a new lab with few labels or none.

    Labels beyond the shots are only judged by; their cells take part unlabelled. Research use, not for diagnosis.
    """
    from edge_wbc.lab.adaptation import AdaptOptions
    from edge_wbc.lab.adaptation import adapt as adapt_network

    options = AdaptOptions(shots, method, setting, model, epochs, trials, seed)
    with progress_bar() as progress:
        facts = adapt_network(source, data, out, options, progress, remark)
    if as_json:
        emit_json(facts)
        return
    if method == "chossegros":
        tell_settings(out, [facts] if "schema" in facts or "model" in facts else list(facts.values()))
    else:
        tell_change(out, facts)
    remark("research use, not for diagnosis")


def tell_change(out: Path, facts: dict[str, Any]) -> None:
    """What the adaptation brought on the cells it has no labels of, as a table."""
    used = ", ".join(f"{count} {label}" for label, count in facts["shots"].items() if count) or "no labels"
    title = f"{out}: adapted with {used} in {facts['seconds']:.0f} s"
    found = facts["metrics"].get("test")
    if found is None:
        table(title, ("part", "cells"), [(part, str(cells)) for part, cells in facts["parts"].items()])
        remark("no labelled cell is left to judge it by")
        return
    table(
        f"{title}; {found['n']} other cells",
        ("", "accuracy", "95% limits", "balanced", "macro F1"),
        [
            (
                name,
                percent(got["accuracy"]),
                " to ".join(map(percent, got["accuracy_ci95"])),
                percent(got["balanced_accuracy"]),
                percent(got["macro_f1"]),
            )
            for name, got in (("before", facts["before"]), ("after", found))
        ],
    )


def tell_settings(out: Path, listed: list[dict[str, Any]]) -> None:
    """Settings of Chossegros et al.: ours beside the published means over eight targets, and Tecom's and BCCD's."""
    rows = []
    for facts in listed:
        setting, found = facts["recipe"]["setting"], facts["metrics"].get("test")
        published = (setting["accuracy"], setting["by_set"]["Tecom"], setting["by_set"]["BCCD"])
        ours = ("-", "-") if found is None else (percent(found["accuracy"]), percent(found["balanced_accuracy"]))
        rows.append((f"{setting['number']} {setting['name']}", *ours, *map(percent, published)))
    head = ("setting", "accuracy", "balanced", "published mean", "its Tecom", "its BCCD")
    table(f"{out}: {sum(listed[0]['shots'].values())} labels", head, rows)
