"""A bad message costs one counter and one dead letter, with the reason and the first bytes; the next one is processed."""

import json
import struct
import time

import pytest

from messages import Publisher, batch_buffer, channel, with_checksum
from rig import SECOND_NS, STETHOS_SUBSCRIPTION, wait_for

DEAD_LETTER_BYTES = 256
MESSAGE_BYTES_MAX = 1 << 20

SUBSCRIPTIONS = [
    STETHOS_SUBSCRIPTION,
    {"topic": "plant/+/json", "format": "json", "qos": 1, "device_field": "device", "time_field": "ts", "time_unit": "ms",
     "fields": {"temperature": "temperature degC", "/motor/current": "electric_current A", "wave": "acceleration g"},
     "interval_field": "interval_us", "interval_unit": "us"},
    {"topic": "named/+/json", "format": "json", "qos": 1, "device_level": 1, "time_field": "ts", "time_unit": "iso8601",
     "fields": {"temperature": "temperature degC"}},
    {"topic": "raw/+", "format": "f32", "qos": 1, "device_level": 1, "interval": "1ms",
     "fields": {"vibration": "acceleration g"}},
]

NOW_NS = time.time_ns()
FAR_FUTURE_NS = NOW_NS + 366 * 86_400 * SECOND_NS
FAR_PAST_NS = 10 * 86_400 * SECOND_NS  # January 1970


class Line:
    """A running edge, a publisher, and a good device whose messages tell that the edge goes on."""

    def __init__(self, rig, **config):
        broker = rig.broker()
        self.folder = rig.folder
        self.edge = rig.edge(broker, subscription=SUBSCRIPTIONS,
                             **{"ingest.message_bytes_max": "1 MiB",
                                 "spool.dead_letter_bytes_max": f"{DEAD_LETTER_BYTES} B", **config})
        self.publisher = Publisher(broker.port)
        self.sequence = 0

    def batch(self, device, channels, **fields):
        return with_checksum(batch_buffer(self.folder, device=device, channels=channels, **fields))

    def good(self):
        """Three samples that are right; returns once they, and all that was published before them, are committed."""
        self.sequence += 1
        payload = self.batch("good", [channel([1.0, 2.0, 3.0], NOW_NS)], sequence=self.sequence, lowest_held=self.sequence)
        self.publisher.publish("stethos/v1/good/batch", payload)
        wait_for(lambda: self.edge.messages() == self.publisher.published,
                 lambda: f"the message after the bad one:\n{self.edge.log_tail()}")

    def good_samples(self):
        return self.edge.metric("stethos_edge_samples_total", outcome="good")

    def refuses(self, topic, payload, reason):
        letters = len(self.edge.dead_letters())
        counted = self.edge.metric("stethos_edge_dead_letters_total")
        samples = self.good_samples()
        self.publisher.publish(topic, payload)
        self.good()
        assert self.good_samples() == samples + 3
        added = self.edge.dead_letters()[letters:]
        assert [(each[0], each[1]) for each in added] == [(reason, topic)]
        payload = payload.encode() if isinstance(payload, str) else payload
        assert added[0][2] == payload[:DEAD_LETTER_BYTES]
        assert self.edge.metric("stethos_edge_dead_letters_total") == counted + 1
        assert self.edge.metric("stethos_edge_dead_letters_total", reason=reason) >= 1


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """One edge for the whole table: each row must leave it as good as it was."""
    from rig import Rig
    rig = Rig(tmp_path_factory.mktemp("bad-input"))
    made = Line(rig)
    made.good()
    yield made
    made.publisher.close()
    assert made.edge.terminate() == 0
    rig.close()


