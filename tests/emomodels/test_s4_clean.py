"""S4 under the clean protocol: from recordings to a fusion in one call, on a part of the real corpus."""

from __future__ import annotations

import pytest
import yaml

from emomodels import config, recipes
from emomodels.systems import s4_clean


@pytest.fixture
def ravdess(test_data, tmp_path):
    """The first take of the first sentence, normal intensity: 24 actors, 8 classes."""
    folder = tmp_path / "RAVDESS"
    folder.mkdir()
    for clip in (test_data / "ravdess16k").glob("Actor_*/03-01-*-01-01-01-*.flac"):
        (folder / clip.name).symlink_to(clip)
    return folder


def test_recordings_and_action_units_become_a_fusion_that_says_it_is_of_a_part(
    ravdess, test_data, tmp_path, monkeypatch
):
    # The packaged recipes with few columns and quick models; everything else is as it is.
    quick = {
        "ravdess-audio-lda": ({"name": "lda"}, {"names": ["egemapsv02"]}),
        "ravdess-audio-mlp": ({"name": "knn"}, {"names": ["egemapsv02"]}),
        "ravdess-face": ({"name": "logistic_regression"}, {}),
    }
    for name, (model, source) in quick.items():
        tree = yaml.safe_load(recipes.find(name).read_text(encoding="utf-8"))
        tree |= {"model": model, "inner": {"folds": 2}, "seeds": [0]}
        tree["features"][0] |= source
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    monkeypatch.setattr(recipes, "find", lambda name: tmp_path / f"{name}.yaml")
    egemaps = s4_clean.Features("functionals", {"features": ["egemapsv02"]})
    monkeypatch.setattr(s4_clean, "FEATURES", (egemaps,))

    done = s4_clean.run(ravdess, test_data / "ravdess_s4", tmp_path / "out", command="x")

    assert [run.record.name for run in done][-2:] == ["lda + mlp, stacked", "lda + mlp + face, stacked"]
    fused = done[-1]
    assert fused.record.unimodal == ("lda", "mlp", "face")
    assert len(fused.labels) == len(list(ravdess.iterdir()))
    assert any(stamp.startswith("partial corpus") for stamp in fused.record.stamps)
    uar = {run.record.name: run.metrics["summary"]["values"]["uar"]["mean"] for run in done}
    assert uar["lda + mlp + face, stacked"] > uar["lda + mlp, stacked"]
    # Sounds and faces are joined by the clip, whose first field names the modality.
    assert all(id_.startswith("03-01-") for id_ in fused.labels.ids)


@pytest.mark.parametrize("name", [*s4_clean.AUDIO, s4_clean.FACE])
def test_its_recipes_read_what_it_makes(name, tmp_path):
    overrides = s4_clean._overrides(name, tmp_path / "ravdess.jsonl", tmp_path, tmp_path / "data")
    recipe = config.load(recipes.find(name), overrides)
    made = {tmp_path / "features" / features.name for features in s4_clean.FEATURES}
    assert {s.path for s in recipe.features} <= made | {tmp_path / "data" / s4_clean.ACTION_UNITS}
    assert recipe.protocol.name == "clean"
