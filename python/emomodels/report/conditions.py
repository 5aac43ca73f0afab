"""The part of a report that says how a result came about: protocol, data, choices, training, how to make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emofeat.corpus.guard import GUARDS
from emomodels.report import figures
from emomodels.report.document import Block, Code, Document, Facts, Figure, Section, Table, Text
from emomodels.report.words import count, number, percent
from emomodels.runs import FitRecord, Record

_PROTOCOLS = {
    "clean": "Every guard held: what is listed here as refused would have stopped the run.",
    "speaker_dependent": "Speakers of the test part were also in training: this says nothing about new speakers.",
    "as_published": "Guards are off as in the published work, so that its numbers can be made again. They are no "
    "estimate of how well the system does on new speakers.",
}
#: How many ids of those left out are named; the others are in run.json.
_NAMED = 10


def protocol(record: Record) -> Section:
    """What was kept apart, what was not, how often test labels were opened."""
    off = set(record.protocol.off)
    rows = tuple((name, "off" if name in off else "held", text) for name, text in GUARDS.items())
    opened = record.test_opened
    blocks: list[Block] = [
        Text(f"Protocol {record.protocol.name!r}. {_PROTOCOLS.get(record.protocol.name, '')}"),
        Table("Guards", ("guard", "state", "what it refuses"), rows, words=3, note=_text_note(record)),
        *_audit(record),
        Text(
            f"Test labels were opened {opened} time{'s' * (opened != 1)}, after the posteriors of every fold and "
            "seed had been written."
            if opened == 1
            else f"Test labels were opened {opened} times: what was decided between two openings may have used them."
        ),
        *_chosen_on(record),
    ]
    return Section("Protocol", tuple(blocks))


def _text_note(record: Record) -> str:
    asked = bool(record.recipe.get("text_independent"))
    return (
        "The same sentence was kept apart as well."
        if asked
        else "The text guard acts only when asked for; below is how many sentences training and test share."
    )


def same_text(record: Record) -> str:
    """The share of test utterances whose sentence is also in training, over all folds.

    >>> from types import SimpleNamespace
    >>> folds = [{"same_text": 100.0, "n": {"test": 3}}, {"same_text": 0.0, "n": {"test": 1}}]
    >>> same_text(SimpleNamespace(audit={"folds": folds}))
    '75.0 %'
    """
    known = [(f["same_text"], f["n"]["test"]) for f in record.audit.get("folds", [])]
    known = [(share, n) for share, n in known if share is not None]
    total = sum(n for _, n in known)
    return f"{sum(share * n for share, n in known) / total:.1f} %" if total else "unknown"


def _audit(record: Record) -> Iterator[Block]:
    folds = record.audit.get("folds", [])
    if folds:
        parts = [p for p in ("train", "dev", "test") if any(p in f["n"] for f in folds)]
        header = (
            "fold",
            *(f"{p}: utterances" for p in parts),
            *(f"{p}: speakers" for p in parts),
            "same text in train",
        )
        rows = tuple(
            (
                f["name"],
                *(count(f["n"].get(p, 0)) for p in parts),
                *(count(f["speakers"].get(p, 0)) for p in parts),
                "unknown" if f["same_text"] is None else f"{f['same_text']:.1f} %",
            )
            for f in folds
        )
        absent = [
            f"fold {f['name']} has no {', '.join(names)} in {part}"
            for f in folds
            for part, names in f.get("absent", {}).items()
            if names
        ]
        yield Table("Audit of the split", header, rows, note="; ".join(absent))
    crossings = record.audit.get("crossings", [])
    if crossings:
        rows = tuple(
            (c["guard"], c["fold"], " and ".join(c["parts"]), _some(c["values"]), *map(count, c["n"]))
            for c in crossings
        )
        header = ("guard", "fold", "parts", "in both", "utterances", "and")
        yield Table("What guards that are off have found", header, rows, words=4)


def _some(values: Sequence[str], most: int = 5) -> str:
    rest = len(values) - most
    return ", ".join(values[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def _chosen_on(record: Record) -> Iterator[Block]:
    parts = {fit.chosen_on for by_seed in record.history.values() for fit in by_seed.values()} - {None}
    for part in sorted(p for p in parts if p):
        name = {
            "dev": "a development part that holds no test utterances",
            "test": "the TEST part, as published",
        }
        yield Text(f"The epoch that was kept was chosen on {name.get(part, part)}.")


def data(record: Record) -> Section:
    """Fingerprints, and how many utterances were used and why not the others."""
    d = record.data
    facts = [
        ("manifest", d.manifest),
        ("fingerprint of the manifest", d.manifest_fingerprint),
        ("label map", d.label_map or "none"),
        ("classes", ", ".join(record.classes)),
        ("counts in the manifest", _plain(d.label_counts)),
        *(("counts of the whole corpus", text) for text in d.label_differences),
        ("split", d.split),
        ("digest of the split", d.split_digest),
        *(("features: " + name, _plain(value)) for name, value in d.features.items()),
    ]
    out = d.n_in - d.n_used
    rows = [("in the manifest", count(d.n_in), "")]
    rows += [
        (f"left out: {reason}", count(len(ids)), _some(ids, _NAMED)) for reason, ids in d.left_out.items()
    ]
    rows += [("used", count(d.n_used), "")]
    explained = len({i for ids in d.left_out.values() for i in ids})
    blocks: list[Block] = [
        Facts(tuple(facts)),
        Table("Utterances", ("", "n", "ids"), tuple(rows), words=1, note=_unexplained(out - explained)),
    ]
    return Section("Data", tuple(blocks))


def _unexplained(n: int) -> str:
    return f"{count(n)} more were not used, and the run does not say why." if n > 0 else ""


def _plain(value: Any) -> str:
    """A value of a recipe in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(v) for v in value) or "none"
    return number(value) if isinstance(value, float) else str(value)


