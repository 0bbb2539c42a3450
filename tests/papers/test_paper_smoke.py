"""Every claim, run end to end and small, with one seed: that it trains and is looked at; not that it holds.

What several seeds make of it is in `test_paper_effect`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cutis.papers.claim import Claim
from cutis.papers.registry import every_claim
from cutis.papers.trial import run_trial
from cutis.papers.worlds import WORLDS, opened

SCALE = 0.08


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@pytest.mark.slow
@pytest.mark.parametrize("claim", every_claim().values(), ids=lambda c: c.id)
def test_a_claim_runs(claim: Claim, worlds: Path) -> None:
    trial = next((t for t in claim.trials if not WORLDS[t.world].real), None)
    if trial is None:
        pytest.skip("this claim has a real world only")
    made = opened(WORLDS[trial.world], worlds / trial.world, SCALE, None)
    outcome = run_trial(trial, made, [0], {"epochs": 1, "size": 32})
    assert outcome.effects[0].metric == trial.metric.name
    assert outcome.verdict == "no interval"
    assert len(outcome.effects) == 1 + len(trial.beside)
    assert all(e.units >= 0 for e in outcome.effects)
    assert min(outcome.seconds) >= 0
