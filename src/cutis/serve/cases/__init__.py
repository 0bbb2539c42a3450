"""Cases: opened from uploads, queued, read blind or openly, signed. The one place that decides who may see what."""

from cutis.serve.cases.asking import Key, receive_once
from cutis.serve.cases.blind import check_picture, check_shown, hidden
from cutis.serve.cases.finding import earlier, find, photograph
from cutis.serve.cases.forms import CaseForm, ReadingForm, case_form
from cutis.serve.cases.opening import open_case, receive
from cutis.serve.cases.queue import Filter, Page, counts, neighbours, queue
from cutis.serve.cases.reading import ask_set, commit, named
from cutis.serve.cases.trailing import EntryView, of_case, of_team
from cutis.serve.cases.views import AnswerView, CaseView, PhotographView, ReadingView, RowView, row, view

__all__ = [
    "AnswerView",
    "CaseForm",
    "CaseView",
    "EntryView",
    "Filter",
    "Key",
    "Page",
    "PhotographView",
    "ReadingForm",
    "ReadingView",
    "RowView",
    "ask_set",
    "case_form",
    "check_picture",
    "check_shown",
    "commit",
    "counts",
    "earlier",
    "find",
    "hidden",
    "named",
    "neighbours",
    "of_case",
    "of_team",
    "open_case",
    "photograph",
    "queue",
    "receive",
    "receive_once",
    "row",
    "view",
]
