#!/usr/bin/python3
"""Runs clang-tidy over our own sources, one process a core, and prints only what it found.

usage: tidy.py [--build BUILD_DIR] [FILE...]        (default build/dev, and every .cc that it builds)
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

CLANG_TIDY = "clang-tidy-19"
SECONDS_A_FILE_MAX = 600


def sources_of(root, build):
    paths = set()
    for command in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(command["directory"], command["file"]).resolve()
        if path.is_relative_to(root) and not path.is_relative_to(root / "build"):
            paths.add(path)
    return sorted(paths)


def tidy(build, path):
    # What the compiler warns of is the compiler's to say: GCC's warnings are errors in every build.
    command = [CLANG_TIDY, "--quiet", "-p", str(build), "--extra-arg=-w", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_A_FILE_MAX)
    except subprocess.TimeoutExpired:
        return f"{path}: clang-tidy took more than {SECONDS_A_FILE_MAX} s\n"
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/dev")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    paths = [path.resolve() for path in arguments.files] or sources_of(root, build)
    begun = time.monotonic()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        runs = {pool.submit(tidy, build, path): path for path in paths}
        for number, run in enumerate(concurrent.futures.as_completed(runs), 1):
            if run.result():
                failed += 1
                print(run.result(), end="", flush=True)
            if number % 20 == 0:
                print(f"tidy: {number} of {len(paths)} files, {time.monotonic() - begun:.0f} s", flush=True)
    if failed:
        sys.exit(f"tidy: {failed} of {len(paths)} files have findings")
    print(f"tidy: {len(paths)} files clean, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
