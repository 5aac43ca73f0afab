"""Examples per second of the training loop, the share of time that it waits for data, and GPU memory.

    python benches/train_speed.py                      # CPU: S4's MLP and BiLSTM, a tiny wav2vec 2.0
    python benches/train_speed.py --device cuda --precision bf16   # and a large wav2vec 2.0

Everything is synthetic: drawn features and noises of the sizes of RAVDESS (1,200 clips of 2.4 s), weights from
nowhere. The first epoch, with its imports and allocations, is left out.
"""

from __future__ import annotations

import argparse
import platform

import numpy as np
import torch

from emomodels import training
from emomodels.data.examples import Examples
from emomodels.models.base import Context
from emomodels.models.bilstm import BiLSTM, BiLSTMSettings
from emomodels.models.mlp import MLP, MLPSettings
from emomodels.models.wav2vec2 import Wav2Vec2Network, Wav2Vec2Settings
from emomodels.training import TrainingSettings

CLASSES = tuple(f"class{i}" for i in range(8))


def drawn(n: int, d: int, frames: tuple[int, int] | None = None) -> Examples:
    """`n` examples of noise: vectors of `d`, or sequences with lengths between `frames`."""
    rng = np.random.default_rng(0)
    if frames is None:
        x: np.ndarray | tuple[np.ndarray, ...] = rng.standard_normal((n, d), np.float32)
    else:
        x = tuple(rng.standard_normal((int(k), d), np.float32) for k in rng.integers(*frames, n))
    y = np.arange(n) % len(CLASSES)
    return Examples(tuple(map(str, range(n))), x, tuple(f"c{i}" for i in range(d)), CLASSES, y)


def wav2vec2(size: str, settings: Wav2Vec2Settings) -> torch.nn.Module:
    """A wav2vec 2.0 with random weights: `large` as XLSR-53, or `tiny`."""
    import transformers

    shape = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
    if size == "large":
        shape |= {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        }
    else:
        shape |= {
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 128,
        }
        shape |= {"conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    base = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**shape))
    return Wav2Vec2Network(base, len(CLASSES), settings)


def measure(
    name: str,
    network: torch.nn.Module,
    examples: Examples,
    settings: TrainingSettings,
    context: Context,
) -> None:
    """Train, and print one row of the table."""
    device = training.find_device(context.device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    history = training.train(network, examples, None, settings, seed=0, context=context)
    rates = [row["examples_per_second"] for row in history.epochs[1:]]
    waiting = np.mean([row["waiting"] for row in history.epochs[1:]])
    memory = f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB" if device.type == "cuda" else ""
    print(
        f"{name:<44} {history.extra['parameters']:>12,} {np.median(rates):>12,.0f} {100 * waiting:>8.1f} % {memory:>10}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "fp16"])
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU")
    parser.add_argument("--workers", type=int, default=0, help="threads that make batches ahead")
    parser.add_argument("--batch-size", type=int, default=4, help="of wav2vec 2.0")
    args = parser.parse_args()
    cuda = args.device != "cpu"
    context = Context(device=args.device, threads=args.threads, workers=args.workers)
    place = torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU, {args.threads} threads"
    print(f"{place}, PyTorch {torch.__version__}, {args.precision}, {args.workers} loader threads\n")
    print(f"{'':<44} {'parameters':>12} {'examples/s':>12} {'waiting':>10} {'memory':>10}")
    common = {"precision": args.precision, "patience": None}

    mlp = MLPSettings(epochs=10, **common)
    for d in (35, 6373):
        measure(f"mlp (80), vectors of {d:,}", MLP(mlp).network(d, 8), drawn(1200, d), mlp, context)
    for bucket in (False, True):
        lstm = BiLSTMSettings(epochs=3, bucket=bucket, **common)
        name = f"bilstm, 35 x 60-120 frames{', bucketed' if bucket else ''}"
        measure(name, BiLSTM(lstm).network(35, 8), drawn(1200, 35, (60, 121)), lstm, context)
    size, n = ("large", 240) if cuda else ("tiny", 40)
    speech = Wav2Vec2Settings(source="random", epochs=3, batch_size=args.batch_size, **common)
    waves = drawn(n, 1, (38_000, 38_229))
    measure(f"wav2vec2 {size}, random, 2.4 s at 16 kHz", wav2vec2(size, speech), waves, speech, context)


if __name__ == "__main__":
    main()
