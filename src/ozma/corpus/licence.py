"""A project's licence in one short name: from debian/copyright, PKG-INFO or its COPYING file."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from ozma.corpus.deb822 import parse_fields

UNKNOWN = "unknown"
_READ = 200_000
_FILES = re.compile(r"(?i)^(copying|licen[cs]e|unlicense)([._-].*)?$")
# First match wins, so the longer titles stand before those that they contain.
_TITLES = (
    (r"GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL"),
    (r"GNU (LESSER|LIBRARY) GENERAL PUBLIC LICENSE", "LGPL"),
    (r"GNU GENERAL PUBLIC LICENSE", "GPL"),
    (r"Apache License", "Apache"),
    (r"Mozilla Public License", "MPL"),
    (r"Boost Software License", "BSL"),
    (r"Artistic License", "Artistic"),
    (r"free and unencumbered software", "Unlicense"),
    (r"Permission is hereby granted, free of charge", "MIT"),
    (r"Permission to use, copy, modify, and/?(or)? distribute", "ISC"),
    (r"Redistribution and use in source and binary forms", "BSD"),
    (r"This software is provided 'as-is'", "Zlib"),
)


def licence_of_tree(root: Path) -> str:
    """The main licence of the tree at `root`, or 'unknown'. Nothing outside the tree is read."""
    return (
        licence_of_copyright(_read(root / "debian" / "copyright"))
        or _licence_of_metadata(_read(root / "PKG-INFO"))
        or _licence_of_titles(root)
        or UNKNOWN
    )


def licence_of_copyright(text: str) -> str:
    """Licence of `Files: *` (else of the first files) in a machine-readable debian/copyright."""
    paragraphs = [parse_fields(part) for part in re.split(r"\n[ \t]*\n", text)]
    about_files = [fields for fields in paragraphs if fields.get("files") and fields.get("license")]
    main = [fields for fields in about_files if "*" in fields["files"].split()] or about_files
    return " ".join(main[0]["license"].partition("\n")[0].split())[:80] if main else ""


def licence_of_debian_tar(archive: Path) -> str:
    """The licence that a package's .debian.tar tells, '' if it tells none or is broken."""
    try:
        with tarfile.open(archive, "r:*") as tar:
            file = tar.extractfile("debian/copyright")
            return licence_of_copyright(file.read(_READ).decode("utf-8", "replace"))
    except (tarfile.TarError, KeyError, OSError, EOFError, AttributeError, ValueError):
        return ""


def _licence_of_metadata(text: str) -> str:
    fields = parse_fields(text.partition("\n\n")[0])
    name = fields.get("license-expression") or fields.get("license", "")
    return name if name and len(name) <= 80 and "\n" not in name else ""


def _licence_of_titles(root: Path) -> str:
    for path in sorted(root.iterdir()):
        if _FILES.match(path.name):
            text = " ".join(_read(path).split())
            for title, name in _TITLES:
                if found := re.search(title, text):
                    return name + _version_after(text, found.end(), name)
    return ""


def _version_after(text: str, end: int, name: str) -> str:
    version = re.match(r"\W*version (\d(?:\.\d)?)", text[end : end + 40], re.IGNORECASE)
    return f"-{version.group(1)}" if version and name not in ("MIT", "ISC", "BSD", "Zlib") else ""


def _read(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_READ).decode("utf-8", "replace")
    except OSError:
        return ""
