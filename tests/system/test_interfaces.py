"""What people and programs are shown: pages, queries, republished rows, labels of the point table."""

import contextlib
import csv
import io
import json
import signal
import struct
import subprocess

import paho.mqtt.client as mqtt
import pytest

from messages import Publisher
from rig import BINARIES, http, wait_for

POINTS = """device,channel,machine,point,axis,quantity,unit,interval,block_length,location,owner
pump-1,vibration,press 7,DE,h,acceleration,g,500ms,512,hall 3,reliability
pump-1,temperature,press 7,DE,-,temperature,degC,500ms,1,hall 3,reliability
"""


@contextlib.contextmanager
def listening(broker):
    """What is published again from now on: (topic, row)."""
    received, subscribed = [], []
    listener = mqtt.Client(client_id="listener")
    listener.on_message = lambda client, data, message: received.append((message.topic, json.loads(message.payload)))
    listener.on_subscribe = lambda *_: subscribed.append(True)
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe("out/#", 1)
    listener.loop_start()
    try:
        wait_for(lambda: subscribed, "the listener's subscription")
        yield received
    finally:
        listener.disconnect()
        listener.loop_stop()


@pytest.fixture
def line(rig):
    """Two machines, of which the point table knows two channels of one; published, and at the collector."""
    points = rig.folder / "points.csv"
    points.write_text(POINTS.replace("press 7", "press-7"))
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"points.file": points, "republish.topic": "out/{device}/{channel}"})
    with listening(broker) as received:
        ledger = rig.sim(broker, "--scenario", rig.fleet(machines=2, duration="3m"), "--speed", 0, "--complete-past", "1m").finish()
        assert rig.reconciled(ledger, edge, collector).good
        yield edge, collector, ledger, received


