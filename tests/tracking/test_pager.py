"""All pages of an answer."""

from pipeline.tracking.pager import all_pages


class Page(list):
    token: str | None = None


def page(entries, token):
    found = Page(entries)
    found.token = token
    return found


def test_every_page_is_read_in_order():
    pages = {None: page([1, 2], "b"), "b": page([], "c"), "c": page([3], None)}
    assert all_pages(pages.__getitem__) == [1, 2, 3]


def test_an_empty_token_ends_the_answer_too():
    assert all_pages({None: page([], "")}.__getitem__) == []
