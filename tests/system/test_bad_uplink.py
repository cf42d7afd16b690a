"""What a stranger may post to the collector: it is refused with a status, counted, and the next batch is taken."""

import os
import subprocess

from rig import ROOT, http

BATCHES = "/v1/batches"
ZSTD = {"Content-Type": "application/x-stethos-batch", "Content-Encoding": "zstd"}

def zstd(source_bytes):
    return subprocess.run(["zstd", "-q", "-c"], input=source_bytes, check=True, capture_output=True).stdout

def test_bad_batches(rig, tell):
    broker, collector = rig.broker(), rig.collector()
    cases = {
        "a bomb": zstd(bytes(500_000_000)),
        "a bomb in frames": zstd(bytes(1_000_000)) * 500,
        "not zstd": b"hello",
        "empty": b"",
        "zeros": zstd(bytes(1000)),
        "chance": zstd(os.urandom(1000)),
        "a cut frame": zstd(os.urandom(1000))[:-7],
        "a message of another kind": zstd((ROOT / "schemas/golden/v1/device_batch.bin").read_bytes()),
        "too large as it arrives": os.urandom(9 << 20),
    }
    for name, body in cases.items():
        counted = collector.metric("stethos_collector_batches_refused_total")
        status, answer = http(collector.url + BATCHES, body, ZSTD)
        # The connection may be closed on a body that is refused before it was read.
        assert 400 <= status < 500 or (status == 0 and len(body) > 8 << 20), (name, status, answer)
        assert collector.metric("stethos_collector_batches_refused_total") == counted + 1, name
        assert http(collector.url + "/livez")[0] == 200, name
    assert collector.windows() == []

    edge = rig.edge(broker, collector)
    ledger = rig.sim(broker, "--scenario", rig.fleet(machines=1, duration="1m"), "--speed", 0).finish()
    tell(rig.reconciled(ledger, edge, collector), ledger)


def test_bad_questions(rig):
    collector = rig.collector()
    for path, status in {
        "/v1/windows?limit=0": 400,
        "/v1/windows?limit=many": 400,
        "/v1/windows?cursor=zzz": 400,
        "/v1/windows?from=yesterday": 400,
        "/v1/windows?statistics=cleverness": 400,
        "/v1/windows?colour=red": 400,
        "/v1/nothing": 404,
        "/../../etc/passwd": 404,
        BATCHES: 405,
    }.items():
        assert http(collector.url + path)[0] == status, path
