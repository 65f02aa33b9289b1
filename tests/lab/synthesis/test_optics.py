import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis import DOMAINS, Optics, photograph

STRAIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def seen(field, **changed):
    return photograph(field, Optics("phone", "microscope", 0.16, STRAIGHT, **changed), np.random.default_rng(0))


@pytest.mark.parametrize("domain", DOMAINS)
def test_bytes_and_floats_are_photographed_alike(domain):
    field = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    images = [photograph(part, DOMAINS[domain], np.random.default_rng(1)) for part in (field, field / 255)]
    assert images[0].shape == field.shape and images[0].dtype == np.uint8
    assert np.abs(images[0].astype(int) - images[1]).max() <= 2


def test_each_fault_does_what_it_says():
    grey = np.full((120, 160, 3), 0.6, np.float32)
    edge = grey.copy()
    edge[:, 80:] = 0.2
    plain = seen(grey).astype(int)
    assert plain.std((0, 1)).max() < 1
    assert seen(grey, noise=0.05).std() > 4
    dim = seen(grey, vignette=0.5).astype(int)
    assert dim[0, 0].mean() < 0.65 * dim[60, 80].mean()
    assert seen(grey, gamma=2.0).mean() < plain.mean() - 20
    steep = [np.abs(np.diff(seen(edge, defocus_px=blur).astype(int), axis=1)).max() for blur in (0.0, 2.0)]
    assert steep[1] < 0.5 * steep[0]
    apart = seen(edge[:, ::-1], shift_px=3.0).astype(int)
    assert np.abs(apart - seen(edge[:, ::-1])).max() < 130


def test_bad_optics_and_fields_are_refused():
    with pytest.raises(BadInput, match="optics"):
        seen(np.zeros((8, 8, 3)), noise=-1.0)
    with pytest.raises(BadInput, match="optics"):
        seen(np.zeros((8, 8, 3)), jpeg_quality=0)
    with pytest.raises(BadInput, match="RGB"):
        seen(np.zeros((8, 8)))
