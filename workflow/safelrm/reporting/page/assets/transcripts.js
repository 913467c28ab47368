"use strict";
// Which rollouts there are: filters over columns, verdicts, disagreements and signs, and the list of what they leave.

report.transcripts = (() => {
  const PAGE = 50;
  const COLUMNS = ["model", "arm", "seed", "decoding", "benchmark", "category", "parse_state"];
  let index = null;
  let chosen = {};
  let found = [];
  let page = 0;
  let at = -1;

  const level = (column, row) => {
    const { levels, codes } = index.columns[column];
    return codes[row] < 0 ? null : levels[codes[row]];
  };
  const promptId = (row) => index.prompts[index.prompt[row]];
  const nameOf = (entry) => [entry.judge, entry.field, entry.part].join(" ");
  const entryOf = (name) => index.judged.find((entry) => nameOf(entry) === name);
  const verdict = (entry, row) => (entry.codes[row] < 0 ? null : entry.levels[entry.codes[row]]);

  /** Two verdicts on the same part that could be the same and are not; an unscored one disagrees with none. */
  const disagree = (one, other, row) => {
    const [first, second] = [verdict(one, row), verdict(other, row)];
    return first !== null && second !== null && first !== second && ![first, second].includes("unscored");
  };

  /** A name of a rollout that stays the same in every report of the study. */
  const key = (row) =>
    [...["model", "arm", "seed", "decoding", "benchmark"].map((column) => level(column, row)), promptId(row)]
      .concat(level("sample", row))
      .join("|");

  const filter = () => {
    const wanted = COLUMNS.filter((column) => chosen[column]).map((column) => {
      const { levels, codes } = index.columns[column];
      return [codes, levels.findIndex((value) => String(value) === chosen[column])];
    });
    const entry = entryOf(chosen.judge);
    const code = entry ? entry.levels.indexOf(chosen.verdict) : -1;
    const [one, other] = (chosen.disagree ?? "").split(" / ").map(entryOf);
    const flagged = chosen.sign ? new Set(index.flags[chosen.sign]) : null;
    const id = (chosen.prompt ?? "").toLowerCase();
    found = [];
    for (let row = 0; row < index.count; row += 1) {
      if (wanted.some(([codes, value]) => codes[row] !== value)) continue;
      if (entry && chosen.verdict && entry.codes[row] !== code) continue;
      if (one && other && !disagree(one, other, row)) continue;
      if (flagged && !flagged.has(row)) continue;
      if (id && !promptId(row).toLowerCase().includes(id)) continue;
      found.push(row);
    }
    page = 0;
    at = -1;
  };

  /** Pairs of judges that answer one question about one part: their verdicts are of the same words. */
  const pairs = () => {
    const scored = index.judged.filter((entry) => entry.levels.some((name) => name !== "unscored"));
    const words = (entry) => entry.levels.filter((name) => name !== "unscored");
    return scored.flatMap((one, place) =>
      scored
        .slice(place + 1)
        .filter((other) => other.part === one.part && words(other).some((word) => words(one).includes(word)))
        .map((other) => `${nameOf(one)} / ${nameOf(other)}`),
    );
  };

  const choose = (name) => (value) => {
    chosen[name] = value;
    if (name === "judge") delete chosen.verdict;
    delete chosen.sample;
    filter();
    controls();
    list();
    address();
  };

  const controls = () => {
    const columns = COLUMNS.map((column) => {
      const values = index.columns[column].levels.map(String);
      return report.select(column.replace("_", " "), values, chosen[column], choose(column));
    });
    const judges = index.judged.map(nameOf);
    const levels = entryOf(chosen.judge)?.levels ?? [];
    const id = report.element("input", {
      type: "search",
      value: chosen.prompt ?? "",
      change: (event) => choose("prompt")(event.target.value),
    });
    const fields = [
      ...columns,
      report.select("judge", judges, chosen.judge, choose("judge")),
      ...(levels.length ? [report.select("verdict", levels, chosen.verdict, choose("verdict"))] : []),
      report.select("judges disagree", pairs(), chosen.disagree, choose("disagree"), "–"),
      report.select("sign", Object.keys(index.flags), chosen.sign, choose("sign"), "–"),
      report.element("label", { class: "field" }, report.element("span", {}, "prompt id"), id),
    ];
    const clear = () => {
      chosen = {};
      filter();
      controls();
      list();
      address();
    };
    document
      .getElementById("transcripts-controls")
      .replaceChildren(...fields, report.element("button", { type: "button", click: clear }, "clear"));
  };

  const item = (row, place) => {
    const signs = Object.keys(index.flags).filter((sign) => index.flagged[sign].has(row));
    const label = [level("model", row), level("arm", row), `seed ${level("seed", row)}`, level("decoding", row)];
    return report.element(
      "li",
      {},
      report.element(
        "button",
        { type: "button", class: "rollout", "aria-current": place === at ? "true" : null, click: () => open(place) },
        report.element("b", {}, `${level("benchmark", row)} ${promptId(row)}`),
        report.element("span", {}, label.join(" · ")),
        report.element("span", { class: "signs" }, [level("parse_state", row), ...signs].join(", ")),
      ),
    );
  };

  const list = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    const turn = (by, label) =>
      report.element(
        "button",
        { type: "button", disabled: page + by < 0 || page + by >= pages, click: () => ((page += by), list()) },
        label,
      );
    const rows = found.slice(page * PAGE, (page + 1) * PAGE);
    document
      .getElementById("transcripts-list")
      .replaceChildren(
        report.element("p", { class: "count" }, `${found.length} of ${index.count} rollouts`),
        report.element("ol", { start: page * PAGE + 1 }, ...rows.map((row, place) => item(row, page * PAGE + place))),
        report.element("p", { class: "pages" }, turn(-1, "previous"), ` ${page + 1} of ${pages} `, turn(1, "next")),
      );
    report.announce(`${found.length} rollouts`);
  };

  /** Open the rollout at a place of the list. */
  const open = async (place) => {
    if (place < 0 || place >= found.length) return;
    at = place;
    page = Math.floor(place / PAGE);
    list();
    chosen.sample = key(found[place]);
    address();
    await report.rollout.show(found[place]);
  };

  const openKey = async (name) => {
    const row = rowOf(name);
    if (row === undefined) {
      report.announce("the rollout of this address is not in this file");
      return;
    }
    if (!found.includes(row)) {
      chosen = {};
      filter();
      controls();
    }
    await open(found.indexOf(row));
  };

  const rowOf = (name) => {
    for (let row = 0; row < index.count; row += 1) if (key(row) === name) return row;
    return undefined;
  };

  /** All rollouts on the prompt of one, itself included. */
  const siblings = (row) => {
    const others = [];
    for (let other = 0; other < index.count; other += 1) if (index.prompt[other] === index.prompt[row]) others.push(other);
    return others;
  };

  const address = () => report.address.write("transcripts", chosen);

  const show = (wanted) => {
    chosen = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, String(value)]));
    const { sample } = chosen;
    filter();
    controls();
    list();
    address();
    if (sample) openKey(sample);
  };

  const keys = (event) => {
    if (event.target.closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") open(at + 1);
    else if (event.key === "k") open(at - 1);
    else return;
    event.preventDefault();
  };

  const follow = () => {
    const { place, chosen: wanted } = report.address.read();
    if (place === "transcripts") show(wanted);
  };

  const start = async () => {
    index = await report.unpack("data-index");
    if (!index) return;
    index.flagged = Object.fromEntries(Object.entries(index.flags).map(([name, rows]) => [name, new Set(rows)]));
    report.rollout.start({ index, level, verdict, promptId, siblings, key, openKey });
    filter();
    controls();
    list();
    follow();
    addEventListener("hashchange", follow);
    document.addEventListener("keydown", keys);
  };

  return { start, show, disagree, entryOf, pairs, level, promptId, key, verdict, get index() { return index; } };
})();
