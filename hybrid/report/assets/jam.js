// GenJam in the page: it plays, hears g and b, and breeds. Made sounds, no files.
(() => {
  const EVENTS = 8, FAMILY = 4, INDICES = 4, RIVALS = 3, HOLD = 15, HIGHEST = 14;
  const sample = (n) => Math.floor(Math.random() * n);
  const shuffled = (n) => {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) { const j = sample(i + 1); [order[i], order[j]] = [order[j], order[i]]; }
    return order;
  };
  const isNote = (gene) => gene > 0 && gene < HOLD;

  // --- Breeding, as hybrid/history/genjam_genes.py has it --------------------------------------

  const cross = (one, other, width, point) => {
    const bits = (genes) => genes.map((gene) => gene.toString(2).padStart(width, "0")).join("");
    const genes = (text) => text.match(new RegExp(`.{${width}}`, "g")).map((part) => parseInt(part, 2));
    const [a, b] = [bits(one), bits(other)];
    return [genes(a.slice(0, point) + b.slice(point)), genes(b.slice(0, point) + a.slice(point))];
  };
  const rotate = (genes, by) => [...genes.slice(-by), ...genes.slice(0, -by)];
  const sorted = (genes, sign) => {
    const notes = genes.filter(isNote).sort((a, b) => sign * (a - b));
    return genes.map((gene) => (isNote(gene) ? notes.shift() : gene));
  };
  const transpose = (genes, steps) => genes.map((gene) => {
    if (!isNote(gene)) return gene;
    const to = gene + steps;
    return to > HIGHEST ? 2 * HIGHEST - to : to < 1 ? 2 - to : to;
  });
  const mutateMeasure = (genes) => {
    const notes = genes.filter(isNote);
    const up = !notes.length || HIGHEST - Math.max(...notes) >= Math.min(...notes) - 1;
    return [
      () => [...genes].reverse(), () => rotate(genes, 1 + sample(EVENTS - 1)), () => genes.map((gene) => HOLD - gene),
      () => sorted(genes, 1), () => sorted(genes, -1), () => transpose(genes, (1 + sample(4)) * (up ? 1 : -1)),
    ][sample(6)]();
  };
  const mutatePhrase = (genes, measures, phrases) => {
    const uses = new Array(measures.genes.length).fill(0);
    for (const phrase of phrases.genes) for (const index of phrase) uses[index] += 1;
    const n = measures.genes.length, put = (place) => genes.map((gene, i) => (i === place ? sample(n) : gene));
    const best = (score) => genes.map(() => [sample(n), sample(n), sample(n)].reduce((a, b) => (score(b) > score(a) ? b : a)));
    const least = genes.reduce((at, gene, i) => (measures.fitness[gene] < measures.fitness[genes[at]] ? i : at), 0);
    const most = genes.reduce((at, gene, i) => (uses[gene] > uses[genes[at]] ? i : at), 0);
    return [
      () => [...genes].reverse(), () => rotate(genes, 1 + sample(INDICES - 1)), () => put(least),
      () => best((index) => measures.fitness[index]), () => put(most), () => best((index) => -uses[index]),
    ][sample(6)]();
  };
  const breed = (population, width, mutate) => {
    const order = shuffled(population.genes.length);
    for (let at = 0; at < order.length; at += FAMILY) {
      const [one, other, ...worst] = order.slice(at, at + FAMILY).sort((a, b) => population.fitness[b] - population.fitness[a]);
      const bits = width * population.genes[one].length;
      const children = cross(population.genes[one], population.genes[other], width, 1 + sample(bits - 1));
      children[1] = mutate(children[1]);
      worst.forEach((number, i) => { population.genes[number] = children[i]; population.fitness[number] = 0; });
    }
  };

  // --- Sound ---------------------------------------------------------------------------------

  const hertz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);
  const band = (context, out) => {
    const noise = context.createBuffer(1, context.sampleRate / 4, context.sampleRate);
    const data = noise.getChannelData(0);
    for (let i = 0; i < data.length; i++) data[i] = 2 * Math.random() - 1;
    const shape = (node, at, length, level, attack = 0.012) => {
      const gain = context.createGain();
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(level, at + attack);
      gain.gain.setTargetAtTime(level * 0.65, at + attack, 0.12);
      gain.gain.setTargetAtTime(0, at + length, 0.03);
      node.connect(gain).connect(out);
    };
    const tone = (type, pitch, at, length, level, cutoff) => {
      const voice = context.createOscillator(), filter = context.createBiquadFilter();
      voice.type = type;
      voice.frequency.value = hertz(pitch);
      filter.frequency.value = cutoff;
      voice.connect(filter);
      shape(filter, at, length, level);
      voice.start(at);
      voice.stop(at + length + 0.3);
    };
    const hit = (at, level, kind, frequency, length) => {
      const source = context.createBufferSource(), filter = context.createBiquadFilter();
      source.buffer = noise;
      filter.type = kind;
      filter.frequency.value = frequency;
      source.connect(filter);
      shape(filter, at, length, level, 0.002);
      source.start(at);
      source.stop(at + length + 0.15);
    };
    return {
      solo: (pitch, at, length) => { tone("sawtooth", pitch, at, length, 0.2, 1500); tone("triangle", pitch, at, length, 0.12, 3000); },
      piano: (pitch, at, length) => tone("triangle", pitch, at, length, 0.045, 1400),
      bass: (pitch, at, length) => tone("sine", pitch, at, length, 0.26, 900),
      hat: (at) => hit(at, 0.05, "highpass", 7000, 0.03),
      rim: (at) => hit(at, 0.12, "bandpass", 1800, 0.02),
      kick: (at) => tone("sine", 31, at, 0.09, 0.4, 300),
    };
  };

  // --- The panel -------------------------------------------------------------------------------

  globalThis.hybridKinds = {
    jam(panel, box, { element, kinds }) {
      const measures = { genes: panel.measures.map((row) => [...row]), fitness: panel.measures.map(() => 0) };
      const phrases = { genes: panel.phrases.map((row) => [...row]), fitness: panel.phrases.map(() => 0) };
      const button = (text, more) => element("button", { type: "button", ...more }, text);
      const start = button("Play"), good = button("g  good", { class: "vote-g", "aria-keyshortcuts": "g" });
      const bad = button("b  bad", { class: "vote-b", "aria-keyshortcuts": "b" }), next = button("Breed");
      const now = element("span", { class: "jam-now" }), said = element("span", { class: "jam-said", role: "status" });
      box.append(element("div", { class: "jam-bar" }, start, good, bad, next, now, said));
      const grid = element("div");
      box.append(grid);
      const draw = kinds.population({ count: measures.genes.length, is_notes: true }, grid);
      let generation = 0, votes = 0, playing = null;
      const heard = [];  // What sounds when: seconds of the context, phrase, measure, names of chords.
      const current = () => {
        if (!playing) return null;
        const at = playing.context.currentTime;
        let found = null;
        for (const item of heard) if (item.at <= at) found = item;
        return found;
      };
      const show = () => {
        const item = current();
        draw({ genes: measures.genes, fitness: measures.fitness, roles: item ? [[item.measure, "playing"]] : [] });
        const head = element("b", {}, `Generation ${generation}`);
        const place = item ? `: ${[...new Set(item.names)].join(" ")}, measure ${item.measure} of phrase ${item.phrase}` : "";
        now.replaceChildren(head, `${place}; ${votes} ${votes === 1 ? "vote" : "votes"}`);
      };
      const vote = (value) => {
        const item = current();
        if (!item) { said.textContent = "Press Play here first."; return; }
        measures.fitness[item.measure] += value;
        phrases.fitness[item.phrase] += value;
        votes += 1;
        said.textContent = `${value > 0 ? "Good" : "Bad"}: measure ${item.measure} now ${measures.fitness[item.measure]}`;
        show();
      };
      const breedAll = () => {
        breed(measures, 4, mutateMeasure);
        breed(phrases, 6, (genes) => mutatePhrase(genes, measures, phrases));
        generation += 1;
        votes = 0;
        said.textContent = `Generation ${generation} is born.`;
        show();
      };

      // Bars are written a little ahead of the clock.
      const beat = 60 / panel.tempo, bar = 4 * beat, late = panel.swing ? (2 / 3) * beat : beat / 2;
      const timeOf = (event) => Math.floor(event / 2) * beat + (event % 2) * late;
      const write = () => {
        const { context, sounds } = playing;
        while (playing.at < context.currentTime + 0.25) {
          const place = playing.bar % panel.bars.length, chords = panel.bars[place];
          if (playing.bar % INDICES === 0) {
            // The fittest of three, so that what is liked comes back.
            const rivals = [sample(phrases.genes.length), sample(phrases.genes.length), sample(phrases.genes.length)].slice(0, RIVALS);
            playing.phrase = rivals.reduce((a, b) => (phrases.fitness[b] > phrases.fitness[a] ? b : a));
          }
          const measure = phrases.genes[playing.phrase][playing.bar % INDICES], genes = measures.genes[measure], at = playing.at;
          heard.push({ at, phrase: playing.phrase, measure, names: chords.names });
          if (heard.length > 8) heard.shift();
          for (let event = 0; event < EVENTS; event++) {
            if (!isNote(genes[event])) continue;
            let last = event + 1;
            while (last < EVENTS && genes[last] === HOLD) last += 1;
            sounds.solo(chords.ladders[event < 4 ? 0 : 1][genes[event] - 1], at + timeOf(event), 0.92 * (timeOf(last) - timeOf(event)));
          }
          for (const event of [0, 3, 6]) for (const pitch of chords.piano[event < 4 ? 0 : 1]) sounds.piano(pitch, at + timeOf(event), 0.8 * late);
          sounds.bass(chords.bass[0], at, 1.4 * beat);
          sounds.bass(chords.bass[0], at + timeOf(3), 0.4 * beat);
          sounds.bass(chords.bass[1], at + timeOf(4), 1.4 * beat);
          for (let event = 0; event < EVENTS; event++) if (!panel.swing || event !== 1) sounds.hat(at + timeOf(event));
          for (const event of panel.swing ? [2, 6] : [0, 3, 6]) sounds.rim(at + timeOf(event));
          for (const event of [0, 4]) sounds.kick(at + timeOf(event));
          playing.at += bar;
          playing.bar += 1;
        }
        show();
      };
      const stop = () => {
        if (!playing) return;
        clearInterval(playing.timer);
        playing.context.close();
        playing = null;
        heard.length = 0;
        start.textContent = "Play";
        show();
      };
      start.addEventListener("click", () => {
        if (playing) { stop(); return; }
        document.getElementById("sound")?.pause();
        const context = new AudioContext(), out = context.createGain();
        out.gain.value = 0.8;
        out.connect(context.destination);
        playing = { context, sounds: band(context, out), at: context.currentTime + 0.15, bar: 0, phrase: 0 };
        playing.timer = setInterval(write, 60);
        start.textContent = "Stop";
        write();
      });
      good.addEventListener("click", () => vote(1));
      bad.addEventListener("click", () => vote(-1));
      next.addEventListener("click", breedAll);
      document.getElementById("sound")?.addEventListener("play", stop);
      document.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input[type=search], textarea, select")) return;
        if (event.key === "g") vote(1);
        if (event.key === "b") vote(-1);
      });
      show();
      return () => {};
    },
  };
})();
