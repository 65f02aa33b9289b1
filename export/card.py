"""MODEL_CARD.md: what the pack holds, for whom, and how far to trust it; its headings are Hugging Face's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_wbc.lab.evaluation.guard import GUARD_LABEL
from export.prove import Proof

if TYPE_CHECKING:
    from edge_wbc.lab.training.run import TrainedRun

__all__ = ["model_card"]

_HEAD = """\
---
pipeline_tag: image-classification
tags: [white-blood-cells, microscopy, smartphone, tflite, onnx, int8]
---

# Model Card for {model}, white blood cells in {labels} labels

**Research use, not for diagnosis.**

## Model Details

### Model Description

- Network: `{model}`, input {size} x {size} RGB crops of one cell each, values 0 to 255
- Labels, in the order of the output: {names}
- Normalisation, temperature ({temperature:.4g}) and softmax are inside every artefact's graph
- A highest probability under {uncertain:.3g} counts as uncertain

## Uses

### Direct Use

Naming single white blood cells that were found in fields photographed through a microscope's ocular, cut out with the
crop rule in `pack.json`, while an expert looks on and corrects. For research on smartphone microscopy and for teaching.

### Out-of-Scope Use

Diagnosis, triage or any decision about a patient; cells cut out by another rule; stains, species, objectives or cameras
unlike those of the training data without adaptation and a new evaluation; blasts and other cells outside the labels,
which {others}.

## Bias, Risks, and Limitations

- Accuracy falls, often steeply, with another laboratory's stain, microscope or phone: evaluate on your own cells first.
- The figures below are of crops; a differential count also carries the errors of finding cells.
- Quantised artefacts were compared with the float network on the held-out crops below only, and times were taken on the
  machine that exported them, not on a phone.

## How to Get Started with the Model

