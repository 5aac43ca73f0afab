"""What an experiment works on: manifest, labels, split and features, joined and audited, test labels sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofeat._suggest import did_you_mean
from emofeat.corpus import guard, splits
from emofeat.corpus.labels import Labelled, label_map
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import Fold, Split
from emomodels import inner, kinds, runs
from emomodels.config import FeatureSource, Recipe
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError, RecipeError
from emomodels.heldout import TestLabels
from emomodels.models import registry

if TYPE_CHECKING:
    from emomodels.data.features import FeatureTable, Joined

#: Splits that follow from the manifest, by the name that recipes use.
SPLITS: Mapping[str, Callable[[Manifest], Split]] = {
    "s4-actors": splits.s4_actor_folds,
    "leave-one-speaker-out": lambda m: splits.leave_one_out(m, "speaker"),
    "leave-one-session-out": lambda m: splits.leave_one_out(m, "session"),
    "speaker-5-fold": lambda m: splits.grouped_k_fold(m, 5, "speaker"),
    "corpus": splits.corpus_split,
    "corpus-folds": splits.corpus_folds,
    "random-5-fold": lambda m: splits.random_k_fold(m, 5),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One fold's examples; those of the test part carry no labels."""

    train: Examples
    dev: Examples | None
    test: Examples


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a recipe names, loaded once.

    Parameters
    ----------
    recipe
        The recipe.
    classes
        Names of the classes.
    split
        The folds, over the utterances that have a label and features.
    audit
        What the guard found.
    stamps
        What has to be printed on everything made from it.
    protocol
        Which guards hold.
    record
        Names, fingerprints and counts for the report.
    groups
        For each id the number of the group that inner folds keep whole.
    speakers
        For each id its speaker.
    fingerprints
        What decides the result beside the recipe.
    sealed
        The labels of all test utterances.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    split: Split
    audit: guard.Audit
    stamps: tuple[str, ...]
    protocol: guard.Protocol
    record: runs.DataRecord
    groups: Mapping[str, int]
    speakers: Mapping[str, str | None]
    fingerprints: Mapping[str, Any]
    sealed: TestLabels
    _examples: Examples
    _rows: Mapping[str, int]

    @classmethod
    def load(cls, recipe: Recipe) -> Material:
        """Read, join and audit what `recipe` names.

        Raises
        ------
        RecipeError, DataError, UsageError
            A name that does not exist, data that do not join.
        LeakageError
            The split has a group on both sides, and the protocol does not switch that guard off.
        """
        _check_settings(recipe)
        if not recipe.manifest.exists():
            raise RecipeError(
                f"manifest: {str(recipe.manifest)!r} is not there; paths of a recipe count from the folder in which the "
                f"command is called, {Path.cwd()}"
            )
        manifest = Manifest.read(recipe.manifest)
        labelled = label_map(recipe.label_map).apply(manifest)
        joined = join_all(recipe, manifest, labelled)
        examples = joined.examples
        split = find_split(recipe.split, manifest).on(manifest).restrict(examples.ids)
        chosen = recipe.protocol
        protocol = guard.protocol(chosen.name, chosen.off, recipe.normalise.transductive)
        used = manifest.select(examples.ids)
        left_out = {reason: tuple(ids) for reason, ids in joined.left_out.items()}
        inside = split.ids
        outside = tuple(id_ for id_ in examples.ids if id_ not in inside)
        if outside:
            left_out["not in the split"] = outside
        audit = guard.audit(
            used, split, protocol, text=recipe.text_independent, labels=_only(labelled, examples.ids)
        )
        partial = sorted({u.partial for u in used if u.partial is not None})
        return cls(
            recipe=recipe,
            classes=examples.classes,
            split=split,
            audit=audit,
            stamps=_stamps(recipe, split, audit, partial, labelled),
            record=runs.DataRecord(
                manifest=recipe.manifest.name,
                manifest_fingerprint=manifest.fingerprint,
                label_map=f"{labelled.map} (version {labelled.version})",
                split=split.name,
                split_digest=split.digest,
                features={source.modality: dict(described) for source, described in joined.sources},
                n_in=len(manifest),
                n_used=len(inside),
                left_out=left_out,
                label_counts=labelled.counts,
                label_differences=labelled.differences,
            ),
            protocol=protocol,
            groups=_groups(used, protocol),
            speakers={u.id: u.speaker for u in used},
            fingerprints=registry.estimator(recipe.model["name"], recipe.model_settings).inputs()
            | {
                "manifest": manifest.fingerprint,
                "label_map": labelled.digest,
                "split": split.digest,
                "features": [described["digest"] for _, described in joined.sources],
            },
            sealed=_seal(labelled, split, _distributions(recipe.label_map, used)),
            _examples=examples,
            _rows={id_: row for row, id_ in enumerate(examples.ids)},
        )

    def part(self, name: str) -> Part:
        """The examples of one fold. A development part is the split's, or none.

        Under `as_published` with `selection` off and `development.source: test` the test part is watched, and
        that opens its labels.
        """
        fold = self._fold(name)
        test = self._take(fold.test).without_labels()
        dev = self._take(fold.dev) if fold.dev else None
        if self.recipe.development.source == "test":
            self.sealed.open(fold.test)
            dev = self._take(fold.test)
        return Part(self._take(fold.train), dev, test)

    def training_labels(self) -> runs.Labels:
        """Labels of the utterances that some fold trains on."""
        ids = tuple(dict.fromkeys(id_ for fold in self.split.folds for id_ in fold.train))
        y = self._examples.y
        assert y is not None
        labels = tuple(self.classes[y[self._rows[id_]]] for id_ in ids)
        return runs.Labels(ids, labels, tuple(self.speakers[i] for i in ids), ("training",) * len(ids))

    def describe(self) -> str:
        """What would be fitted, for a dry run."""
        lines = [f"{runs.titled(self.recipe.name, self.stamps)}"]
        lines.append(
            f"{self.record.n_used:,} of {self.record.n_in:,} utterances, {len(self.classes)} classes"
        )
        lines += [f"left out, {reason}: {len(ids)}" for reason, ids in self.record.left_out.items()]
        for fold in self.split.folds:
            dev = f", {len(fold.dev)} development" if fold.dev else ""
            lines.append(f"fold {fold.name}: {len(fold.train)} training{dev}, {len(fold.test)} test")
        lines.append(f"model {self.recipe.model['name']}, seeds {', '.join(map(str, self.recipe.seeds))}")
        return "\n".join(lines)

    def _fold(self, name: str) -> Fold:
        return next(fold for fold in self.split.folds if fold.name == name)

    def _take(self, ids: tuple[str, ...]) -> Examples:
        return self._examples.take([self._rows[i] for i in ids])


