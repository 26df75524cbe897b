"""Genetic search over nested pipelines.

Starts from clang's own pipeline and the best known lists; children are made by mutating the tree
(insert, delete, move, change a parameter, wrap) or by crossing two parents. Selection by object
bytes, ties broken by the shorter list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable, Iterable

from ozma.passes import Pipeline
from ozma.search.records import Record

Mutation = Callable[[random.Random, Pipeline], Pipeline]
Crossover = Callable[[random.Random, Pipeline, Pipeline], Pipeline]


@dataclass(frozen=True)
class GeneticConfig:
    """`population` survivors; `crossover_rate` share of children with two parents; a child gets
    1 + geometric(`extra_mutations`) mutations."""

    population: int = 24
    crossover_rate: float = 0.3
    extra_mutations: float = 0.4
    tournament: int = 3
    retries: int = 20

    def __post_init__(self) -> None:
        if self.population < 2:
            raise ValueError(f"population is {self.population}: it must be at least 2")
        if not 0 <= self.extra_mutations < 1:
            raise ValueError(f"extra_mutations is {self.extra_mutations}: it must be in [0, 1)")


@dataclass(frozen=True)
class Individual:
    """A measured list. Sorted by bytes, then loadable bytes, then length of the text."""

    fitness: tuple[int, int, int]
    pipeline: Pipeline
    ir_hash: str


class Genetic:
    """Steady-state genetic search: one child at a time, the worst survivor makes room."""

    name = "genetic"

    def __init__(
        self,
        seed: int,
        first: Iterable[Pipeline],
        mutate: Mutation,
        crossover: Crossover,
        config: GeneticConfig = GeneticConfig(),
    ) -> None:
        self._rng = random.Random(seed)
        self._first = list(reversed(list(first)))
        self._roots = tuple(self._first)
        self._mutate, self._crossover, self._config = mutate, crossover, config
        self._population: list[Individual] = []
        self._proposed: set[str] = set()

    def propose(self) -> Pipeline:
        """A list not proposed before, unless the neighbourhood is exhausted."""
        child = self._first.pop() if self._first else self._child()
        for _ in range(self._config.retries):
            if str(child) not in self._proposed:
                break
            child = self._first.pop() if self._first else self._child()
        self._proposed.add(str(child))
        return child

    def observe(self, pipeline: Pipeline, record: Record) -> None:
        """Keeps the list if it is among the best; equal optimized IR counts once."""
        if record.rank is None:
            return
        fitness = (*record.rank, len(str(pipeline)))
        individual = Individual(fitness, pipeline, record.ir_hash)
        twins = [other for other in self._population if other.ir_hash == record.ir_hash]
        if twins:
            if fitness >= twins[0].fitness:
                return
            self._population.remove(twins[0])
        self._population.append(individual)
        self._population.sort(key=lambda one: one.fitness)
        del self._population[self._config.population :]

    def _child(self) -> Pipeline:
        rng = self._rng
        if len(self._population) > 1 and rng.random() < self._config.crossover_rate:
            child = self._crossover(rng, self._select(), self._select())
        else:
            child = self._mutate(rng, self._select())
        while rng.random() < self._config.extra_mutations:
            child = self._mutate(rng, child)
        return child

    def _select(self) -> Pipeline:
        if not self._population:
            return self._rng.choice(self._roots)
        picks = self._rng.choices(self._population, k=self._config.tournament)
        return min(picks, key=lambda one: one.fitness).pipeline
