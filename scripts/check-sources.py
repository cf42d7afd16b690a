#!/usr/bin/python3
"""Finds files that nothing builds or runs, and includes that cross a room's border the wrong way.

usage: check-sources.py [BUILD_DIR]        (default build/tidy, configured by `make test`)

- Every .cc stands in the build's compile_commands.json.
- Every .h is reached by includes from such a .cc.
- Every .fbs of schemas/ is included by a reached file, as <schemas/NAME_generated.h>, or by such a .fbs.
- Every .py is collected by pytest (test_*.py, conftest.py), named in the Makefile, or imported by such a file.
- A room includes only the rooms that docs/architecture.md lets it.
"""

import json
import os
import pathlib
import re
import sys

# Longest prefix first: `uplink/sender/outbox_source.h` belongs to `uplink/sender`.
MAY_INCLUDE = {
    "uplink/sender": {"uplink/protocol", "schemas", "common"},
    "uplink/collector": {"uplink/protocol", "gpu_kernels", "schemas", "common"},
    "uplink/protocol": {"schemas", "common"},
    "edge": {"gpu_kernels", "recordings", "uplink/sender", "schemas", "common"},
    "firmware_sim": {"recordings", "schemas", "common"},
    "recordings": {"schemas", "common"},
    "gpu_kernels": set(),
    "schemas": {"common"},
    "common": set(),
}

NOT_OURS = {"build", "__pycache__"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
SCHEMA_INCLUDE = re.compile(r'^[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]+)", re.MULTILINE)


def room_of(path):
    return next((room for room in MAY_INCLUDE if path.startswith(room + "/")), None)


def files_of(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.startswith(".")]
        for name in names:
            yield str(pathlib.Path(folder, name).relative_to(root))


def reached_files(root, sources, includes):
    """Everything of ours that the sources include, directly or not; generated headers by the name of their .fbs."""
    reached, waiting = set(), list(sources)
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for name in includes.get(path, ()):
            if (root / name).is_file():
                waiting.append(name)
    return reached


def problems_of(root, build):
    files = sorted(files_of(root))
    commands = json.loads((build / "compile_commands.json").read_text())
    built = set()
    for command in commands:
        path = pathlib.Path(command["directory"], command["file"]).resolve()
        if path.is_relative_to(root):
            built.add(str(path.relative_to(root)))

    includes = {}
    for path in files:
        if path.endswith((".cc", ".h")):
            names = INCLUDE.findall((root / path).read_text())
            includes[path] = [re.sub(r"_generated\.h$", ".fbs", name) for name in names]
        elif path.endswith(".fbs"):
            folder = path.rpartition("/")[0]
            includes[path] = [f"{folder}/{name}" for name in SCHEMA_INCLUDE.findall((root / path).read_text())]

    reached = reached_files(root, (path for path in files if path in built), includes)
    for path in files:
        if path.endswith(".cc") and path not in built:
            yield f"{path}: no target builds it"
        elif path.endswith(".h") and path not in reached:
            yield f"{path}: nothing that is built includes it"
        elif path.endswith(".fbs") and room_of(path) == "schemas" and "/golden/" not in path and path not in reached:
            yield f"{path}: nothing that is built includes its generated header"

    yield from python_problems(root, [path for path in files if path.endswith(".py")])

    for path, names in includes.items():
        room = room_of(path)
        if room is None or not path.endswith((".cc", ".h")):
            continue
        for name in names:
            other = room_of(name)
            if other is not None and other != room and other not in MAY_INCLUDE[room]:
                yield f"{path}: includes {name}, but {room} may not use {other}"


def python_problems(root, files):
    makefile = (root / "Makefile").read_text()
    collected = re.compile(r"tests/system/(?:test_\w+|conftest)\.py")
    by_module = {pathlib.Path(path).stem: path for path in files}
    waiting = [path for path in files if path in makefile or collected.fullmatch(path)]
    used = set()
    while waiting:
        path = waiting.pop()
        if path in used:
            continue
        used.add(path)
        modules = (name.split(".")[0] for name in IMPORT.findall((root / path).read_text()))
        waiting.extend(by_module[module] for module in modules if module in by_module)
    for path in files:
        if path not in used:
            yield f"{path}: neither pytest (tests/system/test_*.py) nor the Makefile runs it, and nothing that runs imports it"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    build = root / (sys.argv[1] if len(sys.argv) > 1 else "build/tidy")
    found = list(problems_of(root, build))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        sys.exit(f"check-sources: {len(found)} problems")
    print("check-sources: every source and test file is built, includes keep to the rooms")


if __name__ == "__main__":
    main()
