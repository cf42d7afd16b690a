"""A book-keeper beside the edge: from what was published, and the configurations in force, it reckons what must be counted where.

It shares no code with the edge and was written from the pages of docs/, so that it can be held against the edge. These are the
rules that it reckons by.

Which messages come. A message reaches the edge if a filter of the broker's session matches its topic: the filters of the
configuration that the edge runs, or, while it is down, ran last. What waits at the broker is taken by the configuration of the
next start, in order: routed by its topic through that configuration's filters, or, where none takes it, a dead letter
`unknown_topic`. Nothing else that was published comes.

What a message is. Refused as a whole it is one dead letter, and counts no samples. Otherwise each channel that is refused is
one dead letter, and its samples, if it holds any, are rejected samples of the stream, if that is known; the other channels
count. A refused channel is in no window. A message of our devices whose epoch and sequence came before is a duplicate with all
its samples. A reading whose identity came before is a duplicate with the same value, else a dead letter `identity_conflict`
and a rejected sample. Once the edge has ended, in order or killed, the broker may deliver again what was handled: that an
acknowledgement was sent does not say that the broker read it before the connection ended. Such copies may count as duplicates,
and nothing else.

Which window. A stream's watermark is its highest time less `time.watermark_delay`. A window is settled when its end and
`time.lateness` have passed by the watermark, and stays so when the lateness is another one later. A definition that is not
configured takes nothing; if it comes back it goes on with the windows that are not settled. A reading or block is in each window that holds its time and is not settled; a
definition that has none counts it as late, and if no definition has one, it is late and one dead letter a message and stream.
Count windows are settled by their samples alone. Readings in a row that are late for a definition because the clock had jumped
ahead take the stream back after `time.rebase_after` of them (the last of those may count or be late); of the windows that had
begun before the jump those that it settled stay settled.

Units. What the point table says must be what the samples have, else `unit_differs`. Without an entry the field's declaration
is the stream's unit; a device of ours has the unit of its first message. A changed unit begins another window: what it held
before keeps its start and its unit. A `valid_from` inside a window begins another one at that time.

Sums. For each stream and definition: good and out of range and not finite samples stand in the windows they belong to; late,
duplicate and rejected ones in the row of the newest window, or, where there is none, of the next.
"""

import dataclasses
import enum
import math

from bookkeeper_config import YEAR_2000_NS
from bookkeeper_payloads import Refused, read_batch, read_json
from bookkeeper_windows import Label, Placed, outcome_of

REDELIVERED_MAX = 100  # messages that a broker may deliver again after an edge has ended: RECEIVE_MAXIMUM, decision 4
OUTCOMES = ("good", "not_finite", "out_of_range", "late", "duplicate", "rejected")


@dataclasses.dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    batch: dict | None = None  # of our own protocol: what the payload was made of


@dataclasses.dataclass
class Letter:
    """A dead letter that must be there; not `sure`: one that may."""
    reasons: tuple
    topic: str
    payload: bytes
    sure: bool = True


class Late(enum.IntEnum):
    NO = 0
    MAYBE = 1
    YES = 2


class Stream:
    def __init__(self):
        self.newest_ns = None     # the highest time
        self.jump = (0, 0)        # the longest stretch that one arrival moved it over: from, to
        self.settled_ns = 0       # what ended by then is settled
        self.settled_from_ns = 0  # after going back: windows that began up to here stay settled
        self.settled_at_ns = 0    # if they ended by then
        self.late_run = []        # times of arrivals in a row that were late for a definition
        self.unit = None          # of a device of ours
        self.last_label = None    # of its last sample
        self.changed_ns = None    # time of the first sample of that label, where it had another before
        self.identities = {}
        self.outcomes = {name: [0, 0] for name in OUTCOMES}  # [at least, at most]
        self.samples_min = 0      # that came: where a refused channel holds none that can be read, that is up to the edge
        self.samples_max = 0
        self.redelivered_max = 0  # samples that may have come once more, and be duplicates
        self.placed = {}          # definition -> Placed; those of former configurations stay

    def add(self, outcome, samples, sure=True):
        self.outcomes[outcome][0] += samples if sure else 0
        self.outcomes[outcome][1] += samples

    def forward(self, time_ns):
        if self.newest_ns is None or time_ns > self.newest_ns:
            if self.newest_ns is not None and time_ns - self.newest_ns > self.jump[1] - self.jump[0]:
                self.jump = (self.newest_ns, time_ns)
            self.newest_ns = time_ns

    def settle(self, configuration):
        if self.newest_ns is not None:
            reached_ns = self.newest_ns - configuration.watermark_delay_ns - configuration.lateness_ns
            self.settled_ns = max(self.settled_ns, reached_ns)


