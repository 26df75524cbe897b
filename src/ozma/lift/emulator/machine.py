"""The two emulated machines as tables: registers by their part in the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Iterable, Iterator, Sequence

from ozma.errors import OzmaError
from ozma.lift.emulator.layout import THREAD

if TYPE_CHECKING:
    from unicorn import Uc

ROUTINES, EXTRA = 0x0040_0000, 0x0040_0800
_WATCHED = (0x0041_0000, 0x1F00_0000)  # where layout.py puts code
_ADVANCED_SIMD = 3 << 20  # CPACR_EL1.FPEN: no trap on vector registers


class EmulatorMissing(OzmaError):
    """unicorn is not installed."""


@dataclass(frozen=True)
class Machine:
    """unicorn's numbers of registers. `integers` and `vectors` hold arguments, `results` and
    `result_vectors` results; `saved` are the caller's, by name."""

    name: str
    integers: tuple[int, ...]
    vectors: tuple[int, ...]
    results: tuple[int, ...]
    result_vectors: tuple[int, ...]
    saved: dict[str, int]
    stack: int
    counter: int
    thread: int
    link: int | None
    indirect: int | None
    junk: str
    """Assembly that puts a value of its own into each register that a call may change."""
    keep: str
    """Assembly that does so for the caller's registers, and fills those of arguments from EXTRA:
    eight words, then eight vectors."""

    def start(self) -> Uc:
        """A fresh emulator of this machine, with nothing mapped."""
        unicorn = load_unicorn()
        if self.link is None:
            uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
            uc.ctl_set_cpu_model(unicorn.x86_const.UC_CPU_X86_EPYC_ROME)
            return uc
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        uc.ctl_set_cpu_model(unicorn.arm64_const.UC_CPU_ARM64_MAX)
        uc.reg_write(unicorn.arm64_const.UC_ARM64_REG_CPACR_EL1, _ADVANCED_SIMD)
        return uc


class Engine:
    """One emulator for one text after another: unicorn frees little of what an instance took.

    Its hooks ask whoever uses it now: `owner` has `on_unmapped` and `on_interrupt`; a watched one
    also collects (address, bytes) of the blocks of code that ran in `owner.blocks_run`.
    """

    def __init__(self, target: str, watched: bool) -> None:
        self.machine, self.unicorn = machine(target), load_unicorn()
        self.uc = self.machine.start()
        self.owner = None
        self._fresh = self.uc.context_save()
        unicorn = self.unicorn
        unmapped = unicorn.UC_HOOK_MEM_READ_UNMAPPED | unicorn.UC_HOOK_MEM_WRITE_UNMAPPED
        self.uc.hook_add(unmapped, lambda *a: self.owner.on_unmapped(a[2], a[3]))
        self.uc.hook_add(unicorn.UC_HOOK_INTR, lambda _uc, n, _data: self.owner.on_interrupt(n))
        if watched:
            self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block, None, *_WATCHED)

    def _on_block(self, _uc: Uc, address: int, size: int, _data: object) -> None:
        self.owner.blocks_run.add((address, size))

    def lend(self, owner: object) -> Uc:
        """Hands the emulator over, as fresh as on its first day."""
        if self.owner is not None:  # who had it never came to give it back
            self.take_back()
        self.owner = owner
        self.refresh()
        return self.uc

    def refresh(self) -> None:
        """The processor as on its first day: after a trap, a second one would be a double fault."""
        self.uc.context_restore(self._fresh)
        self.uc.reg_write(self.machine.thread, THREAD)

    def take_back(self) -> None:
        """Forgets memory and translated code."""
        self.owner = None
        for start, end, _ in list(self.uc.mem_regions()):
            self.uc.mem_unmap(start, end - start + 1)
        self.uc.ctl_flush_tb()


@lru_cache(maxsize=4)
def engine(target: str, watched: bool) -> Engine:
    """The process's engine of this kind."""
    return Engine(target, watched)


def load_unicorn():
    """The unicorn package; EmulatorMissing with the command that installs it."""
    try:
        import unicorn
        import unicorn.arm64_const
        import unicorn.x86_const
    except ImportError as error:
        raise EmulatorMissing(
            f"the behaviour check needs the emulator unicorn ({error})",
            hint="install it: pip install 'ozma[lift]'; or give --inputs 0: no behaviour check",
        ) from error
    return unicorn


