// The life of one consent: create, get, update, upsert, remove, delete. [wix-facts 1.2, 7.1 to 7.3]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { createClient, AppStrategy } from '@wix/sdk';
import {
  APP, GUID, IDENTIFIERS, STATES, UTC_TIMESTAMP,
  appClient, confirmation, consent, emailConsent, invalid, refusedWith, revocation,
} from './support.mjs';

const stored = async (consents, given) => (await consents.upsertMarketingConsent(given)).marketingConsent;

for (const [type, details] of Object.entries(IDENTIFIERS)) {
  test(`create gives the SDK the whole consent of type ${type}`, async () => {
    const { consents } = appClient();
    const created = await consents.createMarketingConsent({
      details: { ...details }, lastConfirmationActivity: confirmation(),
    });
    const { _id, _createdDate, _updatedDate, lastConfirmationActivity, ...rest } = created;
    assert.match(_id, GUID);
    assert.match(_createdDate, UTC_TIMESTAMP);
    assert.match(_updatedDate, UTC_TIMESTAMP);
    const { _updatedDate: confirmedDate, ...activity } = lastConfirmationActivity;
    assert.match(confirmedDate, UTC_TIMESTAMP);
    assert.deepEqual(activity, confirmation());
    assert.deepEqual(rest, { revision: '1', details, state: 'CONFIRMED', extendedFields: {} });
  });

  for (const state of STATES) {
    test(`create of type ${type} stores CONFIRMED though the caller says ${state}`, async () => {
      const { consents } = appClient();
      const lastConfirmationActivity = confirmation({ optInLevel: 'DOUBLE_CONFIRMATION' });
      const created = await consents.createMarketingConsent(
        consent({ state, details: { ...details }, lastConfirmationActivity }),
      );
      assert.equal(created.state, 'CONFIRMED');
      assert.equal((await consents.getMarketingConsent(created._id)).state, 'CONFIRMED');
    });

    test(`upsert stores a new ${type} consent as ${state}, and get reads it back`, async () => {
      const { consents } = appClient();
      const { marketingConsent } = await consents.upsertMarketingConsent(consent({ state, details: { ...details } }));
      assert.equal(marketingConsent.state, state);
      assert.equal(marketingConsent.revision, '1');
      assert.deepEqual(await consents.getMarketingConsent(marketingConsent._id), marketingConsent);
    });

    test(`remove turns a ${type} consent that is ${state} into REVOKED and keeps it readable`, async () => {
      const { consents } = appClient();
      const before = await stored(consents, consent({ state, details: { ...details } }));
      const { marketingConsent } = await consents.removeMarketingConsent(
        { ...details }, { lastRevokeActivity: revocation({ source: 'OTHER' }) },
      );
      assert.equal(marketingConsent._id, before._id);
      assert.equal(marketingConsent.state, 'REVOKED');
      assert.equal(marketingConsent.revision, '2');
      assert.equal(marketingConsent.lastRevokeActivity.source, 'OTHER');
      assert.match(marketingConsent.lastRevokeActivity._updatedDate, UTC_TIMESTAMP);
      assert.deepEqual(await consents.getMarketingConsent(before._id), marketingConsent);
    });

    test(`delete of a ${type} consent that is ${state} answers nothing, and get finds it no more`, async () => {
      const { consents } = appClient();
      const { _id } = await stored(consents, consent({ state, details: { ...details } }));
      assert.equal(await consents.deleteMarketingConsent(_id), undefined);
      await refusedWith(consents.getMarketingConsent(_id), { status: 404, code: 'NOT_FOUND', text: /not found/i });
    });

    for (const next of STATES.filter((candidate) => candidate !== state && candidate !== 'UNKNOWN_STATE')) {
      test(`update takes a ${type} consent from ${state} to ${next} and raises its revision`, async () => {
        const { consents } = appClient();
        const before = await stored(consents, consent({ state, details: { ...details } }));
        const updated = await consents.updateMarketingConsent(before._id, {
          marketingConsent: consent({ state: next, details: { ...details }, revision: before.revision }),
        });
        assert.equal(updated._id, before._id);
        assert.equal(updated.state, next);
        assert.equal(updated.revision, '2');
        assert.equal(updated._createdDate, before._createdDate);
        assert.ok(updated._updatedDate >= before._updatedDate);
        assert.deepEqual(await consents.getMarketingConsent(before._id), updated);
      });
    }
  }

  test(`create of a second consent for the same ${type} conflicts`, async () => {
    const { consents } = appClient();
    await consents.createMarketingConsent(consent({ details: { ...details } }));
    await refusedWith(consents.createMarketingConsent(consent({ details: { ...details } })), {
      status: 409, code: 'ALREADY_EXISTS', text: /exists/i,
    });
  });

  test(`upsert creates a ${type} consent, then updates that same one`, async () => {
    const { consents } = appClient();
    const first = await stored(consents, consent({ state: 'PENDING', details: { ...details } }));
    const second = await stored(consents, consent({ state: 'CONFIRMED', details: { ...details } }));
    const third = await stored(consents, consent({ state: 'REVOKED', details: { ...details } }));
    assert.deepEqual([first, second, third].map(({ revision }) => revision), ['1', '2', '3']);
    assert.deepEqual([first, second, third].map(({ state }) => state), ['PENDING', 'CONFIRMED', 'REVOKED']);
    assert.deepEqual(new Set([first, second, third].map(({ _id }) => _id)).size, 1);
    assert.equal(third._createdDate, first._createdDate);
  });
}

