"""MODEL_CARD.md of a detector's pack: what it holds, for whom, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_wbc.core.detector_pack import DetectorManifest
from export.card import markdown_table, percent

if TYPE_CHECKING:
    from export.detector import DetectorProof

__all__ = ["detector_card"]

_HEAD = """\
---
pipeline_tag: object-detection
tags: [white-blood-cells, microscopy, smartphone, tflite, onnx, int8]
---

# Model Card for {model}, finds white blood cells in fields

**Research use, not for diagnosis.**

## Model Details

### Model Description

- Network: `{model}`, input {size} x {size} RGB, values 0 to 255: the field, its longer side {size} pixels, at the top
  left of a square of margin
- One kind of object, the white cell; normalisation is inside every artefact's graph
- Outputs: for each of {maps} maps logits, and shifts and growths of its square anchors; `edge_wbc.core.detector_pack`
  makes boxes of them
- A score from {threshold:.3g} on is called a cell

## Uses

### Direct Use

Finding white cells in fields photographed through a microscope's ocular, while an expert looks on and corrects. For
research on smartphone microscopy and for teaching.

### Out-of-Scope Use

Diagnosis, triage or any decision about a patient; stains, species, objectives or cameras unlike those of the training
data without a new evaluation.

## Bias, Risks, and Limitations

- What it finds in another laboratory's fields has to be evaluated there first.
- Quantised artefacts were compared with the float network on the held-out fields below only, and times were taken on
  the machine that exported them, not on a phone.

## How to Get Started with the Model

```
edge-wbc pack inspect PACK
edge-wbc find IMAGES --detector PACK --out DIR
edge-wbc evaluate PACK DATA
```
"""


def _evaluation(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            part,
            str(found["fields"]),
            str(found["cells"]),
            percent(found["ap50"]),
            percent(found["ap50_95"]),
            percent(found["recall"]),
            f"{found['false_per_field']:.3f}",
        ]
        for part, found in metrics.items()
    ]
    head = ["part", "fields", "cells", "AP50", "AP50:95", "recall at its threshold", "false a field there"]
    return "## Evaluation\n\n### Results\n\nPyTorch.\n\n" + markdown_table(head, rows)


def _proof(proofs: Sequence[DetectorProof]) -> str:
    head = ["artefact", "bytes", "largest error of a score", "of a box, pixels", "AP50", "PyTorch", "ms, one thread"]
    rows = [
        [
            f"`{proof.file}`",
            f"{proof.bytes:,}",
            f"{proof.max_score_error:.2g}",
            f"{proof.max_box_error:.2g}",
            percent(proof.ap50),
            percent(proof.torch_ap50),
            f"{proof.ms_median:.2f} ({proof.runtime})",
        ]
        for proof in proofs
    ]
    first = proofs[0]
    return (
        "## Technical Specifications\n\n### Artefacts against PyTorch\n\n"
        f"On {first.fields} fields with {first.cells} cells (part `{first.part}`);"
        f" boxes are compared in pixels of the input. The same in `numerics.json`.\n\n{markdown_table(head, rows)}"
    )


def detector_card(
    manifest: DetectorManifest,
    provenance: Sequence[tuple[str, str, str]],
    proofs: Sequence[DetectorProof],
    about: str = "",
) -> str:
    """The card's Markdown: details, uses, limitations, training, evaluation, and the artefacts with their proof.

    Args:
        provenance: (SHA-256, name, part) of every photograph.
        proofs: of every artefact in the pack, at least one.
        about: Markdown about the training data: whose it is, and under which licence.
    """
    counts = Counter(part for _, _, part in provenance)
    head = _HEAD.format(
        model=manifest.model,
        size=manifest.size,
        maps=len(manifest.maps),
        threshold=manifest.threshold,
    )
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    data = [
        "## Training Details\n\n### Training Data\n",
        *([about.strip() + "\n"] if about else []),
        markdown_table(["part", "fields"], [[part, str(count)] for part, count in sorted(counts.items())]),
        "The SHA-256 of every photograph stands in `training.sha256`, so that a test set can be checked for overlap.\n",
        f"### Training Procedure\n\nSeed {manifest.seed}; trained with {versions}.\n",
    ]
    return "\n".join([head, *data, _evaluation(manifest.metrics), _proof(proofs)])
