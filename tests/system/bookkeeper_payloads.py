"""What a message says, read as its subscription declares it: the book-keeper's own reader of JSON and of our devices' batches.

A message is refused as a whole (Refused), or it has channels, of which each may be refused by itself. What is refused where
follows docs/config/edge.md (`[[subscription]]`) and the table of mistakes in test_bad_input.py.
"""

import dataclasses
import json
import math
import re
import struct

from bookkeeper_config import UNIT_NS

NAME = re.compile(r"[A-Za-z0-9._{}-]{1,128}")


class Refused(Exception):
    """A message that is a dead letter as a whole. Several reasons: the pages do not say which of them it is."""

    def __init__(self, *reasons):
        super().__init__(", ".join(reasons))
        self.reasons = reasons


@dataclasses.dataclass
class Group:
    """A reading, or a block, which is atomic: it belongs where it starts."""
    time_ns: int | None  # None: the time of its arrival, which only the edge knows
    values: list         # numbers; nan is one that is not finite
    end_ns: int | None = None


@dataclasses.dataclass
class Channel:
    name: str
    quantity: str
    unit: str
    groups: list = dataclasses.field(default_factory=list)
    identity: str | None = None
    refused: tuple = ()   # the reasons that it may be refused for; empty: it is not
    samples_min: int = 0  # of a refused channel: how many samples it holds,
    samples_max: int = 0  # and how many one may say that it does

    @property
    def samples(self):
        return sum(len(each.values) for each in self.groups)


@dataclasses.dataclass
class Contents:
    device: str
    channels: list


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def _parse(payload):
    def number(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("beyond a double")
        return value

    def constant(text):
        raise ValueError(text)

    def first_of_each(pairs):
        # Which of two equal keys counts is said nowhere: messages that have them say the same with both.
        return {key: value for key, value in reversed(pairs)}

    try:
        text = payload.decode("utf-8") if isinstance(payload, bytes) else payload
        return json.loads(text, parse_float=number, parse_constant=constant, object_pairs_hook=first_of_each)
    except (ValueError, RecursionError):
        raise Refused("not_json") from None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _device(subscription, topic, document):
    level = subscription.get("device_level", -1)
    if level >= 0:
        device = topic.split("/")[level]
    else:
        if "device_field" not in subscription or subscription["device_field"] not in document:
            raise Refused("missing_field")
        device = document[subscription["device_field"]]
        if device is None:
            raise Refused("wrong_type", "missing_field")
        if not isinstance(device, str):
            raise Refused("wrong_type")
    if not NAME.fullmatch(device):
        raise Refused("bad_name")
    return device


def _time_ns(subscription, document):
    unit = subscription.get("time_unit", "ms")
    if unit == "arrival":
        return None
    if subscription["time_field"] not in document:
        raise Refused("missing_field")
    time = document[subscription["time_field"]]
    if time is None:
        raise Refused("wrong_type", "missing_field")
    if not _is_number(time):
        raise Refused("wrong_type")
    time_ns = time * UNIT_NS[unit]
    if abs(time_ns) >= 9.2e18:
        raise Refused("time_future", "time_past")
    return round(time_ns)


def _interval_ns(subscription, document):
    field = subscription.get("interval_field")
    if not field or field not in document:
        return 0
    if not _is_number(document[field]):
        raise Refused("wrong_type")
    return document[field] * UNIT_NS[subscription.get("interval_unit", "us")]


def _channel(name, declared, value, time_ns, interval_ns, identity):
    quantity, unit = declared.split(" ")
    channel = Channel(name, quantity, unit, identity=identity)
    if _is_number(value):
        channel.groups = [Group(time_ns, [float(value)], time_ns)]
    elif not isinstance(value, list):
        channel.refused, channel.samples_max = ("wrong_type",), 1
    elif not value:
        channel.refused = ("empty",)
    elif not all(map(_is_number, value)):
        channel.refused, channel.samples_max = ("wrong_type",), len(value)
    elif len(value) > 1 and not 0 < interval_ns < 1e18:
        channel.refused, channel.samples_min, channel.samples_max = ("bad_times",), len(value), len(value)
    else:
        end_ns = None if time_ns is None else time_ns + round((len(value) - 1) * interval_ns)
        channel.groups = [Group(time_ns, [as_float32(each) for each in value], end_ns)]
        channel.identity = None  # identities are those of readings
    return channel


def read_json(subscription, topic, payload):
    document = _parse(payload)
    if not isinstance(document, dict):
        raise Refused("missing_field")
    device = _device(subscription, topic, document)
    time_ns = _time_ns(subscription, document)
    interval_ns = _interval_ns(subscription, document)
    identity = None
    if field := subscription.get("identity"):
        if field != "time" and field not in document:
            raise Refused("missing_field")
        identity = json.dumps(time_ns if field == "time" else document[field])
    channels = [_channel(name, declared, document[name], time_ns, interval_ns, identity)
                for name, declared in subscription["fields"].items() if document.get(name) is not None]
    if not channels:
        raise Refused("missing_field")
    return Contents(device, channels)


def read_batch(fields):
    """Of a batch of our own protocol, given as messages.batch_buffer is."""
    channels = []
    for each in fields["channels"]:
        values = [math.nan if value in ("nan", "inf", "-inf") else as_float32(value) for value in each["samples"]["values"]]
        channel = Channel(each["name"], each["quantity"], each["unit"])
        if not values:
            channel.refused = ("empty",)
        elif times := each.get("times_ns"):
            channel.groups = [Group(time_ns, [value], time_ns) for time_ns, value in zip(times, values, strict=True)]
        else:
            start_ns = each["start_ns"]
            channel.groups = [Group(start_ns, values, start_ns + round((len(values) - 1) * each["interval_ns"]))]
        channels.append(channel)
    return Contents(fields["device"], channels)
