"use strict";

// Charts that only depend on the results: error against training samples, and loss by epoch.

const BASELINE_LOOKS = [
  { color: "#56b4e9", dash: "longdashdot" },
  { color: "#cc79a7", dash: "dot" },
  { color: "#e69f00", dash: "dash" },
];

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
  const dtick = decades > 2 ? 1 : decades > 0.7 ? "D2" : undefined;
  const few = decades <= 0.7 && range ? { tickvals: evenTicks(10 ** range[0], 10 ** range[1]) } : {};
  const more = { type: "log", range, dtick, tickformat: decades > 0.7 ? "~g" : ".3~g", minor: { showgrid: false } };
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

/** Distances from values to the ends of their intervals, as plotly draws them. */
function errorBars(levels, part, color) {
  if (levels.some((level) => !level[`${part}_interval`])) return {};
  const distance = (level, end) => Math.abs(level[`${part}_interval`][end] - level[part]);
  return {
    type: "data",
    symmetric: false,
    array: levels.map((level) => distance(level, "high")),
    arrayminus: levels.map((level) => distance(level, "low")),
    color,
    thickness: 1.5,
    width: 5,
  };
}

/** The interval of the best baseline, behind all else. */
function bandOf(baselines, part) {
  const interval = baselines.length ? baselines[0][`${part}_interval`] : null;
  if (!interval) return [];
  const { color } = BASELINE_LOOKS[0];
  const ends = { xref: "paper", x0: 0, x1: 1, yref: "y", y0: interval.low, y1: interval.high };
  return [{ type: "rect", ...ends, fillcolor: color, opacity: 0.15, line: { width: 0 }, layer: "below" }];
}

function drawScaling(data) {
  const colours = theme();
  const levels = [...data.stages, ...data.baselines];
  const ranges = [...data.stages, ...data.baselines.slice(0, 1)].flatMap((level) => [level.e_interval, level.h_interval]);
  const all = [
    ...levels.flatMap((level) => [level.e, level.h]),
    ...ranges.filter(Boolean).flatMap((range) => [range.low, range.high]),
  ];
  const sizes = data.stages.map((stage) => stage.train_samples);
  const ends = logRange(sizes).map((power) => 10 ** power);
  for (const part of ["e", "h"]) {
    const model = {
      name: "model by stage",
      x: sizes,
      y: data.stages.map((stage) => stage[part]),
      error_y: errorBars(data.stages, part, colours.quiet),
      text: data.stages.map((stage) => plain(stage.name)),
      hovertemplate: "%{text}: %{y:.4g}<br>%{x:,} training samples<extra></extra>",
      mode: "lines+markers",
      line: { color: colours.truth, width: 2 },
      marker: { size: 8 },
    };
    const lines = data.baselines.map((baseline, number) => ({
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
      shapes: bandOf(data.baselines, part),
      showlegend: true,
      legend: LEGEND,
    });
    Plotly.react(`scaling-${part}`, [model, ...lines], layout, CONFIG);
  }
}

/** For each stage a chart of the errors, where they were measured, and one of the losses. */
function drawLosses(data) {
  const measured = data.curves.every((curve) => curve.e && curve.h);
  const kinds = [
    { title: "error", label: "relative L2 error", names: { E: "e", H: "h" } },
    { title: "loss", label: "loss", names: { training: "train", validation: "val" } },
  ].slice(measured ? 0 : 1);
  const parent = document.getElementById("losses");
  // All of them before the first is drawn: their number decides their width.
  for (const kind of parent.children.length ? [] : kinds) {
    for (const curve of data.curves) {
      const chart = parent.appendChild(document.createElement("div"));
      chart.className = "chart";
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", `${kind.label} of ${curve.stage} by epoch`);
    }
  }
  const charts = [...parent.children];
  kinds.forEach((kind, row) => drawByEpoch(data.curves, kind, charts.slice(row * data.curves.length)));
}

function drawByEpoch(curves, kind, charts) {
  const colours = theme();
  const names = Object.entries(kind.names);
  const all = curves.flatMap((curve) => names.flatMap(([, key]) => curve[key]));
  const looks = [{ color: colours.accent }, { color: colours.prediction, dash: "dash" }];
  curves.forEach((curve, number) => {
    const lines = names.map(([name, key], place) => ({
      name,
      x: curve.epoch,
      y: curve[key],
      mode: "lines+markers",
      line: { ...looks[place], width: 2 },
      marker: { size: 5 },
      connectgaps: true,
      hovertemplate: `${name}: %{y:.4g}<br>epoch %{x}<extra></extra>`,
    }));
    const dtick = Math.max(1, Math.ceil(Math.max(...curve.epoch) / 6));
    const kept = { type: "line", x0: curve.kept, x1: curve.kept, yref: "paper", y0: 0, y1: 1, layer: "below" };
    const layout = layoutOf(colours, {
      title: { text: `${plain(curve.stage)}, ${kind.title}`, font: { size: 14 }, y: 0.98 },
      xaxis: axis(colours, `epoch (best: ${curve.kept})`, { tick0: 0, dtick }),
      yaxis: logAxis(colours, kind.label, all),
      shapes: [{ ...kept, line: { color: colours.quiet, width: 1.5, dash: "dot" } }],
      showlegend: true,
      legend: LEGEND,
    });
    Plotly.react(charts[number], lines, layout, CONFIG);
  });
}
