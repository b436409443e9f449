"""The service: what the server does with a store. It knows neither HTTP nor any backend."""

from sharq_plug.service.letters import LetterVerb, Moved
from sharq_plug.service.looking import payload_bytes
from sharq_plug.service.queue_service import MAX_WAIT, QueueService, ServiceOptions

__all__ = ["MAX_WAIT", "LetterVerb", "Moved", "QueueService", "ServiceOptions", "payload_bytes"]
