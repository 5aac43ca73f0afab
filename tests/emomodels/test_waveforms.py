"""Recordings as features: what the manifest names, the same however they are read, failures by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import emofeat
from emofeat import cli as emofeat_cli
from emofeat.corpus.manifest import Manifest
from emofeat.exceptions import MissingExtraError
from emomodels import cli, config, evaluate, experiment, runs
from emomodels.data.waveforms import waveforms
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.material import Material
from emomodels.models.wav2vec2 import embed, pretrained, weights_digest
from tests.emomodels import recordings

WAVEFORM = [{"format": "waveform"}]
SVM = {"name": "linear_svm"}
BILSTM = {"name": "bilstm", "hidden": 6, "layers": 1, "epochs": 12, "patience": 4, "lr": 0.02}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return recordings.tiny_wav2vec2(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A corpus that no test changes, with features of frames and of utterances beside it."""
    folder = tmp_path_factory.mktemp("corpus")
    base = recordings.make(folder)
    for name, features in (("frames", "logmel(n_mels=8)"), ("vectors", "functionals(rms)")):
        arguments = ["extract", base["manifest"], "-o", str(folder / name), "-f", features, "-j", "1"]
        assert emofeat_cli.run([*arguments, "--sr", "16000", "--win-ms", "25", "--hop-ms", "10"]) == 0
    return folder, base


@pytest.fixture
def corpus(tmp_path) -> dict[str, Any]:
    return recordings.make(tmp_path)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def wav2vec2(weights: Path, **settings: Any) -> dict[str, Any]:
    return {"name": "wav2vec2", "source": str(weights), "epochs": 2, "lr": 1e-3, "batch_size": 4, **settings}


def run(recipe: dict[str, Any], out: Path) -> runs.Run:
    return experiment.run(config.parse(recipe), out, command="emomodels train recipe.yaml")


def manifest_of(recipe: dict[str, Any]) -> Manifest:
    return Manifest.read(recipe["manifest"])


# Reading


def test_waveforms_are_the_samples_that_emofeat_loads(made):
    manifest = manifest_of(made[1])
    table = waveforms(manifest)
    assert list(table.ids) == manifest.ids
    for u, x in zip(manifest, table.x, strict=True):
        y, _ = emofeat.load(manifest.audio_path(u), 16_000)
        assert (x.shape, x.dtype) == ((len(y), 1), np.float32)
        assert np.array_equal(x[:, 0], y)


def test_start_and_end_cut_the_recording(made):
    manifest = manifest_of(made[1])
    first = replace(manifest[0], start=0.02, end=0.07)
    cut = waveforms(Manifest([first], manifest.path)).x[0]
    whole = waveforms(manifest).x[0]
    # 0.02 and 0.07 s at 16 kHz
    assert np.array_equal(cut, whole[320:1120])


def test_another_rate_resamples(made):
    manifest = manifest_of(made[1])
    assert len(waveforms(manifest, 8000).x[0]) == -(-len(waveforms(manifest).x[0]) // 2)


def test_the_number_of_threads_changes_nothing(made):
    manifest = manifest_of(made[1])
    one, three = waveforms(manifest, jobs=1), waveforms(manifest, jobs=3)
    assert (one.ids, one.source) == (three.ids, three.source)
    assert all(np.array_equal(a, b) for a, b in zip(one.x, three.x, strict=True))


def test_the_digest_follows_content_times_and_rate_but_neither_order_nor_folder(corpus, tmp_path):
    manifest = manifest_of(corpus)

    def digest(m: Manifest, sr: int = 16_000) -> str:
        return str(waveforms(m, sr).source["digest"])

    first = digest(manifest)
    assert digest(manifest.select(manifest.ids[::-1])) == first
    assert digest(manifest, 8000) != first
    assert digest(Manifest([replace(manifest[0], end=0.05), *manifest[1:]], manifest.path)) != first
    (tmp_path / "wav").rename(tmp_path / "sounds")
    moved = Manifest(
        [replace(u, file=str(u.file).replace("wav/", "sounds/", 1)) for u in manifest], manifest.path
    )
    assert digest(moved) == first
    recording = moved.audio_path(moved[0])
    recording.write_bytes(recording.read_bytes()[:-2] + b"\x01\x02")
    assert digest(moved) != first


def test_recordings_that_cannot_be_read_are_named_with_their_reason(corpus, tmp_path):
    manifest = manifest_of(corpus)
    manifest.audio_path(manifest[0]).write_bytes(b"no sound at all" * 10)
    manifest.audio_path(manifest[1]).unlink()
    rows = [*manifest[:2], replace(manifest[2], file=None), *manifest[3:]]
    table = waveforms(Manifest(rows, manifest.path))
    assert dict(table.failures) == dict(
        zip(manifest.ids[:3], ["unknown_format", "not_found", "no_file"], strict=True)
    )
    assert list(table.ids) == manifest.ids[3:]


def test_no_recording_at_all_is_refused_with_a_reason(corpus, tmp_path):
    (tmp_path / "wav").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"none of the 16 recordings .*s0_high_0 \(not_found\)"):
        waveforms(manifest_of(corpus))


