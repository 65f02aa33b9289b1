"""Trained detectors of white cells: fields with boxes -> a run -> cells, and how well they were found."""

from edge_wbc.lab.detection.data import load_fields, read_fields
from edge_wbc.lab.detection.detect import Detector, detect_cells, detect_loaded, is_detector_run, load_detector
from edge_wbc.lab.detection.measures import detection_measures, froc
from edge_wbc.lab.detection.models import DETECTORS, build_detector
from edge_wbc.lab.detection.training import DetectorOptions, train_detector

__all__ = [
    "DETECTORS",
    "Detector",
    "DetectorOptions",
    "build_detector",
    "detect_cells",
    "detect_loaded",
    "detection_measures",
    "froc",
    "is_detector_run",
    "load_detector",
    "load_fields",
    "read_fields",
    "train_detector",
]
