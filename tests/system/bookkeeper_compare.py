"""Holds what an edge and its collector show against what the book-keeper reckons. Everything that differs is a line of text."""

import collections
import math

from bookkeeper import OUTCOMES
from bookkeeper_config import SECOND_NS

RELATIVE_MAX = 1e-9
IN_WINDOWS = ("good", "not_finite", "out_of_range")
IN_NEWEST = ("late", "duplicate", "rejected")


def differences(books, records, outcomes, letters):
    """`records`: the windows as /v1/windows gives them; `outcomes`: samples by outcome, of the edge's metrics; `letters`: of each
    dead letter reason, topic, payload."""
    return [*_of_letters(books, letters), *_of_outcomes(books, outcomes), *_of_windows(books, records)]


def _shown(payload):
    text = payload.decode("utf-8", "backslashreplace") if isinstance(payload, bytes) else payload
    return text if len(text) <= 120 and text.isprintable() else repr(text[:60]) + f"... ({len(payload)} bytes)"


def _as_bytes(payload):
    return payload.encode() if isinstance(payload, str) else payload


def _of_letters(books, letters):
    expected, found = collections.defaultdict(list), collections.defaultdict(list)
    for each in books.letters:
        expected[each.topic, _as_bytes(each.payload)].append(each)
    for reason, topic, payload in letters:
        found[topic, _as_bytes(payload)].append(reason)
    for key in expected.keys() | found.keys():
        wanted = sorted(expected.get(key, []), key=lambda letter: not letter.sure)
        reasons, missing = list(found.get(key, [])), []
        for letter in wanted:
            reason = next((each for each in reasons if each in letter.reasons), None)
            if reason is not None:
                reasons.remove(reason)
            elif letter.sure:
                missing.append(letter)
        where = f"{key[0]} {_shown(key[1])}"
        for letter in missing:
            yield f"letter: missing, {' or '.join(letter.reasons)}: {where}"
        for reason in reasons:
            yield f"letter: one too many, {reason}: {where}"


def _outside(value, low, high):
    return not low <= value <= high


def _range(low, high):
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _of_outcomes(books, outcomes):
    redelivered = sum(stream.redelivered_max for stream in books.streams.values())
    totals, all_low, all_high = {}, 0, 0
    for outcome in OUTCOMES:
        low = sum(stream.outcomes[outcome][0] for stream in books.streams.values())
        high = sum(stream.outcomes[outcome][1] for stream in books.streams.values())
        high += redelivered if outcome == "duplicate" else 0
        totals[outcome] = (low, high)
        if _outside(outcomes.get(outcome, 0), low, high):
            yield f"samples: {outcomes.get(outcome, 0):g} {outcome}, must be {_range(low, high)}"
    all_low = sum(stream.samples_min for stream in books.streams.values())
    all_high = sum(stream.samples_max for stream in books.streams.values()) + redelivered
    if _outside(sum(outcomes.values()), all_low, all_high):
        yield f"samples: {sum(outcomes.values()):g} in all, were published {_range(all_low, all_high)}"


def _definitions_by_id(records, definitions):
    """Which of the definitions each id in the records stands for: the one whose windows are as long as the longest of its records, or,
    where all of these are cut, the shortest other one that each of them lies in a single window of. None: there is none."""
    of_id = collections.defaultdict(list)
    for record in records:
        of_id[record["definition"], record["kind"]].append(record)
    by_id = {}
    for (name, kind), own in of_id.items():
        longest = max(record["length_ns"] for record in own)
        by_id[name] = next((each for each in definitions
                            if each.kind == kind and (not each.on_grid or each.length_ns == longest)), None)
    for (name, kind), own in of_id.items():
        if by_id[name] is None:
            by_id[name] = min((each for each in definitions - set(by_id.values())
                               if each.kind == kind and all(_lies_in_one_window(each, record) for record in own)),
                              key=lambda each: each.length_ns, default=None)
    return by_id


def _lies_in_one_window(definition, record):
    end_ns = record["start_ns"] + record["length_ns"]
    return any(end_ns <= start_ns + definition.length_ns for start_ns in definition.starts(record["start_ns"]))


def _by_definition(books, records):
    """(device, channel, definition) -> records."""
    by_id = _definitions_by_id(records, {definition for stream in books.streams.values() for definition in stream.placed})
    found = collections.defaultdict(list)
    for record in records:
        found[record["device"], record["channel"], by_id[record["definition"]]].append(record)
    return found


def _of_windows(books, records):
    served = _by_definition(books, records)
    expected = {(*key, definition): (stream, placed) for key, stream in books.streams.items()
                for definition, placed in stream.placed.items()}
    for key in sorted(served.keys() | expected.keys(), key=str):
        where = f"{key[0]}/{key[1]} {key[2].name() if key[2] else 'of no definition in force'}"
        if key not in expected:
            for record in served[key]:
                yield f"{where}: window at {_at(record['start_ns'])} of what was never published: {_told(record)}"
            continue
        stream, placed = expected[key]
        yield from (f"{where}: {text}" for text in _of_stream(stream, placed, served.get(key, [])))


