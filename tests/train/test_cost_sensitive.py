"""The expected cost, by hand, and how a matrix of costs is written."""

from __future__ import annotations

import pytest
import torch
from toys import at_start, identity_network, toy_batch, toy_data

from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.cost_sensitive import cost_matrix


def test_the_term_is_the_expected_cost():
    network = identity_network()
    made = objective("cost-sensitive", costs="a>b=10,c>*=3", strength=0.5)
    made.prepare(toy_data(), network)
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
    p = logits.softmax(1)
    by_hand = 0.5 * ((10 * p[0, 1] + p[0, 2]) + 3 * (p[1, 0] + p[1, 1])) / 2
    found = made.loss(network, toy_batch(logits, [0, 2]), at_start(network))
    assert torch.allclose(found["cost"], by_hand)


def test_without_costs_every_error_costs_one():
    assert torch.equal(cost_matrix("", ["a", "b", "c"]), 1 - torch.eye(3))


def test_later_words_overrule_and_right_answers_cost_nothing():
    matrix = cost_matrix("*>*=2  a>*=5; a>c=7", ["a", "b", "c"])
    assert matrix.tolist() == [[0, 5, 7], [2, 0, 2], [2, 2, 0]]


def test_beside_a_blend_costs_are_shared():
    network = identity_network()
    made = objective("cost-sensitive+mixup", costs="a>b=4")
    made.prepare(toy_data(), network)
    terms = made.loss(network, toy_batch(torch.randn(4, 3), [0, 1, 2, 0]), at_start(network))
    assert torch.isfinite(terms["cost"])


@pytest.mark.parametrize(
    ("costs", "words"),
    [("a-b=3", "expected TRUTH>ANSWER=COST"), ("a>b=-1", "expected TRUTH>ANSWER=COST"), ("mel>a=3", 'class "mel"')],
)
def test_bad_costs(costs, words):
    with pytest.raises(CutisError, match=words):
        cost_matrix(costs, ["a", "b", "c"])


def test_bad_strength():
    with pytest.raises(CutisError, match="strength = 0: expected above 0"):
        objective("cost-sensitive", strength=0)
