"""`stethos-edge try` says what an edge would do, and does nothing to anybody."""

import contextlib
import json
import os
import signal
import subprocess

from messages import Publisher, batch_buffer, channel, with_checksum
from rig import BINARIES, STETHOS_SUBSCRIPTION, free_port, json_subscription, toml, wait_for

REFUSED, NO_BROKER = 12, 13
NOW_MS = 1_767_225_600_000
FIELDS = {"temperature": "temperature degC", "vibration": "acceleration g"}
SUBSCRIPTIONS = [STETHOS_SUBSCRIPTION,
                 json_subscription("fleet", FIELDS, interval_field="dt_us", ignore_payloads=["offline"]),
                 {"topic": "raw/+/+", "format": "value", "device_level": 1, "channel_level": 2, "fields": {"v": "temperature degC"}}]
CONFIG = {"node.id": "edge-1", "spool.file": "spool.db", "uplink.enabled": False, "time.clock": "trusted",
          "subscription": SUBSCRIPTIONS, "window": [{"length": "1m"}]}


def config_in(folder, **changes):
    path = folder / "edge.toml"
    path.write_text(toml(CONFIG | changes))
    return path


def try_payload(config, topic, payload, *more):
    done = subprocess.run([BINARIES / "stethos-edge", "try", "--config", config, "--topic", topic, *more], input=payload,
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("ascii"), done.stderr.decode()


def reading(**fields):
    return json.dumps({"device": "t1", "ts": NOW_MS, "seq": 1, "temperature": 20.5, **fields}).encode()


def test_a_payload_is_shown_and_nothing_is_touched(tmp_path):
    config = config_in(tmp_path)
    code, shown, _ = try_payload(config, "fleet/t1/telemetry", reading(vibration=[1, -2, 3], dt_us=100))
    assert code == 0, shown
    for part in ("subscription[1] \"fleet/+/telemetry\", format json", "device t1", "20.5 degC, temperature",
                 "a block of 3 samples in g, acceleration", "least -2, most 3", "a sample each 100 us, 10000 Hz",
                 "2026-01-01T00:00:00.000Z", "window[0] (length 1m)", "taken              2 of 2 channels"):
        assert part in shown, shown
    payload = tmp_path / "payload"
    payload.write_bytes(reading(temperature="warm"))
    code, shown, _ = try_payload(config, "fleet/t1/telemetry", b"", "--file", payload)
    assert code == REFUSED and "wrong_type" in shown and "cure" in shown, shown
    assert sorted(os.listdir(tmp_path)) == ["edge.toml", "payload"]


def test_payloads_without_an_end_and_topics_that_are_none(tmp_path):
    config = config_in(tmp_path, **{"ingest.message_bytes_max": "1 KiB"})
    with open("/dev/zero", "rb") as endless:
        done = subprocess.run([BINARIES / "stethos-edge", "try", "--config", config, "--topic", "fleet/t1/telemetry"],
                              stdin=endless, capture_output=True, timeout=60)
    assert done.returncode == REFUSED and b"too_large" in done.stdout and len(done.stdout) < 5000
    assert try_payload(config, "fleet/+/telemetry", b"")[0] == 2
    assert try_payload(config, "fleet/t1/telemetry", b"", "--file", tmp_path / "nowhere")[0] == 2
    code, shown, _ = try_payload(config, "elsewhere", b"1")
    assert code == REFUSED and "none takes this topic" in shown and "fleet/+/telemetry" in shown


def payloads(folder):
    """[(topic, payload)], of all kinds."""
    start = NOW_MS * 1_000_000
    yield "fleet/t1/telemetry", reading()
    yield "fleet/t1/telemetry", reading(seq=2, temperature="warm")
    yield "fleet/t1/telemetry", reading(seq=3, ts=NOW_MS * 1000)
    yield "fleet/t1/telemetry", reading(seq=4, ts=1)
    yield "fleet/t1/telemetry", reading(seq=5, device="t 1")
    yield "fleet/t1/telemetry", reading(seq=6, temperature=None)
    yield "fleet/t1/telemetry", reading(seq=7, vibration=[1, 2])
    yield "fleet/t1/telemetry", b"offline"
    yield "fleet/t1/telemetry", b"online"
    yield "fleet/t1/telemetry", b'{"device":"t1","ts":1,"ts":2,"temperature":1}'
    yield "fleet/t1/telemetry", b"\x1b[31m\x00\xff"
    yield "raw/d1/c1", b"20.5"
    yield "raw/d1/c1", b"ON"
    yield "raw/d 1/c1", b"20.5"
    yield "stethos/v1/d1/batch", b"nothing of ours"
    yield "stethos/v1/d1/batch", with_checksum(batch_buffer(folder, device="d1", channels=[channel([1, 2, 3], start)]))
    yield "stethos/v1/d2/batch", with_checksum(batch_buffer(folder, device="d2", channels=[
        channel([1, 2], start, interval_ns=0), channel([], start, name="empty"), channel([1], start, name="bad name")]))


def test_it_refuses_what_an_edge_refuses_and_nothing_else(rig):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=SUBSCRIPTIONS)
    publisher = Publisher(broker.port)
    letters = 0
    for number, (topic, payload) in enumerate(payloads(rig.folder), 1):
        publisher.publish(topic, payload)
        wait_for(lambda: edge.messages() == number, "the edge to take the message")
        refused = [reason for reason, *_ in edge.dead_letters()[letters:]]
        letters += len(refused)
        code, shown, _ = try_payload(edge.config, topic, payload)
        said = [line.split()[1].rstrip(":") for line in shown.splitlines() if line.strip().startswith("refused ") and ": " in line]
        assert sorted(said) == sorted(refused), (topic, payload, shown, refused)
        assert code == (REFUSED if refused else 0)
    publisher.close()


