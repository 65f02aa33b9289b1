"""The report opens without a network and shows what it was given."""

import re

import numpy as np

from edge_wbc.lab.evaluation import evaluate
from edge_wbc.lab.evaluation.baseline import ColourBaseline
from edge_wbc.lab.evaluation.figures import confusion_figure, contact_sheet
from edge_wbc.lab.evaluation.report import Picture, figure_png, render_report


def test_page_is_self_contained_and_escaped() -> None:
    result = evaluate(["monocyte", "basophil"], np.eye(2), ("monocyte", "basophil"))
    matrix = figure_png(confusion_figure({"one": result, "two": result, "three": result}, 2))
    sheet = contact_sheet([np.zeros((3, 20, 20, 3), np.uint8)] * 2, ["monocyte", "basophil"])
    page = render_report(
        "title",
        [
            {
                "title": "<script>",
                "rows": [("a", 1)],
                "head": ("x", "y"),
                "pictures": [Picture(matrix, "m"), Picture(sheet, "s")],
            }
        ],
    )
    assert "not for diagnosis" in page
    assert "<script>" not in page
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r"(src|href)=[\"'](?!data:)", page)


def test_colour_baseline_sees_colour_and_no_shape() -> None:
    rng = np.random.default_rng(0)
    red, blue = np.zeros((40, 16, 16, 3), np.uint8), np.zeros((40, 16, 16, 3), np.uint8)
    red[..., 0] = rng.integers(100, 250, (40, 1, 1))
    blue[..., 2] = rng.integers(100, 250, (40, 1, 1))
    pixels, truth = np.concatenate([red, blue]), np.repeat([0, 2], 40)
    scores = ColourBaseline(pixels[::2], truth[::2], 3).scores(pixels[1::2])
    assert (scores.argmax(1) == truth[1::2]).all()
    shuffled = pixels.reshape(80, 256, 3)[:, rng.permutation(256)].reshape(pixels.shape)
    np.testing.assert_allclose(
        ColourBaseline(pixels, truth, 3).scores(shuffled), ColourBaseline(pixels, truth, 3).scores(pixels)
    )
