"""What the papers printed, as printed: every figure of their tables, and which of our systems each row is.

Shares are in percent unless said. Where a paper contradicts itself the figure stands as printed, and is named in
`CONTRADICTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_wbc.core.taxonomy import CLASS_SETS, YU_SEVEN
from edge_wbc.lab.adaptation.published import SETTINGS

__all__ = [
    "CONTRADICTIONS",
    "COURSE",
    "COURSE_ALL",
    "RAABIN_TABLE_7",
    "RAABIN_TABLE_8",
    "RAABIN_TABLE_9",
    "SOURCES",
    "YU_TABLE_I",
    "YU_TABLE_II",
    "YU_TABLE_III",
    "Source",
    "published_figures",
]


@dataclass(frozen=True)
class Source:
    """Where a table stands, and on which cells its figures were measured.

    Attributes:
        counts: class -> cells that were judged, where published.
    """

    paper: str
    table: str
    data: str
    counts: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.paper}, {self.table}"


_FIVE = ("lymphocyte", "monocyte", "neutrophil", "eosinophil", "basophil")
_RAABIN = "Kouzehkanani et al., Raabin-WBC (Scientific Reports 12:1123)"
_YU = "Yu et al."
_COURSE = "course report on white-cell classification"
_CHOSSEGROS = "Chossegros et al. (J. Pathol. Inform. 15:100405)"
_SYNTHETIC = "Al-Qudah and Suen"

# Raabin-WBC, Table 1: share of white cells in blood in percent; smallest and largest diameter in micrometres.
RAABIN_TABLE_1 = {
    "neutrophil": (60, 12, 16),
    "eosinophil": (3, 14, 16),
    "basophil": (1, 14, 16),
    "monocyte": (6, 14, 20),
    "lymphocyte": (30, 8, 15),
}

# Table 3: what the set holds; masks of nucleus and cytoplasm, of basophils of the whole cell.
RAABIN_TABLE_3 = {
    "films": 73,
    "films by kind": {"CML": 1, "normal, anaemia": 2, "normal, eosinophilia": 2, "normal": 68},
    "fields": 20_936,
    "boxes": 40_763,
    "boxes by votes": {0: 10_385, 1: 4_971, 2: 25_408},
    "masks": {"lymphocyte": 242, "monocyte": 242, "neutrophil": 242, "eosinophil": 201, "basophil": 218},
}

# Table 4: cells by what expert 1 (rows) and expert 2 (columns) said.
RAABIN_TABLE_4_LABELS = (
    "artifact", "band", "basophil", "burst", "eosinophil", "large_lymphocyte", "metamyelocyte", "monocyte",
    "neutrophil", "small_lymphocyte", "not_recognised", "not_labelled",
)  # fmt: skip
RAABIN_TABLE_4 = (
    (3489, 0, 0, 14, 2, 1, 0, 0, 6, 4, 96, 225),
    (0, 311, 0, 2, 0, 0, 2, 0, 32, 0, 16, 71),
    (0, 0, 308, 0, 0, 0, 0, 0, 0, 0, 2, 0),
    (29, 0, 0, 2673, 1, 11, 0, 4, 1, 32, 96, 525),
    (0, 0, 0, 9, 1466, 0, 0, 0, 1, 1, 13, 607),
    (0, 0, 0, 1, 0, 2153, 0, 4, 1, 172, 23, 163),
    (0, 0, 0, 1, 0, 0, 11, 1, 2, 0, 6, 12),
    (0, 0, 0, 2, 0, 24, 0, 874, 1, 0, 36, 104),
    (0, 134, 0, 29, 3, 1, 0, 2, 11726, 1, 109, 1078),
    (1, 0, 0, 1, 0, 31, 0, 0, 0, 1833, 20, 370),
    (65, 5, 0, 9, 5, 744, 10, 81, 127, 332, 1099, 268),
    (5, 0, 0, 0, 0, 1, 0, 0, 9, 4, 3, 9015),
)

# Table 5: the phones' cameras (megapixels, aperture, equivalent focal length in mm, sensor, pixel in micrometres).
RAABIN_TABLE_5 = {
    "Samsung Galaxy S5": ("Samsung S5K2P2XX ISOCELL", 16, 2.2, 31, '1/2.6"', 1.12),
    "LG G3": ("Sony IMX135", 13, 2.4, 29, '1/3"', 1.12),
}

# Table 7: cells by part and class.
RAABIN_TABLE_7 = {
    part: dict(zip(_FIVE, counts, strict=True))
    for part, counts in {
        "train": (2427, 561, 6231, 744, 212),
        "test-A": (1034, 234, 2660, 322, 89),
        "test-B": (148, 0, 1971, 0, 0),
    }.items()
}

ClassRow = Mapping[str, Mapping[str, float]]


def _block(text: str, classes: Sequence[str], measures: Sequence[str]) -> dict[str, ClassRow]:
    """Lines "NAME  figures of a class | figures of the next | accuracy" -> row -> class or "all" -> measure."""
    rows: dict[str, ClassRow] = {}
    for line in text.strip().splitlines():
        name, _, rest = line.strip().partition("  ")
        groups = [[float(figure) for figure in group.split()] for group in rest.split("|")]
        found = {label: dict(zip(measures, group, strict=True)) for label, group in zip(classes, groups, strict=False)}
        rows[name] = {**found, "all": {"accuracy": groups[-1][0]}}
    return rows


_PSF = ("precision", "sensitivity", "f1")

RAABIN_TABLE_8 = _block(
    """
    ResNet18  98.84 99.23 99.08 | 96.96 95.30 96.12 | 99.66 99.36 99.5 | 95.77 98.45 97.09 | 100 100 100 | 99.06
    ResNet34  98.66 99.52 99.09 | 96.93 94.44 95.67 | 99.85 99.14 99.49 | 94.67 99.38 96.97 | 100 100 100 | 99.01
    ResNet50  98.47 99.52 98.99 | 97.36 94.44 95.88 | 99.74 99.40 99.57 | 96.94 98.45 97.69 | 100 100 100 | 99.10
    ResNext50  98.01 100 98.99 | 99.53 91.45 95.32 | 99.74 99.55 99.64 | 97.85 98.76 98.30 | 100 100 100 | 99.17
    MnasNet1  98.93 98.65 98.79 | 94.14 96.15 95.14 | 99.66 98.76 99.21 | 92.15 98.45 95.20 | 100 100 100 | 98.59
    MobileNet-V2  98.85 99.32 99.08 | 96.93 94.44 95.67 | 99.66 99.40 99.53 | 96.97 99.38 98.16 | 100 100 100 | 99.12
    DenseNet121  98.38 99.61 98.99 | 97.72 91.45 94.48 | 99.70 99.14 99.42 | 94.40 99.38 96.82 | 100 100 100 | 98.87
    ShuffleNet-V2  98.09 99.32 98.70 | 96.49 94.02 95.24 | 99.74 99.36 99.55 | 97.85 98.76 98.30 | 100 100 100 | 99.03
    VGG16  98.26 98.26 98.26 | 95.09 91.03 93.01 | 99.43 98.57 99 | 89.01 98.14 93.35 | 100 100 100 | 98.09
    Tavakoli  97.23 95.07 96.14 | 84.87 86.32 85.59 | 98 95.60 96.78 | 72.24 91.30 80.66 | 96.59 95.51 96.05 | 94.65
    """,
    _FIVE,
    _PSF,
)
RAABIN_TABLE_9 = _block(
    """
    ResNet18  21 94 34 | 100 2 3 | 8
    ResNet34  24 94 38 | 100 27 43 | 32
    ResNet50  21 95 35 | 100 2 4 | 8
    ResNext50  24 90 38 | 100 3 5 | 9
    MnasNet1  20 88 33 | 100 0 0 | 6
    MobileNet-V2  72 50 59 | 100 0 0 | 4
    DenseNet121  43 64 51 | 100 8 15 | 12
    ShuffleNet-V2  42 75 54 | 100 0 0 | 5
    VGG16  96 89 93 | 100 65 79 | 66
    Tavakoli  94 54 69 | 100 92 96 | 90
    """,
    ("lymphocyte", "neutrophil"),
    _PSF,
)

# Others' runs on Raabin's test-B (apple2373/wbc-benchmark), ten seeds: mean, standard deviation of the accuracy.
RAABIN_TEST_B_ELSEWHERE = {
    "VGG16": (64.8, 6.1),
    "ResNet50": (34.6, 10.7),
    "ResNet50, frozen batch norm": (65.4, 2.8),
    "ResNet50, group norm": (78.0, 5.4),
    "ViT-B/16": (85.1, 2.7),
}
LISC_ELSEWHERE = dict(zip(RAABIN_TEST_B_ELSEWHERE, (74.4, 23.1, 51.5, 73.1, 69.8), strict=True))

# Al-Qudah and Suen: cells a smear (mean, standard deviation), and mAP of YOLO trained on drawn smears, on ALL-IDB1.
SYNTHETIC_COUNTS = {"platelets": (4.3, 4.8), "white cells": (8.6, 10.5), "red cells": (669, 149)}
SYNTHETIC_MAP = {"Tiny YOLOv3": 40.0, "YOLOv2": 97.59, "YOLOv2, random resize every 10 batches": 98.72}
SYNTHETIC_MAP_BY_CLASS = {"white cell": 100.0, "nucleated red cell": 100.0, "platelet": 96.4}

YU_TABLE_I = {"KNN": 82.90, "SVM": 84.68, "LR": 85.39, "decision tree": 70.53, "CNN vote": 88.5}
# Rows are the truth: read so, five of the seven published sensitivities fit.
YU_TABLE_II = (
    (20, 1, 0, 0, 21, 0, 1),
    (0, 78, 0, 0, 50, 0, 0),
    (0, 0, 6, 0, 0, 0, 0),
    (0, 0, 0, 12, 3, 0, 3),
    (1, 1, 0, 0, 247, 0, 0),
    (3, 3, 0, 1, 37, 668, 9),
    (1, 1, 0, 0, 5, 2, 27),
)
_YU_III = ("accuracy", "sensitivity", "specificity", "misdiagnosis")
YU_TABLE_III: ClassRow = {
    label: dict(zip(_YU_III, row, strict=True))
    for label, row in zip(
        YU_SEVEN,
        (
            (96, 32, 100, 0), (95, 61, 99, 1), (100, 100, 100, 0), (99, 67, 100, 0), (90, 99, 88, 12),
            (95, 93, 100, 0), (95, 93, 100, 0),
        ),
        strict=True,
    )
}  # fmt: skip

_COURSE_MEASURES = ("auc", "accuracy", "sensitivity", "specificity", "precision")
_COURSE_CLASSES = ("eosinophil", "lymphocyte", "monocyte", "neutrophil")


def _course(*rows: tuple[float, ...]) -> ClassRow:
    return {
        label: dict(zip(_COURSE_MEASURES, row, strict=True)) for label, row in zip(_COURSE_CLASSES, rows, strict=True)
    }


COURSE: dict[str, ClassRow] = {
    "ResNet101V2": _course(
        (99.43, 95.81, 86.67, 98.87, 96.25),
        (99.99, 98.99, 96.13, 99.94, 99.83),
        (97.14, 92.8, 75, 98.71, 95.09),
        (97.38, 89.22, 95.19, 87.22, 71.39),
    ),
    "Xception": _course(
        (98.62, 94.49, 83.3, 98.23, 94),
        (99.99, 99.43, 97.9, 99.94, 99.83),
        (98.23, 94.41, 79.35, 99.41, 97.81),
        (97.92, 89.46, 94.55, 87.76, 72.12),
    ),
    # The last row stands as printed: its columns are rotated, see CONTRADICTIONS.
    "Inception-ResNet-V2": _course(
        (98.2, 92.84, 91.49, 93.3, 82),
        (99.99, 99.19, 99.83, 98.98, 97.02),
        (99.67, 97.58, 93.7, 98.87, 96.51),
        (96.16, 78.04, 97.69, 91.88, 92.76),
    ),
}
COURSE_CELLS = {"train": 9_957, "test": 2_487}
COURSE_ALL = {
    "ResNet101V2": {"auc": 98.49, "accuracy": 88.42, "loss": 0.3307},
    "Xception": {"auc": 98.69, "accuracy": 88.9, "loss": 0.3470},
    "Inception-ResNet-V2": {"auc": 98.51, "accuracy": 91.15, "loss": 0.3085},
}
COURSE_ROTATED = {"accuracy": 92.76, "sensitivity": 78.04, "specificity": 97.69, "precision": 91.88}
"""Inception-ResNet-V2's neutrophil row, read as its numbers allow: 624 of 2,487 test cells are neutrophils."""

