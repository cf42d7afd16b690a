"""The arithmetic that everything else is measured against, checked by hand-made numbers."""

import json
import math
import random
import statistics

import pytest

from ledger import Ledger, Sums, Window, reconcile

MINUTE_NS = 60_000_000_000


def block_line(device, sequence, start_ns, values, shift=0.0, channel="vibration"):
    """As stethos-sim writes it, but with sums in double: good to about 1e-15 of the largest term."""
    finite = [value for value in values if math.isfinite(value)]
    powers = {f"p{k}": repr(math.fsum((value - shift)**k for value in finite)) for k in (1, 2, 3, 4)}
    return {"device": device, "epoch": 1, "sequence": sequence, "channel": channel, "quantity": "acceleration", "unit": "g",
            "start_ns": start_ns, "interval_ns": 1e6, "samples": len(values), "finite": len(finite),
            "not_finite": len(values) - len(finite), "min": min(finite), "max": max(finite), "shift": shift, **powers,
            "sum_abs": repr(math.fsum(map(abs, finite))), "sum_sqrt_abs": repr(math.fsum(abs(v)**0.5 for v in finite))}


def reading_line(device, sequence, times_ns, values):
    return {"device": device, "sequence": sequence, "channel": "temperature", "quantity": "temperature", "unit": "degC",
            "start_ns": times_ns[0], "interval_ns": 0.0, "samples": len(values), "finite": len(values), "not_finite": 0,
            "times_ns": times_ns, "values": values}


def write(path, lines):
    header = {"ledger": "stethos-sim", "version": 1, "seed": 1, "epoch": 1, "arguments": [], "devices": []}
    totals = {"totals": [{"device": "pump", "messages": 2, "samples": 0, "acknowledged": 2, "given_up": 0, "resent": 0,
                          "duplicates": 0, "foreign": 0, "finished": True}], "finished": True}
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines, totals)))
    return path


def by_definition(values):
    n = len(values)
    mean = math.fsum(values) / n
    m2, m3, m4 = (math.fsum((v - mean)**k for v in values) / n for k in (2, 3, 4))
    rms = math.sqrt(math.fsum(v * v for v in values) / n)
    peak = max(map(abs, values))
    mean_abs = math.fsum(map(abs, values)) / n
    return {"count": n, "mean": mean, "standard_deviation": statistics.pstdev(values), "rms": rms, "peak": peak,
            "peak_to_peak": max(values) - min(values), "min": min(values), "max": max(values), "crest": peak / rms,
            "shape": rms / mean_abs, "impulse": peak / mean_abs,
            "clearance": peak / (math.fsum(abs(v)**0.5 for v in values) / n)**2, "skewness": m3 / m2**1.5, "kurtosis": m4 / m2**2}


def perfect_windows(ledger, length_ns=MINUTE_NS):
    return [Window(device, channel, start_ns, length_ns, {"good": sums.good, "not_finite": sums.not_finite, "late": 0},
                   sums.statistics()) for (device, channel, start_ns), sums in ledger.windows(length_ns).items()]


@pytest.fixture
def blocks():
    drawn = random.Random(5)
    return [[drawn.gauss(40.0, 2.0) for _ in range(500)] for _ in range(4)]


@pytest.fixture
def ledger(tmp_path, blocks):
    lines = [block_line("pump", i + 1, 30_000_000_000 * i, block, shift=[40.0, 39.0][i % 2]) for i, block in enumerate(blocks)]
    return Ledger(write(tmp_path / "ledger.jsonl", lines))


def test_blocks_of_different_shifts_become_one_window(ledger, blocks):
    windows = ledger.windows(MINUTE_NS)
    assert sorted(windows) == [("pump", "vibration", 0), ("pump", "vibration", MINUTE_NS)]
    assert windows["pump", "vibration", 0].statistics() == pytest.approx(by_definition(blocks[0] + blocks[1]), rel=1e-11)
    assert windows["pump", "vibration", MINUTE_NS].statistics() == pytest.approx(by_definition(blocks[2] + blocks[3]), rel=1e-11)


def test_an_offset_moves_the_windows(ledger):
    starts = [start for _, _, start in ledger.windows(MINUTE_NS, offset_ns=30_000_000_000)]
    assert sorted(starts) == [-30_000_000_000, 30_000_000_000, 90_000_000_000]


