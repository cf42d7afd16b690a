"""A message that the process dies of, among good ones: it is found and set aside, and all others are counted once."""

import json
import signal
import time

import pytest

from messages import Publisher
from rig import RigError, SECOND_NS, VIBRATING, STETHOS_SUBSCRIPTION, json_subscription, wait_for

DEATHS = 3
NOW_MS = time.time_ns() // 1_000_000


def supervised(edge, faults, seconds=60):
    """Starts it again as often as it dies, until nothing kills it any more; returns how often it died."""
    deaths = 0
    deadline = time.monotonic() + seconds
    while edge.child.poll() is not None or not settled(edge):
        assert time.monotonic() < deadline, edge.log_tail()
        if edge.child.poll() is not None:
            assert edge.child.poll() == -signal.SIGKILL, edge.log_tail()
            deaths += 1
            edge.spawn(*faults)
        time.sleep(0.02)
    return deaths


def settled(edge):
    try:
        return edge.is_ready() and edge.metric("stethos_edge_dead_letters_total", reason="stopped_the_process") > 0
    except RigError:  # it died between the two questions
        return False


def reading(sequence, note="good"):
    return json.dumps({"device": "m1", "ts": NOW_MS + sequence, "temperature": 20.5, "seq": sequence, "note": note})


@pytest.mark.parametrize("point", ["edge.decode", "edge.process"])
def test_poison_among_good_messages(rig, point):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})])
    faults = (f"poison:{point}:hemlock",)
    publisher = Publisher(broker.port)
    edge.terminate()
    edge.spawn(*faults)
    edge.wait_until(edge.is_ready)
    for sequence in range(1, 41):
        publisher.publish("fleet/m1/telemetry", reading(sequence, "hemlock" if sequence == 20 else "good"))
    # Where it dies of finding out whose it is, that was tried once more.
    assert supervised(edge, faults) == DEATHS + (point == "edge.decode")
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == 39, "the good ones to be counted")
    assert edge.dead_letters() == [("stopped_the_process", "fleet/m1/telemetry", reading(20, "hemlock").encode())]
    publisher.publish("fleet/m1/telemetry", reading(41))
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == 40, "the one after it to be counted")
    publisher.close()


def test_poison_of_a_device_of_ours(rig):
    """It sends again what is not acknowledged: it is told, and all others of the fleet are counted once."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[STETHOS_SUBSCRIPTION], window=[{"length": "1s"}],
                    **{"time.watermark_delay": "5m", "spool.dead_letter_bytes_max": "64 KiB"})
    faults = ("poison:edge.process:hemlock",)
    edge.terminate()
    edge.spawn(*faults)
    edge.wait_until(edge.is_ready)
    scenario = rig.scenario("10s", {**VIBRATING, "count": 4}, {**VIBRATING, "name": "hemlock", "count": 1, "period": "10s"})
    sim = rig.sim(broker, "--scenario", scenario, "--speed", 10, "--resend-after", "300ms", "--resend-after-max", "1s")
    assert supervised(edge, faults) == DEATHS
    ledger = sim.finish()
    assert ledger.total("given_up") == 0
    letters = edge.dead_letters()
    assert [reason for reason, _, _ in letters] == ["stopped_the_process"] and b"hemlock" in letters[0][2]
    messages, samples = ledger.total("messages"), ledger.total("samples")  # each message has as many
    good = lambda: edge.metric("stethos_edge_samples_total", outcome="good")  # noqa: E731
    wait_for(lambda: good() == samples - samples // messages, lambda: f"{good()} of {samples} samples")
