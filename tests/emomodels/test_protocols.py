"""Twenty-six mistakes that make results untrue: each is planted here, and seen refused or stamped.

A mistake is planted where a user would make it, in a recipe, a manifest, a split or a run, and goes through whole
experiments. `ROWS` says which guard meets it and which tests plant it.
"""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
import sklearn.metrics
import yaml

from emofeat.corpus.guard import LeakageError, as_published
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import Fold, Split
from emofeat.exceptions import EmofeatError
from emomodels import config, experiment, metrics, report, runs
from emomodels.data import normalise
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError, RecipeError
from emomodels.fuse import fuse
from emomodels.heldout import TestLabels
from emomodels.material import Material
from emomodels.models import classical, registry
from emomodels.models.base import Context, Estimator, History, Settings
from emomodels.posteriors import Posteriors
from emomodels.report.comparison import compared, of_comparison
from emomodels.report.text import summary, to_text
from tests.emomodels import corpus


@dataclass(frozen=True)
class Row:
    """One mistake: what meets it, and the tests that plant it; or why it does not concern these parts."""

    mistake: str
    guard: str
    tests: tuple[str, ...] = ()
    elsewhere: str = ""


ROWS: Mapping[int, Row] = {
    1: Row(
        "a speaker in training and in test",
        "guard.audit refuses; the protocol speaker_dependent is printed on everything",
        ("test_row_01_a_random_split_is_refused_or_stamped_on_everything",),
    ),
    2: Row(
        "validation speakers are training speakers",
        "guard.audit refuses; early stopping watches whole speakers, who are named in the run",
        (
            "test_row_02_a_development_part_of_training_speakers_is_refused",
            "test_row_02_early_stopping_watches_other_speakers_than_it_trains_on",
        ),
    ),
    3: Row(
        "chosen on test",
        "models are given no test labels; guard.check_selection; openings of the labels are counted",
        (
            "test_row_03_no_model_is_given_a_test_label",
            "test_row_03_other_test_labels_change_no_bit_of_the_posteriors",
            "test_row_03_choosing_on_the_test_part_is_refused_or_stamped_and_counted",
        ),
    ),
    4: Row(
        "development and test are halves of a session",
        "guard.audit compares all three parts",
        ("test_row_04_halves_of_a_session_are_no_development_and_test",),
    ),
    5: Row(
        "stacking on in-sample posteriors",
        "posteriors carry the ids behind them; guard.check_posteriors",
        ("test_row_05_stacking_on_posteriors_of_seen_utterances_is_refused_or_stamped",),
    ),
    6: Row(
        "normalisation, components, constant columns from all data",
        "fit objects with their ids; guard.check_fit",
        (
            "test_row_06_a_normalisation_that_has_seen_test_utterances_is_refused",
            "test_row_06_test_features_change_no_bit_of_what_is_fitted",
        ),
    ),
    7: Row(
        "normalisation by speaker uses test speakers' data",
        "needs transductive, which is in the name of the result",
        ("test_row_07_normalisation_by_speaker_is_refused_or_stamped_on_everything",),
    ),
    8: Row(
        "windows of one recording on both sides",
        "groups of recordings and conversations; overlap in time",
        ("test_row_08_pieces_of_one_recording_are_not_on_both_sides",),
    ),
    9: Row(
        "the same sentences in training and test",
        "their share is in every report; text_independent refuses them",
        ("test_row_09_the_share_of_the_same_text_is_in_every_report_and_can_be_refused",),
    ),
    10: Row(
        "ambiguous label maps",
        "named maps with versions; other counts than the known ones are stamped, unknown words refused",
        (
            "test_row_10_other_counts_than_the_known_ones_are_stamped_and_shown",
            "test_row_10_a_word_that_the_map_does_not_know_is_refused",
        ),
    ),
    11: Row(
        "another order of classes",
        "names of the classes travel with every array",
        (
            "test_row_11_a_model_with_its_classes_in_another_order_gives_the_same_numbers",
            "test_row_11_posteriors_with_their_columns_in_another_order_are_fused_the_same",
            "test_row_11_labels_on_disk_are_names",
        ),
    ),
    12: Row(
        "mean of folds for pooled, or the reverse",
        "both are computed and shown under their names",
        ("test_row_12_pooled_and_mean_of_folds_are_both_shown",),
    ),
    13: Row(
        "accuracy for UAR, macro for weighted F1",
        "always all of them, with the recalls",
        ("test_row_13_every_table_has_all_scores_and_the_recalls",),
    ),
    14: Row(
        "one seed, no interval, no test",
        "too few seeds are stamped; intervals over speakers; paired tests",
        ("test_row_14_few_seeds_are_stamped_and_intervals_are_over_speakers",),
    ),
    15: Row(
        "concordance per batch or per file",
        "metrics.evaluate_dimension: concatenated, the mean of recordings beside it, population variance",
        ("test_row_15_concordance_is_over_the_concatenation_with_population_variance",),
    ),
    16: Row(
        "annotation delay ignored or tuned on test",
        "a fitted parameter of the systems for continuous labels",
        elsewhere="it concerns continuous labels over time, whose systems are not among these parts yet",
    ),
    17: Row(
        "label grid for feature grid",
        "resampling by time in the systems for continuous labels",
        elsewhere="it concerns continuous labels over time, whose systems are not among these parts yet",
    ),
    18: Row(
        "modalities joined by order",
        "joined by key; what is missing or twice is an error",
        (
            "test_row_18_shuffled_features_give_the_same_bits",
            "test_row_18_a_row_too_few_or_twice_is_an_error",
        ),
    ),
    19: Row(
        "padding is pooled",
        "masks in every model of sequences; the published mistake is a setting that is stamped",
        (
            "test_row_19_neighbours_in_a_batch_change_no_result",
            "test_row_19_pooling_over_padding_as_published_is_stamped",
        ),
    ),
    20: Row(
        "augmented copies in development or test",
        "augmentation is in the loader of training batches",
        ("test_row_20_only_training_examples_are_augmented",),
    ),
    21: Row(
        "stale features, labels, splits, settings",
        "an experiment is its contents, settings and versions; anything else is refused in its folder",
        (
            "test_row_21_what_was_made_from_something_else_is_not_used_again",
            "test_row_21_a_fit_of_another_experiment_is_refused",
            "test_row_21_beginning_again_leaves_nothing_to_a_fusion",
        ),
    ),
    22: Row(
        "clips dropped in silence",
        "missing is an error unless allowed; n in, n used and the reasons in run and report",
        ("test_row_22_what_is_not_used_is_refused_or_counted_with_its_reason",),
    ),
    23: Row(
        "dialogues divided among parts",
        "conversations are groups, in inner folds too",
        ("test_row_23_conversations_are_not_divided_in_splits_nor_in_inner_folds",),
    ),
    24: Row(
        "soft labels dropped",
        "distributions are kept, sealed with the labels and evaluated",
        ("test_row_24_posteriors_are_held_against_what_the_raters_said",),
    ),
    25: Row(
        "no result on another corpus",
        "evaluation on another corpus",
        elsewhere="tests/emomodels/test_evaluate.py",
    ),
    26: Row(
        "a fusion without its parts",
        "fuse and early fusion show each part and a paired test",
        ("test_row_26_a_fusion_stands_beside_its_parts_with_paired_tests",),
    ),
}


