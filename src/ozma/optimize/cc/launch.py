"""Entry point of `ozma cc` and `ozma c++`: pass through at once, or start the real compile.

Only what is frozen into Python or costs nothing is imported before that decision.
"""

import os

from ozma.optimize.cc import arguments, records

FLAGS_VARIABLE = "OZMA_CC_FLAGS"
OPTIONS = {
    "llvm": "LLVM release whose clang is used, such as 22 (default: 19, else the newest)",
    "budget": "per translation unit: compilations (16), seconds (2s) or both (default 16,60s)",
    "verify": "none, lists or differential: how a result is checked (default lists)",
    "lists": "JSON file of pass lists to try instead of the shipped ones",
    "model": "folder of a language model that orders the lists, or 'shipped' (default: none)",
    "cache": "folder of the cache and of the statistics (default ~/.cache/ozma/cc)",
    "cache-limit": "size in MiB above which the oldest cached objects go (default 2048)",
    "exclude": "file of translation units that keep the real compiler's object",
    "reproducers": "folder that receives a reproducer for each excluded translation unit",
    "session": "label of letters, digits, '-' and '_' written into each record",
}
_PREFIXES = ("/usr/lib/llvm-{}", "/usr/local/lib/llvm-{}", "/opt/llvm-{}")
_DEFAULT_MAJOR = "19"


def usage() -> str:
    lines = [f"  {arguments.OPTION_PREFIX}{name}=...  {text}" for name, text in OPTIONS.items()]
    head = "ozma cc: clang, with smaller objects at -Oz and -Os. Everything else is clang's own."
    tail = f"The same options are read from {FLAGS_VARIABLE}, separated by blanks."
    return "\n".join([head, *lines, tail])


def find_compiler(major: str, cplusplus: bool) -> str:
    """Path of the real compiler; the full discovery runs only when the usual places are empty."""
    name = "clang++" if cplusplus else "clang"
    for prefix in _PREFIXES:
        path = f"{prefix.format(major or _DEFAULT_MAJOR)}/bin/{name}"
        if os.access(path, os.X_OK):
            return path
    from ozma.llvm.toolchain import find_toolchain

    return str(find_toolchain(int(major) if major else None).tool(name))


def _words_of_environment() -> list[str]:
    text = os.environ.get(FLAGS_VARIABLE, "")
    if '"' not in text and "'" not in text and "\\" not in text:
        return text.split()
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        from ozma.errors import OzmaError

        raise OzmaError(f"{FLAGS_VARIABLE} does not read: {error}") from error


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _complaint(options: dict[str, str]) -> str:
    """What is wrong with the options that matter even to a command that is passed through."""
    for name in options:
        if name not in OPTIONS:
            return f"unknown option {arguments.OPTION_PREFIX}{name}; known are {', '.join(OPTIONS)}"
    if not options.get("llvm", "19").isdigit():
        return f"llvm is '{options['llvm']}': give a release number such as 19"
    session = options.get("session", "none")
    if not session.replace("-", "").replace("_", "").isalnum():
        return f"session is '{session}': give letters, digits, '-' and '_'"
    return ""


def main(words: list[str], cplusplus: bool = False) -> int:
    """Acts as the compiler on `words` (program name left out); returns its exit code.

    Does not return when the real compiler runs alone: this process becomes it.
    """
    options, theirs = arguments.split(_words_of_environment() + words)
    if "help" in options:
        print(usage())
        return 0
    complaint = _complaint(options)
    if complaint:
        from ozma.errors import OzmaError

        raise OzmaError(complaint)
    compiler = find_compiler(options.get("llvm", ""), cplusplus)
    folder = options.get("cache") or records.default_folder(os.environ)
    reason = arguments.refusal(theirs, _working_directory())
    if reason:
        records.append(folder, records.passed_through(reason, options.get("session", "")))
        _become(compiler, theirs)
    return _improve(options, folder, compiler, theirs)


def _become(compiler: str, theirs: list[str]) -> None:
    try:
        os.execv(compiler, [compiler, *theirs])
    except OSError as error:
        from ozma.errors import OzmaError

        raise OzmaError(f"cannot run {compiler}: {error.strerror}") from error


def _improve(options: dict[str, str], folder: str, compiler: str, theirs: list[str]) -> int:
    from ozma.optimize.cc import signals

    signals.hold()
    # The real compiler starts first: our imports then cost nothing where a core is free.
    real = signals.RealCompiler(compiler, theirs)
    signals.install()
    try:
        signals.release()
        from ozma.optimize.cc import driver

        code = driver.improve(options, folder, compiler, theirs, real)
    except signals.Interrupted as stop:
        real.end(stop.number)
        return signals.die_by(stop.number)
    return signals.die_by(-code) if code < 0 else code
