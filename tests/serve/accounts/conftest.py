from serve.guard.conftest import alone, app, client, peopled, quick_hashes, real_hasher, store, templates

__all__ = ["alone", "app", "client", "peopled", "quick_hashes", "real_hasher", "store", "templates"]
