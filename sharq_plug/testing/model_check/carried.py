"""What a delivery carries over from its enqueue."""

from sharq_plug.model import Delivery, NewJob

CARRIED = [name for name in NewJob.__struct_fields__ if name in Delivery.__struct_fields__]
"""A field of both has in each delivery the value that it had in the enqueue."""


def is_carried(new: NewJob, job: Delivery) -> bool:
    """Return whether a delivery carries what its enqueue brought."""
    return all(getattr(job, name) == getattr(new, name) for name in CARRIED)
