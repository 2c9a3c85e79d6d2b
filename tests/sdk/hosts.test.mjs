// Where the SDK sends its calls, with the preload: three hosts of Wix, one mock. [wix-facts 1.1, 4.3 B]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { AppStrategy } from '@wix/sdk';
import {
  APP, IDENTIFIERS, appClient, clientWith, consent, control, memberClient, pagesOf, revocation, tokenClient, tokenInfo,
  tokensFor, visitorClient,
} from './support.mjs';

const pathsOf = async (instance, operationId) => {
  const { exchanges } = await control('GET', '/exchanges', { instance });
  return exchanges.filter((exchange) => exchange.operationId === operationId).map(({ request }) => request.path.split('?')[0]);
};

test('calls of an app to www.wixapis.com reach the mock', async () => {
  const instance = randomUUID();
  await appClient(instance).consents.createMarketingConsent(consent());
  assert.deepEqual(await pathsOf(instance, 'createMarketingConsent'), ['/marketing-consent/v1/marketing-consent']);
});

test('calls of visitors and members to edge.wixapis.com reach the mock', async () => {
  const seen = [];
  const real = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    seen.push(new URL(input).host);
    return real(input, init);
  };
  try {
    await (await visitorClient()).socialMedia.listFollowedChannels();
    await (await memberClient()).socialMedia.listFollowedChannels();
  } finally {
    globalThis.fetch = real;
  }
  assert.equal(seen.filter((host) => host === 'edge.wixapis.com').length, 2);
});

test('a visitor without the CDN calls www.wixapis.com, and is answered the same', async () => {
  const instance = randomUUID();
  const { access_token: token } = await tokensFor('VISITOR', { instance });
  for (const useCDN of [true, false]) {
    assert.deepEqual((await tokenClient(token, { useCDN }).socialMedia.listFollowedChannels()).followedChannels, []);
  }
  assert.deepEqual(await pathsOf(instance, 'listFollowedChannels'), Array(2).fill('/loyalty-social-media/v1/followed-channels'));
});

test('calls of a dashboard page to manage.wix.com reach the mock under their own paths', async () => {
  const instance = randomUUID();
  const client = clientWith(AppStrategy({ ...APP, instanceId: instance }), { host: { apiBaseUrl: 'manage.wix.com' } });
  const created = await client.consents.createMarketingConsent(consent());
  assert.deepEqual(await client.consents.getMarketingConsent(created._id), created);
  assert.deepEqual(await pathsOf(instance, 'createMarketingConsent'), ['/_api/marketing/v1/marketing-consent']);

  const { access_token: token } = await tokensFor('MEMBER', { instance, memberId: randomUUID() });
  const member = tokenClient(token, { host: { apiBaseUrl: 'manage.wix.com' } });
  assert.equal((await member.socialMedia.createFollowedChannel({ channel: 'X' })).channel, 'X');
  assert.deepEqual(await pathsOf(instance, 'createFollowedChannel'), ['/_api/loyalty-social-media/v1/followed-channels']);
});

// Among them IDs repeated in the query string, an ID in the body of update, updates without a mask. [wix-facts 0]
test('nothing the SDK sends of its own accord is counted as a breach of the contract', async () => {
  const instance = randomUUID();
  const { consents } = appClient(instance);
  const { _id } = await consents.createMarketingConsent(consent());
  await consents.getMarketingConsent(_id);
  await consents.getMarketingConsentByIdentifier('EMAIL', { email: 'ada@example.com', phone: undefined });
  await consents.updateMarketingConsent(_id, { marketingConsent: consent() });
  await consents.upsertMarketingConsent(consent());
  await consents.bulkUpsertMarketingConsent([consent()]);
  await pagesOf(consents.queryMarketingConsent().limit(1));
  await consents.removeMarketingConsent({ ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() });
  await consents.deleteMarketingConsent(_id);
  const member = await memberClient({ instance });
  await member.socialMedia.createFollowedChannel({ channel: 'X' });
  await member.socialMedia.listFollowedChannels();
  const { exchanges } = await control('GET', '/exchanges', { instance });
  const { operations } = await control('GET', '/health');
  const called = new Set(exchanges.map(({ operationId }) => operationId));
  called.delete('issueToken');
  assert.equal(called.size, operations, 'every operation was called');
  assert.deepEqual(exchanges.flatMap(({ violations }) => violations), []);
});

test('requests for tokens and for what a token says reach the mock', async () => {
  const client = appClient();
  const { headers } = await client.auth.getAuthHeaders();
  assert.equal((await tokenInfo(headers.Authorization)).active, true);
});

test('fetchWithAuth of a client reaches the mock, with a Request as with an address', async () => {
  const client = appClient();
  const url = 'https://www.wixapis.com/marketing-consent/v1/marketing-consent';
  const init = () => ({
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ marketingConsent: consent() }),
  });
  const first = await client.fetchWithAuth(url, init());
  assert.equal(first.status, 200);
  const second = await client.fetchWithAuth(new Request(url, init()));
  assert.equal(second.status, 409);
});
