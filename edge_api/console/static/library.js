// Choosing videos: all of a page at once, how many, and no deleting of none.

const form = document.getElementById("chosen");
const all = document.getElementById("all");

function boxes() {
  return [...form.querySelectorAll("input[name=video_id]")];
}

function tell() {
  const chosen = boxes().filter((box) => box.checked).length;
  const videos = chosen === 1 ? "1 video" : `${chosen} videos`;
  document.getElementById("count").textContent = chosen ? `${videos} chosen` : "";
  document.getElementById("delete").hidden = chosen === 0;
  document.getElementById("delete-label").textContent = `Delete ${videos}`;
  form.dataset.confirm = `Delete ${videos}?`;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

if (form && all) {
  document.getElementById("all-label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    tell();
  });
  form.addEventListener("change", tell);
  // A browser that comes back to a page may have kept its ticks.
  addEventListener("pageshow", tell);
  tell();
}
