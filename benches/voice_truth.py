"""How far estimators of F0, voice quality and formants are from the truth, on voices whose truth is known.

    python benches/voice_truth.py [--quick] [--check] [--only NAME ...] [--json FILE]

The voices come from `tests/voices.py`: five vowels, F0 from 90 to 320 Hz with glides of a third of an octave,
jitter, shimmer and noise from little to much, 16 kHz, voiced and silent stretches in turn. Every estimator
gets the same samples and its own package's usual settings, F0 between 60 and 500 Hz where it can be said.
The tables are Markdown. `--check` holds emofeat to the bounds in `BOUNDS` and fails if one is missed; what an
installation does not have is named below the tables, and never counts as right.

What the columns mean:

* F0: frames at least 60 ms inside a voiced stretch. Gross: more than 20 % off. Cents: median of the others.
  Voicing: share of the frames at least 60 ms from any change that are called wrongly.
* Jitter and shimmer: of each voice one number, the mean over its voiced frames or periods; median over voices
  of its distance from that of the pulses. A pulse's shimmer is heard through the ringing of the pulse before.
* Formants: median of |estimate / truth - 1| over frames well inside a voiced stretch.
* HNR: median distance of each voice's mean from the truth, on voices without jitter and shimmer, which count
  as noise in every definition. openSMILE's (and so eGeMAPS') is of another definition.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import voices

Array = NDArray[np.float64]

SR = 16_000
LOW, HIGH = 60.0, 500.0

#: (F1 ... F5) and bandwidths of five vowels.
VOWELS = {
    "a": (730.0, 1090.0, 2440.0, 3400.0, 4500.0),
    "e": (530.0, 1840.0, 2480.0, 3500.0, 4500.0),
    "i": (300.0, 2290.0, 3010.0, 3600.0, 4500.0),
    "o": (570.0, 840.0, 2410.0, 3300.0, 4500.0),
    "u": (320.0, 870.0, 2240.0, 3200.0, 4500.0),
}
BANDWIDTHS = (60.0, 90.0, 120.0, 180.0, 250.0)

#: Seconds that a frame has to be away from a change of voicing to count.
CLEAR = 0.06


@dataclass(frozen=True)
class Track:
    """Values at times in seconds; for F0 and HNR, NaN or 0 where there is none."""

    times: Array
    values: Array


@dataclass(frozen=True)
class Estimate:
    """What one estimator says about one voice; None for what it does not say."""

    f0: Track | None = None
    #: Whether its F0 says which frames are unvoiced.
    voicing: bool = True
    jitter: float | None = None
    shimmer_db: float | None = None
    formants: Track | None = None
    hnr: Track | None = None


Estimator = Callable[[Array, int], Estimate]


class MissingError(Exception):
    """The estimator is not part of this installation."""


# -------------------------------------------------------------------------------------------------- estimators


def _emofeat(spec: str, y: Array, sr: int, key: str) -> tuple[Array, Array, list[str]]:
    """Times, values and columns of feature `spec`."""
    import emofeat

    try:
        extractor = emofeat.Extractor(f"{key}={spec}")
    except emofeat.exceptions.EmofeatError as error:
        raise MissingError(f"{spec}: {error}") from error
    result = extractor.process_signal(y.astype(np.float32), sr)
    return result.times(key), np.asarray(result[key], dtype=np.float64), list(result.info(key).columns)


def boersma(y: Array, sr: int) -> Estimate:
    times, values, _ = _emofeat(
        f"pitch_boersma(pitch_floor={LOW}, pitch_ceiling={HIGH}, time_step=0.01)", y, sr, "p"
    )
    f_times, formants, _ = _emofeat("formants_burg(time_step=0.01)", y, sr, "f")
    h_times, hnr, _ = _emofeat("hnr_boersma", y, sr, "h")
    hnr = np.where(hnr[:, 0] > -200.0, hnr[:, 0], np.nan)
    return Estimate(
        f0=Track(times, values[:, 0]), formants=Track(f_times, formants[:, 0:6:2]), hnr=Track(h_times, hnr)
    )


def emofeat_yin(y: Array, sr: int) -> Estimate:
    times, values, _ = _emofeat(f"yin(fmin={LOW}, fmax={HIGH})", y, sr, "p")
    return Estimate(f0=Track(times, values[:, 0]), voicing=False)


def emofeat_pyin(y: Array, sr: int) -> Estimate:
    times, values, _ = _emofeat(f"pyin(fmin={LOW}, fmax={HIGH})", y, sr, "p")
    return Estimate(f0=Track(times, values[:, 0]))


def librosa_yin(y: Array, sr: int) -> Estimate:
    import librosa

    f0 = librosa.yin(y, fmin=LOW, fmax=HIGH, sr=sr)
    return Estimate(f0=Track(librosa.times_like(f0, sr=sr), f0), voicing=False)


def librosa_pyin(y: Array, sr: int) -> Estimate:
    import librosa

    f0, _, _ = librosa.pyin(y, fmin=LOW, fmax=HIGH, sr=sr)
    return Estimate(f0=Track(librosa.times_like(f0, sr=sr), f0))


def _gemaps(columns: list[str], values: Array) -> Estimate:
    """eGeMAPS descriptors: rows every 10 ms, pitch over the 60 ms and formants over the 20 ms from there on."""

    def column(start: str) -> Array:
        (at,) = (k for k, name in enumerate(columns) if start in name)
        return values[:, at]

    semitones = column("F0semitoneFrom27.5Hz")
    f0 = np.where(semitones > 0, 27.5 * 2.0 ** (semitones / 12.0), 0.0)
    voiced = f0 > 0
    rows = 0.01 * np.arange(len(values))

    def mean(start: str) -> float:
        x = column(start)[voiced]
        return float(x[x != 0].mean()) if (x != 0).any() else np.nan

    return Estimate(
        f0=Track(rows + 0.03, f0),
        jitter=mean("jitterLocal"),
        shimmer_db=mean("shimmerLocaldB"),
        formants=Track(rows + 0.01, np.stack([column(f"F{k}frequency") for k in (1, 2, 3)], axis=1)),
        hnr=Track(rows + 0.03, np.where(voiced, column("HNRdBACF"), np.nan)),
    )


def emofeat_egemaps(y: Array, sr: int, variant: str = "opensmile") -> Estimate:
    _, values, columns = _emofeat(f"egemapsv02(level=lld, variant={variant})", y, sr, "lld")
    return _gemaps(columns, values)


def emofeat_egemaps_paper(y: Array, sr: int) -> Estimate:
    return emofeat_egemaps(y, sr, "paper")


@cache
def _smile() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)


def opensmile_egemaps(y: Array, sr: int) -> Estimate:
    rows = _smile().process_signal(y, sr)
    return _gemaps(list(rows.columns), rows.to_numpy(dtype=np.float64))


def praat(y: Array, sr: int) -> Estimate:
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(y, sr)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=LOW, pitch_ceiling=HIGH)
    pulses = call(sound, "To PointProcess (periodic, cc)", LOW, HIGH)
    found = sound.to_formant_burg(0.01)
    formants = [[found.get_value_at_time(k, t) for k in (1, 2, 3)] for t in found.xs()]
    hnr = sound.to_harmonicity_ac(0.01, 75.0, 0.1, 4.5)
    span = (0.0, 0.0, 0.0001, 0.02, 1.3)
    return Estimate(
        f0=Track(pitch.xs(), pitch.selected_array["frequency"]),
        jitter=float(call(pulses, "Get jitter (local)", *span)),
        shimmer_db=float(call([sound, pulses], "Get shimmer (local_dB)", *span, 1.6)),
        formants=Track(found.xs(), np.asarray(formants)),
        hnr=Track(hnr.xs(), np.where(hnr.values[0] > -200.0, hnr.values[0], np.nan)),
    )


ESTIMATORS: dict[str, Estimator] = {
    "emofeat yin": emofeat_yin,
    "emofeat pyin": emofeat_pyin,
    "emofeat Boersma / Burg": boersma,
    "emofeat eGeMAPS": emofeat_egemaps,
    "emofeat eGeMAPS, variant=paper": emofeat_egemaps_paper,
    "librosa yin": librosa_yin,
    "librosa pyin": librosa_pyin,
    "openSMILE eGeMAPS": opensmile_egemaps,
    "Praat": praat,
}

# ------------------------------------------------------------------------------------------------------ voices


def corpus(quick: bool) -> Iterator[voices.Voice]:
    """Voices that differ in vowel, F0, perturbation and noise, each combination of little and much."""
    seed = 0
    for i, base in enumerate((117.0, 211.0) if quick else (93.0, 124.0, 157.0, 217.0, 311.0)):
        for j, vowel in enumerate(("a", "i") if quick else VOWELS):
            for jitter, shimmer, hnr in (
                (0.0, 0.0, 20.0),
                (0.004, 0.02, 30.0),
                (0.012, 0.06, 30.0),
                (0.004, 0.02, 10.0),
            ):
                seed += 1
                yield voices.synthesise(
                    SR,
                    2.0,
                    # Perturbations are measured on a steady voice: a glide has differences of its own.
                    _glide(base) if (i + j) % 2 else base,
                    jitter=jitter,
                    shimmer=shimmer,
                    hnr=hnr,
                    formants=VOWELS[vowel],
                    bandwidths=BANDWIDTHS,
                    voiced=[(0.2, 0.9), (1.1, 1.8)],
                    seed=seed,
                )


def _glide(base: float) -> Callable[[Array], Array]:
    return lambda t: base * 2.0 ** (0.17 * np.sin(2.0 * np.pi * 0.8 * t))


# ----------------------------------------------------------------------------------------------------- measures


@dataclass
class Errors:
    """What has been gathered of one estimator."""

    cents: list[Array] = field(default_factory=list)
    gross: list[Array] = field(default_factory=list)
    voicing: list[Array] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)
    shimmer: list[float] = field(default_factory=list)
    formants: list[Array] = field(default_factory=list)
    hnr: list[float] = field(default_factory=list)

    def add(self, voice: voices.Voice, found: Estimate) -> None:
        if found.f0 is not None:
            self._add_f0(voice, found.f0, found.voicing)
        steady = not callable(voice.contour) and voice.jitter_local > 1e-6
        if found.jitter is not None and steady:
            self.jitter.append(abs(found.jitter - voice.jitter_local))
        if found.shimmer_db is not None and steady:
            self.shimmer.append(abs(found.shimmer_db - voice.shimmer_db))
        if found.formants is not None:
            inside = clear(voice, found.formants.times) & (voice.f0(found.formants.times) > 0)
            truth = np.asarray(voice.formants[:3])
            self.formants.append(np.abs(found.formants.values[inside] / truth - 1.0))
        if found.hnr is not None and voice.jitter_local < 1e-6:
            inside = clear(voice, found.hnr.times) & (voice.f0(found.hnr.times) > 0)
            values = found.hnr.values[inside]
            self.hnr.append(abs(float(np.nanmean(values)) - voice.hnr))

    def _add_f0(self, voice: voices.Voice, track: Track, voicing: bool) -> None:
        truth, counted = voice.f0(track.times), clear(voice, track.times)
        f0 = np.nan_to_num(track.values)
        if voicing:
            self.voicing.append(((f0 > 0) != (truth > 0))[counted])
        both = counted & (f0 > 0) & (truth > 0)
        off = f0[both] / truth[both]
        self.gross.append(np.abs(off - 1.0) > 0.2)
        self.cents.append(np.abs(1200.0 * np.log2(off[np.abs(off - 1.0) <= 0.2])))

    def summary(self) -> dict[str, float]:
        """The figures of the tables; those that the estimator does not give are left out."""
        out: dict[str, float] = {}
        if self.cents:
            out["f0_cents"] = float(np.median(np.concatenate(self.cents)))
            out["f0_gross_percent"] = 100.0 * float(np.mean(np.concatenate(self.gross)))
        if self.voicing:
            out["voicing_percent"] = 100.0 * float(np.mean(np.concatenate(self.voicing)))
        if self.jitter:
            out["jitter_points"] = 100.0 * float(np.median(self.jitter))
        if self.shimmer:
            out["shimmer_db"] = float(np.median(self.shimmer))
        if self.formants:
            errors = np.nan_to_num(np.concatenate(self.formants), nan=1.0)
            for k in range(3):
                out[f"f{k + 1}_percent"] = 100.0 * float(np.median(errors[:, k]))
        if self.hnr:
            out["hnr_db"] = float(np.median(self.hnr))
        return out


def clear(voice: voices.Voice, times: Array) -> Array:
    """Times that are at least `CLEAR` from every change of voicing and from the ends."""
    edges = np.asarray([0.0, len(voice.y) / voice.sr, *(e for stretch in voice.voiced for e in stretch)])
    away: Array = np.abs(np.asarray(times)[:, None] - edges).min(axis=1) >= CLEAR
    return away & (np.asarray(times) > 0) & (np.asarray(times) < edges[1])


def measure(names: list[str], quick: bool) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Figures by estimator, and the reasons why others are not there."""
    errors = {name: Errors() for name in names}
    missing: dict[str, str] = {}
    for voice in corpus(quick):
        for name in names:
            if name in missing:
                continue
            try:
                errors[name].add(voice, ESTIMATORS[name](voice.y, voice.sr))
            except (MissingError, ImportError) as error:
                missing[name] = str(error)
    return {name: errors[name].summary() for name in names if name not in missing}, missing


