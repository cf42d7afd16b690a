"""Lines that fail between edge and broker or collector, and ends that stall: all is delivered afterwards, and once."""

import json

import pytest

from messages import Publisher
from plant import Plant
from proxy import Proxy
from rig import json_subscription, wait_for

# Ends that give up soon, so that nobody has to wait for it.
IMPATIENT = {"uplink.timeout": "500ms", "uplink.backoff_min": "10ms", "uplink.backoff_max": "100ms", "mqtt.keep_alive": "1s"}


def delivered_afterwards(plant, tell):
    tell(*plant.reconciled())
    assert plant.edge.metric("stethos_edge_uplink_failures_total", kind="outbox") == 0


def wait_for_failures(edge, count):
    failures = lambda: edge.metric("stethos_edge_uplink_failures_total")  # noqa: E731
    before = failures()
    wait_for(lambda: failures() >= before + count, lambda: f"the edge to fail {count} times:\n{edge.log_tail()}")


@pytest.mark.slow
@pytest.mark.parametrize("fault", Proxy.FAULTS)
def test_line_to_the_collector(rig, tell, fault):
    rig.chance(1)
    # Small batches, so that there are more rows than an answer may speak of.
    plant = Plant(rig, to_collector=lambda collector: rig.proxy(collector, seed=rig.seed, delay_s=0.8),
                  **IMPATIENT, **{"uplink.rows_max": 20})
    plant.publish()
    plant.after_messages(200)
    with rig.proxies[0].doing(fault):
        wait_for_failures(plant.edge, 100 if fault == "corrupt" else 5)
    delivered_afterwards(plant, tell)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut", "black_hole", "delay"])
def test_line_to_the_broker(rig, tell, fault):
    rig.chance(1)
    plant = Plant(rig, to_broker=lambda broker: rig.proxy(broker, seed=rig.seed, delay_s=0.2), **IMPATIENT)
    plant.publish()
    plant.after_messages(200)
    line = rig.proxies[0]
    with line.doing(fault):
        if fault == "delay":
            wait_for(lambda: line.harmed >= 10, "the line to delay something")
        else:
            wait_for(lambda: plant.edge.metric("stethos_edge_mqtt_subscribed") == 0, "the edge to notice")
            assert line.harmed > 0
    delivered_afterwards(plant, tell)


@pytest.mark.parametrize("acknowledge", ["after_commit", "on_arrival"])
def test_acknowledgements_that_are_lost_with_the_line(rig, acknowledge):
    """The edge has sent them and the broker has not heard of them: it delivers again what is counted, or waits to be."""
    broker = rig.broker()
    line = rig.proxy(broker, seed=1, delay_s=0)
    subscription = json_subscription("fleet", {"temperature": "temperature degC"}, identity="", acknowledge=acknowledge)
    edge = rig.edge(line, subscription=[subscription])
    publisher = Publisher(broker.port)
    messages = lambda count: wait_for(lambda: edge.messages() >= count, lambda: f"{edge.messages()} of {count}")  # noqa: E731
    send = lambda i: publisher.publish("fleet/m1/telemetry",  # noqa: E731
                                       json.dumps({"device": "m1", "ts": 1_767_225_600_000 + i, "temperature": i}))
    for i in range(5):
        send(i)
    messages(5)
    with line.unheard():
        for i in range(5, 15):
            send(i)
        messages(15)
    messages(25)
    publisher.close()
    assert edge.metric("stethos_edge_samples_total", outcome="good") == 15
    assert edge.metric("stethos_edge_duplicate_messages_total") >= 10


@pytest.mark.slow
def test_the_collector_stalls(rig, tell):
    plant = Plant(rig, **IMPATIENT)
    plant.publish()
    plant.after_messages(200)
    with plant.collector.stalled():
        wait_for_failures(plant.edge, 3)
    delivered_afterwards(plant, tell)


@pytest.mark.slow
def test_the_edge_stalls(rig, tell):
    """For so long that the broker gives its connection up."""
    plant = Plant(rig, **IMPATIENT)
    plant.publish()
    plant.after_messages(200)
    with plant.edge.stalled():
        wait_for(lambda: "exceeded timeout" in plant.broker.log_text(), "the broker to give the edge up")
    delivered_afterwards(plant, tell)


@pytest.mark.slow
def test_the_broker_stalls(rig, tell):
    plant = Plant(rig, **IMPATIENT)
    plant.publish()
    plant.after_messages(200)
    with plant.broker.stalled():
        wait_for(lambda: plant.edge.metric("stethos_edge_mqtt_subscribed") == 0, "the edge to notice")
    delivered_afterwards(plant, tell)
