"""Finished runs looked at again: metrics that agree with posteriors, models on a corpus they have not seen."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from emofeat.corpus.guard import LeakageError
from emofeat.corpus.manifest import Manifest
from emomodels import cli, config, evaluate, experiment
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.experiment import Fitted, Unit
from emomodels.material import Material
from emomodels.posteriors import Posteriors
from emomodels.report.text import summary
from tests.emomodels import corpus


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a corpus called `one` and a run of two seeds on it."""
    folder = tmp_path_factory.mktemp("one")
    recipe = corpus.make(folder, corpus=lambda *_: "one") | {"seeds": [0, 1], "inner": {"oof": False}}
    experiment.run(config.parse(recipe), folder / "run")
    return folder


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


def another(folder: Path, **changes: Any) -> dict[str, Any]:
    """A corpus with the same centres and other people, where one class has another name."""
    folder.mkdir()
    corpus.make(folder, n_speakers=4)
    rows = Manifest.read(folder / "manifest.jsonl")
    changed = {"corpus": "two", "audio_group": None} | changes
    made = [
        replace(u, **{"id": f"x{u.id}", "label": {"sad": "bored"}.get(u.label, u.label)} | changed)
        for u in rows
    ]
    Manifest(made).write(folder / "manifest.jsonl")
    head, *lines = (folder / "voice.csv").read_text().splitlines()
    (folder / "voice.csv").write_text("\n".join([head, *(f"x{line}" for line in lines)]) + "\n")
    classes = ["happy", "bored", "angry"]
    mapping = {"name": "other", "version": 1, "classes": classes, "mapping": {c: c for c in classes}}
    (folder / "labels.yaml").write_text(yaml.safe_dump(mapping))
    return {
        "manifest": folder / "manifest.jsonl",
        "features": [folder / "voice.csv"],
        "labels": str(folder / "labels.yaml"),
    }


# The run itself


def test_metrics_are_those_of_the_posteriors(run):
    assert evaluate.again(run).metrics["summary"]["n_seeds"] == 2


@pytest.mark.parametrize("change", ["uar", "confusion", "missing"])
def test_metrics_that_contradict_the_posteriors_are_damage(run, change):
    stored = json.loads((run / "metrics.json").read_text())
    if change == "uar":
        stored["seeds"]["1"]["uar"] += 0.001
    elif change == "confusion":
        stored["seeds"]["0"]["confusion"][0][0] += 1
    else:
        del stored["seeds"]["0"]["accuracy"]
    (run / "metrics.json").write_text(json.dumps(stored))
    with pytest.raises(
        DataError, match=r"metrics\.json has .* for seeds\.[01]\.(uar|confusion\.0\.0|accuracy)"
    ) as caught:
        evaluate.again(run)
    assert caught.value.code == "damaged_run"


# Another corpus


def test_what_raters_said_is_evaluated_again_too(tmp_path):
    recipe = corpus.make(tmp_path, label_distribution=lambda s, label, n: {label: 0.75} | rest(label))
    done = experiment.run(config.parse(recipe), tmp_path / "run", command="x")
    assert done.metrics["distributions"]["0"]["n"] == len(done.labels)
    assert evaluate.again(tmp_path / "run").distributions == done.distributions


def rest(label: str) -> dict[str, float]:
    return {"sad" if label != "sad" else "happy": 0.25}


def test_a_loaded_unit_predicts_the_same_bits(trained):
    recipe = yaml.safe_load(json.dumps(json.loads((trained / "run" / "run.json").read_text())["recipe"]))
    unit = Unit("2", 1).folder(trained / "run")
    loaded = Fitted.load(unit, "logistic_regression")
    stored = Posteriors.read(unit / "test.parquet")
    said = loaded.posteriors(Material.load(config.parse(recipe)).part("2").test, "2")
    assert np.array_equal(said.align(stored.ids).values, stored.values)
    assert loaded.seen == stored.trained_on["2"]


def test_the_models_of_all_folds_are_averaged_on_the_common_classes(trained, tmp_path):
    given = another(tmp_path / "two")
    done = evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)
    assert done.record.classes == ("angry", "happy")
    assert done.record.name == "cross-corpus: one -> two"
    assert "without sad of one" in done.record.stamps
    assert "without bored of two (12 utterances)" in done.record.stamps
    assert len(done.record.data.left_out["the run does not know 'bored'"]) == 12
    assert set(done.labels.labels) == {"angry", "happy"}
    # By hand: the mean of five models, then the two classes alone.
    units = [Fitted.load(Unit(str(k), 1).folder(trained / "run"), "logistic_regression") for k in range(5)]
    recipe = config.parse(json.loads((trained / "run" / "run.json").read_text())["recipe"])
    examples = Material.load(recipe)._examples
    table = {
        line.split(",")[0]: line.split(",")[1:] for line in given["features"][0].read_text().splitlines()
    }
    said = done.posteriors(1)
    x = np.array([table[i] for i in said.ids], float)
    asked = replace(examples, ids=said.ids, x=x, y=None, speakers=())
    mean = np.mean([u.posteriors(asked, "x").values for u in units], axis=0)[:, :2]
    # The same operations in the same order.
    np.testing.assert_allclose(said.values, mean / mean.sum(axis=1, keepdims=True), rtol=1e-12)
    assert done.metrics["summary"]["values"]["uar"]["mean"] > 0.7
    assert "cross-corpus: one -> two" in summary(done)


