"""Stained blood smears drawn from nothing, so that the whole loop runs without a download."""

from edge_wbc.lab.synthesis.cells import DIAMETERS_UM, LARGE_LYMPHOCYTE_UM, CellSprite, draw_cell
from edge_wbc.lab.synthesis.optics import DOMAINS, Optics, photograph
from edge_wbc.lab.synthesis.smears import SmearOptions, draw_field, draw_smears
from edge_wbc.lab.synthesis.stain import Stain, random_stain

__all__ = [
    "DIAMETERS_UM",
    "DOMAINS",
    "LARGE_LYMPHOCYTE_UM",
    "CellSprite",
    "Optics",
    "SmearOptions",
    "Stain",
    "draw_cell",
    "draw_field",
    "draw_smears",
    "photograph",
    "random_stain",
]
