// Many consents at once: each one is judged by itself. [wix-facts 1.2, 2.1, 7.2]
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GUID, appClient, consent, emailConsent, invalid, refusal } from './support.mjs';

const phoneConsent = (phone, more) => consent({ details: { type: 'PHONE', phone }, ...more });

test('every valid consent is stored, in the order given', async () => {
  const { consents } = appClient();
  const { results, metadata } = await consents.bulkUpsertMarketingConsent([
    emailConsent('ada@example.com', { state: 'PENDING' }),
    phoneConsent('+19172222222'),
    emailConsent('grace@example.com', { state: 'REVOKED' }),
  ]);
  assert.deepEqual(results.map(({ originalIndex }) => originalIndex), [0, 1, 2]);
  assert.deepEqual(results.map(({ marketingConsent }) => marketingConsent.state), ['PENDING', 'CONFIRMED', 'REVOKED']);
  assert.deepEqual(metadata, { totalSuccess: 3, totalFailure: 0 });
  for (const { marketingConsent, error } of results) {
    assert.match(marketingConsent._id, GUID);
    assert.equal(error ?? null, null);
    assert.deepEqual(await consents.getMarketingConsent(marketingConsent._id), marketingConsent);
  }
});

test('an invalid consent is reported at its place, and the others are stored', async () => {
  const { consents } = appClient();
  const { results, metadata } = await consents.bulkUpsertMarketingConsent([
    emailConsent('ada@example.com'),
    emailConsent('no address'),
    phoneConsent('+19172222222'),
    { details: { type: 'EMAIL', email: 'grace@example.com' }, state: 'CONFIRMED' },
  ]);
  assert.deepEqual(results.map(({ originalIndex }) => originalIndex), [0, 1, 2, 3]);
  assert.deepEqual(results.map(({ error }) => typeof (error ?? undefined)), ['undefined', 'string', 'undefined', 'string']);
  assert.match(results[1].error, /email/);
  assert.match(results[3].error, /lastConfirmationActivity/);
  assert.equal(results[1].marketingConsent ?? null, null);
  assert.deepEqual(metadata, { totalSuccess: 2, totalFailure: 2 });
  assert.equal((await consents.queryMarketingConsent().find()).length, 2);
});

test('a request of invalid consents alone still succeeds as a request', async () => {
  const { consents } = appClient();
  const { results, metadata } = await consents.bulkUpsertMarketingConsent([{}, emailConsent('no address')]);
  assert.deepEqual(metadata, { totalSuccess: 0, totalFailure: 2 });
  for (const { error } of results) assert.match(error, /\S/);
  assert.equal((await consents.queryMarketingConsent().find()).length, 0);
});

test('the same address twice is created, then updated', async () => {
  const { consents } = appClient();
  const { results, metadata } = await consents.bulkUpsertMarketingConsent([
    emailConsent('ada@example.com', { state: 'PENDING' }), emailConsent('Ada@Example.com', { state: 'CONFIRMED' }),
  ]);
  const [first, second] = results.map(({ marketingConsent }) => marketingConsent);
  assert.equal(second._id, first._id);
  assert.deepEqual([first.revision, second.revision], ['1', '2']);
  assert.deepEqual(metadata, { totalSuccess: 2, totalFailure: 0 });
});

test('known and new addresses can stand side by side', async () => {
  const { consents } = appClient();
  const known = await consents.createMarketingConsent(emailConsent('ada@example.com'));
  const { results } = await consents.bulkUpsertMarketingConsent([
    emailConsent('ada@example.com', { state: 'REVOKED' }), emailConsent('grace@example.com'),
  ]);
  assert.equal(results[0].marketingConsent._id, known._id);
  assert.deepEqual(results.map(({ marketingConsent }) => marketingConsent.revision), ['2', '1']);
});

for (const [state, missing] of [
  ['PENDING', 'lastConfirmationActivity'], ['CONFIRMED', 'lastConfirmationActivity'], ['REVOKED', 'lastRevokeActivity'],
]) {
  test(`a consent that is to be ${state} needs its ${missing}`, async () => {
    const { results } = await appClient().consents.bulkUpsertMarketingConsent([
      { details: { type: 'EMAIL', email: 'ada@example.com' }, state },
    ]);
    assert.match(results[0].error, new RegExp(missing));
  });
}

for (const state of ['UNKNOWN_STATE', 'NEVER_CONFIRMED']) {
  test(`a consent that is to be ${state} needs no activity`, async () => {
    const { results, metadata } = await appClient().consents.bulkUpsertMarketingConsent([
      { details: { type: 'PHONE', phone: '+19172222222' }, state },
    ]);
    assert.deepEqual(metadata, { totalSuccess: 1, totalFailure: 0 });
    assert.equal(results[0].marketingConsent.state, state);
  });
}

for (const [name, info] of [['an empty list', []], ['no list', undefined]]) {
  test(`${name} is refused, naming it`, async () => {
    await invalid(appClient().consents.bulkUpsertMarketingConsent(info), 'info');
  });
}

test('five hundred consents are taken at once', async () => {
  const { metadata } = await appClient().consents.bulkUpsertMarketingConsent(
    Array.from({ length: 500 }, (_, index) => emailConsent(`reader${index}@example.com`)),
  );
  assert.deepEqual(metadata, { totalSuccess: 500, totalFailure: 0 });
});

test('one more than five hundred is refused, and nothing is stored', async () => {
  const { consents } = appClient();
  const error = await refusal(consents.bulkUpsertMarketingConsent(
    Array.from({ length: 501 }, (_, index) => emailConsent(`reader${index}@example.com`)),
  ));
  assert.equal(error.status, 400);
  assert.match(error.message, /500/);
  assert.equal((await consents.queryMarketingConsent().find()).length, 0);
});
