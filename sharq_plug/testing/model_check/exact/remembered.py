"""What a type remembers beside its queues: keys, receipts and attempts."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from sharq_plug.model import Delivery, Finish, LeaseRef
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts


@dataclass(slots=True)
class Remembered:
    """The keys, receipts and attempts of a type with these `queues`."""

    queues: dict[str, QueueFacts]
    _keys: dict[tuple[str, str], tuple[int, Life]] = field(default_factory=dict)
    _receipts: dict[LeaseRef, int] = field(default_factory=dict)
    _attempts: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)

    def queued(self, life: Life, now: int) -> None:
        """Note a job that was queued at `now` (ms)."""
        deduplicate = life.extras.deduplicate
        if deduplicate is not None:
            key = life.new.queue_id, deduplicate.key
            self._keys[key] = (now + deduplicate.keep_for, life)

    def job_of(self, queue_id: str, key: str, now: int) -> str | None:
        """Return the id of the job that is remembered under a key at `now` (ms), if one is."""
        until, life = self._keys.get((queue_id, key), (now, None))
        return None if life is None or until <= now or life.is_cleared else life.new.job_id

    def finished(self, item: Finish, now: int) -> None:
        """Note a lease that a finish ended at `now` (ms); its receipt answers for a while."""
        if item.lease.token is not None:
            self._receipts[item.lease] = now + item.receipt_time

    def has_receipt(self, ref: LeaseRef, now: int) -> bool:
        """Return whether the receipt of a finish still answers at `now` (ms)."""
        return self._receipts.get(ref, -1) >= now

    def attempted(self, attempt_id: str, jobs: tuple[Delivery, ...]) -> None:
        """Note what a new dequeue with this id got."""
        self._attempts[attempt_id] = jobs

    def repeated(self, attempt_id: str | None, now: int) -> tuple[Delivery, ...]:
        """Return what a dequeue with this id must give again; nothing if it is a new one."""
        standing = []
        for job in self._attempts.get(attempt_id or "", ()):
            queue = self.queues[job.queue_id]
            life = queue.lives.get(job.job_id)
            if job.expires_at > now and life is not None and life.token == job.token:
                waiting = queue.waiting(now)
                standing.append(replace(job, queue_length=waiting, expires_at=life.expires_at))
        return tuple(standing)
