"""Fusion of finished runs: joined by key, trained on out-of-fold posteriors, kept beside its parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emofeat.corpus import guard
from emomodels import fusion, metrics, runs
from emomodels.data.keys import key_function
from emomodels.exceptions import DataError, RecipeError
from emomodels.experiment import STATE
from emomodels.fusion import Fused, LateFusion
from emomodels.posteriors import Posteriors, concat
from emomodels.runs import Labels, Run


def fuse(
    folders: Mapping[str, Path],
    out: Path,
    *,
    method: str = "stacked",
    settings: Mapping[str, Any] | None = None,
    protocol: guard.Protocol = guard.CLEAN,
    key: str = "id",
    overwrite: bool = False,
    command: str | None = None,
) -> Run:
    """Fuse the posteriors of two or more runs; returns the finished run in `out`.

    Every fold has a fusion of its own. One that learns is fitted on the out-of-fold posteriors of that fold's
    training part. Runs of several seeds are fused seed by seed, a run of one seed goes with each.

    Parameters
    ----------
    folders
        Folders of the runs by the name of the modality.
    method, settings
        A fusion of `emomodels.fusion.FUSIONS`, and its settings.
    protocol
        Which guards hold, beside those that the runs have switched off.
    key
        Key function that the ids of all runs pass through.
    overwrite
        Replace another fusion in `out`.

    Raises
    ------
    RecipeError, DataError
        Fewer than two runs; runs of other classes, folds or labels; no out-of-fold posteriors; `out` holds
        another run.
    LeakageError
        See `emomodels.fusion.Fusion`.
    """
    if len(folders) < 2:
        raise RecipeError(f"a fusion needs two runs or more, {len(folders)} given")
    key_of = key_function(key)
    parts = {name: Run.read(folder) for name, folder in folders.items()}
    protocol = _protocol(parts, protocol)
    first = next(iter(parts.values()))
    recipe: dict[str, Any] = {"fusion": method, "settings": dict(settings or {}), "key": key}
    recipe["parts"] = {name: run.record.recipe for name, run in parts.items()}
    _claim(out, recipe, overwrite)
    labels = _labels(parts, key_of)
    seeds = _seeds(parts)
    trained = fusion.fusion(method, **(settings or {})).trained
    truth = _training_labels(parts, key_of) if trained else {}
    fused: dict[int, Posteriors] = {}
    chosen: dict[str, Any] = {}
    stamps = [stamp for run in parts.values() for stamp in run.record.stamps]
    for seed in seeds:
        test = {n: _rekeyed(r.posteriors(_of(r, seed)), key_of) for n, r in parts.items()}
        done = []
        for fold in labels.fold_names:
            model = fusion.fusion(method, **(settings or {}))
            if trained:
                oof = _one_partition({n: _oof(r, _of(r, seed), fold, key_of) for n, r in parts.items()})
                model.fit(oof, {i: truth[i] for p in oof.values() for i in p.ids}, protocol=protocol)
            result = _predict(model, test, fold, protocol)
            stamps += [*result.stamps, *_missing(result)]
            model.save(out / "folds" / fold / f"seed-{seed}" / "fusion")
            chosen.setdefault(fold, {})[str(seed)] = {
                "settings": model.settings.model_dump(),
                "inner_scores": [],
            }
            done.append(result.posteriors)
        fused[seed] = concat(done).align(labels.ids)
    record = runs.Record(
        name=f"{' + '.join(parts)}, {method}",
        protocol=runs.ProtocolRecord(name=protocol.name, off=tuple(sorted(protocol.off))),
        stamps=tuple(dict.fromkeys(stamps)),
        recipe=recipe,
        command=command or runs.command_line(),
        versions=runs.versions(),
        data=_data(parts, key_of),
        classes=first.record.classes,
        audit=first.record.audit,
        seeds=seeds,
        chosen=chosen,
        unimodal=tuple(parts),
        test_opened=max(run.record.test_opened for run in parts.values()),
    )
    singles = {
        name: {seed: _rekeyed(run.posteriors(_of(run, seed)), key_of) for seed in seeds}
        for name, run in parts.items()
    }
    raters = {key_of(id_): said for run in parts.values() for id_, said in run.distributions.items()}
    found = metrics.of_run(labels, fused, raters)
    return runs.write_run(out, record, labels, fused, found, parts=singles, distributions=raters)


def _claim(out: Path, recipe: Mapping[str, Any], overwrite: bool) -> None:
    """Refuse a folder that holds anything but this fusion, which may be made again."""
    if (out / STATE).exists():
        raise RecipeError(f"{out} holds a run of `emomodels train`; give another folder for the fusion")
    if overwrite or not (out / "run.json").exists():
        return
    there = Run.read(out).record
    if there.recipe != json.loads(json.dumps(recipe)):
        raise RecipeError(
            f"{out} holds another run, {there.name!r}; give another folder for the fusion, or --overwrite"
        )


def _protocol(parts: Mapping[str, Run], protocol: guard.Protocol) -> guard.Protocol:
    """`protocol` without the guards that any of the runs has switched off: the result is no cleaner than they are."""
    off = protocol.off.union(*(run.record.protocol.off for run in parts.values()))
    name = next((n for n, known in guard.PROTOCOLS.items() if known == off), "as_published")
    return guard.protocol(name, off, protocol.transductive)


def _predict(model: LateFusion, test: Mapping[str, Posteriors], fold: str, protocol: guard.Protocol) -> Fused:
    here = {name: p.take([i for i, f in enumerate(p.folds) if f == fold]) for name, p in test.items()}
    return model.predict(here, protocol=protocol)


def _missing(fused: Fused) -> list[str]:
    """What a result has to say of utterances that lack a modality."""
    return [f"{len(ids)} utterances without {name}" for name, ids in fused.missing.items() if ids]


def _labels(parts: Mapping[str, Run], key_of: Callable[[str], str]) -> Labels:
    """The test utterances of all runs, which must agree on classes, labels and folds."""
    first_name, first = next(iter(parts.items()))
    found: dict[str, tuple[str, str | None, str]] = {}
    for name, run in parts.items():
        if set(run.record.classes) != set(first.record.classes):
            raise DataError(
                f"{first_name} knows the classes {', '.join(first.record.classes)}, {name} "
                f"{', '.join(run.record.classes)}; fuse runs with one label map"
            )
        rows = zip(run.labels.ids, run.labels.labels, run.labels.speakers, run.labels.folds, strict=True)
        for id_, *said in rows:
            row: tuple[str, str | None, str] = (str(said[0]), said[1], str(said[2]))
            known = found.setdefault(key_of(id_), row)
            if known != row:
                raise DataError(
                    f"{name} has {id_!r} as {row[0]!r} of speaker {row[1]!r} in fold {row[2]!r}, another run as "
                    f"{known[0]!r} of speaker {known[1]!r} in fold {known[2]!r}; fuse runs on one split and one label map"
                )
    labels, speakers, folds = zip(*found.values(), strict=True)
    return Labels(tuple(found), labels, speakers, folds)


def _seeds(parts: Mapping[str, Run]) -> tuple[int, ...]:
    several = {name: run.record.seeds for name, run in parts.items() if len(run.record.seeds) > 1}
    if len(set(several.values())) > 1:
        listed = "; ".join(f"{name}: {', '.join(map(str, seeds))}" for name, seeds in several.items())
        raise DataError(f"the runs have different seeds ({listed}); fuse runs of the same seeds, or of one")
    return next(iter(several.values()), next(iter(parts.values())).record.seeds)


def _of(run: Run, seed: int) -> int:
    """The seed of `run` that goes with `seed`."""
    return seed if seed in run.record.seeds else run.record.seeds[0]


def _training_labels(parts: Mapping[str, Run], key_of: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for run in parts.values():
        there = run.training_labels
        found.update(zip(map(key_of, there.ids), there.labels, strict=True))
    return found


def _oof(run: Run, seed: int, fold: str, key_of: Callable[[str], str]) -> Posteriors:
    path = runs.oof_path(run.folder, seed, fold)
    if not path.exists():
        raise DataError(
            f"run {str(run.folder)!r} has no out-of-fold posteriors of its training part; train it with inner.oof: "
            "true, or take a fusion that learns nothing: product, mean"
        )
    return _rekeyed(Posteriors.read(path), key_of)


def _one_partition(oof: Mapping[str, Posteriors]) -> dict[str, Posteriors]:
    """The same posteriors with one name of fold for each utterance: runs may have drawn other inner folds.

    A fold is then a combination of theirs, and each run keeps whom its own model was trained on.
    """
    own = {name: dict(zip(p.ids, p.folds, strict=True)) for name, p in oof.items()}
    renamed = {}
    for name, p in oof.items():
        folds = tuple("+".join(folds.get(id_, "-") for folds in own.values()) for id_ in p.ids)
        before = dict(zip(folds, p.folds, strict=True))
        trained_on = {fold: p.trained_on[was] for fold, was in before.items() if was in p.trained_on}
        renamed[name] = replace(p, folds=folds, trained_on=trained_on)
    return renamed


def _rekeyed(posteriors: Posteriors, key_of: Callable[[str], str]) -> Posteriors:
    return replace(
        posteriors,
        ids=tuple(map(key_of, posteriors.ids)),
        trained_on={fold: frozenset(map(key_of, ids)) for fold, ids in posteriors.trained_on.items()},
    )


def _data(parts: Mapping[str, Run], key_of: Callable[[str], str]) -> runs.DataRecord:
    """What the parts were made from, together."""
    records = {name: run.record.data for name, run in parts.items()}
    left_out: dict[str, tuple[str, ...]] = {}
    for name, record in records.items():
        for reason, ids in record.left_out.items():
            left_out[f"{name}: {reason}"] = ids
    first = next(iter(records.values()))
    features = {name: record.features for name, record in records.items()}
    # An utterance is used if any of the runs has used it.
    unused = [{key_of(i) for ids in r.left_out.values() for i in ids} for r in records.values()]
    n_used = first.n_in - len(set.intersection(*unused))
    return first.model_copy(update={"features": features, "left_out": left_out, "n_used": n_used})
