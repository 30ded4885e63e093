// The machine at work and the table of decisions. It speaks with the player by events on the root.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const piece = JSON.parse($("data").textContent);
  const { machine, trace } = JSON.parse($("exhibit-data").textContent);
  const { panels, steps } = machine;
  const SVG = "http://www.w3.org/2000/svg";

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const svg = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const picture = (width, height, ...children) => svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-hidden": "true", class: "machine-svg",
  }, ...children);
  const short = (value) => (Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(2));
  const toView = (box, inside) => {
    // Only the panel's own box moves, never the page.
    const outer = box.getBoundingClientRect(), inner = inside.getBoundingClientRect();
    if (inner.left < outer.left + 60 || inner.right > outer.right - 20) box.scrollLeft += inner.left - outer.left - outer.width / 2;
    if (inner.top < outer.top + 20 || inner.bottom > outer.bottom - 10) box.scrollTop += inner.top - outer.top - outer.height / 2;
  };

  // --- Kinds of panel: each draws once and gives a function that shows a state ------------------

  const kinds = {
    table(panel, box) {
      const cells = new Map();
      const head = element("tr");
      if (panel.names.length) head.append(element("td"));
      for (const name of panel.columns) head.append(element("th", { scope: "col" }, name));
      const body = element("tbody");
      panel.rows.forEach((row, r) => {
        const line = element("tr");
        if (panel.names.length) line.append(element("th", { scope: "row" }, panel.names[r]));
        row.forEach((text, c) => {
          const cell = element("td", {}, text);
          cells.set(`${r} ${c}`, cell);
          line.append(cell);
        });
        body.append(line);
      });
      box.append(element("table", { class: panel.rows.some((row) => row.some((text) => text.length > 9)) ? "grid-table words"
        : panel.columns.length > 11 ? "grid-table dense" : "grid-table" }, ...(panel.columns.length ? [element("thead", {}, head)] : []), body));
      let marked = [];
      return (state) => {
        for (const cell of marked) { cell.className = ""; cell.removeAttribute("aria-label"); }
        marked = [];
        for (const kind of ["past", "rejected", "chosen"]) {
          for (const [r, c] of state[kind] || []) {
            const cell = cells.get(`${r} ${c}`);
            if (!cell) continue;
            cell.className = kind;
            cell.setAttribute("aria-label", `${cell.textContent}, ${kind}`);
            marked.push(cell);
            if (kind === "chosen") toView(box.parentElement, cell);
          }
        }
      };
    },
    cells(panel, box) {
      const size = Math.max(10, Math.min(34, Math.floor(620 / panel.width)));
      const left = panel.row_names.length ? 8 + 7 * Math.max(...panel.row_names.map((name) => name.length)) : 0;
      const top = panel.column_names.length ? 18 : 0;
      const squares = [], cellKind = panel.ordered ? "cell ordered" : "cell";
      const drawn = picture(left + panel.width * size + 2, top + panel.height * size + 2);
      panel.row_names.forEach((name, r) => drawn.append(svg("text", { x: left - 6, y: top + r * size + size * 0.68, "text-anchor": "end", class: "small" }, name)));
      panel.column_names.forEach((name, c) => drawn.append(svg("text", { x: left + c * size + size / 2, y: 12, "text-anchor": "middle", class: "small" }, name)));
      for (let r = 0; r < panel.height; r++) {
        for (let c = 0; c < panel.width; c++) {
          const square = svg("rect", { x: left + c * size + 1, y: top + r * size + 1, width: size - 1, height: size - 1, rx: Math.min(3, size / 6), class: `${cellKind} v0` });
          squares.push(square);
          drawn.append(square);
        }
      }
      box.append(drawn);
      if (panel.legend.length > 1) {
        box.append(element("p", { class: "legend" }, ...panel.legend.map((name, value) => element("span", {}, element("i", { class: `swatch${panel.ordered ? " ordered" : ""} v${value}` }), name))));
      }
      return (state) => {
        const lit = new Set((state.lit || []).map(([r, c]) => r * panel.width + c));
        (state.rows || []).forEach((row, r) => {
          for (let c = 0; c < panel.width; c++) {
            const at = r * panel.width + c;
            squares[at].setAttribute("class", `${cellKind} v${row[c]}${lit.has(at) ? " lit" : ""}`);
          }
        });
      };
    },
    dice(panel, box) {
      const PIPS = { 1: [4], 2: [0, 8], 3: [0, 4, 8], 4: [0, 2, 6, 8], 5: [0, 2, 4, 6, 8], 6: [0, 2, 3, 5, 6, 8] };
      const tray = element("div", { class: "tray" });
      const note = element("p", { class: "dice-note" });
      box.append(tray, note);
      return (state) => {
        tray.replaceChildren(...state.faces.map((face) => {
          const pips = PIPS[face];
          const inside = pips
            ? pips.map((pip) => svg("circle", { cx: 17 + 19 * (pip % 3), cy: 17 + 19 * Math.floor(pip / 3), r: 6.2, class: "pip" }))
            : [svg("text", { x: 36, y: 46, "text-anchor": "middle", class: "face" }, String(face))];
          return picture(72, 72, svg("rect", { x: 2, y: 2, width: 68, height: 68, rx: 13, class: "die" }), ...inside);
        }));
        note.textContent = state.note || "";
      };
    },
    graph(panel, box) {
      const n = panel.nodes.length, width = 560, height = panel.places.length ? 420 : 460;
      const place = panel.places.length
        ? panel.places.map(([x, y]) => [36 + x * (width - 72), 28 + y * (height - 56)])
        : panel.nodes.map((_, i) => {
          const angle = (2 * Math.PI * i) / n - Math.PI / 2;
          return [width / 2 + (width / 2 - 60) * Math.cos(angle), height / 2 + (height / 2 - 42) * Math.sin(angle)];
        });
      const wide = panel.nodes.map((name) => Math.max(15, 5 + 4.1 * name.length));
      const edges = new Map(), nodes = [];
      const arrow = svg("marker", { id: `arrow-${panel.name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse" }, svg("path", { d: "M0 0L8 4L0 8z", class: "arrowhead" }));
      const drawn = picture(width, height, svg("defs", {}, arrow));
      for (const [from, to, weight] of panel.edges) {
        const [x1, y1] = place[from], [x2, y2] = place[to];
        let path;
        if (from === to) {
          const dx = x1 - width / 2, dy = y1 - height / 2, far = Math.hypot(dx, dy) || 1;
          const ux = dx / far, uy = dy / far, r = wide[from];
          path = `M${x1 + r * 0.5 * -uy} ${y1 + r * 0.5 * ux}C${x1 + 46 * ux - 26 * uy} ${y1 + 46 * uy + 26 * ux} ${x1 + 46 * ux + 26 * uy} ${y1 + 46 * uy - 26 * ux} ${x1 + r * 0.5 * uy} ${y1 - r * 0.5 * ux}`;
        } else {
          const dx = x2 - x1, dy = y2 - y1, far = Math.hypot(dx, dy) || 1, bend = 0.12;
          const mx = (x1 + x2) / 2 - dy * bend, my = (y1 + y2) / 2 + dx * bend;
          const ex = x2 - mx, ey = y2 - my, back = Math.hypot(ex, ey) || 1, stop = wide[to] + 2;
          path = `M${x1} ${y1}Q${mx} ${my} ${x2 - (ex / back) * stop} ${y2 - (ey / back) * Math.min(stop, 18)}`;
        }
        const edge = svg("path", { d: path, class: "edge", "stroke-width": (0.7 + 4.2 * weight).toFixed(2), style: `--w:${(0.25 + 0.75 * weight).toFixed(2)}`, "marker-end": `url(#arrow-${panel.name})` }, svg("title", {}, `${panel.nodes[from]} to ${panel.nodes[to]}: ${short(weight)}`));
        edges.set(`${from} ${to}`, edge);
        drawn.append(edge);
      }
      panel.nodes.forEach((name, i) => {
        const [x, y] = place[i], group = svg("g", { class: "node" },
          svg("rect", { x: x - wide[i], y: y - 14, width: 2 * wide[i], height: 28, rx: 14 }),
          svg("text", { x, y: y + 4.5, "text-anchor": "middle" }, name));
        nodes.push(group);
        drawn.append(group);
      });
      box.append(drawn);
      return (state) => {
        nodes.forEach((node, i) => node.classList.toggle("lit", (state.nodes || []).includes(i)));
        const lit = new Set((state.edges || []).map(([from, to]) => `${from} ${to}`));
        for (const [name, edge] of edges) {
          edge.classList.toggle("lit", lit.has(name));
          if (lit.has(name)) edge.parentNode.insertBefore(edge, nodes[0]);
        }
      };
    },
    tree(panel, box) {
      const children = panel.nodes.map(() => []);
      panel.nodes.forEach(([, parent], i) => { if (parent >= 0) children[parent].push(i); });
      const width = panel.nodes.map(([label]) => Math.max(30, 14 + 7.3 * label.length));
      const x = [], depth = [];
      let free = 0, deepest = 0;
      const lay = (i, level) => {
        depth[i] = level;
        deepest = Math.max(deepest, level);
        if (!children[i].length) {
          x[i] = free + width[i] / 2;
          free += width[i] + 8;
          return;
        }
        const from = free;
        for (const child of children[i]) lay(child, level + 1);
        const first = x[children[i][0]], final = x[children[i][children[i].length - 1]];
        x[i] = (first + final) / 2;
        // A label wider than what hangs below it pushes what follows to the right.
        if (x[i] - width[i] / 2 < from) {
          const move = from - (x[i] - width[i] / 2);
          const shift = (j) => { x[j] += move; children[j].forEach(shift); };
          shift(i);
        }
        free = Math.max(free + 0, x[i] + width[i] / 2 + 8);
      };
      panel.nodes.forEach(([, parent], i) => { if (parent < 0) lay(i, 0); });
      const LEVEL = 50, y = (i) => 20 + depth[i] * LEVEL;
      const drawn = picture(Math.max(free, 60), 40 + deepest * LEVEL);
      // A small tree shares its row with other panels.
      box.closest("figure").classList.toggle("small", free < 420);
      const lines = [], nodes = [];
      panel.nodes.forEach(([label, parent, detail], i) => {
        const line = parent < 0 ? null : svg("path", { class: "branch", d: `M${x[parent]} ${y(parent) + 13}C${x[parent]} ${y(parent) + 32} ${x[i]} ${y(i) - 32} ${x[i]} ${y(i) - 13}` });
        if (line) drawn.append(line);
        lines.push(line);
        const node = svg("g", { class: children[i].length ? "node" : "node leaf" },
          svg("title", {}, detail || label),
          svg("rect", { x: x[i] - width[i] / 2, y: y(i) - 13, width: width[i], height: 26, rx: 8 }),
          svg("text", { x: x[i], y: y(i) + 4.5, "text-anchor": "middle" }, label));
        nodes.push(node);
      });
      drawn.append(...nodes);
      box.append(drawn);
      return (state) => {
        const lit = new Set(state.lit || []);
        nodes.forEach((node, i) => {
          const isShown = i < state.shown;
          node.classList.toggle("unborn", !isShown);
          node.classList.toggle("lit", lit.has(i));
          lines[i]?.classList.toggle("unborn", !isShown);
        });
        const first = Math.min(...lit);
        if (Number.isFinite(first)) toView(box.parentElement, nodes[first]);
      };
    },
    mosaic(panel, box) {
      const UNIT = 64, HIGH = 46, ROW = 54, left = panel.row_names.length ? 10 + 8 * Math.max(...panel.row_names.map((name) => name.length)) : 0;
      const wide = Math.max(...panel.tiles.map(([, start, width]) => start + width));
      const drawn = picture(left + wide * UNIT + 2, panel.row_names.length * ROW + 2);
      panel.row_names.forEach((name, r) => drawn.append(svg("text", { x: left - 8, y: r * ROW + HIGH / 2 + 5, "text-anchor": "end", class: "small" }, name)));
      const tiles = panel.tiles.map(([row, start, width, label, under, tone, detail]) => {
        // Hues a golden angle apart: neighbours in the order of use are far apart in colour.
        const x = left + start * UNIT, y = row * ROW + 2, group = svg("g", { class: "tile", style: `--hue:${(tone * 137.5 + 250) % 360}` },
          svg("title", {}, detail),
          svg("rect", { x: x + 1, y, width: width * UNIT - 3, height: HIGH, rx: 6 }),
          svg("text", { x: x + (width * UNIT) / 2 - 0.5, y: y + 20, "text-anchor": "middle" }, label),
          svg("text", { x: x + (width * UNIT) / 2 - 0.5, y: y + 36, "text-anchor": "middle", class: "small" }, under));
        drawn.append(group);
        return group;
      });
      box.append(drawn);
      return (state) => {
        tiles.forEach((tile, i) => {
          tile.classList.toggle("unborn", i >= state.shown);
          tile.classList.toggle("lit", i === state.lit);
        });
        if (state.lit !== null && tiles[state.lit]) toView(box.parentElement, tiles[state.lit]);
      };
    },
    population(panel, box) {
      const grid = element("ol", { class: panel.is_notes ? "cards" : "cards numbers" });
      const cards = Array.from({ length: panel.count }, (_, i) => {
        const inside = element("span", { class: "genes" }), fit = element("b"), card = element("li", {}, element("i", {}, String(i)), fit, inside);
        grid.append(card);
        return { card, inside, fit, text: null };
      });
      box.append(grid);
      // One path a measure: a stroke for each note, as long as it is held.
      const notes = (genes) => {
        let d = "", on = false;
        genes.forEach((gene, at) => {
          if (gene === 15) { if (on) d += "h6"; } else if (gene === 0) on = false;
          else { d += `M${at * 6 + 1} ${31 - gene * 2}h4`; on = true; }
        });
        return svg("svg", { viewBox: "0 0 48 32", "aria-hidden": "true" }, svg("path", { d, class: "lick" }));
      };
      return (state) => {
        const roles = new Map(state.roles);
        const most = Math.max(4, ...state.fitness.map(Math.abs));
        let first = null;
        cards.forEach(({ card, inside, fit }, i) => {
          const genes = state.genes[i], fitness = state.fitness[i], text = genes.join(" ");
          if (cards[i].text !== text) {
            cards[i].text = text;
            inside.replaceChildren(panel.is_notes ? notes(genes) : text);
          }
          fit.textContent = fitness ? (fitness > 0 ? `+${fitness}` : `−${-fitness}`) : "";
          card.style.setProperty("--share", `${Math.round((42 * Math.abs(fitness)) / most)}%`);
          card.className = `${fitness > 0 ? "good" : fitness < 0 ? "bad" : ""} ${roles.get(i) || ""}`;
          card.title = `${i}: ${text}; fitness ${fitness}${roles.has(i) ? `; ${roles.get(i)}` : ""}`;
          if (roles.has(i) && !first) first = card;
        });
        if (first) toView(box.parentElement, first);
      };
    },
    curve(panel, box) {
      const width = 640, height = panel.equal ? 460 : 250, left = 56, bottom = 34, top = 12, right = 14;
      const all = panel.series.flatMap(([, xs]) => xs), ally = panel.series.flatMap(([, , ys]) => ys);
      let x0 = Math.min(...all), x1 = Math.max(...all), y0 = Math.min(...ally), y1 = Math.max(...ally);
      if (x0 === x1) { x0 -= 1; x1 += 1; }
      if (y0 === y1) { y0 -= 1; y1 += 1; }
      let sx = (width - left - right) / (x1 - x0), sy = (height - top - bottom) / (y1 - y0);
      if (panel.equal) sx = sy = Math.min(sx, sy);
      const px = (value) => (panel.equal ? (left + width - right) / 2 + (value - (x0 + x1) / 2) * sx : left + (value - x0) * sx);
      const py = (value) => (panel.equal ? (top + height - bottom) / 2 - (value - (y0 + y1) / 2) * sy : height - bottom - (value - y0) * sy);
      const drawn = picture(width, height);
      if (!panel.equal) {
        drawn.append(svg("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }));
        for (let i = 0; i <= 4; i++) {
          const yv = y0 + ((y1 - y0) * i) / 4, xv = x0 + ((x1 - x0) * i) / 4;
          drawn.append(svg("text", { x: left - 6, y: py(yv) + 4, "text-anchor": "end", class: "small" }, short(yv)));
          drawn.append(svg("text", { x: px(xv), y: height - bottom + 15, "text-anchor": "middle", class: "small" }, short(xv)));
        }
        drawn.append(svg("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle", class: "small" }, panel.x_name));
        drawn.append(svg("text", { transform: `translate(12 ${height / 2}) rotate(-90)`, "text-anchor": "middle", class: "small" }, panel.y_name));
      }
      const line = svg("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
      const spots = [];
      const inked = panel.series.map(([, xs, ys], k) => {
        const points = xs.map((value, i) => `${px(value).toFixed(1)} ${py(ys[i]).toFixed(1)}`);
        drawn.append(svg("path", { class: "pale", d: points.length ? `M${points.join("L")}` : "" }));
        const path = svg("path", { class: `ink s${k % 8}`, d: "" });
        const spot = svg("circle", { r: 4.5, class: `spot s${k % 8}`, visibility: "hidden" });
        spots.push(spot);
        drawn.append(path);
        return { path, points, xs };
      });
      drawn.append(line, ...spots);
      box.append(drawn);
      if (panel.series.length > 1) {
        box.append(element("p", { class: "legend" }, ...panel.series.map(([name], k) => element("span", {}, element("i", { class: `swatch s${k % 8}` }), name))));
      }
      return (state) => {
        inked.forEach(({ path, points, xs }, k) => {
          const count = state.points ?? (state.x === undefined ? xs.length : xs.filter((value) => value <= state.x).length);
          const shown = points.slice(0, Math.max(0, count));
          path.setAttribute("d", shown.length ? `M${shown.join("L")}` : "");
          spots[k].setAttribute("visibility", shown.length ? "visible" : "hidden");
          if (shown.length) {
            const [cx, cy] = shown[shown.length - 1].split(" ");
            spots[k].setAttribute("cx", cx);
            spots[k].setAttribute("cy", cy);
          }
        });
        const isAt = state.x !== undefined && !panel.equal;
        line.setAttribute("visibility", isAt ? "visible" : "hidden");
        if (isAt) { line.setAttribute("x1", px(state.x)); line.setAttribute("x2", px(state.x)); }
      };
    },
    bars(panel, box) {
      const rows = panel.labels.map((label) => {
        const bar = element("i"), value = element("b");
        const row = element("div", { class: "bar" }, element("span", {}, label), element("em", {}, bar), value);
        return { row, bar, value };
      });
      box.append(element("div", { class: "barlist" }, ...rows.map(({ row }) => row)));
      return (state) => {
        const most = Math.max(...state.values, 1e-9);
        rows.forEach(({ row, bar, value }, i) => {
          bar.style.width = `${(100 * Math.max(0, state.values[i])) / most}%`;
          value.textContent = short(state.values[i]);
          row.className = `bar${i === state.chosen ? " chosen" : ""}${(state.rejected || []).includes(i) ? " rejected" : ""}`;
        });
      };
    },
    picture(panel, box) {
      const image = element("img", { alt: "", class: "shaded", width: panel.width, height: panel.height });
      box.append(element("div", { class: "shaded-frame" }, element("span", { class: "shaded-y" }, panel.y_name), image, element("span", { class: "shaded-x" }, panel.x_name)));
      if (panel.low) box.append(element("p", { class: "legend" }, element("span", {}, panel.low, element("i", { class: "shades" }), panel.high)));
      return (state) => { image.src = `data:image/png;base64,${state.png}`; };
    },
    text(panel, box) {
      const list = element("ol", { class: panel.monospace ? "lines mono" : "lines" });
      box.append(list);
      return (state) => {
        const lines = state.lines || panel.lines.slice(0, state.shown);
        const lit = new Set(state.lit || []);
        let last = null;
        list.replaceChildren(...lines.map((line, i) => {
          const item = element("li", lit.has(i) ? { class: "lit" } : {}, line);
          if (lit.has(i)) last = item;
          return item;
        }));
        if (last) toView(box.parentElement, last);
      };
    },
  };

  // A kind with a script of its own draws with the same tools.
  for (const [kind, make] of Object.entries(globalThis.hybridKinds || {})) {
    kinds[kind] = (panel, box) => make(panel, box, { element, svg, kinds });
  }
  const shows = new Map();
  for (const panel of panels) {
    const figure = $(`panel-${panel.name}`);
    shows.set(panel.name, kinds[panel.kind](panel, figure.querySelector(".drawing")));
  }

  // --- Steps -------------------------------------------------------------------------------

  // What each panel shows at a step: its own state, or the last one before it.
  const stateAt = (name, number) => {
    for (let at = number; at >= 0; at--) if (steps[at].states[name]) return steps[at].states[name];
    return null;
  };
  const slider = $("step"), paper = $("paper");
  let now = -1, moving = false, timer = null;
  const trackNumber = new Map(piece.tracks.map((track, number) => [track.name, number]));
  const FIELDS = 5;
  const wrote = (step) => {
    const ids = [];
    if (step.start === null) return ids;
    piece.tracks.forEach((track, number) => {
      if (step.tracks.length && !step.tracks.some((name) => trackNumber.get(name) === number)) return;
      for (let at = 0; at < track.notes.length; at += FIELDS) {
        if (track.notes[at] >= step.start && track.notes[at] < step.end) ids.push(`t${number}n${at / FIELDS}`);
      }
    });
    return ids;
  };
  const markNotes = () => {
    if (!paper || now < 0) return;
    for (const note of paper.querySelectorAll("g.note.wrote")) note.classList.remove("wrote");
    for (const id of wrote(steps[now])) {
      for (const note of paper.querySelectorAll(`g.note[id="${id}"], g.note[id^="${id}-"]`)) note.classList.add("wrote");
    }
  };
  const go = (number, byHand) => {
    const to = Math.max(0, Math.min(steps.length - 1, number));
    if (to === now) return;
    now = to;
    const step = steps[to];
    slider.value = to;
    slider.setAttribute("aria-valuetext", `step ${to + 1}: ${step.caption}`);
    $("step-number").textContent = to + 1;
    $("step-caption").textContent = step.caption;
    for (const [name, show] of shows) {
      const state = stateAt(name, to);
      if (state) show(state);
    }
    markNotes();
    if ($("step-hear")) $("step-hear").disabled = step.start === null;
    if (byHand && step.start !== null && $("step-follow")?.checked && !root.classList.contains("playing")) {
      moving = true;
      root.dispatchEvent(new CustomEvent("hybrid-seek", { detail: step.start }));
      moving = false;
    }
  };
  let heard = 0;
  root.addEventListener("hybrid-tick", (event) => {
    // A tick that is told again (the page is laid out anew) moves nothing: a step may lie off the music.
    if (Math.abs(event.detail - heard) < 1) return;
    heard = event.detail;
    if (moving || !$("step-follow")?.checked) return;
    let found = -1;
    for (let at = 0; at < steps.length; at++) {
      const { start } = steps[at];
      if (start !== null && start <= event.detail) found = at;
    }
    if (found >= 0) go(found, false);
  });
  const stop = () => {
    clearInterval(timer);
    timer = null;
    $("step-run").textContent = "Run";
  };
  $("step-run").addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    if (now === steps.length - 1) go(0, true);
    $("step-run").textContent = "Stop";
    timer = setInterval(() => { if (now >= steps.length - 1) stop(); else go(now + 1, true); }, 420);
  });
  slider.addEventListener("input", () => { stop(); go(Number(slider.value), true); });
  $("step-back").addEventListener("click", () => { stop(); go(now - 1, true); });
  $("step-on").addEventListener("click", () => { stop(); go(now + 1, true); });
  $("step-hear")?.addEventListener("click", () => {
    const { start } = steps[now];
    if (start !== null) root.dispatchEvent(new CustomEvent("hybrid-play", { detail: start }));
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input[type=search], textarea, select")) return;
    if (event.key === ",") { stop(); go(now - 1, true); }
    if (event.key === ".") { stop(); go(now + 1, true); }
  });
  // A change of layout draws new notes.
  if (paper) new MutationObserver(markNotes).observe(paper, { childList: true });

  // --- Other sounds: one at a time ------------------------------------------------------------

  document.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);

  // --- Decisions -----------------------------------------------------------------------------

  const text = (index) => trace.strings[index];
  const body = $("trace-table").tBodies[0], CHUNK = 150;
  let shownRows = [], drawnRows = 0;
  const rowOf = (index) => {
    const [kind, bar, tick, track, note, maker, choice, chance, parent, rejected] = trace.rows[index];
    const line = element("tr");
    const place = element("td");
    if (tick !== null) {
      const go = element("button", { type: "button", class: "go", "aria-label": `Go to bar ${bar}` }, String(bar));
      go.addEventListener("click", () => {
        root.dispatchEvent(new CustomEvent("hybrid-seek", { detail: tick }));
        if (note >= 0) root.dispatchEvent(new CustomEvent("hybrid-choose", { detail: [track, note] }));
      });
      place.append(go);
    } else if (bar !== null) place.append(String(bar));
    const who = track >= 0 ? `${text(kind)}, ${piece.tracks[track].name}` : text(kind);
    const follows = parent === null || !trace.rows[parent] ? "" : `${text(trace.rows[parent][0])}: ${text(trace.rows[parent][6])}`;
    const fallen = element("td");
    if (rejected.length) {
      fallen.append(text(rejected[0]));
      if (rejected.length > 1) {
        const more = element("details", {}, element("summary", {}, `and ${rejected.length - 1} more`), rejected.slice(1).map(text).join("; "));
        fallen.append(more);
      }
    }
    line.append(place, element("td", {}, who), element("td", {}, text(maker)), element("td", {}, text(choice)),
      element("td", { class: "num" }, chance === null ? "" : String(chance)), element("td", {}, follows), fallen);
    return line;
  };
  const drawMore = () => {
    const until = Math.min(shownRows.length, drawnRows + CHUNK);
    const made = [];
    for (; drawnRows < until; drawnRows++) made.push(rowOf(shownRows[drawnRows]));
    body.append(...made);
    $("trace-more").hidden = drawnRows >= shownRows.length;
  };
  const filter = () => {
    const kind = $("trace-kind").value;
    const words = $("trace-words").value.toLowerCase().split(/\s+/).filter(Boolean);
    shownRows = [];
    trace.rows.forEach((row, index) => {
      if (kind && text(row[0]) !== kind) return;
      const all = [text(row[0]), `bar ${row[1]}`, row[3] >= 0 ? piece.tracks[row[3]].name : "", text(row[5]), text(row[6]), ...row[9].map(text)].join(" ").toLowerCase();
      if (words.every((word) => all.includes(word))) shownRows.push(index);
    });
    drawnRows = 0;
    body.replaceChildren();
    drawMore();
    $("trace-count").textContent = `${shownRows.length} of ${trace.rows.length}`;
  };
  $("trace-kind").addEventListener("change", filter);
  $("trace-words").addEventListener("input", filter);
  $("trace-more").addEventListener("click", drawMore);
  filter();
  go(0, false);
  const chosen = /[#&]step=(\d+)/.exec(location.hash);
  if (chosen) go(Number(chosen[1]), true);
  root.dataset.machine = "ready";
})();