```
edge-wbc pack inspect PACK
edge-wbc classify PACK IMAGES --draw OUT
edge-wbc evaluate PACK DATA
```
"""

_HELD_BACK = f"`{GUARD_LABEL}` and the threshold hold back in part only"

_NEEDED = 0.003
"""The loss of accuracy from which on rounding to the nearest is not good enough."""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.1f}%"


def _training(run: TrainedRun, about: str) -> str:
    counts: dict[str, Counter[str]] = {}
    for _, name, part in run.provenance:
        counts.setdefault(name.partition("/")[0], Counter())[part] += 1
    parts = [part for part in ("train", "val", "test", "unlabelled") if any(lab[part] for lab in counts.values())]
    rows = [[lab, *(str(found[part]) for part in parts)] for lab, found in counts.items()]
    note = "The SHA-256 of every image stands in `training.sha256`, so that a test set can be checked for overlap.\n"
    images = markdown_table(["images of", *parts], rows) if rows else "Not recorded.\n"
    lines = ["## Training Details\n\n### Training Data\n", *([about.strip() + "\n"] if about else []), images, note]
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items()) or "what, is not recorded"
    return "\n".join([*lines, f"### Training Procedure\n\nSeed {run.seed}; trained with {versions}.\n"])


def _evaluation(metrics: Mapping[str, Any]) -> str:
    rows, held = [], []
    for part, figures in metrics.items():
        if not isinstance(figures, Mapping) or "accuracy" not in figures:
            continue
        ece = figures.get("calibration") or {}
        rows.append(
            [
                str(part),
                str(figures.get("n", "-")),
                _share(figures["accuracy"], figures.get("accuracy_ci95")),
                percent(figures.get("balanced_accuracy")),
                percent(figures.get("macro_f1")),
                f"{ece['ece_before']:.3f}, {ece['ece']:.3f}" if ece else "-",
            ]
        )
        for name, of_guard in (figures.get("guard") or {}).items():
            if not of_guard:
                continue
            what = "white cells that stay certain" if name == "kept" else "others held back"
            held.append([str(part), what, str(of_guard["n"]), _share(of_guard["share"], of_guard["ci95"])])
            held += [
                [str(part), f"{kind} held back", str(found["n"]), _share(found["share"], found["ci95"])]
                for kind, found in of_guard.get("kinds", {}).items()
            ]
    if not rows:
        return "## Evaluation\n\n### Results\n\nNo metrics were recorded with the run.\n"
    head = ["part or domain", "crops", "accuracy", "balanced accuracy", "macro F1", "ECE before, after temperature"]
    tables = markdown_table(head, rows)
    if held:
        tables += f"\nCertain means not named `{GUARD_LABEL}` and not under the threshold:\n\n"
        tables += markdown_table(["part or domain", "crops that are", "crops", "share"], held)
    return f"## Evaluation\n\n### Results\n\nPyTorch, 95% intervals in brackets.\n\n{tables}"


def _share(share: float, limits: Sequence[float] | None) -> str:
    return percent(share) + (f" ({percent(limits[0])} to {percent(limits[1])})" if limits else "")


def _proof(proofs: Sequence[Proof], nearest: Sequence[Proof]) -> str:
    first = proofs[0]
    head = [
        "artefact",
        "bytes",
        "largest error",
        "mean error",
        "agreement",
        "accuracy",
        "PyTorch",
        "multiply-adds in int8",
        "transposes",
        "tensors at a time",
        "ms, one thread",
    ]
    rows = [
        [
            f"`{proof.file}`",
            f"{proof.bytes:,}",
            f"{proof.max_error:.2g}",
            f"{proof.mean_error:.2g}",
            percent(proof.agreement),
            percent(proof.accuracy),
            percent(proof.torch_accuracy),
            percent(proof.int8_multiply_adds),
            str(proof.transposes),
            f"{proof.peak_bytes / 1024:,.0f} KiB",
            f"{proof.ms_median:.2f} ({proof.runtime})",
        ]
        for proof in proofs
    ]
    labels = [
        [
            label,
            str(int(figures["crops"])),
            percent(figures["torch_accuracy"]),
            *(percent(proof.per_label[label]["accuracy"]) for proof in proofs),
        ]
        for label, figures in first.per_label.items()
    ]
    return (
        "## Technical Specifications\n\n### Artefacts against PyTorch\n\n"
        f"On {first.crops} crops (part `{first.part}`); errors are of"
        f" probabilities. The same in `numerics.json`.\n\n{markdown_table(head, rows)}\nAccuracy by label:\n\n"
        + markdown_table(["label", "crops", "PyTorch", *(f"`{proof.file}`" for proof in proofs)], labels)
        + _old_runtimes(proofs)
        + "".join(_rounding(proof, plain) for proof in proofs for plain in nearest if proof.kind == plain.kind)
    )


def _old_runtimes(proofs: Sequence[Proof]) -> str:
    names = list(dict.fromkeys(name for proof in proofs for name in proof.old_runtimes))
    if not names:
        return "\nThe phones' own runtimes, TFLite 2.8 and 2.11, were not at hand.\n"
    rows = [
        [f"`{proof.file}`", *(_there(proof.old_runtimes.get(name)) for name in names)]
        for proof in proofs
        if proof.old_runtimes
    ]
    crops = next(int(found["crops"]) for proof in proofs for found in proof.old_runtimes.values())
    return (
        f"\nThe same label as PyTorch's on older runtimes, of {crops} of these crops, and the largest error:\n\n"
        + markdown_table(["artefact", *(f"TFLite {name}" for name in names)], rows)
    )


def _there(found: Mapping[str, float] | None) -> str:
    return f"{percent(found['agreement'])}, {found['max_error']:.2g}" if found else "-"


def _rounding(proof: Proof, plain: Proof) -> str:
    lost = plain.torch_accuracy - plain.accuracy
    verdict = (
        "needed" if lost > _NEEDED or plain.broken else "not needed here, and kept because it errs less elsewhere too"
    )
    return (
        "\n### Rounding\n\nBefore int8, channels are brought to alike ranges where that changes nothing, weights are"
        " rounded for what they are multiplied with, and biases corrected; ranges hold what 95% of those crops"
        " stay within. With the last alone,"
        f" `{proof.file}` would agree on {percent(plain.agreement)} instead of {percent(proof.agreement)}, err by"
        f" {plain.mean_error:.2g} instead of {proof.mean_error:.2g} on average and name {percent(plain.accuracy)}"
        f" right, PyTorch {percent(plain.torch_accuracy)}: {verdict}. Quantisation-aware training is not used.\n"
    )


def model_card(run: TrainedRun, proofs: Sequence[Proof], nearest: Sequence[Proof], about: str = "") -> str:
    """The card's Markdown: details, uses, limitations, training, evaluation, and the artefacts with their proof.

    Args:
        run: what was exported.
        proofs: of every artefact in the pack, at least one.
        nearest: of the int8 artefact had its weights been rounded to the nearest; none where the pack holds no such.
        about: Markdown about the training data: whose it is, and under which licence.
    """
    head = _HEAD.format(
        model=run.model,
        labels=len(run.labels),
        size=run.crop.size,
        names=", ".join(f"`{label}`" for label in run.labels),
        temperature=run.temperature,
        uncertain=run.uncertain_below,
        others=_HELD_BACK if GUARD_LABEL in run.labels else "are given one of the labels all the same",
    )
    return "\n".join([head, _training(run, about), _evaluation(run.metrics), _proof(proofs, nearest)])
