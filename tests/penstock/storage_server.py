"""S3 for tests: a moto server, and a proxy before it that is slow or fails when it's told to."""

import contextlib
import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Trouble = Callable[[str, int], str]
"""From a path and the number of the request for it, from 0: "", "slow", "refuse" or "cut"."""


class Proxy(ThreadingHTTPServer):
    """Passes requests on to S3; `trouble` says what becomes of a GET."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = (host, port)
        self.trouble: Trouble = lambda _path, _number: ""
        self.seen: dict[str, int] = {}
        self.troubles = 0
        self.lock = threading.Lock()

    def next_trouble(self, path: str) -> str:
        with self.lock:
            number = self.seen.get(path, 0)
            self.seen[path] = number + 1
            found = self.trouble(path, number)
            self.troubles += bool(found)
            return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        trouble = self.server.next_trouble(self.path.split("?")[0])
        if trouble == "slow":
            time.sleep(0.02)
        if trouble == "refuse":
            self._reply(503, {}, b"<Error><Code>ServiceUnavailable</Code></Error>")
            return
        status, headers, body = self._forward()
        self._reply(status, headers, body, cut=trouble == "cut" and len(body) > 1)

    def _pass_on(self) -> None:
        self._reply(*self._forward())

    do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815

    def _forward(self) -> tuple[int, dict[str, str], bytes]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(*self.server.backend, timeout=30)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def _reply(
        self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        kept = {k: v for k, v in headers.items() if k.lower() not in _OWN_HEADERS}
        # The answer to HEAD has the length of a body that isn't sent.
        length = headers.get("Content-Length", str(len(body)))
        for name, value in (kept | {"Content-Length": length}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


_OWN_HEADERS = ("content-length", "transfer-encoding", "connection", "date", "server")


@contextlib.contextmanager
def s3_bucket(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[tuple[str, Proxy]]:
    """The URL of an empty bucket and the proxy before it, with the environment that leads there."""
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    proxy = Proxy(*server.get_host_and_port())
    thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # The attempts of the libraries below would hide, and slow down, what is tested.
        "AWS_MAX_ATTEMPTS": "1",
    }
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    # moto keeps its buckets as long as the process lives.
    name = f"{name}-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(name)
    try:
        yield f"s3://{name}", proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()
