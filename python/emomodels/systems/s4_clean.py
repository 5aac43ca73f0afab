"""System S4's question under the clean protocol, from the recordings to a report, everything trained here.

RAVDESS, eight classes, S4's five folds of actors. Sound by a classical model and by a network, faces by Action Units
averaged per clip, each with settings chosen among training actors; fused by a regression on posteriors of models that
have not seen the speaker. Each step is what its command does, and is skipped where its result is there.
"""

from __future__ import annotations

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
FEATURES = (Features("functionals", {"features": ["compare2016", "egemapsv02"]}),)
#: Recipes of sound and of faces.
AUDIO, FACE = ("ravdess-audio-lda", "ravdess-audio-mlp"), "ravdess-face"


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
    sound = {name.removeprefix("ravdess-audio-"): done[name].folder for name in AUDIO}
    heard = fuse(sound, out / "runs" / "ravdess-audio", command=command)
    both = {**sound, "face": done[FACE].folder}
    return [*done.values(), heard, fuse(both, out / "runs" / "ravdess-fused", command=command)]


def _overrides(name: str, manifest: Path, out: Path, data: Path) -> list[str]:
    """Where the inputs of a recipe are."""
    found = [f"manifest={manifest}"]
    tree = config.load(recipes.find(name))
    for i, source in enumerate(tree.features):
        path = data / ACTION_UNITS if source.format != "emofeat" else out / str(source.path)
        found.append(f"features.{i}.path={path}")
    return found


def _trimmed(ravdess: Path, out: Path, jobs: int, shown: Display) -> Path:
    """The manifest of the clips, each without the silence around the speech."""
    from emofeat.corpus.prepare import prepare, relative_to
    from emofeat.corpus.trim import trim

    manifest = out / "ravdess.jsonl"
    if manifest.exists():
        return manifest
    shown.note(f"emofeat prepare ravdess {ravdess} --trim")
    whole = relative_to(prepare("ravdess", ravdess, allow_partial=True).manifest, manifest)
    trimmed = trim(whole, jobs=jobs)
    if trimmed.failures:
        id_, error = next(iter(trimmed.failures.items()))
        raise DataError(f"{len(trimmed.failures)} clips of {ravdess} cannot be trimmed, first {id_}: {error}")
    trimmed.manifest.write(manifest)
    return manifest


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
