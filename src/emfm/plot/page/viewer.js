"use strict";

// The field viewer: three maps of a sample, the values at a point, and cross-sections through it.

const ROLES = ["truth", "prediction", "error"];
const TITLES = { truth: "Truth", prediction: "Prediction", error: "Error" };
const MOST_DECIBELS = 60;
const MAP_MARGIN = { l: 52, r: 78, t: 8, b: 44 };

class Viewer {
  constructor(data) {
    this.data = data;
    this.x = data.plane.x_mm;
    this.y = data.plane.y_mm;
    this.selected = { column: Math.floor(this.x.length / 2), row: Math.floor(this.y.length / 2) };
    this.pointed = null;
    this.controls = Object.fromEntries(
      ["sample", "predictor", "quantity", "part"].map((id) => [id, document.getElementById(id)]),
    );
    this.maps = Object.fromEntries(ROLES.map((role) => [role, document.getElementById(`map-${role}`)]));
    this.decoded = new Map();
    this.fillControls();
    this.compute();
    this.draw();
    this.listen();
  }

  fillControls() {
    const option = (parent, value, text) => {
      const element = parent.appendChild(document.createElement("option"));
      element.value = value;
      element.textContent = text;
      return element;
    };
    const group = (label, names) => {
      if (!names.length) return;
      const parent = this.controls.predictor.appendChild(document.createElement("optgroup"));
      parent.label = label;
      for (const name of names) option(parent, name, name);
    };
    this.data.samples.forEach((sample, number) => option(this.controls.sample, String(number), sample.title));
    group("Stages", this.data.stages.map((stage) => stage.name));
    group("Baselines", this.data.baselines.map((baseline) => baseline.name));
    this.controls.predictor.value = this.data.stages[this.data.stages.length - 1].name;
    for (const name of [...Object.keys(this.data.totals), ...this.data.components]) {
      option(this.controls.quantity, name, name);
    }
    for (const [value, text] of Object.entries(PARTS)) option(this.controls.part, value, text);
    this.controls.part.value = "magnitude";
  }

  listen() {
    for (const control of Object.values(this.controls)) {
      control.addEventListener("change", () => {
        this.compute();
        this.draw();
      });
    }
    for (const map of Object.values(this.maps)) {
      map.on("plotly_click", (event) => this.select(this.placeOf(event)));
      map.on("plotly_hover", (event) => this.point(this.placeOf(event)));
      map.on("plotly_unhover", () => this.point(null));
    }
    document.getElementById("maps").addEventListener("keydown", (event) => this.onKey(event));
  }

  placeOf(event) {
    const [row, column] = event.points[0].pointIndex;
    return { row, column };
  }

