// Sends the chosen files one after the other, with the progress and the fate of each beside its name.
// Without it the form sends all at once. What was sent is not sent again when a connection broke.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector(".rm-fates");
  const button = form.querySelector("button");
  const limit = Number(form.dataset.limit);
  let entries = [];
  let page = "";

  function show() {
    entries = [...input.files].map((file) => {
      const line = document.createElement("li");
      const name = document.createElement("strong");
      const state = document.createElement("span");
      name.textContent = file.name;
      state.className = "rm-soft";
      state.textContent = `${Math.ceil(file.size / 1024)} KiB`;
      line.append(name, state);
      return { file, line, state, sent: false };
    });
    list.replaceChildren(...entries.map((entry) => entry.line));
    list.hidden = entries.length === 0;
  }

  function say(entry, words, bad) {
    entry.state.textContent = words;
    entry.state.className = bad ? "rm-bad" : "rm-soft";
  }

  function send(entry) {
    const said = new FormData(form);
    said.delete("file");
    said.append("file", entry.file);
    const bar = document.createElement("progress");
    entry.line.append(bar);
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.onprogress = (event) => {
        bar.max = event.total;
        bar.value = event.loaded;
        say(entry, `${Math.floor((100 * event.loaded) / event.total)} %`, false);
      };
      request.onloadend = () => {
        bar.remove();
        done({ status: request.status, told: request.response });
      };
      request.send(said);
    });
  }

  function settle(entry, { status, told }) {
    if (status === 200 && told) {
      const [fate] = told.files;
      say(entry, [fate.fate, fate.said].filter(Boolean).join(": "), fate.said !== "");
      entry.sent = true;
      page = told.page;
    } else if (told && told.said) {
      say(entry, told.said, true);
    } else if (status === 0) {
      say(entry, "The connection broke. Upload again: what is here is not sent twice.", true);
    } else {
      say(entry, `The server answered ${status}. Load this page again, and sign in where it asks.`, true);
    }
  }

  async function sendAll() {
    button.disabled = true;
    for (const entry of entries.filter((one) => !one.sent)) {
      if (entry.file.size > limit) {
        say(entry, `It is larger than ${limit} bytes.`, true);
        continue;
      }
      settle(entry, await send(entry));
    }
    button.disabled = false;
    if (!page) return;
    if (entries.every((entry) => entry.sent)) {
      location.assign(page);
    } else if (!form.querySelector("[data-look]")) {
      const link = document.createElement("a");
      link.className = "rm-button";
      link.dataset.look = "";
      link.href = page;
      link.textContent = "Look at the others";
      button.after(" ", link);
    }
  }

  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("rm-over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("rm-over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("rm-over");
    const together = new DataTransfer();
    for (const file of [...input.files, ...event.dataTransfer.files]) together.items.add(file);
    input.files = together.files;
    show();
  });
  input.addEventListener("change", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendAll();
  });
});
