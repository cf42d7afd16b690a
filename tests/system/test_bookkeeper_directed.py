"""What the edge counts is what an independent book-keeper (bookkeeper.py) reckons: a test for each rule."""

import pytest

from audit import LONG, PLANT, SHORT, START_MS, WAVES, Device, settings
from bookkeeper_config import SECOND_NS, Entry
from messages import channel
from rig import STETHOS_SUBSCRIPTION


def test_ordinary_readings_blocks_and_batches(audit):
    """Nothing odd: what every other test relies on."""
    books = audit(settings([PLANT, WAVES, STETHOS_SUBSCRIPTION], SHORT, LONG, {"length": "10s", "hop": "5s"}, {"samples": 4},
                           {"gap": "3s"}))
    device, waves = Device(books), Device(books, "w", "waves/w")
    device.readings(5)
    device.readings(5, current=3.5)
    device.at_ms += 10_000
    device.readings(5)
    waves.send(temperature=[1, 2.5, -3], interval_us=1000)
    batch = books.publish_batch(device="own", epoch=1, sequence=1, channels=[
        channel([1.0, 2.0, "nan"], books.base_ns + 600 * SECOND_NS)])
    books.publish_message(batch)
    books.restart("terminate")
    device.readings(5)
    books.settle()
    books.restart("kill")
    device.readings(5)
    books.publish_batch(device="own", epoch=2, sequence=1, channels=[channel([1.0, 2.0], books.base_ns + 601 * SECOND_NS)])
    books.publish_message(batch)
    books.reconcile()


def test_what_was_acknowledged_is_there_after_kills(audit):
    """Kills in the middle of what comes, and messages that wait at the broker."""
    books = audit(settings([PLANT, STETHOS_SUBSCRIPTION], SHORT, LONG))
    device, own = Device(books), Device(books, "own")
    for kill in range(3):
        device.readings(20)
        own.at_ms += 3000
        books.publish_batch(device="own", sequence=kill + 1, channels=[channel([1.0 * kill, 2.0], own.ts() * 1_000_000)])
        books.stop("kill")
        device.readings(10)
        books.start()
    books.reconcile()


REFUSED = {"text": "nan", "number-in-quotes": "20.5", "empty-array": [], "object": {}, "true": True,
           "array-with-null": [1, None, 3], "array-with-text": [1, "2"], "array-without-interval": [1, 2, 3]}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_channel_places_nothing(audit, name):
    """Neither for a stream that is known nor for one that is not; a channel beside it counts."""
    books = audit(settings([PLANT, WAVES], SHORT, LONG))
    known = Device(books)
    known.readings(3, current=5)
    known.send(temperature=REFUSED[name], current=6)
    known.send(temperature=REFUSED[name])
    Device(books, "stranger").send(temperature=REFUSED[name])
    known.readings(3, current=7)
    waves = Device(books, "w", "waves/w")
    waves.send(temperature=[1, 2, 3], interval_us=1000)
    if name != "array-without-interval":
        waves.send(temperature=REFUSED[name], interval_us=1000)
    waves.send(temperature=[4, 5, 6], interval_us=1000)
    books.reconcile()


def test_refused_channels_in_a_row_rebase_nothing(audit):
    """As many as `time.rebase_after`, and then the stream is where it was: nothing is late."""
    books = audit(settings([PLANT], SHORT, **{"time.rebase_after": 5}))
    device = Device(books)
    device.readings(3)
    for _ in range(12):
        device.send(temperature="nan")
    device.readings(30)
    books.reconcile()
    assert books.edge.metric("stethos_edge_streams_rebased_total") == 0
    assert books.edge.metric("stethos_edge_streams_behind_total") == 0


NUMBERED = {"topic": "numbered/+", "format": "json", "device_field": "device", "time_unit": "arrival", "identity": "n",
            "fields": {"temperature": "temperature degC"}}


def test_identity_without_time(audit):
    """Also after a restart, and for copies that wait at the broker."""
    books = audit(settings([NUMBERED], LONG))

    def send(number, value, **more):
        books.publish("numbered/a", {"device": "a", "n": number, "temperature": value, **more})

    for number in range(5):
        send(number, 20 + number)
    send(2, 22)       # a copy
    send(3, 99)       # another value
    send("2", 22)     # another identity: a text
    for how in ("terminate", "kill"):
        books.settle()
        books.stop(how)
        send(1, 21, after=how)  # after a kill what is equal byte for byte may be taken for a message that is delivered again
        send(4, 77, after=how)
        books.start()
        send(0, 20, after=how)
        send(how, 1)
    books.reconcile()


