"use strict";
// One rollout: prompt, trace and answer side by side, verdicts of all judges by part, and other answers to the prompt.

report.rollout = (() => {
  const PARTS = ["t", "y", "t+y"];
  const UNSAFE = "unsafe";
  let of = null;
  const chunks = new Map();

  /** The texts of a rollout and of its prompt. */
  const texts = async (row) => {
    const prompt = of.index.prompt[row];
    const chunk = Math.floor(prompt / of.index.chunk);
    if (!chunks.has(chunk)) chunks.set(chunk, report.unpack(`data-texts-${chunk}`));
    const said = await chunks.get(chunk);
    const first = of.index.prompt.findIndex((other) => Math.floor(other / of.index.chunk) === chunk);
    const [trace, answer, completion] = said.rows[row - first];
    const [asked, system, behavior, reference] = said.prompts[prompt - chunk * of.index.chunk];
    return { trace, answer, completion, asked, system, behavior, reference, shades: said.shades[row - first] };
  };

  const entries = (row) => of.index.judged.filter((entry) => entry.codes[row] >= 0);

  /** Whether a judge calls one of the parts unsafe. */
  const isUnsafe = (row, parts) =>
    entries(row).some((entry) => parts.includes(entry.part) && of.verdict(entry, row) === UNSAFE);

  /** The trace, each sentence shaded by P(safe) where a guard has read it. */
  const shaded = (text, shades) => {
    if (!shades) return [report.visible(text)];
    let from = 0;
    return shades.map(([share, safe]) => {
      const to = Math.round(share * text.length);
      const piece = report.visible(text.slice(from, to));
      from = to;
      if (safe === null) return document.createTextNode(piece);
      const grade = Math.min(4, Math.floor((1 - safe) * 5));
      return report.element("span", { class: `grade${grade}`, title: `P(safe) ${safe.toFixed(2)}` }, piece);
    });
  };

  /** A text of the model; one that is judged harmful is folded until somebody opens it. */
  const box = (title, text, folded, shades) => {
    const heading = report.element("h4", {}, title);
    if (text === null || text === undefined) return report.element("div", {}, heading, report.element("p", {}, "none"));
    const body = report.element("pre", { class: "text", dir: "ltr", tabindex: "0" }, ...shaded(text, shades));
    if (!folded) return report.element("div", {}, heading, body);
    const summary = report.element("summary", {}, "judged unsafe: show the text");
    return report.element("div", {}, heading, report.element("details", { class: "unsafe" }, summary, body));
  };

  const cell = (entry, row) => {
    if (!entry || entry.codes[row] < 0) return report.element("td", {}, "–");
    const said = of.verdict(entry, row);
    const score = entry.scores?.[row];
    const shown = score === null || score === undefined ? said : `${said} (${score.toFixed(3)})`;
    return report.element("td", { class: `verdict ${said}` }, shown);
  };

  const verdicts = (row) => {
    const names = [...new Set(entries(row).map((entry) => `${entry.judge} ${entry.field}`))];
    const lines = names.map((name) => {
      const ofPart = (part) =>
        of.index.judged.find((entry) => `${entry.judge} ${entry.field}` === name && entry.part === part);
      const cells = PARTS.map((part) => cell(ofPart(part), row));
      return report.element("tr", {}, report.element("th", { scope: "row" }, name), ...cells);
    });
    const head = ["judge", ...PARTS].map((title) => report.element("th", { scope: "col" }, title));
    return report.element(
      "table",
      { class: "verdicts" },
      report.element("thead", {}, report.element("tr", {}, ...head)),
      report.element("tbody", {}, ...lines),
    );
  };

  const link = (row, current) => {
    const marks = isUnsafe(row, PARTS) ? "unsafe" : "";
    const name = [of.level("arm", row), `seed ${of.level("seed", row)}`, of.level("decoding", row)].join(" · ");
    return report.element(
      "li",
      {},
      report.element(
        "button",
        { type: "button", "aria-current": row === current ? "true" : null, click: () => of.openKey(of.key(row)) },
        `${of.level("model", row)} ${name}`,
      ),
      report.element("span", { class: `verdict ${marks}` }, marks ? ` ${marks}` : ""),
    );
  };

  /** Answers of other arms and seeds to the same prompt, one below the other. */
  const others = (row) => {
    const rows = of.siblings(row);
    return report.element(
      "details",
      { class: "others" },
      report.element("summary", {}, `the same prompt: ${rows.length} answers of all arms and seeds`),
      report.element("ol", {}, ...rows.map((other) => link(other, row))),
    );
  };

  const facts = (row) => {
    const names = ["model", "arm", "seed", "decoding", "benchmark", "category", "kind", "sample", "parse_state"];
    const said = names.map((name) => `${name.replace("_", " ")} ${of.level(name, row)}`);
    const { trace, completion } = of.index.tokens;
    said.push(`tokens ${completion[row]}, of these ${trace[row]} in the trace`);
    return report.element("p", { class: "facts" }, said.join(" · "));
  };

  const show = async (row) => {
    const said = await texts(row);
    const asked = [
      ["system prompt", said.system],
      ["prompt", said.asked],
      ["what the attack asks for", said.behavior],
      ["reference answer", said.reference],
    ].filter(([, text]) => text !== null && text !== undefined);
    const place = document.getElementById("rollout");
    place.replaceChildren(
      report.element("h3", { tabindex: "-1" }, `${of.level("benchmark", row)} ${of.promptId(row)}`),
      facts(row),
      ...asked.map(([title, text]) => box(title, text, false)),
      report.element(
        "div",
        { class: "sides" },
        box("trace (t)", said.trace, isUnsafe(row, ["t", "t+y"]), said.shades),
        box("answer (y)", said.answer, isUnsafe(row, ["y", "t+y"])),
      ),
      ...(said.completion === undefined ? [] : [box("completion", said.completion, isUnsafe(row, PARTS))]),
      verdicts(row),
      others(row),
    );
  };

  return {
    show,
    texts,
    box,
    isUnsafe,
    start(given) {
      of = given;
    },
  };
})();
