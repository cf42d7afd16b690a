#!/usr/bin/python3
"""make demo: simulated machines, a real broker, a real edge and a real collector, and every number checked.

A fleet of twelve machines publishes vibration, speed and temperature, twenty motors publish thin JSON, on a line that
duplicates, drops and spoils messages; edge, collector and broker are killed once each. At the end the collector's windows are compared
with what the simulator wrote down. Ends with 1 if anything was lost, counted twice or differs.
"""

import json
import os
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("STETHOS_BINARIES", str(ROOT / "build/release/bin"))
sys.path.insert(0, str(ROOT / "tests/system"))

import rig as rigging  # noqa: E402  (the path is set above)
from ledger import reconcile  # noqa: E402

FOLDER = ROOT / "build/demo"
SCENARIOS = ROOT / "firmware_sim/scenarios"
SPEED = 12
WINDOW_NS = 30 * rigging.SECOND_NS
TOLERANCE = 1e-6

# A statistic of a channel that shows how a machine is, and how it is printed.
SHOWN = (("vibration", "rms", "rms g", "{:.3f}"), ("vibration", "crest", "crest", "{:.1f}"),
         ("vibration", "kurtosis", "kurtosis", "{:.1f}"), ("temperature", "mean", "degC", "{:.0f}"))


def say(text=""):
    print(text, flush=True)


class Progress:
    """One line that is rewritten on a terminal, a new line every few seconds elsewhere."""

    def __init__(self):
        self.begun = self.shown = time.monotonic()
        self.is_terminal = sys.stdout.isatty()

    def show(self, text, last=False):
        now = time.monotonic()
        if not last and now - self.shown < (0.5 if self.is_terminal else 5):
            return
        self.shown = now
        line = f"  {now - self.begun:4.0f} s  {text}"
        if self.is_terminal:
            print(f"\r{line:<118}", end="\n" if last else "", flush=True)
        else:
            say(line)