@pytest.mark.parametrize("window", [SHORT, LONG, {"samples": 3}], ids=["short", "an hour", "a count"])
def test_an_old_copy_is_not_counted_again(audit, window):
    """An identity is known for as long as a window could take its reading. Short windows can not: the copy may be late there."""
    books = audit(settings([{**PLANT, "identity": "n"}], window))
    device = Device(books)
    device.readings(3)
    device.at_ms += 120_000
    device.readings(3)
    good = lambda: books.outcomes()["good"]  # noqa: E731
    books.settle()
    assert good() == 6
    books.publish(device.topic, {"device": "a", "ts": device.ts() - 122_100, "n": 3, "temperature": 20.5})
    books.settle()
    assert good() == 6


CHANGES = {"unit": ["temperature K"], "quantity": ["pressure bar"], "twice": ["temperature K", "temperature degF"]}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_unit_change_cuts(audit, what, how):
    """by the declaration of a field. What came before keeps its start and its unit; no reading is late or lost."""
    books = audit(settings([PLANT], {"length": "10s"}, LONG))
    device = Device(books)
    device.at_ms += 3000  # the change comes within a window of ten seconds
    device.readings(3)
    for declared in CHANGES[what]:
        books.settle()
        books.restart(how, settings([{**PLANT, "fields": {"temperature": declared}}], {"length": "10s"}, LONG))
        device.readings(3)
    device.at_ms += 10_000
    device.readings(3)
    books.reconcile()


def entry(machine="pump-1", unit="degC", valid_from_ns=None, device="a"):
    return Entry(device, "temperature", machine, "temperature", unit, -1000.0, 1000.0, valid_from_ns)


def test_unit_change_in_the_point_table_cuts(audit):
    """where the point table and the field are changed together; while only one of them is, samples are refused."""
    books = audit(settings([PLANT], {"length": "10s"}, LONG), [entry()])
    device = Device(books)
    device.at_ms += 2000
    device.readings(3)
    device.send(temperature=5000)  # out of range
    kelvin = {**PLANT, "fields": {"temperature": "temperature K"}}
    books.settle()
    books.restart("terminate", settings([kelvin], {"length": "10s"}, LONG))
    device.readings(2)
    books.settle()
    books.restart("terminate", settings([kelvin], {"length": "10s"}, LONG), [entry(unit="K")])
    device.readings(4)
    device.at_ms += 10_000
    device.readings(3)
    books.reconcile()


@pytest.mark.parametrize("when", ["from the start", "added by a restart"])
def test_valid_from_cuts(audit, when):
    """Readings before it are in the window that began on the grid, those from it on in one that begins there; in any order."""
    books = audit(settings([PLANT], {"length": "10s"}, LONG), [entry()])
    valid_from_ns = books.base_ns + (START_MS // 1000 + 4) * SECOND_NS
    entries = [entry(), entry("pump-2", valid_from_ns=valid_from_ns)]
    if when == "from the start":
        books.restart("terminate", books.settings | {"subscription": [PLANT]}, entries)
    device = Device(books)
    device.readings(4)
    if when == "added by a restart":
        books.settle()
        books.restart("terminate", settings([PLANT], {"length": "10s"}, LONG), entries)
    device.readings(5)
    device.at_ms -= 5 * 700 + 350  # late for nobody: before the boundary once more, and behind it
    device.readings(5)
    device.at_ms += 10_000
    device.readings(3)
    books.reconcile()


WRONG_BY_MS = 600_000


@pytest.mark.parametrize("windows", [
    [SHORT], [{"length": "10s"}], [{"length": "10s", "hop": "5s"}], [SHORT, LONG], [SHORT, {"samples": 10}],
    [SHORT, LONG, {"samples": 7}]],
    ids=["short alone", "ten seconds alone", "hopping alone", "beside an hour", "beside a count", "beside both"])
def test_short_windows_rebase_beside_long_ones(audit, windows):
    """A clock jumps ten minutes ahead and comes back: for short windows `time.rebase_after` readings are late, and no more."""
    books = audit(settings([PLANT], *windows, **{"time.rebase_after": 8}))
    device = Device(books)
    device.readings(10)
    device.at_ms += WRONG_BY_MS
    device.readings(4)
    device.at_ms -= WRONG_BY_MS
    device.readings(30)
    books.reconcile()


def test_a_definition_that_goes_and_one_that_comes(audit):
    """Each counts what comes while it is in force."""
    books = audit(settings([PLANT], SHORT, {"length": "5s"}, LONG))
    device = Device(books)
    device.readings(6)
    for windows in ([{"length": "5s"}, LONG, {"samples": 4}], [LONG, {"length": "10s", "hop": "5s"}], [LONG, {"gap": "2s"}]):
        books.settle()
        books.stop("terminate")
        device.readings(2)
        books.configure(settings([PLANT], *windows))
        books.start()
        device.readings(5)
    books.reconcile()
