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

BARE_NAN = re.compile(r"(?<=:)nan(?=[,}])")
NAME = re.compile(r"(?! )[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+(?<! )")


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
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.nan


class _Object(dict):
    """A JSON object; `repeated` are the keys that stand in it twice."""

    def __init__(self, pairs):
        super().__init__(reversed(pairs))
        keys = [key for key, _ in pairs]
        self.repeated = {key for key in keys if keys.count(key) > 1}


def _parse(payload):
    try:
        text = payload.decode("utf-8") if isinstance(payload, bytes) else payload
        text = text.removeprefix("\ufeff").rstrip("\0")
        text = BARE_NAN.sub("NaN", text)
        return json.loads(text, parse_constant=lambda _: math.nan, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        raise Refused("not_json") from None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_number(value):
    """None is a sample that is missing, and what no double holds is none either."""
    try:
        value = math.nan if value is None else float(value)
    except OverflowError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _member(document, key):
    if key in document.repeated:
        raise Refused("repeated_key")
    return document.get(key)


def _given(document, key):
    value = _member(document, key)
    if value is None or isinstance(value, float) and not math.isfinite(value):
        raise Refused("missing_field")
    return value


def _device(subscription, topic, document):
    level = subscription.get("device_level", -1)
    if level >= 0:
        device = topic.split("/")[level]
    else:
        device = _given(document, subscription["device_field"])
        if isinstance(device, int) and not isinstance(device, bool) and 0 <= device < 2**64:
            device = str(device)
        if not isinstance(device, str):
            raise Refused("wrong_type")
    if not NAME.fullmatch(device) or len(device.encode()) > 128:
        raise Refused("bad_name")
    return device


def _time_ns(subscription, document):
    unit = subscription.get("time_unit", "ms")
    if unit == "arrival":
        return None
    time = _given(document, subscription["time_field"])
    try:
        time = float(time) if isinstance(time, str) else time
    except ValueError:
        raise Refused("wrong_type") from None
    if not _is_number(time):
        raise Refused("wrong_type")
    if abs(time) * UNIT_NS[unit] >= 9.2e18:
        raise Refused("time_future" if time > 0 else "time_past")
    whole = math.floor(time)
    return whole * UNIT_NS[unit] + round((time - whole) * UNIT_NS[unit])


def _interval_ns(subscription, document):
    field = subscription.get("interval_field")
    value = _member(document, field) if field else None
    if value is None:
        return 0
    if not _is_number(value):
        raise Refused("wrong_type")
    return value * UNIT_NS[subscription.get("interval_unit", "us")]


def _identity(subscription, document, time_ns):
    field = subscription.get("identity")
    if not field:
        return None
    value = time_ns if field == "time" else _given(document, field)
    if isinstance(value, bool):
        raise Refused("wrong_type")
    return json.dumps(value)


def _attempt(read, *arguments):
    """What it says, and why not."""
    try:
        return read(*arguments), ()
    except Refused as refused:
        return None, refused.reasons


def _channel(name, declared, document, subscription):
    quantity, unit = declared.split(" ")
    channel = Channel(name, quantity, unit)
    time_ns, bad_time = _attempt(_time_ns, subscription, document)
    interval_ns, bad_interval = _attempt(_interval_ns, subscription, document)
    if name in document.repeated:
        channel.refused, channel.samples_max = ("repeated_key",), 1
        return channel
    value = document[name]
    if isinstance(value, list) and len(value) == 1 and not interval_ns and (value[0] is None or _is_number(value[0])):
        value = value[0]
    if value is None or _is_number(value):
        values = [_as_number(value)]
        identity, bad = _attempt(_identity, subscription, document, time_ns)
        channel.identity = identity
    elif not isinstance(value, list):
        channel.refused, channel.samples_max = ("wrong_type",), 1
        return channel
    elif not all(each is None or _is_number(each) for each in value):
        channel.refused, channel.samples_max = ("wrong_type",), len(value)
        return channel
    else:
        values, bad = [as_float32(_as_number(each)) for each in value], bad_interval
        if not bad and len(value) > 1 and not 0 < interval_ns < 1e18:
            bad = ("bad_times",)
    channel.refused = bad_time or bad or (() if values else ("empty",))
    if channel.refused:
        channel.samples_min = channel.samples_max = len(values)
    else:
        end_ns = None if time_ns is None else time_ns + round((len(values) - 1) * (interval_ns or 0))
        channel.groups = [Group(time_ns, values, end_ns)]
    return channel


def read_json(subscription, topic, payload):
    document = _parse(payload)
    if not isinstance(document, _Object):
        raise Refused("missing_field")
    names = [name for name in subscription["fields"] if name in document]
    if not names:
        raise Refused("missing_field")
    device = _device(subscription, topic, document)
    return Contents(device, [_channel(name, subscription["fields"][name], document, subscription) for name in names])


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
