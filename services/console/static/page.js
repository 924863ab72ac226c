"use strict";
// Makes the pages quicker to use. Each of them works without this file.

const EVERY = 5_000; // ms from the end of a look to the next
const PATIENCE = 4_000; // ms that a look may take
const RELEASE_AFTER = 15_000; // ms: a form whose answer never came may be sent again
const SCROLLS = "[tabindex]"; // boxes that hold more than they show

// A form is sent once, however often its button is clicked.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(() => release(form), RELEASE_AFTER);
});

addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(release);
});

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
}

// What lives on the page is fetched again while somebody looks; what is being chosen or copied is left alone.

const live = () => [...document.querySelectorAll("[data-live]")];
const shown = new Map(live().map((one) => [one.id, one.innerHTML])); // as it was sent

async function refresh() {
  const isLive = live().length > 0;
  const response = await fetch(isLive ? ownAddress() : "/session", {
    headers: { "Aktif-Refresh": "1" },
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (response.status === 401) return "ended";
  if (!response.ok) throw new Error(response.status);
  return isLive ? renew(new DOMParser().parseFromString(await response.text(), "text/html")) : "on";
}

function ownAddress() {
  const address = new URL(location.href);
  for (const name of ["said", "n", "lost"]) address.searchParams.delete(name);
  return address;
}

function renew(page) {
  let state = "on";
  for (const old of live()) {
    const fresh = page.getElementById(old.id)?.innerHTML;
    if (fresh === undefined || fresh === shown.get(old.id)) continue;
    if (isInUse(old)) state = "held";
    else replace(old, fresh);
  }
  return state;
}

// A box that scrolls has the focus after a click on any number in it, which is no use of what it holds.
function isInUse(element) {
  const focused = document.activeElement;
  const selection = getSelection();
  return (
    (element.contains(focused) && !focused.matches(SCROLLS)) ||
    (!selection.isCollapsed && selection.containsNode(element, true)) ||
    element.querySelector("input:checked") !== null
  );
}

function replace(old, fresh) {
  const boxes = [...old.querySelectorAll(SCROLLS)];
  const scrolled = boxes.map((box) => box.scrollLeft);
  const focused = boxes.indexOf(document.activeElement);
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
  old.innerHTML = fresh;
  shown.set(old.id, fresh);
  old.querySelectorAll(SCROLLS).forEach((box, index) => {
    box.scrollLeft = scrolled[index] ?? 0;
    if (index === focused) box.focus({ preventScroll: true });
  });
  for (const one of old.querySelectorAll("details")) if (open.has(one.id)) one.open = true;
  begin(old);
}

// The next look begins when the last has ended, so that none pile up. Where the session has ended the page stays as it
// is, with all that was typed: its forms are right again once the same person has logged in.
function keepLooking(ended) {
  const label = document.getElementById("refresh");
  let isLooking = false;
  async function look() {
    if (document.hidden || isLooking) return;
    isLooking = true;
    const state = await refresh().catch(() => "lost");
    isLooking = false;
    if (state !== "lost") ended.hidden = state !== "ended";
    if (label) label.dataset.state = state;
    if (label && label.textContent !== label.dataset[state]) label.textContent = label.dataset[state];
  }
  setTimeout(async function beat() {
    await look();
    setTimeout(beat, EVERY);
  }, EVERY);
  document.addEventListener("visibilitychange", look);
}

// All letters of a page at once.

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) {
    for (const one of event.target.form.querySelectorAll("[name=letter]")) one.checked = event.target.checked;
  }
  if (event.target.closest("[data-choice]")) countChosen();
});

function countChosen() {
  for (const form of document.querySelectorAll("[data-choice]")) {
    const chosen = form.querySelectorAll("[name=letter]:checked").length;
    for (const place of form.querySelectorAll("[data-chosen]")) place.textContent = chosen ? ` (${chosen})` : "";
  }
}

// From a line that has the focus, j and k go to the next and the one before; only from there, lest a key that is spoken
// or struck elsewhere do anything (WCAG 2.1.4).

document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const lines = [...document.querySelectorAll("[data-line]")];
  const at = lines.indexOf(document.activeElement);
  if (at >= 0) lines[at + step]?.focus();
});

function begin(inside) {
  for (const element of inside.querySelectorAll("[data-scripted]")) element.hidden = false;
  for (const element of inside.querySelectorAll("[data-unscripted]")) element.hidden = true;
  countChosen();
}

begin(document);
const ended = document.getElementById("ended");
if (ended) keepLooking(ended);
document.querySelector("[data-summary]")?.focus();
