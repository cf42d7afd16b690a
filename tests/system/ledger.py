"""What must come out, computed from what stethos-sim says it published, and compared with what the collector serves.

docs/simulator.md describes the lines of a ledger. Nothing here knows how the edge computes: sums are exact (readings) or
the simulator's own long double sums (blocks), and everything is finished in decimal arithmetic of 60 digits.
"""

import dataclasses
import decimal
import functools
import json
import math

decimal.getcontext().prec = 60
decimal.getcontext().Emin = -999_999
decimal.getcontext().Emax = 999_999

# Beyond this relation of mean to deviation the higher moments are those of rounding errors, in anybody's arithmetic.
DEVIATION_RELATIVE_MIN = decimal.Decimal("1e-9")


@functools.lru_cache(maxsize=65536)
def exact(value):
    return decimal.Decimal(value)


class Sums:
    """Power sums of samples less a shift, and what else the statistics need. Sets of other shifts can be added."""

    def __init__(self, shift=decimal.Decimal(0)):
        self.shift = shift
        self.samples = 0
        self.good = 0
        self.powers = [decimal.Decimal(0)] * 4
        self.abs = decimal.Decimal(0)
        self.sqrt_abs = decimal.Decimal(0)
        self.min = math.inf
        self.max = -math.inf

    @property
    def not_finite(self):
        return self.samples - self.good

    def add_value(self, value):
        self.samples += 1
        if value is None or not math.isfinite(value):
            return
        if self.good == 0:
            self.shift = exact(value)
        self.good += 1
        difference = exact(value) - self.shift
        power = difference
        for i in range(4):
            self.powers[i] += power
            power *= difference
        absolute = abs(exact(value))
        self.abs += absolute
        self.sqrt_abs += absolute.sqrt()
        self.min = min(self.min, value)
        self.max = max(self.max, value)

    def add(self, other):
        self.samples += other.samples
        if other.good == 0:
            return
        if self.good == 0:
            self.shift = other.shift
        d = other.shift - self.shift
        n = other.good
        p1, p2, p3, p4 = other.powers
        self.powers = [mine + theirs for mine, theirs in zip(self.powers, (
            p1 + n * d,
            p2 + 2 * d * p1 + n * d**2,
            p3 + 3 * d * p2 + 3 * d**2 * p1 + n * d**3,
            p4 + 4 * d * p3 + 6 * d**2 * p2 + 4 * d**3 * p1 + n * d**4))]
        self.good += n
        self.abs += other.abs
        self.sqrt_abs += other.sqrt_abs
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)

    def statistics(self):
        """By name. What is not defined for these samples, or is nothing but rounding errors, is not there."""
        if self.good == 0:
            return {"count": 0.0}
        n = decimal.Decimal(self.good)
        p1, p2, p3, p4 = (power / n for power in self.powers)
        mean = self.shift + p1
        m2 = max(p2 - p1**2, decimal.Decimal(0))
        m3 = p3 - 3 * p1 * p2 + 2 * p1**3
        m4 = p4 - 4 * p1 * p3 + 6 * p1**2 * p2 - 3 * p1**4
        rms = (m2 + mean**2).sqrt()
        peak = max(abs(exact(self.min)), abs(exact(self.max)))
        out = {"count": n, "mean": mean, "standard_deviation": m2.sqrt(), "rms": rms, "peak": peak, "min": exact(self.min),
               "max": exact(self.max), "peak_to_peak": exact(self.max) - exact(self.min)}
        if rms > 0:
            out["crest"] = peak / rms
            out["shape"] = rms / (self.abs / n)
            out["impulse"] = peak / (self.abs / n)
            out["clearance"] = peak / (self.sqrt_abs / n)**2
        if m2.sqrt() > DEVIATION_RELATIVE_MIN * max(rms, abs(mean)):
            out["skewness"] = m3 / (m2 * m2.sqrt())
            out["kurtosis"] = m4 / m2**2
        return {name: float(value) for name, value in out.items()}


def sums_of_line(line):
    """Of a line's block, or of its one reading."""
    sums = Sums()
    if line["samples"] == 1 and line["finite"] == 1:
        sums.add_value(line["min"])
        return sums
    sums.samples = line["samples"]
    sums.good = line["finite"]
    if sums.good:
        sums.shift = exact(line["shift"])
        sums.powers = [decimal.Decimal(line[name]) for name in ("p1", "p2", "p3", "p4")]
        sums.abs = decimal.Decimal(line["sum_abs"])
        sums.sqrt_abs = decimal.Decimal(line["sum_sqrt_abs"])
        sums.min = line["min"]
        sums.max = line["max"]
    return sums


