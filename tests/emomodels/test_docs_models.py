"""docs/models.md says what the code does: every table of names in it is held against the code."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from emofeat.cli import cli as emofeat_cli
from emofeat.corpus import guard
from emofeat.corpus.guard import as_published
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import Fold, Split
from emofeat.corpus.utterance import Utterance
from emomodels import config, evaluate, experiment, fuse, fusion, runs
from emomodels.cli import cli as emomodels_cli
from emomodels.data import action_units, features, keys, normalise, waveforms
from emomodels.material import ENOUGH_SEEDS, SPLITS, Material
from emomodels.models import registry
from emomodels.models.base import Context, Estimator
from tests.emomodels import corpus
from tests.emomodels.drawn_runs import labels as drawn_labels
from tests.emomodels.drawn_runs import posteriors as drawn_posteriors
from tests.emomodels.neural_tools import drawn

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
COMMANDS = re.findall(r"^(emofeat|emomodels) ([^#\n]+)", PAGE, re.MULTILINE)


def rows(head: str) -> list[list[str]]:
    """The cells below the header that begins with `head`."""
    table = PAGE.split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in table]


def names(head: str) -> list[str]:
    return [row[0].strip("`") for row in rows(head)]


def test_no_line_of_text_is_longer_than_118_columns():
    assert [line for line in PAGE.splitlines() if len(line) > 118] == []


# The recipe


def parts(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Every key below `model` with its default as the page writes it."""
    nested = {
        "protocol": config.ProtocolChoice,
        "features": config.FeatureSource,
        "normalise": normalise.NormaliserSettings,
        "inner": config.Inner,
        "development": config.Development,
    }
    for name, field in model.model_fields.items():
        below = nested.get(name) if not above else None
        yield f"{above}{name}", default(field) if name in ("protocol", "features") or not below else ""
        yield from parts(below, f"{name}.") if below else ()


def default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.name
    return f"`{written(value)}`"


def written(value: Any) -> str:
    """A value as YAML on one line."""
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


def test_the_keys_of_a_recipe_and_their_defaults_are_those_of_the_code():
    assert [(row[0].strip("`"), row[1]) for row in rows("key | default")] == list(parts(config.Recipe))


def test_the_recipe_of_the_page_is_valid():
    (text,) = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    recipe = config.parse(yaml.safe_load(text))
    assert recipe.split in SPLITS
    registry.estimator(recipe.model["name"], {**recipe.model_settings, "C": recipe.inner.grid["C"][0]})


def test_the_splits_by_name_are_those_of_the_code():
    assert names("split") == list(SPLITS)


# Features


def test_the_formats_are_those_that_a_source_may_have():
    allowed = config.FeatureSource.model_fields["format"].annotation
    assert tuple(names("format")) == allowed.__args__
    assert waveforms.rate_of({}) == waveforms.rate_of({"sr": 16000})
    assert ", ".join(f"`{name}`" for name in features.ID_COLUMNS) in PAGE


def test_the_keys_of_the_join_are_those_of_the_code():
    assert names("key | of an id") == list(keys.KEYS)
    first, second = re.findall(r"`(0\d-)…`", PAGE)
    assert keys.ravdess(f"{first}01-05-02-01-01-07") == keys.ravdess(f"{second}01-05-02-01-01-07")


def test_the_options_of_action_units_are_those_of_the_code():
    parameters = inspect.signature(action_units.read_folder).parameters
    known = {
        name: "`true`" if name == "average" else f"`{written(p.default)}`"
        for name, p in parameters.items()
        if name not in ("folder", "columns")
    }
    assert {row[0].strip("`"): row[1] for row in rows("option")} == known
    (text,) = re.findall(r"```yaml\n(features: *\n.*?)```", PAGE, re.DOTALL)
    for source in yaml.safe_load(text)["features"]:
        assert set(config.FeatureSource.model_validate(source).options) <= set(known)


# Models and fusions


def test_the_models_are_those_of_the_registry():
    assert names("model") == list(registry.MODELS)
    descriptions = registry.descriptions()
    for cell, takes, seed, what in rows("model"):
        model = registry.model_class(cell.strip("`"))
        assert (takes, seed) == (model.takes, "yes" if model.stochastic else "no")
        assert descriptions[model.name].startswith(what)


def test_the_seeds_that_are_enough_are_as_many_as_the_page_says():
    assert ENOUGH_SEEDS == 3
    assert "take three seeds or more" in PAGE


def test_the_fusions_are_those_of_the_code():
    assert names("method") == list(fusion.FUSIONS)
    for cell, learns, settings, _ in rows("method"):
        found = fusion.FUSIONS[cell.strip("`")]
        assert (learns != "nothing") is found.trained
        assert re.findall(r"`(\w+)`", settings) == list(found.settings_class.model_fields)


