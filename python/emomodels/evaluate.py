"""A finished run looked at again: its metrics made anew, or its models on another corpus."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emofeat._suggest import did_you_mean
from emofeat.corpus import duplicates, guard
from emofeat.corpus.labels import Labelled, label_map
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import Fold, Split
from emofeat.corpus.utterance import Utterance
from emomodels import config, material, metrics, runs
from emomodels.config import Recipe
from emomodels.data.examples import Examples
from emomodels.data.normalise import difference
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.experiment import Fitted, Unit
from emomodels.heldout import TestLabels
from emomodels.posteriors import Posteriors
from emomodels.runs import Labels, Run

#: The one fold of a cross-corpus result: trained on one corpus, tested on another.
FOLD = "cross-corpus"
#: Sums in another order, on another machine, differ by less; another utterance or posterior by more.
_SAME = 1e-9


def again(folder: Path) -> Run:
    """The run in `folder`, once its metrics have been computed anew from labels and posteriors.

    Raises
    ------
    DataError
        It is missing, not finished or damaged, or `metrics.json` says something else (`damaged_run`).
    """
    run = Run.read(folder)
    posteriors = {seed: run.posteriors(seed) for seed in run.record.seeds}
    made = metrics.of_run(run.labels, posteriors, run.distributions)
    found = _difference(run.metrics, made)
    if found is not None:
        at, stored, now = found
        raise DataError(
            f"run {str(folder)!r} is damaged: metrics.json has {stored!r} for {at}, its labels and posteriors give "
            f"{now!r}; make it again",
            "damaged_run",
        )
    return run


def _difference(stored: Any, made: Any, at: str = "") -> tuple[str, Any, Any] | None:
    """Where two trees of JSON differ first, and what each has there."""
    if isinstance(stored, Mapping) and isinstance(made, Mapping):
        keys = [*made, *(key for key in stored if key not in made)]
        pairs = [(str(k), stored.get(k, "nothing"), made.get(k, "nothing")) for k in keys]
    elif isinstance(stored, list) and isinstance(made, list) and len(stored) == len(made):
        pairs = [(str(k), a, b) for k, (a, b) in enumerate(zip(stored, made, strict=True))]
    else:
        return None if _same(stored, made) else (at or "the file", stored, made)
    found = (_difference(a, b, f"{at}.{key}".lstrip(".")) for key, a, b in pairs)
    return next((one for one in found if one is not None), None)


def _same(stored: Any, made: Any) -> bool:
    if isinstance(stored, float) and isinstance(made, float):
        return math.isclose(stored, made, rel_tol=_SAME, abs_tol=_SAME)
    return bool(stored == made)


def cross_corpus(
    folder: Path,
    manifest: Path,
    features: Sequence[Path],
    out: Path,
    *,
    labels: str | None = None,
    key: str | None = None,
    allow_missing: bool = False,
    protocol: str = "clean",
    off: Sequence[str] = (),
    command: str | None = None,
) -> Run:
    """Apply the models of a finished run to another corpus; returns the finished run in `out`.

    The posteriors of all folds are averaged, seed by seed. Classes are those that both label maps know by one name;
    posteriors are restricted to them and sum to 1 again.

    Parameters
    ----------
    folder
        The run of `emomodels train` whose models are applied.
    manifest
        Of the other corpus.
    features
        Its features, one path for each source of the run's recipe, in that order and of the same columns.
    labels
        Label map of the other corpus; that of the run by default.
    key
        Key function between manifest and features; those of the run by default.
    allow_missing
        Leave out utterances without features.
    protocol, off
        Which guards hold; see `emofeat.corpus.guard`.

    Raises
    ------
    LeakageError
        Utterances, speakers, sessions or sounds that the models were trained on.
    RecipeError, DataError, ModelError
        The same manifest; fewer than two common classes; other columns; a model that is missing or damaged.
    """
    run = Run.read(folder)
    recipe = _recipe(run)
    theirs = Manifest.read(manifest)
    if theirs.fingerprint == run.record.data.manifest_fingerprint:
        raise RecipeError(
            f"{manifest} is the manifest that the run was made from; `emomodels evaluate {folder}` shows its result there"
        )
    there = recipe.model_copy(
        update={
            "manifest": manifest,
            "label_map": labels or recipe.label_map,
            "features": _sources(recipe, features, key),
            "allow_missing": allow_missing,
        }
    )
    common = _common(run, label_map(there.label_map).apply(theirs))
    joined = material.join_all(there, theirs, common.labelled)
    _check_columns(run, joined.examples)
    ids = joined.examples.ids
    seen = _seen(run)
    holding = guard.protocol(protocol, off, recipe.normalise.transductive)
    checked = guard.check_posteriors(
        "the run", ids, [FOLD] * len(ids), {FOLD: seen}, protocol=replace(holding, transductive=False)
    )
    ours = _manifest_of(run, recipe)
    names = _corpus(ours.select(sorted(seen))), _corpus(theirs)
    name = f"cross-corpus: {names[0]} -> {names[1]}"
    split = _split(name, seen, ids)
    audit = guard.audit(
        _together(ours.select(sorted(seen)), theirs.select(ids)),
        split,
        holding,
        labels=_labelled(run, common.labelled, seen, ids),
    )
    record = runs.Record(
        name=name,
        protocol=runs.ProtocolRecord(name=holding.name, off=tuple(sorted(holding.off))),
        stamps=tuple(
            dict.fromkeys(
                [
                    *run.record.stamps,
                    *common.stamps(*names),
                    *audit.stamps,
                    *checked.stamps,
                    *_partial(theirs),
                ]
            )
        ),
        recipe={"models_of": run.record.name, "recipe": there.model_dump(mode="json")},
        command=command or runs.command_line(),
        versions=runs.versions(),
        data=runs.DataRecord(
            manifest=manifest.name,
            manifest_fingerprint=theirs.fingerprint,
            label_map=f"{common.labelled.map} (version {common.labelled.version})",
            split=name,
            split_digest=split.digest,
            features={source.modality: dict(described) for source, described in joined.sources},
            n_in=len(theirs),
            n_used=len(ids),
            left_out={reason: tuple(out_) for reason, out_ in joined.left_out.items()},
        ),
        classes=common.labelled.classes,
        audit=audit.to_dict(),
        seeds=run.record.seeds,
        unimodal=run.record.unimodal,
        test_opened=1,
    )
    _claim(out, record)
    posteriors = _predict(run, joined.examples, common)
    parts = {part: _of_part(run, part, there, theirs, common, ids) for part in run.record.unimodal}
    sealed = TestLabels(common.labelled.by_id)
    speakers = tuple(theirs.by_id(i).speaker for i in ids)
    truth = Labels(ids, tuple(sealed.open(ids)), speakers, (FOLD,) * len(ids))
    return runs.write_run(out, record, truth, posteriors, metrics.of_run(truth, posteriors), parts=parts)


def _recipe(run: Run) -> Recipe:
    """The recipe of a run that was trained."""
    if "model" not in run.record.recipe:
        raise RecipeError(
            f"run {str(run.folder)!r} has no models of its own: it is a fusion, or models on another corpus; give a run "
            "of `emomodels train`"
        )
    return config.parse(run.record.recipe, str(run.folder / "run.json"))


def _sources(recipe: Recipe, paths: Sequence[Path], key: str | None) -> tuple[config.FeatureSource, ...]:
    """The recipe's sources at `paths`, those that have a path; recordings come with the manifest."""
    wanted = [
        f"{source.modality} ({source.path.name})" for source in recipe.features if source.path is not None
    ]
    if len(paths) != len(wanted):
        raise RecipeError(
            f"the run was trained on the features {', '.join(wanted)}; give --features for each of these "
            f"{len(wanted)}, in that order, not {len(paths)}"
            if wanted
            else "the run was trained on recordings, which the manifest names; leave --features out"
        )
    rest = iter(paths)
    return tuple(
        source.model_copy(update={"path": source.path and next(rest), "key": key or source.key})
        for source in recipe.features
    )


