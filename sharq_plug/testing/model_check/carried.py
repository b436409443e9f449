"""What an enqueue settles for the deliveries of its job: what they carry, and from when on."""

from sharq_plug.model import Delivery, Extras, NewJob

CARRIED = [name for name in NewJob.__struct_fields__ if name in Delivery.__struct_fields__]
"""A field of both has in each delivery the value that it had in the enqueue."""
CARRIED_EXTRAS = [name for name in Extras.__struct_fields__ if name in Delivery.__struct_fields__]
"""So has a field of the extras; without extras, their default."""
PLAIN = Extras()


def is_carried(new: NewJob, job: Delivery) -> bool:
    """Return whether a delivery carries what its enqueue brought."""
    extras = new.extras or PLAIN
    return all(getattr(job, name) == getattr(new, name) for name in CARRIED) and all(
        getattr(job, name) == getattr(extras, name) for name in CARRIED_EXTRAS
    )


def begins_at(extras: Extras, now: int) -> int:
    """Return from when (ms) a job may go that is enqueued at `now`; its ttl counts from then."""
    return max(now, now + (extras.delay or 0) if extras.at is None else extras.at)
