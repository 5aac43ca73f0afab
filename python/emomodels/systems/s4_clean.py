"""System S4's question under the clean protocol, from the recordings to a report, everything trained here.

RAVDESS, eight classes, S4's five folds of actors. Sound by a classical model and by a network, faces by Action Units
averaged per clip, each with settings chosen among training actors; fused by a regression on posteriors of models that
have not seen the speaker. Each step is what its command does, and is skipped where its result is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emomodels import config, experiment, recipes, runs
from emomodels.display import Display
from emomodels.exceptions import DataError
from emomodels.fuse import fuse

#: Averaged Action Units among what the authors published.
ACTION_UNITS = Path("trainingData/avg_MLP80_AUs/data_AUs_avg/df_average_AUs_total.csv")


@dataclass(frozen=True, slots=True)
class Features:
    """One feature directory: its name, and the arguments of `emofeat.Extractor`."""

    name: str
    arguments: dict[str, object]


#: What the recipes of sound read, all from the trimmed clips.
FEATURES = (Features("compare", {"set": "compare2016"}),)
#: Recipes of sound and of faces.
AUDIO, FACE = ("ravdess-audio-lda", "ravdess-audio-cnn"), "ravdess-face"


def run(
    ravdess: Path,
    data: Path,
    out: Path,
    *,
    jobs: int = 1,
    device: str = "cpu",
    command: str | None = None,
    display: Display | None = None,
) -> list[runs.Run]:
    """All steps, in the folder `out`; the runs of sound, of faces, and their fusion.

    Parameters
    ----------
    ravdess
        The recordings of RAVDESS; a part of them is taken as a part, and says so.
    data
        What the authors of S4 published.
    """
    shown = display or Display()
    out.mkdir(parents=True, exist_ok=True)
    manifest = _trimmed(ravdess, out, jobs, shown)
    for features in FEATURES:
        _extract(manifest, features, out / "features", jobs, shown)
    done = {}
    for name in (*AUDIO, FACE):
        recipe = config.load(recipes.find(name), _overrides(name, manifest, out, data))
        done[name] = experiment.run(
            recipe, out / "runs" / name, device=device, jobs=jobs, command=command, display=shown
        )
    parts = {name.removeprefix("ravdess-"): run.folder for name, run in done.items()}
    sound = {name: folder for name, folder in parts.items() if name != "face"}
    fused_sound = fuse(sound, out / "runs" / "audio", command=command)
    fused = fuse(parts, out / "runs" / "fused", command=command)
    return [*done.values(), fused_sound, fused]


def _overrides(name: str, manifest: Path, out: Path, data: Path) -> list[str]:
    """Where the inputs of a recipe are."""
    found = [f"manifest={manifest}"]
    tree = config.load(recipes.find(name))
    for i, source in enumerate(tree.features):
        path = data / ACTION_UNITS if source.format != "emofeat" else out / source.path
        found.append(f"features.{i}.path={path}")
    return found


def _trimmed(ravdess: Path, out: Path, jobs: int, shown: Display) -> Path:
    """The manifest of the clips, each without the silence around the speech."""
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.prepare import prepare
    from emofeat.corpus.trim import trim

    whole, trimmed = out / "ravdess.jsonl", out / "ravdess-trimmed.jsonl"
    if not whole.exists():
        shown.note(f"emofeat prepare ravdess {ravdess}")
        prepare("ravdess", ravdess, allow_partial=True).manifest.write(whole)
    if not trimmed.exists():
        shown.note(f"emofeat trim {whole}")
        result = trim(Manifest.read(whole), jobs=jobs)
        if result.failures:
            id_, error = next(iter(result.failures.items()))
            raise DataError(f"{whole}: {len(result.failures)} clips cannot be trimmed, first {id_}: {error}")
        result.manifest.write(trimmed)
    return trimmed


def _extract(manifest: Path, features: Features, folder: Path, jobs: int, shown: Display) -> None:
    """One feature directory of all clips; a clip that fails is an error here."""
    from emofeat import Extractor
    from emofeat.engine.inputs import gather
    from emofeat.engine.run import Options
    from emofeat.engine.run import run as extract

    shown.note(f"emofeat extract {manifest}: {features.name}")
    extractor = Extractor(**features.arguments)  # type: ignore[arg-type]
    summary = extract(gather([manifest]), extractor, folder / features.name, Options(jobs=jobs))
    if summary.failures or summary.stopped:
        first = summary.failures[0] if summary.failures else None
        what = (
            f"{summary.n_failed} clips failed, first {first.id}: {first.message}"
            if first
            else summary.stopped
        )
        raise DataError(f"{folder / features.name}: {what}")


def table(done: Sequence[runs.Run]) -> list[tuple[str, float]]:
    """Name and UAR, mean over seeds, of each run."""
    return [(run.title, run.metrics["summary"]["values"]["uar"]["mean"]) for run in done]
