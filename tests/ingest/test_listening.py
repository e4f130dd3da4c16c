"""The socket that is listened on."""

import socket

from postroad.ingest.server import listen


def test_an_answers_body_does_not_wait_for_its_header_to_be_acknowledged() -> None:
    with listen("127.0.0.1", 0) as server, socket.create_connection(server.getsockname()):
        connection, _ = server.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
