"""A connection that requests go over, made anew whenever the server has closed it."""

from hostile.grammar import Sent
from support.http_client import Answer, Wire


class Line:
    """Send requests over one connection for as long as the server keeps it open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._wire = Wire(port)

    def exchange(self, sent: Sent) -> Answer:
        """Send a request once more if the server had hung up before, as it may."""
        for _ in range(2):
            self._wire.send(sent.data)
            answer = self._wire.answer(method=sent.method)
            if answer is None or answer.headers["connection"] == "close":
                self.close()
                self._wire = Wire(self._port)
            if answer is not None:
                return answer
        raise AssertionError(f"no answer to {sent.data!r}")

    def close(self) -> None:
        self._wire.socket.close()
