"""Any phone on any ocular: written, read back and checked it passes everything, or it is refused in words.

ADAPTER_EXAMPLES=300 draws that many designs instead of 40; with HYPOTHESIS_PROFILE=default they are new ones each time.
"""

import math
import os
from dataclasses import replace

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from adapter_cad.catalogue import SecondReading
from adapter_cad.check import check, reloaded
from adapter_cad.design import design
from adapter_cad.errors import BadDesign
from adapter_cad.layout import LEAST_SPACER, SEAT
from adapter_cad.model import AdapterOptions, BackOpening, Bump, EdgeCutout, Ocular, Phone, Printer
from adapter_cad.write import stl_bytes

EXAMPLES = int(os.environ.get("ADAPTER_EXAMPLES", "40"))
FEW = 0.05  # of the designs drawn may be refused, and one more
PRINTER = Printer("large", "Large", 260, 260, 250, 0.4, 0.2)


def mm(low: float, high: float, step: float = 0.01) -> st.SearchStrategy[float]:
    """Lengths as a calliper shows them."""
    return st.integers(math.ceil(low / step), math.floor(high / step)).map(lambda count: round(count * step, 2))


@st.composite
def phones(draw: st.DrawFn) -> Phone:
    width = draw(mm(58, 82))
    length = draw(mm(max(110, 1.6 * width), 176))
    x, y = draw(mm(8, width - 8)), draw(mm(9, 45))
    bump = None
    if draw(st.booleans()):
        bar = draw(st.booleans())
        left = 0.0 if bar else draw(mm(max(1, x - 30), x - 7))
        right = width if bar else draw(mm(x + 7, min(width - 1, x + 30)))
        top, bottom = draw(mm(max(1, y - 20), max(1, y - 7))), draw(mm(y + 7, y + (12 if bar else 30)))
        bump = Bump(left, right, top, bottom, draw(mm(0.3, 4.5)))
    edges = []
    for side in ("left", "right"):
        for start in draw(st.lists(mm(20, 0.5 * length), max_size=2)):
            edges.append(EdgeCutout("button", side, start, round(start + draw(mm(8, 25)), 2)))
    if draw(st.booleans()):
        edges.append(EdgeCutout("plug", "bottom", round(width / 2 - 6, 2), round(width / 2 + 6, 2)))
    if draw(st.booleans()):
        start = draw(mm(4, width - 14))
        edges.append(EdgeCutout("jack", "top", start, round(start + 8, 2)))
    backs = []
    for turn, away in draw(st.lists(st.tuples(st.integers(0, 359), mm(8, 22)), max_size=2)):
        left, top = x + away * math.cos(math.radians(turn)), y + away * math.sin(math.radians(turn))
        if 4 < left < width - 4 and top > 4:
            backs.append(BackOpening("flash", round(left, 2), round(top, 2), draw(mm(2, 10))))
    return Phone(
        "random", "Random", length, width, draw(mm(6.5, 11)), draw(mm(0, 14)), x, y, draw(mm(0.5, 2)),
        draw(mm(20, 31)), draw(mm(1.5, 2.4)), 6, 4.5, 180, bump, tuple(edges), tuple(backs),
    )  # fmt: skip


OPTIONS = st.builds(
    AdapterOptions,
    clamp=st.sampled_from(["split", "set-screws"]),
    case=st.just(0.0) | mm(0.8, 3),
    clearance=mm(0.1, 0.3),
    xy_travel=mm(0, 1.4),
    wall=mm(2.4, 5),
    floor=mm(4, 6),
)


@st.composite
def designs(draw: st.DrawFn) -> tuple[Phone, Ocular, AdapterOptions]:
    """A phone on an ocular that should hold it: its exit pupil over the tray's floor, its housing wider than its
    light."""
    phone, options = draw(phones()), draw(OPTIONS)
    height = phone.bump.height if phone.bump else 0.0
    floor = max(options.floor, max(0.0, height - options.case) + 2)
    low = SEAT + floor + options.case - height + phone.pupil_depth
    # Half of them where the spacer just is one, or just is not.
    pupil = round(low + draw(mm(0.02, 2 * LEAST_SPACER) | mm(0.02, 14)), 2)
    field = draw(st.sampled_from([18, 20, 22]))
    light = 2 * (0.63 + pupil * field / 50 + 0.8 + options.xy_travel)
    housing = draw(mm(max(25, light + 3.2), max(25, light + 3.2) + 14))
    ocular = Ocular("random-10x", "Random", 10, field, pupil, housing, draw(mm(13, 30)), 23.2, min(18, housing - 6))
    return phone, ocular, options


