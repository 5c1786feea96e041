"use strict";
// Planes, cut variables and runs of a report, to be looked at closely. Nothing is loaded: all of it is in the page.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const CLOSED = "#b01e1e", INK = "#1b1b1b", QUIET = "#5f6368", ACCENT = "#1f5a92", FILL = "#9dbfdc";
  const COLOURS = ["#d2eeb3", "#a3dbb7", "#62c3c0", "#34a5c4", "#2080b8", "#225da8", "#1f3e92", "#081d58"];
  const MARGIN = { left: 58, right: 14, top: 24, bottom: 44 };
  const ROWS = 100, FONT = "13px Helvetica, Arial, sans-serif";

  // --- small things ---------------------------------------------------------------------------------------------
  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  const round = (value) => Number(value.toPrecision(5));
  const shown = (value) => (Number.isInteger(value) ? String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009") : typeof value === "number" ? String(round(value)) : value);
  const tickOf = (value) => (value >= 1e4 && /^\d0*$/.test(value) ? value.toExponential().replace("e+", "e") : String(value));
  const edgesOf = (axis) =>
    axis.edges || Array.from({ length: axis.bins + 1 }, (_, n) => axis.low + ((axis.high - axis.low) * n) / axis.bins);
  const unitOf = (axis) => (axis.label.match(/\[([^\]]+)\]$/) || [null, ""])[1];
  const nameOf = (axis) => axis.label.replace(/ \[[^\]]+\]$/, "");

  // Last edge that is not above a value.
  const binOf = (edges, value) => Math.max(0, edges.findIndex((edge) => edge > value) - 1);

  const scaleOf = (low, high, start, stop, log) => {
    const [f, back] = log ? [Math.log, Math.exp] : [(x) => x, (x) => x], span = f(high) - f(low);
    const scale = (value) => start + ((f(value) - f(low)) / span) * (stop - start);
    return Object.assign(scale, { invert: (place) => back(f(low) + ((place - start) / (stop - start)) * span) });
  };

  const ticksOf = (low, high, log) => {
    const powers = Array.from({ length: 40 }, (_, n) => 10 ** (n - 20));
    if (log) return powers.filter((power) => power >= low * 0.999999 && power <= high * 1.000001);
    const raw = (high - low) / 6, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
    const first = Math.ceil(low / step - 1e-9), length = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
    return Array.from({ length }, (_, n) => Number(((first + n) * step).toPrecision(12)));
  };

  // A canvas as wide as its place, sharp on every screen; drawn again when the width changes.
  const canvasOf = (height, label, draw) => {
    const canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": label });
    let width = 0;
    const redraw = () => {
      width = canvas.clientWidth;
      if (!width) return;
      const ratio = window.devicePixelRatio || 1;
      const tall = typeof height === "function" ? height(width) : height;
      canvas.style.height = `${tall}px`;
      [canvas.width, canvas.height] = [width, tall].map((side) => Math.round(side * ratio));
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, tall);
      pen.font = FONT;
      draw(pen, width, tall);
    };
    new ResizeObserver(() => { if (canvas.clientWidth !== width) redraw(); }).observe(canvas);
    return { canvas, redraw };
  };

  const drawFrame = (pen, box, x, y, xTicks, yTicks, xLabel, yLabel) => {
    pen.strokeStyle = pen.fillStyle = INK;
    pen.lineWidth = 1;
    pen.strokeRect(box.left, box.top, box.width, box.height);
    pen.textAlign = "center";
    for (const tick of xTicks) {
      pen.fillRect(x(tick), box.top + box.height - 5, 1, 5);
      pen.fillText(tickOf(tick), x(tick), box.top + box.height + 17);
    }
    pen.textAlign = "right";
    for (const tick of yTicks) {
      pen.fillRect(box.left, y(tick), 5, 1);
      pen.fillText(tickOf(tick), box.left - 6, y(tick) + 4);
    }
    pen.fillText(xLabel, box.left + box.width, box.top + box.height + 36);
    pen.save();
    pen.transform(0, -1, 1, 0, 14, box.top);
    pen.fillText(yLabel, 0, 0, box.height + MARGIN.bottom - 4);
    pen.restore();
  };

  const boxOf = (pen, width, height) => {
    pen.fillStyle = QUIET;
    pen.font = "11px Helvetica, Arial, sans-serif";
    if (width > 400) pen.fillText(data.heading, MARGIN.left, 15, width - MARGIN.left - MARGIN.right);
    pen.font = FONT;
    return { ...MARGIN, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  };

  const clipped = (pen, ...sides) => {
    const path = new Path2D();
    path.rect(...sides);
    pen.save();
    pen.clip(path);
  };
  const hatch = (pen, left, top, width, height) => {
    clipped(pen, left, top, width, height);
    pen.strokeStyle = CLOSED;
    pen.globalAlpha = 0.55;
    pen.beginPath();
    for (let x = left - height; x < left + width; x += 7) {
      pen.moveTo(x, top + height);
      pen.lineTo(x + height, top);
    }
    pen.stroke();
    pen.restore();
  };

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  // --- a plane after every cut ----------------------------------------------------------------------------------
  const showPlane = (place, plane) => {
    const edges = plane.axes.map(edgesOf), ny = edges[1].length - 1;
    const last = plane.stages.length - 1;
    let stage = 0, zoomed = false, log = plane.logColour, pointed = null;
    const counts = plane.stages.map((one) => {
      let at = 0;
      return new Map(one.bins.flatMap((step, n) => (n % 2 ? [] : [[(at += step), one.bins[n + 1]]])));
    });
    const isClosed = (x, y) =>
      plane.covered && plane.closed.some((one) =>
        [x, y].every((bin, n) => {
          const [low, high] = one.ends[n], slack = 1e-9 * Math.abs(edges[n][edges[n].length - 1]);
          return (low === null || edges[n][bin] >= low - slack) && (high === null || edges[n][bin + 1] <= high + slack);
        }));
    const title = make("output", { class: "what", "aria-live": "polite" });
    const under = make("output", { class: "what", "aria-live": "polite" });
    let x, y;
    const draw = (pen, width, height) => {
      const box = boxOf(pen, width, height);
      const span = edges.map((one, n) => (zoomed ? plane.zoom[n] : [one[0], one[one.length - 1]]));
      x = scaleOf(span[0][0], span[0][1], box.left, box.left + box.width, plane.axes[0].log);
      y = scaleOf(span[1][0], span[1][1], box.top + box.height, box.top, plane.axes[1].log);
      const bins = counts[stage], most = Math.max(1, ...bins.values()), least = Math.min(1, ...bins.values());
      const colour = (n) => {
        const part = log ? Math.log(n / least) / Math.log(Math.max(most / least, 10)) : n / most;
        return COLOURS[clamp(Math.floor(part * COLOURS.length), 0, COLOURS.length - 1)];
      };
      clipped(pen, box.left, box.top, box.width, box.height);
      for (const [at, n] of bins) {
        const i = Math.floor(at / ny), j = at % ny;
        const left = x(edges[0][i]), bottom = y(edges[1][j]);
        pen.fillStyle = colour(n);
        pen.fillRect(left, y(edges[1][j + 1]), Math.max(x(edges[0][i + 1]) - left, 1) + 0.4, bottom - y(edges[1][j + 1]) + 0.4);
      }
      const sides = (ends) => {
        const [[a, b], [c, d]] = ends.map(([low, high], n) => [low ?? span[n][0], high ?? span[n][1]]);
        return [x(Math.max(a, span[0][0])), y(Math.min(d, span[1][1])), x(Math.min(b, span[0][1])), y(Math.max(c, span[1][0]))];
      };
      for (const one of plane.closed) {
        const [left, top, right, bottom] = sides(one.ends);
        if (plane.covered) {
          pen.fillStyle = "#fff";
          pen.fillRect(left, top, right - left, bottom - top);
          hatch(pen, left, top, right - left, bottom - top);
        }
        pen.strokeStyle = CLOSED;
        pen.setLineDash([5, 3]);
        pen.strokeRect(left, top, right - left, bottom - top);
        pen.setLineDash([]);
        const [l, t, r, b] = one.box.length ? sides(one.box) : [0, 0, 0, 0];
        pen.strokeRect(l, t, r - l, b - t);
      }
      pen.lineWidth = 1.8;
      for (const region of plane.regions) {
        pen.strokeStyle = region.colour;
        pen.beginPath();
        for (const [a, b] of [...region.corners, region.corners[0]]) pen.lineTo(x(a), y(b));
        pen.stroke();
        const centre = [0, 1].map((n) => sum(region.corners.map((one) => one[n])) / region.corners.length);
        pen.font = "bold 16px Helvetica, Arial, sans-serif";
        pen.fillStyle = region.colour;
        pen.fillText(region.name, x(centre[0]), y(centre[1]));
        pen.font = FONT;
      }
      if (pointed) {
        const [i, j] = pointed;
        pen.strokeStyle = INK;
        pen.strokeRect(x(edges[0][i]) - 1, y(edges[1][j + 1]) - 1, x(edges[0][i + 1]) - x(edges[0][i]) + 2, y(edges[1][j]) - y(edges[1][j + 1]) + 2);
      }
      pen.restore();
      const ticks = span.map((one, n) => ticksOf(one[0], one[1], plane.axes[n].log));
      drawFrame(pen, box, x, y, ticks[0], ticks[1], plane.axes[0].label, plane.axes[1].label);
      title.textContent = `${plane.stages[stage].title}: ${shown(sum([...bins.values()]))} in the plane, at most ${shown(most)} a bin${plane.stages[stage].rest}`;
    };
    const { canvas, redraw } = canvasOf((width) => Math.min(0.78 * width, 560), `${plane.label}; arrow keys read bins`, draw);
    const point = (i, j) => {
      pointed = [clamp(i, 0, edges[0].length - 2), clamp(j, 0, ny - 1)];
      const [a, b] = pointed;
      const where = [a, b].map((bin, n) =>
        `${nameOf(plane.axes[n])} ${round(edges[n][bin])} to ${round(edges[n][bin + 1])} ${unitOf(plane.axes[n])}`.trim());
      const n = counts[stage].get(a * ny + b) || 0;
      under.textContent = `${where.join(", ")}: ${isClosed(a, b) ? "hidden, nothing is known of it" : `${shown(n)} event${n === 1 ? "" : "s"}`}`;
      redraw();
    };
    canvas.addEventListener("pointermove", (event) => {
      const inside = canvas.getBoundingClientRect();
      const at = [x.invert(event.clientX - inside.left), y.invert(event.clientY - inside.top)];
      if (at.every((value, n) => value >= edges[n][0] && value < edges[n][edges[n].length - 1])) point(binOf(edges[0], at[0]), binOf(edges[1], at[1]));
    });
    canvas.addEventListener("keydown", (event) => {
      const step = arrows[event.key];
      if (!step) return;
      event.preventDefault();
      point(...(pointed || [0, 0]).map((at, n) => at + step[n]));
    });
    const slider = make("input", { type: "range", min: 0, max: last, value: 0, "aria-label": "cut", oninput: () => {
      stage = Number(slider.value);
      slider.setAttribute("aria-valuetext", plane.stages[stage].title);
      if (pointed) point(...pointed); else redraw();
    } });
    const toggle = (text, checked, change) =>
      make("label", {}, make("input", { type: "checkbox", checked, onchange: (event) => { change(event.target.checked); redraw(); } }), ` ${text}`);
    const bar = make("div", { class: "bar" }, make("label", { class: "wide" }, "after each cut ", slider), toggle("logarithmic", log, (on) => { log = on; }));
    if (plane.zoom) bar.append(toggle("zoom to the guard band", false, (on) => { zoomed = on; }));
    place.append(bar, title, canvas, under);
    slider.dispatchEvent(new Event("input"));
  };

  // --- cut variables, with bounds that can be dragged -----------------------------------------------------------
  const showVariable = (place, one) => {
    const edges = edgesOf(one.axis), n = edges.length - 1, unit = unitOf(one.axis);
    const nearest = (value) => edges.reduce((best, edge, at) => (Math.abs(edge - value) < Math.abs(edges[best] - value) ? at : best), 0);
    const between = (value) => value !== null && value > edges[0] && value < edges[n];
    const stated = [between(one.bounds[0]) ? nearest(one.bounds[0]) : 0, between(one.bounds[1]) ? nearest(one.bounds[1]) : n];
    if (stated[0] >= stated[1]) stated.splice(0, 2, Math.max(0, stated[1] - 1), Math.max(1, stated[1]));
    let at = [...stated], held = null, x;
    const whole = sum(one.counts);
    const out = make("output", { class: "what", "aria-live": "polite" });
    const read = () => {
      const kept = sum(one.counts.slice(at[0] ? at[0] + 1 : 0, at[1] < n ? at[1] + 1 : n + 2));
      const name = nameOf(one.axis), sides = [at[0] ? `${round(edges[at[0]])} ≤ ` : "", at[1] < n ? ` < ${round(edges[at[1]])}` : ""];
      const share = whole ? kept / whole : 0;
      const error = one.weighted || !whole ? "" : ` ± ${Number((100 * Math.sqrt(((kept + 1) * (whole - kept + 1)) / ((whole + 2) ** 2 * (whole + 3)))).toPrecision(2))}`;
      out.textContent = `this bound alone, on edges of bins: ${sides[0]}${name}${sides[1]}${unit && (sides[0] || sides[1]) ? ` ${unit}` : ""}: ${Number((100 * share).toFixed(2))}${error} % of ${shown(whole)}`;
    };
    const draw = (pen, width, height) => {
      const box = boxOf(pen, width, height), most = Math.max(3, ...one.counts.slice(1, -1)) * 2;
      x = scaleOf(edges[0], edges[n], box.left, box.left + box.width, one.axis.log);
      const level = (count) => Math.log(1 + count) / Math.log(1 + most);
      const y = (count) => box.top + box.height - level(count) * box.height;
      const steps = (first, stop) => {
        pen.beginPath();
        pen.moveTo(x(edges[first]), y(0));
        for (let i = first; i < stop; i++) {
          pen.lineTo(x(edges[i]), y(one.counts[i + 1]));
          pen.lineTo(x(edges[i + 1]), y(one.counts[i + 1]));
        }
        pen.lineTo(x(edges[stop]), y(0));
      };
      steps(at[0], at[1]);
      pen.fillStyle = FILL;
      pen.fill();
      steps(0, n);
      pen.strokeStyle = ACCENT;
      pen.stroke();
      hatch(pen, box.left, box.top, x(edges[at[0]]) - box.left, box.height);
      hatch(pen, x(edges[at[1]]), box.top, box.left + box.width - x(edges[at[1]]), box.height);
      pen.fillStyle = CLOSED;
      for (const edge of at) pen.fillRect(x(edges[edge]) - 1, box.top, 2.5, box.height);
      const ticks = ticksOf(1, most, true).filter((_, power) => most < 1e4 || power % 2 === 0);
      drawFrame(pen, box, x, y, ticksOf(edges[0], edges[n], one.axis.log), [0, ...ticks], one.axis.label, "events");
      read();
    };
    const { canvas, redraw } = canvasOf(215, `${one.title}: ${one.axis.label}; arrow keys move the upper bound, with shift the lower one`, draw);
    const move = (which, edge) => { at[which] = which ? clamp(edge, at[0] + 1, n) : clamp(edge, 0, at[1] - 1); redraw(); };
    const edgeAt = (event) => nearest(x.invert(clamp(event.clientX - canvas.getBoundingClientRect().left, MARGIN.left, canvas.clientWidth - MARGIN.right)));
    canvas.addEventListener("pointerdown", (event) => {
      const place = event.clientX - canvas.getBoundingClientRect().left;
      held = Math.abs(place - x(edges[at[0]])) < Math.abs(place - x(edges[at[1]])) ? 0 : 1;
      canvas.setPointerCapture(event.pointerId);
      move(held, edgeAt(event));
    });
    canvas.addEventListener("pointermove", (event) => { if (held !== null) move(held, edgeAt(event)); });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
    canvas.addEventListener("keydown", (event) => {
      const step = arrows[event.key];
      if (!step || !step[0]) return;
      event.preventDefault();
      move(event.shiftKey ? 0 : 1, at[event.shiftKey ? 0 : 1] + step[0]);
    });
    canvas.addEventListener("dblclick", () => { at = [...stated]; redraw(); });
    place.append(make("figure", { class: "variable" }, make("figcaption", {}, make("strong", {}, one.title), make("br"), [one.said, one.meaning, one.kept && `the whole cut ${one.kept}`].filter(Boolean).join("; ")), canvas, out));
  };

  // --- runs: a table that sorts and filters, and plots that lead to it ------------------------------------------
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

  // --- the page -------------------------------------------------------------------------------------------------
  document.documentElement.classList.add("js");
  data.planes.forEach((plane, n) => { if (plane.stages.length) showPlane(document.getElementById(`live-plane-${n}`), plane); });
  for (const one of data.variables) showVariable(document.getElementById("live-variables"), one);
  showRuns(document.getElementById("live-runs"), document.getElementById("live-yields"), data.runs);
  const folds = [...document.querySelectorAll("details.fold")];
  for (const fold of folds) fold.open = false;
  addEventListener("beforeprint", () => folds.forEach((fold) => { fold.dataset.was = fold.open ? "1" : ""; fold.open = true; }));
  addEventListener("afterprint", () => folds.forEach((fold) => { fold.open = fold.dataset.was === "1"; }));
})();
