// Who is calling: every strategy of the SDK, and every way its tokens end. [wix-facts 4.1, 4.2]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { AppStrategy, OAuthStrategy } from '@wix/sdk';
import {
  API_KEY, APP, CLIENT_ID, DEFAULT_INSTANCE, IDENTIFIERS,
  apiKeyClient, appClient, clientWith, consent, control, identityClient, loginCode, memberClient, oauthStrategy,
  refusal, refusedWith, revocation, tokenClient, tokenInfo, tokensFor, visitorClient,
} from './support.mjs';

const TOKEN = /^OauthNG\.JWS\.[\w-]+\.[\w-]+\.[\w-]+$/;
const UNAUTHENTICATED = { status: 401, code: 'UNAUTHENTICATED', text: /token|API key/i };

const followed = async (client) => (await client.socialMedia.listFollowedChannels()).followedChannels;
const bearer = async (client) => (await client.auth.getAuthHeaders()).headers.Authorization;

// The requests for tokens the SDK makes while `action` runs; it makes them with the global fetch.
async function tokenRequests(t, action) {
  const requests = [];
  const real = globalThis.fetch;
  t.mock.method(globalThis, 'fetch', (input, init) => {
    if (/\/oauth2?\//.test(String(input))) requests.push({ path: new URL(input).pathname, ...JSON.parse(init.body) });
    return real(input, init);
  });
  await action();
  t.mock.restoreAll();
  return requests;
}

// --- apps

test('an app with an instance ID reads and writes that instance alone', async () => {
  const [here, there] = [appClient(), appClient()];
  const created = await here.consents.createMarketingConsent(consent());
  assert.deepEqual((await here.consents.queryMarketingConsent().find()).items, [created]);
  assert.deepEqual((await there.consents.queryMarketingConsent().find()).items, []);
});

test('an app fetches one token for many calls', async (t) => {
  const { consents } = appClient();
  const requests = await tokenRequests(t, async () => {
    for (let call = 0; call < 4; call += 1) await consents.queryMarketingConsent().find();
  });
  assert.equal(requests.length, 1);
  assert.equal(requests[0].path, '/oauth2/token');
  assert.equal(requests[0].grant_type, 'client_credentials');
});

test('an app fetches another token once four hours are over', async (t) => {
  const { consents } = appClient();
  const later = Date.now() + (4 * 3600 + 1) * 1000;
  const requests = await tokenRequests(t, async () => {
    await consents.queryMarketingConsent().find();
    t.mock.method(Date, 'now', () => later);
    await consents.queryMarketingConsent().find();
  });
  assert.equal(requests.length, 2);
});

test('a wrong app secret gives no token, and the SDK says with which status', async () => {
  const client = clientWith(AppStrategy({ ...APP, appSecret: 'guessed', instanceId: randomUUID() }));
  await assert.rejects(client.auth.getAuthHeaders(), (error) => {
    assert.match(error.message, /Failed to exchange instance ID for access token/);
    assert.match(error.message, /status code from Wix OAuth API: 401, request id: (?!null)\S+/);
    return true;
  });
  const error = await refusal(client.consents.createMarketingConsent(consent()));
  assert.match(error.message, /System error occurred/);
});

test('an unknown app ID gives no token', async () => {
  const client = clientWith(AppStrategy({ ...APP, appId: randomUUID(), instanceId: randomUUID() }));
  await assert.rejects(client.auth.getAuthHeaders(), /status code from Wix OAuth API: 401/);
});

test('an app with a refresh token of the older kind works, call after call', async (t) => {
  const instance = randomUUID();
  const { refresh_token: refreshToken } = await tokensFor('APP', { instance });
  const { consents } = clientWith(AppStrategy({ ...APP, refreshToken }));
  const requests = await tokenRequests(t, async () => {
    const created = await consents.createMarketingConsent(consent());
    assert.deepEqual(await consents.getMarketingConsent(created._id), created);
    await consents.deleteMarketingConsent(created._id);
  });
  assert.deepEqual(requests.map(({ path }) => path), Array(3).fill('/oauth/access'));
  assert.deepEqual(requests.map(({ grant_type }) => grant_type), Array(3).fill('refresh_token'));
  assert.equal(requests[0].refresh_token, refreshToken);
});

test('an app that has just been installed exchanges its code for tokens, and works with them', async () => {
  const instance = randomUUID();
  const { code } = await control('POST', '/codes', { instance, body: { identity: 'APP' } });
  const client = clientWith(AppStrategy({ ...APP }));
  const tokens = await client.auth.handleOAuthCallback(`https://app.example/installed?code=${code}&instanceId=${instance}`);
  assert.equal(tokens.instanceId, instance);
  assert.match(tokens.accessToken, TOKEN);
  assert.match(tokens.refreshToken, /\S/);
  const created = await client.consents.createMarketingConsent(consent());
  assert.deepEqual(await appClient(instance).consents.getMarketingConsent(created._id), created);
});

test('an installation code nobody gave out is not exchanged', async () => {
  const url = `https://app.example/installed?code=made-up&instanceId=${randomUUID()}`;
  await assert.rejects(
    AppStrategy({ ...APP }).handleOAuthCallback(url), /status code from Wix OAuth API: 400, request id: (?!null)\S+/,
  );
});

test('an unknown refresh token of an app gives no token', async () => {
  const client = clientWith(AppStrategy({ ...APP, refreshToken: 'nobody gave this out' }));
  await assert.rejects(client.auth.getAuthHeaders(), /Failed to exchange refresh token for access token.*: 40[01]/);
});

test('a refresh token of the older kind with a wrong secret gives no token', async () => {
  const { refresh_token: refreshToken } = await tokensFor('APP', { instance: randomUUID() });
  const client = clientWith(AppStrategy({ ...APP, appSecret: 'guessed', refreshToken }));
  await assert.rejects(client.auth.getAuthHeaders(), /status code from Wix OAuth API: 401/);
});

test('an app with an access token has it exchanged for one of its own, once', async (t) => {
  const instance = randomUUID();
  const { access_token: accessToken } = await tokensFor('APP', { instance });
  const client = clientWith(AppStrategy({ ...APP, accessToken }));
  const requests = await tokenRequests(t, async () => {
    const created = await client.consents.createMarketingConsent(consent());
    assert.deepEqual(await client.consents.getMarketingConsent(created._id), created);
  });
  assert.deepEqual(requests.map(({ grant_type }) => grant_type), ['strip_bound_session']);
  assert.match(await bearer(client), TOKEN);
  assert.equal((await appClient(instance).consents.queryMarketingConsent().find()).length, 1);
});

test('an access token nobody issued is not exchanged', async () => {
  const client = clientWith(AppStrategy({ ...APP, accessToken: 'OauthNG.JWS.e30.e30.c2ln' }));
  await assert.rejects(client.auth.getAuthHeaders(), /Failed to get unbound token.*: 40[01]/);
});

test('an access token is not exchanged for a wrong secret', async () => {
  const { access_token: accessToken } = await tokensFor('APP', { instance: randomUUID() });
  const client = clientWith(AppStrategy({ ...APP, appSecret: 'guessed', accessToken }));
  await assert.rejects(client.auth.getAuthHeaders(), /status code from Wix OAuth API: 401/);
});

for (const identity of ['APP', 'WIX_USER']) {
  test(`an app elevates a token of its ${identity} to its own rights on the same site`, async () => {
    const instance = randomUUID();
    const { access_token: accessToken } = await tokensFor(identity, { instance });
    const elevated = clientWith(await AppStrategy({ ...APP, accessToken }).elevated());
    const created = await elevated.consents.createMarketingConsent(consent());
    assert.deepEqual(await appClient(instance).consents.getMarketingConsent(created._id), created);
    assert.equal((await tokenInfo(await bearer(elevated))).subjectType, 'APP');
  });
}

for (const identity of ['MEMBER', 'VISITOR']) {
  test(`an app does not elevate the token of a ${identity}, which came through another client`, async () => {
    const memberId = identity === 'MEMBER' ? randomUUID() : undefined;
    const { access_token: accessToken } = await tokensFor(identity, { memberId });
    await assert.rejects(AppStrategy({ ...APP, accessToken }).elevated(), /not issued for the app/);
  });
}

test('an app does not elevate a token nobody issued', async () => {
  await assert.rejects(AppStrategy({ ...APP, accessToken: 'OauthNG.JWS.e30.e30.c2ln' }).elevated(), /not issued for the app/);
});

// --- what a token says

test('token info tells whose an app token is', async () => {
  const instance = randomUUID();
  const { access_token } = await tokensFor('APP', { instance });
  const info = await tokenInfo(access_token);
  assert.equal(info.active, true);
  assert.equal(info.subjectType, 'APP');
  assert.equal(info.subjectId, APP.appId);
  assert.equal(info.clientId, APP.appId);
  assert.equal(info.instanceId, instance);
  assert.equal(Number(info.exp) - Number(info.iat), 14_400);
});

test('token info tells which member a token belongs to', async () => {
  const [instance, memberId] = [randomUUID(), randomUUID()];
  const info = await tokenInfo(await bearer(await memberClient({ instance, memberId })));
  assert.deepEqual([info.active, info.subjectType, info.subjectId, info.instanceId], [true, 'MEMBER', memberId, instance]);
});

test('token info tells visitors apart', async () => {
  const instance = randomUUID();
  const [one, other] = [
    await tokenInfo(await bearer(await visitorClient(instance))), await tokenInfo(await bearer(await visitorClient(instance))),
  ];
  assert.deepEqual([one.active, one.subjectType], [true, 'VISITOR']);
  assert.notEqual(one.subjectId, other.subjectId);
});

test('token info tells a Wix user', async () => {
  const { access_token } = await tokensFor('WIX_USER', { instance: randomUUID() });
  const info = await tokenInfo(access_token);
  assert.deepEqual([info.active, info.subjectType], [true, 'USER']);
});

test('token info says of an unknown token only that it is not active', async () => {
  const info = await tokenInfo('OauthNG.JWS.e30.e30.c2ln');
  assert.equal(info.active, false);
  assert.equal(info.subjectId ?? null, null);
});

test('an app strategy with an access token answers for that token', async () => {
  const instance = randomUUID();
  const { access_token: accessToken } = await tokensFor('APP', { instance });
  const info = await AppStrategy({ ...APP, accessToken }).getTokenInfo();
  assert.deepEqual([info.active, info.instanceId], [true, instance]);
});

// --- visitors

test('the default client ID stands for the default site', async () => {
  const client = clientWith(OAuthStrategy({ clientId: CLIENT_ID }));
  assert.equal((await tokenInfo(await bearer(client))).instanceId, DEFAULT_INSTANCE);
});

test('a visitor gets tokens of both kinds', async () => {
  const { accessToken, refreshToken } = await (await oauthStrategy()).generateVisitorTokens();
  assert.match(accessToken.value, TOKEN);
  assert.match(refreshToken.value, /\S/);
  assert.equal(refreshToken.role, 'visitor');
  assert.ok(Math.abs(accessToken.expiresAt - Date.now() / 1000 - 14_400) < 60);
});

test('an unknown client ID gives no token, and the SDK shows the answer', async () => {
  await assert.rejects(OAuthStrategy({ clientId: randomUUID() }).generateVisitorTokens(), (error) => {
    assert.match(error.message, /Failed to fetch tokens from OAuth API/);
    assert.match(error.message, /"error":"invalid_client"/);
    return true;
  });
});

test('a visitor stays the same visitor through several renewals', async () => {
  const client = await visitorClient();
  const entity = await client.socialMedia.createFollowedChannel({ channel: 'X' });
  for (let renewal = 0; renewal < 3; renewal += 1) {
    const { accessToken, refreshToken } = client.auth.getTokens();
    client.auth.setTokens({ accessToken: { ...accessToken, expiresAt: 1 }, refreshToken });
    assert.deepEqual(await followed(client), [entity]);
    assert.ok(client.auth.getTokens().accessToken.expiresAt > Date.now() / 1000, 'the token was renewed');
  }
});

// --- members

test('a member logs in with PKCE', async () => {
  const memberId = randomUUID();
  const client = await memberClient({ memberId });
  const { accessToken, refreshToken } = client.auth.getTokens();
  assert.match(accessToken.value, TOKEN);
  assert.equal(refreshToken.role, 'member');
  assert.equal(client.auth.loggedIn(), true);
  assert.equal((await tokenInfo(accessToken.value)).subjectId, memberId);
  assert.deepEqual(await followed(client), []);
});

// The SDK keeps the first refresh token and sends it again each time, so that one has to stay good.
test('a member stays the same member through several renewals with one refresh token', async () => {
  const client = await memberClient();
  const entity = await client.socialMedia.createFollowedChannel({ channel: 'FACEBOOK' });
  const { refreshToken } = client.auth.getTokens();
  for (let renewal = 0; renewal < 4; renewal += 1) {
    client.auth.setTokens({ accessToken: { value: 'spent', expiresAt: 1 }, refreshToken });
    assert.deepEqual(await followed(client), [entity]);
    assert.equal(client.auth.getTokens().refreshToken.value, refreshToken.value);
    assert.equal(client.auth.loggedIn(), true);
  }
});

test('a login code works once', async () => {
  const instance = randomUUID();
  const auth = await oauthStrategy(instance);
  const login = auth.generateOAuthData('https://shop.example/callback');
  const code = await loginCode(login, { instance });
  await auth.getMemberTokens(code, login.state, login);
  await assert.rejects(auth.getMemberTokens(code, login.state, login), /"error":"invalid_grant"/);
});

test('a login code is good only with the verifier it was asked for', async () => {
  const instance = randomUUID();
  const auth = await oauthStrategy(instance);
  const login = auth.generateOAuthData('https://shop.example/callback');
  const code = await loginCode(login, { instance });
  const stolen = { ...login, codeVerifier: auth.generateOAuthData('').codeVerifier };
  await assert.rejects(auth.getMemberTokens(code, login.state, stolen), /"error":"invalid_grant"/);
});

test('a login code is good only for the address it was asked for', async () => {
  const instance = randomUUID();
  const auth = await oauthStrategy(instance);
  const login = auth.generateOAuthData('https://shop.example/callback');
  const code = await loginCode(login, { instance });
  const elsewhere = { ...login, redirectUri: 'https://evil.example/callback' };
  await assert.rejects(auth.getMemberTokens(code, login.state, elsewhere), /"error":"invalid_grant"/);
});

test('an unknown login code gives no token', async () => {
  const auth = await oauthStrategy();
  const login = auth.generateOAuthData('https://shop.example/callback');
  await assert.rejects(auth.getMemberTokens('made up', login.state, login), /"error":"invalid_grant"/);
});

test('a login code of another site gives no token', async () => {
  const auth = await oauthStrategy();
  const login = auth.generateOAuthData('https://shop.example/callback');
  const code = await loginCode(login, { instance: randomUUID() });
  await assert.rejects(auth.getMemberTokens(code, login.state, login), /"error":"invalid_grant"/);
});

test('a member can be vouched for with an API key', async () => {
  const member = { instance: randomUUID(), memberId: randomUUID() };
  const client = await visitorClient(member.instance);
  await client.auth.getAuthHeaders();
  client.auth.setTokens(await client.auth.getMemberTokensForExternalLogin(member.memberId, API_KEY));
  assert.equal((await tokenInfo(await bearer(client))).subjectId, member.memberId);
  const entity = await client.socialMedia.createFollowedChannel({ channel: 'TIKTOK' });
  assert.deepEqual(await followed(await memberClient(member)), [entity]);
});

test('a wrong API key vouches for nobody', async () => {
  const client = await visitorClient();
  await client.auth.getAuthHeaders();
  await assert.rejects(
    client.auth.getMemberTokensForExternalLogin(randomUUID(), 'IST.guessed'), /"error":"invalid_(client|grant)"/,
  );
});

// The SDK does not give up on a refresh token that no longer works: it goes on as a new visitor.
test('a member whose refresh token is unknown goes on as a visitor', async () => {
  const client = await memberClient();
  await client.socialMedia.createFollowedChannel({ channel: 'X' });
  const { refreshToken } = client.auth.getTokens();
  client.auth.setTokens({ accessToken: { value: '', expiresAt: 0 }, refreshToken: { ...refreshToken, value: 'lost' } });
  assert.deepEqual(await followed(client), []);
  assert.equal(client.auth.loggedIn(), false);
  assert.equal(client.auth.getTokens().refreshToken.role, 'visitor');
});

// --- API keys

test('an API key reads and writes the site it names', async () => {
  const site = randomUUID();
  const created = await apiKeyClient(site).consents.createMarketingConsent(consent());
  assert.deepEqual(await appClient(site).consents.getMarketingConsent(created._id), created);
});

test('an API key can change over to another site', async () => {
  const client = apiKeyClient();
  await client.consents.createMarketingConsent(consent());
  client.auth.setSiteId(randomUUID());
  assert.equal((await client.consents.queryMarketingConsent().find()).length, 0);
});

test('an unknown API key is not let in', async () => {
  await refusedWith(apiKeyClient(randomUUID(), 'IST.guessed').consents.queryMarketingConsent().find(), UNAUTHENTICATED);
});

test('an API key that names no site is refused, naming the header it needs', async () => {
  await refusedWith(apiKeyClient('').consents.queryMarketingConsent().find(), { ...UNAUTHENTICATED, text: /wix-site-id/ });
});

// --- tokens of any kind

for (const [name, token] of [
  ['no token', ''],
  ['a token nobody issued', 'OauthNG.JWS.e30.e30.c2ln'],
  ['something that is no token', 'hello'],
]) {
  test(`${name} is not let in`, async () => {
    await refusedWith(tokenClient(token).consents.queryMarketingConsent().find(), UNAUTHENTICATED);
    await refusedWith(tokenClient(token).socialMedia.listFollowedChannels(), UNAUTHENTICATED);
  });
}

test('a token with its last character changed is not let in', async () => {
  const { access_token: token } = await tokensFor('APP', { instance: randomUUID() });
  // Not the very last one: its low bits are padding, so another letter there may mean the same bytes.
  const tampered = token.slice(0, -3) + (token.at(-3) === 'A' ? 'B' : 'A') + token.slice(-2);
  await refusedWith(tokenClient(tampered).consents.queryMarketingConsent().find(), UNAUTHENTICATED);
});

// These wait for the clock, so they wait together.
describe('expiry', { concurrency: true }, () => {
  for (const identity of ['APP', 'WIX_USER', 'MEMBER', 'VISITOR']) {
    test(`a token of a ${identity} lets in until it expires, and no longer`, async () => {
      const memberId = identity === 'MEMBER' ? randomUUID() : undefined;
      const tokens = await tokensFor(identity, { instance: randomUUID(), memberId, expiresIn: 3 });
      assert.equal(tokens.expires_in, 3);
      const token = tokens.access_token;
      const client = tokenClient(token);
      const call = identity === 'APP' || identity === 'WIX_USER'
        ? () => client.consents.queryMarketingConsent().find()
        : () => client.socialMedia.listFollowedChannels();
      await call();
      await new Promise((resolve) => setTimeout(resolve, 4200));
      await refusedWith(call(), UNAUTHENTICATED);
      assert.equal((await tokenInfo(token)).active, false);
    });
  }
});

for (const [name, connect] of [
  ['an app', () => appClient()],
  ['a Wix user with an API key', () => apiKeyClient()],
  ['a Wix user with a token', () => identityClient('WIX_USER', { instance: randomUUID() })],
]) {
  test(`${name} may do all that can be done with consents`, async () => {
    const { consents } = await connect();
    const { _id } = await consents.createMarketingConsent(consent());
    assert.equal((await consents.getMarketingConsent(_id)).state, 'CONFIRMED');
    const found = await consents.getMarketingConsentByIdentifier('EMAIL', { email: 'ada@example.com' });
    assert.equal(found.marketingConsent._id, _id);
    const updated = await consents.updateMarketingConsent(_id, { marketingConsent: consent({ state: 'PENDING' }) });
    assert.equal(updated.state, 'PENDING');
    assert.equal((await consents.upsertMarketingConsent(consent())).marketingConsent.revision, '3');
    assert.equal((await consents.bulkUpsertMarketingConsent([consent()])).metadata.totalSuccess, 1);
    const { marketingConsent } = await consents.removeMarketingConsent(
      { ...IDENTIFIERS.EMAIL }, { lastRevokeActivity: revocation() },
    );
    assert.equal(marketingConsent.state, 'REVOKED');
    assert.deepEqual((await consents.queryMarketingConsent().find()).items, [marketingConsent]);
    assert.equal(await consents.deleteMarketingConsent(_id), undefined);
  });
}

test('a token works with the word Bearer in front of it too', async () => {
  const { access_token: token } = await tokensFor('APP', { instance: randomUUID() });
  assert.equal((await tokenClient(`Bearer ${token}`).consents.queryMarketingConsent().find()).length, 0);
});
