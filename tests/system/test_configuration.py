"""Mistakes in a configuration are found before anything is touched, all at once, each with its file, line and key."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from rig import BINARIES, ROOT, STETHOS_SUBSCRIPTION, toml

EDGE = {"node.id": "edge-1", "mqtt.host": "127.0.0.1", "spool.file": "edge.spool", "uplink.enabled": False,
        "subscription": [STETHOS_SUBSCRIPTION], "window": [{"length": "1m"}]}
LIMIT = {"statistic": "rms", "unit": "m/s2", "alert": 4}
COLLECTOR = {"listen.host": "127.0.0.1", "listen.port": 0, "store.file": "collector.db"}


def run(program, *arguments, folder=ROOT):
    return subprocess.run([BINARIES / program, *arguments], cwd=folder, capture_output=True, text=True, timeout=30)


def check(folder, program, text):
    path = folder / "test.toml"
    path.write_text(text)
    done = run(program, "check", "--config", path.name, folder=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("program, config", [("stethos-edge", EDGE), ("stethos-collector", COLLECTOR)])
def test_a_good_file_passes_and_touches_nothing(tmp_path, program, config):
    code, output = check(tmp_path, program, toml(config))
    assert code == 0, output
    assert os.listdir(tmp_path) == ["test.toml"]


# name: (program, what is changed or added, the key that the error must name, a word of the error)
MISTAKES = {
    "unknown key": ("stethos-edge", {"mqtt.hots": "x"}, "mqtt.hots", "mqtt.host"),
    "unknown section": ("stethos-edge", {"mqqt.host": "x"}, "mqqt", "mqtt"),
    "unknown key in a table of a list": ("stethos-edge", {"window": [{"length": "1m", "lenght": "2m"}]}, "lenght", "length"),
    "text for a number": ("stethos-edge", {"mqtt.port": "1883"}, "mqtt.port", "whole number"),
    "number for a text": ("stethos-edge", {"mqtt.host": 127}, "mqtt.host", ""),
    "port beyond its limit": ("stethos-edge", {"mqtt.port": 65_536}, "mqtt.port", "65535"),
    "port below its limit": ("stethos-edge", {"mqtt.port": -1}, "mqtt.port", ""),
    "duration without a unit": ("stethos-edge", {"mqtt.keep_alive": 30}, "mqtt.keep_alive", ""),
    "duration that is none": ("stethos-edge", {"mqtt.keep_alive": "soon"}, "mqtt.keep_alive", "soon"),
    "size that is none": ("stethos-edge", {"ingest.message_bytes_max": "much"}, "ingest.message_bytes_max", "much"),
    "forgetting before a window ends": ("stethos-edge", {"ingest.forget_after": "2h", "window": [{"length": "1h"}]},
                                        "ingest.forget_after", "at least 7295s"),
    "unknown choice": ("stethos-edge", {"subscription": [{"topic": "a", "format": "xml"}]}, "format", "json"),
    "unknown backend": ("stethos-edge", {"statistics.backend": "gpu"}, "statistics.backend", "reference"),
    "unknown statistic": ("stethos-edge", {"window": [{"length": "1m", "statistics": ["kurtossis"]}]}, "statistics", "kurtosis"),
    "window of no length": ("stethos-edge", {"window": [{"length": "0s"}]}, "length", ""),
    "bad topic filter": ("stethos-edge", {"subscription": [{"topic": "a/#/b", "format": "stethos"}]}, "topic", ""),
    "our protocol by another topic": ("stethos-edge", {"subscription": [{"topic": "stethos/v1/#", "format": "stethos"}]}, "topic",
                                      "stethos/v1/+/batch"),
    "a broker's address as a URL": ("stethos-edge", {"mqtt.host": "tcp://127.0.0.1"}, "mqtt.host", "URL"),
    "a broker's address with a port": ("stethos-edge", {"mqtt.host": "127.0.0.1:1883"}, "mqtt.host", "mqtt.port"),
    "no spool": ("stethos-edge", {"spool.file": ""}, "spool.file", "must name"),
    "a scale of nothing": ("stethos-edge", {"subscription": [{
        "topic": "a/+", "format": "json", "device_level": 1, "time_unit": "arrival",
        "field": [{"path": "t", "quantity": "temperature", "unit": "degC", "scale": 0}]}]}, "field", "scale"),
    "quality of service 2": ("stethos-edge", {"subscription": [{**STETHOS_SUBSCRIPTION, "qos": 2}]}, "qos", ""),
    "json without fields": ("stethos-edge", {"subscription": [{"topic": "a/+", "format": "json", "device_level": 1,
                                                               "time_field": "ts"}]}, "fields", ""),
    "json without a device": ("stethos-edge", {"subscription": [{"topic": "a/+", "format": "json", "time_field": "ts",
                                                                 "fields": {"t": "temperature degC"}}]}, "device", ""),
    "no node": ("stethos-edge", {"node.id": None}, "node.id", "must be given"),
    "odd node": ("stethos-edge", {"node.id": "a/b"}, "node.id", ""),
    "a points file that is not there": ("stethos-edge", {"points.file": "nowhere.csv"}, "", "nowhere.csv"),
    "uplink to what is no address": ("stethos-edge", {"uplink.enabled": True, "uplink.url": "collector"}, "uplink.url", ""),
    "uplink in the clear to another host": ("stethos-edge", {"uplink.enabled": True, "uplink.url": "http://192.0.2.1:8090"},
                                            "uplink.url", "loopback"),
    "republished rows that would come back": ("stethos-edge", {"republish.topic": "stethos/v1/{device}/batch"}, "republish.topic",
                                              "subscription"),
    "the same window twice": ("stethos-edge", {"window": [{"length": "1m"}, {"length": "60s"}]}, "length", "window[0]"),
    "a limit in no unit": ("stethos-edge", {"limit": [{**LIMIT, "unit": ""}]}, "unit", "must not be empty"),
    "a limit of an unknown statistic": ("stethos-edge", {"limit": [{**LIMIT, "statistic": "loudness"}]}, "statistic", "kurtosis"),
    "danger before alert": ("stethos-edge", {"limit": [{**LIMIT, "danger": 3}]}, "danger", "above alert"),
    "a deadband below zero": ("stethos-edge", {"limit": [{**LIMIT, "deadband": -1}]}, "deadband", "at least 0"),
    "a limit of windows that are not": ("stethos-edge", {"limit": [{**LIMIT, "window": "5m"}]}, "window", "nothing to watch"),
    "health page for everybody": ("stethos-edge", {"health.host": "0.0.0.0"}, "health.host", "loopback"),
    "a password file that is not there": ("stethos-edge", {"mqtt.user": "edge", "mqtt.password_file": "nowhere"},
                                          "mqtt.password_file", ""),
    "collector for everybody": ("stethos-collector", {"listen.host": "0.0.0.0"}, "listen.host", "loopback"),
    "collector for another address": ("stethos-collector", {"listen.host": "192.0.2.1"}, "listen.host", "loopback"),
    "collector without a store": ("stethos-collector", {"store.file": None}, "store.file", "must be given"),
    "collector with an unknown key": ("stethos-collector", {"limits.bodi": "1 MiB"}, "limits.bodi", "limits.body"),
}


def with_mistake(config, change):
    return {key: value for key, value in (config | change).items() if value is not None}


def line_of(text, key):
    """Of the only line that begins with the key's last part, or 0."""
    last = key.rsplit(".", 1)[-1]
    found = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith((f"{key} =", f"{last} ="))]
    return found[0] if len(found) == 1 else 0


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(tmp_path, name):
    program, change, key, word = MISTAKES[name]
    text = toml(with_mistake(EDGE if program == "stethos-edge" else COLLECTOR, change))
    code, output = check(tmp_path, program, text)
    assert code not in (0, 1) and code > 0, output
    assert key in output and word in output and "Traceback" not in output
    if number := line_of(text, key):
        assert f"test.toml:{number}: " in output, output
    assert run(program, "run", "--config", "test.toml", folder=tmp_path).returncode == code
    assert os.listdir(tmp_path) == ["test.toml"]


