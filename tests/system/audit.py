"""An edge, its broker and its collector, and the book-keeper beside them: each step is done and told to the books."""

import datetime
import json
import time

from bookkeeper import OUTCOMES, Bookkeeper, Message
from bookkeeper_compare import differences
from bookkeeper_config import SECOND_NS, Configuration, points_csv
from messages import Publisher, batch_buffer, with_checksum
from rig import toml, wait_for

HOUR_NS = 3600 * SECOND_NS
RECONCILE_S = 20
UNCHANGED_S = 1.5  # what differs for so long, with nothing more to be sent, goes on to differ

# What is no JSON leaves a dead letter, committed with or after all that came before: so the test sees how far the edge is.
FENCE_TOPIC = "fence/test"
FENCE = {"topic": FENCE_TOPIC, "format": "json", "device_level": 1, "time_unit": "arrival", "fields": {"none": "number 1"}}

PLANT = {"topic": "plant/+/json", "format": "json", "device_field": "device", "time_field": "ts",
         "fields": {"temperature": "temperature degC", "current": "electric_current A"}}
WAVES = {"topic": "waves/+", "format": "json", "device_field": "device", "time_field": "ts", "interval_field": "interval_us",
         "fields": {"temperature": "acceleration g"}}
SHORT, LONG = {"length": "2s"}, {"length": "1h"}
START_MS = 600_000  # the first stamps, since the hour that all is relative to

SETTINGS = {"time.watermark_delay": "5s", "time.lateness": "30s", "time.idle_timeout": "200ms", "uplink.interval": "20ms"}