#: Heading, unit, and the columns of each table.
TABLES: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Fundamental frequency",
        (
            ("f0_cents", "median error, cents", "{:.1f}"),
            ("f0_gross_percent", "gross errors, %", "{:.2f}"),
            ("voicing_percent", "voicing errors, %", "{:.2f}"),
        ),
    ),
    (
        "Voice quality",
        (
            ("jitter_points", "jitter local, percentage points", "{:.2f}"),
            ("shimmer_db", "shimmer local, dB", "{:.2f}"),
            ("hnr_db", "HNR, dB", "{:.2f}"),
        ),
    ),
    (
        "Formants",
        (
            ("f1_percent", "F1, %", "{:.1f}"),
            ("f2_percent", "F2, %", "{:.1f}"),
            ("f3_percent", "F3, %", "{:.1f}"),
        ),
    ),
)


def tables(figures: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    parts = []
    for heading, columns in TABLES:
        rows = {n: f for n, f in figures.items() if any(key in f for key, *_ in columns)}
        lines = [
            f"| {heading} | " + " | ".join(title for _, title, _ in columns) + " |",
            "|---|" + "---:|" * len(columns),
        ]
        for name, f in rows.items():
            cells = (form.format(f[key]) if key in f else "–" for key, _, form in columns)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


#: What emofeat must not exceed on the quick voices: about twice what was measured. The gross errors are one
#: stretch of one voice, i at 211 Hz in noise of 10 dB, whose F1 of 300 Hz makes the noise repeat itself after
#: two periods rather than one; Praat is an octave low there as well.
BOUNDS: dict[str, dict[str, float]] = {
    "emofeat Boersma / Burg": {
        "f0_cents": 2.5,
        "f0_gross_percent": 6.0,
        "voicing_percent": 1.0,
        "f1_percent": 5.0,
        "f2_percent": 2.0,
        "f3_percent": 2.0,
        "hnr_db": 1.5,
    },
    "emofeat pyin": {"f0_cents": 5.0, "f0_gross_percent": 1.0},
    "emofeat eGeMAPS": {
        "f0_cents": 6.0,
        "f0_gross_percent": 1.0,
        "voicing_percent": 1.0,
        "jitter_points": 0.6,
        "shimmer_db": 0.5,
    },
    "emofeat eGeMAPS, variant=paper": {"f1_percent": 10.0, "f2_percent": 10.0},
}


def exceeded(figures: dict[str, dict[str, float]]) -> list[str]:
    """The bounds that are missed, or that have no figure."""
    return [
        f"{name}: {key} is {figures.get(name, {}).get(key, float('nan')):.3g}, allowed is {bound:g}"
        for name, bounds in BOUNDS.items()
        for key, bound in bounds.items()
        if not figures.get(name, {}).get(key, float("nan")) <= bound
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few voices")
    parser.add_argument(
        "--check", action="store_true", help="the quick voices, and fail if a bound is missed"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(ESTIMATORS), metavar="NAME", help="these estimators"
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()
    names = args.only or (list(BOUNDS) if args.check else list(ESTIMATORS))
    figures, missing = measure(names, args.quick or args.check)
    print(tables(figures))
    for name, why in missing.items():
        print(f"\n{name} is not there: {why}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))
    problems = exceeded(figures) if args.check else []
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
