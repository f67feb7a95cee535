"use strict";

{
  const data = JSON.parse(document.getElementById("data").textContent);
  const viewer = new Viewer(data);
  const drawAll = () => {
    drawScaling(data);
    drawLosses(data);
    viewer.draw();
  };
  drawScaling(data);
  drawLosses(data);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => viewer.draw());
  });
  document.documentElement.dataset.ready = "yes";
}
