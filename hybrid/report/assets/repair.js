"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const steps = [...document.querySelectorAll(".step")];
  const slider = document.getElementById("slider");
  const place = document.getElementById("place");
  const flip = document.getElementById("flip");
  const both = document.getElementById("both");
  const box = document.getElementById("steps");
  const theme = document.getElementById("theme");

  // Ids repeat from step to step, so notes are looked for inside one engraving.
  const mark = (root, ids, kind) => {
    const wanted = new Set(ids);
    for (const note of root.querySelectorAll("g.note")) {
      if (wanted.has(note.id.replace(/-\d+$/, ""))) note.classList.add(kind);
    }
  };
  steps.forEach((step, index) => {
    mark(step.querySelector(".before"), data.steps[index].bad, "bad");
    mark(step.querySelector(".after"), data.steps[index].new, "new");
  });
  mark(document.getElementById("result"), data.whole, "new");

  let at = 0;
  const show = (index) => {
    at = Math.max(0, Math.min(steps.length - 1, index));
    steps.forEach((step, number) => { step.hidden = number !== at; });
    slider.value = at + 1;
    place.textContent = `${at + 1} of ${steps.length}`;
  };
  const turn = () => {
    const flipped = box.classList.toggle("flipped");
    flip.setAttribute("aria-pressed", flipped);
    flip.textContent = flipped ? "Show after" : "Show before";
  };
  slider.addEventListener("input", () => show(Number(slider.value) - 1));
  document.getElementById("back").addEventListener("click", () => show(at - 1));
  document.getElementById("on").addEventListener("click", () => show(at + 1));
  flip.addEventListener("click", turn);
  both.addEventListener("change", () => {
    box.classList.toggle("both", both.checked);
    flip.disabled = both.checked;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !steps.length) return;
    const inside = event.target.closest("button, input, summary, a");
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: steps.length - 1 };
    if (event.key in moves && event.target !== slider) show(moves[event.key]);
    else if (event.key === " " && !inside && !both.checked) turn();
    else return;
    event.preventDefault();
  });
  const paint = () => {
    const dark = document.documentElement.dataset.theme === "dark";
    theme.textContent = dark ? "Light" : "Dark";
    theme.setAttribute("aria-pressed", dark);
  };
  theme.addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("hybrid-theme", next); } catch (error) { /* no storage */ }
    paint();
  });
  paint();
  if (steps.length) show(0);
})();
