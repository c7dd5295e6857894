// Keeps an open page up to date: progress at once from the stream of events, everything else by loading the page's regions anew.
// Where the stream is lost, the page looks every few seconds. A page that was asleep looks as soon as it is seen again.
"use strict";

const LOOK_MILLISECONDS = 5000;
const SOON_MILLISECONDS = 400;
const PREVIEW_SECONDS = 3;
const main = document.getElementById("main");
const kinds = (main.dataset.live || "").split(" ");
const light = document.getElementById("live");
const words = document.getElementById("live-words");

let source = null;
let lastId = "";
let looking = false;
let again = false;
let timer = 0;

function say(text, isLost) {
  if (!light) return;
  light.hidden = !text;
  light.classList.toggle("lost", isLost);
  words.textContent = text;
}

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
    if (answer.ok) replaceRegions(new DOMParser().parseFromString(await answer.text(), "text/html"));
    else if (answer.status === 404) location.reload();
  } catch { /* the server is away: the next look finds it again */ }
  looking = false;
  if (again) { again = false; lookSoon(); }
}

function lookSoon() {
  clearTimeout(timer);
  timer = setTimeout(look, SOON_MILLISECONDS + Math.random() * SOON_MILLISECONDS);
}

function replaceRegions(page) {
  for (const region of document.querySelectorAll("[data-region]")) {
    const fresh = page.querySelector(`[data-region="${region.dataset.region}"]`);
    const isInUse = region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (fresh && !isInUse && fresh.innerHTML !== region.innerHTML) {
      const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      region.innerHTML = fresh.innerHTML;
      if (focused) region.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    }
  }
  const next = page.getElementById("main");
  if (main.dataset.id && next.querySelector("video") && !main.querySelector("video")) location.reload(); // the film is there
  if (next.dataset.again) setTimeout(look, Number(next.dataset.again) * 1000);
  previews();
}

function patch(job) {
  let isHere = false;
  for (const row of document.querySelectorAll(`[data-job="${CSS.escape(job.id)}"]`)) {
    isHere = true;
    const bar = row.querySelector("progress");
    const percent = row.querySelector('[data-f="percent"]');
    const waits = row.querySelector('[data-f="waits"]');
    const state = row.querySelector('[data-f="state"] .mark');
    if (bar) { bar.value = job.percent; bar.textContent = `${job.percent} %`; }
    if (percent) percent.textContent = `${job.percent} %`;
    if (waits) waits.textContent = job.waits_for.replace(/^you: /, "");
    if (state && state.textContent !== job.state.replaceAll("_", " ")) lookSoon();
  }
  return isHere;
}

function hear(changed) {
  const ids = changed.jobs.map((job) => job.id);
  const areHere = changed.jobs.map(patch);
  const isMine = main.dataset.id && (ids.includes(main.dataset.id) || changed.gone.includes(main.dataset.id));
  if (isMine || (kinds.includes("list") && (changed.gone.length || areHere.includes(false)))) lookSoon();
}

function listen() {
  if (source || !kinds.some((kind) => ["list", "job", "films"].includes(kind))) return;
  source = new EventSource(lastId ? `/events?after=${encodeURIComponent(lastId)}` : "/events");
  const on = (name, act) => source.addEventListener(name, (event) => { lastId = event.lastEventId; act(event); });
  on("hello", () => say("live", false));
  on("jobs", (event) => hear(JSON.parse(event.data)));
  on("films", () => { if (kinds.includes("films")) lookSoon(); });
  on("reload", lookSoon);
  source.onerror = () => {
    say("looking every few seconds", true);
    if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(listen, LOOK_MILLISECONDS); }
  };
}

function isLost() { return !source || source.readyState !== EventSource.OPEN; }

// A page that nobody sees needs no stream: browsers hold six connections to a host, for all its pages together.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { source?.close(); source = null; }
  else { listen(); look(); }
});
addEventListener("pageshow", (event) => { if (event.persisted) { listen(); look(); } });
addEventListener("pagehide", () => { source?.close(); source = null; });
if (kinds[0]) {
  setInterval(() => { if (!document.hidden && isLost()) look(); }, LOOK_MILLISECONDS);
  if (!document.hidden) listen();
}
if (main.dataset.again) setTimeout(look, Number(main.dataset.again) * 1000);

// The library: a film plays its first three seconds under the pointer, under the keyboard's focus, or when it is touched.
function previews() {
  for (const link of document.querySelectorAll("a[data-film]:not([data-ready])")) {
    link.dataset.ready = "1";
    let film = null;
    const begin = () => {
      if (film || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      film = document.createElement("video");
      Object.assign(film, { src: link.dataset.film, muted: true, playsInline: true, preload: "auto" });
      film.setAttribute("aria-hidden", "true");
      film.tabIndex = -1;
      film.addEventListener("timeupdate", () => { if (film && film.currentTime >= PREVIEW_SECONDS) film.currentTime = 0; });
      link.querySelector(".frame").append(film);
      film.play().catch(() => {});
    };
    const end = () => { film?.remove(); film = null; };
    link.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") begin(); });
    link.addEventListener("pointerleave", end);
    link.addEventListener("focus", begin);
    link.addEventListener("blur", end);
    link.addEventListener("pointerdown", (event) => { if (event.pointerType !== "mouse") link.dataset.touched = film ? "open" : "play"; });
    link.addEventListener("click", (event) => {
      if (link.dataset.touched === "play") { event.preventDefault(); begin(); }
      delete link.dataset.touched;
    });
  }
}
previews();