def query(collector, *arguments):
    done = subprocess.run([BINARIES / "stethos-collector", "query", *arguments, "--store", collector.store], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_windows_are_told_alike_everywhere(line):
    edge, collector, ledger, received = line
    windows = collector.pages("/v1/windows", "windows")
    assert len(windows) >= 2 * 3 * 3

    # The point table names a stream; without an entry it is named after its device.
    known = collector.pages("/v1/windows", "windows", machine="press-7")
    assert {(each["device"], each["channel"]) for each in known} == {("pump-1", "vibration"), ("pump-1", "temperature")}
    assert {each["location"] for each in known} == {"hall 3"}
    unknown = collector.pages("/v1/windows", "windows", machine="pump-2")
    assert {each["channel"] for each in unknown} == {"vibration", "speed", "temperature"}
    # A whole minute has all that it was expected to have: two blocks of 512 a second. The last of them, for the first one may be whole.
    whole = max((each for each in known if each["channel"] == "vibration"),
                key=lambda each: (each["counts"]["good"], each["start_ns"]))
    assert whole["counts"]["expected"] == whole["counts"]["good"] == 120 * 512 and whole["coverage"] == 1
    kurtosis = whole["statistics"]["kurtosis"]
    assert kurtosis["id"] == "acceleration.full.h.kurtosis" and whole["statistics"]["rms"]["unit"] == "g"

    # Filters and pages.
    some = collector.pages("/v1/windows", "windows", device="pump-1", channel="vibration", statistics="rms,kurtosis")
    assert all(set(each["statistics"]) == {"rms", "kurtosis"} for each in some)
    cut = collector.get("/v1/windows", limit=2)
    assert len(cut["windows"]) == 2 and cut["next"]
    later = collector.pages("/v1/windows", "windows", **{"from": whole["start"]})
    assert 0 < len(later) < len(windows) and all(each["start_ns"] >= whole["start_ns"] for each in later)

    # CSV and the table say the same.
    status, body = http(collector.url + "/v1/windows?format=csv&limit=10000&machine=press-7&channel=vibration")
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert status == 200 and len(rows) == len([each for each in known if each["channel"] == "vibration"])
    by_start = {int(row["start_ns"]): row for row in rows}
    assert float(by_start[whole["start_ns"]]["kurtosis"]) == kurtosis["value"]
    table = query(collector, "windows", "--machine", "press-7", "--channel", "vibration", "--statistics", "kurtosis")
    shown = [line.split() for line in table.splitlines() if "press-7" in line]
    assert len(shown) == len(rows)
    assert any(float(cells[-2]) == pytest.approx(kurtosis["value"], rel=1e-4) for cells in shown)
    assert query(collector, "streams").count("pump-") >= 6 and "edge-1" in query(collector, "nodes")

    # Republished rows are those rows; each is sent when it is written, so the last of a window counts.
    wait_for(lambda: {topic for topic, _ in received} >= {f"out/{each['device']}/{each['channel']}" for each in windows}, "rows")
    last = {(row["device"], row["channel"], row["start_ns"]): row for _, row in received}
    assert last["pump-1", "vibration", whole["start_ns"]]["kurtosis"] == kurtosis["value"]
    labels = {(row["device"], row["channel"]): (row["machine"], row["quantity"], row["unit"]) for _, row in received}
    assert labels["pump-1", "vibration"] == ("press-7", "acceleration", "g")
    assert labels["pump-2", "temperature"] == ("pump-2", "temperature", "degC")
    assert collector.get("/v1/nodes")["nodes"][0]["node"] == "edge-1"


def test_names_of_a_plant_are_told_as_they_are(rig):
    device, name, machine = "Kühlpumpe 3 / Süd \"+#%", "relay/0 <b>", "Halle \u00c4, 1"
    points = rig.folder / "points.csv"
    quoted = ",".join('"' + each.replace('"', '""') + '"' for each in (device, name, machine))
    points.write_text(f"device,channel,machine,point,axis,quantity,unit\n{quoted},Gehäuse,h,temperature,°C\n")
    broker, collector = rig.broker(), rig.collector()
    subscription = {"topic": "plant", "format": "json", "device_field": "name", "time_field": "ts",
                    "field": [{"path": "relay/0", "channel": name, "quantity": "temperature", "unit": "°C"}]}
    edge = rig.edge(broker, collector, subscription=[subscription], window=[{"length": "1s", "device": device}],
                    **{"points.file": points, "republish.topic": "out/{device}/{channel}"})
    publisher = Publisher(broker.port)
    with listening(broker) as received:
        for i in range(3):
            publisher.publish("plant", json.dumps({"name": device, "ts": 1_767_225_600_000 + 600_000 * i, "relay/0": 20}))
        wait_for(lambda: collector.pages("/v1/windows", "windows", device=device, channel=name, machine=machine), "windows")
        wait_for(lambda: received, "a republished row")
    window = collector.pages("/v1/windows", "windows", device=device, channel=name, machine=machine)[0]
    assert (window["device"], window["channel"], window["unit"], window["point"]) == (device, name, "°C", "Gehäuse")
    status, body = http(collector.url + "/v1/windows?format=csv")
    row = next(csv.DictReader(io.StringIO(body.decode())))
    assert status == 200 and (row["device"], row["channel"], row["machine"]) == (device, name, machine)
    assert device in query(collector, "streams", "--device", device)
    assert {topic for topic, _ in received} == {"out/Kühlpumpe 3 %2F Süd \"%2B%23%25/relay%2F0 <b>"}
    assert edge.dead_letters() == []


def test_health_follows_the_broker(rig):
    broker = rig.broker()
    edge = rig.edge(broker)
    assert (http(edge.url + "/livez")[0], http(edge.url + "/readyz")[0]) == (200, 200)
    broker.kill()
    wait_for(lambda: http(edge.url + "/readyz")[0] == 503, "the edge to notice")
    assert http(edge.url + "/livez")[0] == 200
    broker.start()
    wait_for(lambda: http(edge.url + "/readyz")[0] == 200, "the edge to connect again")
    assert http(edge.url + "/nothing")[0] == 404


def test_raw_floats(rig):
    """A payload that is samples and nothing else: device and channel stand in the topic."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[{
        "topic": "raw/+/+", "format": "f32", "qos": 1, "device_level": 1, "channel_level": 2, "interval": "1ms",
        "fields": {"vibration": "acceleration m/s2"}}])
    publisher = Publisher(broker.port)
    publisher.publish("raw/press/inner", struct.pack("<4f", 1, 2, 3, 6))
    publisher.publish("raw/press/outer", struct.pack("<2f", -1, 1))
    publisher.close()
    wait_for(lambda: len(collector.windows()) == 2, "a window of each channel")
    windows = {window.channel: window for window in collector.windows()}
    assert windows["inner"].counts["good"] == 4 and windows["inner"].statistics["mean"] == 3
    assert windows["outer"].statistics["peak_to_peak"] == 2
    assert edge.dead_letters() == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_programs_end_in_order_when_asked(rig, stop):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, window=[{"length": "1m"}], **{"spool.commit_interval": "1m"})
    # What has arrived and is not yet committed is committed before the end, and sent.
    sim = rig.sim(broker, "--scenario", rig.fleet(machines=1, duration="1m"), "--speed", 0, "--in-flight", 200,
                  "--time", "original")
    wait_for(lambda: edge.metric("stethos_edge_queue_bytes") > 100 * 2048, "messages that wait for their commit")
    for program in (edge, collector):
        program.child.send_signal(stop)
        assert program.wait(15) == 0, program.log_tail()
    sim.close()
    assert edge.start().messages() > 60  # of less than 3 KiB each
