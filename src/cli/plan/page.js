// The page: sliders give a point by the formula, and a table can be sorted by each column.
const byId = (id) => document.getElementById(id);
const grouped = (number) => Math.round(number).toLocaleString("en-US");
// Beyond 2^53 a number is not exact.
const counted = (number) => (Number.isSafeInteger(number) ? grouped(number) : `about ${number.toPrecision(4)}`);
const BASES = ["alpha", "beta", "gamma"];
const SLIDERS = ["phi", ...BASES];

function cells(row, texts) {
  texts.forEach((text) => {
    row.insertCell().textContent = text;
  });
}

/** Decimals with which a number is written: at least two. */
function decimals(value) {
  return Math.max(2, (String(value).split(".")[1] ?? "").length);
}

/** The command that writes the network of a point. */
function emitLine({ phi, ...bases }) {
  const words = ["efficientnet-onnx", "emit"];
  if (DATA.family !== "v1") {
    words.push("--family", DATA.family);
  }
  words.push("--phi", phi, "--formula");
  if (BASES.some((name) => bases[name] !== DATA.usual[name])) {
    words.push(...BASES.flatMap((name) => [`--${name}`, bases[name]]));
  }
  if (DATA.baseline.classes !== DATA.usual.classes) {
    words.push("--classes", DATA.baseline.classes);
  }
  return [...words, "-o", `phi-${phi}.onnx`].join(" ");
}

/** Shows the point of the sliders. */
function show() {
  const at = Object.fromEntries(SLIDERS.map((name) => [name, Number(byId(name).value)]));
  SLIDERS.forEach((name) => {
    byId(`${name}-value`).textContent = at[name].toFixed(decimals(byId(name).step));
  });
  const point = pointAt(DATA, at.phi, at);
  const { refused } = point;
  byId("product").textContent = (at.alpha * at.beta ** 2 * at.gamma ** 2).toFixed(4);
  byId("depth").textContent = point.depth.toFixed(4);
  byId("width").textContent = point.width.toFixed(4);
  byId("resolution").textContent = `${point.exact.toFixed(1)} → ${grouped(point.resolution)} pixels`;
  ["parameters", "macs", "predicted"].forEach((name) => {
    byId(name).textContent = refused ? "too large" : counted(Math.round(point[name]));
  });
  byId("emit").textContent = refused
    ? `Too large: ${counted(Math.ceil(refused.found))} ${refused.what}, at most ${grouped(refused.most)}.`
    : emitLine(at);
  const body = byId("stages").tBodies[0];
  body.replaceChildren();
  (point.parts ?? []).forEach((part) => {
    const row = body.insertRow();
    const share = `${((100 * part.macs) / point.macs).toFixed(1)} %`;
    cells(row, [part.name, part.operator, grouped(part.side), grouped(part.channels), String(part.repeats), grouped(part.parameters), counted(part.macs), share]);
    row.cells[1].className = "left";
  });
}

const COLUMNS = [
  ["point", (row) => row.label, (value) => value],
  ["width", (row) => row.width, (value) => value.toFixed(3)],
  ["depth", (row) => row.depth, (value) => value.toFixed(3)],
  ["pixels", (row) => row.resolution, String],
  ["parameters", (row) => row.parameters, grouped],
  ["MACs", (row) => row.macs, counted],
  ["MACs predicted", (row) => row.predicted, grouped],
  ["peak f32, MB", (row) => row.peak, (value) => (value / 1e6).toFixed(1)],
  ["file f32, MB", (row) => row.file, (value) => (value / 1e6).toFixed(1)],
  ["top-1, %", (row) => row.top1, (value) => (value === null ? "" : value.toFixed(1))],
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

/** Sets a slider to a value, and its range and step so that it can have it. */
function place(name, value) {
  const slider = byId(name);
  slider.min = Math.min(Number(slider.min), value);
  slider.max = Math.max(Number(slider.max), value);
  slider.step = (10 ** -decimals(value)).toFixed(decimals(value));
  slider.value = value;
}

function start() {
  byId("family").textContent = `Family ${DATA.family}, ${grouped(DATA.baseline.classes)} classes; made by efficientnet-onnx ${DATA.version}.`;
  SLIDERS.forEach((name) => {
    place(name, DATA.start[name]);
    byId(name).addEventListener("input", show);
  });
  byId("reset").addEventListener("click", () => {
    SLIDERS.forEach((name) => place(name, DATA.start[name]));
    show();
  });
  const head = byId("rows").tHead.rows[0];
  COLUMNS.forEach(([name], index) => {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => fill(index, cell.getAttribute("aria-sort") === "ascending"));
    cell.append(button);
    cell.scope = "col";
    head.append(cell);
  });
  fill(null, false);
  show();
}

start();
