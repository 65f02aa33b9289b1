"""Labelled cells from disk: class folders, a labels.csv, or records of fields."""

from edge_wbc.lab.datasets.crops import LoadedCrops, load_crops
from edge_wbc.lab.datasets.read import Dataset, Item, read_dataset

__all__ = ["Dataset", "Item", "LoadedCrops", "load_crops", "read_dataset"]