def _at(time_ns):
    return f"{time_ns % (86_400 * SECOND_NS) / SECOND_NS:.3f}"


def _told(record):
    counts = {name: value for name, value in record["counts"].items() if value and name != "expected"}
    return f"{counts} in {record['unit']}"


def _of_stream(stream, placed, records):
    definition = placed.definition
    overlap = definition.length_ns // definition.hop_ns if definition.kind == "hopping" else 1
    for outcome in IN_NEWEST:
        low, high = placed.counts.get(outcome, (0, 0))
        high += stream.redelivered_max if outcome == "duplicate" else 0
        high *= overlap  # the newest samples of a stream are in several windows, and so may be what is counted with them
        value = sum(record["counts"][outcome] for record in records)
        if _outside(value, low, high):
            yield f"{value} {outcome}, must be {_range(low, high)}"
    for record in records:
        if record["counts"]["received"] != sum(record["counts"][name] for name in OUTCOMES):
            yield f"window at {_at(record['start_ns'])} does not balance: {_told(record)}"
    if not definition.on_grid and not placed.is_exact or any(each.time_ns is None for each in placed.taken):
        whole = placed.total()
        good = sum(record["counts"]["good"] for record in records)
        low, high = len(whole.good) * overlap, (len(whole.good) + len(whole.maybe)) * overlap
        if _outside(good, low, high):
            yield f"{good} good in all windows, must be {_range(low, high)}"
        return
    rest = [record for record in records if not _is_open_question(placed, record["start_ns"])]
    for piece, starts in _pieces(placed):
        fitting = [record for record in rest
                   if starts[0] <= record["start_ns"] < starts[1] and record["unit"] == piece.label.unit]
        if not fitting and not piece.good and piece.maybe:
            continue
        if not fitting:
            yield f"window at {_at(starts[0])} in {piece.label.unit} is missing: {piece.samples} samples"
            continue
        for record in fitting:
            rest.remove(record)
        if len(fitting) > 1:
            yield f"window at {_at(starts[0])} in {piece.label.unit} is there {len(fitting)} times"
        yield from _of_window(piece, fitting[0])
    for record in rest:
        # A window of nothing but late, duplicate or rejected samples would be one that nobody asked for.
        yield f"window at {_at(record['start_ns'])} should not be there: {_told(record)}"


def _is_open_question(placed, start_ns):
    """Overlapping windows that are cut would begin at the same moment: what becomes of them is said nowhere."""
    definition = placed.definition
    return definition.kind == "hopping" and any(len(placed.pieces.get(start, ())) > 1 or placed.pieces[start][0].is_cut
                                                or placed.pieces[start][0].follows_change
                                                for start in definition.starts(start_ns) if start in placed.pieces)


def _pieces(placed):
    """(piece, where its start may lie: from, to)."""
    definition = placed.definition
    if definition.kind == "count":
        found, start = [], 0
        for piece in placed.count_windows():
            start = max(piece.start_ns, start + 1)  # where stamps repeat or go back, a start is moved by nanoseconds
            found.append((piece, (start, start + 1)))
        return found
    if definition.kind == "session":
        return [(piece, (piece.start_ns, piece.start_ns + 1)) for piece in placed.sessions()]
    found = []
    for start, begun in placed.pieces.items():
        if _is_open_question(placed, start):
            continue
        taken = set()
        for piece in begun:
            # After a change of the unit the new window may begin anywhere behind the start of the old one, if there is one.
            later = piece.start_ns in taken
            last = piece.first_ns if later or piece.follows_change else piece.start_ns
            found.append((piece, (piece.start_ns + 1 if later else piece.start_ns, last + 1)))
            taken.add(piece.start_ns)
    return sorted(found, key=lambda each: each[1])


def _of_window(piece, record):
    where = f"window at {_at(record['start_ns'])} in {record['unit']}"
    counts, moments = record["counts"], record["moments"]
    for outcome, low, high in (("good", len(piece.good), len(piece.good) + len(piece.maybe)),
                               ("not_finite", piece.not_finite, piece.not_finite),
                               ("out_of_range", piece.out_of_range, piece.out_of_range)):
        if _outside(counts[outcome], low, high):
            yield f"{where}: {counts[outcome]} {outcome}, must be {_range(low, high)}"
    if moments["count"] != counts["good"]:
        yield f"{where}: {counts['good']} good, but {moments['count']} in the moments"
    if piece.machines - {None} and record["machine"] not in piece.machines:
        yield f"{where}: machine {record['machine']}, must be of {sorted(map(str, piece.machines))}"
    if not piece.good or piece.maybe or counts["good"] != len(piece.good):
        return
    for name, value, wanted in (("sum", moments["mean"] * moments["count"], math.fsum(piece.good)),
                                ("min", moments["min"], min(piece.good)), ("max", moments["max"], max(piece.good))):
        if abs(value - wanted) > RELATIVE_MAX * max(1.0, math.fsum(map(abs, piece.good))):
            yield f"{where}: {name} {value!r}, must be {wanted!r}"
