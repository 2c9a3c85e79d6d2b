// Refusals as the SDK reads them: fields under the names of its arguments, codes, texts. [wix-facts 3.2 to 3.4, 7.2]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { IDENTIFIERS, appClient, confirmation, consent, control, invalid, refusal } from './support.mjs';

const EMAIL = { type: 'EMAIL', email: 'ada@example.com' };

test('create names a missing email by its whole path', async () => {
  const [violation] = await invalid(
    appClient().consents.createMarketingConsent({ details: { type: 'EMAIL' }, lastConfirmationActivity: confirmation() }),
    'marketingConsent.details.email',
  );
  assert.equal(violation.violatedRule, 'REQUIRED_FIELD');
});

test('create names everything that is missing, sorted', async () => {
  await invalid(
    appClient().consents.createMarketingConsent({}), 'marketingConsent.details', 'marketingConsent.lastConfirmationActivity',
  );
});

test('create of nothing names the consent itself', async () => {
  await invalid(appClient().consents.createMarketingConsent(undefined), 'marketingConsent');
});

test('a malformed email is a breach of its format', async () => {
  const [violation] = await invalid(
    appClient().consents.createMarketingConsent(consent({ details: { type: 'EMAIL', email: 'no address' } })),
    'marketingConsent.details.email',
  );
  assert.equal(violation.violatedRule, 'FORMAT');
});

for (const phone of ['19172222222', '+0123456', '+1 917 222 2222', '+1917222222222222', 'phone']) {
  test(`the phone number ${JSON.stringify(phone)} is a breach of its format`, async () => {
    const error = await refusal(appClient().consents.createMarketingConsent(consent({ details: { type: 'PHONE', phone } })));
    assert.equal(error.status, 400);
    const violations = error.details.validationError.fieldViolations;
    assert.deepEqual(new Set(violations.map(({ field }) => field)), new Set(['marketingConsent.details.phone']));
    assert.ok(violations.some(({ violatedRule }) => violatedRule === 'FORMAT'), error.message);
    assert.match(error.message, /E\.164/);
  });
}

test('an email under the type PHONE is refused', async () => {
  const error = await refusal(
    appClient().consents.createMarketingConsent(consent({ details: { type: 'PHONE', email: 'ada@example.com' } })),
  );
  assert.equal(error.status, 400);
  const fields = error.details.validationError.fieldViolations.map(({ field }) => field);
  assert.ok(fields.every((field) => field.startsWith('marketingConsent.details')), fields.join());
});

test('email and phone at once are refused', async () => {
  const error = await refusal(
    appClient().consents.createMarketingConsent(consent({ details: { ...IDENTIFIERS.PHONE, ...IDENTIFIERS.EMAIL } })),
  );
  assert.equal(error.status, 400);
  assert.match(error.details.validationError.fieldViolations[0].field, /^marketingConsent\.details/);
});

for (const type of ['UNKNOWN_TYPE', 'FAX']) {
  test(`the identifier type ${type} is refused, naming it`, async () => {
    const error = await refusal(appClient().consents.createMarketingConsent(consent({ details: { ...EMAIL, type } })));
    assert.equal(error.status, 400);
    const fields = error.details.validationError.fieldViolations.map(({ field }) => field);
    assert.ok(fields.includes('marketingConsent.details.type'), fields.join());
  });
}

for (const [operation, call] of [
  ['create', (consents, given) => consents.createMarketingConsent(given)],
  ['upsert', (consents, given) => consents.upsertMarketingConsent(given)],
]) {
  test(`${operation} names a source that does not exist`, async () => {
    const [violation] = await invalid(
      call(appClient().consents, consent({ lastConfirmationActivity: confirmation({ source: 'TELEPATHY' }) })),
      'marketingConsent.lastConfirmationActivity.source',
    );
    assert.match(violation.description, /TELEPATHY|FORM/);
  });

  test(`${operation} names an opt-in level that does not exist`, async () => {
    await invalid(
      call(appClient().consents, consent({ lastConfirmationActivity: confirmation({ optInLevel: 'TRIPLE_CONFIRMATION' }) })),
      'marketingConsent.lastConfirmationActivity.optInLevel',
    );
  });

  test(`${operation} names a field that does not exist, with the nearest that does`, async () => {
    const [violation] = await invalid(call(appClient().consents, consent({ stat: 'CONFIRMED' })), 'marketingConsent.stat');
    assert.match(violation.description, /state/);
  });
}

