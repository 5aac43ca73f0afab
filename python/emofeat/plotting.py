"""A recording as a picture: waveform, log-mel, and features under it on one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emofeat.store.extras import need

# More columns than this are drawn as an image, fewer as lines.
_LINES = 6
# Fine enough in time to see syllables, whatever the front end of the features below it.
_BANDS = 80
_LOGMEL = f"log_mel=logmel(win_ms=25, hop_ms=10, n_mels={_BANDS})"
# What a phonetician looks for first: F0, formants, loudness.
# Formants by Burg's method, which lie nearer to the truth than those of eGeMAPSv02.
_VOICE = ("lld=egemapsv02(level=lld)", "formants=formants_burg(time_step=0.01)")
_F0, _LOUDNESS = "F0semitoneFrom27.5Hz_sma3nz", "Loudness_sma3"
_FORMANTS = ("F1", "F2", "F3")
# A picture has about a thousand points across; a waveform is drawn by its extremes in each.
_POINTS = 2000


def plot(
    path: str | Path,
    out: Path,
    *,
    features: Sequence[str] = (),
    sr: int | None = None,
    start: float | None = None,
    end: float | None = None,
    front_end: Mapping[str, Any] | None = None,
    voice: bool = True,
) -> None:
    """Draw the recording at `path` into the file `out`, whose suffix chooses the format.

    Parameters
    ----------
    features
        Specifications of features with frames; each gets a panel below the log-mel spectrogram.
    sr
        Resample to this rate first.
    start, end
        The part to draw, in seconds.
    voice
        Draw the descriptors of eGeMAPSv02: F0 and formants F1 to F3 over the log-mel spectrogram,
        voiced segments under the waveform, loudness below. A recording for which they are not
        defined (under 60 ms, rates outside 8 to 96 kHz) says so in the title.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    ValueError
        A feature without frames, or a format that matplotlib does not write.
    """
    from emofeat import Extractor, load
    from emofeat.exceptions import EmofeatError
    from emofeat.store.write import atomic

    need("matplotlib", "plot")
    from matplotlib.figure import Figure

    y, rate = load(path, sr=sr, start=start, end=end)
    wanted = [_LOGMEL, *features]
    extractor = Extractor(wanted, front_end=dict(front_end or {}))
    result = extractor.process_signal(y, rate)
    infos = list(extractor.schema)
    for info in infos:
        if info.kind != "frames":
            raise ValueError(
                f"{info.spec!r} describes the whole recording; only features with frames can be drawn"
            )
    begin = start or 0.0
    title = f"{Path(path).name}, {rate} Hz"
    curves = None
    if voice:
        try:
            curves = _voice(y, rate, begin)
        except EmofeatError as error:
            if error.code not in ("too_short", "bad_rate"):
                raise
            title += f" (no F0, formants and loudness: {error})"
    heights = [1.0, *(2.0 if len(info.columns) > _LINES else 1.2 for info in infos)]
    if curves is not None:
        heights.insert(2, 0.9)
    figure = Figure(figsize=(11, 1.0 + 1.3 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    _draw_waveform(axes[0], y, rate, begin)
    axes[0].set_title(title, loc="left", fontsize=10)
    panels = [axis for at, axis in enumerate(axes) if at != 0 and not (at == 2 and curves is not None)]
    for axis, info in zip(panels, infos, strict=True):
        _draw_feature(figure, axis, info, result[info.key], result.times(info.key) + begin)
    _mark_hertz(axes[1], rate)
    if curves is not None:
        _draw_voice(axes[0], axes[1], axes[2], curves, rate)
    axes[0].set_xlim(begin, begin + len(y) / rate)
    axes[-1].set_xlabel("time (s)")
    suffix = out.suffix.lstrip(".").casefold()
    known = figure.canvas.get_supported_filetypes()
    if suffix not in known:
        raise ValueError(
            f"pictures are written as {', '.join(sorted(known))}, not {out.suffix or 'without suffix'}"
        )
    with atomic(out) as temp:
        figure.savefig(temp, format=suffix, dpi=110)


def _voice(y: Any, sr: int, begin: float) -> dict[str, Any]:
    """Times and values by name; F0 and formants are NaN where there is no voice."""
    from emofeat import Extractor

    extractor = Extractor(_VOICE)
    result = extractor.process_signal(y, sr)
    lld = dict(zip(extractor.columns["lld"], np.asarray(result["lld"], np.float64).T, strict=True))
    voiced = lld[_F0] > 0
    times = result.times("lld")
    curves = {
        _F0: (times + begin, np.where(voiced, 27.5 * 2 ** (lld[_F0] / 12), np.nan)),
        _LOUDNESS: (times + begin, lld[_LOUDNESS]),
    }
    at = result.times("formants")
    spoken = np.interp(at, times, voiced, left=0, right=0) > 0.5
    formants = np.asarray(result["formants"], np.float64).T[::2]  # frequencies and bandwidths in turn
    for name, hertz in zip(_FORMANTS, formants, strict=False):
        curves[name] = (at + begin, np.where(spoken & (hertz > 0), hertz, np.nan))
    return curves


def _band(hertz: Any, sr: int) -> Any:
    """The height at which a frequency stands in the log-mel spectrogram, in bands."""
    from emofeat._emofeat import mel_frequencies

    centres = mel_frequencies(_BANDS + 2, 0.0, sr / 2, False)[1:-1]
    return np.interp(hertz, centres, np.arange(_BANDS))


def _mark_hertz(axis: Any, sr: int) -> None:
    marks = [hertz for hertz in (100, 300, 1000, 2000, 4000, 8000, 16000) if hertz < sr / 2]
    axis.set_yticks(_band(marks, sr), [str(hertz) for hertz in marks], fontsize=7)
    axis.set_ylabel("log-mel (Hz)", fontsize=8)


def _draw_voice(waveform: Any, logmel: Any, loudness: Any, curves: dict[str, Any], sr: int) -> None:
    times, f0 = curves[_F0]
    low, high = waveform.get_ylim()
    spoken = np.isfinite(f0)
    waveform.fill_between(
        times, low, high, where=spoken, step="mid", color="#f2b134", alpha=0.25, linewidth=0
    )
    for name, colour in zip(_FORMANTS, ("#7fffd4", "#9be564", "#ffe066"), strict=True):
        at, hertz = curves[name]
        logmel.plot(at, _band(hertz, sr), ".", markersize=2.2, color=colour, label=name)
    logmel.plot(times, _band(f0, sr), linewidth=1.6, color="#4dd2ff", label="F0")
    logmel.legend(loc="upper right", fontsize=7, ncols=4, markerscale=3)
    loudness.plot(*curves[_LOUDNESS], linewidth=1.0, color="#33567f")
    loudness.set_ylim(bottom=0)
    loudness.set_ylabel("loudness", fontsize=8)


def _limits(values: Any) -> tuple[float, float]:
    """The range of the colours, which a few extreme cells or one larger column must not stretch."""
    values = np.where(np.isfinite(values), values, np.nan)
    if not len(values) or np.isnan(values).all():
        return 0.0, 1.0
    levels = np.nanmedian(values, axis=0)
    lower, upper = np.nanpercentile(levels, (25, 75))
    # The first cepstral coefficient is a level in dB among coefficients near 0.
    usual = np.abs(levels - np.nanmedian(levels)) <= 10 * (upper - lower) + 1e-9
    low, high = np.nanpercentile(values[:, usual], (1, 99.8))
    return float(low), float(high)


def _draw_waveform(axis: Any, y: Any, sr: int, begin: float) -> None:
    """The extremes of the samples at each point across."""
    step = max(1, len(y) // _POINTS)
    whole = y[: len(y) // step * step].reshape(-1, step)
    times = begin + np.arange(len(whole)) * step / sr
    axis.fill_between(
        times, whole.min(axis=1), whole.max(axis=1), step="post", linewidth=0.4, color="#33567f"
    )
    limit = max(0.02, float(np.abs(y).max(initial=0)) * 1.05)
    axis.set_ylim(-limit, limit)
    axis.set_ylabel("amplitude")


def _draw_feature(figure: Any, axis: Any, info: Any, values: Any, times: Any) -> None:
    unit = f" ({info.unit})" if info.unit and info.unit != "1" else ""
    if len(info.columns) <= _LINES:
        for column, name in zip(np.asarray(values).T, info.columns, strict=True):
            axis.plot(times, column, linewidth=0.9, label=name)
        axis.set_ylabel(info.key + unit, fontsize=8)
        if len(info.columns) > 1:
            axis.legend(loc="upper right", fontsize=7)
        return
    half = (times[1] - times[0]) / 2 if len(times) > 1 else 0.005
    extent = (times[0] - half, times[-1] + half, -0.5, len(info.columns) - 0.5)
    low, high = _limits(np.asarray(values))
    image = axis.imshow(
        np.asarray(values).T,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap="magma",
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )
    axis.set_ylabel(info.key, fontsize=8)
    figure.colorbar(image, ax=axis, pad=0.01, label=info.unit or None)
