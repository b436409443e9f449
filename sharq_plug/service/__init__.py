"""The service: what the server does with a store. It knows neither HTTP nor any backend."""

from sharq_plug.service.letters import LetterVerb, Moved
from sharq_plug.service.looking import MAX_PAGE, payload_bytes
from sharq_plug.service.observing import ObservedStore
from sharq_plug.service.queue_service import MAX_WAIT, QueueService, ServiceOptions
from sharq_plug.service.visible import visible_by_name, visible_in_order

__all__ = [
    "MAX_PAGE",
    "MAX_WAIT",
    "LetterVerb",
    "Moved",
    "ObservedStore",
    "QueueService",
    "ServiceOptions",
    "payload_bytes",
    "visible_by_name",
    "visible_in_order",
]
