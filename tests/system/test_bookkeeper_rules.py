"""The book-keeper itself, on cases that were worked out by hand: it must be right before it can be held against anything."""

import base64
import datetime
import json
import math
import tomllib

import pytest
import rig

from bookkeeper import Bookkeeper, Message
from bookkeeper_compare import differences
from bookkeeper_config import SECOND_NS, Configuration, Definition, Entry, duration_ns, topic_matches
from bookkeeper_payloads import Refused, read_json

BASE_NS = 1_700_000_000 * SECOND_NS // (3600 * SECOND_NS) * 3600 * SECOND_NS
PLANT = {"topic": "plant/+/json", "format": "json", "device_field": "device", "time_field": "ts",
         "fields": {"temperature": "temperature degC", "current": "electric_current A"}}
WAVES = {"topic": "waves/+", "format": "json", "device_field": "device", "time_field": "ts", "interval_field": "interval_us",
         "fields": {"wave": "acceleration g"}}
OWN = {"topic": "stethos/v1/+/batch", "format": "stethos"}
SHORT, LONG = {"length": "2s"}, {"length": "1h"}


def configuration(subscriptions=(PLANT,), windows=(SHORT,), entries=(), **more):
    return Configuration({"subscription": list(subscriptions), "window": list(windows), "time.watermark_delay": "5s",
                          "time.lateness": "30s", **more}, entries)


def started(*arguments, **more):
    books = Bookkeeper(BASE_NS + 86_400 * SECOND_NS)
    books.start(configuration(*arguments, **more))
    return books


