"""A collector with little room keeps days of what came, in windows, hours and days, each reading once."""

import json
import time

from messages import Publisher
from rig import SECOND_NS, json_subscription, wait_for

BUDGET = 64 << 10
STEP_S = 600
DEVICES = 3
READINGS = 500  # a device: three and a half days
TIERS = ("days", "hours", "windows")  # in this order what moves meanwhile is missing for once, and never twice


def test_what_leaves_windows_is_in_hours_and_days_once(rig):
    broker = rig.broker()
    collector = rig.collector(**{f"store.{tier}_bytes_max": f"{BUDGET} B" for tier in ("windows", "hours")})
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    window=[{"length": "10m"}], **{"time.watermark_delay": "0s", "time.idle_timeout": "2s"})
    publisher = Publisher(broker.port)
    base_s = (int(time.time()) // STEP_S - READINGS) * STEP_S
    for i in range(READINGS):
        for device in range(DEVICES):
            publisher.publish("fleet/oven/telemetry", json.dumps(
                {"device": f"oven-{device}", "ts": (base_s + i * STEP_S) * 1000, "temperature": i % 97, "seq": i}))
        if i in (READINGS // 3, READINGS // 2):
            collector.kill()
            collector.start()
    wait_for(lambda: edge.metric("stethos_edge_samples_total", outcome="good") == READINGS * DEVICES, "the readings")

    def rows():
        return {tier: collector.pages(f"/v1/{tier}", tier) for tier in TIERS}

    def settled():
        held = rows()
        return held if sum(row["windows"] for tier in held.values() for row in tier) >= READINGS * DEVICES else None

    wait_for(settled, "all windows")
    wait_for(lambda: all(collector.metric("stethos_collector_tier_bytes", tier=tier) <= BUDGET for tier in ("windows", "hours")),
             "the budgets to hold")
    held = rows()
    every = [row for tier in held.values() for row in tier]
    assert all(held.values()), {tier: len(each) for tier, each in held.items()}
    assert collector.metric("stethos_collector_unmerged_rows_total", tier="windows") == 0
    assert sum(row["windows"] for row in every) == sum(row["counts"]["good"] for row in every) == READINGS * DEVICES
    total = sum(row["moments"]["mean"] * row["moments"]["count"] for row in every)
    assert abs(total - DEVICES * sum(i % 97 for i in range(READINGS))) < 1e-6 * total
    assert {row["length_ns"] for row in held["hours"]} == {3600 * SECOND_NS}
    assert max(row["start_ns"] for row in held["days"]) < min(row["start_ns"] for row in held["windows"])
    assert collector.store.stat().st_size < 4 << 20
