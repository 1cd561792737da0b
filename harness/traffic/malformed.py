"""Bodies that are not what their headers say."""

from __future__ import annotations


class MalformedBody(ValueError):
    """A body cannot be read as what its content type, or its content encoding, says.

    `line` and `column` count from 1, `offset` from 0 in bytes; none is given where the body as a whole is wrong. The
    message has nothing of the body in it.
    """

    def __init__(self, reason: str, text: str | None = None, index: int = 0) -> None:
        self.reason = reason
        self.line = self.column = self.offset = None
        if text is not None:
            before = text[:index]
            self.line = before.count("\n") + 1
            self.column = index - before.rfind("\n")
            self.offset = len(before.encode("utf-8", "surrogateescape"))
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}, column {self.column} (byte {self.offset}): "
        return place + self.reason
