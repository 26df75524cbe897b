"""Grammars of answers, in llguidance's dialect of Lark.

A pass list by level: each adaptor opens the level inside it, each level takes its own passes, with
the options that the catalogue knows. What the deny-list holds cannot be written, but for what lists
use that are known to be good (LLVM's own `default<Oz>` holds `coro-early`, which no search draws).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ozma.passes import Catalogue, Level, PassInfo, Pipeline
from ozma.passes.levels import LAST_WITH_REPEAT
from ozma.passes.tree import walk
from ozma.tasks.answers import LIST_CLOSE, LIST_OPEN
from ozma.tasks.prompts import CLOSE, OPEN

MAX_NESTED = 8
"""Depth of `cgscc(...)` and `devirt<n>(...)` inside each other; LLVM itself nests 2."""

_NUMBER = "[0-9]{1,9}"
_COUNT = "[1-9][0-9]{0,8}"


def pass_list_grammar(
    catalogue: Catalogue,
    known: Iterable[Pipeline] = (),
    before: str = LIST_OPEN,
    after: str = LIST_CLOSE,
    list_tokens: range | None = None,
) -> str:
    """Answers that consist of `before`, a list that LLVM of this catalogue takes, and `after`.

    `known`: explicit lists whose passes and options may be written too, at the same levels.
    `list_tokens`: ids of which each stands for a whole list (list_tokens.py).
    """
    rules = [
        f"start: {json.dumps(before)} list {json.dumps(after)}",
        f"list: {_list_forms(list_tokens)}",
        *_sequence("module", _module_adaptors(catalogue)),
        *_call_graph_rules(),
        *_sequence(
            "function", ['"function(" function ")"', '"loop(" loop ")"', '"loop-mssa(" mssa ")"']
        ),
        *_sequence("loop", ['"loop(" loop ")"']),
        *_sequence("mssa", ['"loop(" mssa ")"']),
    ]
    return "\n".join([*rules, *_terminals(catalogue, _uses(known))]) + "\n"


def code_grammar(before: str = f" {OPEN}", after: str = CLOSE) -> str:
    """LLVM-IR or nothing in particular between `before` and `after`: brackets, quotes and comments
    are closed, and no slash stands outside of quotes and comments."""
    return (
        "\n".join(
            [
                f"start: {json.dumps(before)} text {json.dumps(after)}",
                "text: part*",
                'part: PLAIN | QUOTED | COMMENT | "<" | "(" text ")" | "[" text "]" | "{" text "}"',
                r'PLAIN: /[^()\[\]{}"<;\/]+/',
                r'QUOTED: /"[^"]*"/',
                r"COMMENT: /;[^\n]*\n/",
            ]
        )
        + "\n"
    )


def _list_forms(tokens: range | None) -> str:
    return f"module | <[{tokens[0]}-{tokens[-1]}]>" if tokens else "module"


def _module_adaptors(catalogue: Catalogue) -> list[str]:
    adaptors = ['"module(" module ")"', '"coro-cond(" module ")"', '"cgscc(" cgscc0 ")"']
    if catalogue.major <= LAST_WITH_REPEAT:
        adaptors.append('REPEAT module ")"')
    return [*adaptors, 'FUNCTION_OPEN function ")"']


def _call_graph_rules() -> list[str]:
    """One rule for each depth, so that no list nests deeper than what `ozma.passes` reads."""
    rules = []
    for depth in range(MAX_NESTED):
        adaptors = ['FUNCTION_RERUN_OPEN function ")"']
        if depth + 1 < MAX_NESTED:
            adaptors += [f'"cgscc(" cgscc{depth + 1} ")"', f'DEVIRT cgscc{depth + 1} ")"']
        rules += _sequence(f"cgscc{depth}", adaptors, "CGSCC")
    return rules


def _sequence(name: str, adaptors: list[str], terminal: str | None = None) -> list[str]:
    passes = f"{terminal or name.upper()}_PASS"
    return [
        f'{name}: {name}_item ("," {name}_item)*',
        f"{name}_item: {' | '.join([passes, *adaptors])}",
    ]


def _uses(known: Iterable[Pipeline]) -> dict[Level, dict[str, set[str]]]:
    """Level -> pass -> options, of everything that the lists hold."""
    uses: dict[Level, dict[str, set[str]]] = {level: {} for level in Level}
    for pipeline in known:
        for node in walk(pipeline):
            if node.item.is_leaf and node.item.name not in ("require", "invalidate"):
                uses[node.level].setdefault(node.item.name, set()).update(node.item.params)
    return uses


def _terminals(catalogue: Catalogue, uses: dict[Level, dict[str, set[str]]]) -> list[str]:
    terminals = [
        r"FUNCTION_OPEN: /function(<eager-inv>)?\(/",
        r"FUNCTION_RERUN_OPEN: /function(<(eager-inv|no-rerun|eager-inv;no-rerun)>)?\(/",
        rf"DEVIRT: /devirt<{_COUNT}>\(/",
    ]
    if catalogue.major <= LAST_WITH_REPEAT:
        terminals.append(rf"REPEAT: /repeat<{_COUNT}>\(/")
    for level, name in zip(Level, ("MODULE", "CGSCC", "FUNCTION", "LOOP", "MSSA"), strict=True):
        forms = [_pass_pattern(info) for info in _passes_at(catalogue, level, uses[level])]
        forms += _analysis_patterns(catalogue, level)
        terminals.append(f"{name}_PASS: /{'|'.join(forms)}/")
    return terminals


def _passes_at(catalogue: Catalogue, level: Level, used: dict[str, set[str]]) -> Iterable[PassInfo]:
    """What may be drawn at this level, and what is used there."""
    passes = {info.name: info for info in catalogue.candidates if _stands_at(info, level)}
    for name, options in used.items():
        info = passes.get(name, PassInfo(name, level))
        new = tuple(sorted(option for option in options if not _is_listed(option, info)))
        passes[name] = PassInfo(name, level, info.options + new)
    return passes.values()


def _stands_at(info: PassInfo, level: Level) -> bool:
    return info.runs_in_loop_mssa if level is Level.LOOP_MSSA else info.level is level


def _is_listed(option: str, info: PassInfo) -> bool:
    name, has_value, _ = option.partition("=")
    return option in info.options or bool(has_value) and f"{name}=N" in info.options


def _pass_pattern(info: PassInfo) -> str:
    """The name, with any of its options in brackets."""
    name = _escaped(info.name)
    if not info.options:
        return name
    option = "|".join(_option_pattern(option) for option in info.options)
    listed = f"<({option})(;({option}))*>"
    if info.requires_option:
        return f"{name}<({option})>"
    return f"{name}({listed})?"


def _option_pattern(option: str) -> str:
    name, has_value, _ = option.partition("=")
    return f"{_escaped(name)}={_NUMBER}" if has_value else _escaped(option)


def _analysis_patterns(catalogue: Catalogue, level: Level) -> Iterable[str]:
    """`require<...>` and `invalidate<...>`, which printed pipelines hold."""
    names = sorted(catalogue.analyses.get(level, ()))
    if not names:
        return []
    listed = "|".join(map(_escaped, names))
    return [f"require<({listed})>", f"invalidate<({listed}|all)>"]


def _escaped(text: str) -> str:
    return re.escape(text).replace("/", r"\/")
