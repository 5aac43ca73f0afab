"""The rooms of the project and who may call whom, held as data."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "rust" / "emofeat-core" / "src"

#: Module of the core, and the modules of the core that it may use.
ROOMS = {
    "error": set(),
    "audio": {"error"},
    "dsp": {"error"},
    "spec": {"error"},
    "stage": {"dsp", "error"},
    "descriptor": {"dsp", "stage", "error"},
    "functionals": {"dsp", "descriptor", "spec", "error"},
    "smile": {"dsp", "descriptor", "functionals", "error"},
    "features": {"dsp", "stage", "descriptor", "functionals", "smile", "spec", "error"},
    "sets": {"features", "stage", "descriptor", "spec", "error"},
    "plan": {"features", "sets", "smile", "stage", "descriptor", "spec", "dsp", "error"},
    "batch": {"audio", "plan", "spec", "features", "sets", "error"},
}


def without_tests(source: str) -> str:
    """Rust source up to its test module."""
    return re.split(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod ", source)[0]


def files(room: str) -> list[Path]:
    return [
        path for path in CORE.rglob("*.rs") if path.relative_to(CORE).parts[0].removesuffix(".rs") == room
    ]


def test_every_module_of_the_core_is_a_room():
    found = {path.relative_to(CORE).parts[0].removesuffix(".rs") for path in CORE.rglob("*.rs")} - {"lib"}
    assert found == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_use_only_what_they_may(room):
    assert files(room)
    for path in files(room):
        used = set(re.findall(r"\bcrate::(\w+)", without_tests(path.read_text())))
        assert used <= ROOMS[room] | {room}, path


@pytest.mark.parametrize("room", ROOMS)
def test_the_core_neither_prints_nor_panics_nor_reads_the_environment(room):
    banned = (
        r"\b(println!|eprintln!|print!|dbg!|todo!|unimplemented!|panic!)|std::env|\.unwrap\(\)|\.expect\("
    )
    for path in files(room):
        code = re.sub(r"//.*", "", without_tests(path.read_text()))
        assert not re.search(banned, code), f"{path}: {re.search(banned, code)}"


def test_the_core_knows_nothing_of_python():
    manifest = tomllib.loads((ROOT / "rust" / "emofeat-core" / "Cargo.toml").read_text())
    assert not {"pyo3", "numpy"} & set(manifest["dependencies"])
    binding = tomllib.loads((ROOT / "rust" / "emofeat-py" / "Cargo.toml").read_text())
    assert set(binding["dependencies"]) == {"emofeat-core", "numpy", "pyo3"}


def imports(path: Path) -> set[str]:
    """Top-level packages that a Python file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "python" / "emofeat").rglob("*.py")), ids=lambda p: p.name)
def test_emofeat_imports_neither_models_nor_frameworks(path):
    heavy = {"torch", "emomodels", "librosa", "scipy", "sklearn", "opensmile", "parselmouth", "numba"}
    assert not {name.split(".")[0] for name in imports(path)} & heavy


@pytest.mark.parametrize("path", sorted((ROOT / "python" / "emomodels").rglob("*.py")), ids=lambda p: p.name)
def test_emomodels_uses_what_emofeat_offers_and_reads_no_audio_itself(path):
    compiled = {name for name in imports(path) if name.startswith("emofeat._") and name != "emofeat._suggest"}
    assert not compiled
    assert not {name.split(".")[0] for name in imports(path)} & {
        "soundfile",
        "librosa",
        "av",
        "wave",
        "torchaudio",
    }


COMMAND_LINES = sorted(
    path for package in ("emofeat", "emomodels") for path in (ROOT / "python" / package / "cli").rglob("*.py")
)


@pytest.mark.parametrize("path", COMMAND_LINES, ids=lambda p: f"{p.parts[-3]}-{p.name}")
def test_the_command_line_has_no_arithmetic_of_its_own(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"numpy", "pyarrow", "torch", "sklearn"}


#: What `emofeat.corpus` may use of emofeat beside itself, and which rooms may use it.
CORPUS_USES = {"_suggest", "audio", "engine", "exceptions", "features", "inspection", "store"}
USE_CORPUS = {"corpus", "engine", "cli"}


def modules(path: Path, package: str) -> set[str]:
    """Modules of `package` that a file imports anywhere, and names that it takes from them, without the package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            found |= {f"{node.module}.{alias.name}".partition(".")[2] for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == package}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "python" / "emofeat").rglob("*.py")), ids=lambda p: p.name)
def test_corpora_stand_between_the_features_and_the_command_line(path):
    own = path.relative_to(ROOT / "python" / "emofeat").parts[0]
    used = {name.split(".")[0] for name in modules(path, "emofeat")}
    assert own != "corpus" or used <= CORPUS_USES | {"corpus"}
    assert own in USE_CORPUS or "corpus" not in used


#: The rooms of emomodels: each uses those of its own line and of the lines above it. The longest name counts.
LAYERS = (
    "exceptions results display heldout checkpoint recipes",
    "data models.base",
    "posteriors config inner calibration statistics runs metrics",
    "report",
    "training fusion",
    "models",
    "kinds embedding",
    "material",
    "experiment",
    "fuse evaluate",
    "systems",
    "report.reproduction",
    "cli __main__",
)
LEVELS = {room: level for level, line in enumerate(LAYERS) for room in line.split()}


def room(name: str) -> str:
    """The room of a module, or of a name in one; empty for the package itself."""
    while name and name not in LEVELS:
        name = name.rpartition(".")[0]
    return name


@pytest.mark.parametrize("path", sorted((ROOT / "python" / "emomodels").rglob("*.py")), ids=lambda p: p.name)
def test_emomodels_uses_what_stands_above(path):
    parts = path.relative_to(ROOT / "python" / "emomodels").with_suffix("").parts
    if parts == ("__init__",):
        assert not modules(path, "emomodels")
        return
    own = room(".".join(part for part in parts if part != "__init__"))
    assert own, f"{path} has no line in LAYERS"
    for name in modules(path, "emomodels"):
        assert room(name), f"{path} imports {name}, which has no line in LAYERS"
        assert LEVELS[room(name)] <= LEVELS[own], f"{own} uses {name}"


HEAVY = ("pandas", "pyarrow", "scipy", "matplotlib", "torch")


@pytest.mark.parametrize("code", ["import emofeat", "from emofeat.cli import main"])
def test_importing_stays_light(code):
    probe = f"import sys; {code}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy():
    probe = (
        "import sys, runpy; sys.argv = ['emofeat', '--help']\n"
        "try:\n    runpy.run_module('emofeat', run_name='__main__')\n"
        f"except SystemExit: pass\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_generated_files_are_fresh():
    done = subprocess.run(
        [sys.executable, "scripts/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
