"use strict";

// Charts that only depend on the results: error against training samples, and loss by epoch.

const BASELINE_LOOKS = [
  { color: "#e69f00", dash: "dash" },
  { color: "#009e73", dash: "dashdot" },
  { color: "#cc79a7", dash: "dot" },
  { color: "#56b4e9", dash: "longdashdot" },
  { color: "#0072b2", dash: "longdash" },
];
const LEGEND = { orientation: "h", x: 0, yref: "container", y: 0, yanchor: "bottom", font: { size: 11 } };
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

/** Colours of the page as it is shown now, dark or light. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    ["ground", "text", "quiet", "line", "grid", "accent", "truth", "prediction"].map((name) => [
      name,
      style.getPropertyValue(`--${name}`).trim(),
    ]),
  );
}

/** Text that plotly shows as it is: it reads some tags and entities in names and titles. */
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function axis(colours, title, more = {}) {
  return {
    title: { text: title, standoff: 8 },
    gridcolor: colours.grid,
    linecolor: colours.line,
    tickcolor: colours.line,
    zeroline: false,
    fixedrange: true,
    automargin: true,
    ...more,
  };
}

function layoutOf(colours, more) {
  return {
    paper_bgcolor: colours.ground,
    plot_bgcolor: colours.ground,
    font: { color: colours.text, size: 12, family: 'system-ui, "DejaVu Sans", sans-serif' },
    hoverlabel: { bgcolor: colours.ground, bordercolor: colours.line, font: { color: colours.text } },
    margin: { l: 50, r: 12, t: 34, b: 40 },
    dragmode: false,
    ...more,
  };
}

/** Limits of a logarithmic axis around positive values, as powers of ten; undefined where there are none. */
function logRange(values) {
  const logs = values.filter((value) => Number.isFinite(value) && value > 0).map(Math.log10);
  if (!logs.length) return undefined;
  const low = Math.min(...logs);
  const high = Math.max(...logs);
  const room = Math.max(0.08 * (high - low), 0.02);
  return [low - room, high + room];
}

/** A logarithmic axis with plain numbers, also where it covers less than a decade. */
function logAxis(colours, title, values) {
  const range = logRange(values);
  const decades = range ? range[1] - range[0] : 1;
  const dtick = decades > 2 ? 1 : decades > 0.5 ? "D2" : undefined;
  const few = decades <= 0.5 && range ? { tickvals: evenTicks(10 ** range[0], 10 ** range[1]) } : {};
  const more = { type: "log", range, dtick, tickformat: decades > 0.5 ? "~g" : ".3~g", minor: { showgrid: false } };
  return axis(colours, title, { ...more, ...few });
}

/** Some round numbers between two. */
function evenTicks(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((candidate) => candidate >= rough);
  const ticks = [];
  for (let number = Math.ceil(low / step); number * step <= high; number += 1) ticks.push(number * step);
  return ticks;
}

function drawScaling(data) {
  const colours = theme();
  const all = [...data.stages, ...data.baselines].flatMap((level) => [level.e, level.h]);
  const sizes = data.stages.map((stage) => stage.train_samples);
  const ends = logRange(sizes).map((power) => 10 ** power);
  for (const part of ["e", "h"]) {
    const model = {
      name: "model by stage",
      x: sizes,
      y: data.stages.map((stage) => stage[part]),
      text: data.stages.map((stage) => plain(stage.name)),
      hovertemplate: "%{text}: %{y:.4g}<br>%{x:,} training samples<extra></extra>",
      mode: "lines+markers",
      line: { color: colours.truth, width: 2 },
      marker: { size: 8 },
    };
    const levels = data.baselines.map((baseline, number) => ({
      name: plain(baseline.name),
      x: ends,
      y: [baseline[part], baseline[part]],
      hovertemplate: `${plain(baseline.name)}: %{y:.4g}<extra></extra>`,
      mode: "lines",
      line: { width: 2.5, ...BASELINE_LOOKS[number % BASELINE_LOOKS.length] },
    }));
    const layout = layoutOf(colours, {
      title: { text: `target ${part.toUpperCase()}`, font: { size: 14 }, y: 0.98 },
      xaxis: axis(colours, "training samples", {
        type: "log",
        range: logRange(sizes),
        tickvals: sizes,
        ticktext: sizes.map((size) => size.toLocaleString("en")),
        tickangle: -30,
      }),
      yaxis: logAxis(colours, "relative L2 error", all),
      showlegend: true,
      legend: LEGEND,
    });
    Plotly.react(`scaling-${part}`, [model, ...levels], layout, CONFIG);
  }
}

function drawLosses(data) {
  const colours = theme();
  const all = data.curves.flatMap((curve) => [...curve.train, ...curve.val]);
  const parent = document.getElementById("losses");
  // All of them before the first is drawn: their number decides their width.
  for (const curve of data.curves.slice(parent.children.length)) {
    const chart = parent.appendChild(document.createElement("div"));
    chart.className = "chart";
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", `Loss of ${curve.stage} by epoch`);
  }
  data.curves.forEach((curve, number) => {
    const line = (name, values, color, dash) => ({
      name,
      x: curve.epoch,
      y: values,
      mode: "lines+markers",
      line: { color, dash, width: 2 },
      marker: { size: 5 },
      connectgaps: true,
      hovertemplate: `${name}: %{y:.4g}<br>epoch %{x}<extra></extra>`,
    });
    const layout = layoutOf(colours, {
      title: { text: plain(curve.stage), font: { size: 14 }, y: 0.98 },
      xaxis: axis(colours, "epoch", { tick0: 0, dtick: Math.max(1, Math.ceil(Math.max(...curve.epoch) / 6)) }),
      yaxis: logAxis(colours, "loss", all),
      showlegend: true,
      legend: LEGEND,
    });
    const lines = [
      line("training", curve.train, colours.accent, "solid"),
      line("validation", curve.val, colours.prediction, "dash"),
    ];
    Plotly.react(parent.children[number], lines, layout, CONFIG);
  });
}
