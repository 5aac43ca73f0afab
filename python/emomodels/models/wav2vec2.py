"""wav2vec 2.0 through `transformers`: vectors from a frozen one, or a fine-tuned one with a classifier.

Weights come from a local folder, or from Hugging Face's cache or hub under a model's name (never from the
network with `HF_HUB_OFFLINE=1`), and in safetensors only, because other weight files are pickles. Waveforms
are mono, at the rate that the weights were trained at: 16 kHz for all published ones that we know of.

A batch does not change its members. Where the CNN encoder normalises over time (`feat_extract_norm: group`,
the base models), padding would enter the statistics, so the CNN runs on each clip alone; where it normalises
each frame (`layer`, the large ones), it runs on the padded batch, and the frames that padding touches are cut.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from emofeat.store.extras import need
from emomodels import training
from emomodels.data.examples import Examples
from emomodels.data.loader import Batch, Loader, survey
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.models.neural import NeuralEstimator
from emomodels.models.pooling import frame_mask, masked_mean
from emomodels.training import Positive, TrainingSettings


class Wav2Vec2Settings(TrainingSettings):
    """Settings of `wav2vec2`; the defaults of training are those of Luna-Jiménez et al. (2022), in float32.

    Parameters
    ----------
    source
        A folder with `config.json` and `model.safetensors`, or a name on Hugging Face's hub such as
        `jonatasgrosman/wav2vec2-large-xlsr-53-english`.
    pooling
        Mean over the frames of the clip, or, as in the source, over padding too; then a clip's posteriors
        depend on the batch that it is in.
    dropout
        In the classifier; None takes `final_dropout` of the weights' own configuration.
    spec_augment
        Mask stretches of frames in training as the weights' configuration says.
    normalise
        Zero mean and unit variance for each clip, as nearly all published weights expect it.
    """

    source: str
    pooling: Literal["masked", "as_published_unmasked"] = "masked"
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    spec_augment: bool = True
    normalise: bool = True
    epochs: Positive = 10
    batch_size: Positive = 4
    accumulate: Positive = 2
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: Annotated[float, Field(gt=0)] = 1e-4
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    class_weights: Literal["balanced", "none"] | dict[str, float] = "none"


class Wav2Vec2(NeuralEstimator):
    """wav2vec 2.0 with the CNN encoder frozen: mean pooling, dropout, Linear, tanh, dropout, Linear."""

    name = "wav2vec2"
    takes = "waveform"
    settings_class = Wav2Vec2Settings
    settings: Wav2Vec2Settings

    def __init__(self, settings: Wav2Vec2Settings) -> None:
        super().__init__(settings)
        if settings.pooling == "as_published_unmasked":
            self.stamps = ("as published: padding is pooled, so that neighbours in a batch change a result",)

    def inputs(self) -> dict[str, str]:
        """The digest of the pretrained weights."""
        return {"weights": weights_digest(pretrained(self.settings.source))}

    def network(self, n_columns: int, n_classes: int) -> nn.Module:
        """The pretrained model and a new classifier."""
        return Wav2Vec2Network(pretrained(self.settings.source), n_classes, self.settings)

    def facts(self) -> dict[str, Any]:
        """The configuration, so that loading does not need the pretrained weights."""
        network = self.fitted
        assert isinstance(network, Wav2Vec2Network)
        return {"config": network.base.config.to_diff_dict()}

    def network_like(self, facts: dict[str, Any], n_columns: int, n_classes: int) -> nn.Module:
        """The network of the saved configuration."""
        transformers = need("transformers", "transformers")
        base = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config.from_dict(facts["config"]))
        return Wav2Vec2Network(base, n_classes, self.settings)


class Wav2Vec2Network(nn.Module):
    """`base` (a `transformers.Wav2Vec2Model`) with a classifier on the mean of its frames."""

    #: Layer drop and masking leave parameters without a gradient in some steps.
    skips_layers = True

    def __init__(self, base: Any, n_classes: int, settings: Wav2Vec2Settings) -> None:
        super().__init__()
        config = base.config
        self.base, self.settings = base, settings
        base.freeze_feature_encoder()
        config.apply_spec_augment = config.apply_spec_augment and settings.spec_augment
        dropout = config.final_dropout if settings.dropout is None else settings.dropout
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(config.hidden_size, config.hidden_size),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Linear(config.hidden_size, n_classes),
        )

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Waveforms `(B, n_samples, 1)` and `(B,)` to logits `(B, n_classes)`."""
        frames, n_frames = cnn_frames(self.base, x, lengths, self.settings.normalise)
        hidden = contextual(self.base, frames, n_frames)
        if self.settings.pooling == "masked":
            pooled = masked_mean(hidden, frame_mask(n_frames, hidden.shape[1], hidden.device))
        else:
            pooled = hidden.mean(1)
        out: torch.Tensor = self.classifier(pooled)
        return out


