"""What the server does with a store, free of HTTP and of any backend."""

from sharq_plug.service.queue_service import MAX_WAIT, QueueService, ServiceOptions

__all__ = ["MAX_WAIT", "QueueService", "ServiceOptions"]
