#!/usr/bin/env python3
"""Measures the programs on this machine, as whole processes with a real broker, and prints one table. Asserts nothing.

Every figure names its load: payload, rate, QoS, acknowledgement setting. CPU is that of the edge's process alone, from the
kernel's accounting, over the messages that it counted; the rest of the machine may be busy with the broker and the load.
"""

import json
import os
import pathlib
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
os.environ.setdefault("STETHOS_BINARIES", str(ROOT / "build/release/bin"))
sys.path.insert(0, str(ROOT / "tests/system"))

import plant  # noqa: E402  (after the path that finds it)
import rig as rigs  # noqa: E402

DEVICES = 100
WINDOW = {"length": "1s", "statistics": ["count", "mean", "standard_deviation", "min", "max"]}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def subscription(form, qos, acknowledge):
    if form == "block":
        return {"topic": "bench/+/+", "format": "f32", "qos": qos, "acknowledge": acknowledge, "device_level": 1,
                "fields": {"vibration": "acceleration g"}, "interval": "39us"}
    return {"topic": "bench/+/+", "format": "json", "qos": qos, "acknowledge": acknowledge, "device_field": "device",
            "time_field": "ts", "time_unit": "ns", "fields": {"temperature": "temperature degC"}}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid):
    """(private, resident)"""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, kilobytes = line.split(":")
        sizes[name] = int(kilobytes.split()[0]) / 1024
    return sizes["Private_Clean"] + sizes["Private_Dirty"], sizes["Rss"]


