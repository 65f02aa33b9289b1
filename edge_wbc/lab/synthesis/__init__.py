"""Stained blood smears drawn from nothing, so that the whole loop runs without a download."""

from edge_wbc.lab.synthesis.fields import SmearOptions, draw_field
from edge_wbc.lab.synthesis.optics import DOMAINS, Optics, photograph
from edge_wbc.lab.synthesis.placement import PlacementOptions
from edge_wbc.lab.synthesis.smears import draw_smears
from edge_wbc.lab.synthesis.stain import Stain, random_stain

__all__ = [
    "DOMAINS",
    "Optics",
    "PlacementOptions",
    "SmearOptions",
    "Stain",
    "draw_field",
    "draw_smears",
    "photograph",
    "random_stain",
]