def table(rows):
    """Columns as wide as their widest cell; all but the first to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        say("  " + "  ".join(cells).rstrip())
        if number == 0:
            say("  " + "  ".join("-" * width for width in widths))


def fleet_time(sim):
    """What the simulator last said of its fleet time: "02:00 of 10:00"."""
    for line in reversed(sim.log_tail(5).splitlines()):
        if "fleet time " in line:
            return line.split("fleet time ")[1].split(",")[0]
    return "begins"


def watch(progress, sims, edge, collector, until, kills=()):
    """Shows how far things are until `until()`; kills each process once, in order: (name, process, when)."""
    kills = list(kills)
    while kills or not until():
        try:
            messages = edge.messages()
            progress.show(f"fleet time {fleet_time(sims[0])}   messages {messages:.0f}   "
                          f"windows {collector.metric('stethos_collector_windows'):.0f}   "
                          f"backlog {edge.metric('stethos_edge_outbox_rows'):.0f} rows")
        except rigging.RigError:
            continue
        if kills and kills[0][2](messages):
            name, process, _ = kills.pop(0)
            progress.show(f"killing the {name} with SIGKILL at {messages:.0f} messages", last=True)
            process.kill()
            process.start()
            progress.show(f"the {name} works again", last=True)
        time.sleep(0.2)


def average(windows, device, channel, statistic, from_ns, to_ns):
    values = [window.statistics.get(statistic) for window in windows
              if (window.device, window.channel) == (device, channel) and from_ns <= window.start_ns < to_ns]
    values = [value for value in values if value is not None]
    return sum(values) / len(values) if values else None


def change(windows, ledger, device, channel, statistic, form):
    """From the first fifth of the run to the last, or from the first window to the last where a fifth is less than a window."""
    times = [line["start_ns"] for line in ledger.lines if line["device"] == device]
    first, last = min(times), max(times)
    fifth = max((last - first) // 5, WINDOW_NS)
    # A window belongs to the part in which it starts; the first one may start before the run.
    before = average(windows, device, channel, statistic, first - WINDOW_NS, first + fifth - WINDOW_NS + 1)
    after = average(windows, device, channel, statistic, last - fifth, last + 1)
    return "" if before is None or after is None else f"{form.format(before)} -> {form.format(after)}"


def machine_rows(ledger, windows):
    for device, about in ledger.devices.items():
        report = reconcile(ledger, windows, WINDOW_NS, devices={device}, relative_max=TOLERANCE)
        counts = (report.published, report.counted, report.late, report.windows, report.lost, report.duplicated)
        yield report, [about["machine"], *map(str, counts), "yes" if not report.differing else "NO",
                       *(change(windows, ledger, device, *shown) for shown in ((c, s, f) for c, s, _, f in SHOWN)),
                       about["fault"].replace("_", " ") if about["fault"] != "none" else ""]


def show_machines(sims, windows):
    rows = [["machine", "published", "counted", "late", "windows", "lost", "duplicated", "agrees",
             *(name for _, _, name, _ in SHOWN), "fault"]]
    reports = []
    for sim in sims:
        for report, row in machine_rows(sim.ledger(), windows):
            reports.append(report)
            rows.append(row)
    say("\nPublished, counted, late, lost and duplicated are samples. \"agrees\": every statistic of every window, within 1e-6")
    say("of the ledger. The last columns compare the first fifth of the run with the last.\n")
    table(rows)
    for report in reports:
        for text in report.differing[:3]:
            say(f"  differs: {text}")
    return all(report.good for report in reports)


def run_fleet(rig):
    say("A fleet of twelve machines and twenty thin JSON devices, on a line that duplicates, drops and spoils messages.")
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, **{"points.file": ROOT / "demo/points.csv", "spool.commit_interval": "200ms"},
                    **{"time.watermark_delay": "3m", "time.idle_timeout": "3s"},
                    subscription=[rigging.STETHOS_SUBSCRIPTION,
                                  rigging.json_subscription("fleet", {"temperature": "temperature degC",
                                                                      "speed": "rotational_speed rpm"})],
                    window=[{"length": f"{WINDOW_NS // rigging.SECOND_NS}s"}])
    say(f"  broker {broker.port}, edge {edge.url}, collector {collector.url}; configurations and logs in "
        f"{os.path.relpath(FOLDER)}")
    line = ("--duplicate", 0.05, "--drop-sends", 0.03, "--flip", 0.02, "--truncate", 0.02, "--reorder", 0.05,
            "--resend-after", "500ms")
    sims = [rig.sim(broker, "--scenario", SCENARIOS / "demo.toml", "--speed", SPEED, "--complete-past", "1m", *line),
            rig.sim(broker, "--scenario", SCENARIOS / "thin_json.toml", "--speed", SPEED / 4, *line)]
    progress = Progress()
    # Thin devices rely on their broker, which forgets when it is killed: by then they have finished, and so many messages
    # that were sent later have come to the edge, in their order.
    thin, ended = sims[1], []

    def is_broker_free(messages):
        if not ended and thin.child.poll() is not None:
            ended.append(messages)
        return ended and (messages >= ended[0] + 30 or sims[0].child.poll() is not None)

    watch(progress, sims, edge, collector, lambda: all(sim.child.poll() is not None for sim in sims),
          (("edge", edge, lambda messages: messages >= 1000), ("collector", collector, lambda messages: messages >= 2000),
           ("broker", broker, is_broker_free)))
    for sim in sims:
        sim.finish()
    published = sum(sim.ledger().total("samples") for sim in sims)

    def drained():
        counted = sum(edge.metric("stethos_edge_samples_total", outcome=outcome) for outcome in ("good", "not_finite", "late"))
        return counted >= published and edge.metric("stethos_edge_outbox_rows") == 0

    watch(progress, sims, edge, collector, drained_within(drained, edge, collector))
    progress.show(f"fleet time {fleet_time(sims[0])}   messages {edge.messages():.0f}   "
                  f"windows {collector.metric('stethos_collector_windows'):.0f}   backlog 0 rows", last=True)
    say(f"  {edge.metric('stethos_edge_duplicate_messages_total'):.0f} messages came twice, "
        f"{edge.metric('stethos_edge_dead_letters_total'):.0f} were spoilt and set aside")
    windows = collector.windows()
    edge.terminate()
    collector.terminate()
    return show_machines(sims, windows), collector


def drained_within(drained, edge, collector, quiet_s=5, deadline_s=60):
    """True once drained, and once open windows have been sent too: no row has come for a while."""
    begun = time.monotonic()
    last = {"rows": -1.0, "at": begun}

    def done():
        now = time.monotonic()
        rows = collector.metric("stethos_collector_rows_total") if drained() else -1.0
        if rows != last["rows"] or rows < 0:
            last.update(rows=rows, at=now)
        return now - last["at"] > quiet_s or now - begun > deadline_s

    return done


def run_recordings(rig):
    """The CWRU recordings, one window over each file, beside statistics that somebody else computed."""
    golden = json.loads((rigging.DATA / "golden_features.json").read_text())
    files = sorted((rigging.DATA / "cwru").glob("*.f32"))
    say(f"\nRecordings of real bearings ({rigging.DATA}/cwru), one window over each file, beside its published statistics.\n")
    broker, collector = rig.broker(), rig.collector()
    edge = rig.edge(broker, collector, window=[{"length": "1m"}])
    recordings = [argument for path in files for argument in ("--recording", f"cwru:{path}")]
    sim = rig.sim(broker, *recordings, "--speed", 0, "--time", "original", "--start", "2026-01-01T00:00:00Z",
                  "--complete-past", "1m")
    report = rig.reconciled(sim.finish(), edge, collector)
    windows = {window.device: window for window in collector.windows()}
    edge.terminate()
    collector.terminate()

    names = [name for name in next(iter(windows.values())).statistics if name in next(iter(golden.values()))]
    rows = [["statistic", *(text for path in files for text in (path.stem, "published"))], ["samples"]]
    worst = dict.fromkeys((path.stem for path in files), 0.0)
    good = report.good and len(windows) == len(files)
    for path in files:
        window, expected = windows[path.stem], golden[f"cwru/{path.stem}"]
        rows[1] += [str(window.counts["good"]), str(expected["n"])]
        good = good and window.counts["good"] == expected["n"]
    pairs = [(name, lambda window, golden, name=name: (window[name], golden[name])) for name in names]
    pairs.append(("variance", lambda window, golden: (window["standard_deviation"]**2, golden["var_pop"])))
    for name, pair in pairs:
        row = [name]
        for path in files:
            ours, theirs = pair(windows[path.stem].statistics, golden[f"cwru/{path.stem}"])
            worst[path.stem] = max(worst[path.stem], abs(ours - theirs) / abs(theirs))
            row += [f"{ours:.8g}", f"{theirs:.8g}"]
        rows.append(row)
    rows.append(["worst difference", *(text for path in files for text in (f"{worst[path.stem]:.0e}", "relative"))])
    table(rows)
    return good and all(difference <= TOLERANCE for difference in worst.values())


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    rig = rigging.Rig(FOLDER)
    try:
        good, collector = run_fleet(rig)
        if (rigging.DATA / "cwru").is_dir():
            good = run_recordings(rig) and good
        else:
            say(f"\nNo recordings at {rigging.DATA} (set STETHOS_DATA to have them sent through as well).")
    except rigging.RigError as error:
        sys.exit(f"demo: {error}")
    finally:
        rig.close()

    program, store, config = (os.path.relpath(path) for path in
                              (rigging.BINARIES / "stethos-collector", collector.store, collector.config))
    say("\nWhere to look next:")
    say(f"  {program} query windows --store {store} --machine pump-5 --channel vibration --statistics rms,kurtosis")
    say(f"  {program} query streams --store {store}")
    say(f"  {program} run --config {config}   and then {collector.url}/v1/windows?machine=pump-5")
    say("  README.md, docs/architecture.md, docs/config/")
    if not good:
        sys.exit("\ndemo: FAILED: something was lost, counted twice, or differs")
    say("\ndemo: nothing lost, nothing counted twice, every number right")


if __name__ == "__main__":
    main()
