#!/usr/bin/python3
"""Runs clang-tidy over our own sources, one process a core, and prints only what it found.

usage: tidy.py [--build BUILD_DIR] [--anew] [--without FOLDER] [FILE...]   (default build/tidy, and every .cc that it would build)

A file that was clean is skipped for as long as nothing that clang-tidy reads has changed: see scripts/tidy_cache.py.
--anew skips nothing. --without leaves out what lies in that folder of the checkout.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

from tidy_cache import CleanFiles

CLANG_TIDY = "clang-tidy-19"
SECONDS_A_FILE_MAX = 600


def commands_of(root, build):
    """The compiler's arguments for each of our sources."""
    commands = {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(command["directory"], command["file"]).resolve()
        if path.is_relative_to(root) and not path.is_relative_to(root / "build"):
            # A source that several targets compile is read by clang-tidy with each of their commands.
            commands.setdefault(path, []).append(shlex.split(command["command"]))
    return commands


def tidy(root, build, path):
    # What the compiler warns of is the compiler's to say: GCC's warnings are errors in every build.
    command = [CLANG_TIDY, "--quiet", "-p", str(build), "--extra-arg=-w", str(path)]
    # clang-tidy takes the filter of headers from the configuration above its working folder, not above the source.
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS_A_FILE_MAX)
    except subprocess.TimeoutExpired:
        return f"{path}: clang-tidy took more than {SECONDS_A_FILE_MAX} s\n"
    return "" if done.returncode == 0 else done.stdout + done.stderr


def tidy_if_changed(root, build, path, clean_files, commands):
    """What clang-tidy found, or None where the file was skipped."""
    if clean_files.knows(path, commands):
        return None
    inputs = clean_files.inputs_of(build, commands)
    found = tidy(root, build, path)
    if not found and inputs is not None:
        clean_files.remember(path, commands, inputs)
    return found


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/tidy")
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--without", metavar="FOLDER")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    commands = commands_of(root, build)
    paths = [path.resolve() for path in arguments.files] or sorted(commands)
    if arguments.without:
        paths = [path for path in paths if not path.is_relative_to(root / arguments.without)]
    unknown = [str(path) for path in paths if path not in commands]
    if unknown:
        sys.exit(f"tidy: {build} does not compile {', '.join(unknown)}")
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    clean_files = CleanFiles(root, version, anew=arguments.anew)
    begun = time.monotonic()
    failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        runs = [pool.submit(tidy_if_changed, root, build, path, clean_files, commands[path]) for path in paths]
        for number, run in enumerate(concurrent.futures.as_completed(runs), 1):
            if run.result() is None:
                skipped += 1
            elif run.result():
                failed += 1
                print(run.result(), end="", flush=True)
            if number % 20 == 0 and number > skipped:
                print(f"tidy: {number} of {len(paths)} files, {time.monotonic() - begun:.0f} s", flush=True)
    clean_files.forget_the_oldest()
    unchanged = f"{skipped} of them unchanged since they were last clean"
    if failed:
        sys.exit(f"tidy: {failed} of {len(paths)} files have findings, {unchanged}")
    print(f"tidy: {len(paths)} files clean, {unchanged}, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
