"""A spool that cannot be read is set aside, as it is, and the node goes on without it."""

import json
import sqlite3
import subprocess
import time

from messages import Publisher
from rig import BINARIES, json_subscription, wait_for


def publish(publisher, edge, first, count):
    """Readings of ten devices; returns once the edge has counted them."""
    good = edge.metric("stethos_edge_samples_total", outcome="good")
    now_ms = time.time_ns() // 1_000_000
    for sequence in range(first, first + count):
        publisher.publish(f"fleet/d{sequence % 10}/telemetry", json.dumps(
            {"device": f"d{sequence % 10}", "ts": now_ms + sequence, "temperature": 20.5, "seq": sequence}))
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == good + count, "the readings to be counted")


def identity_of(spool):
    database = sqlite3.connect(f"file:{spool}?mode=ro", uri=True, timeout=10)
    try:
        return database.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()[0]
    finally:
        database.close()


def spool_command(what, *where):
    done = subprocess.run([BINARIES / "stethos-edge", "spool", what, *where], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_a_damaged_spool_is_set_aside(rig):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})])
    publisher = Publisher(broker.port)
    publish(publisher, edge, first=1, count=50)
    assert edge.metric("stethos_edge_spool_set_aside") == 0
    identity = identity_of(edge.spool)
    code, told, _ = spool_command("inspect", "--config", edge.config)
    assert code == 0 and f"identity      {identity}\n" in told and "streams       10\n" in told
    assert spool_command("verify", "--config", edge.config) == (0, "good\n", "")
    assert edge.terminate() == 0

    # What is still in the log moves to the file, and the file's middle goes.
    database = sqlite3.connect(edge.spool)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(edge.spool.read_bytes())
    quarter = len(content) // 4
    content[quarter:3 * quarter] = b"\x5a" * (2 * quarter)
    edge.spool.write_bytes(content)

    edge.start()
    publish(publisher, edge, first=51, count=20)
    publisher.close()
    assert edge.metric("stethos_edge_spool_set_aside") == 1
    assert edge.metric("stethos_edge_samples_total", outcome="good") == 20
    assert identity_of(edge.spool) != identity
    aside = [path for path in rig.folder.glob(f"{edge.spool.name}.damaged-*Z")]
    assert len(aside) == 1 and aside[0].read_bytes() == content
    assert f"{edge.spool} is damaged and was set aside as {aside[0]}" in edge.log_text()

    # The command says of it what the edge said.
    code, told, error = spool_command("verify", "--file", aside[0])
    assert code == 4 and (told or error)
    assert spool_command("verify", "--config", edge.config) == (0, "good\n", "")
    assert spool_command("letters", "--file", rig.folder / "absent.db")[0] == 4

    # Once: the new one is good.
    identity = identity_of(edge.spool)
    edge.terminate()
    edge.start()
    assert edge.metric("stethos_edge_spool_set_aside") == 0 and identity_of(edge.spool) == identity


def test_a_spool_of_another_program_is_left_alone(rig):
    broker = rig.broker()
    edge = rig.edge(broker)
    edge.terminate()
    for path in rig.folder.glob(f"{edge.spool.name}*"):
        path.unlink()
    theirs = sqlite3.connect(edge.spool)
    theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()
    content = edge.spool.read_bytes()
    edge.spawn()
    assert edge.wait() == 4
    assert edge.spool.read_bytes() == content and not list(rig.folder.glob("*.damaged-*"))
