"use strict";
// Foreign text becomes text nodes only; nothing here parses it as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const head = JSON.parse(byId("head").textContent);
  const total = head.examples.length;
  const PAGE = 25;
  // Parts in memory, of two megabytes each; texts to be searched are kept of all that were read.
  const KEPT = 8;
  const words = byId("words");
  const selects = ["arm", "iteration", "skill", "fate"].map(byId);
  const starts = head.sizes.map((_, part) => head.sizes.slice(0, part).reduce((a, b) => a + b, 0));
  const kept = new Map();
  const haystacks = [];
  let found = [];
  let page = 0;
  let searches = 0;
  let drawings = 0;
  let drawn = "";

  const fetched = (part) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `part-${part}.js`;
    script.addEventListener("load", () => {
      script.remove();
      resolve(JSON.parse(script.part));
    });
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error(script.src));
    });
    document.head.append(script);
  });
  const read = (part) => {
    const within = byId(`part-${part}`);
    const content = kept.get(part) ||
      (within ? Promise.resolve(JSON.parse(within.textContent)) : fetched(part));
    // The one that was read last is dropped last.
    kept.delete(part);
    kept.set(part, content);
    content.catch(() => kept.delete(part));
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return content;
  };
  const partOf = (number) => starts.findLastIndex((start) => start <= number);
  const lost = (error) => {
    byId("progress").textContent = `${error.message} cannot be read. This page needs all files ` +
      "of its folder beside it: have the folder as a whole, and open the page in it.";
    byId("progress").hidden = false;
  };

  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const valuesOf = (number) => {
    const [group, skill, fate] = head.examples[number];
    const { arms, iteration } = head.groups[group];
    return { arm: arms, iteration: [String(iteration)], skill: [head.skills[skill]],
      fate: [head.fates[fate]] };
  };

  const fill = (select, name) => {
    const counts = new Map();
    head.examples.forEach((_, number) => {
      for (const value of valuesOf(number)[name]) counts.set(value, (counts.get(value) || 0) + 1);
    });
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
  const step = (title, ...elements) => {
    const element = make("li");
    element.append(make("h3", title), ...elements);
    return element;
  };

  const chain = (one, part) => {
    const { group } = one;
    const steps = make("ol", undefined, "chain");
    for (const number of one.errors || []) {
      const error = part.errors[number];
      steps.append(step(`An error of the student that the prompt showed: ${error.id}`,
        list([["input", error.input], ["target", error.target], ["student", error.prediction]])));
    }
    if (one.why || one.brief || one.asked) {
      steps.append(step(`Planned: ${one.asked || "some"} examples of ${one.skill}`,
        list([["why", one.why], ["brief", one.brief]])));
    }
    const made = group.generate ? `Made in store/${group.generate}` : "Taken";
    steps.append(step(one.teacher ? `${made}, by ${one.teacher}` : made,
      ...(one.exchanges || []).map((number) => exchange(part.exchanges[number]))));
    const said = Object.entries(one.notes || {}).map(([name, note]) => [`${name} noted`, note]);
    steps.append(step(`Checked in store/${group.check}: ${one.fate}`, list(said),
      ...(one.verified || []).map((number) => exchange(part.exchanges[number]))));
    if (one.fate === "accepted" && group.given) {
      const taught = group.taught[one.taught || 0];
      steps.append(taught.length ? step("Taught", make("p", taught.join("; ")))
        : step("Taught no student: no training took it"));
    }
    return steps;
  };

  const card = (one, part, open) => {
    const { group } = one;
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
      image.src = part.images[number];
      image.alt = "an image of the question";
      element.append(image);
    }
    element.append(make("p", `→ ${one.target}`, "text"));
    const details = make("details");
    details.append(make("summary", "Where it comes from, and what it taught"));
    // A chain is long and rarely asked for: it is made when it is opened.
    const unfold = () => {
      if (details.childElementCount === 1) {
        details.append(chain(one, part), make("p", `dataenvgym trace ${one.id}`, "note mono"));
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

  const example = async (number) => {
    const at = partOf(number);
    const part = await read(at);
    const [group, skill, fate, id] = head.examples[number];
    const told = { group: head.groups[group], skill: head.skills[skill], fate: head.fates[fate] };
    return [{ ...part.examples[number - starts[at]], ...told, id }, part];
  };
  const show = async () => {
    drawings += 1;
    const mine = drawings;
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    byId("pages").hidden = pages === 1;
    byId("place").textContent = `page ${page + 1} of ${pages}`;
    byId("before").disabled = page === 0;
    byId("after").disabled = page === pages - 1;
    const only = found.length === 1;
    const numbers = found.slice(page * PAGE, (page + 1) * PAGE);
    const wanted = `${numbers} ${only}`;
    // What is there stays, and what was opened in it stays open.
    if (wanted === drawn) return;
    const cards = [];
    for (const number of numbers) {
      const [one, part] = await example(number);
      if (mine !== drawings) return;
      cards.push(card(one, part, only));
    }
    byId("found").replaceChildren(...cards);
    drawn = wanted;
  };
  const haystack = (number, one) => {
    const { skill: [skill], fate: [fate] } = valuesOf(number);
    const id = head.examples[number][3];
    const texts = [id, skill, one.subskill, one.input, one.target, one.reason, fate];
    return texts.filter(Boolean).join("\n").toLowerCase();
  };
  const search = async () => {
    searches += 1;
    const mine = searches;
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value);
    const chosenFor = (number) => {
      const values = valuesOf(number);
      return chosen.every((select) => values[select.id].includes(select.value.slice(1)));
    };
    found = [];
    page = 0;
    let early = 0;
    for (const [at, start] of starts.entries()) {
      let numbers = [...Array(head.sizes[at]).keys()].map((place) => start + place);
      numbers = numbers.filter(chosenFor);
      if (wanted.length && numbers.length) {
        if (!haystacks[at]) {
          byId("progress").textContent = `searching, part ${at + 1} of ${starts.length}`;
          byId("progress").hidden = false;
          const { examples } = await read(at);
          haystacks[at] = examples.map((one, place) => haystack(start + place, one));
          if (mine !== searches) return;
        }
        const fits = (number) => wanted.every((word) => haystacks[at][number - start].includes(word));
        numbers = numbers.filter(fits);
      }
      found.push(...numbers);
      // What is found early is shown early: reading all parts may take seconds.
      if (early < PAGE && found.length > early && at + 1 < starts.length) {
        early = found.length;
        await show();
        if (mine !== searches) return;
      }
    }
    byId("progress").hidden = true;
    await show();
    if (mine !== searches) return;
    byId("count").textContent = `${found.length.toLocaleString("en")} of ` +
      `${total.toLocaleString("en")} examples`;
  };
  const look = () => search().catch(lost);
  const turn = (step) => () => {
    page += step;
    show().catch(lost);
    byId("count").scrollIntoView();
  };

  for (const select of selects) {
    fill(select, select.id);
    select.addEventListener("change", look);
  }
  words.addEventListener("input", look);
  byId("search").addEventListener("submit", (event) => event.preventDefault());
  byId("before").addEventListener("click", turn(-1));
  byId("after").addEventListener("click", turn(1));
  byId("search").hidden = false;
  // A link may say what to look for: examples/index.html#3f9c2a71b04de615
  const follow = () => {
    try {
      words.value = decodeURIComponent(location.hash.slice(1));
    } catch {
      words.value = "";
    }
    look();
  };
  window.addEventListener("hashchange", follow);
  follow();
})();
