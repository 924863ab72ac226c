"use strict";
// Makes the pages quicker to use. Each of them works without this file.

const EVERY = 5_000; // ms between two looks
const RELEASE_AFTER = 15_000; // ms: a form whose answer never came may be sent again

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

// What lives on the page is fetched again while somebody looks; what is being typed or chosen is left alone.

const live = () => [...document.querySelectorAll("[data-live]")];

async function refresh() {
  if (document.hidden) return;
  const address = new URL(location.href);
  for (const name of ["said", "n"]) address.searchParams.delete(name);
  const response = await fetch(address, { headers: { "Aktif-Refresh": "1" } });
  if (response.status === 401) return location.reload();
  if (!response.ok) throw new Error(response.status);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of live()) {
    const fresh = page.getElementById(old.id);
    if (fresh && fresh.innerHTML !== old.innerHTML && !isInUse(old)) replace(old, fresh);
  }
}

function isInUse(element) {
  return element.contains(document.activeElement) || element.querySelector("input:checked") !== null;
}

function replace(old, fresh) {
  const scrolled = [...old.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
  old.innerHTML = fresh.innerHTML;
  old.querySelectorAll(".scroll").forEach((box, index) => (box.scrollLeft = scrolled[index] ?? 0));
  for (const one of old.querySelectorAll("details")) if (open.has(one.id)) one.open = true;
  begin(old);
}

function keepLooking() {
  const state = document.getElementById("refresh");
  setInterval(async () => {
    try {
      await refresh();
      state.dataset.state = "on";
    } catch {
      state.dataset.state = "lost";
    }
    const words = state.dataset[state.dataset.state];
    if (state.textContent !== words) state.textContent = words;
  }, EVERY);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
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

// j and k go from line to line, as in many a tool; the rest is the browser's.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const step = { j: 1, k: -1 }[event.key];
  if (!step) return;
  const lines = [...document.querySelectorAll("[data-line]")];
  const next = lines[lines.indexOf(document.activeElement) + step] ?? (step > 0 ? lines[0] : undefined);
  next?.focus();
});

function begin(inside) {
  for (const element of inside.querySelectorAll("[data-scripted]")) element.hidden = false;
  for (const element of inside.querySelectorAll("[data-unscripted]")) element.hidden = true;
  countChosen();
}

begin(document);
if (live().length) keepLooking();
document.querySelector("[data-summary]")?.focus();
