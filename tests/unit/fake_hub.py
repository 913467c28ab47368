"""A hub on this machine: the few addresses that the hub's libraries ask for, over repositories in memory."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORKFLOW = Path(__file__).parents[2] / "workflow"
LARGE = (".safetensors", ".bin")


@dataclass
class Repository:
    """Files by name; `served` replaces what is sent for some of them, `only_for` is the token that is needed."""

    files: dict[str, bytes]
    served: dict[str, bytes] = field(default_factory=dict)
    only_for: str | None = None
    commit: str = COMMIT

    def entry(self, name: str) -> dict:
        content = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entry = {"type": "file", "path": name, "size": len(content), "oid": blob}
        if name.endswith(LARGE):
            sha = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha, "size": len(content), "pointerSize": 130}
        return entry


@dataclass
class Hub:
    """Repositories by "models/owner/name" or "datasets/owner/name", what was asked for, and files held back."""

    address: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self.path.partition("?")[0]
            hub.asked.append(path)
            if found := re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?(/.*)?", path):
                kind, repo, what, revision, _ = found.groups()
                self._about(f"{kind}/{repo}", what, revision)
            elif found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                kind, repo, revision, name = found.groups()
                self._file(f"{kind or 'models/'}{repo}", revision, name)
            else:
                self._send(404, b"{}")

        do_HEAD = do_GET  # noqa: N815

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hub.asked.append(self.path)
            found = re.fullmatch(r"/api/(datasets/[^/]+/[^/]+)/paths-info/([^/]+)", self.path)
            repository = found and self._repository(found[1], found[2])
            if repository:
                known = [repository.entry(name) for name in asked["paths"] if name in repository.files]
                self._send(200, json.dumps(known).encode())

        def _repository(self, name: str, revision: str | None) -> Repository | None:
            repository = hub.repositories.get(name)
            token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            if repository is None or repository.only_for not in (None, token):
                gated = "GatedRepo" if repository else "RepoNotFound"
                self._send(403 if repository else 404, b"{}", {"X-Error-Code": gated})
            elif revision not in (None, "main", repository.commit):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            else:
                return repository
            return None

        def _about(self, name: str, what: str | None, revision: str | None) -> None:
            if repository := self._repository(name, revision):
                entries = [repository.entry(file) for file in repository.files]
                siblings = [{"rfilename": file} for file in repository.files]
                info = {"id": name.partition("/")[2], "sha": repository.commit, "siblings": siblings, "tags": []}
                self._send(200, json.dumps(entries if what == "tree" else info).encode())

        def _file(self, repo: str, revision: str, name: str) -> None:
            if repository := self._repository(repo, revision):
                if name not in repository.files:
                    self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                    return
                entry = repository.entry(name)
                etag = entry.get("lfs", entry)["oid"]
                content = repository.served.get(name, repository.files[name])
                while name in hub.held and self.command == "GET":
                    time.sleep(0.05)
                self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": repository.commit})

        def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that is served while the block runs."""
    hub = Hub("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def started(module: str, arguments: list, address: str, folder: Path, **variables: str) -> subprocess.Popen:
    environment = {"HF_ENDPOINT": address, "HF_HOME": str(folder / "home"), "PYTHONPATH": str(WORKFLOW)} | variables
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"HF_HUB_OFFLINE": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_module(module: str, arguments: list, address: str, folder: Path, **variables: str):
    process = started(module, arguments, address, folder, **variables)
    said = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, *said)
