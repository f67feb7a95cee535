"use strict";

// The page of scans: sources or currents on the scan, maps of the predicted levels, and cross-sections through a point.

const MICRO = 1e-6;
const MARGIN = { l: 52, r: 86, t: 8, b: 44 };
const UNITS = { E: "dB(\u00b5V/m)", H: "dB(\u00b5A/m)" };
const OVER_BOARD = 0.6;
const SMALL = 6;
const CLEAR = "rgba(0, 0, 0, 0)";
const SIGNS = {
  electric: { symbol: "diamond", fill: "#ffffff", edge: "#000000", least: 9, more: 7, width: 2 },
  magnetic: { symbol: "circle", fill: "rgba(0, 0, 0, 0.35)", edge: "#ffffff", least: 9, more: 7, width: 2 },
  upright: { symbol: "circle", fill: "#ffffff", edge: "#000000", least: 5, more: 5, width: 1.5 },
  none: { symbol: "circle", fill: CLEAR, edge: CLEAR, least: 8, more: 0, width: 0 },
};
const OF_SOURCES = new Set(["electric", "magnetic"]);

/** Peak values as effective levels in dB above one millionth. */
function rmsLevels(values) {
  return values.map((value) => 20 * Math.log10(value / Math.SQRT2 / MICRO));
}

/** From `deepest` below the highest level, or the lowest if that is higher, to the highest. */
function levelRange(values, deepest) {
  const finite = Array.from(values).filter(Number.isFinite);
  const top = finite.reduce((high, value) => Math.max(high, value), -Infinity);
  const low = finite.reduce((lowest, value) => Math.min(lowest, value), top);
  return Number.isFinite(top) ? [Math.max(low, top - deepest), top] : [0, 1];
}

function rowsOf(values, columns) {
  const rows = [];
  for (let start = 0; start < values.length; start += columns) rows.push(Array.from(values.slice(start, start + columns)));
  return rows;
}

class Scans {
  constructor(data) {
    this.data = data;
    this.decoded = new Map();
    this.controls = { scan: document.getElementById("scan"), component: document.getElementById("component") };
    this.show();
    this.controls.scan.addEventListener("change", () => this.show());
    this.controls.component.addEventListener("change", () => this.draw());
    for (const name of Object.keys(UNITS)) {
      document.getElementById(`map-${name}`).on("plotly_click", (event) => {
        const { x, y } = event.points[0];
        this.select({ column: this.data.x_mm.indexOf(x), row: this.data.y_mm.indexOf(y) });
      });
    }
    document.getElementById("maps").addEventListener("keydown", (event) => this.onKey(event));
  }

  get number() {
    return Number(this.controls.scan.value);
  }

  get scan() {
    return this.data.scans[this.number];
  }

  /** Levels of the chosen component, or of the whole vector, of `E` or `H`. */
  levels(name) {
    const scan = this.scan;
    const points = this.data.x_mm.length * this.data.y_mm.length;
    if (!this.decoded.has(scan)) this.decoded.set(scan, decode(scan.field, this.data.components, points));
    const component = this.controls.component.value;
    return rmsLevels(magnitude(this.decoded.get(scan), component ? [name + component] : this.data.vectors[name]));
  }

  onKey(event) {
    const stride = event.shiftKey ? 5 : 1;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const within = (place, axis) => Math.min(axis.length - 1, Math.max(0, place));
    this.select({
      column: within(this.selected.column + stride * step[0], this.data.x_mm),
      row: within(this.selected.row + stride * step[1], this.data.y_mm),
    });
  }

  select(place) {
    this.selected = place;
    this.drawMaps();
  }

  /** The chosen scan, with the ring where its |E| is highest. */
  show() {
    const levels = this.levels("E");
    const place = Math.max(0, levels.indexOf(levelRange(levels, 0)[1]));
    const columns = this.data.x_mm.length;
    this.selected = { column: place % columns, row: Math.floor(place / columns) };
    this.draw();
  }

  draw() {
    for (const part of document.querySelectorAll("[data-scan]")) part.hidden = part.dataset.scan !== String(this.number);
    this.drawSources();
    this.drawMaps();
  }

