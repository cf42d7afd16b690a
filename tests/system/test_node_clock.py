"""A node whose own clock is wrong after a start, as that of a gateway without a battery for it."""

import json
import struct
import time

import pytest

from messages import Publisher
from rig import STETHOS_SUBSCRIPTION, http, wait_for

DAY_S = 86_400
SECOND_NS = 10**9
RAW = {"topic": "raw/+/+", "format": "f32", "qos": 1, "acknowledge": "on_arrival", "device_level": 1, "channel_level": 2,
       "fields": {"vibration": "acceleration g"}, "interval": "1ms"}
ARRIVING = {"topic": "fleet/+/telemetry", "format": "json", "qos": 1, "acknowledge": "after_commit", "device_field": "device",
            "time_unit": "arrival", "fields": {"temperature": "temperature degC"}}


def start_with(rig, edge, by_s):
    """Anew, with a clock that nothing keeps in step and that is wrong by so many seconds, for as long as the file is there."""
    path = rig.folder / "clock-is-wrong-by"
    path.write_text(str(by_s))
    edge.terminate()
    edge.spawn(f"clock:{path}")
    edge.wait_until(edge.is_ready)
    return path


@pytest.mark.parametrize("by_s", [-20_000 * DAY_S, 1_000 * DAY_S], ids=["1970 and after", "in three years"])
def test_a_wrong_clock_loses_nothing_and_says_so(rig, by_s):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[STETHOS_SUBSCRIPTION, RAW], window=[{"length": "1s"}],
                    **{"time.clock": "checked", "time.watermark_delay": "0s", "spool.age_max": "30d"})
    path = start_with(rig, edge, by_s)
    ledger = rig.sim(broker, "--scenario", rig.fleet(machines=2, duration="30s"), "--speed", 0).finish()
    published = ledger.total("samples")
    wait_for(lambda: edge.stored() == published, lambda: f"{edge.stored()} of {published} samples")
    publisher = Publisher(broker.port)
    before_ns = time.time_ns()
    publisher.publish("raw/r1/vibration", struct.pack("<3f", 1, 2, 3))
    wait_for(lambda: edge.metric("stethos_edge_held_messages") == 1, "the message without a time to be held")
    after_ns = time.time_ns()
    assert edge.metric("stethos_edge_clock_trusted") == 0
    assert edge.metric("stethos_edge_dead_letters_total") == 0
    wait_for(lambda: edge.metric("stethos_edge_outbox_rows") == 0, "the collector to have what was made meanwhile")

    path.unlink()  # somebody sets it
    wait_for(lambda: edge.metric("stethos_edge_clock_trusted") == 1, "the collector to confirm it", 90)
    wait_for(lambda: edge.stored() == published + 3, "the message that was held to be counted")
    assert edge.metric("stethos_edge_dead_letters_total") == 0 and edge.metric("stethos_edge_rows_given_up_total") == 0

    def windows():
        return [each for each in collector.pages("/v1/windows", "windows") if each["device"] == "r1"]

    raw = wait_for(windows, "its window")
    assert sum(each["counts"]["good"] for each in raw) == 3
    assert before_ns - SECOND_NS <= raw[0]["start_ns"] <= after_ns
    marked = [each for each in collector.pages("/v1/windows", "windows") if each["device"] != "r1"]
    assert marked and all(each["clock_untrusted"] for each in marked)
    events = {each["kind"]: each for each in collector.pages("/v1/events", "events")}
    assert events["clock_untrusted"]["clock_untrusted"] and events["clock_untrusted"]["at"] == events["clock_untrusted"]["stored"]
    assert abs(events["clock_trusted"]["value"] + by_s * SECOND_NS) < 5 * SECOND_NS
    assert events["clock_trusted"]["detail"] == "collector" and "clock_untrusted" in events
    publisher.close()


def test_who_waits_for_a_commit_waits_for_the_clock(rig):
    """A message that is held is not acknowledged: after a kill it comes again, and is counted once."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[ARRIVING], window=[{"length": "1s"}], **{"time.clock": "checked"})
    path = start_with(rig, edge, -20_000 * DAY_S)
    publisher = Publisher(broker.port)
    for value in range(5):
        publisher.publish("fleet/t1/telemetry", json.dumps({"device": "t1", "temperature": value}))
    wait_for(lambda: edge.metric("stethos_edge_held_messages") > 0, "a message to be held")
    edge.kill()
    edge.spawn(f"clock:{path}")
    edge.wait_until(lambda: http(edge.url + "/livez")[0] == 200)
    wait_for(lambda: edge.metric("stethos_edge_held_messages") > 0, "it to come again")
    assert edge.stored() == 0
    path.unlink()
    wait_for(lambda: edge.stored() == 5, "all of them to be counted")
    assert edge.metric("stethos_edge_dead_letters_total") == 0
    publisher.close()


def test_what_may_be_held_is_bounded_and_the_broker_keeps_the_rest(rig):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[RAW], window=[{"length": "1s"}],
                    **{"time.clock": "checked", "time.held_bytes_max": "8 KiB"})
    path = start_with(rig, edge, -20_000 * DAY_S)
    publisher = Publisher(broker.port)
    published = 0

    def publish():
        nonlocal published
        publisher.publish("raw/r1/vibration", struct.pack("<3f", published, 0, 0))
        published += 1
        return published

    wait_for(lambda: publish() and not edge.is_ready(), "the node to take no more")
    held = edge.metric("stethos_edge_held_messages")
    for _ in range(100):
        publish()
    assert edge.metric("stethos_edge_held_messages") == held and published >= held + 100
    assert edge.stored() == 0

    path.unlink()
    wait_for(lambda: edge.stored() >= 3 * published, lambda: f"{edge.stored()} of {3 * published} samples", 90)
    assert edge.stored() == 3 * published
    assert edge.metric("stethos_edge_dead_letters_total") == 0
    publisher.close()


@pytest.mark.slow
def test_what_comes_behind_a_message_that_waits_for_the_clock_stays_at_the_broker(rig):
    """Longer than the connection may be silent, which ends it; then all of it is counted once."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[ARRIVING, RAW], window=[{"length": "1s"}],
                    **{"time.clock": "checked", "mqtt.keep_alive": "1s"})
    path = start_with(rig, edge, -20_000 * DAY_S)
    publisher = Publisher(broker.port)
    publisher.publish("fleet/t1/telemetry", json.dumps({"device": "t1", "temperature": 1}))
    wait_for(lambda: edge.metric("stethos_edge_held_messages") == 1, "the message to be held")
    for value in range(5):
        publisher.publish("raw/r1/vibration", struct.pack("<3f", value, 0, 0))
    wait_for(lambda: "exceeded timeout" in broker.log_text(), "the broker to end the connection")
    assert edge.metric("stethos_edge_held_messages") == 1 and edge.stored() == 0
    status, text = http(edge.url + "/readyz")
    assert status == 503 and b"stays at the broker" in text

    path.unlink()
    wait_for(lambda: edge.stored() >= 16, lambda: f"{edge.stored()} samples", 90)
    assert edge.stored() == 16
    edge.wait_until(edge.is_ready)
    assert edge.metric("stethos_edge_dead_letters_total") == 0
    publisher.close()
