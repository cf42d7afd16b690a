"""What the windows of one stream and one definition must hold, kept by the book-keeper.

Windows on the grid (tumbling, hopping) are kept as pieces: the samples of one window that were taken in one unit, and on one side
of a `valid_from`. What sessions and count windows hold is worked out at the end, from everything they took.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Label:
    """What a window says of its stream. A window holds samples of one label only."""
    quantity: str
    unit: str


@dataclasses.dataclass
class Piece:
    """Of a window: every sample that must be in it, and those that may be, where the rules leave one open."""
    label: Label
    start_ns: int           # of the window on the grid, or the `valid_from` that cuts it
    first_ns: int           # of its samples
    is_cut: bool = False    # it begins at a `valid_from`
    follows_change: bool = False  # the unit changed in its window before the first of its samples, or with it
    machines: set = dataclasses.field(default_factory=set)
    good: list = dataclasses.field(default_factory=list)
    maybe: list = dataclasses.field(default_factory=list)
    not_finite: int = 0
    out_of_range: int = 0

    def add(self, values, entry, sure=True):
        for value in values:
            if not math.isfinite(value):
                self.not_finite += 1
            elif not is_plausible(value, entry):
                self.out_of_range += 1
            else:
                (self.good if sure else self.maybe).append(value)

    @property
    def samples(self):
        return len(self.good) + len(self.maybe) + self.not_finite + self.out_of_range


def is_plausible(value, entry):
    return -1e70 <= value <= 1e70 and (entry is None or entry.range_min <= value <= entry.range_max)


def outcome_of(value, entry):
    if not math.isfinite(value):
        return "not_finite"
    return "good" if is_plausible(value, entry) else "out_of_range"


@dataclasses.dataclass
class Taken:
    """A reading or block that a session or count window took, in the order of arrival."""
    time_ns: int | None
    values: list
    label: Label
    entry: object
    valid_from_ns: int | None
    sure: bool


class Placed:
    """One stream under one definition, while the definition is in force."""

    def __init__(self, definition):
        self.definition = definition
        self.pieces = {}    # window's start on the grid -> its pieces, in the order in which they were begun
        self.taken = []     # of sessions and count windows; on the grid: what came at a time that only the edge knows
        self.counts = {}    # outcome -> [at least, at most], of those that are in no window of their own
        self.waiting = {}   # outcome -> samples that the row of the next window counts
        self.comes_back = False  # it was not in force, and has taken nothing since
        self.is_exact = True  # whether the contents of sessions and count windows are known, and not their sums alone

    @property
    def has_windows(self):
        return bool(self.pieces or self.taken) and not self.comes_back

    def count(self, outcome, samples, sure=True):
        """Late, duplicate and rejected samples stand in the row of the stream's newest window, or in that of its next."""
        low_high = self.counts.setdefault(outcome, [0, 0])
        low_high[1] += samples
        if sure and self.has_windows:
            low_high[0] += samples
        elif sure:
            self.waiting[outcome] = self.waiting.get(outcome, 0) + samples

    def place(self, group, label, entry, starts, sure, changed_ns=None):
        """`starts`: of the windows on the grid that take it. `changed_ns`: since when the stream has been in this unit."""
        if sure:
            self.comes_back = False
            for outcome, samples in self.waiting.items():
                self.counts[outcome][0] += samples
            self.waiting = {}
        valid_from_ns = entry.valid_from_ns if entry else None
        if not self.definition.on_grid or group.time_ns is None:
            # Where a `valid_from` cuts what has no grid is said nowhere.
            self.is_exact = self.is_exact and all(each.valid_from_ns == valid_from_ns for each in self.taken[-1:])
            self.taken.append(Taken(group.time_ns, group.values, label, entry, valid_from_ns, sure))
            return
        for start in starts:
            is_cut = valid_from_ns is not None and valid_from_ns > start
            begun = self.pieces.setdefault(start, [])
            piece = next((each for each in begun if each.label == label and (not is_cut or each.start_ns == valid_from_ns)
                          and each.is_cut == is_cut), None)
            if piece is None:
                piece = Piece(label, valid_from_ns if is_cut else start, group.time_ns, is_cut,
                              follows_change=changed_ns is not None and changed_ns >= start)
                begun.append(piece)
            piece.machines.add(entry.machine if entry else None)
            piece.add(group.values, entry, sure)

    def sessions(self):
        """Pieces: from a reading to the next pause of the definition's gap. Samples of another label begin another session."""
        found, last = [], {}
        for each in sorted(self.taken, key=lambda taken: taken.time_ns):
            piece, at_ns = last.get(each.label, (None, 0))
            if piece is None or each.time_ns - at_ns >= self.definition.gap_ns:
                piece = Piece(each.label, each.time_ns, each.time_ns)
                found.append(piece)
            last[each.label] = (piece, each.time_ns)
            piece.add(each.values, each.entry, each.sure)
        return found

    def count_windows(self):
        """Pieces: so many samples in the order of arrival, a block never being divided."""
        found, filled = [], None
        for each in self.taken:
            if filled is None or filled.label != each.label or filled.samples >= self.definition.samples:
                filled = Piece(each.label, each.time_ns, each.time_ns)
                found.append(filled)
            filled.add(each.values, each.entry, each.sure)
        return found

    def total(self):
        """One piece that holds all that sessions and count windows hold."""
        whole = Piece(None, 0, 0)
        for each in self.taken:
            whole.add(each.values, each.entry, each.sure)
        return whole

    def holds_session(self, time_ns, settled_ns):
        """Whether a session takes a reading of this time: one of its own that is not settled, or one that is not and holds it."""
        gap = self.definition.gap_ns
        if time_ns + gap > settled_ns:
            return True
        times = sorted(each.time_ns for each in self.taken)
        ends = []  # of each session: first, last
        for each in times:
            if ends and each - ends[-1][1] < gap:
                ends[-1][1] = each
            else:
                ends.append([each, each])
        return any(first <= time_ns < last + gap and last + gap > settled_ns for first, last in ends)
