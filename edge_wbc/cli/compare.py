"""`edge-wbc compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table
from edge_wbc.cli.train import read_named

if TYPE_CHECKING:
    from edge_wbc.lab.comparison.tables import Table

__all__ = ["compare"]

_SHORT = {
    "precision": "prec.",
    "sensitivity": "sens.",
    "specificity": "spec.",
    "misdiagnosis": "misd.",
    "accuracy": "acc.",
    "published": "publ.",
}


def compare(
    data: Annotated[
        str,
        typer.Argument(metavar="[NAME=]DATA", help="A lab's class folders, labels.csv beside images/, or records/."),
    ],
    models: Annotated[
        str,
        typer.Option(
            help="Networks of `edge-wbc models`, also as NETWORK+HEAD and NETWORK@RECIPE; knn, svm, logistic, tree, "
            "tavakoli; yu-vote of the networks beside it, or yu-vote:NETWORK:NETWORK. With commas between."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Where all is kept and written, report.html first; a second run goes on.")
    ] = Path("comparison"),
    test_b: Annotated[
        Optional[list[str]],
        typer.Option("--test-b", metavar="[NAME=]DATA", help="Another lab to judge on; again for more."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="Of the networks: as `edge-wbc train` takes it.")] = "raabin",
    weights: Annotated[
        str, typer.Option(help="imagenet (where at hand, else none, and the tables say so), or none.")
    ] = ("imagenet"),
    epochs: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    batch: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    lr: Annotated[Optional[float], typer.Option(help="Instead of the recipe's.")] = None,
    labels: Annotated[
        str,
        typer.Option(
            help="What is told apart: 5 classes, 6 (erythroblasts too, Chossegros et al.), or 7 (bands and large "
            "lymphocytes apart, Yu et al.)."
        ),
    ] = "5",
    size: Annotated[int, typer.Option(help="Of the crops, in pixels.")] = 96,
    seed: Annotated[int, typer.Option(help="Of the split and of the first training.")] = 0,
    seeds: Annotated[
        int, typer.Option(help="Trainings of each system: their mean, and Student's 95% interval of it.")
    ] = 1,
    budget: Annotated[
        Optional[float],
        typer.Option(metavar="MINUTES", help="Begin nothing more after so long; 0 reports what is there."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Each network's curves live: tensorboard --logdir OUT/runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fit systems of the papers on the same cells, and print the papers' tables of them.

    DATA is split as `edge-wbc data split` does: 4/5 to learn from, 1/5 is test-A; other labs are judged alone. What is
    finished and unchanged is not done again. Research use, not for diagnosis.
    """
    from edge_wbc.core.errors import BadInput, CheckFailed
    from edge_wbc.lab.comparison import CompareOptions
    from edge_wbc.lab.comparison import compare as compare_systems
    from edge_wbc.lab.comparison.report import NOTE, all_tables, write_reports
    from edge_wbc.lab.training.ranks import rank_count

    if weights not in ("imagenet", "none"):
        raise BadInput("--weights", f"{weights!r} is neither imagenet nor none")
    if rank_count() > 1:
        raise BadInput("torchrun", "compare works in one process", "train one network on several GPUs with train")
    names = tuple(name for part in models.split(",") if (name := part.strip()))
    options = CompareOptions(names, recipe, weights, epochs, batch, lr, labels, size, seed, seeds, budget, tensorboard)
    home, others = read_named(data, labels), [read_named(lab, labels) for lab in test_b or ()]
    with progress_bar() as progress:
        found = compare_systems(home, others, out, options, progress, remark)
    facts = write_reports(found, options, out)
    if as_json:
        emit_json(facts)
    else:
        for one in all_tables(found):
            tell(one)
    remark(f"wrote {out / 'report.html'}, report.md, results.json, figures.csv and tables/; {NOTE}")
    if found.left:
        remark(f"the budget left {len(found.left)} out: {', '.join(found.left)}; the same command goes on")
    if found.faults:
        raise CheckFailed(f"{len(found.faults)} of {len(found.systems)} systems failed: {', '.join(found.faults)}")


def tell(one: Table) -> None:
    """A table that fits a terminal: where columns are many without limits and cells, classes by five letters.

    Of the widest, Raabin-WBC's own shape, the accuracy: the next table has the rest class by class.
    """
    from edge_wbc.lab.comparison.tables import text

    wide = len(one.head) > 12
    kept = [
        column
        for column, name in enumerate(one.head)
        if name != "cells" and not (wide and one.words <= column < one.head.index("accuracy"))
    ]
    few = len(kept) < 6
    rows: list[list[str]] = []
    above = ""
    for row in one.rows:
        words = [text(word) if few else text(word)[:5] for word in row[1 : one.words]]
        figures = [text(row[column], limits=few) for column in kept if column >= one.words]
        system = str(row[0])
        rows.append([system if system != above else "", *words, *figures])
        above = system
    head = [one.head[column] if few else _SHORT.get(one.head[column], one.head[column][:5]) for column in kept]
    table(one.title, ["system", *head[1:]], rows, one.words)
