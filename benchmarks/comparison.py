"""The papers' systems on the same cells: learned on pbc, judged there, on tecom and on bccd crops.

    python benchmarks/comparison.py --data SHARED [--work DIR] [--epochs 5] [--size 112] [--seeds 1] [--budget MINUTES]

SHARED holds pbc, tecom and bccd/crops. Everything is kept in --work: the same command goes on after a kill or a budget.
Prints the accuracies; writes benchmarks/results/comparison.md, comparison.json and, where networks were trained,
comparison-curves.png.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from edge_wbc.core.files import write_whole
from edge_wbc.lab.comparison import CompareOptions, compare
from edge_wbc.lab.comparison.report import write_reports
from edge_wbc.lab.comparison.tables import overview, text
from edge_wbc.lab.datasets import read_dataset

RESULTS = Path(__file__).parent / "results"
# The quick ones first: a budget cuts the end.
SYSTEMS = (
    "knn",
    "svm",
    "logistic",
    "tree",
    "tavakoli",
    "mobilenet_v2",
    "efficientnet_lite0",
    "shufflenet_v2_x1_0",
    "mnasnet1_0",
    "resnet18",
    "mobilenet_v2+yu@yu",
    "efficientnet_lite0+yu@yu",
    "yu-vote:mobilenet_v2+yu@yu:efficientnet_lite0+yu@yu",
)
LABS = {"pbc": "pbc", "tecom": "tecom", "bccd": "bccd/crops"}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--work", type=Path, default=Path("comparison"))
    asked.add_argument("--models", default=",".join(SYSTEMS))
    asked.add_argument("--epochs", type=int, default=5)
    asked.add_argument("--size", type=int, default=112)
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--budget", type=float)
    given = asked.parse_args()
    home, *others = (replace(read_dataset(given.data / folder, only="5"), domain=name) for name, folder in LABS.items())
    options = CompareOptions(
        tuple(given.models.split(",")),
        epochs=given.epochs,
        size=given.size,
        seeds=given.seeds,
        budget=given.budget,
    )
    found = compare(home, others, given.work, options, log=lambda line: print(line, flush=True))
    facts = write_reports(found, options, given.work)
    write_whole(RESULTS / "comparison.md", (given.work / "report.md").read_bytes())
    # The tables are in the Markdown.
    kept = {name: value for name, value in facts.items() if name != "tables"}
    write_whole(RESULTS / "comparison.json", (json.dumps(kept, indent=1) + "\n").encode())
    if (given.work / "curves.png").is_file():
        write_whole(RESULTS / "comparison-curves.png", (given.work / "curves.png").read_bytes())
    for row in overview(found.tested, found.remarks).rows:
        print("  ".join(text(cell) for cell in row))


if __name__ == "__main__":
    main()
