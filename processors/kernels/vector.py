"""Eight events side by side as one value: their sums stay in registers, which a loop over arrays cannot do.

Adding cell after cell to an array costs a load and a store an event and cell; the compiler is not allowed to
keep the sums elsewhere. The functions here mean what their bodies say, on arrays of `WIDTH` numbers; compiled
they are single instructions, or two or four where registers are shorter.
"""

# ruff: noqa: ARG001, PLW0108 (numba matches arguments by name, and takes functions only)

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

Vector = NDArray[np.float64]

WIDTH = 8
"""Numbers of a vector."""


def vector_of(number: float) -> Vector:
    """Number, as often as a vector has."""
    return np.full(WIDTH, number)


def vector_at(array: NDArray[np.float64], place: int) -> Vector:
    """What an array has from a place on."""
    return array[place : place + WIDTH].copy()


def put_vector(vector: Vector, array: NDArray[np.float64], place: int) -> None:
    """Write a vector to an array, from a place on."""
    array[place : place + WIDTH] = vector


def where_larger(one: Vector, other: Vector, then: Vector, otherwise: Vector) -> Vector:
    """Choose, number by number, ``then`` where ``one`` is larger than the other; nan never is."""
    return np.where(one > other, then, otherwise)


class _VectorType(types.Type):  # type: ignore[misc]
    """The type of a vector in compiled code."""


_TYPE = _VectorType("Vector")
_REGISTER = ir.VectorType(ir.DoubleType(), WIDTH)


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
        if one is _TYPE and other is _TYPE:
            return lambda one, other: compute(one, other)
        return None


_compile_operator(operator.add, "fadd")
_compile_operator(operator.mul, "fmul")
