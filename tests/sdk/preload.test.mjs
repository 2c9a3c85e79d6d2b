// The preload by itself, in processes of its own, before a server that says back what it received.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

// The one this process was started with, if any: that of the wixture under test, wherever it is installed.
const [, started] = process.env.NODE_OPTIONS?.match(/--import=(\S+)/) ?? [];
const PRELOAD = started ?? new URL('../../mockserver/node/preload.mjs', import.meta.url).href;

// Answers with the request it got; a path with "hang" in it is never answered, one with "break" is cut off.
const echo = createServer((request, response) => {
  if (request.url.includes('hang')) return;
  if (request.url.includes('break')) return void request.socket.destroy();
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
  });
});
let mock;
let deserted;

before(async () => {
  await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
  mock = `http://127.0.0.1:${echo.address().port}`;
});
before(async () => {
  const briefly = createServer();
  await new Promise((resolve) => briefly.listen(0, '127.0.0.1', resolve));
  deserted = `http://127.0.0.1:${briefly.address().port}`;
  await new Promise((resolve) => briefly.close(resolve));
});
after(() => {
  echo.closeAllConnections();
  echo.close();
});

// Runs `script` (it prints JSON) in a fresh Node with the preload, or with the modules named in `imports`.
async function inNode(script, { url = mock, imports = [PRELOAD] } = {}) {
  const { NODE_OPTIONS: _, WIXTURE_URL: __, ...env } = process.env;
  if (url !== null) env.WIXTURE_URL = url;
  const arguments_ = imports.flatMap((each) => ['--import', each]);
  arguments_.push('--input-type=module', '--eval', script);
  const { stdout } = await run(process.execPath, arguments_, { env, timeout: 20_000 });
  return JSON.parse(stdout);
}

const received = (expression, options) => inNode(`console.log(await (await fetch(${expression})).text())`, options);
const failure = (expression, options) => inNode(`
  try { await (await fetch(${expression})).text(); console.log('null'); }
  catch (error) {
    const { name, message, cause, wixture } = error;
    console.log(JSON.stringify({ name, message, cause: cause?.cause?.code ?? cause?.code, wixture }));
  }`, options);

for (const host of ['https://www.wixapis.com', 'https://edge.wixapis.com', 'https://manage.wix.com']) {
  test(`a request for ${host} goes to the mock, path and query unchanged`, async () => {
    const { method, url } = await received(`'${host}/a%20b/c+d?x=%2B1&x=a%20b&empty='`);
    assert.equal(method, 'GET');
    assert.equal(url, '/a%20b/c+d?x=%2B1&x=a%20b&empty=');
  });
}

test('an address may be a URL object', async () => {
  assert.equal((await received(`new URL('https://www.wixapis.com/path?query=1')`)).url, '/path?query=1');
});

test('an address may have its port written out', async () => {
  assert.equal((await received(`'https://www.wixapis.com:443/path'`)).url, '/path');
});

test('method, headers and body of an init arrive', async () => {
  const { method, headers, body } = await received(
    `'https://www.wixapis.com/',
     { method: 'PATCH', headers: { Authorization: 'token', 'Content-Type': 'application/json' }, body: '{"ä":1}' }`,
  );
  assert.equal(method, 'PATCH');
  assert.equal(headers.authorization, 'token');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['content-length'], '8');
  assert.equal(body, '{"ä":1}');
});

test('method, headers and body of a Request arrive', async () => {
  const { method, url, headers, body } = await received(
    `new Request('https://www.wixapis.com/path', { method: 'PUT', headers: { Authorization: 'token' }, body: 'text' })`,
  );
  assert.deepEqual([method, url, headers.authorization, body], ['PUT', '/path', 'token', 'text']);
});

test('an init wins over the Request it comes with', async () => {
  const { method, headers, body } = await received(
    `new Request('https://www.wixapis.com/', { method: 'PUT', headers: { 'X-From': 'request' }, body: 'of the request' }),
     { method: 'POST', headers: { 'X-From': 'init' }, body: 'of the init' }`,
  );
  assert.deepEqual([method, headers['x-from'], body], ['POST', 'init', 'of the init']);
});

const STREAM = `new ReadableStream({
  start(controller) {
    for (const part of ['one ', 'two ', 'three']) controller.enqueue(new TextEncoder().encode(part));
    controller.close();
  },
})`;

test('a body may be a stream', async () => {
  const { body } = await received(`'https://www.wixapis.com/', { method: 'POST', duplex: 'half', body: ${STREAM} }`);
  assert.equal(body, 'one two three');
});

test('the body of a Request may be a stream', async () => {
  const { body } = await received(`new Request('https://www.wixapis.com/', { method: 'POST', duplex: 'half', body: ${STREAM} })`);
  assert.equal(body, 'one two three');
});

test('a Request that was sent is used up, as with any fetch', async () => {
  const used = await inNode(`
    const request = new Request('https://www.wixapis.com/', { method: 'POST', body: 'text' });
    await fetch(request);
    console.log(request.bodyUsed);`);
  assert.equal(used, true);
});

