"""A folder of files, one command: what `replay` shows without a configuration, and its page."""

import array
import json
import math
import random
import re
import struct
import subprocess
from xml.etree import ElementTree

import pytest

from rig import BINARIES

SHARED_GEOMETRY = "9,7.94,39.04"
LINES = ("bpfo", "bpfi", "2bsf", "ftf")


def replay(*arguments, code=0):
    done = subprocess.run([BINARIES / "stethos-edge", "replay", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == code, done.stderr
    return done


def wav_of(path, samples, rate=12_000):
    """A WAV file of float32."""
    data = array.array("f", samples).tobytes()
    form = struct.pack("<IHHIIHH", 16, 3, 1, rate, 4 * rate, 4, 32)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(data))
                     + data)
    return path


def column(table, name, place):
    """A value of the table on the terminal: 0 the last, 1 the lowest, 2 the highest."""
    (line,) = [line for line in table.splitlines() if line.split()[:1] == [name]]
    return float(line.split()[1 + place])


@pytest.mark.parametrize("name, fault", [("97_Normal_0", None), ("105_0", "bpfi"), ("130_0", "bpfo")])
def test_one_command_shows_the_fault(tmp_path, recordings, name, fault):
    page = tmp_path / "report.html"
    table = replay(f"cwru:{recordings / f'cwru/{name}.f32'}", "--html", page).stdout
    depths = {line: column(table, f"bearing_depth.{line}.1x.mean", 2) for line in LINES}
    if fault:
        assert max(depths, key=depths.get) == fault and depths[fault] > 0.3
    else:
        assert max(depths.values()) < 0.1
    text = page.read_text()
    ElementTree.fromstring(text[text.index("<html"):])  # it is well-formed
    assert "http:" not in text.replace("http://www.w3.org", "") and "<script" not in text
    for expected in ("Envelope spectrum", "bpfo 1x", "kurtosis", name):
        assert expected in text


def test_extremes_are_those_of_all_windows(tmp_path):
    """Also where there is one window, and where it is in the first or the last of them."""
    quiet = [0.1 * math.sin(0.3 * i) for i in range(60_000)]
    for seconds, loud in ((5, 2_400), (5, 58_800), (0.5, 3_000)):
        samples = quiet[:int(seconds * 12_000)]
        samples[loud] = 60.0
        table = replay(f"wav:{wav_of(tmp_path / 'x.wav', samples)}", "--quantity", "acceleration", "--unit", "g").stdout
        assert column(table, "peak", 2) == 60, (seconds, loud)
        assert column(table, "kurtosis", 2) > 100


def test_what_is_there_is_not_written_over(tmp_path):
    file = wav_of(tmp_path / "x.wav", [0.5, -0.5] * 6_000)
    before = file.read_bytes()
    assert "stays as it is" in replay(f"wav:{file}", "--html", file, code=8).stderr
    assert file.read_bytes() == before
    for _ in range(2):
        replay(f"wav:{file}", "--html", tmp_path / "report.html")


def test_a_folder_is_a_device_for_each_file(tmp_path, recordings):
    folder = tmp_path / "recorded on monday"
    folder.mkdir()
    for name in ("97_Normal_0", "105_0"):
        wav_of(folder / f"{name}.WAV", array.array("f", (recordings / f"cwru/{name}.f32").read_bytes())[:60_000])
    said = ("--quantity", "acceleration", "--unit", "g", "--rpm", 1_797, "--bearing", SHARED_GEOMETRY)
    rows = tmp_path / "rows.jsonl"
    replay(f"wav:{folder}", *said, "--json", rows)
    devices = {json.loads(line)["window"]["device"] for line in rows.read_text().splitlines()}
    assert devices == {"97_Normal_0", "105_0"}
    table = replay(f"wav:{folder}/*.WAV", *said).stdout
    assert "97_Normal_0/value: acceleration in g" in table and "105_0/value" in table
    assert "nothing matches" in replay(f"wav:{folder}/*.wave", *said, code=7).stderr
    assert "ends in .npy" in replay(f"npy:{folder}", "--rate", 12_000, code=7).stderr
    assert "each of a device called after its file" in replay(f"wav:{folder}", "--device", "motor", code=7).stderr
    (folder / "b.wav").write_bytes(b"RIFF")
    assert "b.wav" in replay(f"wav:{folder}", *said, code=7).stderr, "before anything is computed"


