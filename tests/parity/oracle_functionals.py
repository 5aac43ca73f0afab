"""Functionals, smoothing and derivatives of openSMILE's sets, in plain NumPy, written to be read.

Contours are float32, as they are between the stages of that program; sums run in float64 and a functional is rounded
to float32 by the caller. `lpc` and the running mean of `crossing_segments` are float32 throughout: their values depend
on it. Matrices are frames first. Nothing here calls the package under test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Contour = NDArray[np.float32]
Named = dict[str, float]

#: Nominal seconds from one frame to the next.
PERIOD = 0.01


# ---------------------------------------------------------------------------------------- smoothing, derivatives


def sma3(x: Contour, rows: int) -> Contour:
    """Mean of three frames; the first and last frame repeat beyond the ends."""
    padded = x[np.clip(np.arange(-1, rows + 1), 0, len(x) - 1)]
    left, middle, right = padded[:-2], padded[1:-1], padded[2:]
    return ((middle + left) + right) / np.float32(3)


def sma3nz(x: Contour, rows: int) -> Contour:
    """Mean of those of three frames that are not 0; 0 where the middle one is."""
    padded = x[np.clip(np.arange(-1, rows + 1), 0, len(x) - 1)]
    left, middle, right = padded[:-2], padded[1:-1], padded[2:]
    # Adding a zero changes nothing, so only the divisor differs from `sma3`.
    count = 1 + (left != 0).astype(np.float32) + (right != 0)
    return np.where(middle == 0, np.float32(0), ((middle + left) + right) / count)


def ended_early(smooth: Callable[[Contour, int], Contour], x: Contour, decided: int) -> Contour:
    """Smoothed rows of a contour that was padded once when only `decided` of its frames existed."""
    rows = smooth(x, len(x) + 1)
    if 0 < decided < len(x):
        rows[decided - 1 : decided + 1] = smooth(x[:decided], decided + 1)[decided - 1 :]
    return rows


def row(x: Contour, k: int, frame: int, last: int | None = None) -> np.float32:
    """Frame `frame` of `x` as the derivative of frame `k` sees it: 0 if it does not exist yet, or the nearest one."""
    if len(x) < 4 and k < 2 and frame >= len(x) - 1 + k:
        return np.float32(0)
    return np.float32(x[min(max(frame, 0), len(x) - 1 if last is None else last)])


def deltas(x: Contour, rows: int) -> Contour:
    """Slope of the line through five frames."""
    out = np.zeros(rows, np.float32)
    for k in range(rows):
        near, far = (row(x, k, k + i) - row(x, k, k - i) for i in (1, 2))
        out[k] = (near + np.float32(2) * far) / np.float32(10)
    return out


def deltas_in_segments(x: Contour, decided: int) -> Contour:
    """Derivatives of the pitch contours `x` (frames, contours), from their smoothed rows.

    A pair of frames counts only if neither is 0, and each pair that does enlarges the divisor of all that follows.
    """
    n = len(x)  # N60 + 1
    frames = n - 1
    out = np.zeros((n + 2, x.shape[1]), np.float32)
    divisor = np.float32(10)
    for k in range(n + 2):
        last = n - 1
        if 0 < decided < frames:
            if decided - 1 <= k <= decided + 2:
                last = decided
            elif k == decided + 3 and k > frames - 3:
                last = max(decided + 1, frames - 1)
        for e in range(x.shape[1]):
            total = np.float32(0)
            for i in (1, 2):
                after, before = row(x[:, e], k, k + i, last), row(x[:, e], k, k - i, last)
                if after != 0 and before != 0:
                    total += np.float32(i) * (after - before)
                    divisor += np.float32(i * i)
            out[k, e] = total / divisor
    return out


# ----------------------------------------------------------------------------------------------- one number each


def limited(v: float, start: float, width: float) -> float:
    """`v` up to `start`, from there on bent towards `start + width`."""
    if abs(v) <= start:
        return v
    return math.copysign(math.tanh((math.sqrt(abs(v) - start + 1) - 1) / (width / 2)) * width + start, v)


def percentile(x: Contour, p: float) -> float:
    ordered = np.sort(x).astype(float)
    h = p * (len(x) - 1)
    low, high = ordered[math.floor(h)], ordered[math.ceil(h)]
    return float(low + (h - math.floor(h)) * (high - low))


def means(x: Contour) -> Named:
    v = x.astype(float)
    size = np.abs(v)
    return {
        "amean": v.mean(),
        "flatness": float(np.exp(np.log(size[size > 0]).mean()) / size.mean()) if size.any() else 1.0,
        "posamean": float(v[v > 0].mean()) if (v > 0).any() else 0.0,
        "rqmean": math.sqrt((v * v).mean()),
        "nnz": float((v != 0).mean()),
    }


def extremes(x: Contour) -> Named:
    n = len(x)
    return {
        "max": float(x.max()),
        "min": float(x.min()),
        "range": float(x.max()) - float(x.min()),
        "maxPos": int(x.argmax()) / n,
        "minPos": int(x.argmin()) / n,
    }


def percentiles(x: Contour) -> Named:
    q1, q2, q3, p1, p99 = (percentile(x, p) for p in (0.25, 0.5, 0.75, 0.01, 0.99))
    return {
        "quartile1": q1,
        "quartile2": q2,
        "quartile3": q3,
        "iqr1-2": q2 - q1,
        "iqr2-3": q3 - q2,
        "iqr1-3": q3 - q1,
        "percentile1.0": p1,
        "percentile99.0": p99,
        "pctlrange0-1": abs(p99 - p1),
    }


def moments(x: Contour) -> Named:
    d = x.astype(float) - float(np.float32(x.astype(float).mean()))
    d = d if x.max() > x.min() else np.zeros_like(d)
    m2, m3, m4 = ((d**k).mean() for k in (2, 3, 4))
    return {
        "stddev": math.sqrt(m2),
        "skewness": m3 / m2**1.5 if m2 > 0 else 0.0,
        "kurtosis": m4 / m2**2 if m2 > 0 else 0.0,
    }


def stddev_norm(x: Contour) -> float:
    """Standard deviation over the signed mean."""
    mean = float(np.float32(x.astype(float).mean()))
    variance = ((x.astype(float) - mean) ** 2).mean()
    return math.sqrt(variance) / (mean if mean != 0 else 1.0) if variance > 0 else 0.0


def regression(x: Contour, per_second: bool) -> Named:
    v, n = x.astype(float), len(x)
    i = np.arange(n, dtype=float)
    m, t = np.polyfit(i, v, 1) if n > 1 else (0.0, v[0])
    # Two frames leave the equations of the parabola singular.
    a, b, c = np.polyfit(i, v, 2) if n > 2 else (0.0, 0.0, v[0] if n == 1 else 0.0)
    r = v.max() - v.min()
    size, inverse = (r, 1 / r) if r > 0 else (1.0, 0.0)
    line, square = (v - (m * i + t)) * inverse, (v - (a * i * i + b * i + c)) * inverse
    m, a, b = (
        limited(m, size / 10, size / 10 + 0.01),
        limited(a, math.sqrt(size / 10), math.sqrt(size / 10) + 0.01),
        limited(b, size / 10, size / 10 + 0.01),
    )
    unit = 1 / PERIOD if per_second else 1.0
    weight = np.abs(v)
    return {
        "linregc1": m * unit * inverse,
        "linregc2": (t - v.min()) * inverse,
        "linregerrQ": float((line * line).mean()),
        "qregc1": a * unit * unit * inverse,
        "qregc2": b * unit * inverse,
        "qregc3": (c - v.min()) * inverse,
        "qregerrQ": float((square * square).mean()),
        "centroid": float((i * weight).sum() / weight.sum()) / n if weight.any() else 0.0,
    }


def times(x: Contour) -> Named:
    n, low, size = len(x), float(x.min()), float(x.max() - x.min())
    step = np.diff(x)
    return {
        **{f"upleveltime{p}": float((x > np.float32(low + p / 100 * size)).mean()) for p in (25, 50, 75, 90)},
        "risetime": float((step > 0).mean()) if n > 1 else 0.0,
        "leftctime": float((step[:-1] < step[1:]).mean()) if n > 2 else 0.0,
    }


def lpc(x: Contour) -> Named:
    """Linear prediction of order 5 by the autocorrelation method, single precision throughout."""
    order, f = 5, np.float32
    r = [f(0)] * (order + 1)
    for lag in range(order + 1):
        products = x[lag:] * x[: len(x) - lag] if lag < len(x) else x[:0]
        for p in products:
            r[lag] = f(r[lag] + p)
    a: list[np.float32] = []
    error = r[0]
    for m in range(1, order + 1):
        if r[0] == 0 or error == 0:
            a.append(f(0))
            continue
        total = r[m]
        for i in range(m - 1):
            total = f(total + f(a[i] * r[m - 1 - i]))
        k = f(-f(f(1) / error) * total)
        a = [f(a[i] + f(k * a[m - 2 - i])) for i in range(m - 1)] + [k]
        error = f(error * f(f(1) - f(k * k)))
    return {"lpgain": float(error) / len(x), **{f"lpc{i}": float(v) for i, v in enumerate(a)}}


def lengths(found: list[int], n: int) -> Named:
    v = np.array(found, float) * PERIOD
    some = len(found) > 0
    return {
        "segPerSec": len(found) / (n * PERIOD),
        "meanSegLen": float(v.mean()) if some else 0.0,
        "maxSegLen": float(v.max()) if some else 0.0,
        "minSegLen": float(v.min()) if some else 0.0,
        "segLenStddev": float(v.std()) if some else 0.0,
    }


def crossing_segments(x: Contour) -> Named:
    """Segments between crossings of a quarter and three quarters of the range by a running mean."""
    n, f = len(x), np.float32
    low, size = x.min(), x.max() - x.min()
    thresholds = [f(low + f(share) * size) for share in (0.25, 0.75)]
    shortest = max(n // 100 - 1, 2)
    last, previous, total = -(shortest // 2), f(0), f(0)
    found: list[int] = []
    for i in range(n):
        total = f(total + x[i])
        if i >= 3:
            total = f(total - x[i - 3])
        mean = f(total / f(min(i + 1, 3)))
        crossed = any((mean > t and previous <= t) or (mean < t and previous >= t) for t in thresholds)
        if crossed and i - last > shortest and len(found) < 100:
            found.append(i - last)
            last = i
        previous = mean
    return lengths(found, n)


def clusters(holds: NDArray[np.bool_]) -> Named:
    """Segments of frames that fulfil a condition; single frames between them are bridged, fewer than three dropped."""
    found: list[int] = []
    members: list[int] = []
    for i in [*np.flatnonzero(holds), len(holds) + 2]:
        if members and i - members[-1] > 2:
            if len(members) >= 3:
                found.append(members[-1] - members[0])
            members = []
        members.append(i)
    return lengths(found, len(holds))


# ------------------------------------------------------------------------------------------------- peaks, slopes


@dataclass
class Extremum:
    y: float
    x: int
    top: bool
    kept: bool = True


def extrema(x: Contour) -> list[Extremum]:
    """The significant maxima and minima of a contour, in turn."""
    threshold = np.float32(0.1 * (float(x.max()) - float(x.min())))
    v = x.astype(float)
    points = [
        Extremum(v[i], i, bool(v[i] > v[i - 1]))
        for i in range(2, len(x) - 2)
        if (v[i] > v[i - 1] and v[i] > v[i + 1]) or (v[i] < v[i - 1] and v[i] < v[i + 1])
    ]
    previous = lowest = highest = v[0]
    accepted: Extremum | None = None
    valley = False
    for p in points:
        significant = abs(np.float32(p.y - previous)) >= threshold
        previous = p.y
        if not p.top:
            if significant:
                lowest, valley = p.y, True
            continue
        if not significant and np.float32(p.y - lowest) < threshold:
            p.kept = False
            continue
        if not significant and p.y > 1.05 * highest:
            if accepted is not None:
                accepted.kept = False
        elif not significant and not valley:
            p.kept = False
        if p.kept:
            highest, accepted = p.y, p
        valley = False
    highest = v[0]
    for p in points:
        if p.kept and p.top:
            highest = p.y
        elif p.kept and np.float32(highest - p.y) < threshold:
            p.kept = False
    turns: list[Extremum] = []
    for p in points:
        if not p.kept:
            continue
        if turns and turns[-1].top == p.top:
            if (p.y > turns[-1].y) if p.top else (p.y < turns[-1].y):
                turns[-1] = p
        else:
            turns.append(p)
    return turns


def slopes(x: Contour, turns: list[Extremum]) -> Named:
    """Mean and spread of the slopes between the extrema; a last falling one has the opposite sign of the others."""
    v, end = x.astype(float), len(x) - 1
    top = bottom = Extremum(v[0], 0, True)
    rising: list[float] = []
    falling: list[float] = []
    last = None
    for p in turns:
        if p.top:
            if p.x > bottom.x:
                rising.append((p.y - bottom.y) / ((p.x - bottom.x) * PERIOD))
                last = "rising"
            top = p
        else:
            if p.x > top.x:
                falling.append((top.y - p.y) / ((p.x - top.x) * PERIOD))
                last = "falling"
            bottom = p
    more_rising, more_falling = [], []
    if last == "rising" and end > top.x:
        more_falling = [(v[end] - top.y) / ((end - top.x) * PERIOD)]
    if last == "falling" and end > bottom.x:
        more_rising = [(v[end] - bottom.y) / ((end - bottom.x) * PERIOD)]
    if last is None:
        s = (v[end] - v[0]) / len(x)
        more_rising, more_falling = ([s] if s > 0 else []), ([s] if s < 0 else [])
    out: Named = {}
    for name, walk, more in (("Rising", rising, more_rising), ("Falling", falling, more_falling)):
        count = len(walk) + len(more)
        mean = (sum(walk) + sum(more)) / count if count else 0.0
        spread = sum((s - mean) ** 2 for s in walk)
        out[f"mean{name}Slope"] = mean
        out[f"stddev{name}Slope"] = math.sqrt(spread / count if count > 1 else spread)
    return out


def peaks(x: Contour) -> Named:
    turns = extrema(x)
    tops, bottoms = [p for p in turns if p.top], [p for p in turns if not p.top]
    mean, size = x.astype(float).mean(), float(x.max()) - float(x.min())
    gaps = [b.x - a.x for a, b in itertools.pairwise(tops)]
    gap = float(np.mean(gaps)) if gaps else 0.0
    # From each maximum back to the minimum before it, not to the maximum before it.
    back = [(p.x - max(q.x for q in bottoms if q.x < p.x)) - gap for p in tops[1:]]
    height = sum(p.y for p in tops) / len(tops) if tops else 0.0

    def spread(points: list[Extremum]) -> float:
        return max(p.y for p in points) - min(p.y for p in points) if points else 0.0

    def relative(value: float) -> float:
        return min(abs(value / size), 1.0) if size > 0 else 0.0

    return {
        "numPeaks": float(len(tops)),
        "meanPeakDist": gap * PERIOD,
        "peakDistStddev": math.sqrt(float(np.mean(np.square(back)))) * PERIOD if back else 0.0,
        "peakRangeAbs": spread(tops),
        "peakRangeRel": relative(spread(tops)),
        "peakMeanAbs": height,
        "peakMeanMeanDist": height - mean,
        "peakMeanRel": limited(height / mean, 10, 10) if mean != 0 else 20.0,
        "minRangeRel": relative(spread(bottoms)),
        **slopes(x, turns),
    }


# -------------------------------------------------------------------------------------------------- ComParE_2016

MOMENTS = ["stddev", "skewness", "kurtosis"]
EXTREMES = ["range", "maxPos", "minPos"]
SEGMENTS = ["meanSegLen", "maxSegLen", "minSegLen", "segLenStddev"]
PERCENTILES = [
    *(f"quartile{i}" for i in (1, 2, 3)),
    "iqr1-2",
    "iqr2-3",
    "iqr1-3",
    "percentile1.0",
    "percentile99.0",
]
PERCENTILES.append("pctlrange0-1")
TIMES = [*(f"upleveltime{p}" for p in (25, 50, 75, 90)), "risetime", "leftctime"]
LPC = ["lpgain", *(f"lpc{i}" for i in range(5))]
LINES = ["linregc1", "linregc2", "linregerrQ", "qregc1", "qregc2", "qregc3", "qregerrQ", "centroid"]
PEAKS = ["meanPeakDist", "peakDistStddev", "peakRangeAbs", "peakRangeRel", "peakMeanAbs", "peakMeanMeanDist"]
PEAKS += ["peakMeanRel", "minRangeRel", "meanRisingSlope", "stddevRisingSlope", "meanFallingSlope"]
PEAKS += ["stddevFallingSlope"]

#: Functionals of groups A and B, of the pitch contours, of the descriptors of A and B, of their derivatives.
CURVE = [*EXTREMES, *PERCENTILES, *MOMENTS, *SEGMENTS, *TIMES, *LPC]
PITCH = ["amean", "flatness", "posamean", "rqmean", *EXTREMES, *LINES, *PERCENTILES, *MOMENTS, *TIMES, *LPC]
VOICED = ["nnz", *SEGMENTS]
LEVEL = ["amean", "flatness", "rqmean", *PEAKS, *LINES]
CHANGE = ["flatness", "posamean", "rqmean", *PEAKS]


def select(x: Contour, names: list[str], per_second: bool = False) -> list[float]:
    """The functionals `names` of a contour; 0 for one without frames."""
    if len(x) == 0:
        return [0.0] * len(names)
    known: Named = {}
    families: list[tuple[str, Callable[[], Named]]] = [
        ("amean", lambda: means(x)),
        ("range", lambda: extremes(x)),
        ("quartile1", lambda: percentiles(x)),
        ("stddev", lambda: moments(x)),
        ("meanSegLen", lambda: crossing_segments(x)),
        ("risetime", lambda: times(x)),
        ("lpgain", lambda: lpc(x)),
        ("linregc1", lambda: regression(x, per_second)),
        ("meanPeakDist", lambda: peaks(x)),
    ]
    for key, family in families:
        if key == "amean" or key in names:
            known |= family()
    return [known[name] for name in names]


def compare_lld(short: Contour, long: Contour, decided: int) -> tuple[list[Contour], list[Contour]]:
    """Smoothed contours and derivatives of ComParE_2016, from raw contours (contours, frames) of 20 and 60 ms frames.

    `short` and `long` are in the order of the set's groups: three energies and the spectral contours; the six of pitch
    and zero crossings. `decided` is the number of frames whose pitch is known when the input ends. Spectral contours
    are longer than the others, by as many frames of 20 ms as follow the last one of 60 ms.
    """
    n = long.shape[1]
    pitch = [sma3nz(x, n + 1) for x in long[:2]] + [ended_early(sma3nz, x, decided) for x in long[2:6]]
    energy = [sma3(x, len(x) + 1)[: n + 1] for x in short[:3]] + [sma3(long[6], n + 1)]
    if n == 1:
        # A single frame is padded too late: there is a zero to its right.
        energy[3][0] = (long[6, 0] + long[6, 0]) / np.float32(3)
    spectral = [sma3(x, len(x) + 1) for x in short[3:]]
    change = list(deltas_in_segments(np.stack(pitch, axis=1), decided).T)
    change += [deltas(x, n + 3) for x in energy] + [deltas(x, len(x) + 2) for x in spectral]
    return pitch + energy + spectral, change


def compare_functionals(lld: list[Contour], change: list[Contour], frames: int, decided: int) -> list[float]:
    """The 6373 functionals, from `compare_lld`; `frames` of 60 ms."""
    short = len(lld[10]) - 1
    # As if all were decided when nothing is.
    decided = decided or frames

    def rows(contours: list[Contour], count: int) -> list[Contour]:
        return [x[: max(count, 1)] for x in contours]

    energy = rows(lld[6:10], frames - 2) + rows(change[6:10], frames - 2)
    spectral = rows(lld[10:], short - 2) + rows(change[10:], short - 2)
    voice = [x[x != 0] for x in rows(lld[:6], decided - 2) + rows(change[:6], decided - 2)]
    f0 = rows(lld[:1], decided)[0]
    values: list[float] = []
    for x in energy + spectral:
        values += select(x, CURVE)
    for x in voice:
        values += select(x, PITCH)
    values.append(float((f0 != 0).mean()))
    values += [clusters(f0 != 0)[name] for name in SEGMENTS]
    for x in rows(lld[6:], frames):
        values += select(x, LEVEL, per_second=True)
    for x in rows(change[6:], frames - 2):
        values += select(x, CHANGE)
    return values


# ---------------------------------------------------------------------------------------------------- eGeMAPSv02

#: Rows of the raw contours of 20 ms frames: loudness, alpha ratio, Hammarberg index, two slopes, flux, four MFCC, energy.
FLUX, ENERGY = 5, 10
#: Row of the first formant's frequency among those of 60 ms frames; bandwidth and level follow, then the other formants.
FORMANTS = 6


def egemaps_lld(short: Contour, long: Contour, decided: int) -> Contour:
    """The 25 descriptors (frames, columns), from raw contours of 20 ms frames (11) and of 60 ms frames (15)."""
    n = long.shape[1]
    plain = [sma3(x, len(x) + 1)[: n + 1] for x in short[:ENERGY]]
    return np.stack(plain + [ended_early(sma3nz, x, decided) for x in long], axis=1)


def ten(x: Contour) -> list[float]:
    """Level, spread, percentiles and slopes of F0 and loudness."""
    if len(x) == 0:
        return [0.0] * 10
    p20, p50, p80 = (percentile(x, p) for p in (0.2, 0.5, 0.8))
    slope = slopes(x, extrema(x))
    names = ["meanRisingSlope", "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope"]
    return [
        means(x)["amean"],
        stddev_norm(x),
        p20,
        p50,
        p80,
        abs(p80 - p20),
        *(slope[name] for name in names),
    ]


def two(x: Contour) -> list[float]:
    return [means(x)["amean"], stddev_norm(x)] if len(x) else [0.0, 0.0]


def egemaps_functionals(short: Contour, long: Contour, decided: int) -> list[float]:
    """The 88 functionals, from raw contours as `egemaps_lld`."""
    n, m = long.shape[1], max(decided, 1)
    voiced = long[0] > 0
    # Without decided pitch, streams that wait for it are padded after their first frame.
    f0 = sma3nz(long[0] if decided else long[0][:1], m)
    everywhere = [sma3(x, len(x)) for x in short[:ENERGY]]
    quality = []
    for i, x in enumerate(long[1:], 1):
        formant = i >= FORMANTS and (i - FORMANTS) % 3 < 2
        x = np.where(voiced, x, np.float32(0)) if formant else x
        quality.append(sma3nz(x[:decided] if decided else x, decided or n))
    spectral_voiced, spectral_unvoiced = [], []
    for x in short[1:ENERGY, :n]:
        gated = np.where(voiced, x, np.float32(0))
        if decided:
            spectral_voiced.append(sma3nz(gated, m))
        else:
            # Every frame stands in for its right neighbour.
            spectral_voiced.append(
                np.array([sma3nz(gated[max(k - 1, 0) : k + 1], 2)[min(k, 1)] for k in range(n)])
            )
        gated = np.where(voiced, np.float32(0), x)
        spectral_unvoiced.append(sma3nz(gated if decided else gated[:1], m))

    values = ten(f0[f0 != 0]) + ten(everywhere[0])
    for x in everywhere[FLUX:]:
        values += two(x)
    for x in quality + spectral_voiced:
        values += two(x[x != 0])
    for x in spectral_unvoiced[:FLUX]:
        values += two(x[x != 0])[:1]
    values.append(peaks(everywhere[0])["numPeaks"] / (len(everywhere[0]) * PERIOD))
    segments = clusters(f0 != 0)
    values += [segments[name] for name in ("segPerSec", "meanSegLen", "segLenStddev")]
    values += [clusters(f0 == 0)[name] for name in ("meanSegLen", "segLenStddev")]
    values.append(10 * math.log10(max(float(short[ENERGY].astype(float).mean()), 1e-12)))
    return values