test('upsert names a state that does not exist', async () => {
  await invalid(appClient().consents.upsertMarketingConsent(consent({ state: 'MAYBE' })), 'marketingConsent.state');
});

test('upsert names a missing state', async () => {
  const [violation] = await invalid(
    appClient().consents.upsertMarketingConsent({ details: { ...EMAIL }, lastConfirmationActivity: confirmation() }),
    'marketingConsent.state',
  );
  assert.equal(violation.violatedRule, 'REQUIRED_FIELD');
});

for (const [state, activity] of [
  ['PENDING', 'lastConfirmationActivity'], ['CONFIRMED', 'lastConfirmationActivity'], ['REVOKED', 'lastRevokeActivity'],
]) {
  test(`upsert to ${state} names its missing ${activity}`, async () => {
    const [violation] = await invalid(
      appClient().consents.upsertMarketingConsent({ details: { ...EMAIL }, state }), `marketingConsent.${activity}`,
    );
    assert.equal(violation.violatedRule, 'REQUIRED_FIELD');
  });

  // In update the SDK puts its own argument in front: options.marketingConsent.
  test(`update to ${state} names its missing ${activity} among the options`, async () => {
    const { consents } = appClient();
    const before = state === 'REVOKED' ? consent() : consent({ state: 'REVOKED' });
    const { marketingConsent } = await consents.upsertMarketingConsent(before);
    await invalid(
      consents.updateMarketingConsent(marketingConsent._id, { marketingConsent: { details: { ...EMAIL }, state } }),
      `options.marketingConsent.${activity}`,
    );
  });
}

test('update names missing details among the options', async () => {
  const { consents } = appClient();
  const { _id } = await consents.createMarketingConsent(consent());
  await invalid(
    consents.updateMarketingConsent(_id, { marketingConsent: { state: 'CONFIRMED', lastConfirmationActivity: confirmation() } }),
    'options.marketingConsent.details',
  );
});

test('update names a missing state among the options', async () => {
  const { consents } = appClient();
  const { _id } = await consents.createMarketingConsent(consent());
  await invalid(
    consents.updateMarketingConsent(_id, {
      marketingConsent: { details: { ...EMAIL }, lastConfirmationActivity: confirmation() },
    }),
    'options.marketingConsent.state',
  );
});

test('remove names its details as the SDK does', async () => {
  await invalid(
    appClient().consents.removeMarketingConsent({ type: 'EMAIL' }, { lastRevokeActivity: { source: 'OTHER' } }), 'details.email',
  );
});

test('remove names a revoke source that only a confirmation can have', async () => {
  await invalid(
    appClient().consents.removeMarketingConsent({ ...EMAIL }, { lastRevokeActivity: { source: 'LINK_CONFIRMATION' } }),
    'options.lastRevokeActivity.source',
  );
});

test('an error has the class, status and JSON message of the SDK', async () => {
  const error = await refusal(appClient().consents.getMarketingConsent(randomUUID()));
  assert.equal(error.constructor.name, 'SDKError');
  assert.equal(error.status, 404);
  const { message, details } = JSON.parse(error.message);
  assert.match(message, /\S/);
  assert.deepEqual(details, error.details);
  assert.match(error.details.applicationError.description, /\S/);
  assert.notEqual(error.details.applicationError.description, 'UNKNOWN');
  assert.equal(typeof error.details.applicationError.code, 'string');
});

test('a request ID that the SDK reports leads to the exchange in the journal', async () => {
  const instance = randomUUID();
  const error = await refusal(appClient(instance).consents.getMarketingConsent(randomUUID()));
  const { exchanges } = await control('GET', '/exchanges', { instance });
  const exchange = exchanges.find(({ response }) => response.status === 404);
  const header = Object.entries(exchange.response.headers).find(([name]) => name.toLowerCase() === 'x-wix-request-id');
  assert.equal(header[1], error.requestId);
});

test('a date given as text is stopped by the SDK before anything is sent', async () => {
  const instance = randomUUID();
  await assert.rejects(appClient(instance).consents.createMarketingConsent(
    consent({ lastConfirmationActivity: confirmation({ updatedDate: '2024-01-01' }) }),
  ));
  const { exchanges } = await control('GET', '/exchanges', { instance });
  assert.deepEqual(exchanges.filter(({ operationId }) => operationId === 'createMarketingConsent'), []);
});