def second_reading(phone: Phone) -> SecondReading:
    """The lens as it is read from the other two edges."""
    lens_right, lens_bottom = round(phone.width - phone.lens_left, 2), round(phone.length - phone.lens_top, 2)
    return SecondReading(phone.width, phone.length, lens_right, lens_bottom)


def test_random_designs_pass_every_check_or_are_refused_in_words():
    drawn, refused = [], []

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(designs())
    def build(drawing):
        phone, ocular, options = drawing
        drawn.append(phone)
        try:
            adapter = design(phone, ocular, PRINTER, options)
        except BadDesign as fault:
            refused.append(str(fault))
            assert fault.fault and fault.remedy and "\n" not in str(fault)
            return
        meshes = {part.name: reloaded(stl_bytes(part.mesh)) for part in adapter.parts}
        report = check(adapter, meshes, second_reading(phone))
        note(f"layout: {adapter.layout}")
        assert [one for one in report.checks if one.ok is not True] == []

    build()
    assert len(refused) <= 1 + FEW * len(drawn), "\n".join(sorted(set(refused)))


PHONE = Phone("flat", "Flat", 142, 72, 8, 10, 36, 20, 1.2, 26, 1.8, 6, 4.5, 150)
OCULAR = Ocular("plain-10x", "Plain", 10, 18, 13, 30, 15, 23.2, 17)


def refusal(phone=PHONE, ocular=OCULAR, printer=PRINTER, **options) -> BadDesign:
    with pytest.raises(BadDesign) as caught:
        design(phone, ocular, printer, AdapterOptions(**options))
    assert "\n" not in str(caught.value)
    return caught.value


def number(text: str) -> float:
    """The last number in a sentence."""
    return [float(word) for word in text.split() if word.replace(".", "").isdigit()][-1]


def test_exit_pupil_inside_the_tray():
    low = replace(OCULAR, exit_pupil_height=6.0)
    fault = refusal(ocular=low)
    assert "6 mm over the rim, would lie inside the tray" in fault.fault
    enough = number(fault.remedy.split(" over its rim")[0])
    design(PHONE, replace(low, exit_pupil_height=enough), PRINTER)
    refusal(ocular=replace(low, exit_pupil_height=enough - 0.2))


def test_exit_pupil_inside_the_tray_for_the_case_alone():
    fault = refusal(ocular=replace(OCULAR, exit_pupil_height=8.0), case=3)
    assert "so would the phone without its case" in fault.remedy
    design(PHONE, replace(OCULAR, exit_pupil_height=8.0), PRINTER)


def test_light_wider_than_the_housing():
    wide = replace(OCULAR, exit_pupil_height=35.0)
    fault = refusal(ocular=wide)
    assert "the housing 30 mm" in fault.fault
    enough = number(fault.remedy)
    design(PHONE, replace(wide, housing_diameter=enough), PRINTER)
    refusal(ocular=replace(wide, housing_diameter=enough - 0.5))


def test_housing_too_short_to_hold():
    fault = refusal(ocular=replace(OCULAR, grip_length=9))
    assert "13 mm of straight housing, it has 9" in fault.fault and "longer housing" in fault.remedy


@pytest.mark.parametrize("size", [(105, 150), (60, 199)])
def test_phone_larger_than_the_bed(size):
    small = replace(PRINTER, bed_x=100, bed_y=100)
    width, length = size
    phone = replace(PHONE, width=width, length=length, lens_left=width / 2)
    fault = refusal(phone, printer=small)
    assert fault.place == "flat on large"
    assert "the tray, " in fault.fault and "100 x 100 x 250 mm" in fault.fault
    side, _, deep, _, high = fault.remedy.split("printer of ")[1].split(" mm")[0].split()
    assert side == deep
    fitting = replace(small, bed_x=float(side), bed_y=float(side), bed_z=max(float(high), 40))
    design(phone, OCULAR, fitting)
    refusal(phone, printer=replace(fitting, bed_x=float(side) - 1.5, bed_y=float(side) - 1.5))


def test_phone_without_a_place_for_screws_or_stop():
    buttons = EdgeCutout("buttons", "right", 5, 137)
    assert "no place for a screw" in refusal(replace(PHONE, edges=(buttons,))).fault
    plug = EdgeCutout("speaker", "bottom", 4, 68)
    assert "two places for the stop" in refusal(replace(PHONE, edges=(plug,))).fault