def _check_settings(recipe: Recipe) -> None:
    """Names and settings of the model, before anything is read."""
    settings = recipe.model_settings
    for key, values in recipe.inner.grid.items():
        if not values:
            raise RecipeError(f"inner.grid.{key} is empty; give the values to try")
        for value in values:
            registry.estimator(recipe.model["name"], {**settings, key: value})
    registry.estimator(recipe.model["name"], settings)
    if len(recipe.features) > 1 and any(source.format == "waveform" for source in recipe.features):
        raise RecipeError(
            "features: recordings (format: waveform) are an input of their own and do not join others; make a run of "
            "each, and fuse them with emomodels fuse"
        )
    off = recipe.protocol.name == "as_published" and "selection" in recipe.protocol.off
    if recipe.development.source == "test" and not off:
        raise RecipeError(
            "development.source: test watches the test part; take 'train', or say so with protocol: {name: "
            "as_published, off: [selection]}"
        )


def find_split(name: str, manifest: Manifest) -> Split:
    """The split in the file `name`, or the one of `SPLITS` made from `manifest`."""
    if name in SPLITS:
        return SPLITS[name](manifest)
    if not name.casefold().endswith(".json"):
        raise RecipeError(
            f"split: {name!r} is neither a split file (.json, from `emofeat split`) nor one of "
            f"{', '.join(SPLITS)}{did_you_mean(name, SPLITS)}"
        )
    return Split.read(Path(name))


@dataclass(frozen=True, slots=True)
class _AllJoined:
    examples: Examples
    left_out: Mapping[str, tuple[str, ...]]
    sources: tuple[tuple[FeatureSource, Mapping[str, Any]], ...]


def join_all(recipe: Recipe, manifest: Manifest, labelled: Labelled) -> _AllJoined:
    """Every source joined with the labelled utterances by its own key, columns side by side."""
    joined = [(source, _join(recipe, source, manifest, labelled)) for source in recipe.features]
    left_out: dict[str, dict[str, None]] = {}  # ids in order, each once
    for source, one in joined:
        for reason, ids in one.left_out.items():
            named = (
                reason if reason in labelled.left_out or len(joined) == 1 else f"{source.modality}: {reason}"
            )
            left_out.setdefault(named, {}).update(dict.fromkeys(ids))
    if len(joined) == 1:
        examples = joined[0][1].examples
    else:
        from emomodels.fusion import early

        kept = set.intersection(*(set(one.examples.ids) for _, one in joined))
        if not kept:
            raise DataError("no utterance has features of all sources")
        common = [id_ for id_ in labelled.ids if id_ in kept]
        examples = early(_by_modality(joined, common))
    return _AllJoined(
        examples,
        {reason: tuple(ids) for reason, ids in left_out.items()},
        tuple((s, j.source) for s, j in joined),
    )


def _by_modality(joined: list[tuple[FeatureSource, Joined]], ids: list[str]) -> dict[str, Examples]:
    """The examples of each source over `ids`; a second source of a modality has a name of its own."""
    found: dict[str, Examples] = {}
    for source, one in joined:
        rows = {id_: row for row, id_ in enumerate(one.examples.ids)}
        name = source.modality if source.modality not in found else f"{source.modality}{len(found)}"
        found[name] = one.examples.take([rows[id_] for id_ in ids])
    return found