# In recipes


def test_fine_tuning_from_recordings_to_posteriors(made, weights, tmp_path):
    recipe = made[1] | {"features": WAVEFORM, "model": wav2vec2(weights), "normalise": {"method": "none"}}
    done = run(recipe, tmp_path / "run")
    assert done.record.data.n_used == 16
    assert set(done.posteriors(0).ids) == set(manifest_of(made[1]).ids)
    fits = [fit for by_seed in done.record.history.values() for fit in by_seed.values()]
    assert [len(fit.epochs) for fit in fits] == [2, 2]
    described = done.record.data.features["audio"]
    assert (described["kind"], described["rate"]) == ("waveforms", 16_000)
    assert len(described["digest"]) == 64


def test_fine_tuning_with_patience_watches_speakers_of_the_training_part(made, weights, tmp_path):
    model = wav2vec2(weights, patience=2)
    done = run(
        made[1] | {"features": WAVEFORM, "model": model, "development": {"share": 0.5}}, tmp_path / "run"
    )
    fits = [fit for by_seed in done.record.history.values() for fit in by_seed.values()]
    assert {fit.chosen_on for fit in fits} == {"dev"}


def test_a_fine_tuned_model_is_applied_to_other_recordings(made, weights, tmp_path):
    recipe = made[1] | {"features": WAVEFORM, "model": wav2vec2(weights, epochs=1)}
    run(recipe, tmp_path / "run")
    (tmp_path / "other").mkdir()
    recordings.make(tmp_path / "other", n_speakers=2, seed=1, who="other")
    manifest = tmp_path / "other" / "manifest.jsonl"
    with pytest.raises(RecipeError, match=r"trained on recordings, .*leave --features out"):
        evaluate.cross_corpus(tmp_path / "run", manifest, [tmp_path], tmp_path / "on")
    applied = evaluate.cross_corpus(tmp_path / "run", manifest, [], tmp_path / "on")
    assert set(applied.posteriors(0).ids) == set(Manifest.read(manifest).ids)


def test_changed_recordings_are_not_taken_for_the_same(corpus, weights, tmp_path):
    recipe = corpus | {"features": WAVEFORM, "model": wav2vec2(weights, epochs=1)}
    run(recipe, tmp_path / "run")
    manifest = manifest_of(corpus)
    recording = manifest.audio_path(manifest[0])
    recording.write_bytes(recording.read_bytes()[:-2] + b"\x01\x02")
    with pytest.raises(RecipeError, match="differs in features"):
        run(recipe, tmp_path / "run")


def test_missing_recordings_are_an_error_or_listed(corpus, weights):
    manifest = manifest_of(corpus)
    manifest.audio_path(manifest[0]).unlink()
    recipe = corpus | {"features": WAVEFORM, "model": wav2vec2(weights)}
    with pytest.raises(DataError, match=r"1 of 16 labelled utterances .*s0_high_0 \(not_found\)"):
        Material.load(config.parse(recipe))
    record = Material.load(config.parse(recipe | {"allow_missing": True})).record
    assert record.left_out == {"extraction failed: not_found": ("s0_high_0",)}


def test_recordings_without_a_label_are_not_read(corpus, weights):
    manifest = manifest_of(corpus)
    Manifest([replace(manifest[0], label=None, file="nowhere.wav"), *manifest[1:]], manifest.path).write(
        Path(corpus["manifest"])
    )
    loaded = Material.load(config.parse(corpus | {"features": WAVEFORM, "model": wav2vec2(weights)}))
    assert loaded.record.n_used == 15


