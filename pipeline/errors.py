"""The one form of message for what people can put right: a config key, a file, a row."""

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigError(ValueError):
    """A config or its data is wrong; the command ends with exit code 2 and this message alone.

    Args:
        key: the config key, file, or `file:row` to blame.
        problem: one sentence.
        found: what stands there.
        allowed: what may stand there; for names, all of them: the nearest to `found` is suggested.
    """

    def __init__(
        self, key: str, problem: str, *, found: object = None, allowed: Iterable[object] | str | None = None
    ) -> None:
        # NumPy would write np.int8(0), which nobody typed.
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

    def __reduce__(self) -> tuple:
        # The message is already whole; workers of a sweep send it between processes.
        return _restore, (self.key, self.problem, self.found, str(self))


def _restore(key: str, problem: str, found: object, message: str) -> ConfigError:
    error = ConfigError(key, problem)
    error.found, error.args = found, (message,)
    return error
