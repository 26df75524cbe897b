"""Assembly text -> LLVM-IR, function by function."""

from __future__ import annotations

from dataclasses import dataclass

from ozma.lift.calls.arguments import plan_calls
from ozma.lift.calls.results import plan_result
from ozma.lift.decisions import Chooser, Decisions, Site
from ozma.lift.flow.cfg import build_graph
from ozma.lift.flow.joins import join_jumps, sink_hoisted
from ozma.lift.flow.graph import Graph, Refused
from ozma.lift.flow.computed_jumps import jump_addresses
from ozma.lift.flow.facts import find_facts
from ozma.lift.flow.kept_updates import kept_updates
from ozma.lift.machines import find_architecture
from ozma.lift.printing.emit import Printer
from ozma.lift.printing.module import module_text, value_types
from ozma.lift.printing.parameters import parameters
from ozma.lift.printing.operands import Unprintable
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.assembly import parse_assembly
from ozma.lift.reading.listing import AsmFunction, Listing
from ozma.lift.reading.effects import Unsupported
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.finish import finish
from ozma.lift.ssa.translate import Translator
from ozma.lift.ssa.types import infer_pointers
from ozma.lift.stack.frame import find_frame
from ozma.lift.stack.mode import find_mode
from ozma.lift.stack.objects import Frame
from ozma.lift.stack.regions import fill_gaps, lay_out, promote, take_given
from ozma.lift.stack.spills import find_unowned, passes_on_stack


@dataclass(frozen=True)
class Refusal:
    """What could not be lifted: line number from 1 (0: none), the line's text, why."""

    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}: {self.reason}"


@dataclass(frozen=True)
class LiftedFunction:
    """One function as a whole module. `ir` is empty where `refusal` says why.

    `line_map`: line of `ir` (from 1) -> line of the assembly (from 1), for each IR instruction.
    `mode` is what "auto" came to: "optimized", "slots" or "O0" (the last wants code generated at
    level 0).
    """

    name: str
    ir: str
    sites: tuple[Site, ...] = ()
    line_map: tuple[tuple[int, int], ...] = ()
    signature: str = ""
    mode: str = "optimized"
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Lifted:
    """All functions of a text, in order; those refused have `refusal` set."""

    functions: tuple[LiftedFunction, ...]
    refusals: tuple[Refusal, ...] = ()


def lift(text: str, target: str = "x86-64", decisions: Decisions = Decisions()) -> Lifted:
    """Lifts every function of the text. Never raises for what the text says."""
    architecture = find_architecture(target)
    listing = parse_assembly(text, architecture)
    functions = tuple(
        _lift_one(function, listing, architecture, decisions)
        for function in listing.functions
        if not architecture.is_part(function.name)
    )
    return Lifted(functions, tuple(f.refusal for f in functions if f.refusal))


def lift_function(
    text: str, name: str, target: str = "x86-64", decisions: Decisions = Decisions()
) -> LiftedFunction:
    """One function of the text by its symbol."""
    architecture = find_architecture(target)
    listing = parse_assembly(text, architecture)
    for function in listing.functions:
        if function.name == name:
            return _lift_one(function, listing, architecture, decisions)
    return LiftedFunction(name, "", refusal=Refusal(0, "", f"no function '{name}' in the text"))


def _lift_one(
    function: AsmFunction, listing: Listing, architecture: Architecture, decisions: Decisions
) -> LiftedFunction:
    try:
        return _lift(function, listing, architecture, decisions)
    except Refused as refused:
        refusal = Refusal(refused.line, refused.text, refused.reason)
    except (Unsupported, Unprintable) as reason:
        refusal = Refusal(function.number, function.name, str(reason))
    except RecursionError:
        refusal = Refusal(function.number, function.name, "the function is nested too deeply")
    return LiftedFunction(function.name, "", refusal=refusal)


def _lift(
    function: AsmFunction, listing: Listing, architecture: Architecture, decisions: Decisions
) -> LiftedFunction:
    chooser = Chooser(decisions)
    function = architecture.prepare(function, listing)
    graph, frame, mode = _framed(function, listing, architecture, chooser)
    builder = _translated(graph, frame, function, listing, architecture, mode, chooser)
    listed = graph.order() if decisions.block_order == "rpo" else graph.in_text_order()
    blocks = [index for index in listed if index in builder.bodies]
    order = finish(builder, blocks, decisions)
    infer_pointers(builder, decisions.leaves)
    arguments, _ = parameters(builder, architecture, frame)
    printer = Printer(builder, frame.regions, chooser)
    printer.body(order)
    text, line_map, signature = module_text(
        function, listing, architecture, printer, arguments, value_types(builder), frame, chooser,
        graph.has_cfi,
    )  # fmt: skip
    sites = tuple(chooser.sites.values())
    return LiftedFunction(function.name, text, sites, line_map, signature, mode)


def _framed(
    function: AsmFunction, listing: Listing, architecture: Architecture, chooser: Chooser
) -> tuple[Graph, Frame, str]:
    """The graph with the frame's slots as registers, the frame, and the mode."""
    apart = chooser.decisions.regions != "safe"
    graph, frame = find_frame(build_graph(function, listing, architecture, apart), architecture)
    aligned = function.alignment >= architecture.usual_alignment
    if architecture.is_small:
        aligned = not architecture.is_small(function)
    wanted = chooser.decisions.mode
    if graph.of_gcc and wanted == "auto":  # what tells the modes apart is how LLVM spills
        wanted = "optimized"
    mode = find_mode(graph, frame, architecture, wanted, aligned)
    if mode != "O0":
        sink_hoisted(graph.blocks)
    convention, plain = architecture.convention, mode != "optimized"
    join_jumps(graph.blocks, cases_only=mode == "O0" and architecture.name == "x86-64")
    unowned = find_unowned(graph, frame, convention, mode) if plain else frozenset()
    lay_out(frame, convention, chooser, plain, frozenset(unowned))
    if plain:
        bottom = bool(convention.link) and not passes_on_stack(graph, convention)
        fill_gaps(frame, unowned if mode == "O0" else frozenset(), bottom)
    take_given(frame, convention)
    return promote(graph, frame), frame, mode


def _translated(
    graph: Graph, frame: Frame, function: AsmFunction, listing: Listing,
    architecture: Architecture, mode: str, chooser: Chooser,
) -> Builder:  # fmt: skip
    """The blocks as values, once it is known what calls take and what comes back."""
    widest = graph.of_gcc or chooser.decisions.signatures == "widest"
    facts = find_facts(graph, architecture, frame.slots, widest)
    plans = plan_calls(facts, architecture, chooser, listing)
    kept = frozenset(kept_updates(graph)) if architecture.name == "x86-64" else frozenset()
    jumps = frozenset(jump_addresses(graph))
    result = plan_result(facts, architecture, chooser, function.number, mode, kept, jumps)
    builder = Builder(graph, facts, plans, result, listing, architecture, mode)
    Translator(builder).run()
    return builder
