"""OpenAI's files and batches on loopback: a batch is done once it was looked at often enough."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.support.misbehaving import completion, text_of


class BatchService:
    """Answers each question of a batch with `re: QUESTION`.

    Attributes:
        looks: how often a batch is looked at before it is done.
        begins, state: how it stands at first, and how it ends.
        said: what else is said of a batch, such as when it expires.
        answered: how many questions of a batch are answered before it ends; all by default.
        escape: writes the lines of answers in another way.
        failing: questions that get an error in place of an answer, with the error.
        given: how many answers each question was given, which would have been paid.
    """

    def __init__(self, looks: int = 2) -> None:
        self.looks, self.begins, self.state = looks, "in_progress", "completed"
        self.said: dict[str, Any] = {}
        self.answered: int | None = None
        self.escape: Callable[[str], str] = str
        self.failing: dict[str, dict[str, Any]] = {}
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.given: Counter[str] = Counter()
        self.address = ""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_delete("/v1/files/{id}", self.delete)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.list)
        app.router.add_get("/v1/batches/{id}", self.look)

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        part = form["file"]
        assert isinstance(part, web.FileField)
        return web.json_response({"id": self.keep(part.file.read().decode())})

    def keep(self, text: str) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = text
        return name

    async def content(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        if not self.files.get(name):
            return web.json_response({"error": {"message": "no such file"}}, status=404)
        return web.Response(text=self.files[name])

    async def delete(self, request: web.Request) -> web.Response:
        self.files[request.match_info["id"]] = ""
        return web.json_response({"deleted": True})

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {**asked, "id": name, "status": self.begins, **self.said}
        self.left[name] = self.looks
        return web.json_response(self.batches[name])

    async def list(self, request: web.Request) -> web.Response:
        latest = list(self.batches.values())[::-1]
        names = [batch["id"] for batch in latest]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = latest[start : start + 2]
        more = start + 2 < len(latest)
        return web.json_response({"data": page, "has_more": more})

    async def look(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        self.left[batch["id"]] -= 1
        if self.left[batch["id"]] < 0 and batch["status"] == self.begins:
            self.finish(batch)
        return web.json_response(batch)

    def finish(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.state
        answers, errors = [], []
        for line in self.files[batch["input_file_id"]].strip().split("\n")[: self.answered]:
            row = json.loads(line)
            question = text_of(row["body"])
            error = self.failing.get(question)
            if error is not None:
                response = {"status_code": 400, "body": {"error": error}}
                errors.append({"custom_id": row["custom_id"], "response": response})
            else:
                self.given[question] += 1
                response = {"status_code": 200, "body": completion(f"re: {question}")}
                answers.append({"custom_id": row["custom_id"], "response": response, "error": None})
        for port, rows in (("output_file_id", answers), ("error_file_id", errors)):
            if rows:
                batch[port] = self.keep(self.escape("\n".join(map(_line, rows[::-1]))))


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)
