"""What is wrong with a corpus, found before anything is trained on it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emofeat.corpus import known_defects
from emofeat.exceptions import EmofeatError

if TYPE_CHECKING:
    from emofeat.corpus.duplicates import Fingerprint
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.utterance import Utterance
    from emofeat.inspection import Inspection

__all__ = ["Finding", "Report", "Table", "check"]

#: Rows of a table that a terminal shows.
_MOST_ROWS = 30
# Corpora smaller than this have equal peaks or lengths by chance or by design.
_ENOUGH = 10
_EQUAL_PEAKS_DB = 0.1
_MAX_CLIPPED, _MAX_OFFSET, _MIN_PEAK_DB, _MAX_SILENT, _MIN_SECONDS = 1e-4, 0.01, -40.0, 0.5, 0.025
_MISSING = {
    "not_found": "there is no such file",
    "empty_file": "the file is empty",
    "lfs_pointer": "a Git LFS pointer stands for the file; fetch it with `git lfs pull`",
    "bad_segment": "the segment is not within the recording",
    "missing_extra": "a package that would decode it is not installed",
}
# C1 controls: bytes of Windows-1252 (… ‘ ’ —) that were read as Latin-1.
_C1 = re.compile("[\x80-\x9f]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, a sentence, and the utterances that it concerns."""

    code: str
    message: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Counts to look at, wrong or not."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """What `check` found; `groups` is the partition by sound, for `duplicates.with_groups`."""

    manifest: str
    fingerprint: str
    n: int
    n_decoded: int
    seconds: float
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    groups: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the groups, ready for JSON."""
        return {
            "manifest": self.manifest,
            "fingerprint": self.fingerprint,
            "utterances": self.n,
            "decoded": self.n_decoded,
            "seconds": round(self.seconds, 3),
            "findings": [{"code": f.code, "message": f.message, "ids": list(f.ids)} for f in self.findings],
            "tables": [
                {"title": t.title, "header": list(t.header), "rows": [list(row) for row in t.rows]}
                for t in self.tables
            ],
        }

    def to_text(self, most: int = 5) -> str:
        """The report for a terminal; of each finding the first `most` ids."""
        lines = [self._summary(), ""]
        lines += [f"! {_line(f, most)}" for f in self.findings]
        lines += [""] * bool(self.findings)
        for t in self.tables:
            cells = [t.header, *t.rows[:_MOST_ROWS]]
            widths = [max(len(row[c]) for row in cells) for c in range(len(t.header))]
            lines += [t.title]
            lines += [
                "  " + "  ".join(v.ljust(w) for v, w in zip(r, widths, strict=True)).rstrip() for r in cells
            ]
            if len(t.rows) > _MOST_ROWS:
                lines.append(f"  … {len(t.rows) - _MOST_ROWS:,} more; a report in a file has all")
            lines.append("")
        return "\n".join(lines)

    def to_markdown(self, most: int = 20) -> str:
        """The report as a Markdown document; of each finding the first `most` ids."""
        lines = [
            f"# Check of {self.manifest}",
            "",
            self._summary(),
            "",
            f"Fingerprint: `{self.fingerprint}`",
            "",
        ]
        lines += ["## Findings", ""] * bool(self.findings)
        lines += [f"- {_line(f, most)}" for f in self.findings]
        lines += [""] * bool(self.findings)
        for t in self.tables:
            rows = [t.header, ("---",) * len(t.header), *t.rows]
            lines += [f"## {t.title}", "", *("| " + " | ".join(map(_escaped, r)) + " |" for r in rows), ""]
        return "\n".join(lines)

    def _summary(self) -> str:
        n = len(self.findings)
        wrong = f"{n} finding{'s' if n > 1 else ''}" if n else "nothing is wrong"
        return (
            f"{self.manifest}: {self.n:,} utterances, {self.n_decoded:,} recordings decoded, "
            f"{self.seconds / 3600:.2f} h; {wrong}"
        )


def _line(finding: Finding, most: int) -> str:
    ids = ", ".join(finding.ids[:most]) + (", …" if len(finding.ids) > most else "")
    return f"{finding.code}: {finding.message}" + (f" ({len(finding.ids):,}: {ids})" if ids else "")


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


