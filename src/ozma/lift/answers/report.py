"""`--report`: one self-contained HTML page: verdicts, IR, and where the assembly differs."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from pathlib import Path

from ozma.lift.answers.answer import Answer, Verdict
from ozma.lift.judging.equality import Reference
from ozma.lift.program.excerpt import Excerpts
from ozma.whole_file import write_to

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2a8f4f; --poor: #b26a00; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .25rem .7rem; text-align: left; }
tr + tr { border-top: 1px solid var(--line); } .n { text-align: right; }
pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; padding: .7rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: .7rem; } .sides > * { min-width: 0; }
.del { background: #c0392b33; } .add { background: #2a8f4f33; }
.good { color: var(--good); } .poor { color: var(--poor); } .bad { color: var(--bad); }
summary { cursor: pointer; padding: .3rem 0; }
@media (max-width: 50rem) { .sides { display: block; } }
"""
_KIND = {
    Verdict.IDENTICAL: "good", Verdict.SAME: "good", Verdict.COMPILES: "poor",
    Verdict.DIFFERS: "bad", Verdict.FAILED: "bad",
}  # fmt: skip


def write_report(
    title: str, assembly: str, target: str, answers: Sequence[Answer], path: Path
) -> None:
    """Writes the page; OzmaError if it cannot be written."""
    excerpts = Excerpts(assembly, target)
    sections = "".join(_section(one, excerpts.of(one.function), target) for one in answers)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"{_counts(answers)}{_table(answers)}{sections}</html>\n"
    )
    write_to(path, page.encode())


def _counts(answers: Sequence[Answer]) -> str:
    found = [(v, sum(answer.verdict is v for answer in answers)) for v in Verdict]
    words = ", ".join(f"{number} {verdict.value}" for verdict, number in found if number)
    return f"<p>{len(answers)} functions: {words}.</p>"


def _table(answers: Sequence[Answer]) -> str:
    names = ("lines that differ", "compiles", "seconds")
    numbers = "".join(f"<th class=n>{name}" for name in names)
    heads = f"<tr><th>function<th>verdict{numbers}</tr>"
    return f"<table>{heads}{''.join(map(_row, answers))}</table>"


def _row(answer: Answer) -> str:
    lines = "" if answer.lines is None else answer.lines
    return (
        f'<tr><td><a href="#{escape(answer.function)}">{escape(answer.function)}</a>'
        f'<td class="{_KIND[answer.verdict]}">{escape(_said(answer))}<td class=n>{lines}'
        f"<td class=n>{answer.compiles}<td class=n>{answer.seconds:.2f}</tr>"
    )


def _said(answer: Answer) -> str:
    return str(answer.refusal) if answer.refusal else answer.said


def _section(answer: Answer, assembly: str, target: str) -> str:
    name = escape(answer.function)
    head = f'<h2 id="{name}">{name}</h2><p>{escape(_said(answer))}'
    facts = [f"{name}: {value}" for name, value in answer.decisions]
    facts += [f"edit: {kind}" for kind in answer.edits] + [
        f"needed: {flag}" for flag in answer.flags
    ]
    chosen = f"<p>{escape('; '.join(facts))}" if facts else ""
    if not answer.ir:
        return head
    ir = f"<details><summary>LLVM-IR</summary><pre>{escape(answer.ir)}</pre></details>"
    return f"{head}{chosen}{ir}{_sides(answer, assembly, target)}"


def _sides(answer: Answer, assembly: str, target: str) -> str:
    """Original and answer side by side, both normalized; nothing where they are equal."""
    reference = Reference(assembly, target, answer.function)
    ours = reference.normalized(answer.assembly)
    if ours == reference.lines:
        return ""
    left, right = [], []
    for tag, a, b, c, d in SequenceMatcher(None, reference.lines, ours, False).get_opcodes():
        left += _marked(reference.lines[a:b], tag, "del")
        right += _marked(ours[c:d], tag, "add")
    title = "<summary>original and ours</summary>"
    columns = "".join(f"<pre>{''.join(side)}</pre>" for side in (left, right))
    return f'<details open>{title}<div class="sides">{columns}</div></details>'


def _marked(lines: Sequence[str], tag: str, kind: str) -> list[str]:
    if tag == "equal":
        return [f"{escape(line)}\n" for line in lines]
    return [f'<span class="{kind}">{escape(line)}</span>\n' for line in lines]
