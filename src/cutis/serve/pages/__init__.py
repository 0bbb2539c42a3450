"""The pages of the workbench: one file a page, and how an error is shown to a person."""

from __future__ import annotations

from fastapi import APIRouter

from cutis.serve.pages import about, accounts, case, new, queue, report, thumbnail, trail
from cutis.serve.pages.render import error_page

__all__ = ["error_page", "router"]

router = APIRouter(include_in_schema=False)
for _part in (queue, case, new, report, thumbnail, trail, accounts, about):
    router.include_router(_part.router)