@dataclass(frozen=True, slots=True)
class _Look:
    """What decoding one utterance showed: `error` is code and message, or the rest is there."""

    error: tuple[str, str] | None
    inspection: Inspection | None = None
    fingerprint: Fingerprint | None = None
    truncated: bool = False


def check(
    manifest: Manifest, jobs: int | None = None, progress: Callable[[int], None] | None = None
) -> Report:
    """Decode every recording of `manifest` once, and report what would spoil training on it.

    Parameters
    ----------
    manifest : Manifest
    jobs : int, optional
        Threads; by default `EMOFEAT_NUM_THREADS` or the CPUs of this process.
    progress : callable, optional
        Told how many recordings are done, after each.

    Returns
    -------
    Report
        A recording that cannot be decoded is a finding, never an error.
    """
    from emofeat.corpus import duplicates

    looks = _looked_at(manifest, jobs, progress)
    prints = {i: look.fingerprint for i, look in looks.items() if look.fingerprint is not None}
    groups = duplicates.partition(manifest, prints, jobs)
    seen = {i: look.inspection for i, look in looks.items() if look.inspection is not None}
    findings = [
        *_unusable(looks),
        *_spoilt(seen),
        *_uniform(seen),
        *_duplicates(manifest, prints, groups),
        *_known(manifest, groups),
        *_labels(manifest),
    ]
    return Report(
        manifest=str(manifest.path or "manifest"),
        fingerprint=manifest.fingerprint,
        n=len(manifest),
        n_decoded=len(seen),
        seconds=sum(i.duration for i in seen.values()),
        findings=tuple(findings),
        tables=tuple(_tables(manifest, seen)),
        groups=groups,
    )


def _looked_at(
    manifest: Manifest, jobs: int | None, progress: Callable[[int], None] | None
) -> dict[str, _Look]:
    from emofeat.engine.cores import default_jobs

    named = [u for u in manifest if u.file is not None]
    looks = {}
    with ThreadPoolExecutor(default_jobs() if jobs is None else jobs) as pool:
        for done, (u, look) in enumerate(
            zip(named, pool.map(lambda u: _look(manifest, u), named), strict=True), 1
        ):
            looks[u.id] = look
            if progress is not None:
                progress(done)
    return looks


def _look(manifest: Manifest, u: Utterance) -> _Look:
    from emofeat import audio
    from emofeat.corpus.duplicates import fingerprint
    from emofeat.exceptions import UnsupportedCodecError
    from emofeat.inspection import describe

    path = manifest.audio_path(u)
    try:
        if u.start is None and u.end is None:
            planes, sr = audio.load(path, mono=False)
            mono = planes[0] if len(planes) == 1 else planes.mean(axis=0)
        else:
            mono, sr = audio.load(path, start=u.start, end=u.end)
            planes = mono[None]
        try:
            truncated = audio.info(path).truncated
        except UnsupportedCodecError:  # PyAV decoded it
            truncated = False
        return _Look(None, describe(planes, sr, path), fingerprint(mono, sr), truncated)
    except EmofeatError as error:
        return _Look((error.code, str(error)))
    except Exception as error:  # a defect of a decoder costs one recording
        return _Look(("internal", f"{type(error).__name__}: {error}"))


def _unusable(looks: Mapping[str, _Look]) -> Iterator[Finding]:
    """Recordings that cannot be decoded, by reason."""
    failed: dict[str, list[str]] = defaultdict(list)
    for id_, look in looks.items():
        if look.error is not None:
            failed[look.error[0]].append(id_)
    for code, ids in sorted(failed.items()):
        error = looks[ids[0]].error
        yield Finding(
            code,
            _MISSING.get(code) or f"cannot be decoded, the first: {error[1] if error else ''}",
            tuple(ids),
        )
    if cut := tuple(i for i, look in looks.items() if look.truncated):
        yield Finding("truncated", "the file ends before the length in its header", cut)


