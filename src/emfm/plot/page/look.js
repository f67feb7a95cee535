"use strict";

// How every chart looks: colours of the page as it is shown now, axes, and text that is shown as it is.

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

/* Draw anew in the colours that a reader changes to (drawAll), and at another width (drawWide); the page is then ready. */
function keepUp(drawAll, drawWide) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(drawWide);
  });
  document.documentElement.dataset.ready = "yes";
}
