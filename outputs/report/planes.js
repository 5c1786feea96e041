// Names of regions: in the middle of what is seen of each, inside the frame and beside no other name.
const LINE = 18;
const nameRegions = (pen, box, regions, scales, span) => {
  const placed = [];
  pen.save();
  Object.assign(pen, { font: "bold 16px Helvetica, Arial, sans-serif", textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4, strokeStyle: "#fff" });
  for (const region of regions) {
    const seen = scales.map((scale, n) => region.corners.map((one) => scale(clamp(one[n], ...span[n]))));
    if (seen.some((one) => Math.max(...one) - Math.min(...one) < 1)) continue;
    const half = pen.measureText(region.name).width / 2 + 4;
    const [middle, height] = seen.map((one) => sum(one) / one.length);
    const across = clamp(middle, box.left + half, box.left + box.width - half);
    const isFree = (down) =>
      down >= box.top + LINE / 2 && down <= box.top + box.height - LINE / 2 &&
      placed.every(([a, d, h]) => Math.abs(a - across) >= h + half || Math.abs(d - down) >= LINE);
    const steps = Array.from({ length: 2 * placed.length + 3 }, (_, n) => (n % 2 ? 1 : -1) * Math.ceil(n / 2) * LINE);
    const down = height + (steps.find((step) => isFree(height + step)) ?? 0);
    placed.push([across, down, half]);
    pen.strokeText(region.name, across, down);
    pen.fillStyle = region.colour;
    pen.fillText(region.name, across, down);
  }
  pen.restore();
};

// A plane after every cut.
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
    }
    nameRegions(pen, box, plane.regions, [x, y], span);
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