# Chossegros et al.: accuracy, precision, recall as shares on the source's own test parts; the settings of their
# ablation are `adaptation.published.SETTINGS`.
CHOSSEGROS_SOURCE = {"Barcelona": (0.98, 0.98, 0.98), "Munich": (0.88, 0.76, 0.77)}
CHOSSEGROS_SAMPLE_SIZES = (30, 45, 60, 75, 90, 100)

# Paper, table, system as it is named here or "" for any, class, measure or "*" -> what does not fit.
CONTRADICTIONS = {
    ("Raabin", "Table 8", "resnet18", "lymphocyte", "f1"): "99.08 is printed, P and S give 99.03",
    ("Raabin", "Table 3", "", "", "boxes"): "40,763 are printed, the cells by votes add up to 40,764",
    ("Yu", "Table I", "yu-vote", "all", "accuracy"): "88.5 is printed, Table II gives 88.1",
    ("Yu", "Table III", "", "monocyte", "sensitivity"): "32 is printed, Table II gives 46.5",
    ("Yu", "Table III", "", "monocyte", "accuracy"): "96 is printed, Table II gives 97.7",
    ("Yu", "Table III", "", "neutrophil_stab", "*"): "a copy of the row above it; Table II gives 98.2, 75.0, 98.9, 1.1",
    ("Chossegros", "ablation", "setting 3", "all", "accuracy"): "0.71 is printed, the mean over the sets is 0.769",
    ("course", "AUC", "inception_resnet_v2", "neutrophil", "*"): "columns rotated in print; read 92.76, 78.04, 97.69, "
    "91.88",
}