def test_a_limit_in_another_unit_than_the_point_table(tmp_path):
    (tmp_path / "points.csv").write_text("device,channel,machine,point,axis,quantity,unit\nd1,c1,m,p,h,acceleration,g\n")
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"points.file": "points.csv", "limit": [LIMIT]}))
    assert code > 1 and "limit[0].unit" in output and "d1/c1 in g" in output, output
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"points.file": "points.csv", "limit": [{**LIMIT, "unit": "g"}]}))
    assert code == 0, output


JSON = {"topic": "fleet/+/telemetry", "format": "json", "device_level": 1, "time_field": "ts",
        "fields": {"temperature": "temperature degC"}}


def test_a_unit_that_the_point_table_contradicts(tmp_path):
    """Every sample of the channel would be refused."""
    table = tmp_path / "points.csv"
    heading = "device,channel,machine,point,axis,quantity,unit\n"
    config = EDGE | {"points.file": "points.csv", "subscription": [JSON]}
    table.write_text(heading + "d1,temperature,m,p,,temperature,degF\n")
    code, output = check(tmp_path, "stethos-edge", toml(config))
    assert code == 3 and "points.csv" in output and "d1/temperature" in output and "degF" in output, output
    assert "subscription[0] says temperature in degC" in output, output
    # Where the device may speak our own protocol it is a warning.
    code, output = check(tmp_path, "stethos-edge", toml(config | {"subscription": [JSON, STETHOS_SUBSCRIPTION]}))
    assert code == 0 and "warning" in output and "d1/temperature" in output, output
    table.write_text(heading + "d1,temperature,m,p,,temperature,degC\nd1,temprature,m,p,,temperature,degC\n")
    code, output = check(tmp_path, "stethos-edge", toml(config))
    assert code == 0 and "of 1 channels no subscription has the name, as of d1/temprature" in output, output


