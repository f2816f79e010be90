// Renews a job's steps each second until it has ended.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("[data-job-progress]");
  if (!place || place.querySelector("[data-ended]")) return;
  const timer = setInterval(async () => {
    const answer = await fetch(place.dataset.jobProgress, { credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok) return; // the server may be away for a moment
    place.innerHTML = await answer.text();
    if (place.querySelector("[data-ended]")) {
      clearInterval(timer);
      location.reload(); // once more, for the fields and buttons that depend on the end
    }
  }, 1000);
});
