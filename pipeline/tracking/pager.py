"""Reads all pages of an answer, because MLflow returns only some hundred or thousand entries at a time."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

PAGE_SIZE = 1000  # runs per request
Entry = TypeVar("Entry", covariant=True)


class Page(Protocol[Entry]):
    """A part of an answer, as MLflow's PagedList."""

    @property
    def token(self) -> str | None:
        """Names the next page; None or empty on the last one."""

    def __iter__(self) -> Iterator[Entry]: ...


def all_pages(request: Callable[[str | None], Page[Entry]]) -> list[Entry]:
    """The entries of all pages.

    Args:
        request: takes the token of a page, None for the first one; returns the page.

    Example:
        >>> all_pages(lambda token: client.search_registered_models(page_token=token))
    """
    entries: list[Entry] = []
    token = None
    while True:
        page = request(token)
        entries += page
        token = page.token
        if not token:
            return entries
