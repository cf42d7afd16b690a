"""Rows that the collector no longer has are asked for again, and come from the history of the edge."""

import contextlib
import datetime
import json
import re
import sqlite3
import subprocess

from rig import BINARIES, MINUTE_NS, SECOND_NS, wait_for

ROWS_PER_BATCH = 5
WINDOWS_LANE = 1


def wanted(command, store, *arguments):
    done = subprocess.run([BINARIES / "stethos-collector", "wanted", command, "--store", store, *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def requests(store):
    code, table, error = wanted("list", store)
    assert (code, error) == (0, "")
    heads, *lines = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def ended(store, number):
    """The request, once it is over."""
    return wait_for(lambda: requests(store)[number - 1]["state"] != "open" and requests(store)[number - 1],
                    lambda: f"request {number} to end: {requests(store)}")


def execute(path, sql):
    """How many rows it changed."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as file, file:
        return file.execute(sql).rowcount


def text_of(time_ns):
    return datetime.datetime.fromtimestamp(time_ns // SECOND_NS, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_was_deleted_comes_back_whoever_is_killed(rig, tell):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"uplink.rows_max": ROWS_PER_BATCH, "uplink.heartbeat": "1s"})
    ledger = rig.sim(broker, "--scenario", rig.fleet(machines=4, duration="6m"), "--speed", 0).finish()
    tell(rig.reconciled(ledger, edge, collector), ledger)
    exported = subprocess.run([BINARIES / "stethos-edge", "spool", "export", "--config", edge.config], capture_output=True,
                              text=True, timeout=60, check=True).stdout
    sent = [json.loads(line) for line in exported.splitlines()]
    starts = sorted(row["window"]["start_ns"] for row in sent if "window" in row)
    begin, end = starts[0] + MINUTE_NS, starts[-1]  # all but the first and the last minute
    rows = sum(begin <= start < end for start in starts)
    assert rows > 4 * ROWS_PER_BATCH

    collector.terminate()
    deleted = execute(collector.store, f"DELETE FROM windows WHERE start_ns >= {begin} AND start_ns < {end}")
    assert deleted > 4 * ROWS_PER_BATCH
    assert wanted("add", collector.store, "--node", "edge-1", "--from", text_of(begin), "--to", text_of(end)) == (
        0, "request 1\nrequest 2\nrequest 3\n", "")
    for point in ("collector.commit.before", "collector.commit.after"):
        collector.dies_at(point, 4)
        edge.kill()
        edge.start()
    assert requests(collector.store)[WINDOWS_LANE]["state"] == "open"
    collector.start()
    done = ended(collector.store, 1 + WINDOWS_LANE)
    assert (done["state"], done["rows"], done["not kept"]) == ("done", str(rows), "0"), done
    assert ended(collector.store, 1)["state"] == ended(collector.store, 3)["state"] == "done"
    tell(rig.reconciled(ledger, edge, collector), ledger)
    assert collector.metric("stethos_collector_rows_total", outcome="taken") == len(sent)
    assert collector.metric("stethos_collector_rows_total", outcome="again") >= rows
    assert collector.metric("stethos_collector_wanted_requests") == 0
    assert collector.get("/v1/gaps")["gaps"] == []

    # By number, beside the collector that runs; what the edge has no more is said.
    edge.terminate()
    assert execute(edge.spool, f"DELETE FROM outbox WHERE id BETWEEN {(WINDOWS_LANE << 56) + 2} AND {(WINDOWS_LANE << 56) + 4}") == 3
    edge.start()
    assert wanted("add", collector.store, "--node", "edge-1", "--lane", "windows", "--first", 1, "--last", 10)[0] == 0
    done = ended(collector.store, 4)
    assert (done["state"], done["rows"], done["not kept"], done["cause"]) == ("done", "7", "3", "not_kept"), done
    assert edge.metric("stethos_edge_uplink_rows_again_total") >= 7


def test_what_cannot_be_asked_for_is_refused(rig):
    collector = rig.collector()
    nobody = ["--node", "nobody"]
    for arguments, code, part in (
            ([*nobody, "--from", "2026-11-21", "--to", "2026-11-22"], 2, "no node of the name nobody is known"),
            ([*nobody, "--from", "2026-11-22", "--to", "2026-11-21"], 2, "--to"),
            ([*nobody, "--from", "yesterday", "--to", "2026-11-21"], 2, "--from"),
            ([*nobody, "--from", "2026-11-21"], 2, "--to"),
            ([*nobody, "--first", 1, "--last", 2], 2, "--lane"),
            ([*nobody, "--lane", "windows", "--first", 1, "--last", 2, "--from", "2026-11-21"], 2, "expected"),
            (nobody, 2, "expected"),
            ([*nobody, "--lane", "fast", "--first", 1, "--last", 2], 2, "--lane")):
        answer = wanted("add", collector.store, *arguments)
        assert answer[:2] == (code, "") and part in answer[2], (arguments, answer)
    missing = rig.folder / "missing.db"
    assert wanted("list", missing)[0] == wanted("cancel", missing, "--id", 1)[0] == 4
    assert not missing.exists()
    assert wanted("cancel", collector.store, "--id", 1)[0] == 2
    assert requests(collector.store) == []
