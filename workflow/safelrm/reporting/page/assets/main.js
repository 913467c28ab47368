"use strict";
// Starts the parts of the page that are there.

(async () => {
  await report.images?.start();
  await report.tables?.start();
  await report.transcripts?.start();
  await report.labels?.start();
  document.documentElement.dataset.ready = "yes";
})();