BATCHES = {
    # name: (channels, other fields, reason)
    "nothing but NaN": ([channel(["nan", "nan"], NOW_NS)], {}, "not_finite"),
    "nothing but infinities": ([channel(["inf", "-inf"], NOW_NS)], {}, "not_finite"),
    "far future": ([channel([1.0], FAR_FUTURE_NS)], {}, "time_future"),
    "a block that ends in the future": ([channel([1.0] * 100, NOW_NS, interval_ns=3600e9)], {}, "time_future"),
    "far past": ([channel([1.0], FAR_PAST_NS)], {}, "time_past"),
    "before 1970": ([channel([1.0], -NOW_NS)], {}, "time_past"),
    "no samples": ([channel([], NOW_NS)], {}, "empty"),
    "interval of 1e300 ns": ([channel([1.0, 2.0], NOW_NS, interval_ns=1e300)], {}, "bad_times"),
    "interval below zero": ([channel([1.0, 2.0], NOW_NS, interval_ns=-1e6)], {}, "bad_times"),
    "interval of a millionth of a nanosecond": ([channel([1.0, 2.0], NOW_NS, interval_ns=1e-6)], {}, "bad_times"),
    "interval NaN": ([channel([1.0, 2.0], NOW_NS, interval_ns="nan")], {}, "bad_times"),
    "no interval": ([channel([1.0, 2.0], NOW_NS, interval_ns=0)], {}, "bad_times"),
    "more times than samples": ([channel([1.0], NOW_NS, interval_ns=0, times_ns=[NOW_NS, NOW_NS + 1])], {}, "bad_times"),
    "times that go back": ([channel([1.0, 2.0], NOW_NS, interval_ns=0, times_ns=[NOW_NS, NOW_NS - 1])], {}, "bad_times"),
    "channel with odd bytes": ([channel([1.0], NOW_NS, name="a\u202eb")], {}, "bad_name"),
    "unit with odd bytes": ([channel([1.0], NOW_NS, unit="g\x07")], {}, "bad_name"),
    "channel without a name": ([channel([1.0], NOW_NS, name="")], {}, "bad_name"),
    "unit without end": ([channel([1.0], NOW_NS, unit="g" * 10_000)], {}, "bad_name"),
    "sequence zero": ([channel([1.0], NOW_NS)], {"sequence": 0}, "bad_sequence"),
    "epoch zero": ([channel([1.0], NOW_NS)], {"epoch": 0}, "bad_sequence"),
    "holds what it has not sent": ([channel([1.0], NOW_NS)], {"lowest_held": 9}, "bad_sequence"),
    "newer major version": ([channel([1.0], NOW_NS)], {"schema_major": 2}, "unsupported"),
    "complete until far in the future": ([], {"complete_until_ns": FAR_FUTURE_NS}, "time_future"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_bad_batch(line, name):
    channels, fields, reason = BATCHES[name]
    device = "bad-" + name.replace(" ", "-")
    line.refuses(f"stethos/v1/{device}/batch", line.batch(device, channels, **fields), reason)


def test_truncated_batches(line):
    payload = line.batch("bad", [channel([1.0] * 20, NOW_NS)])
    for size in (0, 1, 4, 12, len(payload) // 2, len(payload) - 4, len(payload) - 1):
        line.refuses("stethos/v1/bad/batch", payload[:size], "corrupt")


def test_flipped_batches(line):
    payload = line.batch("bad", [channel([1.0] * 20, NOW_NS)])
    for bit in range(0, 8 * len(payload), 8 * len(payload) // 12):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        line.refuses("stethos/v1/bad/batch", bytes(flipped), "corrupt")


def test_flipped_batches_behind_a_right_checksum_stop_nobody(line):
    """What a hostile device sends: it may be refused or counted as its own, but the next message is processed."""
    buffer = batch_buffer(line.folder, device="hostile", channels=[channel([1.0] * 20, NOW_NS)])
    for bit in range(0, 8 * len(buffer), 8 * len(buffer) // 200):
        flipped = bytearray(buffer)
        flipped[bit // 8] ^= 1 << bit % 8
        line.publisher.publish("stethos/v1/hostile/batch", with_checksum(bytes(flipped)))
    line.good()


def test_another_devices_name(line):
    line.refuses("stethos/v1/good/batch", line.batch("bad", [channel([1.0], NOW_NS)], sequence=99), "device_differs")


def test_another_unit(line):
    payload = line.batch("units", [channel([1.0], NOW_NS)])
    line.publisher.publish("stethos/v1/units/batch", payload)
    line.good()
    payload = line.batch("units", [channel([1.0], NOW_NS, unit="m/s2")], sequence=2)
    line.refuses("stethos/v1/units/batch", payload, "unit_differs")


@pytest.mark.parametrize("device", ["a b", "\u00e4\U0001f4a9", "quote\"back\\slash", "{device}"])
def test_odd_bytes_that_are_a_name(line, device):
    line.publisher.publish(f"stethos/v1/{device}/batch", line.batch(device, [channel([1.0], NOW_NS, name="a/b #+\"\\")]))
    line.good()


@pytest.mark.parametrize("device", ["\u00e4\u202e\U0001f4a9", "a ", "x" * 200])
def test_topic_with_odd_bytes(line, device):
    line.refuses(f"stethos/v1/{device}/batch", line.batch(device, [channel([1.0], NOW_NS)]), "bad_name")
    line.refuses(f"named/{device}/json", '{"ts": "2026-01-01T00:00:00Z", "temperature": 1}', "bad_name")


def reading(**fields):
    return json.dumps({"device": "bad", "ts": NOW_NS // 1_000_000, "temperature": 20.0} | fields)


JSON = {
    # name: (topic, payload, reason)
    "empty": ("plant/bad/json", "", "not_json"),
    "text": ("plant/bad/json", "temperature=20", "not_json"),
    "cut short": ("plant/bad/json", reading()[:-1], "not_json"),
    "something after it": ("plant/bad/json", reading() + "}", "not_json"),
    "NaN": ("plant/bad/json", reading().replace("20.0", "NaN"), "not_finite"),
    "not UTF-8": ("plant/bad/json", b'{"device": "\xff\xfe", "ts": 1, "temperature": 1}', "not_json"),
    "a number beyond double": ("plant/bad/json", reading().replace("20.0", "1e999"), "not_finite"),
    "ten thousand brackets": ("plant/bad/json", "[" * 10_000, "not_json"),
    "an array": ("plant/bad/json", "[1, 2, 3]", "missing_field"),
    "a number": ("plant/bad/json", "42", "missing_field"),
    "no device": ("plant/bad/json", json.dumps({"ts": 1, "temperature": 1}), "missing_field"),
    "no time": ("plant/bad/json", json.dumps({"device": "bad", "temperature": 1}), "missing_field"),
    "no value": ("plant/bad/json", json.dumps({"device": "bad", "ts": NOW_NS // 1_000_000}), "missing_field"),
    "null value": ("plant/bad/json", reading(temperature=None), "not_finite"),
    "device is no whole number": ("plant/bad/json", reading(device=7.5), "wrong_type"),
    "device is empty": ("plant/bad/json", reading(device=""), "bad_name"),
    "time is a text": ("plant/bad/json", reading(ts="2026-01-01T00:00:00Z"), "wrong_type"),
    "time is a number where a text is declared": ("named/bad/json", '{"ts": 1767225600, "temperature": 1}', "wrong_type"),
    "time is no time": ("named/bad/json", '{"ts": "yesterday", "temperature": 1}', "wrong_type"),
    "time is in ns where ms are declared": ("plant/bad/json", reading(ts=NOW_NS), "time_future"),
    "time is in s where ms are declared": ("plant/bad/json", reading(ts=NOW_NS // SECOND_NS), "time_past"),
    "far future": ("plant/bad/json", reading(ts=FAR_FUTURE_NS // 1_000_000), "time_future"),
    "value is a text": ("plant/bad/json", reading(temperature="20.0"), "wrong_type"),
    "value is true": ("plant/bad/json", reading(temperature=True), "wrong_type"),
    "value is an object": ("plant/bad/json", reading(temperature={"value": 20}), "wrong_type"),
    "array with a text": ("plant/bad/json", reading(temperature=[1, "2"], interval_us=10), "wrong_type"),
    "array that is empty": ("plant/bad/json", reading(temperature=[], interval_us=10), "empty"),
    "array without an interval": ("plant/bad/json", reading(temperature=[1, 2, 3]), "bad_times"),
    "array with an absurd interval": ("plant/bad/json", reading(temperature=[1, 2, 3], interval_us=1e200), "bad_times"),
    "array with a text for interval": ("plant/bad/json", reading(temperature=[1, 2, 3], interval_us="fast"), "wrong_type"),
}


@pytest.mark.parametrize("name", JSON)
def test_bad_json(line, name):
    line.refuses(*JSON[name])


RAW = {
    "a byte too many": (struct.pack("<3f", 1, 2, 3) + b"x", "corrupt"),
    "empty": (b"", "empty"),
    "nothing but NaN": (struct.pack("<2f", float("nan"), float("nan")), "not_finite"),
}


@pytest.mark.parametrize("name", RAW)
def test_bad_raw(line, name):
    payload, reason = RAW[name]
    line.refuses("raw/bad", payload, reason)


@pytest.mark.parametrize("megabytes", [2, 100])
def test_payload_too_large(line, megabytes):
    line.refuses("stethos/v1/bad/batch", bytes(megabytes * 1_000_000), "too_large")


def test_some_samples_that_are_not_finite_are_only_counted(line):
    letters = len(line.edge.dead_letters())
    before = line.edge.metric("stethos_edge_samples_total", outcome="not_finite")
    line.publisher.publish("stethos/v1/some/batch", line.batch("some", [channel([1.0, "nan", "inf"], NOW_NS)]))
    line.good()
    assert line.edge.metric("stethos_edge_samples_total", outcome="not_finite") == before + 2
    assert len(line.edge.dead_letters()) == letters


def test_one_bad_channel_does_not_cost_the_others(line):
    letters = len(line.edge.dead_letters())
    before = line.good_samples()
    channels = [channel([1.0] * 5, NOW_NS), channel([], NOW_NS, name="silent"), channel([2.0] * 7, NOW_NS, name="other")]
    line.publisher.publish("stethos/v1/mixed/batch", line.batch("mixed", channels))
    line.good()
    assert line.good_samples() == before + 5 + 7 + 3
    assert [reason for reason, _, _ in line.edge.dead_letters()[letters:]] == ["empty"]


def test_unknown_device_where_points_are_required(rig):
    table = rig.folder / "points.csv"
    table.write_text("device,channel,machine,point,axis,quantity,unit\ngood,vibration,press,DE,h,acceleration,g\n")
    line = Line(rig, **{"points.file": table, "points.required": True})
    line.good()
    line.refuses("stethos/v1/stranger/batch", line.batch("stranger", [channel([1.0], NOW_NS)]), "unknown_stream")
    line.refuses("stethos/v1/good/batch", line.batch("good", [channel([1.0], NOW_NS, unit="m/s2")], sequence=50), "unit_differs")
    line.publisher.close()


def test_more_devices_than_there_may_be(rig):
    line = Line(rig, **{"ingest.devices_max": 2})
    line.good()
    line.publisher.publish("stethos/v1/second/batch", line.batch("second", [channel([1.0], NOW_NS)]))
    line.good()
    line.refuses("stethos/v1/third/batch", line.batch("third", [channel([1.0], NOW_NS)]), "too_many_devices")
    line.publisher.close()


def test_the_log_names_the_first_refused_message_of_a_reason_and_subscription(rig):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=SUBSCRIPTIONS)
    publisher = Publisher(broker.port)
    for i in range(50):
        publisher.publish(f"plant/made-up-{i}\u202e/json", b"{\x1b[2J")
        publisher.publish(f"raw/{i}", b"abc")
    ahead_ms = NOW_NS // 1_000_000 + 2 * 3_600_000 + 60_000
    publisher.publish("plant/p/json", json.dumps({"device": "clock", "ts": ahead_ms, "temperature": 1}))
    publisher.publish("plant/p/json", json.dumps({"device": "pump 1\x1b[31m", "ts": NOW_NS // 1_000_000, "temperature": 1}))
    wait_for(lambda: edge.messages() == publisher.published, lambda: f"all messages:\n{edge.log_tail()}")
    publisher.close()
    assert edge.terminate() == 0
    text = edge.log_text()
    assert all(32 <= ord(c) < 127 or c == "\n" for c in text), "nothing that moves a terminal"
    lines = [line for line in text.splitlines() if "refused, " in line]
    assert len(lines) == 4, text
    assert all(len(line) < 1_000 and ". Cure: " in line for line in lines)
    not_json, corrupt, time_future, bad_name = lines
    assert 'refused, not_json: it ends before' in not_json and 'topic "plant/made-up-0\\xe2\\x80\\xae/json"' in not_json
    assert 'refused, corrupt: ' in corrupt and 'subscription "raw/+"' in corrupt
    assert "refused, time_future: its stamp is " in time_future and ", 2 h " in time_future
    assert 'device "clock", channel "temperature"' in time_future
    assert 'refused, bad_name: the device\'s name "pump 1\\x1b[31m" must be' in bad_name
