"""The meaning of a column as a comment."""

from pipeline.data.guess.meaning import Meaning


def test_the_comment_gives_the_reason_and_what_else_it_might_be() -> None:
    assert Meaning("number", "whole numbers").comment == "whole numbers"
    assert Meaning("number", "whole numbers", "codes?").comment == "whole numbers; codes?"