def _spoilt(seen: Mapping[str, Inspection]) -> Iterator[Finding]:
    """Recordings that can be decoded and should not be used as they are."""

    def those(code: str, message: str, wrong: Callable[[Inspection], bool]) -> Iterator[Finding]:
        if ids := tuple(id_ for id_, i in seen.items() if wrong(i)):
            yield Finding(code, message, ids)

    yield from those("non_finite", "there are NaN or infinite samples", lambda i: i.nonfinite > 0)
    yield from those(
        "too_short",
        f"shorter than {1000 * _MIN_SECONDS:.0f} ms, one frame",
        lambda i: i.duration < _MIN_SECONDS,
    )
    yield from those("silent", "all of it is below -60 dB", lambda i: i.silent == 1.0)
    yield from those(
        "mostly_silent", "more than half of it is below -60 dB", lambda i: _MAX_SILENT < i.silent < 1.0
    )
    yield from those(
        "quiet",
        f"the peak is below {_MIN_PEAK_DB:.0f} dB",
        lambda i: i.silent < 1.0 and i.peak_db < _MIN_PEAK_DB,
    )
    yield from those(
        "clipped", "more than 1 in 10,000 samples are clipped", lambda i: i.clipped > _MAX_CLIPPED
    )
    yield from those(
        "dc_offset",
        "the mean of the samples is not 0 (more than 0.01)",
        lambda i: abs(i.dc_offset) > _MAX_OFFSET,
    )


def _uniform(seen: Mapping[str, Inspection]) -> Iterator[Finding]:
    """What recordings should have in common and do not, or the reverse."""
    yield from _mixed("mixed_rates", "Hz", {id_: i.sr for id_, i in seen.items()})
    yield from _mixed("mixed_channels", "channels", {id_: i.channels for id_, i in seen.items()})
    peaks = sorted(i.peak_db for i in seen.values() if i.silent < 1.0)
    if len(peaks) >= _ENOUGH and peaks[-1] - peaks[0] < _EQUAL_PEAKS_DB:
        yield Finding(
            "peak_normalised",
            f"every peak is at {peaks[0]:.1f} dB: the level between recordings, which carries emotion, is lost",
            (),
        )
    lengths = Counter((round(i.duration * i.sr), i.sr) for i in seen.values())
    if len(seen) >= _ENOUGH:
        (n, sr), count = lengths.most_common(1)[0]
        if count > len(seen) / 2:
            yield Finding(
                "one_length",
                f"{count:,} of {len(seen):,} recordings have exactly {n:,} samples ({n / sr:.3f} s): they were cut "
                "or padded to one length",
                (),
            )


def _mixed(code: str, unit: str, values: Mapping[str, int]) -> Iterator[Finding]:
    counts = Counter(values.values()).most_common()
    if len(counts) > 1:
        shares = ", ".join(f"{n:,} with {value:,} {unit}" for value, n in counts)
        others = tuple(id_ for id_, value in values.items() if value != counts[0][0])
        yield Finding(code, f"{shares}; all but the first are listed", others)


def _duplicates(
    manifest: Manifest, prints: Mapping[str, Fingerprint], groups: Mapping[str, str]
) -> Iterator[Finding]:
    """One finding for each sound with several ids; what else differs between them is said."""
    members: dict[str, list[str]] = defaultdict(list)
    for id_, group in groups.items():
        members[group].append(id_)
    for ids in members.values():
        if len(ids) == 1:
            continue
        rows = [manifest.by_id(i) for i in ids]
        exact = len({prints[i].exact for i in ids}) == 1
        across = [
            f"{name}s {', '.join(sorted(values))}"
            for name in ("split", "fold", "speaker", "label")
            if len(values := {str(getattr(u, name)) for u in rows if getattr(u, name) is not None}) > 1
        ]
        how = "the samples are the same" if exact else "the sound is the same"
        where = f", across {' and '.join(across)}" if across else ""
        yield Finding("duplicate_audio", how + where, tuple(ids))


def _known(manifest: Manifest, groups: Mapping[str, str]) -> Iterator[Finding]:
    sizes = Counter(groups.values())
    found: dict[known_defects.Defect, list[str]] = defaultdict(list)
    for u in manifest:
        defect = known_defects.of(u)
        if defect is not None and (not defect.if_same or sizes.get(groups.get(u.id, ""), 0) > 1):
            found[defect].append(u.id)
    for defect, ids in found.items():
        yield Finding("known_defect", f"{defect.corpus}: {defect.what}", tuple(ids))


