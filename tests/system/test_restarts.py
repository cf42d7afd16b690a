"""Any process may end at any time, in order or killed: afterwards every sample is counted once."""

import json
import random
import time

import pytest

from messages import Publisher
from rig import MINUTE_NS, json_subscription, wait_for

# Few messages on the way, so that there is a middle to restart in, and sent again soon.
def pace(in_flight=4):
    return ("--speed", 0, "--in-flight", in_flight, "--resend-after", "300ms", "--resend-after-max", "1s",
            "--complete-past", "1m")


STOPS = ("terminate", "kill")


def stop(process, how):
    if how == "kill":
        process.kill()
    else:
        assert process.terminate() == 0


def restart(process, how):
    stop(process, how)
    process.start()


def start_all(rig, machines=4, duration="4m", **edge_config):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "10m", **edge_config})
    sim = rig.sim(broker, "--scenario", rig.fleet(machines, duration), *pace())
    return broker, collector, edge, sim


def after_messages(edge, sim, count):
    """Waits until the edge has taken so many messages; there must be more to come."""
    wait_for(lambda: edge.messages() >= count, lambda: f"the edge to take {count} messages:\n{sim.log_tail(3)}")
    assert sim.child.poll() is None, "the fleet had ended before the restart"


def conclude(rig, tell, sim, edge, collector, seconds=60):
    ledger = sim.finish(seconds)
    report = tell(rig.reconciled(ledger, edge, collector, seconds=seconds), ledger)
    assert report.published == ledger.total("samples") and report.late == 0
    assert ledger.total("given_up") == 0
    assert collector.pages("/v1/gaps", "gaps") == []
    return ledger


@pytest.mark.parametrize("how", STOPS)
def test_edge_restarts(rig, tell, how):
    _, collector, edge, sim = start_all(rig)
    for count in (200, 600, 1000):
        after_messages(edge, sim, count)
        restart(edge, how)
    conclude(rig, tell, sim, edge, collector)


@pytest.mark.parametrize("how", STOPS)
def test_a_definition_that_was_away_says_what_its_windows_lack(rig, how):
    broker, collector = rig.broker(), rig.collector()
    hours = [{"length": "1h"}, {"length": "10s"}]
    config = {"subscription": [json_subscription("raw", {"t": "temperature degC"})], "time.lateness": "1h"}
    edge = rig.edge(broker, collector, window=hours, **config)
    publisher = Publisher(broker.port)
    begin = int(time.time()) // 3600 * 3600 - 7200

    def publish(*seconds):
        before = edge.stored()
        for second in seconds:
            reading = {"device": "m1", "ts": (begin + second) * 1000, "seq": second, "t": 20.5}
            publisher.publish("raw/m1/telemetry", json.dumps(reading).encode())
        wait_for(lambda: edge.stored() == before + len(seconds), "the readings to be counted")

    publish(3, 12)
    stop(edge, how)
    edge.configure(window=hours[1:], **config)
    edge.start()
    publish(13, 24, 4)
    stop(edge, how)
    edge.configure(window=hours, **config)
    edge.start()
    publish(25, 3605, 7205)
    publisher.close()

    def rows_of(length_s):
        rows = [each for each in collector.pages("/v1/windows", "windows") if each["length_ns"] == length_s * 10**9]
        return [(each["start_ns"] // 10**9 - begin, each["counts"]["good"], each["incomplete"]) for each in rows]

    wait_for(lambda: sorted(rows_of(3600))[:2] == [(0, 3, True), (3600, 1, False)], lambda: f"the hours: {rows_of(3600)}")
    assert sorted(rows_of(10))[:3] == [(0, 2, False), (10, 2, False), (20, 2, False)]


@pytest.mark.parametrize("how", STOPS)
def test_collector_restarts(rig, tell, how):
    # Windows end as the fleet goes on, so that rows are on the way while the collector is not there.
    _, collector, edge, sim = start_all(rig, **{"time.watermark_delay": "20s"})
    for count in (600, 1000, 1400):
        after_messages(edge, sim, count)
        restart(collector, how)
    conclude(rig, tell, sim, edge, collector)


def test_broker_is_killed(rig, tell):
    """Its sessions and what it had acknowledged are gone; our devices send again until the edge has committed."""
    broker, collector, edge, sim = start_all(rig)
    for count in (200, 600, 1000):
        after_messages(edge, sim, count)
        restart(broker, "kill")
    ledger = conclude(rig, tell, sim, edge, collector)
    assert ledger.total("resent") > 0


def test_collector_is_away_for_a_while(rig, tell):
    """Rows wait in the spool, across a kill of the edge, and drain by themselves when the collector is back."""
    _, collector, edge, sim = start_all(rig, **{"time.watermark_delay": "20s"})
    after_messages(edge, sim, 400)
    stop(collector, "terminate")
    ledger = sim.finish()
    wait_for(lambda: edge.metric("stethos_edge_outbox_rows", lane="windows") >= 4 * 3, "rows to wait in the outbox")
    wait_for(lambda: edge.metric("stethos_edge_uplink_failures_total") > 0, "the sender to fail")
    restart(edge, "kill")
    assert edge.metric("stethos_edge_outbox_rows", lane="windows") >= 4 * 3
    collector.start()
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.published == ledger.total("samples")
    assert edge.metric("stethos_edge_outbox_rows") == 0


def start_json(rig, duration, **subscription):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "10m"},
                    subscription=[json_subscription("fleet", {"temperature": "temperature degC"}, **subscription)])
    scenario = rig.fleet(machines=10, duration=duration, format="json", channels=["temperature"])
    # The broker's acknowledgement comes at once, so that only the clock gives such a run a middle.
    sim = rig.sim(broker, "--scenario", scenario, "--speed", 40, "--when-full", "wait", "--resend-after", "500ms")
    return broker, collector, edge, sim


