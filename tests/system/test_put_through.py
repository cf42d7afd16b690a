"""Dead letters put through again: what was refused for a wrong configuration is counted once that is mended, and what came too late
once a window can take it."""

import subprocess
import time

from messages import Publisher, batch_buffer, channel, with_checksum
from rig import BINARIES, wait_for

MESSAGES = 5
POINTS = "device,channel,machine,point,axis,quantity,unit\nm1,vibration,pump-1,DE,h,acceleration,{unit}\n"


def again(edge, *which):
    done = subprocess.run([BINARIES / "stethos-edge", "spool", "again", "--config", edge.config, *which],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_letters_of_a_wrong_unit(rig):
    broker, collector = rig.broker(), rig.collector()
    points = rig.folder / "points.csv"
    points.write_text(POINTS.format(unit="m/s2"))
    edge = rig.edge(broker, collector, **{"points.file": points})
    publisher = Publisher(broker.port)
    now_ns = time.time_ns()
    payloads = [with_checksum(batch_buffer(rig.folder, device="m1", sequence=sequence, lowest_held=1,
                                           channels=[channel([1.0, 2.0, 3.0], now_ns + sequence)]))
                for sequence in range(1, MESSAGES + 1)]
    for payload in payloads:
        publisher.publish("stethos/v1/m1/batch", payload)
    refused = lambda: edge.metric("stethos_edge_dead_letters_total", reason="unit_differs")  # noqa: E731
    wait_for(lambda: refused() == MESSAGES, "the messages to be refused")
    assert edge.stored() == 0
    code, _, error = again(edge)
    assert code == 4 and "another process has it open" in error

    # A file that is mended, and the letters one by one, then all.
    assert edge.terminate() == 0
    assert again(edge, "--id", "1")[1].startswith("1 unit_differs: stays: unit_differs: ")
    points.write_text(POINTS.format(unit="g"))
    assert again(edge, "--id", "1") == (0, "1 unit_differs: put through\n", "")
    assert again(edge, "--reason", "unit_differs") == (
        0, "".join(f"{number} unit_differs: put through\n" for number in range(2, MESSAGES + 1)), "")
    assert again(edge) == (0, "", "")
    code, said, error = again(edge, "--id", "1")
    assert (code, said) == (2, "") and "there is none" in error

    edge.start()
    for payload in payloads:  # they had been handled: this is once more
        publisher.publish("stethos/v1/m1/batch", payload)
    wait_for(lambda: edge.messages() == 2 * MESSAGES, "the messages to come again")
    assert edge.stored() == 3 * MESSAGES and edge.metric("stethos_edge_duplicate_messages_total") == MESSAGES
    assert edge.metric("stethos_edge_dead_letters_put_through_total") == refused() == MESSAGES and edge.dead_letters() == []
    wait_for(lambda: sum(each.counts["good"] for each in collector.windows()) == 3 * MESSAGES, "the collector to have them")
    publisher.close()


def test_letters_that_came_too_late(rig):
    broker, collector = rig.broker(), rig.collector()
    short = {"time.watermark_delay": "0s", "time.lateness": "1s"}
    edge = rig.edge(broker, collector, window=[{"length": "1s"}], **short)
    publisher = Publisher(broker.port)
    now_ns = time.time_ns()
    for sequence, start_ns in (1, now_ns), (2, now_ns - 600 * 10**9):
        publisher.publish("stethos/v1/m1/batch", with_checksum(batch_buffer(
            rig.folder, device="m1", sequence=sequence, lowest_held=1, channels=[channel([1.0, 2.0, 3.0], start_ns)])))
    publisher.close()
    wait_for(lambda: edge.metric("stethos_edge_dead_letters_total", reason="late") == 1, "the message to be late")
    assert edge.terminate() == 0

    code, said, _ = again(edge)
    assert code == 0 and said.startswith("1 late: stays: late: ") and "this node records nothing" in said
    recording = rig.folder / "recording"
    edge.configure(window=[{"length": "1s"}], **{**short, "record.folder": recording, "time.lateness": "1h"})
    said = again(edge)[1]
    assert said.startswith("1 late: stays: late: "), "its second is settled, whatever the lateness is by now"
    assert f"stethos-edge replay --config REPLAY.toml stethos:{recording} --collector --replaces edge-1 --generation 1\n" in said

    # An hour that is not over takes it.
    edge.configure(window=[{"length": "1s"}, {"length": "2h", "hop": "1h"}], **short)
    assert again(edge) == (0, "1 late: put through\n", "")
    assert again(edge) == (0, "", "")
    edge.start()
    outcomes = {each: edge.metric("stethos_edge_samples_total", outcome=each) for each in ("good", "late", "recovered")}
    assert outcomes == {"good": 6, "late": 3, "recovered": 3}

    # They came before there were hours: nothing of these counted them as late, and nothing is recovered there.
    def in_hours():
        counts = [each["counts"] for each in collector.pages("/v1/windows", "windows")
                  if each["length_ns"] == 7200 * 10**9 and each["counts"]["good"]]
        return counts and all(
            (each["good"], each["late"], each["recovered"], each["received"]) == (3, 0, 0, 3) for each in counts)

    wait_for(in_hours, "the collector to have them")