def test_a_bilstm_learns_from_frames_with_normalisation_and_early_stopping(made, tmp_path):
    folder, base = made
    frames = [{"path": str(folder / "frames")}]
    done = run(base | {"features": frames, "model": BILSTM, "development": {"share": 0.5}}, tmp_path / "run")
    # A high and a low tone in little noise: chance is 0.5.
    assert done.metrics["summary"]["values"]["uar"]["mean"] > 0.9
    fits = [fit for by_seed in done.record.history.values() for fit in by_seed.values()]
    assert {fit.chosen_on for fit in fits} == {"dev"}
    assert all(fit.best_epoch is not None for fit in fits)


# What does not go together


@pytest.mark.parametrize(
    ("model", "features", "says"),
    [
        (SVM, "frames", "linear_svm takes one vector .* gives a sequence of frames .*make functionals"),
        (SVM, "waveform", "linear_svm takes one vector .* gives the recordings .*emomodels embed"),
        (BILSTM, "vectors", "bilstm takes a sequence .* gives one vector .*extract frames"),
        (BILSTM, "waveform", "bilstm takes a sequence .* gives the recordings .*extract frames"),
        (
            "wav2vec2",
            "vectors",
            r"wav2vec2 takes the recordings .* gives one vector .*\[{format: waveform}\]",
        ),
        ("wav2vec2", "frames", r"wav2vec2 takes the recordings .* gives a sequence .*\[{format: waveform}\]"),
    ],
)
def test_features_that_a_model_does_not_take_are_refused_before_fitting(
    made, weights, tmp_path, model, features, says
):
    folder, base = made
    model = wav2vec2(weights) if model == "wav2vec2" else model
    source = WAVEFORM if features == "waveform" else [{"path": str(folder / features)}]
    with pytest.raises(RecipeError, match=says):
        run(base | {"features": source, "model": model}, tmp_path / "run")
    assert not (tmp_path / "run" / "folds").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"format": "waveform", "path": "wav"}, "leave the path out"),
        ({"format": "table"}, "'path' is missing"),
        ({}, "'path' is missing"),
    ],
)
def test_a_path_is_given_where_the_format_reads_one(made, source, says):
    with pytest.raises(RecipeError, match=says):
        config.parse(made[1] | {"features": [source], "model": SVM})


def test_a_recipe_without_a_path_survives_being_stored(made):
    recipe = config.parse(made[1] | {"features": WAVEFORM, "model": {"name": "wav2vec2", "source": "x"}})
    assert config.parse(json.loads(recipe.model_dump_json())) == recipe


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"options": {"rate": 8000}}, "unknown option 'rate'.* has sr"),
        ({"options": {"sr": "fast"}}, "sr is 'fast'"),
        ({"names": ["logmel"]}, "names choose features of a directory"),
    ],
)
def test_options_of_recordings_are_checked(made, weights, more, says):
    recipe = made[1] | {"features": [{"format": "waveform", **more}], "model": wav2vec2(weights)}
    with pytest.raises(RecipeError, match=says):
        Material.load(config.parse(recipe))


def test_recordings_do_not_join_other_features(made, weights):
    folder, base = made
    both = [*WAVEFORM, {"path": str(folder / "vectors"), "modality": "level"}]
    with pytest.raises(RecipeError, match="fuse them with emomodels fuse"):
        Material.load(config.parse(base | {"features": both, "model": wav2vec2(weights)}))


