"""Histories written by hand of queues with settings; see `stories`."""

from collections.abc import Mapping
from typing import Any, Self

from model.stories import ENDED, RECEIPT_TIME, START, Story

from sharq_plug.model import (
    ChangeOutcome,
    Extras,
    Finish,
    Hold,
    JobRef,
    JobState,
    JobView,
    LeaseRef,
    MinuteCounts,
    PatchQueue,
    PatchType,
    QueueRules,
    QueueView,
    Release,
    SettingsPatch,
    View,
)
from sharq_plug.testing.model_check.operations import Look

CHANGED = ChangeOutcome.CHANGED


class HeldStory(Story):
    """A story of a queue with settings."""

    def patch(self, freeze: int | None = None, queue_id: str = "q", **fields: Any) -> Self:
        how = {name: fields.pop(name) for name in ("lost", "during") if name in fields}
        return self.tell(PatchQueue(queue_id, SettingsPatch(**fields), freeze), CHANGED, **how)

    def gate(self, freeze: int | None = None, **fields: Any) -> Self:
        return self.tell(PatchType(SettingsPatch(**fields), freeze=freeze), CHANGED)

    def defaults(self, **fields: Any) -> Self:
        return self.tell(PatchType(defaults=SettingsPatch(**fields)), CHANGED)

    def jobs(self, *ids: str, cost: Mapping[str, int] | None = None, queue_id: str = "q") -> Self:
        for job_id in ids:
            self.enqueue(job_id, queue_id=queue_id, extras=Extras(cost=cost) if cost else None)
        return self

    def take(self, *ids: str, cost: Mapping[str, int] | None = None, **how: Any) -> Self:
        for job_id in ids:
            self.dequeue(job_id, job_id.upper(), cost=cost, **how)
        return self

    def correct(self, job_id: str, actual: Mapping[str, int], **how: Any) -> Self:
        lease = LeaseRef("q", job_id, job_id.upper())
        return self.tell(Finish(lease, RECEIPT_TIME, actual), ENDED, **how)

    def freeze(self, job_id: str, freeze: int, **how: Any) -> Self:
        lease = LeaseRef("q", job_id, job_id.upper())
        return self.tell(Release(lease, freeze=freeze), **{"outcome": ENDED, **how})

    def find(self, job_id: str, *held: Hold, earliest: int | None) -> Self:
        at = None if earliest is None else START + earliest
        view = JobView(JobState.WAITING, 0, -1, START, held_by=held, earliest_at=at)
        return self.tell(JobRef("q", job_id), view)

    def rules(self, rules: QueueRules, *, waiting: int = 0, leased: int = 0) -> Self:
        view = View(MinuteCounts({}, {}), QueueView("q", waiting, leased), rules=rules)
        return self.tell(Look("q"), view)
