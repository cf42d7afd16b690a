"""Which sources clang-tidy found clean, by content.

An entry is named after the hash of what is known without reading a header: the source's name and content, the compiler's
arguments, .clang-tidy, clang-tidy's version and these scripts. It holds the list of files that the compiler read for it, and the
hash of all their contents; the source is clean as long as that hash is what it was. Every path below the checkout is written
relative to it, so that all clones share the entries. Only clean runs are remembered: a finding is printed each time.

Entries lie in $XDG_CACHE_HOME/stethos-tidy (~/.cache/stethos-tidy); those used longest ago are removed beyond ENTRIES_MAX.
Methods may be called by several threads, and by several processes at once.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

ENTRIES_MAX = 4096  # of about 40 KB each
VERSIONS_A_SOURCE_MAX = 4  # of headers, below one source that has not changed
SECONDS_FOR_INPUTS_MAX = 60


class CleanFiles:
    def __init__(self, root, version, *, anew):
        self._root = root
        self._anew = anew
        self._begun_ns = time.time_ns()
        self._folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "stethos-tidy")
        self._hashes = {}
        self._hashes_lock = threading.Lock()
        how = hashlib.sha256(version.encode())
        for path in (root / ".clang-tidy", *sorted((root / "scripts").glob("tidy*.py"))):
            how.update(path.read_bytes())
        self._how = how.hexdigest()

    def knows(self, path, commands):
        if self._anew:
            return False
        entry = self._entry(path, commands)
        for version in self._read(entry):
            if self._hash_of(version["inputs"]) == version["hash"]:
                os.utime(entry)
                return True
        return False

    def inputs_of(self, build, commands):
        """The files that the compiler reads, and the hash of their contents; None where the compiler cannot tell.

        The compiler is GCC: what clang-tidy reads of clang's own headers changes with its version only.
        """
        names = set()
        for command in commands:
            only_names = [*_without_outputs(command), "-M", "-w"]
            done = subprocess.run(only_names, cwd=build, capture_output=True, text=True, timeout=SECONDS_FOR_INPUTS_MAX)
            if done.returncode != 0:
                return None
            words = done.stdout.replace("\\\n", " ").partition(":")[2].split()
            names.update(self._relative(pathlib.Path(build, word).resolve()) for word in words)
        inputs = sorted(names)
        total = self._hash_of(inputs)
        return {"inputs": inputs, "hash": total} if total else None

    def remember(self, path, commands, inputs):
        if any((self._root / name).stat().st_mtime_ns >= self._begun_ns for name in inputs["inputs"]):
            return  # changed while clang-tidy ran: what it read may be something else
        entry = self._entry(path, commands)
        versions = [inputs] + [version for version in self._read(entry) if version != inputs]
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".new", delete=False) as file:
            json.dump(versions[:VERSIONS_A_SOURCE_MAX], file)
        os.replace(file.name, entry)

    def forget_the_oldest(self):
        used = []
        for entry in self._folder.glob("*"):
            try:
                used.append((entry.stat().st_mtime, entry))
            except FileNotFoundError:  # another process was faster
                continue
        for _, entry in sorted(used, reverse=True)[ENTRIES_MAX:]:
            entry.unlink(missing_ok=True)

    def _entry(self, path, commands):
        key = hashlib.sha256(self._how.encode())
        relative = [[argument.replace(str(self._root), ".") for argument in command] for command in commands]
        key.update(json.dumps([self._relative(path), relative, self._hash_of_file(path)]).encode())
        return self._folder / f"{key.hexdigest()}.json"

    def _read(self, entry):
        try:
            return json.loads(entry.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return []

    def _relative(self, path):
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)

    def _hash_of(self, inputs):
        """None where one of them is not there."""
        total = hashlib.sha256()
        for name in inputs:
            one = self._hash_of_file(self._root / name)
            if one is None:
                return None
            total.update(f"{name} {one}\n".encode())
        return total.hexdigest()

    def _hash_of_file(self, path):
        with self._hashes_lock:
            if path in self._hashes:
                return self._hashes[path]
        try:
            one = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            one = None
        with self._hashes_lock:
            return self._hashes.setdefault(path, one)


def _without_outputs(command):
    kept, skip = [], False
    for argument in command:
        if skip:
            skip = False
        elif argument in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif argument not in ("-c", "-MD", "-MMD"):
            kept.append(argument)
    return kept
