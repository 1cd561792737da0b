"use strict";
(async () => {
  const FIRST = 25; // rows that are there at once
  const MORE = 200; // and each time that more are asked for
  const AROUND = 4; // equal lines that are shown before and after a difference
  const $ = (id) => document.getElementById(id);

  // Every text goes in as text: what was on the wire is never markup here.
  const make = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const drawn = (name, attributes = {}, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const unpack = async (id) => {
    const binary = atob($(id).textContent);
    const bytes = Uint8Array.from(binary, (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  // --- light and dark
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* a file's page may not */ }
    drawCharts();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts());

  const { rows, charts, why } = await unpack("blob-rows");
  let details = null;
  const detailOf = async (id) => {
    details ??= unpack("blob-details");
    const { lines, details: all } = await details;
    return { lines, detail: all[id] };
  };

  // --- the matrix and its filters
  const filters = { text: $("f-text"), client: $("f-client"), outcome: $("f-outcome"), covers: $("f-covers") };
  const searched = rows.map(([id, , outcome, title, covers, , , names]) =>
    [id, outcome, title, ...covers, ...names].join(" ").toLowerCase());
  let shown = [];
  let upTo = 0;

  const matches = () => {
    const words = filters.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { client, outcome, covers } = filters;
    return rows.filter((row, n) =>
      (!client.value || row[1] === client.value) && (!outcome.value || row[2] === outcome.value) &&
      (!covers.value || row[4].includes(covers.value)) && words.every((word) => searched[n].includes(word)));
  };
  const plural = (count, what) => (count ? `${count} ${what}` : null);
  const rowNode = ([id, , outcome, title, , undeclared, declared, , replays, cosmetic = 0]) => {
    const numbers = [plural(undeclared - cosmetic, "undeclared"), plural(cosmetic, "cosmetic"), plural(declared, "declared"), plural(replays, "replays")];
    const node = make("details", { class: "row", "data-id": id },
      make("summary", {},
        make("span", { class: `outcome ${outcome}` }, outcome), make("span", { class: "id" }, id),
        make("span", { class: "numbers" }, numbers.filter(Boolean).join(", ")), make("span", { class: "title" }, title)));
    node.addEventListener("toggle", () => { if (node.open && node.childElementCount === 1) open(node, id); });
    return node;
  };
  const more = () => {
    const part = shown.slice(upTo, upTo + (upTo ? MORE : FIRST));
    upTo += part.length;
    $("rows").append(...part.map(rowNode));
    $("more").hidden = upTo >= shown.length;
    $("more").textContent = `Show more (${shown.length - upTo} left)`;
  };
  const apply = () => {
    shown = matches();
    upTo = 0;
    $("rows").replaceChildren();
    more();
    $("count").textContent = `${shown.length} of ${rows.length} scenarios`;
    for (const cell of document.querySelectorAll(".cell"))
      cell.setAttribute("aria-pressed",
        cell.dataset.client === filters.client.value && cell.dataset.outcome === filters.outcome.value);
  };
  const only = (chosen) => {
    for (const [name, field] of Object.entries(filters)) field.value = chosen[name] ?? "";
    apply();
  };

  // --- one scenario
  const badge = (word, tone) => make("span", { class: `badge ${tone}` }, word);
  const sides = (baseline, candidate) => {
    const side = (role, text) => [make("dt", { class: `who-${role}` }, role),
      make("dd", {}, text === null ? make("span", { class: "muted" }, "nothing") : make("pre", {}, text))];
    return make("dl", { class: "sides" }, ...side("baseline", baseline), ...side("candidate", candidate));
  };
  const differenceNode = (tone) => ([path, kind, by, baseline, candidate]) => {
    const declared = by && why[by];
    return make("div", { class: `difference ${tone ?? (by ? "good" : "bad")}` },
      make("p", {}, make("code", {}, path), " ", make("span", { class: "muted" }, kind)), sides(baseline, candidate),
      by ? make("p", {}, "allowed by ", make("b", {}, by), declared ? `: ${declared.why} ` : "",
        declared?.better ? badge("better", "good") : null,
        declared ? make("span", { class: "muted" }, ` since ${declared.since}${declared.until ? `, until ${declared.until}` : ""}`) : null)
        : null);
  };
  const section = (title, note, ...nodes) =>
    nodes.length ? [make("h4", {}, title, " ", make("small", {}, note)), ...nodes] : [];

  const faceNode = ([name, runs, left, right], lines) => {
    const differs = runs.some((run) => run.length === 2);
    const node = make("details", { class: "face" },
      make("summary", {}, name, " ", make("small", {}, differs ? "" : "the same on both")));
    if (differs) { node.firstChild.append(badge("differs", "unsure")); node.open = true; }
    const fill = () => { if (node.childElementCount === 1) node.append(pairNode(runs, left, right, lines)); };
    if (node.open) fill(); else node.addEventListener("toggle", fill, { once: true });
    return node;
  };
  const twice = (line) => [make("div", {}, line), make("div", { class: "same-right other", "aria-hidden": "true" }, line)];
  // Between differences, equal lines are folded: what differs is what is looked for.
  const equalNodes = (equal, fold) => {
    if (!fold || equal.length <= 2 * AROUND + 2) return equal.flatMap(twice);
    const hidden = equal.slice(AROUND, -AROUND);
    const button = make("button", { type: "button" }, `${hidden.length} equal lines`);
    const gap = make("div", { class: "gap" }, button);
    button.addEventListener("click", () => gap.replaceWith(...hidden.flatMap(twice)));
    return [...equal.slice(0, AROUND).flatMap(twice), gap, ...equal.slice(-AROUND).flatMap(twice)];
  };
  const pairNode = (runs, left, right, lines) => {
    const grid = make("div", { class: "pair" },
      make("div", { class: "head who-baseline l0" }, "baseline"), make("div", { class: "head who-candidate r0 other" }, "candidate"));
    let i = 0;
    let j = 0;
    for (const [one, other] of runs) {
      if (one < 0) { grid.append(make("div", { class: "gap" }, `${-one} more lines: see the whole`)); continue; }
      if (other === undefined) grid.append(...equalNodes(left.slice(i, i + one).map((n) => lines[n]), runs.length > 1));
      else for (let n = 0; n < Math.max(one, other); n++) {
        const ours = n < one ? lines[left[i + n]] : null;
        const theirs = n < other ? lines[right[j + n]] : null;
        grid.append(make(ours === null ? "div" : "del", { class: ours === null ? "none" : "l" }, ours ?? ""),
          make(theirs === null ? "div" : "ins", { class: theirs === null ? "none other" : "r other" }, theirs ?? ""));
      }
      i += one;
      j += other ?? 0;
    }
    return grid;
  };

  const step = (most, parts) => {
    const rough = most / parts;
    const ten = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= rough);
  };
  const timelineNode = (lanes, room) => {
    const width = Math.max(300, room);
    const [left, right, height] = [width < 600 ? 92 : 150, width < 600 ? 44 : 80, 20];
    const groups = Object.entries(lanes);
    const most = Math.max(1, ...groups.flatMap(([, each]) => each.map((lane) => lane[2])));
    const x = (at) => left + (at / most) * (width - left - right);
    const tall = groups.reduce((sum, [, each]) => sum + each.length * height + 26, 22);
    const svg = drawn("svg", { width, height: tall, viewBox: `0 0 ${width} ${tall}`, role: "img",
      "aria-label": "When each exchange began and ended, and when its events came: the baseline above, the candidate below" });
    for (let at = 0, by = step(most, (width - left - right) / 110); at <= most; at += by)
      svg.append(drawn("line", { class: "grid", x1: x(at), x2: x(at), y1: 0, y2: tall - 18 }),
        drawn("text", { x: x(at), y: tall - 5, "text-anchor": "middle" }, `${+at.toFixed(1)} ms`));
    let y = 0;
    for (const [role, each] of groups) {
      const group = drawn("g", { class: role }, drawn("text", { class: `role ${role}`, x: 8, y: y + 17 }, role));
      y += 24;
      for (const [name, start, end, how, ticks, leftOut] of each) {
        group.append(drawn("text", { x: 20, y: y + 13 }, name),
          drawn("rect", { x: x(start), y: y + 4, width: Math.max(1.5, x(end) - x(start)), height: 11, rx: 2 }));
        for (const [at, label] of ticks)
          group.append(drawn("line", { class: "tick", x1: x(at), x2: x(at), y1: y + 3, y2: y + 16 },
            drawn("title", {}, `${label}: ${at} ms`)));
        group.append(drawn("text", { x: x(end) + 7, y: y + 13 }, how + (leftOut ? ` (${leftOut} not drawn)` : "")));
        y += height;
      }
      svg.append(group);
      y += 2;
    }
    return make("div", { class: "timeline", tabindex: "0", role: "group", "aria-label": "Timeline" }, svg);
  };

  const curlNode = (text) => {
    const copy = make("button", { type: "button" }, "Copy");
    copy.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); copy.textContent = "Copied"; } catch { copy.textContent = "Select it, and copy"; }
    });
    return make("div", {}, make("div", { class: "with-button" }, copy), make("pre", { class: "curl", tabindex: "0" }, text));
  };

  const open = async (node, id) => {
    const box = make("div", { class: "detail" });
    node.append(box);
    const { lines, detail } = await detailOf(id);
    if (!detail) {
      box.append(make("p", { class: "absent" }, "Left out, so that this page stays small: ", make("code", {}, `python -m harness explain ${id}`)));
      return;
    }
    const covers = rows.find((row) => row[0] === id)[4];
    const whole = Object.entries(detail.lines).map(([role, line]) => `${role}: line ${line}`).join(", ");
    const cosmetic = detail.differences.filter((one) => !one[2] && one[5] === "cosmetic");
    const undeclared = detail.differences.filter((one) => !one[2] && one[5] !== "cosmetic");
    const declared = detail.differences.filter((one) => one[2]);
    box.append(...[
      make("p", { class: "meta" }, ...covers.map((word) => make("span", { class: "tag" }, word)), ` ${detail.source}`),
      detail.problem && make("p", {}, badge("problem", "bad"), ` ${detail.problem}`),
      ...section("Undeclared differences", "", ...undeclared.map(differenceNode())),
      ...section("Cosmetic differences", "undeclared, but no client can see them", ...cosmetic.map(differenceNode("unsure"))),
      ...section("The baseline differs from itself", "", ...detail.noise.map(differenceNode("unsure"))),
      ...section("Musts that did not hold", "", ...detail.musts.map(([role, path, check, value, found]) =>
        make("p", {}, make("b", {}, role), " ", make("code", {}, `${path} ${check} ${value}`), ", found ", make("code", {}, found)))),
      ...section("Differences that are declared", "", ...declared.map(differenceNode())),
      ...(detail.faces.length ? section("When", "events as they came, the baseline above; runs share a machine, so that the order says more than the milliseconds", timelineNode(detail.lanes, box.clientWidth - 40)) : []),
      ...section("Side by side", `what is volatile has a name; long texts are cut. The whole: observations.ndjson, ${whole}`,
        ...detail.faces.map((face) => faceNode(face, lines))),
      ...section("Again", "with the gateway's key in $KEY", ...detail.curls.map(curlNode)),
    ].filter(Boolean));
  };

  // --- charts
  let plots = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const nines = (at) => { const share = 100 * (1 - 10 ** -at); return `p${+share.toFixed(share > 99 ? 1 : 0)}`; };
  const figure = (value) => value == null ? "-" : value >= 100 ? value.toFixed(0) : +value.toPrecision(3) + "";
  const drawCharts = () => {
    plots.forEach((plot) => plot.destroy());
    plots = charts.map((chart) => {
      const box = $(`chart-${chart.id}`);
      if (!box) return null;
      const percentile = chart.across === "percentile";
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui" };
      const across = percentile
        ? { ...axis, splits: () => [0, 0.301, 1, 2, 3], values: (_, all) => all.map(nines) }
        : { ...axis, values: (_, all) => all.map((at) => at + (chart.across === "seconds" ? " s" : chart.across === "minutes" ? " min" : "")) };
      return new uPlot({
        width: Math.max(200, box.clientWidth - 30), height: 220,
        scales: { x: { time: false }, y: { range: (_, low, high) => [0, high * 1.08 || 1] } },
        axes: [across, { ...axis, size: 52, values: (_, all) => all.map(figure) }],
        series: [{ label: chart.across, value: (_, at) => at == null ? "" : percentile ? nines(at) : figure(at) },
          ...chart.names.map((name) => ({ label: name, stroke: colour(`--${name}`) || colour("--soft"), width: 2, spanGaps: true,
            points: { show: chart.columns[0].length < 30, size: 5 }, value: (_, y) => y == null ? "" : `${figure(y)} ${chart.unit}` }))],
      }, chart.columns, box);
    }).filter(Boolean);
  };
  let resizing = 0;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(drawCharts, 150); });

  // --- what the reader does
  if ($("filters")) {
    for (const field of Object.values(filters)) field.addEventListener("input", apply);
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("filters").addEventListener("reset", () => only({}));
    $("more").addEventListener("click", more);
    document.addEventListener("click", ({ target }) => {
      const cell = target.closest?.(".cell");
      if (cell) only(cell.getAttribute("aria-pressed") === "true" ? {} : { client: cell.dataset.client, outcome: cell.dataset.outcome });
      const link = target.closest?.("[data-text]");
      if (link) { only({ text: link.dataset.text }); filters.text.focus(); }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); filters.text.focus(); }
      if (event.key === "Escape" && event.target === filters.text) only({ ...Object.fromEntries(Object.entries(filters).map(([name, field]) => [name, field.value])), text: "" });
    });
    const named = decodeURIComponent(location.hash).match(/^#scenario=(.+)$/)?.[1];
    only({ text: named ?? "" });
    if (named) document.querySelector(`.row[data-id="${CSS.escape(named)}"]`)?.setAttribute("open", "");
  }
  drawCharts();
  document.documentElement.dataset.ready = "true";
})();
