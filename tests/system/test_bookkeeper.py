"""What the edge counts is what an independent book-keeper (bookkeeper.py) reckons from the messages and the configurations in
force: scenarios drawn from seeds (bookkeeper_scenario.py).

A scenario that fails prints its steps. To run one again: `pytest tests/system/test_bookkeeper.py -k seed-17`, or
`STETHOS_SEEDS=17`; to hunt: `STETHOS_SEEDS=1000-2000`. `STETHOS_FEATURES=hostile,clock` has these features alone; empty: none.
"""

import os

import pytest

from bookkeeper_scenario import run

QUICK_SEEDS = range(1, 11)
SLOW_SEEDS = range(11, 61)


def seeds():
    """(seed, whether it is slow)."""
    if chosen := os.environ.get("STETHOS_SEEDS"):
        first, _, last = chosen.partition("-")
        return [(seed, False) for seed in range(int(first), int(last or first) + 1)]
    return [(seed, False) for seed in QUICK_SEEDS] + [(seed, True) for seed in SLOW_SEEDS]


@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"seed-{seed}", marks=[pytest.mark.slow] if is_slow else [])
                                  for seed, is_slow in seeds()])
def test_scenario(rig, audit, seed):
    run(rig, audit, seed)
