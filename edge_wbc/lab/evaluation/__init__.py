"""How good a classifier is: the papers' measures, intervals, calibration, the guard, and a page that shows them."""

from edge_wbc.lab.evaluation.calibration import choose_threshold, fit_temperature, reliability
from edge_wbc.lab.evaluation.guard import GUARD_LABEL, certainty, guard_measures
from edge_wbc.lab.evaluation.measures import bootstrap_intervals, evaluate

__all__ = [
    "GUARD_LABEL",
    "bootstrap_intervals",
    "certainty",
    "choose_threshold",
    "evaluate",
    "fit_temperature",
    "guard_measures",
    "reliability",
]
