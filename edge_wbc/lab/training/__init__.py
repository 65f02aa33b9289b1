"""Training: recipes, the loop, and the run folder that it writes."""

from edge_wbc.lab.training.augment import Variation
from edge_wbc.lab.training.live import live_curves
from edge_wbc.lab.training.loop import TrainOptions, train
from edge_wbc.lab.training.ranks import joined_ranks
from edge_wbc.lab.training.recipes import RECIPES, Recipe
from edge_wbc.lab.training.run import TrainedRun, load_run

__all__ = [
    "RECIPES",
    "Recipe",
    "TrainOptions",
    "TrainedRun",
    "Variation",
    "joined_ranks",
    "live_curves",
    "load_run",
    "train",
]
