"""The bounds of bodies, as they are configured."""

import httpx
import pytest

from support.server import ServerProcess


@pytest.mark.parametrize(
    ("path", "limit"), [("/enqueue/sms/q/", 100), ("/enqueue/sms/", 200), ("/finish/sms/", 200)]
)
def test_a_server_refuses_what_is_larger_than_its_options_say(path: str, limit: int) -> None:
    environ = {"SHARQ_SERVER_MAX_BODY_SIZE": "100", "SHARQ_SERVER_MAX_BATCH_BODY_SIZE": "200"}
    with ServerProcess(environ=environ) as server:
        for size, refused in ((limit, False), (limit + 1, True)):
            answer = httpx.post(server.url + path, content=b" " * size)
            assert (answer.status_code == 413) is refused
