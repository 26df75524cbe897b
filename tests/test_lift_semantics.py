"""The tables of instruction semantics against the emulator, a form of each mnemonic.

All forms: python -m ozma.lift.behaviour.semantics x86-64 (or aarch64).
"""

from __future__ import annotations

import zlib
from collections import defaultdict

import pytest

from ozma.lift.behaviour.forms import Form, forms, text_of
from ozma.lift.behaviour.semantics import REFUSED, SemanticsCheck
from ozma.llvm import Toolchain, find_toolchain

pytest.importorskip("unicorn")

_UNUSUAL = {
    # What the processor does here is poison in LLVM: a not-a-number or a number out of range.
    "aarch64": ("fcvt",),
    "x86-64": (),
}


def _sample(target: str) -> list[Form]:
    """One form per mnemonic, always the same."""
    by_mnemonic: dict[str, list[Form]] = defaultdict(list)
    for form in forms(find_toolchain(), target):
        by_mnemonic[form.mnemonic].append(form)
    return [
        min(group, key=lambda form: zlib.crc32(str(form).encode()))
        for name, group in sorted(by_mnemonic.items())
        if not name.startswith(_UNUSUAL[target])
    ]


@pytest.mark.parametrize("target", ["x86-64", "aarch64"])
def test_a_form_of_each_mnemonic_does_the_same(toolchain: Toolchain, target: str) -> None:
    found = {}
    with SemanticsCheck(toolchain, inputs=5) as checking:
        sample = _sample(target)
        for form in sample:
            finding = checking.check(form)
            if finding.outcome not in ("same", REFUSED):
                found[str(form)] = f"{finding.outcome}: {finding.detail}"
    assert not found
    assert len(sample) > 150


def test_a_wrong_table_is_found(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    from ozma.lift.x86 import table

    monkeypatch.setitem(table.RULES, "add", table.RULES["sub"])
    with SemanticsCheck(toolchain, inputs=5) as checking:
        form = Form("x86-64", "add", "addl %ecx, %eax")
        assert checking.check(form).outcome == "differs"


def test_flags_are_read_and_stored() -> None:
    text = text_of(Form("x86-64", "add", "addl %ecx, %eax", "b"))
    assert "\taddl %ecx, %eax\n\tsetb 56(%r8)\n" in text
