"""The tables of the report. Every name and text comes in through `escape`."""

from __future__ import annotations

from html import escape
from typing import Iterable, Sequence

from ozma.llvm import Evaluation
from ozma.optimize.file import Optimized
from ozma.optimize.irdiff import Diff
from ozma.optimize.trace import Step
from ozma.verify.verdict import Verdict

MAX_TRIALS = 300
_CLASSES = {"+": "add", "-": "del", "@": "at"}


def number(value: int | None, kind: str = "") -> str:
    """A table cell that sorts by value."""
    if value is None:
        return '<td class=n data-value="-1">–</td>'
    return f'<td class="n {kind}" data-value="{value}">{value:,}</td>'


def change(value: int) -> str:
    """A table cell with a sign: fewer bytes are a gain."""
    kind = "gain" if value < 0 else "loss" if value > 0 else "soft"
    return f'<td class="n {kind}" data-value="{value}">{value:+,}</td>'


def share(before: int, after: int) -> str:
    """'3.20 %' smaller."""
    return f"{100 * (before - after) / before if before else 0:.2f} %"


_REJECTED = "the output differs, or LLVM's own tools make nothing smaller"


def badge(verdict: Verdict) -> str:
    """Green only for what passed; what was not checked is amber."""
    kind = "passed" if verdict.passed else "failed" if verdict.failed else "unchecked"
    return f'<span class="badge {kind}">{escape(verdict.value)}</span>'


def checks(one: Optimized) -> str:
    """What is known about the rightness of the object, row by row."""
    if one.passes is None:
        return "<p>clang's own object: there is nothing of ours to check.</p>"
    check = one.check
    proved = check.verdict is Verdict.PROVED_EQUAL
    rows = [
        ("the pass list, on self-checking programs", badge(check.list_verdict)),
        ("this object, run against the unoptimized build", badge(check.verdict)),
        ("equivalence proved", badge(Verdict.PROVED_EQUAL if proved else Verdict.NOT_CHECKED)),
        ("not larger than clang's object", '<span class="badge plain">measured</span>'),
    ]
    if one.rejected:
        rejected = f'<span class="badge plain">{len(one.rejected)}</span>'
        rows.append((f"smaller candidates rejected: {_REJECTED}", rejected))
    body = "".join(f"<tr><td>{what}</td><td>{state}</td></tr>" for what, state in rows)
    return (
        f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'
        f"<p class=note>{escape(check.summary)}</p>"
    )


def steps_table(steps: Sequence[Step]) -> str:
    """Passes that changed something, each with its diff folded away."""
    rows = "".join(map(_step_row, steps))
    return _table("", ("#", "pass", "change", "bytes", "IR instructions"), rows, sortable=False)


def _step_row(step: Step) -> str:
    if step.number == 0:
        first = "<td class=n>0</td><td class=name>before any pass</td><td></td>"
        return f"<tr>{first}{number(step.size)}{number(step.instructions)}</tr>"
    parameters = f"&lt;{escape(step.parameters)}&gt;" if step.parameters else ""
    inside = f'<div class="soft note">in {escape(step.inside)}</div>' if step.inside else ""
    if step.ok:
        more = f"<details><summary>{_diff_title(step.diff)}</summary>"
        text = f"{parameters and f'<code>{parameters}</code>'}{inside}{_diff(step.diff)}</details>"
        measured = change(step.change)
    else:
        more, text = f'<span class="badge failed">{escape(step.outcome.value)}</span>', ""
        measured = "<td></td>"
    return (
        f"<tr><td class=n>{step.number}</td><td class=name><code>{escape(step.name)}</code>"
        f"{more}{text}</td>{measured}{number(step.size)}{number(step.instructions)}</tr>"
    )


def _diff_title(diff: Diff) -> str:
    if not diff.lines:
        return "attributes or metadata only"
    if not diff.functions:
        return "diff of the IR, globals and declarations"
    return f"diff of the IR, {diff.functions} function{'' if diff.functions == 1 else 's'}"


