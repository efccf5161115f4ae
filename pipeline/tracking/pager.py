"""Read all pages of an answer: MLflow returns at most some hundred or thousand entries at a time."""

from collections.abc import Callable
from typing import Any

PAGE_SIZE = 1000  # runs per request


def all_pages(request: Callable[[str | None], Any]) -> list[Any]:
    """The entries of every page.

    Args:
        request: page token (None for the first page) -> a page of entries with the `token` of the next one.

    Example:
        >>> all_pages(lambda token: client.search_registered_models(page_token=token))
    """
    entries: list[Any] = []
    token = None
    while True:
        page = request(token)
        entries += page
        token = page.token
        if not token:
            return entries
