"""What the book-keeper reads of a configuration: the settings that a test hands to rig.edge, and the rows of the point table.

Only settings that decide what is counted where are looked at. docs/config/edge.md and docs/point-table.md say what each means.
"""

import csv
import dataclasses
import io
import re

SECOND_NS = 1_000_000_000
UNIT_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3600 * SECOND_NS,
           "d": 86_400 * SECOND_NS}
DEFAULTS = {"time.watermark_delay": "5s", "time.lateness": "1m", "time.rebase_after": 20, "time.future_max": "5m"}
YEAR_2000_NS = 946_684_800 * SECOND_NS  # time.earliest, unless told
MAGNITUDE_MAX = 1e70                    # of a sample, whatever the point table says


def duration_ns(text):
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", text).groups()
    return int(number) * UNIT_NS[unit]


def topic_matches(topic_filter, topic):
    """As MQTT has it: `+` is one level, `#` any number of them, also none."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


@dataclasses.dataclass(frozen=True)
class Definition:
    """A way to cut time into windows; what is not its own kind's is 0."""
    kind: str  # tumbling, hopping, session, count: as the collector calls them
    length_ns: int = 0
    hop_ns: int = 0
    offset_ns: int = 0
    gap_ns: int = 0
    samples: int = 0

    @staticmethod
    def of(window):
        length, hop, offset, gap = (duration_ns(window.get(name, "0s")) for name in ("length", "hop", "offset", "gap"))
        if window.get("samples"):
            return Definition("count", samples=window["samples"])
        if gap:
            return Definition("session", gap_ns=gap)
        if hop and hop != length:
            return Definition("hopping", length_ns=length, hop_ns=hop, offset_ns=offset)
        return Definition("tumbling", length_ns=length, hop_ns=length, offset_ns=offset)

    @property
    def on_grid(self):
        return self.kind in ("tumbling", "hopping")

    def starts(self, time_ns):
        """Of the windows on the grid that hold this time, the latest first."""
        start = (time_ns - self.offset_ns) // self.hop_ns * self.hop_ns + self.offset_ns
        found = []
        while start + self.length_ns > time_ns:
            found.append(start)
            start -= self.hop_ns
        return found

    def name(self):
        if self.kind == "count":
            return f"count of {self.samples}"
        if self.kind == "session":
            return f"session of {self.gap_ns / SECOND_NS:g} s"
        hop = f" each {self.hop_ns / SECOND_NS:g} s" if self.kind == "hopping" else ""
        return f"{self.kind} of {self.length_ns / SECOND_NS:g} s{hop}"


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the point table says of a channel, from a time on."""
    device: str
    channel: str
    machine: str
    quantity: str
    unit: str
    range_min: float = -MAGNITUDE_MAX
    range_max: float = MAGNITUDE_MAX
    valid_from_ns: int | None = None  # None: from the beginning


class Configuration:
    """`settings` as rig.edge takes them; `entries` are the point table's."""

    def __init__(self, settings, entries=()):
        told = {**DEFAULTS, **settings}
        self.subscriptions = told["subscription"]
        self.definitions = [Definition.of(window) for window in told["window"]]
        self.entries = list(entries)
        self.points_required = told.get("points.required", False)
        self.watermark_delay_ns = duration_ns(told["time.watermark_delay"])
        self.lateness_ns = duration_ns(told["time.lateness"])
        self.future_max_ns = duration_ns(told["time.future_max"])
        self.rebase_after = told["time.rebase_after"]

    def takes(self, topic):
        return self.subscription_for(topic) is not None

    def subscription_for(self, topic):
        return next((each for each in self.subscriptions if topic_matches(each["topic"], topic)), None)

    def entry_for(self, device, channel, time_ns):
        """The latest that is valid at this time."""
        found = [each for each in self.entries if (each.device, each.channel) == (device, channel)
                 and (each.valid_from_ns is None or each.valid_from_ns <= time_ns)]
        return max(found, key=lambda each: -1 if each.valid_from_ns is None else each.valid_from_ns, default=None)


def points_csv(entries, time_text):
    """The point table's file. `time_text` writes a time of ns since 1970 as the table wants it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["device", "channel", "machine", "point", "axis", "quantity", "unit", "range_min", "range_max", "valid_from"])
    for each in entries:
        valid_from = "" if each.valid_from_ns is None else time_text(each.valid_from_ns)
        table.writerow([each.device, each.channel, each.machine, "DE", "-", each.quantity, each.unit, each.range_min,
                        each.range_max, valid_from])
    return text.getvalue()
