"""The same proof on the phones' runtimes: what TFLite 2.8, 2.11 and 2.14 say of held-out crops, if built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_wbc.core.errors import BadInput
from export.old_runtimes import Answers, OldRuntime, open_runtime, run_there
from export.prove import Limits, Proof, cells_of

if TYPE_CHECKING:
    from export.evidence import Evidence

__all__ = ["prove_on_old_runtimes"]

# In int8 the plain kernels say bit for bit what ARMv7 says, at a tenth of the speed.
_RUNTIMES = {
    "2.8.0": ("2.8.0-x86_64", False),
    "2.8.0 as ARMv7": ("2.8.0-x86_64", True),
    "2.11.0": ("2.11.0-x86_64", False),
    "2.14.0": ("2.14.0-x86_64", False),
}
_CROPS = 100


def _built(name: str) -> OldRuntime | None:
    try:
        return open_runtime(name)
    except BadInput:
        return None


def _compared(proof: Proof, where: str, answers: Answers, expected: np.ndarray, limits: Limits) -> Proof:
    if proof.file in answers.refused:
        return replace(proof, broken=(*proof.broken, f"TFLite {where} refuses it ({answers.refused[proof.file]})"))
    if proof.file not in answers.scores:
        return proof
    scores = answers.scores[proof.file]
    differ = int((scores.argmax(1) != expected.argmax(1)).sum())
    found = {
        "crops": len(scores),
        "agreement": 1 - differ / len(scores),
        "max_error": float(np.abs(scores - expected).max()),
    }
    broken = proof.broken
    # NaN would leave argmax at 0 and might look like agreement.
    if not np.isfinite(scores).all() or differ > cells_of(1 - limits.agreement, len(scores)):
        broken = (*broken, f"on TFLite {where} {differ} of {len(scores)} labels differ from PyTorch's")
    return replace(proof, old_runtimes={**proof.old_runtimes, where: found}, broken=broken)


def prove_on_old_runtimes(
    proofs: Sequence[Proof],
    files: Mapping[str, bytes],
    evidence: Evidence,
    expected: np.ndarray,
    limits: Limits,
    report: Callable[[str, int, int], None],
) -> list[Proof]:
    """The proofs with `old_runtimes` filled in and what breaks there added to `broken`.

    At most 100 crops, evenly chosen, are run on each runtime that `make runtimes` built; the others are left out.

    Args:
        files: name -> bytes of every artefact.
        evidence: the held-out crops.
        expected: float32 (N, L), what the PyTorch graph says of those crops.
        report: told ("prove on old runtimes", runtimes done, runtimes in all).

    Raises:
        BadInput: a runtime is built, but does not start.
    """
    rows = np.linspace(0, len(evidence.crops) - 1, min(_CROPS, len(evidence.crops))).astype(int)
    crops, expected = evidence.crops[rows], expected[rows]
    done = list(proofs)
    for number, (where, (name, plain)) in enumerate(_RUNTIMES.items()):
        report("prove on old runtimes", number, len(_RUNTIMES))
        models = {
            proof.file: files[proof.file]
            for proof in proofs
            if proof.file.endswith(".tflite") and (not plain or proof.kind.endswith("int8"))
        }
        runtime = _built(name)
        if runtime is None or not models:
            continue
        answers = run_there(runtime, models, crops, plain)
        done = [_compared(proof, where, answers, expected, limits) for proof in done]
    report("prove on old runtimes", len(_RUNTIMES), len(_RUNTIMES))
    return done
