"""A node whose disk others fill stops taking messages before there is no room, and goes on by itself."""

import json
import os
import shutil
import time

from messages import Publisher
from rig import http, json_subscription, wait_for

MIB = 1 << 20


def test_the_node_pauses_while_the_disk_is_nearly_full(rig):
    broker, collector = rig.broker(), rig.collector()
    free = shutil.disk_usage(rig.folder).free
    edge = rig.edge(broker, collector, **{
        "spool.disk_free_bytes_min": f"{(free - 512 * MIB) // MIB} MiB",
        "subscription": [json_subscription("fleet", {"temperature": "temperature degC"})]})
    publisher = Publisher(broker.port)
    now_ms = time.time_ns() // 1_000_000

    def publish(first, count):
        for sequence in range(first, first + count):
            publisher.publish("fleet/d1/telemetry", json.dumps(
                {"device": "d1", "ts": now_ms + sequence, "temperature": 20.5, "seq": sequence}))

    def good():
        return edge.metric("stethos_edge_samples_total", outcome="good")

    publish(0, 50)
    wait_for(lambda: good() == 50, "the first readings to be counted")
    filler = rig.folder / "filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1024 * MIB)
    try:
        wait_for(lambda: edge.metric("stethos_edge_spool_disk_paused") == 1, "the edge to pause")
        wait_for(lambda: edge.metric("stethos_edge_mqtt_subscribed") == 0, "the edge to disconnect")
        status, body = http(edge.url + "/readyz")
        assert status == 503 and b"too little room" in body
        publish(50, 200)  # which the broker keeps
        assert good() == 50
    finally:
        filler.unlink()
    wait_for(lambda: good() == 250, "all readings to be counted")
    assert edge.metric("stethos_edge_spool_disk_paused") == 0 and http(edge.url + "/readyz")[0] == 200
    kinds = wait_for(lambda: len(found := collector.pages("/v1/events", "events")) == 2 and [each["kind"] for each in found], "events")
    assert kinds == ["disk_low", "disk_recovered"]
    publisher.close()
