"""Recordings of real machines, published as devices would, arrive whole and with the right numbers."""

import json
import subprocess

import pytest

from rig import MINUTE_NS, SECOND_NS, json_subscription

HOUR_NS = 60 * MINUTE_NS

# One minute of watermark delay is more than any of these files is out of order.
SKAB_FIELDS = {"Accelerometer1RMS": "acceleration g", "Accelerometer2RMS": "acceleration g", "Current": "electric_current A",
               "Pressure": "pressure bar", "Temperature": "temperature degC", "Thermocouple": "temperature degC",
               "Voltage": "voltage V", "Volume_Flow_RateRMS": "volume_flow_rate L/min"}


def cwru_files(recordings):
    return sorted((recordings / "cwru").glob("*.f32"))


def recording_arguments(kind, paths):
    return [argument for path in paths for argument in ("--recording", f"{kind}:{path}")]


@pytest.mark.parametrize("encoding", ["f32", "i16"])
def test_cwru(rig, tell, recordings, encoding):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector)
    sim = rig.sim(broker, *recording_arguments("cwru", cwru_files(recordings)), "--speed", 0, "--encoding", encoding)
    ledger = sim.finish()
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.published == ledger.total("samples") == sum(path.stat().st_size // 4 for path in cwru_files(recordings))
    assert edge.dead_letters() == []


def test_cwru_has_the_published_statistics(rig, recordings):
    """One window over each file, whose last block is short, against statistics that somebody else computed."""
    golden = json.loads((recordings / "golden_features.json").read_text())
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector)
    ledger = rig.sim(broker, *recording_arguments("cwru", cwru_files(recordings)), "--speed", 0, "--time", "original",
                     "--start", "2026-01-01T00:00:00Z", "--complete-past", "1m").finish()
    assert rig.reconciled(ledger, edge, collector).good
    windows = {window.device: window for window in collector.windows()}
    assert len(windows) == len(cwru_files(recordings)) and all(window.final for window in windows.values())
    compared = 0
    for device, window in windows.items():
        expected = golden[f"cwru/{device}"]
        assert window.counts["good"] == expected["n"]
        assert window.statistics["standard_deviation"]**2 == pytest.approx(expected["var_pop"], rel=1e-6)
        for name, value in window.statistics.items():
            if name in expected:
                assert value == pytest.approx(expected[name], rel=1e-6), (device, name)
                compared += 1
    assert compared >= 11 * len(windows)


def unpacked_femto(rig, recordings, bearing):
    subprocess.run(["tar", "--zstd", "-xf", recordings / f"femto/{bearing}.tar.zst", "-C", rig.folder], check=True)
    return next(path for path in rig.folder.rglob(bearing) if path.is_dir())


@pytest.mark.slow
@pytest.mark.parametrize("bearing", ["Bearing3_1", "Bearing2_2"])
def test_femto_bearing(rig, tell, recordings, bearing):
    folder = unpacked_femto(rig, recordings, bearing)
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector)
    ledger = rig.sim(broker, "--recording", f"femto:{folder}", "--speed", 0, "--start", "2026-01-01").finish(seconds=240)
    report = tell(rig.reconciled(ledger, edge, collector, seconds=120), ledger)
    assert report.published == ledger.total("samples") == ledger.messages() * 2 * 2560
    assert len({(window.device, window.channel) for window in collector.windows()}) == 2


def test_femto_first_hour(rig, tell, recordings):
    folder = unpacked_femto(rig, recordings, "Bearing3_1")
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector)
    ledger = rig.sim(broker, "--recording", f"femto:{folder}", "--speed", 0, "--duration", "10m").finish()
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.published >= 60 * 2 * 2560


def json_fleet(rig, tell, nab, skab, seconds):
    """NAB and SKAB as thin JSON with QoS 1: the broker's acknowledgement is all that the devices get. They are years apart, and
    would not be kept as windows for as long."""
    broker, collector = rig.broker(), rig.collector(**{"store.windows_age_max": "7300d"})
    edge = rig.edge(broker, collector, subscription=[json_subscription("nab", {"value": "value 1"}),
                                                     json_subscription("skab", SKAB_FIELDS)],
                    window=[{"length": "1h"}], **{"time.watermark_delay": "1d"})
    sims = [rig.sim(broker, *recording_arguments(kind, paths), "--format", "json", "--json-topic-prefix", kind, "--speed", 0)
            for kind, paths in (("nab", nab), ("skab", skab))]
    published = 0
    for sim in sims:
        ledger = sim.finish(seconds)
        report = tell(rig.reconciled(ledger, edge, collector, HOUR_NS, seconds), ledger)
        assert report.published == ledger.total("samples")
        published += report.published
    assert edge.metric("stethos_edge_samples_total", outcome="good") == published
    assert edge.dead_letters() == []


def test_json_fleet(rig, tell, recordings):
    nab = [recordings / "nab/realKnownCause/rogue_agent_key_hold.csv"]
    skab = [recordings / "skab/valve2/0.csv"]
    json_fleet(rig, tell, nab, skab, seconds=60)


@pytest.mark.slow
def test_json_fleet_whole(rig, tell, recordings):
    nab = sorted((recordings / "nab/realKnownCause").glob("*.csv"))
    skab = sorted((recordings / "skab").glob("*/*.csv"))
    json_fleet(rig, tell, nab, skab, seconds=300)


def test_a_window_is_a_merge_of_many_messages(rig, tell, recordings):
    """The same samples in blocks of other sizes give the same windows."""
    path = cwru_files(recordings)[0]
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, window=[{"length": "1s"}, {"length": "4s", "offset": "500ms"}])
    for samples in (600, 12_000):
        ledger = rig.sim(broker, "--recording", f"cwru:{path}", "--block-samples", samples, "--speed", 0, "--time", "original",
                         "--device-prefix", f"by-{samples}-").finish()
        for length_ns, offset_ns in ((SECOND_NS, 0), (4 * SECOND_NS, SECOND_NS // 2)):
            tell(rig.reconciled(ledger, edge, collector, length_ns, offset_ns=offset_ns), ledger)
