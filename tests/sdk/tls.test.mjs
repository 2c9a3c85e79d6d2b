// host.apiBaseUrl: the SDK's own way to another host. It wants TLS, and uses other paths. [wix-facts 1.1, 4.3 D]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import {
  CHANNELS, IDENTIFIERS, MOCK, appClient, consent, control, memberClient, pagesOf, refusedWith, revocation,
  tokenClient, tokensFor,
} from './support.mjs';

const host = { apiBaseUrl: new URL(MOCK).host };
const instance = randomUUID();

async function connected(identity, more) {
  const { access_token: token } = await tokensFor(identity, { instance, ...more });
  return tokenClient(token, { host });
}

async function pathsSeen() {
  const { exchanges } = await control('GET', '/exchanges', { instance });
  return new Set(exchanges.map(({ request }) => `${request.method} ${request.path.split('?')[0]}`));
}

before(() => assert.equal(new URL(MOCK).protocol, 'https:', 'this file has to run against a server with TLS'));

test('the nine consent operations work over TLS, under their bare paths', async () => {
  const { consents } = await connected('APP');
  const created = await consents.createMarketingConsent(consent());
  assert.deepEqual(await consents.getMarketingConsent(created._id), created);
  const found = await consents.getMarketingConsentByIdentifier('EMAIL', { email: 'ada@example.com' });
  assert.equal(found.communicationEligibility.granted, true);
  assert.equal((await consents.updateMarketingConsent(created._id, { marketingConsent: consent() })).revision, '2');
  assert.equal((await consents.upsertMarketingConsent(consent({ state: 'PENDING' }))).link.type, 'CONFIRMATION');
  assert.equal((await consents.bulkUpsertMarketingConsent([consent()])).metadata.totalSuccess, 1);
  const removed = await consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() });
  assert.equal(removed.marketingConsent.state, 'REVOKED');
  assert.equal((await consents.queryMarketingConsent().find()).length, 1);
  assert.equal(await consents.deleteMarketingConsent(created._id), undefined);
  const id = created._id;
  const seen = await pathsSeen();
  for (const path of [
    'POST /v1/marketing-consent', `GET /v1/marketing-consent/${id}`, 'GET /v1/marketing-consent/get-by',
    `PATCH /v1/marketing-consent/${id}`, 'POST /v1/marketing-consent/upsert', 'POST /v1/bulk/marketing-consent/upsert',
    'POST /v1/marketing-consent/remove', 'POST /v1/marketing-consent/query', `DELETE /v1/marketing-consent/${id}`,
  ]) assert.ok(seen.has(path), `${path} is missing among ${[...seen].join(', ')}`);
});

test('followed channels work over TLS, under their bare paths', async () => {
  const { socialMedia } = await connected('MEMBER', { memberId: randomUUID() });
  for (const channel of CHANNELS) await socialMedia.createFollowedChannel({ channel });
  assert.equal((await socialMedia.listFollowedChannels()).followedChannels.length, 5);
  const seen = await pathsSeen();
  assert.ok(seen.has('GET /_api/loyalty-social-media/v1/followed-channels'), [...seen].join());
  assert.ok(seen.has('POST /_api/loyalty-social-media/v1/followed-channels'), [...seen].join());
});

test('a query over TLS pages to its end', async () => {
  const { access_token: token } = await tokensFor('APP', { instance: randomUUID() });
  const { consents } = tokenClient(token, { host });
  await consents.bulkUpsertMarketingConsent(
    Array.from({ length: 5 }, (_, index) => consent({ details: { type: 'EMAIL', email: `reader${index}@example.com` } })),
  );
  const pages = await pagesOf(consents.queryMarketingConsent().limit(2));
  assert.deepEqual(pages.map(({ length }) => length), [2, 2, 1]);
  assert.equal(new Set(pages.flatMap(({ items }) => items.map(({ _id }) => _id))).size, 5);
});

test('errors over TLS are typed as elsewhere', async () => {
  const { consents } = await connected('APP');
  await refusedWith(consents.getMarketingConsent(randomUUID()), { status: 404, code: 'NOT_FOUND', text: /not found/i });
});

test('the preload reaches a server with TLS, tokens included', async () => {
  const { consents } = appClient();
  const created = await consents.createMarketingConsent(consent());
  assert.deepEqual(await consents.getMarketingConsent(created._id), created);
  const member = await memberClient();
  assert.deepEqual((await member.socialMedia.listFollowedChannels()).followedChannels, []);
});

// The preload cares for the tokens, host.apiBaseUrl for the calls.
test('host.apiBaseUrl goes together with an app strategy where the preload is loaded', async () => {
  const { consents } = appClient(randomUUID(), { host });
  assert.equal((await consents.createMarketingConsent(consent())).state, 'CONFIRMED');
});
