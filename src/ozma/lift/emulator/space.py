"""The memory of one emulator: image, stack, and pages that appear where they are touched."""

from __future__ import annotations

from ozma.lift.emulator.calls import OutOfReach
from ozma.lift.emulator.layout import FUNCTION, STACK_LOW, STACK_TOP, Loaded
from ozma.lift.emulator.machine import Engine
from ozma.lift.emulator.memory import ADDRESS_BITS, ARGUMENTS, LAZY, PAGE, World
from ozma.lift.emulator.run import Word

_ADDRESS_MASK = (1 << ADDRESS_BITS) - 1
_MAX_PAGES = 384
_WINDOW = 128


class Space:
    """Every page is made anew from a `World` for each input."""

    def __init__(self, engine: Engine, uc, loaded: Loaded) -> None:
        self._unicorn, self._uc = engine.unicorn, uc
        self._loaded, self._layout = loaded, loaded.layout
        self._world: World | None = None
        self._touched: dict[int, bytes] = {}
        self._staying: set[int] = set()
        self.saved: set[bytes] = set()
        """Words that the function saves for its caller: no object on the stack goes beyond one."""
        self.entry = STACK_TOP
        self._map_image()
        uc.mem_map(STACK_LOW, STACK_TOP - STACK_LOW)

    def _map_image(self) -> None:
        unicorn = self._unicorn
        plain = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        code = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        pages, executable = self._paged()
        for start, page in pages.items():
            self._uc.mem_map(start, PAGE, code if start in executable else plain)
            self._uc.mem_write(start, bytes(page))
        self._image = {s: bytes(p) for s, p in pages.items() if s not in executable}
        self._code = {s: bytes(p) for s, p in pages.items() if s in executable}

    def _paged(self) -> tuple[dict[int, bytearray], set[int]]:
        pages: dict[int, bytearray] = {}
        executable = set()
        for address, data, runs in self._loaded.segments:
            for start in range(address & -PAGE, address + len(data), PAGE):
                page = pages.setdefault(start, bytearray(PAGE))
                low, high = max(start, address), min(start + PAGE, address + len(data))
                page[low - start : high - start] = data[low - address : high - address]
                if runs:
                    executable.add(start)
        return pages, executable

    # --- from input to input ---

    def begin(self, world: World) -> None:
        """Memory as it is before a call; the stack is full of one byte."""
        self._world = world
        self._uc.mem_write(STACK_LOW, bytes([world.fill]) * (STACK_TOP - STACK_LOW))
        for page in self._staying:
            self._touched[page] = world.page(page & _ADDRESS_MASK)
            self._uc.mem_write(page, self._touched[page])

    def changed(self) -> dict[int, bytes]:
        """The pages that do not hold any more what they held before."""
        found = {}
        for page, before in (*self._touched.items(), *self._image.items()):
            after = bytes(self._uc.mem_read(page, PAGE))
            if after != before:
                found[page & _ADDRESS_MASK] = after
        return found

    def end(self) -> None:
        """Pages that the next input will touch too stay mapped."""
        for page in self._touched:
            if page >= ARGUMENTS or page < LAZY:
                self._staying.add(page)
            else:
                self._uc.mem_unmap(page, PAGE)
        self._touched = {}
        for page, before in self._image.items():
            self._uc.mem_write(page, before)

    def before(self, page: int) -> bytes | None:
        """What a page holds before every call, if it belongs to the image."""
        return self._image.get(page)

    # --- access ---

    def map_page(self, page: int) -> bool:
        """Makes a page that is touched; False (a fault) where none can be."""
        if page in self._touched or STACK_LOW <= page < STACK_TOP:
            return True
        content = self._world.page(page & _ADDRESS_MASK)
        if content is None or len(self._touched) >= _MAX_PAGES:
            return False
        self._uc.mem_map(page, PAGE, self._unicorn.UC_PROT_READ | self._unicorn.UC_PROT_WRITE)
        self._uc.mem_write(page, content)
        self._touched[page] = content
        return True

    def clear(self, pages: range) -> None:
        """Pages that come into being later will hold zeros."""
        self._world.zeroed.update(pages)

    def read(self, address: int, size: int) -> bytes:
        """OutOfReach where no memory can be."""
        self._reach(address, size)
        return bytes(self._uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        """OutOfReach where no memory can be."""
        self._reach(address, len(data))
        self._uc.mem_write(address, data)

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def code(self, address: int) -> bytes:
        """Up to 8 bytes of code from an address on."""
        pages = self._code.get(address & -PAGE, b""), self._code.get((address & -PAGE) + PAGE, b"")
        return b"".join(pages)[address % PAGE : address % PAGE + 8]

    def _reach(self, address: int, size: int) -> None:
        for page in range(address & -PAGE, address + size, PAGE):
            known = page in self._image or page in self._code
            if not known and not self.map_page(page):
                raise OutOfReach(f"address {page:#x}")

    # --- what addresses mean ---

    def is_address(self, value: int) -> bool:
        """Of memory that was touched above 4 GiB, or of the stack: hardly a number by chance."""
        return STACK_LOW <= value < STACK_TOP or value >> 32 > 0 and value & -PAGE in self._touched

    def is_own_code(self, address: int) -> bool:
        return any(address in part for part in self._loaded.code)

    def canonical(self, value: int, peek: bool = True) -> Word:
        """A 64-bit value as something that both texts share: addresses of the stack and of unnamed
        data differ between them, so what lies there (`peek`) stands for them."""
        if STACK_LOW <= value < STACK_TOP:
            return ("stack", value, self._object(value) if peek else b"")
        if self._layout.is_unnamed(value):
            page = self._image.get(value & -PAGE, b"")[value % PAGE :]
            return ("data", page[:64].partition(b"\0")[0])
        if value != FUNCTION and self.is_own_code(value):
            return ("code",)
        return ("value", value)

    def _object(self, address: int) -> bytes:
        """What lies on the stack from an address on, up to what the function saved there."""
        end = self.entry if address < self.entry else STACK_TOP
        room = self.read(address, min(_WINDOW, end - address))
        for at in range(-address % 8, len(room) - 7, 8):
            if room[at : at + 8] in self.saved:
                return room[:at]
        return room
