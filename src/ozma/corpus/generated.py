"""Guess the headers that a package's build would write: config.h from its template, and others."""

from __future__ import annotations

import ctypes
import re
from functools import cache

from ozma.corpus.headers import HOST, SystemHeaders

_DIRECTIVE = re.compile(
    r"^[ \t]*#[ \t]*(undef|cmakedefine01|cmakedefine|mesondefine)[ \t]+(\w+)(.*)$"
)
_PLACE = re.compile(r"@(\w+)@|\$\{(\w+)\}")
_INTEGER = re.compile(r"(U?)SIZE(\d+)$")


def render_template(text: str, system: SystemHeaders = HOST) -> str:
    """The header that `./configure` or CMake would about write here from its template.

    A HAVE_X_H answers whether the system has the header, a HAVE_X whether libc has the function;
    what cannot be known so stays undefined.
    """
    return "\n".join(_render_line(line, system) for line in text.splitlines()) + "\n"


def _render_line(line: str, system: SystemHeaders) -> str:
    found = _DIRECTIVE.match(line)
    if not found and (place := _PLACE.fullmatch(line.strip())):
        return "#include <stdint.h>" if "STDINT" in place.group() else ""
    if not found:
        return _filled(line, system)
    kind, name, rest = found.groups()
    answer = _answer(name, system)
    if kind == "cmakedefine01":
        return f"#define {name} {answer or 0}"
    if kind == "cmakedefine" and answer and rest.strip():
        answer = _filled(rest.strip(), system)
    return f"#define {name} {answer}" if answer else f"/* #undef {name} */"


def _filled(text: str, system: SystemHeaders) -> str:
    return _PLACE.sub(lambda place: _fill(place.group(1) or place.group(2), system), text)


def _fill(name: str, system: SystemHeaders) -> str:
    if found := _INTEGER.match(name):
        return f"{found.group(1).lower()}int{found.group(2)}_t"
    return _answer(name, system) or ("0" if name.startswith("HAVE") else "1")


def typical_config(system: SystemHeaders = HOST) -> str:
    """A config.h with the usual answers of a system with glibc, for packages with no template."""
    answers = ((name, _answer(name, system)) for name in _TYPICAL)
    return "".join(f"#define {name} {answer}\n" for name, answer in answers if answer)


def empty_header(name: str) -> str:
    """A stand-in for a generated header of no template: the macros of an export header."""
    prefix = re.sub(r"\W", "_", name.rpartition("/")[2].rpartition(".")[0]).upper()
    prefix = re.sub(r"_?EXPORTS?$", "", prefix)
    macros = ("EXPORT", "NO_EXPORT", "DEPRECATED", "DEPRECATED_EXPORT", "API")
    return "#pragma once\n" + "".join(f"#define {prefix}_{macro}\n" for macro in macros)


def _answer(name: str, system: SystemHeaders) -> str | None:
    if name in _FIXED:
        return _FIXED[name]
    if name.startswith("HAVE_") and name.endswith("_H"):
        return "1" if _have_header(name[5:-2].lower(), system) else None
    if name.startswith("HAVE_DECL_"):
        return "1" if _have_function(name[10:].lower()) else "0"
    if name.startswith("HAVE_"):
        return "1" if _have_function(name[5:].lower()) else None
    if name.startswith("PACKAGE") or name == "VERSION":
        return '"1.0"'
    return None


def _have_header(flat: str, system: SystemHeaders) -> bool:
    folded = flat.replace("_", "/", 1)
    return system.has(f"{flat}.h") or system.has(f"{folded}.h")


@cache
def _have_function(name: str) -> bool:
    return hasattr(ctypes.CDLL(None), name)


