// Measurements inside a page, for Chromium and WebKitGTK alike. Each resolves to plain numbers.
window.probes = {
  /** Milliseconds from navigation until the conversation could be used. */
  readyAt: 0,

  /** Lengths of the frames of the next `ms` milliseconds while `step` runs in each. */
  frames(ms, step = () => {}) {
    return new Promise((resolve) => {
      const gaps = [];
      const begun = performance.now();
      let last = begun;
      const frame = (now) => {
        gaps.push(now - last);
        last = now;
        step();
        if (now - begun < ms) requestAnimationFrame(frame);
        else resolve(gaps.slice(1));
      };
      requestAnimationFrame(frame);
    });
  },

  /** Frame lengths while the transcript is scrolled up. */
  scroll(ms) {
    const scroller = document.querySelector("[data-testid=transcript]");
    scroller.dispatchEvent(new WheelEvent("wheel", { deltaY: -100 }));
    return this.frames(ms, () => (scroller.scrollTop -= 60));
  },

  /** Milliseconds from each of `count` keystrokes until its character was painted. */
  async keystrokes(count) {
    const area = document.querySelector("[data-testid=composer]");
    const times = [];
    for (let index = 0; index < count; index++) {
      const begun = performance.now();
      area.value += "x";
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      times.push(performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return times;
  },

  /** Milliseconds from a click on another row of the list until that session's turns are painted. */
  async switchTo(title) {
    const turns = () => [...document.querySelectorAll("[data-turn]")].map((node) => node.dataset.turn);
    const before = new Set(turns());
    const begun = performance.now();
    [...document.querySelectorAll("[data-testid=session-row]")].find((row) => row.textContent.includes(`${title} question 1`)).click();
    while (!turns().some((turn) => !before.has(turn))) await new Promise((resolve) => requestAnimationFrame(resolve));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - begun;
  },

  nodes() {
    return document.querySelectorAll("*").length;
  },
};

new MutationObserver((_, observer) => {
  if (document.documentElement?.dataset.ready !== "true") return;
  window.probes.readyAt = performance.now();
  observer.disconnect();
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] });
