"""Eight events side by side as one value: their sums stay in registers, which a loop over arrays cannot do.

Adding cell after cell to an array costs a load and a store an event and cell; the compiler is not allowed to
keep the sums elsewhere. The functions here mean what their bodies say, on arrays of `WIDTH` numbers; compiled
they are single instructions, or two or four where registers are shorter.
"""

# ruff: noqa: ARG001, PLR0917, PLW0108 (numba matches arguments by name, and takes functions only)

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

Vector = NDArray[np.float64]

WIDTH = 8
"""Numbers of a vector."""

KINDS: tuple[np.dtype[Any], ...] = (np.dtype("<f8"), np.dtype(">f8"), np.dtype("<f4"), np.dtype(">f4"))
"""Types of numbers in files: `numbers_at` makes them what this machine computes with."""

N_DOUBLE = 2
"""How many of these, the first, have eight bytes."""


def vector_of(number: float) -> Vector:
    """Number, as often as a vector has."""
    return np.full(WIDTH, number)


def vector_at(array: NDArray[np.float64], place: int) -> Vector:
    """What an array has from a place on."""
    return array[place : place + WIDTH].copy()


def put_vector(vector: Vector, array: NDArray[np.float64], place: int) -> None:
    """Write a vector to an array, from a place on."""
    array[place : place + WIDTH] = vector


def magnitude(vector: Vector) -> Vector:
    """Numbers without their signs."""
    return np.abs(vector)


def numbers_at(stored: NDArray[np.uint8], place: int, kind: int) -> Vector:
    """Eight numbers as a file has them, from a byte on; ``kind`` is the place of their type in `KINDS`."""
    size = WIDTH * (8 if kind < N_DOUBLE else 4)
    return stored[place : place + size].view(KINDS[kind]).astype(np.float64)


def put_columns(
    rows: NDArray[np.float64], place: int, step: int, columns: NDArray[np.float64], start: int, distance: int
) -> None:
    """Write eight numbers of eight rows column by column, so that eight rows of a column lie side by side.

    Parameters
    ----------
    rows : float64
    place, step : int
        The first number, and how far it is from a row to the next.
    columns : float64, output
    start, distance : int
        The first number, and how far it is from a column to the next.
    """
    for row in range(WIDTH):
        for column in range(WIDTH):
            columns[start + column * distance + row] = rows[place + row * step + column]


def where_larger(one: Vector, other: Vector, then: Vector, otherwise: Vector) -> Vector:
    """Choose, number by number, ``then`` where ``one`` is larger than the other; nan never is."""
    return np.where(one > other, then, otherwise)


class _VectorType(types.Type):  # type: ignore[misc]
    """The type of a vector in compiled code."""


_TYPE = _VectorType("Vector")
_REGISTER = ir.VectorType(ir.DoubleType(), WIDTH)
_DOUBLE = 8  # bytes


@register_model(_VectorType)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _REGISTER)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), _REGISTER.as_pointer())


@intrinsic
def _load(_: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, arguments), align=8)

    return _TYPE(array, types.intp), generate


