"""The summary -> parity.md: the verdict first, then what differs where, then each scenario that is not the same."""

from __future__ import annotations

import re

from jinja2 import Environment, StrictUndefined

from harness.report.coverage import by_answer, by_place
from harness.report.places import by_severity, places, shown, sides
from harness.report.summary import Summary, outcomes, undeclared_words

_TEMPLATE = """\
# Parity: {{ result.verdict }}

Run `{{ result.run }}`, seed `{{ result.seed }}`, {{ result.seconds }} s, exit code {{ result.exit_code }}.
{% if network %}
Isolation: {{ network | cell }}.
{% endif %}
| role | target | version |
|---|---|---|
{% for target in result.targets -%}
| {{ target.role | cell }} | {{ target.name | cell }} | {{ target.version | cell }} |
{% endfor %}
{{ result.totals.scenarios }} scenarios: {% for outcome, count in outcomes -%}
{{ count }} {{ outcome }}{{ ", " if not loop.last }}{% endfor %}.
{{ result.totals.exchanges_client }} exchanges with the clients and {{ result.totals.exchanges_upstream }} with the \
upstreams were compared. Differences: {{ result.totals.declared }} declared, {{ undeclared }}.
{% if result.problem %}
**{{ result.problem | cell }}**
{% endif %}{% if result.footprints %}
| process | ready after | memory, warm | memory, at the end | requests | descriptors | connections for upstream calls |
|---|---|---|---|---|---|---|
{% for one in result.footprints -%}
| {{ one.role | cell }} | {{ one.start_seconds }} s | {{ one.rss_before_mib }} MiB | {{ one.rss_after_mib }} MiB | \
{{ one.requests }} | {{ one.files_before }} to {{ one.files_after }} | \
{{ one.upstream_connections }} for {{ one.upstream_calls }} |
{% endfor %}{% endif %}{% for excess in result.excesses %}
* **{{ excess.sense }}**: {{ excess.told | cell }}
{% endfor %}
{% if result.stale_declarations %}
## Declarations that are not true

| declaration | is | where |
|---|---|---|
{% for one in result.stale_declarations -%}
| {{ one.id | cell }} | {{ one.problem }} | {{ one.where | code }} |
{% endfor %}{% endif %}
{%- for title, found in gathered if found %}
## {{ title }}

| where | kind | scenarios |
|---|---|---|
{% for place in found -%}
| {{ place.where | code }} | {{ place.kind }} | {{ place.scenarios | length }}: {{ place.scenarios[0] | cell }}\
{{ ", ..." if place.scenarios | length > 1 }} |
{% endfor %}{% endfor %}
## Scenarios

| scenario | outcome | declared | undeclared |
|---|---|---|---|
{% for scenario in result.scenarios -%}
| {{ scenario.id | cell }} | {{ scenario.outcome }} | \
{{ scenario.differences | rejectattr("declared_by", "none") | list | length }} | \
{{ scenario.differences | selectattr("declared_by", "none") | list | length }} |
{% endfor %}
{% if coverage %}
## Coverage

What the scenarios send, and what the upstream answers. `parity.json` names the scenarios of each.

| route | stream | provider | answer | clients | scenarios |
|---|---|---|---|---|---|
{% for row in coverage -%}
| {{ row.route | code }} | {{ "yes" if row.stream else "no" }} | {{ row.provider }} | {{ row.answer | cell }} | \
{{ row.clients | join(", ") | cell }} | {{ row.scenarios }} |
{% endfor %}
{{ result.coverage.cells | selectattr("elsewhere") | list | length }} of these cells only further configurations
exercise (`nox -s parity_configs`).

{{ result.coverage.holes | length }} holes: answers that a route is to be put through with each provider, and is not.
{% if holes %}
| route | stream | provider | no scenario in which the answer is |
|---|---|---|---|
{% for row in holes -%}
| {{ row.route | code }} | {{ "yes" if row.stream else "no" }} | {{ row.provider }} | \
{{ row.answers | join("; ") | cell }} |
{% endfor %}{% endif %}
What is no hole, and why:

| route | stream | provider | answers | why |
|---|---|---|---|---|
{% for row in result.coverage.excluded -%}
| {{ row.route | code }} | {{ {true: "yes", false: "no"}.get(row.stream, "any") }} | {{ row.provider or "any" }} | \
{{ row.answers | join("; ") | cell or "any" }} | {{ row.why | cell }} |
{% endfor %}{% endif %}
{%- for scenario in result.scenarios if scenario.outcome != "same" %}
## {{ scenario.id | cell }}: {{ scenario.outcome }}

{{ scenario.title | cell }}
({{ scenario.source | cell }}; {{ scenario.covers | join(", ") | cell }}). To look further:
`python -m harness compare reports/runs/{{ result.run }}`
{% if scenario.problem %}
{{ scenario.problem | fenced }}
{% endif %}
{%- for must in scenario.musts %}
* **must**, {{ must.role }}: {{ must.path | code }} {{ must.check }} {{ must.value | json | code }}, found \
{{ "nothing" if must.absent else must.found | json | code }}
{%- endfor %}
{% for title, found in [("", scenario.differences), ("noise, baseline against itself: ", scenario.noise)] -%}
{% for difference in found %}
### {{ title }}{{ difference.path | code }} {{ difference.kind }}\
{{ ", " ~ difference.severity if difference.severity }}\
{{ ", declared by " ~ difference.declared_by if difference.declared_by }}
{% for side, value in difference | sides %}
{{ side }}

{{ value | fenced }}
{% endfor %}{% endfor %}{% endfor %}{% endfor %}"""


def markdown(result: Summary) -> str:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    environment.filters |= {"cell": cell, "code": code, "fenced": fenced, "json": shown, "sides": sides}
    gathered = [
        *by_severity(places(result["scenarios"])),
        ("Where the baseline differs from itself", places(result["scenarios"], "noise")),
    ]
    page = environment.from_string(_TEMPLATE)
    return page.render(
        result=result,
        network=(result.get("made") or {}).get("network"),
        outcomes=outcomes(result["scenarios"]),
        undeclared=undeclared_words(result["totals"]),
        gathered=gathered,
        coverage=by_answer(result["coverage"]["cells"]),
        holes=by_place(result["coverage"]["holes"]),
    )


def cell(text: object) -> str:
    """Text within a table or a line: it ends neither, and is no markup."""
    plain = re.sub(r"\s+", " ", str(text))
    return re.sub(r"([\\`*_|\[\]<>#])", r"\\\1", plain)


def code(text: str) -> str:
    """A code span that may hold backticks (CommonMark, section 6.1), and stand in a table."""
    ticks = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{padding}{text}{padding}{ticks}".replace("|", r"\|").replace("\n", " ")


def fenced(text: str) -> str:
    """A code block that may hold fences (CommonMark, section 4.5)."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
