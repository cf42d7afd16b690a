"""Files as they are: one signal as a record of CWRU, as WAV and as CSV gives the same rows, and the fault in it stands out."""

import array
import json
import wave

import pytest

from test_replay import replay

CONFIG = """node.id = "lab"
[[window]]
length = "1s"
[[spectrum]]
quantity = "acceleration"
envelope_band = "2000-5500Hz"
[[bearing]]
name = "6205"
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
"""
SAID = ("--quantity", "acceleration", "--unit", "g", "--channel", "DE", "--device", "motor", "--bearing", "6205",
        "--block-samples", 12_000, "--start", "2026-01-01")


def windows_of(done):
    return [json.loads(line)["window"] for line in done.stdout.splitlines()]


def statistics_of(windows):
    return [(each["start_ns"], each["counts"]["good"], each["statistics"]) for each in windows]


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text(CONFIG)
    return file


def test_one_signal_in_every_format(tmp_path, config, recordings):
    record = recordings / "cwru/105_0.f32"
    samples = array.array("f", record.read_bytes())
    scale = 1 / 4096
    numbers = array.array("h", (round(sample / scale) for sample in samples))
    with wave.open(str(tmp_path / "m.wav"), "wb") as file:
        file.setparams((1, 2, 12_000, 0, "NONE", ""))
        file.writeframes(numbers.tobytes())
    rows = "".join(f"{i / 12_000:.6f};{number * scale:.12f}\r\n" for i, number in enumerate(numbers)).replace(".", ",")
    (tmp_path / "m.csv").write_text("\ufeff# a logger\r\nZeit;Vib\r\n" + rows)

    wav = windows_of(replay(config, f"wav:{tmp_path / 'm.wav'}", *SAID, "--scale", 32_768 * scale, "--rpm", 1797,
                            "--json", "-"))
    csv = windows_of(replay(config, f"csv:{tmp_path / 'm.csv'}", *SAID, "--rate", 12_000, "--column", "Vib", "--rpm", 1797,
                            "--json", "-"))
    cwru = windows_of(replay(config, f"cwru:{record}", "--device", "motor", "--block-samples", 12_000, "--start", "2026-01-01",
                             "--json", "-"))
    assert len(wav) == 11
    assert statistics_of(wav) == statistics_of(csv)
    for ours, theirs in zip(wav[:-1], cwru[:-1]):
        assert ours["speed"] == theirs["speed"] == {"shaft_hz": 29.95, "source": "block", "age_ns": 0}
        for line in ("bpfo.1x", "bpfi.1x"):
            depth = ours["statistics"][f"bearing_depth.{line}.mean"]
            assert depth == pytest.approx(theirs["statistics"][f"bearing_depth.{line}.mean"], abs=1e-3)
        assert ours["statistics"]["bearing_depth.bpfi.1x.mean"] > 0.6
        assert ours["statistics"]["bearing_depth.bpfo.1x.mean"] < 0.05
        assert ours["statistics"]["bearing_significance.bpfi.1x.mean"] > 30
    assert not any(name.startswith("bearing") for name in wav[-1]["statistics"]), "the tail"


def test_what_is_missing_is_counted(tmp_path, config):
    rows = (f"2026-01-01T00:00:{i:02},{i},{'NaN' if i == 7 else i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("time,a,b\n" + "".join(rows))
    windows = windows_of(replay(config, f"csv:{tmp_path / 't.csv'}", "--unit", "degC", "--quantity", "temperature",
                                "--json", "-"))
    assert {each["channel"] for each in windows} == {"a", "b"}
    of_b = [each for each in windows if each["channel"] == "b"]
    assert sum(each["counts"]["good"] for each in of_b) == 59
    assert sum(each["counts"]["not_finite"] for each in of_b) == 1


def test_rows_of_another_recording_are_not_gone_on_with(tmp_path, config):
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.csv").write_text("".join(f"{i},{value}\n" for i in range(100)))
    out = tmp_path / "rows.json"
    for _ in range(2):
        replay(config, f"csv:{tmp_path / 'a.csv'}", "--device", "d", "--start", "2026-01-01", "--json", out)
    before = out.read_text()
    told = replay(config, f"csv:{tmp_path / 'b.csv'}", "--device", "d", "--start", "2026-01-01", "--json", out, code=8).stderr
    assert "rows.json" in told and "its row 1 is another" in told
    assert out.read_text() == before and len(before.splitlines()) == 100


def test_why_nothing_came_is_told(tmp_path, config):
    (tmp_path / "points.csv").write_text("device,channel,machine,point,axis,quantity,unit\na,value,m,p,h,temperature,K\n")
    config.write_text(f'points.file = "{tmp_path / "points.csv"}"\n' + CONFIG)
    (tmp_path / "a.csv").write_text("1,2\n2,3\n")
    told = replay(config, f"csv:{tmp_path / 'a.csv'}", "--channel", "value", "--quantity", "temperature", "--unit", "degC",
                  "--start", "2026-01-01").stderr
    assert "unit_differs" in told and "temperature in degC where temperature in K is declared" in told
    assert "--machine" in replay(config, f"csv:{tmp_path / 'a.csv'}", "--machine", "m", code=3).stderr
    config.write_text(CONFIG)
    told = replay(config, f"csv:{tmp_path / 'a.csv'}", "--bearing", "6206", code=3).stderr
    assert "has the bearing 6206, and no [[bearing]] of the configuration is called that" in told


def test_a_series_of_one_channel_has_one_name(tmp_path, config):
    (tmp_path / "n.csv").write_text("timestamp,value\n2026-01-01 00:00:00,1\n")
    told = replay(config, f"nab:{tmp_path / 'n.csv'}", "--channel", "a", "--channel", "b", code=7).stderr
    assert "it has one channel, and 2 names are given" in told
