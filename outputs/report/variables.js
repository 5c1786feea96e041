// Cut variables, with bounds that can be dragged.
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
