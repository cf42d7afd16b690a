"""A node without a line to a collector: its rows are carried by hand."""

import json
import subprocess

from rig import BINARIES, wait_for

DEVICES = 4


def export(*arguments):
    done = subprocess.run([BINARIES / "stethos-edge", "spool", "export", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def latest(rows):
    """By device, channel and start: the window of the highest revision."""
    windows = {}
    for row in (each["window"] for each in rows if "window" in each):
        key = row["device"], row["channel"], row["start_ns"]
        if key not in windows or windows[key]["revision"] < row["revision"]:
            windows[key] = row
    return windows


def test_rows_are_carried_by_hand(rig):
    broker, collector = rig.broker(), rig.collector()
    collector.terminate()
    edge = rig.edge(broker, collector)
    ledger = rig.sim(broker, "--scenario", rig.fleet(machines=DEVICES, duration="3m"), "--speed", 0).finish()
    samples = ledger.total("samples")

    def counted():
        windows = latest(rows_of(export("--config", edge.config, "--waiting")[1]))
        return sum(each["counts"]["good"] for each in windows.values()) == samples and windows

    # Beside the edge that runs, when it has sent what is not yet full.
    windows = wait_for(counted, f"rows that hold {samples} samples")
    file = rig.folder / "rows.jsonl"
    assert export("--file", edge.spool, "--out", file) == (0, "", "")
    rows = rows_of(file.read_text())
    assert latest(rows) == windows
    assert all(row["waiting"] for row in rows) and {row["lane"] for row in rows} == {"windows", "notes"}
    assert {row["stream"]["device"] for row in rows if "stream" in row} == set(ledger.totals)
    code, _, error = export("--file", edge.spool, "--out", file)
    assert code == 4 and str(file) in error and rows_of(file.read_text()) == rows

    # What the collector gets later is what was carried.
    collector.start()
    wait_for(lambda: edge.metric("stethos_edge_outbox_rows") == 0, "the rows to be sent")
    assert {(each.device, each.channel, each.start_ns): (each.counts["good"], each.statistics["mean"])
            for each in collector.windows()} == {
        key: (each["counts"]["good"], each["statistics"]["mean"]) for key, each in windows.items()}
    assert export("--config", edge.config, "--waiting") == (0, "", "")
    assert not any(row["waiting"] for row in rows_of(export("--config", edge.config)[1]))