def _join(recipe: Recipe, source: FeatureSource, manifest: Manifest, labelled: Labelled) -> Joined:
    from emomodels.data.features import join

    if source.format == "waveform":
        kinds.check(recipe.model["name"], "waveform", "the recordings")
    table = read_source(source, manifest.select(labelled.ids))
    kinds.check(recipe.model["name"], kinds.kind_of(table), str(table.source["path"]))
    return join(
        manifest,
        labelled,
        table,
        source.key,
        allow_missing=recipe.allow_missing,
        on_nonfinite=recipe.normalise.on_nonfinite,
    )


def read_source(source: FeatureSource, manifest: Manifest) -> FeatureTable:
    """The features that `source` names; of `manifest` only the recordings are looked at."""
    from emomodels.data import action_units, features, waveforms

    named = source.path or "the recordings"
    if source.names and source.format != "emofeat":
        raise RecipeError(
            f"features: names choose features of a directory, {named} is read as {source.format}"
        )
    if source.path is None:
        return waveforms.waveforms(manifest, waveforms.rate_of(source.options))
    known = OPTIONS.get(source.format, ())
    for name in source.options:
        if name not in known:
            allowed = f"there are {', '.join(known)}" if known else "it has none"
            raise RecipeError(
                f"features: unknown option {name!r}{did_you_mean(name, known)} of the format {source.format}; {allowed}"
            )
    options: dict[str, Any] = dict(source.options)
    folder = source.format in ("emofeat", "action-units")
    if source.path.exists() and source.path.is_dir() != folder:
        fits = "table or averaged-action-units" if folder else "emofeat or action-units"
        raise RecipeError(
            f"features: {source.path} is a {'file' if folder else 'folder'}, which the format {source.format} does not "
            f"read; {fits} may fit (format: …)"
        )
    match source.format:
        case "emofeat":
            return features.feature_directory(source.path, source.names or None)
        case "table":
            return features.vector_table(
                source.path, key=options.get("key_column"), drop=options.get("drop", ())
            )
        case "averaged-action-units":
            return action_units.averaged_table(source.path)
        case _:
            return action_units.read_folder(source.path, **{"average": True, **options})


#: What `options` may hold, by format; see `data.features.vector_table`, `data.action_units.read_folder`, `data.waveforms`.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "table": ("key_column", "drop"),
    "action-units": ("average", "frames", "min_confidence", "fps", "faces"),
    "waveform": ("sr",),
}


#: A stochastic model with fewer seeds than this is stamped (Picard 2021; Bouthillier et al. 2021).
ENOUGH_SEEDS = 3


def _stamps(
    recipe: Recipe, split: Split, audit: guard.Audit, partial: list[str], labelled: Labelled
) -> tuple[str, ...]:
    """All that is unclean or unusual, each once."""
    own = list(recipe.stamps)
    name, settings = recipe.model["name"], recipe.model_settings
    tried = [{key: value} for key, values in recipe.inner.grid.items() for value in values]
    for change in [{}, *tried]:
        own += registry.estimator(name, {**settings, **change}).stamps
    if registry.model_class(name).stochastic and len(recipe.seeds) < ENOUGH_SEEDS:
        own.append(f"{len(recipe.seeds)} of {ENOUGH_SEEDS} seeds")
    own += [f"partial corpus: {text}" for text in partial]
    if labelled.differences and not partial:  # a part has other counts, and says so
        own.append("other counts of labels than the corpus is known to have")
    return tuple(dict.fromkeys([*audit.stamps, *split.stamps, *own]))


def _groups(used: Manifest, protocol: guard.Protocol) -> dict[str, int]:
    """Groups that inner folds keep whole: what the guard keeps apart, and the protocol does not switch off."""
    kept = [c for c in ("speaker", "session", "dialogue", "parent") if c not in protocol.off]
    columns = [used.column(c) for c in kept] + [used.column("audio_group"), used.ids]
    if "parent" in kept:
        # A file of which segments are used is a recording that they were cut from.
        columns.append([u.file if (u.start, u.end) != (None, None) else None for u in used])
    return dict(zip(used.ids, inner.components(columns), strict=True))


def _only(labelled: Labelled, ids: tuple[str, ...]) -> Labelled:
    """The labels of the utterances that are used."""
    return replace(labelled, ids=ids, labels=labelled.of(ids))


def _seal(labelled: Labelled, split: Split, distributions: Mapping[str, Mapping[str, float]]) -> TestLabels:
    by_id = labelled.by_id
    tested = [id_ for fold in split.folds for id_ in fold.test]
    return TestLabels(
        {id_: by_id[id_] for id_ in tested},
        {id_: distributions[id_] for id_ in tested if id_ in distributions},
    )


def _distributions(name: str, used: Manifest) -> dict[str, dict[str, float]]:
    """What raters said of each utterance, as a distribution over the classes; empty where nothing is known of them."""
    mapping = label_map(name)
    if mapping.column != "label" or all(u.label_distribution is None and not u.votes for u in used):
        return {}
    soft = mapping.distribution(used)
    rows = (dict(zip(soft.classes, row.tolist(), strict=True)) for row in soft.values)
    return dict(zip(soft.ids, rows, strict=True))
