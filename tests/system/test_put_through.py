"""Dead letters put through again: what was refused for a wrong configuration is counted once that is mended."""

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

    edge.start()
    for payload in payloads:  # they had been handled: this is once more
        publisher.publish("stethos/v1/m1/batch", payload)
    wait_for(lambda: edge.messages() == 2 * MESSAGES, "the messages to come again")
    assert edge.stored() == 3 * MESSAGES and edge.metric("stethos_edge_duplicate_messages_total") == MESSAGES
    assert edge.metric("stethos_edge_dead_letters_put_through_total") == refused() == MESSAGES and edge.dead_letters() == []
    wait_for(lambda: sum(each.counts["good"] for each in collector.windows()) == 3 * MESSAGES, "the collector to have them")
    publisher.close()
