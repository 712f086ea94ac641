// A video that is not decided yet: its progress as it is made, and the page anew with the verdict.

import { watch } from "./events.js";

const bar = document.getElementById("progress");

if (bar) {
  watch(bar.dataset.video, {
    onProgress: ({ progress }) => {
      bar.value = progress || 0;
    },
    onEnd: () => location.reload(),
  });
}