def test_broker_restarts_in_order_under_json(rig, tell):
    """With persistence its SIGTERM loses nothing that it acknowledged, and the edge's session goes on."""
    broker, collector, edge, sim = start_json(rig, duration="6m")
    for count in (500, 1500, 3000):
        after_messages(edge, sim, count)
        restart(broker, "terminate")
    conclude(rig, tell, sim, edge, collector)


@pytest.mark.parametrize("how, acknowledge", [("terminate", "after_commit"), ("kill", "after_commit"),
                                              ("terminate", "on_arrival")])
def test_edge_restarts_under_json(rig, tell, how, acknowledge):
    """What the edge had not committed it had not acknowledged: the broker delivers it again. With "on_arrival" that holds for
    an orderly end only."""
    _, collector, edge, sim = start_json(rig, duration="15m", acknowledge=acknowledge)
    for count in (500, 1500, 3000):
        after_messages(edge, sim, count)
        restart(edge, how)
    conclude(rig, tell, sim, edge, collector)


def test_edge_is_killed_under_json_without_identity(rig, tell):
    """Readings that have no identity of their own: a redelivery is known by its mark and its content alone."""
    _, collector, edge, sim = start_json(rig, duration="6m", identity="")
    for count in (500, 1500, 3000):
        after_messages(edge, sim, count)
        restart(edge, "kill")
    conclude(rig, tell, sim, edge, collector)


def test_the_fleet_restarts(rig, tell):
    """Devices that boot again number from one in a new epoch; readings of both epochs share a window."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "10m"})
    ledgers = []
    for epoch in (1, 2):
        sim = rig.sim(broker, "--scenario", rig.fleet(machines=2, duration="1m"), *pace(), "--epoch", epoch, "--time", "original",
                      "--no-complete")
        ledger = sim.finish()
        assert {line["epoch"] for line in ledger.lines} == {epoch}
        ledgers.append(sim.ledger_path)
    both = type(ledger)(*ledgers)
    report = tell(rig.reconciled(both, edge, collector), both)
    assert report.published == 2 * ledger.total("samples")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))])
def test_everything_is_killed_at_random(rig, tell, seed):
    """Twenty kills of edge, collector and broker, one or several at a time, while the line spoils what it carries."""
    drawn = random.Random(seed)
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "30m"})
    sim = rig.sim(broker, "--scenario", rig.fleet(machines=8, duration="20m"), *pace(in_flight=8), "--seed", seed,
                  "--duplicate", 0.05, "--drop-sends", 0.02, "--flip", 0.02, "--reorder", 0.05)
    for kill in range(1, 21):
        after_messages(edge, sim, 500 * kill)
        victims = drawn.sample([edge, collector, broker], drawn.randint(1, 3))
        for victim in victims:
            victim.kill()
        for victim in sorted(victims, key=[broker, collector, edge].index):
            victim.start()
    conclude(rig, tell, sim, edge, collector, seconds=240)


@pytest.mark.slow
def test_a_long_outage_of_the_collector(rig, tell):
    """Many streams, short windows, edge and broker killed meanwhile: the backlog drains whole."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "5s"}, window=[{"length": "1s"}])
    sim = rig.sim(broker, "--scenario", rig.fleet(machines=20, duration="10m"), *pace(in_flight=8))
    after_messages(edge, sim, 2000)
    stop(collector, "kill")
    for count in (6000, 12_000, 18_000):
        after_messages(edge, sim, count)
        restart(edge, "kill")
    restart(broker, "kill")
    ledger = sim.finish(seconds=240)
    assert edge.metric("stethos_edge_outbox_rows", lane="windows") > 10_000
    collector.start()
    report = tell(rig.reconciled(ledger, edge, collector, MINUTE_NS // 60, seconds=120), ledger)
    assert report.published == ledger.total("samples")
