"""What a broker may answer to a SUBSCRIBE, and what the edge makes of it."""

import json

import pytest

from fake_broker import NO_SUBSCRIPTION_IDENTIFIERS, NOT_AUTHORIZED, FakeBroker
from messages import Publisher
from rig import Edge, http, json_subscription, wait_for

START_MS = 1_767_225_600_000
FIELDS = {"temperature": "temperature degC"}
FLEET = json_subscription("fleet", FIELDS, identity="")
PLANT = json_subscription("plant", FIELDS, identity="")


def reading(number):
    return json.dumps({"device": "t1", "ts": START_MS + number, "temperature": number}).encode()


@pytest.fixture
def fake_broker(rig):
    def begin(**how):
        rig.proxies.append(FakeBroker(**how))
        return rig.proxies[-1]

    return begin


def test_a_refused_filter_is_asked_for_again_and_told(rig, fake_broker):
    refused = 3
    broker = fake_broker(grant=lambda asked: 1 if asked > refused else NOT_AUTHORIZED)
    edge = Edge(rig, broker, subscription=[FLEET], **{"mqtt.reconnect_min": "200ms", "mqtt.reconnect_max": "400ms"})
    edge.spawn()
    edge.wait_until(lambda: http(edge.url + "/livez")[0] == 200)
    edge.wait_until(edge.is_ready)
    assert edge.metric("stethos_edge_mqtt_subscriptions_refused_total") == refused
    assert len(broker.subscribed) == refused + 1 and len({topic for topic, _, _ in broker.subscribed}) == 1
    assert 'the broker refuses to subscribe "fleet/+/telemetry": reason 135' in edge.log_text()
    broker.publish("fleet/t1/telemetry", reading(1))
    wait_for(lambda: edge.stored() == 1, "what comes afterwards to be counted")


def test_a_lowered_quality_of_service_is_told(rig, fake_broker):
    broker, collector = fake_broker(grant=lambda asked: 0), rig.collector()
    edge = rig.edge(broker, collector, subscription=[FLEET])
    assert edge.metric("stethos_edge_mqtt_filters_lowered") == 1
    assert 'the broker gives "fleet/+/telemetry" QoS 0 where 1 was asked for' in edge.log_text()

    def events():
        return [each for each in collector.pages("/v1/events", "events") if each["kind"] == "qos_lowered"]

    wait_for(events, "the event at the collector")
    assert [(each.get("value", 0), each["detail"]) for each in events()] == [(0, "fleet/+/telemetry")]


def test_without_subscription_identifiers_none_is_sent_and_that_is_told(rig, fake_broker):
    broker = fake_broker(properties=NO_SUBSCRIPTION_IDENTIFIERS)
    edge = rig.edge(broker, subscription=[FLEET])
    assert [identifier for _, _, identifier in broker.subscribed] == [None]
    assert edge.metric("stethos_edge_mqtt_without_identifiers") == 1
    assert "the broker has no subscription identifiers" in edge.log_text()
    broker.publish("fleet/t1/telemetry", reading(1))
    wait_for(lambda: edge.stored() == 1, "the message to be counted")


def test_with_subscription_identifiers_each_filter_has_its_own(rig, fake_broker):
    broker = fake_broker()
    edge = rig.edge(broker, subscription=[FLEET, PLANT])
    (fleet, _, first), (plant, _, second) = sorted(broker.subscribed)
    assert (fleet, plant) == ("fleet/+/telemetry", "plant/+/telemetry") and second == first + 1
    assert edge.metric("stethos_edge_mqtt_without_identifiers") == 0


def test_two_spools_share_no_identifier(rig, fake_broker):
    broker = fake_broker()
    for _ in range(3):
        rig.edge(broker, subscription=[FLEET]).terminate()
    assert len({identifier for _, _, identifier in broker.subscribed}) == 3


@pytest.mark.slow
def test_a_new_filter_is_subscribed_before_the_backlog_is_through(rig):
    backlog = 1_000
    broker = rig.broker()
    edge = rig.edge(broker, subscription=[FLEET])
    edge.kill()
    publisher = Publisher(broker.port)
    publisher.publish_many(("fleet/t1/telemetry", reading(number)) for number in range(backlog))
    edge.configure(subscription=[FLEET, PLANT])
    edge.spawn()
    edge.wait_until(edge.is_ready)
    assert edge.stored() < backlog
    publisher.publish("plant/t1/telemetry", reading(backlog))
    wait_for(lambda: edge.stored() >= backlog + 1, lambda: f"{edge.stored()} of {backlog + 1}")
    assert edge.stored() == backlog + 1
    edge.kill()

    # What is on record as granted need not be granted again for the node to be ready.
    publisher.publish_many(("fleet/t1/telemetry", reading(number)) for number in range(backlog + 1, 2 * backlog))
    edge.spawn()
    edge.wait_until(edge.is_ready)
    assert edge.stored() < 2 * backlog
    wait_for(lambda: edge.stored() >= 2 * backlog, lambda: f"{edge.stored()} of {2 * backlog}")
    assert edge.stored() == 2 * backlog


def test_a_session_that_never_was_is_not_lost(rig):
    """Killed between what it wrote down for its first connection and that connection."""
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[FLEET])
    edge.dies_at("edge.sessions.after", 1)
    edge.start()
    assert edge.metric("stethos_edge_mqtt_sessions_lost_total") == 0
    edge.terminate()
    edge.start()
    assert edge.metric("stethos_edge_mqtt_sessions_lost_total") == 0


def test_no_acknowledgement_leaves_before_the_commit_that_holds_its_message(rig, fake_broker):
    """A commit is held up; meanwhile a message comes that it does not hold. The process dies of that message before its commit."""
    broker = fake_broker()
    edge = Edge(rig, broker, subscription=[FLEET], **{"spool.commit_interval": "500ms"})
    edge.spawn("poison:edge.process:666}")
    edge.wait_until(edge.is_ready)
    held, deadly = reading(1), reading(666)
    with edge.spool_locked():
        broker.publish("fleet/t1/telemetry", held, qos=0)
        wait_for(lambda: edge.metric("stethos_edge_queue_bytes") > 0, "the first to arrive")
        wait_for(lambda: edge.metric("stethos_edge_queue_bytes") == 0, "the first to be taken up")
        broker.publish("fleet/t1/telemetry", deadly)
        wait_for(lambda: edge.metric("stethos_edge_queue_bytes") > 0, "the second to arrive")
    assert edge.wait() < 0
    assert broker.acknowledged == []
    edge.start()
    wait_for(lambda: broker.acknowledged == [deadly], "it to be acknowledged, once it is committed")
    assert edge.stored() == 2
