"""What a provider might say as well: answers of the library, each with one mistake, the same ones for the same seed.

Before it says so, it answers twice as it should: a gateway may go another way with a call that it has made before.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

from harness.event_stream import encode, parse
from harness.model import Act, Cut, Reply, Request, Scenario, Send, Step, Wait, WaitForClient

_CALM = 0.5  # seconds before a cut
_LARGEST = 20_000  # bytes of a request: what the client says is not what is tried here
_ODD: tuple[Any, ...] = (None, "", 0, -1, 1.5, True, [], {}, "odd é😀", [None], {"odd": 1}, 10**20)
# LiteLLM 1.106.2 counts up to the highest index of a stream's choices: at 10**20 a gateway answers nobody any more.
_SMALL = _ODD[:-1]
Mistake = Callable[[list[Act], int, random.Random], None]


def mutated(library: Sequence[Scenario], number: int, seed: int) -> tuple[Scenario, ...]:
    """That many scenarios, made of those of `library` with one good answer to each step; without what must hold."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    fit = [each for each in library if _is_fit(each)]
    return tuple(_mutated(chance.choice(fit), n, chance) for n in range(number)) if fit else ()


def _is_fit(scenario: Scenario) -> bool:
    """A challenge or a cookie is about the calls before and after it, and not about one answer."""
    steps = scenario.steps
    return (
        len(steps) <= 2
        and all(len(step.replies) == 1 and step.replies[0].status == 200 for step in steps)
        and all(step.leave_after is None and not step.together and _named(step.request, "") for step in steps)
        and not {"cookies", "challenge"} & {*scenario.covers}
    )


def _mutated(scenario: Scenario, number: int, chance: random.Random) -> Scenario:
    """Its words have a number of their own, so that its calls are told from others'."""
    steps = [replace(step, request=_renamed(step.request, f" v{number}"), must=()) for step in scenario.steps]
    wrong = [replace(step, replies=tuple(_wrong(reply, chance) for reply in step.replies)) for step in steps]
    name = f"{scenario.client}/m{number}-{scenario.id.partition('/')[2]}"
    return replace(scenario, id=name, source="scripted", steps=(*map(_untimed, (*steps, *steps, *wrong)),))


def _untimed(step: Step) -> Step:
    """What the client is to see first may be what is missing now."""
    return replace(step, replies=tuple(_with_time(reply) for reply in step.replies))


def _with_time(reply: Reply) -> Reply:
    """For all that was said before a cut: aiohttp gives up what it has not handed on by then, which is chance."""
    if reply.acts is None:
        return reply
    acts = (act for act in reply.acts if not isinstance(act, WaitForClient))
    calm = ((Wait(_CALM), act) if isinstance(act, Cut) else (act,) for act in acts)
    return replace(reply, acts=tuple(chain.from_iterable(calm)))


# --- the client's words ---------------------------------------------------------------------------------------------


def _renamed(request: Request, words: str) -> Request:
    return _named(request, words) or request


def _named(request: Request, words: str) -> Request | None:
    """With these words behind its last text; None: it has none where texts are, or is large."""
    if len(request.body) > _LARGEST:
        return None
    try:
        body = json.loads(request.body)
        place, name = _text(body)
        place[name] += words
        return replace(request, body=_encoded(body))
    except (ValueError, LookupError, TypeError, StopIteration):
        return None


def _text(body: Any) -> tuple[Any, Any]:
    """Where the last thing that is said stands, and its key there. Raises LookupError, TypeError,
    StopIteration."""
    key = next(name for name in ("messages", "input", "prompt", "") if not name or name in body)
    if isinstance(body[key], str):
        return body, key
    last = body[key][-1]
    if isinstance(last, str):
        return body[key], -1
    if isinstance(last["content"], str):
        return last, "content"
    return next(block for block in last["content"] if "text" in block), "text"


# --- the provider's mistakes ----------------------------------------------------------------------------------------


def _wrong(reply: Reply, chance: random.Random) -> Reply:
    if reply.acts is None:
        try:
            return replace(reply, body=_encoded(_changed(json.loads(reply.body), chance)))
        except ValueError:
            return reply
    acts: list[Act] = [act for act in reply.acts if not isinstance(act, WaitForClient)]
    sent = [place for place, act in enumerate(acts) if isinstance(act, Send)]
    if sent:
        chance.choice(_MISTAKES)(acts, chance.choice(sent), chance)
    return replace(reply, acts=tuple(acts))


def _event(acts: list[Act], at: int, chance: random.Random) -> None:
    events, rest = parse(_data(acts, at))
    if len(events) != 1 or rest:
        return
    with suppress(ValueError):  # [DONE], and half a character
        said = _encoded(_changed(json.loads(events[0].data), chance))
        acts[at] = Send(encode(said.decode(), events[0].event or ""))


def _twice(acts: list[Act], at: int, _: random.Random) -> None:
    acts.insert(at, acts[at])


def _lost(acts: list[Act], at: int, _: random.Random) -> None:
    del acts[at]


def _swapped(acts: list[Act], at: int, _: random.Random) -> None:
    if at + 1 < len(acts):
        acts[at], acts[at + 1] = acts[at + 1], acts[at]


def _comment(acts: list[Act], at: int, _: random.Random) -> None:
    acts.insert(at, Send(b": keep-alive\n\n"))


def _split(acts: list[Act], at: int, chance: random.Random) -> None:
    data = _data(acts, at)
    if len(data) > 1:
        cut = chance.randrange(1, len(data))
        acts[at : at + 1] = [Send(data[:cut]), Send(data[cut:])]


def _merged(acts: list[Act], at: int, _: random.Random) -> None:
    if at + 1 < len(acts) and isinstance(acts[at + 1], Send):
        acts[at : at + 2] = [Send(_data(acts, at) + _data(acts, at + 1))]


def _other_line_ends(acts: list[Act], at: int, _: random.Random) -> None:
    acts[at] = Send(_data(acts, at).replace(b"\n", b"\r\n"))


# What an event says is where most can be wrong.
_MISTAKES: tuple[Mistake, ...] = (*[_event] * 7, _twice, _lost, _swapped, _comment, _split, _merged, _other_line_ends)


def _encoded(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _data(acts: list[Act], at: int) -> bytes:
    act = acts[at]
    return act.data if isinstance(act, Send) else b""


def _changed(tree: Any, chance: random.Random) -> Any:
    """With one value that is another, is missing, or was never there."""
    places = [*_places(tree)]
    if not places:
        return tree
    place, name = chance.choice(places)
    match chance.choice(("odd", "odd", "lost", "added")):
        case "odd":
            place[name] = chance.choice(_ODD if name != "index" else _SMALL)
        case "lost":
            del place[name]
        case _ if isinstance(place, dict):
            place["x_extra"] = chance.choice(_ODD)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in inner:
        yield tree, name
        yield from _places(value)
