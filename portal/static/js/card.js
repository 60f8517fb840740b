// The card on a phone: says how far one is, keeps the answers while the language is changed or the page is lost.
const form = document.querySelector("[data-card]");
const NAME = `nrm:card:${form.dataset.card}`;
const progress = document.getElementById("progress");
const questions = form.querySelectorAll("fieldset.question[id]");

function told() {
  const answered = [...questions].filter((one) => one.querySelector("input:checked")?.value !== "unsure").length;
  progress.textContent = progress.dataset.text.replace("{n}", answered).replace("{all}", questions.length);
}

for (const [name, value] of JSON.parse(sessionStorage.getItem(NAME) ?? "[]")) {
  const field = form.elements[name];
  if (field && !["csrf", "key"].includes(name)) field.value = value;
}
form.addEventListener("change", () => {
  sessionStorage.setItem(NAME, JSON.stringify([...new FormData(form)]));
  told();
});
form.addEventListener("submit", () => sessionStorage.removeItem(NAME));
told();
