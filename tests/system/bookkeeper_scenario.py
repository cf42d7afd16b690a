"""A plant's day drawn from a seed: ordinary, odd and hostile messages, wrong clocks, changed configurations, restarts and kills.

The same seed gives the same steps, relative to an hour that is long over. What is drawn keeps clear of what the rules leave
open: a unit never comes back.
"""

import json
import os

from audit import SHORT, START_MS, settings
from bookkeeper_config import Entry
from messages import channel
from rig import STETHOS_SUBSCRIPTION

FEATURES = ("hostile", "blocks", "batches", "identities", "numbered", "filters", "units", "points", "valid_from", "definitions",
            "late", "lateness", "clock")
UNITS = ("degC", "K", "degF", "degR")
FILTERS = {
    "plant": ("plant/+/json", "plant/#", "plant/p1/json", "plant/+/+", None),
    "fleet": ("fleet/+/telemetry", "fleet/#", "fleet/f1/telemetry", None),
    "waves": ("waves/+", "waves/#", None),
    "numbered": ("numbered/+", "numbered/#", None),
    "batches": ("stethos/v1/+/batch", "stethos/v1/own/batch", None),
}
WINDOWS = (SHORT, {"length": "5s"}, {"length": "1h"}, {"length": "10s", "hop": "5s"}, {"samples": 7}, {"gap": "3s"})
REBASE_AFTER = 8
IDENTITY_MS = 25_000  # how long ago a reading was that comes again: less than the lateness, so that its identity is known
LATE_BY_MS = 120_000
LATENESS = ("30s", "60s", "200s")  # of which the last takes what comes so late
WRONG_BY_MS = 600_000
DAY_MS = 86_400_000

BAD_VALUES = ("nan", "20.5", "", [], {}, True, False, None, [1, None, 3], [1, "2"], [[1]], {"value": 20}, 1e71, -1e300, 1e-320,
              9007199254740993, -0.0)
BAD_DEVICES = ("", 7, None, [], True, "a b", "a/b", "#", "\u00e4\u202e", "x" * 200, "unknown-77", "{device}")
BAD_TIMES = ("soon", "2026-01-01T00:00:00Z", None, [], {}, True, 1000, -5, 0, 1e300, -1e300, "future", "fraction")
BAD_INTERVALS = ("fast", 0, -5, 1e200, [])
BAD_TEXTS = ("", "x", "null", "true", "42", "[1, 2, 3]", '"text"', "[]", "{}", "[" * 10_000, '{"a":' * 3000, "\u0000", "{'a': 1}")