def test_without_transformers_the_message_says_what_to_install(made, weights, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'emofeat\[transformers\]'"):
        run(made[1] | {"features": WAVEFORM, "model": wav2vec2(weights)}, tmp_path / "run")


# emomodels embed


def embed_command(manifest: str, weights: Path, out: Path, *options: str) -> int:
    arguments = ["embed", manifest, "--source", str(weights), "--device", "cpu", "-o", str(out), *options]
    return cli.run(arguments)


def test_embedded_vectors_are_a_table_that_a_recipe_reads(made, weights, tmp_path):
    table = tmp_path / "table.parquet"
    assert embed_command(made[1]["manifest"], weights, table, "--layer", "2") == 0
    features = [{"path": str(table), "format": "table"}]
    done = run(made[1] | {"features": features, "model": SVM}, tmp_path / "run")
    assert done.record.data.n_used == 16


@pytest.mark.parametrize("layer", ["cnn", "last", "1"])
def test_the_table_holds_what_embed_computes(made, weights, tmp_path, layer):
    from emomodels.data.examples import Examples

    path = tmp_path / "table.parquet"
    assert embed_command(made[1]["manifest"], weights, path, "--layer", layer, "--batch", "3") == 0
    table, manifest = pq.read_table(path), manifest_of(made[1])
    assert table["id"].to_pylist() == manifest.ids
    clips = waveforms(manifest)
    examples = Examples(clips.ids, clips.take(range(len(clips))), clips.columns, ())
    expected = embed(examples, str(weights), int(layer) if layer.isdecimal() else layer)  # type: ignore[arg-type]
    found = np.column_stack([table[name] for name in expected.columns])
    # float32 sums in another order, since batches are padded to other lengths
    np.testing.assert_allclose(found, expected.x, rtol=1e-4, atol=1e-5)


def test_the_table_says_what_made_it(made, weights, tmp_path):
    path = tmp_path / "table.parquet"
    embed_command(made[1]["manifest"], weights, path, "--layer", "2")
    meta = json.loads(pq.read_schema(path).metadata[b"emomodels"])
    assert meta["weights"] == weights_digest(pretrained(str(weights)))
    assert (meta["layer"], meta["rate"], meta["failures"]) == (2, 16_000, {})
    assert meta["manifest"] == manifest_of(made[1]).fingerprint


def test_a_recording_that_cannot_be_used_costs_itself_alone(corpus, weights, tmp_path, capsys):
    manifest = manifest_of(corpus)
    manifest.audio_path(manifest[0]).unlink()
    # 16 samples are less than the 25 of a frame
    rows = [*manifest[:1], replace(manifest[1], end=0.001), *manifest[2:]]
    Manifest(rows, manifest.path).write(Path(corpus["manifest"]))
    path = tmp_path / "table.parquet"
    assert embed_command(corpus["manifest"], weights, path) == 3
    said = capsys.readouterr()
    assert "failed: s0_high_0: not_found" in said.err
    assert "failed: s0_high_1: too_short" in said.err
    assert "14 of 16 utterances, 12 columns" in said.out
    assert pq.read_table(path)["id"].to_pylist() == manifest.ids[2:]
    failures = json.loads(pq.read_schema(path).metadata[b"emomodels"])["failures"]
    assert failures == {"s0_high_0": "not_found", "s0_high_1": "too_short"}


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--layer", "3"), 2, "transformer layers 1 to 2"),
        (("--layer", "cn"), 2, "allowed: cnn, last"),
    ],
)
def test_a_layer_that_there_is_not_is_refused(made, weights, tmp_path, capsys, options, code, says):
    assert embed_command(made[1]["manifest"], weights, tmp_path / "t.parquet", *options) == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "t.parquet").exists()


def test_a_table_has_the_suffix_that_recipes_read(made, weights, tmp_path, capsys):
    assert embed_command(made[1]["manifest"], weights, tmp_path / "t.csv") == 2
    assert "name it .parquet" in capsys.readouterr().err


# Weights


def test_weights_of_another_kind_are_refused_not_drawn_at_random(weights, tmp_path):
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((weights / "config.json").read_bytes())
    tensors = load_file(weights / "model.safetensors")
    del tensors["encoder.layers.1.attention.q_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 tensors, such as encoder\.layers\.1\.attention\.q_proj"):
        pretrained(str(tmp_path))


def test_weights_without_the_mask_of_spec_augment_are_the_same_weights(weights, tmp_path):
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((weights / "config.json").read_bytes())
    tensors = load_file(weights / "model.safetensors")
    del tensors["masked_spec_embed"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    assert weights_digest(pretrained(str(tmp_path))) == weights_digest(pretrained(str(weights)))


def test_weights_in_half_precision_compute_in_single(weights, tmp_path):
    pretrained(str(weights)).half().save_pretrained(tmp_path)
    assert {str(p.dtype) for p in pretrained(str(tmp_path)).parameters()} == {"torch.float32"}
