"""A stream that is due to speak and does not: its missing windows are one row, whatever is killed."""

import json
import subprocess
import time

from messages import Publisher
from rig import BINARIES, SECOND_NS, json_subscription, wait_for

POINTS = """device,channel,machine,point,axis,quantity,unit,interval
oven-1,temperature,oven,door,-,temperature,degC,1s
"""


def test_missing_windows_are_one_row(rig):
    broker, collector = rig.broker(), rig.collector()
    points = rig.folder / "points.csv"
    points.write_text(POINTS)
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    window=[{"length": "1s"}], **{"points.file": points, "time.watermark_delay": "0s", "time.lateness": "5s",
                                                  "time.idle_timeout": "100ms"})
    publisher = Publisher(broker.port)
    base_s = int(time.time()) - 600

    def publish(*seconds):
        for second in seconds:
            publisher.publish("fleet/oven-1/telemetry", json.dumps(
                {"device": "oven-1", "ts": (base_s + second) * 1000, "temperature": 20, "seq": second}))

    def silences(**filter):
        return collector.pages("/v1/silences", "silences", **filter)

    publish(0, 1, 2)
    is_open = wait_for(silences, "the silence to be noticed")[0]
    assert (is_open["node"], is_open["device"], is_open["channel"]) == ("edge-1", "oven-1", "temperature")
    assert (is_open["state"], is_open["end"], is_open["length_ns"]) == ("open", None, SECOND_NS)
    edge.kill()
    publish(30)
    edge.start()
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == 4, "the reading after it")
    edge.kill()  # it may still be filled
    publish(28, 36)
    edge.start()
    publisher.close()

    def over(**filter):
        return [(each["start"], each["windows"]) for each in silences(**filter) if each["state"] == "final"]

    found = wait_for(over, "what was missing in the end")
    assert found[0] == (is_open["start"], 25) and [windows for _, windows in found] == [25, 1]
    assert over(**{"from": (base_s + 28) * SECOND_NS}) == found[1:]
    assert silences(device="oven-2") == []
    assert collector.metric("stethos_collector_silence_rows_total") >= 3
    table = subprocess.run([BINARIES / "stethos-collector", "query", "silences", "--store", collector.store], capture_output=True,
                           text=True, timeout=30, check=True).stdout
    assert "oven-1" in table.splitlines()[1] and table.splitlines()[1].split()[5:8] == ["25", "1s", "final"]
