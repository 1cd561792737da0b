from harness.sabotage.catalogue import ALL
from harness.sabotage.mutation import NOTHING
from harness.sabotage.sabotage import Face
from harness.verdict.senses import NAMES
from tests.library import library


def test_there_are_at_least_sixty_regressions_each_with_a_name_of_its_own():
    assert len({sabotage.name for sabotage in ALL}) == len(ALL) >= 60


def test_each_is_meant_for_a_sense_that_there_is():
    assert {sabotage.sense for sabotage in ALL} <= NAMES


def test_each_is_planted_in_a_scenario_that_there_is():
    planted = [sabotage for sabotage in ALL if sabotage.face is not Face.PROCESS]
    assert {sabotage.scenario for sabotage in planted} <= {scenario.id for scenario in library()}
    assert all(sabotage.mutation is not NOTHING for sabotage in planted)


def test_every_route_of_the_gateway_has_regressions_on_both_faces():
    routes = ("messages", "chat", "responses", "embeddings", "completions", "count-tokens")
    planted = {(route, each.face) for each in ALL for route in routes if each.scenario.startswith(f"curl/{route}")}
    assert planted == {(route, face) for route in routes for face in (Face.CLIENT, Face.UPSTREAM)}


def test_every_sense_has_a_regression_that_is_meant_for_it():
    unproven = {"answer", "other", "upstream outcome", "buffering"}  # they never speak alone
    assert NAMES - unproven <= {sabotage.sense for sabotage in ALL}
