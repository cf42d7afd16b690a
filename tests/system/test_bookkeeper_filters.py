"""Topic filters that overlap, that change and that go: every message counts once, or is a letter, or was never meant to come."""

import subprocess

import pytest

from audit import LONG, PLANT, SHORT, Device, config_text, settings
from rig import BINARIES

OVERLAPPING = {
    "the same": ("a/+/t", "a/+/t"), "all below": ("a/+/t", "a/#"), "a level": ("a/+/t", "a/b/t"), "crossed": ("a/+/t", "+/b/t"),
    "everything": ("a/b", "#"), "hash takes its parent": ("a", "a/#"), "crossed below": ("+/x/#", "a/+/y"),
}


@pytest.mark.parametrize("name", OVERLAPPING)
def test_overlapping_filters_are_refused(tmp_path, name):
    assert check(tmp_path, [{**PLANT, "topic": topic} for topic in OVERLAPPING[name]]) not in (0, 1)


@pytest.mark.parametrize("filters", [("a/+/t", "a/+/u"), ("a/b", "a/c"), ("a/+", "a/+/+"), ("a/b/#", "a/c/#"), ("a", "a/+")])
def test_filters_that_share_no_topic_are_taken(tmp_path, filters):
    assert check(tmp_path, [{**PLANT, "topic": topic} for topic in filters]) == 0


def check(folder, subscriptions):
    (folder / "edge.toml").write_text(config_text(settings(subscriptions, LONG)))
    return subprocess.run([BINARIES / "stethos-edge", "check", "--config", "edge.toml"], cwd=folder, capture_output=True,
                          timeout=30).returncode


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_filter_replaced_counts_once(audit, how):
    """`plant/+/json` becomes `plant/#` and back: before, while the edge is down, and afterwards each message counts once."""
    books = audit(settings([PLANT], SHORT, LONG))
    device = Device(books)
    device.readings(5)
    for topic in ("plant/#", "plant/a/+", "plant/+/json"):
        books.settle()
        books.stop(how)
        device.readings(3)
        books.configure(settings([{**PLANT, "topic": topic}], SHORT, LONG))
        books.start()
        device.readings(5)
    books.reconcile()


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_topic_without_filter_is_a_letter(audit, how):
    """What waited under a filter that is gone is a letter; what is published to it after the start does not come."""
    other = {**PLANT, "topic": "other/+", "fields": {"temperature": "temperature K"}}
    books = audit(settings([PLANT, other], SHORT, LONG))
    device, stranger = Device(books), Device(books, "b", "other/b")
    device.readings(3)
    stranger.readings(3)
    books.settle()
    books.stop(how)
    device.readings(2)
    stranger.readings(4)
    books.configure(settings([PLANT], SHORT, LONG))
    books.start()
    books.settle()
    stranger.readings(5)
    device.readings(2)
    books.reconcile()
    assert sum(reason == "unknown_topic" for reason, _, _ in books.edge.dead_letters()) == 4
