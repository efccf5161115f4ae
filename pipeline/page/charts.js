// Draws the charts of a page, as `chart.py` describes them. Without it, the page shows their PNG files.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 52, right: 12, top: 24, bottom: 36 };
  const MOST_NAMES = 24; // of a legend; more lines are named only where the pointer is
  const DIGIT = 6.4; // pixels of a tick's digit
  const NEAR = 60; // pixels from which a pointer reaches a point

  const element = (name, attributes, parent) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent?.append(made);
    return made;
  };
  const words = (text, attributes, parent) => (element("text", attributes, parent).textContent = text);
  const ink = (line) => `var(--${line.colour})`;
  const known = (value) => value !== null && value !== undefined;
  const number = (value) => {
    if (!known(value)) return "–";
    const size = Math.abs(value);
    if (size && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
    return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 6 });
  };

  // A scale from values to pixels, and its ticks at round values.
  function scale([low, high], [from, to], { log = false, whole = false, count = 5, words: names = [] } = {}) {
    const forward = log ? Math.log10 : (value) => value;
    const [a, b] = [forward(low), forward(high)];
    const of = (value) => from + ((forward(value) - a) / (b - a || 1)) * (to - from);
    const back = (pixel) => {
      const value = a + ((pixel - from) / (to - from)) * (b - a);
      return log ? 10 ** value : value;
    };
    if (names.length) return { of, back, ticks: names.map((name, place) => [place, name]) };
    const ticks = [];
    if (log && b - a > 1.5) {
      const step = Math.ceil((b - a) / count);
      for (let power = Math.ceil(a); power <= b; power += step) ticks.push(10 ** power);
    } else {
      const rough = (high - low) / count || 1;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = Math.max(whole ? 1 : 0, [1, 2, 5, 10].find((one) => one * power >= rough) * power);
      for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
    }
    return { of, back, ticks: ticks.map((tick) => [tick, number(Math.abs(tick) < 1e-12 ? 0 : tick)]) };
  }

  function range(values, log, pad = 0.05) {
    const finite = values.filter((value) => known(value) && (!log || value > 0));
    if (!finite.length) return [0, 1];
    let low = finite.reduce((a, b) => Math.min(a, b));
    let high = finite.reduce((a, b) => Math.max(a, b));
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
    if (log) return [low / (high / low) ** pad, high * (high / low) ** pad];
    return [low - pad * (high - low), high + pad * (high - low)];
  }

  // One plot: draws itself again when a line is hidden, or when its window changes.
  class Plot {
    constructor(spec, [width, height], parent) {
      Object.assign(this, { spec, width, height, window: null, hidden: new Set() });
      const label = spec.title || (spec.axes ? "parallel coordinates" : spec.y);
      this.svg = element("svg", { viewBox: `0 0 ${this.width} ${this.height}`, role: "img", "aria-label": label, class: width > 540 ? "whole" : "" }, parent);
      for (const line of spec.lines) line.x ??= line.y.map((_, place) => place + 1);
    }

    lines() {
      return this.spec.lines.filter((line) => !this.hidden.has(line.name));
    }

    draw() {
      this.svg.replaceChildren();
      this.spots = [];
      if (this.spec.axes) this.drawParallel();
      else this.drawPlot();
    }

    limits() {
      const { spec } = this;
      const lines = this.lines().length ? this.lines() : spec.lines;
      let x = range([...lines.flatMap((line) => line.x), ...spec.marks.map((mark) => mark.x)], false, 0.03);
      let y = range([...lines.flatMap((line) => [...line.y, ...(line.bars ?? []).flat()]), ...spec.marks.map((mark) => mark.y)], spec.log);
      if (spec.square) x = y = range([...x, ...y], false, 0);
      return this.window ?? [spec.limits[0] ?? x, spec.limits[1] ?? y];
    }

    drawPlot() {
      const { spec, svg, width, height } = this;
      const [right, top, bottom] = [width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
      const [xs, ys] = this.limits();
      const y = scale(ys, [bottom, top], { log: spec.log, count: height / 55 });
      // The axis title stands left of the ticks, however long these are.
      const longest = Math.max(...y.ticks.map(([, text]) => text.length));
      const left = Math.max(MARGIN.left, DIGIT * longest + (spec.y ? 26 : 10));
      const x = scale(xs, [left, right], { whole: spec.x === "epoch", count: width / 75 });
      Object.assign(this, { x, y });
      words(spec.title, { x: left, y: 15, class: "title" }, svg);
      for (const [tick, text] of x.ticks) {
        element("path", { d: `M${x.of(tick)},${top}V${bottom}`, class: "grid" }, svg);
        words(text, { x: x.of(tick), y: bottom + 14, "text-anchor": "middle" }, svg);
      }
      for (const [tick, text] of y.ticks) {
        element("path", { d: `M${left},${y.of(tick)}H${right}`, class: "grid" }, svg);
        words(text, { x: left - 5, y: y.of(tick) + 3.5, "text-anchor": "end" }, svg);
      }
      words(spec.x, { x: (left + right) / 2, y: height - 5, "text-anchor": "middle" }, svg);
      if (spec.y) words(spec.y, { x: 12, y: (top + bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(top + bottom) / 2})` }, svg);
      const inside = element("svg", { x: left, y: top, width: right - left, height: bottom - top, viewBox: `${left} ${top} ${right - left} ${bottom - top}` }, svg);
      for (const line of this.lines()) this.drawLine(inside, line, x, y);
      for (const mark of spec.marks) this.drawMark(inside, mark, [left, right, top, bottom]);
      // Beside the title, where no curve runs through it.
      const named = spec.marks.filter((mark) => known(mark.x)).map((mark) => mark.name).join(", ");
      if (named) words(`⋮ ${named}`, { x: right, y: 15, "text-anchor": "end", class: "note" }, svg);
    }

    drawLine(parent, line, x, y) {
      const group = element("g", { class: "line", "data-name": line.name, style: `--own:${ink(line)}` }, parent);
      let path = "";
      line.y.forEach((value, place) => {
        const drawn = known(value) && known(line.x[place]) && (!this.spec.log || value > 0);
        if (!drawn) return (path += " ");
        const [px, py] = [x.of(line.x[place]), y.of(value)];
        path += `${path === "" || path.endsWith(" ") ? "M" : "L"}${px.toFixed(1)},${py.toFixed(1)}`;
        this.spots.push({ px, py, line, place });
        if (line.bars) element("path", { d: `M${px},${y.of(line.bars[place][0])}V${y.of(line.bars[place][1])}`, class: "bar" }, group);
        if (line.points || line.y.length <= 40) element("circle", { cx: px, cy: py, r: line.points ? (line.y.length < 60 ? 5 : 2.6) : line.y.length > 1 ? 1.8 : 4 }, group);
      });
      if (!line.points) element("path", { d: path, class: line.dashed ? "curve dashed" : "curve" }, group);
    }

    drawMark(parent, mark, [left, right, top, bottom]) {
      const at = known(mark.x) ? `M${this.x.of(mark.x)},${top}V${bottom}` : known(mark.y) ? `M${left},${this.y.of(mark.y)}H${right}` : null;
      const [low, high] = [Math.max(this.x.back(left), this.y.back(bottom)), Math.min(this.x.back(right), this.y.back(top))];
      const diagonal = `M${this.x.of(low)},${this.y.of(low)}L${this.x.of(high)},${this.y.of(high)}`;
      element("path", { d: at ?? diagonal, class: "mark" }, parent);
      if (!known(mark.y)) return;
      const py = this.y.of(mark.y);
      words(mark.name, { x: right - 4, y: py < top + 14 ? py + 11 : py - 4, "text-anchor": "end", class: "note" }, parent);
    }

    drawParallel() {
      const { spec, svg, width, height } = this;
      const [left, right, top, bottom] = [50, width - 50, 44, height - 16];
      const place = (k) => left + (k / Math.max(1, spec.axes.length - 1)) * (right - left);
      const scales = spec.axes.map((axis, k) => {
        const values = axis.words.length ? [0, axis.words.length - 1] : spec.lines.map((line) => line.y[k]);
        return scale(range(values, axis.log, 0.02), [bottom, top], { log: axis.log, words: axis.words });
      });
      for (const line of this.lines()) {
        const group = element("g", { class: "line", "data-name": line.name, style: `--own:${ink(line)}` }, svg);
        const points = line.y.map((value, k) => (known(value) ? [place(k), scales[k].of(value)] : null));
        const path = points.map((point, k) => point && `${k && points[k - 1] ? "L" : "M"}${point[0]},${point[1].toFixed(1)}`).filter(Boolean);
        element("path", { d: path.join(""), class: line.dashed ? "curve dashed" : "curve" }, group);
        // Spots between the axes too, so that the pointer finds the line there.
        points.forEach((point, k) => {
          const next = points[k + 1];
          for (let part = 0; point && part < (next ? 8 : 1); part++) {
            const [dx, dy] = next ? [next[0] - point[0], next[1] - point[1]] : [0, 0];
            this.spots.push({ px: point[0] + (dx * part) / 8, py: point[1] + (dy * part) / 8, line, place: k });
          }
        });
      }
      spec.axes.forEach((axis, k) => {
        element("path", { d: `M${place(k)},${top}V${bottom}`, class: "axis" }, svg);
        const anchor = k === 0 ? "start" : k === spec.axes.length - 1 ? "end" : "middle";
        const edge = k === 0 ? 2 : k === spec.axes.length - 1 ? width - 2 : place(k);
        words(axis.title, { x: edge, y: k % 2 ? 14 : 30, "text-anchor": anchor, class: "title" }, svg);
        for (const [tick, text] of scales[k].ticks) words(text, { x: place(k) + 4, y: scales[k].of(tick) + 3.5, class: "note" }, svg);
      });
    }

    nearest(px, py) {
      let best = null;
      let least = NEAR ** 2;
      for (const spot of this.spots) {
        const distance = (spot.px - px) ** 2 + (spot.py - py) ** 2;
        if (distance < least) [least, best] = [distance, spot];
      }
      return best;
    }

    said({ line, place }) {
      if (this.spec.axes) {
        const values = this.spec.axes.map((axis, k) => `${axis.title}: ${axis.words[line.y[k]] ?? number(line.y[k])}`);
        return [line.name, ...values];
      }
      const lines = [line.name, `${this.spec.x || "x"} ${number(line.x[place])}`];
      if (line.points || this.lines().length > 4) lines.push(`${this.spec.y || this.spec.title} ${number(line.y[place])}`);
      else for (const other of this.lines()) if (other.x[place] === line.x[place]) lines.push(`${other.name} ${number(other.y[place])}`);
      if (line.bars) lines.push(`interval ${line.bars[place].map(number).join(" … ")}`);
      if (line.notes?.[place]) lines.push(line.notes[place]);
      return lines;
    }
  }

  // A figure of several plots with one legend.
  function chart(figure) {
    const specs = JSON.parse(figure.querySelector("script").textContent);
    const host = figure.querySelector(".plots");
    const whole = [Math.max(700, host.clientWidth || 1100), 380];
    const size = (spec) => (spec.square ? [430, 410] : specs.length === 1 ? whole : [400, 250]);
    const plots = specs.map((spec) => new Plot(spec, size(spec), host));
    const tip = figure.querySelector(".tip");
    const highlight = (name) => {
      figure.classList.toggle("pointing", name !== null);
      for (const group of figure.querySelectorAll(".line")) group.classList.toggle("on", group.dataset.name === name);
    };
    for (const plot of plots) {
      plot.draw();
      pointing(plot, figure, tip, highlight);
      if (!plot.spec.axes) zooming(plot);
    }
    legend(figure, plots, highlight);
  }

  function position(plot, event) {
    const box = plot.svg.getBoundingClientRect();
    return [((event.clientX - box.left) * plot.width) / box.width, ((event.clientY - box.top) * plot.height) / box.height];
  }

  function pointing(plot, figure, tip, highlight) {
    plot.svg.addEventListener("pointermove", (event) => {
      const spot = plot.nearest(...position(plot, event));
      tip.hidden = !spot;
      highlight(spot && plot.lines().length > 1 ? spot.line.name : null);
      if (!spot) return;
      tip.replaceChildren(...plot.said(spot).map((text) => Object.assign(document.createElement("div"), { textContent: text })));
      const box = figure.getBoundingClientRect();
      const left = event.clientX - box.left;
      tip.style.left = `${left > box.width / 2 ? left - tip.offsetWidth - 14 : left + 14}px`;
      tip.style.top = `${event.clientY - box.top + 14}px`;
    });
    plot.svg.addEventListener("pointerleave", () => {
      tip.hidden = true;
      highlight(null);
    });
  }

  function zooming(plot) {
    let start = null;
    let frame = null;
    plot.svg.addEventListener("pointerdown", (event) => {
      start = position(plot, event);
      frame = element("rect", { class: "frame" }, plot.svg);
      plot.svg.setPointerCapture(event.pointerId);
    });
    plot.svg.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [x, y] = position(plot, event);
      const box = { x: Math.min(x, start[0]), y: Math.min(y, start[1]), width: Math.abs(x - start[0]), height: Math.abs(y - start[1]) };
      for (const [key, value] of Object.entries(box)) frame.setAttribute(key, value);
    });
    plot.svg.addEventListener("pointerup", (event) => {
      const [[x0, y0], [x1, y1]] = [start, position(plot, event)];
      start = null;
      frame.remove();
      if (Math.abs(x1 - x0) < 8 || Math.abs(y1 - y0) < 8) return;
      const ends = (back, a, b) => [back(a), back(b)].sort((one, other) => one - other);
      plot.window = [ends(plot.x.back, x0, x1), ends(plot.y.back, y0, y1)];
      plot.draw();
    });
    plot.svg.addEventListener("dblclick", () => {
      plot.window = null;
      plot.draw();
    });
  }

  function legend(figure, plots, highlight) {
    // Of parallel coordinates only what has a colour of its own: pointing at a line names it.
    const shown = (plot) => plot.spec.lines.filter((line) => !plot.spec.axes || line.colour !== "grey");
    const lines = new Map(plots.flatMap((plot) => shown(plot).map((line) => [line.name, line])));
    if (lines.size < 2 || lines.size > MOST_NAMES) return;
    for (const [name, line] of lines) {
      const button = document.createElement("button");
      button.type = "button";
      button.style.setProperty("--own", ink(line));
      if (line.dashed) button.className = "dashed";
      button.textContent = name;
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        const shown = button.getAttribute("aria-pressed") === "false";
        button.setAttribute("aria-pressed", String(shown));
        for (const plot of plots) {
          plot.hidden[shown ? "delete" : "add"](name);
          plot.draw();
        }
      });
      button.addEventListener("pointerenter", () => highlight(name));
      button.addEventListener("pointerleave", () => highlight(null));
      figure.querySelector(".legend").append(button);
    }
  }

  document.documentElement.classList.add("scripted");
  document.querySelectorAll("figure.chart").forEach(chart);
})();