for (const [name, expression] of [
  ['an init', `'https://www.wixapis.com/hang', { signal: AbortSignal.timeout(50) }`],
  ['a Request', `new Request('https://www.wixapis.com/hang', { signal: AbortSignal.timeout(50) })`],
]) {
  test(`the signal of ${name} ends the request, with the error any fetch would give`, async () => {
    const error = await failure(expression);
    assert.equal(error.name, 'TimeoutError');
    assert.equal(error.wixture, undefined);
  });
}

test('requests for any other host go through untouched', async () => {
  const other = [
    'https://wixapis.com/', 'https://api.wixapis.com/', 'https://www.wixapis.com.example/', 'https://dev.wix.com/',
    'https://www.wix.com/', 'http://www.wixapis.com/', 'https://www.wixapis.com:8443/',
    'https://example.com/?to=https://www.wixapis.com/',
  ];
  // A fetch put in place before the preload stands for the network.
  const spy =
    'data:text/javascript,globalThis.sent=[];globalThis.fetch=async(...given)=>{sent.push(given);return new Response()}';
  const sent = await inNode(`
    const init = { method: 'POST', body: 'x' };
    for (const address of ${JSON.stringify(other)}) await fetch(address, init);
    console.log(JSON.stringify(sent.map(([input, given]) => [input, given === init])));`, { imports: [spy, PRELOAD] });
  assert.deepEqual(sent, other.map((address) => [address, true]));
});

test('an address that is none is refused by fetch itself', async () => {
  const { message, wixture } = await failure(`'/v1/marketing-consent'`);
  assert.match(message, /parse URL/);
  assert.equal(wixture, undefined);
});

test('a mock under a path is reached under that path', async () => {
  assert.equal((await received(`'https://www.wixapis.com/a?b'`, { url: `${mock}/wix/` })).url, '/wix/a?b');
});

test('loaded twice, even from two copies, it sends every request once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wixture-'));
  try {
    const copy = join(folder, 'copy.mjs');
    await copyFile(fileURLToPath(PRELOAD), copy);
    let requests = 0;
    const count = () => { requests += 1; };
    echo.on('request', count);
    const imports = [PRELOAD, `${PRELOAD}?again`, pathToFileURL(copy).href];
    const { url } = await received(`'https://www.wixapis.com/path'`, { imports });
    echo.off('request', count);
    assert.equal(url, '/path');
    assert.equal(requests, 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

for (const url of ['nonsense', 'ftp://127.0.0.1', '127.0.0.1:8787', 'localhost:8787']) {
  test(`WIXTURE_URL=${url} stops the process at once, saying what to do`, async () => {
    await assert.rejects(inNode('console.log(1)', { url }), ({ stderr, stdout }) => {
      assert.equal(stdout, '');
      assert.match(stderr, /WIXTURE_URL is ".*", which is no http or https address/);
      assert.match(stderr, /Set it to the one `wixture serve` prints/);
      return true;
    });
  });
}

for (const [name, url] of [['no WIXTURE_URL', null], ['an empty WIXTURE_URL', '']]) {
  test(`with ${name} requests go to the default address of the server`, async () => {
    const spy = 'data:text/javascript,globalThis.fetch=async(input)=>new Response(JSON.stringify(String(input)))';
    const script = `console.log(await (await fetch('https://www.wixapis.com/path')).text())`;
    assert.equal(await inNode(script, { url, imports: [spy, PRELOAD] }), 'http://127.0.0.1:8787/path');
  });
}

test('where nothing listens, the error says so, says what to do, and keeps its cause', async () => {
  const { name, message, cause } = await failure(`'https://www.wixapis.com/'`, { url: deserted });
  assert.equal(name, 'TypeError');
  assert.ok(message.startsWith(`No wixture answers at ${deserted}.`), message);
  assert.match(message, /Start it with `wixture serve`/);
  assert.equal(cause, 'ECONNREFUSED');
});

test('a server that has stopped since the last request is missed in the same words', async () => {
  const brief = createServer((request, response) => {
    response.end('{}');
    response.on('close', () => {
      brief.close();
      brief.closeAllConnections();
    });
  });
  await new Promise((resolve) => brief.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${brief.address().port}`;
  const message = await inNode(`
    await (await fetch('https://www.wixapis.com/')).text();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const outcome = await fetch('https://www.wixapis.com/').then(() => 'answered', (error) => error.message);
    console.log(JSON.stringify(outcome));`, { url });
  assert.ok(message.startsWith(`No wixture answers at ${url}.`), message);
});

test('where nothing listens, the SDK passes that advice on', async () => {
  const sdk = import.meta.resolve('@wix/sdk');
  const social = import.meta.resolve('@wix/auto_sdk_loyalty_social-media');
  const message = await inNode(`
    import { createClient } from ${JSON.stringify(sdk)};
    import * as socialMedia from ${JSON.stringify(social)};
    const client = createClient({ modules: { socialMedia }, auth: { getAuthHeaders: async () => ({ headers: {} }) } });
    const error = await client.socialMedia.listFollowedChannels().catch((reason) => reason);
    console.log(JSON.stringify(error.message));`, { url: deserted });
  assert.ok(message.includes(`No wixture answers at ${deserted}.`), message);
});

test('a connection that breaks off is reported as what it is', async () => {
  const { message, wixture } = await failure(`'https://www.wixapis.com/break'`);
  assert.equal(message, 'fetch failed');
  assert.equal(wixture, undefined);
});
