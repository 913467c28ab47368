"use strict";
// What is behind a number: files with their hashes, settings, the command that says so, and its transcripts.

report.provenance = (() => {
  let known = null;

  const quoted = (value) => (/^[\w@%+=:,./-]+$/.test(value) ? value : `'${String(value).replaceAll("'", "'\\''")}'`);

  const command = (table, row) => {
    const of = known.commands[table];
    if (!of) return null;
    const options = of.key
      .filter((key) => row[key] !== undefined && row[key] !== null && row[key] !== "")
      .map((key) => `--${key.replaceAll("_", "-")} ${quoted(row[key])}`);
    return `python -m safelrm provenance${known.options} --table ${of.table} ${options.join(" ")}`;
  };

  /** The runs that a row is about: itself, and the other side of a difference. */
  const runs = (row) => {
    const sides = [[row.model, row.arm]];
    if (row.against_model || row.against_arm) sides.push([row.against_model ?? row.model, row.against_arm ?? row.arm]);
    return sides.map(([model, arm]) => `${model} ${arm}`).filter((name) => known.runs[name]);
  };

  const lines = (title, texts) => [
    report.element("h3", {}, title),
    report.element("pre", { tabindex: "0" }, texts.map(report.visible).join("\n")),
  ];

  const transcripts = (row) => {
    if (!report.transcripts || !row.model) return null;
    const wanted = {};
    for (const key of ["model", "arm", "decoding", "benchmark", "category"]) {
      if (row[key] && row[key] !== "all" && row[key] !== "-") wanted[key] = row[key];
    }
    const open = () => {
      close();
      report.transcripts.show(wanted);
      document.getElementById("transcripts").scrollIntoView();
    };
    return report.element("button", { type: "button", click: open }, "transcripts behind it");
  };

  const close = () => document.getElementById("behind").close();

  const show = async (table, row) => {
    known = known ?? (await report.unpack("data-provenance"));
    const said = command(table, row);
    const judges = [row.judge, row.reference].filter((name) => known.judges[name]);
    const key = Object.entries(row).map(([name, value]) => `${name.padEnd(16)}${value ?? "–"}`);
    const dialog = document.getElementById("behind");
    dialog.replaceChildren(
      report.element(
        "form",
        { method: "dialog" },
        report.element("h2", { id: "behind-title" }, `Where it is from: ${table}`),
        report.element("button", { class: "close" }, "close"),
      ),
      ...lines("the row", key),
      ...(said ? lines("made again, and traced to its samples, by", [said]) : []),
      ...judges.flatMap((name) => lines(`judge ${name}`, known.judges[name])),
      ...runs(row).flatMap((name) => lines(name, known.runs[name])),
      ...[transcripts(row)].filter(Boolean),
    );
    dialog.showModal();
  };

  return { show };
})();
