// What all pages do.

const byId = id => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// The values of a chart at the place that is pointed at.
for (const chart of all("svg.chart")) {
  const shown = chart.querySelector(".shown");
  all(".hit", chart).forEach(hit => {
    const tell = () => shown.textContent = hit.querySelector("title").textContent;
    hit.addEventListener("pointerenter", tell);
    hit.addEventListener("pointerdown", tell);
    hit.addEventListener("pointerleave", () => shown.textContent = "");
  });
}

// The numbers of the confusion matrix: counts, or shares of the label.
all("[name=numbers]").forEach(choice => choice.addEventListener("change", () => {
  const values = all(".matrix [data-n]");
  values.forEach(value => value.textContent = choice.value === "share" ? value.dataset.p : value.dataset.n);
}));
