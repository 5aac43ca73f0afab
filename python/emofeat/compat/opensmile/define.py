"""The sets and levels by openSMILE's names, and those of them that the core computes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from emofeat.exceptions import UnknownNameError

One = TypeVar("One", bound=Enum)


class FeatureSet(Enum):
    """openSMILE's sets. `Smile` computes GeMAPSv01b, eGeMAPSv02 and ComParE_2016."""

    ComParE_2016 = "compare/ComParE_2016"
    GeMAPS = "gemaps/v01a/GeMAPSv01a"
    GeMAPSv01a = GeMAPS
    GeMAPSv01b = "gemaps/v01b/GeMAPSv01b"
    eGeMAPS = "egemaps/v01a/eGeMAPSv01a"
    eGeMAPSv01a = eGeMAPS
    eGeMAPSv01b = "egemaps/v01b/eGeMAPSv01b"
    eGeMAPSv02 = "egemaps/v02/eGeMAPSv02"
    emobase = "emobase/emobase"
    IS09 = "is09-13/IS09_emotion"
    IS10 = "is09-13/IS10_paraling_compat"
    IS11 = "is09-13/IS11_speaker_state"
    IS12 = "is09-13/IS12_speaker_trait_compat"
    IS13 = "is09-13/IS13_ComParE"


class FeatureLevel(Enum):
    """Descriptors, their derivatives, or functionals of both."""

    LowLevelDescriptors = "lld"
    LowLevelDescriptors_Deltas = "lld_de"
    Functionals = "func"


@dataclass(frozen=True)
class Known:
    """A set that the core computes.

    Attributes
    ----------
    name : str
        Its name there.
    levels : tuple of FeatureLevel
        Its levels.
    span : float
        Seconds from the start of a descriptor's row to its end.
    """

    name: str
    levels: tuple[FeatureLevel, ...]
    span: float

    def spec(self, level: FeatureLevel) -> str:
        """The core's specification of a level."""
        return f"{self.name}(level={_LEVELS[level]})"


_LEVELS = {
    FeatureLevel.LowLevelDescriptors: "lld",
    FeatureLevel.LowLevelDescriptors_Deltas: "lld_de",
    FeatureLevel.Functionals: "functionals",
}
_WITHOUT_DELTAS = (FeatureLevel.LowLevelDescriptors, FeatureLevel.Functionals)
SETS = {
    FeatureSet.GeMAPSv01b: Known("gemapsv01b", _WITHOUT_DELTAS, 0.020),
    FeatureSet.eGeMAPSv02: Known("egemapsv02", _WITHOUT_DELTAS, 0.020),
    FeatureSet.ComParE_2016: Known("compare2016", tuple(FeatureLevel), 0.060),
}


def set_of(given: object) -> FeatureSet:
    """A set that the core computes, by itself or by its name."""
    return _member(FeatureSet, given, "feature_set", tuple(SETS))


def level_of(given: object) -> FeatureLevel:
    """A level, by itself, its name or its value."""
    for level in FeatureLevel:
        if given == level.value:
            return level
    return _member(FeatureLevel, given, "feature_level", tuple(FeatureLevel))


def _member(kind: type[One], given: object, parameter: str, allowed: tuple[One, ...]) -> One:
    # By name, so that members of opensmile-python's own enumerations, in scripts that import both, are known too.
    name = given.name if isinstance(given, Enum) else given
    for member in allowed:
        if member.name == name:
            return member
    unknown = "" if name in kind.__members__ else "; configuration files are not read"
    names = ", ".join(member.name for member in allowed)
    raise UnknownNameError(f"{parameter} = {name!r}{unknown}; allowed are {names}", "unknown_name")
