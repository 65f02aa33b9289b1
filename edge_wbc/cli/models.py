"""`edge-wbc models`."""

from __future__ import annotations

from edge_wbc.cli.show import AsJson, emit_json, table

__all__ = ["models"]


def models(as_json: AsJson = False) -> None:
    """List the networks that train takes."""
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
    if as_json:
        emit_json({"models": rows})
        return
    table(
        "networks, with five outputs",
        ("model", "parameters", "weights", "licence", "runs on the phone"),
        [
            (
                str(row["model"]),
                f"{row['parameters']:,}",
                str(row["weights"]),
                str(row["licence"]),
                "yes" if row["on_phone"] else "no",
            )
            for row in rows
        ],
    )
