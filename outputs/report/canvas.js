// What every view draws with. Nothing is loaded: all that is shown is in the page.
const data = JSON.parse(document.getElementById("data").textContent);
const CLOSED = "#b01e1e", INK = "#1b1b1b", QUIET = "#5f6368", ACCENT = "#1f5a92", FILL = "#9dbfdc";
const COLOURS = ["#d2eeb3", "#a3dbb7", "#62c3c0", "#34a5c4", "#2080b8", "#225da8", "#1f3e92", "#081d58"];
const MARGIN = { left: 58, right: 14, top: 24, bottom: 44 };
const ROWS = 100, FONT = "13px Helvetica, Arial, sans-serif";

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
