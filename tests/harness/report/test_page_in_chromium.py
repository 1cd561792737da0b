"""The page as a reader has it: in a real browser, the system's own."""

from pathlib import Path

import pytest

from harness.reporting import PAGE, report
from harness.settings import read_settings
from tests.harness.report.browser import chromium, visiting
from tests.harness.report.runs import EVIL, gate, load, measured, stored

SCENARIOS = 60
ROOT = Path(__file__).parents[3]


def written(reports):
    settings = read_settings(ROOT / "harness.toml", {"reports": str(reports)})
    return next(file for file in report(settings) if file.name == PAGE)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    reports = tmp_path_factory.mktemp("reports")
    stored(reports, SCENARIOS)
    measured(reports, "gate", gate())
    measured(reports, "load", load())
    return written(reports)


@pytest.fixture
def visit(browser, page_file):
    with visiting(browser, page_file) as visit:
        yield visit


def rows(visit):
    return [row.get_attribute("data-id") for row in visit.page.locator(".row").all()]


def test_it_opens_without_an_error_and_asks_nobody_for_anything(visit, page_file):
    assert visit.errors == []
    assert [url for url in visit.requests if not url.startswith("data:")] == [page_file.resolve().as_uri()]


def test_the_verdict_comes_first_then_what_would_make_it_meaningless_then_the_gate(visit):
    assert visit.page.locator("h1").inner_text() == "INCONCLUSIVE"
    titles = visit.page.locator("h2").all_inner_texts()
    assert titles[:4] == ["What would make it meaningless", "The gate", "Scenarios", "Load"]


def test_what_was_not_measured_says_so(visit):
    assert "not measured: run nox -s sabotage" in visit.page.locator("#sabotage").inner_text()
    assert "not measured: run nox -s self" in visit.page.locator("#self").inner_text()


def test_what_differs_is_the_first_row_and_more_are_shown_on_demand(visit):
    assert rows(visit)[0] == "claude-code/scenario-0"
    assert len(rows(visit)) < SCENARIOS
    visit.page.click("#more")
    assert len(rows(visit)) == SCENARIOS and visit.page.locator("#more").is_hidden()


def test_what_a_reader_scrolls_to_stays_where_it_is(visit):
    """A button that moves as the rows above it come into sight is missed by the click that was meant for it."""
    place = "document.querySelector('#more').getBoundingClientRect().top + scrollY"
    before = visit.page.evaluate(place)
    visit.page.locator("#more").scroll_into_view_if_needed()
    visit.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert visit.page.evaluate("scrollY") > 0
    assert visit.page.evaluate(place) == before


def test_the_filters_narrow_the_rows_together(visit):
    visit.page.select_option("#f-client", "pycharm")
    assert all(name.startswith("pycharm/") for name in rows(visit))
    visit.page.select_option("#f-covers", "stream")
    visit.page.select_option("#f-outcome", "allowed")
    assert visit.page.locator("#count").inner_text() == "10 of 60 scenarios"
    visit.page.fill("#f-text", "scenario-11")
    assert rows(visit) == ["pycharm/scenario-11"]
    visit.page.click("text=Clear")
    assert visit.page.locator("#count").inner_text() == "60 of 60 scenarios"


def test_a_declaration_finds_its_scenarios(visit):
    visit.page.fill("#f-text", "request-id")
    assert visit.page.locator("#count").inner_text() == "31 of 60 scenarios"


def test_a_number_of_the_matrix_shows_only_those(visit):
    visit.page.click('.cell[data-client="claude-code"][data-outcome="different"]')
    assert rows(visit) == ["claude-code/scenario-0"]
    assert visit.page.locator('.cell[aria-pressed="true"]').count() == 1


def test_a_slash_goes_to_the_filter_and_enter_opens_a_scenario(visit):
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("scenario-1")
    assert visit.page.input_value("#f-text") == "scenario-1"
    visit.page.locator(".row summary").first.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector(".row[open] .detail .face")
    visit.page.locator("#f-text").focus()
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#count").inner_text() == "60 of 60 scenarios"


