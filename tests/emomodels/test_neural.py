"""The networks: their size, what padding may do to them (nothing), and their files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from emomodels.exceptions import DataError, ModelError
from emomodels.models.base import Context
from emomodels.models.bilstm import BiLSTM, BiLSTMLayer, BiLSTMSettings, reversal
from emomodels.models.mlp import MLP, MLPSettings
from emomodels.models.pooling import Pool, SelfAttentionPooling, frame_mask, masked_mean, masked_mean_std
from tests.emomodels.neural_tools import CLASSES, drawn

# Sums of float32 in another order, a few hundred terms: some units in the last place of numbers about 1.
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}


def small(estimator: str, **settings):
    """An estimator of a few units, fitted for two epochs, and examples that it takes."""
    if estimator == "mlp":
        model = MLP(MLPSettings(hidden=(8,), epochs=2, **settings))
    else:
        model = BiLSTM(BiLSTMSettings(hidden=6, epochs=2, patience=None, **settings))
    examples = drawn(sequences=model.takes == "sequence")
    model.fit(examples, None, seed=0, context=Context(threads=1))
    return model, examples


def n_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_bilstm_of_s4_has_106_609_parameters():
    network = BiLSTM(BiLSTMSettings()).network(35, 8)
    assert [n_parameters(layer) for layer in network.layers] == [34_800, 60_800]
    assert n_parameters(network.pool) == 10_201
    assert n_parameters(network.head) == 808
    assert n_parameters(network) == 106_609


def test_the_mlp_of_s4_is_linear_relu_linear():
    network = MLP(MLPSettings()).network(35, 8)
    assert n_parameters(network) == 35 * 80 + 80 + 80 * 8 + 8


def test_defaults_are_those_of_s4():
    s = BiLSTMSettings()
    assert (s.hidden, s.layers, s.dropout, s.pooling) == (50, 2, 0.3, "attention")
    assert (s.optimizer, s.lr, s.weight_decay, s.batch_size) == ("adam", 1e-3, 0, 64)
    assert (s.epochs, s.patience, s.clip, s.class_weights) == (300, 30, 1, "balanced")
    assert (MLPSettings().hidden, MLPSettings().lr, MLPSettings().epochs) == ((80,), 1e-3, 200)


def test_an_unknown_setting_is_an_error():
    with pytest.raises(ValidationError, match="hiden"):
        MLPSettings(hiden=(80,))


def test_attention_weights_sum_to_one_over_frames_that_count():
    pool = SelfAttentionPooling(6, dropout=0.3).eval()
    lengths = torch.tensor([3, 8, 1])
    mask = frame_mask(lengths, 8, torch.device("cpu"))
    weights = pool.weights(torch.randn(3, 8, 6), mask)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert not weights[~mask].any()
    assert (weights[mask] > 0).all()


def test_masked_pooling_is_pooling_of_the_frames_alone():
    x, lengths = torch.randn(3, 8, 5, dtype=torch.float64), [3, 8, 1]
    mask = frame_mask(torch.tensor(lengths), 8, x.device)
    for pooled, both, row, n in zip(
        masked_mean(x, mask), masked_mean_std(x, mask, 0.0), x, lengths, strict=True
    ):
        torch.testing.assert_close(pooled, row[:n].mean(0))
        torch.testing.assert_close(both, torch.cat([row[:n].mean(0), row[:n].std(0, correction=0)]))


@pytest.mark.parametrize("kind", ["attention", "mean", "mean_std"])
def test_pooling_one_frame_has_a_finite_gradient(kind):
    x = torch.randn(2, 4, 3, requires_grad=True)
    Pool(kind, 3)(x, torch.tensor([1, 4])).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[0, 1:].any()


def test_a_layer_is_pytorchs_bidirectional_lstm_on_packed_sequences():
    ours, theirs = BiLSTMLayer(5, 7), nn.LSTM(5, 7, batch_first=True, bidirectional=True)
    state = {f"{k}_reverse": v for k, v in ours.backwards.state_dict().items()}
    theirs.load_state_dict(ours.forwards.state_dict() | state)
    x, lengths = torch.randn(4, 9, 5), torch.tensor([9, 2, 5, 1])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    mask = frame_mask(lengths, 9, x.device)
    torch.testing.assert_close(ours(x, reversal(lengths, 9))[mask], expected[mask], **ROUNDING)


@pytest.mark.parametrize("pooling", ["attention", "mean", "mean_std"])
def test_what_stands_in_the_padding_changes_no_bit(pooling):
    network = BiLSTM(BiLSTMSettings(pooling=pooling)).network(5, 3).eval()
    x, lengths = torch.randn(4, 9, 5), torch.tensor([9, 2, 5, 1])
    dirty = x.clone()
    dirty[~frame_mask(lengths, 9, x.device)] = 1e3
    assert torch.equal(network(x, lengths), network(dirty, lengths))


@pytest.mark.parametrize("pooling", ["attention", "mean", "mean_std"])
def test_a_sequence_alone_and_in_a_padded_batch_agree(pooling):
    model, examples = small("bilstm", pooling=pooling)
    together = model.predict(examples)
    alone = np.concatenate([model.predict(examples.take([i])) for i in range(len(examples))])
    np.testing.assert_allclose(alone, together, **ROUNDING)


def test_a_vector_alone_and_in_a_batch_agree():
    model, examples = small("mlp", batch_norm=True, dropout=0.3)
    together = model.predict(examples)
    alone = np.concatenate([model.predict(examples.take([i])) for i in range(len(examples))])
    np.testing.assert_allclose(alone, together, **ROUNDING)


@pytest.mark.parametrize("estimator", ["mlp", "bilstm"])
def test_posteriors_are_in_the_order_of_the_examples_and_sum_to_one(estimator):
    model, examples = small(estimator)
    posteriors = model.predict(examples)
    assert (posteriors.shape, posteriors.dtype) == ((60, 3), np.float64)
    np.testing.assert_allclose(posteriors.sum(1), 1, rtol=1e-12)
    backwards = np.arange(60)[::-1]
    np.testing.assert_allclose(model.predict(examples.take(backwards)), posteriors[backwards], **ROUNDING)
    assert np.array_equal(model.predict(examples.without_labels()), posteriors)


@pytest.mark.parametrize("estimator", ["mlp", "bilstm"])
def test_a_saved_model_gives_the_same_bits(estimator, tmp_path):
    model, examples = small(estimator)
    model.save(tmp_path)
    again = type(model).load(tmp_path)
    assert np.array_equal(again.predict(examples), model.predict(examples))
    assert (again.classes, again.columns, again.settings) == (CLASSES, examples.columns, model.settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_a_fixed_length_holds_in_training_and_in_use():
    model, examples = small("bilstm", n_frames=4)
    cut = replace(examples, x=tuple(x[:4] for x in examples.x))
    assert np.array_equal(model.predict(examples), model.predict(cut))


def test_batch_norm_takes_a_last_batch_of_one():
    model = MLP(MLPSettings(hidden=(8,), epochs=2, batch_size=20, batch_norm=True))
    history = model.fit(drawn(61), None, seed=0, context=Context())
    assert np.isfinite([row["train_loss"] for row in history.epochs]).all()


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "other", "facts"])
def test_a_damaged_model_is_refused(tmp_path, damage):
    model, _ = small("mlp")
    model.save(tmp_path)
    tensors, facts = tmp_path / "model.safetensors", tmp_path / "model.json"
    content = tensors.read_bytes()
    match damage:
        case "cut":
            tensors.write_bytes(content[:-7])
        case "flip":
            tensors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "gone":
            tensors.unlink()
        case "other":
            small("bilstm")[0].save(tmp_path)
        case "facts":
            facts.write_text(facts.read_text().replace('"angry"', '"happy"'))
    with pytest.raises(ModelError, match=r"damaged|missing|holds a model 'bilstm', not 'mlp'"):
        MLP.load(tmp_path)


def test_no_model_is_pickled(tmp_path):
    model, _ = small("mlp")
    model.save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())["facts"]
    assert facts["classes"] == list(CLASSES)
    # A safetensors file begins with the length of its JSON header.
    content = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header) - {"__metadata__"} == set(model.fitted.state_dict())


def test_inputs_of_another_kind_or_with_other_columns_are_refused():
    model, examples = small("mlp")
    with pytest.raises(DataError, match="mlp takes a vector for each example, and was given sequences"):
        model.predict(drawn(sequences=True))
    with pytest.raises(DataError, match="bilstm takes a sequence for each example, and was given vectors"):
        BiLSTM(BiLSTMSettings()).fit(examples, None, seed=0, context=Context())
    with pytest.raises(DataError, match="the same names in another order"):
        model.predict(replace(examples, columns=examples.columns[::-1]))
    with pytest.raises(DataError, match=r"missing \['column0'\], new \['f0'\]"):
        model.predict(replace(examples, columns=("f0", *examples.columns[1:])))
    with pytest.raises(DataError, match="evaluated part have NaN"):
        model.predict(replace(examples, x=np.full((60, 5), np.nan)))


def test_a_model_that_is_not_fitted_says_so():
    model = MLP(MLPSettings())
    with pytest.raises(ModelError, match="mlp is not fitted yet"):
        model.predict(replace(drawn(), columns=(), x=np.zeros((60, 0))))


def test_augmentation_reaches_training_alone():
    seen: list[int] = []

    class Augmented(MLP):
        def augmentation(self):
            def count(x, rng):
                seen.append(1)
                return x

            return count

    model = Augmented(MLPSettings(hidden=(4,), epochs=2))
    dev = drawn(9, seed=2, name="dev")
    model.fit(drawn(20), dev, seed=0, context=Context())
    assert len(seen) == 2 * 20
    model.predict(dev)
    assert len(seen) == 2 * 20
