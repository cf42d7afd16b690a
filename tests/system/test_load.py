"""Many messages at once: rows that are published again, and a device that floods."""

import contextlib
import json
import sqlite3
import subprocess

import paho.mqtt.client as mqtt
import pytest

from messages import Publisher
from rig import BINARIES, Broker, RigError, json_subscription, wait_for

WINDOWS_LANE = 1
START_MS = 1_767_225_600_000
FIELDS = {"temperature": "temperature degC"}
BENCH = {"topic": "bench/+/vibration", "format": "json", "qos": 1, "acknowledge": "on_arrival", "device_field": "device",
         "time_field": "ts", "time_unit": "ns", "fields": FIELDS}
FLEET = json_subscription("fleet", FIELDS, identity="", acknowledge="on_arrival")


@contextlib.contextmanager
def load(broker, devices, messages, rate):
    """Readings at QoS 1, so many a second, beside the block."""
    child = subprocess.Popen([BINARIES / "stethos-load", str(broker.port), "thin", "1", str(devices), str(messages), str(rate)],
                             stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def window_rows(edge):
    spool = sqlite3.connect(f"file:{edge.spool}?mode=ro", uri=True, timeout=10)
    try:
        return spool.execute("SELECT next_number - 1 FROM lane WHERE lane = ?", (WINDOWS_LANE,)).fetchone()[0]
    finally:
        spool.close()


@pytest.mark.slow
def test_windows_of_many_devices_that_close_together_are_all_published_again(rig):
    devices, seconds, rate = 100, 8, 10_000
    broker = rig.broker()
    edge = rig.edge(broker, subscription=[BENCH], window=[{"length": "1s"}],
                    **{"republish.topic": "out/{device}", "time.watermark_delay": "0s"})
    rows = []
    client = mqtt.Client(client_id="test-reader", protocol=mqtt.MQTTv311)
    client.on_message = lambda _client, _data, message: rows.append(json.loads(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    subscribed = []
    client.on_subscribe = lambda *_: subscribed.append(True)
    client.subscribe("out/#")
    wait_for(lambda: subscribed, "the reader to be subscribed")

    with load(broker, devices, rate * seconds, rate) as child:
        if child.wait(60) != 0:
            raise RigError("the load was not published")
    wait_for(lambda: edge.stored() == rate * seconds, lambda: f"{edge.stored()} stored")
    wait_for(lambda: len(rows) == window_rows(edge) >= devices * (seconds - 1),
             lambda: f"{len(rows)} of {window_rows(edge)} rows were published")
    assert edge.metric("stethos_edge_republish_dropped_total") == 0
    assert len({row["device"] for row in rows}) == devices
    client.disconnect()
    client.loop_stop()


def counted_of(edge, device):
    spool = sqlite3.connect(f"file:{edge.spool}?mode=ro", uri=True, timeout=10)
    try:
        return spool.execute("SELECT coalesce(sum(good), 0) FROM stream WHERE device = ?", (device,)).fetchone()[0]
    finally:
        spool.close()


@pytest.mark.slow
def test_a_device_that_floods_does_not_starve_the_others(rig):
    """Where messages are acknowledged on arrival; with a broker that queues a thousand of them for a client and drops the rest, as
    most do unless they are told otherwise."""
    others = 300
    broker = Broker(rig, queued_messages_max=1_000).start()
    edge = rig.edge(broker, subscription=[FLEET, BENCH])
    publisher = Publisher(broker.port)
    with load(broker, 1, 10**9, 2_000):
        wait_for(lambda: counted_of(edge, "d0") > 4_000, "the flood")
        for number in range(others):
            publisher.publish("fleet/t1/telemetry", json.dumps({"device": "t1", "ts": START_MS + number, "temperature": 1}))
        wait_for(lambda: counted_of(edge, "t1") == others, lambda: f"{counted_of(edge, 't1')} of {others} counted", 10)
