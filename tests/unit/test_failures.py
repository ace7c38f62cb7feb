"""The taxonomy of failures."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.hub.status import STATUSES
from mostek.link.v1.failure_pb2 import Failure, FailureKind
from mostek.wire.failures import (
    CommandFailure,
    Internal,
    Invalid,
    Offline,
    Rejected,
    Violation,
    failure_of,
    raised,
)


def test_every_kind_of_the_contract_has_its_class_and_its_statuses() -> None:
    kinds = {cls.kind for cls in CommandFailure.__subclasses__()}
    assert kinds | {FailureKind.FAILURE_KIND_UNSPECIFIED} == set(FailureKind.values())
    assert set(STATUSES) == kinds


@pytest.mark.parametrize("cls", CommandFailure.__subclasses__())
def test_a_failure_is_raised_again_as_it_was(cls: type[CommandFailure]) -> None:
    failure = cls(
        "No.",
        violations=[Violation("a.b", "is wrong")],
        retriable=True,
        retry_after=1.5,
        erp_text="Msg 208",
        command_id="7",
    )
    again = raised(failure_of(failure))
    assert type(again) is cls
    assert vars(again) == vars(failure)


def test_a_kind_that_is_not_known_is_internal() -> None:
    assert type(raised(Failure(message="new"))) is Internal


def test_retriable_is_by_nature_unless_said() -> None:
    assert Offline("gone").retriable
    assert not Invalid("wrong").retriable
    assert not Offline("gone", retriable=False).retriable


def test_a_failure_of_fields_names_them_in_its_message() -> None:
    assert Invalid.of("order.lines[2].quantity", "must be greater than 0").message == (
        "order.lines[2].quantity: must be greater than 0"
    )


def test_of_many_faults_as_many_are_told_as_every_caller_can_be_told() -> None:
    looked_at = 0

    def faults() -> Iterator[Violation]:
        nonlocal looked_at
        for number in range(100_000):
            looked_at += 1
            yield Violation(f"order.lines[{number}].quantity", "must be a decimal number")

    failure = Invalid.of_all(faults())

    assert failure.message.startswith("order.lines[0].quantity: must be a decimal number; ")
    assert failure.message.endswith("; and there is more")
    assert 20 < len(failure.violations) == looked_at - 1 < 100
    told = raised(failure_of(failure))
    assert (told.message, told.violations) == (failure.message, failure.violations)


@given(st.text(), st.integers(0, 3), st.sampled_from([1, 1000, 100_000]))
def test_whatever_a_failure_is_made_of_fits_the_status_of_a_call(
    text: str, count: int, times: int
) -> None:
    failure = Rejected(
        text * times,
        violations=[Violation(text * times, text * times)] * count * times,
        erp_text=text * times,
    )

    size = len(failure.message) + len(failure.erp_text)
    size += sum(len(v.field) + len(v.description) for v in failure.violations)
    assert size <= 4200
    if times == 1 and len(text) < 100:
        assert (failure.message, failure.erp_text) == (text, text)
        assert failure.violations == (Violation(text, text),) * count


def test_faults_that_are_not_there_are_none() -> None:
    Invalid.raise_any([])
    with pytest.raises(Invalid, match="a: is wrong"):
        Invalid.raise_any([Violation("a", "is wrong")])
