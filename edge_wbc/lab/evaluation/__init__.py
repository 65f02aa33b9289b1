"""How good a classifier is: the papers' measures, intervals, calibration."""

from edge_wbc.lab.evaluation.calibration import choose_threshold, fit_temperature
from edge_wbc.lab.evaluation.measures import evaluate

__all__ = ["choose_threshold", "evaluate", "fit_temperature"]
