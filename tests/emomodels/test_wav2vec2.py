"""wav2vec 2.0 with tiny random weights on disk, in both designs of the CNN encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.models.base import Context
from emomodels.models.wav2vec2 import Wav2Vec2, Wav2Vec2Settings, embed, pretrained, standardised
from tests.emomodels.neural_tools import waveforms

# float32, through convolutions and two transformer layers with sums in another order.
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}
HIDDEN, CNN = 16, 12


@pytest.fixture(scope="module", params=["group", "layer"])
def source(request, tmp_path_factory) -> Path:
    """A folder with a model of the base design (`group`), or of the large one (`layer`) with a CTC head on it."""
    layer = request.param == "layer"
    config = transformers.Wav2Vec2Config(
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        conv_dim=(CNN, CNN),
        conv_kernel=(10, 4),
        conv_stride=(5, 4),
        conv_bias=layer,
        feat_extract_norm=request.param,
        do_stable_layer_norm=layer,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        vocab_size=8,
    )
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    kind = transformers.Wav2Vec2ForCTC if layer else transformers.Wav2Vec2Model
    kind(config).save_pretrained(folder)
    return folder


def fitted(source: Path, **settings) -> Wav2Vec2:
    model = Wav2Vec2(Wav2Vec2Settings(source=str(source), epochs=2, lr=1e-3, **settings))
    model.fit(waveforms(), None, seed=0, context=Context(threads=1))
    return model


def alone(model: Wav2Vec2, examples) -> np.ndarray:
    return np.concatenate([model.predict(examples.take([i])) for i in range(len(examples))])


def test_a_clip_alone_and_in_a_padded_batch_agree(source):
    model, examples = fitted(source, batch_size=6), waveforms(12, seed=3, shortest=200, longest=3000)
    np.testing.assert_allclose(alone(model, examples), model.predict(examples), **ROUNDING)


def test_as_published_pooling_counts_padding(source):
    # The mistake of protocols row 19, kept under its name: the batch changes its members.
    model = fitted(source, batch_size=6, pooling="as_published_unmasked")
    examples = waveforms(6, seed=3, shortest=200, longest=3000)
    assert np.abs(alone(model, examples) - model.predict(examples)).max() > 1e-3


def test_features_are_those_of_transformers(source):
    examples = waveforms(3)
    base = pretrained(str(source)).eval()
    cnn, first, last = (embed(examples, str(source), layer) for layer in ("cnn", 1, "last"))
    for i, x in enumerate(examples.x):
        wave = torch.from_numpy((x[:, 0] - x.mean()) / np.sqrt(x.var() + 1e-7))[None]
        with torch.inference_mode():
            out = base(wave, output_hidden_states=True)
            frames = base.feature_extractor(wave)[0].mean(1)
        np.testing.assert_allclose(cnn.x[i], frames, **ROUNDING)
        np.testing.assert_allclose(first.x[i], out.hidden_states[1][0].mean(0), **ROUNDING)
        np.testing.assert_allclose(last.x[i], out.last_hidden_state[0].mean(0), **ROUNDING)
    assert cnn.columns == tuple(f"wav2vec2_cnn_{i:04d}" for i in range(CNN))
    assert (cnn.ids, cnn.classes, cnn.sequences) == (examples.ids, examples.classes, False)


@pytest.mark.parametrize("layer", ["cnn", 2, "last"])
def test_features_do_not_depend_on_the_batch(source, layer):
    examples = waveforms(8, seed=1, shortest=200, longest=3000)
    one = embed(examples, str(source), layer, batch_size=1).x
    np.testing.assert_allclose(embed(examples, str(source), layer, batch_size=8).x, one, **ROUNDING)


def test_the_cnn_encoder_stays_frozen_and_the_rest_learns(source):
    before, model = pretrained(str(source)).state_dict(), fitted(source)
    for name, tensor in model.fitted.base.state_dict().items():
        if name.startswith("feature_extractor."):
            assert torch.equal(tensor, before[name]), name
    learnt = "encoder.layers.1.feed_forward.output_dense.weight"
    assert not torch.equal(model.fitted.base.state_dict()[learnt], before[learnt])


def test_the_classifier_is_the_one_of_s4(source):
    names = [type(layer).__name__ for layer in fitted(source).fitted.classifier]
    assert names == ["Dropout", "Linear", "Tanh", "Dropout", "Linear"]
    s = Wav2Vec2Settings(source="x")
    assert (s.optimizer, s.lr, s.schedule, s.epochs) == ("adamw", 1e-4, "linear", 10)
    assert (s.batch_size, s.accumulate, s.class_weights) == (4, 2, "none")


def test_a_saved_model_needs_no_pretrained_weights(source, tmp_path):
    model = fitted(source)
    model.save(tmp_path)
    moved = source.rename(source.with_name("away"))
    try:
        again = Wav2Vec2.load(tmp_path)
    finally:
        moved.rename(source)
    assert np.array_equal(again.predict(waveforms()), model.predict(waveforms()))


def test_fine_tuning_resumes_to_the_same_bits(source, tmp_path):
    # Dropout, layer drop and SpecAugment draw from PyTorch's and NumPy's generators.
    class Crash(Exception):
        pass

    def run(folder: Path | None, crash: bool = False) -> bytes:
        def stop(line: str) -> None:
            if crash and line.startswith("epoch 1/"):
                raise Crash

        model = Wav2Vec2(Wav2Vec2Settings(source=str(source), epochs=3, lr=1e-3))
        model.fit(waveforms(), None, seed=0, context=Context(folder=folder, threads=1, progress=stop))
        return model.predict(waveforms()).tobytes()

    with pytest.raises(Crash):
        run(tmp_path, crash=True)
    assert run(tmp_path) == run(None)


def test_mixed_precision_trains_to_about_the_same(source):
    plain = fitted(source).predict(waveforms())
    # bfloat16 keeps 8 bits; a few small steps from the same start stay close.
    np.testing.assert_allclose(fitted(source, precision="bf16").predict(waveforms()), plain, atol=0.05)


def test_normalisation_ignores_padding():
    wave = torch.randn(2, 50) * 3 + 5
    lengths = torch.tensor([50, 20])
    out = standardised(wave, lengths)
    assert not out[1, 20:].any()
    torch.testing.assert_close(out[1, :20], standardised(wave[1:, :20], lengths[1:])[0], **ROUNDING)
    torch.testing.assert_close(out[1, :20].std(correction=0), torch.tensor(1.0), **ROUNDING)


def test_missing_weights_say_what_to_fetch(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"hf download nobody/nothing --local-dir FOLDER") as caught:
        pretrained("nobody/nothing")
    assert caught.value.code == "no_weights"


def test_pickled_weights_are_not_read(source, tmp_path):
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    torch.save(pretrained(str(source)).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are not read"):
        pretrained(str(tmp_path))


def test_clips_that_are_too_short_and_what_is_no_waveform_are_refused(source):
    short = waveforms(shortest=5, longest=8)
    with pytest.raises(DataError, match=r"a waveform of \d samples is shorter than one frame"):
        embed(short, str(source))
    two = replace(waveforms(), columns=("left", "right"), x=tuple(np.repeat(x, 2, 1) for x in waveforms().x))
    with pytest.raises(DataError, match="takes waveforms"):
        Wav2Vec2(Wav2Vec2Settings(source=str(source))).fit(two, None, seed=0, context=Context())
    with pytest.raises(RecipeError, match="layers 1 to 2"):
        embed(waveforms(), str(source), 3)