def test_every_row_has_a_guard_and_its_tests_exist():
    assert sorted(ROWS) == list(range(1, 27))
    named = [name for row in ROWS.values() for name in row.tests]
    assert len(named) == len(set(named))
    for number, row in ROWS.items():
        assert row.guard and bool(row.tests) != bool(row.elsewhere), number
        assert all(name.startswith(f"test_row_{number:02d}_") for name in row.tests)
    assert set(named) == {name for name in globals() if name.startswith("test_row_")}


# What the tests are made of


class SpySettings(Settings):
    """`turned`: the classes in reverse order; `early`: a development part is watched."""

    turned: bool = False
    early: bool = False


class Spy(Estimator):
    """Nearest class mean that remembers everything it was given."""

    name = "spy"
    takes = "vector"
    stochastic = False
    settings_class = SpySettings
    settings: SpySettings
    fits: ClassVar[list[tuple[Examples, Examples | None]]] = []
    asked: ClassVar[list[Examples]] = []

    def __init__(self, settings: SpySettings) -> None:
        super().__init__(settings)
        self.needs_dev = settings.early

    def fit(self, train: Examples, dev: Examples | None, *, seed: int, context: Context) -> History:
        self.fits.append((train, dev))
        self.classes = train.classes[::-1] if self.settings.turned else train.classes
        at = [train.classes.index(name) for name in self.classes]
        self.means = np.stack([train.x[train.y == k].mean(axis=0) for k in at])
        return History(chosen_on="dev" if dev is not None and self.settings.early else None)

    def predict(self, examples: Examples) -> np.ndarray:
        self.asked.append(examples)
        likely = np.exp(-((examples.x[:, None] - self.means[None]) ** 2).sum(axis=2) / 8)
        return likely / likely.sum(axis=1, keepdims=True)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Spy:
        raise NotImplementedError


class DrawnSpy(Spy):
    """The same under a name that says that chance decides."""

    stochastic = True


@pytest.fixture(autouse=True)
def spies(monkeypatch):
    for name, cls in (("spy", "Spy"), ("drawn_spy", "DrawnSpy")):
        monkeypatch.setitem(registry.MODELS, name, (__name__, cls))
    Spy.fits.clear()
    Spy.asked.clear()


@pytest.fixture
def recipe(tmp_path):
    return quick(corpus.make(tmp_path))


