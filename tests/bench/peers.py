"""What else one would take for the statistics of blocks: timed on the file that kernels.py names, one JSON object a line.

Errors are the largest of any column, relative to float64 by NumPy: of means and skewness to the spread, of lines to the largest.
"""

import json
import time
import warnings

import numpy as np

LENGTH, RATE = 2560, 25600.0
warnings.filterwarnings("ignore")

def chunks(x, size=64):
    return (x[i:i + size] for i in range(0, len(x), size))


def moments(y):
    n = y.shape[1]
    mean = y.mean(1)
    d = y - mean[:, None]
    d2 = d * d
    m2, size = d2.sum(1) / n, np.abs(y)
    return np.column_stack([mean, np.sqrt(m2), y.min(1), y.max(1), size.mean(1), np.sqrt(size).mean(1),
                            (d2 * d).sum(1) / n / m2 ** 1.5, (d2 * d2).sum(1) / n / m2 ** 2])


def numpy_time(x):
    return np.concatenate([moments(y.astype(np.float64)) for y in chunks(x)])


def numba_time():
    import numba

    @numba.njit(fastmath=True)
    def kernel(x, out):
        for b in range(x.shape[0]):
            y = x[b]
            n = y.size
            total = size = root = 0.0
            low = high = y[0]
            for i in range(n):
                v = y[i]
                total += v
                size += abs(v)
                root += np.sqrt(abs(v))
                low = min(low, v)
                high = max(high, v)
            mean = total / n
            m2 = m3 = m4 = 0.0
            for i in range(n):
                d = y[i] - mean
                q = d * d
                m2 += q
                m3 += q * d
                m4 += q * q
            m2 /= n
            row = out[b]
            row[0], row[1], row[2], row[3] = mean, np.sqrt(m2), low, high
            row[4], row[5], row[6], row[7] = size / n, root / n, m3 / n / m2 ** 1.5, m4 / n / m2 ** 2

    def run(x):
        out = np.empty((len(x), 8))
        kernel(x, out)
        return out
    return run


def polars_columns(pl, c):
    return [c.mean().alias("a"), c.std(ddof=0).alias("b"), c.min().alias("c"), c.max().alias("d"), c.abs().mean().alias("e"),
            c.abs().sqrt().mean().alias("f"), c.skew(bias=True).alias("g"), c.kurtosis(fisher=False, bias=True).alias("h")]


def polars_frame(pl, x):
    return pl.DataFrame({"block": np.repeat(np.arange(len(x), dtype=np.int32), LENGTH), "v": x.reshape(-1)})


def polars_time(x):
    import polars as pl
    frame = polars_frame(pl, x)
    columns = polars_columns(pl, pl.col("v").cast(pl.Float64))
    return lambda: frame.lazy().group_by("block", maintain_order=True).agg(columns).collect().drop("block").to_numpy()


def polars_quantiles(x):
    import polars as pl
    frame = polars_frame(pl, x)
    columns = [pl.col("v").quantile(p).alias(str(p)) for p in (0.5, 0.95, 0.99)]
    return lambda: frame.lazy().group_by("block", maintain_order=True).agg(columns).collect().drop("block").to_numpy()


def polars_sliding(x, hop):
    import polars as pl
    frame = pl.DataFrame({"t": np.arange(x.size, dtype=np.int64), "v": x.reshape(-1)}).with_columns(pl.col("t").set_sorted())
    columns = [*polars_columns(pl, pl.col("v").cast(pl.Float64)), pl.len().alias("n")]

    def run():
        rows = frame.lazy().group_by_dynamic("t", every=f"{hop}i", period=f"{LENGTH}i").agg(columns).collect()
        return rows.filter(pl.col("n") == LENGTH).drop("t", "n").to_numpy()
    return run


def numpy_sliding(x, hop):
    windows = np.lib.stride_tricks.sliding_window_view(x.reshape(-1), LENGTH)[::hop]
    return np.concatenate([moments(y.astype(np.float64)) for y in chunks(windows)])


def hann(kind):
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LENGTH) / LENGTH)).astype(kind)