SOURCES = {
    "raabin-8": Source(_RAABIN, "Table 8", "Raabin-WBC test-A, Giemsa, phone through ocular", RAABIN_TABLE_7["test-A"]),
    "raabin-9": Source(
        _RAABIN,
        "Table 9",
        "Raabin-WBC test-B, another microscope and phone",
        {label: count for label, count in RAABIN_TABLE_7["test-B"].items() if count},
    ),
    "yu-1": Source(_YU, "Table I", "about 2,000 images of seven classes, half for test", {}),
    "yu-3": Source(
        _YU, "Table III", "1,201 test images of seven classes", dict(zip(YU_SEVEN, map(sum, YU_TABLE_II), strict=True))
    ),
    "course": Source(_COURSE, "AUC tables", "2,487 test images of four classes", {}),
    "chossegros": Source(_CHOSSEGROS, "ablation and source test", "their sets, six classes", {}),
}

# A system's name here -> the row of the paper that it is.
_RAABIN_ROWS = {
    "resnet18": "ResNet18",
    "resnet34": "ResNet34",
    "resnet50": "ResNet50",
    "resnext50_32x4d": "ResNext50",
    "mnasnet1_0": "MnasNet1",
    "mobilenet_v2": "MobileNet-V2",
    "densenet121": "DenseNet121",
    "shufflenet_v2_x1_0": "ShuffleNet-V2",
    "vgg16": "VGG16",
    "tavakoli": "Tavakoli",
}
_YU_ROWS = {"knn": "KNN", "svm": "SVM", "logistic": "LR", "tree": "decision tree", "yu-vote": "CNN vote"}
# What Yu's seven tell apart and the five do not.
_YU_APART = {"small_lymphocyte", "large_lymphocyte", "neutrophil", "band"}
_COURSE_ROWS = {"resnet101_v2": "ResNet101V2", "xception": "Xception", "inception_resnet_v2": "Inception-ResNet-V2"}
_CHOSSEGROS_ROWS = {"efficientnet_b0+embedding"}


