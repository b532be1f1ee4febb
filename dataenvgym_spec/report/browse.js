"use strict";
// Foreign text becomes text nodes only; nothing here parses it as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 25;
  const byId = (id) => document.getElementById(id);
  const words = byId("words");
  const selects = ["arm", "iteration", "skill", "fate"].map(byId);
  const haystacks = data.examples.map((one) => [one.id, one.skill, one.subskill, one.input,
    one.target, one.reason, one.fate].filter(Boolean).join("\n").toLowerCase());
  let found = [];
  let page = 0;

  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const valuesOf = (one) => {
    const group = data.groups[one.group];
    return { arm: group.arms, iteration: [String(group.iteration)], skill: [one.skill],
      fate: [one.fate] };
  };

  const fill = (select, name) => {
    const counts = new Map();
    for (const one of data.examples) {
      for (const value of valuesOf(one)[name]) counts.set(value, (counts.get(value) || 0) + 1);
    }
    const sorted = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    select.append(new Option("all", ""));
    for (const value of sorted) {
      // An empty name could not be told from "all".
      select.append(new Option(`${value || "none"} (${counts.get(value)})`, `=${value}`));
    }
  };

  const list = (pairs) => {
    const element = make("dl");
    for (const [name, text] of pairs) {
      if (text) element.append(make("dt", name), make("dd", text, "text"));
    }
    return element;
  };
  const exchange = (row) => {
    const element = make("div", undefined, "exchange");
    const fault = row.fault ? ` · ${row.fault}` : "";
    element.append(make("p", `asked ${row.teacher}: ${row.ask}${fault}`, "note"));
    element.append(list([...row.messages, ["reply", row.reply]]));
    return element;
  };
  const part = (title, ...elements) => {
    const element = make("li");
    element.append(make("h3", title), ...elements);
    return element;
  };

  const chain = (one) => {
    const group = data.groups[one.group];
    const parts = make("ol", undefined, "chain");
    for (const number of one.errors || []) {
      const error = data.errors[number];
      parts.append(part(`An error of the student that the prompt showed: ${error.id}`,
        list([["input", error.input], ["target", error.target], ["student", error.prediction]])));
    }
    if (one.why || one.brief || one.asked) {
      parts.append(part(`Planned: ${one.asked || "some"} examples of ${one.skill}`,
        list([["why", one.why], ["brief", one.brief]])));
    }
    const made = group.generate ? `Made in store/${group.generate}` : "Taken";
    parts.append(part(one.teacher ? `${made}, by ${one.teacher}` : made,
      ...(one.exchanges || []).map((number) => exchange(data.exchanges[number]))));
    const said = Object.entries(one.notes || {}).map(([name, note]) => [`${name} noted`, note]);
    parts.append(part(`Checked in store/${group.check}: ${one.fate}`, list(said),
      ...(one.verified || []).map((number) => exchange(data.exchanges[number]))));
    if (one.fate === "accepted" && group.taught.length) {
      parts.append(part("Taught", make("p", group.taught.join("; "))));
    }
    return parts;
  };

  const card = (one, open) => {
    const group = data.groups[one.group];
    const accepted = one.fate === "accepted";
    const kind = accepted ? "sample" : "sample rejected";
    const element = make("article", undefined, kind);
    const skill = one.subskill ? `${one.skill} / ${one.subskill}` : one.skill;
    const fate = accepted || one.fate === "surplus" ? one.fate : `rejected by ${one.fate}`;
    element.append(make("h2", `${group.label} · ${skill} · ${fate}`));
    if (one.reason) element.append(make("p", one.reason, "note"));
    element.append(make("p", one.input, "text"));
    for (const number of one.images || []) {
      const image = make("img", undefined, "shown");
      image.src = data.images[number];
      image.alt = "an image of the question";
      element.append(image);
    }
    element.append(make("p", `→ ${one.target}`, "text"));
    const details = make("details");
    details.append(make("summary", "Where it comes from, and what it taught"));
    // A chain is long and rarely asked for: it is made when it is opened.
    const unfold = () => {
      if (details.childElementCount === 1) {
        details.append(chain(one), make("p", `dataenvgym trace ${one.id}`, "note mono"));
      }
    };
    details.addEventListener("toggle", unfold);
    if (open) {
      unfold();
      details.open = true;
    }
    element.append(details);
    return element;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    const shown = found.slice(page * PAGE, (page + 1) * PAGE);
    byId("found").replaceChildren(...shown.map((n) => card(data.examples[n], found.length === 1)));
    byId("count").textContent = `${found.length.toLocaleString("en")} of ` +
      `${data.examples.length.toLocaleString("en")} examples`;
    byId("pages").hidden = pages === 1;
    byId("place").textContent = `page ${page + 1} of ${pages}`;
    byId("before").disabled = page === 0;
    byId("after").disabled = page === pages - 1;
  };
  const search = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value);
    found = [];
    data.examples.forEach((one, number) => {
      const values = valuesOf(one);
      const fits = chosen.every((select) => values[select.id].includes(select.value.slice(1))) &&
        wanted.every((word) => haystacks[number].includes(word));
      if (fits) found.push(number);
    });
    page = 0;
    show();
  };
  const turn = (step) => () => {
    page += step;
    show();
    byId("count").scrollIntoView();
  };

  for (const select of selects) {
    fill(select, select.id);
    select.addEventListener("change", search);
  }
  words.addEventListener("input", search);
  byId("search").addEventListener("submit", (event) => event.preventDefault());
  byId("before").addEventListener("click", turn(-1));
  byId("after").addEventListener("click", turn(1));
  byId("search").hidden = false;
  // A link may say what to look for: examples.html#3f9c2a71b04de615
  const follow = () => {
    try {
      words.value = decodeURIComponent(location.hash.slice(1));
    } catch {
      words.value = "";
    }
    search();
  };
  window.addEventListener("hashchange", follow);
  follow();
})();
