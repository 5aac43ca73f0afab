"""Experiments: the same result in any order of work, nothing of the test part seen, every mistake refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emofeat.corpus.guard import LeakageError
from emofeat.exceptions import EmofeatError
from emomodels import config, experiment, runs
from emomodels.exceptions import DataError, RecipeError
from emomodels.fuse import fuse
from emomodels.material import Material
from emomodels.posteriors import Posteriors
from tests.emomodels import corpus

MLP = {"name": "mlp", "hidden": [8], "epochs": 6}


def run(recipe: dict[str, Any], out: Path, **options: Any) -> runs.Run:
    return experiment.run(config.parse(recipe), out, command="emomodels train recipe.yaml", **options)


@pytest.fixture
def recipe(tmp_path):
    return corpus.make(tmp_path)


def test_every_utterance_is_tested_once_by_a_model_that_has_not_seen_its_speaker(recipe, tmp_path):
    done = run(recipe, tmp_path / "run")
    posteriors = done.posteriors(0)
    manifest = Material.load(config.parse(recipe))
    assert sorted(posteriors.ids) == sorted(i for f in manifest.split.folds for i in f.test)
    speakers = manifest.speakers
    for id_, fold in zip(posteriors.ids, posteriors.folds, strict=True):
        assert speakers[id_] not in {speakers[i] for i in posteriors.trained_on[fold]}
    assert done.metrics["summary"]["values"]["uar"]["mean"] > 0.6


def test_test_labels_are_opened_once(recipe, tmp_path):
    assert run(recipe, tmp_path / "run").record.test_opened == 1


def test_the_examples_of_the_test_part_carry_no_labels(recipe):
    material = Material.load(config.parse(recipe))
    assert material.part("0").test.y is None
    assert material.sealed.opened == 0


def test_out_of_fold_posteriors_are_of_the_training_part_by_models_without_the_speaker(recipe, tmp_path):
    run(recipe, tmp_path / "run")
    material = Material.load(config.parse(recipe))
    for fold in material.split.folds:
        oof = Posteriors.read(runs.oof_path(tmp_path / "run", 0, fold.name))
        assert set(oof.ids) == set(fold.train)
        assert not oof.in_sample.any()
        for id_, inner in zip(oof.ids, oof.folds, strict=True):
            assert material.speakers[id_] not in {material.speakers[i] for i in oof.trained_on[inner]}
            assert not oof.trained_on[inner] & set(fold.test)


def test_one_process_and_several_give_the_same_bits(recipe, tmp_path):
    recipe |= {"model": MLP, "inner": {"oof": False}, "split": "speaker-5-fold"}
    alone, together = run(recipe, tmp_path / "a"), run(recipe, tmp_path / "b", jobs=2)
    assert np.array_equal(alone.posteriors(0).values, together.posteriors(0).values)
    assert alone.metrics == together.metrics


def test_finished_fits_are_kept_and_the_rest_is_done(recipe, tmp_path):
    out = tmp_path / "run"
    whole = run(recipe, out)
    kept = out / "folds" / "1" / "seed-0" / "unit.json"
    before = kept.stat().st_mtime_ns
    shutil.rmtree(out / "folds" / "3")
    (out / "metrics.json").unlink()
    again = run(recipe, out)
    assert kept.stat().st_mtime_ns == before
    assert np.array_equal(whole.posteriors(0).values, again.posteriors(0).values)


def test_another_recipe_in_the_same_folder_is_refused(recipe, tmp_path):
    run(recipe, tmp_path / "run")
    other = recipe | {"model": {"name": "logistic_regression", "C": 0.1}}
    with pytest.raises(RecipeError, match=r"another experiment \(it differs in recipe\.model\.C\)"):
        run(other, tmp_path / "run")
    assert run(other, tmp_path / "run", overwrite=True).record.recipe["model"]["C"] == 0.1


def test_changed_features_are_not_taken_for_the_same(recipe, tmp_path):
    run(recipe, tmp_path / "run")
    table = tmp_path / "voice.csv"
    table.write_text(table.read_text().replace("0.", "1.", 1), encoding="utf-8")
    with pytest.raises(RecipeError, match="differs in features"):
        run(recipe, tmp_path / "run")


def test_the_grid_is_chosen_inside_the_training_part(recipe, tmp_path):
    done = run(recipe | {"inner": {"folds": 3, "grid": {"C": [1e-6, 1.0]}}}, tmp_path / "run")
    for by_seed in done.record.chosen.values():
        assert by_seed["0"]["settings"] in ({"C": 1e-6}, {"C": 1.0})
        assert len(by_seed["0"]["inner_scores"]) == 2


def test_early_stopping_watches_speakers_of_the_training_part(recipe, tmp_path):
    done = run(recipe | {"model": MLP | {"patience": 2}, "inner": {"oof": False}}, tmp_path / "run")
    assert {fit.chosen_on for by_seed in done.record.history.values() for fit in by_seed.values()} == {"dev"}


def test_several_modalities_are_shown_beside_each_alone(recipe, tmp_path):
    both = recipe | {"features": [corpus.source(tmp_path, "voice"), corpus.source(tmp_path, "face")]}
    done = run(both, tmp_path / "run")
    assert done.record.unimodal == ("voice", "face")
    fused = done.metrics["summary"]["values"]["uar"]["mean"]
    alone = runs.Run.read(tmp_path / "run" / "parts" / "face").metrics["summary"]["values"]["uar"]["mean"]
    assert fused > alone


def test_processes_of_torchrun_do_one_experiment_together(recipe, tmp_path):
    recipe |= {"model": MLP, "inner": {"folds": 2}, "split": str(two_folds(recipe, tmp_path))}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    train = [
        "-m",
        "emomodels",
        "train",
        str(tmp_path / "recipe.yaml"),
        "-o",
        str(tmp_path / "both"),
        "--device",
        "cpu",
    ]
    done = subprocess.run([*torchrun, *train], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    alone, both = run(recipe, tmp_path / "alone"), runs.Run.read(tmp_path / "both")
    assert done.stdout.count("Metrics, %") == 1
    # Gradients are summed in another order: float32 rounding over a dozen steps.
    assert np.allclose(alone.posteriors(0).values, both.posteriors(0).values, atol=1e-4)


def test_torchrun_is_refused_where_one_process_fits(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="runs in one process"):
        run(recipe, tmp_path / "run")


def two_folds(recipe: dict[str, Any], folder: Path) -> Path:
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.splits import grouped_k_fold

    grouped_k_fold(Manifest.read(recipe["manifest"]), 2).write(folder / "split.json")
    return folder / "split.json"


def test_overwriting_leaves_nothing_of_the_other_experiment(recipe, tmp_path):
    run(recipe | {"seeds": [0, 1]}, tmp_path / "run")
    run(recipe, tmp_path / "run", overwrite=True)
    names = sorted(path.name for path in (tmp_path / "run").glob("*seed*"))
    assert names == ["oof-seed0", "posteriors-seed0.parquet"]


def test_another_fusion_is_not_replaced_unasked(recipe, tmp_path):
    run(recipe, tmp_path / "voice")
    run(recipe | {"name": "face", "features": [corpus.source(tmp_path, "face")]}, tmp_path / "face")
    parts = {name: tmp_path / name for name in ("voice", "face")}
    fuse(parts, tmp_path / "fused", method="mean")
    assert fuse(parts, tmp_path / "fused", method="mean").title == "voice + face, mean"
    with pytest.raises(RecipeError, match="holds another run"):
        fuse(parts, tmp_path / "fused", method="product")
    assert fuse(parts, tmp_path / "fused", method="product", overwrite=True).title == "voice + face, product"


def test_a_table_may_name_its_key_and_what_is_no_feature(recipe, tmp_path):
    text = (tmp_path / "voice.csv").read_text().replace("id,a", "clip,a", 1)
    (tmp_path / "voice.csv").write_text(text, encoding="utf-8")
    options = {"key_column": "clip", "drop": ["d"]}
    done = run(
        recipe | {"features": [corpus.source(tmp_path, "voice") | {"options": options}]}, tmp_path / "run"
    )
    assert done.record.data.n_used == 72
    with pytest.raises(RecipeError, match=r"unknown option 'drp' \(did you mean 'drop'\?\)"):
        run(
            recipe | {"features": [corpus.source(tmp_path, "voice") | {"options": {"drp": []}}]},
            tmp_path / "no",
        )


# What must be refused or stamped


def test_a_stochastic_model_with_too_few_seeds_is_stamped(recipe, tmp_path):
    done = run(recipe | {"model": MLP, "inner": {"oof": False}}, tmp_path / "run")
    assert "1 of 3 seeds" in done.record.stamps


def test_a_random_split_is_refused_but_under_its_protocol_and_then_stamped(recipe, tmp_path):
    with pytest.raises(LeakageError, match="speaker"):
        run(recipe | {"split": "random-5-fold"}, tmp_path / "run")
    done = run(recipe | {"split": "random-5-fold", "protocol": "speaker_dependent"}, tmp_path / "run2")
    assert any("speaker_dependent" in stamp for stamp in done.record.stamps)


def test_watching_the_test_part_needs_a_protocol_that_says_so(recipe, tmp_path):
    watching = recipe | {
        "model": MLP | {"patience": 2},
        "development": {"source": "test"},
        "inner": {"oof": False},
    }
    with pytest.raises(RecipeError, match=r"development\.source: test watches the test part"):
        run(watching, tmp_path / "run")
    published = watching | {"protocol": {"name": "as_published", "off": ["selection"]}}
    done = run(published, tmp_path / "run2")
    assert any("as_published" in stamp for stamp in done.record.stamps)
    assert done.record.test_opened > 1


def test_per_speaker_normalisation_is_stamped(recipe, tmp_path):
    done = run(recipe | {"normalise": {"by": "speaker", "transductive": True}}, tmp_path / "run")
    assert any("transductive" in stamp for stamp in done.record.stamps)


def test_a_synthetic_corpus_is_called_so(recipe, tmp_path):
    done = run(recipe | {"stamps": ["synthetic corpus"]}, tmp_path / "run")
    assert done.title == "voice [synthetic corpus]"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": {"name": "lgistic_regression"}}, "did you mean 'logistic_regression'"),
        ({"model": {"name": "logistic_regression", "c": 1}}, "did you mean 'C'"),
        ({"split": "speaker-5-flod"}, "did you mean 'speaker-5-fold'"),
        ({"label_map": "ravdess9"}, "ravdess"),
        ({"inner": {"grid": {"C": []}}}, "inner.grid.C is empty"),
        ({"protocol": {"name": "as_published", "off": ["speeker"]}}, "speaker"),
        ({"features": [{"path": "nowhere.csv", "format": "table"}]}, "nowhere.csv"),
        ({"features": [{"path": "tests", "format": "table"}]}, "emofeat or action-units may fit"),
        ({"features": [{"path": "README.md"}]}, "table or averaged-action-units may fit"),
        ({"manifest": "nowhere.jsonl"}, "count from the folder in which the command is called"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_fitted(recipe, tmp_path, change, says):
    with pytest.raises(EmofeatError) as error:
        run(recipe | change, tmp_path / "run")
    assert says in str(error.value)
    assert not (tmp_path / "run" / "folds").exists()


def test_a_class_that_a_fold_does_not_train_on_is_refused(tmp_path):
    recipe = corpus.make(tmp_path, label=lambda s, label, n: label if label != "sad" or s == 0 else "happy")
    with pytest.raises(EmofeatError, match="sad"):
        run(recipe, tmp_path / "run")


def test_missing_features_are_an_error_or_listed(recipe, tmp_path):
    table = tmp_path / "voice.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-2]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="2 of 72 labelled utterances have no features"):
        run(recipe, tmp_path / "run")
    done = run(recipe | {"allow_missing": True}, tmp_path / "run")
    assert done.record.data.n_used == 70
    assert sum(len(ids) for ids in done.record.data.left_out.values()) == 2


def test_nan_features_are_refused_with_the_choices(recipe, tmp_path):
    table = tmp_path / "voice.csv"
    lines = table.read_text().splitlines()
    lines[3] = lines[3].split(",")[0] + ",nan,0,0,0"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="impute_train_median"):
        run(recipe, tmp_path / "run")
    done = run(recipe | {"normalise": {"on_nonfinite": "impute_train_median"}}, tmp_path / "run")
    assert done.record.data.n_used == 72


def test_two_runs_on_one_folder_do_not_meet(recipe, tmp_path):
    from emofeat.engine import lock

    out = tmp_path / "run"
    out.mkdir()
    with lock.hold(out, lock.WHOLE), pytest.raises(EmofeatError):
        run(recipe, out)


def work(out: Path) -> set[Path]:
    return {path for path in (out / "folds").rglob("*") if path.is_file()}


def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    recipe = corpus.make(tmp_path) | {
        "model": MLP | {"epochs": 60},
        "inner": {"oof": False},
        "split": "speaker-5-fold",
    }
    whole = run(recipe, tmp_path / "whole")
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "emomodels",
        "train",
        str(tmp_path / "recipe.yaml"),
        "-o",
        str(tmp_path / "killed"),
    ]
    kills = 0
    for after in (0.1, 0.5):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        there = work(tmp_path / "killed")
        # What comes before the first new file is imports.
        while process.poll() is None and work(tmp_path / "killed") == there:
            time.sleep(0.02)
        time.sleep(after)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    again = run(recipe, tmp_path / "killed")
    assert np.array_equal(whole.posteriors(0).values, again.posteriors(0).values)
    assert whole.metrics == again.metrics
