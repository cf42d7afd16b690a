"""The session at the broker: filters that change while messages are queued, and nodes that have one client id."""

import os
import sqlite3

import pytest

from messages import Publisher
from rig import Edge, http, json_subscription, toml, wait_for

START_MS = 1_767_225_600_000
SEED = int(os.environ.get("STETHOS_SEED", "1"))
FIELDS = {"temperature": "temperature degC"}
# Nothing but the delivery tells two readings apart: no identity of theirs.
NARROW = json_subscription("fleet", FIELDS, identity="")
WIDE = {**NARROW, "topic": "fleet/#"}
OTHER = {**NARROW, "topic": "plant/+/telemetry"}


def publish(publisher, numbers, prefix="fleet"):
    for number in numbers:
        publisher.publish(f"{prefix}/t{number % 3}/telemetry",
                          f'{{"device":"t{number % 3}","ts":{START_MS + number},"temperature":{number}}}')


def configure(edge, *subscriptions):
    """The same node, with other subscriptions."""
    text = edge.config.read_text()
    head, _, tail = text.partition("[[subscription]]")
    tail = tail[tail.index("[[window]]"):]
    edge.config.write_text(head + toml({"subscription": list(subscriptions)}) + "\n" + tail)


def filters_of(edge):
    """(those that the session may have, those that have left it)"""
    spool = sqlite3.connect(f"file:{edge.spool}?mode=ro", uri=True, timeout=10)
    try:
        rows = spool.execute("SELECT topic, state = 2 FROM session_filter ORDER BY id").fetchall()
    finally:
        spool.close()
    return [topic for topic, left in rows if not left], [topic for topic, left in rows if left]


def counted(edge, number):
    wait_for(lambda: edge.stored() >= number, lambda: f"{edge.stored()} of {number} stored")
    return edge.stored()


def take_in_pieces(edge, publisher, messages, piece, end):
    """Publishes a backlog of so many readings; the edge is ended each time that it has taken a piece more, and then takes all."""
    publisher.publish_many(("fleet/t1/telemetry", f'{{"device":"t1","ts":{START_MS + i},"temperature":{i},"seq":{i}}}')
                           for i in range(messages))
    for count in range(1, 6):
        edge.spawn()
        edge.wait_until(lambda: http(edge.url + "/livez")[0] == 200)
        edge.wait_until(lambda: edge.messages() >= piece * count)
        end()
    edge.start()
    assert counted(edge, messages) == messages
    wait_for(lambda: edge.metric("stethos_edge_queue_bytes") == 0, "the queue")
    assert edge.metric("stethos_edge_samples_total", outcome="good") == messages


def test_a_backlog_is_counted_once_however_often_its_edge_stops_in_order(rig):
    """Mosquitto sends all that it has queued at once, and hears of few of the acknowledgements before the connection ends."""
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[{**NARROW, "acknowledge": "on_arrival"}]).start()
    assert edge.terminate() == 0
    take_in_pieces(edge, Publisher(broker.port), 3000, 400, edge.terminate)


def test_what_comes_after_a_crash_is_acknowledged_once_it_is_committed(rig):
    """By a run that takes messages one by one: what waits behind the one at hand would be lost with the next crash."""
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[{**NARROW, "acknowledge": "on_arrival", "identity": "seq"}]).start()
    edge.kill()
    take_in_pieces(edge, Publisher(broker.port), 900, 100, edge.kill)


def test_queued_messages_of_a_filter_that_changes_are_counted_once(rig):
    chance = rig.chance(SEED)
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    publisher = Publisher(broker.port)
    publish(publisher, range(5))
    assert counted(edge, 5) == 5
    edge.kill()
    publish(publisher, range(5, 35))

    configure(edge, WIDE)
    for point in ("edge.sessions.after", "edge.commit.after"):
        edge.dies_at(point, 1 if "sessions" in point else chance.randint(1, 10))
    edge.start()
    # Now both filters are there, or have been: what comes meanwhile comes twice, or once.
    publish(publisher, range(35, 65))
    assert counted(edge, 65) == 65
    wait_for(lambda: filters_of(edge) == (["fleet/#"], ["fleet/+/telemetry"]), lambda: filters_of(edge))
    publish(publisher, range(65, 70))
    assert counted(edge, 70) == 70
    assert edge.terminate() == 0
    edge.start()
    assert edge.stored() == 70
    assert edge.dead_letters() == []


