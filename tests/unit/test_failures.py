"""The taxonomy of failures."""

import pytest

from mostek.hub.status import STATUSES
from mostek.link.v1.failure_pb2 import Failure, FailureKind
from mostek.wire.failures import (
    CommandFailure,
    Internal,
    Invalid,
    Offline,
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
