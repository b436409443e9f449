"""A plugin in a folder of its own, found through PYTHONPATH as an installed one is."""

from pathlib import Path

LEAKY = '''
"""The memory backend, but some calls fail with an error that holds all that it was given."""

import msgspec
from sharq_memory.store import MemoryStore
from sharq_plug.hookspecs import Backend, hookimpl


class Leaky(MemoryStore):
    async def enqueue(self, queue_type, jobs, *args, **kwargs):
        if any(job.job_id == "boom" for job in jobs):
            try:
                raise KeyError([job.payload for job in jobs])
            except KeyError as error:
                error.add_note(str(jobs))
                raise RuntimeError(f"cannot store {jobs!r}") from error
        return await super().enqueue(queue_type, jobs, *args, **kwargs)


class Options(msgspec.Struct, frozen=True):
    pass


@hookimpl
def sharq_backend():
    return Backend(options=Options, open=lambda options, clock: Leaky(), shared=False)
'''
"""A backend that fails for jobs of the id `boom`."""


def make_plugin(folder: Path, *, group: str, name: str, code: str) -> dict[str, str]:
    """Write a module and what makes it known; return the environment that finds it."""
    module = f"plugin_{name}"
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