def spectrum(y, rfft, kind):
    window, bin_hz = hann(kind), RATE / LENGTH
    power = np.abs(rfft((y - y.mean(1, keepdims=True)) * window)) ** 2 * kind(2 / LENGTH / (window ** 2).sum())
    power[:, -1] /= 2
    f = (np.arange(power.shape[1]) * bin_hz).astype(kind)
    bands = [np.sqrt(power[:, (f >= max(low, bin_hz)) & (f < high)].sum(1))
             for low, high in ((0, 1000), (1000, 5000), (5000, 10000), (10000, 12801))]
    share = power[:, 1:] / power[:, 1:].sum(1, keepdims=True)
    entropy = -(share * np.log(np.maximum(share, kind(1e-30)))).sum(1) / np.log(share.shape[1])
    return np.column_stack([*bands, share @ f[1:], entropy])


def envelope(y, rfft, ifft, kind):
    f = np.fft.rfftfreq(LENGTH, 1 / RATE)
    s = rfft(y)
    band = np.nonzero((f >= 2000) & (f < 10000))[0]
    z = np.zeros((len(y), LENGTH), s.dtype)
    z[:, band] = 2 * s[:, band]
    e = np.abs(ifft(z))
    lines = np.abs(rfft((e - e.mean(1, keepdims=True)) * hann(kind))) * kind(4 / LENGTH)
    return np.column_stack([lines[:, k - 1:k + 2].max(1) for k in (17, 22, 22, 1)])


def in_chunks(x, kind, each):
    return np.concatenate([each(y.astype(kind, copy=False)) for y in chunks(x)])


def error(set_name, rows, exact):
    scale = np.abs(exact)
    if set_name == "time" or set_name.startswith("sliding"):
        scale[:, 0] = np.maximum(scale[:, 0], scale[:, 1])
        scale[:, 6] = np.maximum(scale[:, 6], 1)
    if set_name == "envelope":
        scale = np.maximum(scale, 1e-3 * scale.max(0))
    return float(np.max(np.abs(rows - exact) / scale))


def measure(blocks, set_name, library, count, make, exact=None):
    x = blocks[:count]
    run = make(x)
    make(x[:64])()
    best, begun = 1e9, time.perf_counter()
    while time.perf_counter() - begun < 1:
        before = time.perf_counter()
        rows = run()
        best = min(best, time.perf_counter() - before)
    print(json.dumps({"set": set_name, "library": library, "rate": x.size / best,
                      "error": error(set_name, rows, exact(x)) if exact else 0.0}), flush=True)


def main(data):
    import scipy.fft as sf
    blocks = np.fromfile(data, "<f4").reshape(-1, LENGTH)
    numba_run = numba_time()
    measure(blocks, "time", "numba, fastmath, float64", 4000, lambda x: lambda: numba_run(x), numpy_time)
    measure(blocks, "time", "numpy, float64", 2000, lambda x: lambda: numpy_time(x))
    measure(blocks, "time", "polars, float64", 500, polars_time, numpy_time)
    measure(blocks, "quantiles", "numpy", 1000, lambda x: lambda: np.concatenate(
        [np.quantile(y, (0.5, 0.95, 0.99), axis=1).T for y in chunks(x)]))
    measure(blocks, "quantiles", "polars", 500, polars_quantiles)

    def exact_spectrum(x):
        return in_chunks(x, np.float64, lambda y: spectrum(y, np.fft.rfft, np.float64))

    def exact_envelope(x):
        return in_chunks(x, np.float64, lambda y: envelope(y, np.fft.rfft, np.fft.ifft, np.float64))
    measure(blocks, "spectrum", "scipy.fft, float32", 2000, lambda x: lambda: in_chunks(
        x, np.float32, lambda y: spectrum(y, sf.rfft, np.float32)), exact_spectrum)
    measure(blocks, "spectrum", "numpy.fft, float32", 2000, lambda x: lambda: in_chunks(
        x, np.float32, lambda y: spectrum(y, np.fft.rfft, np.float32)), exact_spectrum)
    measure(blocks, "envelope", "scipy.fft, float32", 1000, lambda x: lambda: in_chunks(
        x, np.float32, lambda y: envelope(y, sf.rfft, sf.ifft, np.float32)), exact_envelope)
    for hop, count in ((256, 200), (25, 40)):
        measure(blocks, f"sliding {hop}", "polars, group_by_dynamic", count, lambda x, hop=hop: polars_sliding(x, hop),
                lambda x, hop=hop: numpy_sliding(x, hop))
        measure(blocks, f"sliding {hop}", "numpy, sliding_window_view", count, lambda x, hop=hop: lambda: numpy_sliding(x, hop))