def _key(batch):
    return batch["device"], batch["epoch"], batch["sequence"]


class Bookkeeper:
    """`now_ns`: about when messages arrive. What is published is stamped long before that, or long after."""

    def __init__(self, now_ns):
        self.now_ns = now_ns
        self.streams = {}  # (device, channel) -> Stream
        self.letters = []
        self.taken = 0     # messages that reached the edge
        self._queue = []
        self._handled = set()
        self._recent = []  # [(stream, samples)] of each of the last messages
        self._running = None
        self._session = None  # the configuration whose filters the broker's session has

    def start(self, configuration):
        before = self._session.definitions if self._session is not None else []
        for stream in self.streams.values():
            stream.settle(configuration)
            for definition, placed in stream.placed.items():
                placed.comes_back = placed.comes_back or definition not in before
        self._running = self._session = configuration
        waiting, self._queue = self._queue, []
        for message in waiting:
            self._take(message)

    def stop(self):
        """Everything that the edge handled last may come once more, and then counts as duplicates at most."""
        self._running = None
        for message in self._recent[-REDELIVERED_MAX:]:
            for stream, samples in message:
                stream.redelivered_max += samples

    def publish(self, message):
        if self._session is None or not self._session.takes(message.topic):
            return
        if self._running is None:
            self._queue.append(message)
        else:
            self._take(message)

    def publish_again(self, message):
        """A device of ours sends what the edge may have lost: if it had been handled it may count as duplicates, at most."""
        if _key(message.batch) not in self._handled:
            self.publish(message)
            return
        copies = [(self._stream(message.batch["device"], channel.name), channel.samples)
                  for channel in read_batch(message.batch).channels]
        self._recent.append(copies)  # the broker may deliver these again as well
        for stream, samples in copies:
            stream.redelivered_max += samples

    def _stream(self, device, channel):
        return self.streams.setdefault((device, channel), Stream())

    def _count_in_newest(self, stream, outcome, samples, sure=True):
        # What came before anything of its stream was taken need not make a stream that it could be counted for.
        is_known = bool(stream.placed)
        stream.samples_min -= samples if sure and not is_known else 0
        sure = sure and is_known
        stream.add(outcome, samples, sure)
        if is_known:
            for definition in self._running.definitions:
                stream.placed.setdefault(definition, Placed(definition)).count(outcome, samples, sure)

    def _refuse(self, message, reasons, sure=True):
        self.letters.append(Letter(tuple(reasons), message.topic, message.payload, sure))

    def _take(self, message):
        self.taken += 1
        subscription = self._running.subscription_for(message.topic)
        self._recent.append([])
        if subscription is None:
            self._refuse(message, ["unknown_topic"])
            return
        try:
            contents = (read_batch(message.batch) if subscription["format"] == "stethos"
                        else read_json(subscription, message.topic, message.payload))
        except Refused as refused:
            self._refuse(message, refused.reasons)
            return
        is_copy = message.batch is not None and _key(message.batch) in self._handled
        if message.batch is not None:
            self._handled.add(_key(message.batch))
        for channel in contents.channels:
            stream = self._stream(contents.device, channel.name)
            self._recent[-1].append((stream, channel.samples + channel.samples_max))
            stream.samples_min += channel.samples + channel.samples_min
            stream.samples_max += channel.samples + channel.samples_max
            if is_copy:
                self._count_in_newest(stream, "duplicate", channel.samples)
            else:
                self._take_channel(message, contents.device, channel, stream)

    def _reject(self, message, stream, reasons, samples):
        self._refuse(message, reasons)
        self._count_in_newest(stream, "rejected", samples)

    def _take_channel(self, message, device, channel, stream):
        if channel.refused:
            self._reject(message, stream, channel.refused, channel.samples_min)
            self._count_in_newest(stream, "rejected", channel.samples_max - channel.samples_min, sure=False)
            return
        samples = channel.samples
        times = [group.time_ns for group in channel.groups if group.time_ns is not None]
        if times and min(times) < YEAR_2000_NS:
            self._reject(message, stream, ["time_past"], samples)
            return
        if any(self._is_future(group) for group in channel.groups):
            self._reject(message, stream, ["time_future"], samples)
            return
        declared = Label(channel.quantity, channel.unit)
        entries = [self._running.entry_for(device, channel.name, self.now_ns if group.time_ns is None else group.time_ns)
                   for group in channel.groups]
        for entry in entries:
            if entry is not None and Label(entry.quantity, entry.unit) != declared:
                self._reject(message, stream, ["unit_differs"], samples)
                return
        if message.batch is not None and None in entries:
            if stream.unit not in (None, declared):
                self._reject(message, stream, ["unit_differs"], samples)
                return
        stream.unit = declared
        if channel.identity is not None:
            value = channel.groups[0].values[0]
            if channel.identity in stream.identities:
                if stream.identities[channel.identity] == value:
                    self._count_in_newest(stream, "duplicate", samples)
                else:
                    self._reject(message, stream, ["identity_conflict"], samples)
                return
        late = [self._place(stream, group, declared, entry) for group, entry in zip(channel.groups, entries, strict=True)]
        # A copy of what no window took is late once more.
        if channel.identity is not None and max(late) is not Late.YES:
            stream.identities[channel.identity] = channel.groups[0].values[0]
        if max(late) is not Late.NO:
            self._refuse(message, ["late"], sure=max(late) is Late.YES)
        if all(math.isnan(value) for group in channel.groups for value in group.values):
            self._refuse(message, ["not_finite"])

    def _is_future(self, group):
        return group.time_ns is not None and group.time_ns > self.now_ns + self._running.future_max_ns

    def _settled(self, stream, start_ns, end_ns):
        if stream.newest_ns is None:
            return False
        if start_ns <= stream.settled_from_ns and end_ns <= stream.settled_at_ns:
            return True
        return end_ns <= stream.settled_ns

    def _place(self, stream, group, label, entry):
        """Whether it is late for every definition."""
        late, takers = [], []
        for definition in self._running.definitions:
            placed = stream.placed.setdefault(definition, Placed(definition))
            starts = []
            if group.time_ns is None or definition.kind == "count":
                takers.append((placed, starts))
                continue
            if definition.on_grid:
                starts = [start for start in definition.starts(group.time_ns)
                          if not self._settled(stream, start, start + definition.length_ns)]
                is_late = not starts
            else:
                is_late = stream.newest_ns is not None and not placed.holds_session(group.time_ns, stream.settled_ns)
            if is_late:
                late.append(placed)
            else:
                takers.append((placed, starts))
        goes_back = self._goes_back(stream, group.time_ns) if late else self._end_run(stream)
        if stream.last_label not in (None, label):
            stream.changed_ns = group.time_ns
        stream.last_label = label
        for placed, starts in takers:
            placed.place(group, label, entry, starts, sure=True, changed_ns=stream.changed_ns)
        for placed in late:
            self._count_late(placed, group, label, entry, may_count=goes_back)
        if group.time_ns is not None:
            stream.forward(group.time_ns)
            stream.settle(self._running)
        outcomes = [outcome_of(value, entry) for value in group.values]
        for outcome in outcomes:
            if takers:
                stream.add(outcome, 1)
            else:
                stream.add("late", 1, sure=not goes_back)
                if goes_back:
                    stream.add(outcome, 1, sure=False)
        return Late.NO if takers else Late.MAYBE if goes_back else Late.YES

    def _end_run(self, stream):
        stream.late_run = []
        return False

    def _goes_back(self, stream, time_ns):
        """Whether so many arrivals in a row were late, where the clock had jumped, that the stream goes back with this one."""
        limit = self._running.rebase_after
        if stream.late_run and time_ns < stream.late_run[-1]:
            stream.late_run = []
        if not limit or not stream.jump[0] <= time_ns <= stream.jump[1]:
            return self._end_run(stream)
        stream.late_run.append(time_ns)
        if len(stream.late_run) < limit:
            return False
        stream.settled_from_ns = stream.jump[0]
        stream.settled_at_ns, stream.settled_ns = stream.settled_ns, 0
        stream.newest_ns, stream.jump, stream.late_run = time_ns, (0, 0), []
        return True

    def _count_late(self, placed, group, label, entry, may_count):
        placed.is_exact = False
        placed.count("late", len(group.values), sure=not may_count)
        if may_count:
            starts = placed.definition.starts(group.time_ns) if placed.definition.on_grid else []
            placed.place(group, label, entry, starts, sure=False)
