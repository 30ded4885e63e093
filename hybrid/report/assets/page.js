"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const root = document.documentElement;
  const sound = $("sound");
  const text = (index) => data.strings[index];

  // --- Musical time ------------------------------------------------------------------------

  // Index of the last row whose first value is not above x (0 before the first).
  const last = (rows, x, at = (row) => row[0]) => {
    let low = 0, high = rows.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(rows[middle]) <= x) low = middle; else high = middle;
    }
    return low;
  };
  const secondsOf = (tick) => {
    const [start, second, rate] = data.tempo[last(data.tempo, tick)];
    return second + (tick - start) * rate;
  };
  const tickOf = (seconds) => {
    const [start, second, rate] = data.tempo[last(data.tempo, seconds, (row) => row[1])];
    return start + (seconds - second) / rate;
  };
  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };
  // A Roman numeral in pieces: letters, and figures that are to be raised.
  const raised = (numeral) => numeral.split(/(\d+)/).filter(Boolean).map((part) => [part, /\d/.test(part)]);
  const barAt = (tick) => data.bars[last(data.bars, tick)];
  const beatAt = (tick) => {
    const [, beat] = data.beats[last(data.beats, tick)];
    return (tick - barAt(tick)[0]) / beat + 1;
  };
  const end = secondsOf(data.length);

  // --- Notes -------------------------------------------------------------------------------

  const FIELDS = 5;
  // All notes by onset: onset, end, pitch, velocity, spelling, track, number in the track.
  const notes = [];
  data.tracks.forEach((track, number) => {
    for (let at = 0; at < track.notes.length; at += FIELDS) {
      const [onset, length, pitch, velocity, spelling] = track.notes.slice(at, at + FIELDS);
      notes.push({ onset, end: onset + length, pitch, velocity, spelling, track: number, n: at / FIELDS });
    }
  });
  notes.sort((a, b) => a.onset - b.onset || a.track - b.track || a.n - b.n);
  // How far back a note that still sounds may have begun: the latest end so far, note by note.
  const onsets = notes.map((note) => [note.onset]);
  const reach = [];
  let longest = 0;
  notes.forEach((note) => { longest = Math.max(longest, note.end - note.onset); reach.push(longest); });
  const soundingAt = (tick) => {
    const found = [];
    if (!notes.length) return found;
    for (let at = last(onsets, tick); at >= 0; at--) {
      const note = notes[at];
      if (note.onset > tick) continue;
      if (tick - note.onset > reach[at]) break;
      if (note.end > tick) found.push(note);
    }
    return found;
  };
  const colour = (track) => data.tracks[track][root.dataset.theme === "dark" ? "dark" : "light"];
  const LETTERS = "FCGDAEB";
  const COMMON = [0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5];
  const pitchName = (pitch, spelling) => {
    const place = spelling === -128 ? COMMON[pitch % 12] : spelling;
    const letter = LETTERS[(((place + 1) % 7) + 7) % 7];
    const alteration = Math.floor((place + 1) / 7);
    const octave = Math.floor((pitch - alteration) / 12) - 1;
    const sign = alteration > 0 ? "♯".repeat(alteration) : "♭".repeat(-alteration);
    return `${letter}${sign}${octave}`;
  };
  const muted = new Set();

  // --- Playing -----------------------------------------------------------------------------

  // Without sound a clock of our own runs.
  let silentStart = null, silentAt = 0, playing = false, dragging = false;
  const position = () => {
    if (sound) return sound.currentTime;
    return playing ? Math.min(end, silentAt + (performance.now() - silentStart) / 1000) : silentAt;
  };
  const total = () => (sound && Number.isFinite(sound.duration) ? sound.duration : end);
  const setPlaying = (value) => {
    playing = value;
    root.classList.toggle("playing", value);
    $("play").setAttribute("aria-label", value ? "Pause" : "Play");
    if (value) requestAnimationFrame(frame);
  };
  const play = () => {
    if (sound) {
      if (sound.ended) sound.currentTime = 0;
      sound.play().catch(() => setPlaying(false));
    } else {
      if (silentAt >= end) silentAt = 0;
      silentStart = performance.now();
      setPlaying(true);
    }
  };
  const pause = () => {
    if (sound) { sound.pause(); return; }
    silentAt = position();
    setPlaying(false);
  };
  let wanted = null;
  const seek = (seconds) => {
    const to = Math.max(0, Math.min(seconds, total()));
    if (sound) {
      // Before the sound is there the wish is kept.
      if (sound.readyState > 0) sound.currentTime = to; else wanted = to;
    } else {
      silentAt = to;
      silentStart = performance.now();
    }
    show(to, true);
  };
  if (sound) {
    sound.removeAttribute("controls");
    sound.addEventListener("play", () => setPlaying(true));
    sound.addEventListener("pause", () => setPlaying(false));
    sound.addEventListener("ended", () => setPlaying(false));
    sound.addEventListener("loadedmetadata", () => {
      $("seek").max = total();
      if (wanted !== null) { sound.currentTime = wanted; wanted = null; }
    });
    sound.addEventListener("error", () => { $("sound-note").hidden = false; });
  }
  $("play").addEventListener("click", () => (playing ? pause() : play()));
  $("seek").addEventListener("input", (event) => { dragging = true; seek(Number(event.target.value)); });
  $("seek").addEventListener("change", () => { dragging = false; });

  // --- What sounds now ---------------------------------------------------------------------

  const lit = new Map();  // "t0n5" to the note
  const paper = $("paper");
  const elements = new Map();  // "t0n5" to its elements, tied ones included
  const collect = () => {
    elements.clear();
    if (!paper) return;
    for (const element of paper.querySelectorAll("g.note[id]")) {
      const name = element.id.split("-")[0];
      if (!elements.has(name)) elements.set(name, []);
      elements.get(name).push(element);
    }
    for (const [tick, severity, voices] of data.findings) {
      for (const note of soundingAt(tick)) {
        // A voice is a track, or one of a track's: "piano left/2".
        const name = data.tracks[note.track].name;
        const isMeant = voices.some((voice) => voice === name || voice.startsWith(`${name}/`));
        if (severity === "info" || !isMeant) continue;
        for (const element of elements.get(`t${note.track}n${note.n}`) || []) {
          element.classList.add(`flag-${severity}`);
        }
      }
    }
  };
  const light = (name, note, on) => {
    for (const element of elements.get(name) || []) {
      element.classList.toggle("lit", on);
      if (on) element.style.setProperty("--lit", colour(note.track));
    }
  };
  const follow = () => $("follow")?.checked;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let system = null;
  const scrollTo = (name, force) => {
    const element = (elements.get(name) || [])[0];
    const found = element && element.closest("g.system");
    if (!found || (found === system && !force)) return;
    system = found;
    if (!follow() && !force) return;
    const box = found.getBoundingClientRect(), frameBox = paper.getBoundingClientRect();
    const above = box.top - frameBox.top, below = box.bottom - frameBox.bottom;
    if (!force && above >= 0 && below <= 0) return;
    paper.scrollTo({ top: paper.scrollTop + above - 8, behavior: force || still ? "auto" : "smooth" });
  };

  const lines = [...document.querySelectorAll(".lanes")].map((lane) => {
    const picture = lane.querySelector("svg");
    const line = document.createElement("div");
    line.className = "playline";
    lane.append(line);
    return { lane, picture, line, facts: picture.dataset };
  });
  const laneX = (facts, quarters) => Number(facts.left)
    + (quarters / Number(facts.quarters)) * (Number(facts.right) - Number(facts.left));
  for (const { lane, facts } of lines) {
    for (const picture of lane.querySelectorAll("svg")) {
      picture.addEventListener("click", (event) => {
        const box = picture.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
        const share = (x - Number(facts.left)) / (Number(facts.right) - Number(facts.left));
        seek(secondsOf(Math.max(0, share * Number(facts.quarters) * data.tpq)));
      });
      for (const block of picture.querySelectorAll('[role="button"]')) {
        block.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          event.stopPropagation();
          seek(secondsOf(Number(block.dataset.quarter) * data.tpq));
          play();
        });
      }
    }
  }

  let shownChord = -1, shownBar = -1;
  const show = (seconds, jumped) => {
    // A millisecond on: players round the time they were sent to down.
    const tick = Math.min(tickOf(seconds + 0.001), data.length);
    const now = new Map();
    if (seconds <= end + 0.05) {
      for (const note of soundingAt(tick)) now.set(`t${note.track}n${note.n}`, note);
    }
    for (const [name, note] of lit) if (!now.has(name)) { light(name, note, false); lit.delete(name); }
    for (const [name, note] of now) if (!lit.has(name)) { light(name, note, true); lit.set(name, note); }
    if (paper && now.size) scrollTo(now.keys().next().value, jumped);
    for (const { lane, facts, picture, line } of lines) {
      const x = laneX(facts, tick / data.tpq) / picture.viewBox.baseVal.width;
      line.style.left = `${x * 100}%`;
      const box = lane.parentElement;
      if (box.scrollWidth > box.clientWidth && (playing || jumped)) {
        const place = x * lane.offsetWidth;
        if (place < box.scrollLeft + 20 || place > box.scrollLeft + box.clientWidth * 0.85) {
          box.scrollLeft = place - box.clientWidth * 0.25;
        }
      }
    }
    if (!dragging) $("seek").value = seconds;
    $("now-time").textContent = clock(seconds);
    const [, bar] = barAt(tick);
    const chordIndex = data.chords.length ? last(data.chords, tick) : -1;
    if (bar !== shownBar || chordIndex !== shownChord || jumped) {
      shownBar = bar;
      shownChord = chordIndex;
      $("now-bar").textContent = `bar ${bar}`;
      const chord = data.chords[chordIndex];
      const holds = chord && chord[0] <= tick && tick < chord[1];
      $("now-chord").textContent = "";
      for (const [part, isFigure] of holds ? raised(chord[2]) : []) {
        const piece = document.createElement(isFigure ? "sup" : "span");
        piece.textContent = part;
        $("now-chord").append(piece);
      }
      $("now-key").textContent = holds ? text(chord[3]) : "";
      const phrase = data.phrases.length ? data.phrases[last(data.phrases, tick)][1] : "";
      $("now-phrase").textContent = phrase;
      $("seek").setAttribute("aria-valuetext",
        [clock(seconds), `bar ${bar}`, holds ? `${chord[2]} in ${text(chord[3])}` : "", phrase]
          .filter(Boolean).join(", "));
    }
    roll.show(tick, jumped);
    root.dispatchEvent(new CustomEvent("hybrid-tick", { detail: tick }));
  };
  const frame = () => {
    if (!playing) return;
    const seconds = position();
    show(seconds, false);
    if (!sound && seconds >= end) { silentAt = end; setPlaying(false); return; }
    requestAnimationFrame(frame);
  };

  // --- Piano roll --------------------------------------------------------------------------

  const roll = (() => {
    const canvas = $("roll"), scroller = $("rollscroll"), spacer = $("rollspacer");
    const GUTTER = 44, HEAD = 58, FOOT = 6, HEIGHT = 380;
    let perQuarter = 40, tickNow = 0, width = 0, pending = false;
    const quarters = data.length / data.tpq;
    let low = 127, high = 0;
    for (const note of notes) { low = Math.min(low, note.pitch); high = Math.max(high, note.pitch); }
    if (low > high) { low = 55; high = 76; }
    low -= 2; high += 2;
    const rowHeight = (HEIGHT - HEAD - FOOT) / (high - low + 1);
    const fit = () => Math.max(0.5, (scroller.clientWidth - GUTTER - 8) / quarters);
    const xOf = (tick) => GUTTER + (tick / data.tpq) * perQuarter - scroller.scrollLeft;
    const tickAt = (x) => ((x - GUTTER + scroller.scrollLeft) / perQuarter) * data.tpq;
    const yOf = (pitch) => HEAD + (high - pitch) * rowHeight;
    const resize = () => {
      width = scroller.clientWidth;
      const scale = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(HEIGHT * scale);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${HEIGHT}px`;
      spacer.style.width = `${Math.max(width, GUTTER + quarters * perQuarter + 8)}px`;
      ask();
    };
    const ask = () => {
      if (pending) return;
      pending = true;
      requestAnimationFrame(() => { pending = false; draw(); });
    };
    const draw = () => {
      const pen = canvas.getContext("2d");
      const scale = window.devicePixelRatio || 1;
      const style = getComputedStyle(root);
      const tone = (name) => style.getPropertyValue(name).trim();
      const ink = tone("--ink"), dim = tone("--dim"), line = tone("--line"), card = tone("--card"), soft = tone("--soft");
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.fillStyle = card;
      pen.fillRect(0, 0, width, HEIGHT);
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      for (let pitch = low; pitch <= high; pitch++) {
        if ([1, 3, 6, 8, 10].includes(pitch % 12)) {
          pen.fillStyle = soft;
          pen.fillRect(GUTTER, yOf(pitch), width - GUTTER, rowHeight);
        }
        if (pitch % 12 === 0) {
          pen.fillStyle = line;
          pen.fillRect(GUTTER, yOf(pitch) + rowHeight - 0.5, width - GUTTER, 1);
        }
      }
      const first = tickAt(GUTTER), final = tickAt(width);
      // Keys, bars and chords above the notes.
      let from = last(data.bars, first);
      let step = 1;
      const barWidth = ((data.bars[Math.min(1, data.bars.length - 1)][0] - data.bars[0][0] || data.tpq * 4) / data.tpq) * perQuarter;
      while (barWidth * step < 30) step *= 2;
      for (let at = from; at < data.bars.length && data.bars[at][0] <= final; at++) {
        const [start, number] = data.bars[at];
        const x = xOf(start);
        if (number % step && number !== 1) continue;
        pen.fillStyle = line;
        pen.fillRect(x, 34, 1, HEIGHT - 34);
        if (x >= GUTTER - 4) {
          pen.fillStyle = dim;
          pen.textAlign = "left";
          pen.fillText(String(number), x + 3, HEAD - 8);
        }
      }
      if (data.keys.length) {
        for (let at = last(data.keys, first); at < data.keys.length && data.keys[at][0] <= final; at++) {
          const [start, stop, key] = data.keys[at];
          const left = Math.max(GUTTER, xOf(start)), right = Math.min(width, xOf(stop));
          if (right <= left) continue;
          pen.fillStyle = soft;
          pen.fillRect(left + 1, 3, right - left - 2, 17);
          pen.save();
          pen.beginPath();
          pen.rect(left, 0, right - left, 22);
          pen.clip();
          pen.fillStyle = ink;
          pen.textAlign = "left";
          pen.fillText(text(key), left + 6, 12.5);
          pen.restore();
        }
      }
      if (data.chords.length) {
        const serif = "Georgia, 'Times New Roman', serif";
        const measure = (name) => raised(name).reduce((sum, [part, isFigure]) => {
          pen.font = `600 ${isFigure ? 9.5 : 13.5}px ${serif}`;
          return sum + pen.measureText(part).width;
        }, 0);
        let free = GUTTER;
        for (let at = last(data.chords, first); at < data.chords.length && data.chords[at][0] <= final; at++) {
          const [start, stop, name] = data.chords[at];
          const x = Math.max(GUTTER + 2, xOf(start) + 2);
          const shown = measure(name);
          // No name over its neighbour: what does not fit shows when zoomed in.
          if (x < free || xOf(stop) - x < Math.min(shown, 14)) continue;
          const sounds = start <= tickNow && tickNow < stop;
          pen.fillStyle = sounds ? tone("--head") : ink;
          pen.textAlign = "left";
          let place = x;
          for (const [part, isFigure] of raised(name)) {
            pen.font = `600 ${isFigure ? 9.5 : 13.5}px ${serif}`;
            pen.fillText(part, place, isFigure ? 28 : 32);
            place += pen.measureText(part).width;
          }
          free = x + shown + 5;
        }
        pen.font = "12px system-ui, sans-serif";
      }
      let at = notes.length ? last(onsets, first) : 0;
      while (at > 0 && first - notes[at].onset < reach[at]) at--;
      pen.save();
      pen.beginPath();
      pen.rect(GUTTER, HEAD - 2, width - GUTTER, HEIGHT - HEAD + 2);
      pen.clip();
      for (; at < notes.length && notes[at].onset <= final; at++) {
        const note = notes[at];
        if (note.end < first || muted.has(note.track)) continue;
        const x = xOf(note.onset);
        const w = Math.max(2, ((note.end - note.onset) / data.tpq) * perQuarter - 1);
        const h = Math.max(2.5, rowHeight - 1);
        const sounds = note.onset <= tickNow && tickNow < note.end;
        pen.fillStyle = colour(note.track);
        pen.globalAlpha = sounds ? 1 : 0.42 + 0.4 * (note.velocity / 127);
        pen.beginPath();
        if (pen.roundRect) pen.roundRect(x, yOf(note.pitch) + 0.5, w, h, Math.min(3, h / 2, w / 2)); else pen.rect(x, yOf(note.pitch) + 0.5, w, h);
        pen.fill();
        if (sounds || note === chosen) {
          pen.globalAlpha = 1;
          pen.strokeStyle = note === chosen ? tone("--head") : ink;
          pen.lineWidth = note === chosen ? 2.5 : 1.6;
          pen.stroke();
        }
      }
      pen.restore();
      pen.globalAlpha = 1;
      const x = xOf(tickNow);
      if (x >= GUTTER) { pen.fillStyle = tone("--head"); pen.fillRect(x - 1, 22, 2, HEIGHT - 22); }
      pen.fillStyle = card;
      pen.fillRect(0, 0, GUTTER, HEIGHT);
      pen.fillStyle = dim;
      pen.textAlign = "right";
      for (let pitch = low; pitch <= high; pitch++) {
        if (pitch % 12 === 0) pen.fillText(pitchName(pitch, 0), GUTTER - 6, yOf(pitch) + rowHeight / 2);
      }
      if (data.chords.length) pen.fillText("chord", GUTTER - 6, 32);
      if (data.keys.length) pen.fillText("key", GUTTER - 6, 12.5);
      pen.fillText("bar", GUTTER - 6, HEAD - 8);
      pen.fillStyle = line;
      pen.fillRect(GUTTER - 1, 0, 1, HEIGHT);
    };
    const zoom = (factor, middle = width / 2) => {
      const tick = tickAt(middle);
      perQuarter = Math.min(400, Math.max(fit() * 0.999, perQuarter * factor));
      resize();
      scroller.scrollLeft = GUTTER + (tick / data.tpq) * perQuarter - middle;
    };
    const show = (tick, jumped) => {
      tickNow = tick;
      const x = xOf(tick);
      if ((jumped || playing) && (x < GUTTER || x > width * 0.86)) scroller.scrollLeft += x - GUTTER - width * 0.12;
      ask();
    };
    const hit = (event) => {
      const box = canvas.getBoundingClientRect();
      const x = event.clientX - box.left, y = event.clientY - box.top;
      if (x < GUTTER) return null;
      const tick = tickAt(x), pitch = high - Math.floor((y - HEAD) / rowHeight);
      const slack = (3 / perQuarter) * data.tpq;
      const note = y < HEAD ? null : notes.find((item) => !muted.has(item.track) && item.pitch === pitch
        && item.onset - slack <= tick && tick <= item.end + slack);
      return { tick, note };
    };
    canvas.addEventListener("click", (event) => {
      const found = hit(event);
      if (!found) return;
      if (found.note) choose(found.note); else seek(secondsOf(Math.max(0, found.tick)));
    });
    canvas.addEventListener("mousemove", (event) => {
      const found = hit(event);
      canvas.title = found && found.note
        ? `${pitchName(found.note.pitch, found.note.spelling)}, ${data.tracks[found.note.track].name}` : "";
    });
    scroller.addEventListener("scroll", ask, { passive: true });
    scroller.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - canvas.getBoundingClientRect().left);
    }, { passive: false });
    scroller.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") zoom(1.4);
      else if (event.key === "-") zoom(1 / 1.4);
      else return;
      event.preventDefault();
    });
    $("zoom-in").addEventListener("click", () => zoom(1.5));
    $("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
    $("zoom-all").addEventListener("click", () => { perQuarter = fit(); resize(); scroller.scrollLeft = 0; });
    // At first a dozen bars on a wide screen, so that chords can be read.
    const bars = Math.min(data.bars.length, 12);
    const span = (data.bars[bars] ? data.bars[bars][0] : data.length) / data.tpq;
    perQuarter = Math.max(22, Math.min(60, (scroller.clientWidth - GUTTER) / Math.max(1, span)));
    new ResizeObserver(resize).observe(scroller);
    resize();
    return { show, ask };
  })();

  // --- What made a note --------------------------------------------------------------------

  let chosen = null;
  const cell = (list, name, value) => {
    if (value === "" || value === null || value === undefined) return;
    const term = document.createElement("dt"), content = document.createElement("dd");
    term.textContent = name;
    content.textContent = value;
    list.append(term, content);
  };
  const plain = (value) => Number(value.toFixed(2)).toString();
  const mark = (note, on) => {
    for (const element of elements.get(`t${note.track}n${note.n}`) || []) element.classList.toggle("chosen", on);
  };
  const choose = (note) => {
    if (chosen) mark(chosen, false);
    chosen = note;
    const box = $("why");
    box.hidden = !note;
    roll.ask();
    if (!note) return;
    mark(note, true);
    const track = data.tracks[note.track];
    box.style.setProperty("--lit", colour(note.track));
    box.textContent = "";
    const heading = document.createElement("h2");
    heading.textContent = `${track.drums ? `drum ${note.pitch}` : pitchName(note.pitch, note.spelling)}, ${track.name}`;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.textContent = "×";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => choose(null));
    const list = document.createElement("dl");
    cell(list, "place", `bar ${barAt(note.onset)[1]}, beat ${plain(beatAt(note.onset))} (${secondsOf(note.onset).toFixed(2)} s)`);
    const quarters = plain((note.end - note.onset) / data.tpq);
    cell(list, "length", `${quarters} quarter${quarters === "1" ? "" : "s"}, velocity ${note.velocity}`);
    const chord = data.chords.length ? data.chords[last(data.chords, note.onset)] : null;
    if (chord && chord[0] <= note.onset && note.onset < chord[1]) cell(list, "chord", `${chord[2]} in ${text(chord[3])}`);
    const row = track.made[note.n];
    if (row === undefined || row < 0) {
      cell(list, "made by", "no decision about this note was kept");
    } else {
      const [, maker, choice, probability, parent, rejected] = data.decisions[row];
      cell(list, "made by", text(maker).replaceAll("_", " "));
      cell(list, "choice", text(choice));
      cell(list, "probability", probability);
      const chain = [];
      for (let at = parent; at >= 0; at = data.decisions[at][4]) chain.push(data.decisions[at]);
      for (const [kind, by, what, chance] of chain) {
        cell(list, text(kind), `${text(what)} (${text(by)}${chance === null ? "" : `, p ${chance}`})`);
      }
      if (rejected.length) cell(list, "rejected", rejected.map(text).join("; "));
    }
    const listen = document.createElement("button");
    listen.type = "button";
    listen.textContent = "Play from here";
    listen.style.marginTop = ".8rem";
    listen.addEventListener("click", () => { seek(secondsOf(note.onset)); play(); });
    box.append(close, heading, list, listen);
  };
  if (paper) {
    paper.addEventListener("click", (event) => {
      const element = event.target.closest("g.note[id]");
      if (!element) return;
      const [, track, number] = /^t(\d+)n(\d+)/.exec(element.id);
      const note = notes.find((item) => item.track === Number(track) && item.n === Number(number));
      if (note) { choose(note); if (!playing) seek(secondsOf(note.onset)); }
    });
    $("marks")?.addEventListener("change", (event) => paper.classList.toggle("marked", event.target.checked));
  }

  // --- Tables, legend, keys, theme ---------------------------------------------------------

  for (const button of document.querySelectorAll(".go")) {
    button.addEventListener("click", () => seek(secondsOf(Number(button.dataset.tick))));
  }
  for (const box of document.querySelectorAll("[data-severity] > input, input[data-severity]")) {
    box.addEventListener("change", () => {
      for (const row of document.querySelectorAll(`tr[data-severity="${box.dataset.severity}"]`)) row.hidden = !box.checked;
    });
  }
  const legend = $("legend");
  data.tracks.forEach((track, number) => {
    if (!track.notes.length) return;
    const label = document.createElement("label"), box = document.createElement("input"), patch = document.createElement("i");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => { if (box.checked) muted.delete(number); else muted.add(number); roll.ask(); });
    patch.dataset.track = number;
    label.append(box, patch, track.name);
    legend.append(label);
  });
  const paint = () => {
    for (const patch of legend.querySelectorAll("i")) patch.style.setProperty("--c", colour(Number(patch.dataset.track)));
    for (const [name, note] of lit) light(name, note, true);
    const dark = root.dataset.theme === "dark";
    $("theme").textContent = dark ? "Light" : "Dark";
    $("theme").setAttribute("aria-pressed", String(dark));
    roll.ask();
  };
  $("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("hybrid-theme", root.dataset.theme); } catch (error) { /* no storage */ }
    paint();
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const inside = event.target.closest("input, textarea, select, summary, button, a, .scroll, #rollscroll");
    const here = tickOf(position() + 0.001);
    if (event.key === "Escape") choose(null);
    else if (event.key === " " && !inside) (playing ? pause() : play());
    else if (event.key === "Home" && !inside) seek(0);
    else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && (!inside || inside.id === "play")) {
      const rows = event.shiftKey && data.phrases.length ? data.phrases : data.bars;
      const at = last(rows, here);
      // Back goes to this bar's beginning first, as players do.
      const to = event.key === "ArrowRight" ? at + 1
        : here - rows[at][0] > data.tpq / 2 ? at : at - 1;
      if (to < rows.length) seek(secondsOf(rows[Math.max(0, to)][0]));
    } else return;
    event.preventDefault();
  });

  // --- The layout for small screens ----------------------------------------------------------

  const wide = paper ? paper.innerHTML : "";
  let isNarrow = false;
  const unpack = async () => {
    const packed = Uint8Array.from(atob($("narrow").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const relayout = async () => {
    if (!paper || !$("narrow")) return;
    const small = paper.clientWidth > 0 && paper.clientWidth < 600;
    if (small === isNarrow) return;
    isNarrow = small;
    try {
      paper.innerHTML = small ? await unpack() : wide;
    } catch (error) {
      paper.firstElementChild.style.minWidth = "760px";  // An old browser: the wide one, to scroll.
      return;
    }
    system = null;
    lit.clear();
    collect();
    show(position(), true);
  };
  if (paper) new ResizeObserver(() => { relayout(); }).observe(paper);

  // --- Beginning -----------------------------------------------------------------------------

  const fromAddress = () => {
    const found = /[#&]t=([\d.]+)/.exec(location.hash);
    if (found) seek(Number(found[1]));
    return Boolean(found);
  };
  window.addEventListener("hashchange", fromAddress);
  // For what other scripts add to the page.
  root.addEventListener("hybrid-seek", (event) => seek(secondsOf(event.detail)));
  root.addEventListener("hybrid-play", (event) => { seek(secondsOf(event.detail)); play(); });
  root.addEventListener("hybrid-choose", (event) => choose(
    notes.find((note) => note.track === event.detail[0] && note.n === event.detail[1]) || null));
  collect();
  paint();
  if (!fromAddress()) show(0, false);
  root.dataset.ready = "true";
})();
