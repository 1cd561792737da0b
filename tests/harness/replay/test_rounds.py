import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.model import Reply, Role, Scenario, Step
from harness.replay.rounds import MOST, Rounds
from harness.replay.run import Site
from harness.replay.target import RunningTarget
from harness.upstream.app import SimulatedUpstream
from tests.harness.wire import passing_on, post, scenario, server
from tests.waiting import PATIENCE

ONE = scenario(Step(post(b'{"model":"a","prompt":"Hello."}'), (Reply(),)))


@asynccontextmanager
async def site(role: Role) -> AsyncIterator[Site]:
    async with SimulatedUpstream(gap=0) as upstream, server(passing_on(upstream.url)) as url:
        yield Site(RunningTarget(role.value, url), upstream, "key", role)


async def replayed(*decisions: list[Scenario]) -> list[list[tuple[str, int]]]:
    """By target, what it played again."""
    told = iter(decisions)
    rounds = Rounds(len(Role), lambda: next(told))

    async def play(role: Role) -> list[tuple[str, int]]:
        async with site(role) as place:
            return [(each.role.value, each.attempt) async for each in rounds.again(place, 1)]

    return await asyncio.wait_for(asyncio.gather(*(play(role) for role in Role)), PATIENCE)


async def test_nothing_is_played_again_where_everything_is_decided() -> None:
    assert await replayed([]) == [[], [], []]


async def test_all_targets_play_again_what_is_undecided_until_it_is_decided() -> None:
    assert await replayed([ONE], [ONE], []) == [[(role.value, 1), (role.value, 2)] for role in Role]


async def test_there_is_an_end_to_it() -> None:
    played = await replayed(*[[ONE]] * MOST)
    assert [len(each) for each in played] == [MOST] * len(Role)
