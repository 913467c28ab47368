"""The warm process of the tests: whether there is one."""

import socket

from warm_python import _answers


def test_a_server_that_has_ended_does_not_answer(tmp_path):
    """Regression: a test run that asked after the others had ended was refused the connection."""
    address = tmp_path / "server"
    assert not _answers(address)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        assert not _answers(address)
        server.listen()
        assert _answers(address)
    assert address.exists() and not _answers(address)
