"""`edge-wbc models`."""

from __future__ import annotations

from edge_wbc.cli.show import AsJson, emit_json, table

__all__ = ["models"]


def models(as_json: AsJson = False) -> None:
    """List the networks that train takes."""
    from edge_wbc.lab.detection import DETECTORS, build_detector
    from edge_wbc.lab.models import MODELS, build_network, parameters

    rows = [
        {
            "model": name,
            "parameters": parameters(build_network(name, 5)),
            "weights": str(entry.weights),
            "licence": entry.licence,
            "on_phone": entry.on_phone,
        }
        for name, entry in MODELS.items()
    ]
    detectors = [
        {
            "model": name,
            "parameters": parameters(build_detector(name)),
            "size": finder.size,
            "weights": str(finder.weights),
            "licence": finder.licence,
            "on_phone": finder.on_phone,
        }
        for name, finder in DETECTORS.items()
    ]
    if as_json:
        emit_json({"models": rows, "detectors": detectors})
        return
    for title, listed in (("networks, with five outputs", rows), ("detectors of white cells", detectors)):
        table(
            title,
            ("model", "parameters", "weights", "licence", "runs on the phone"),
            [
                (
                    str(row["model"]),
                    f"{row['parameters']:,}",
                    str(row["weights"]),
                    str(row["licence"]),
                    "yes" if row["on_phone"] else "no",
                )
                for row in listed
            ],
        )
