"""`emomodels train` and `emomodels fuse`: one sentence for every mistake, and work that goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from emomodels import cli, config, experiment, runs
from tests.emomodels import corpus


def command(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = cli.run([str(a) for a in args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def written(folder: Path, recipe: dict[str, Any]) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


@pytest.fixture
def recipe(tmp_path) -> Path:
    return written(tmp_path, corpus.make(tmp_path, n_speakers=5))


# Train


def test_a_dry_run_says_what_would_be_fitted_and_fits_nothing(recipe, tmp_path, capsys):
    code, text, error = command(capsys, "train", recipe, "seeds=[0,1]", "--dry-run", "-o", tmp_path / "run")
    assert (code, error) == (0, "")
    assert text.startswith("voice\n45 of 45 utterances, 3 classes\n")
    assert "fold 4: 36 training, 9 test" in text
    assert "model logistic_regression, seeds 0, 1" in text
    assert not (tmp_path / "run").exists()


def test_training_shows_the_result_and_overrides_are_kept(recipe, tmp_path, capsys):
    code, text, _ = command(capsys, "train", recipe, "model.C=0.5", "inner.oof=false", "-o", tmp_path / "run")
    assert code == 0
    assert text.startswith("voice\nUAR ")
    assert runs.Run.read(tmp_path / "run").record.recipe["model"]["C"] == 0.5


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--overwrit"], "--overwrite"),
        (["--jobs", "0"], "--jobs"),
        (["sedes=[0]"], "unknown key 'sedes' (did you mean 'seeds'?)"),
        (["inner.fods=3"], "(did you mean 'folds'?)"),
        (["model.name=logistic_regresion"], "(did you mean 'logistic_regression'?)"),
        (["model.c=1"], "(did you mean 'C'?)"),
        (["split=speaker-5-flod"], "(did you mean 'speaker-5-fold'?)"),
        (["label_map=ravdess7-calm"], "there is no label map 'ravdess7-calm'"),
        (["protocol=claen"], "protocol"),
        (["features.0.key=stme"], "(did you mean 'stem'?)"),
        (["features.0.format=tabel"], "'table'"),
        (["normalise.method=zscroe"], "'zscore'"),
        (["seeds"], "write KEY=VALUE"),
        (["model.name="], "the key 'model.name' is missing"),
        (["model.name=3"], "the key 'model.name' is 3, not a name"),
        (["--device", "cdua"], "(did you mean 'cuda'?)"),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_a_mistyped_option_or_name_is_one_sentence(recipe, tmp_path, capsys, more, says, dry):
    code, text, error = command(capsys, "train", recipe, "-o", tmp_path / "run", *more, *dry)
    assert (code, text) == (2, "")
    assert says in error
    assert "Traceback" not in error
    assert not (tmp_path / "run" / "folds").exists()


def test_a_recipe_that_is_not_there_is_named(tmp_path, capsys):
    code, _, error = command(capsys, "train", tmp_path / "rcipe.yaml", "-o", tmp_path / "run")
    assert code == 2
    assert "rcipe.yaml: no such file, and no packaged recipe; packaged are" in error


def test_a_mistyped_command_is_corrected(capsys):
    code, _, error = command(capsys, "trian")
    assert code == 2
    assert "there is no command 'trian' (did you mean 'train'?)" in error


def test_an_interrupted_run_ends_with_130_and_the_same_command_ends_in_the_same_bits(tmp_path, capsys):
    # 40 fits take a second; within one, test_experiment.py kills.
    recipe = corpus.make(tmp_path, n_speakers=5) | {"seeds": list(range(8)), "inner": {"oof": False}}
    path, out = written(tmp_path, recipe), tmp_path / "run"
    arguments = ["train", str(path), "-o", str(out), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "emomodels", *arguments], stderr=subprocess.PIPE, text=True
    )
    # After the first fit, which is kept.
    while process.poll() is None and not list((out / "folds").glob("*/seed-0/unit.json")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("interrupted\n")
    assert "Traceback" not in said
    assert command(capsys, "evaluate", out)[0] == 1  # not finished
    code, _, again = command(capsys, *arguments)
    assert code == 0
    assert re.search(r"^\d+ of 40 fits are there already$", again, re.MULTILINE)
    whole = experiment.run(config.parse(recipe), tmp_path / "whole")
    assert np.array_equal(runs.Run.read(out).posteriors(0).values, whole.posteriors(0).values)


# Fuse


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    """A folder with a run of each modality."""
    folder = tmp_path_factory.mktemp("parts")
    recipe = corpus.make(folder, n_speakers=5)
    for name in ("voice", "face"):
        one = recipe | {"name": name, "features": [corpus.source(folder, name)]}
        experiment.run(config.parse(one), folder / name)
    return folder


def test_fusion_shows_its_parts(parts, tmp_path, capsys):
    code, text, error = command(
        capsys, "fuse", f"audio={parts / 'voice'}", parts / "face", "--method", "mean", "-o", tmp_path / "f"
    )
    assert (code, error) == (0, "")
    assert text.startswith("audio + face, mean\nUAR ")
    assert re.search(r"^  audio +1 ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--mehtod", "mean"], "--method"),
        (["--method", "staked"], "(did you mean 'stacked'?)"),
        (["--key", "ravdes"], "(did you mean 'ravdess'?)"),
        (["--set", "CC=1"], "'CC'"),
        (["--set", "C"], "write KEY=VALUE"),
        (["--missing", "margnal"], "'marginal'"),
        (["--method", "early"], "give a recipe with several features"),
    ],
)
def test_a_mistyped_option_of_a_fusion_is_one_sentence(parts, tmp_path, capsys, more, says):
    code, text, error = command(capsys, "fuse", parts / "voice", parts / "face", "-o", tmp_path / "f", *more)
    assert (code, text) == (2, "")
    assert says in error
    assert "Traceback" not in error


def test_one_run_or_two_of_one_name_are_no_fusion(parts, tmp_path, capsys):
    code, _, error = command(capsys, "fuse", parts / "voice", "-o", tmp_path / "f")
    assert code == 2
    assert "a fusion needs two runs or more, 1 given" in error
    code, _, error = command(capsys, "fuse", parts / "voice", parts / "voice", "-o", tmp_path / "f")
    assert code == 2
    assert "two runs are called 'voice'; give them names: NAME=RUN" in error


def test_a_fusion_is_made_again_but_never_in_place_of_another(parts, tmp_path, capsys):
    both = [f"a={parts / 'voice'}", f"b={parts / 'face'}", "-o", tmp_path / "f", "--method"]
    first = command(capsys, "fuse", *both, "mean")
    assert first[0] == 0
    assert command(capsys, "fuse", *both, "mean") == first
    made = (tmp_path / "f" / "metrics.json").read_bytes()
    for other in (["product"], ["mean", "--key", "stem"]):
        code, _, error = command(capsys, "fuse", *both, *other)
        assert code == 2
        assert "holds another run, 'a + b, mean'; give another folder for the fusion" in error
    assert (tmp_path / "f" / "metrics.json").read_bytes() == made


def test_a_folder_that_cannot_be_made_is_named_without_a_number(recipe, tmp_path, capsys):
    (tmp_path / "file").touch()
    code, _, error = command(capsys, "train", recipe, "-o", tmp_path / "file")
    assert (code, error) == (1, f"emomodels: {tmp_path / 'file'}: File exists\n")


def test_an_unfinished_run_is_not_fused(parts, tmp_path, capsys):
    (tmp_path / "half" / "folds").mkdir(parents=True)
    code, _, error = command(capsys, "fuse", parts / "voice", tmp_path / "half", "-o", tmp_path / "f")
    assert code == 1
    assert "is not finished: it has no run.json and no metrics.json" in error
    assert not (tmp_path / "f").exists()
