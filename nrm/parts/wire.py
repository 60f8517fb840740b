"""The first words of two protocols, enough to know that a server serves and not only listens."""

import socket
import struct


def kafka_answers(host: str, port: int) -> bool:
    """Whether a broker answers ApiVersions (key 18, version 0), which it does once it serves requests."""
    request = struct.pack(">hhih", 18, 0, 1, -1)  # key, version, correlation, no client id
    answer = _ask(host, port, struct.pack(">i", len(request)) + request, 10)
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)  # noqa: PLR2004 - size, correlation, error


def postgres_answers(host: str, port: int) -> bool:
    """Whether a server answers an SSLRequest, with S or N."""
    return _ask(host, port, struct.pack(">ii", 8, 80877103), 1) in (b"S", b"N")


def _ask(host: str, port: int, request: bytes, length: int) -> bytes:
    answer = b""
    try:
        with socket.create_connection((host, port), timeout=2) as server:
            server.sendall(request)
            while len(answer) < length and (more := server.recv(length - len(answer))):
                answer += more
    except OSError:
        return b""
    return answer