def _labels(manifest: Manifest) -> Iterator[Finding]:
    """What the annotation itself shows to be wrong."""
    if ids := tuple(u.id for u in manifest if u.text is not None and _C1.search(u.text)):
        yield Finding(
            "text_encoding", "the text holds control characters: cp1252 read as another encoding", ids
        )
    if ids := tuple(u.id for u in manifest if len({v["rater"] for v in u.votes or ()}) < len(u.votes or ())):
        yield Finding("rater_twice", "one rater voted more than once", ids)
    labels: dict[str, set[str]] = defaultdict(set)
    for u in manifest:
        if u.split is not None and u.label is not None:
            labels[u.split].add(u.label)
    for split, present in sorted(labels.items()):
        if absent := set().union(*labels.values()) - present:
            yield Finding("class_absent", f"labels without an utterance in {split}: {_list(absent)}", ())
    for name in ("speaker", "session", "dialogue", "parent"):
        where: dict[str, set[str]] = defaultdict(set)
        for u in manifest:
            if u.split is not None and getattr(u, name) is not None:
                where[getattr(u, name)].add(u.split)
        if both := {value for value, parts in where.items() if len(parts) > 1}:
            ids = tuple(u.id for u in manifest if getattr(u, name) in both)
            yield Finding(f"{name}_across_splits", f"in more than one split: {_list(both)}", ids)


def _list(values: Sequence[Any] | set[Any], most: int = 10) -> str:
    names = sorted(map(str, values))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _tables(manifest: Manifest, seen: Mapping[str, Inspection]) -> Iterator[Table]:
    if seen:
        kinds = Counter((f"{i.format} ({i.codec})", f"{i.sr:,} Hz", str(i.channels)) for i in seen.values())
        decoded = tuple((*kind, f"{n:,}") for kind, n in kinds.most_common())
        yield Table("Recordings", ("format", "rate", "channels", "n"), decoded)
        yield Table(
            "Levels and lengths", ("", "least", "median", "most"), tuple(_spread(list(seen.values())))
        )
    splits = [s for s in ("train", "dev", "test", None) if any(u.split == s for u in manifest)]
    for title, name in (("Classes", "label"), ("Speakers", "speaker")):
        counts = Counter((getattr(u, name), u.split) for u in manifest)
        values = sorted({value for value, _ in counts if value is not None})
        if not values:
            continue
        rows = [
            (v, *(f"{counts[v, s]:,}" for s in splits), f"{sum(counts[v, s] for s in splits):,}")
            for v in values
        ]
        if without := sum(counts[None, s] for s in splits):
            rows.append((f"(no {name})", *(f"{counts[None, s]:,}" for s in splits), f"{without:,}"))
        yield Table(title, (name, *(s or "no split" for s in splits), "all"), tuple(rows))
    yield from _same_text(manifest)


def _spread(seen: Sequence[Inspection]) -> Iterator[tuple[str, ...]]:
    for title, form, values in (
        ("duration (s)", ".3f", [i.duration for i in seen]),
        ("peak (dB)", ".1f", [i.peak_db for i in seen]),
        ("level (dB)", ".1f", [i.rms_db for i in seen]),
        ("leading silence (s)", ".3f", [i.leading_silence for i in seen]),
    ):
        ordered = sorted(values)
        yield (title, *(format(ordered[at], form) for at in (0, len(ordered) // 2, -1)))


def _same_text(manifest: Manifest) -> Iterator[Table]:
    """How much of dev and test says what training says too."""

    def said(u: Utterance) -> str | None:
        return u.text_id or (None if u.text is None else " ".join(u.text.casefold().split()))

    trained = {said(u) for u in manifest if u.split == "train"} - {None}
    rows = []
    for split in ("dev", "test"):
        texts = [said(u) for u in manifest if u.split == split and said(u) is not None]
        if texts and trained:
            same = sum(t in trained for t in texts)
            rows.append((split, f"{len(texts):,}", f"{same:,}", f"{same / len(texts):.1%}"))
    if rows:
        yield Table("Same text in train", ("split", "with text", "in train too", "share"), tuple(rows))
