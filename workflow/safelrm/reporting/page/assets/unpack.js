"use strict";
// What all parts of the report share: unpacking of data, making of elements, and the address of what is shown.

const report = {};

/** The JSON value in a packed script element; null if there is none of that id. */
report.unpack = async (id) => {
  const element = document.getElementById(id);
  if (!element) return null;
  return JSON.parse(await report.unpackText(element.textContent));
};

report.unpackText = async (packed) => {
  const bytes = Uint8Array.from(atob(packed.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};

/**
 * An element. What a model has written is only ever given as text.
 * @param {string} name its tag
 * @param {Object} given attributes; a function is a listener of the event of that name
 * @param {...(Node|string)} children
 */
report.element = (name, given = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

/** A choice of values, with a label; `choose` gets the value, or "" for any. */
report.select = (label, values, chosen, choose, any = "any") => {
  const options = values.map((value) => report.element("option", { value, selected: value === chosen }, value));
  const select = report.element(
    "select",
    { change: (event) => choose(event.target.value) },
    report.element("option", { value: "", selected: !chosen }, any),
    ...options,
  );
  return report.element("label", { class: "field" }, report.element("span", {}, label), select);
};

/** Text with what turns the direction of writing, and other invisible characters, made visible. */
report.visible = (text) =>
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb]/g,
    (character, place, whole) => {
      const code = character.charCodeAt(0);
      const next = whole.charCodeAt(place + 1);
      const before = whole.charCodeAt(place - 1);
      if (code >= 0xd800 && code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) return character;
      if (code >= 0xdc00 && code <= 0xdfff && before >= 0xd800 && before <= 0xdbff) return character;
      return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
    },
  );

/** The address after #: a place, and what is chosen there. */
report.address = {
  read() {
    const [place, query = ""] = location.hash.slice(1).split("?");
    return { place, chosen: Object.fromEntries(new URLSearchParams(query)) };
  },
  write(place, chosen) {
    const given = Object.entries(chosen).filter(([, value]) => value !== "" && value !== undefined);
    const query = new URLSearchParams(given).toString();
    const hash = `#${place}${query ? `?${query}` : ""}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
  },
};

/** Download a text as a file. */
report.download = (name, text, type) => {
  const link = report.element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

report.announce = (message) => {
  document.getElementById("status").textContent = message;
};