def pretrained(source: str) -> Any:
    """The `transformers.Wav2Vec2Model` in the folder `source`, or of that name in the cache or on the hub.

    Raises
    ------
    ModelError
        It is not there, and the message says what to fetch and where to put it; or it is a model of another kind.
    """
    transformers = need("transformers", "transformers")
    folder = Path(source).expanduser()
    try:
        base, loaded = transformers.Wav2Vec2Model.from_pretrained(
            str(folder) if folder.is_dir() else source, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"wav2vec 2.0 weights {source!r}: no folder of that name holds them, and Hugging Face's cache or hub "
            f"gave none ({reason}). Where there is a network: hf download {source} --local-dir FOLDER; then "
            "give FOLDER, which must hold config.json and model.safetensors (pickled weights are not read)",
            "no_weights",
        ) from None
    # What is missing has been drawn at random. The mask of SpecAugment may be: published weights often lack it.
    missing = sorted(set(loaded["missing_keys"]) - {"masked_spec_embed"})
    if missing:
        raise ModelError(
            f"{source!r} is no wav2vec 2.0: its weights lack {len(missing)} tensors, such as {missing[0]}; give a "
            "model whose config.json has model_type wav2vec2"
        )
    # Some weights are stored in half precision; which precision to compute in is a setting.
    return base.float()


def weights_digest(base: Any) -> str:
    """SHA-256 of the weights that decide the features, by name."""
    total = hashlib.sha256()
    for name, tensor in sorted(base.state_dict().items()):
        if name != "masked_spec_embed":
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.detach().cpu().contiguous().numpy().data)
    return total.hexdigest()


class Embedder:
    """A frozen wav2vec 2.0 that makes one vector of each waveform: the mean over time of what it computes.

    Parameters
    ----------
    source
        As in `Wav2Vec2Settings`.
    layer
        `cnn`: the CNN encoder's output (512 columns in the published models); a number from 1: the output
        of that transformer layer; `last`: of the whole.
    device
        `cpu`, `cuda`, `cuda:1`; `auto` takes CUDA where it is there.
    batch_size
        Waveforms of a forward pass.
    normalise
        As in `Wav2Vec2Settings`.

    Attributes
    ----------
    digest
        SHA-256 of the weights.
    shortest
        Fewest samples that give a frame.

    Raises
    ------
    ModelError, RecipeError
        Weights or a layer that are not there.
    """

    def __init__(
        self,
        source: str,
        layer: int | Literal["cnn", "last"] = "cnn",
        *,
        device: str = "cpu",
        batch_size: int = 8,
        normalise: bool = True,
    ) -> None:
        base = pretrained(source).eval()
        n_layers = base.config.num_hidden_layers
        if isinstance(layer, int) and not 1 <= layer <= n_layers:
            raise RecipeError(
                f"layer {layer}: this model has transformer layers 1 to {n_layers}, and 'cnn' and 'last'"
            )
        self.layer, self.batch_size, self.normalise = layer, batch_size, normalise
        self.digest, self.shortest = weights_digest(base), shortest_waveform(base.config)
        self._place = training.find_device(device)
        self._base = base.to(self._place)

    def __call__(self, examples: Examples) -> Examples:
        """The same ids, labels and speakers with vectors, columns `wav2vec2_{layer}_{i}`."""
        survey(examples, "embedded")
        rows: dict[int, torch.Tensor] = {}
        with torch.inference_mode():
            for batch in Loader(examples, self.batch_size, bucket=True).batches():
                rows |= dict(zip(batch.positions.tolist(), self._means(batch), strict=True))
        x = torch.stack([rows[i] for i in range(len(examples))]).numpy()
        columns = tuple(f"wav2vec2_{self.layer}_{i:04d}" for i in range(x.shape[1]))
        return replace(examples, x=x, columns=columns)

    def _means(self, batch: Batch) -> torch.Tensor:
        batch = batch.to(self._place)
        assert batch.lengths is not None
        frames, n_frames = cnn_frames(self._base, batch.x, batch.lengths, self.normalise)
        if self.layer != "cnn":
            number = None if self.layer == "last" else self.layer
            frames = contextual(self._base, frames, n_frames, number)
        return masked_mean(frames, frame_mask(n_frames, frames.shape[1], self._place)).float().cpu()