def test_the_result_is_a_run_that_can_be_evaluated_again(trained, tmp_path):
    given = another(tmp_path / "two")
    first = evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)
    assert evaluate.again(tmp_path / "out").metrics == first.metrics
    assert evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given).metrics == first.metrics


def test_equal_names_in_corpora_of_other_names_are_other_people(trained, tmp_path):
    done = evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **another(tmp_path / "two"))
    assert {"s0", "s1"} <= set(done.labels.speakers)
    assert done.record.audit["crossings"] == []


@pytest.mark.parametrize("name", ["one", "One", None])
def test_speakers_of_the_same_corpus_are_refused_but_under_a_protocol_that_says_so(trained, tmp_path, name):
    given = another(tmp_path / "two", corpus=name)
    with pytest.raises(LeakageError, match="speaker"):
        evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()
    done = evaluate.cross_corpus(trained / "run", out=tmp_path / "out", protocol="speaker_dependent", **given)
    assert any(stamp.startswith("speaker_dependent") for stamp in done.record.stamps)


def test_utterances_of_the_training_part_are_refused(trained, tmp_path):
    given = another(tmp_path / "two")
    for path in (given["manifest"], *given["features"]):
        path.write_text(path.read_text().replace("xs", "s"))
    with pytest.raises(LeakageError, match=r"trained on 24 of the 24 utterances") as caught:
        evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)
    assert caught.value.guard == "posterior"


def test_the_same_recording_in_both_corpora_is_refused(tmp_path):
    import soundfile

    here = tmp_path / "one"
    here.mkdir()
    rng = np.random.default_rng(0)
    recipe = corpus.make(here, n_speakers=5, per_class=1, corpus=lambda *_: "one") | {"inner": {"oof": False}}
    sound = rng.normal(0, 0.1, 16000) * np.repeat(rng.uniform(0.1, 1, 20), 800)
    soundfile.write(here / "a.wav", sound, 16000)
    rows = list(Manifest.read(here / "manifest.jsonl"))
    file = str(here / "a.wav")
    Manifest([replace(rows[0], file=file), *rows[1:]]).write(here / "manifest.jsonl")
    experiment.run(config.parse(recipe), here / "run")
    given = another(tmp_path / "two")
    soundfile.write(tmp_path / "two" / "b.flac", 0.5 * sound, 16000)  # a copy at another level
    theirs = list(Manifest.read(given["manifest"]))
    file = str(tmp_path / "two" / "b.flac")
    Manifest([replace(theirs[0], file=file), *theirs[1:]]).write(given["manifest"])
    with pytest.raises(LeakageError, match="audio"):
        evaluate.cross_corpus(here / "run", out=tmp_path / "out", **given)


def test_sounds_that_are_not_there_are_stamped(trained, tmp_path):
    done = evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **another(tmp_path / "two"))
    assert "audio duplicates not checked" in done.record.stamps


def test_the_manifest_of_the_run_is_no_other_corpus(trained, tmp_path):
    with pytest.raises(
        RecipeError, match=r"is the manifest that the run was made from; `emomodels evaluate "
    ):
        evaluate.cross_corpus(
            trained / "run", trained / "manifest.jsonl", [trained / "voice.csv"], tmp_path / "out"
        )


def test_other_columns_are_named(trained, tmp_path):
    given = another(tmp_path / "two")
    table = given["features"][0]
    table.write_text(table.read_text().replace("id,a,b,c,d", "id,a,b,c,e"))
    with pytest.raises(ModelError, match=r"1 missing \(d\), 1 further \(e\)"):
        evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)


def test_fewer_than_two_common_classes_are_refused(trained, tmp_path):
    given = another(tmp_path / "two")
    mapping = yaml.safe_load(Path(given["labels"]).read_text())
    mapping |= {
        "classes": ["anger", "happy", "bored"],
        "mapping": {"angry": "anger", "happy": "happy", "bored": "bored"},
    }
    Path(given["labels"]).write_text(yaml.safe_dump(mapping))
    with pytest.raises(DataError, match=r"1 in common, and two are needed; .*did you mean 'anger'"):
        evaluate.cross_corpus(trained / "run", out=tmp_path / "out", **given)


