"""Which photographs to keep: copies of one cell, found and left out."""

from edge_wbc.lab.curation.clean import deduplicate
from edge_wbc.lab.curation.duplicates import THRESHOLDS, DedupOptions

__all__ = ["THRESHOLDS", "DedupOptions", "deduplicate"]
