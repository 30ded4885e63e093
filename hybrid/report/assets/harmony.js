"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const root = document.documentElement;
  const paper = $("paper");
  const FUNCTIONS = data.functions;

  // Index of the last row whose first value is not above x (0 before the first).
  const last = (rows, x) => {
    let low = 0, high = rows.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (rows[middle][0] <= x) low = middle; else high = middle;
    }
    return low;
  };
  const chordAt = (tick) => {
    const chord = data.chords.length ? data.chords[last(data.chords, tick)] : null;
    return chord && chord[0] <= tick && tick < chord[1] ? chord : null;
  };
  const unpack = async (name) => {
    const packed = Uint8Array.from(atob($(name).textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const make = (name, attributes = {}, content = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (content !== "") element.textContent = content;
    return element;
  };
  const raise = (box, numeral) => {
    for (const part of numeral.split(/(\d+)/).filter(Boolean)) {
      const piece = document.createElement(/\d/.test(part) ? "sup" : "span");
      piece.textContent = part;
      box.append(piece);
    }
  };

  // --- Colours of the score ------------------------------------------------------------------

  // Chord symbols begin with the name of a root, numerals with a key's name or a numeral.
  const NUMERAL = /^(?:[A-Ga-g][♭♯]*: )?[b#♭♯]*(?:[IViv]|Ger|It|Fr)/;
  let measures = [];
  const colour = () => {
    if (!paper) return;
    for (const element of paper.querySelectorAll("g.note[id]")) {
      const [, track, number] = /^t(\d+)n(\d+)/.exec(element.id) || [];
      const row = data.notes[track];
      if (!row || row.length <= 2 * number + 1) continue;
      const chord = chordAt(row[2 * number]);
      // A note that is held into the next chord is coloured where it begins.
      if (chord && chord[7].includes(row[2 * number + 1])) element.classList.add(FUNCTIONS[chord[5]]);
    }
    let at = 0;
    for (const harm of paper.querySelectorAll("g.harm")) {
      const text = harm.querySelector("text");
      if (!text || at >= data.chords.length) continue;
      // Accidentals are signs of the music font.
      if (!NUMERAL.test(text.textContent.replace(/[\uE000-\uF8FF]/g, "").trim())) continue;
      const chord = data.chords[at++];
      harm.classList.add(FUNCTIONS[chord[5]]);
      // A letter as well: the colour must not be needed.
      harm.append(make("text", { class: "letter", x: text.getAttribute("x"), y: Number(text.getAttribute("y")) + 330 },
        data.letters[chord[5]]));
    }
    measures = [...paper.querySelectorAll("g.measure")];
  };
  $("coloured")?.addEventListener("change", (event) => paper.classList.toggle("functions-on", event.target.checked));

  // --- Bars ------------------------------------------------------------------------------------

  let bar = 0;
  const barOf = (tick) => last(data.bars, tick);
  const choose = (index, scroll) => {
    measures[bar]?.classList.remove("chosen");
    bar = Math.max(0, Math.min(index, data.bars.length - 1));
    const element = measures[bar];
    if (element) {
      element.classList.add("chosen");
      if (scroll) {
        const box = element.getBoundingClientRect(), frame = paper.getBoundingClientRect();
        if (box.top < frame.top || box.bottom > frame.bottom) {
          paper.scrollTo({ top: paper.scrollTop + box.top - frame.top - 20 });
        }
      }
    }
    $("bar").value = data.bars[bar][2];
    const [start, end] = data.bars[bar];
    for (const row of document.querySelectorAll(".chordtable tbody tr")) {
      const tick = Number(row.querySelector(".go").dataset.tick);
      row.classList.toggle("chosen", start <= tick && tick < end);
    }
    draw();
  };
  const toGraph = () => {
    const box = $("graphcard").getBoundingClientRect();
    if (box.top > innerHeight - 200 || box.bottom < 100) $("graphcard").scrollIntoView({ block: "start" });
  };
  if (paper) {
    paper.addEventListener("click", (event) => {
      let found = event.target.closest("g.measure");
      if (!found) {
        found = measures.find((measure) => {
          const box = measure.getBoundingClientRect();
          return box.left <= event.clientX && event.clientX < box.right && box.top <= event.clientY && event.clientY < box.bottom;
        });
      }
      if (found) choose(measures.indexOf(found), false);
    });
  }
  for (const button of document.querySelectorAll(".go")) {
    button.addEventListener("click", () => { choose(barOf(Number(button.dataset.tick)), true); toGraph(); });
  }
  for (const picture of document.querySelectorAll(".lanes > svg")) {
    picture.addEventListener("click", (event) => {
      const facts = picture.dataset, box = picture.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
      const share = (x - Number(facts.left)) / (Number(facts.right) - Number(facts.left));
      choose(barOf(Math.max(0, share * Number(facts.quarters) * data.tpq)), true);
    });
  }
  $("bar").addEventListener("change", (event) => {
    const wanted = Number(event.target.value);
    const found = data.bars.findIndex((row) => row[2] === wanted);
    choose(found < 0 ? bar : found, true);
  });
  $("bar-back").addEventListener("click", () => choose(bar - 1, true));
  $("bar-on").addEventListener("click", () => choose(bar + 1, true));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest("input, summary, .scroll") && !event.target.closest("#graph")) return;
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    choose(bar + (event.key === "ArrowRight" ? 1 : -1), true);
    event.preventDefault();
  });

  // --- Note graph ------------------------------------------------------------------------------

  const LETTERS = "FCGDAEB";
  const pitchName = (pitch, spelling) => {
    const alteration = Math.floor((spelling + 1) / 7);
    const octave = Math.floor((pitch - alteration) / 12) - 1;
    const sign = alteration > 0 ? "♯".repeat(alteration) : "♭".repeat(-alteration);
    return `${LETTERS[(((spelling + 1) % 7) + 7) % 7]}${sign}${octave}`;
  };
  let graph = null;
  const hidden = new Set();
  for (const box of document.querySelectorAll("[data-relation]")) {
    box.addEventListener("change", () => {
      if (box.checked) hidden.delete(box.dataset.relation); else hidden.add(box.dataset.relation);
      draw();
    });
  }
  const WIDTH = 1160, LEFT = 52, RIGHT = 30, TOP = 26, BOTTOM = 18;
  const draw = () => {
    if (!graph) return;
    const [startTick, endTick, number] = data.bars[bar];
    const start = startTick / graph.scale, end = endTick / graph.scale;
    // Notes that begin in the bar, and those that sound into it.
    const nodes = graph.notes.map((note, at) => ({ at, note })).filter(({ note }) => note[0] < end && note[1] > start);
    const box = $("graph");
    box.textContent = "";
    const pitches = nodes.map(({ note }) => note[2]);
    const low = Math.min(60, ...pitches) - 1, high = Math.max(60, ...pitches) + 1;
    const step = Math.max(9, Math.min(18, 420 / (high - low)));
    const height = TOP + BOTTOM + (high - low) * step;
    const from = Math.min(start, ...nodes.map(({ note }) => Math.max(note[0], start)));
    const x = (time) => LEFT + 24 + ((Math.max(time, from) - from) / Math.max(1, end - from)) * (WIDTH - LEFT - RIGHT - 70);
    const y = (pitch) => TOP + (high - pitch) * step;
    const picture = make("svg", { viewBox: `0 0 ${WIDTH} ${height}` });
    const defs = make("defs");
    const arrow = make("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" });
    arrow.append(make("path", { d: "M0 0L8 4L0 8z", class: "arrowhead" }));
    defs.append(arrow);
    picture.append(defs);
    for (let time = start, beat = 1; time < end; time += 480, beat++) {
      picture.append(make("line", { class: "grid beat", x1: x(time), x2: x(time), y1: TOP - 6, y2: height - BOTTOM }));
      picture.append(make("text", { class: "dim", x: x(time), y: 14, "text-anchor": "middle" }, `quarter ${beat}`));
    }
    for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) {
      picture.append(make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(pitch), y2: y(pitch) }));
      picture.append(make("text", { class: "dim", x: LEFT - 8, y: y(pitch) + 4, "text-anchor": "end" }, `C${pitch / 12 - 1}`));
    }
    // Notes of one pitch and moment (two voices in unison) stand side by side.
    const taken = new Map();
    const place = new Map();
    for (const { at, note } of nodes) {
      const key = `${note[0]} ${note[2]}`;
      const n = taken.get(key) || 0;
      taken.set(key, n + 1);
      place.set(at, [x(note[0]) + 17 * n, y(note[2])]);
      const right = Math.min(x(Math.min(note[1], end)), WIDTH - RIGHT);
      picture.append(make("line", { class: "life", x1: x(note[0]), x2: Math.max(right - 6, x(note[0])), y1: y(note[2]), y2: y(note[2]) }));
    }
    const counts = graph.relations.map(() => 0);
    const touching = [];
    graph.relations.forEach((relation, index) => {
      const pairs = graph.edges[index];
      for (let at = 0; at < pairs.length; at += 2) {
        const one = pairs[at], other = one + pairs[at + 1];
        if (!place.has(one) || !place.has(other)) continue;
        counts[index]++;
        if (hidden.has(relation)) continue;
        const [x1, y1] = place.get(one), [x2, y2] = place.get(other);
        const long = Math.hypot(x2 - x1, y2 - y1) || 1;
        const trim = (relation === "consecutive" ? 11 : 8) / long;
        const a = [x1 + (x2 - x1) * (8 / long), y1 + (y2 - y1) * (8 / long)];
        const b = [x2 - (x2 - x1) * trim, y2 - (y2 - y1) * trim];
        // Edges between notes that start together bow out, so that they do not hide each other.
        const bow = relation === "onset" ? Math.min(34, 6 + Math.abs(y2 - y1) * 0.14) : relation === "during" ? 10 : 0;
        const middle = [(a[0] + b[0]) / 2 - (relation === "onset" ? bow : 0), (a[1] + b[1]) / 2 + (relation === "during" ? bow : 0)];
        const edge = make("path", {
          class: `edge ${relation}`,
          d: bow ? `M${a[0]} ${a[1]}Q${middle[0]} ${middle[1]} ${b[0]} ${b[1]}` : `M${a[0]} ${a[1]}L${b[0]} ${b[1]}`,
        });
        if (relation === "consecutive") edge.setAttribute("marker-end", "url(#arrow)");
        touching.push([one, other, edge]);
        picture.append(edge);
      }
    });
    const shown = [];
    for (const { at, note } of nodes) {
      const [px, py] = place.get(at);
      const chord = chordAt(Math.max(note[0], start) * graph.scale);
      const isTone = chord && chord[7].includes(note[2] % 12);
      const group = make("g", { class: `node${isTone ? " tone" : ""}${note[0] < start ? " before" : ""}` });
      if (isTone) group.style.setProperty("--f", `var(--${FUNCTIONS[chord[5]]})`);
      const name = pitchName(note[2], note[3]);
      const title = `${name}, ${data.tracks[note[4]]}, ${Number(((note[1] - note[0]) / 480).toFixed(3))} quarters${isTone ? `, in ${chord[2]}` : ", no chord tone"}`;
      group.append(make("title", {}, title), make("circle", { cx: px, cy: py, r: 7 }));
      if (isTone) group.append(make("text", { class: "letter", x: px, y: py + 3.6 }, data.letters[chord[5]]));
      group.append(make("text", { x: px + 11, y: py - 6 }, name));
      group.addEventListener("mouseenter", () => {
        const near = new Set([at]);
        for (const [one, other, edge] of touching) {
          const has = one === at || other === at;
          edge.classList.toggle("faded", !has);
          if (has) near.add(one).add(other);
        }
        for (const [id, node] of shown) node.classList.toggle("faded", !near.has(id));
      });
      group.addEventListener("mouseleave", () => {
        for (const element of picture.querySelectorAll(".faded")) element.classList.remove("faded");
      });
      shown.push([at, group]);
      picture.append(group);
    }
    box.append(picture);
    const edges = graph.relations.map((name, index) => `${counts[index]} ${name}`).join(", ");
    box.setAttribute("aria-label", `Note graph of bar ${number}: ${nodes.length} notes; edges: ${edges}. `
      + nodes.map(({ note }) => pitchName(note[2], note[3])).join(" "));
    const words = $("graph-chords");
    words.textContent = "";
    for (const chord of data.chords) {
      if (chord[0] >= endTick || chord[1] <= startTick) continue;
      const item = document.createElement("span"), mark = document.createElement("i"), numeral = document.createElement("b");
      mark.className = `fn ${FUNCTIONS[chord[5]]}`;
      mark.textContent = data.letters[chord[5]];
      numeral.className = "numeral";
      raise(numeral, chord[2]);
      item.append(mark, numeral, `${chord[3]} in ${chord[4]}, ${Math.round(100 * chord[6])}%`);
      words.append(item);
    }
    const facts = document.createElement("span");
    facts.className = "remark";
    facts.textContent = `${nodes.length} notes; edges: ${edges}`;
    words.append(facts);
  };

  // --- Theme, and the layout for small screens ---------------------------------------------------

  const paint = () => {
    const dark = root.dataset.theme === "dark";
    $("theme").textContent = dark ? "Light" : "Dark";
    $("theme").setAttribute("aria-pressed", String(dark));
  };
  $("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("hybrid-theme", root.dataset.theme); } catch (error) { /* no storage */ }
    paint();
  });
  const wide = paper ? paper.innerHTML : "";
  let isNarrow = false;
  const relayout = async () => {
    if (!paper || !$("narrow")) return;
    const small = paper.clientWidth > 0 && paper.clientWidth < 600;
    if (small === isNarrow) return;
    isNarrow = small;
    try {
      paper.innerHTML = small ? await unpack("narrow") : wide;
    } catch (error) {
      paper.firstElementChild.style.minWidth = "760px";  // An old browser: the wide one, to scroll.
      return;
    }
    colour();
    choose(bar, true);
  };

  // --- Beginning -----------------------------------------------------------------------------------

  const fromAddress = () => {
    const found = /[#&]bar=(\d+)/.exec(location.hash);
    const index = found ? data.bars.findIndex((row) => row[2] === Number(found[1])) : -1;
    if (index >= 0) choose(index, true);
    return index >= 0;
  };
  window.addEventListener("hashchange", fromAddress);
  paint();
  colour();
  if (paper) new ResizeObserver(() => { relayout(); }).observe(paper);
  choose(0, false);
  (async () => {
    try {
      graph = JSON.parse(await unpack("graph-data"));
    } catch (error) {
      $("graph").textContent = "This browser cannot unpack the note graph; the GraphML file has it.";
    }
    if (!fromAddress()) draw();
    root.dataset.ready = "true";
  })();
})();
