// A form for a poor link. What is typed stays in this browser until it is sent; what is sent waits in a queue and keeps
// its Idempotency-Key, so that it is recorded once, however often the link breaks; the answer is shown.
const form = document.querySelector("[data-desk]");
const box = document.getElementById("queue");
const list = box.querySelector("ul");
const say = box.dataset;
const DRAFT = `nrm:draft:${say.organisation}:${location.pathname}`;
const QUEUE = `nrm:queue:${say.organisation}`;
const RETRY_MS = 10000, SHOWN_MAX = 20;

const read = (name, otherwise) => JSON.parse(localStorage.getItem(name) ?? "null") ?? otherwise;
const write = (name, value) => localStorage.setItem(name, JSON.stringify(value));
const fields = () => [...new FormData(form)].filter(([name]) => name !== "csrf");

function fill(values) {
  for (const [name, value] of values) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "checkbox") field.checked ||= field.value === value;
      else field.value = value;
    }
  }
}

function newKey() {
  form.elements.key.value = crypto.randomUUID().replaceAll("-", "");
}

function keepDraft() {
  write(DRAFT, fields());
  document.getElementById("draft-note").textContent = say.kept;
}

function queued(event) {
  event.preventDefault();
  const steps = form.elements.step, place = steps.selectedIndex;
  const step = steps.selectedOptions[0]?.textContent ?? "";
  write(QUEUE, [...read(QUEUE, []), { path: location.pathname, label: step, values: fields(), state: "waiting" }]);
  localStorage.removeItem(DRAFT);
  form.reset();
  steps.selectedIndex = Math.min(place + 1, steps.length - 1);
  newKey();
  show();
  send();
}

let sending = false;
async function send() {
  if (sending) return;
  sending = true;
  for (const entry of read(QUEUE, []).filter((one) => ["waiting", "signed-out"].includes(one.state))) {
    const key = keyOf(entry);
    set(key, { state: "sending" });
    const found = await ask(entry);
    set(key, found);
    if (found.state === "waiting" || found.state === "signed-out") break;
  }
  sending = false;
}

const keyOf = (entry) => entry.values.find(([name]) => name === "key")[1];

async function ask(entry) {
  const body = new URLSearchParams(entry.values);
  const headers = { Accept: "application/json", "X-CSRF-Token": document.body.dataset.csrf };
  const answer = await fetch(entry.path, { method: "POST", body, headers }).catch(() => null);
  if (!answer || answer.status >= 500) return { state: "waiting" };
  if (answer.status === 401 || answer.status === 403) return { state: "signed-out" };
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) return { state: "refused", said: `${said.refused ?? ""} ${said.detail ?? ""}` };
  return { state: said.replayed ? "again" : "accepted", said: (said.events ?? []).map((one) => one.id).join(", ") };
}

function set(key, change) {
  write(QUEUE, read(QUEUE, []).map((one) => (keyOf(one) === key ? { ...one, ...change } : one)).slice(-SHOWN_MAX));
  show();
}

function show() {
  const entries = read(QUEUE, []);
  box.hidden = entries.length === 0;
  list.replaceChildren(...entries.map(line));
}

function line(entry) {
  const item = document.createElement("li");
  item.className = `queued ${entry.state}`;
  item.dataset.state = entry.state;
  const text = (tag, words) => item.append(Object.assign(document.createElement(tag), { textContent: words }));
  text("strong", entry.label);
  text("span", { waiting: say.waiting, sending: say.sending, accepted: say.accepted, again: say.again, refused: say.refused, "signed-out": say.signedOut }[entry.state]);
  if (entry.said) text("small", entry.said);
  if (["refused", "accepted", "again"].includes(entry.state)) {
    if (entry.state === "refused") item.append(button(say.edit, () => { fill(entry.values); newKey(); drop(entry); form.elements.step.focus(); }));
    item.append(button(say.drop, () => drop(entry)));
  }
  return item;
}

function button(words, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "quiet small button", textContent: words });
  made.addEventListener("click", act);
  return made;
}

function drop(entry) {
  write(QUEUE, read(QUEUE, []).filter((one) => keyOf(one) !== keyOf(entry)));
  show();
}

write(QUEUE, read(QUEUE, []).map((one) => (one.state === "sending" ? { ...one, state: "waiting" } : one)));
fill(read(DRAFT, []).filter(([name]) => name !== "key"));
form.addEventListener("input", keepDraft);
form.addEventListener("submit", queued);
addEventListener("online", send);
setInterval(send, RETRY_MS);
show();
send();
