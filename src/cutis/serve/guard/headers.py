"""What a browser may do with our answers."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cutis.serve.settings import Settings

# No inline script or style, nothing from elsewhere; blob: shows a picture that was dropped but not yet sent.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of our own forms "null"
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), bluetooth=(), serial=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
A_YEAR = "max-age=31536000"


def always(secure: bool) -> dict[str, str]:
    """The headers of every answer. secure: whether browsers come by https only."""
    return HEADERS | ({"Strict-Transport-Security": A_YEAR} if secure else {})


class SafeHeaders:
    """ASGI: the same strict headers on every answer. Pages and data are not stored, unless a route says otherwise."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.always = always(settings.secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        static = scope["path"].startswith("/static/")

        async def stricter(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.always.items():
                    headers[name] = value
                # An asset is asked for again after an update; its ETag makes that cheap.
                headers.setdefault("Cache-Control", "no-cache" if static else "no-store")
            await send(message)

        return await self.app(scope, receive, stricter)