class Scenario:
    def __init__(self, rig, begin, seed):
        self.chance = rig.chance(seed)
        self.features = {name for name in FEATURES if self.chance.random() < 0.55}
        if (only := os.environ.get("STETHOS_FEATURES")) is not None:
            self.features = {name for name in only.split(",") if name}
            assert self.features <= set(FEATURES), f"STETHOS_FEATURES: known are {', '.join(FEATURES)}"
        self.unit = 0
        self.machines = [("pump-1", None)]  # of the device p1: machine, and the ms since base from which it is valid
        self.has_points = bool(self.features & {"points", "valid_from"})
        self.points_unit = 0
        self.filters = {name: of[0] for name, of in FILTERS.items()}
        self.windows = self._some_windows()
        self.lateness = LATENESS[0]
        self.at_ms = START_MS
        self.sent = 0
        self.numbers = {}   # device -> what was sent with an identity
        self.batches = []
        self.epoch = self.sequence = 1
        self.audit = begin(self._settings(), self._entries(0))
        self.audit.step(f"features of seed {seed}: {', '.join(sorted(self.features))}")

    def run(self):
        phases = self.chance.randint(3, 4)
        wrong_clock_in = self.chance.randrange(phases) if "clock" in self.features else None
        for phase in range(phases):
            for _ in range(self.chance.randint(20, 35)):
                self._message()
            if phase == wrong_clock_in:
                self._wrong_clock()
            if phase + 1 < phases:
                self._between()
        self.audit.reconcile()

    def _between(self):
        """The edge ends, in order or killed; messages come while it is down; it starts, perhaps with another configuration."""
        changes = self.chance.random() < 0.75
        if changes or self.chance.random() < 0.3:
            self.audit.settle()  # what an edge has not taken when it ends is the next one's, by another configuration
        self.audit.stop(self.chance.choice(("terminate", "kill")))
        for _ in range(self.chance.randint(0, 8)):
            self._message()
        if changes:
            self._change()
        self.audit.start()
        self.at_ms += self.chance.choice((300, 5_300, 20_300))

    # The configuration

    def _some_windows(self):
        drawn = self.chance.sample(WINDOWS, self.chance.randint(1, 4))
        # A clock that jumped ahead is noticed by what is late for short windows.
        return drawn if "clock" not in self.features or SHORT in drawn else [SHORT, *drawn]

    def _settings(self):
        unit = UNITS[self.unit]
        subscriptions = [
            {"topic": self.filters["plant"], "device_field": "device", "time_field": "ts",
             "fields": {"temperature": f"temperature {unit}", "current": "electric_current A"}},
            {"topic": self.filters["fleet"], "device_field": "device", "time_field": "ts", "identity": "seq",
             "fields": {"temperature": f"temperature {unit}"}},
            {"topic": self.filters["waves"], "device_field": "device", "time_field": "ts", "interval_field": "interval_us",
             "fields": {"wave": "acceleration g"}},
            {"topic": self.filters["numbered"], "device_field": "device", "time_unit": "arrival", "identity": "number",
             "fields": {"level": "level mm"}}]
        subscriptions = [{**each, "format": "json"} for each in subscriptions]
        subscriptions.append({**STETHOS_SUBSCRIPTION, "topic": self.filters["batches"]})
        return settings([each for each in subscriptions if each["topic"]], *self.windows,
                        **{"time.rebase_after": REBASE_AFTER, "time.lateness": self.lateness})

    def _entries(self, base_ns):
        if not self.has_points:
            return []
        return [Entry("p1", "temperature", machine, "temperature", UNITS[self.points_unit], -1000.0, 1000.0,
                      None if from_ms is None else base_ns + from_ms * 1_000_000) for machine, from_ms in self.machines]

    def _change(self):
        if "filters" in self.features:
            for name in ("plant", self.chance.choice(("fleet", "waves", "numbered", "batches"))):
                self.filters[name] = self.chance.choice(FILTERS[name])
        if "units" in self.features and self.unit + 1 < len(UNITS) and self.chance.random() < 0.6:
            self.unit += 1
        if self.points_unit != self.unit and self.chance.random() < 0.7:
            self.points_unit = self.unit
        if "valid_from" in self.features and self.chance.random() < 0.7:
            from_ms = (self.at_ms + self.chance.randint(2_000, 30_000)) // 1000 * 1000
            if self.machines[-1][1] is None or from_ms > self.machines[-1][1]:
                self.machines.append((f"pump-{len(self.machines) + 1}", from_ms))
        if "definitions" in self.features:
            kept = [each for each in self.windows
                    if self.chance.random() < 0.7 or (each == SHORT and "clock" in self.features)]
            new = [each for each in WINDOWS if each not in self.windows]
            kept += self.chance.sample(new, min(len(new), self.chance.randint(0 if kept else 1, 2)))
            self.windows = kept or self.windows
        if "lateness" in self.features:
            self.lateness = self.chance.choice(LATENESS)
        self.audit.configure(self._settings(), self._entries(self.audit.base_ns))

    # What is published

    def _message(self):
        self.at_ms += 700
        kinds = [self._reading] * 3
        kinds += [self._hostile] * 3 if "hostile" in self.features else []
        kinds += [self._block] if "blocks" in self.features else []
        kinds += [self._batch] if "batches" in self.features else []
        kinds += [self._identified] * 2 if "identities" in self.features else []
        kinds += [self._numbered] if "numbered" in self.features else []
        kinds += [self._late] if self.features & {"late", "lateness"} and self.chance.random() < 0.3 else []
        self.chance.choice(kinds)()

    def _ts(self, at_ms=None):
        return self.audit.base_ns // 1_000_000 + (self.at_ms if at_ms is None else at_ms)

    def _value(self):
        return self.chance.randint(-400, 400) / 4

    def _document(self, device, **fields):
        self.sent += 1
        return {"device": device, "ts": self._ts(), "n": self.sent, **fields}

    def _reading(self):
        device = self.chance.choice(("p1", "p2"))
        values = {"temperature": self._value()}
        if self.chance.random() < 0.3:
            values["current"] = self._value()
        self.audit.publish(f"plant/{device}/json", self._document(device, **values))

    # What comes with other stamps than the device's last is of a channel whose unit and machine do not change: where a reading
    # from before a change belongs is said nowhere.

    def _current(self, device, at_ms=None, **fields):
        self.audit.publish(f"plant/{device}/json",
                           self._document(device, **{"ts": self._ts(at_ms), "current": self._value(), **fields}))

    def _late(self):
        self._current(self.chance.choice(("p1", "p2")), self.at_ms - LATE_BY_MS)

    def _block(self):
        values = [self._value() for _ in range(self.chance.randint(1, 12))]
        document = self._document("w1", wave=values, interval_us=1000)
        if "hostile" in self.features and self.chance.random() < 0.4:
            change = self.chance.choice(("interval", "no interval", "null inside", "empty"))
            if change == "interval":
                document |= {"wave": [*values, 1.5], "interval_us": self.chance.choice(BAD_INTERVALS)}
            elif change == "no interval":
                del document["interval_us"]
            else:
                document["wave"] = [] if change == "empty" else [*values, None]
        self.audit.publish("waves/w1", document)

    def _batch(self):
        if self.batches and self.chance.random() < 0.3:
            self.audit.publish_message(self.chance.choice(self.batches[-3:]))
            return
        if self.chance.random() < 0.15:
            self.epoch, self.sequence = self.epoch + 1, 1
        self.sent += 1
        values = [self._value() for _ in range(self.chance.randint(1, 5))]
        start_ns = self.audit.base_ns + self.at_ms * 1_000_000
        channels = [channel(values, start_ns)]
        if self.chance.random() < 0.3:
            channels.append(channel(self.chance.choice((["nan"], [1.5, "nan"], ["inf", -2.0])), start_ns, name="other"))
        if "hostile" in self.features and self.chance.random() < 0.3:
            channels.append(channel(*self.chance.choice((([], start_ns), (values, 1000))), name="third"))
        self.batches.append(self.audit.publish_batch(device="own", epoch=self.epoch, sequence=self.sequence, channels=channels))
        self.sequence += 1

    def _identified(self):
        device = self.chance.choice(("f1", "f2"))
        sent = self.numbers.setdefault(device, [])
        topic = f"fleet/{device}/telemetry"
        recent = [each for each in sent if each["ts"] >= self._ts(self.at_ms - IDENTITY_MS)]
        if recent and self.chance.random() < 0.4:
            document = dict(self.chance.choice(recent))
            if self.chance.random() < 0.4:
                document["temperature"] += 1000.5
            document["n"] = self.sent = self.sent + 1
            self.audit.publish(topic, document)
            return
        document = self._document(device, temperature=self._value(), seq=len(sent))
        sent.append(document)
        self.audit.publish(topic, document)

    def _numbered(self):
        sent = self.numbers.setdefault("n1", [])
        if sent and self.chance.random() < 0.4:
            document = dict(self.chance.choice(sent[-4:]))
            if self.chance.random() < 0.4:
                document["level"] += 1000.5
        else:
            document = {"device": "n1", "number": len(sent), "level": self._value()}
            sent.append(document)
        self.sent += 1
        self.audit.publish("numbered/n1", {**document, "n": self.sent})

    def _hostile(self):
        document = self._document("p1", temperature=self._value())
        what = self.chance.choice(("value", "value", "value with another", "device", "time", "left out", "text", "bytes",
                                   "spoilt", "twice", "deep", "topic"))
        if what.startswith("value"):
            document["temperature"] = self.chance.choice(BAD_VALUES)
            if what != "value":
                document["current"] = self._value()
        elif what == "device":
            document["device"] = self.chance.choice(BAD_DEVICES)
        elif what == "time":
            document["ts"] = self._bad_time()
        elif what == "left out":
            del document[self.chance.choice(("device", "ts", "temperature"))]
        text = json.dumps(document)
        if what == "text":  # no two are equal byte for byte, for such could not be told from what is delivered again
            text = self.chance.choice(BAD_TEXTS) + " " * self.sent
        elif what == "bytes":
            text = text.encode().replace(b"temperature", b"temp\xff\xfe")
        elif what == "spoilt":
            text = self.chance.choice((text[:-1], text + "}", text.replace('"n": ', '"n": 1e999, "m": '),
                                       text.replace('"n": ', '"n": NaN, "m": '), text.replace('"n": ', '"n": 01')))
        elif what == "twice":
            text = text[:-1] + f', "temperature": {json.dumps(document["temperature"])}}}'
        elif what == "deep":
            text = text[:-1] + ', "deep": ' + "[" * 200 + "]" * 200 + "}"
        topics = ("plant/a b/json", "plant/p1/json/more", "plant", "strange") if what == "topic" else ("plant/p1/json",)
        self.audit.publish(self.chance.choice(topics), text)

    def _bad_time(self):
        time = self.chance.choice(BAD_TIMES)
        return self._ts() + 2 * 365 * DAY_MS if time == "future" else self._ts() + 0.5 if time == "fraction" else time

    def _wrong_clock(self):
        """A device's clock jumps ten minutes ahead and comes back; another one's starts in 1970."""
        for _ in range(5):
            self.at_ms += 700
            self._current("clock")
        for _ in range(self.chance.randint(1, 5)):
            self.at_ms += 700
            self._current("clock", self.at_ms + WRONG_BY_MS)
        self._current("p2", ts=self.chance.randint(1, 10_000))
        for _ in range(self.chance.randint(REBASE_AFTER + 4, 20)):
            self.at_ms += 700
            self._current("clock")


def run(rig, begin, seed):
    """`begin`: the fixture `audit`."""
    Scenario(rig, begin, seed).run()
