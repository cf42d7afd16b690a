"""Messages made by hand: device batches by way of flatc, and a plain MQTT publisher."""

import json
import subprocess
import zlib

import paho.mqtt.client as mqtt

from rig import ROOT, RigError

SCHEMAS = ROOT / "schemas"


def with_checksum(buffer):
    return buffer + zlib.crc32(buffer).to_bytes(4, "little")


def batch_buffer(folder, **fields):
    """The buffer of a DeviceBatch, without its checksum. Numbers that JSON does not have are given as "nan" or "inf"."""
    path = folder / "message.json"
    text = json.dumps({"schema_major": 1, "schema_minor": 0, "epoch": 1, "sequence": 1, "lowest_held": 1, **fields})
    for name in ("nan", "-inf", "inf"):
        text = text.replace(f'"{name}"', name)
    path.write_text(text)
    done = subprocess.run(["flatc", "--binary", "-I", SCHEMAS, "-o", folder, SCHEMAS / "device_batch.fbs", path],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"flatc: {done.stdout}{done.stderr}\n{text}")
    return (folder / "message.bin").read_bytes()


def channel(values, start_ns, **fields):
    return {"name": "vibration", "quantity": "acceleration", "unit": "g", "start_ns": start_ns, "interval_ns": 1e6,
            "samples_type": "F32Samples", "samples": {"values": values}, **fields}


class Publisher:
    """Publishes in order with QoS 1; publish() returns when the broker has it."""

    def __init__(self, port):
        self.client = mqtt.Client(client_id="test-publisher", protocol=mqtt.MQTTv311)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.published = 0

    def publish(self, topic, payload):
        self.published += 1
        message = self.client.publish(topic, payload, qos=1)
        message.wait_for_publish(60)
        if not message.is_published():
            raise RigError(f"the broker did not take a message for {topic!r}")

    def publish_many(self, messages):
        """The same for many topics and payloads, of which as many are on the way at once as the client sends."""
        last = None
        for topic, payload in messages:
            self.published += 1
            last = self.client.publish(topic, payload, qos=1)
        last.wait_for_publish(60)
        if not last.is_published():
            raise RigError("the broker did not take all messages")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
