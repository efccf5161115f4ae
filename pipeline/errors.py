"""The error for mistakes that users can correct: in a config, a file or a row."""

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigError(ValueError):
    """A config or its data is wrong. The command prints only this message and ends with exit code 2.

    Args:
        key: the config key, file or `file:row` with the mistake.
        problem: what is wrong, in one sentence.
        found: the wrong value.
        allowed: a description of the allowed values, or all allowed names, of which the message suggests the
            one nearest to `found`.
    """

    def __init__(
        self, key: str, problem: str, *, found: object = None, allowed: Iterable[object] | str | None = None
    ) -> None:
        # Otherwise NumPy numbers would be shown as np.int8(0).
        if hasattr(found, "ndim") and hasattr(found, "item") and found.ndim == 0:
            found = found.item()
        self.key, self.problem, self.found = key, problem, found
        lines = [f"{key}: {problem}"]
        if found is not None:
            lines.append(f"  found:   {found}")
        if isinstance(allowed, str):
            lines.append(f"  allowed: {allowed}")
        elif allowed is not None:
            names = [str(name) for name in allowed]
            lines.append(f"  allowed: {', '.join(names) or '(nothing)'}")
            lines += [f"  nearest: {name}" for name in get_close_matches(str(found), names, n=1, cutoff=0.4)]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        # Workers of a sweep send errors to the main process; `allowed` is already part of the message.
        return _restore, (self.key, self.problem, self.found, str(self))


def _restore(key: str, problem: str, found: object, message: str) -> ConfigError:
    error = ConfigError(key, problem)
    error.found, error.args = found, (message,)
    return error