def choices(record: Record) -> Section | None:
    """Settings that were chosen inside the training part of each fold, and the scores that chose them."""
    chosen: dict[tuple[str, str], list[str]] = {}
    scores: dict[str, dict[str, list[float]]] = {}
    metric = ""
    for fold, by_seed in record.chosen.items():
        for seed, choice in by_seed.items():
            tried = choice.get("inner_scores") or []
            if tried:
                chosen.setdefault((fold, _plain(choice["settings"])), []).append(seed)
            for score in tried:
                # The score is the last entry, after the settings.
                *settings, (metric, value) = score.items()
                scores.setdefault(_plain(dict(settings)), {}).setdefault(fold, []).append(value)
    if not scores:
        return None
    folds = tuple(dict.fromkeys(fold for fold, _ in chosen))
    rows = tuple((fold, settings, ", ".join(seeds)) for (fold, settings), seeds in chosen.items())
    tried_rows = tuple(
        (settings, *(percent(_mean(by_fold.get(fold, ()))) for fold in folds))
        for settings, by_fold in scores.items()
    )
    blocks = (
        Table("Chosen settings", ("fold", "settings", "seeds"), rows, words=3),
        Table(
            f"Inner scores: {metric}, %, mean of seeds",
            ("settings", *(f"fold {fold}" for fold in folds)),
            tried_rows,
            note="Measured inside the training part of each fold, or on its development part; no test utterance had a say.",
        ),
    )
    return Section("Choices", blocks)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def training(record: Record, document: Document) -> Section | None:
    """Curves of the first seed, and for every fit the epoch that was kept."""
    fits = {
        (fold, seed): fit
        for fold, by_seed in record.history.items()
        for seed, fit in by_seed.items()
        if fit.epochs
    }
    if not fits:
        return None
    first = str(record.seeds[0])
    shown = {fold: fit for (fold, seed), fit in fits.items() if seed == first}
    caption = f"Training, seed {first}"
    blocks: list[Block] = []
    if shown:
        svg = figures.training(
            {fold: fit.epochs for fold, fit in shown.items()},
            {fold: fit.best_epoch for fold, fit in shown.items()},
            document.caption(caption),
        )
        alt = f"Curves of loss and development UAR over the epochs for folds {', '.join(shown)}"
        blocks.append(Figure(caption, svg, alt))
    header = ("fold", "seed", "epochs", "kept", "training loss", "development loss", "development UAR")
    blocks.append(
        Table("Fits", header, tuple(_fit(*key, fit) for key, fit in fits.items()), words=2, note=_FITS)
    )
    return Section("Training", tuple(blocks))


_FITS = "Losses and UAR are those of the epoch that was kept, or of the last one where none was chosen."


def _fit(fold: str, seed: str, fit: FitRecord) -> tuple[str, ...]:
    # Epochs say their own number; it may begin at 0 or at 1.
    kept = next((e for e in fit.epochs if e.get("epoch") == fit.best_epoch), fit.epochs[-1])
    return (
        fold,
        seed,
        str(len(fit.epochs)),
        "last" if fit.best_epoch is None else str(fit.best_epoch),
        number(kept.get("train_loss")),
        number(kept.get("dev_loss")),
        percent(kept.get("dev_uar")),
    )


def again(record: Record) -> Section:
    """The command, the recipe and the versions."""
    import yaml

    recipe = yaml.safe_dump(record.recipe, sort_keys=False, allow_unicode=True).strip()
    blocks: list[Block] = [Text("The command that made this run:"), Code(record.command)]
    if record.recipe:
        blocks += [Text("Its recipe with every setting, overrides included:"), Code(recipe)]
    blocks.append(Facts(tuple(record.versions.items())))
    return Section("Make it again", tuple(blocks))
