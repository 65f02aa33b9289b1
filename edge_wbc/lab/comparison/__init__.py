"""Systems of the papers on one's own cells: fitted and judged alike, in the papers' own tables."""

from edge_wbc.lab.comparison.running import CompareOptions, Comparison, compare
from edge_wbc.lab.comparison.systems import SYSTEMS

__all__ = ["SYSTEMS", "CompareOptions", "Comparison", "compare"]
