"""TLS: which certificates are taken, and that a server with one serves as others do."""

import datetime
import os
import socket
import ssl
import subprocess
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGHUP

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support.certificates import Authority, Pair, past
from support.http_client import Wire, request
from support.metrics import waiting_workers
from support.server import ServerProcess, assert_refused, run_command
from support.waiting import until


def serial(wire: Wire) -> str:
    """Return the number of the certificate that a server has shown."""
    assert isinstance(wire.socket, ssl.SSLSocket)
    shown = wire.socket.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])


def shown_now(server: ServerProcess, authority: Authority) -> str:
    with Wire(server.port, tls=authority.context()) as wire:
        return serial(wire)


def ask(wire: Wire) -> int:
    wire.send(request("GET", "/dequeue/sms/"))
    answer = wire.answer()
    assert answer is not None
    return answer.status


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_trusts_the_certificate_is_served(
    version: ssl.TLSVersion, authority: Authority, pair: Pair
) -> None:
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    large = "x" * 900_000
    with ServerProcess(environ=pair.environ) as server:
        assert server.url.startswith("https://")
        with httpx.Client(base_url=server.url, verify=context) as client:
            job = {"job_id": "j", "interval": 0, "payload": large}
            assert client.post("/enqueue/sms/q/", json=job).status_code == 201
            got = client.get("/dequeue/sms/?wait=1000").json()
            assert got["payload"] == large
            finish = client.post("/finish/sms/q/j/", json={"lease": got["lease"]})
            assert finish.status_code == 200
            assert client.get("/nowhere/").status_code == 404
        assert f"certificate: {pair.cert}, valid until 3" in server.log()
        assert server.stop() == 0
        assert "Traceback" not in server.log()
        assert "the certificate" not in server.log()


def test_curl_is_served_and_refuses_a_certificate_that_it_does_not_know(
    pair: Pair, authority: Authority, tmp_path: Path
) -> None:
    authority.write_to(tmp_path / "ca.pem")
    with ServerProcess(environ=pair.environ) as server:
        known = ["curl", "-sS", "--cacert", str(tmp_path / "ca.pem"), f"{server.url}/"]
        done = subprocess.run(known, capture_output=True, text=True, check=True)
        assert done.stdout == '{"message":"Hello, SharQ!"}'
        unknown = ["curl", "-sS", f"{server.url}/"]
        assert subprocess.run(unknown, capture_output=True, check=False).returncode == 60
        assert httpx.get(f"{server.url}/", verify=authority.context()).status_code == 200
        assert server.stop() == 0
        assert "Traceback" not in server.log()


def test_older_versions_are_refused(authority: Authority, pair: Pair) -> None:
    context = authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with ServerProcess(environ=pair.environ) as server:
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            Wire(server.port, tls=context)
        assert shown_now(server, authority)


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\0" * 9]
)
def test_what_is_no_tls_ends_its_connection_and_nothing_else(
    sent: bytes, authority: Authority, pair: Pair
) -> None:
    with ServerProcess(environ=pair.environ) as server, Wire(server.port) as wire:
        wire.send(sent)
        wire.shut()
        wire.socket.settimeout(5)
        while wire.socket.recv(1000):
            pass
        assert shown_now(server, authority)
        assert server.stop() == 0
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_new_certificate_is_shown_after_sighup_and_connections_live_on(
    workers: str, authority: Authority, pair: Pair, on_redis: dict[str, str]
) -> None:
    environ = on_redis | pair.environ | {"SHARQ_SERVER_WORKERS": workers}
    with ServerProcess(environ=environ) as server:
        old = shown_now(server, authority)
        wires = [Wire(server.port, tls=authority.context()) for _ in range(8)]
        assert {ask(wire) for wire in wires} == {404}
        with ThreadPoolExecutor() as pool:
            wait = request("GET", "/dequeue/sms/?wait=20000")
            wires[0].send(wait)
            waiting = pool.submit(wires[0].answer)
            pair.replace(authority.issue("next"))
            server.send(SIGHUP)
            until(lambda: server.log().count("read the certificate anew") == int(workers))
            assert old not in {shown_now(server, authority) for _ in range(8)}
            assert {ask(wire) for wire in wires[1:]} == {404}
            with Wire(server.port, tls=authority.context()) as wire:
                wire.send(
                    request(
                        "POST", "/enqueue/sms/q/", b'{"job_id": "j", "interval": 0, "payload": 1}'
                    )
                )
                assert wire.answer() is not None
            answer = waiting.result()
        assert answer is not None
        assert answer.status == 200
        assert {serial(wire) for wire in wires} == {old}
        for wire in wires:
            wire.socket.close()
        assert server.stop() == 0
        assert "Traceback" not in server.log()


