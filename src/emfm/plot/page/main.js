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
  keepUp(drawAll, () => viewer.draw());
}