@pytest.mark.parametrize("content, word", [
    ("device,channel,machine,point,axis,quantity,unit\nd1,c,m,p,,t,\u00b0C\n".encode("latin-1"), "points.csv:2: it is not UTF-8"),
    ("device,channel\n".encode("utf-16"), "it is UTF-16"),
    (b"device;channel;machine;point;axis;quantity;unit\n", "separated by semicolons"),
    (b"device,channel,machine,point,axis,quantity,unit\n\x1b[31m,c,m,p,,t,degC\n", "\\x1b[31m"),
])
def test_a_point_table_as_a_spreadsheet_saves_it(tmp_path, content, word):
    (tmp_path / "points.csv").write_bytes(content)
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"points.file": "points.csv"}))
    assert code == 3 and word in output and "\x1b" not in output, output


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "points.csv").write_bytes(b"\xef\xbb\xbfdevice,channel,machine,point,axis,quantity,unit\nd1,c,m,p,,t,degC\n")
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"points.file": "points.csv"}))
    assert code == 0, output


def test_a_folder_that_is_missing(tmp_path):
    """As `run` says it, and with the same code."""
    text = toml(EDGE | {"spool.file": "missing/edge.spool"})
    code, output = check(tmp_path, "stethos-edge", text)
    assert code == 4 and f"folder {tmp_path}/missing" in output.replace("folder missing", f"folder {tmp_path}/missing"), output
    assert run("stethos-edge", "run", "--config", "test.toml", folder=tmp_path).returncode == code
    # That of recordings is made, where there is a place for it.
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"record.folder": "missing/recording"}))
    assert code == 0, output
    code, output = check(tmp_path, "stethos-edge", toml(EDGE | {"record.folder": "test.toml/recording"}))
    assert code == 7 and "test.toml" in output, output
    assert os.listdir(tmp_path) == ["test.toml"]


def test_a_spool_that_is_none(tmp_path):
    """`check` and `run` refuse what is no spool with the same code, and leave it."""
    collector = tmp_path / "collector.db"
    with contextlib.closing(sqlite3.connect(collector)) as store:
        store.execute("CREATE TABLE something (value INTEGER)")
    for name, word in ("test.toml", "text file"), ("collector.db", "something else"):
        text = toml(EDGE | {"spool.file": name})
        code, output = check(tmp_path, "stethos-edge", text)
        assert code == 4 and word in output, output
        done = run("stethos-edge", "run", "--config", "test.toml", folder=tmp_path)
        assert done.returncode == code and word in done.stderr, done
        assert (tmp_path / "test.toml").read_text() == text and not list(tmp_path.glob("*damaged*"))


