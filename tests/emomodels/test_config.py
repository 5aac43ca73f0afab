"""Recipes: typed, overridden from the command line, refused with a suggestion."""

from __future__ import annotations

import pytest
import yaml

from emomodels import config
from emomodels.exceptions import RecipeError

BASE = {
    "name": "audio",
    "manifest": "m.jsonl",
    "label_map": "ravdess8",
    "split": "s4-actors",
    "features": [{"path": "feats"}],
    "model": {"name": "linear_svm", "C": 0.01},
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"protocl": "clean"}, "unknown key 'protocl' (did you mean 'protocol'?)"),
        ({"features": [{"path": "f", "nmes": []}]}, "unknown key 'features.0.nmes' (did you mean 'names'?)"),
        ({"normalise": {"methd": "zscore"}}, "unknown key 'normalise.methd' (did you mean 'method'?)"),
        ({"normalise": {"by": "speaker"}}, "transductive: true"),
        ({"inner": {"folds": 1}}, "inner.folds: 1"),
        ({"protocol": "clen"}, "'clean', 'speaker_dependent' or 'as_published'"),
        ({"seeds": []}, "seeds"),
        ({"model": {"C": 1}}, "'model.name' is missing"),
        ({"name": None}, "name: None"),
        ({"model": {"name": None}}, "'model.name' is missing"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(change, says):
    with pytest.raises(RecipeError) as error:
        config.parse(BASE | change)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named():
    with pytest.raises(RecipeError, match="'manifest' is missing"):
        config.parse({k: v for k, v in BASE.items() if k != "manifest"})


@pytest.mark.parametrize("key", ["off", '"off"'])
def test_guards_are_named_under_off_though_yaml_reads_the_word_as_false(tmp_path, key):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(BASE) + f"protocol: {{name: as_published, {key}: [speaker]}}\n")
    assert config.load(path).protocol == config.ProtocolChoice(name="as_published", off=("speaker",))
    path.write_text(yaml.safe_dump(BASE) + "protocol:\n  name: as_published\n")
    overridden = config.load(path, [f"protocol={{name: as_published, {key}: [speaker]}}"])
    assert overridden.protocol.off == ("speaker",)


def test_overrides_reach_nested_keys_and_lists(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(BASE))
    recipe = config.load(
        path,
        [
            "model.C=0.5",
            "seeds=[1,2]",
            "features.0.path=other",
            "normalise.method=minmax",
            "inner.grid.C=[1,2]",
        ],
    )
    assert recipe.model_settings == {"C": 0.5}
    assert recipe.seeds == (1, 2)
    assert str(recipe.features[0].path) == "other"
    assert recipe.normalise.method == "minmax"
    assert recipe.inner.grid == {"C": (1, 2)}


@pytest.mark.parametrize("text", ["C", "=1", "features.3.path=x", "name.first=x", "model.C=[1"])
def test_an_override_that_means_nothing_is_refused(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(BASE))
    with pytest.raises(RecipeError):
        config.load(path, [text])


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", ""])
def test_a_file_that_is_no_recipe_is_named(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"recipe\.yaml"):
        config.load(path)


def test_a_recipe_of_two_modalities_gives_each_alone():
    recipe = config.parse(BASE | {"features": [{"path": "a"}, {"path": "b", "modality": "face"}]})
    assert recipe.modalities == ("audio", "face")
    assert recipe.only("face").modalities == ("face",)
    assert recipe.only("face").name == "audio/face"
