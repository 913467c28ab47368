"""An OpenAI-compatible endpoint on a local port that answers as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# status, body, and headers, unless they are those that let a client ask again at once
Answer = tuple[int, str] | tuple[int, str, dict[str, str]]
# a pause that a test can wait for
SOON = {"retry-after-ms": "1"}


def said(text: object, finish_reason: str | None = None, usage: object = None) -> Answer:
    """A chat completion with a text; and, if they are given, with its end and its usage: tokens asked, and replied."""
    choice = {"message": {"role": "assistant", "content": text}}
    end = {} if finish_reason is None else {"finish_reason": finish_reason}
    if isinstance(usage, tuple):
        usage = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True))
    return 200, json.dumps({"choices": [choice | end]} | ({} if usage is None else {"usage": usage}))


@dataclass
class StandIn:
    """What an endpoint has been asked: the bodies of requests, and their headers (names in lower case)."""

    url: str = ""
    asked: list[dict] = field(default_factory=list)
    headers: list[dict] = field(default_factory=list)

    @property
    def questions(self) -> list[str]:
        """The last message of each request."""
        return [body["messages"][-1]["content"] for body in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments, stand_in: StandIn, answer: Callable[[str, int], Answer], **options) -> None:
        self.stand_in, self.answer = stand_in, answer
        super().__init__(*arguments, **options)

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][-1]["content"]
        before = self.stand_in.questions.count(question)
        self.stand_in.asked.append(body)
        self.stand_in.headers.append({name.lower(): value for name, value in self.headers.items()})
        status, text, *headers = self.answer(question, before)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers[0] if headers else SOON).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments) -> None:
        """Nothing on the terminal."""


@contextmanager
def endpoint(answer: Callable[[str, int], Answer]) -> Iterator[StandIn]:
    """An endpoint.

    Args:
        answer: what it answers to a question, which it has been asked so many times before.
    """
    stand_in = StandIn()
    handler = partial(_Handler, stand_in=stand_in, answer=answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield stand_in
        finally:
            server.shutdown()