def test_the_contract_of_a_model_is_what_the_page_says():
    told = [re.match(r"\w+", name)[0] for name in names("attribute or method")]
    public = {name for name in (*vars(Estimator), *Estimator.__annotations__) if not name.startswith("_")}
    assert set(told) == public
    assert len(told) == len(public)
    for name in names("attribute or method"):
        if "(" in name:
            parameters = list(inspect.signature(getattr(Estimator, name.partition("(")[0])).parameters)
            given = re.findall(r"\w+", name.partition("(")[2])
            assert given == [p for p in parameters if p != "self"]


def test_the_model_of_the_page_is_fitted_saved_and_loaded(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "docs/models.md", "exec", dont_inherit=True), scope)
    examples = drawn(12, sequences=True)
    model = scope["GRU"](scope["GRUSettings"](epochs=2, hidden=4))
    model.fit(examples, None, seed=0, context=Context(threads=1))
    model.save(tmp_path)
    again = scope["GRU"].load(tmp_path).predict(examples)
    assert np.array_equal(again, model.predict(examples))
    assert registry.documented(scope["GRUSettings"])["hidden"] == "Units of the layer."


# Commands


@pytest.mark.parametrize(("program", "rest"), COMMANDS)
def test_the_commands_parse(program, rest):
    group = {"emofeat": emofeat_cli, "emomodels": emomodels_cli}[program]
    name, *given = shlex.split(rest)
    with click.Context(group) as ctx:
        command = group.get_command(ctx, name)
        # `prepare` and `reproduce` are groups; parsing what is below them is left to the inner command.
        while isinstance(command, click.Group):
            name, *given = given
            command = command.get_command(ctx, name)
        parsed = command.make_context(name, given)
    overrides = parsed.params.get("overrides", ())
    tree: dict[str, Any] = {"features": [{}]}
    for text in overrides:
        config.override(tree, text)


def test_all_commands_are_on_the_page():
    assert set(re.findall(r"emomodels (\w+)", PAGE)) >= set(
        emomodels_cli.list_commands(click.Context(emomodels_cli))
    )


def test_the_options_named_in_the_text_exist():
    known = {
        option for group in (emofeat_cli, emomodels_cli) for option in options(group, click.Context(group))
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) - {"--nproc-per-node"} <= known


def options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for parameter in command.params:
        yield from parameter.opts
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from options(below, ctx)


# The run folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Runs of a classical model, of a network, of early fusion, and a late fusion."""
    folder = tmp_path_factory.mktemp("runs")
    both = [corpus.source(folder, name) for name in ("voice", "face")]
    recipe = corpus.make(
        folder, n_speakers=3, per_class=2, label_distribution=lambda s, label, n: {label: 1.0}
    ) | {"split": "leave-one-speaker-out"}
    recipe["inner"] = {"folds": 2}
    network = {"name": "mlp", "hidden": [2], "epochs": 1, "patience": 1}
    for name, changes in {
        "voice": {},
        "face": {"features": both[1:]},
        "network": {"model": network, "inner": {"oof": False}},
        "early": {"features": both, "inner": {"oof": False}},
    }.items():
        experiment.run(config.parse(recipe | {"name": name} | changes), folder / "runs" / name)
    parts = {name: folder / "runs" / name for name in ("voice", "face")}
    fuse.fuse(parts, folder / "runs" / "late")
    return folder / "runs"


def test_a_run_holds_the_files_of_the_page_and_no_others(folders):
    shapes = {
        told: re.compile(
            re.escape(told)
            .replace(r"\{file\}", ".+")
            .replace(r"\{seed\}", r"\d+")
            .replace(r"\{fold\}", "[^/]+")
            .replace(r"\{name\}", "[^/]+")
        )
        for told in names("file")
    }
    found: set[str] = set()
    for folder in folders.iterdir():
        for path in folder.rglob("*"):
            if path.is_file():
                of = path.relative_to(folder).as_posix()
                fitting = {told for told, shape in shapes.items() if shape.fullmatch(of)}
                assert fitting, f"{of} is on no line of the page"
                found |= fitting
    assert found == set(shapes)


def test_an_open_run_has_what_the_page_says(folders):
    run = runs.Run.read(folders / "voice")
    (told,) = re.findall(r"opens a finished run: (.*?)\.\n", PAGE)
    for name in re.findall(r"`(\w+)", told):
        assert hasattr(run, name)
    for key in ("protocol", "stamps", "recipe", "command", "versions", "data", "audit", "chosen", "history"):
        assert key in runs.Record.model_fields
    assert run.record.test_opened == 1


# Stamps


def stamp(pattern: str) -> re.Pattern[str]:
    """What a line of the table stands for."""
    with_numbers = re.sub(r"\b[NM]\b", r"[\\d,]+", re.escape(pattern).replace(r"\ ", " "))
    return re.compile(re.sub(r"\b[A-Z]{4,}\b", ".+", with_numbers))


def of_recipe(folder: Path, columns: dict[str, Any] | None = None, **changes: Any) -> tuple[str, ...]:
    recipe = corpus.make(folder, n_speakers=5, per_class=2, **(columns or {}))
    return Material.load(config.parse(recipe | changes)).stamps