def test_what_was_queued_under_a_filter_that_left_is_a_letter(rig):
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    publisher = Publisher(broker.port)
    publish(publisher, range(5))
    assert counted(edge, 5) == 5
    edge.kill()
    publish(publisher, range(5, 35))
    configure(edge, OTHER)
    edge.start()
    wait_for(lambda: len(edge.dead_letters()) >= 30, lambda: f"{len(edge.dead_letters())} letters")
    wait_for(lambda: filters_of(edge) == (["plant/+/telemetry"], ["fleet/+/telemetry"]), lambda: filters_of(edge))
    publish(publisher, range(35, 40))
    publish(publisher, range(40, 45), prefix="plant")
    assert counted(edge, 10) == 10
    letters = edge.dead_letters()
    assert len(letters) == 30 and {reason for reason, _, _ in letters} == {"unknown_topic"}


def test_a_session_whose_record_is_gone_is_told_and_counted_once(rig):
    """A new spool: nobody knows any more that the session is subscribed to more than the configuration has."""
    broker, collector = rig.broker(), rig.collector()
    former = Edge(rig, broker, subscription=[WIDE]).start()
    publisher = Publisher(broker.port)
    publish(publisher, range(5))
    assert counted(former, 5) == 5
    assert former.terminate() == 0
    publish(publisher, range(5, 35))

    edge = Edge(rig, broker, collector, subscription=[NARROW]).start()
    publish(publisher, range(35, 65))
    publisher.publish("fleet/t1/other", "{}")
    wait_for(lambda: edge.dead_letters(), "what only the former filter takes")
    assert edge.stored() == 60
    # All but what was queued have come by both: readings, and the other.
    assert edge.metric("stethos_edge_mqtt_messages_by_unknown_filters_total") == 61
    assert edge.terminate() == 0
    edge.start()
    publish(publisher, range(65, 95))
    publisher.publish("fleet/t1/other", "{}")
    wait_for(lambda: len(edge.dead_letters()) == 2, "what only the former filter takes")
    assert edge.stored() == 90

    def events():
        return [each["detail"] for each in collector.pages("/v1/events", "events") if each["kind"] == "session_unknown"]

    wait_for(events, "the event at the collector")
    assert set(events()) == {f'"stethos-edge-edge-1" at 127.0.0.1:{broker.port}'}


def test_a_broker_that_is_called_otherwise_is_counted_once(rig):
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[WIDE]).start()
    publisher = Publisher(broker.port)
    published = 0
    # Each time under another name, and with another filter: the one before is to leave.
    for host, subscription in (("127.0.0.1", WIDE), ("localhost", NARROW), ("127.0.0.1", WIDE), ("localhost", WIDE)):
        assert edge.terminate() == 0
        publish(publisher, range(published, published + 10))
        edge.configure(subscription=[subscription], **{"mqtt.host": host})
        edge.start()
        wait_for(lambda: edge.metric("stethos_edge_mqtt_former_filters") == 0, "former filters to leave")
        publish(publisher, range(published + 10, published + 20))
        published += 20
        wait_for(lambda: edge.stored() >= published, lambda: f"{edge.stored()} of {published}")
        assert edge.stored() == published
    messages = edge.metric("stethos_edge_messages_total")
    publish(publisher, range(published, published + 5))
    assert counted(edge, published + 5) == published + 5
    assert edge.metric("stethos_edge_messages_total") == messages + 5, "each comes once"


