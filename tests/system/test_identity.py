"""A spool is one node's and one life's: what would count twice, or hide behind another, is refused or said."""

import json
import subprocess

from messages import Publisher
from rig import BINARIES, Broker, Collector, Edge, json_subscription, wait_for

SUBSCRIPTION = json_subscription("fleet", {"temperature": "temperature degC"})


def publish(broker, edge, readings, start_ms, step_ms=1_000):
    """Readings number `readings` of one device, each once; returns when the edge has committed them."""
    before = edge.stored()
    publisher = Publisher(broker.port)
    for number in readings:
        publisher.publish("fleet/d/telemetry", json.dumps(
            {"device": "d", "seq": number, "ts": start_ms + number * step_ms, "temperature": 20}))
    wait_for(lambda: edge.stored() == before + len(readings), "the edge to commit what was published")
    publisher.close()


def command(*arguments):
    return subprocess.run([BINARIES / "stethos-edge", *arguments], capture_output=True, text=True, timeout=30)


def test_a_spool_is_refused_to_a_node_of_another_name(rig):
    broker, collector = Broker(rig).start(), Collector(rig).start()
    config = {"subscription": [SUBSCRIPTION], "window": [{"length": "10s"}]}
    edge = Edge(rig, broker, collector, **config).start()
    publish(broker, edge, range(40), 1_767_225_600_000)
    wait_for(lambda: sum(each.counts["good"] for each in collector.windows()) == 40, "the collector to have all")
    assert edge.terminate() == 0

    edge.configure(**config, **{"node.id": "edge-2"})
    checked = command("check", "--config", edge.config)
    assert checked.returncode == 3 and 'node.id = "edge-1"' in checked.stderr, checked
    assert command("spool", "again", "--config", edge.config).returncode == 4
    edge.spawn()
    assert edge.wait() == 3
    assert 'node.id = "edge-1"' in edge.log_tail()
    assert [node["node"] for node in collector.get("/v1/nodes")["nodes"]] == ["edge-1"], "nothing was sent"

    edge.configure(**config)
    assert command("check", "--config", edge.config).returncode == 0
    edge.start()
    publish(broker, edge, range(40, 45), 1_767_225_600_000)
    wait_for(lambda: sum(each.counts["good"] for each in collector.windows()) == 45, "the rest to come under the old name")
