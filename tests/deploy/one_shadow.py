"""A small shadow: writes down the first line of each message that it is told.

python tests/deploy/one_shadow.py FILE [exit CODE] PLACE
"""

import asyncio
import json
import sys
from pathlib import Path

FILE, PLACE = Path(sys.argv[1]), sys.argv[-1]


async def heard(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        head = json.loads(line)
        size = head["body"] + sum(size for _, size in head["chunks"])
        await reader.readexactly(size + sum(each["sent"] + sum(n for _, n in each["got"]) for each in head["made"]))
        with FILE.open("a", encoding="utf-8") as out:
            out.write(line.decode())


async def main() -> None:
    async with await asyncio.start_unix_server(heard, PLACE) as server:
        await server.serve_forever()


if sys.argv[2:3] == ["exit"]:
    sys.exit(int(sys.argv[3]))
asyncio.run(main())
