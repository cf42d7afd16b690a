"""A limit that is exceeded is one alarm at the collector, whatever is killed in between."""

import json
import subprocess
import time

from messages import Publisher
from rig import BINARIES, SECOND_NS, json_subscription, wait_for

LIMIT = {"statistic": "mean", "unit": "degC", "quantity": "temperature", "alert": 60, "danger": 90, "deadband": 5,
         "on_delay": "1s"}


def test_an_alarm_is_one_whatever_is_killed(rig):
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    window=[{"length": "1s"}], limit=[LIMIT], **{"time.watermark_delay": "0s"})
    publisher = Publisher(broker.port)
    base_s = int(time.time()) - 60
    published = 0

    def publish(*values):
        """A reading a second; its window is final once the next one has come."""
        nonlocal published
        for value in values:
            publisher.publish("fleet/oven-1/telemetry", json.dumps(
                {"device": "oven-1", "ts": (base_s + published) * 1000, "temperature": value, "seq": published}))
            published += 1

    def counted():
        wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == published, "the readings to be counted")

    def alarm(revision):
        """The only alarm, once it has come so far."""
        found = wait_for(lambda: [each for each in collector.pages("/v1/alarms", "alarms") if each["revision"] == revision],
                         f"revision {revision} of the alarm")
        assert len(collector.pages("/v1/alarms", "alarms")) == 1
        assert (found[0]["node"], found[0]["device"], found[0]["channel"]) == ("edge-1", "oven-1", "temperature")
        assert found[0]["activated_ns"] == (base_s + 2) * SECOND_NS
        return found[0]

    publish(20, 20, 80, 80)
    counted()
    edge.kill()  # within the on-delay
    assert collector.pages("/v1/alarms", "alarms") == []
    publish(80)
    edge.start()
    active = alarm(revision=0)
    assert (active["state"], active["level"], active["value"]) == ("active", "alert", 80)
    assert active["changed_ns"] == (base_s + 3) * SECOND_NS
    assert (active["limit"]["statistic"], active["limit"]["unit"], active["limit"]["alert"]) == ("mean", "degC", 60)
    counted()
    assert edge.metric("stethos_edge_alarms_active", level="alert") == 1

    edge.kill()  # while it is active
    publish(95, 95, 58)
    edge.start()
    assert (alarm(revision=1)["level"], alarm(revision=1)["value"]) == ("danger", 95)
    publish(58)
    assert (alarm(revision=2)["level"], alarm(revision=2)["highest_level"]) == ("alert", "danger")
    edge.kill()
    publish(20, 20)
    edge.start()
    over = alarm(revision=3)
    assert (over["state"], over["level"], over["highest_level"], over["value"]) == ("inactive", "none", "danger", 20)
    assert over["limit"]["id"] == active["limit"]["id"]
    assert over["changed_ns"] == (base_s + 9) * SECOND_NS
    assert collector.pages("/v1/alarms", "alarms", state="active") == []

    counted()
    publisher.close()
    assert edge.metric("stethos_edge_alarm_rows_total") == 4
    assert edge.metric("stethos_edge_alarms_active") == 0
    lanes = collector.pages("/v1/nodes", "nodes")[0]["spools"][0]["lanes"]
    assert [lane["rows"] for lane in lanes if lane["lane"] == "alarms"] == [4]
    table = subprocess.run([BINARIES / "stethos-collector", "query", "alarms", "--store", collector.store, "--state", "inactive"],
                           capture_output=True, text=True, timeout=30, check=True)
    assert "oven-1" in table.stdout.splitlines()[1]


def test_a_danger_and_then_silence_is_told(rig):
    broker, collector = rig.broker(), rig.collector()
    limits = [{"statistic": statistic, "unit": "degC", "alert": 60, "danger": 90, "on_delay": delay}
              for statistic, delay in (("max", "0s"), ("peak", "5s"))]
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    window=[{"length": "1s"}], limit=limits, **{"time.watermark_delay": "0s", "time.idle_timeout": "1s"})
    publisher = Publisher(broker.port)
    base_s = int(time.time()) - 60

    def publish(sequence, value):
        publisher.publish("fleet/oven-1/telemetry", json.dumps(
            {"device": "oven-1", "ts": (base_s + sequence) * 1000, "temperature": value, "seq": sequence}))

    def alarms(**states):
        """By on-delay, in seconds, once each is in its state."""
        expected = {int(delay[1:]): state for delay, state in states.items()}

        def found():
            rows = {each["limit"]["on_delay_ns"] // SECOND_NS: each for each in collector.pages("/v1/alarms", "alarms")}
            return rows if {delay: each["state"] for delay, each in rows.items()} == expected else None
        return wait_for(found, f"alarms that are {states}")

    publish(0, 20)
    publish(1, 200)
    for told in alarms(d0="provisional", d5="provisional").values():
        assert (told["level"], told["highest_level"], told["provisional_level"]) == ("none", "none", "danger")
        assert (told["activated_ns"], told["value"], told["revision"]) == ((base_s + 1) * SECOND_NS, 200, 0)
    assert len(collector.pages("/v1/alarms", "alarms", state="provisional")) == 2
    wait_for(lambda: edge.metric("stethos_edge_alarms_provisional", level="danger") == 2, "the alarms to be counted")
    assert edge.metric("stethos_edge_alarms_active") == 0
    table = subprocess.run([BINARIES / "stethos-collector", "query", "alarms", "--store", collector.store,
                            "--state", "provisional"], capture_output=True, text=True, timeout=30, check=True)
    assert table.stdout.count("oven-1") >= 2

    edge.kill()
    edge.start()
    publish(2, 20)  # whoever comes next, the window is final
    told = alarms(d0="active", d5="withdrawn")
    assert (told[0]["level"], told[0]["highest_level"], told[0]["provisional_level"]) == ("danger", "danger", "none")
    assert (told[5]["level"], told[5]["highest_level"], told[5]["provisional_level"]) == ("none", "none", "none")
    assert {each["activated_ns"] for each in told.values()} == {(base_s + 1) * SECOND_NS}
    assert {each["revision"] for each in told.values()} == {1}
    wait_for(lambda: edge.metric("stethos_edge_alarms_active", level="danger") == 1, "the alarm to be counted")
    assert edge.metric("stethos_edge_alarms_provisional") == 0
    publisher.close()
