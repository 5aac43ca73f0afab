"""An experiment: from a recipe to fitted models, posteriors of every test utterance, metrics.

The work is divided into units, one for each fold and seed. A finished unit is kept, and the same command goes
on with the others; within a unit a neural model goes on from its checkpoint. Test labels are opened once,
when the posteriors of all units are there.

Under `torchrun` all processes do every fit together, and the first one writes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofeat.corpus import guard
from emomodels import config, inner, runs
from emomodels.config import Recipe
from emomodels.data import normalise
from emomodels.data.examples import Examples
from emomodels.data.normalise import Normaliser
from emomodels.display import Display
from emomodels.exceptions import ModelError, RecipeError
from emomodels.material import Material, Part
from emomodels.models import registry
from emomodels.models.base import Context, Estimator, History
from emomodels.posteriors import Posteriors, concat

#: Raised when the same recipe on the same data gives other numbers.
EXPERIMENT_VERSION = 1
STATE = "experiment.json"
INNER = "inner"


@dataclass(frozen=True, slots=True)
class Unit:
    """One fit of the experiment."""

    fold: str
    seed: int

    def folder(self, out: Path) -> Path:
        return out / "folds" / self.fold / f"seed-{self.seed}"

    def state(self, out: Path) -> dict[str, Any]:
        """What the finished unit says of itself."""
        path = self.folder(out) / "unit.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def is_done(self, out: Path, experiment: str) -> bool:
        """Whether it is finished; a unit of another experiment than the one with this digest is refused."""
        if not (self.folder(out) / "unit.json").exists():
            return False
        if self.state(out).get("experiment") != experiment:
            raise RecipeError(
                f"{self.folder(out)} was made by another experiment (other data, recipe or versions); remove it to "
                "have it made again"
            )
        return True


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model with the normalisation that belongs to it, and the ids that either has seen."""

    normaliser: Normaliser
    estimator: Estimator
    history: History
    seen: frozenset[str]

    def posteriors(self, examples: Examples, fold: str) -> Posteriors:
        """What the model says about `examples`; classes in the order of the label map."""
        values = self.estimator.predict(self.normaliser.apply(examples.without_labels()))
        order = [self.estimator.classes.index(name) for name in examples.classes]
        return Posteriors(
            ids=examples.ids,
            classes=examples.classes,
            values=np.ascontiguousarray(values[:, order]),
            scale="probability",
            model=self.estimator.name,
            folds=(fold,) * len(examples),
            trained_on={fold: self.seen},
        )

    def save(self, folder: Path) -> None:
        self.normaliser.save(folder / "normaliser")
        self.estimator.save(folder / "model")

    @classmethod
    def load(cls, folder: Path, model: str) -> Fitted:
        """What a finished unit left in `folder`; `model` is the name of the estimator.

        Raises
        ------
        ModelError
            A file is missing or damaged, or it is another kind of model.
        """
        if not (folder / "unit.json").is_file():
            raise ModelError(
                f"there is no fitted model in {folder}; the command that made the run fits it again",
                "not_found",
            )
        try:
            state = json.loads((folder / "unit.json").read_text(encoding="utf-8"))["history"]
            tested = Posteriors.read(folder / "test.parquet")
            return cls(
                Normaliser.load(folder / "normaliser"),
                registry.model_class(model).load(folder / "model"),
                History(tuple(state["epochs"]), state["best_epoch"], state["chosen_on"], state["extra"]),
                frozenset(i for ids in tested.trained_on.values() for i in ids),
            )
        except ModelError:
            raise
        # A file that was cut off or changed, wherever it is first seen: JSON, Parquet, tensors of another shape.
        except (ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
            raise ModelError(f"the fitted model in {folder} is damaged: {error}") from error


def run(
    recipe: Recipe,
    out: Path,
    *,
    device: str = "cpu",
    jobs: int = 1,
    overwrite: bool = False,
    command: str | None = None,
    display: Display | None = None,
) -> runs.Run:
    """Carry out `recipe` in the folder `out`, or go on with what is there; returns the finished run.

    Several modalities are one input (early fusion); each of them alone is carried out first, in `out/parts`, because
    no fusion is shown without its parts.

    Parameters
    ----------
    device
        `cpu`, `cuda`, `cuda:1`; `auto` takes CUDA where it is there.
    jobs
        Fits side by side, each in a process of its own; the result is the same.
    overwrite
        Begin again where `out` holds another experiment.
    command
        What made the run, for the report.
    display
        Shows how far it is; nothing by default.

    Raises
    ------
    RecipeError, DataError, LeakageError
        See `emomodels.config`, `emomodels.material` and `emofeat.corpus.guard`.
    """
    from emofeat.engine import lock

    team = Team.find(recipe, device, jobs)
    device = team.device
    shown = display if display and team.writes else Display()
    out.mkdir(parents=True, exist_ok=True)
    with lock.hold(out, lock.WHOLE) if team.writes else nullcontext():
        material = Material.load(recipe)
        if team.writes:
            _claim(out, _identity(material, device), overwrite)
        team.wait()
        parts = {}
        if len(recipe.modalities) > 1:
            for name in recipe.modalities:
                shown.note(f"{name} alone")
                part = run(
                    recipe.only(name),
                    runs.part_folder(out, name),
                    device=device,
                    jobs=jobs,
                    overwrite=overwrite,
                    command=command,
                    display=display,
                )
                parts[name] = {seed: part.posteriors(seed) for seed in part.record.seeds}
        _fit_all(material, out, team, jobs, shown)
        if team.writes:
            _assemble(material, out, parts, command)
        team.wait()
        return runs.Run.read(out)


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that do one experiment together: this one alone, or those that `torchrun` started.

    `device` is where fits run, with `auto` decided; models without PyTorch run on the CPU.
    """

    rank: int
    size: int
    device: str

    @classmethod
    def find(cls, recipe: Recipe, device: str, jobs: int) -> Team:
        """What the environment and the recipe say.

        Raises
        ------
        RecipeError
            An unknown device; several processes for a model that runs in one, or beside `jobs`.
        """
        model = registry.model_class(recipe.model["name"])
        config.check_device(device)
        size = int(os.environ.get("WORLD_SIZE", 1))
        if not model.on_device:
            if size > 1:
                raise RecipeError(
                    f"torchrun trains networks; {model.name} runs in one process, so call it without"
                )
            return cls(0, 1, "cpu")
        from emomodels.training import World, find_device

        if size == 1:
            return cls(0, 1, str(find_device(device)))
        if jobs > 1:
            raise RecipeError(f"torchrun's {size} processes do every fit together; leave out --jobs {jobs}")
        world = World.join(device)
        return cls(world.rank, world.size, str(world.device))

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            import torch.distributed as dist

            dist.barrier()


def _claim(out: Path, identity: Mapping[str, Any], overwrite: bool) -> None:
    """Make `out` the folder of this experiment, or refuse because it is that of another one."""
    path = out / STATE
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if there == identity:
            return
        if not overwrite:
            raise RecipeError(
                f"{out} holds another experiment (it differs in {', '.join(_differing(there, identity))}); give another "
                "folder, or --overwrite to begin again"
            )
        # All of it: a fusion must not learn from out-of-fold posteriors of another experiment.
        old = [out / name for name in ("folds", "parts", "metrics.json", "run.json", runs.DISTRIBUTIONS)]
        for target in (*old, *out.glob("oof-seed*"), *out.glob("posteriors-seed*")):
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    runs.write_json(path, identity)


def _differing(a: Any, b: Any, at: str = "") -> list[str]:
    """Keys, with dots, at which two trees of JSON differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        below = [_differing(a.get(k), b.get(k), f"{at}.{k}".lstrip(".")) for k in sorted({*a, *b})]
        return [key for keys in below for key in keys]
    return [] if a == b else [at]


def _identity(material: Material, device: str) -> dict[str, Any]:
    """Everything that decides the numbers, in the form in which it is stored."""
    identity = {
        "version": EXPERIMENT_VERSION,
        "recipe": material.recipe.model_dump(mode="json"),
        "device": device.partition(":")[0],
        "packages": runs.versions(),
        "processes": int(os.environ.get("WORLD_SIZE", 1)),
        **material.fingerprints,
    }
    restored: dict[str, Any] = json.loads(json.dumps(identity))
    return restored


def _digest(identity: Mapping[str, Any]) -> str:
    """SHA-256 of an identity, as hexadecimal text."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def units(material: Material) -> list[Unit]:
    """The units of an experiment, in the order in which they are done."""
    return [Unit(fold.name, seed) for seed in material.recipe.seeds for fold in material.split.folds]


def _fit_all(material: Material, out: Path, team: Team, jobs: int, display: Display) -> None:
    all_units, device = units(material), team.device
    experiment = _digest(_identity(material, device))
    pending = [unit for unit in all_units if not unit.is_done(out, experiment)]
    done = len(all_units) - len(pending)
    team.wait()  # all know what is pending before the first unit is finished
    if done:
        display.note(f"{done} of {len(all_units)} fits are there already")

    def note(unit: Unit) -> None:
        nonlocal done
        done += 1
        display.done(done, len(all_units), f"{material.recipe.name}: fold {unit.fold}, seed {unit.seed}")

    if jobs == 1 or len(pending) < 2:
        for unit in pending:
            fit_unit(material, unit, out, device, display, writes=team.writes)
            note(unit)
        return
    import multiprocessing

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(pending)), mp_context=spawn) as pool:
        recipe = material.recipe.model_dump(mode="json")
        work = {pool.submit(_fit_elsewhere, recipe, unit, out, device): unit for unit in pending}
        try:
            for future in as_completed(work):
                future.result()
                note(work[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


_loaded: dict[str, Material] = {}


def _fit_elsewhere(recipe: dict[str, Any], unit: Unit, out: Path, device: str) -> None:
    """`fit_unit` in a worker, which loads its material once."""
    key = json.dumps(recipe, sort_keys=True)
    if key not in _loaded:
        _loaded[key] = Material.load(config.parse(recipe))
    fit_unit(_loaded[key], unit, out, device, Display())


def fit_unit(
    material: Material, unit: Unit, out: Path, device: str, display: Display, *, writes: bool = True
) -> None:
    """Choose settings, fit, predict the test part, and leave all of it in the unit's folder."""
    from threadpoolctl import threadpool_limits

    recipe, opened = material.recipe, material.sealed.opened
    part = material.part(unit.fold)
    folder = unit.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    context = Context(device=device, folder=folder, progress=display.epoch, threads=recipe.threads)
    fitter = Fitter(recipe, material.groups, unit.seed, context)
    # The number of threads can change the last bits of sums in NumPy and scikit-learn too.
    with threadpool_limits(recipe.threads):
        chosen, scores, oof = fitter.choose(part, keep=recipe.inner.oof)
        fitted = fitter.fit(part.train, part.dev, chosen, folder)
        tested = fitted.posteriors(part.test, unit.fold)
    seen = _check(material, fitted, part)
    if not writes:
        return
    if oof is not None:
        path = runs.oof_path(out, unit.seed, unit.fold)
        path.parent.mkdir(parents=True, exist_ok=True)
        oof.write(path)
    fitted.save(folder)
    tested.write(folder / "test.parquet")
    history = {
        "epochs": [dict(epoch) for epoch in fitted.history.epochs],
        "best_epoch": fitted.history.best_epoch,
        "chosen_on": "test" if seen else fitted.history.chosen_on,
        "extra": dict(fitted.history.extra),
    }
    runs.write_json(
        folder / "unit.json",
        {
            "experiment": _digest(_identity(material, device)),
            "test_opened": material.sealed.opened - opened,
            "chosen": chosen,
            "inner_scores": scores,
            "history": history,
            "seconds": time.perf_counter() - began,
        },
    )
    shutil.rmtree(folder / INNER, ignore_errors=True)


def _check(material: Material, fitted: Fitted, part: Part) -> int:
    """Hold what was fitted against the guards: nothing has seen the test part but where the protocol says so.

    Returns how many test utterances the choice of the epoch has seen.
    """
    test, normaliser = part.test.ids, fitted.normaliser
    transductive = normaliser.settings.transductive
    guard.check_fit(
        "normalisation", normaliser.seen(test), test, material.protocol, transductive=transductive
    )
    watched = () if part.dev is None or fitted.history.chosen_on is None else part.dev.ids
    return guard.check_selection("the epoch", watched, test, material.protocol).seen


@dataclass(frozen=True, slots=True)
class Fitter:
    """Fits of one recipe with one seed."""

    recipe: Recipe
    groups: Mapping[str, int]
    seed: int
    context: Context

    def fit(
        self, train: Examples, dev: Examples | None, chosen: Mapping[str, Any], folder: Path | None
    ) -> Fitted:
        """Fit normalisation and model on `train`; a model that stops early gets a part of it where `dev` is None."""
        estimator = registry.estimator(self.recipe.model["name"], {**self.recipe.model_settings, **chosen})
        seen = frozenset(train.ids) | frozenset(() if dev is None else dev.ids)
        if estimator.needs_dev and dev is None:
            at, rest = inner.development(train, self._groups(train), self.recipe.development.share, self.seed)
            train, dev = train.take(at), train.take(rest)
        normaliser = normalise.fit(train, self.recipe.normalise)
        history = estimator.fit(
            normaliser.apply(train),
            None if dev is None else normaliser.apply(dev),
            seed=self.seed,
            context=replace(self.context, folder=folder),
        )
        if dev is not None and history.chosen_on is not None:
            who = {"development_n": len(dev), "development_speakers": sorted(set(dev.speakers))}
            history = replace(history, extra={**history.extra, **who})
        return Fitted(normaliser, estimator, history, seen)

    def choose(
        self, part: Part, *, keep: bool
    ) -> tuple[dict[str, Any], list[dict[str, Any]], Posteriors | None]:
        """The best settings of the grid, all scores, and out-of-fold posteriors of the training part if kept.

        A development part chooses where the split has one, else folds inside the training part. The
        posteriors of the chosen settings serve again as the out-of-fold posteriors.
        """
        grid = list(combinations(self.recipe.inner.grid))
        on_dev = part.dev is not None and self.recipe.development.source != "test"
        if len(grid) == 1:
            return grid[0], [], self._out_of_fold(part.train, grid[0]) if keep else None
        scores, best, kept = [], None, None
        for i, settings in enumerate(grid):
            if on_dev and part.dev is not None:
                fitted = self.fit(part.train, part.dev, settings, self._inner_folder(f"{i}-dev"))
                posteriors, labelled = fitted.posteriors(part.dev, "dev"), part.dev
            else:
                posteriors, labelled = self._out_of_fold(part.train, settings, i), part.train
            score = self._score(posteriors, labelled)
            scores.append({**settings, self.recipe.inner.metric: score})
            if self.context.progress:
                self.context.progress(
                    f"  inner folds: {settings} {self.recipe.inner.metric} {100 * score:.2f}"
                )
            if best is None or score > best[0]:
                best, kept = (score, settings), posteriors
        assert best is not None
        if keep and on_dev:
            kept = self._out_of_fold(part.train, best[1], len(grid))
        return best[1], scores, kept if keep else None

    def _out_of_fold(self, train: Examples, settings: Mapping[str, Any], choice: int = 0) -> Posteriors:
        """Posteriors of the training part, each utterance by a model that has seen nothing of its group."""
        folds = inner.grouped_folds(train, self._groups(train), self.recipe.inner.folds, self.seed)
        parts = []
        for k, (fit_on, test_on) in enumerate(folds):
            fitted = self.fit(train.take(fit_on), None, settings, self._inner_folder(f"{choice}-{k}"))
            parts.append(fitted.posteriors(train.take(test_on), f"inner-{k}"))
        return concat(parts).align(train.ids)

    def _inner_folder(self, name: str) -> Path | None:
        """Where an inner fit keeps its checkpoints until the unit is finished."""
        return None if self.context.folder is None else self.context.folder / INNER / name

    def _score(self, posteriors: Posteriors, labelled: Examples) -> float:
        from emomodels import metrics

        assert labelled.y is not None
        truth = {id_: labelled.classes[i] for id_, i in zip(labelled.ids, labelled.y, strict=True)}
        return metrics.score(self.recipe.inner.metric, truth, posteriors)

    def _groups(self, examples: Examples) -> list[int]:
        return [self.groups[i] for i in examples.ids]


def combinations(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """All combinations of the values of a grid; one empty combination for an empty grid.

    >>> list(combinations({"C": [1, 2], "gamma": [3]}))
    [{'C': 1, 'gamma': 3}, {'C': 2, 'gamma': 3}]
    """
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _assemble(
    material: Material, out: Path, parts: Mapping[str, Mapping[int, Posteriors]], command: str | None
) -> runs.Run:
    """Put the units together, open the test labels, and write the run."""
    from emomodels import metrics

    recipe = material.recipe
    posteriors = {
        seed: concat(
            [
                Posteriors.read(Unit(fold.name, seed).folder(out) / "test.parquet")
                for fold in material.split.folds
            ]
        )
        for seed in recipe.seeds
    }
    ids = posteriors[recipe.seeds[0]].ids
    folds = posteriors[recipe.seeds[0]].folds
    speakers = tuple(material.speakers[i] for i in ids)
    labels = runs.Labels(ids, tuple(material.sealed.open(ids)), speakers, folds)
    material.training_labels().write(runs.training_labels_path(out))
    history: dict[str, dict[str, Any]] = {}
    chosen: dict[str, Any] = {}
    opened = 1  # here; each unit, in whichever process, says how often it did
    for unit in units(material):
        state = unit.state(out)
        opened += state["test_opened"]
        history.setdefault(unit.fold, {})[str(unit.seed)] = state["history"]
        chosen.setdefault(unit.fold, {})[str(unit.seed)] = {
            "settings": state["chosen"],
            "inner_scores": state["inner_scores"],
        }
    record = runs.Record(
        name=recipe.name,
        protocol=runs.ProtocolRecord(name=material.protocol.name, off=tuple(sorted(material.protocol.off))),
        stamps=material.stamps,
        recipe=recipe.model_dump(mode="json"),
        command=command or runs.command_line(),
        versions=runs.versions(),
        data=material.record,
        classes=material.classes,
        audit=material.audit.to_dict(),
        seeds=recipe.seeds,
        chosen=chosen,
        history={
            fold: {seed: runs.FitRecord(**fit) for seed, fit in by_seed.items()}
            for fold, by_seed in history.items()
        },
        unimodal=tuple(parts),
        test_opened=opened,
    )
    raters = material.sealed.distributions(ids)
    found = metrics.of_run(labels, posteriors, raters)
    return runs.write_run(out, record, labels, posteriors, found, parts=parts, distributions=raters)
