// Keeps the page up to date and does what its buttons say. The page itself is made by the daemon: after each event it
// is fetched again and its parts are put in place. Texts stand in the page, in its reader's language.
"use strict";

const QUIET = 150; // ms after an event in which more may come
const APART = 1000; // ms between two fetches at the least
const ALWAYS = 15000; // ms: beats, unlike transitions, are no events
const PATIENCE = 10000; // ms for an answer
const AGAIN = 2000; // ms until a lost connection is tried again

const lost = document.querySelector(".lost");
const said = document.querySelector(".said");

// --- the page ---------------------------------------------------------------------------------------

let fetching = false;
let wanted = false;
let fetched = 0;
let timer = 0;
let ahead = 0; // ms that the daemon's clock is ahead of this one

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(QUIET, fetched + APART - Date.now()));
}

async function refresh() {
  if (fetching) {
    wanted = true;
    return;
  }
  fetching = true;
  wanted = false;
  try {
    const answer = await fetch("/", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.redirected) {
      location.assign(answer.url); // to the login
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    lost.hidden = true;
  } catch {
    lost.hidden = false;
    setTimeout(soon, AGAIN);
  } finally {
    fetching = false;
    fetched = Date.now();
    clearTimeout(timer);
    timer = setTimeout(refresh, ALWAYS);
    if (wanted) soon();
  }
}

function put(fresh) {
  const frame = (page) => page.querySelector("style").textContent + page.querySelector(".tools").textContent;
  if (frame(fresh) !== frame(document)) {
    location.reload(); // another language, or another release; logged in or out
    return;
  }
  const open = new Map([...document.querySelectorAll("details[data-key]")].map((one) => [one.dataset.key, one.open]));
  const focused = document.activeElement.closest("[data-key]")?.dataset.key;
  const [x, y] = [scrollX, scrollY];
  document.title = fresh.title;
  for (const part of ["main", ".made"]) {
    document.querySelector(part).replaceWith(document.adoptNode(fresh.querySelector(part)));
  }
  for (const one of document.querySelectorAll("details[data-key]")) {
    if (open.has(one.dataset.key)) one.open = open.get(one.dataset.key);
  }
  if (focused && document.activeElement === document.body) {
    const again = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused);
    (again?.querySelector("summary") ?? again)?.focus({ preventScroll: true });
  }
  for (const one of document.querySelectorAll("[data-key]")) if (busy.has(one.dataset.key)) one.ariaBusy = "true";
  scrollTo(x, y);
  meet();
}

function meet() {
  ahead = Date.parse(document.querySelector(".made time").dateTime) - Date.now();
  tick();
}

// As `domain.words.span` says it.
function span(seconds) {
  const [s, m, h] = [seconds % 60, Math.floor(seconds / 60) % 60, Math.floor(seconds / 3600) % 24];
  const d = Math.floor(seconds / 86400);
  if (d) return h ? `${d} d ${h} h` : `${d} d`;
  if (h) return m ? `${h} h ${m} min` : `${h} h`;
  if (m) return s && m < 10 ? `${m} min ${s} s` : `${m} min`;
  return `${s} s`;
}

function tick() {
  for (const one of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() + ahead - Date.parse(one.dataset.since)) / 1000));
    one.textContent = document.body.dataset.ago.replace("~", span(seconds));
  }
}

// --- the events -------------------------------------------------------------------------------------

// A browser opens six connections to a host at the most: a page that nobody sees holds none.
let source = null;

function listen() {
  if (document.hidden) return;
  source?.close();
  source = new EventSource("/api/v1/events?follow=true&limit=1");
  for (const name of document.body.dataset.live.split(" ")) source.addEventListener(name, soon);
  source.addEventListener("open", soon);
  source.addEventListener("error", () => {
    lost.hidden = false;
    if (source?.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN); // refused: a browser gives up
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    listen();
    soon();
  }
});

// --- what may be done -------------------------------------------------------------------------------

function say(text, wrong) {
  said.textContent = text;
  said.classList.toggle("wrong", wrong);
  said.setAttribute("role", wrong ? "alert" : "status");
  said.hidden = false;
  clearTimeout(say.timer);
  if (!wrong) say.timer = setTimeout(() => { said.hidden = true; }, 8000);
}

const busy = new Set(); // keys of the buttons whose answer is awaited: the page may be put in place meanwhile

async function send(method, path, body, done) {
  try {
    const answer = await fetch(path, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: body && JSON.stringify(body),
      redirect: "error",
    });
    const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
    if (answer.ok) say(done(told), false);
    else say(told.detail ?? told.title ?? answer.statusText, true);
    if (answer.status === 401) location.assign("/login");
  } catch {
    say(lost.textContent, true);
  }
  soon();
}

function asked(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function act(button) {
  const { post: path, method = "POST", confirm, done, key } = button.dataset;
  if (confirm) {
    const dialog = document.querySelector("#confirm");
    dialog.querySelector("#confirm-text").textContent = confirm;
    if (!(await asked(dialog))) return;
  }
  if (busy.has(key)) return;
  busy.add(key);
  button.ariaBusy = "true"; // not `disabled`: that would take the focus away
  const body = method === "POST" ? {} : undefined;
  await send(method, path, body, (told) => done.replace(/\{(\w+)\}/g, (_, gap) => told[gap]));
  busy.delete(key);
  for (const one of document.querySelectorAll("[data-key]")) if (one.dataset.key === key) one.ariaBusy = null;
}

async function pause(agent) {
  const dialog = document.querySelector("#pause");
  const form = dialog.querySelector("form");
  form.reset();
  if (!(await asked(dialog))) return;
  const { seconds, reason } = Object.fromEntries(new FormData(form));
  const { done } = dialog.querySelector("[data-done]").dataset;
  const body = { ...(seconds && { seconds: Number(seconds) }), ...(reason.trim() && { reason }) };
  await send("POST", `/api/v1/agents/${encodeURIComponent(agent)}/pause`, body, () => done);
}

async function silence(matcher) {
  const dialog = document.querySelector("#silence");
  const form = dialog.querySelector("form");
  form.reset();
  form.elements.matcher.value = matcher;
  if (!(await asked(dialog))) return;
  const { matcher: what, seconds, comment } = Object.fromEntries(new FormData(form));
  const { done, idle } = dialog.querySelector("[data-done]").dataset;
  const body = { matcher: what, seconds: Number(seconds), comment };
  await send("POST", "/api/v1/silences", body, ({ matches: { agents, incidents, scopes } }) =>
    agents || incidents || scopes.length ? done : idle);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.post) act(button);
  else if (button?.dataset.pause) pause(button.dataset.pause);
  else if (button?.dataset.silence) silence(button.dataset.silence);
  else if (button && "refresh" in button.dataset) refresh();
});

listen();
meet();
setInterval(tick, 1000);
timer = setTimeout(refresh, ALWAYS);