def test_a_scenario_opens_with_both_faces_the_timelines_the_declaration_and_a_curl(visit):
    visit.page.locator(".row > summary").first.click()
    detail = visit.page.locator(".row").first.locator(".detail")
    detail.locator(".face").first.wait_for()
    assert detail.locator("ins").count() > 0
    assert "x-request-id" in detail.locator("ins").first.inner_text()
    assert detail.locator("svg text.role").all_text_contents() == ["baseline", "candidate"]
    assert detail.locator("svg .tick").count() == 12
    assert "An id of the request." in detail.inner_text()
    assert detail.locator("pre.curl").inner_text().startswith("curl -isSN -X POST http://127.0.0.1:8765/v1/messages")


def test_a_face_that_is_the_same_on_both_opens_on_demand(visit):
    visit.page.locator(".row > summary").first.click()
    face = visit.page.locator(".face", has_text="upstream, call 0")
    face.wait_for()
    assert face.locator(".pair").count() == 0
    face.locator("summary").click()
    face.locator(".pair").wait_for()
    assert "/v1/messages" in face.inner_text()


def test_what_was_on_the_wire_is_text_and_never_markup(visit):
    visit.page.locator(".row > summary").first.click()
    visit.page.locator(".detail .face").first.wait_for()
    assert visit.page.locator("img").count() == 0
    assert visit.page.title() == "INCONCLUSIVE · gateway parity"
    assert EVIL in visit.page.locator(".row .title").first.inner_text()


def test_a_link_opens_one_scenario(browser, page_file):
    with visiting(browser, page_file, hash="#scenario=curl/scenario-4") as visit:
        visit.page.wait_for_selector('.row[open][data-id="curl/scenario-4"] .detail .face')
        assert visit.errors == []


def test_charts_are_drawn_and_drawn_again_in_the_other_colours(visit):
    charts = visit.page.locator(".chart canvas")
    assert charts.count() == visit.page.locator(".chart").count() == 6
    paper = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(paper)
    visit.page.click("#theme")
    assert visit.page.evaluate(paper) != light
    assert charts.count() == 6 and visit.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_as_wide_as_the_screen_and_no_wider(browser, page_file, tmp_path, width, scheme):
    with visiting(browser, page_file, width, scheme) as visit:
        for each in visit.page.locator("main details:not(.row) > summary").all():
            each.click()
        visit.page.locator(".row > summary").first.click()
        visit.page.locator(".detail .face").first.wait_for()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        shot = tmp_path / f"{scheme}-{width}.png"
        visit.page.screenshot(path=shot, full_page=True)
        assert shot.stat().st_size > 10_000


def test_everything_that_can_be_clicked_has_a_name(visit):
    visit.page.locator(".row > summary").first.click()
    visit.page.locator(".detail .face").first.wait_for()
    named = "[...document.querySelectorAll('button, a, summary')].every(e => e.textContent.trim() || e.ariaLabel)"
    assert visit.page.evaluate(named)
    assert visit.page.evaluate("[...document.querySelectorAll('input, select')].every(e => e.labels.length)")


def test_text_stands_out_from_what_is_behind_it_in_both_themes(browser, page_file):
    for scheme in ("light", "dark"):
        with visiting(browser, page_file, scheme=scheme) as visit:
            assert visit.page.evaluate(CONTRAST) >= 4.5  # WCAG 2.2, 1.4.3


CONTRAST = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim();
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const pairs = ["--good", "--bad", "--unsure"].map((name) => [name, `${name}-bg`]);
  for (const text of ["--ink", "--soft", "--link", "--baseline", "--candidate", "--good", "--bad", "--unsure"])
    pairs.push([text, "--card"], [text, "--paper"]);
  pairs.push(["--ink", "--baseline-bg"], ["--ink", "--candidate-bg"]);
  return Math.min(...pairs.map(([one, other]) => contrast(one, other)));
}"""


def test_ten_thousand_exchanges_fit_and_open(browser, tmp_path):
    stored(tmp_path, 2500, steps=2, words_of_each=40, events=1)
    file = written(tmp_path)
    assert file.stat().st_size < 3_000_000
    with visiting(browser, file) as visit:
        assert visit.page.locator("#count").inner_text() == "2500 of 2500 scenarios"
        took = visit.page.evaluate("performance.now()")
        print(f"{file.stat().st_size / 1e6:.2f} MB, usable {took:.0f} ms after the navigation began")
        visit.page.fill("#f-text", "scenario-2499")
        visit.page.locator(".row > summary").first.click()
        visit.page.locator(".detail .face").first.wait_for()
        assert visit.errors == []