def test_a_certificate_that_cannot_be_read_anew_stays(authority: Authority, pair: Pair) -> None:
    with ServerProcess(environ=pair.environ) as server:
        old = shown_now(server, authority)
        pair.cert.write_bytes(authority.issue("next").cert.read_bytes())
        server.send(SIGHUP)
        until(lambda: "the certificate stays as it was" in server.log())
        assert "is not the key of the certificate" in server.log()
        assert shown_now(server, authority) == old
        pair.key.unlink()
        server.send(SIGHUP)
        until(lambda: "cannot be read: No such file" in server.log())
        assert shown_now(server, authority) == old
        assert server.stop() == 0


def test_a_socket_in_the_file_system_speaks_tls_too(
    authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    path = tmp_path / "sharq.sock"
    with ServerProcess("--host", f"unix:{path}", environ=pair.environ) as server:
        transport = httpx.HTTPTransport(uds=str(path), verify=authority.context())
        with httpx.Client(transport=transport, base_url="https://localhost") as client:
            assert client.get("/").status_code == 200
        assert server.stop() == 0
        assert "Traceback" not in server.log()


def test_check_says_which_certificate_there_is(pair: Pair) -> None:
    done = run_command("--check", environ=pair.environ)
    assert done.returncode == 0
    assert f"\ncertificate: {pair.cert}, valid until 3" in done.stdout
    assert "certificate" not in done.stderr


def missing_cert(pair: Pair) -> None:
    pair.cert.unlink()


def missing_key(pair: Pair) -> None:
    pair.key.unlink()


def folder_as_key(pair: Pair) -> None:
    pair.key.unlink()
    pair.key.mkdir()


def key_of_another(pair: Pair) -> None:
    Authority(pair.key.parent).issue("mine2")
    pair.key.write_bytes((pair.key.parent / "mine2.key").read_bytes())


def key_of_another_kind(pair: Pair) -> None:
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    pair.key.write_bytes(key)


def encrypted_key(pair: Pair) -> None:
    key = load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


def swapped(pair: Pair) -> None:
    cert, key = pair.cert.read_bytes(), pair.key.read_bytes()
    pair.cert.write_bytes(key)
    pair.key.write_bytes(cert)


def broken_cert(pair: Pair) -> None:
    lines = pair.cert.read_text().splitlines()
    pair.cert.write_text("\n".join([lines[0], "s3cr3t", *lines[2:]]))


def broken_key(pair: Pair) -> None:
    lines = pair.key.read_text().splitlines()
    pair.key.write_text("\n".join([lines[0], "s3cr3t", lines[-1]]))


def empty_cert(pair: Pair) -> None:
    pair.cert.write_text("")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing_cert, "tls_cert: {cert} cannot be read: No such file"),
        (missing_key, "tls_key: {key} cannot be read: No such file"),
        (folder_as_key, "tls_key: {key} cannot be read: Is a directory"),
        (key_of_another, "tls_key: {key} is not the key of the certificate {cert}"),
        (key_of_another_kind, "tls_key: {key} is not the key of the certificate {cert}"),
        (encrypted_key, "tls_key: {key} is encrypted"),
        (swapped, "tls_cert: {cert} holds no certificate in the PEM format"),
        (empty_cert, "tls_cert: {cert} holds no certificate in the PEM format"),
        (broken_cert, "tls_cert: {cert} cannot be used: "),
        (broken_key, "tls_key: {key} cannot be used: "),
    ],
)
@pytest.mark.parametrize("arguments", [["--check"], ["--port", "0"]], ids=["check", "serve"])
def test_what_cannot_be_used_stops_the_server_with_one_line(
    spoil: object, words: str, arguments: list[str], pair: Pair
) -> None:
    assert callable(spoil)
    spoil(pair)
    done = run_command(*arguments, environ=pair.environ)
    assert_refused(done, f"[sharq-server] {words.format(cert=pair.cert, key=pair.key)}")
    assert "s3cr3t" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_without_permission_is_refused(pair: Pair) -> None:
    pair.key.chmod(0)
    done = run_command("--check", environ=pair.environ)
    assert_refused(done, f"tls_key: {pair.key} cannot be read: Permission denied")


