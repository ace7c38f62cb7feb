"""One result of a measurement."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Figure"]


@dataclass(frozen=True)
class Figure:
    """A ratio within one run, its target, and what it was made of."""

    name: str
    ratio: float
    target: float
    #: `lower` or `higher`.
    better: str
    detail: dict[str, float]

    @property
    def reached(self) -> bool:
        """Whether the target is met."""
        return self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target