def seconds_of(text):
    """Of a time in the API, to the microsecond."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def percentiles(values, *wanted):
    ordered = sorted(values)
    if not ordered:
        return [float("nan")] * len(wanted)
    return [ordered[min(len(ordered) - 1, int(len(ordered) * each / 100))] for each in wanted]


def latency_ms(edge, before, *wanted):
    """Upper bounds of the buckets of receipt to commit in which the percentiles fall."""
    name = "stethos_edge_receipt_to_commit_seconds_bucket"
    buckets = [(float(labels["le"]), value - before.get(labels["le"], 0))
               for each, labels, value in edge_metrics(edge) if each == name]
    buckets.sort()
    total = buckets[-1][1]
    return [next((bound * 1000 for bound, below in buckets if below >= total * each / 100), float("inf")) for each in wanted]


def edge_metrics(edge):
    return rigs.metrics_of(rigs.http(edge.url + "/metrics")[1].decode())


def row(*cells):
    print("".join(str(cell).ljust(width) for cell, width in zip(cells, (44, 16, 16, 12, 26))).rstrip(), flush=True)


class Bench:
    def __init__(self, folder):
        self.rig = rigs.Rig(folder)
        self.broker = self.rig.broker()
        self.collector = self.rig.collector()

    def edge(self, form, qos, acknowledge, collector=None, **config):
        return self.rig.edge(self.broker, collector or self.collector, **{
            "subscription": [subscription(form, qos, acknowledge)], "window": [WINDOW], "time.watermark_delay": "0s",
            "spool.commit_interval": "50ms", "log.level": "warn", **config})

    def load(self, form, qos, messages, rate):
        command = [rigs.BINARIES / "stethos-load", self.broker.port, form, qos, DEVICES, messages, rate]
        return json.loads(subprocess.run([str(each) for each in command], check=True, capture_output=True).stdout)

    def stop(self, edge):
        edge.terminate()
        self.rig.processes.remove(edge)
        # The next edge is another node for the broker: no session, no backlog.
        self.broker.kill()
        self.rig.processes.remove(self.broker)
        self.broker = self.rig.broker()

    def live(self, form, qos, acknowledge, messages, rate):
        edge = self.edge(form, qos, acknowledge)
        self.load(form, qos, min(messages, 500), 0)
        rigs.wait_for(lambda: edge.messages() >= min(messages, 500), "the first messages")
        before = {labels["le"]: value for name, labels, value in edge_metrics(edge)
                  if name == "stethos_edge_receipt_to_commit_seconds_bucket"}
        counted, cpu, begun = edge.messages(), cpu_seconds(edge.child.pid), time.monotonic()
        load = self.load(form, qos, messages, rate)
        rigs.wait_for(lambda: edge.messages() >= counted + messages, lambda: f"{edge.messages()} of {messages}", 300)
        seconds = time.monotonic() - begun
        used = cpu_seconds(edge.child.pid) - cpu
        private, resident = memory_mb(edge.child.pid)
        p50, p95, p99, p999 = latency_ms(edge, before, 50, 95, 99, 99.9)
        what = f"{form}, QoS {qos}, {acknowledge if qos else 'no acknowledgement'}, " + (f"{rate}/s" if rate else "flat out")
        row(what, f"{messages / seconds:,.0f}/s", f"{used / messages * 1e6:.2f} us", f"{private:.1f}/{resident:.0f}",
            f"{p50:.0f} / {p95:.0f} / {p99:.0f} / {p999:.0f}")
        self.stop(edge)
        return load

    def written(self):
        """What the default commit interval writes, of blocks of 10 KiB, a byte received."""
        edge = self.edge("block", 1, "on_arrival", **{"spool.commit_interval": "1s"})
        self.load("block", 1, 500, 100)
        sizes = [(edge.metric("stethos_edge_disk_written_bytes_total"), edge.metric("stethos_edge_message_bytes_total"))]
        self.load("block", 1, 3_000, 100)
        sizes.append((edge.metric("stethos_edge_disk_written_bytes_total"), edge.metric("stethos_edge_message_bytes_total")))
        disk, messages = (after - before for before, after in zip(*sizes))
        print(f"bytes written to disk, 100 blocks of 10 KiB a second, commit interval 1 s: {disk / messages:.2f} a byte received")
        self.stop(edge)

    def recovery(self, rows=10_000_000):
        """From SIGKILL until it is subscribed again, with so many rows waiting."""
        edge = self.edge("thin", 1, "on_arrival", collector=self.away(), **{"spool.bytes_max": "100 GiB"})
        self.load("thin", 1, 1_000, 0)
        rigs.wait_for(lambda: edge.metric("stethos_edge_outbox_rows", lane="windows") > 0, "a row")

        def restarted():
            edge.kill()
            begun = time.monotonic()
            edge.start()
            return time.monotonic() - begun, memory_mb(edge.child.pid)[0]
        few = restarted()
        edge.terminate()
        self.multiply_rows(edge.spool, rows)
        edge.start()
        many = restarted()
        print("from SIGKILL to subscribed again: {:.2f} s, {:.1f} MB private; with {:,.0f} rows waiting ({:.1f} GB) {:.2f} s, "
              "{:.1f} MB".format(*few, edge.metric("stethos_edge_outbox_rows", lane="windows"),
                                 edge.spool.stat().st_size / 1e9, *many))
        self.stop(edge)

    @staticmethod
    def multiply_rows(spool, rows):
        """Copies of its last window row, in the file, as if they had waited there."""
        database = sqlite3.connect(spool)
        number, kind, body = database.execute(
            "SELECT id & 0xffffffffffffff, kind, body FROM outbox WHERE id >> 56 = 1 ORDER BY id DESC LIMIT 1").fetchone()
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT ?1 + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2) "
            "INSERT INTO outbox (id, kind, committed_ns, body) SELECT 1 << 56 | i, ?3, 0, ?4 FROM n", (number, rows, kind, body))
        database.execute("UPDATE lane SET next_number = ?1, waiting_rows = waiting_rows + ?2, waiting_bytes = waiting_bytes + ?3 "
                         "WHERE lane = 1", (number + rows + 1, rows, rows * len(body)))
        database.commit()
        database.close()

    @staticmethod
    def away():
        return type("Away", (), {"url": f"http://127.0.0.1:{rigs.free_port()}"})

    def close_to_row(self):
        edge = self.edge("thin", 0, "on_arrival")
        self.load("thin", 0, 20_000, 2_000)
        rigs.wait_for(lambda: edge.metric("stethos_edge_outbox_rows", lane="windows") == 0, "the outbox to drain")
        windows = [each for each in self.collector.pages("/v1/windows", "windows") if each["state"] == "final"]
        delays = [1000 * (seconds_of(each["times"]["stored"]) - seconds_of(each["times"]["closed"])) for each in windows]
        print("window close to collector row, thin at 2000/s: p50 {:.0f}, p95 {:.0f}, p99 {:.0f} ms over {} rows".format(
            *percentiles(delays, 50, 95, 99), len(delays)))
        self.stop(edge)

    def start_up(self):
        edge = self.edge("thin", 1, "on_arrival")
        self.load("thin", 1, 1, 0)
        rigs.wait_for(lambda: edge.messages() >= 1, "a message")
        idle_private, idle_resident = memory_mb(edge.child.pid)
        edge.terminate()
        self.load("thin", 1, 1, 0)  # the session holds it
        times = []
        for _ in range(5):
            begun = time.monotonic()
            counted = None
            edge.child = subprocess.Popen(edge.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while counted is None or not counted:
                counted = edge_first(edge)
            times.append(time.monotonic() - begun)
            edge.terminate()
            self.load("thin", 1, 1, 0)
        print(f"start to the first processed message: median {percentiles(times, 50)[0] * 1000:.0f} ms "
              "(seen by asking its metrics)")
        print(f"idle memory: {idle_private:.1f} MB private, {idle_resident:.0f} MB resident")
        edge.start()
        self.stop(edge)

    def drain(self, rows=100_000):
        """How fast a backlog leaves the edge for the collector."""
        away = self.away()
        edge = self.edge("thin", 0, "on_arrival", collector=away, window=[{**WINDOW, "length": "1ms"}])
        while (waiting := edge.metric("stethos_edge_outbox_rows", lane="windows")) < rows:
            self.load("thin", 0, int(max(1000, min(50_000, rows - waiting))), 0)
        edge.terminate()
        edge.config.write_text(edge.config.read_text().replace(away.url, self.collector.url))
        stored = lambda: self.collector.metric("stethos_collector_rows_total", outcome="taken")  # noqa: E731
        before, begun = stored(), time.monotonic()
        edge.start()
        cpu = cpu_seconds(edge.child.pid)
        rigs.wait_for(lambda: edge.metric("stethos_edge_outbox_rows") == 0, "the backlog to drain", 300)
        seconds = time.monotonic() - begun
        moved = stored() - before
        used = cpu_seconds(edge.child.pid) - cpu
        print(f"drain: {moved:,.0f} rows in {seconds:.2f} s, {moved / seconds:,.0f} rows/s from a start of the edge to an "
              f"empty outbox; edge CPU {used / max(moved, 1) * 1e6:.1f} us a row")
        self.stop(edge)


def nothing_lost(folder):
    """Kills and an outage, reconciled with the ledger: nothing is asserted here either, but both figures should be 0."""
    def counted(what, run):
        rig = rigs.Rig(pathlib.Path(folder, run.__name__))
        try:
            report, _, *drained = run(rig)
        finally:
            rig.close()
        drain = "".join(f"; drained in {seconds:.2f} s" for seconds in drained)
        print(f"{what}: {report.lost} lost, {report.duplicated} counted twice of {report.published:,}; "
              f"worst recovery {rig.recovery_s:.2f} s{drain}", flush=True)

    def kills(rig):
        return plant.five_kills(rig, readings=60_000, seed=1)

    def outage(rig):
        return plant.outage(rig, rows=80_000)

    counted("60,000 readings of strangers' JSON, QoS 1, after_commit, 2000/s, five SIGKILLs of the edge", kills)
    counted("80,000 rows while the collector is away, a SIGKILL of the edge meanwhile", outage)


def edge_first(edge):
    status, body = rigs.http(edge.url + "/metrics", seconds=1)
    if status != 200:
        return None
    return any(name == "stethos_edge_receipt_to_commit_seconds_count" and value > 0
               for name, _, value in rigs.metrics_of(body.decode()))


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    memory = int(next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]) / 1024 / 1024
    release = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release")
                    if line.startswith("PRETTY_NAME")), "")
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {release}, Linux {platform.release()}"


def main():
    print(f"machine: {machine()}")
    print(f"load: {DEVICES} devices; thin: one JSON reading a message; block: 2560 raw f32 (10 KiB); 1 s windows of count, mean, "
          "standard deviation, min, max; commit interval 50 ms; synchronous=FULL")
    with tempfile.TemporaryDirectory(prefix="stethos-bench-") as folder:
        bench = Bench(folder)
        try:
            row("edge", "messages", "CPU a message", "MB", "receipt to commit, ms")
            row("", "", "", "private/RSS", "p50 / p95 / p99 / p99.9, at most")
            for qos, acknowledge in ((0, "on_arrival"), (1, "on_arrival")):
                bench.live("thin", qos, acknowledge, 100_000, 10_000)
                bench.live("thin", qos, acknowledge, 200_000, 0)
                bench.live("block", qos, acknowledge, 10_000, 1_000)
            bench.live("thin", 1, "after_commit", 20_000, 0)
            bench.live("block", 1, "after_commit", 5_000, 0)
            bench.close_to_row()
            bench.start_up()
            bench.drain()
            bench.written()
            bench.recovery()
        finally:
            bench.rig.close()
        nothing_lost(folder)
    for what, program in (("kernels", "kernels_bench"), ("joined blocks", "joined_bench"), ("recorded data", "recordings_bench")):
        print(f"{what}, one core:", flush=True)
        subprocess.run([str(rigs.BINARIES / program), "--benchmark_counters_tabular=true"], check=True)


if __name__ == "__main__":
    main()
