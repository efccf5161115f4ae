"""Changes of a module, one at a time."""

import ast

from benchmarks.mutation import mutants

SOURCE = """
def share(part: int | None, total: float) -> float:
    if part is None or total <= 0:
        raise ValueError("no total")
    print(part)
    return 2 * part / total
"""


def test_every_mutant_differs_in_one_place_and_still_parses():
    found = list(mutants(SOURCE))
    assert len({source for _, _, source in found}) == len(found)
    original = ast.unparse(ast.parse(SOURCE)).splitlines()
    for line, change, source in found:
        assert ast.parse(source)
        changed = [
            i for i, (old, new) in enumerate(zip(original, source.splitlines(), strict=True)) if old != new
        ]
        assert len(changed) == 1, change
        assert line in (changed[0] + 2, changed[0] + 1)


def test_comparisons_operators_constants_conditions_and_calls_are_changed_but_no_annotation():
    changes = [change for _, change, _ in mutants(SOURCE)]
    for old, new in (("total <= 0", "total < 0"), ("part / total", "*"), ("2", "3"), (" or ", " and ")):
        assert any(
            old in change.partition("->")[0] and new in change.partition("->")[2] for change in changes
        )
    assert any("print(part)" in change for change in changes)
    assert not any("int | None" in change for change in changes)
