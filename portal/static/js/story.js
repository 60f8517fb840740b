// A case's story: two clocks as sliders, what changed between two moments, and every event's proof as a mark.
import { check, isSigned, keysOf, noteOf } from "./proof.js";

const story = document.getElementById("story");
const events = [...story.querySelectorAll(".event[data-envelope]")];
const envelopes = new Map(events.map((one) => [one.dataset.id, JSON.parse(one.dataset.envelope)]));
const moments = { happened: JSON.parse(story.dataset.happened), known: JSON.parse(story.dataset.known) };
const clocks = Object.fromEntries([...story.querySelectorAll("[data-clock]")].map((one) => [one.dataset.clock, one]));
// As every page writes a moment (2026-06-28 09:00), whatever languages the browser has: Swedish writes it so.
const show = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Phnom_Penh" });
let pinned = null;

// The clocks.
const cut = (clock) => moments[clock][clocks[clock].value - 1] ?? "";
const state = () => ({ happened: cut("happened"), known: cut("known") });
const within = (event, at) => event.dataset.happened <= at.happened && event.dataset.known <= at.known;

function turn() {
  for (const [name, range] of Object.entries(clocks)) {
    const moment = cut(name);
    range.parentElement.querySelector("output").textContent = moment ? show.format(new Date(moment)) : "–";
  }
  const at = state();
  for (const event of events) {
    const seen = within(event, at);
    event.hidden = !seen;
    story.querySelector(`circle[data-event="${event.dataset.id}"]`).classList.toggle("unseen", !seen);
  }
  differ();
}

// What changed between the remembered moment and the one shown: events, and the newest value of each field.
function folded(at) {
  const fields = new Map();
  const seen = events.filter((one) => within(one, at));
  seen.sort((one, other) => one.dataset.happened.localeCompare(other.dataset.happened));
  for (const event of seen) {
    const { data } = envelopes.get(event.dataset.id);
    for (const [name, value] of Object.entries(data)) {
      if (!["sealed", "case_id"].includes(name)) fields.set(`${event.dataset.service} · ${name.replaceAll("_", " ")}`, JSON.stringify(value));
    }
  }
  return fields;
}

const made = (tag, words = "", ...children) => {
  const one = Object.assign(document.createElement(tag), { textContent: words });
  one.append(...children);
  return one;
};

function differ() {
  const box = document.getElementById("difference");
  box.hidden = pinned === null;
  if (!pinned) return;
  const now = state(), say = box.dataset, out = box.querySelector("div");
  const before = folded(pinned), after = folded(now);
  const names = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name)).sort();
  const gone = events.filter((one) => within(one, pinned) && !within(one, now));
  const come = events.filter((one) => !within(one, pinned) && within(one, now));
  out.replaceChildren();
  if (!names.length && !gone.length && !come.length) { out.append(made("p", say.none)); return; }
  for (const [title, group] of [[say.added, come], [say.removed, gone]]) {
    if (group.length) out.append(made("p", `${title}: ${group.map((one) => one.dataset.label).join(", ")}`));
  }
  const row = (name) => made("tr", "", made("th", name), made("td", before.get(name) ?? "–"), made("td", after.get(name) ?? "–"));
  if (names.length) {
    const head = made("tr", "", made("th", say.field), made("th", say.before), made("th", say.after));
    out.append(made("table", "", made("thead", "", head), made("tbody", "", ...names.map(row))));
  }
}

// The proofs: four at a time, each event's mark as soon as it is known.
const AT_ONCE = 4;
async function prove() {
  const verdict = document.getElementById("verdict");
  const say = (word, kind) => { verdict.dataset.state = kind; verdict.querySelector("[role=status]").textContent = word; };
  if (!globalThis.crypto?.subtle) { say(verdict.dataset.unable, "pending"); return; }
  const keys = keysOf(await (await fetch("/log/key")).text());
  document.getElementById("key-id").textContent = keys.map((key) => key.id).join(" ");
  const notes = new Map(), waiting = [...events], found = { good: 0, bad: 0, pending: 0 };
  const work = async () => {
    for (let event = waiting.shift(); event; event = waiting.shift()) found[await proveOne(event, notes)] += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const signed = await Promise.all([...notes.values()].map((note) => isSigned(note, keys)));
  if (found.bad || signed.includes(false)) say(verdict.dataset.bad, "bad");
  else if (found.pending || !found.good) say(verdict.dataset.pending, "pending");
  else say(`${verdict.dataset.good} ${signed.includes(null) ? verdict.dataset.unsigned : verdict.dataset.signed}`, signed.includes(null) ? "pending" : "good");
}

async function proveOne(event, notes) {
  const mark = event.querySelector(".proof");
  const settle = (kind) => { mark.dataset.state = kind; mark.querySelector(".text").textContent = mark.dataset[kind]; return kind; };
  const answer = await fetch(`/cases/${story.dataset.case}/proof?hash=${event.dataset.hash}`, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer || answer.status >= 500) return settle("pending");
  if (!answer.ok) return settle("bad");
  const proof = await answer.json();
  if (!notes.has(proof.checkpoint)) notes.set(proof.checkpoint, noteOf(proof.checkpoint));
  return settle((await check(envelopes.get(event.dataset.id), proof)) === "good" ? "good" : "bad");
}

for (const range of Object.values(clocks)) {
  range.closest("label").hidden = false;
  range.addEventListener("input", turn);
}
for (const name of ["pin", "whole"]) document.getElementById(name).hidden = false;
document.getElementById("pin").addEventListener("click", () => { pinned = state(); differ(); });
document.getElementById("whole").addEventListener("click", () => { for (const range of Object.values(clocks)) range.value = range.max; pinned = null; turn(); });
turn();
prove();