def reading(at_s, topic="plant/a/json", device="a", **fields):
    document = {"device": device, "ts": (BASE_NS + round(at_s * 1000) * 1_000_000) // 1_000_000, **fields}
    return Message(topic, json.dumps(document).encode())


def placed(books, definition=SHORT, stream=("a", "temperature")):
    return books.streams[stream].placed[Definition.of(definition)]


def held(books, definition=SHORT, stream=("a", "temperature")):
    """[(start in s since BASE_NS, unit, samples)] of windows on the grid."""
    pieces = [piece for begun in placed(books, definition, stream).pieces.values() for piece in begun]
    return [((piece.start_ns - BASE_NS) / SECOND_NS, piece.label.unit, piece.good) for piece in pieces]


def outcomes(books, stream=("a", "temperature")):
    return {name: tuple(low_high) for name, low_high in books.streams[stream].outcomes.items() if low_high[1]}


def letters(books):
    return [letter.reasons for letter in books.letters]


@pytest.mark.parametrize("topic_filter, topic, matches", [
    ("a/+/t", "a/b/t", True), ("a/+/t", "a/b/c/t", False), ("a/#", "a", True), ("a/#", "a/b/c", True), ("#", "x/y", True),
    ("a/+", "a", False), ("a/b", "a/b", True), ("a/b", "a/b/c", False), ("+/b", "a/b", True)])
def test_topics(topic_filter, topic, matches):
    assert topic_matches(topic_filter, topic) == matches


def test_durations_and_definitions():
    assert [duration_ns(text) for text in ("0s", "250ms", "2s", "1h")] == [0, 250_000_000, 2 * SECOND_NS, 3600 * SECOND_NS]
    windows = ({"length": "2s"}, {"length": "10s", "hop": "5s"}, {"gap": "3s"}, {"samples": 4})
    assert [Definition.of(each).kind for each in windows] == ["tumbling", "hopping", "session", "count"]
    assert Definition.of({"length": "10s", "hop": "5s"}).starts(12 * SECOND_NS) == [10 * SECOND_NS, 5 * SECOND_NS]
    assert Definition.of({"length": "2s", "offset": "1s"}).starts(2 * SECOND_NS) == [SECOND_NS]


PAYLOADS = tomllib.loads((rig.ROOT / "tests/data/payloads.toml").read_text())


def told(device, channel):
    if channel.refused:
        return f"{device}/{channel.name} refused {channel.refused[0]}"
    group = channel.groups[0]
    values = ["nan" if math.isnan(value) else f"{value:.17g}" for value in group.values]
    return device, channel.name, values, group.time_ns


@pytest.mark.parametrize("row", [row for row in PAYLOADS["payload"] if row["configuration"] in ("flat", "arrival", "waveform")],
                         ids=lambda row: row["shape"])
def test_payloads_are_read_as_the_table_says(row):
    subscription = PAYLOADS["configuration"][row["configuration"]]
    payload = base64.b64decode(row["payload_base64"]) if "payload_base64" in row else row["payload"].encode()
    try:
        contents = read_json(subscription, "fleet/d1/telemetry", payload)
    except Refused as refused:
        assert refused.reasons == (row.get("refused"),)
        return
    found = [told(contents.device, channel) for channel in sorted(contents.channels, key=lambda channel: channel.name)]
    empty = [line for line in row["expected"] if " = [] " in line]
    assert found == [line if " refused " in line else f"{line.split(' = ')[0]} refused empty" if line in empty else parsed(line)
                     for line in row["expected"]]


def parsed(line):
    """Of "d1/vibration = [1 2] g at 2026-01-01T00:00:00.000Z every 39us"."""
    where, rest = line.split(" = ")
    samples, rest = rest[1:].split("] ") if rest.startswith("[") else rest.split(" ", 1)
    time = rest.split(" at ")[1].split(" every ")[0]
    second, _, fraction = time.removesuffix("Z").partition(".")
    time_ns = None if time == "arrival" else int(
        datetime.datetime.fromisoformat(second + "+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
    values = [each if each == "nan" else f"{float(each):.17g}" for each in samples.split(" ")]
    return *where.rsplit("/", 1), values, time_ns


@pytest.mark.parametrize("value, reason, samples", [
    ("nan", "wrong_type", (0, 1)), (True, "wrong_type", (0, 1)), ({}, "wrong_type", (0, 1)), ([], "empty", (0, 0)),
    ([1, "3"], "wrong_type", (0, 2)), ([1, 2, 3], "bad_times", (3, 3))])
def test_channels_that_are_refused_place_nothing(value, reason, samples):
    books = started()
    books.publish(reading(10, temperature=1))
    books.publish(reading(12, temperature=value, current=4))
    books.publish(reading(14, device="stranger", temperature=value))
    assert letters(books) == [(reason,)] * 2
    assert outcomes(books) == {"good": (1, 1)} | ({"rejected": samples} if samples[1] else {})
    assert held(books) == [(10, "degC", [1])] and held(books, stream=("a", "current")) == [(12, "A", [4])]
    stranger = books.streams["stranger", "temperature"]
    assert stranger.placed == {} and stranger.newest_ns is None and stranger.outcomes["rejected"] == [0, samples[1]]


def test_windows_and_what_is_late_for_which():
    books = started(windows=[SHORT, LONG, {"samples": 2}])
    for at_s, value in ((10, 1), (11.5, 2), (60, 3), (11, 4)):
        books.publish(reading(at_s, temperature=value))
    assert held(books) == [(10, "degC", [1, 2]), (60, "degC", [3])]
    assert held(books, LONG) == [(0, "degC", [1, 2, 3, 4])]
    assert placed(books).counts == {"late": [1, 1]} and placed(books, LONG).counts == {}
    assert [piece.good for piece in placed(books, {"samples": 2}).count_windows()] == [[1, 2], [3, 4]]
    assert outcomes(books) == {"good": (4, 4)} and letters(books) == []
    alone = started()
    for at_s, value in ((10, 1), (60, 3), (11, 4)):
        alone.publish(reading(at_s, temperature=value))
    assert outcomes(alone) == {"good": (2, 2), "late": (1, 1)} and letters(alone) == [("late",)]


def test_sessions_do_not_depend_on_the_order():
    books = started(windows=[{"gap": "3s"}])
    for at_s in (10, 20, 14, 12):
        books.publish(reading(at_s, temperature=at_s))
    assert [piece.good for piece in placed(books, {"gap": "3s"}).sessions()] == [[10, 12, 14], [20]]


def test_blocks_belong_where_they_start_and_not_finite_samples_are_counted():
    books = started([WAVES, OWN])
    books.publish(reading(11.999, "waves/a", wave=[1, 2, 3], interval_us=1000))
    assert held(books, stream=("a", "wave")) == [(10, "g", [1, 2, 3])]
    samples = {"name": "v", "quantity": "acceleration", "unit": "g", "start_ns": BASE_NS, "interval_ns": 1e6,
               "samples": {"values": [1.0, "nan", 2.0]}}
    batch = Message("stethos/v1/d/batch", b"1", {"device": "d", "epoch": 1, "sequence": 1, "channels": [samples]})
    books.publish(batch)
    books.publish(batch)
    books.publish_again(batch)
    assert books.streams["d", "v"].redelivered_max == 3
    assert outcomes(books, ("d", "v")) == {"good": (2, 2), "not_finite": (1, 1), "duplicate": (3, 3)}


def test_a_clock_that_jumped_ahead_and_came_back():
    books = started(windows=[SHORT, LONG], **{"time.rebase_after": 3})
    for at_s in (10, 610, 12, 14, 16, 18, 20):
        books.publish(reading(at_s, temperature=at_s))
    assert placed(books).counts == {"late": [2, 3]}  # the third may count where it belongs
    assert [(start, values) for start, _, values in held(books)] == [(10, [10]), (610, [610]), (16, []), (18, [18]), (20, [20])]
    assert held(books, LONG)[0][2] == [10, 610, 12, 14, 16, 18, 20] and outcomes(books) == {"good": (7, 7)}


def test_identities():
    books = started([{**PLANT, "identity": "n", "time_unit": "arrival"}])
    for number, value in ((1, 5), (1, 5), (1, 6), (2, 5)):
        books.publish(reading(10, n=number, temperature=value))
    assert outcomes(books) == {"good": (2, 2), "duplicate": (1, 1), "rejected": (1, 1)}
    assert letters(books) == [("identity_conflict",)]
    assert placed(books).total().good == [5, 5]


def test_what_waits_is_taken_by_the_next_configuration():
    books = started([PLANT, WAVES])
    books.stop()
    books.publish(reading(10, temperature=1))
    books.publish(reading(10, "waves/a", wave=2))
    books.publish(reading(10, "elsewhere/a", temperature=3))
    assert books.taken == 0
    books.start(configuration([{**PLANT, "topic": "plant/#"}]))
    books.publish(reading(11, "waves/a", wave=4))  # nobody asks for it any more
    assert outcomes(books) == {"good": (1, 1)} and letters(books) == [("unknown_topic",)] and books.taken == 2


def test_a_changed_unit_begins_another_window():
    books = started(windows=[LONG])
    books.publish(reading(10, temperature=1))
    books.stop()
    books.start(configuration([{**PLANT, "fields": {"temperature": "temperature K"}}], [LONG]))
    books.publish(reading(11, temperature=2))
    assert held(books, LONG) == [(0, "degC", [1]), (0, "K", [2])] and outcomes(books) == {"good": (2, 2)}
    books.stop()
    books.start(configuration(windows=[LONG], entries=[Entry("a", "temperature", "m", "temperature", "K")]))
    books.publish(reading(12, temperature=3))
    assert letters(books) == [("unit_differs",)] and outcomes(books) == {"good": (2, 2), "rejected": (1, 1)}


def test_a_valid_from_cuts_the_window_that_it_lies_in():
    entries = [Entry("a", "temperature", "m1", "temperature", "degC", 0, 100),
               Entry("a", "temperature", "m2", "temperature", "degC", 0, 100, BASE_NS + 11 * SECOND_NS)]
    books = started(windows=[{"length": "10s"}], entries=entries)
    for at_s, value in ((10, 1), (11, 2), (10.5, 3), (12, 200), (21, 4)):
        books.publish(reading(at_s, temperature=value))
    assert held(books, {"length": "10s"}) == [(10, "degC", [1, 3]), (11, "degC", [2]), (20, "degC", [4])]
    assert outcomes(books) == {"good": (4, 4), "out_of_range": (1, 1)}


def record(start_s=10, good=(1.0,), device="a", definition="d1", length_s=2, **more):
    counts = {name: 0 for name in ("received", "good", "not_finite", "out_of_range", "late", "duplicate", "rejected")}
    mean = math.fsum(good) / len(good) if good else 0.0
    return {"device": device, "channel": "temperature", "kind": "tumbling", "definition": definition,
            "machine": "a", "unit": "degC", "start_ns": BASE_NS + start_s * SECOND_NS, "length_ns": length_s * SECOND_NS,
            "counts": {**counts, "good": len(good), "received": len(good)},
            "moments": {"count": len(good), "mean": mean, "min": min(good, default=0), "max": max(good, default=0)}} | more


SERVED = {
    # name: (window rows, samples, letters, a word of what differs; none: nothing does)
    "all of it": ([record()], {"good": 1}, [], None),
    "no window": ([], {"good": 1}, [], "is missing"),
    "a sample twice": ([record(good=(1.0, 1.0))], {"good": 2}, [], "2 good, must be 1"),
    "another value": ([record(good=(2.0,))], {"good": 1}, [], "sum"),
    "another start": ([record(12)], {"good": 1}, [], "should not be there"),
    "another unit": ([record(unit="K")], {"good": 1}, [], "is missing"),
    "twice": ([record(), record()], {"good": 1}, [], "2 times"),
    "of nobody": ([record(), record(device="b")], {"good": 1}, [], "never published"),
    "a letter": ([record()], {"good": 1}, [("late", "plant/a/json", b"x")], "one too many"),
    "a sum that is not": ([record(counts=record()["counts"] | {"received": 2})], {"good": 1}, [], "does not balance"),
    "a total": ([record()], {"good": 2}, [], "in all"),
}


@pytest.mark.parametrize("name", SERVED)
def test_what_differs_is_said(name):
    books = started()
    books.publish(reading(10, temperature=1))
    records, samples, dead_letters, word = SERVED[name]
    found = differences(books, records, samples, dead_letters)
    assert found == [] if word is None else any(word in text for text in found), found


def test_after_an_end_what_may_come_again_may_be_a_duplicate_and_nothing_else():
    books = started()
    books.publish(reading(10, temperature=1))
    books.stop()
    books.start(configuration())
    assert differences(books, [record()], {"good": 1}, []) == []
    again = record(counts=record()["counts"] | {"received": 2, "duplicate": 1})
    assert differences(books, [again], {"good": 1, "duplicate": 1}, []) == []
    assert differences(books, [record(good=(1.0, 1.0))], {"good": 2}, []) != []