class Ledger:
    """One or several ledgers of stethos-sim, read as one."""

    def __init__(self, *paths):
        self.devices = {}  # name -> what the header says of it
        self.lines = []    # a message's channel each
        self.events = []
        self.totals = {}   # device -> what its last line says of it
        self.finished = bool(paths)
        for path in paths:
            self._read(path)

    def _read(self, path):
        finished = False
        with open(path, encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                if "ledger" in line:
                    if line["version"] != 1:
                        raise ValueError(f"{path}: a ledger of version {line['version']}")
                    self.devices.update((device["device"], device) for device in line["devices"])
                elif "event" in line:
                    self.events.append(line)
                elif "totals" in line:
                    finished = line["finished"]
                    for totals in line["totals"]:
                        kept = self.totals.setdefault(totals["device"], {})
                        for name, value in totals.items():
                            kept[name] = kept.get(name, 0) + value if type(value) is int else value
                else:
                    self.lines.append(line)
        self.finished = self.finished and finished

    def total(self, name):
        return sum(totals[name] for totals in self.totals.values())

    def count(self, event):
        return sum(line["event"] == event for line in self.events)

    def device_names(self):
        return {line["device"] for line in self.lines} | set(self.devices)

    def messages(self, devices=None):
        return len({(line["device"], line.get("epoch"), line["sequence"]) for line in self.lines
                    if devices is None or line["device"] in devices})

    def windows(self, length_ns, offset_ns=0, quantity=None):
        """What tumbling windows must hold: (device, channel, start) -> Sums. A block belongs where it starts."""
        windows = {}

        def window_at(line, time_ns):
            start_ns = (time_ns - offset_ns) // length_ns * length_ns + offset_ns
            return windows.setdefault((line["device"], line["channel"], start_ns), Sums())

        for line in self.lines:
            if quantity not in (None, line["quantity"]):
                continue
            if "times_ns" in line:
                for time_ns, value in zip(line["times_ns"], line["values"], strict=True):
                    window_at(line, time_ns).add_value(value)
            else:
                window_at(line, line["start_ns"]).add(sums_of_line(line))
        return windows


@dataclasses.dataclass
class Window:
    """A window as the collector serves it."""
    device: str
    channel: str
    start_ns: int
    length_ns: int
    counts: dict      # by name, as in WindowRow
    statistics: dict  # by name; None where not defined
    final: bool = True

    @property
    def counted(self):
        return self.counts["good"] + self.counts["not_finite"]


@dataclasses.dataclass
class Report:
    """Samples, where nothing else is said."""
    messages: int = 0
    published: int = 0
    stored: int = 0   # committed by the edge
    counted: int = 0  # delivered: in a window that the collector serves
    windows: int = 0
    late: int = 0
    lost: int = 0
    duplicated: int = 0
    differing: list = dataclasses.field(default_factory=list)  # a text each
    worst: float = 0.0                                         # relative error

    @property
    def good(self):
        return self.lost == 0 and self.duplicated == 0 and not self.differing

    def text(self):
        text = (f"messages {self.messages}, published {self.published}, stored {self.stored}, delivered {self.counted}, "
                f"windows {self.windows}, late {self.late}, lost {self.lost}, duplicated {self.duplicated}, "
                f"worst relative error {self.worst:.1e}")
        return "\n  ".join([text, *self.differing[:10]])


def relative_error(name, value, expected, rms):
    """Against the size that the statistic has for such samples, so that a mean or a skewness near zero can be compared."""
    size = abs(expected[name])
    if name in ("skewness", "kurtosis"):
        size = max(size, 1.0)
    elif name == "mean":
        size = max(size, rms)
    elif name == "standard_deviation":
        size = max(size, 1e-6 * rms)
    return abs(value - expected[name]) / size if size > 0 else abs(value)


def compare_statistics(window, sums, report, relative_max):
    expected = sums.statistics()
    where = f"{window.device}/{window.channel} at {window.start_ns}"
    for name in expected:
        value = window.statistics.get(name)
        if value is None:
            report.differing.append(f"{where}: {name} is missing, should be {expected[name]!r}")
            continue
        error = relative_error(name, value, expected, expected.get("rms", 0.0))
        report.worst = max(report.worst, error)
        if not error <= relative_max:
            report.differing.append(f"{where}: {name} is {value!r}, should be {expected[name]!r}")


def reconcile(ledger, windows, length_ns, offset_ns=0, quantity=None, devices=None, relative_max=1e-6):
    """Compares every window of this length, and in it every statistic. `windows` are Window, one of each identity: its highest
    revision. Only `devices` (default: those of the ledger) are looked at."""
    report = Report()
    devices = ledger.device_names() if devices is None else devices
    expected = {key: sums for key, sums in ledger.windows(length_ns, offset_ns, quantity).items() if key[0] in devices}
    report.messages = ledger.messages(devices)
    report.published = sum(sums.samples for sums in expected.values())
    served = {}
    for window in windows:
        if window.length_ns != length_ns or (window.start_ns - offset_ns) % length_ns or window.device not in devices:
            continue
        key = (window.device, window.channel, window.start_ns)
        if key in served:
            report.differing.append(f"{window.device}/{window.channel} at {window.start_ns}: served twice")
        served[key] = window
    report.windows = len(served)
    missing, late = {}, {}
    for key, window in served.items():
        stream = key[:2]
        report.counted += window.counted
        late[stream] = late.get(stream, 0) + window.counts["late"]
        sums = expected.get(key, Sums())
        difference = window.counted - sums.samples
        if difference > 0:
            report.duplicated += difference
        elif difference < 0:
            missing[stream] = missing.get(stream, 0) - difference
        elif window.counts["not_finite"] != sums.not_finite:
            report.differing.append(f"{key}: {window.counts['not_finite']} not finite, should be {sums.not_finite}")
        else:
            compare_statistics(window, sums, report, relative_max)
    for key, sums in expected.items():
        if key not in served:
            missing[key[:2]] = missing.get(key[:2], 0) + sums.samples
    # A late sample is in no window, and was counted all the same: in the stream's newest window.
    report.late = sum(late.values())
    report.lost = sum(max(0, count - late.get(stream, 0)) for stream, count in missing.items())
    return report