for (const [method, write] of [
  ['upsert', async (consents, before, given) => stored(consents, given)],
  ['update', (consents, before, given) => consents.updateMarketingConsent(before._id, { marketingConsent: given })],
  ['bulk upsert', async (consents, before, given) =>
    (await consents.bulkUpsertMarketingConsent([given])).results[0].marketingConsent],
]) {
  for (const state of STATES.filter((candidate) => candidate !== 'UNKNOWN_STATE')) {
    test(`${method} to UNKNOWN_STATE keeps an email consent ${state}`, async () => {
      const { consents } = appClient();
      const before = await stored(consents, consent({ state }));
      const after = await write(consents, before, consent({ state: 'UNKNOWN_STATE' }));
      assert.equal(after._id, before._id);
      assert.equal(after.state, state);
      assert.equal((await consents.getMarketingConsent(before._id)).state, state);
    });

    test(`${method} to UNKNOWN_STATE makes a phone consent that is ${state} unknown`, async () => {
      const { consents } = appClient();
      const details = () => ({ ...IDENTIFIERS.PHONE });
      const before = await stored(consents, consent({ state, details: details() }));
      const after = await write(consents, before, consent({ state: 'UNKNOWN_STATE', details: details() }));
      assert.equal(after._id, before._id);
      assert.equal(after.state, 'UNKNOWN_STATE');
      assert.equal((await consents.getMarketingConsent(before._id)).state, 'UNKNOWN_STATE');
    });
  }
}

test('update with a stale revision conflicts and changes nothing', async () => {
  const { consents } = appClient();
  const first = await stored(consents, consent());
  const second = await stored(consents, consent({ state: 'REVOKED' }));
  await refusedWith(
    consents.updateMarketingConsent(first._id, { marketingConsent: consent({ revision: first.revision }) }),
    { status: 409, code: 'INVALID_REVISION', text: /revision/i },
  );
  assert.deepEqual(await consents.getMarketingConsent(first._id), second);
});

test('update without a revision is not checked against one', async () => {
  const { consents } = appClient();
  const { _id } = await stored(consents, consent());
  await stored(consents, consent({ state: 'REVOKED' }));
  const updated = await consents.updateMarketingConsent(_id, { marketingConsent: consent() });
  assert.deepEqual([updated.state, updated.revision], ['CONFIRMED', '3']);
});

test('update keeps the activity that its request leaves out', async () => {
  const { consents } = appClient();
  const before = await stored(consents, consent());
  const updated = await consents.updateMarketingConsent(before._id, { marketingConsent: consent({ state: 'REVOKED' }) });
  assert.deepEqual(updated.lastConfirmationActivity, before.lastConfirmationActivity);
  assert.equal(updated.lastRevokeActivity.source, 'IN_PERSON');
});

test('update replaces an activity as a whole', async () => {
  const { consents } = appClient();
  const before = await stored(consents, consent());
  const updated = await consents.updateMarketingConsent(before._id, {
    marketingConsent: consent({ lastConfirmationActivity: { source: 'IN_PERSON' } }),
  });
  assert.equal(updated.lastConfirmationActivity.source, 'IN_PERSON');
  assert.equal(updated.lastConfirmationActivity.optInLevel, 'UNKNOWN_OPT_IN_LEVEL');
  assert.equal(updated.lastConfirmationActivity.description ?? null, null);
});

test('a mask given to the SDK never reaches the server, so what is present is updated', async () => {
  const { consents } = appClient();
  const before = await stored(consents, consent());
  const updated = await consents.updateMarketingConsent(before._id, {
    mask: ['state'],
    marketingConsent: consent({ lastConfirmationActivity: confirmation({ description: 'Second form.' }) }),
  });
  assert.equal(updated.lastConfirmationActivity.description, 'Second form.');
});

