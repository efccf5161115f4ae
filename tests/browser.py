"""Opens pages in Chromium, if there is one: what its scripts make of a page, and what they complain of."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.pictures import BROWSERS

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
)
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason="needs Chromium or Chrome in the PATH"
)


@dataclass(frozen=True)
class Opened:
    """A page after its scripts ran, and the console's messages."""

    html: str
    console: list[str]

    def said(self) -> str:
        """What a test's own script left in the attribute `data-said` of the page's body."""
        (text,) = re.findall(r'<body[^>]* data-said="([^"]*)"', self.html)
        return text


def opened(page: Path, script: str = "", width: int = 800, dark: bool = False) -> Opened:
    """Opens a page in a window of this width.

    Args:
        script: runs after the page's own; `say(text)` is what `Opened.said` returns.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    assert browser is not None
    say = "const say = (text) => (document.body.dataset.said = String(text));"
    copy = page.with_name(f"opened_{page.name}")
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", f"<script>{{{say}{script}}}</script></body>"), encoding="utf-8")
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    command = [browser, *FLAGS, *theme, f"--window-size={width},1500", "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    copy.unlink()
    return Opened(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])
