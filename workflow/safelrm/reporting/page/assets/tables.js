"use strict";
// Tables with all their numbers: sorted by a click on a column, filtered by words, with what is behind each row.

report.tables = (() => {
  const SHOWN = 100;
  const state = { tables: [], name: "", words: "", by: -1, down: false, limit: SHOWN };

  const isNumber = (table, place) => table.numeric[place];

  const text = (value) => {
    if (value === null) return "–";
    return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(4) : String(value);
  };

  /** The rows that hold every word, in the chosen order. */
  const chosenRows = (table) => {
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = table.rows.filter((row) => {
      const line = row.map((value) => (value === null ? "" : String(value).toLowerCase()));
      return words.every((word) => line.some((cell) => cell.includes(word)));
    });
    if (state.by < 0) return rows;
    const sign = state.down ? -1 : 1;
    const compare = (one, other) => {
      const [a, b] = [one[state.by], other[state.by]];
      // what has no value comes last in both orders
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    };
    return [...rows].sort(compare);
  };

  const header = (table, name, place) => {
    const sorted = state.by === place ? (state.down ? "descending" : "ascending") : "none";
    const sort = () => {
      state.down = state.by === place ? !state.down : isNumber(table, place);
      state.by = place;
      draw();
    };
    const arrow = { none: "", ascending: " ▲", descending: " ▼" }[sorted];
    return report.element(
      "th",
      { scope: "col", "aria-sort": sorted },
      report.element("button", { type: "button", class: "sort", click: sort }, `${name}${arrow}`),
    );
  };

  const line = (table, row) => {
    const named = Object.fromEntries(table.columns.map((name, place) => [name, row[place]]));
    const cells = row.map((value, place) =>
      report.element("td", { class: isNumber(table, place) ? "number" : null }, text(value)),
    );
    const behind = report.element(
      "button",
      { type: "button", class: "behind", click: () => report.provenance.show(table.name, named) },
      "where from",
    );
    return report.element("tr", {}, ...cells, report.element("td", {}, behind));
  };

  const draw = () => {
    const table = state.tables.find((each) => each.name === state.name);
    const place = document.getElementById("numbers-table");
    if (!table) return place.replaceChildren();
    const rows = chosenRows(table);
    const shown = rows.slice(0, state.limit);
    const head = report.element(
      "tr",
      {},
      ...table.columns.map((name, column) => header(table, name, column)),
      report.element("th", { scope: "col" }, "behind it"),
    );
    const more = report.element(
      "button",
      { type: "button", click: () => ((state.limit += 10 * SHOWN), draw()) },
      `show more of ${rows.length}`,
    );
    place.replaceChildren(
      report.element("p", { class: "count" }, `${rows.length} of ${table.rows.length} rows`),
      report.element(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `numbers of ${table.name}` },
        report.element(
          "table",
          {},
          report.element("thead", {}, head),
          report.element("tbody", {}, ...shown.map((row) => line(table, row))),
        ),
      ),
      ...(rows.length > shown.length ? [more] : []),
    );
    return undefined;
  };

  /** Show a table by name, with the rows that hold the words. */
  const show = (name, words = "") => {
    Object.assign(state, { name, words, by: -1, down: false, limit: SHOWN });
    controls();
    draw();
    report.address.write("numbers", { table: name, words });
  };

  const controls = () => {
    const names = state.tables.map((table) => table.name);
    const filter = report.element("input", {
      type: "search",
      value: state.words,
      input: (event) => {
        state.words = event.target.value;
        state.limit = SHOWN;
        draw();
        report.address.write("numbers", { table: state.name, words: state.words });
      },
    });
    const label = report.element("span", {}, "rows with the words");
    document
      .getElementById("numbers-controls")
      .replaceChildren(
        report.select("table", names, state.name, (name) => show(name), "choose"),
        report.element("label", { class: "field" }, label, filter),
      );
  };

  const start = async () => {
    state.tables = (await report.unpack("data-tables")) ?? [];
    const { place, chosen } = report.address.read();
    Object.assign(state, { name: state.tables[0]?.name ?? "" });
    if (place === "numbers" && chosen.table) Object.assign(state, { name: chosen.table, words: chosen.words ?? "" });
    controls();
    draw();
  };

  return { start, show };
})();
