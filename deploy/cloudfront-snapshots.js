// A CloudFront Function (runtime cloudfront-js-2.0, viewer request) that lets apt ask a bucket for snapshots by itself: it
// rewrites the addresses that apt makes of `snapshots_address` to the objects that stand there (docs/LIFECYCLE.md).
//
// It can't look into the bucket: a time is answered where it is exactly the Date of a publication that is kept. The web
// process of an embedded bucket answers any time.

// The path of PUBLIC_URL, without a slash at its end.
const PREFIX = '';

const ADDRESS = /^\/snapshots\/([^\/]+)\/(?:(pool\/.+)|dists\/([^\/]+)\/(.+))$/;
const TIME = /^\d{8}T\d{6}Z$/;

function rewritten(path) {
  const found = ADDRESS.exec(path);
  if (found === null) {
    return path;
  }
  const id = found[1], poolFile = found[2], suite = found[3], name = found[4];
  if (poolFile !== undefined) {
    return `/${poolFile}`;
  }
  if (!TIME.test(id) || name === 'InRelease') {
    return `/dists/${suite}/snapshots/${id}/${name}`;
  }
  // The copy of a publication's InRelease goes by the suite's own indexes by hash; their other names have changed.
  return name.includes('/by-hash/') ? `/dists/${suite}/${name}` : path;
}

function handler(event) {
  const request = event.request;
  if (request.uri.startsWith(`${PREFIX}/`)) {
    request.uri = PREFIX + rewritten(request.uri.substring(PREFIX.length));
  }
  return request;
}
