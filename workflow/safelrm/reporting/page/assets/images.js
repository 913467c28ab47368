"use strict";
// The study's own figures, which lie in the page once, however often it shows them.

report.images = (() => {
  const start = async () => {
    const images = (await report.unpack("data-images")) ?? {};
    const addresses = {};
    for (const place of document.querySelectorAll("[data-image]")) {
      const { image } = place.dataset;
      if (images[image] === undefined) continue;
      addresses[image] ??= URL.createObjectURL(new Blob([images[image]], { type: "image/svg+xml" }));
      place.src = addresses[image];
    }
  };

  return { start };
})();