def quick(recipe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return recipe | {"model": {"name": "spy"}, "inner": {"oof": False, "folds": 3}} | changes


def run(recipe: dict[str, Any], out: Path, **options: Any) -> runs.Run:
    return experiment.run(config.parse(recipe), out, command="emomodels train recipe.yaml", **options)


def face(recipe: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return recipe | {"name": "face", "features": [corpus.source(tmp_path, "face")]}


def with_manifest(recipe: dict[str, Any], change: Any) -> dict[str, Any]:
    """The recipe on its manifest with every utterance changed."""
    path = Path(recipe["manifest"])
    Manifest([change(u) for u in Manifest.read(path)]).write(path)
    return recipe


def with_split(recipe: dict[str, Any], test: str, dev: Any = lambda u: False) -> dict[str, Any]:
    """The recipe on one fold: speaker `test` against all others; `dev` says who of these is development."""
    manifest = Manifest.read(Path(recipe["manifest"]))
    held = [u.id for u in manifest if u.speaker == test and not dev(u)]
    watched = [u.id for u in manifest if dev(u)]
    train = [u.id for u in manifest if u.id not in {*held, *watched}]
    fold = Fold("0", tuple(train), tuple(watched), tuple(held))
    path = Path(recipe["manifest"]).with_name("split.json")
    Split("one fold", (fold,), (), manifest.fingerprint).write(path)
    return recipe | {"split": str(path)}


def shown(done: runs.Run) -> dict[str, str]:
    """All that is printed of a run."""
    document = report.of_run(done)
    markdown = report.to_markdown(document).replace("\\", "")
    return {"terminal": summary(done), "html": report.to_html(document), "markdown": markdown}


def assert_stamped_everywhere(recipe: dict[str, Any], stamp: str, tmp_path: Path) -> runs.Run:
    """Carry out `recipe`, and look for `stamp` in the run and on all that is made from it; returns the run."""
    done = run(recipe, tmp_path / "stamped")
    other = run(face(recipe, tmp_path), tmp_path / "stamped-face")
    fused = fuse({"voice": done.folder, "face": other.folder}, tmp_path / "stamped-fused", method="product")
    for one in (done, fused):
        assert stamp in one.record.stamps
        assert stamp in one.title
        text = shown(one)
        assert stamp in text["terminal"].splitlines()[0]
        captions = [line for line in text["markdown"].splitlines() if line.startswith(("# ", "**"))]
        # The second is the sentence of the summary.
        assert all(stamp in line for line in (captions[0], *captions[2:])) and len(captions) > 8
        tables = text["html"].split("<caption")[1:] + text["html"].split("<figcaption")[1:]
        assert len(tables) > 6 and all(stamp in caption.split("</", 1)[0] for caption in tables)
    found = compared([done, other])
    assert stamp in to_text(of_comparison(found)).splitlines()[0]
    assert all(stamp in entry["stamps"] for entry in found.to_dict()["runs"].values())
    return done


# The rows


def test_row_01_a_random_split_is_refused_or_stamped_on_everything(recipe, tmp_path):
    recipe |= {"split": "random-5-fold"}
    with pytest.raises(LeakageError, match=r"leakage \(speaker\)"):
        run(recipe, tmp_path / "run")
    recipe |= {"protocol": "speaker_dependent"}
    done = assert_stamped_everywhere(recipe, "speaker_dependent: guards off: speaker, session", tmp_path)
    assert "says nothing about new speakers" in shown(done)["html"]
    fused = runs.Run.read(tmp_path / "stamped-fused")
    assert fused.record.protocol.name == "speaker_dependent", "a fusion is no cleaner than its parts"


def test_row_02_a_development_part_of_training_speakers_is_refused(recipe, tmp_path):
    recipe = with_split(recipe, "s0", dev=lambda u: u.speaker != "s0" and u.id.endswith("2"))
    with pytest.raises(LeakageError, match=r"speakers .* in train and in dev"):
        run(recipe, tmp_path / "run")


def test_row_02_early_stopping_watches_other_speakers_than_it_trains_on(recipe, tmp_path):
    done = run(recipe | {"model": {"name": "spy", "early": True}}, tmp_path / "run")
    for (train, dev), by_seed in zip(Spy.fits, done.record.history.values(), strict=True):
        assert dev is not None
        assert not set(dev.speakers) & set(train.speakers)
        assert by_seed["0"].extra["development_speakers"] == sorted(set(dev.speakers))
    assert "a development part that holds no test utterances" in shown(done)["html"]


def test_row_03_no_model_is_given_a_test_label(recipe, tmp_path):
    done = run(recipe | {"inner": {"folds": 3}}, tmp_path / "run")
    assert len(Spy.fits) == 5 * (3 + 1)
    assert all(examples.y is None for examples in Spy.asked)
    material = Material.load(config.parse(recipe))
    for n, fold in enumerate(material.split.folds):
        for train, _ in Spy.fits[4 * n : 4 * n + 4]:
            assert not set(train.ids) & set(fold.test)
    assert done.record.test_opened == 1


def test_row_03_other_test_labels_change_no_bit_of_the_posteriors(recipe, tmp_path):
    recipe = quick(
        recipe, model={"name": "logistic_regression"}, inner={"folds": 3, "grid": {"C": [0.01, 1.0]}}
    )
    before = run(with_split(recipe, "s0"), tmp_path / "before")
    turned = {"angry": "happy", "happy": "sad", "sad": "angry"}
    with_manifest(recipe, lambda u: replace(u, label=turned[u.label]) if u.speaker == "s0" else u)
    after = run(with_split(recipe, "s0"), tmp_path / "after")
    assert before.labels.labels != after.labels.labels
    assert np.array_equal(before.posteriors(0).values, after.posteriors(0).values)
    assert before.record.chosen == after.record.chosen


def test_row_03_choosing_on_the_test_part_is_refused_or_stamped_and_counted(recipe, tmp_path):
    recipe |= {"model": {"name": "spy", "early": True}, "development": {"source": "test"}}
    with pytest.raises(RecipeError, match=r"development\.source: test watches the test part"):
        run(recipe, tmp_path / "run")
    recipe |= {"protocol": {"name": "as_published", "off": ["selection"]}}
    done = run(recipe, tmp_path / "run")
    assert done.record.stamps == ("as_published: guard off: selection",)
    assert done.record.test_opened == 5 + 1, "once by each fit, once for the result"
    assert {fit.chosen_on for of in done.record.history.values() for fit in of.values()} == {"test"}
    text = shown(done)["markdown"]
    assert "chosen on the TEST part" in text and "opened 6 times" in text
    other = run(face(recipe, tmp_path), tmp_path / "face")
    with pytest.raises(LeakageError, match=r"leakage \(posterior\)"):
        fuse({"voice": done.folder, "face": other.folder}, tmp_path / "fused", method="mean")


def test_row_04_halves_of_a_session_are_no_development_and_test(tmp_path):
    # Two speakers meet in a session; one is tested, the other watched.
    recipe = quick(corpus.make(tmp_path, session=lambda s, label, n: f"S{s // 2}"))
    recipe = with_split(recipe, "s0", dev=lambda u: u.speaker == "s1")
    with pytest.raises(LeakageError, match=r"sessions 'S0' in dev and in test"):
        run(recipe, tmp_path / "run")


def test_row_05_stacking_on_posteriors_of_seen_utterances_is_refused_or_stamped(recipe, tmp_path):
    recipe |= {"inner": {"folds": 3}}
    parts = {
        "voice": run(recipe, tmp_path / "voice").folder,
        "face": run(face(recipe, tmp_path), tmp_path / "face").folder,
    }
    clean = fuse(parts, tmp_path / "clean")
    assert clean.record.stamps == () and clean.record.protocol.name == "clean"
    allowed = as_published(off=["posterior"])
    path = runs.oof_path(parts["voice"], 0, "0")
    kept = Posteriors.read(path)
    seen = replace(kept, trained_on={fold: frozenset(kept.ids) for fold in kept.folds})
    tested = clean.posteriors(0)
    behind = frozenset(i for i, fold in zip(tested.ids, tested.folds, strict=True) if fold == "0")
    planted = {
        "trained on 54 of the 54": seen,
        "is not known": replace(kept, trained_on={}),
        "trained on 18 of the": replace(kept, trained_on=dict.fromkeys(kept.trained_on, behind)),
    }
    for n, (said, posteriors) in enumerate(planted.items()):
        posteriors.write(path)
        with pytest.raises(LeakageError, match=r"leakage \(posterior\)") as error:
            fuse(parts, tmp_path / f"refused{n}")
        assert said in str(error.value)
        done = fuse(parts, tmp_path / f"stamped{n}", protocol=allowed)
        assert done.record.stamps[0] == "as_published: guard off: posterior"
        assert len(done.record.stamps) > 1, "what was seen is measured"
        assert done.record.stamps[0] in summary(done).splitlines()[0]


def test_row_06_a_normalisation_that_has_seen_test_utterances_is_refused(recipe, tmp_path, monkeypatch):
    everyone = frozenset(u.id for u in Manifest.read(Path(recipe["manifest"])))
    honest = normalise.fit
    monkeypatch.setattr(normalise, "fit", lambda *a: replace(honest(*a), fit_ids=everyone))
    with pytest.raises(LeakageError, match=r"leakage \(fit\): normalisation was fitted on"):
        run(recipe, tmp_path / "run")


def test_row_06_test_features_change_no_bit_of_what_is_fitted(recipe, tmp_path):
    # The column d varies in the test part alone, where it must not keep it from being called constant.
    recipe = quick(recipe, model={"name": "logistic_regression"}, normalise={"pca": 2})
    recipe = with_split(recipe, "s0")
    table = tmp_path / "voice.csv"
    header, *lines = table.read_text().splitlines()
    fitted = []
    for factor in (1.0, -1000.0):
        rows = [header]
        for line in lines:
            id_, *values = line.split(",")
            a, b, c, d = map(float, values)
            test = id_.startswith("s0")
            row = [v * factor for v in (a, b, c, d)] if test else [a, b, c, 7.0]
            rows.append(",".join([id_, *map(str, row)]))
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        done = run(recipe, tmp_path / f"run{factor}")
        folder = experiment.Unit("0", 0).folder(done.folder)
        state = json.loads((folder / "normaliser" / "normaliser.json").read_text())
        assert state["constant"] == ["d"]
        names = ("normaliser/normaliser.safetensors", "model/model.safetensors")
        fitted.append([(folder / name).read_bytes() for name in names])
    assert fitted[0] == fitted[1]


def test_row_07_normalisation_by_speaker_is_refused_or_stamped_on_everything(recipe, tmp_path):
    with pytest.raises(RecipeError, match="transductive"):
        run(recipe | {"normalise": {"by": "speaker"}}, tmp_path / "run")
    recipe |= {"normalise": {"by": "speaker", "transductive": True}}
    done = assert_stamped_everywhere(recipe, "transductive", tmp_path)
    assert done.title == "voice [transductive]"


@pytest.mark.parametrize(
    ("guard", "columns"),
    [
        ("parent", {"parent": lambda s, label, n: f"tape-{label}-{n}"}),
        (
            "parent",
            # Segments of two seconds every second of one file: neighbours overlap, speakers or not.
            {
                "file": lambda s, label, n: f"{label}-{n}.wav",
                "start": lambda s, label, n: float(s),
                "end": lambda s, label, n: s + 2.0,
            },
        ),
        ("audio", {"audio_group": lambda s, label, n: f"{label}-{n}"}),
    ],
)
def test_row_08_pieces_of_one_recording_are_not_on_both_sides(tmp_path, guard, columns):
    with pytest.raises(LeakageError) as error:
        run(quick(corpus.make(tmp_path, **columns)), tmp_path / "run")
    assert error.value.guard == guard


def test_row_09_the_share_of_the_same_text_is_in_every_report_and_can_be_refused(tmp_path):
    # Two of three sentences are said by everybody, the third by each speaker in other words.
    recipe = quick(corpus.make(tmp_path, text_id=lambda s, label, n: f"t{n}" if n else f"own-{s}"))
    done = run(recipe, tmp_path / "run")
    for text in shown(done).values():
        assert "Same text in training: 66.7 %" in text
    other = run(face(recipe, tmp_path), tmp_path / "face")
    assert to_text(of_comparison(compared([done, other]))).count("66.7 %") == 2
    with pytest.raises(LeakageError, match=r"leakage \(text\): sentences 't1', 't2' in train and in test"):
        run(recipe | {"text_independent": True}, tmp_path / "other")


def test_row_10_other_counts_than_the_known_ones_are_stamped_and_shown(tmp_path):
    recipe = quick(corpus.make(tmp_path, corpus=lambda s, label, n: "three"))
    path = Path(recipe["label_map"])
    known = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(known | {"expected": {"three": {"angry": 24, "happy": 24, "sad": 24}}}))
    assert run(recipe, tmp_path / "known").record.stamps == ()
    path.write_text(yaml.safe_dump(known | {"expected": {"three": {"angry": 24, "happy": 30, "sad": 24}}}))
    stamp = "other counts of labels than the corpus is known to have"
    done = run(recipe, tmp_path / "other")
    assert done.record.stamps == (stamp,) and summary(done).startswith(f"voice [{stamp}]")
    assert done.record.data.label_differences == ("three: happy 24 of 30",)
    assert done.record.data.label_map == "three (version 1)"
    assert "three: happy 24 of 30" in shown(done)["markdown"]


def test_row_10_a_word_that_the_map_does_not_know_is_refused(recipe, tmp_path):
    with_manifest(recipe, lambda u: replace(u, label="excited") if u.id == "s0_happy_0" else u)
    with pytest.raises(EmofeatError, match=r"does not know 'excited' \(1x\)"):
        run(recipe, tmp_path / "run")


def test_row_11_a_model_with_its_classes_in_another_order_gives_the_same_numbers(recipe, tmp_path):
    straight = run(recipe, tmp_path / "straight")
    turned = run(recipe | {"model": {"name": "spy", "turned": True}}, tmp_path / "turned")
    assert turned.posteriors(0).classes == straight.posteriors(0).classes == corpus.CLASSES
    # Sums over the classes in another order.
    np.testing.assert_allclose(straight.posteriors(0).values, turned.posteriors(0).values, rtol=1e-12)
    assert straight.metrics["seeds"]["0"]["confusion"] == turned.metrics["seeds"]["0"]["confusion"]


def test_row_11_posteriors_with_their_columns_in_another_order_are_fused_the_same(recipe, tmp_path):
    recipe |= {"inner": {"folds": 3}}
    parts = {
        "voice": run(recipe, tmp_path / "voice").folder,
        "face": run(face(recipe, tmp_path), tmp_path / "face").folder,
    }
    before = fuse(parts, tmp_path / "before")
    for path in [*parts["face"].glob("posteriors-*"), *parts["face"].glob("oof-*/*")]:
        p = Posteriors.read(path)
        p.reorder(p.classes[::-1]).write(path)
    after = fuse(parts, tmp_path / "after")
    assert np.array_equal(before.posteriors(0).values, after.posteriors(0).values)
    assert before.metrics == after.metrics


def test_row_11_labels_on_disk_are_names(recipe, tmp_path):
    done = run(recipe, tmp_path / "run")
    for name in ("labels.parquet", "training-labels.parquet"):
        table = pq.read_table(done.folder / name)
        assert set(table["label"].to_pylist()) == set(corpus.CLASSES)
    columns = pq.read_schema(runs.posteriors_path(done.folder, 0)).names
    assert columns == ["id", "fold", *corpus.CLASSES]


def decided(done: runs.Run, among: Any = lambda fold: True) -> tuple[list[str], list[str]]:
    """Labels and decisions of the utterances of some folds."""
    said = done.posteriors(0).predictions
    rows = zip(done.labels.ids, done.labels.labels, done.labels.folds, strict=True)
    true, given = zip(*((label, said[i]) for i, label, fold in rows if among(fold)), strict=True)
    return list(true), list(given)


def uar(true: list[str], given: list[str]) -> float:
    recalls = [np.mean([g == t for t, g in zip(true, given, strict=True) if t == c]) for c in set(true)]
    return float(np.mean(recalls))


def test_row_12_pooled_and_mean_of_folds_are_both_shown(recipe, tmp_path):
    # Folds of one and of two speakers: their mean is not what is pooled.
    done = run(recipe, tmp_path / "run")
    pooled = uar(*decided(done))
    folds = [uar(*decided(done, lambda fold, f=f: fold == f)) for f in done.labels.fold_names]
    found = done.metrics["seeds"]["0"]
    assert found["uar"] == pytest.approx(pooled, abs=1e-12)
    assert found["fold_mean"]["uar"] == pytest.approx(np.mean(folds), abs=1e-12)
    assert abs(pooled - np.mean(folds)) > 1e-4, "the two must be told apart for this test to mean anything"
    for text in shown(done).values():
        assert "pooled" in text and "mean of folds" in text
        assert f"{100 * pooled:.2f}" in text and f"{100 * np.mean(folds):.2f}" in text


def test_row_13_every_table_has_all_scores_and_the_recalls(recipe, tmp_path):
    done, other = run(recipe, tmp_path / "run"), run(face(recipe, tmp_path), tmp_path / "face")
    true, given = decided(done)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(true, given),
        "UAR": sklearn.metrics.balanced_accuracy_score(true, given),
        "macro F1": sklearn.metrics.f1_score(true, given, average="macro"),
        "weighted F1": sklearn.metrics.f1_score(true, given, average="weighted"),
    }
    recalls = sklearn.metrics.recall_score(true, given, average=None, labels=corpus.CLASSES)
    comparison = to_text(of_comparison(compared([done, other])))
    for text in (*shown(done).values(), comparison):
        for name, value in expected.items():
            assert name in text and f"{100 * value:.2f}" in text
        for name, recall in zip(corpus.CLASSES, recalls, strict=True):
            assert name in text and f"{100 * recall:.2f}" in text
        assert "24" in text, "each class has 24 utterances"


