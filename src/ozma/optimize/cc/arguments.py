"""Which compiler command lines are ours to improve, decided without starting a process.

The answer errs to one side: whatever is not plainly a C or C++ compile at -Oz or -Os goes to the
real compiler. What is accepted here is checked again in clang's own `-###` output (`cc1`).
Only tables are imported: every configure probe and every link of a build pays for this module.
"""

from ozma.optimize.cc.option_tables import (
    INTERNAL, LANGUAGES, PROBE_FOLDERS, PROBE_NAMES, REFUSED, REFUSED_PREFIXES, SUFFIXES, WITH_VALUE,
)  # fmt: skip

OPTION_PREFIX = "--ozma-"
LEVELS = ("-Os", "-Oz")


class Scan:
    """What one pass over the words finds. `reason` is the first reason to keep our hands off."""

    def __init__(self) -> None:
        self.reason = ""
        self.level = ""
        self.compile_only = False
        self.lto = False
        self.sources: list[str] = []
        self.others: list[str] = []
        self.output = ""
        self.language = "none"
        self.architectures = 0

    def refuse(self, reason: str) -> None:
        self.reason = self.reason or reason

    def value(self, option: str, value: str) -> None:
        """An option whose value is the next word, or is joined to it."""
        if option in ("-o", "--output"):
            self.output = value
        elif option in ("-x", "--language"):
            self.language = value
            self.refuse("" if value in LANGUAGES else "other language")
        elif option == "-arch":
            self.architectures += 1
        elif option == "-Xclang" and value in INTERNAL:
            self.refuse("compiler internals")
        elif option == "-MJ":
            self.refuse("compilation database")
        elif option == "-working-directory":
            self.refuse("other working directory")

    def flag(self, word: str) -> None:
        if word.startswith("-O"):
            self.level = word
        elif word in ("-c", "--compile"):
            self.compile_only = True
        elif word.startswith("-flto") or word == "-fno-lto":
            self.lto = word != "-fno-lto"
        elif word.startswith("-x") or word.startswith("-o"):
            self.value(word[:2], word[2:])
        else:
            self.refuse(REFUSED.get(word) or _by_prefix(word))

    def input(self, word: str) -> None:
        named = self.language != "none" or word.endswith(SUFFIXES)
        (self.sources if named else self.others).append(word)
        if word == "-" or word.startswith("/dev/"):
            self.refuse("standard input")


def _by_prefix(word: str) -> str:
    for prefix, reason in REFUSED_PREFIXES:
        if word.startswith(prefix):
            return reason
    return ""


def scan(words: list[str]) -> Scan:
    """Reads a compiler's arguments, program name left out."""
    found, position = Scan(), 0
    while position < len(words):
        word = words[position]
        if word == "--":
            for rest in words[position + 1 :]:
                found.input(rest)
            break
        if word in WITH_VALUE and position + 1 < len(words):
            position += 1
            found.value(word, words[position])
        elif word == "-" or word[:1] not in ("-", "@"):
            found.input(word)
        else:
            found.flag(word)
        position += 1
    return found


def is_probe(found: Scan, folder: str) -> bool:
    """Is this a build system asking what the compiler can do? `folder` is the working directory."""
    for path in (*found.sources, *found.others, found.output, folder + "/"):
        name = path.rpartition("/")[2].partition(".")[0]
        if name in PROBE_NAMES or any(part in path for part in PROBE_FOLDERS):
            return True
    return False


def _refusal_of_inputs(found: Scan) -> str:
    if any(word.endswith((".s", ".S", ".sx", ".asm")) for word in found.others):
        return "assembly input"
    if not found.compile_only:
        return "compile and link" if found.sources else "link" if found.others else "no input"
    if found.others:
        return "other input"
    return "" if found.sources else "no input"


def _refusal_of_level(level: str) -> str:
    if level in LEVELS:
        return ""
    known = ("-O0", "-O1", "-O", "-O2", "-O3", "-O4", "-Og", "-Ofast")
    if not level:
        return "no optimization level"
    return f"optimization level {level}" if level in known else "other optimization level"


def _refusal_of_options(found: Scan) -> str:
    if found.reason:
        return found.reason
    if found.lto:
        return "link-time optimization"
    return "several architectures" if found.architectures > 1 else ""


def option_refusal(words: list[str]) -> str:
    """Why no object of ours can stand for clang's under these options, or "": a list of ours would
    leave out what they ask for, such as a sanitizer."""
    return _refusal_of_options(scan(words))


def refusal(words: list[str], folder: str) -> str:
    """Why the real compiler should run alone, or "" when the object is ours to improve.

    The text is one of a fixed set of plain ASCII phrases, so it can be counted and needs no
    escaping in a record.
    """
    found = scan(words)
    if is_probe(found, folder):
        return "configure probe"
    if reason := _refusal_of_options(found):
        return reason
    if found.output == "-" or found.output.startswith("/dev/"):
        return "output is not a file"
    return _refusal_of_inputs(found) or _refusal_of_level(found.level)


def split(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """({option: value} of ours, the compiler's own words). A switch without '=' has value ''."""
    ours, theirs = {}, []
    for word in words:
        if word.startswith(OPTION_PREFIX):
            name, _, value = word[len(OPTION_PREFIX) :].partition("=")
            ours[name] = value
        else:
            theirs.append(word)
    return ours, theirs
