"""The server's databases, for what reads them."""

from tests.signalos_server.conftest import postgres_socket, storage_url

__all__ = ["postgres_socket", "storage_url"]
