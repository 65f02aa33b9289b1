"""`edge-wbc models`."""

from __future__ import annotations

from edge_wbc.cli.show import AsJson, emit_json, remark, table

__all__ = ["models", "network_rows"]

SIZE = 96  # of the crops that train cuts unless told otherwise


def models(as_json: AsJson = False) -> None:
    """List the networks that train takes, and the papers whose systems they are."""
    import torch

    from edge_wbc.lab.detection import DETECTORS, build_detector
    from edge_wbc.lab.models import TorchvisionWeights, parameters

    rows = network_rows()
    with torch.device("meta"):
        sizes = {name: parameters(build_detector(name)) for name in DETECTORS}
    detectors: list[dict] = [
        {
            "model": name,
            "parameters": sizes[name],
            "size": finder.size,
            "weights": str(finder.weights),
            "weights_at_hand": TorchvisionWeights(finder.weights).at_hand(),
            "licence": finder.licence,
            "on_phone": finder.on_phone,
        }
        for name, finder in DETECTORS.items()
    ]
    if as_json:
        emit_json({"models": rows, "detectors": detectors})
        return
    says = {True: "yes", False: "no"}
    for place, on_phone in (("that run on the phone", True), ("for a server", False)):
        table(
            f"networks {place}, five outputs; multiply-adds (MACs) of a crop of {SIZE} pixels",
            ("model", "params\nM", "MACs\nM", "own\npx", "weights\nhere", "licence", "papers"),
            [
                (
                    row["model"],
                    f"{row['parameters'] / 1e6:.1f}",
                    f"{row['multiply_adds'] / 1e6:.0f}",
                    str(row["size"]),
                    says[row["weights_at_hand"]],
                    row["licence"].removesuffix("-Clause").removesuffix(".0"),
                    ", ".join(row["papers"]) or "none",
                )
                for row in rows
                if row["on_phone"] is on_phone
            ],
        )
    table(
        "detectors of white cells",
        ("model", "params\nM", "field\npx", "weights\nhere", "licence", "on\nphone"),
        [
            (
                row["model"],
                f"{row['parameters'] / 1e6:.1f}",
                str(row["size"]),
                says[row["weights_at_hand"]],
                row["licence"],
                says[row["on_phone"]],
            )
            for row in detectors
        ],
    )
    absent = [row["model"] for row in rows if not row["weights_at_hand"]]
    if absent:
        remark(
            f"no ImageNet weights here: {', '.join(absent)}; train downloads them, or says that it can't and starts "
            "from random ones"
        )


def network_rows() -> list[dict]:
    """What the registry holds, an object a network, as ``models --json`` has it."""
    from edge_wbc.lab.models import MODELS, multiply_adds, on_paper, parameters

    rows: list[dict] = []
    for name, entry in MODELS.items():
        network = on_paper(name, 5)
        rows.append(
            {
                "model": name,
                "parameters": parameters(network),
                "multiply_adds": multiply_adds(network, SIZE),
                "size": entry.size,
                "least_size": entry.least,
                "weights": str(entry.weights),
                "weights_at_hand": entry.weights.at_hand(),
                "licence": entry.licence,
                "on_phone": entry.on_phone,
                "papers": list(entry.papers),
            }
        )
    return rows