test('update to another email address is refused', async () => {
  const { consents } = appClient();
  const { _id } = await stored(consents, consent());
  await assert.rejects(
    consents.updateMarketingConsent(_id, { marketingConsent: emailConsent('grace@example.com') }),
    (error) => error.status === 400 && /details/.test(error.message),
  );
  assert.equal((await consents.getMarketingConsent(_id)).details.email, 'ada@example.com');
});

for (const [operation, call] of [
  ['get', (consents, id) => consents.getMarketingConsent(id)],
  ['update', (consents, id) => consents.updateMarketingConsent(id, { marketingConsent: consent() })],
  ['delete', (consents, id) => consents.deleteMarketingConsent(id)],
]) {
  for (const [kind, id] of [['an unknown', randomUUID()], ['a malformed', '2178v046df3c-7575'], ['an absent', undefined]]) {
    test(`${operation} with ${kind} ID finds nothing`, async () => {
      await refusedWith(call(appClient().consents, id), { status: 404, code: 'NOT_FOUND', text: /not found/i });
    });
  }
}

test('a second delete of the same consent finds nothing', async () => {
  const { consents } = appClient();
  const { _id } = await stored(consents, consent());
  await consents.deleteMarketingConsent(_id);
  await refusedWith(consents.deleteMarketingConsent(_id), { status: 404, code: 'NOT_FOUND', text: /not found/i });
});

test('a deleted email address can be given a new consent', async () => {
  const { consents } = appClient();
  const first = await consents.createMarketingConsent(consent());
  await consents.deleteMarketingConsent(first._id);
  const second = await consents.createMarketingConsent(consent());
  assert.notEqual(second._id, first._id);
  assert.equal(second.revision, '1');
});

test('remove of an address without consent finds nothing', async () => {
  await refusedWith(
    appClient().consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() }),
    { status: 404, code: 'NOT_FOUND', text: /not found|no .*consent/i },
  );
});

test('remove says nothing about a link', async () => {
  const { consents } = appClient();
  await stored(consents, consent());
  const removed = await consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() });
  assert.deepEqual(Object.keys(removed), ['marketingConsent']);
});

test('remove without a revoke activity is refused, naming it', async () => {
  const { consents } = appClient();
  await stored(consents, consent());
  const [violation] = await invalid(consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }), 'options.lastRevokeActivity');
  assert.equal(violation.violatedRule, 'REQUIRED_FIELD');
});

test('remove of a REVOKED consent replaces its revoke activity', async () => {
  const { consents } = appClient();
  await stored(consents, consent({ state: 'REVOKED' }));
  const { marketingConsent } = await consents.removeMarketingConsent(
    { ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation({ description: 'Asked again.' }) },
  );
  assert.equal(marketingConsent.lastRevokeActivity.description, 'Asked again.');
  assert.equal(marketingConsent.revision, '2');
});

test('an email address is stored as given', async () => {
  const { consents } = appClient();
  const created = await consents.createMarketingConsent(emailConsent('Ada.Lovelace@Example.COM'));
  assert.equal(created.details.email, 'Ada.Lovelace@Example.COM');
});

test('spaces around an email address are stored too, and make no other address', async () => {
  const { consents } = appClient();
  const created = await consents.createMarketingConsent(emailConsent(' ada@example.com '));
  assert.equal(created.details.email, ' ada@example.com ');
  await refusedWith(consents.createMarketingConsent(emailConsent('ada@example.com')), {
    status: 409, code: 'ALREADY_EXISTS', text: /exists/i,
  });
});

test('the same email address in other letters is a duplicate', async () => {
  const { consents } = appClient();
  await consents.createMarketingConsent(emailConsent('Ada@Example.com'));
  await refusedWith(consents.createMarketingConsent(emailConsent('ada@example.COM')), {
    status: 409, code: 'ALREADY_EXISTS', text: /exists/i,
  });
});

test('upsert of the same email address in other letters updates, and keeps the letters of the first', async () => {
  const { consents } = appClient();
  const first = await stored(consents, emailConsent('Ada@Example.com'));
  const second = await stored(consents, emailConsent('ADA@example.com'));
  assert.equal(second._id, first._id);
  assert.equal(second.details.email, 'Ada@Example.com');
});

test('get by an email address with other letters and spaces around it finds the consent as stored', async () => {
  const { consents } = appClient();
  const created = await consents.createMarketingConsent(emailConsent('Ada@Example.com'));
  const found = await consents.getMarketingConsentByIdentifier('EMAIL', { email: ' ADA@example.com ' });
  assert.deepEqual(found.marketingConsent, created);
});

