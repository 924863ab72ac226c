"use strict";
// Makes the pages quicker to use. Each of them works without this file.

const GIVE_UP_AFTER = 30_000; // ms: an answer that has not come by then never will, and the form may be sent again
const [RETRY_AFTER, RETRIES] = [15, 3]; // seconds where the server names none, and how often without being asked
const [AGAIN_AFTER, AGAIN_AT_MOST] = [2_000, 30_000]; // ms, twice as long each time

const content = () => document.querySelector("main");
const again = { timer: 0, after: AGAIN_AFTER, action: "next" };
let holding = 0;

// A form is sent once, however often its button is clicked.

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  clearTimeout(again.timer);
  hold(form, button);
  concealPasswords(form);
  if ("inPlace" in form.dataset && button && !("wholePage" in button.dataset)) {
    event.preventDefault();
    sendInPlace(form, button);
  } else {
    leaving = true;
  }
});

// Questions that were chosen live in the page alone: who leaves it by mistake is asked first.

let leaving = false;

addEventListener("beforeunload", (event) => {
  if (!leaving && document.querySelector("form[data-in-place] input[type=hidden][name=question]")) event.preventDefault();
});

addEventListener("pageshow", (event) => {
  leaving = false;
  if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(release);
});

function hold(form, button) {
  form.dataset.sent = "";
  button?.setAttribute("aria-disabled", "true");
  clearTimeout(holding);
  holding = setTimeout(() => release(form), GIVE_UP_AFTER);
}

function release(form) {
  delete form.dataset.sent;
  for (const button of form.elements) button.removeAttribute("aria-disabled");
}

// The questions: the answer's content takes the place of ours, and its address where it has another.

async function sendInPlace(form, button, retries = RETRIES) {
  const body = new URLSearchParams(new FormData(form));
  if (button.name) body.append(button.name, button.value);
  again.action = button.value;
  try {
    const signal = AbortSignal.timeout(GIVE_UP_AFTER);
    const response = await fetch(form.getAttribute("action"), { method: "POST", body, signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    leaving = response.redirected;
    if (leaving) location.assign(response.url);
    else if (response.status < 500 || page.querySelector("[data-end]")) show(page);
    else keep(form, button, retries, Number(response.headers.get("Retry-After")));
  } catch {
    keep(form, button, retries);
  }
}

// Nobody took it, and nobody says that the link has ended: the form stays as it is and says so. It also goes out again
// by itself, unless somebody types in it.

function keep(form, button, retries, seconds) {
  release(form);
  if (retries === RETRIES) sayUnavailable(form);
  if (retries === 0) return;
  const retry = () => {
    hold(form, button);
    sendInPlace(form, button, retries - 1);
  };
  again.timer = setTimeout(retry, (seconds || RETRY_AFTER) * 1000);
  form.addEventListener("input", () => clearTimeout(again.timer), { once: true });
}

function sayUnavailable(form) {
  content().querySelector("[data-unavailable]")?.remove();
  form.before(document.getElementById("unavailable").content.cloneNode(true));
  content().querySelector("[data-unavailable]").focus();
}

function show(page) {
  const next = page.querySelector("main");
  if (!next) throw new Error("the answer is not one of our pages");
  document.title = page.title;
  document.querySelector("header").replaceWith(page.querySelector("header"));
  content().replaceWith(next);
  (next.querySelector("[data-summary]") ?? next.querySelector("[data-focus]") ?? next).focus();
  const news = next.querySelector("[data-announce]");
  document.getElementById("announcer").textContent = news ? news.textContent : "";
  begin();
}

// The link is still being worked: the same form goes out again by itself.

function sendAgain(form) {
  const buttons = [...form.querySelectorAll("button[type=submit]")];
  const button = buttons.find((one) => one.value === again.action) ?? buttons.at(-1);
  again.timer = setTimeout(() => form.requestSubmit(button), again.after);
  again.after = Math.min(2 * again.after, AGAIN_AT_MOST);
}

// The waiting page: asks in the background, and moves only when there is something new.

function lookAgain(seconds) {
  setTimeout(async () => {
    try {
      const response = await fetch(location.href);
      if (response.redirected) location.replace(response.url);
      else if (response.ok || response.status > 500) lookAgain(seconds);
      else location.reload();
    } catch {
      lookAgain(seconds);
    }
  }, seconds * 1000);
}

// The five rules turn as one types. They are judged as the server judges: on the NFKC form, by code points.

const RULES = {
  length: (password) => [...password].length >= 12,
  lower: (password) => /\p{Lowercase}/u.test(password),
  upper: (password) => /\p{Uppercase}/u.test(password),
  digit: (password) => /\p{Nd}/u.test(password),
  special: (password) => /[^\p{L}\p{N}]/u.test(password),
};

function watchPasswords(form) {
  const [password, repeat] = [form.querySelector("#password"), form.querySelector("#again")];
  const shows = form.querySelector("#show");
  const judge = () => {
    judgeRules(form, password.value.normalize("NFKC"));
    judgeRepeat(form.querySelector("#same"), password.value, repeat);
  };
  password.addEventListener("input", judge);
  repeat.addEventListener("input", judge);
  repeat.addEventListener("blur", judge);
  shows.addEventListener("change", () => {
    password.type = repeat.type = shows.checked ? "text" : "password";
  });
  addEventListener("pageshow", () => {
    if (password.value) judge(); // what the server judged stands until something else is there
  });
}

function judgeRules(form, password) {
  let unmet = 0;
  for (const rule of form.querySelectorAll("[data-rule]")) {
    const holds = RULES[rule.dataset.rule](password);
    unmet += holds ? 0 : 1;
    rule.className = holds ? "met" : "unmet";
    say(rule.querySelector("[data-met]"), holds ? "met" : "unmet");
  }
  say(form.querySelector("#rules > [data-met]"), unmet ? "unmet" : "met");
}

// While the repeat is being typed it is no mistake that its end is missing.
function judgeRepeat(hint, password, repeat) {
  const isTyping = document.activeElement === repeat && password.startsWith(repeat.value);
  if (repeat.value === "") say(hint, "");
  else if (repeat.value === password) say(hint, "same");
  else say(hint, isTyping ? "" : "differs");
}

// Only what changed is written, since a screen reader reads out what is.
function say(element, words) {
  const text = element.dataset[words] ?? "";
  if (element.textContent !== text) element.textContent = text;
}

function concealPasswords(form) {
  const shows = form.querySelector("#show");
  if (!shows?.checked) return;
  shows.checked = false;
  shows.dispatchEvent(new Event("change"));
}

function begin() {
  const main = content();
  for (const element of main.querySelectorAll("[data-scripted]")) element.hidden = false;
  for (const element of main.querySelectorAll("[data-unscripted]")) element.hidden = true;
  const [wait, late] = [main.querySelector("[data-wait]"), main.querySelector("[data-late]")];
  const form = main.querySelector("form[data-again]");
  if (wait) lookAgain(Number(wait.dataset.wait));
  if (late) setTimeout(() => { late.hidden = false; }, Number(late.dataset.late) * 1000);
  if (form) sendAgain(form);
  else again.after = AGAIN_AFTER;
  main.querySelectorAll("form[data-password]").forEach(watchPasswords);
}

begin();
content().querySelector("[data-summary]")?.focus();