def test_row_14_few_seeds_are_stamped_and_intervals_are_over_speakers(recipe, tmp_path):
    recipe |= {"model": {"name": "drawn_spy"}}
    done = run(recipe | {"seeds": [0, 1]}, tmp_path / "run")
    assert done.record.stamps == ("2 of 3 seeds",)
    assert summary(done).startswith("voice [2 of 3 seeds]")
    assert done.metrics["seeds"]["0"]["intervals"]["n_speakers"] == 8
    assert "95 % interval over speakers" in summary(done)
    enough = run(recipe | {"seeds": [0, 1, 2]}, tmp_path / "enough")
    assert enough.record.stamps == ()
    found = compared([done, enough])
    assert [(p.found.permutation.p, p.found.interval is not None) for p in found.pairs] == [(1.0, True)]


def test_row_15_concordance_is_over_the_concatenation_with_population_variance():
    rng = np.random.default_rng(0)
    true = {name: rng.normal(mean, 1, 50) for name, mean in (("a", -2), ("b", 2))}
    said = {name: values + rng.normal(0, 1, 50) for name, values in true.items()}
    x, y = np.concatenate(list(true.values())), np.concatenate(list(said.values()))
    whole = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    found = metrics.evaluate_dimension(true, said)
    # The same sums in another order.
    assert found.ccc == pytest.approx(whole, rel=1e-12)
    assert found.ccc_mean == pytest.approx(np.mean([r.ccc for r in found.recordings.values()]), rel=1e-12)
    assert found.ccc - found.ccc_mean > 0.1, "between recordings there is more to agree on than within"