test('an email address with a plus sign survives the query string', async () => {
  const { consents } = appClient();
  await consents.createMarketingConsent(emailConsent('ada+news@example.com'));
  const { marketingConsent } = await consents.getMarketingConsentByIdentifier('EMAIL', { email: 'ada+news@example.com' });
  assert.equal(marketingConsent.details.email, 'ada+news@example.com');
});

test('one person can consent by email and by phone apart', async () => {
  const { consents } = appClient();
  const byEmail = await stored(consents, consent({ details: { ...IDENTIFIERS.EMAIL } }));
  const byPhone = await stored(consents, consent({ details: { ...IDENTIFIERS.PHONE } }));
  assert.notEqual(byEmail._id, byPhone._id);
});

test('what one instance stores, another does not see', async () => {
  const { _id } = await appClient().consents.createMarketingConsent(consent());
  const elsewhere = appClient().consents;
  await refusedWith(elsewhere.getMarketingConsent(_id), { status: 404, code: 'NOT_FOUND', text: /not found/i });
  assert.equal((await elsewhere.createMarketingConsent(consent())).revision, '1');
});

test('the server sets ID, revision and dates, whatever the caller says', async () => {
  const { consents } = appClient();
  const wished = randomUUID();
  const created = await consents.createMarketingConsent(
    consent({ _id: wished, revision: '41', _createdDate: new Date(0), _updatedDate: new Date(0) }),
  );
  assert.notEqual(created._id, wished);
  assert.equal(created.revision, '1');
  assert.notEqual(new Date(created._createdDate).getTime(), 0);
  assert.notEqual(new Date(created._updatedDate).getTime(), 0);
});

test('an activity keeps the date its caller gave, however long ago', async () => {
  const { consents } = appClient();
  const created = await consents.createMarketingConsent(
    consent({ lastConfirmationActivity: confirmation({ updatedDate: new Date('2021-05-18T19:18:39.123Z') }) }),
  );
  assert.equal(new Date(created.lastConfirmationActivity._updatedDate).toISOString(), '2021-05-18T19:18:39.123Z');
});

test('a description comes back to the letter', async () => {
  const { consents } = appClient();
  const description = 'Señorita Æon ticked “yes”, 100 % sure. ✓';
  const created = await consents.createMarketingConsent(consent({ lastConfirmationActivity: confirmation({ description }) }));
  assert.equal(created.lastConfirmationActivity.description, description);
});

test('a description may be null', async () => {
  const created = await appClient().consents.createMarketingConsent(
    consent({ lastConfirmationActivity: confirmation({ description: null }) }),
  );
  assert.equal(created.lastConfirmationActivity.description ?? null, null);
});

test('every source and opt-in level the SDK knows is stored', async () => {
  const { consents } = appClient();
  const { Source, OptInLevel } = createRequire(import.meta.url)('@wix/marketing_marketing-consent');
  for (const source of Object.values(Source)) {
    for (const optInLevel of Object.values(OptInLevel)) {
      const { lastConfirmationActivity } = await stored(consents, consent({ lastConfirmationActivity: { source, optInLevel } }));
      assert.deepEqual([lastConfirmationActivity.source, lastConfirmationActivity.optInLevel], [source, optInLevel]);
    }
  }
});

test('every revoke source the SDK knows is stored', async () => {
  const { consents } = appClient();
  const { LastRevokeActivitySource } = createRequire(import.meta.url)('@wix/marketing_marketing-consent');
  for (const source of Object.values(LastRevokeActivitySource)) {
    const { lastRevokeActivity } = await stored(consents, consent({ state: 'REVOKED', lastRevokeActivity: { source } }));
    assert.equal(lastRevokeActivity.source, source);
  }
});

test('extended fields come back as they were given', async () => {
  const { consents } = appClient();
  const extendedFields = { namespaces: { '@shop/loyalty': { tier: 'gold', visits: 3, tags: ['a', 'b'] } } };
  const created = await consents.createMarketingConsent(consent({ extendedFields: structuredClone(extendedFields) }));
  assert.deepEqual(created.extendedFields, extendedFields);
});

// Its ES build has imports without extensions, so plain Node cannot import this package; require loads it.
test('the consent package by itself, loaded with require, works the same', async () => {
  const consents = createRequire(import.meta.url)('@wix/marketing_marketing-consent');
  const client = createClient({ modules: { consents }, auth: AppStrategy({ ...APP, instanceId: randomUUID() }) });
  const created = await client.consents.createMarketingConsent(consent());
  assert.deepEqual(await client.consents.getMarketingConsent(created._id), created);
});

test('an update that names the _id beside the path is taken', async () => {
  const { consents } = appClient();
  const { _id } = await consents.createMarketingConsent(consent());
  const changed = await consents.updateMarketingConsent(_id, { marketingConsent: { ...consent(), _id } });
  assert.equal(changed.revision, '2');
});