  drawMaps() {
    const levels = { E: this.levels("E"), H: this.levels("H") };
    for (const name of Object.keys(UNITS)) this.drawField(name, levels[name]);
    this.drawSections(levels);
    const place = this.selected.row * this.data.x_mm.length + this.selected.column;
    const said = Object.entries(levels).map(([name, values]) => `${this.titleOf(name)} ${shown(values[place], 1)} ${UNITS[name]}`);
    document.getElementById("place").textContent = `Selected point, ${this.where("x")}, ${this.where("y")}: ${said.join(", ")}`;
  }

  titleOf(name) {
    return `|${name}${this.controls.component.value}|`;
  }

  where(axisName) {
    const axis = axisName === "x" ? this.data.x_mm[this.selected.column] : this.data.y_mm[this.selected.row];
    return `${axisName} = ${axis} mm`;
  }

  drawSources() {
    const { scan_x_mm: x, scan_y_mm: y, board } = this.data;
    const { levels, x_range, y_range } = this.scan;
    const images = board
      ? [{
          source: board.source,
          xref: "x",
          yref: "y",
          x: board.extent_mm[0],
          y: board.extent_mm[3],
          sizex: board.extent_mm[2] - board.extent_mm[0],
          sizey: board.extent_mm[3] - board.extent_mm[1],
          sizing: "stretch",
          layer: "below",
        }]
      : [];
    const map = this.heatmap(x, y, levels, levelRange(levels.flat(), this.data.deepest), "H");
    const more = { images };
    this.plot("map-sources", [{ ...map, opacity: board ? OVER_BOARD : 1 }, ...this.marks()], [x_range, y_range], more);
  }

  drawField(name, levels) {
    document.getElementById(`title-${name}`).textContent = `Predicted ${this.titleOf(name)} at z = ${this.data.z_mm} mm`;
    const { x_mm: x, y_mm: y } = this.data;
    const map = this.heatmap(x, y, rowsOf(levels, x.length), levelRange(levels, this.data.deepest), name);
    const ends = [x, y].map((axis) => {
      const half = (axis[1] - axis[0]) / 2;
      return [axis[0] - half, axis[axis.length - 1] + half];
    });
    const ring = (color, width) => ({
      x: [x[this.selected.column]],
      y: [y[this.selected.row]],
      mode: "markers",
      marker: { symbol: "circle-open", size: 12, color, line: { color, width } },
      hoverinfo: "skip",
    });
    this.plot(`map-${name}`, [map, ...this.outline(), this.signs(true), ring("#000000", 5), ring("#ffffff", 2)], ends);
  }

  heatmap(x, y, z, [zmin, zmax], name) {
    const { colours } = this.data;
    const { line } = theme();
    return {
      type: "heatmap",
      x,
      y,
      z,
      zmin,
      zmax,
      colorscale: colours.map((colour, number) => [number / (colours.length - 1), colour]),
      colorbar: { title: { text: UNITS[name], side: "top" }, thickness: 14, xpad: 6, outlinecolor: line, tickcolor: line },
      hovertemplate: `x %{x} mm, y %{y} mm<br>%{z:.1f} ${UNITS[name]}<extra></extra>`,
    };
  }

  /** Each source or current white on black: its direction, the doubt about its place, its sign and number. */
  marks() {
    const { marks } = this.scan;
    const outlined = (trace, width) => [
      { ...trace, line: { color: "#000000", width: width + 2.5 } },
      { ...trace, line: { color: "#ffffff", width } },
    ];
    const lines = { mode: "lines", hoverinfo: "skip" };
    const path = (ends) => ({
      x: marks.flatMap((mark) => ends(mark).flatMap(([x]) => x)),
      y: marks.flatMap((mark) => ends(mark).flatMap(([, y]) => y)),
    });
    const directions = path(({ x, y, across }) => [
      [x - across[0], y - across[1]],
      [x + across[0], y + across[1]],
      [null, null],
    ]);
    const crosses = path(({ x, y, spread }) => [
      [x - spread[0], y],
      [x + spread[0], y],
      [null, null],
      [x, y - spread[1]],
      [x, y + spread[1]],
      [null, null],
    ]);
    return [
      ...this.outline(),
      ...outlined({ ...crosses, ...lines }, 1),
      ...outlined({ ...directions, ...lines }, 2.5),
      this.signs(),
    ];
  }

  /** The ground plane, where one is known. */
  outline() {
    if (!this.scan.outline_mm) return [];
    const [left, low, right, high] = this.scan.outline_mm;
    const frame = { x: [left, right, right, left, left], y: [low, low, high, high, low], mode: "lines", hoverinfo: "skip" };
    return [
      { ...frame, line: { color: "#000000", width: 3.5 } },
      { ...frame, line: { color: "#ffffff", width: 1.5, dash: "dash" } },
    ];
  }

