"""`--report`: one self-contained HTML file that shows what came of each file, and why."""

from __future__ import annotations

import base64
import hashlib
import time
from html import escape
from pathlib import Path
from string import Template
from typing import Iterator, Sequence

from ozma.llvm import Toolchain, Worker
from ozma.optimize.chart import size_chart
from ozma.optimize.file import Optimized
from ozma.optimize.page import checks, functions, number, share, steps_table, trials
from ozma.optimize.reproduce import commands, measuring_command
from ozma.optimize.trace import Trace, trace
from ozma.whole_file import write_to

_DATA = Path(__file__).parent / "data"
TRACE_SECONDS = 60.0


def write_report(
    optimized: Sequence[Optimized],
    toolchain: Toolchain,
    path: Path,
    seconds: float = TRACE_SECONDS,
) -> None:
    """Writes the page; OzmaError if it cannot be written.

    Passes are traced one by one, which takes one compile each: largest savings first, for at most
    about `seconds` in all. What was left out is said on the page.
    """
    traces = _trace_all(optimized, toolchain, seconds)
    parts = [_summary(optimized)]
    for index, one in enumerate(optimized):
        parts.append(_section(index, one, traces[index], toolchain))
    write_to(Path(path), _page(optimized, "\n".join(parts)).encode())


def _trace_all(
    optimized: Sequence[Optimized], toolchain: Toolchain, seconds: float
) -> dict[int, Trace]:
    end = time.monotonic() + seconds
    found = {index: Trace() for index in range(len(optimized))}
    with Worker(toolchain, options=optimized[0].config.switches) as worker:
        for index in sorted(found, key=lambda i: -optimized[i].saved):
            left = end - time.monotonic()
            if left > 0:
                found[index] = trace(optimized[index], worker, left)
    return found


def _page(optimized: Sequence[Optimized], body: str) -> str:
    script = (_DATA / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    title = optimized[0].source.name if len(optimized) == 1 else f"{len(optimized)} files"
    return Template((_DATA / "report.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"ozma: {title}"),
        digest=digest,
        style=(_DATA / "report.css").read_text(encoding="utf-8"),
        script=script,
        body=body,
    )


def _summary(optimized: Sequence[Optimized]) -> str:
    first = optimized[0]
    head = (
        f"<h1>ozma optimize</h1><p class=soft>LLVM {escape(first.llvm)} · target "
        f"{escape(first.target)} · against clang {escape(first.config.level)} · "
        f"budget {escape(str(first.config.budget))}</p>"
    )
    if len(optimized) == 1:
        return head
    return head + _cards(optimized) + _file_table(optimized)


def _cards(optimized: Sequence[Optimized]) -> str:
    before = sum(one.baseline.total for one in optimized)
    after = sum(one.ours.total for one in optimized)
    loadable = sum(one.baseline.loadable for one in optimized)
    loadable_after = sum(one.ours.loadable for one in optimized)
    level = escape(optimized[0].config.level)
    good = "good" if after < before else ""
    return (
        '<div class="cards">'
        f'<div class="card"><b>{before:,}</b><span>bytes, clang {level}</span></div>'
        f'<div class="card"><b>{after:,}</b><span>bytes, ours</span></div>'
        f'<div class="card {good}"><b>{before - after:,}</b><span>bytes saved</span></div>'
        f'<div class="card {good}"><b>{share(before, after)}</b><span>smaller</span></div>'
        f'<div class="card"><b>{loadable - loadable_after:,}</b><span>of {loadable:,} loadable '
        "bytes saved</span></div></div>"
    )


def _file_table(optimized: Sequence[Optimized]) -> str:
    rows = []
    for index, one in enumerate(optimized):
        before, after = one.baseline.total, one.ours.total
        rows.append(
            f'<tr><td class=name><a href="#file{index}"><code>{escape(str(one.source))}</code></a>'
            f"</td>{number(before)}{number(after)}{number(before - after)}"
            f'<td class=n data-value="{1 - after / before if before else 0:.6f}">'
            f"{share(before, after)}</td></tr>"
        )
    heads = "".join(
        f"<th{kind}><button>{name}</button></th>"
        for name, kind in (
            ("file", ""),
            (f"clang {escape(optimized[0].config.level)}", " class=n"),
            ("ours", " class=n"),
            ("saved", " class=n"),
            ("share", " class=n"),
        )
    )
    return (
        f'<h3>Files</h3><div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _section(index: int, one: Optimized, traced: Trace, toolchain: Toolchain) -> str:
    kept = "" if one.passes else (
        f"<p>No list of {len(one.trials)} was smaller on this file: it keeps clang's own object."
        " The passes below are clang's.</p>"
    )
    return (
        f'<section><h2 id="file{index}">{escape(str(one.source))}</h2>{_cards([one])}{kept}'
        f"<h3>What was checked</h3>{checks(one)}"
        f"{_list(one)}<h3>Reproduce with LLVM's own tools</h3>"
        f"{''.join(map(_copyable, commands(one, toolchain)))}"
        "<p class=note>A size is the sum of all .text*, .data* and .rodata* sections: "
        f"<code>{escape(measuring_command(toolchain, 'FILE.o'))}</code></p>"
        f"{_passes(one, traced)}{functions(index, one)}{trials(one)}</section>"
    )


def _list(one: Optimized) -> str:
    if one.passes is None:
        return ""
    switches = " ".join(one.config.switches)
    extra = f"<p>Back-end switches: <code>{escape(switches)}</code></p>" if switches else ""
    return f"<h3>Pass list</h3>{_copyable(one.passes)}{extra}"


def _copyable(text: str) -> str:
    return (
        f'<div class="box"><pre class="wrap">{escape(text)}</pre>'
        '<button class="copy" type="button">Copy</button></div>'
    )


def _passes(one: Optimized, traced: Trace) -> str:
    steps = traced.steps
    if not steps:
        return "<h3>Size by pass</h3><p class=note>Not traced: other files took the time.</p>"
    notes = " ".join(_trace_notes(one, traced))
    return (
        f"<h3>Size by pass</h3>{size_chart(steps, one.baseline.total, one.config.level)}"
        f"<p class=note>{notes}</p>{steps_table(steps)}"
    )


def _trace_notes(one: Optimized, traced: Trace) -> Iterator[str]:
    yield (
        "The list cut after each pass, every cut compiled and measured; passes that changed nothing"
        " are left out. Loop passes also bring loops into LLVM's standard form first, which counts"
        " as theirs."
    )
    if traced.measured < traced.passes:
        yield (
            f"Only the first {traced.measured} of {traced.passes} passes are shown: the time for"
            " tracing ran out."
        )
        return
    failed = sum(not step.ok for step in traced.steps)
    if failed:
        yield f"{failed} cuts failed; the whole list did not."
    last = [step.size for step in traced.steps if step.size is not None][-1:]
    if last and last[0] != one.ours.total:
        yield (
            f"In this process the last cut measures {last[0]:,} bytes; clang's own code generation"
            f" of the same IR gives {one.ours.total:,}. clang's is the object that counts."
        )