@pytest.mark.parametrize("given", ["CERT", "KEY"])
def test_one_without_the_other_is_refused(given: str, pair: Pair) -> None:
    missing = {"CERT": "tls_key", "KEY": "tls_cert"}[given]
    name = f"SHARQ_SERVER_TLS_{given}"
    done = run_command("--check", environ={name: pair.environ[name]})
    assert_refused(done, f"[sharq-server] {missing}: is missing")


@pytest.mark.parametrize("arguments", [["--check"], []], ids=["check", "serve"])
def test_an_expired_certificate_is_a_warning(
    arguments: list[str], authority: Authority, pair: Pair
) -> None:
    pair.replace(authority.issue("old", not_after=past()))
    if arguments:
        done = run_command(*arguments, environ=pair.environ)
        assert done.returncode == 0
        said = done.stderr
    else:
        with ServerProcess(environ=pair.environ) as server:
            assert server.stop() == 0
            said = server.log()
    assert f" WARNING sharq_plug.server.cli: the certificate {pair.cert} has expired on 20" in said


def test_a_certificate_of_the_future_is_a_warning(authority: Authority, pair: Pair) -> None:
    begin = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    end = begin + datetime.timedelta(days=2)
    pair.replace(authority.issue("new", not_before=begin, not_after=end))
    done = run_command("--check", environ=pair.environ)
    assert done.returncode == 0
    assert f"the certificate {pair.cert} is not valid until 20" in done.stderr


def test_a_stop_lets_a_request_in_flight_finish(authority: Authority, pair: Pair) -> None:
    with ServerProcess(environ=pair.environ) as server:
        with Wire(server.port, tls=authority.context()) as wire, ThreadPoolExecutor() as pool:
            wire.send(request("GET", "/dequeue/sms/?wait=20000"))
            answered = pool.submit(wire.answer)
            until(lambda: waiting_workers(server, authority.context()) == 1)
            stopped = pool.submit(server.stop)
            answer = answered.result()
            assert answer is not None
            assert (answer.status, answer.is_last) == (404, True)
            assert wire.answer() is None
            assert stopped.result() == 0
        assert "Traceback" not in server.log()


def test_the_access_log_has_the_address_of_a_client(authority: Authority, pair: Pair) -> None:
    environ = pair.environ | {"SHARQ_SERVER_ACCESSLOG": "-"}
    with ServerProcess(environ=environ) as server:
        assert httpx.get(f"{server.url}/", verify=authority.context()).status_code == 200
        assert server.stop() == 0
        assert " GET / 200 " in server.log()
        assert " 127.0.0.1:" in server.log()


def test_a_client_without_a_handshake_does_not_hold_up_the_stop(pair: Pair) -> None:
    environ = pair.environ | {"SHARQ_SERVER_DRAIN_TIME": "100"}
    with (
        ServerProcess(environ=environ) as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
