"""Choices that assembly does not settle, each named, with a default (design: every ambiguity)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

_CHOICES = {
    "mode": ("auto", "optimized", "slots", "O0"),
    "orientation": ("hint", "fallthrough", "asm"),
    "block_order": ("asm", "rpo"),
    "returns": ("merge", "split"),
    "result": ("infer", "void", "value"),
    "arguments": ("infer", "fewest", "most"),
    "signatures": ("infer", "widest"),
    "leaves": ("infer", "ptr"),
    "add_flags": ("none", "nsw", "nuw", "nsw nuw"),
    "or_disjoint": ("no", "yes"),
    "operand_order": ("asm", "swapped"),
    "regions": ("safe", "joined", "single"),
    "volatile": ("no", "unused", "all"),
    "memory_calls": ("hint", "intrinsic", "call"),
    "prototypes": ("known", "infer"),
    "passes": ("instcombine", "none", "simplify", "early-cse", "reassociate", "sink"),
    "tail": ("tail", "none"),
    "size": ("hint", "minsize", "optsize", "none"),
    "resume": ("resume", "call"),
    "type_numbers": ("intrinsic", "number"),
}

PASSES = {
    "none": "",
    "instcombine": "function(instcombine<no-verify-fixpoint>,simplifycfg)",
    "simplify": "function(simplifycfg)",
    "early-cse": "function(early-cse,instcombine<no-verify-fixpoint>,simplifycfg)",
    "reassociate": "function(reassociate,instcombine<no-verify-fixpoint>,simplifycfg)",
    "sink": "function(instcombine<no-verify-fixpoint>,simplifycfg,sink)",
}
"""Texts for `opt -passes=` by the value of `Decisions.passes`, to be run before compiling back."""


@dataclass(frozen=True)
class Decisions:
    """Global choices; the first value of each in `_CHOICES` is the default.

    mode: how values live: in registers ("optimized"), each slot an alloca ("slots": unoptimized IR
    through the optimizing back end), or FastISel's code ("O0"); "auto" reads it from the text.
    orientation: which successor a branch names first: that of the canonical predicate ("hint"), the
    next block, or the jump's target. block_order: of the printed blocks. returns: one return block
    or one each. result, arguments: how signatures are inferred. signatures: "widest" passes all
    that may be an argument or a result, whole (as gcc's code is always read). leaves: type of
    64-bit values that nothing settles. add_flags, or_disjoint: poison flags added. operand_order:
    of commutative operations. regions: is the stack from the lowest escaped address on one object
    ("safe"), or does an object end at the next escaped one ("single") and at what looks spilled
    ("joined"); in these two, `rep movs` copies as memcpy does, else places may overlap unless it is
    seen that they do not.
    volatile: no access, loads that nobody needs, or all. memory_calls: memcpy and its
    like as intrinsics where their result is not used (in unoptimized code: "hint"). prototypes:
    whether the C library's, and mangled names, are read. passes: run before compiling back
    (`PASSES`). tail: marker on tail calls. size: the function's wish for small code. resume: is a
    cleanup's last call, of `_Unwind_Resume`, the instruction. type_numbers: are numbers of caught
    types named by their type.

    `overrides` turns single sites: {"branch@37": "taken"}; `Lifted` lists the sites of a function.
    """

    mode: str = "auto"
    orientation: str = "hint"
    block_order: str = "asm"
    returns: str = "merge"
    result: str = "infer"
    arguments: str = "infer"
    signatures: str = "infer"
    leaves: str = "infer"
    add_flags: str = "none"
    or_disjoint: str = "no"
    operand_order: str = "asm"
    regions: str = "safe"
    volatile: str = "no"
    memory_calls: str = "hint"
    prototypes: str = "known"
    passes: str = "instcombine"
    tail: str = "tail"
    size: str = "hint"
    resume: str = "resume"
    type_numbers: str = "intrinsic"
    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in fields(self):
            options = _CHOICES.get(entry.name)
            value = getattr(self, entry.name)
            if options and value not in options:
                raise ValueError(f"{entry.name} must be one of {', '.join(options)}, got '{value}'")

    @property
    def pipeline(self) -> str:
        """`opt -passes=` text to run on the lifted module before compiling back; may be empty."""
        return PASSES[self.passes]


_UNPROVED = ("result", "arguments", "regions")


def is_unproved(changed: Iterable[tuple[str, str]]) -> bool:
    """Does one of these choices (names, or names of sites, with values) set aside what only equal
    assembly can prove: the signature, where objects on the stack end, that places are apart?"""
    return any(name.partition("@")[0] in _UNPROVED for name, _ in changed)


def choices(name: str) -> tuple[str, ...]:
    """What a field of `Decisions` can be."""
    return _CHOICES[name]


@dataclass(frozen=True)
class Site:
    """One place where a choice was made: `key` is what `Decisions.overrides` takes."""

    key: str
    kind: str
    line: int
    options: tuple[str, ...]
    chosen: str
    default: str


class Chooser:
    """Answers choices for one function, and remembers each as a `Site`."""

    def __init__(self, decisions: Decisions) -> None:
        self.decisions = decisions
        self.sites: dict[str, Site] = {}

    def choose(self, kind: str, line: int, options: tuple[str, ...], default: str) -> str:
        """The override for `kind@line` if there is a valid one, else `default`."""
        key = f"{kind}@{line}"
        wanted = self.decisions.overrides.get(key, default)
        chosen = wanted if wanted in options else default
        self.sites[key] = Site(key, kind, line, options, chosen, default)
        return chosen
