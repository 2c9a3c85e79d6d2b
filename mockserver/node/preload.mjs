// Sends the official JavaScript SDK's requests to a local wixture instead of Wix:
//
//     WIXTURE_URL=http://127.0.0.1:8787 node --import /path/to/preload.mjs app.mjs
//
// The SDK has no option for another address, and it asks for tokens with the global fetch whatever fetch a
// client was given. So the global fetch is the one place through which everything passes.

const API_ORIGINS = new Set(['https://www.wixapis.com', 'https://edge.wixapis.com', 'https://manage.wix.com']);

// Symbol.for is shared by every copy of this file in a process, so a second load finds the first.
const LOADED = Symbol.for('wixture.preload');

// Only what says that nothing listens there. A connection that breaks off later may be a fault the mock was
// asked for, and an abort is the caller's own doing: both reach the caller as they are.
const UNREACHABLE = new Set([
  'EADDRNOTAVAIL', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function mockAddress() {
  const given = process.env.WIXTURE_URL || 'http://127.0.0.1:8787';
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!['http:', 'https:'].includes(url?.protocol)) {
    throw new Error(
      `WIXTURE_URL is ${JSON.stringify(given)}, which is no http or https address. ` +
        'Set it to the one `wixture serve` prints, such as http://127.0.0.1:8787, or unset it for that default.',
    );
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

// Undefined for what is not for the mock, and for what fetch itself should refuse.
function redirected(input, mock) {
  const given = input instanceof Request ? input.url : String(input);
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return API_ORIGINS.has(url?.origin) ? mock + url.pathname + url.search : undefined;
}

function unreachable(mock, cause) {
  const message = `No wixture answers at ${mock}. Start it with \`wixture serve\`, or set WIXTURE_URL to where it runs.`;
  // The SDK puts a message of its own in place of this one, made from the error's enumerable properties.
  return Object.assign(new TypeError(message, { cause }), { wixture: message });
}

function install(mock) {
  const wrapped = globalThis.fetch;
  // A plain function: the input may be a Request, whose body is a stream that the copy below takes over.
  async function fetch(input, init) {
    const target = redirected(input, mock);
    if (target === undefined) return wrapped.call(this, input, init);
    // A Request has its address for good, so it is copied: as an init it names its own method, headers, body,
    // duplex and signal. What `init` says then wins over the copy, as it would over the original.
    const request = input instanceof Request ? new Request(target, input) : target;
    try {
      return await wrapped.call(this, request, init);
    } catch (error) {
      throw UNREACHABLE.has(error?.cause?.code) ? unreachable(mock, error) : error;
    }
  }
  globalThis.fetch = fetch;
}

const mock = mockAddress();
if (!globalThis[LOADED]) {
  globalThis[LOADED] = mock;
  install(mock);
}
