// Sends files straight to the staging bucket, in parts whose addresses the server signs one by one, some at a time.
// `post(address, fields)` asks the server. A part that failed is sent again, under another address.
window.directUploads = (form, post) => {
  const AT_ONCE = 3;
  const PAUSES = [0.5, 1, 2, 4]; // seconds before each further try
  let reached = false; // whether the bucket took anything from this page
  let away = false;

  const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

  async function ask(step, fields) {
    for (const pause of [...PAUSES, null]) {
      const answer = await post(form.dataset[step], fields);
      const silent = answer.status === 0 || (answer.status >= 502 && !answer.told);
      if (!silent || pause === null) return answer;
      await wait(pause);
    }
  }

  function put(upload, address, body, progress) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      upload.requests.add(request);
      request.open("PUT", address);
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onloadend = () => {
        upload.requests.delete(request);
        done(request.status);
      };
      request.send(body);
    });
  }

  // Gives null once a part is there; else what to say: the server's refusal, or that no connection is to be had.
  async function sendPart(entry, upload, number, progress) {
    const start = (number - 1) * upload.part_bytes;
    const body = entry.file.slice(start, start + upload.part_bytes);
    for (const pause of [...PAUSES, null]) {
      const signed = await ask("sign", { ticket: upload.ticket, number });
      if (!signed.told?.address) return signed;
      const status = await put(upload, signed.told.address, body, (loaded) => progress(number, loaded));
      if (status === 200) {
        reached = true;
        upload.sent.add(number);
        progress(number, body.size);
        return null;
      }
      progress(number, 0);
      if (upload.forgotten || pause === null || (pause > 1 && !reached)) break;
      await wait(pause);
    }
    return { status: 0, told: null };
  }

  async function sendParts(entry, progress) {
    const upload = entry.upload;
    const loaded = new Map([...upload.sent].map((number) => [number, upload.bytesOf(number)]));
    const told = (number, bytes) => {
      loaded.set(number, bytes);
      progress([...loaded.values()].reduce((sum, each) => sum + each, 0), entry.file.size);
    };
    const numbers = Array.from({ length: upload.parts }, (_, index) => index + 1);
    const waiting = numbers.filter((number) => !upload.sent.has(number));
    let failed = null;
    const work = async () => {
      while (waiting.length && !failed && !upload.forgotten) {
        failed = (await sendPart(entry, upload, waiting.shift(), told)) ?? failed;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return failed;
  }

  // Gives the server's answer as for a file that the form sent; null where it has to be sent by the form.
  async function send(entry, progress) {
    if (away) return null;
    if (!entry.upload) {
      const begun = await ask("begin", { name: entry.file.name, size: entry.file.size });
      if (!begun.told?.ticket) return begun;
      const { part_bytes, parts, ticket } = begun.told;
      const bytesOf = (number) => Math.min(part_bytes, entry.file.size - (number - 1) * part_bytes);
      entry.upload = { part_bytes, parts, ticket, bytesOf, sent: new Set(), requests: new Set(), forgotten: false };
    }
    const upload = entry.upload;
    const failed = await sendParts(entry, progress);
    if (upload.forgotten) return { status: 0, told: null };
    if (failed && failed.status === 0 && !reached) {
      away = true;
      form.querySelector("[data-unreached]").hidden = false;
      forget(entry);
      return null;
    }
    const answer = failed ?? (await ask("complete", { ticket: upload.ticket }));
    if (answer.told?.page) entry.upload = null;
    else if (answer.told?.code === "parts_missing") upload.sent.clear();
    else if (answer.status === 400) forget(entry); // what is refused is begun anew
    return answer;
  }

  function forget(entry) {
    const upload = entry.upload;
    if (!upload) return;
    entry.upload = null;
    upload.forgotten = true;
    upload.requests.forEach((request) => request.abort());
    const said = new FormData();
    said.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    said.append("ticket", upload.ticket);
    navigator.sendBeacon(form.dataset.abort, said); // which is sent also when the page is left
  }

  return { send, forget };
};
