#!/usr/bin/env python3
"""The statistics of blocks beside what else one would take: the same array, one core each, in one run. Asserts nothing.

The peers are installed into a folder that is thrown away; without a network ours stands alone. Ours is compared with the
reference backend, which computes in float64 what the definitions say. Every set has the moments, the others' have not: what is
left beside them is told too.

Limits: what this core reads from memory in a plain loop, and the float64 additions and multiply-adds that it does in a loop of
independent ones (one of each is two operations; of float32, twice as many). How many operations a sample takes is counted in the
sources: two passes for the moments; 2.5 n log2 n for a real transform and twice that for a complex one, and what lies between.
"""

import array
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ.get("STETHOS_BINARIES", HERE.parent.parent / "build/release/bin")) / "kernels_rows"
BLOCKS, COMPARED, LENGTH = 20_000, 200, 2_560
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS",
         "RAYON_NUM_THREADS")
LOG = math.log2(LENGTH)
MOMENTS = 14  # float64: 2 for the four of float32 in the first pass, 12 in the second, conversions and half a root among them
# name: columns, operations of float64 a sample
SETS = {
    "time": (8, MOMENTS),
    "quantiles": (3, MOMENTS + 4),  # and an increment, which no vector does
    "spectrum": (6, MOMENTS + (2.5 * LOG + 25) / 2),
    "envelope": (4, MOMENTS + (10 * LOG + 15) / 2),
    "sliding 256": (8, MOMENTS + 2),
    "sliding 25": (8, MOMENTS + 2 + 5 * 40 / 25),
}


def call(*args):
    return subprocess.run([str(each) for each in (BINARY, *args)], check=True, capture_output=True, text=True).stdout


def rows(path, columns):
    values = array.array("d", path.read_bytes())
    return [values[at:at + columns] for at in range(0, len(values), columns)]


def largest_error(name, ours, exact):
    """Relative; of means and skewness to the spread, of lines to a thousandth of the largest at least."""
    worst = 0.0
    largest = [max(abs(row[c]) for row in exact) for c in range(len(exact[0]))]
    for mine, right in zip(ours, exact, strict=True):
        for c, value in enumerate(right):
            scale = abs(value)
            if len(right) == 8 and c in (0, 6):
                scale = max(scale, right[1] if c == 0 else 1)
            if name == "envelope":
                scale = max(scale, largest[c] / 1000)
            worst = max(worst, abs(mine[c] - value) / scale)
    return worst


def exact_quantiles(data):
    samples = array.array("f")
    with open(data, "rb") as file:
        samples.fromfile(file, COMPARED * LENGTH)
    for at in range(0, len(samples), LENGTH):
        block = sorted(samples[at:at + LENGTH])
        yield [block[math.ceil(p * LENGTH) - 1] for p in (0.5, 0.95, 0.99)]


def peers(folder, data):
    python = folder / "venv/bin/python"
    try:
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True,
                       capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError):
        print("the peers could not be installed: ours alone")
        return []
    # Theirs is not to be the time in which a system hands out pages and takes them back.
    keep_pages = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(1 << 30))
    run = subprocess.run([python, HERE / "kernels.py", "peers", data], capture_output=True, text=True,
                         env={**os.environ, **dict.fromkeys(POOLS, "1"), **keep_pages})
    if run.returncode != 0:
        print("the peers failed:", run.stderr.strip().splitlines()[-1])
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    with tempfile.TemporaryDirectory(prefix="stethos-kernels-") as name:
        folder = pathlib.Path(name)
        data, out, exact = folder / "blocks.f32", folder / "ours", folder / "exact"
        call("make", data, BLOCKS)
        others = peers(folder, data)
        memory, operations = map(float, call("limits", data, BLOCKS).split())
        print(f"kernels: {BLOCKS} blocks of {LENGTH} f32, one core each, best of several runs; memory {memory / 1e9:.1f} GB/s, "
              f"arithmetic {operations / 1e9:.0f} G float64 operations/s")
        print(f"{'set':12}{'library':32}{'G samples/s':>12}{'beside time':>12}{'ours is':>10}{'error':>10}{'of memory':>11}{'of arithmetic':>15}")
        of_time = None
        for each, (columns, cost) in SETS.items():
            rate = BLOCKS * LENGTH / float(call(each, "cpu", data, BLOCKS, out))
            call(each, "cpu", data, COMPARED, out)
            call(each, "reference", data, COMPARED, exact)
            right = list(exact_quantiles(data)) if each == "quantiles" else rows(exact, columns)
            error = largest_error(each, rows(out, columns), right)
            of_time = of_time or rate
            rest = "" if each == "time" or "sliding" in each else f"{1e-9 / (1 / rate - 1 / of_time):.3f}"
            print(f"{each:12}{'stethos':32}{rate / 1e9:12.3f}{rest:>12}{'':10}{error:10.0e}{4 * rate / memory:11.0%}"
                  f"{cost * rate / operations:15.0%}", flush=True)
            for other in others:
                if other["set"] == each:
                    print(f"{'':12}{other['library']:32}{other['rate'] / 1e9:12.3f}{'':12}{rate / other['rate']:9.1f}x"
                          f"{other['error']:10.0e}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peers"]:  # in their folder, which has NumPy
        import peers as libraries
        libraries.main(sys.argv[2])
    else:
        main()
