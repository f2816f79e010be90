"""Where notices arrive: a webhook that keeps what is posted to it, and a mail server that keeps what it is given."""

from __future__ import annotations

import base64
import email
import json
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from email.policy import default
from typing import Any, Self

from tests.loopback import LoopbackServer, QuietHandler


class Webhook(LoopbackServer):
    """Keeps posts; `statuses` are given to the next ones, then 200. `on_post` is called while one is answered."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.on_post: Callable[[], object] = lambda: None
        hook = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.posts.append({"status": status, "path": self.path, "headers": dict(self.headers)})
                hook.posts[-1] |= json.loads(body)
                hook.on_post()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(Handler)

    def address(self, user: str = "hook:secret", path: str = "/", scheme: str = "json") -> str:
        """Give its address as apprise writes it."""
        return f"{scheme}://{user}@{self.url.removeprefix('http://')}{path}"


class MailServer:
    """Speaks SMTP (RFC 5321, AUTH PLAIN of RFC 4954) until the with block ends; `refused` says no to every login."""

    def __init__(self, *, refused: bool = False) -> None:
        self.mails: list[Message] = []
        self.logins: list[tuple[str, str]] = []
        server = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server._talk(self.rfile, self.wfile)

        self._refused = refused
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def address(self, password: str = "secret") -> str:
        """Give its address as apprise writes it."""
        port = self._server.server_address[1]
        return f"mailto://watch:{password}@127.0.0.1:{port}/?from=repomgr@example.org&to=ops@example.org"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _talk(self, lines: Any, out: Any) -> None:
        out.write(b"220 mail.example.org\r\n")
        while line := lines.readline():
            word, _, rest = line.decode().strip().partition(" ")
            word = word.upper()
            answer = "250 done"
            if word == "EHLO":
                answer = "250-mail.example.org\r\n250 AUTH PLAIN"
            elif word == "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                self.logins.append((user, password))
                answer = f"535 {user} may not" if self._refused else "235 welcome"
            elif word == "DATA":
                out.write(b"354 go on\r\n")
                body = b"".join(iter(lines.readline, b".\r\n"))
                self.mails.append(email.message_from_bytes(body, policy=default))
            out.write(f"{answer}\r\n".encode())
            if word == "QUIT":
                return


class MessageReceiver(LoopbackServer):
    """Keeps webhook messages as they come; its path says how it answers them.

    `/` takes them, `/500` has an answer of its number as every number has, `/hang` never answers, `/drip` takes seconds
    for its head, `/late` for its body, `/huge` has one of 50 MB, `/to?ADDRESS` sends elsewhere. `whole` counts the
    answers that went out to their end.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, str], bytes]] = []
        self.on_message: Callable[[], object] = lambda: None
        self.whole = 0
        self._ended = threading.Event()
        receiver = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append((self.path, {name.lower(): each for name, each in self.headers.items()}, body))
                receiver.on_message()
                self.close_connection = True
                with suppress(OSError):
                    receiver._answer(self)
                    receiver.whole += 1

            def do_GET(self) -> None:
                receiver.messages.append((self.path, {}, b"asked, not told"))

        super().__init__(Handler)

    def stop(self) -> None:
        self._ended.set()
        super().stop()

    def _answer(self, request: Any) -> None:
        path, _, to = request.path.partition("?")
        if path == "/hang":
            self._ended.wait()
            return
        status = int(path[1:]) if path[1:].isdigit() else 302 if path == "/to" else 200
        request.wfile.write(f"HTTP/1.1 {status} Said\r\n".encode())
        for _ in range(100 if path == "/drip" else 0):
            self._ended.wait(0.02)
            request.wfile.write(b"X-More: x\r\n")
        if path == "/to":
            request.wfile.write(f"Location: {to}\r\n".encode())
        if path == "/503":
            request.wfile.write(b"Retry-After: 36000\r\n")
        request.wfile.write(b"Connection: close\r\n\r\n<b>said</b>\0")
        for _ in range(100 if path == "/late" else 0):
            self._ended.wait(0.02)
            request.wfile.write(b"x")
        for _ in range(50 if path == "/huge" else 0):
            request.wfile.write(bytes(1_000_000))
