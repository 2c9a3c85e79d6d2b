// Webhooks: events of real flows, over real HTTP, through the SDK's own `webhooks.process`. [wix-facts 5.1 to 5.5]
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import * as socialMedia from '@wix/auto_sdk_loyalty_social-media';
import { marketingConsent as consents } from '@wix/marketing';
import { AppStrategy, createClient } from '@wix/sdk';
import { APP, MOCK, appClient, apiKeyClient, consent, control, memberClient, revocation } from './support.mjs';

const publicKey = await (await fetch(`${MOCK}/_mock/webhooks/public-key.pem`)).text();

// A receiver as an app has it: every body goes to `process`, and what that throws is answered 500.
async function receiver(process) {
  const bodies = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push({ body, contentType: request.headers['content-type'] });
    try {
      await process(body);
      response.writeHead(200).end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  return { bodies, url: `http://127.0.0.1:${server.address().port}/webhooks` };
}

function verifying(key = publicKey) {
  const client = createClient({
    auth: AppStrategy({ ...APP, publicKey: key }),
    modules: { consents, socialMedia },
  });
  const handled = [];
  const on = (name, subscribe) => subscribe((event) => { handled.push({ name, ...event }); });
  on('created', client.consents.onMarketingConsentCreated);
  on('updated', client.consents.onMarketingConsentUpdated);
  on('deleted', client.consents.onMarketingConsentDeleted);
  on('followed', client.socialMedia.onFollowedChannelCreated);
  return { handled, process: (body) => client.webhooks.process(body) };
}

async function subscribed(instance, process) {
  const inbox = await receiver(process);
  await control('POST', '/webhooks/subscriptions', { instance, body: { eventType: '*', url: inbox.url } });
  return inbox;
}

const deliveries = async (instance) => (await control('GET', '/webhooks/deliveries', { instance })).deliveries;

async function until(holds, what) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const found = await holds();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw assert.fail(`it does not come about: ${what}`);
}

const attempted = (instance, count) => until(async () => {
  const found = await deliveries(instance);
  return found.length === count && found.every(({ attempts }) => attempts.length > 0) && found;
}, `${count} attempted deliveries`);

for (const [spelling, key] of [['PEM', publicKey], ['base64 of the PEM', Buffer.from(publicKey).toString('base64')]]) {
  test(`all four events of real flows reach the SDK's handlers, with the key as ${spelling}`, async () => {
    const instance = randomUUID();
    const sdk = verifying(key);
    const inbox = await subscribed(instance, sdk.process);
    const app = appClient(instance);
    const made = await app.consents.createMarketingConsent(consent());
    const removed = await app.consents.removeMarketingConsent({ ...made.details }, { lastRevokeActivity: revocation() });
    await app.consents.deleteMarketingConsent(made._id);
    const memberId = randomUUID();
    const member = await memberClient({ instance, memberId });
    const followed = await member.socialMedia.createFollowedChannel({ channel: 'TIKTOK' });
    const shown = await attempted(instance, 4);

    assert.deepEqual(shown.map(({ status }) => status), Array(4).fill('received'), JSON.stringify(shown));
    assert.deepEqual(inbox.bodies.map(({ contentType }) => contentType), Array(4).fill('text/plain'));
    assert.deepEqual(sdk.handled.map(({ name }) => name), ['created', 'updated', 'deleted', 'followed']);
    const [created, updated, deleted, channel] = sdk.handled;
    assert.equal(created.entity._id, made._id);
    assert.equal(created.entity.state, 'CONFIRMED');
    assert.deepEqual(created.entity.details, made.details);
    assert.ok(created.entity._createdDate instanceof Date);
    assert.equal(updated.entity.state, 'REVOKED');
    assert.equal(updated.entity.revision, removed.marketingConsent?.revision ?? '2');
    assert.equal(deleted.entity, undefined);
    assert.equal(channel.entity.channel, 'TIKTOK');
    assert.equal(channel.entity._id, (followed.followedChannel ?? followed)._id);
    for (const { metadata, name } of sdk.handled) {
      assert.equal(metadata.instanceId, instance);
      assert.equal(metadata.entityId, name === 'followed' ? channel.entity._id : made._id);
      assert.ok(metadata.eventTime instanceof Date);
      assert.equal(metadata.triggeredByAnonymizeRequest, false);
      assert.equal(metadata.identity.identityType, name === 'followed' ? 'MEMBER' : 'APP');
    }
    assert.deepEqual(created.metadata.identity, { identityType: 'APP', appId: APP.appId });
    assert.equal(channel.metadata.identity.memberId, memberId);
    assert.deepEqual(sdk.handled.slice(0, 3).map(({ metadata }) => metadata.entityEventSequence), ['1', '2', '3']);
    assert.equal(new Set(sdk.handled.map(({ metadata }) => metadata._id)).size, 4);
  });
}