  onKey(event) {
    const stride = event.shiftKey ? 5 : 1;
    const { row, column } = this.selected;
    const lastColumn = this.x.length - 1;
    const lastRow = this.y.length - 1;
    const to = {
      ArrowLeft: { row, column: Math.max(0, column - stride) },
      ArrowRight: { row, column: Math.min(lastColumn, column + stride) },
      ArrowUp: { row: Math.min(lastRow, row + stride), column },
      ArrowDown: { row: Math.max(0, row - stride), column },
      Home: { row, column: 0 },
      End: { row, column: lastColumn },
      PageUp: { row: lastRow, column },
      PageDown: { row: 0, column },
    }[event.key];
    if (!to || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.pointed = null;
    this.select(to);
  }

  select(place) {
    this.selected = place;
    this.drawRings();
    this.drawSections();
    this.writeValues();
  }

  point(place) {
    this.pointed = place;
    this.writeValues();
  }

  get sample() {
    return this.data.samples[Number(this.controls.sample.value)];
  }

  get prediction() {
    return this.sample.predictions[this.controls.predictor.value];
  }

  /** Read back a stored field, once. */
  field(stored) {
    if (!this.decoded.has(stored)) {
      this.decoded.set(stored, decode(stored, this.data.components, this.x.length * this.y.length));
    }
    return this.decoded.get(stored);
  }

  /** All that maps, values and sections show of what the controls say. */
  compute() {
    const quantity = this.controls.quantity.value;
    const components = this.data.totals[quantity] ?? [quantity];
    const isTotal = components.length > 1;
    for (const option of this.controls.part.options) {
      option.disabled = isTotal && !PARTS_OF_A_TOTAL.includes(option.value);
    }
    if (this.controls.part.selectedOptions[0].disabled) this.controls.part.value = "magnitude";

    const truth = this.field(this.sample.truth);
    const error = this.field(this.prediction.error);
    const { parts, reference } = partsOf({ truth, prediction: sum(truth, error), error }, components);
    const unit = this.data.units[components[0][0]];
    this.quantity = quantity;
    this.part = this.controls.part.value;
    this.parts = parts;
    this.reference = reference;
    this.fieldScale = scaleFor(largest(parts.truth.magnitude, parts.prediction.magnitude), unit);
    this.errorScale = scaleFor(largest(parts.error.magnitude), unit);
  }

  scaleOf(role) {
    return role === "error" ? this.errorScale : this.fieldScale;
  }

  referenceText() {
    const scale = this.fieldScale;
    return `0 dB = ${shown(scale.factor * this.reference, scale.decimals)} ${scale.unit}`;
  }

  /** Values as shown on a map, with their unit. */
  shownValues(role) {
    const values = this.parts[role][this.part];
    if (this.part === "db") return { values, unit: "dB" };
    if (this.part === "phase") return { values, unit: "\u00b0" };
    const { factor, unit } = this.scaleOf(role);
    return { values: values.map((value) => factor * value), unit };
  }

  /** Limits and colours of a map: one pair for truth and prediction, another for the error. */
  colouring(role) {
    const own = role === "error";
    const { colours } = this.data;
    const arrays = (own ? ["error"] : ["truth", "prediction"]).map((each) => this.shownValues(each).values);
    const most = largest(...arrays) || 1;
    if (this.part === "magnitude") return { limits: [0, most], colours: own ? colours.error : colours.strength };
    if (this.part === "db") {
      const finite = arrays.flatMap((values) => Array.from(values)).filter(Number.isFinite);
      const top = finite.reduce((high, value) => Math.max(high, value), own ? -Infinity : 0);
      const end = Number.isFinite(top) ? top : 0;
      const low = finite.reduce((lowest, value) => Math.min(lowest, value), end - 1);
      return { limits: [Math.max(low, end - MOST_DECIBELS), end], colours: own ? colours.error : colours.strength };
    }
    if (this.part === "phase" && !own) return { limits: [-180, 180], colours: colours.phase };
    return { limits: [-most, most], colours: own ? colours.signed_error : colours.signed };
  }

  draw() {
    const colours = theme();
    this.drawTitles();
    for (const role of ROLES) this.drawMap(role, colours);
    this.drawSections();
    this.writeValues();
  }

  drawTitles() {
    const { rel_l2_e: e, rel_l2_h: h } = this.prediction;
    const figure = (value) => (value === null ? "\u2013" : value.toPrecision(4));
    const name = this.controls.predictor.value;
    document.getElementById("sample-errors").textContent =
      `${this.sample.title}, ${name}: relative L2 error ${figure(e)} of E, ${figure(h)} of H.` +
      (this.part === "db" ? ` ${this.referenceText()}.` : "");
    const what = `${this.quantity}, ${PARTS[this.part]}`;
    document.getElementById("truth-title").textContent = `Truth: ${what}`;
    document.getElementById("prediction-title").textContent = `Prediction: ${what}`;
    document.getElementById("error-title").textContent = `Error (own scale): ${what}`;
  }

  drawMap(role, colours) {
    const { values, unit } = this.shownValues(role);
    const { limits, colours: scale } = this.colouring(role);
    const element = this.maps[role];
    const width = element.clientWidth;
    const pitch = [this.x, this.y].map((axis) => (axis[axis.length - 1] - axis[0]) / (axis.length - 1));
    const ratio = (this.y.length * pitch[1]) / (this.x.length * pitch[0]);
    const height = (width - MAP_MARGIN.l - MAP_MARGIN.r) * ratio + MAP_MARGIN.t + MAP_MARGIN.b;
    const bar = {
      title: { text: plain(unit), side: "top" },
      thickness: 14,
      xpad: 6,
      outlinecolor: colours.line,
      tickcolor: colours.line,
      ...(this.part === "phase" && role !== "error" ? { tickvals: [-180, -90, 0, 90, 180] } : {}),
    };
    const map = {
      type: "heatmap",
      x: this.x,
      y: this.y,
      z: this.y.map((_, row) => Array.from(values.subarray(row * this.x.length, (row + 1) * this.x.length))),
      zmin: limits[0],
      zmax: limits[1],
      colorscale: scale.map((colour, number) => [number / (scale.length - 1), colour]),
      colorbar: bar,
      hovertemplate: `x %{x} mm, y %{y} mm<br>%{z:.4g} ${plain(unit)}<extra></extra>`,
    };
    const frame = { showgrid: false, showline: true, mirror: true, automargin: false, ticks: "outside" };
    const half = pitch.map((step) => step / 2);
    const ends = (axis, room) => [axis[0] - room, axis[axis.length - 1] + room];
    const layout = layoutOf(colours, {
      width,
      height,
      margin: MAP_MARGIN,
      xaxis: axis(colours, "x [mm]", { ...frame, range: ends(this.x, half[0]) }),
      yaxis: axis(colours, "y [mm]", { ...frame, range: ends(this.y, half[1]) }),
      showlegend: false,
    });
    Plotly.react(element, [map, ...this.rings()], layout, { ...CONFIG, responsive: false });
  }

  /** The ring around the selected point: white on black, so that it stands out from every colour. */
  rings() {
    const ring = (color, width) => ({
      x: [this.x[this.selected.column]],
      y: [this.y[this.selected.row]],
      mode: "markers",
      marker: { symbol: "circle-open", size: 12, color, line: { color, width } },
      hoverinfo: "skip",
    });
    return [ring("#000000", 5), ring("#ffffff", 2)];
  }

  drawRings() {
    const x = [[this.x[this.selected.column]]];
    const y = [[this.y[this.selected.row]]];
    for (const map of Object.values(this.maps)) Plotly.restyle(map, { x: [x[0], x[0]], y: [y[0], y[0]] }, [1, 2]);
  }

  drawSections() {
    const colours = theme();
    const { row, column } = this.selected;
    const alongX = (values) => this.x.map((_, place) => values[row * this.x.length + place]);
    const alongY = (values) => this.y.map((_, place) => values[place * this.x.length + column]);
    this.drawSection(colours, "section-x", "x", this.x, alongX, `y = ${this.y[row]} mm`, this.x[column]);
    this.drawSection(colours, "section-y", "y", this.y, alongY, `x = ${this.x[column]} mm`, this.y[row]);
  }

  drawSection(colours, id, name, places, cut, where, here) {
    const isPhase = this.part === "phase";
    const line = (role, color, dash) => ({
      name: TITLES[role].toLowerCase(),
      ...lineThrough(places, cut(this.shownValues(role).values), isPhase ? 180 : Infinity),
      mode: "lines",
      line: { color, dash, width: role === "truth" ? 2 : 2.5 },
      hovertemplate: `${TITLES[role].toLowerCase()}: %{y:.4g}<br>${name} %{x} mm<extra></extra>`,
    });
    const unit = this.shownValues("truth").unit;
    const layout = layoutOf(colours, {
      title: { text: plain(`${this.quantity} along ${name} at ${where}`), font: { size: 14 }, y: 0.98 },
      xaxis: axis(colours, `${name} [mm]`),
      yaxis: axis(
        colours,
        plain(`${PARTS[this.part]}${this.part === "db" ? "" : ` [${unit}]`}`),
        isPhase ? { range: [-185, 185], dtick: 90 } : {},
      ),
      shapes: [
        { type: "line", x0: here, x1: here, y0: 0, y1: 1, yref: "paper", line: { color: colours.quiet, dash: "dot" } },
      ],
      showlegend: true,
      legend: LEGEND,
    });
    const lines = [line("truth", colours.truth, "solid"), line("prediction", colours.prediction, "dash")];
    Plotly.react(id, lines, layout, CONFIG);
  }

  writeValues() {
    const place = this.pointed ?? this.selected;
    const number = place.row * this.x.length + place.column;
    const label = this.pointed ? "Under the pointer" : "Selected point";
    document.getElementById("place").textContent =
      `${label}: x = ${this.x[place.column]} mm, y = ${this.y[place.row]} mm`;
    const table = document.getElementById("values");
    const head = ROLES.map((role) => [`${TITLES[role]} [${this.scaleOf(role).unit}]`, { role }]);
    table.tHead.replaceChildren(tableRow("th", "col", this.quantity, head));
    const kinds = Object.keys(PARTS).filter((part) => part in this.parts.truth);
    table.tBodies[0].replaceChildren(
      ...kinds.map((part) => {
        const cells = ROLES.map((role) => [this.valueText(role, part, number), { role, part }]);
        return tableRow("td", "row", PARTS[part], cells);
      }),
    );
    document.getElementById("precision").textContent =
      "The page holds 16 bits of each value: real part, imaginary part and magnitude are right to 2 in the last " +
      `digit shown, and dB and phase follow from them. ${this.referenceText()}, the largest true magnitude of the map.`;
  }

  valueText(role, part, number) {
    const value = this.parts[role][part][number];
    if (part === "db") return `${shown(value, 2)} dB`;
    if (part === "phase") return `${shown(value, 2)}\u00b0`;
    const { factor, decimals } = this.scaleOf(role);
    return shown(factor * value, decimals);
  }
}

/** The points of a line, which is interrupted where the phase jumps by a turn: where values differ by more than `most`. */
function lineThrough(places, values, most) {
  const x = [];
  const y = [];
  values.forEach((value, place) => {
    if (place && Math.abs(value - values[place - 1]) > most) {
      x.push(places[place]);
      y.push(null);
    }
    x.push(places[place]);
    y.push(value);
  });
  return { x, y };
}

/** A table row: a heading, then cells `[text, data]` of one kind, each with its data attributes. */
function tableRow(kind, scope, heading, cells) {
  const row = document.createElement("tr");
  const first = row.appendChild(document.createElement("th"));
  first.scope = scope;
  first.textContent = heading;
  for (const [text, data] of cells) {
    const cell = row.appendChild(document.createElement(kind));
    if (kind === "th") cell.scope = scope;
    Object.assign(cell.dataset, data);
    cell.textContent = text;
  }
  return row;
}
