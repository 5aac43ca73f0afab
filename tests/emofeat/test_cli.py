"""The command line: exit codes, configuration, typing errors, machine-readable output, quick start."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from engine_tools import corpus, emofeat, write_wav

from emofeat import cli
from emofeat.config import ExtractConfig, make, parse_share, split_specs
from emofeat.engine.errors import UsageError
from emofeat.store.read import open as open_


def run(capsys, *args):
    """Run in this process: exit code, standard output, standard error."""
    code = cli.run([str(a) for a in args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def speech(tmp_path):
    return corpus(tmp_path / "speech", 12)


def test_everything_done_is_zero_and_some_failed_is_three(capsys, speech, tmp_path):
    code, out, err = run(capsys, "extract", speech, "-f", "logmel", "-o", tmp_path / "a")
    assert (code, out) == (0, "")
    assert "12 of 12 recordings processed" in err
    (speech / "bad.wav").write_bytes(b"")
    code, _, err = run(capsys, "extract", speech, "-f", "logmel", "-o", tmp_path / "a")
    assert code == 3
    assert "bad: " in err
    assert "(empty_file)" in err
    assert "failures.csv" in err


WRONG = [
    (["extrat"], "there is no command 'extrat' (did you mean 'extract'?)"),
    (["features", "lst"], "there is no command 'lst' (did you mean 'list'?)"),
    (["extract", "SPEECH", "--featurs", "logmel"], "Did you mean '--features'?"),
    (["extract", "SPEECH", "-f", "logmel"], "say where to: -o OUT"),
    (["extract", "-f", "logmel", "-o", "OUT"], "say what to extract from"),
    (["extract", "SPEECH", "-o", "OUT"], "say what to extract: features"),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--set", "x"], "one of the two"),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--shard", "3/2"], "'3/2' is no share; write i/N"),
    (
        ["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--jobs", "0"],
        "option --jobs: input should be greater",
    ),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--channel", "left"], "option --channel"),
    (
        ["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--sr", "16000", "--mixed-rates"],
        "give one of them",
    ),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--front-end", "hop"], "write KEY=VALUE"),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmell"], "(did you mean 'logmel'?)"),
    (["extract", "SPEECH", "-o", "OUT", "--set", "pyaudioanalysis3"], "did you mean 'pyaudioanalysis34'?"),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--preset", "speech-25"], "speech-25ms"),
    (["extract", "SPEECH", "-o", "OUT", "-f", "logmel", "--front-end", "nfft=512"], "did you mean 'n_fft'?"),
    (["extract", "missing", "-o", "OUT", "-f", "logmel"], "missing: no such file or folder"),
    (["export", "OUT", "--format", "nzp", "-o", "x"], "'nzp' is not one of"),
]


@pytest.mark.parametrize(("args", "message"), WRONG)
def test_wrong_usage_is_two_with_a_sentence_that_helps(capsys, speech, tmp_path, args, message):
    places = {"SPEECH": speech, "OUT": tmp_path / "out"}
    code, _, err = run(capsys, *(places.get(a, a) for a in args))
    assert code == 2, err
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_another_error_is_one_in_one_sentence(capsys, speech, tmp_path):
    code, _, err = run(capsys, "export", tmp_path / "nothing", "--format", "npz", "-o", tmp_path / "x")
    assert code == 1
    assert err == f"emofeat: {tmp_path / 'nothing'} is not a feature directory: no such folder\n"


def test_on_error_fail_stops_at_the_first_failure(capsys, speech, tmp_path):
    (speech / "bad.wav").write_bytes(b"")
    args = ("extract", speech, "-f", "logmel", "-o", tmp_path / "out", "--on-error", "fail")
    code, _, err = run(capsys, *args)
    assert code == 3
    assert "stopped because a recording failed" in err
    (speech / "bad.wav").unlink()
    assert run(capsys, *args)[0] == 0


def test_options_of_a_file_are_overridden_by_those_of_the_command_line(capsys, speech, tmp_path):
    config = tmp_path / "recipe.yaml"
    config.write_text(
        f"inputs: {speech}\nout: {tmp_path / 'from_file'}\nfeatures: logmel, mfcc(n_mfcc=13)\nchannel: 0\n"
        "front_end:\n  n_fft: 512\n  hop_length: 160\n"
    )
    assert run(capsys, "extract", "--config", config)[0] == 0
    assert open_(tmp_path / "from_file").layout.config["front_end"]["n_fft"] == 512
    code, _, err = run(
        capsys, "extract", "--config", config, "-o", tmp_path / "b", "--n-fft", "1024", "-f", "logmel"
    )
    assert code == 0, err
    layout = open_(tmp_path / "b").layout
    assert layout.config["front_end"]["n_fft"] == 1024
    assert layout.config["front_end"]["hop_length"] == 160
    assert [f.key for f in layout.features] == ["logmel"]
    assert layout.config["channel"] == 0


CONFIGS = [
    ("featurs: [logmel]\n", r"key 'featurs': there is no such option \(did you mean 'features'\?\)"),
    ("features: [logmel]\njobs: many\n", r"key 'jobs': .*integer.*not 'many'"),
    ("features: [logmel]\non_error: sometimes\n", r"key 'on_error': .*'skip' or 'fail'"),
    ("features: [logmel]\nfront_end: {n_fft: [1]}\n", r"key 'front_end"),
    ("- logmel\n", "a configuration is a table of options"),
    ("features: [logmel\n", "not YAML"),
]


@pytest.mark.parametrize(("text", "message"), CONFIGS)
def test_a_mistake_in_a_configuration_is_named_with_its_key(tmp_path, text, message):
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=rf"recipe\.yaml.*{message}"):
        make({"inputs": ["x"], "out": "y"}, file)


def test_the_keys_of_a_configuration_are_the_options_of_the_command_line():
    from emofeat.cli.extract import _FRONT_END, command

    options = {p.name for p in command.params}
    own = {"file", "dry_run", "as_json", "more", *_FRONT_END}
    assert options - own == {field.name for field in dataclasses.fields(ExtractConfig)} - {"front_end"}


def test_what_the_command_line_takes_as_it_is_the_schema_takes_too():
    from emofeat.config_schema import ExtractSchema, validated

    fields = {field.name for field in dataclasses.fields(ExtractConfig)}
    assert fields == set(ExtractSchema.model_fields)
    least = {"inputs": ["a"], "out": Path("o"), "features": ["logmel, mfcc(n_mfcc=2)"]}
    good = {
        "front_end": {"hop_ms": 10, "window": "hann"},
        "sr": 16000,
        "mixed_rates": True,
        "channel": 1,
        "precision": "float64",
        "on_short": "pad",
        "on_nonfinite": "zero",
        "jobs": 2,
        "shard": "1/2",
        "on_error": "fail",
        "max_errors": 0,
        "check_content": True,
        "all_files": True,
        "retry_failed": True,
        "overwrite": True,
    }
    for key, value in good.items():
        values = least | {key: value}
        assert make(values) == validated(values, values, None), key
    for key, value in [
        ("sr", 0),
        ("jobs", -1),
        ("channel", -1),
        ("max_errors", -1),
        ("precision", "half"),
        ("inputs", []),
    ]:
        with pytest.raises(UsageError):
            make(least | {key: value})


def test_commas_inside_parentheses_belong_to_one_specification():
    assert split_specs("logmel,delta(mfcc(n_mfcc=13), order=2), m=mfcc(a=1,b=2)") == [
        "logmel",
        "delta(mfcc(n_mfcc=13), order=2)",
        "m=mfcc(a=1,b=2)",
    ]


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/", "-1/2"])
def test_a_share_is_i_of_n(text):
    assert str(parse_share("2/8")) == "2/8"
    with pytest.raises(ValueError, match="is no share"):
        parse_share(text)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(capsys, speech, tmp_path):
    out = tmp_path / "out"
    code, text, _ = run(capsys, "extract", speech, "-f", "logmel", "-o", out, "--dry-run")
    assert code == 0
    assert text.startswith("12 recordings in 1 shards\nto compute: 12 recordings at 16000 Hz\n  logmel: ")
    assert not out.exists()
    run(capsys, "extract", speech, "-f", "logmel", "-o", out)
    write_wav(speech / "new.wav")
    code, text, _ = run(capsys, "extract", speech, "-f", "logmel", "-o", out, "--dry-run", "--json")
    plan = json.loads(text)
    assert (code, plan["new"], plan["to_compute"], plan["sr"]) == (0, ["new"], 13, 16000)
    assert "new" not in open_(out).ids()


def test_json_lines_tell_a_program_everything(capsys, speech, tmp_path):
    (speech / "bad.wav").write_bytes(b"")
    code, text, _ = run(capsys, "extract", speech, "-f", "logmel", "-o", tmp_path / "out", "--json")
    events = [json.loads(line) for line in text.splitlines()]
    assert code == 3
    assert [events[0]["event"], events[-1]["event"]] == ["begin", "end"]
    assert events[0]["recordings"] == 13
    (failure,) = [e for e in events if e["event"] == "failure"]
    assert (failure["id"], failure["code"]) == ("bad", "empty_file")
    end = events[-1]
    assert (end["exit_code"], end["n_computed"], end["failures"], end["stopped"]) == (3, 13, 1, "")


def test_a_terminal_sees_a_bar_and_a_log_sees_lines(speech, tmp_path):
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "emofeat", "extract", speech, "-f", "logmel", "-o", tmp_path / "out"]
    process = subprocess.Popen(command, stderr=slave)
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    assert process.wait() == 0
    assert b"12 of 12 recordings" in seen
    result = emofeat("extract", speech, "-f", "logmel", "-o", tmp_path / "out2")
    assert result.stderr.splitlines()[0] == "12 recordings in 1 shards"
    assert "\x1b" not in result.stderr


def test_help_is_quick_and_imports_nothing_heavy():
    script = (
        "import sys; from emofeat.cli import run; run(['--help']);"
        "print([m for m in ('pandas', 'pyarrow', 'scipy', 'matplotlib', 'torch', 'rich', 'pydantic') "
        "if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"

    def best(*command):
        """CPU seconds: what it costs, whatever else the machine is doing."""
        times = []
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(times)

    assert best("-m", "emofeat", "--help") - best("-c", "pass") < 0.3


def test_extract_and_open_import_nothing_heavy_either(speech, tmp_path):
    """pyarrow imports pandas by itself unless it is handed buffers: 60 MB and a third of a second."""
    manifest = tmp_path / "m.csv"
    manifest.write_text(
        "file,label,age\nspeech/speaker00/utt0000.wav,calm,30\nspeech/speaker00/utt0001.wav,,\n"
    )
    script = (
        "import sys; from emofeat.cli import run; import emofeat\n"
        "assert run(['extract', sys.argv[1], '-f', 'logmel', '-o', sys.argv[2]]) == 0\n"
        "assert len(emofeat.open(sys.argv[2], mmap=True)[0]['logmel'])\n"
        "print([m for m in ('pandas', 'scipy', 'matplotlib', 'torch', 'rich', 'av') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, manifest, tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


def test_every_command_has_a_help_text_and_is_listed(capsys):
    from emofeat.cli import COMMANDS

    _, listing, _ = run(capsys, "--help")
    for name in COMMANDS:
        assert f"  {name} " in listing
        code, text, _ = run(capsys, name, "--help")
        assert code == 0
        assert text.startswith(f"Usage: emofeat {name}")


def test_formats_of_the_command_are_those_of_the_library():
    from emofeat.cli.export import FORMATS
    from emofeat.store import export

    assert tuple(export.FORMATS) == FORMATS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_complete_commands(capsys, shell):
    code, script, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_EMOFEAT_COMPLETE" in script
    answer = subprocess.run(
        [sys.executable, "-m", "emofeat"],
        env={
            **os.environ,
            "_EMOFEAT_COMPLETE": "bash_complete",
            "COMP_WORDS": "emofeat ex",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
    )
    assert answer.stdout.split() == ["plain,extract", "plain,export"]


def test_doctor_says_what_is_there_and_how_to_get_the_rest(capsys, monkeypatch):
    from importlib import metadata

    code, text, _ = run(capsys, "doctor")
    assert code == 0
    assert "numbers version" in text
    real = metadata.version

    def without_av(name):
        if name == "av":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", without_av)
    _, text, _ = run(capsys, "doctor")
    assert "not there: pip install 'emofeat[video]'" in text
    _, text, _ = run(capsys, "doctor", "--json")
    assert json.loads(text)["optional"]["av"] is None


def test_reason_codes_are_documented_all_and_no_others():
    import re

    from emofeat.engine.errors import ENGINE_CODES

    root = Path(__file__).parents[2]
    source = (root / "rust" / "emofeat-core" / "src" / "error.rs").read_text()
    names = set(re.findall(r'Code::\w+ => "(\w+)"', source))
    table = (root / "docs" / "reason-codes.md").read_text()
    documented = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert len(documented) == len(set(documented))
    given = {package: codes_in(root / "python" / package) for package in ("emofeat", "emomodels")}
    assert given["emofeat"] <= names | set(ENGINE_CODES)
    assert set(documented) == names | set(ENGINE_CODES) | given["emomodels"]


def codes_in(folder: Path) -> set[str]:
    """Codes that errors are made with, and those that classes of errors have by default."""
    codes = set()
    for node in (n for path in folder.rglob("*.py") for n in ast.walk(ast.parse(path.read_text()))):
        found: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found = node.args[:1] if name == "from_code" else node.args[1:2] if name.endswith("Error") else []
            found = [*found, *(k.value for k in node.keywords if k.arg == "code")]
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            with_default = node.args.args[-len(node.args.defaults) :] if node.args.defaults else []
            found = [d for a, d in zip(with_default, node.args.defaults, strict=True) if a.arg == "code"]
        codes |= {v.value for v in found if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return codes
