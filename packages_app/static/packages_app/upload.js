// Sends the chosen files one after the other, with the progress and the fate of each beside its name.
// Without it the form sends all at once. What was sent is not sent again when a connection broke.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector(".rm-fates");
  const button = form.querySelector("button");
  const limit = Number(form.dataset.limit);
  const direct = "begin" in form.dataset ? window.directUploads(form, post) : null;
  let entries = [];
  let page = "";

  // Those that were there stay what they are: sent, or with the parts that were sent.
  function show() {
    const before = entries;
    entries = [...input.files].map((file) => {
      const same = (one) => ["name", "size", "lastModified"].every((each) => one.file[each] === file[each]);
      return before.find(same) ?? entryOf(file);
    });
    before.filter((one) => !entries.includes(one)).forEach((one) => direct?.forget(one));
    list.replaceChildren(...entries.map((entry) => entry.line));
    list.hidden = entries.length === 0;
  }

  function entryOf(file) {
    const line = document.createElement("li");
    const name = document.createElement("strong");
    const state = document.createElement("span");
    const remove = document.createElement("button");
    name.textContent = file.name;
    state.className = "rm-soft";
    state.textContent = `${Math.ceil(file.size / 1024)} KiB`;
    remove.type = "button";
    remove.className = "rm-link";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    line.append(name, remove, state);
    const entry = { file, line, state, remove, sent: false };
    remove.addEventListener("click", () => choose(entries.filter((one) => one !== entry).map((one) => one.file)));
    return entry;
  }

  function choose(files) {
    const together = new DataTransfer();
    for (const file of files) together.items.add(file);
    input.files = together.files;
    show();
  }

  function say(entry, words, bad) {
    entry.state.textContent = words;
    entry.state.className = bad ? "rm-bad" : "rm-soft";
  }

  // Sends fields to an address of ours, with those of the form; gives the status, 0 where none came, and the answer.
  function post(address, fields, progress) {
    const said = new FormData(form);
    said.delete("file");
    for (const [name, value] of Object.entries(fields)) said.append(name, value);
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      if (progress) request.upload.onprogress = (event) => progress(event.loaded, event.total);
      request.onloadend = () => done({ status: request.status, told: request.response });
      request.send(said);
    });
  }

  async function send(entry) {
    const bar = document.createElement("progress");
    entry.line.append(bar);
    const progress = (loaded, total) => {
      bar.max = total;
      bar.value = loaded;
      say(entry, `${Math.floor((100 * loaded) / total)} %`, false);
    };
    const straight = direct ? await direct.send(entry, progress) : null;
    const answer = straight ?? (await post(form.action, { file: entry.file }, progress));
    bar.remove();
    return answer;
  }

  function settle(entry, { status, told }) {
    if (status === 200 && told) {
      const [fate] = told.files;
      say(entry, [fate.fate, fate.said].filter(Boolean).join(": "), fate.said !== "");
      entry.sent = true;
      entry.remove.remove();
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
      if (!entries.includes(entry)) continue; // removed meanwhile
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
    choose([...input.files, ...event.dataTransfer.files]);
  });
  input.addEventListener("change", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendAll();
  });
  window.addEventListener("pagehide", () => entries.forEach((entry) => direct?.forget(entry)));
});
