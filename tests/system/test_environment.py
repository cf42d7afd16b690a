"""`stethos-edge check --environment` says what around a node would hinder it, and touches nothing of it."""

import contextlib
import subprocess

from fake_broker import NO_SUBSCRIPTION_IDENTIFIERS, NOT_AUTHORIZED, FakeBroker
from messages import Publisher
from rig import BINARIES, Broker, STETHOS_SUBSCRIPTION, free_port, json_subscription, toml

PROBLEM, SPOOL = 14, 4
JSON = json_subscription("fleet", {"temperature": "temperature degC"})


def look(rig, port, **changes):
    """Its exit code and its lines, [(severity, subject, what)], each with its cure below it."""
    path = rig.folder / f"{rig.name_for('looked')}.toml"
    path.write_text(toml({"node.id": "edge-1", "mqtt.host": "127.0.0.1", "mqtt.port": port, "spool.file": rig.folder / "spool.db",
                          "spool.bytes_max": "1 MiB", "spool.disk_free_bytes_min": "1 MiB", "uplink.enabled": False,
                          "time.clock": "trusted", "subscription": [STETHOS_SUBSCRIPTION, JSON], "window": [{"length": "1m"}],
                          **changes}))
    done = subprocess.run([BINARIES / "stethos-edge", "check", "--environment", "--config", path], capture_output=True, text=True,
                          timeout=60)
    lines = done.stdout.splitlines()
    return done.returncode, [line for line in lines if not line.endswith(": good") and ": good, " not in line], done.stderr


def of(lines, severity):
    return [line for line in lines if line.startswith(severity)]


def test_where_all_is_well_it_says_so_and_leaves_a_running_edge_alone(rig):
    broker = rig.broker()
    edge = rig.edge(broker, subscription=[STETHOS_SUBSCRIPTION, JSON])
    code, lines, _ = look(rig, broker.port)
    assert code == 0, lines
    assert not of(lines, "problem"), lines
    text = "\n".join(lines)
    for part in (f"127.0.0.1:{broker.port} accepts a client without a user name", "is not asked: that would take it from",
                 "its highest QoS is 2", "keeps a session for 7d", "the filter \"fleet/+/telemetry\" is granted with QoS 1",
                 "may be written to", "are free, and the spool grows by 1 MiB at most"):
        assert part in text, text
    assert edge.metric("stethos_edge_mqtt_sessions_taken_over_total") == 0
    assert edge.metric("stethos_edge_mqtt_connections_total") == 1
    assert not (rig.folder / "spool.db").exists()
    publisher = Publisher(broker.port)
    publisher.publish("fleet/t1/telemetry", b"x")
    publisher.close()
    edge.wait_until(lambda: edge.messages() == 1)


def test_a_broker_that_is_not_there(rig):
    port = free_port()
    code, lines, _ = look(rig, port)
    assert code == PROBLEM
    assert any(f"nobody listens at 127.0.0.1:{port}" in line for line in of(lines, "problem")), lines


def test_a_broker_that_takes_small_packets_only(rig):
    broker = Broker(rig, settings=("allow_anonymous true", "max_packet_size 2000000")).start()
    code, lines, _ = look(rig, broker.port)
    assert code == 0
    assert any("its largest packet has 2000000 bytes, and ingest.message_bytes_max is 8388608" in line
               for line in of(lines, "warning")), lines
    code, lines, _ = look(rig, broker.port, **{"ingest.message_bytes_max": "1 MiB"})
    assert code == 0 and not any("packet" in line for line in of(lines, "warning")), lines


def test_a_broker_that_wants_to_know_who_it_is(rig):
    passwords = rig.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "edge", "tr0ub4dor"], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = Broker(rig, settings=("allow_anonymous false", f"password_file {passwords}")).start()
    code, lines, _ = look(rig, broker.port)
    assert code == PROBLEM and any("mqtt.user" in line for line in of(lines, "problem")), lines
    secret = rig.folder / "secret"
    for word, expected in (("wrong", PROBLEM), ("tr0ub4dor", 0)):
        secret.write_text(word)
        secret.chmod(0o600)
        code, lines, _ = look(rig, broker.port, **{"mqtt.user": "edge", "mqtt.password_file": secret})
        assert code == expected, lines
        assert word not in "\n".join(lines)


def test_a_broker_that_refuses_a_filter_and_lowers_another(rig):
    """mosquitto grants every filter, and delivers nothing of what its access rules do not allow."""
    keeps_an_hour = bytes([0x11, 0, 0, 14, 16])  # Session Expiry Interval
    broker = FakeBroker(lambda asked: [NOT_AUTHORIZED, 0][asked - 1], NO_SUBSCRIPTION_IDENTIFIERS + keeps_an_hour)
    with contextlib.closing(broker):
        code, lines, _ = look(rig, broker.port)
    assert code == PROBLEM, lines
    assert [topic for topic, *_ in broker.subscribed] == ["stethos/v1/+/batch", "fleet/+/telemetry"]
    assert any("stethos/v1/+/batch" in line and "Not authorized" in line for line in of(lines, "problem")), lines
    warnings = "\n".join(of(lines, "warning"))
    for part in ("\"fleet/+/telemetry\" is given QoS 0, where 1 is asked for", "no subscription identifiers",
                 "keeps a session for 3600 s, where 604800 s are asked for"):
        assert part in warnings, lines


def test_a_broker_without_qos_1_and_wildcards(rig):
    maximum_qos_0, no_wildcards, no_retained = bytes([0x24, 0]), bytes([0x28, 0]), bytes([0x25, 0])
    with contextlib.closing(FakeBroker(properties=maximum_qos_0 + no_wildcards + no_retained)) as broker:
        code, lines, _ = look(rig, broker.port)
    assert code == PROBLEM, lines
    assert any("QoS 0 only" in line for line in of(lines, "problem")), lines
    assert any("no wildcards" in line for line in of(lines, "problem")), lines
    assert any("retained messages: no, and the node needs none" in line for line in of(lines, "ok")), lines


def test_a_disk_without_room_and_a_folder_that_is_missing(rig):
    broker = rig.broker()
    code, lines, _ = look(rig, broker.port, **{"spool.disk_free_bytes_min": "1 TiB"})
    assert code == PROBLEM and any("the node takes no messages" in line for line in of(lines, "problem")), lines
    code, lines, told = look(rig, broker.port, **{"spool.file": rig.folder / "missing" / "spool.db"})
    assert code == SPOOL and f"{rig.folder}/missing" in told
    assert any(f"{rig.folder}/missing" in line for line in of(lines, "problem")), lines


def test_a_spool_in_memory(rig):
    broker = rig.broker()
    code, lines, _ = look(rig, broker.port, **{"spool.file": "/dev/shm/stethos-test-spool.db"})
    assert code == PROBLEM and any("tmpfs" in line for line in of(lines, "problem")), lines


def test_a_clock_that_nothing_keeps_in_step(rig):
    broker = rig.broker()
    _, lines, _ = look(rig, broker.port)
    assert any("clock" in line for line in of(lines, "ok")), lines


def test_for_replay_alone_no_broker_is_needed(rig):
    code, lines, _ = look(rig, free_port(), **{"subscription": []})
    assert code == 0 and any("no [[subscription]]" in line for line in of(lines, "ok")), lines
