"""`edge-wbc models`."""

from __future__ import annotations

from edge_wbc.cli.show import AsJson, emit_json, table

__all__ = ["models"]

SIZE = 96  # of the crops that train cuts unless told otherwise


def models(as_json: AsJson = False) -> None:
    """List the networks that train takes."""
    from edge_wbc.lab.detection import DETECTORS, build_detector
    from edge_wbc.lab.models import MODELS, TorchvisionWeights, build_network, multiply_adds, parameters

    rows: list[dict] = []
    for name, entry in MODELS.items():
        network = build_network(name, 5)
        rows.append(
            {
                "model": name,
                "parameters": parameters(network),
                "multiply_adds": multiply_adds(network, SIZE),
                "weights": str(entry.weights),
                "weights_at_hand": entry.weights.at_hand(),
                "licence": entry.licence,
                "on_phone": entry.on_phone,
            }
        )
    detectors = [
        {
            "model": name,
            "parameters": parameters(build_detector(name)),
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
    table(
        f"networks with five outputs; multiply-adds (MACs) of a crop of {SIZE} pixels",
        ("model", "params,\nM", "MACs,\nM", "weights\nat hand", "licence", "on\nphone"),
        [_line(row, f"{row['multiply_adds'] / 1e6:.0f}") for row in rows],
    )
    table(
        "detectors of white cells",
        ("model", "params,\nM", "field,\npx", "weights\nat hand", "licence", "on\nphone"),
        [_line(row, str(row["size"])) for row in detectors],
    )


def _line(row: dict, cost: str) -> tuple[str, ...]:
    """One network; which weights they are, --json says."""
    says = {True: "yes", False: "no"}
    at_hand, on_phone = says[row["weights_at_hand"]], says[row["on_phone"]]
    return row["model"], f"{row['parameters'] / 1e6:.1f}", cost, at_hand, row["licence"], on_phone