def test_another_client_id_is_refused_until_the_former_session_is_given_up(rig):
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    publisher = Publisher(broker.port)
    publish(publisher, range(5))
    assert counted(edge, 5) == 5
    assert edge.terminate() == 0
    publish(publisher, range(5, 35))

    def become(client_id, **config):
        edge.configure(subscription=[NARROW], **({"mqtt.client_id": client_id} if client_id else {}), **config)

    # Nothing is left behind unasked: with the former id all of it is there.
    become("another")
    edge.spawn()
    assert edge.wait() == 3
    assert 'the node has one as "stethos-edge-edge-1"' in edge.log_text()
    become("")
    edge.start()
    assert counted(edge, 35) == 35
    assert edge.terminate() == 0

    # What is queued in the former session from now on comes in the new one as well, and is not taken again on the way back.
    become("another", **{"mqtt.former_client_id": "stethos-edge-edge-1"})
    edge.start()
    publish(publisher, range(35, 65))
    assert counted(edge, 65) == 65
    assert edge.terminate() == 0
    become("another")
    edge.start()
    assert edge.terminate() == 0
    become("", **{"mqtt.former_client_id": "another"})
    edge.start()
    publish(publisher, range(65, 75))
    assert counted(edge, 75) == 75
    assert edge.terminate() == 0
    publish(publisher, range(75, 85))
    become("")
    edge.start()
    assert counted(edge, 85) == 85
    assert edge.metric("stethos_edge_mqtt_sessions_lost_total") == 0
    assert edge.dead_letters() == []


def test_a_session_that_the_broker_has_lost_is_told(rig):
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    assert edge.metric("stethos_edge_mqtt_sessions_lost_total") == 0
    broker.kill()
    for path in rig.folder.glob("mosquitto/*.db"):
        path.unlink()
    broker.start()
    wait_for(lambda: edge.metric("stethos_edge_mqtt_sessions_lost_total") == 1, "the loss to be noticed")
    publisher = Publisher(broker.port)
    edge.wait_until(edge.is_ready)
    publish(publisher, range(5))
    assert counted(edge, 5) == 5


@pytest.mark.slow
def test_a_broker_that_is_restarted_is_not_taken_for_another_node(rig):
    """Its connections end soon, one after the other, though nobody takes them: also with messages on the way."""
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    published = 0
    for stop in 5 * [broker.terminate] + 3 * [broker.kill]:
        publisher = Publisher(broker.port)
        publish(publisher, range(published, published + 10))
        published += 10
        assert counted(edge, published) == published
        publisher.client.disconnect()
        stop()
        broker.start()
        edge.wait_until(lambda: edge.metric("stethos_edge_mqtt_subscribed") == 1 and edge.is_ready())
    assert edge.metric("stethos_edge_mqtt_sessions_taken_over_total") == 0
    assert "two nodes with one client id" not in edge.log_text()


@pytest.mark.slow
def test_two_nodes_with_one_client_id_are_told_and_lose_nothing(rig):
    broker = rig.broker()
    pair = [Edge(rig, broker, subscription=[{**NARROW, "identity": ""}], **{"node.id": f"edge-{i}", "mqtt.client_id": "twin"})
            for i in (1, 2)]
    pair[0].start()
    pair[1].start()
    publisher = Publisher(broker.port)

    def taken_over():
        return sum(edge.metric("stethos_edge_mqtt_sessions_taken_over_total") for edge in pair)

    published = 0
    while taken_over() < 6:
        publish(publisher, range(published, published + 10))
        published += 10
    assert any("two nodes with one client id" in edge.log_text() for edge in pair)
    wait_for(lambda: sum(edge.stored() for edge in pair) >= published, lambda: [edge.stored() for edge in pair])
    # What one node had committed the other gets again, if the broker had not read its acknowledgement: at most what may be on the
    # way (RECEIVE_MAXIMUM) a change.
    changes = sum(edge.metric("stethos_edge_mqtt_connections_total") for edge in pair)
    assert sum(edge.stored() for edge in pair) <= published + 100 * changes


def test_an_edge_that_is_ended_while_messages_come_ends(rig):
    """What comes after the last commit is held, and Paho's thread with it: nothing that ends may wait for that thread."""
    chance = rig.chance(SEED)
    broker = rig.broker()
    edge = Edge(rig, broker, subscription=[NARROW]).start()
    publisher = Publisher(broker.port)
    for first in range(0, 200, 20):
        publish(publisher, range(first, first + 20))
        if chance.random() < 0.5:
            edge.kill()
        else:
            assert edge.terminate() == 0
        edge.start()
    assert counted(edge, 200) == 200
