"""Devices and lines that duplicate, reorder, drop, cut and flip: everything is counted once, and nothing else is."""

import pytest

from rig import SECOND_NS, json_subscription, wait_for

# Devices send up to their whole ring ahead of a message that has to be sent again, so it may be that much older.
RESEND = ("--resend-after", "300ms", "--in-flight", 32)

WRONG = {
    "duplicates": ("--duplicate", 0.2),
    "reordering": ("--reorder", 0.3, "--reorder-window", 8),
    "drops": ("--drop-sends", 0.1),
    "truncations": ("--truncate", 0.1),
    "flips": ("--flip", 0.1),
    "foreign": ("--foreign", 0.1),
    "nan": ("--nan", 0.01),
}
EVERYTHING = tuple(argument for arguments in WRONG.values() for argument in arguments)


def spoilt(ledger):
    return ledger.count("truncated") + ledger.count("flipped") + ledger.count("foreign")


def assert_dead_letters(edge, count, reasons):
    # What is spoilt may come last: nobody waits for it.
    wait_for(lambda: edge.metric("stethos_edge_dead_letters_total") >= count, f"{count} dead letters")
    letters = edge.dead_letters()
    assert edge.metric("stethos_edge_dead_letters_total") == len(letters) == count
    assert {reason for reason, _, _ in letters} <= reasons


def run_fleet(rig, tell, arguments, **fleet):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "10m"})
    sim = rig.sim(broker, "--scenario", rig.fleet(**fleet), "--speed", 0, "--complete-past", "1m", *RESEND, *arguments)
    ledger = sim.finish(seconds=120)
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.published == ledger.total("samples") and report.late == 0
    assert all(window.final for window in collector.windows())
    # What was spoilt on the way left a dead letter each, and so did what holds no number at all; nothing else did.
    without_number = sum(line["finite"] == 0 for line in ledger.lines)
    assert_dead_letters(edge, spoilt(ledger) + without_number, {"corrupt", "not_finite"})
    assert edge.metric("stethos_edge_dead_letters_total", reason="not_finite") == without_number
    return ledger, edge, collector


@pytest.mark.parametrize("wrong", ["duplicates", "drops", "nan"])
def test_one_at_a_time(rig, tell, wrong):
    ledger, edge, _ = run_fleet(rig, tell, WRONG[wrong], machines=3, duration="2m")
    if wrong == "duplicates":
        assert ledger.total("duplicates") > 0
        wait_for(lambda: edge.metric("stethos_edge_duplicate_messages_total") >= ledger.total("duplicates"), "the duplicates")
    if wrong == "drops":
        assert ledger.total("resent") >= ledger.count("dropped") > 0
    if wrong == "nan":
        not_finite = sum(line["not_finite"] for line in ledger.lines)
        assert edge.metric("stethos_edge_samples_total", outcome="not_finite") == not_finite > 0


def test_everything_at_once(rig, tell):
    ledger, _, collector = run_fleet(rig, tell, EVERYTHING)
    for event in ("dropped", "truncated", "flipped", "duplicated", "foreign", "reordered"):
        assert ledger.count(event) > 0, event
    # A first message that is lost or overtaken was never promised to the edge as lost: no gap.
    assert collector.pages("/v1/gaps", "gaps") == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.long) for seed in (3, 4))])
def test_everything_at_once_for_longer(rig, tell, seed):
    run_fleet(rig, tell, (*EVERYTHING, "--seed", seed), machines=8, duration="20m")


def test_late_data_revises_windows(rig, tell):
    """No delay of the watermark: windows are sent as soon as the first sample behind their end has come, and again for what was
    overtaken, sent again or late."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"time.watermark_delay": "0s", "time.lateness": "1h"},
                    window=[{"length": "5s"}, {"length": "20s", "hop": "5s"}])
    sim = rig.sim(broker, "--scenario", rig.fleet(machines=3, duration="4m"), "--speed", 0, "--complete-past", "1m", *RESEND,
                  "--late", 0.1, "--late-by", "30s", "--reorder", 0.2, "--drop-sends", 0.1)
    ledger = sim.finish(seconds=120)
    # Windows that overlap are as many sets that do not.
    for length, offset in ((5, 0), (20, 0), (20, 5), (20, 10), (20, 15)):
        report = tell(rig.reconciled(ledger, edge, collector, length * SECOND_NS, offset_ns=offset * SECOND_NS), ledger)
        assert report.published == ledger.total("samples") and report.late == 0
    assert edge.metric("stethos_edge_dead_letters_total") == 0
    assert collector.metric("stethos_collector_windows_superseded_total") > 20


def test_json_that_comes_twice_or_spoilt(rig, tell):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    **{"time.watermark_delay": "10m"})
    scenario = rig.fleet(machines=5, duration="2m", format="json", channels=["temperature"])
    ledger = rig.sim(broker, "--scenario", scenario, "--speed", 0, *RESEND, "--duplicate", 0.2, "--drop-sends", 0.1,
                     "--flip", 0.1, "--truncate", 0.1, "--foreign", 0.1).finish()
    report = tell(rig.reconciled(ledger, edge, collector), ledger)
    assert report.published == ledger.total("samples")
    assert ledger.total("duplicates") > 0
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="duplicate") >= ledger.total("duplicates"),
             "the duplicates")
    # What is foreign may be JSON all the same.
    assert_dead_letters(edge, spoilt(ledger), {"not_json", "missing_field", "wrong_type"})


def test_a_device_that_gives_messages_up_leaves_a_gap(rig, tell):
    """A ring of eight, no edge for a while, and a broker that forgot: what was given up is reported as lost, with its cause,
    and nothing else is."""
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector)
    sim = rig.sim(broker, "--scenario", rig.fleet(machines=2, duration="4m"), "--speed", 30, "--ring", 8,
                  "--when-full", "give-up", "--resend-after", "200ms", "--complete-past", "1m")
    wait_for(lambda: edge.messages() > 20, "the edge to take messages")
    edge.terminate()
    wait_for(lambda: "gave_up" in sim.ledger_path.read_text(), "the devices to give up")
    broker.kill()
    broker.start()
    edge.start()
    assert sim.wait() == 4  # messages were given up
    ledger = sim.ledger()
    given_up = {(line["device"], line["sequence"]) for line in ledger.events if line["event"] == "gave_up"}
    edge_lost = edge.metric("stethos_edge_lost_messages_total")
    assert len(given_up) >= edge_lost > 0
    gaps = wait_for(lambda: collector.pages("/v1/gaps", "gaps"), "a gap at the collector")
    missing = {(gap["device"], sequence) for gap in gaps for sequence in range(gap["first"], gap["last"] + 1)}
    assert {gap["cause"] for gap in gaps} == {"device_gave_up"}
    assert missing <= given_up and len(missing) == edge_lost
    # A message that was given up may have arrived all the same: then it is no gap.
    ledger.lines = [line for line in ledger.lines if (line["device"], line["sequence"]) not in missing]
    tell(rig.reconciled(ledger, edge, collector), ledger)