  /** Diamonds, rings and dots with their numbers; on the maps of the field `small`, and those of sources alone. */
  signs(small = false) {
    const { marks } = this.scan;
    const shown = marks.filter((mark) => !small || OF_SOURCES.has(mark.sign));
    const look = (mark) => SIGNS[mark.sign];
    return {
      x: shown.map((mark) => mark.x),
      y: shown.map((mark) => mark.y),
      text: shown.map((mark) => `<b>${mark.label}</b>`),
      mode: small ? "markers" : "markers+text",
      textposition: "top right",
      textfont: { color: "#ffffff", size: 13, shadow: "0 0 3px #000, 0 0 3px #000" },
      marker: {
        symbol: shown.map((mark) => look(mark).symbol),
        color: shown.map((mark) => look(mark).fill),
        size: small ? SMALL : shown.map((mark) => look(mark).least + look(mark).more * mark.size),
        line: { color: shown.map((mark) => look(mark).edge), width: small ? 1 : shown.map((mark) => look(mark).width) },
      },
      hovertemplate: shown.map((mark) => `${mark.told}<extra></extra>`),
    };
  }

  /** A map whose millimetres are as long along x as along y. */
  plot(id, traces, [x_range, y_range], more = {}) {
    const colours = theme();
    const element = document.getElementById(id);
    const width = element.clientWidth;
    const ratio = (y_range[1] - y_range[0]) / (x_range[1] - x_range[0]);
    const height = (width - MARGIN.l - MARGIN.r) * ratio + MARGIN.t + MARGIN.b;
    const frame = { showgrid: false, showline: true, mirror: true, automargin: false, ticks: "outside" };
    const layout = layoutOf(colours, {
      width,
      height,
      margin: MARGIN,
      xaxis: axis(colours, "x [mm]", { ...frame, range: x_range }),
      yaxis: axis(colours, "y [mm]", { ...frame, range: y_range }),
      showlegend: false,
      ...more,
    });
    Plotly.react(element, traces, layout, { ...CONFIG, responsive: false });
  }

  drawSections(levels) {
    const { x_mm: x, y_mm: y } = this.data;
    const { row, column } = this.selected;
    const alongX = (values) => x.map((_, place) => values[row * x.length + place]);
    const alongY = (values) => y.map((_, place) => values[place * x.length + column]);
    this.drawSection("x", x, x[column], this.where("y"), alongX(levels.E), alongX(levels.H));
    this.drawSection("y", y, y[row], this.where("x"), alongY(levels.E), alongY(levels.H));
  }

  drawSection(name, places, here, where, e, h) {
    const colours = theme();
    const line = (field, values, color, dash, yaxis) => ({
      name: `${this.titleOf(field)} [${UNITS[field]}]`,
      x: places,
      y: values,
      yaxis,
      mode: "lines",
      line: { color, dash, width: 2.5 },
      hovertemplate: `${this.titleOf(field)} %{y:.1f} ${UNITS[field]}<br>${name} %{x} mm<extra></extra>`,
    });
    const layout = layoutOf(colours, {
      title: { text: plain(`Along ${name} at ${where}`), font: { size: 14 }, y: 0.98 },
      margin: { l: 50, r: 50, t: 34, b: 40 },
      xaxis: axis(colours, `${name} [mm]`),
      yaxis: axis(colours, `${this.titleOf("E")} [${UNITS.E}]`),
      yaxis2: axis(colours, `${this.titleOf("H")} [${UNITS.H}]`, {
        overlaying: "y",
        side: "right",
        showgrid: false,
        tickmode: "auto",
      }),
      shapes: [
        { type: "line", x0: here, x1: here, y0: 0, y1: 1, yref: "paper", line: { color: colours.quiet, dash: "dot" } },
      ],
      showlegend: true,
      legend: LEGEND,
    });
    const lines = [line("E", e, colours.accent, "solid", "y"), line("H", h, colours.prediction, "dash", "y2")];
    Plotly.react(`section-${name}`, lines, layout, CONFIG);
  }
}

{
  const scans = new Scans(JSON.parse(document.getElementById("data").textContent));
  keepUp(() => scans.draw(), () => scans.draw());
}
