"""Files as they are: one signal gives the same rows in every format, and the fault in it stands out."""

import array
import json
import struct
import wave
import zlib

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


def mat_element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def mat_array(name, numbers):
    """A column of float64."""
    return mat_element(14, mat_element(6, struct.pack("<II", 6, 0)) + mat_element(5, struct.pack("<ii", len(numbers), 1)) +
                       mat_element(1, name.encode()) + mat_element(9, struct.pack(f"<{len(numbers)}d", *numbers)))


def mat_struct(name, fields):
    content = b"".join(mat_array("", numbers) for numbers in fields.values())
    names = b"".join(struct.pack("16s", field.encode()) for field in fields)
    return mat_element(14, mat_element(6, struct.pack("<II", 2, 0)) + mat_element(5, struct.pack("<ii", 1, 1)) +
                       mat_element(1, name.encode()) + struct.pack("<HHi", 5, 4, 16) + mat_element(1, names) + content)


def mat_file(*variables, is_compressed=False):
    """A MAT file of level 5, as SciPy and MATLAB write it."""
    if is_compressed:
        variables = [struct.pack("<II", 15, len(packed := zlib.compress(variable))) + packed for variable in variables]
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x100, b"IM") + b"".join(variables)


def npy_file(kind, shape, numbers, is_fortran=False):
    header = repr({"descr": kind, "fortran_order": is_fortran, "shape": shape}) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + numbers


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

    exact = [number * scale for number in numbers]  # which float32 has without rounding
    column = mat_array("X105_DE_time", exact)
    speed = mat_array("X105RPM", [1797])
    bearing = mat_struct("bearing", {"sr": [12_000], "gs": exact, "load": [0], "rate": [29.95]})
    f32, f64 = (array.array(kind, exact).tobytes() for kind in "fd")
    two = array.array("f", (sample for each in exact for sample in (each, -each))).tobytes()
    at_rate, at_speed = ("--rate", 12_000), ("--rpm", 1797)
    of_two = tuple("DE-1" if each == "DE" else each for each in SAID) + ("--channel", "DE-2")
    for name, content, said in (
            ("mat:plain.mat", mat_file(column, speed), (*SAID, *at_rate)),
            ("mat:packed.mat", mat_file(column, speed, is_compressed=True), (*SAID, *at_rate)),
            ("mat:named.mat", mat_file(mat_array("t", exact[::-1]), column, speed),
             (*SAID, *at_rate, "--column", "X105_DE_time")),
            ("mat:mfpt.mat", mat_file(bearing), SAID),
            ("mat:packed_mfpt.mat", mat_file(bearing, is_compressed=True), SAID),
            ("npy:f8.npy", npy_file("<f8", (len(exact),), f64), (*SAID, *at_rate, *at_speed)),
            ("npy:f4.npy", npy_file("<f4", (len(exact), 1), f32, True), (*SAID, *at_rate, *at_speed)),
            ("f32:a.f32", f32, (*SAID, *at_rate, *at_speed)),
            ("i16:a.i16", numbers.tobytes(), (*SAID, *at_rate, *at_speed, "--scale", scale)),
            ("f32:two.f32", two, (*of_two, *at_rate, *at_speed, "--raw-channels", 2)),
            ("npy:two.npy", npy_file("<f4", (len(exact), 2), two), (*of_two, *at_rate, *at_speed))):
        kind, file = name.split(":")
        (tmp_path / file).write_bytes(content)
        windows = windows_of(replay(config, f"{kind}:{tmp_path / file}", *said, "--json", "-"))
        assert {each["channel"] for each in windows} == ({"DE-1", "DE-2"} if "two" in name else {"DE"}), name
        first = [each for each in windows if each["channel"] in ("DE", "DE-1")]
        assert statistics_of(first) == statistics_of(wav), name
        assert [each.get("speed") for each in first] == [each.get("speed") for each in wav], name

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


def test_a_row_without_a_value_is_missing_and_no_end(tmp_path, config):
    rows = (f"2026-01-01 00:00:{i:02},{'' if i == 7 else 'NaN' if i == 8 else i}\n" for i in range(60))
    (tmp_path / "n.csv").write_text("timestamp,value\n" + "".join(rows))
    sensors = "Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;Volume Flow RateRMS"
    rows = (f"2026-01-01 00:00:{i:02};1;2;{'' if i == 7 else 'nan' if i == 8 else i};4;5;6;7;8\n" for i in range(60))
    (tmp_path / "s.csv").write_text(f"datetime;{sensors}\n" + "".join(rows))
    bearing = tmp_path / "bearing"
    bearing.mkdir()
    rows = (f"9,38,46,{i * 39.0625:.5g},{i % 3},{'' if i == 7 else 'NaN' if i == 8 else i % 5}\n" for i in range(2_560))
    (bearing / "acc_00001.csv").write_text("".join(rows))
    for recording, channel, good in ((f"nab:{tmp_path / 'n.csv'}", "value", 58), (f"skab:{tmp_path / 's.csv'}", "Current", 58),
                                     (f"femto:{bearing}", "vertical", 2_558)):
        windows = windows_of(replay(config, recording, "--start", "2026-01-01", "--device", "d", "--json", "-"))
        counts = [each["counts"] for each in windows if each["channel"] == channel]
        assert sum(each["good"] for each in counts) == good, recording
        assert sum(each["not_finite"] for each in counts) == 2, recording


def test_what_a_file_does_not_say_is_asked_for(tmp_path, config):
    (tmp_path / "a.mat").write_bytes(mat_file(mat_array("X105_DE_time", [1, 2, 3]), mat_array("other", [1, 2])))
    told = replay(config, f"mat:{tmp_path / 'a.mat'}", code=7).stderr
    assert "a.mat: it does not say its sampling rate: --rate does" in told
    (tmp_path / "b.mat").write_bytes(mat_file(mat_array("x", [1, 2, 3]), mat_array("y", [1, 2])))
    told = replay(config, f"mat:{tmp_path / 'b.mat'}", "--rate", 10, code=7).stderr
    assert "--column says which of several it is: x (3 x 1 numbers), y (2 x 1 numbers)" in told
    (tmp_path / "c.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(512))
    assert "docs/recordings.md" in replay(config, f"mat:{tmp_path / 'c.mat'}", "--rate", 10, code=7).stderr
    (tmp_path / "d.f32").write_bytes(b"12345")
    assert "no whole number of frames" in replay(config, f"f32:{tmp_path / 'd.f32'}", "--rate", 10, code=7).stderr


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
