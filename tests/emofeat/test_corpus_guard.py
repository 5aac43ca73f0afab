"""The guard: each mistake is planted and refused; switched off by name, it is measured and stamped."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofeat.cli import run
from emofeat.corpus.guard import (
    CLEAN,
    GUARDS,
    SPEAKER_DEPENDENT,
    LeakageError,
    Protocol,
    as_published,
    audit,
    check_fit,
    check_posteriors,
    check_selection,
    protocol,
)
from emofeat.corpus.labels import label_map
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import (
    Fold,
    Split,
    grouped_k_fold,
    leave_one_out,
    partition,
    random_k_fold,
    s4_actor_folds,
)
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

#: Three speakers with two utterances each, nothing shared.
ROWS = [
    Utterance(
        id=f"{s}{i}",
        file=f"{s}{i}.wav",
        speaker=s,
        session=f"session {s}",
        dialogue=f"dialogue {s}",
        parent=f"parent {s}",
        text_id=f"text {s}",
        label=("sad", "happy")[i],
        audio_group=f"{s}{i}",
    )
    for s in "abc"
    for i in range(2)
]
SPLIT = Split("by hand", (Fold("0", ("a0", "a1"), ("b0", "b1"), ("c0", "c1")),))
COLUMNS = ("speaker", "session", "dialogue", "parent", "audio", "text")


def planted(guard, first="a0", second="c0"):
    """The utterances, of which two share what `guard` looks at."""
    column = {"audio": "audio_group", "text": "text_id"}.get(guard, guard)
    return [replace(u, **{column: "shared"}) if u.id in (first, second) else u for u in ROWS]


def test_what_shares_nothing_passes_without_a_stamp():
    passed = audit(ROWS, SPLIT, text=True)
    assert passed.stamps == ()
    assert passed.crossings == ()
    assert (passed.n_in, passed.n_used) == (6, 6)
    assert passed.folds[0].same_text == 0


@pytest.mark.parametrize("guard", COLUMNS)
@pytest.mark.parametrize("pair", [("a0", "c0"), ("a1", "b0"), ("b1", "c1")], ids="-".join)
def test_nothing_shared_is_on_both_sides(guard, pair):
    """Rows 1, 2, 4, 8, 9 and 23 of the protocols: train and test, train and dev, dev and test."""
    parts = [{"a": "train", "b": "dev", "c": "test"}[i[0]] for i in pair]
    with pytest.raises(
        LeakageError, match=rf"leakage \({guard}\): .* in {parts[0]} and in {parts[1]} of fold '0'"
    ) as e:
        audit(planted(guard, *pair), SPLIT, text=True)
    assert e.value.code == "leakage"
    assert (e.value.guard, e.value.values) == (guard, ("shared",))


@pytest.mark.parametrize("guard", COLUMNS)
def test_a_guard_that_is_off_measures_and_stamps(guard):
    passed = audit(planted(guard), SPLIT, as_published(off=[guard]), text=True)
    assert passed.stamps == (f"as_published: guard off: {guard}",)
    (crossing,) = passed.crossings
    assert (crossing.guard, crossing.parts, crossing.n) == (guard, ("train", "test"), (1, 1))


@pytest.mark.parametrize("guard", COLUMNS)
def test_the_other_guards_stay_on(guard):
    off = as_published(off=set(GUARDS) - {guard})
    with pytest.raises(LeakageError, match=rf"leakage \({guard}\)"):
        # `selection` is among those that are off: dev is not compared with test, train still is.
        audit(planted(guard), SPLIT, off, text=True)


def test_a_refusal_says_what_who_how_many_and_what_to_do():
    rows = [replace(u, speaker="07") if u.id in ("a0", "a1", "c0") else u for u in ROWS]
    with pytest.raises(LeakageError) as e:
        audit(rows, SPLIT)
    assert str(e.value) == (
        "leakage (speaker): speakers '07' in train and in test of fold '0' (2 utterances in train, 1 in test); "
        "make a split that keeps them whole (emofeat split --by speaker), or name a protocol that allows it: "
        "speaker_dependent, as_published with speaker off"
    )
    again = pickle.loads(pickle.dumps(e.value))
    assert (str(again), again.guard, again.values) == (str(e.value), "speaker", ("07",))


def test_every_guard_that_refuses_is_named_at_once():
    rows = [replace(u, speaker="07", dialogue="d") if u.id in ("a0", "c0") else u for u in ROWS]
    with pytest.raises(LeakageError) as e:
        audit(rows, SPLIT)
    assert [line.split(":")[0] for line in str(e.value).splitlines()] == [
        "leakage (speaker)",
        "leakage (dialogue)",
    ]


def test_an_utterance_is_in_one_part_whatever_the_protocol():
    doubled = Split("s", (Fold("0", ("a0", "a1", "c0"), (), ("c0", "c1")),))
    with pytest.raises(LeakageError, match=r"leakage \(utterance\): utterances 'c0' in train and in test"):
        audit(ROWS, doubled, as_published(off=GUARDS))


def test_who_chooses_on_the_test_part_says_so():
    """S4 stopped early on its test fold: development and test are one."""
    watched = Split("s", (Fold("0", ("a0", "a1"), ("c0", "c1"), ("c0", "c1")),))
    with pytest.raises(LeakageError, match=r"leakage \((speaker|selection)\)"):
        audit(ROWS, watched)
    passed = audit(ROWS, watched, as_published(off=["selection"]))
    assert passed.stamps == ("as_published: guard off: selection",)
    assert [(c.guard, c.n) for c in passed.crossings] == [("selection", (2, 2))]


def test_segments_of_one_file_do_not_overlap_across_parts():
    """Row 8: windows of one recording, also where no parent is named or the parents differ."""
    bare = [replace(u, parent=None) for u in ROWS]

    def with_times(first, second):
        times = {"a0": first, "c0": second}
        return [
            replace(u, file="talk.wav", start=times[u.id][0], end=times[u.id][1], parent=f"own {u.id}")
            if u.id in times
            else u
            for u in bare
        ]

    with pytest.raises(
        LeakageError, match=r"leakage \(parent\): recordings 'a0 with c0' in train and in test"
    ):
        audit(with_times((0.0, 1.0), (0.9, 2.0)), SPLIT)
    with pytest.raises(LeakageError, match="'a0 with c0'"):
        audit(with_times((5.0, 6.0), (None, None)), SPLIT)
    assert audit(with_times((0.0, 1.0), (1.0, 2.0)), SPLIT).stamps == ()
    # Without a name for the recording, the file is the recording.
    unnamed = [replace(u, parent=None) for u in with_times((0.0, 1.0), (1.0, 2.0))]
    with pytest.raises(LeakageError, match=r"recordings 'talk.wav' in train and in test"):
        audit(unnamed, SPLIT)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from(["train", "dev", "test"])),
        max_size=12,
    )
)
def test_overlap_is_found_exactly_where_it_is(segments):
    rows = [*ROWS] + [
        Utterance(id=f"s{i}", file="talk.wav", start=start, end=start + n, speaker=part, parent=f"own {i}")
        for i, (start, n, part) in enumerate(segments)
    ]
    own = {
        part: tuple(f"s{i}" for i, s in enumerate(segments) if s[2] == part)
        for part in ("train", "dev", "test")
    }
    fold = SPLIT.folds[0]
    split = Split(
        "s", (Fold("0", fold.train + own["train"], fold.dev + own["dev"], fold.test + own["test"]),)
    )
    expected = {
        frozenset((f"s{i}", f"s{j}"))
        for i, (a, n, p) in enumerate(segments)
        for j, (b, m, q) in enumerate(segments)
        if p != q and a < b + m and b < a + n
    }
    found = audit(rows, split, as_published(off=["parent"])).crossings
    assert {frozenset(v.split(" with ")) for c in found for v in c.values} == expected


def test_speakers_of_two_corpora_are_not_one():
    rows = [
        replace(u, speaker="03", corpus={"a": "ravdess", "b": "ravdess", "c": "emodb"}[u.speaker])
        for u in ROWS
    ]
    two = Split("s", (Fold("0", ("a0", "a1", "b0", "b1"), (), ("c0", "c1")),))
    assert audit(rows, two).crossings == ()
    with pytest.raises(LeakageError, match="speakers 'ravdess: 03' in train and in dev"):
        audit(rows, SPLIT)
    assert [f.name for f in leave_one_out(rows).folds] == ["emodb: 03", "ravdess: 03"]


def test_same_text_is_always_reported():
    """Row 9: RAVDESS has two sentences, so all test sentences are in training."""
    rows = [
        replace(u, text_id="kids" if u.id[1] == "0" else None, text="Dogs are sitting, by the door!")
        for u in ROWS
    ]
    rows = [replace(u, text="dogs are sitting by the door") if u.speaker == "a" else u for u in rows]
    assert audit(rows, SPLIT).folds[0].same_text == 100
    new = [replace(u, text="something new") if u.id == "c1" else u for u in rows]
    assert audit(new, SPLIT).folds[0].same_text == 50
    with pytest.raises(
        LeakageError,
        match=r"leakage \(text\): sentences 'dogs are sitting by the door', 'kids' in train and in dev",
    ):
        audit(new, SPLIT, text=True)
    unknown = [replace(u, text=None, text_id=None) for u in ROWS]
    assert audit(unknown, SPLIT).folds[0].same_text is None
    with pytest.raises(UsageError, match="neither 'text_id' nor 'text'"):
        audit(unknown, SPLIT, text=True)


def test_what_could_not_be_checked_is_stamped():
    rows = [replace(u, audio_group=None, speaker=None) for u in ROWS]
    assert audit(rows, SPLIT).stamps == ("speakers not checked", "audio duplicates not checked")
    some = [replace(u, audio_group=None, dialogue=None) if u.id == "a0" else u for u in ROWS]
    assert audit(some, SPLIT).stamps == (
        "dialogues not checked for 1 of 6 utterances",
        "audio duplicates not checked for 1 of 6 utterances",
    )
    unsaid = [replace(u, text_id=None) if u.id == "a0" else u for u in ROWS]
    assert audit(unsaid, SPLIT).stamps == ()
    assert audit(unsaid, SPLIT, text=True).stamps == ("sentences not checked for 1 of 6 utterances",)
    # A corpus of single recordings has neither sessions nor dialogues.
    assert audit([replace(u, session=None, dialogue=None, parent=None) for u in ROWS], SPLIT).stamps == ()


def test_a_class_that_training_lacks_is_refused_and_one_that_test_lacks_reported():
    own = label_map("ravdess8").apply([replace(u, label="sad") if u.speaker == "c" else u for u in ROWS])
    own = replace(own, classes=("sad", "happy"))
    passed = audit(ROWS, SPLIT, labels=own)
    assert passed.folds[0].absent == {"test": ("happy",)}
    lacking = Split("s", (Fold("0", ("c0", "c1"), (), ("a0", "a1")),))
    with pytest.raises(
        UsageError, match="training part of fold '0' has no example of 'happy', of the classes of ravdess8"
    ):
        audit(ROWS, lacking, labels=own)


def test_an_utterance_that_the_manifest_lacks_is_refused():
    with pytest.raises(
        UsageError, match=r"1 of the 6 utterances of split 'by hand' are not in the manifest \(first 'a0'"
    ):
        audit(ROWS[1:], SPLIT)


def test_the_manifest_says_how_many_were_used():
    split = Split("s", (Fold("0", ("a0", "a1"), (), ("c0", "c1")),))
    assert (audit(ROWS, split).n_in, audit(ROWS, split).n_used) == (6, 4)


def test_speaker_dependent_is_about_speakers_alone():
    rows = [replace(u, dialogue=None, parent=None) for u in ROWS]
    split = Split("s", (Fold("0", ("a0", "b0", "c0"), (), ("a1", "b1", "c1")),))
    passed = audit(rows, split, SPEAKER_DEPENDENT)
    assert passed.stamps == ("speaker_dependent: guards off: speaker, session",)
    assert {c.guard: len(c.values) for c in passed.crossings} == {"speaker": 3, "session": 3}
    for guard in ("dialogue", "parent"):
        with pytest.raises(LeakageError, match=rf"leakage \({guard}\)"):
            audit([replace(u, **{guard: u.speaker}) for u in rows], split, SPEAKER_DEPENDENT)


def test_a_fit_has_not_seen_whom_it_is_evaluated_on():
    """Row 6; row 7 is the same with a protocol that says so."""
    assert check_fit("min-max", ["a", "b"], ["c"]).seen == 0
    with pytest.raises(
        LeakageError, match=r"leakage \(fit\): min-max was fitted on 1 of the 2 .* \('c'\); fit it on"
    ):
        check_fit("min-max", ["a", "c"], ["c", "d"])
    off = check_fit("min-max", ["a", "c"], ["c", "d"], as_published(off=["fit"]))
    assert off.stamps == ("min-max was fitted on 1 of the 2 utterances that it is evaluated on",)


def test_normalisation_by_test_speakers_is_called_transductive():
    with pytest.raises(LeakageError, match="say transductive in the protocol"):
        check_fit("z-score per speaker", ["a", "c"], ["c"], transductive=True)
    allowed = Protocol(transductive=True)
    assert allowed.stamps == ("transductive",)
    assert check_fit("z-score per speaker", ["a", "c"], ["c"], allowed, transductive=True).stamps == (
        "transductive",
    )
    with pytest.raises(LeakageError, match="fit it on the training part"):
        # The protocol allows normalisation per speaker, not every transform.
        check_fit("PCA", ["a", "c"], ["c"], allowed)


def test_stacking_takes_out_of_fold_posteriors():
    """Row 5."""
    ids, folds = ["a", "b", "c"], ["0", "1", "1"]
    out_of_fold = {"0": {"b", "c"}, "1": {"a"}}
    assert check_posteriors("svm", ids, folds, out_of_fold).seen == 0
    in_sample = {"0": {"a", "b"}, "1": {"a"}}
    with pytest.raises(
        LeakageError, match=r"leakage \(posterior\): svm: its models were trained on 1 of the 3 .* \('a'\)"
    ):
        check_posteriors("svm", ids, folds, in_sample)
    off = check_posteriors("svm", ids, folds, in_sample, protocol=as_published(off=["posterior"]))
    assert off.seen == 1
    assert off.stamps == ("svm: its models were trained on 1 of the 3 utterances that it is evaluated on",)


def test_models_below_a_stack_have_not_seen_its_test_part():
    with pytest.raises(LeakageError, match=r"1 of the 3 .* \('t'\)"):
        check_posteriors("svm", ["a", "b"], ["0", "0"], {"0": {"c", "t"}}, evaluation_ids=["t"])


def test_posteriors_that_do_not_say_on_whom_are_refused():
    with pytest.raises(
        LeakageError, match=r"model of fold '1' of svm was trained is not known \(1 of 2 folds\)"
    ):
        check_posteriors("svm", ["a", "b"], ["0", "1"], {"0": {"b"}})
    off = check_posteriors(
        "svm", ["a", "b"], ["0", "1"], {"0": {"b"}}, protocol=as_published(off=["posterior"])
    )
    assert off.stamps == ("svm: not known on whom 1 of 2 models were trained",)
    with pytest.raises(UsageError, match="2 ids, but folds for 1"):
        check_posteriors("svm", ["a", "b"], ["0"], {})


def test_nothing_is_chosen_on_the_test_part():
    """Row 3."""
    assert check_selection("the epoch", ["d"], ["t"]).seen == 0
    with pytest.raises(
        LeakageError, match=r"leakage \(selection\): the epoch was chosen on 1 of the 2 .*inner folds"
    ):
        check_selection("the epoch", ["d", "t"], ["t", "u"])
    off = check_selection("the epoch", ["t"], ["t"], as_published(off=["selection"]))
    assert off.stamps == ("the epoch was chosen on 1 of the 1 utterances that it is evaluated on",)


def test_protocols_have_names():
    assert protocol() == CLEAN
    assert CLEAN.stamps == ()
    assert protocol("speaker_dependent") == SPEAKER_DEPENDENT
    assert protocol("as_published", ["text", "fit"]).stamps == ("as_published: guards off: text, fit",)
    with pytest.raises(UsageError, match=r"no guard 'speeker' \(did you mean 'speaker'\?\)"):
        as_published(off=["speeker"])
    with pytest.raises(UsageError, match=r"no protocol 'cleen' \(did you mean 'clean'\?\)"):
        protocol("cleen")
    with pytest.raises(UsageError, match="the protocol clean switches off no guard, not fit"):
        protocol("clean", ["fit"])
    with pytest.raises(UsageError, match="as_published names the guards"):
        protocol("as_published")


def test_what_was_found_is_json():
    passed = audit(planted("speaker"), SPLIT, as_published(off=["speaker"]))
    content = json.loads(json.dumps(passed.to_dict()))
    assert content["protocol"] == {"name": "as_published", "off": ["speaker"], "transductive": False}
    assert content["crossings"][0]["values"] == ["shared"]
    assert content["folds"][0]["n"] == {"train": 2, "dev": 2, "test": 2}
    assert content["digest"] == SPLIT.digest
    checked = check_fit("pca", ["a"], ["a"], as_published(off=["fit"])).to_dict()
    assert json.loads(json.dumps(checked))["seen"] == 1
    assert copy.copy(passed) == passed


@settings(max_examples=25)
@given(st.integers(0, 99))
def test_grouped_splits_pass_and_random_ones_do_not(seed):
    rows = [
        Utterance(id=f"{s}{i}", speaker=s, label=("x", "y")[i % 2], audio_group=f"{s}{i}")
        for s in "abcdef"
        for i in range(9)
    ]
    assert audit(rows, grouped_k_fold(rows, 3, seed=seed, dev="next")).crossings == ()
    with pytest.raises(LeakageError, match="speaker"):
        audit(rows, random_k_fold(rows, 3, seed))
    assert partition([u.speaker for u in rows], [u.label for u in rows], 3, seed).count(0) == 18


def real_ravdess(folder):
    """The clips at hand, with their sounds compared where one actor has two alike."""
    from emofeat import load

    first: dict[bytes, str] = {}
    for path in sorted(folder.glob("Actor_*/*.flac")):
        key = load(path)[0].tobytes() if path.parent.name == "Actor_07" else path.stem.encode()
        yield Utterance(
            id=path.stem,
            speaker=path.stem[-2:],
            label=path.stem[6:8],
            text_id=path.stem[12:14],
            audio_group=first.setdefault(key, path.stem),
            partial="1,434 of 1,440 utterances",
        )


def test_two_clips_of_one_actor_that_are_one_recording(test_data):
    pair = {"03-01-03-01-02-02-07", "03-01-03-01-02-01-07"}
    rows = list(real_ravdess(test_data / "ravdess16k"))
    assert len(rows) == 1434
    assert {u.id for u in rows if u.audio_group in pair} == pair
    # Of one actor, so speakers that are kept whole keep the pair whole.
    assert audit(rows, s4_actor_folds(rows)).crossings == ()
    apart, together = None, None
    for seed in range(50):
        split = random_k_fold(rows, 5, seed)
        if any(pair <= set(fold.test) for fold in split.folds):
            together = together or split
        else:
            apart = apart or split
    with pytest.raises(
        LeakageError, match=rf"leakage \(audio\): sounds '{min(pair)}' in train and in test .*audio_group"
    ):
        audit(rows, apart, SPEAKER_DEPENDENT)
    assert audit(rows, together, SPEAKER_DEPENDENT).stamps == (
        "speaker_dependent: guards off: speaker, session",
    )


def test_leave_one_speaker_out_is_not_enough_for_conversations():
    """IEMOCAP: both speakers of a session talk to each other, so sessions are what is left out."""
    rows = [
        Utterance(
            id=f"{n}{s}{i}",
            speaker=f"{n}{s}",
            session=str(n),
            dialogue=f"{n}d{i}",
            audio_group=f"{n}{s}{i}",
            label="x",
        )
        for n in range(3)
        for s in "FM"
        for i in range(3)
    ]
    with pytest.raises(LeakageError, match=r"leakage \(session\).*--by session"):
        audit(rows, leave_one_out(rows, "speaker"))
    assert audit(rows, leave_one_out(rows, "session", dev="next")).stamps == ()


def cli(capsys, *arguments):
    code = run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.csv"
    rows = [
        Utterance(id=f"{s}{i}", speaker=s, label=("sad", "happy")[i % 2], text_id=str(i % 3), split="train")
        for s in "abcdef"
        for i in range(6)
    ]
    Manifest(rows).write(path)
    return path


def test_the_command_writes_a_split_and_says_what_is_in_it(capsys, manifest, tmp_path):
    out = tmp_path / "split.json"
    code, text, _ = cli(capsys, "split", manifest, "--by", "speaker", "-k", "3", "--dev", "next", "-o", out)
    assert code == 0
    split = Split.read(out)
    assert split.manifest == Manifest.read(manifest).fingerprint
    first, header, *rows = text.splitlines()
    assert first == f"speaker-3-fold, seed 0: 36 of 36 utterances, digest {split.digest[:12]}"
    assert header.split() == ["fold", "train", "dev", "test", "speakers", "same", "text"]
    assert rows[0].split() == ["0", "12", "12", "12", "2/2/2", "100.0", "%"]
    assert rows[-1] == "  ! audio duplicates not checked"


def test_the_command_writes_nothing_that_leaks(capsys, manifest, tmp_path):
    out = tmp_path / "split.json"
    code, _, text = cli(capsys, "split", manifest, "--random", "-k", "3", "-o", out)
    assert (code, out.exists()) == (1, False)
    assert text.startswith(
        "emofeat: leakage (speaker): speakers 'a', 'b', 'c' and 2 more in train and in test of fold '0'"
    )
    code, text, _ = cli(
        capsys, "split", manifest, "--random", "-k", "3", "-o", out, "--protocol", "speaker_dependent"
    )
    assert (code, out.exists()) == (0, True)
    assert "! speaker_dependent: guards off: speaker, session" in text
    code, _, text = cli(capsys, "split", manifest, "--leave-one", "speaker", "-o", out, "--text")
    assert (code, "leakage (text)" in text) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "given: none"),
        (("--s4", "--corpus"), "given: both --s4 and --corpus"),
        (("--s4", "-k", "3"), "--s4 has its own"),
        (("--s4", "--dev", "half"), "--dev is 'half'"),
        (("--s4",), "the speaker 'a' is no actor of RAVDESS"),
        (("--by", "speeker"), "did you mean 'speaker'"),
        (("--corpus",), "names no test part"),
        (("--corpus-folds",), "no 'fold'"),
        (("--leave-one", "speaker", "--labels", "ravdes8"), "did you mean 'ravdess8'"),
        (
            ("--leave-one", "speaker", "--labels", "ravdess8"),
            "has no example of 'neutral', 'calm', 'angry' and 3 more",
        ),
        (("--leave-one", "speaker", "--off", "fit"), "the protocol clean switches off no guard, not fit"),
    ],
)
def test_the_command_says_what_it_cannot_do(capsys, manifest, tmp_path, arguments, why):
    code, _, text = cli(capsys, "split", manifest, *arguments, "-o", tmp_path / "split.json")
    assert code == 2
    assert why in text
    assert not (tmp_path / "split.json").exists()
