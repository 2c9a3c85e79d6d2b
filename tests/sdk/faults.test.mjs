// Fault plans as an application sees them through the SDK: its own errors, and state that tells what happened.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { appClient, consent, control, refusal, refusedWith } from './support.mjs';

const plan = (instance, action, on = { operation: 'upsertMarketingConsent' }) =>
  control('POST', '/faults', { instance, body: { on, do: action, times: 1 } });

const stored = async (instance) => (await control('GET', '/state', { instance })).marketingConsents.length;

test('an injected 503 is an application error, and the next call works', async () => {
  const instance = randomUUID();
  const { consents } = appClient(instance);
  const { id } = await plan(instance, { status: 503 });
  const error = await refusedWith(
    consents.upsertMarketingConsent(consent()), { status: 503, code: 'MOCK_FAULT', text: new RegExp(id) },
  );
  assert.equal(error.constructor.name, 'SDKError');
  assert.equal(await stored(instance), 0);
  await consents.upsertMarketingConsent(consent());
  assert.equal(await stored(instance), 1);
});

test('a full rate limit is an application error', async () => {
  const instance = randomUUID();
  await plan(instance, { rate_limit: true });
  await refusedWith(
    appClient(instance).consents.upsertMarketingConsent(consent()),
    { status: 429, code: 'RESOURCE_EXHAUSTED', text: /200 requests/ },
  );
  assert.equal(await stored(instance), 0);
});

test('a reset connection is an error without a status, and the change is stored', async () => {
  const instance = randomUUID();
  await plan(instance, { reset: true });
  const error = await refusal(appClient(instance).consents.upsertMarketingConsent(consent()));
  assert.equal(error.status, undefined);
  assert.match(error.message, /^System error occurred/);
  assert.equal(error.cause.code, 'ECONNRESET');
  assert.equal(await stored(instance), 1);
});

for (const [action, name] of [
  [{ empty: true }, 'SyntaxError'], [{ garbage: true }, 'SyntaxError'], [{ truncate: 0.5 }, 'TypeError'],
]) {
  test(`an answer spoilt by ${JSON.stringify(action)} is a system error, and the change is stored`, async () => {
    const instance = randomUUID();
    await plan(instance, action);
    const error = await refusal(appClient(instance).consents.upsertMarketingConsent(consent()));
    assert.equal(error.constructor.name, name);
    assert.match(error.message, /^System error occurred/);
    assert.equal(await stored(instance), 1);
  });
}

test('late and slow answers are answers', async () => {
  const instance = randomUUID();
  const { consents } = appClient(instance);
  for (const action of [{ latency_ms: 50 }, { slow_bytes_per_s: 10000 }]) {
    await plan(instance, action);
    const { marketingConsent } = await consents.upsertMarketingConsent(consent());
    assert.equal(marketingConsent.details.email, 'ada@example.com');
  }
});

test('a token that is refused once stops the call before it is sent', async () => {
  const instance = randomUUID();
  await control('GET', '/tenant', { instance });
  await plan(instance, { status: 500 }, { operation: 'issueToken' });
  const { consents } = appClient(instance);
  await refusal(consents.upsertMarketingConsent(consent()));
  assert.equal(await stored(instance), 0);
  await consents.upsertMarketingConsent(consent());
  assert.equal(await stored(instance), 1);
});