def _diff(diff: Diff) -> str:
    if not diff.lines:
        return ""
    lines = [_diff_line(line) for line in diff.lines]
    if diff.left_out:
        lines.append(f'<span class="at">… {diff.left_out:,} more lines</span>')
    return f'<pre class="diff">{"".join(lines)}</pre>'


def _diff_line(line: str) -> str:
    kind = _CLASSES.get(line[:1], "")
    return f'<span class="{kind}">{escape(line)}</span>'


def functions(index: int, one: Optimized) -> str:
    """Bytes per function and data object, largest saving first, with a search box."""
    sizes = sorted(one.function_sizes().items(), key=lambda item: item[1][1] - item[1][0])
    if not sizes:
        return ""
    rows = "".join(
        f"<tr><td class=name><code>{escape(name)}</code></td>{number(before)}{number(after)}"
        f"{change(after - before)}</tr>"
        for name, (before, after) in sizes
    )
    table = f"functions{index}"
    level = escape(one.config.level)
    return (
        '<h3>Bytes per function</h3><div class="find">'
        f'<input type="search" data-table="{table}" placeholder="Find a function" '
        f'aria-label="Find a function"><span class="soft">{len(sizes)} of {len(sizes)}</span></div>'
        + _table(table, ("function or data", f"clang {level}", "ours", "change"), rows)
    )


def trials(one: Optimized) -> str:
    """Every list that was tried, in order."""
    if not one.trials:
        return ""
    rejected = {trial.ir_hash for trial in one.rejected}
    seen: dict[str, int] = {}
    rows = []
    for place, trial in enumerate(one.trials[:MAX_TRIALS], 1):
        rows.append(_trial_row(place, trial, one, rejected, seen))
        if trial.ir_hash:
            seen.setdefault(trial.ir_hash, place)
    left = len(one.trials) - len(rows)
    more = f"<p class=note>… {left:,} more</p>" if left else ""
    heads = ("#", "bytes", "change", "IR instructions", "ms", "result", "list")
    return f"<h3>Lists tried</h3>{_table('', heads, ''.join(rows))}{more}"


def _trial_row(
    place: int, trial: Evaluation, one: Optimized, rejected: set, seen: dict[str, int]
) -> str:
    size = trial.sizes.total if trial.sizes else None
    changed = change(size - one.baseline.total) if size is not None else number(None)
    return (
        f'<tr><td class=n data-value="{place}">{place}</td>{number(size)}{changed}'
        f"{number(trial.instructions)}{number(round(1000 * trial.seconds))}"
        f"<td>{escape(_remark(trial, one, rejected, seen))}</td>"
        f"<td class=name><code>{escape(_shortened(trial.passes))}</code></td></tr>"
    )


def _remark(trial: Evaluation, one: Optimized, rejected: set, seen: dict[str, int]) -> str:
    if not trial.ok:
        return f"{trial.outcome.value}: {trial.message}" if trial.message else trial.outcome.value
    if trial.ir_hash in rejected:
        return f"rejected: {_REJECTED}"
    if trial.passes == one.passes:
        return "chosen"
    if trial.ir_hash in seen:
        return f"same IR as {seen[trial.ir_hash]}"
    return "" if trial.sizes else "no code made: too many instructions"


def _shortened(passes: str, limit: int = 160) -> str:
    return passes if len(passes) <= limit else f"{passes[:limit]} … ({len(passes):,} characters)"


def _table(name: str, heads: Iterable[str], rows: str, sortable: bool = True) -> str:
    cells = "".join(
        f"<th{'' if head in _TEXT_HEADS else ' class=n'}>"
        + (f"<button>{head}</button></th>" if sortable else f"{head}</th>")
        for head in heads
    )
    identity = f' id="{name}"' if name else ""
    return (
        f'<div class="scroll tall"><table{identity}><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


_TEXT_HEADS = ("pass", "function or data", "result", "list", "file")
