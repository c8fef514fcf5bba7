"""What several actions read and write alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from certgate_controlplane.context import Answer
from certgate_controlplane.parameters import Parameters

_LONGEST_INSTANCE_ID = 256
_LAST_PAGE = 999_999_999
_LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that is asked for.

    Attributes:
        number: from 1.
        size: records on a page, 1 to 100.
    """

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many records come before it."""
        return (self.number - 1) * self.size


def instance_id_of(parameters: Parameters) -> str:
    """Read the instance asked for; whether it exists is another question.

    Args:
        parameters: of the request.
    """
    return parameters.text("MqttInstanceId", _LONGEST_INSTANCE_ID)


def page_of(parameters: Parameters) -> Page:
    """Read the page asked for (ListCaCertificate).

    Args:
        parameters: of the request.
    """
    number = parameters.number("PageNo", _LAST_PAGE)
    return Page(number, parameters.number("PageSize", _LARGEST_PAGE))


def page_answer(page: Page, total: int, key: str, records: Sequence[object]) -> Answer:
    """Answer with a page of a list; past the end it is empty.

    ``Total`` is the number of records, as the page of ListDeviceCertificateByCaSn says. Those of
    ListCaCertificate and ListDeviceCertificate call it the number of pages, and their sample fits
    neither.

    Args:
        page: what was asked for.
        total: records there are in all.
        key: name of the member that holds the records.
        records: those on the page.
    """
    return {"Data": {"Total": total, "PageNo": page.number, "PageSize": page.size, key: [*records]}}
