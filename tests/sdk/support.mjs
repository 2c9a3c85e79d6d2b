// What every test of this folder shares: clients, a tenant of its own for each test, the control API, refusals.
//
// The SDK is used as an application uses it, from its published entry points, unmodified. The control API is
// called with plain fetch; the preload leaves that address alone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as socialMedia from '@wix/auto_sdk_loyalty_social-media';
import { marketingConsent as consents } from '@wix/marketing';
import { ApiKeyStrategy, AppStrategy, OAuthStrategy, createClient } from '@wix/sdk';

export const MOCK = process.env.WIXTURE_URL ?? 'http://127.0.0.1:8787';

// The server's defaults, as it prints them when it starts.
export const APP = { appId: 'a0000000-0000-4000-8000-000000000001', appSecret: 'wixture-app-secret' };
export const CLIENT_ID = 'c0000000-0000-4000-8000-000000000001';
export const API_KEY = 'IST.wixture-api-key';
export const DEFAULT_INSTANCE = 'b0000000-0000-4000-8000-000000000001';

export const STATES = ['NEVER_CONFIRMED', 'REVOKED', 'PENDING', 'CONFIRMED', 'UNKNOWN_STATE'];
export const CHANNELS = ['FACEBOOK', 'INSTAGRAM', 'LINKEDIN', 'X', 'TIKTOK'];
export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const UTC_TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

// One identifier of each type, for tests that run for both.
export const IDENTIFIERS = {
  EMAIL: { type: 'EMAIL', email: 'ada@example.com' },
  PHONE: { type: 'PHONE', phone: '+19172222222' },
};

const MODULES = { consents, socialMedia };

export const clientWith = (auth, options = {}) => createClient({ modules: MODULES, auth, ...options });

export const appClient = (instanceId = randomUUID(), options = {}) =>
  clientWith(AppStrategy({ ...APP, instanceId }), options);

export const apiKeyClient = (siteId = randomUUID(), apiKey = API_KEY) =>
  clientWith(ApiKeyStrategy({ apiKey, siteId }));

// A visitor of a site: the client ID names the site. Every anonymous login is another visitor.
export async function oauthStrategy(instance = randomUUID()) {
  const { clientId } = await control('GET', '/tenant', { instance });
  return OAuthStrategy({ clientId });
}

export const visitorClient = async (instance) => clientWith(await oauthStrategy(instance));

// An auth object of one's own: whatever token is given goes out on every call, and no token is ever asked for.
export const tokenClient = (token, options = {}) =>
  clientWith({ getAuthHeaders: async () => ({ headers: { Authorization: token } }) }, options);

export async function control(method, path, { instance, body, base = MOCK } = {}) {
  const url = new URL(`${base}/_mock${path}`);
  if (instance) url.searchParams.set('instance', instance);
  const init = { method };
  if (body !== undefined) Object.assign(init, { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  const response = await fetch(url, init);
  const text = await response.text();
  assert.ok(response.ok, `${method} ${url} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

export const tokensFor = (identity, { instance, base, ...more } = {}) =>
  control('POST', '/tokens', { instance, base, body: { identity, ...more } });

export async function identityClient(identity, { instance, ...more } = {}) {
  const tokens = await tokensFor(identity, { instance, ...more });
  return tokenClient(tokens.access_token);
}

// A login code as the site's login page would give it out; that page is all the control API stands in for.
export async function loginCode(login, { instance, memberId = randomUUID() }) {
  const { codeChallenge, redirectUri } = login;
  const { code } = await control('POST', '/codes', {
    instance, body: { memberId, codeChallenge, codeChallengeMethod: 'S256', redirectUri },
  });
  return code;
}

export async function memberClient({ instance = randomUUID(), memberId = randomUUID() } = {}) {
  const client = await visitorClient(instance);
  const login = client.auth.generateOAuthData('https://shop.example/callback');
  const code = await loginCode(login, { instance, memberId });
  client.auth.setTokens(await client.auth.getMemberTokens(code, login.state, login));
  return client;
}

// The SDK asks about a token through an app strategy that was given it.
export const tokenInfo = (accessToken) => AppStrategy({ ...APP, accessToken }).getTokenInfo();

export const confirmation = (more = {}) =>
  ({ source: 'FORM', description: 'Newsletter form.', optInLevel: 'SINGLE_CONFIRMATION', ...more });

export const revocation = (more = {}) => ({ source: 'IN_PERSON', description: 'Asked at the desk.', ...more });

// A consent with the activity its state needs. Always a fresh object: the SDK renames keys in what it is given.
export function consent({ state = 'CONFIRMED', ...more } = {}) {
  const activity = {
    PENDING: { lastConfirmationActivity: confirmation({ optInLevel: 'DOUBLE_CONFIRMATION' }) },
    CONFIRMED: { lastConfirmationActivity: confirmation() },
    REVOKED: { lastRevokeActivity: revocation() },
  };
  return { details: { ...IDENTIFIERS.EMAIL }, state, ...activity[state], ...more };
}

export const emailConsent = (email, more = {}) => consent({ details: { type: 'EMAIL', email }, ...more });

// Every page of a query, first to last. A cursor on the last page would lead on for ever, hence the limit.
export async function pagesOf(query) {
  const pages = [await query.find()];
  while (pages.at(-1).hasNext()) {
    assert.ok(pages.length < 100, 'a query without a last page');
    pages.push(await pages.at(-1).next());
  }
  return pages;
}

export async function refusal(promise) {
  const [outcome] = await Promise.allSettled([promise]);
  assert.equal(outcome.status, 'rejected', `expected a refusal, got ${JSON.stringify(outcome.value)}`);
  return outcome.reason;
}

// An application error as the SDK reads it: status, code, text, and the request's ID to report it by.
export async function refusedWith(promise, { status, code, text }) {
  const error = await refusal(promise);
  assert.equal(error.status, status, error.message);
  assert.equal(error.details.applicationError?.code, code, error.message);
  assert.match(error.message, text);
  assert.match(error.requestId, /\S/, 'an error without a request ID');
  assert.equal(error.details.requestId, error.requestId);
  return error;
}

// A validation error as the SDK reads it: 400 with exactly these fields, named as the SDK's arguments.
export async function invalid(promise, ...fields) {
  const error = await refusal(promise);
  assert.equal(error.status, 400, error.message);
  const violations = error.details.validationError?.fieldViolations;
  assert.deepEqual(violations?.map(({ field }) => field), fields, error.message);
  for (const violation of violations) assert.match(violation.description, /\S/, `${violation.field}: no description`);
  const { message } = JSON.parse(error.message);
  for (const field of fields) assert.ok(message.includes(`"${field}" `), message);
  assert.match(message, /^INVALID_ARGUMENT: /);
  assert.match(error.requestId, /\S/, 'an error without a request ID');
  return violations;
}
