"""The icon can be told at 48 pixels, is whole in every shape that a launcher cuts, and is the same each time."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.icon import FIELD, GROUND, NUCLEUS, RIM, draw, write_icons


def shares(picture: np.ndarray) -> dict[tuple[int, int, int], float]:
    """Of the opaque pixels, the share that is nearest to each colour."""
    colours = [GROUND, RIM, FIELD, NUCLEUS]
    seen = picture[picture[..., 3] == 255][:, :3].astype(int)
    nearest = np.abs(seen[:, None] - np.array(colours)).sum(2).argmin(1)
    return {colour: float((nearest == at).mean()) for at, colour in enumerate(colours)}


@pytest.mark.parametrize("side", [48, 192, 512])
def test_told_at_every_size(side: int) -> None:
    icon = draw(side, clear=True)
    assert icon.shape == (side, side, 4) and icon.dtype == np.uint8
    assert icon[0, 0, 3] == 0 and icon[side // 2, side // 2, 3] == 255
    found = shares(icon)
    assert found[FIELD] > 0.4 and found[NUCLEUS] > 0.08 and found[RIM] > 0.1


def test_nothing_is_drawn_beyond_the_disc() -> None:
    picture = draw(480, disc=0.5)
    y, x = np.mgrid[:480, :480] + 0.5
    outside = np.hypot(x - 240, y - 240) > 0.25 * 480 + 2
    assert (picture[outside] == (*GROUND, 255)).all()


def test_whole_in_what_a_launcher_always_shows(tmp_path: Path) -> None:
    write_icons(tmp_path / "icon")
    front = cv2.imread(str(tmp_path / "icon" / "icon_front.png"), cv2.IMREAD_UNCHANGED)
    y, x = np.mgrid[:432, :432] + 0.5
    drawn = np.hypot(x - 216, y - 216)[front[..., 3] > 0].max()
    assert 0.9 * 33 / 108 < drawn / 432 <= 33.5 / 108
    back = cv2.imread(str(tmp_path / "icon" / "icon_back.png"))
    assert (back[..., ::-1] == GROUND).all()


def test_the_same_each_time_and_replaces_nothing_else(tmp_path: Path) -> None:
    for name in ("one", "two", "two"):
        write_icons(tmp_path / name)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two and len(one) == 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "icon.png").write_text("somebody's")
    with pytest.raises(BadInput, match="other"):
        write_icons(tmp_path / "other")