@contextlib.contextmanager
def listener(rig, config, *more):
    """`try --listen`, which hears when the block begins, and the file of what it says."""
    shown = rig.folder / rig.name_for("listened")
    told = rig.folder / rig.name_for("told")
    with open(shown, "wb") as out, open(told, "wb") as err:
        child = subprocess.Popen([BINARIES / "stethos-edge", "try", "--config", config, *(more or ("--listen", "5m"))], stdout=out,
                                 stderr=err)
    try:
        wait_for(lambda: "listening for" in told.read_text(), "it to listen")
        yield child, shown
    finally:
        child.kill()
        child.wait()


def test_listening_counts_by_topic_beside_an_edge_that_runs(rig):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=SUBSCRIPTIONS)
    publisher = Publisher(broker.port)
    with listener(rig, edge.config) as (child, shown):
        for i in range(20):
            publisher.publish("fleet/t1/telemetry", reading(seq=i, ts=NOW_MS + i * 1000))
            publisher.publish("fleet/t2/telemetry", reading(seq=i, device="t2", temperature="warm"))
        publisher.publish("fleet/t1/telemetry", b"offline")
        publisher.publish("raw/\u00e9/c", b"\x1b[31m")
        publisher.publish("raw/d1/last", b"20.5")
        wait_for(lambda: "topic              raw/d1/last" in shown.read_text(), "the last message")
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == REFUSED
        text = shown.read_text()
    assert "\x1b" not in text
    assert text.count("device t1\n") == 1 and text.count("device t2\n") == 1, text
    table = {line.split()[-1]: line.split()[:4] for line in text.splitlines() if line[:10].strip().isdigit()}
    assert table["fleet/t1/telemetry"] == ["21", "20", "1", "0"], text
    assert table["fleet/t2/telemetry"] == ["20", "0", "0", "0"], text
    assert table["raw/d1/last"] == ["1", "1", "0", "0"], text
    assert table["all"][0] == "43", text
    assert "refused: wrong_type 20" in text and "cure of wrong_type: " in text
    # The edge has heard the same, has its session, and nothing is left at the broker.
    wait_for(lambda: edge.messages() == 43, "the edge to take all")
    assert edge.metric("stethos_edge_mqtt_sessions_taken_over_total") == 0
    assert edge.metric("stethos_edge_mqtt_connections_total") == 1
    publisher.close()


def test_listening_ends_by_itself_and_says_that_nothing_came(rig):
    broker = rig.broker()
    config = config_in(rig.folder, **{"mqtt.port": broker.port})
    done = subprocess.run([BINARIES / "stethos-edge", "try", "--config", config, "--listen", "200ms"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and "nothing came" in done.stdout, done
    assert not (rig.folder / "spool.db").exists()


def test_listening_without_a_broker_says_so(rig):
    config = config_in(rig.folder, **{"mqtt.port": free_port()})
    done = subprocess.run([BINARIES / "stethos-edge", "try", "--config", config, "--listen", "1s"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == NO_BROKER and "connecting to the broker 127.0.0.1:" in done.stderr, done


def test_listening_says_when_the_broker_goes_away(rig):
    broker = rig.broker()
    config = config_in(rig.folder, **{"mqtt.port": broker.port})
    with listener(rig, config) as (child, shown):
        broker.kill()
        assert child.wait(30) == NO_BROKER
        assert "nothing came" in shown.read_text()
