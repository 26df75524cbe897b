"""One polite connection: kept open between files, one request at a time, no retry on a 'no'."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ozma.corpus.download import NotServed
from ozma.errors import OzmaError

_AGENT = {"User-Agent": "ozma-corpus"}
_SECONDS = 60.0


class Connection:
    """Opens addresses like `download.open_url`, over one kept-open connection per host."""

    def __init__(self) -> None:
        self._pools: dict[str, object] = {}

    @contextmanager
    def __call__(self, url: str, headers: dict[str, str] | None = None) -> Iterator:
        """Open http(s) `url` for reading. Raises NotServed on a 4xx answer, OzmaError otherwise."""
        urllib3 = _load_urllib3()
        if not url.startswith(("http://", "https://")):
            raise OzmaError(f"cannot fetch {url}", hint="configure an http or https mirror")
        retries = urllib3.Retry(total=3, connect=2, read=0, status=0, redirect=3)
        try:
            response = self._pool(url).request(
                "GET", url, headers=_AGENT | (headers or {}), preload_content=False,
                retries=retries, timeout=_SECONDS,
            )  # fmt: skip
        except urllib3.exceptions.HTTPError as error:
            raise OzmaError(f"cannot fetch {url}: {error}", hint="is the network up?") from error
        try:
            _check(url, response.status)
            yield response
        except urllib3.exceptions.HTTPError as error:
            raise OzmaError(f"{url} broke off: {error}") from error
        finally:
            response.drain_conn()

    def _pool(self, url: str):
        urllib3 = _load_urllib3()
        parts = urlsplit(url)
        proxy = "" if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            options = {"maxsize": 1, "block": True}
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
            )
        return self._pools[proxy]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.clear()
        self._pools.clear()


def _load_urllib3():
    """Only who fetches in bulk needs it."""
    try:
        import urllib3
    except ImportError as error:
        raise OzmaError(
            "fetching in bulk needs urllib3", hint="pip install 'ozma[corpus]'"
        ) from error
    return urllib3


def _check(url: str, status: int) -> None:
    if status >= 400:
        kind = NotServed if status < 500 else OzmaError
        raise kind(f"{url} answered {status}")