def embed(
    examples: Examples,
    source: str,
    layer: int | Literal["cnn", "last"] = "cnn",
    *,
    device: str = "cpu",
    batch_size: int = 8,
    normalise: bool = True,
) -> Examples:
    """Vectors for waveforms by a frozen wav2vec 2.0; see `Embedder`."""
    embedder = Embedder(source, layer, device=device, batch_size=batch_size, normalise=normalise)
    return embedder(examples)


def shortest_waveform(config: Any) -> int:
    """Samples under one frame of the CNN encoder: 400 in the published models."""
    n = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        n = (n - 1) * stride + kernel
    return n


def cnn_frames(
    base: Any, x: torch.Tensor, lengths: torch.Tensor, normalise: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames of the frozen CNN encoder `(B, T, d)`, and how many of them each waveform has `(B,)`."""
    n_frames = base._get_feat_extract_output_lengths(lengths)
    if int(n_frames.min()) < 1:
        raise DataError(
            f"a waveform of {int(lengths.min())} samples is shorter than one frame of wav2vec 2.0 "
            f"({shortest_waveform(base.config)} samples); leave such clips out"
        )
    wave = x.squeeze(2)
    if normalise:
        wave = standardised(wave, lengths)
    with torch.no_grad():
        if base.config.feat_extract_norm == "layer":
            frames = base.feature_extractor(wave)[:, :, : int(n_frames.max())].transpose(1, 2)
        else:
            alone = [
                base.feature_extractor(w[None, :n])[0].T for w, n in zip(wave, lengths.tolist(), strict=True)
            ]
            frames = nn.utils.rnn.pad_sequence(alone, batch_first=True)
    return frames.detach(), n_frames


def contextual(
    base: Any, frames: torch.Tensor, n_frames: torch.Tensor, layer: int | None = None
) -> torch.Tensor:
    """The transformer's output `(B, T, hidden)` for frames of the CNN, or that of its layer number `layer`."""
    mask = frame_mask(n_frames, frames.shape[1], frames.device)
    hidden, _ = base.feature_projection(frames)
    if base.training and frames.shape[1] >= base.config.mask_time_length:
        hidden = base._mask_hidden_states(hidden, attention_mask=mask)
    if layer is None:
        last: torch.Tensor = base.encoder(hidden, attention_mask=mask).last_hidden_state
        return last
    taken: list[torch.Tensor] = []

    def take(module: nn.Module, args: Any, output: Any) -> None:
        taken.append(output[0] if isinstance(output, tuple) else output)

    with base.encoder.layers[layer - 1].register_forward_hook(take):
        base.encoder(hidden, attention_mask=mask)
    return taken[0]


def standardised(wave: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Each row of `(B, n_samples)` with mean 0 and variance 1 over its own length, padding zero."""
    mask = frame_mask(lengths, wave.shape[1], wave.device)
    n = lengths.to(wave.device)[:, None]
    centred = (wave - (wave * mask).sum(1, keepdim=True) / n) * mask
    return centred / ((centred**2).sum(1, keepdim=True) / n + 1e-7).sqrt()