@dataclass(frozen=True, slots=True)
class _Common:
    """The utterances of the classes that both sides know, and what that leaves out of either."""

    labelled: Labelled
    only_ours: tuple[str, ...]
    only_theirs: Mapping[str, int]

    def stamps(self, ours: str, theirs: str) -> list[str]:
        """What a result on fewer classes has to say."""
        found = [f"without {', '.join(self.only_ours)} of {ours}"] if self.only_ours else []
        n = sum(self.only_theirs.values())
        if self.only_theirs:
            found.append(f"without {', '.join(self.only_theirs)} of {theirs} ({n:,} utterances)")
        return found

    def restricted(self, posteriors: Posteriors) -> Posteriors:
        """The posteriors of the common classes, which sum to 1 again."""
        at = [posteriors.classes.index(name) for name in self.labelled.classes]
        kept = posteriors.values[:, at]
        total = kept.sum(axis=1, keepdims=True)
        nothing = [i for i, t in zip(posteriors.ids, total[:, 0], strict=True) if not t]
        if nothing:
            raise ModelError(
                f"the models give {len(nothing)} utterances (such as {nothing[0]!r}) to the classes that only the run "
                f"knows, without any doubt: {', '.join(self.only_ours)}; among the others nothing can be decided. "
                "Train with a label map of the common classes"
            )
        return replace(posteriors, classes=self.labelled.classes, values=kept / total)


