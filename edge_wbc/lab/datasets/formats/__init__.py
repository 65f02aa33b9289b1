"""Every format by name: what reads it into a dataset folder, and what writes it from one."""

from dataclasses import dataclass

from edge_wbc.lab.datasets.formats.bccd import read_bccd
from edge_wbc.lab.datasets.formats.coco import read_coco, write_coco
from edge_wbc.lab.datasets.formats.common import Reader, Writer
from edge_wbc.lab.datasets.formats.folders import read_folders
from edge_wbc.lab.datasets.formats.lisc import read_lisc
from edge_wbc.lab.datasets.formats.masked import read_cellavision, read_tecom
from edge_wbc.lab.datasets.formats.raabin import read_raabin
from edge_wbc.lab.datasets.formats.session import read_session
from edge_wbc.lab.datasets.formats.table import read_table, write_table
from edge_wbc.lab.datasets.formats.voc import read_voc, write_voc
from edge_wbc.lab.datasets.formats.yolo import read_yolo, write_yolo

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A format or public set.

    Attributes:
        about: what it is, in a line.
        read: a folder -> its photographs with what is said of them.
        write: records -> annotation files, or None where nothing but our own reader would want them.
        images: the folder that exported photographs go to.
        beside: files that an import takes along as they are.
    """

    about: str
    read: Reader
    write: Writer | None = None
    images: str = "images"
    beside: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "coco": Format("COCO: one JSON file", read_coco, write_coco),
    "voc": Format("Pascal VOC: one XML a photograph", read_voc, write_voc, "JPEGImages"),
    "yolo": Format("YOLO: one text file a photograph", read_yolo, write_yolo),
    "csv": Format("labels.csv beside images/", read_table, write_table),
    "folder": Format("a folder per class, one cell a photograph", read_folders),
    "session": Format(
        "the phone's session, or any dataset folder", read_session, beside=("session.json", "suggestions.csv")
    ),
    "pbc": Format("Acevedo et al. 2020: class folders of single cells", read_folders),
    "tecom": Format("Zheng et al. 2018, Dataset 1: single cells with masks", read_tecom),
    "cellavision": Format("Zheng et al. 2018, Dataset 2: single cells with masks", read_cellavision),
    "lisc": Format("Rezatofighi 2011: fields in class folders, masks", read_lisc),
    "bccd": Format("BCCD: fields with VOC boxes, class crops", read_bccd),
    "raabin": Format("Raabin-WBC: large fields with JSON, or double-labelled crops", read_raabin),
}
