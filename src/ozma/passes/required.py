"""Passes that do what the source asks for, not what makes code better: no list may lack them.

Without `always-inline` (or an inliner, which honours the attribute too) functions that must be
inlined are called, which can end in an undefined symbol; without `ee-instrument` the calls of
-finstrument-functions are missing. Lists without them look small and are not equal.
"""

from __future__ import annotations

from ozma.passes.grammar import Pass, Pipeline, leaves

INLINERS = frozenset(
    {"always-inline", "inline", "inliner-wrapper", "module-inline", "scc-oz-module-inliner"}
)
_ALWAYS_INLINE = Pass("always-inline")
_INSTRUMENT = Pass("function", (), (Pass("ee-instrument"),))


def complete(pipeline: Pipeline) -> Pipeline:
    """The pipeline, with what it lacks of the required passes put first."""
    names = {item.name for item in leaves(pipeline)}
    if "default" in names:  # LLVM's own pipelines hold both at every level
        return pipeline
    missing = () if "ee-instrument" in names else (_INSTRUMENT,)
    if names.isdisjoint(INLINERS):
        missing += (_ALWAYS_INLINE,)
    return Pipeline(missing + pipeline.passes)