def register_numbers(target: str, names: Iterable[str]) -> tuple[int, ...]:
    """The emulator's numbers of whole registers."""
    unicorn = load_unicorn()
    const = unicorn.x86_const if target == "x86-64" else unicorn.arm64_const
    prefix = "X86" if target == "x86-64" else "ARM64"
    return tuple(getattr(const, f"UC_{prefix}_REG_{name.upper()}") for name in sorted(names))


@lru_cache(maxsize=2)
def machine(target: str) -> Machine:
    """The machine of a target's name, 'x86-64' or 'aarch64'."""
    return {"x86-64": _x86, "aarch64": _aarch64}[target]()


def _x86() -> Machine:
    const = load_unicorn().x86_const
    number = lambda *names: tuple(getattr(const, f"UC_X86_REG_{n.upper()}") for n in names)
    vectors = number(*(f"xmm{i}" for i in range(8)))
    saved = ("rbx", "rbp", "r12", "r13", "r14", "r15")
    lost = ("rax", "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11")
    spread = [f"movdqa %xmm0, %xmm{i}" for i in range(1, 16)]
    junk = [*_loads(lost, "movabsq ${value}, %{name}"), "movq %rax, %xmm0"]
    return Machine(
        "x86-64",
        number("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
        vectors,
        number("rax", "rdx", "rcx"),
        vectors[:2],
        dict(zip(saved, number(*saved))),
        *number("rsp", "rip", "fs_base"),
        None,
        None,
        "\n".join([*junk, "punpcklqdq %xmm0, %xmm0", *spread, "testl %edi, %edi", ""]),
        "\n".join([*_loads(saved, "movabsq ${value}, %{name}"), *_x86_extra(), ""]),
    )


def _aarch64() -> Machine:
    const = load_unicorn().arm64_const
    number = lambda *names: tuple(getattr(const, f"UC_ARM64_REG_{n.upper()}") for n in names)
    integers, vectors = [f"x{i}" for i in range(18)], number(*(f"q{i}" for i in range(8)))
    saved, halves = [f"x{i}" for i in range(19, 30)], [f"d{i}" for i in range(8, 16)]
    kept = [f"movi v{i}.16b, #{i}" for i in range(8, 16)]
    spread = [f"movi v{i}.16b, #{0xA0 + i % 8}" for i in (*range(8), *range(16, 32))]
    return Machine(
        "aarch64",
        number(*integers[:8]),
        vectors,
        number(*integers[:8]),
        vectors,
        dict(zip([*saved, *halves], number(*saved, *halves))),
        *number("sp", "pc", "tpidr_el0", "x30", "x8"),
        "\n".join([*_loads(integers, _LOAD), *spread, "cmp x0, #1", ""]),
        "\n".join([*_loads(saved, _LOAD), *kept, *_aarch64_extra(), ""]),
    )


def _x86_extra() -> Iterator[str]:
    yield f"movl ${EXTRA}, %eax"
    for i, name in enumerate(("rdi", "rsi", "rdx", "rcx", "r8", "r9")):
        yield f"movq {8 * i}(%rax), %{name}"
    yield from (f"movups {64 + 16 * i}(%rax), %xmm{i}" for i in range(8))


def _aarch64_extra() -> Iterator[str]:
    yield f"mov w17, #{EXTRA & 0xFFFF}"
    yield f"movk w17, #{EXTRA >> 16}, lsl #16"
    for i in range(8):
        yield f"ldr x{i}, [x17, #{8 * i}]"
        yield f"ldr q{i}, [x17, #{64 + 16 * i}]"


_LOAD = "movz {name}, #{low}\nmovk {name}, #0x7bad, lsl #32"


def _loads(names: Sequence[str], load: str) -> list[str]:
    """Each register gets a number of its own, which is nobody's address."""
    return [
        load.format(name=name, low=0x1110 + 16 * i, value=0x7BAD_0000_1110 + 16 * i)
        for i, name in enumerate(names)
    ]
