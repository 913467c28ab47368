"""`python` for the tests: modules and code are run by the warm server, all else by Python itself."""

import json
import os
import signal
import socket
import sys

# its libraries read whether there is a network when they are imported
FETCH = "safelrm.models.fetch"


def main() -> None:
    """Run Python's arguments, which follow the server's address."""
    address, *arguments = sys.argv[1:]
    if arguments[:1] not in (["-c"], ["-m"]) or arguments[1] == FETCH:
        os.execv(sys.executable, [sys.executable, *arguments])
    # pathlib would take as long to import as all else
    job = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    message = json.dumps(job).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [len(message).to_bytes(8, "big")], [0, 1, 2])
        server.sendall(message)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: server.sendall(bytes([number])))
        status = server.recv(1)
    # no status: the server has ended
    os._exit(status[0] if status else 1)


if __name__ == "__main__":
    main()
