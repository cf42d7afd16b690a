"""The checks of the house itself can fail."""

import json
import os
import shutil
import subprocess

import pytest

from rig import ROOT


@pytest.fixture
def tree(tmp_path):
    """A small project that check-sources accepts."""
    root = tmp_path / "project"
    for folder in ("scripts", "common", "edge", "gpu_kernels", "schemas", "tests/system", "build/tidy"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/check-sources.py", root / "scripts")
    (root / "Makefile").write_text("check:\n\tscripts/check-sources.py\n")
    (root / "common/clock.h").write_text("")
    (root / "schemas/rows.fbs").write_text("")
    (root / "edge/core.cc").write_text('#include "common/clock.h"\n#include "schemas/rows_generated.h"\n')
    (root / "tests/system/test_it.py").write_text("import helper\n")
    (root / "tests/system/helper.py").write_text("")
    (root / "build/tidy/compile_commands.json").write_text(
        json.dumps([{"directory": str(root / "build/tidy"), "file": str(root / "edge/core.cc"), "command": ""}]))
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


@pytest.fixture
def tidied(tmp_path, monkeypatch):
    """A project of one clean source, and a cache of its own for clang-tidy."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    (root / "scripts").mkdir(parents=True)
    for script in ("tidy.py", "tidy_cache.py"):
        shutil.copy(ROOT / "scripts" / script, root / "scripts")
    (root / ".clang-tidy").write_text("Checks: '-*,modernize-use-nullptr'\nWarningsAsErrors: '*'\nHeaderFilterRegex: '.*'\n")
    (root / "one.h").write_text("inline int* none() { return nullptr; }\n")
    (root / "one.cc").write_text('#include "one.h"\nint main() { return none() == nullptr ? FINE : 1; }\n')
    compiled_as(root, "-DFINE=0")
    return root


def compiled_as(root, *flags):
    build = root / "build/tidy"
    build.mkdir(parents=True, exist_ok=True)
    (build / "compile_commands.json").write_text(json.dumps([{
        "directory": str(build), "file": str(root / "one.cc"),
        "command": " ".join(["/usr/bin/c++", f"-I{root}", *flags, "-o", "one.o", "-c", str(root / "one.cc")])}]))


def tidy(root):
    done = subprocess.run([root / "scripts/tidy.py"], cwd="/", capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_tidy_skips_what_was_clean_in_this_clone_and_in_another(tidied, tmp_path):
    assert "1 files clean, 0 of them unchanged" in tidy(tidied)[1]
    assert "1 files clean, 1 of them unchanged" in tidy(tidied)[1]
    clone = tmp_path / "elsewhere" / "clone"
    shutil.copytree(tidied, clone)
    compiled_as(clone, "-DFINE=0")
    assert "1 files clean, 1 of them unchanged" in tidy(clone)[1]


def test_tidy_reads_again_what_changed(tidied):
    assert tidy(tidied)[0] == 0
    compiled_as(tidied, "-DFINE=2")
    assert "0 of them unchanged" in tidy(tidied)[1]
    with (tidied / ".clang-tidy").open("a") as file:
        file.write("# another configuration\n")
    assert "0 of them unchanged" in tidy(tidied)[1]
    (tidied / "one.h").write_text("inline int* none() { return 0; }\n")
    for _ in range(2):  # a finding is never remembered
        code, output = tidy(tidied)
        assert code == 1 and "modernize-use-nullptr" in output and "0 of them unchanged" in output


@pytest.mark.parametrize("installed, missing", [("first", None), ("second", None), ("another", "first")])
def test_any_of_several_packages_will_do(tmp_path, installed, missing):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/install-dependencies.sh", tmp_path / "scripts")
    (tmp_path / "scripts/debian-packages.txt").write_text("first | second  # either\n")
    for program, does in {"dpkg-query": f"echo 'ii |{installed}'", "id": "echo 1000", "sudo": "exit 1"}.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    done = subprocess.run([tmp_path / "scripts/install-dependencies.sh"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == (1 if missing else 0)
    assert f"missing: {missing}\n" in done.stderr if missing else done.stderr == ""