def time_text(time_ns):
    return datetime.datetime.fromtimestamp(time_ns // SECOND_NS, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Audit:
    """`settings` are the edge's, `subscription` and `window` among them. Stamps are relative to `base_ns`, an hour long over."""

    def __init__(self, rig, settings, entries=()):
        self.rig = rig
        self.base_ns = (time.time_ns() // HOUR_NS - 2) * HOUR_NS
        self.books = Bookkeeper(time.time_ns())
        self.steps = []
        self.points = rig.folder / "points.csv"
        self.points.write_text(points_csv([], time_text))
        self.broker, self.collector = rig.broker(), rig.collector()
        self.edge = None
        self._unsettled = []  # messages of our own devices that the edge may lose in a kill
        self._fences = 0
        self.configure(settings, entries)
        self.start()
        self.publisher = Publisher(self.broker.port)

    def configure(self, settings, entries=()):
        """For the next start."""
        self.settings = {**SETTINGS, **settings, "subscription": [*settings["subscription"], FENCE]}
        self.entries = list(entries)
        self.step("configure: " + "; ".join(
            [", ".join(each["topic"] for each in settings["subscription"]),
             *(f"{each['topic']} {each['fields']}" for each in settings["subscription"] if each.get("fields")),
             "windows " + json.dumps(settings["window"]), *map(str, entries)]))

    def step(self, text):
        self.steps.append(text)

    def start(self):
        self.step("start")
        self.points.write_text(points_csv(self.entries, time_text))
        settings = {**self.settings, "points.file": self.points}
        if self.edge is None:
            self.edge = self.rig.edge(self.broker, self.collector, **settings)
        else:
            self.edge.configure(**settings)
            self.edge.start()
        # Until then what comes for a filter that has left is a dead letter.
        wait_for(lambda: self.edge.metric("stethos_edge_mqtt_former_filters") == 0, self.edge.log_tail)
        self.books.start(Configuration(self.settings, self.entries))
        lost, self._unsettled = self._unsettled, []
        for message in lost:
            self.step(f"{message.topic} once more: epoch {message.batch['epoch']} sequence {message.batch['sequence']}")
            self.books.publish_again(message)
            self.publisher.publish(message.topic, message.payload)

    def stop(self, how):
        self.step(how)
        if how == "terminate":
            assert self.edge.terminate() == 0
        else:
            self.edge.kill()
        self.books.stop()

    def restart(self, how, settings=None, entries=None):
        self.stop(how)
        if settings is not None:
            self.configure(settings, self.entries if entries is None else entries)
        self.start()

    def publish(self, topic, payload):
        payload = json.dumps(payload) if isinstance(payload, dict) else payload
        shown = payload if len(payload) < 200 else f"{payload[:60]}... ({len(payload)} bytes)"
        self.step(f"publish {topic} {shown}")
        self._publish(Message(topic, payload.encode() if isinstance(payload, str) else payload))

    def publish_batch(self, **fields):
        """A batch of our own protocol; returned so that it can be sent again."""
        buffer = batch_buffer(self.rig.folder, **fields)
        message = Message(f"stethos/v1/{fields['device']}/batch", with_checksum(buffer), {"epoch": 1, "sequence": 1, **fields})
        self.publish_message(message)
        return message

    def publish_message(self, message):
        batch = message.batch
        self.step(f"publish {message.topic} epoch {batch['epoch']} sequence {batch['sequence']} {batch['channels']}")
        self._publish(message)

    def _publish(self, message):
        self.books.publish(message)
        if message.batch is not None:
            self._unsettled.append(message)
        self.publisher.publish(message.topic, message.payload)

    def settle(self):
        """Waits until the edge has committed all that was published."""
        self._fences += 1
        payload = f"fence {self._fences}"
        self._publish(Message(FENCE_TOPIC, payload.encode()))
        wait_for(lambda: any(letter[2] == payload.encode() for letter in self.edge.dead_letters()),
                 lambda: f"{payload} to be committed:\n{self.edge.log_tail()}\n{self.story()}", seconds=15)
        self._unsettled = []

    def outcomes(self):
        return {name: self.edge.metric("stethos_edge_samples_total", outcome=name) for name in OUTCOMES}

    def differences(self):
        return differences(self.books, self.collector.pages("/v1/windows", "windows"), self.outcomes(), self.edge.dead_letters())

    def reconcile(self):
        """Waits until nothing differs; else fails, and says what does and how it came to it."""
        self.settle()
        self.step("reconcile")
        found, since = None, 0

        def agrees_or_never_will():
            nonlocal found, since
            before, found = found, self.differences()
            if found != before or self.edge.metric("stethos_edge_outbox_rows"):
                since = time.monotonic()
            return not found or time.monotonic() - since > UNCHANGED_S

        wait_for(agrees_or_never_will, self.story, seconds=RECONCILE_S)
        assert not found, f"{len(found)} differences:\n  " + "\n  ".join(found) + f"\n{self.story()}"

    def story(self):
        return f"steps (base {self.base_ns}):\n  " + "\n  ".join(f"{i}: {text}" for i, text in enumerate(self.steps))

    def close(self):
        self.publisher.close()


class Device:
    """A JSON device that sends a reading each 700 ms by its own clock."""

    def __init__(self, audit, name="a", topic=None):
        self.audit, self.name, self.topic = audit, name, topic or f"plant/{name}/json"
        self.at_ms = START_MS
        self.sent = 0

    def ts(self):
        return self.audit.base_ns // 1_000_000 + self.at_ms

    def send(self, topic=None, **fields):
        self.at_ms += 700
        self.sent += 1
        document = {"device": self.name, "ts": self.ts(), "n": self.sent, **fields}
        self.audit.publish(topic or self.topic, document)

    def readings(self, count, topic=None, **fields):
        for _ in range(count):
            self.send(topic, **{"temperature": 20 + self.sent / 4, **fields})


def settings(subscriptions, *windows, **more):
    return {"subscription": list(subscriptions), "window": list(windows), **more}


def config_text(node_settings):
    """A whole configuration, for `stethos-edge check`."""
    return toml({"node.id": "edge-1", "uplink.enabled": False, "spool.file": "edge.spool", **node_settings})
