"""The convolutional network on spectrograms: shapes, padding, seeds; and its augmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from emomodels.data.augment import SpectrogramAugmentation, stretch
from emomodels.data.examples import Examples
from emomodels.data.loader import Loader
from emomodels.exceptions import RecipeError
from emomodels.models.base import Context
from emomodels.models.cnn import CNN, CNNSettings
from tests.emomodels.neural_tools import drawn

# Sums of float32 in another order, some hundred terms: units in the last place of numbers about 1.
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}
NOTHING = {"speed": 0, "warp": 0, "gain": 0, "tilt": 0, "masks": 0}


def spectrograms(n: int = 24, seed: int = 0) -> Examples:
    """Noise in 16 bands, one third of them 3 standard deviations louder: the low, the middle or the high ones."""
    examples = drawn(n, d=16, seed=seed, sequences=True)
    x = (f + 3 * (np.arange(16) // 5 == c) for f, c in zip(examples.x, examples.y, strict=True))
    return replace(examples, x=tuple(f.astype(np.float32) for f in x))


def fitted(seed: int = 0, train: Examples | None = None, **settings) -> CNN:
    model = CNN(CNNSettings(channels=(4, 4, 8, 8), hidden=8, **({"epochs": 2, "batch_size": 8} | settings)))
    model.fit(train or spectrograms(), None, seed=seed, context=Context(threads=1))
    return model


def test_it_has_104_000_parameters_for_64_bands_and_8_classes():
    network = CNN(CNNSettings()).network(64, 8)
    convolutions = 16 * 25 + 9 * (16 * 32 + 32 * 64 + 64 * 64)
    norms = 2 * (16 + 32 + 64 + 64)
    frame, head = 64 * 4 * 128 + 128, 2 * 128 * 8 + 8
    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + frame + head


@pytest.mark.parametrize("n_bands", [16, 23, 40, 64, 80])
@pytest.mark.parametrize("n_frames", [1, 7, 8, 30])
def test_any_number_of_frames_and_of_bands_from_16_gives_logits(n_frames, n_bands):
    network = CNN(CNNSettings()).network(n_bands, 3).eval()
    assert network(torch.randn(2, n_frames, n_bands), torch.tensor([1, n_frames])).shape == (2, 3)


def test_columns_that_are_no_bands_are_refused():
    with pytest.raises(RecipeError, match="at least 16 bands"):
        CNN(CNNSettings()).network(5, 3)


@pytest.mark.parametrize("pooling", ["mean_std", "mean", "attention"])
def test_what_stands_in_the_padding_does_not_matter(pooling):
    network = CNN(CNNSettings(pooling=pooling)).network(16, 3).eval()
    lengths = torch.tensor([1, 5, 8, 9, 17])
    x = torch.randn(5, 17, 16)
    with torch.no_grad():
        together = network(x * (torch.arange(17)[None, :, None] < lengths[:, None, None]), lengths)
        for i, n in enumerate(lengths.tolist()):
            torch.testing.assert_close(
                network(x[i : i + 1, :n], lengths[i : i + 1]), together[i : i + 1], **ROUNDING
            )


def test_an_utterance_alone_has_the_posteriors_it_has_among_others():
    model, others = fitted(), spectrograms(seed=1)
    together = model.predict(others)
    alone = np.vstack([model.predict(others.take([i])) for i in range(len(others))])
    np.testing.assert_allclose(alone, together, **ROUNDING)


def test_a_seed_gives_the_same_network_and_another_seed_another():
    x = spectrograms(seed=1)
    first, again, other = (fitted(seed).predict(x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_it_learns_which_bands_are_loud():
    model = fitted(train=spectrograms(60), epochs=15, lr=1e-2, augmentation={"band_mask": 2, "time_mask": 2})
    unseen = spectrograms(60, seed=1)
    # Three classes that are easy to tell apart; a network that mixes up bands or frames stays at a third.
    assert (model.predict(unseen).argmax(1) == unseen.y).mean() > 0.9


def test_the_model_that_was_saved_is_the_model(tmp_path):
    model, x = fitted(), spectrograms(seed=1)
    model.save(tmp_path)
    np.testing.assert_array_equal(CNN.load(tmp_path).predict(x), model.predict(x))


# Augmentation


def test_augmentation_is_for_training_batches_alone():
    x = spectrograms()
    model = CNN(CNNSettings(augmentation=SpectrogramAugmentation(gain=5)))
    with_, without = Loader(x, 4, seed=0, augment=model.augmentation()), Loader(x, 4, seed=0)
    changed = [not torch.equal(a.x, b.x) for a, b in zip(with_.batches(), without.batches(), strict=True)]
    assert all(changed)
    trained = fitted(augmentation={"gain": 5})
    np.testing.assert_array_equal(trained.predict(x), trained.predict(x))  # nothing is drawn


def test_augmentation_can_be_switched_off_by_settings():
    assert CNN(CNNSettings(augmentation=None)).augmentation() is None
    a, b = (fitted(augmentation=off).predict(spectrograms()) for off in (None, NOTHING))
    np.testing.assert_allclose(a, b, **ROUNDING)


def test_what_is_drawn_follows_from_the_generator_alone():
    x = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    draws = [SpectrogramAugmentation()(x.copy(), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert draws[0].shape != draws[2].shape or not np.array_equal(draws[0], draws[2])


def test_masks_set_a_stretch_of_time_and_of_bands_to_the_mean_and_never_everything():
    augment = SpectrogramAugmentation(**(NOTHING | {"masks": 1, "time_mask": 99, "band_mask": 99}))
    for seed in range(50):
        out = augment(np.ones((4, 16), np.float32), np.random.default_rng(seed))
        kept_frames, kept_bands = out.any(1), out.any(0)
        assert kept_frames.any()
        np.testing.assert_array_equal(out, np.outer(kept_frames, kept_bands))


def test_gain_moves_all_bands_alike_and_tilt_turns_them_about_the_middle():
    x = np.zeros((3, 17), np.float32)
    gain = SpectrogramAugmentation(**(NOTHING | {"gain": 1.0}))(x.copy(), np.random.default_rng(0))
    tilt = SpectrogramAugmentation(**(NOTHING | {"tilt": 1.0}))(x.copy(), np.random.default_rng(0))
    assert np.ptp(gain) == 0 and gain[0, 0] != 0
    assert tilt[0, 8] == 0 and tilt[0, 0] == -tilt[0, -1] != 0


def test_speed_changes_the_number_of_frames_and_warp_moves_a_peak_by_its_factor():
    x = np.zeros((40, 41), np.float32)
    x[:, 20] = 1
    out = stretch(x, speed=1.25, warp=0.8)
    assert out.shape == (32, 41)
    assert (out.argmax(1) == 25).all()  # band 25 reads from 25 * 0.8


def test_speed_and_warp_of_one_change_nothing():
    x = np.random.default_rng(0).normal(size=(9, 16)).astype(np.float32)
    np.testing.assert_array_equal(stretch(x, 1, 1), x)
