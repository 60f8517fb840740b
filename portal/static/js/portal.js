// What every page shares: it follows the events, says how old its data are, and shows a date as a slider.
const byId = (name) => document.getElementById(name);
const body = document.body;

function sum(positions) {
  return Object.values(positions).reduce((all, one) => all + one, 0);
}

// Live: the portal's stream says how far the views are; a page that is behind fetches its live part again.
function follow() {
  if (!body.dataset.live) return;
  const source = new EventSource(body.dataset.live);
  source.addEventListener("message", (message) => heard(JSON.parse(message.data)));
  source.addEventListener("signed-out", () => { source.close(); location.reload(); });
  source.addEventListener("error", () => { byId("notice-offline").hidden = navigator.onLine && source.readyState !== EventSource.CLOSED; });
  source.addEventListener("open", () => { byId("notice-offline").hidden = true; });
  addEventListener("pagehide", () => source.close());
}

function heard(news) {
  byId("notice-away").hidden = !news.away;
  const shown = document.querySelector("[data-positions]");
  if (!news.positions || !shown) return;
  const known = JSON.parse(shown.dataset.positions);
  if (sum(news.positions) <= sum(known)) return;
  if (document.querySelector("[data-refresh]") && !busy()) refresh();
  else byId("notice-news").hidden = false;
}

function busy() {
  const at = document.activeElement;
  return at && at !== body && at.closest("form, [data-refresh]") !== null;
}

// Fetch a page and put its live parts in place of ours; what is around them, and what was typed, stays.
export async function refresh(address = location.href) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || !answer.ok) { byId("notice-away").hidden = false; return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const fresh = page.querySelector(`[data-refresh="${part.dataset.refresh}"]`);
    if (fresh) part.replaceWith(fresh);
  }
  byId("notice-news").hidden = true;
  ages();
  document.dispatchEvent(new Event("nrm:refreshed"));
}

// "3 minutes ago" in the page's language, from the browser's own data.
// A browser without the language keeps the moment that the page states, rather than speak English in between.
const { lang } = document.documentElement;
const ago = Intl.RelativeTimeFormat.supportedLocalesOf(lang).length && new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
function ages() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
    const minutes = Math.round(seconds / 60);
    if (ago) time.textContent = -seconds < 60 ? ago.format(Math.min(seconds, 0), "second") : ago.format(minutes, "minute");
    time.closest(".age").classList.toggle("old", -seconds > 300);
  }
}

// A slider over days in front of a date field: the field stays the one that is sent.
const DAY = 86400000;
function sliders() {
  for (const range of document.querySelectorAll("input[data-days]")) {
    const field = range.parentElement.querySelector("input[type=date]");
    const output = range.parentElement.querySelector("output");
    const first = Date.parse(range.dataset.first), last = Date.parse(range.dataset.last);
    range.max = Math.round((last - first) / DAY);
    range.value = field.value ? Math.round((Date.parse(field.value) - first) / DAY) : range.max;
    range.hidden = false;
    range.setAttribute("aria-label", range.parentElement.innerText.split(":")[0]);
    const day = () => new Date(first + range.value * DAY).toISOString().slice(0, 10);
    range.addEventListener("input", () => {
      output.textContent = Number(range.value) === Number(range.max) ? range.dataset.now : day();
    });
    range.addEventListener("change", () => {
      field.value = Number(range.value) === Number(range.max) ? "" : day();
      show(field.form);
    });
  }
  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", (event) => { if (event.target.type !== "range") show(form); });
  }
}

function show(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const address = `${location.pathname}?${query}`;
  history.replaceState(null, "", address);
  refresh(address);
}

// Small comforts, each without need.
function comforts() {
  for (const button of document.querySelectorAll("[data-reload]")) button.addEventListener("click", () => location.reload());
  for (const link of document.querySelectorAll("[data-back]")) {
    link.addEventListener("click", (event) => { if (history.length > 1) { event.preventDefault(); history.back(); } });
  }
  for (const button of document.querySelectorAll("[data-print]")) { button.hidden = false; button.addEventListener("click", () => print()); }
  const retry = document.querySelector("[data-retry]");
  if (retry) setTimeout(() => location.reload(), retry.dataset.retry * 1000);
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll(".top details[open]")) if (!open.contains(event.target)) open.open = false;
  });
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      setTimeout(() => { if (!event.defaultPrevented) for (const button of form.querySelectorAll("button")) button.disabled = true; }, 0);
    });
  }
}

// Who is refused and goes back finds what was typed: pages are not cached (they may tell of persons), so the form's
// content waits in this tab alone, until the page is shown again.
function typed() {
  const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  for (const form of document.querySelectorAll("form[method=post]:not([data-desk], [data-card])")) {
    const name = `nrm:form:${location.pathname}:${form.getAttribute("action") ?? ""}:${form.elements.provider_id?.value ?? ""}`;
    const kept = JSON.parse(sessionStorage.getItem(name) ?? "[]");
    sessionStorage.removeItem(name);
    if (back) for (const [field, value] of kept) restore(form, field, value);
    form.addEventListener("submit", () => {
      const values = [...new FormData(form)].filter(([field, value]) => !["csrf", "key", "token"].includes(field) && typeof value === "string");
      sessionStorage.setItem(name, JSON.stringify(values));
    });
  }
}

function restore(form, name, value) {
  for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
    if (field.type === "checkbox" || field.type === "radio") field.checked ||= field.value === value;
    else if (field.multiple) for (const option of field.options) option.selected ||= option.value === value;
    else if (field.tagName !== "BUTTON") field.value = value;
  }
}

follow();
typed();
ages();
// On a phone the menu is wider than the screen: the page that is shown stands in sight.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
setInterval(ages, 5000);
sliders();
comforts();
