"""A network brought to a new lab: with few labels, or with none."""

from edge_wbc.lab.adaptation.adapting import METHODS, AdaptOptions, adapt
from edge_wbc.lab.adaptation.published import SETTINGS, Setting

__all__ = ["METHODS", "SETTINGS", "AdaptOptions", "Setting", "adapt"]
