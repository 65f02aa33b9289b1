"""Preprocessing inside the graph is the preprocessing outside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge_wbc.core.errors import BadInput
from export.graph import DeployableGraph, graph_of_run, probabilities


def test_preprocessing_inside_the_graph_equals_that_outside(run, graph):
    crops, _ = run.crops("test")
    outside = ((crops.astype(np.float64) / 255 - run.mean) / run.std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        expected = torch.softmax(run.network(torch.from_numpy(outside)) / run.temperature, dim=1).numpy()
    np.testing.assert_allclose(probabilities(graph, crops, batch=7), expected, atol=1e-5)


def test_each_channel_is_normalised_with_its_own_figures():
    graph = DeployableGraph(torch.nn.Flatten(), (0.1, 0.2, 0.3), (0.5, 0.25, 0.125))
    with torch.inference_mode():
        found = graph(torch.tensor([0.0, 255.0, 51.0]).view(1, 1, 1, 3)).numpy()[0]
    logits = np.array([-0.2, 3.2, -0.8])
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(), atol=1e-6)


def test_the_network_handed_in_stays_as_it_was(run):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(3)).train()
    DeployableGraph(network, run.mean, run.std)
    assert network.training and network[1].weight.requires_grad


@pytest.mark.parametrize("std, temperature", [((0.2, 0.0, 0.2), 1.0), ((0.2, 0.2, 0.2), 0.0)])
def test_a_division_by_zero_is_refused(run, std, temperature):
    with pytest.raises(ValueError):
        DeployableGraph(run.network, run.mean, std, temperature)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_name_run_and_tensor(run, poison):
    import copy

    network = copy.deepcopy(run.network)
    with torch.no_grad():
        network.point.weight[0, 0] = poison
    with pytest.raises(BadInput, match=r"runs/tiny: tensor 'point\.weight'"):
        graph_of_run(run.but(network=network))
