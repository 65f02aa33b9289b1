"""Every detector of the table runs forward and backward; the phone's one is a graph without anchors or suppression."""

import pytest
import torch
from torch import nn
from torchvision.models import WeightsEnum

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.detection import DETECTORS, build_detector

SIZE = 96


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return build_detector(request.param, SIZE)


def test_losses_reach_every_weight_and_boxes_come_back(detector: nn.Module) -> None:
    # Two shapes in one batch, and a field without any cell.
    fields = [torch.rand(3, 96, 72), torch.rand(3, 64, 96)]
    boxes = (torch.tensor([[5.0, 5, 22, 22], [30, 30, 70, 80]]), torch.zeros(0, 4))
    truths = [{"boxes": box, "labels": torch.ones(len(box), dtype=torch.int64)} for box in boxes]
    sum(detector.train()(fields, truths).values()).backward()
    blind = [name for name, weight in detector.named_parameters() if weight.grad is None]
    assert not blind
    with torch.inference_mode():
        found = detector.eval()(fields)
    for field, got in zip(fields, found, strict=True):
        height, width = field.shape[1:]
        assert got["boxes"].shape == (len(got["scores"]), 4)
        assert (got["boxes"] >= 0).all()
        assert (got["boxes"] <= torch.tensor([width, height, width, height])).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_the_modules_that_the_table_names_are_there(name: str) -> None:
    detector, entry = build_detector(name, SIZE), DETECTORS[name]
    for module in (*entry.pretrained, *entry.frozen):
        detector.get_submodule(module)
    assert all(frozen.startswith(entry.pretrained) for frozen in entry.frozen)


def test_ssdlites_anchors_are_squares_from_16_pixels_on() -> None:
    detector = build_detector("ssdlite320_mobilenet_v2")
    maps = detector.backbone(torch.zeros(1, 3, 320, 320))
    assert [tuple(one.shape[1:]) for one in maps.values()] == [
        (192, 40, 40),
        (576, 20, 20),
        (1280, 10, 10),
        (256, 5, 5),
    ]
    boxes = detector.anchor_generator._grid_default_boxes([[40, 40], [20, 20], [10, 10], [5, 5]], [320, 320])
    sides = (boxes[:, 2:] * 320).round()
    assert (sides[:, 0] == sides[:, 1]).all()
    assert sorted(set(sides[:, 0].tolist())) == [16, 23, 32, 45, 64, 91, 128, 181]
    assert len(boxes) == 2 * (1600 + 400 + 100 + 25)


def test_the_graph_for_the_phone_exports() -> None:
    detector = build_detector("ssdlite320_mobilenet_v2", SIZE).eval()

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.head = detector.backbone, detector.head

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            return self.head(list(self.backbone(pixels).values()))

    pixels = torch.rand(1, 3, SIZE, SIZE)
    with torch.no_grad():
        graph = torch.export.export(Graph().eval(), (pixels,)).module()
        mine, exported = Graph()(pixels), graph(pixels)
    anchors = 2 * sum((SIZE // stride) ** 2 for stride in (8, 16, 32)) + 2 * 2**2
    assert exported["cls_logits"].shape == (1, anchors, 2) and exported["bbox_regression"].shape == (1, anchors, 4)
    for name, value in mine.items():
        assert torch.allclose(value, exported[name], atol=1e-5)


def test_r50s_public_weights_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """COCO's weights were saved from frozen batch norms, which lack a count of batches."""
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    coco = {
        name: torch.full_like(value, 0.5)
        for name, value in fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: coco)
    detector = build_detector("fasterrcnn_resnet50_fpn", SIZE, public=True)
    assert (detector.backbone.body.conv1.weight == 0.5).all()
    assert detector.roi_heads.box_predictor.cls_score.out_features == 2


def test_unknown_names_and_sizes_are_refused() -> None:
    with pytest.raises(BadInput, match="unknown detector 'yolo'; one of: ssdlite320_mobilenet_v2"):
        build_detector("yolo")
    for size in (0, 32, 100):
        with pytest.raises(BadInput, match="no multiple of 32"):
            build_detector("ssdlite320_mobilenet_v2", size)
