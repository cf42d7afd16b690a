"""What every system test is given: a rig of its own, the recordings, and a place to say what was counted."""

import os

import pytest

import rig as rig_module
from audit import Audit

COUNTED = "counted against the ledger"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().when == "call":
        item.failed_in_call = outcome.get_result().failed


@pytest.fixture
def rig(tmp_path, request):
    """Processes that end with the test. When it fails, the ends of their logs are shown."""
    made = rig_module.Rig(tmp_path)
    yield made
    made.close()
    if getattr(request.node, "failed_in_call", False):
        for process in made.processes:
            print(f"--- {process.log.name}\n{process.log_tail()}")


@pytest.fixture
def tell(request, rig):
    """tell(report, ledger): one line in the summary; fails unless every sample is counted once and every number right."""
    def check(report, ledger):
        acknowledged = sum(totals["acknowledged"] for totals in ledger.totals.values())
        chance = [f"seed {rig.seed}"] if rig.seed is not None else []
        kills = [f"kills {rig.kills}, worst recovery {rig.recovery_s:.2f} s"] if rig.kills else []
        line = f"{request.node.name}: " + ", ".join([*chance, *kills, f"acknowledged {acknowledged}", report.text()])
        request.node.user_properties.append((COUNTED, line))  # these reach the summary from every worker
        assert report.good, report.text()
        return report

    return check


def pytest_terminal_summary(terminalreporter):
    ended = [report for reports in terminalreporter.stats.values() for report in reports if getattr(report, "when", "") == "call"]
    lines = [text for report in ended for name, text in report.user_properties if name == COUNTED]
    if lines:
        terminalreporter.section(f"{COUNTED}: messages acknowledged and published, samples for the rest")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def audit(rig):
    """audit(settings, entries): an edge with its broker and its collector, and the book-keeper beside them."""
    made = []

    def begin(*arguments):
        made.append(Audit(rig, *arguments))
        return made[-1]

    yield begin
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def recordings():
    """The folder of recorded data, or a skip; where STETHOS_DATA_REQUIRED is set, its absence is a failure."""
    if not rig_module.DATA.is_dir():
        message = f"no recordings at {rig_module.DATA} (set STETHOS_DATA)"
        if os.environ.get("STETHOS_DATA_REQUIRED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return rig_module.DATA