def test_without_a_subscription_it_is_for_replay_alone(tmp_path):
    code, output = check(tmp_path, "stethos-edge", toml(with_mistake(EDGE, {"subscription": None})))
    assert code == 0 and "for replay alone" in output, output
    refused = run("stethos-edge", "run", "--config", "test.toml", folder=tmp_path)
    assert refused.returncode == 3 and "[[subscription]]" in refused.stderr, refused
    (tmp_path / "readings.csv").write_text("timestamp,value\n2026-01-01 00:00:00,1.5\n2026-01-01 00:05:00,2.5\n")
    replayed = run("stethos-edge", "replay", "--config", "test.toml", "nab:readings.csv", "--csv", "rows.csv", folder=tmp_path)
    assert replayed.returncode == 0, replayed
    assert (tmp_path / "rows.csv").read_text().count("\n") > 1


def test_every_mistake_of_a_file_is_reported_at_once(tmp_path):
    text = toml(EDGE | {"mqtt.port": 0.5, "mqtt.keep_alive": "soon", "spool.colour": "red", "window": [{"length": "never"}]})
    code, output = check(tmp_path, "stethos-edge", text)
    assert code != 0
    for key in ("mqtt.port", "mqtt.keep_alive", "spool.colour", "length"):
        assert f"test.toml:{line_of(text, key)}: " in output and key in output, output
    assert len(output.strip().splitlines()) == 4


@pytest.mark.parametrize("text", ["[mqtt\n", "mqtt.host = 'a'\nmqtt.host = 'b'\n", "\x00\x01", "= 5\n", "a" * 100_000])
def test_what_is_no_toml(tmp_path, text):
    code, output = check(tmp_path, "stethos-edge", text)
    assert code > 1 and "test.toml" in output
    assert len(output) < 5000


def test_a_file_that_is_not_there(tmp_path):
    done = run("stethos-edge", "check", "--config", "nowhere.toml", folder=tmp_path)
    assert done.returncode > 1 and "nowhere.toml" in done.stderr


def test_a_secret_that_others_may_read_is_refused_and_never_shown(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("tr0ub4dor\n")
    text = toml(EDGE | {"mqtt.user": "edge", "mqtt.password_file": secret})
    secret.chmod(0o644)
    code, output = check(tmp_path, "stethos-edge", text)
    assert code != 0 and "mqtt.password_file" in output and "tr0ub4dor" not in output
    secret.chmod(0o600)
    code, output = check(tmp_path, "stethos-edge", text)
    assert code == 0, output
    shown = run("stethos-edge", "config", "show", "--config", "test.toml", folder=tmp_path)
    assert shown.returncode == 0 and str(secret) in shown.stdout and "tr0ub4dor" not in shown.stdout


def test_show_says_where_each_setting_comes_from_and_the_hash_is_of_what_is_set(tmp_path):
    text = toml(EDGE)
    (tmp_path / "one.toml").write_text(text)
    (tmp_path / "two.toml").write_text("# a comment\n\n" + text)
    (tmp_path / "three.toml").write_text(toml(EDGE | {"mqtt.port": 1884}))
    shown = [run("stethos-edge", "config", "show", "--config", f"{name}.toml", folder=tmp_path).stdout
             for name in ("one", "two", "three")]
    assert "one.toml:" in shown[0] and "default" in shown[0] and "mqtt.port" in shown[0]
    hashes = [next(line for line in text.splitlines() if "hash" in line) for text in shown]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("page, command", [
    ("docs/config/edge.md", ("stethos-edge", "config", "reference")),
    ("docs/config/collector.md", ("stethos-collector", "config", "reference")),
    ("docs/config/simulator.md", ("stethos-sim", "--print-scenario-reference")),
])
def test_the_reference_page_is_the_programs_own(page, command):
    done = run(*command)
    assert done.returncode == 0 and (ROOT / page).read_text() == done.stdout, f"run `make docs`: {page} is not up to date"