def test_models_that_are_missing_or_damaged_are_named(run, tmp_path):
    given = another(tmp_path / "two")
    weights = run / "folds" / "3" / "seed-1" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        evaluate.cross_corpus(run, out=tmp_path / "out", **given)
    shutil.rmtree(run / "folds" / "3")
    with pytest.raises(ModelError, match=r"there is no fitted model in .*folds.3.seed-1|seed-0"):
        evaluate.cross_corpus(run, out=tmp_path / "out", **given)


def test_a_folder_that_holds_something_else_is_refused(trained, run, tmp_path):
    before = (run / "metrics.json").read_bytes()
    with pytest.raises(RecipeError, match="holds something else; give a new folder"):
        evaluate.cross_corpus(trained / "run", out=run, **another(tmp_path / "two"))
    assert (run / "metrics.json").read_bytes() == before


def test_several_modalities_are_shown_beside_each_alone_on_the_other_corpus_too(tmp_path):
    here = tmp_path / "one"
    here.mkdir()
    recipe = corpus.make(here, n_speakers=5, corpus=lambda *_: "one") | {"inner": {"oof": False}}
    recipe |= {"features": [corpus.source(here, "voice"), corpus.source(here, "face")]}
    experiment.run(config.parse(recipe), here / "run")
    given = another(tmp_path / "two")
    face = tmp_path / "two" / "face.csv"
    head, *lines = face.read_text().splitlines()
    face.write_text("\n".join([head, *(f"x{line}" for line in lines)]) + "\n")
    with pytest.raises(
        RecipeError, match=r"voice \(voice\.csv\), face \(face\.csv\); give --features for each of these 2"
    ):
        evaluate.cross_corpus(here / "run", out=tmp_path / "out", **given)
    done = evaluate.cross_corpus(
        here / "run", out=tmp_path / "out", **given | {"features": [*given["features"], face]}
    )
    assert done.parts.keys() == {"voice", "face"}
    assert "Fusion and its parts" in summary(done) or "Systems, %" in summary(done)


# The command line


def command(capsys, *args: object) -> tuple[int, str, str]:
    code = cli.run(["evaluate", *map(str, args)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_shows_the_run_or_its_metrics_as_json(trained, capsys):
    code, text, _ = command(capsys, trained / "run")
    assert code == 0
    assert "UAR" in text
    _, text, _ = command(capsys, trained / "run", "--json")
    assert json.loads(text)["metrics"] == json.loads((trained / "run" / "metrics.json").read_text())


def test_the_command_applies_a_run_to_another_corpus(trained, tmp_path, capsys):
    given = another(tmp_path / "two")
    code, text, error = command(
        capsys,
        trained / "run",
        "--on",
        given["manifest"],
        "--features",
        given["features"][0],
        "--label-map",
        given["labels"],
        "-o",
        tmp_path / "out",
    )
    assert (code, error) == (0, "")
    assert text.startswith("cross-corpus: one -> two [")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--label-mpa", "x"], "--label-map"),
        (["--key", "id"], "--key belongs to --on"),
        (["--on", "{two}"], "--on needs -o"),
        (["--on", "{two}", "-o", "{out}"], "give --features for each of these 1"),
        (
            ["--on", "{two}", "--features", "{voice}", "-o", "{out}", "--label-map", "ravdes8"],
            "did you mean 'ravdess8'",
        ),
        (
            ["--on", "{two}", "--features", "{voice}", "-o", "{out}", "--label-map", "{map}", "--key", "stm"],
            "did you mean 'stem'",
        ),
        (
            [
                "--on",
                "{two}",
                "--features",
                "{voice}",
                "-o",
                "{out}",
                "--label-map",
                "{map}",
                "--protocol",
                "claen",
            ],
            "did you mean 'clean'",
        ),
        (
            [
                "--on",
                "{two}",
                "--features",
                "{voice}",
                "-o",
                "{out}",
                "--label-map",
                "{map}",
                "--protocol",
                "as_published",
                "--off",
                "speeker",
            ],
            "did you mean 'speaker'",
        ),
    ],
)
def test_a_mistyped_option_or_name_is_corrected(trained, tmp_path, capsys, more, says):
    given = another(tmp_path / "two")
    paths = {
        "two": given["manifest"],
        "voice": given["features"][0],
        "map": given["labels"],
        "out": tmp_path / "out",
    }
    code, text, error = command(capsys, trained / "run", *(word.format(**paths) for word in more))
    assert (code, text) == (2, "")
    assert says in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_an_unfinished_run_says_how_it_goes_on(run, capsys):
    (run / "metrics.json").unlink()
    code, _, error = command(capsys, run)
    assert code == 1
    assert "is not finished" in error
    assert "goes on where it stopped" in error