def published_figures(table: str, system: str, part: str, labels: Sequence[str]) -> dict[tuple[str, str], float]:
    """What a paper printed of a system: (class or "all", measure) -> percent, a loss as it is; empty where nothing.

    Args:
        table: of `SOURCES`.
        system: as `--models` names it.
        part: "test-A", or the name of another lab.
        labels: the classes that are told apart here.
    """
    rows: ClassRow = {}
    if table in ("raabin-8", "raabin-9") and (table == "raabin-8") == (part == "test-A"):
        rows = {"raabin-8": RAABIN_TABLE_8, "raabin-9": RAABIN_TABLE_9}[table].get(_RAABIN_ROWS.get(system, ""), {})
    elif table == "yu-1" and part == "test-A" and system in _YU_ROWS:
        rows = {"all": {"accuracy": YU_TABLE_I[_YU_ROWS[system]]}}
    elif table == "yu-3" and part == "test-A" and system == "yu-vote":
        apart = not set(labels) & {"lymphocyte", "erythroblast"}
        rows = {
            label: YU_TABLE_III[theirs]
            for label, theirs in zip(CLASS_SETS["7"], YU_SEVEN, strict=True)
            if apart or label not in _YU_APART
        }
    elif table == "course" and part == "test-A" and system in _COURSE_ROWS:
        name = _COURSE_ROWS[system]
        rows = {**COURSE[name], "all": COURSE_ALL[name]}
    elif table == "chossegros" and system in _CHOSSEGROS_ROWS:
        rows = _of_chossegros(part)
    return {(label, measure): value for label, row in rows.items() for measure, value in row.items()}


def _of_chossegros(part: str) -> ClassRow:
    """At home their test part of Barcelona, elsewhere the setting without fine-tuning on the lab of that name."""
    if part == "test-A":
        return {"all": {"accuracy": 98.0, "precision": 98.0, "sensitivity": 98.0}}
    by_set = {name.lower(): share for name, share in SETTINGS[1].by_set.items()}
    return {"all": {"accuracy": round(100 * by_set[part.lower()], 1)}} if part.lower() in by_set else {}
