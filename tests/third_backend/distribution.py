"""The third backend as a distribution; the tests build and install it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).parent / "sharq-sqlite"


class Distribution:
    """A copy of the distribution's source in `folder`. A test may change it, then install it."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.site = folder / "site"
        shutil.copytree(SOURCE, self.source, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment in which a process finds the installed distribution."""
        return {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in one of the source files."""
        file = self.source / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def install(self) -> None:
        """Build and install it without a network, into its own folder."""
        options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
        options += ["--no-build-isolation", "--target", str(self.site)]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, self.source],
            env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
            check=True,
        )
