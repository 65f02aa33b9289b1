"""Reports: what they say, that they repeat, need nothing else, and let no input through as mark-up."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from adapter_cad.calibration import calibration_html, measures
from adapter_cad.design import design
from adapter_cad.model import AdapterOptions, Fact, Ocular, Phone, Printer
from adapter_cad.optics import OBJECTIVES, optics
from adapter_cad.part import Adapter, Check
from adapter_cad.report import describe, report_html, report_json

PHONE = Phone(
    "slab", "Slab <b>5</b>", 142, 72, 8, 9, 30, 16, 0.6, 29, 2.4, 4.7, 3.5, 150,
    facts={"lens_left": Fact("assumed"), "length": Fact("published", "a <script>alert(1)</script> page")},
)  # fmt: skip
OCULAR = Ocular("ten", "10x/18", 10, 18, 14, 30, 20, 23.2, 16, {"exit_pupil_height": Fact("measured")})
CHECKS = [Check("closed volume", True, "yes", "yes"), Check("axes apart, mm", False, 0.1, 0.05)]
CHECKS.append(Check("sliced", None, "not checked: no slicer", "yes"))
FILES = {"tray.stl": b"tray", "clamp.stl": b"clamp"}


def made(**options) -> Adapter:
    return design(PHONE, OCULAR, Printer("bed", "Bed", 250, 210, 210, 0.4, 0.2), AdapterOptions(**options))


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return made()


@pytest.fixture(scope="module")
def report(adapter) -> dict:
    return describe(adapter, CHECKS, FILES)


class Page(HTMLParser):
    """Tags and text of a page; every address in it."""

    VOID = {"meta", "img", "br", "line", "circle", "rect", "path", "stop"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.words, self.addresses = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)

    def handle_data(self, data) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_json_repeats_and_holds_no_date_and_no_path(report) -> None:
    again = describe(made(), CHECKS, dict(reversed(FILES.items())))
    data = report_json(report)
    assert data == report_json(again)
    assert json.loads(data) == report
    assert not re.search(rb"\d{4}-\d\d-\d\d|/home|/work|/tmp|/root", data)
    assert report["disclaimer"] == "research use, not for diagnosis"
    assert list(report["files"]) == ["clamp.stl", "tray.stl"]
    # printf tray | sha256sum
    assert report["files"]["tray.stl"] == "ad9a0cab12eef90639233b67f4e8fec1a6b87333519f84eb42d912d3fe13e2fb"


def test_json_has_the_optics_of_every_objective(report) -> None:
    assert [row["objective"] for row in report["optics"]] == list(OBJECTIVES)
    for row in report["optics"]:
        got = optics(OCULAR, PHONE, OBJECTIVES[row["objective"]])
        assert row["decentre_margin"] == pytest.approx(got.decentre_margin, abs=5e-4)
        assert row["exit_pupil"] == pytest.approx(got.exit_pupil, abs=5e-4)


def test_the_bill_counts_every_piece_once(adapter, report) -> None:
    assert sum(line["count"] for line in report["hardware"]) == len(adapter.hardware)
    names = [line["name"] for line in report["hardware"]]
    assert len(names) == len(set(names))
    longest = f"x {adapter.layout.bolt_length} "
    assert sum(line["count"] for line in report["hardware"] if longest in line["name"] + " ") >= 3


def test_standings_and_warning(report) -> None:
    numbers = report["inputs"]["phone"]["numbers"]
    assert numbers["lens_left"] == {"value": 30, "standing": "assumed", "source": ""}
    assert numbers["lens_top"]["standing"] is None
    assert report["inputs"]["ocular"]["numbers"]["exit_pupil_height"]["standing"] == "measured"
    assert report["assumed"] == ["Slab <b>5</b>: lens left"]


def test_load_is_the_weights_sum(adapter, report) -> None:
    load = report["load"]
    printed = sum(part["mass_g"] for part in report["parts"] if part["name"] != "coupon")
    assert load["mass_g"] > PHONE.mass + printed
    assert load["mass_g"] < PHONE.mass + printed + 40  # the steel
    assert load["force_N"] == pytest.approx(load["mass_g"] / 1000 * 9.80665, abs=2e-3)
    arm = math.hypot(*load["centre_mm"][:2])
    assert load["moment_upright_Nmm"] == pytest.approx(load["force_N"] * arm, rel=1e-2)
    assert load["moment_any_slope_Nmm"] > load["moment_upright_Nmm"]
    # The phone hangs to the bottom, where most of it lies.
    assert load["centre_mm"][1] < -20


def test_page_needs_nothing_else_and_says_what_it_must(report) -> None:
    png = b"\x89PNG\r\n\x1a\n"
    html = report_html(report, {"assembled.png": png, "exploded.png": png, "section.png": png})
    page = Page(html)
    assert len(page.addresses) == 3 and all(a.startswith("data:image/png;base64,") for a in page.addresses)
    assert "script" not in page.tags and "link" not in page.tags and "http" not in html
    assert "Research use, not for diagnosis." in page.text
    assert "Built on assumed numbers." in page.text and "Slab <b>5</b>: lens left" in page.text
    assert "<b>5</b>" not in html and "<script" not in html
    assert page.text.count("FAILS") == 1 and "do not print this" in page.text and "not checked: no slicer" in page.text
    for part in report["parts"]:
        assert part["name"] in page.text
    for line in report["hardware"]:
        assert line["name"] in page.text


def test_page_without_assumptions_and_failures_does_not_warn(adapter) -> None:
    sure = replace(adapter, phone=replace(PHONE, facts={}))
    text = Page(report_html(describe(sure, CHECKS[:1], {}), {})).text
    assert "assumed" not in text.replace("not assumed", "") and "do not print" not in text and "1 of 1" in text


def test_calibration_is_to_scale_and_stands_alone(adapter) -> None:
    html = calibration_html(adapter)
    page = Page(html)
    assert html == calibration_html(made())
    assert page.addresses == [] and "http" not in html and "<b>5</b>" not in html
    width, box_width = re.search(r'<svg id="ruler" width="(\d+)mm" [^>]*viewBox="0 0 (\d+) ', html).groups()
    assert width == box_width  # one unit is one mm
    ticks = [float(x) for x in re.findall(r'<line x1="([\d.]+)" y1="10" x2="\1"', html)]
    assert len(ticks) == 101 and max(ticks) - min(ticks) == 100
    assert re.search(r'id="square" x="\d+" y="\d+" width="50" height="50"', html)
    assert "Research use, not for diagnosis." in page.text
    zoom = optics(OCULAR, PHONE, OBJECTIVES["4x/0.10"]).zoom
    assert f"{math.ceil(zoom * 10) / 10:.1f}x" in page.text


@pytest.mark.parametrize(("kind", "said"), [("split", "Close the collar"), ("set-screws", "three set screws")])
def test_steps_are_those_of_the_clamp(kind, said) -> None:
    assert said in Page(calibration_html(made(clamp=kind))).text


def test_measures_are_what_the_mesh_measures(adapter) -> None:
    rows = {(row.part, row.what.split(",")[0]): row for row in measures(adapter)}
    meshes = {part.name: part.mesh for part in adapter.parts}
    assert rows["spacer", "thickness"].nominal == pytest.approx(meshes["spacer"].extents[2], abs=0.01)
    assert rows["tray", "depth"].nominal == pytest.approx(meshes["tray"].extents[1])
    bore = rows["coupon", "bore"]
    assert bore.nominal == pytest.approx(OCULAR.housing_diameter + 2 * adapter.options.clearance)
    assert bore.nominal - bore.under > OCULAR.housing_diameter  # a bore at its lower limit still goes on
    assert all(row.under >= 0 and row.over > 0 for row in rows.values())
