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


def events(collector, kind):
    return [each for each in collector.get("/v1/events")["events"] if each["kind"] == kind]


def test_a_new_spool_of_a_node_and_what_it_hides_is_told(rig):
    broker, collector = Broker(rig).start(), Collector(rig).start()
    edge = Edge(rig, broker, collector, subscription=[SUBSCRIPTION], window=[{"length": "10m"}]).start()
    publish(broker, edge, range(40), 1_767_225_600_000)
    wait_for(lambda: [each.counts["good"] for each in collector.windows()] == [40], "the window as the first spool has it")
    assert edge.terminate() == 0
    assert collector.get("/v1/events")["events"] == []

    for file in edge.spool.parent.glob(edge.spool.name + "*"):
        file.unlink()
    edge.start()
    publish(broker, edge, range(40, 60), 1_767_225_600_000)
    conflict = wait_for(lambda: events(collector, "windows_conflicting"), "the collector to tell of the window")[0]
    assert (conflict["device"], conflict["channel"], conflict["value"]) == ("d", "temperature", 1)
    assert "of 40 samples" in conflict["detail"] and " and 20 of " in conflict["detail"]
    assert [each.counts["good"] for each in collector.windows()] == [40]
    assert len(events(collector, "spool_changed")) == 1

    publish(broker, edge, range(60, 100), 1_767_225_600_000)
    wait_for(lambda: [each.counts["good"] for each in collector.windows()] == [60], "the window as the second spool has it")
    assert events(collector, "windows_conflicting")[0]["value"] >= 2, "what it replaced is not shown any more"
    assert collector.metric("stethos_collector_windows_conflicting_total") == events(collector, "windows_conflicting")[0]["value"]


def test_two_gateways_of_one_name_are_told(rig):
    collector = Collector(rig).start()
    brokers = [Broker(rig).start() for _ in range(2)]
    edges = [Edge(rig, broker, collector, subscription=[SUBSCRIPTION], window=[{"length": "10s"}]).start() for broker in brokers]
    for turn in range(2):
        for broker, edge in zip(brokers, edges):
            publish(broker, edge, range(10 * turn, 10 * turn + 10), 1_767_225_600_000)
    event = wait_for(lambda: events(collector, "spools_in_turn"), "the collector to notice")[0]
    spools = {each["spool"] for node in collector.get("/v1/nodes")["nodes"] for each in node["spools"]}
    assert len(spools) == 2 and set(event["detail"].split(" after ")) == spools


def test_labels_come_however_long_the_collector_was_away(rig):
    broker, collector = Broker(rig).start(), Collector(rig).start()
    edge = Edge(rig, broker, collector, subscription=[SUBSCRIPTION], window=[{"length": "1s"}],
                **{"spool.age_max": "2s", "time.watermark_delay": "0s"}).start()
    assert collector.terminate() == 0
    published = 0

    def more():
        nonlocal published
        publish(broker, edge, [published], 1_767_225_600_000)
        published += 1
        return edge.metric("stethos_edge_rows_given_up_total") > 2

    wait_for(more, "rows to be given up for their age")
    for file in collector.store.parent.glob(collector.store.name + "*"):
        file.unlink()
    collector.start()
    for _ in range(3):
        more()
    last = wait_for(lambda: collector.pages("/v1/windows", "windows"), "windows to come")[-1]
    assert last["unit"] == "degC" and last["provenance"]["program"].startswith("stethos-edge"), last


def test_a_clock_that_steps_ahead_for_a_moment_gives_nothing_up(rig, tmp_path):
    broker = Broker(rig).start()
    collector = Collector(rig).start()
    assert collector.terminate() == 0
    edge = Edge(rig, broker, collector, subscription=[SUBSCRIPTION], window=[{"length": "1s"}],
                **{"spool.age_max": "30d", "time.watermark_delay": "0s"})
    ahead_s = tmp_path / "clock"
    ahead_s.write_text("0")
    edge.spawn(f"clock:{ahead_s}")
    edge.wait_until(edge.is_ready)
    publish(broker, edge, range(20), 1_767_225_600_000)
    waiting = edge.metric("stethos_edge_outbox_rows", lane="windows")
    assert waiting >= 19
    ahead_s.write_text(str(40 * 86_400))
    publish(broker, edge, range(20, 25), 1_767_225_600_000)
    assert edge.metric("stethos_edge_outbox_rows", lane="windows") >= waiting
    assert edge.metric("stethos_edge_rows_given_up_total") == 0
