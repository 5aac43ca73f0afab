"""Whether emofeat's numbers are worth as much as openSMILE's: emotions of RAVDESS by a linear SVM on either.

    python benches/emotion_svm.py [--set egemapsv02|compare2016 ...] [--cache FOLDER] [--jobs N] [--no-fit]

Eight classes, the five folds of actors of Luna-Jimenez et al. (2022), z-scores from the training actors, the SVM's C
from 1e-4 to 1e-1 by cross-validation over groups of training actors, unweighted average recall. Features are computed
once per set and side and kept in `--cache`, so that the work can be done in parts (`--no-fit`: features only).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import signals
from tests.parity import agreement

#: Test actors of each fold: Luna-Jimenez et al., Applied Sciences 12(1):327, 2022.
FOLDS = (
    (2, 5, 14, 15, 16),
    (3, 6, 7, 13, 18),
    (10, 11, 12, 19, 20),
    (8, 17, 21, 23, 24),
    (1, 4, 9, 22),
)
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
SIDES = {"emofeat": agreement.ours, "openSMILE": agreement.theirs}


def row(job: tuple[str, str, Path]) -> np.ndarray:
    side, name, path = job
    y, sr = signals.read_clip(path)
    return SIDES[side](name, "functionals", y, sr)[0].astype(np.float32)


def features(side: str, name: str, paths: list[Path], cache: Path, jobs: int) -> np.ndarray:
    """All functionals, `(recordings, columns)`, from the cache where they are there."""
    path = cache / f"{side}-{name}-{len(paths)}.npy"
    if not path.exists():
        began = time.perf_counter()
        with ProcessPoolExecutor(jobs) as pool:
            rows = list(pool.map(row, [(side, name, p) for p in paths], chunksize=8))
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, np.stack(rows))
        part.replace(path)
        print(f"{side} {name}: {len(rows)} recordings in {time.perf_counter() - began:.0f} s", flush=True)
    return np.load(path)


def recalls(x: np.ndarray, labels: np.ndarray, actors: np.ndarray, jobs: int) -> list[tuple[float, float]]:
    """Unweighted average recall and the chosen C of every fold."""
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(one_fold, [(x, labels, actors, fold) for fold in FOLDS]))


def one_fold(job: tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]) -> tuple[float, float]:
    from sklearn.metrics import recall_score
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, labels, actors, fold = job
    test = np.isin(actors, fold)
    z = StandardScaler().fit(x[~test]).transform(x)
    # The products of all recordings once, instead of 6373 columns in each of the fits.
    products = z @ z[~test].T
    search = GridSearchCV(
        SVC(kernel="precomputed"), {"C": PENALTIES}, scoring="recall_macro", cv=GroupKFold(4)
    )
    search.fit(products[~test], labels[~test], groups=actors[~test])
    recall = recall_score(labels[test], search.predict(products[test]), average="macro")
    return float(recall), float(search.best_params_["C"])


def usable(x: np.ndarray, side: str) -> np.ndarray:
    if not np.isfinite(x).all():
        raise SystemExit(f"{side}: {np.sum(~np.isfinite(x))} values are not finite")
    return x.astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--set", nargs="+", default=["egemapsv02", "compare2016"], choices=sorted(agreement.SETS)
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "emofeat-emotion-svm")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-fit", action="store_true")
    given = parser.parse_args()
    folder = signals.data_folder()
    if folder is None:
        raise SystemExit(f"{signals.TEST_DATA} is not set: no real recordings")
    paths = [path for path in signals.clip_paths(folder) if path.suffix == ".flac"]
    # modality - channel - emotion - intensity - statement - repetition - actor
    codes = np.array([[int(code) for code in path.stem.split("-")] for path in paths])
    labels, actors = codes[:, 2], codes[:, 6]
    print(
        f"{len(paths)} recordings of {len(set(actors.tolist()))} actors, {len(set(labels.tolist()))} classes"
    )
    for name in given.set:
        table = {}
        for side in SIDES:
            x = usable(features(side, name, paths, given.cache, given.jobs), side)
            if not given.no_fit:
                began = time.perf_counter()
                table[side] = recalls(x, labels, actors, given.jobs)
                each = "  ".join(f"{100 * recall:5.2f} (C {c:g})" for recall, c in table[side])
                mean = 100 * np.mean([recall for recall, _ in table[side]])
                print(
                    f"{name:<12} {side:<10} UAR {mean:5.2f}   folds: {each}   {time.perf_counter() - began:.0f} s",
                    flush=True,
                )
        if table:
            means = [100 * np.mean([recall for recall, _ in table[side]]) for side in SIDES]
            print(f"{name:<12} difference {means[0] - means[1]:+.2f} points", flush=True)


if __name__ == "__main__":
    main()
