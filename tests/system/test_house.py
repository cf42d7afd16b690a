"""The checks of the house itself can fail."""

import json
import shutil
import subprocess

import pytest

from rig import ROOT


@pytest.fixture
def tree(tmp_path):
    """A small project that check-sources accepts."""
    root = tmp_path / "project"
    for folder in ("scripts", "common", "edge", "gpu_kernels", "schemas", "tests/system", "build/dev"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/check-sources.py", root / "scripts")
    (root / "Makefile").write_text("check:\n\tscripts/check-sources.py\n")
    (root / "common/clock.h").write_text("")
    (root / "schemas/rows.fbs").write_text("")
    (root / "edge/core.cc").write_text('#include "common/clock.h"\n#include "schemas/rows_generated.h"\n')
    (root / "tests/system/test_it.py").write_text("import helper\n")
    (root / "tests/system/helper.py").write_text("")
    (root / "build/dev/compile_commands.json").write_text(
        json.dumps([{"directory": str(root / "build/dev"), "file": str(root / "edge/core.cc"), "command": ""}]))
    return root


def check(root):
    done = subprocess.run([root / "scripts/check-sources.py"], capture_output=True, text=True)
    return done.returncode, done.stderr


def test_sources_that_are_built_pass(tree):
    assert check(tree) == (0, "")


@pytest.mark.parametrize("path, text", [
    ("edge/forgotten.cc", ""),
    ("edge/forgotten.h", ""),
    ("edge/forgotten_test.cc", '#include "common/clock.h"\n'),
    ("schemas/forgotten.fbs", ""),
    ("tests/system/forgotten_test.py", ""),
    ("tests/test_in_the_wrong_folder.py", ""),
])
def test_a_file_that_nothing_builds_is_named(tree, path, text):
    (tree / path).write_text(text)
    code, output = check(tree)
    assert code == 1 and path in output and "1 problems" in output


@pytest.mark.parametrize("path, include", [
    ("gpu_kernels/a.h", "common/clock.h"),
    ("common/clock.h", "edge/b.h"),
    ("common/clock.h", "schemas/envelope.h"),
    ("edge/core.cc", "uplink/collector/store.h"),
    ("edge/core.cc", "firmware_sim/device.h"),
])
def test_an_include_against_the_arrows_is_named(tree, path, include):
    with (tree / path).open("a") as file:
        file.write(f'#include "{include}"\n')
    code, output = check(tree)
    assert code == 1 and f"{path}: includes {include}" in output


def test_nothing_is_missing_where_the_tests_run():
    done = subprocess.run([ROOT / "scripts/install-dependencies.sh"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