def test_row_18_shuffled_features_give_the_same_bits(recipe, tmp_path):
    both = recipe | {"features": [corpus.source(tmp_path, "voice"), corpus.source(tmp_path, "face")]}
    before = run(both, tmp_path / "before")
    for seed, name in enumerate(("voice", "face")):
        table = tmp_path / f"{name}.csv"
        header, *lines = table.read_text().splitlines()
        shuffled = np.random.default_rng(seed).permutation(lines)
        table.write_text("\n".join([header, *shuffled]) + "\n", encoding="utf-8")
    after = run(both, tmp_path / "after")
    assert np.array_equal(before.posteriors(0).values, after.posteriors(0).values)
    assert before.metrics == after.metrics


def test_row_18_a_row_too_few_or_twice_is_an_error(recipe, tmp_path):
    both = recipe | {"features": [corpus.source(tmp_path, "voice"), corpus.source(tmp_path, "face")]}
    table = tmp_path / "face.csv"
    whole = table.read_text()
    lines = whole.splitlines()
    table.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 of 72 labelled utterances have no features"):
        run(both, tmp_path / "run")
    table.write_text("\n".join([*lines, lines[-1]]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 ids occur more than once"):
        run(both, tmp_path / "run")


def wav2vec2_of_few_units(folder: Path) -> str:
    import torch
    import transformers

    torch.manual_seed(0)
    small = transformers.Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(6, 6),
        conv_kernel=(10, 4),
        conv_stride=(5, 4),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2Model(small).save_pretrained(folder)
    return str(folder)


SEQUENCES: dict[str, dict[str, Any]] = {
    "bilstm": {"hidden": 4, "patience": None},
    "cnn": {"channels": (2, 2, 2, 2), "hidden": 4, "augmentation": None},
    "wav2vec2": {},
}


def test_row_19_neighbours_in_a_batch_change_no_result(tmp_path):
    from tests.emomodels.neural_tools import drawn, waveforms

    takes = {name: registry.model_class(name).takes for name in registry.MODELS}
    assert {name for name, kind in takes.items() if kind != "vector"} == set(SEQUENCES)
    for name, settings in SEQUENCES.items():
        settings = settings | {"epochs": 1, "batch_size": 6}
        if takes[name] == "waveform":
            examples = waveforms(9, longest=4000)
            settings["source"] = wav2vec2_of_few_units(tmp_path / name)
        else:
            examples = drawn(9, d=16, sequences=True)
        model = registry.estimator(name, settings)
        model.fit(examples, None, seed=0, context=Context(threads=1))
        alone = np.concatenate([model.predict(examples.take([i])) for i in range(len(examples))])
        # Sums of float32 in another order.
        np.testing.assert_allclose(model.predict(examples), alone, rtol=1e-4, atol=1e-5, err_msg=name)


def test_row_19_pooling_over_padding_as_published_is_stamped(recipe, tmp_path, monkeypatch):
    published = {"source": "x", "pooling": "as_published_unmasked"}
    stamps = registry.estimator("wav2vec2", published).stamps
    assert any(stamp.startswith("as published: padding is pooled") for stamp in stamps)
    assert not registry.estimator("wav2vec2", published | {"pooling": "masked"}).stamps
    # What a model says of itself is on the run, here for one that needs no weights.
    monkeypatch.setattr(classical.LogisticRegression, "stamps", stamps)
    done = run(recipe | {"model": {"name": "logistic_regression"}}, tmp_path / "run")
    assert set(stamps) <= set(done.record.stamps)


def test_row_20_only_training_examples_are_augmented(recipe, tmp_path, monkeypatch):
    from emomodels.models import mlp

    changed: list[np.ndarray] = []

    class Augmented(mlp.MLP):
        def augmentation(self):
            def remember(x, rng):
                changed.append(x.copy())
                return x

            return remember

    monkeypatch.setattr(mlp, "MLP", Augmented)
    # One fold; without normalisation features are known again by their values.
    recipe = with_split(recipe, "s0", dev=lambda u: u.speaker == "s1")
    model = {"name": "mlp", "hidden": [4], "epochs": 2, "patience": 2}
    run(recipe | {"model": model, "normalise": {"method": "none"}}, tmp_path / "run")
    lines = (line.split(",") for line in (tmp_path / "voice.csv").read_text().splitlines()[1:])
    speaker = {tuple(np.array(values, float).astype(np.float32)): id_[:2] for id_, *values in lines}
    seen = [speaker[tuple(x)] for x in changed]
    assert len(seen) == 2 * 6 * 9, "every training example in every epoch"
    assert set(seen) == {f"s{i}" for i in range(2, 8)}


def test_row_21_what_was_made_from_something_else_is_not_used_again(recipe, tmp_path, monkeypatch):
    recipe = with_split(recipe, "s0")
    out = tmp_path / "run"
    run(recipe, out)

    def refused(why: str, again: dict[str, Any] = recipe) -> None:
        with pytest.raises(RecipeError, match=rf"another experiment \(it differs in {why}\b"):
            run(again, out)

    refused(r"recipe\.model\.turned", recipe | {"model": {"name": "spy", "turned": True}})
    refused("split", with_split(recipe, "s1"))
    with_split(recipe, "s0")
    with monkeypatch.context() as later:
        later.setattr(experiment, "EXPERIMENT_VERSION", experiment.EXPERIMENT_VERSION + 1)
        refused("version")
    with monkeypatch.context() as later:
        later.setattr(runs, "versions", lambda: {"numpy": "9.9"})
        refused("packages")
    table = tmp_path / "voice.csv"
    kept = table.read_text()
    table.write_text(kept.replace("0.", "1.", 1), encoding="utf-8")
    refused("features")
    table.write_text(kept, encoding="utf-8")
    with_manifest(recipe, lambda u: replace(u, label="sad") if u.id == "s3_happy_0" else u)
    with_split(recipe, "s0")
    refused("manifest")


def test_row_21_a_fit_of_another_experiment_is_refused(recipe, tmp_path):
    run(recipe, tmp_path / "run")
    other = run(recipe | {"model": {"name": "spy", "turned": True}}, tmp_path / "other")
    folder = experiment.Unit("3", 0).folder(tmp_path / "run")
    shutil.rmtree(folder)
    shutil.copytree(experiment.Unit("3", 0).folder(other.folder), folder)
    with pytest.raises(RecipeError, match=r"seed-0 was made by another experiment"):
        run(recipe, tmp_path / "run")


def test_row_21_beginning_again_leaves_nothing_to_a_fusion(recipe, tmp_path):
    first = run(recipe | {"inner": {"folds": 3}}, tmp_path / "voice")
    other = run(face(recipe, tmp_path) | {"inner": {"folds": 3}}, tmp_path / "face")
    with pytest.raises(RecipeError, match="another folder"):
        fuse({"voice": first.folder, "face": other.folder}, other.folder)
    again = run(recipe, tmp_path / "voice", overwrite=True)
    with pytest.raises(DataError, match="no out-of-fold posteriors"):
        fuse({"voice": again.folder, "face": other.folder}, tmp_path / "fused")


def test_row_22_what_is_not_used_is_refused_or_counted_with_its_reason(recipe, tmp_path):
    with_manifest(recipe, lambda u: replace(u, label=None) if u.id == "s7_sad_2" else u)
    recipe = with_split(recipe, "s0")
    path = Path(recipe["split"])
    whole = Split.read(path)
    fold = replace(whole.folds[0], train=whole.folds[0].train[:-3])
    replace(whole, folds=(fold,), manifest=None).write(path)
    table = tmp_path / "voice.csv"
    table.write_text(
        "".join(
            line for line in table.read_text().splitlines(keepends=True) if not line.startswith("s2_angry_1")
        ),
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="1 of 71 labelled utterances have no features"):
        run(recipe, tmp_path / "run")
    done = run(recipe | {"allow_missing": True}, tmp_path / "run")
    data = done.record.data
    assert dict(data.left_out) == {
        "no label": ("s7_sad_2",),
        "no features": ("s2_angry_1",),
        "not in the split": ("s7_sad_0", "s7_sad_1"),
    }
    assert (data.n_in, data.n_used) == (72, 68)
    text = shown(done)["markdown"]
    assert "| in the manifest | 72 |" in text and "| used | 68 |" in text
    for reason, ids in data.left_out.items():
        assert f"left out: {reason}" in text and ids[0] in text


def test_row_23_conversations_are_not_divided_in_splits_nor_in_inner_folds(tmp_path):
    # Two speakers talk in each conversation.
    recipe = quick(corpus.make(tmp_path, dialogue=lambda s, label, n: f"d{s // 2}"), inner={"folds": 3})
    for split in ("speaker-5-fold", "random-5-fold"):
        with pytest.raises(LeakageError, match=r"leakage \(dialogue\)"):
            run(recipe | {"split": split}, tmp_path / "run")
    with_manifest(recipe, lambda u: replace(u, fold=u.dialogue))
    done = run(recipe | {"split": "corpus-folds"}, tmp_path / "run")
    oof = [Posteriors.read(runs.oof_path(done.folder, 0, fold)) for fold in done.labels.fold_names]
    for p in oof:
        for id_, fold in zip(p.ids, p.folds, strict=True):
            pair = int(id_[1]) // 2
            assert not any(int(i[1]) // 2 == pair for i in p.trained_on[fold])


def test_row_24_posteriors_are_held_against_what_the_raters_said(tmp_path):
    def raters(s: int, label: str, n: int) -> dict[str, float] | None:
        other = corpus.CLASSES[(corpus.CLASSES.index(label) + 1) % 3]
        return None if n == 2 else {label: 0.75, other: 0.25}

    done = run(quick(corpus.make(tmp_path, label_distribution=raters)), tmp_path / "run")
    p = done.posteriors(0)
    known = {u.id: u.label_distribution for u in Manifest.read(tmp_path / "manifest.jsonl")}
    known = {i: q for i, q in known.items() if q is not None}
    logs = dict(zip(p.ids, p.log_probabilities, strict=True))
    cross = [-sum(v * logs[i][p.classes.index(c)] for c, v in q.items()) for i, q in known.items()]
    found = done.metrics["distributions"]["0"]
    assert found["n"] == 48
    # The same sums in another order.
    assert found["cross_entropy"] == pytest.approx(np.mean(cross), rel=1e-12)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert found["kl"] == pytest.approx(np.mean(cross) - entropy, rel=1e-12)
    text = shown(done)["markdown"]
    assert "Posteriors against the raters' distributions" in text and f"{found['kl']:.4g}" in text
    with pytest.raises(DataError, match="sealed"):
        TestLabels({"a": "sad"}, {"a": {"sad": 1.0}}).distributions(["a"])


def test_row_26_a_fusion_stands_beside_its_parts_with_paired_tests(recipe, tmp_path):
    voice, other = run(recipe, tmp_path / "voice"), run(face(recipe, tmp_path), tmp_path / "face")
    late = fuse({"voice": voice.folder, "face": other.folder}, tmp_path / "late", method="product")
    features = [corpus.source(tmp_path, "voice"), corpus.source(tmp_path, "face")]
    early = run(recipe | {"name": "both", "features": features}, tmp_path / "early")
    alone = {
        name: metrics.evaluate(
            dict(zip(one.labels.ids, one.labels.labels, strict=True)), one.posteriors(0), n_boot=0
        )
        for name, one in (("voice", voice), ("face", other))
    }
    for fused in (late, early):
        assert fused.record.unimodal == ("voice", "face")
        for text in shown(fused).values():
            assert "Paired tests" in text and "p McNemar" in text and "p permutation" in text
            for name, found in alone.items():
                assert name in text and f"{100 * found.uar:.2f}" in text


# What is damaged or missing


def test_a_damaged_or_missing_part_of_a_feature_folder_is_named(tmp_path):
    from emofeat.engine.inputs import gather
    from emofeat.engine.run import run as extract
    from emofeat.extractor import Extractor

    recipe = quick(corpus.make(tmp_path, per_class=1))
    extractor = Extractor("means=functionals(logmel(n_mels=4),names=[amean])")
    for folder, n_samples in (("short", 30), ("features", 4000)):
        (tmp_path / "wav").mkdir(exist_ok=True)
        for n, u in enumerate(Manifest.read(tmp_path / "manifest.jsonl")):
            y = np.random.default_rng(n).normal(0, 3000, n_samples).astype("<i2")
            with wave.open(str(tmp_path / "wav" / f"{u.id}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16000)
                file.writeframes(y.tobytes())
        extract(gather([str(tmp_path / "wav")]), extractor, tmp_path / folder)
    recipe |= {"features": [{"path": str(tmp_path / "short"), "names": ["means"], "key": "stem"}]}
    with pytest.raises(DataError, match=r"holds no features: all 24 recordings failed \(too_short\)"):
        run(recipe, tmp_path / "run")
    recipe |= {"features": [{"path": str(tmp_path / "features"), "names": ["means"], "key": "stem"}]}
    assert run(recipe, tmp_path / "run").record.data.n_used == 24
    part = max((tmp_path / "features" / "parts").glob("*.parquet"), key=lambda p: p.stat().st_size)
    part.write_bytes(part.read_bytes()[:-200])
    with pytest.raises(EmofeatError, match=rf"{part.name} is damaged"):
        run(recipe, tmp_path / "other")
    part.unlink()
    with pytest.raises(EmofeatError, match="unfinished"):
        run(recipe, tmp_path / "other")
    assert not (tmp_path / "other" / "folds").exists()


def test_an_utterance_without_a_modality_is_refused_or_decided_by_the_other_and_counted(recipe, tmp_path):
    table = tmp_path / "face.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("s3_sad")), encoding="utf-8")
    parts = {
        "voice": run(recipe | {"inner": {"folds": 3}}, tmp_path / "voice").folder,
        "face": run(
            face(recipe, tmp_path) | {"inner": {"folds": 3}, "allow_missing": True}, tmp_path / "face"
        ).folder,
    }
    with pytest.raises(DataError, match=r"3 lack face \(s3_sad_0") as error:
        fuse(parts, tmp_path / "refused", method="product")
    assert error.value.code == "missing_modality"
    for method in ("product", "stacked"):
        done = fuse(parts, tmp_path / method, method=method, settings={"missing": "marginal"})
        assert done.record.stamps == ("3 utterances without face",)
        assert (len(done.labels), done.record.data.n_used) == (72, 72)
        text = summary(done)
        assert "3 of 72 utterances lack a part" in text and "Paired tests" in text


def test_a_part_that_is_empty_or_becomes_so_is_refused(recipe, tmp_path):
    recipe = with_split(recipe, "s0")
    path = Path(recipe["split"])
    content = json.loads(path.read_text())
    content["folds"][0]["test"] = []
    empty = path.with_name("empty.json")
    empty.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(EmofeatError, match="the test part of fold '0' is empty"):
        run(recipe | {"split": str(empty)}, tmp_path / "run")
    table = tmp_path / "voice.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("s0_")), encoding="utf-8")
    with pytest.raises(EmofeatError, match="the test part of fold '0' is empty"):
        run(recipe | {"allow_missing": True}, tmp_path / "run")
    with pytest.raises(EmofeatError, match="names no train part"):
        run(recipe | {"split": "corpus", "allow_missing": True}, tmp_path / "run")