def test_a_folder_that_was_killed_goes_on(tmp_path):
    for i in range(3):
        wav_of(tmp_path / f"{i}.wav", [math.sin(0.1 * i * k) for k in range(24_000)])
    config = tmp_path / "edge.toml"
    config.write_text('node.id = "lab"\n[[window]]\nlength = "1s"\n')
    expected, rows, spool = tmp_path / "whole.jsonl", tmp_path / "rows.jsonl", tmp_path / "spool.db"
    arguments = (f"wav:{tmp_path}", "--config", config)
    replay(*arguments, "--json", expected)
    for _ in range(4):
        subprocess.run([BINARIES / "stethos-edge", "replay", *map(str, arguments), "--json", rows, "--spool", spool],
                       capture_output=True, timeout=60, env={"STETHOS_FAULT": "kill:edge.commit.after:2"})
    replay(*arguments, "--json", rows, "--spool", spool)
    assert rows.read_text() == expected.read_text()
    wav_of(tmp_path / "another.wav", [0.0, 1.0] * 100)
    assert "it is that of a replay of" in replay(*arguments, "--spool", spool, code=4).stderr


def test_what_cannot_be_is_said(tmp_path):
    file = wav_of(tmp_path / "x.wav", [0.5] * 1_000)
    assert "9,7.94,39.04" in replay(f"wav:{file}", "--bearing", "6205", code=7).stderr
    assert "--config" in replay(f"wav:{file}", "--collector", code=2).stderr
    assert replay(f"wav:{file}", "--html", tmp_path / "no/where.html", code=8).stderr


def machine(rpm, seconds=12, rate=12_000, has_comb=True):
    """Harmonics of the shaft, a damaged outer ring that is struck 3.585 times a turn, with slip, and noise."""
    chance = random.Random(4)
    hz = rpm / 60
    count = seconds * rate
    samples = [chance.gauss(0, 0.3) for _ in range(count)]
    for harmonic in range(1, 16 if has_comb else 1):
        step = 2 * math.pi * harmonic * hz / rate
        samples = [sample + 0.08 * math.sin(step * i + harmonic) for i, sample in enumerate(samples)]
    at = 0.0
    while at < count - 100:
        start = int(at)
        for i in range(100):
            samples[start + i] += 2.5 * math.exp(-i / 18) * math.sin(2 * math.pi * 3_400 * i / rate)
        at += rate / (3.585 * hz) * (1 + chance.gauss(0, 0.005))
    return samples


@pytest.mark.parametrize("rpm, speed_range, has_comb, source", [
    (1_725, 0.05, True, "estimate"), (1_860, 0.05, True, "estimate"), (1_725, 0, True, "nominal"),
    (1_725, 0.05, False, "nominal")])
def test_a_nameplate_is_where_the_speed_is_looked_for(tmp_path, rpm, speed_range, has_comb, source):
    """The plate says 1,797: 4 % above and 3.4 % below what it turns at."""
    file = wav_of(tmp_path / "motor.wav", machine(rpm, has_comb=has_comb))
    (tmp_path / "points.csv").write_text("device,channel,machine,point,axis,quantity,unit,nominal_rpm,bearing\n"
                                         "motor,value,motor,DE,h,acceleration,g,1797,6205\n")
    config = tmp_path / "edge.toml"
    config.write_text(f'node.id = "lab"\npoints.file = "{tmp_path}/points.csv"\n[[window]]\nlength = "10s"\n[[spectrum]]\n'
                      f'length = "2s"\nspeed_range = {speed_range}\nline_tolerance = 0.01\nenvelope_band = "2000-5000Hz"\n'
                      '[[bearing]]\nname = "6205"\nelements = 9\nelement_diameter_mm = 7.94\npitch_diameter_mm = 39.04\n')
    done = replay(f"wav:{file}", "--quantity", "acceleration", "--unit", "g", "--config", config, "--json", "-")
    window = json.loads(done.stdout.splitlines()[0])["window"]
    statistics = window["statistics"]
    depth = statistics["bearing_depth.bpfo.1x.mean"]
    assert window["speed"]["source"] == source
    if source == "estimate":
        assert window["speed"]["shaft_hz"] == pytest.approx(rpm / 60, rel=0.003)
        assert statistics["speed_confidence.mean"] > 3 and depth > 0.3
    elif speed_range == 0:
        assert "speed_confidence.mean" not in statistics
        assert depth < 0.15, "believed to turn faster than it does, the fault is looked for elsewhere"
    else:
        assert statistics["speed_confidence.max"] < 3 and depth is None
    assert not re.search("error", done.stderr)