def _common(run: Run, labelled: Labelled) -> _Common:
    ours = run.record.classes
    both = tuple(name for name in ours if name in labelled.classes)
    if len(both) < 2:
        hints = [h for name in ours if (h := did_you_mean(name, labelled.classes)) and name not in both]
        raise DataError(
            f"the run knows the classes {', '.join(ours)}, {labelled.map} has {', '.join(labelled.classes)}: "
            f"{len(both)} in common, and two are needed; give a --label-map with the run's names{hints[0] if hints else ''}"
        )
    rows = [(i, name) for i, name in zip(labelled.ids, labelled.labels, strict=True)]
    strange = tuple(name for name in labelled.classes if name not in both)
    left_out = {n: tuple(i for i, name in rows if name == n) for n in strange}
    kept = [(i, name) for i, name in rows if name in both]
    return _Common(
        replace(
            labelled,
            classes=both,
            ids=tuple(i for i, _ in kept),
            labels=tuple(name for _, name in kept),
            left_out={
                **labelled.left_out,
                **{f"the run does not know {n!r}": ids for n, ids in left_out.items() if ids},
            },
        ),
        tuple(name for name in ours if name not in both),
        {n: len(ids) for n, ids in left_out.items()},
    )


def _check_columns(run: Run, examples: Examples) -> None:
    """Refuse other features than those of the fit, before anything that takes long."""
    unit = _units(run)[run.record.seeds[0]][0]
    fitted = Fitted.load(unit.folder(run.folder), run.record.recipe["model"]["name"]).normaliser.columns
    if fitted != examples.columns:
        raise ModelError(
            f"the models take {len(fitted)} columns, these features have {len(examples.columns)}: "
            f"{difference(fitted, examples.columns)}; extract the features that the run was trained on",
            "other_columns",
        )


def _units(run: Run) -> dict[int, list[Unit]]:
    """By seed, the fits of the run."""
    return {s: [Unit(fold, s) for fold in run.labels.fold_names] for s in run.record.seeds}


def _seen(run: Run) -> frozenset[str]:
    """All utterances that any of the models has seen."""
    known = [run.posteriors(seed).trained_on for seed in run.record.seeds]
    return frozenset(i for by_fold in known for ids in by_fold.values() for i in ids)


def _manifest_of(run: Run, recipe: Recipe) -> Manifest:
    """The manifest that the run was made from, of which the guard needs speakers and recordings."""
    if not recipe.manifest.exists():
        raise DataError(
            f"the manifest of the run, {recipe.manifest}, is not there, so that nobody can say whether the corpora share "
            "speakers; call this where the run was trained, or put the manifest there again",
            "no_such_file",
        )
    found = Manifest.read(recipe.manifest)
    if found.fingerprint != run.record.data.manifest_fingerprint:
        raise DataError(f"{recipe.manifest} has changed since the run was made; train it again")
    return found


