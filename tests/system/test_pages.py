"""Pages that are written by hand: they list each metric and each exit code that there is, their links lead somewhere, and the
lines for mosquitto do what the page says."""

import pathlib
import re
import subprocess
import time

from messages import Publisher
from rig import BINARIES, ROOT, http, json_subscription, metrics_of, wait_for

OPEN_ENDED = {"le", "status", "store", "subscription"}  # labels whose values no page can list


def rows_of(page, first_cell):
    """[cells] of the tables of a page, of the lines whose first cell matches as a whole; the match's first group stands there."""
    rows = []
    for line in (ROOT / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else [""]
        if match := re.fullmatch(first_cell, cells[0]):
            rows.append([match[1], *cells[1:]])
    return rows


def served(url):
    """{name: (type, {label: values})}"""
    status, body = http(url + "/metrics")
    assert status == 200
    text = body.decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    found = {name: (kind, {}) for name, kind in types.items()}
    for name, labels, _ in metrics_of(text):
        for label, value in labels.items():
            found[name][1].setdefault(label, set()).add(value)
    return found


def test_the_page_of_metrics_has_each_that_is_served(rig):
    page = "docs/metrics.md"
    listed = {name: cells for name, *cells in rows_of(page, r"`(stethos_\w+)`") if len(cells) == 3}
    assert len(listed) > 100
    words = set(re.findall(r"`(\w+)`", (ROOT / page).read_text()))
    broker, collector = rig.broker(), rig.collector()
    # With all that has metrics of its own.
    edge = rig.edge(broker, collector, subscription=[json_subscription("fleet", {"temperature": "temperature degC"})],
                    **{"record.folder": rig.folder / "recording"})
    wait_for(lambda: collector.metric("stethos_collector_batches_total"), "a batch")
    found = served(edge.url) | served(collector.url)
    for name, (kind, labels) in found.items():
        assert name in listed, f"{page} does not have {name}"
        of_page, labels_of_page, _ = listed[name]
        assert (of_page, set(re.findall(r"`(\w+)`", labels_of_page))) == (kind, set(labels)), name
        for label in set(labels) - OPEN_ENDED:
            assert labels[label] <= words, f"{page} does not say what {name} has for values of {label}"
    for name in set(listed) - set(found):
        assert "absent" in listed[name][2], f"{page} has {name}, which nothing serves"


def test_the_tables_of_exit_codes_are_complete():
    for source, codes_end, page in (("edge/run.h", "};", "docs/operations.md"),
                                    ("uplink/collector/main.cc", "};", "docs/api.md")):
        text = (ROOT / source).read_text()
        declared = text[re.search(r"enum (?:class )?Exit\w* : int \{", text).end():].split(codes_end)[0]
        codes = {int(code) for code in re.findall(r"= (\d+)", declared)}
        assert 0 in codes and len(codes) > 5
        assert {int(code) for code, *_ in rows_of(page, r"(\d+)")} == codes, f"{page} and {source}"


def anchors_of(text):
    """Those that GitHub makes of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "schemas/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    checked = 0
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.relative_to(ROOT)}: {link}"
            assert not anchor or anchor in anchors_of(target.read_text()), f"{page.relative_to(ROOT)}: {link}"
            checked += 1
    assert checked > 100


def test_the_configurations_of_the_readme_are_good(tmp_path):
    """Each on its own, but for the part about spectra, which is to be put behind the first."""
    blocks = re.findall(r"^```toml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    edge, collector, spectra = blocks
    for program, text in (("stethos-edge", edge), ("stethos-collector", collector), ("stethos-edge", edge + spectra)):
        config = tmp_path / "config.toml"
        config.write_text(text)
        checked = subprocess.run([BINARIES / program, "check", "--config", config], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_broker_with_the_lines_of_the_page_keeps_more_than_it_does_by_itself(rig):
    lines = re.search(r"^```\n(.*?max_queued_messages.*?)^```", (ROOT / "docs/operations.md").read_text(), re.MULTILINE | re.DOTALL)
    broker = rig.broker()
    config = pathlib.Path(broker.command[-1])
    others = [line for line in config.read_text().splitlines() if not line.startswith(("max_queued", "autosave"))]
    config.write_text("\n".join([*others, lines[1]]))
    broker.terminate()
    broker.start()
    edge = rig.edge(broker, subscription=[json_subscription("fleet", {"temperature": "temperature degC"},
                                                            acknowledge="on_arrival")])
    assert edge.terminate() == 0
    count = 1_500  # mosquitto keeps 1000 unless told otherwise
    start_ms = time.time_ns() // 1_000_000 - count
    publisher = Publisher(broker.port)
    for i in range(count):
        publisher.publish("fleet/pump/telemetry", f'{{"device":"pump","seq":{i},"ts":{start_ms + i},"temperature":{i}}}')
    publisher.close()
    edge.start()
    wait_for(lambda: edge.stored() == count, lambda: f"{count} readings, of which {edge.stored()} came")
