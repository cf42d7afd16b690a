"""The load under which processes and links are broken: machines that speak our protocol and motors that speak JSON, to one edge
whose windows are short, so that something is on the way everywhere at every moment."""

import time

from rig import SECOND_NS, STETHOS_SUBSCRIPTION, VIBRATING, json_subscription, wait_for

SPEED = 40
# Without an identity of its own a reading that comes twice is known only if its broker delivers it again.
STRANGERS = json_subscription("fleet", {"temperature": "temperature degC"}, identity="")
MOTOR = {"name": "motor", "period": "500ms", "format": "json", "channels": ["temperature"]}


class Plant:
    def __init__(self, rig, duration="4m", to_broker=None, to_collector=None, collector=None, **config):
        """`to_broker` and `to_collector`: what stands between them and the edge, given what it leads to; `collector`: its
        settings; all others are the edge's."""
        self.rig, self.duration = rig, duration
        self.broker, self.collector = rig.broker(), rig.collector(**(collector or {}))
        # After a kill some messages are taken one by one, and then batches again.
        self.edge = rig.edge(to_broker(self.broker) if to_broker else self.broker,
                             to_collector(self.collector) if to_collector else self.collector,
                             **{"time.watermark_delay": "20s", "window": [{"length": "1s"}],
                                "subscription": [STETHOS_SUBSCRIPTION, STRANGERS], "ingest.careful_messages": 100, **config})
        self.sim = None

    def publish(self, *misbehaviour):
        scenario = self.rig.scenario(self.duration, {**VIBRATING, "count": 4}, {**MOTOR, "count": 10})
        self.sim = self.rig.sim(self.broker, "--scenario", scenario, "--speed", SPEED, "--when-full", "wait",
                                "--resend-after", "300ms", "--resend-after-max", "1s", *misbehaviour)

    def publish_news(self):
        """Strangers alone, and no more than an edge takes that is slow: each of its commits then holds what no other has."""
        scenario = self.rig.scenario("20s", {**MOTOR, "count": 50})
        self.sim = self.rig.sim(self.broker, "--scenario", scenario, "--speed", 1)

    def after_messages(self, count):
        """Waits until the edge has taken so many messages; there must be more to come."""
        wait_for(lambda: self.edge.messages() >= count, lambda: f"the edge to take {count} messages:\n{self.sim.log_tail(3)}")
        assert self.sim.child.poll() is None, "the fleet has ended too early"

    def reconciled(self, seconds=60):
        """(report, ledger), once all is delivered."""
        ledger = self.sim.finish()
        return self.rig.reconciled(ledger, self.edge, self.collector, SECOND_NS, seconds=seconds), ledger


def five_kills(rig, readings, seed):
    """Strangers' JSON at 2000 readings a second and QoS 1, and five SIGKILLs of the edge at moments drawn by chance."""
    chance = rig.chance(seed)
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, window=[{"length": "1s"}], subscription=[STRANGERS])
    scenario = rig.scenario(f"{readings // 2000}s", {**MOTOR, "count": 100, "period": "50ms"})
    sim = rig.sim(broker, "--scenario", scenario, "--speed", 1, "--when-full", "wait")
    for kill in range(5):
        taken = (kill + chance.random()) * readings / 5
        wait_for(lambda: edge.messages() >= taken, lambda: f"the edge to take {taken} messages")
        time.sleep(chance.uniform(0, 0.05))  # any moment of a commit interval, and not only the one after an answer
        edge.kill()
        edge.start()
    ledger = sim.finish(seconds=readings // 1000)
    return rig.reconciled(ledger, edge, collector, SECOND_NS), ledger


def outage(rig, rows):
    """Rows wait for a collector that is away, and the edge is killed meanwhile. (report, ledger, seconds to drain)"""
    broker, collector = rig.broker(), rig.collector()
    # What a device has in flight at the kill comes after younger messages.
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "5m"}, window=[{"length": "1s"}])
    collector.terminate()
    devices = 80
    scenario = rig.scenario(f"{rows // devices}s", {**VIBRATING, "count": devices, "period": "1s", "channels": ["temperature"]})
    sim = rig.sim(broker, "--scenario", scenario, "--speed", 0)
    waiting = lambda: edge.metric("stethos_edge_outbox_rows", lane="windows")  # noqa: E731
    wait_for(lambda: waiting() >= rows / 2, lambda: f"{waiting()} of {rows} rows to wait")
    edge.kill()
    edge.start()
    ledger = sim.finish()
    wait_for(lambda: waiting() >= rows, lambda: f"{waiting()} of {rows} rows to wait")
    begun = time.monotonic()
    collector.start()
    wait_for(lambda: edge.metric("stethos_edge_outbox_rows") == 0, "the backlog to drain")
    drained_s = time.monotonic() - begun
    return rig.reconciled(ledger, edge, collector, SECOND_NS), ledger, drained_s