def _corpus(manifest: Manifest) -> str:
    """The name of the corpus, or of the manifest where it does not say."""
    named = sorted({u.corpus for u in manifest if u.corpus is not None})
    return "+".join(named) or (manifest.path.stem if manifest.path is not None else "unnamed")


def _partial(manifest: Manifest) -> list[str]:
    return [f"partial corpus: {text}" for text in sorted({u.partial for u in manifest if u.partial})]


def _ours(id_: str) -> str:
    """The id of a training utterance among those of both corpora; their own ids may be the same by chance."""
    return f"training: {id_}"


def _split(name: str, seen: Iterable[str], ids: Sequence[str]) -> Split:
    return Split(name, (Fold(FOLD, tuple(_ours(i) for i in sorted(seen)), (), tuple(ids)),))


def _together(ours: Manifest, theirs: Manifest) -> Manifest:
    """Both manifests as one, with the groups of the same sound looked for in both together.

    To the guard, speakers of corpora with different names are different people, whatever they are called;
    where a corpus has no name, equal names are taken for one person.
    """
    named = all(u.corpus for u in [*ours, *theirs])

    def row(manifest: Manifest, u: Utterance, id_: str) -> Utterance:
        return replace(
            u,
            id=id_,
            # MSP-IMPROV and msp_improv are one corpus.
            corpus="".join(filter(str.isalnum, (u.corpus or "").casefold())) if named else None,
            file=None if u.file is None else str(manifest.audio_path(u).resolve()),
            video=None,
            audio_group=None,
            extra={},
        )

    both = [*(row(ours, u, _ours(u.id)) for u in ours), *(row(theirs, u, u.id) for u in theirs)]
    return duplicates.mark(Manifest(both))


def _labelled(run: Run, theirs: Labelled, seen: frozenset[str], ids: Sequence[str]) -> Labelled:
    """Classes of both sides, those in common."""
    known = run.training_labels
    ours = {
        _ours(i): label
        for i, label in zip(known.ids, known.labels, strict=True)
        if i in seen and label in theirs.classes
    }
    both = ours | dict(zip(ids, theirs.of(ids), strict=True))
    return replace(theirs, ids=tuple(both), labels=tuple(both.values()))


def _claim(out: Path, record: runs.Record) -> None:
    """Refuse a folder that holds something else."""
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        there = Run.read(out).record
    except DataError:
        there = None
    wanted = json.loads(record.model_dump_json(include={"name", "data", "recipe"}))
    if there is None or json.loads(there.model_dump_json(include=set(wanted))) != wanted:
        raise RecipeError(f"{out} holds something else; give a new folder")


def _predict(run: Run, examples: Examples, common: _Common) -> dict[int, Posteriors]:
    """By seed, the mean over the folds of what their models say, on the common classes."""
    recipe = _recipe(run)
    unlabelled = replace(examples, classes=run.record.classes, y=None)
    found = {}
    for seed, units in _units(run).items():
        said, seen = [], set[str]()
        for unit in units:
            fitted = Fitted.load(unit.folder(run.folder), recipe.model["name"])
            said.append(fitted.posteriors(unlabelled, FOLD))
            seen |= fitted.seen
        mean = np.mean([p.values for p in said], axis=0)
        found[seed] = common.restricted(replace(said[0], values=mean, trained_on={FOLD: frozenset(seen)}))
    return found


def _of_part(
    run: Run, name: str, there: Recipe, theirs: Manifest, common: _Common, ids: Sequence[str]
) -> dict[int, Posteriors]:
    """What the models of one modality alone say."""
    alone = Run.read(runs.part_folder(run.folder, name))
    examples = material.join_all(there.only(name), theirs, common.labelled).examples
    rows = {id_: row for row, id_ in enumerate(examples.ids)}
    return _predict(alone, examples.take([rows[i] for i in ids]), common)
