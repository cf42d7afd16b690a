"""Blocks that are joined: what a spectrum shows does not depend on how a device cuts its messages."""

import json
import subprocess

import pytest

from rig import BINARIES

RECORDINGS = {"97_Normal_0": None, "105_0": "bpfi", "118_0": "2bsf", "130_0": "bpfo"}
# 118 does not show its damaged element, at any length: Smith and Randall, Mechanical Systems and Signal Processing 64-65 (2015).
NOT_SHOWN = {"118_0"}
LINES = ("bpfo", "bpfi", "2bsf", "ftf")

CONFIG = """
[node]
id = "n"
[[window]]
length = "1m"
[[spectrum]]
length = "{length}"
envelope_band = "2000-5000Hz"
bearing_harmonics = 1
[[bearing]]
name = "6205"
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
"""


def replay(rig, recording, length, block_samples):
    config = rig.folder / "edge.toml"
    config.write_text(CONFIG.format(length=length))
    done = subprocess.run([BINARIES / "stethos-edge", "replay", f"cwru:{recording}", "--config", config, "--bearing", "6205",
                           "--block-samples", str(block_samples), "--json", "-"], capture_output=True, text=True, check=True,
                          timeout=60)
    (row,) = [json.loads(line)["window"] for line in done.stdout.splitlines() if '"window":' in line]
    return row, done.stderr


def features(row):
    return {name: value for name, value in row["statistics"].items() if "." in name}


@pytest.mark.parametrize("name", RECORDINGS)
def test_messages_of_any_length_show_the_same(rig, recordings, name):
    recording = recordings / f"cwru/{name}.f32"
    rate = 48_000 if name == "97_Normal_0" else 12_000
    whole, _ = replay(rig, recording, "message", rate)
    expected = features(whole)
    assert any(value is not None for value in expected.values())
    for block_samples in (100, 2_560, 4_096, 50_000):
        row, log = replay(rig, recording, "1s", block_samples)
        assert features(row) == expected, block_samples
        assert "null" not in log and "no analysis block" not in log


@pytest.mark.parametrize("name", RECORDINGS)
def test_messages_that_are_too_short_show_the_fault_all_the_same(rig, recordings, name):
    recording = recordings / f"cwru/{name}.f32"
    short, log = replay(rig, recording, "message", 2_560)
    assert short["statistics"]["bearing_depth.bpfo.1x.mean"] is None and "needs" in log
    row, _ = replay(rig, recording, "auto", 2_560)
    depths = {line: row["statistics"][f"bearing_depth.{line}.1x.mean"] for line in LINES}
    if RECORDINGS[name] is None:
        assert max(depths.values()) < 0.1
    elif name not in NOT_SHOWN:
        assert max(depths, key=depths.get) == RECORDINGS[name] and depths[RECORDINGS[name]] > 0.3
