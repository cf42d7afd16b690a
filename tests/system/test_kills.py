"""Processes that die at each named point of what they do, and at moments drawn by chance: every sample is counted once.

And the reverse: with a promise broken on purpose (a canary), such a run must come out wrong, or it would show nothing.
"""

import os
import re

import pytest

from plant import Plant, five_kills, outage
from rig import BINARIES, ROOT

SEED = int(os.environ.get("STETHOS_SEED", "1"))


def named_in_the_sources(function):
    rooms = ("common", "schemas", "edge", "uplink")
    return sorted({name for room in rooms for source in (ROOT / room).rglob("*.cc")
                   for name in re.findall(rf'\b{function}\("([\w.]+)"\)', source.read_text())})


POINTS = named_in_the_sources("fault_point")

# How often a process passes a point in a second of this load, roughly.
PASSES_MAX = {"edge": 300, "edge.outbox": 10, "edge.suspects": 50, "edge.sessions": 1, "collector": 10, "checkpoint": 1}


def passes_max(point):
    return PASSES_MAX[max((prefix for prefix in PASSES_MAX if point.startswith(prefix)), key=len)]


def die_at(plant, who, point, chance, rounds=3):
    """The supervisor's loop: each time it dies it is started again, the last time to live."""
    victim = getattr(plant, who)
    victim.kill()
    for _ in range(rounds):
        victim.dies_at(point, chance.randint(1, passes_max(point)))
    victim.start()
    assert plant.sim.child.poll() is None, "the fleet has ended too early"


def processes_of(point):
    return ("edge", "collector") if point.startswith("checkpoint") else (point.split(".")[0],)


@pytest.mark.slow
@pytest.mark.parametrize("who, point", [(who, point) for point in POINTS for who in processes_of(point)])
def test_killed_at_a_point(rig, tell, who, point):
    plant = Plant(rig)
    plant.publish()
    # A start begins the log anew, and it takes megabytes to be folded again.
    die_at(plant, who, point, rig.chance(SEED), rounds=1 if point.startswith("checkpoint") else 3)
    tell(*plant.reconciled())


def test_killed_after_commit(rig, tell):
    """Done, and nobody knows: both sides hear it again."""
    chance = rig.chance(SEED)
    plant = Plant(rig, duration="3m")
    plant.publish()
    die_at(plant, "edge", "edge.commit.after", chance, rounds=1)
    die_at(plant, "collector", "collector.commit.after", chance, rounds=1)
    tell(*plant.reconciled())


@pytest.mark.slow
def test_killed_at_moments_drawn_by_chance(rig, tell):
    report, ledger = five_kills(rig, readings=20_000, seed=SEED)
    assert tell(report, ledger).published == 20_000


@pytest.mark.slow
def test_killed_while_the_collector_is_away(rig, tell):
    report, ledger, _ = outage(rig, rows=8_000)
    assert tell(report, ledger).windows == 8_000


# By canary: how the plant publishes, what is done to it, and what of it the report must say.
CANARIES = {
    "acknowledge_before_commit": (Plant.publish_news, ("edge", "edge.commit.before"), "lost"),
    "delete_before_acknowledgement": (Plant.publish, ("collector", "collector.begin.before"), "lost"),
    "forget_sequences": (Plant.publish, ("edge", "edge.commit.after"), "duplicated"),
    "skip_checksum": (lambda plant: plant.publish("--flip", 0.05), None, "differing"),
}


@pytest.mark.slow
@pytest.mark.parametrize("canary", named_in_the_sources("has_canary"))
def test_a_broken_promise_is_noticed(rig, canary):
    publish, killed, seen_as = CANARIES[canary]
    plant = Plant(rig)
    plant.edge.terminate()
    plant.edge.canary = canary
    plant.edge.start()
    publish(plant)
    if killed:
        die_at(plant, *killed, rig.chance(SEED))
    report, _ = plant.reconciled(seconds=10)
    assert getattr(report, seen_as), report.text()


@pytest.mark.slow
@pytest.mark.parametrize("build", ["dev", "release"])
def test_only_the_test_build_has_faults(build):
    binaries = {"dev": BINARIES, "release": ROOT / "build/release/bin"}[build]
    if not binaries.is_dir():
        pytest.skip(f"{build} is not built; make check does")
    for program in ("stethos-edge", "stethos-collector"):
        text = (binaries / program).read_bytes()
        names = [name for name in (*POINTS, *CANARIES, "STETHOS_FAULT") if name.encode() in text]
        assert bool(names) == (build == "dev"), (program, names)
