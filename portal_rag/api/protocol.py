"""HTTP/1.1 as this service takes it."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WithoutTrailers(HttpToolsProtocol):
    """Leaves out what follows a body: a trailer must not pass for a header (RFC 9110, 6.5.1).

    uvicorn adds trailers to the headers, where a token could hide from a proxy before us.
    """

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = []  # the request has its own list by now
