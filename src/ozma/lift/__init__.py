"""Assembly to LLVM-IR, and what is needed to say how right an answer is.

Rooms in the order of their imports, the ground floor first: a room imports only what stands above
it in this list (tests/test_architecture.py).

    decisions   every choice that assembly does not settle, by name
    asm         assembly as text: lines, templates; objects made into assembly and back
    reading     text -> functions, data, tables; effects: the words for what an instruction does
    flow        basic blocks, and facts about registers in them
    stack       the frame: which slots are values, which memory has an address
    calls       which registers are arguments and results
    ssa         blocks of effects -> values
    printing    values -> LLVM's text
    x86         the tables of x86-64
    aarch64     the tables of AArch64
    machines    an architecture by its name
    lifter      the steps above, one after the other: `lift`, `lift_function`
    editing     IR text, and single changes to it
    judging     compiled back: equal, how far from it, forbidden
    emulator    one function run on one input
    behaviour   do two texts of a function do the same?
    program     a whole text taken apart into functions and put together again
    searching   which settings and which edits to try first
    answers     one function's answer, its verdict and report; many at once
"""