def test_readings_of_one_message_go_to_their_own_windows(tmp_path):
    line = reading_line("pump", 1, [MINUTE_NS - 1, MINUTE_NS, MINUTE_NS + 1], [1.0, 2.0, 4.0])
    windows = Ledger(write(tmp_path / "l", [line])).windows(MINUTE_NS)
    assert [(key[2], sums.good) for key, sums in windows.items()] == [(0, 1), (MINUTE_NS, 2)]
    assert windows["pump", "temperature", MINUTE_NS].statistics()["mean"] == 3.0
    single = windows["pump", "temperature", 0].statistics()
    assert single["standard_deviation"] == 0 and "skewness" not in single and "kurtosis" not in single


def test_samples_that_are_not_finite_are_counted_and_left_out(tmp_path):
    ledger = Ledger(write(tmp_path / "l", [block_line("pump", 1, 0, [1.0, math.nan, 3.0, math.inf])]))
    sums = ledger.windows(MINUTE_NS)["pump", "vibration", 0]
    assert (sums.samples, sums.good, sums.not_finite) == (4, 2, 2)
    assert sums.statistics()["mean"] == 2.0


def test_a_great_offset_costs_no_digits():
    sums = Sums()
    for value in [1e9 + 1, 1e9 + 2, 1e9 + 4]:
        sums.add_value(value)
    assert sums.statistics()["kurtosis"] == pytest.approx(by_definition([1.0, 2.0, 4.0])["kurtosis"], rel=1e-15)


def test_what_agrees_is_good(ledger):
    report = reconcile(ledger, perfect_windows(ledger), MINUTE_NS)
    assert report.good and report.worst == 0
    assert (report.messages, report.published, report.counted, report.windows) == (4, 2000, 2000, 2)


def test_a_missing_window_is_lost(ledger):
    report = reconcile(ledger, perfect_windows(ledger)[1:], MINUTE_NS)
    assert not report.good and report.lost == 1000


def test_a_missing_sample_is_lost_and_one_too_many_is_duplicated(ledger):
    first, second = perfect_windows(ledger)
    first.counts["good"] -= 1
    second.counts["good"] += 2
    report = reconcile(ledger, [first, second], MINUTE_NS)
    assert (report.lost, report.duplicated) == (1, 2)


def test_a_late_sample_is_not_lost(ledger):
    first, second = perfect_windows(ledger)
    first.counts["good"] -= 3
    second.counts["late"] += 3
    report = reconcile(ledger, [first, second], MINUTE_NS)
    assert (report.lost, report.late, report.counted) == (0, 3, 1997)


def test_a_window_that_nobody_published_is_duplicated(ledger):
    windows = perfect_windows(ledger)
    windows.append(Window("pump", "vibration", 9 * MINUTE_NS, MINUTE_NS, {"good": 1, "not_finite": 0, "late": 0}, {}))
    assert reconcile(ledger, windows, MINUTE_NS).duplicated == 1


def test_the_same_window_twice_is_an_error(ledger):
    windows = perfect_windows(ledger)
    assert not reconcile(ledger, windows + windows[:1], MINUTE_NS).good


@pytest.mark.parametrize("name", ["mean", "standard_deviation", "rms", "crest", "clearance", "skewness", "kurtosis", "min"])
def test_a_statistic_that_differs_is_named(ledger, name):
    windows = perfect_windows(ledger)
    windows[0].statistics[name] += 1e-4 * max(1.0, abs(windows[0].statistics[name]))
    report = reconcile(ledger, windows, MINUTE_NS)
    assert len(report.differing) == 1 and name in report.differing[0]
    windows[0].statistics[name] = None
    assert "missing" in reconcile(ledger, windows, MINUTE_NS).differing[0]


def test_totals_of_several_ledgers_add_up(tmp_path):
    one = write(tmp_path / "one", [block_line("pump", 1, 0, [1.0, 2.0])])
    two = write(tmp_path / "two", [block_line("pump", 1, 1, [3.0])])
    both = Ledger(one, two)
    assert both.total("messages") == 4 and both.finished
    assert both.windows(MINUTE_NS)["pump", "vibration", 0].statistics()["mean"] == 2.0
