from __future__ import annotations

import gc
from pathlib import Path

from cutis.cli import say
from cutis.errors import CutisError


def serve_(
    *bundles: Path,
    data: Path | None = None,
    folder: Path = Path("workbench"),
    store: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8642,
    accounts: bool = False,
    certificate: Path | None = None,
    key: Path | None = None,
    behind_proxy: bool = False,
    name: list[str] | None = None,
    blind: bool = False,
    watch: Path | None = None,
    language: str = "en",
    runtime: str | None = None,
) -> None:
    """Open the workbench: an HTTP API and a web page over bundles, on this machine only unless told otherwise.

    Parameters
    ----------
    bundles
        Bundle folders; cases are read with the first.
    data
        Dataset of confirmed cases, in which similar ones are looked for.
    folder
        Where cases and their pictures are kept; made if it isn't there.
    store
        Database, sqlite:///FILE or postgresql://USER@HOST/NAME (a file in FOLDER if not given).
    host
        Address to listen on. Any but this machine's own asks for --accounts, and for --certificate or --behind-proxy.
    port
        Port to listen on; 0 takes a free one.
    accounts
        Ask who works here. Make the first account with: cutis account add NAME --role admin
    certificate
        TLS certificate (PEM).
    key
        The certificate's key (PEM).
    behind_proxy
        A reverse proxy in front does TLS and tells who asks by X-Forwarded-For and X-Forwarded-Proto.
    name
        Host name that it answers to, besides this machine's own; may be repeated. With --accounts any, if not given.
    blind
        Hide the model's answer until the reader has committed a diagnosis.
    watch
        Folder whose new files become cases.
    language
        Language of the pages: en or de.
    runtime
        openvino or onnxruntime (chosen for this machine if not given).
    """
    from cutis.extras import require

    require("serve")
    from cutis.serve.settings import Settings
    from cutis.serve.store.engine import store_in

    if not bundles:
        raise CutisError("give at least one bundle: cutis serve BUNDLE. Make one with: cutis train DATASET --out RUN")
    if (certificate is None) != (key is None):
        raise CutisError("--certificate and --key go together; give both.")
    settings = Settings(
        bundles=bundles,
        store=store or store_in(folder),
        files=folder / "pictures",
        data=data,
        host=host,
        port=port,
        accounts=accounts,
        names=tuple(name or ()),
        tls=(certificate, key) if certificate and key else None,
        proxy=behind_proxy,
        blind=blind,
        watch=watch,
        language=language,
        runtime=runtime,
    )
    gc.disable()  # until it serves: what is imported and opened now stays, and looking through it takes half a second
    try:
        from cutis.serve.run import run

        run(settings, folder, say)
    finally:
        gc.enable()