test('an erasure tells the handler that a privacy law was the reason', async () => {
  const instance = randomUUID();
  const sdk = verifying();
  await subscribed(instance, sdk.process);
  await appClient(instance).consents.createMarketingConsent(consent());
  await control('POST', '/anonymize', { instance, body: { email: 'ada@example.com' } });
  await attempted(instance, 2);
  const { metadata } = sdk.handled.find(({ name }) => name === 'deleted');
  assert.equal(metadata.triggeredByAnonymizeRequest, true);
});

test('the event of a Wix user names the user', async () => {
  const instance = randomUUID();
  const sdk = verifying();
  await subscribed(instance, sdk.process);
  await apiKeyClient(instance).consents.createMarketingConsent(consent());
  await attempted(instance, 1);
  assert.equal(sdk.handled[0].metadata.identity.identityType, 'WIX_USER');
  assert.match(sdk.handled[0].metadata.identity.wixUserId, /^[0-9a-f-]{36}$/);
});

test('an event that nobody listens to is refused by the SDK, and so the delivery is tried again', async () => {
  const instance = randomUUID();
  const client = createClient({ auth: AppStrategy({ ...APP, publicKey }), modules: { consents } });
  client.consents.onMarketingConsentDeleted(() => {});
  await subscribed(instance, (body) => client.webhooks.process(body));
  await appClient(instance).consents.createMarketingConsent(consent());
  const [delivery] = await attempted(instance, 1);
  assert.deepEqual([delivery.status, delivery.attempts[0].status, delivery.attempts[0].reason], ['pending', 500, 'status']);
});

// `wrong_instance` is not in this list: its signature is right, see below.
for (const kind of ['signature', 'payload', 'alg_none', 'hs256', 'expired', 'wrong_key', 'object_envelope']) {
  test(`the SDK refuses the forgery ${kind}, and takes the next event`, async () => {
    const instance = randomUUID();
    const sdk = verifying();
    await subscribed(instance, sdk.process);
    const plan = { on: { event: '*', nth: 1 }, do: { tamper: kind } };
    const { id } = await control('POST', '/faults', { instance, body: plan });
    const { consents: api } = appClient(instance);
    await api.createMarketingConsent(consent());
    await attempted(instance, 1);
    await api.createMarketingConsent(consent({ details: { type: 'PHONE', phone: '+19172222222' } }));
    const [forged, genuine] = await attempted(instance, 2);
    assert.deepEqual([forged.status, forged.attempts[0].status, forged.faultId], ['pending', 500, id]);
    assert.deepEqual([genuine.status, genuine.faultId], ['received', null]);
    assert.deepEqual(sdk.handled.map(({ entity }) => entity.details.type), ['PHONE']);
  });
}

test('the SDK takes a well-signed event of another site: the app must check instanceId itself', async () => {
  const instance = randomUUID();
  const sdk = verifying();
  await subscribed(instance, sdk.process);
  await control('POST', '/faults', { instance, body: { on: { event: '*' }, do: { tamper: 'wrong_instance' } } });
  await appClient(instance).consents.createMarketingConsent(consent());
  const [delivery] = await attempted(instance, 1);
  assert.equal(delivery.status, 'received');
  const [{ metadata }] = sdk.handled;
  assert.notEqual(metadata.instanceId, instance);
});

test('a client without handlers takes a genuine token and refuses one with another signature', async () => {
  const client = createClient({ auth: AppStrategy({ ...APP, publicKey }), modules: { consents } });
  const instance = randomUUID();
  const inbox = await subscribed(instance, async () => {});
  await control('POST', '/webhooks/trigger', { instance, body: { eventType: 'marketing_consent_created' } });
  const [{ body }] = await until(() => inbox.bodies.length && inbox.bodies, 'a webhook');
  assert.ok(await client.webhooks.process(body));
  const [head, claims] = body.split('.');
  await assert.rejects(client.webhooks.process(`${head}.${claims}.${Buffer.from('none').toString('base64url')}`));
});
