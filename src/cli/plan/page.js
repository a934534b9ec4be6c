// The page: sliders give a point by the formula, and a table can be sorted by each column.
const byId = (id) => document.getElementById(id);
const grouped = (number) => Math.round(number).toLocaleString("en-US");
const SLIDERS = ["phi", "alpha", "beta", "gamma"];

/** A point by the formula, with exact cost. */
function pointAt(phi, { alpha, beta, gamma }) {
  const [width, depth] = [Math.pow(beta, phi), Math.pow(alpha, phi)];
  const exact = 224 * Math.pow(gamma, phi);
  const resolution = roundResolution(Math.pow(gamma, phi));
  const all = parts(DATA.baseline, width, depth, resolution);
  const base = total(parts(DATA.baseline, 1, 1, 224));
  const factor = depth * width * width * (exact / 224) ** 2;
  return { width, depth, exact, resolution, parts: all, ...total(all), predicted: base.macs * factor };
}

function cells(row, texts) {
  texts.forEach((text) => {
    row.insertCell().textContent = text;
  });
}

/** Shows the point of the sliders. */
function show() {
  const at = Object.fromEntries(SLIDERS.map((name) => [name, Number(byId(name).value)]));
  SLIDERS.forEach((name) => {
    byId(`${name}-value`).textContent = at[name].toFixed(2);
  });
  const point = pointAt(at.phi, at);
  byId("product").textContent = (at.alpha * at.beta ** 2 * at.gamma ** 2).toFixed(4);
  byId("depth").textContent = point.depth.toFixed(4);
  byId("width").textContent = point.width.toFixed(4);
  byId("resolution").textContent = `${point.exact.toFixed(1)} → ${point.resolution}`;
  byId("parameters").textContent = grouped(point.parameters);
  byId("macs").textContent = grouped(point.macs);
  byId("predicted").textContent = grouped(point.predicted);
  const family = DATA.family === "v1" ? "" : ` --family ${DATA.family}`;
  const usual = DATA.paper;
  const isUsual = ["alpha", "beta", "gamma"].every((name) => at[name] === usual[name]);
  const bases = isUsual ? "" : ` --alpha ${at.alpha} --beta ${at.beta} --gamma ${at.gamma}`;
  byId("emit").textContent = `efficientnet-onnx emit${family} --phi ${at.phi} --formula${bases} -o phi-${at.phi}.onnx`;
  const body = byId("stages").tBodies[0];
  body.replaceChildren();
  point.parts.forEach((part) => {
    const row = body.insertRow();
    const share = `${((100 * part.macs) / point.macs).toFixed(1)} %`;
    cells(row, [part.name, part.operator, String(part.side), grouped(part.channels), String(part.repeats), grouped(part.parameters), grouped(part.macs), share]);
    row.cells[1].className = "left";
  });
}

const COLUMNS = [
  ["point", (row) => row.label, (value) => value],
  ["width", (row) => row.width, (value) => value.toFixed(3)],
  ["depth", (row) => row.depth, (value) => value.toFixed(3)],
  ["pixels", (row) => row.resolution, String],
  ["parameters", (row) => row.parameters, grouped],
  ["MACs", (row) => row.macs, grouped],
  ["MACs predicted", (row) => row.predicted, grouped],
  ["peak f32, MB", (row) => row.peak, (value) => (value / 1e6).toFixed(1)],
  ["file f32, MB", (row) => row.file, (value) => (value / 1e6).toFixed(1)],
  ["top-1, %", (row) => row.top1, (value) => (value === null ? "" : String(value))],
];

/** Fills the table of rows, by a column if one is given; what has no value comes last. */
function fill(column, descending) {
  const rows = [...DATA.rows];
  if (column !== null) {
    const value = COLUMNS[column][1];
    const sign = descending ? -1 : 1;
    rows.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === null || b === null) {
        return (a === null) - (b === null);
      }
      return typeof a === "string" ? sign * a.localeCompare(b, "en", { numeric: true }) : sign * (a - b);
    });
  }
  const body = byId("rows").tBodies[0];
  body.replaceChildren();
  rows.forEach((row) => cells(body.insertRow(), COLUMNS.map(([, value, shown]) => shown(value(row)))));
  [...byId("rows").tHead.rows[0].cells].forEach((cell, index) => {
    cell.setAttribute("aria-sort", index === column ? (descending ? "descending" : "ascending") : "none");
  });
}

function start() {
  byId("family").textContent = `Family ${DATA.family}, ${grouped(DATA.baseline.classes)} classes; made by efficientnet-onnx ${DATA.version}. Costs of one image.`;
  SLIDERS.forEach((name) => {
    byId(name).value = name === "phi" ? 1 : DATA.paper[name];
    byId(name).addEventListener("input", show);
  });
  const head = byId("rows").tHead.rows[0];
  COLUMNS.forEach(([name], index) => {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => fill(index, cell.getAttribute("aria-sort") === "ascending"));
    cell.append(button);
    head.append(cell);
  });
  fill(null, false);
  show();
}

if (typeof document !== "undefined") {
  start();
}
