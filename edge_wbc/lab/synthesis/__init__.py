"""Stained blood smears drawn from nothing, so that the whole loop runs without a download."""

from edge_wbc.lab.synthesis.cutouts import Cutout, Pools
from edge_wbc.lab.synthesis.drawing import DIAMETERS_UM, DRAWN, draw_cell, draw_pools
from edge_wbc.lab.synthesis.fields import SmearOptions, draw_field
from edge_wbc.lab.synthesis.optics import DOMAINS, Optics, photograph
from edge_wbc.lab.synthesis.placement import PlacementOptions
from edge_wbc.lab.synthesis.smears import draw_smears
from edge_wbc.lab.synthesis.stain import STAINS, Stain, random_stain

__all__ = [
    "DIAMETERS_UM",
    "DOMAINS",
    "DRAWN",
    "STAINS",
    "Cutout",
    "Optics",
    "PlacementOptions",
    "Pools",
    "SmearOptions",
    "Stain",
    "draw_cell",
    "draw_field",
    "draw_pools",
    "draw_smears",
    "photograph",
    "random_stain",
]
