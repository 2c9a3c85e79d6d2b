// The ways to the mock that need no preload. This file is run without it. [wix-facts 4.3 A to C]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, before, test } from 'node:test';
import { MOCK, appClient, consent, memberClient, refusal, tokenClient, tokenInfo, tokensFor, visitorClient } from './support.mjs';

const untouched = globalThis.fetch;
const WIX = /^https:\/\/(www|edge)\.wixapis\.com(?=\/)/;

// What a user would write: the same request, another host.
const toMock = (input, init) => untouched(String(input).replace(WIX, MOCK), init);

// No test may reach the real thing, so a fetch that nobody redirected stays here.
const fenced = async (input, init) => {
  if (WIX.test(String(input))) throw new Error(`nobody redirected ${input}`);
  return untouched(input, init);
};

before(() => assert.equal(globalThis[Symbol.for('wixture.preload')], undefined, 'this file has to run without the preload'));
globalThis.fetch = fenced;
afterEach(() => {
  globalThis.fetch = fenced;
});

test('a client with a fetch of its own and an auth object of its own reaches the mock', async () => {
  const instance = randomUUID();
  const { access_token: token } = await tokensFor('APP', { instance });
  const { consents } = tokenClient(token, { fetch: toMock });
  const created = await consents.createMarketingConsent(consent());
  assert.deepEqual(await consents.getMarketingConsent(created._id), created);
  const member = await tokensFor('MEMBER', { instance, memberId: randomUUID() });
  const { socialMedia } = tokenClient(member.access_token, { fetch: toMock, useCDN: true });
  assert.equal((await socialMedia.createFollowedChannel({ channel: 'X' })).channel, 'X');
});

// Why that way needs an auth object of its own: strategies ask for tokens with the global fetch.
test('a client with a fetch of its own alone gets no token from the mock', async () => {
  const client = appClient(randomUUID(), { fetch: toMock });
  await assert.rejects(client.auth.getAuthHeaders(), /nobody redirected https:\/\/www\.wixapis\.com\/oauth2\/token/);
  await refusal(client.consents.createMarketingConsent(consent()));
});

test('a global fetch replaced before the client is made takes tokens and calls to the mock', async () => {
  globalThis.fetch = toMock;
  const client = appClient();
  const created = await client.consents.createMarketingConsent(consent());
  assert.deepEqual(await client.consents.getMarketingConsent(created._id), created);
  assert.equal((await tokenInfo((await client.auth.getAuthHeaders()).headers.Authorization)).active, true);
});

test('a global fetch replaced after the client was made does so too', async () => {
  const client = appClient();
  globalThis.fetch = toMock;
  const created = await client.consents.createMarketingConsent(consent());
  assert.deepEqual(await client.consents.getMarketingConsent(created._id), created);
});

test('a global fetch replaced serves visitors and members, token renewals included', async () => {
  const visitor = await visitorClient();
  globalThis.fetch = toMock;
  const entity = await visitor.socialMedia.createFollowedChannel({ channel: 'X' });
  const { refreshToken } = visitor.auth.getTokens();
  visitor.auth.setTokens({ accessToken: { value: '', expiresAt: 0 }, refreshToken });
  assert.deepEqual((await visitor.socialMedia.listFollowedChannels()).followedChannels, [entity]);
  assert.deepEqual((await (await memberClient()).socialMedia.listFollowedChannels()).followedChannels, []);
});
