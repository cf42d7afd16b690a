"""A recording through the same core gives the same rows, to the bit, whatever batches it came in."""

import csv
import json
import shutil
import subprocess
import time

import pytest

from messages import Publisher, batch_buffer, channel, with_checksum
from rig import BINARIES, DATA, MINUTE_NS, SECOND_NS, wait_for

SPECTRUM = {"bands": ["1000-5000Hz"], "lines": 2, "envelope_band": "2000-10000Hz"}
BEARING = {"name": "6205", "elements": 9, "element_diameter_mm": 7.94, "pitch_diameter_mm": 39.04}
INTERRUPTED = 10


def replay(config, recording, *arguments, fault=None, code=0):
    environment = {"STETHOS_FAULT": fault} if fault else None
    done = subprocess.run([BINARIES / "stethos-edge", "replay", "--config", config, str(recording), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == code, done.stderr
    return done


def exported(spool):
    text = subprocess.run([BINARIES / "stethos-edge", "spool", "export", "--file", spool], capture_output=True, text=True,
                          check=True, timeout=60).stdout
    return [json.loads(line) for line in text.splitlines()]


def final_windows(spool):
    """What may not differ, of the last revision of each final window."""
    windows = {}
    for row in (each["window"] for each in exported(spool) if "window" in each):
        key = row["device"], row["channel"], row["definition"], row["start_ns"]
        if key not in windows or windows[key]["revision"] < row["revision"]:
            windows[key] = row
    return {key: {name: row[name] for name in ("length_ns", "moments", "counts", "statistics", "speed") if name in row}
            for key, row in windows.items() if row["state"] == "final"}


def points(rig, devices):
    file = rig.folder / "points.csv"
    lines = ["device,channel,machine,point,axis,quantity,unit,full_scale,nominal_rpm,bearing"]
    for device in devices:
        lines += [f"{device},vibration,{device},DE,h,acceleration,g,50,1500,6205",
                  f"{device},speed,{device},DE,-,rotational_speed,rpm,,,"]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("compact, analysis, seconds, blocks_a_second", [
    (True, {}, 180, 1), (False, {"length": "500ms", "overlap": 0.5}, 20, 10)], ids=["bursts", "joined"])
def test_live_and_replay_are_the_same_to_the_bit(rig, compact, analysis, seconds, blocks_a_second):
    """With gaps, duplicates, messages out of order, NaN and blocks that a decoder refuses."""
    devices = [f"machine-{i}" for i in range(1, 5)]
    broker = rig.broker()
    edge = rig.edge(broker, None, **{
        "points.file": points(rig, devices), "record.folder": rig.folder / "recording", "record.compact": compact,
        "statistics.backend": "cpu", "spectrum": [SPECTRUM | analysis], "bearing": [BEARING],
        "window": [{"length": f"{seconds // 18}s", "quantiles": ["p50", "p99"]},
                   {"length": f"{seconds // 3}s", "hop": f"{seconds // 9}s"}]})
    scenario = rig.scenario(f"{seconds}s", {
        "name": "machine", "count": 4, "channels": ["vibration", "speed", "temperature"], "period": f"{1000 // blocks_a_second}ms",
        "fault.kind": "outer_race", "fault.growth_per_hour": 100})
    ledger = rig.sim(broker, "--scenario", scenario, "--speed", 0, "--nan", 0.0002 / blocks_a_second, "--encoding", "f32",
                     "--duplicate", 0.02, "--reorder", 0.02, "--time", "original").finish()
    wait_for(lambda: edge.stored() == ledger.total("samples"), "all samples to be committed")
    edge.terminate()

    copy = rig.folder / "replay.db"
    done = replay(edge.config, f"stethos:{rig.folder / 'recording'}", "--spool", copy)
    live, again = final_windows(edge.spool), final_windows(copy)
    assert len(live) > 4 * 3 * 15, "the windows of four machines"
    assert any(each["counts"]["not_finite"] for each in live.values())
    assert any(each["counts"]["duplicate"] for each in live.values())
    assert {each["speed"]["source"] for each in live.values() if each["speed"]} == {"stream"}
    has_lines = any(value is not None for each in live.values() for name, value in each["statistics"].items()
                    if name.startswith("bearing_depth."))
    assert has_lines == bool(analysis), "100 ms at 25 turns a second show no line"
    assert {key: (each, again.get(key)) for key, each in live.items() if each != again.get(key)} == {}
    assert set(again) == set(live)
    assert " on cpu/" in done.stderr
    assert "left out" not in done.stderr
    segment = next((rig.folder / "recording").iterdir())
    segment.write_bytes(segment.read_bytes()[:-9])
    assert "left out" in replay(edge.config, f"stethos:{rig.folder / 'recording'}").stderr
    sources = [row["provenance"] for row in exported(copy) if "provenance" in row]
    assert [(each["backend"].split("/")[0], each["source"]) for each in sources] == [("cpu", f"stethos:{rig.folder / 'recording'}")]


@pytest.mark.parametrize("analysis", [{}, {"length": "25ms", "overlap": 0.5}])
def test_a_replay_that_was_killed_goes_on(rig, recordings, analysis):
    recording = f"cwru:{recordings / 'cwru/97_Normal_0.f32'}"
    edge = rig.edge(rig.broker(), None, **{"window": [{"length": "100ms"}], "spectrum": [SPECTRUM | analysis]})
    edge.terminate()
    whole = rig.folder / "whole.jsonl"
    replay(edge.config, recording, "--json", whole, "--block-samples", 200)
    expected = whole.read_text()
    assert len(expected.splitlines()) == 51

    for suffix, option in (("jsonl", "--json"), ("csv", "--csv")):
        file, spool = rig.folder / f"rows.{suffix}", rig.folder / f"{suffix}.db"
        arguments = (recording, option, file, "--spool", spool, "--block-samples", 200)
        for point in ("edge.commit.after", "edge.commit.before", "edge.commit.after"):
            replay(edge.config, *arguments, fault=f"kill:{point}:2", code=-9)
        with open(file, "a") as torn:
            torn.write('{"number":')  # as a power cut leaves it
        replay(edge.config, *arguments)
        if suffix == "jsonl":
            assert file.read_text() == expected
        rows = list(csv.DictReader(file.open())) if suffix == "csv" else list(map(json.loads, file.read_text().splitlines()))
        assert [int(row["number"]) for row in rows] == list(range(1, 52))
    replay(edge.config, *arguments)
    assert len(list(csv.DictReader(file.open()))) == 51, "there is nothing left to do"
    done = replay(edge.config, f"cwru:{recordings / 'cwru/105_0.f32'}", "--spool", spool, code=4)
    assert "97_Normal_0" in done.stderr
    done = replay(edge.config, *arguments[:-1], 100, code=4)
    assert "--block-samples 200" in done.stderr
    live = rig.folder / "live.toml"
    live.write_text(edge.config.read_text().replace(str(edge.spool), str(spool)))
    done = subprocess.run([BINARIES / "stethos-edge", "run", "--config", live], capture_output=True, text=True, timeout=30)
    assert done.returncode == 4 and "it is that of a replay" in done.stderr


def test_rows_that_wait_go_to_the_file_of_the_next_run(rig, recordings):
    edge = rig.edge(rig.broker(), None, **{"window": [{"length": "100ms"}]})
    edge.terminate()
    arguments = (f"cwru:{recordings / 'cwru/97_Normal_0.f32'}", "--block-samples", 200, "--spool", rig.folder / "copy.db")
    replay(edge.config, *arguments)
    rows = replay(edge.config, *arguments, "--json", "-").stdout.splitlines()
    assert [json.loads(row)["number"] for row in rows] == list(range(1, 52))
    done = replay(edge.config, *arguments, "--json", "-")
    assert done.stdout == "" and "nothing left to read" in done.stderr


def test_a_replay_stands_instead_of_the_live_windows(rig):
    broker, collector = rig.broker(), rig.collector(**{"replays.nodes": ["edge-1"]})
    edge = rig.edge(broker, collector, **{"record.folder": rig.folder / "recording", "window": [{"length": "10s"}]})
    scenario = rig.scenario("2m", {"name": "machine", "channels": ["vibration"], "period": "1s"})
    ledger = rig.sim(broker, "--scenario", scenario, "--speed", 0, "--time", "original").finish()
    wait_for(lambda: edge.stored() == ledger.total("samples"), "all samples to be committed")
    wait_for(lambda: edge.metric("stethos_edge_outbox_rows") == 0, "the rows to be sent")
    edge.terminate()
    before = collector.pages("/v1/windows", "windows")

    lab = rig.folder / "lab.toml"
    lab.write_text(edge.config.read_text().replace('node.id = "edge-1"', 'node.id = "lab"'))
    arguments = (f"stethos:{rig.folder / 'recording'}", "--collector", "--replaces")
    assert "replays.nodes" in replay(lab, *arguments, "edge-2", code=9).stderr
    assert collector.pages("/v1/windows", "windows") == before
    replay(lab, *arguments, "edge-1", "--generation", 3)
    after = collector.pages("/v1/windows", "windows")
    assert [(each["start_ns"], each["statistics"], each["counts"]) for each in after] == [
        (each["start_ns"], each["statistics"], each["counts"]) for each in before]
    assert {each["node"] for each in after} == {"edge-1"}
    final = [each for each in after if each["state"] == "final"]
    assert len(final) >= 10 and all(each["generation"] == 3 for each in final)
    assert {each["provenance"]["source"] for each in final} == {f"stethos:{rig.folder / 'recording'}"}
    assert all(each["generation"] == 0 for each in after if each["state"] == "open")


def test_a_table_that_was_mended_cuts_windows_anew(rig):
    """Its entry begins within the first window, and before it nothing came: what the node has whole is replaced by a part."""
    broker, collector = rig.broker(), rig.collector(**{"replays.nodes": ["edge-1"]})
    edge = rig.edge(broker, collector, **{"record.folder": rig.folder / "recording", "window": [{"length": "10s"}],
                                          "time.watermark_delay": "0s", "time.lateness": "1s"})
    begin = (time.time_ns() - 600 * SECOND_NS) // (10 * SECOND_NS) * (10 * SECOND_NS)
    publisher = Publisher(broker.port)
    for i in range(1, 30):
        publisher.publish("stethos/v1/m1/batch", with_checksum(batch_buffer(
            rig.folder, device="m1", sequence=i, lowest_held=1, channels=[channel([1.0, 2.0, 3.0], begin + (5 + i) * SECOND_NS)])))
    publisher.close()
    rows = lambda: [((each["start_ns"] - begin) // SECOND_NS, each["length_ns"] // SECOND_NS, each["counts"]["good"],  # noqa: E731
                     each["whole"] and each["whole"]["start_ns"] - begin)
                    for each in collector.pages("/v1/windows", "windows")]
    wait_for(lambda: sum(good for _, _, good, _ in rows()) == 87, rows)
    assert rows()[0] == (0, 10, 12, None)
    edge.terminate()

    points = rig.folder / "points.csv"
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin // SECOND_NS + 5))
    points.write_text("device,channel,machine,point,axis,quantity,unit,valid_from\n"
                      f"m1,vibration,pump-1,DE,h,acceleration,g,{since}\n")
    lab = rig.folder / "lab.toml"
    lab.write_text(f'points.file = "{points}"\n' + edge.config.read_text().replace('node.id = "edge-1"', 'node.id = "lab"'))
    told = replay(lab, f"stethos:{rig.folder / 'recording'}", "--collector", "--replaces", "edge-1").stderr
    assert "left to edge-1: " in told and "rows of windows that are not final" in told
    assert rows()[0] == (5, 5, 12, 0)
    assert sum(good for _, _, good, _ in rows()) == 87
    assert not [each for each in collector.pages("/v1/events", "events") if each["kind"] == "windows_conflicting"]


def test_dirty_files(rig, recordings):
    folder = rig.folder / "Bearing1_1"
    folder.mkdir()
    for file in (recordings / "femto/dirty").glob("Learning_set__Bearing1_1__acc_*.csv"):
        shutil.copy(file, folder / file.name.rsplit("__", 1)[1])
    edge = rig.edge(rig.broker(), None)
    edge.terminate()
    told = replay(edge.config, f"femto:{folder}", "--dry-run").stdout
    assert "blocks    8" in told and "Bearing1_1/horizontal (acceleration in g)" in told
    rows = [json.loads(line) for line in
            replay(edge.config, f"femto:{folder}", "--json", "-", "--start", "2026-01-01").stdout.splitlines()]
    windows = [row["window"] for row in rows]
    assert sum(row["counts"]["good"] + row["counts"]["late"] for row in windows if row["revision"] == 0) == 8 * 2560


def test_mistakes_are_named(rig):
    edge = rig.edge(rig.broker(), None)
    edge.terminate()
    assert "no such backend" in replay(edge.config, "nab:nowhere.csv", "--backend", "quantum", code=6).stderr
    assert "nowhere.csv" in replay(edge.config, "nab:nowhere.csv", code=7).stderr
    assert "stethos:FOLDER" in replay(edge.config, "tape:9", code=2).stderr
    assert "--csv" in replay(edge.config, "nab:nowhere.csv", "--json", "a", "--csv", "b", code=2).stderr
    assert "--collector" in replay(edge.config, "nab:nowhere.csv", "--replaces", "edge-2", code=2).stderr
    assert "node.id" in replay(edge.config, "nab:nowhere.csv", "--collector", "--replaces", "edge-1", code=3).stderr