_FIXED = {
    "STDC_HEADERS": "1", "_GNU_SOURCE": "1", "_ALL_SOURCE": "1", "TIME_WITH_SYS_TIME": "1",
    "SIZEOF_CHAR": "1", "SIZEOF_SHORT": "2", "SIZEOF_INT": "4", "SIZEOF_LONG": "8",
    "SIZEOF_LONG_LONG": "8", "SIZEOF_SIZE_T": "8", "SIZEOF_VOID_P": "8", "SIZEOF_FLOAT": "4",
    "SIZEOF_DOUBLE": "8", "SIZEOF_OFF_T": "8", "SIZEOF_TIME_T": "8", "SIZEOF_WCHAR_T": "4",
    "SIZEOF_UNSIGNED_INT": "4", "SIZEOF_UNSIGNED_LONG": "8", "SIZEOF_CHAR_P": "8",
    "RETSIGTYPE": "void", "SELECT_TYPE_ARG1": "int", "HAVE_VISIBILITY": "1", "EXPORT": "/**/",
    "HAVE__BOOL": "1", "HAVE_LONG_LONG": "1", "HAVE_LONG_LONG_INT": "1", "HAVE_INTTYPES_H": "1",
    "HAVE_INT64_T": "1", "HAVE_UINT32_T": "1", "HAVE_UINT64_T": "1", "HAVE_SSIZE_T": "1",
    "HAVE_UINTPTR_T": "1", "HAVE_INTPTR_T": "1", "HAVE_PTRDIFF_T": "1", "HAVE_STRUCT_STAT": "1",
    "HAVE_STRUCT_TIMEVAL": "1", "HAVE___ATTRIBUTE__": "1", "TLS": "__thread",
    "FLOATING_POINT": "1", "HAVE_BUILTIN_EXPECT": "1", "HAVE___BUILTIN_EXPECT": "1",
    "PACKAGE_BUGREPORT": '""', "PACKAGE_URL": '""', "LOCALEDIR": '"/usr/share/locale"',
}  # fmt: skip
_TYPICAL = (
    *_FIXED, *(f"HAVE_{name}_H" for name in (
        "ALLOCA", "ARPA_INET", "CTYPE", "DIRENT", "DLFCN", "ERRNO", "FCNTL", "FLOAT", "GETOPT",
        "INTTYPES", "LANGINFO", "LIMITS", "LOCALE", "MALLOC", "MATH", "MEMORY", "NETDB",
        "NETINET_IN", "POLL", "PTHREAD", "PWD", "SIGNAL", "STDARG", "STDBOOL", "STDDEF", "STDINT",
        "STDIO", "STDLIB", "STRING", "STRINGS", "SYS_IOCTL", "SYS_MMAN", "SYS_PARAM",
        "SYS_RESOURCE", "SYS_SELECT", "SYS_SOCKET", "SYS_STAT", "SYS_TIME", "SYS_TYPES", "SYS_UIO",
        "SYS_UN", "SYS_WAIT", "SYSLOG", "TERMIOS", "TIME", "UNISTD", "UTIME", "WCHAR", "WCTYPE")),
    *(f"HAVE_{name}" for name in (
        "ACCESS", "ALARM", "CHOWN", "DUP2", "FCHMOD", "FORK", "FSEEKO", "GETCWD", "GETENV",
        "GETHOSTNAME", "GETOPT_LONG", "GETPAGESIZE", "GETTIMEOFDAY", "GMTIME_R", "ISATTY",
        "LOCALTIME_R", "LSTAT", "MEMCHR", "MEMCPY", "MEMMOVE", "MEMSET", "MKDIR", "MKSTEMP", "MMAP",
        "NANOSLEEP", "POLL", "PUTENV", "READLINK", "REALPATH", "SELECT", "SETENV", "SETLOCALE",
        "SIGACTION", "SNPRINTF", "SOCKET", "STRCASECMP", "STRCHR", "STRDUP", "STRERROR", "STRNDUP",
        "STRNLEN", "STRRCHR", "STRSTR", "STRTOL", "STRTOUL", "STRTOULL", "UNAME", "USLEEP",
        "VPRINTF", "VSNPRINTF", "WAITPID")),
)  # fmt: skip
