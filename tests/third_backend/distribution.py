"""The third backend as a distribution that is built and installed for the tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).parent / "sharq-sqlite"


class Distribution:
    """A copy of the distribution's source in `folder`, to be changed and then installed."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.site = folder / "site"
        shutil.copytree(SOURCE, self.source, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def environ(self) -> Mapping[str, str]:
        """What lets a new process find the installed distribution."""
        return {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in one of the source files."""
        file = self.source / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def install(self) -> None:
        """Build and install it without a network, beside what is installed already."""
        options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
        options += ["--no-build-isolation", "--target", str(self.site)]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, self.source],
            env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
            check=True,
        )