def of_guard(lacking: str, **columns: Any) -> tuple[str, ...]:
    """Stamps of a split of two utterances, of which `columns` say what the first has."""
    both = [
        Utterance(id=name, **{"speaker": name, "audio_group": name, "text_id": name} | {lacking: None})
        for name in ("a", "b")
    ]
    both[0] = replace(both[0], **columns)
    split = Split("two", (Fold("0", ("a",), (), ("b",)),))
    return guard.audit(both, split, text=lacking == "text_id").stamps


def of_split(folder: Path, change: Any) -> tuple[str, ...]:
    """Stamps of a split file of the whole corpus, with a manifest that has been changed."""
    recipe = corpus.make(folder, n_speakers=5, per_class=2)
    manifest = Manifest.read(Path(recipe["manifest"]))
    SPLITS["speaker-5-fold"](manifest).write(folder / "split.json")
    Manifest([u for u in map(change, manifest) if u is not None]).write(Path(recipe["manifest"]))
    return Material.load(config.parse(recipe | {"split": str(folder / "split.json")})).stamps


def of_other_counts(folder: Path) -> tuple[str, ...]:
    recipe = corpus.make(folder, n_speakers=5, per_class=2, corpus=lambda *_: "toy")
    path = Path(recipe["label_map"])
    expected = {"toy": dict.fromkeys(corpus.CLASSES, 11)}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"expected": expected}))
    return Material.load(config.parse(recipe)).stamps


def made(folder: Path) -> dict[str, tuple[str, ...]]:
    """For each line of the table, stamps of a case that has to have one like it."""
    truth = drawn_labels(n_speakers=2, each=4, n_folds=2)
    given = drawn_posteriors(truth, 1.0, 0)
    incomplete = fusion.Fused(given, {"face": given.ids[:2]}, ())
    posterior, fit = as_published(["posterior"]), as_published(["fit"])
    common = evaluate._Common(None, ("calm",), {"boredom": 81})  # type: ignore[arg-type]
    padded = {"source": "x", "pooling": "as_published_unmasked"}
    transductive = {"by": "speaker", "transductive": True}
    partial = {"partial": lambda *_: "90 of 100 utterances"}
    return {
        "speaker_dependent: guards off: GUARDS": of_recipe(folder, protocol="speaker_dependent"),
        "as_published: guard off: GUARD": of_recipe(
            folder, protocol={"name": "as_published", "off": ["selection"]}
        ),
        "transductive": of_recipe(folder, normalise=transductive),
        "speakers not checked": of_guard("speaker"),
        "audio duplicates not checked": of_guard("audio_group"),
        "COLUMN not checked for N of M utterances": of_guard("session", session="1"),
        "sentences not checked for N of M utterances": of_guard("text_id", text_id="t"),
        "partial corpus: TEXT": of_recipe(folder, partial),
        "partial corpus: TEXT; N utterances of the split are missing": of_split(
            folder, lambda u: None if u.id == "s0_sad_0" else replace(u, partial="29 of 30 utterances")
        ),
        "columns of the manifest other than ids and groups have changed since the split was made": of_split(
            folder, lambda u: replace(u, text="other")
        ),
        "other counts of labels than the corpus is known to have": of_other_counts(folder),
        "N of 3 seeds": of_recipe(folder, model={"name": "mlp"}),
        "as published: padding is pooled, so that neighbours in a batch change a result": registry.estimator(
            "wav2vec2", padded
        ).stamps,
        "WHAT: its models were trained on N of the M utterances that it is evaluated on": guard.check_posteriors(
            "audio", ["a"], ["0"], {"0": ["a"]}, protocol=posterior
        ).stamps,
        "WHAT: not known on whom N of M models were trained": guard.check_posteriors(
            "audio", ["a"], ["0"], {}, protocol=posterior
        ).stamps,
        "WHAT was fitted on N of the M utterances that it is evaluated on": guard.check_fit(
            "stacked on audio", ["a"], ["a"], fit
        ).stamps,
        "N utterances without NAME": tuple(fuse._missing(incomplete)),
        "without CLASSES of CORPUS": tuple(replace(common, only_theirs={}).stamps("ravdess", "emodb")),
        "without CLASSES of CORPUS (N utterances)": tuple(
            replace(common, only_ours=()).stamps("ravdess", "emodb")
        ),
    }


def test_every_stamp_of_the_page_is_given_in_its_case_and_every_stamp_is_on_the_page(tmp_path):
    cases = made(tmp_path)
    assert list(cases) == names("stamp")
    for told, stamps in cases.items():
        assert any(stamp(told).fullmatch(said) for said in stamps), (told, stamps)
        for said in stamps:
            assert any(stamp(line).fullmatch(said) for line in cases), f"{said} is on no line of the page"


def test_the_stamps_of_a_recipe_are_added_as_they_are(tmp_path):
    assert of_recipe(tmp_path) == ()
    assert of_recipe(tmp_path, stamps=["synthetic corpus"]) == ("synthetic corpus",)
