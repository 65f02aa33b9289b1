"""What shape and colour of the nucleus say of a cell, and an SVM on it: no network, no GPU, no torch."""

from typing import Any

from edge_wbc.lab.features.nucleus import nucleus
from edge_wbc.lab.features.tavakoli import CROP, FEATURE_NAMES, extract, features

__all__ = ["CROP", "FEATURE_NAMES", "FeatureSvm", "extract", "features", "fit_svm", "nucleus"]


def __getattr__(name: str) -> Any:
    # scikit-learn comes with the SVM alone: features need numpy and OpenCV.
    if name in ("FeatureSvm", "fit_svm"):
        from edge_wbc.lab.features import svm

        return getattr(svm, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
