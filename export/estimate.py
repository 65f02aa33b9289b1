"""How long an inference may take on the phones this is made for, from the file alone: an estimate, never a measurement.

A roofline: no faster than its multiply-adds at the processor's rate, nor than its bytes at the memory's. What share of
either a real runtime reaches is assumed, hence a range. Sources and assumptions: docs/bench.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.cost import Cost

__all__ = ["SNAPDRAGON_801", "Processor", "estimate"]


@dataclass(frozen=True)
class Processor:
    """One core of a phone.

    Attributes:
        name: for people.
        hertz: its clock.
        float_per_cycle: multiply-adds of float32 numbers a cycle, at best.
        int8_per_cycle: the same of 8-bit integers.
        bytes_per_second: of its memory, at best.
        reached: least and greatest share of these that is assumed to be reached.
    """

    name: str
    hertz: float
    float_per_cycle: float
    int8_per_cycle: float
    bytes_per_second: float
    reached: tuple[float, float]


SNAPDRAGON_801 = Processor(
    name="Snapdragon 801, one core",
    hertz=2.45e9,
    # One 128-bit NEON instruction a cycle: VMLA.F32 is 4; VMULL.S8, VMLAL.S8 and VPADAL.S16 together are 16 in 3.
    float_per_cycle=4,
    int8_per_cycle=16 / 3,
    bytes_per_second=2 * 4 * 2 * 933e6,
    reached=(0.15, 0.5),
)


def estimate(cost: Cost, processor: Processor = SNAPDRAGON_801) -> tuple[float, float]:
    """Milliseconds of one inference on one core, at best and at worst, as far as the assumptions hold."""
    in_float = cost.multiply_adds - cost.int8_multiply_adds
    cycles = in_float / processor.float_per_cycle + cost.int8_multiply_adds / processor.int8_per_cycle
    seconds = max(cycles / processor.hertz, cost.bytes_moved / processor.bytes_per_second)
    least, greatest = processor.reached
    return 1000 * seconds / greatest, 1000 * seconds / least
