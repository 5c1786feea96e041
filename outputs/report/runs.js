// Runs: a table that sorts and filters, and plots that lead to it.
const showRuns = (place, plots, runs) => {
  let sorted = 0, falling = false, page = 0, chosen = null;
  const filter = make("input", { type: "search", placeholder: "8701, 8700-8750, 2023A", "aria-label": "runs or period", oninput: () => { page = 0; fill(); } });
  const body = make("tbody"), note = make("output", { class: "what", "aria-live": "polite" });
  const heads = runs.columns.map((name, at) =>
    make("th", { class: at === 1 ? "text" : null, "aria-sort": "none" }, make("button", { type: "button", onclick: () => {
      [falling, sorted, page] = [sorted === at ? !falling : at > 1, at, 0];
      fill();
    } }, name)));
  const fits = (row) => {
    const words = filter.value.trim().split(/[\s,]+/).filter(Boolean);
    return !words.length || words.some((word) => {
      const span = word.match(/^(\d+)-(\d+)$/);
      return span ? row[0] >= Number(span[1]) && row[0] <= Number(span[2]) : String(row[0]) === word || String(row[1]).toLowerCase().includes(word.toLowerCase()) || (word.length < 4 && String(row[0]).includes(word));
    });
  };
  const compare = (a, b) => {
    if (a[sorted] === null || b[sorted] === null) return (a[sorted] === null) - (b[sorted] === null);
    return (a[sorted] < b[sorted] ? -1 : a[sorted] > b[sorted] ? 1 : a[0] - b[0]) * (falling ? -1 : 1);
  };
  const turn = (step) => make("button", { type: "button", onclick: () => { page += step; fill(); } }, step < 0 ? "previous" : "next");
  const back = turn(-1), on = turn(1);
  const fill = () => {
    const found = runs.rows.filter(fits).sort(compare), pages = Math.max(1, Math.ceil(found.length / ROWS));
    page = clamp(page, 0, pages - 1);
    [back.disabled, on.disabled] = [page === 0, page === pages - 1];
    back.hidden = on.hidden = pages === 1;
    body.replaceChildren(...found.slice(page * ROWS, (page + 1) * ROWS).map((row) => {
      const cells = row.map((value, at) => make(at ? "td" : "th", { class: at === 1 ? "text" : null }, value === null ? "–" : at === 0 ? String(value) : at === 2 ? value.toExponential(2).replace("e+", "e") : shown(value)));
      return make("tr", { class: row[0] === chosen ? "stage" : null }, ...cells);
    }));
    heads.forEach((head, at) => head.setAttribute("aria-sort", at === sorted ? (falling ? "descending" : "ascending") : "none"));
    note.textContent = `${shown(found.length)} of ${shown(runs.rows.length)} runs${pages > 1 ? `, page ${page + 1} of ${pages}` : ""}`;
  };
  const choose = (run) => {
    [chosen, filter.value, page] = [run, String(run), 0];
    fill();
    place.scrollIntoView({ block: "nearest" });
  };
  place.append(make("div", { class: "bar" }, make("label", {}, "show ", filter), note, back, on),
    make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)));
  fill();
  for (const one of runs.yields) showYield(plots, runs, one, choose);
};

const showYield = (place, runs, one, choose) => {
  const kept = runs.rows.map((_, n) => n).filter((n) => runs.shown[n] && runs.exposure[n] > 0);
  const rate = kept.map((n) => runs.rows[n][one.column] / runs.exposure[n]);
  const error = [0, 1].map((side) => kept.map((n) => one.errors[side][n] / runs.exposure[n]));
  if (!kept.length || !rate.some((value) => value > 0)) return;
  const what = `${one.title} per ${runs.unit}`, mean = sum(kept.map((n) => runs.rows[n][one.column])) / sum(kept.map((n) => runs.exposure[n]));
  const under = make("output", { class: "what", "aria-live": "polite" });
  const first = runs.rows[kept[0]][0], last = runs.rows[kept[kept.length - 1]][0];
  let x, pointed = null;
  const draw = (pen, width, height) => {
    const box = boxOf(pen, width, height), top = 1.2 * Math.max(...rate.map((value, n) => value + error[1][n]));
    x = scaleOf(first - 0.5, last + 0.5, box.left, box.left + box.width);
    const y = scaleOf(0, top, box.top + box.height, box.top);
    pen.fillStyle = pen.strokeStyle = one.colour;
    kept.forEach((n, k) => {
      const place = x(runs.rows[n][0]);
      pen.globalAlpha = kept.length > 300 ? 0.15 : 1;
      pen.fillRect(place - 0.5, y(rate[k] + error[1][k]), 1, y(rate[k] - error[0][k]) - y(rate[k] + error[1][k]));
      pen.globalAlpha = 1;
      pen.beginPath();
      pen.arc(place, y(rate[k]), k === pointed ? 6 : kept.length > 300 ? 1.5 : 3, 0, 7);
      pen.fill();
    });
    pen.fillStyle = INK;
    for (let dash = box.left; dash < box.left + box.width; dash += 9) pen.fillRect(dash, y(mean), 5, 1);
    drawFrame(pen, box, x, y, ticksOf(first, last).filter(Number.isInteger), ticksOf(0, top).slice(0, -1), "run", what);
  };
  const { canvas, redraw } = canvasOf(190, `${what} by run; arrow keys read runs, enter shows one in the table`, draw);
  const point = (at) => {
    pointed = clamp(at, 0, kept.length - 1);
    const row = runs.rows[kept[pointed]];
    under.textContent = `run ${row[0]}: ${shown(row[one.column])} ${one.title}, ${shown(round(rate[pointed]))} per ${runs.unit}; all runs ${shown(round(mean))}`;
    redraw();
  };
  const nearest = (event) => {
    const run = x.invert(event.clientX - canvas.getBoundingClientRect().left);
    return kept.reduce((best, n, at) => (Math.abs(runs.rows[n][0] - run) < Math.abs(runs.rows[kept[best]][0] - run) ? at : best), 0);
  };
  canvas.addEventListener("pointermove", (event) => point(nearest(event)));
  canvas.addEventListener("click", (event) => { point(nearest(event)); choose(runs.rows[kept[pointed]][0]); });
  canvas.addEventListener("keydown", (event) => {
    const step = arrows[event.key];
    if (event.key === "Enter" && pointed !== null) choose(runs.rows[kept[pointed]][0]);
    if (!step || !step[0]) return;
    event.preventDefault();
    point(pointed === null ? 0 : pointed + step[0]);
  });
  place.append(make("figure", { class: "yield" }, make("figcaption", {}, make("strong", {}, what), " by run; bars: central 68 % intervals; dashed: all runs"), canvas, under));
};
