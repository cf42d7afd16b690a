"""Devices whose clocks are wrong for a while: it is noticed, counted and visible, and touches nothing else."""

import pytest

from rig import wait_for


def run_fleet(rig, by, **config):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **config)
    ledger = rig.sim(broker, "--scenario", rig.fleet(machines=2, duration="4m"), "--speed", 0, "--complete-past", "2m",
                     f"--clock-wrong-by={by}", "--clock-wrong-from", "60s", "--clock-wrong-until", "90s").finish()
    wrong = {(event["device"], event["sequence"]) for event in ledger.events if event["event"] == "clock_wrong"}
    assert wrong
    return edge, collector, ledger, wrong


@pytest.mark.parametrize("by, reason", [("1h", "time_future"), ("-20000d", "time_past")], ids=["an hour ahead", "a boot in 1970"])
def test_stamps_that_cannot_be_are_dead_letters(rig, tell, by, reason):
    edge, collector, ledger, wrong = run_fleet(rig, by)
    refused = [line for line in ledger.lines if (line["device"], line["sequence"]) in wrong]
    wait_for(lambda: edge.metric("stethos_edge_dead_letters_total", reason=reason) == len(refused), "the dead letters")
    assert edge.metric("stethos_edge_samples_total", outcome="rejected") == sum(line["samples"] for line in refused)
    ledger.lines = [line for line in ledger.lines if (line["device"], line["sequence"]) not in wrong]
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.late == 0 and edge.metric("stethos_edge_streams_rebased_total") == 0


def test_a_clock_that_jumped_ahead_takes_its_streams_back(rig):
    """Within what may be ahead. What comes after the jump is late until it is clear that the clock was wrong; then the streams
    go back, and all that follows is in its windows."""
    edge, collector, ledger, _ = run_fleet(rig, "3m", window=[{"length": "1s"}])
    published = ledger.total("samples")

    def outcomes():
        return {name: edge.metric("stethos_edge_samples_total", outcome=name) for name in ("good", "late", "rejected")}

    found = wait_for(lambda: (seen := outcomes()) and sum(seen.values()) == published and seen, lambda: f"{outcomes()}, {published}")
    streams = edge.metric("stethos_edge_streams")
    assert found["rejected"] == 0 and 0 < found["late"] < published / 4
    assert edge.metric("stethos_edge_streams_rebased_total") == streams
    events = wait_for(lambda: len(page := collector.pages("/v1/events", "events")) == streams and page, "the events")
    assert {each["kind"] for each in events} == {"stream_rebased"}
    assert {each["device"] for each in events} == {line["device"] for line in ledger.lines}

    def counted():
        windows = collector.pages("/v1/windows", "windows")
        return {name: sum(each["counts"][name] for each in windows) for name in ("good", "late")}

    wait_for(lambda: counted() == {name: found[name] for name in ("good", "late")}, lambda: f"{counted()} for {found}")
