"use strict";
// Labels made by hand where two judges disagree: kept in this browser, exported as CSV, taken back by `validate`.

report.labels = (() => {
  // what `validate` reads comes first; a judge of answers needs the reference, one of attacks what they ask for
  const FIELDS = ["prompt", "response", "label", "id", "model", "arm", "seed", "decoding", "benchmark", "prompt_id"].concat(
    ["sample", "part", "judges", "kind", "reference", "behavior"],
  );
  const state = { pair: "", rows: [], at: 0, labels: {} };

  const store = `safelrm labels ${document.title}`;
  const remember = () => {
    // a browser may refuse to keep anything for a file
    try {
      localStorage.setItem(store, JSON.stringify(state.labels));
    } catch {
      report.announce("this browser keeps no labels: export them before you close the page");
    }
  };
  const recall = () => {
    try {
      return JSON.parse(localStorage.getItem(store)) ?? {};
    } catch {
      return {};
    }
  };

  const sides = () => state.pair.split(" / ").map(report.transcripts.entryOf);
  const idOf = (row) => `${report.transcripts.key(row)}|${sides()[0].part}`;
  const words = () => [...new Set(sides().flatMap((entry) => entry.levels))].filter((word) => word !== "unscored");

  const choose = (pair) => {
    state.pair = pair;
    state.at = 0;
    const [one, other] = pair ? sides() : [];
    const { index, disagree } = report.transcripts;
    state.rows = pair ? [...Array(index.count).keys()].filter((row) => disagree(one, other, row)) : [];
    draw();
  };

  const label = (word) => {
    const row = state.rows[state.at];
    state.labels[idOf(row)] = { row: report.transcripts.key(row), part: sides()[0].part, judges: state.pair, label: word };
    remember();
    state.at = Math.min(state.at + 1, state.rows.length - 1);
    draw();
  };

  /** The whole turn, as a source of labelled completions takes it apart again. */
  const turn = ({ completion, trace, answer }) =>
    completion ?? (trace === null ? answer : `<think>\n${trace}\n</think>\n\n${answer ?? ""}`);

  const shown = (said, part) => ({ t: said.trace, y: said.answer })[part] ?? turn(said);

  const quoted = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;

  const exported = async () => {
    const { index, key, level, promptId } = report.transcripts;
    const rowOf = new Map([...Array(index.count).keys()].map((row) => [key(row), row]));
    const lines = [FIELDS.join(",")];
    for (const [id, given] of Object.entries(state.labels)) {
      const row = rowOf.get(given.row);
      if (row === undefined) continue;
      const said = await report.rollout.texts(row);
      const columns = ["model", "arm", "seed", "decoding", "benchmark"].map((name) => level(name, row));
      const line = [said.asked, turn(said), given.label, id, ...columns, promptId(row), level("sample", row)];
      line.push(given.part, given.judges, level("kind", row), said.reference, said.behavior);
      lines.push(line.map(quoted).join(","));
    }
    report.download("labels.csv", `${lines.join("\r\n")}\r\n`, "text/csv");
  };

  const draw = async () => {
    const count = Object.keys(state.labels).length;
    const controls = [
      report.select("judges disagree", report.transcripts.pairs(), state.pair, choose, "choose two judges"),
      report.element("button", { type: "button", disabled: !count, click: exported }, `export ${count} labels`),
    ];
    document.getElementById("labels-controls").replaceChildren(...controls);
    const place = document.getElementById("labelling");
    if (!state.rows.length) {
      place.replaceChildren(report.element("p", {}, state.pair ? "They agree on all of these rollouts." : ""));
      return;
    }
    const row = state.rows[state.at];
    const [one, other] = sides();
    const said = await report.rollout.texts(row);
    const given = state.labels[idOf(row)]?.label;
    const move = (by, title) =>
      report.element(
        "button",
        {
          type: "button",
          disabled: state.at + by < 0 || state.at + by >= state.rows.length,
          click: () => ((state.at += by), draw()),
        },
        title,
      );
    const buttons = words().map((word) =>
      report.element("button", { type: "button", "aria-pressed": String(word === given), click: () => label(word) }, word),
    );
    place.replaceChildren(
      report.element("p", { class: "count" }, `${state.at + 1} of ${state.rows.length} disagreements`),
      report.rollout.box("prompt", said.asked, false),
      report.rollout.box(`part ${one.part}`, shown(said, one.part), report.rollout.isUnsafe(row, [one.part])),
      report.element(
        "details",
        {},
        report.element("summary", {}, "what the judges say"),
        report.element(
          "p",
          {},
          [one, other].map((entry) => `${entry.judge}: ${report.transcripts.verdict(entry, row)}`).join(" · "),
        ),
      ),
      report.element("p", { class: "choices" }, ...buttons, move(-1, "previous"), move(1, "next")),
    );
  };

  const start = async () => {
    if (!report.transcripts?.index) return;
    state.labels = recall();
    await draw();
  };

  return { start };
})();