@intrinsic
def _store(_: Any, array: Any, place: Any, vector: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def _repeat(_: Any, number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        nothing, first = ir.Constant(_REGISTER, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        one = builder.insert_element(nothing, arguments[0], first)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(one, nothing, everywhere)

    return _TYPE(types.float64), generate


@intrinsic
def _choose(_: Any, one: Any, other: Any, then: Any, otherwise: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        larger = builder.fcmp_ordered(">", arguments[0], arguments[1])
        return builder.select(larger, arguments[2], arguments[3])

    return _TYPE(_TYPE, _TYPE, _TYPE, _TYPE), generate


@intrinsic
def _fabs(_: Any, vector: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _call(builder, f"llvm.fabs.v{WIDTH}f64", *arguments)

    return _TYPE(_TYPE), generate


def _call(builder: Any, name: str, vector: Any) -> Any:
    """Call what LLVM has for a vector of a type, to one of that type."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector.type, [vector.type]), name
    )
    return builder.call(function, [vector])


def _compile_numbers_at(dtype: np.dtype[Any]) -> Any:
    bits = ir.VectorType(ir.IntType(8 * dtype.itemsize), WIDTH)
    numbers = _REGISTER if dtype.itemsize == _DOUBLE else ir.VectorType(ir.FloatType(), WIDTH)

    @intrinsic
    def read(_: Any, stored: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            first = builder.bitcast(builder.gep(data, [arguments[1]]), bits.as_pointer())
            value = builder.load(first, align=1)
            if not dtype.isnative:
                value = _call(builder, f"llvm.bswap.v{WIDTH}i{8 * dtype.itemsize}", value)
            value = builder.bitcast(value, numbers)
            return value if numbers == _REGISTER else builder.fpext(value, _REGISTER)

        return _TYPE(stored, types.intp), generate

    return read


_little, _big, _little_single, _big_single = (_compile_numbers_at(dtype) for dtype in KINDS)


@overload(numbers_at, strict=False, jit_options={"forceinline": True})
def _numbers_at(stored: Any, place: Any, kind: Any) -> Any:
    def read(stored: Any, place: Any, kind: Any) -> Any:
        stored[place + WIDTH * (8 if kind < N_DOUBLE else 4) - 1]  # as above
        if kind == 0:
            return _little(stored, place)
        if kind == 1:
            return _big(stored, place)
        if kind == N_DOUBLE:
            return _little_single(stored, place)
        return _big_single(stored, place)

    return read


@intrinsic
def _transpose(_: Any, rows: Any, place: Any, step: Any, columns: Any, start: Any, distance: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (
            context.make_array(signature.args[n])(context, builder, arguments[n]).data for n in (0, 3)
        )
        for number, column in enumerate(_read_columns(builder, source, *arguments[1:3])):
            first = builder.add(arguments[4], builder.mul(arguments[5], arguments[5].type(number)))
            into = builder.bitcast(builder.gep(target, [first]), _REGISTER.as_pointer())
            builder.store(column, into, align=8)
        return context.get_dummy_value()

    where = (types.intp, types.intp)
    return types.void(rows, *where, columns, *where), generate


def _read_columns(builder: Any, data: Any, place: Any, step: Any) -> Iterator[Any]:
    """Columns of eight numbers of eight rows, two at a time.

    Pairs of neighbours are loaded to where they belong, even rows in one register and odd ones in another;
    what is left to do in registers is to put each second number of one between those of the other.
    """
    pair = ir.VectorType(ir.DoubleType(), 2)
    for column in range(0, WIDTH, 2):
        rows = []
        for row in range(WIDTH):
            offset = builder.add(builder.mul(step, step.type(row)), place.type(column))
            first = builder.gep(data, [builder.add(place, offset)])
            rows.append(builder.load(builder.bitcast(first, pair.as_pointer()), align=8))
        even, odd = (_join(builder, rows[parity::2]) for parity in (0, 1))
        for side in (0, 1):
            order = [n + side if n % 2 == 0 else n - 1 + side + WIDTH for n in range(WIDTH)]
            yield builder.shuffle_vector(even, odd, _integers(order))


def _join(builder: Any, parts: list[Any]) -> Any:
    """Vectors one after the other as one."""
    while len(parts) > 1:
        together = _integers(range(2 * parts[0].type.count))
        parts = [
            builder.shuffle_vector(*pair, together) for pair in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def _integers(numbers: Iterable[int]) -> Any:
    listed = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(listed)), listed)


@overload(put_columns, strict=False)
def _put_columns(rows: Any, place: Any, step: Any, columns: Any, start: Any, distance: Any) -> Any:
    def put(rows: Any, place: Any, step: Any, columns: Any, start: Any, distance: Any) -> None:
        rows[place + (WIDTH - 1) * (step + 1)]  # as above
        columns[start + (WIDTH - 1) * (distance + 1)]
        _transpose(rows, place, step, columns, start, distance)

    return put


@overload(magnitude, strict=False)
def _magnitude(vector: Any) -> Any:
    return lambda vector: _fabs(vector)


@overload(vector_of, strict=False)
def _vector_of(number: Any) -> Any:
    return lambda number: _repeat(np.float64(number))


@overload(vector_at, strict=False)
def _vector_at(array: Any, place: Any) -> Any:
    def load(array: Any, place: Any) -> Any:
        array[place + WIDTH - 1]  # nothing, unless numba checks bounds
        return _load(array, place)

    return load


@overload(put_vector, strict=False)
def _put_vector(vector: Any, array: Any, place: Any) -> Any:
    def store(vector: Any, array: Any, place: Any) -> None:
        array[place + WIDTH - 1]  # as above
        _store(array, place, vector)

    return store


@overload(where_larger, strict=False)
def _where_larger(one: Any, other: Any, then: Any, otherwise: Any) -> Any:
    return lambda one, other, then, otherwise: _choose(one, other, then, otherwise)


def _compile_operator(act: Callable[[Any, Any], Any], instruction: str) -> None:
    @intrinsic
    def compute(_: Any, one: Any, other: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return _TYPE(_TYPE, _TYPE), generate

    @overload(act, strict=False)
    def _of_vectors(one: Any, other: Any) -> Any:
        def of_both(one: Any, other: Any) -> Any:
            return compute(one, other)

        # Code that processes keep for each other knows functions by their names: no two may share one.
        of_both.__qualname__ = f"{instruction}_of_vectors"
        return of_both if one is _TYPE and other is _TYPE else None


_compile_operator(operator.add, "fadd")
_compile_operator(operator.sub, "fsub")
_compile_operator(operator.mul, "fmul")
